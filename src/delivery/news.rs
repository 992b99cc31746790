//! What this room tells the room above, inside the transaction that learns of it.

use crate::ids::{OrderId, ShipmentId};

/// What became of a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Every parcel is booked, and labelled where the courier gives labels. Told again, with another number, when a correction made new bookings necessary.
    Booked {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
        /// The number of the first parcel.
        tracking_number: String,
    },
    /// The courier has it. Told once.
    HandedOver {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// A parcel could not be handed to its recipient, and will be tried again or come back.
    AttemptFailed {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// A parcel waits for its recipient in a shop or locker.
    AtPickupPoint {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// Every parcel was delivered. Told once, even when the courier takes it back and says it again.
    Delivered {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// Every parcel has arrived, and some came back to the store. Told once.
    Returned {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
        /// Whether all came back.
        is_whole: bool,
    },
    /// Goods will come back: the shopper has a label for each parcel. Told again when a booking was made anew.
    ReturnBooked {
        /// The return.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// Every parcel of a return was delivered to the store. Told once; a person looks at the goods before anything is given
    /// back.
    ReturnArrived {
        /// The return.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
    },
    /// Every parcel's travel has ended, and the courier lost some. Told once; a person decides what is given back, for a
    /// lost parcel may still be found.
    Failed {
        /// Which.
        shipment: ShipmentId,
        /// Of which order.
        order: OrderId,
        /// What happened, for staff.
        reason: String,
        /// Whether all are lost.
        is_whole: bool,
    },
}

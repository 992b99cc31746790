//! What happens to a parcel.

use chrono::{DateTime, FixedOffset};

/// A parcel's travel as the courier tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Oldest first. The whole travel, each time: events are told apart by their `dedupe_key`, and the newest telling of
    /// an event counts, for it may since have been taken back or turned out to be part of a return.
    pub events: Vec<TrackingEvent>,
}

/// One thing that happened to a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingEvent {
    /// The same event has the same key in every answer.
    pub dedupe_key: String,
    /// With the offset of the place, where the courier tells it.
    pub occurred_at: DateTime<FixedOffset>,
    /// The courier's own code.
    pub raw_code: String,
    /// What it means; `None` when the code is new to us and says nothing about the state.
    pub status: Option<ParcelStatus>,
    /// Where, in the courier's words.
    pub place: Option<String>,
    /// In the courier's words.
    pub description: Option<String>,
    /// The courier took the event back: it never happened.
    pub is_retracted: bool,
}

crate::text_enum! {
    /// How far a parcel has come. The first seven follow each other on a smooth travel.
    pub enum ParcelStatus {
        /// Booked; the courier has not seen it.
        Announced = "announced",
        /// The courier has it.
        PickedUp = "picked_up",
        /// On its way.
        InTransit = "in_transit",
        /// In the van.
        OutForDelivery = "out_for_delivery",
        /// Nobody there, wrong address, failed age check.
        FailedAttempt = "failed_attempt",
        /// Waits in a shop or locker.
        AtPickupPoint = "at_pickup_point",
        /// With the recipient or a neighbour.
        Delivered = "delivered",
        /// On its way back to the store.
        Returning = "returning",
        /// Back at the store.
        Returned = "returned",
        /// Nobody knows where it is.
        Lost = "lost",
        /// Damaged, misrouted, not collected: a person looks.
        Exception = "exception",
        /// Taken back before hand-over.
        Cancelled = "cancelled",
    }
}

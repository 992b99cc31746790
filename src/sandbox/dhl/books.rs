//! The sandbox's own books: what was booked, so that a test can prove "exactly one parcel".

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    events::{Event, Stage},
    pickups::Pickup,
    push::Pushes,
    state::{Shipment, State},
};

#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// The sandbox's own clock.
    pub now: DateTime<Utc>,
    /// In the order of booking.
    pub shipments: Vec<BookedShipment>,
    /// Drivers that were ordered, in that order.
    pub pickups: Vec<Pickup>,
    /// Calls by operation, answered or not.
    pub calls: BTreeMap<String, u64>,
    /// Subscriptions and the messages that they led to.
    pub pushes: Pushes,
}

#[derive(Clone, Debug, Serialize)]
pub struct BookedShipment {
    pub number: String,
    pub reference: Option<String>,
    pub product: String,
    pub billing_number: String,
    /// Goods that come back.
    pub is_return: bool,
    pub shipper_postal_code: String,
    pub consignee_name: String,
    pub consignee_postal_code: String,
    pub consignee_city: String,
    pub weight_grams: i64,
    pub services: Vec<String>,
    pub stage: Stage,
    /// Of the PDF label.
    pub label_sha256: String,
    /// Where the sandbox serves the PDF label.
    pub label_path: String,
    pub booked_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    /// Oldest first.
    pub events: Vec<Event>,
}

impl Books {
    pub fn of(state: &State, now: DateTime<Utc>) -> Self {
        let shipments = state.shipments.values().map(BookedShipment::of).collect();
        Self {
            now,
            shipments,
            pickups: state.pickups.clone(),
            calls: state.calls.clone(),
            pushes: state.pushes.clone(),
        }
    }

    /// The shipments that were not cancelled and bear this reference.
    pub fn live_with_reference(&self, reference: &str) -> Vec<&BookedShipment> {
        self.shipments
            .iter()
            .filter(|shipment| {
                shipment.cancelled_at.is_none() && shipment.reference.as_deref() == Some(reference)
            })
            .collect()
    }
}

impl BookedShipment {
    fn of(shipment: &Shipment) -> Self {
        let order = &shipment.order;
        Self {
            number: shipment.number.clone(),
            reference: order.reference.clone(),
            product: order.product.clone(),
            billing_number: order.billing_number.clone(),
            is_return: order.is_return(),
            shipper_postal_code: order.shipper.postal_code.clone(),
            consignee_name: order.consignee.names.first().cloned().unwrap_or_default(),
            consignee_postal_code: order.consignee.postal_code.clone(),
            consignee_city: order.consignee.city.clone(),
            weight_grams: order.weight_grams,
            services: order.services.clone(),
            stage: shipment.stage(),
            label_sha256: shipment.label_sha256.clone(),
            label_path: format!("/parcel/de/shipping/v2/labels?token=p{}", shipment.label_token),
            booked_at: shipment.booked_at,
            cancelled_at: shipment.cancelled_at,
            closed_at: shipment.closed_at,
            events: shipment.events.clone(),
        }
    }
}

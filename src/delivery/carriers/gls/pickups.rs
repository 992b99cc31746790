//! Orders of a driver: GLS's sporadic collection.
//!
//! GLS names no order and knows no way to ask for one or take it back. The driver comes to the address of the contact; where
//! several stores share one, what is said beside the order names the store.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::GlsSettings;
use super::wire::{INACTIVE, clean, kilograms, parsed, said};
use crate::delivery::carrier::{
    PickupConfirmation, PickupOutcome, PickupRequest, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::street_line;
use crate::delivery::carriers::call::Reply;

/// What fits into the words beside an order.
const WORDS_LENGTH_MAX: usize = 80;

/// The order.
pub fn order(request: &PickupRequest, settings: &GlsSettings) -> Value {
    let mut order = json!({
        "ContactID": request.shipper.as_ref().unwrap_or(&settings.contact_id),
        "PreferredPickUpDate": format!("{}T00:00:00Z", request.day),
        "NumberOfParcels": request.parcels.max(1),
        "Product": "PARCEL",
        "ExpectedTotalWeight": kilograms(request.weight_grams),
    });
    let place = &request.place;
    let words = format!("{} {} {} {}", place.name, street_line(place), place.postal_code, place.city);
    let words = clean(&words);
    // Half an address leads to the wrong door.
    if words.chars().count() <= WORDS_LENGTH_MAX {
        order["AdditionalInformation"] = json!(words);
    }
    order
}

/// Reads what became of an order.
pub fn outcome(reply: Reply) -> PickupOutcome {
    let rejected = |reason| PickupOutcome::Rejected(Rejection { reason, messages: vec![said(&reply)] });
    match reply.status {
        200..=299 => {
            let answer = parsed(&reply);
            let day = answer["EstimatedPickUpDate"].as_str().and_then(|text| text.get(..10));
            match day.and_then(|text| text.parse::<NaiveDate>().ok()) {
                Some(day) => PickupOutcome::Confirmed(PickupConfirmation { carrier_pickup_id: None, day }),
                None => PickupOutcome::Unknown { detail: "an answer without a day".to_owned() },
            }
        }
        400 if reply.header("error") == Some("ACCESS_TO_SHIPPER_DENIED") => {
            rejected(RejectionReason::Unauthorised)
        }
        400 => rejected(RejectionReason::Data),
        403 => rejected(RejectionReason::Unauthorised),
        INACTIVE => PickupOutcome::NotSent { detail: "GLS's backend is inactive".to_owned() },
        _ => reply.unread(),
    }
}

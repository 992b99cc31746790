//! Orders v2: the parcels of an order.
//!
//! Chosen by us, because no specification says: a parcel is named by its capture and its number; told again, it is answered
//! as it was with 200 and changed by nothing.

use serde_json::{Value, json};

use super::books::{CaptureStatus, Object, Order, Tracker};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::state::State;
use super::{ids, views};

const STATUSES: [&str; 23] = [
    "CANCELLED",
    "DELIVERED",
    "LOCAL_PICKUP",
    "ON_HOLD",
    "SHIPPED",
    "SHIPMENT_CREATED",
    "DROPPED_OFF",
    "IN_TRANSIT",
    "RETURNED",
    "LABEL_PRINTED",
    "ERROR",
    "UNCONFIRMED",
    "PICKUP_FAILED",
    "DELIVERY_DELAYED",
    "DELIVERY_SCHEDULED",
    "DELIVERY_FAILED",
    "INRETURN",
    "IN_PROCESS",
    "NEW",
    "VOID",
    "PROCESSED",
    "NOT_SHIPPED",
    "COMPLETED",
];

pub fn track(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    for name in ["capture_id", "transaction_id", "status"] {
        checks.require(&body, "", name);
    }
    for name in ["capture_id", "transaction_id"] {
        checks.pattern(&body, "", name, 1..=50, |character| character.is_ascii_alphanumeric());
    }
    checks.word(&body, "", "status", &STATUSES);
    let number = checks.text(&body, "", "tracking_number", 1..=64).unwrap_or_default();
    checks.pattern(&body, "", "carrier", 1..=64, |character| {
        character.is_ascii_digit() || character.is_ascii_uppercase() || character == '_'
    });
    checks.text(&body, "", "carrier_name_other", 1..=64);
    checks.flag(&body, "", "notify_payer");
    checks.finish()?;

    let order = state.books.orders.get(&call.id).ok_or_else(|| call.unknown_resource("id"))?;
    if order.units.len() > 1 {
        return Err(call.unprocessable("MSP_NOT_SUPPORTED"));
    }
    let capture_id = body["capture_id"].as_str().unwrap_or_default();
    let capture = state.books.captures.get(capture_id).filter(|capture| capture.order_id == call.id);
    let status = capture.map(|capture| capture.status);
    match status {
        None => return Err(call.unprocessable("CAPTURE_ID_NOT_FOUND")),
        Some(CaptureStatus::Pending | CaptureStatus::Declined) => {
            return Err(call.unprocessable("CAPTURE_STATUS_NOT_VALID"));
        }
        Some(CaptureStatus::Completed | CaptureStatus::PartiallyRefunded | CaptureStatus::Refunded) => {}
    }
    let is_this = |tracker: &Tracker| tracker.capture_id == capture_id && tracker.tracking_number == number;
    let is_known = order.trackers.iter().any(is_this);
    let tracker = Tracker {
        capture_id: capture_id.to_owned(),
        tracking_number: number.to_owned(),
        request: body.clone(),
        create_time: state.now(),
    };
    if let Some(order) = state.books.orders.get_mut(&call.id).filter(|_| !is_known) {
        order.trackers.push(tracker);
    }
    Ok(Answer::preferred(if is_known { 200 } else { 201 }, Object::Order(call.id.clone())))
}

/// As an order shows it.
pub fn view(state: &State, order: &Order, tracker: &Tracker) -> Value {
    let id = format!("{}-{}", tracker.capture_id, tracker.tracking_number);
    let own = format!("{}/v2/checkout/orders/{}/trackers/{id}", state.url, order.id);
    let time = ids::time(tracker.create_time);
    let up = format!("{}/v2/checkout/orders/{}", state.url, order.id);
    json!({
        "id": id,
        "status": tracker.request["status"],
        "links": [views::link(&up, "up", "GET"), views::link(&own, "update", "PATCH")],
        "create_time": time,
        "update_time": time,
    })
}

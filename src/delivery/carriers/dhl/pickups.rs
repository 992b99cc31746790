//! Orders of a driver: Parcel DE Pickup v3, with the same token as shipping.
//!
//! DHL keeps no duplicate check here either: an order that may have arrived is looked for in the list of its day, by our
//! reference, which stands at each of its parcels.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::DhlSettings;
use crate::delivery::carrier::{
    Address, CallError, CancelOutcome, FieldMessage, PickupConfirmation, PickupOutcome, PickupRequest,
    Reference, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::named;
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::rejections::{fitting, not_served};

/// Most parcels that an order names one by one; a driver who comes for more needs to be told nothing else.
const PARCELS_MAX: i64 = 50;
/// Most messages that are kept of one answer: a person reads them.
const MESSAGES_MAX: usize = 20;
/// The state of an order that was taken back.
const CANCELLED: &str = "STORNIERT";

/// The order, or why DHL can't take it.
pub fn order(request: &PickupRequest, settings: &DhlSettings) -> Result<Value, Rejection> {
    let parcel = json!({ "transportationType": "PAKET", "customerReference": request.reference.as_str() });
    let count = usize::try_from(request.parcels.clamp(1, PARCELS_MAX)).unwrap_or(1);
    let mut order = json!({
        "customerDetails": { "billingNumber": settings.billing_number },
        "pickupLocation": { "type": "Address", "pickupAddress": address(&request.place)? },
        "businessHours": [{
            "timeFrom": request.from.format("%H:%M").to_string(),
            "timeUntil": request.until.format("%H:%M").to_string(),
        }],
        "pickupDetails": {
            "pickupDate": { "type": "Date", "value": request.day.to_string() },
            "totalWeight": { "uom": "g", "value": request.weight_grams },
        },
        "shipmentDetails": { "shipments": vec![parcel; count] },
    });
    if let Some(phone) = named(request.place.phone.as_deref()) {
        order["contactPerson"] =
            json!([{ "name": request.place.name, "phone": fitting("phone", phone, 50)? }]);
    }
    Ok(order)
}

fn address(place: &Address) -> Result<Value, Rejection> {
    if place.country != "DE" {
        return Err(not_served("place.country", "DHL Parcel DE collects in Germany only"));
    }
    // The number is mandatory here; a place without one has it in its street.
    let number = named(place.house_number.as_deref()).unwrap_or("-");
    let mut out = json!({
        "name1": fitting("place.name", &place.name, 50)?,
        "addressStreet": fitting("place.street", &place.street, 70)?,
        "addressHouse": fitting("place.house_number", number, 10)?,
        "postalCode": fitting("place.postal_code", &place.postal_code, 7)?,
        "city": fitting("place.city", &place.city, 35)?,
        "country": place.country,
    });
    if let Some(line) = named(place.line_2.as_deref()) {
        out["name2"] = json!(fitting("place.line_2", line, 50)?);
    }
    Ok(out)
}

/// Reads what became of an order.
pub fn outcome(reply: Reply) -> PickupOutcome {
    let rejected = |reason, messages| PickupOutcome::Rejected(Rejection { reason, messages });
    match reply.status {
        200..=299 => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            let value = &body["confirmation"]["value"];
            match (value["orderID"].as_str(), day_of(&value["pickupDate"])) {
                (Some(id), Some(day)) => PickupOutcome::Confirmed(PickupConfirmation {
                    carrier_pickup_id: Some(id.to_owned()),
                    day,
                }),
                _ => PickupOutcome::Unknown { detail: "an answer without an order".to_owned() },
            }
        }
        400 | 422 => rejected(RejectionReason::Data, messages(&reply)),
        403 => rejected(RejectionReason::Unauthorised, messages(&reply)),
        // Said of this call in the specification: the quota is used up, nothing was worked on.
        429 => PickupOutcome::NotSent { detail: "DHL asks to slow down".to_owned() },
        _ => reply.unread(),
    }
}

/// The order that bears our reference in the list of a day; one that was taken back is none.
pub fn found(reply: Reply, reference: &Reference) -> Result<Option<PickupConfirmation>, CallError> {
    let reply = reply.expect_success()?;
    let orders: Vec<Value> = reply.json()?;
    let bears = |order: &&Value| {
        let shipments = order["shipmentDetails"]["shipments"].as_array().into_iter().flatten();
        let mut names = shipments.map(|each| &each["shipment"]["customerReference"]);
        names.any(|name| name == reference.as_str()) && order["orderDetails"]["orderState"] != CANCELLED
    };
    let order = orders.iter().find(bears);
    Ok(order.and_then(|order| {
        Some(PickupConfirmation {
            carrier_pickup_id: Some(order["orderDetails"]["orderID"].as_str()?.to_owned()),
            day: day_of(&order["pickupDetails"]["pickupDate"]["value"])?,
        })
    }))
}

/// An order that is taken back already is a failure to DHL, and done for whoever asks again.
pub fn cancel_outcome(reply: Reply, is_repeat: bool) -> Result<CancelOutcome, CallError> {
    if matches!(reply.status, 400 | 404) {
        return Ok(CancelOutcome::Refused { detail: format!("status {}", reply.status) });
    }
    let reply = reply.expect_success()?;
    let body: Value = reply.json()?;
    if !body["confirmedCancellations"][0].is_null() {
        return Ok(CancelOutcome::Cancelled);
    }
    let failed = &body["failedCancellations"][0];
    if failed.is_null() {
        return Err(CallError::NoAnswer("the answer does not mention the order".to_owned()));
    }
    if is_repeat && failed["orderState"] == CANCELLED {
        return Ok(CancelOutcome::Cancelled);
    }
    let said = failed["message"].as_str().unwrap_or("refused without a reason");
    Ok(CancelOutcome::Refused { detail: said.to_owned() })
}

fn day_of(value: &Value) -> Option<NaiveDate> {
    value.as_str()?.parse().ok()
}

/// A refusal lists what is wrong, field by field.
fn messages(reply: &Reply) -> Vec<FieldMessage> {
    let listed: Vec<Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = |error: &Value| {
        let words = [text(&error["title"]), text(&error["detail"])];
        let words: Vec<String> = words.into_iter().filter(|words| !words.is_empty()).collect();
        FieldMessage { property: text(&error["instance"]), text: words.join(": ") }
    };
    listed.iter().take(MESSAGES_MAX).map(message).collect()
}

//! Orders of a driver: UPS's on-call pickup.
//!
//! An order that may have arrived is looked for among those that are pending, by our reference.

use serde_json::{Value, json};

use super::wire::{TOO_MANY_CALLS, errors, weight};
use super::{UpsSettings, wire};
use crate::delivery::carrier::{
    CallError, CancelOutcome, PickupConfirmation, PickupOutcome, PickupRequest, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::street_line;
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::regions::state_of;
use crate::delivery::carriers::rejections::{fitting, wrong};

/// Most pieces of one service.
const PIECES_MAX: i64 = 999;
/// A contact's name is cut: whoever comes reads the company's above it.
const CONTACT_LENGTH_MAX: usize = 22;
/// Nothing is pending.
const NONE_PENDING: &str = "9510116";
/// There is no such order, or it was taken back before.
const NOT_FOUND: &str = "9510118";

/// The order, or why UPS can't take it.
pub fn order(request: &PickupRequest, settings: &UpsSettings, phone: &str) -> Result<Value, Rejection> {
    let place = &request.place;
    let american = place.country == "US";
    let code: String = place.postal_code.chars().filter(|one| !american || *one != '-').collect();
    let contact: String = place.name.trim().chars().take(CONTACT_LENGTH_MAX).collect();
    let mut address = json!({
        "CompanyName": fitting("place.name", &place.name, 27)?,
        "ContactName": contact.trim_end(),
        "AddressLine": [fitting("place.street", &street_line(place), 73)?],
        "City": fitting("place.city", &place.city, 50)?,
        "PostalCode": fitting("place.postal_code", &code, 8)?,
        "CountryCode": place.country,
        "ResidentialIndicator": "N",
        "Phone": { "Number": fitting("phone", phone, 25)? },
    });
    if american {
        let state = state_of(&code).ok_or_else(|| wrong("place.postal_code", "is no ZIP code of a state"))?;
        address["StateProvince"] = json!(state);
    }
    let total = weight(request.weight_grams, american)?;
    Ok(json!({ "PickupCreationRequest": {
        "Request": { "TransactionReference": { "CustomerContext": request.reference.as_str() } },
        "RatePickupIndicator": "N",
        "Shipper": { "Account": {
            "AccountNumber": settings.account_number,
            "AccountCountryCode": settings.country,
        } },
        "PickupDateInfo": {
            "ReadyTime": request.from.format("%H%M").to_string(),
            "CloseTime": request.until.format("%H%M").to_string(),
            "PickupDate": request.day.format("%Y%m%d").to_string(),
        },
        "PickupAddress": address,
        "AlternateAddressIndicator": "Y",
        "PickupPiece": [{
            "ServiceCode": format!("0{}", wire::service(american)),
            "Quantity": request.parcels.clamp(1, PIECES_MAX).to_string(),
            "DestinationCountryCode": place.country,
            "ContainerCode": "01",
        }],
        "TotalWeight": {
            "Weight": total["Weight"],
            "UnitOfMeasurement": total["UnitOfMeasurement"]["Code"],
        },
        "PaymentMethod": "01",
        "ReferenceNumber": request.reference.as_str(),
        "ShippingLabelsAvailable": "Y",
    } }))
}

/// Reads what became of an order.
pub fn outcome(reply: Reply, request: &PickupRequest) -> PickupOutcome {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let rejected = |reason| PickupOutcome::Rejected(Rejection { reason, messages: errors(&body) });
    match reply.status {
        200..=299 => match body["PickupCreationResponse"]["PRN"].as_str().filter(|prn| !prn.is_empty()) {
            Some(prn) => PickupOutcome::Confirmed(PickupConfirmation {
                carrier_pickup_id: Some(prn.to_owned()),
                day: request.day,
            }),
            None => PickupOutcome::Unknown { detail: "an answer without a number".to_owned() },
        },
        // The gateway says so in its own code; any other 429 may stem from further behind.
        429 if errors(&body).iter().any(|error| error.property == TOO_MANY_CALLS) => {
            PickupOutcome::NotSent { detail: "UPS asks to slow down".to_owned() }
        }
        403 => rejected(RejectionReason::Unauthorised),
        400 | 402 | 404..=407 | 409..=428 => rejected(RejectionReason::Data),
        _ => reply.unread(),
    }
}

/// The order that bears our reference among those that are pending: UPS shows those of today and tomorrow. One that it does not
/// show and has all the same does no harm, for another of the same place and day is the same to UPS.
pub fn found(reply: Reply, request: &PickupRequest) -> Result<Option<PickupConfirmation>, CallError> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    if reply.status == 400 && errors(&body).iter().any(|error| error.property == NONE_PENDING) {
        return Ok(None);
    }
    reply.expect_success()?;
    let pending = body["PickupPendingStatusResponse"]["PendingStatus"].as_array().into_iter().flatten();
    let ours = pending.into_iter().find(|each| each["ReferenceNumber"] == request.reference.as_str());
    let id = ours.and_then(|each| each["PRN"].as_str()).map(str::to_owned);
    Ok(id.map(|id| PickupConfirmation { carrier_pickup_id: Some(id), day: request.day }))
}

/// "Not found or already cancelled" is one refusal; only who asked before may take it as done.
pub fn cancel_outcome(reply: Reply, is_repeat: bool) -> Result<CancelOutcome, CallError> {
    if reply.status == 400 || reply.status == 404 {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let said = errors(&body);
        if is_repeat && said.iter().any(|error| error.property == NOT_FOUND) {
            return Ok(CancelOutcome::Cancelled);
        }
        let words: Vec<String> = said.into_iter().map(|error| error.text).collect();
        return Ok(CancelOutcome::Refused { detail: words.join("; ") });
    }
    reply.expect_success().map(|_| CancelOutcome::Cancelled)
}

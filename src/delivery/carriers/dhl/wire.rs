//! Orders out and shipping's answers in.
//!
//! Texts that are too long are refused here, before the call: cutting a name is a nuisance, cutting a house number a lost
//! parcel. Answers are read leniently: a booking that was paid for must not be lost over a field that we don't need.

use serde_json::{Map, Value, json};

use super::countries::alpha_3;
use super::{DhlSettings, WEIGHT_GRAMS_MAX, points};
use crate::delivery::carrier::{
    Address, BookOutcome, Booking, CallError, CancelOutcome, ClosedShipment, Confirmation, FieldMessage,
    Label, LabelFormat, Rejection, RejectionReason,
};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::labels::decoded;
use crate::delivery::carriers::rejections::{fitting, not_served};

/// Most warnings that are kept of one answer: a person reads them.
const MESSAGES_MAX: usize = 20;

/// The order of one parcel, or why DHL can't carry it.
pub fn order(booking: &Booking, settings: &DhlSettings) -> Result<Value, Rejection> {
    let domestic = booking.recipient.country == "DE";
    let (product, billing_number) = match (domestic, &settings.international_billing_number) {
        (true, _) => ("V01PAK", &settings.billing_number),
        (false, Some(number)) => ("V53WPAK", number),
        (false, None) => return Err(not_served("recipient.country", "no contract for parcels abroad")),
    };
    let weight_grams = booking.weight_grams;
    if weight_grams > WEIGHT_GRAMS_MAX {
        return Err(not_served("weight_grams", "heavier than 31.5 kg"));
    }
    let mut details = json!({ "weight": { "uom": "g", "value": weight_grams } });
    if let Some([length, width, height]) = booking.dimensions_mm {
        details["dim"] = json!({ "uom": "mm", "length": length, "width": width, "height": height });
    }
    let point = booking.recipient.pickup_point.as_ref();
    let mut consignee = match point {
        Some(point) => points::consignee(&booking.recipient, point)?,
        None => address("recipient", &booking.recipient)?,
    };
    if point.is_some() && booking.age_min.is_some() {
        return Err(not_served("age_min", "no age is checked at a pick-up point"));
    }
    // A Packstation has no member for it: who has a Postnummer is told by DHL anyhow.
    if let Some(email) = booking.notify_email.as_ref().filter(|_| point.is_none()) {
        consignee["email"] = json!(fitting("notify_email", email, 80)?);
    }
    let mut shipment = json!({
        "product": product,
        "billingNumber": billing_number,
        "refNo": booking.reference.as_str(),
        "shipper": address("sender", &booking.sender)?,
        "consignee": consignee,
        "details": details,
    });
    if let Some(date) = booking.ship_date {
        shipment["shipDate"] = json!(date.to_string());
    }
    let services = services(booking, domestic)?;
    if !services.is_empty() {
        shipment["services"] = Value::Object(services);
    }
    Ok(json!({ "profile": settings.profile, "shipments": [shipment] }))
}

fn services(booking: &Booking, domestic: bool) -> Result<Map<String, Value>, Rejection> {
    let mut services = Map::new();
    if let Some(age) = booking.age_min {
        let check = match age {
            ..=16 => "A16",
            17..=18 => "A18",
            _ => return Err(not_served("age_min", "ages above 18 are not checked")),
        };
        services.insert("visualCheckOfAge".to_owned(), json!(check));
    }
    if booking.recipient_only {
        services.insert("namedPersonOnly".to_owned(), json!(true));
    }
    if !domestic && !services.is_empty() {
        return Err(not_served("recipient.country", "age and person are checked in Germany only"));
    }
    Ok(services)
}

/// An address as shipping has it.
pub fn address(place: &str, address: &Address) -> Result<Value, Rejection> {
    let field = |name: &str| format!("{place}.{name}");
    let Some(country) = alpha_3(&address.country) else {
        return Err(not_served(&field("country"), "not a country of the European Union"));
    };
    let mut out = json!({
        "name1": fitting(&field("name"), &address.name, 50)?,
        "addressStreet": fitting(&field("street"), &address.street, 50)?,
        "postalCode": fitting(&field("postal_code"), &address.postal_code, 10)?,
        "city": fitting(&field("city"), &address.city, 40)?,
        "country": country,
    });
    let mut optional = |key: &str, name: &str, text: &Option<String>, longest: usize| {
        if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
            out[key] = json!(fitting(&field(name), text, longest)?);
        }
        Ok::<_, Rejection>(())
    };
    optional("addressHouse", "house_number", &address.house_number, 10)?;
    optional("name2", "company", &address.company, 50)?;
    // German labels print nothing of the additional lines, only the names.
    optional("name3", "line_2", &address.line_2, 50)?;
    Ok(out)
}

/// Reads what became of an order of one shipment.
pub fn book_outcome(reply: &Reply, format: LabelFormat) -> BookOutcome {
    outcome(reply, |body| item_outcome(&body["items"][0], format))
}

/// Reads what became of an order; `taken` reads the body of one that was.
pub fn outcome(reply: &Reply, taken: impl FnOnce(&Value) -> BookOutcome) -> BookOutcome {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let item = &body["items"][0];
    match reply.status {
        200..=299 => taken(&body),
        // A refusal by the gateway says so in its body; any other 429 may stem from further behind.
        429 if status_of(&body) == Some(429) => {
            BookOutcome::NotSent { detail: "DHL asks to slow down".to_owned() }
        }
        408 | 429 => BookOutcome::Unknown { detail: format!("status {}", reply.status) },
        403 => BookOutcome::Rejected(Rejection {
            reason: RejectionReason::Unauthorised,
            messages: refusal_messages(&body, item),
        }),
        400..=499 => BookOutcome::Rejected(Rejection {
            reason: RejectionReason::Data,
            messages: refusal_messages(&body, item),
        }),
        status => BookOutcome::Unknown { detail: format!("status {status}") },
    }
}

/// An item may be an error inside an answer of 200 or 207.
pub fn item_outcome(item: &Value, format: LabelFormat) -> BookOutcome {
    match (status_of(&item["sstatus"]), text_of(&item["shipmentNo"])) {
        (None | Some(200..=299), Some(number)) => BookOutcome::Confirmed(Confirmation {
            tracking_number: number.clone(),
            carrier_shipment_id: number,
            label: read_label(item, format),
            qr_label: None,
            warnings: messages(item),
        }),
        (Some(400..=499), _) => BookOutcome::Rejected(Rejection {
            reason: RejectionReason::Data,
            messages: refusal_messages(&Value::Null, item),
        }),
        (Some(status), _) => {
            BookOutcome::Unknown { detail: format!("an item with status {status} and no number") }
        }
        (None, None) => BookOutcome::Unknown { detail: "an answer without a shipment".to_owned() },
    }
}

/// The label of an answer to a fetch; `None` when its only item is a refusal.
pub fn label(reply: &Reply, format: LabelFormat) -> Result<Option<Label>, CallError> {
    let body: Value = reply.json()?;
    let item = &body["items"][0];
    match status_of(&item["sstatus"]) {
        Some(400..=499) => Ok(None),
        _ => read_label(item, format)
            .map(Some)
            .ok_or_else(|| CallError::NoAnswer("the label is missing or can't be read".to_owned())),
    }
}

/// "Unknown" and "already closed" are the same refusal; only who sent a deletion before may take it as done.
pub fn cancel_outcome(reply: Reply, is_repeat: bool) -> Result<CancelOutcome, CallError> {
    if !matches!(reply.status, 200..=299 | 400 | 404) {
        return reply.expect_success().map(|_| CancelOutcome::Cancelled);
    }
    let body: Value = reply.json()?;
    let item = &body["items"][0];
    match status_of(&item["sstatus"]).unwrap_or(i64::from(reply.status)) {
        200..=299 => Ok(CancelOutcome::Cancelled),
        400 | 404 if is_repeat => Ok(CancelOutcome::Cancelled),
        400..=499 => {
            let said: Vec<String> =
                refusal_messages(&body, item).into_iter().map(|message| message.text).collect();
            Ok(CancelOutcome::Refused { detail: said.join("; ") })
        }
        status => Err(CallError::NoAnswer(format!("an item with status {status}"))),
    }
}

/// One result for every number that was asked for; one that the answer leaves out was not closed.
pub fn closed(reply: &Reply, numbers: &[String]) -> Result<Vec<ClosedShipment>, CallError> {
    let body: Value = reply.json()?;
    let empty = Vec::new();
    let items = body["items"].as_array().unwrap_or(&empty);
    let closed = numbers.iter().map(|number| {
        let item = items.iter().find(|item| text_of(&item["shipmentNo"]).as_ref() == Some(number));
        let result = match item.map(|item| (status_of(&item["sstatus"]), &item["sstatus"]["detail"])) {
            Some((Some(200..=299), _)) => Ok(()),
            Some((_, detail)) => Err(detail.as_str().unwrap_or("refused without a reason").to_owned()),
            None => Err("the answer does not mention it".to_owned()),
        };
        ClosedShipment { carrier_shipment_id: number.clone(), result }
    });
    Ok(closed.collect())
}

/// The document of an answer about a day's manifest.
pub fn manifest(reply: &Reply) -> Result<Option<Vec<u8>>, CallError> {
    let body: Value = reply.json()?;
    let Some(text) = body["manifest"][0]["b64"].as_str() else { return Ok(None) };
    decoded(text, LabelFormat::Pdf)
        .map(|document| Some(document.bytes))
        .ok_or_else(|| CallError::NoAnswer("the manifest can't be read".to_owned()))
}

fn read_label(item: &Value, format: LabelFormat) -> Option<Label> {
    match format {
        LabelFormat::Pdf => decoded(item["label"]["b64"].as_str()?, format),
        LabelFormat::Zpl => {
            let text = item["label"]["zpl2"].as_str().filter(|text| !text.is_empty())?;
            Some(Label { format, bytes: text.as_bytes().to_vec() })
        }
    }
}

/// `status` replaces the deprecated `statusCode`; either may be missing, and some answers send texts.
pub fn status_of(status: &Value) -> Option<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number(&status["status"]).or_else(|| number(&status["statusCode"]))
}

/// Numbers of shipments are texts; DHL's own examples also show a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub fn messages(item: &Value) -> Vec<FieldMessage> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = item["validationMessages"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed
        .iter()
        .take(MESSAGES_MAX)
        .map(|message| FieldMessage {
            property: text(&message["property"]),
            text: text(&message["validationMessage"]),
        })
        .collect()
}

/// What was said about the fields, or else about the item, or else about the whole.
pub fn refusal_messages(body: &Value, item: &Value) -> Vec<FieldMessage> {
    let said = messages(item);
    if !said.is_empty() {
        return said;
    }
    [&item["sstatus"]["detail"], &body["status"]["detail"], &body["detail"]]
        .into_iter()
        .find_map(Value::as_str)
        .map(|detail| FieldMessage { property: String::new(), text: detail.to_owned() })
        .into_iter()
        .collect()
}

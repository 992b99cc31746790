//! Shipments out and shipping's answers in.
//!
//! Texts that are too long are refused here, before the call: cutting a name is a nuisance, cutting a house number a lost
//! parcel. Numbers go out as texts. Answers are read leniently: charges and labels may be absent, and a booking that was
//! paid for must not be lost over a field that we don't need.

use serde_json::{Value, json};

use super::{UpsSettings, WEIGHT_GRAMS_MAX, points};
use crate::delivery::carrier::{
    Address, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome, Confirmation, FieldMessage, Label,
    LabelFormat, Reference, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::{named, street_line};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::countries::EUROPEAN_UNION;
use crate::delivery::carriers::labels::decoded;
use crate::delivery::carriers::regions::state_of;
use crate::delivery::carriers::rejections::{fitting, not_served, wrong};

/// UPS prints 35 characters a line.
const LINE_LENGTH_MAX: usize = 35;
/// Most messages that are kept of one answer: a person reads them.
const MESSAGES_MAX: usize = 20;
/// UPS Print Return Label: we get the label, and the shopper has it from us. The electronic one (8) is the same label in a mail of
/// UPS's own, for which nobody was asked for consent.
const PRINT_RETURN_LABEL: &str = "9";
/// What UPS wants to read of goods that come back.
const RETURNED_GOODS: &str = "Returned goods";
/// Ground within the United States, Standard within the European Union.
const SERVICES: [&str; 2] = ["03", "11"];
/// Codes that say that UPS does not carry such a parcel there: another courier may.
const NOT_SERVED: &[&str] = &["111100", "111210", "111035", "111055", "111056"];
/// Codes that say that the account is not the caller's.
const NOT_OURS: &[&str] = &["120100", "250002", "250003"];
/// The gateway's own word for too many calls.
pub const TOO_MANY_CALLS: &str = "10429";

/// The request of one parcel, or why UPS can't carry it.
pub fn shipment(booking: &Booking, settings: &UpsSettings) -> Result<Value, Rejection> {
    let american = is_served(booking)?;
    let mut package =
        json!({"Packaging": {"Code": "02"}, "PackageWeight": weight(booking.weight_grams, american)?});
    if let Some(sides) = booking.dimensions_mm {
        package["Dimensions"] = dimensions(sides, american);
    }
    let sender = party("sender", &booking.sender)?;
    let mut recipient = party("recipient", &booking.recipient)?;
    // Who pays is the shipper, also of what comes back to it.
    let mut shipper = if booking.is_return { recipient.clone() } else { sender.clone() };
    shipper["ShipperNumber"] = json!(settings.account_number);
    if !booking.is_return {
        recipient["Address"]["ResidentialAddressIndicator"] = json!("");
    }
    if booking.sender.country != booking.recipient.country {
        recipient["AttentionName"] =
            json!(fitting("recipient.name", &booking.recipient.name, LINE_LENGTH_MAX)?);
        recipient["Phone"] = json!({"Number": phone(&booking.recipient)?});
    }
    if let Some(email) = &booking.notify_email {
        recipient["EMailAddress"] = json!(fitting("notify_email", email, 50)?);
    }
    let reference = json!([{"Value": booking.reference.as_str()}]);
    let mut shipment = json!({
        "Shipper": shipper,
        "ShipTo": recipient,
        "Service": {"Code": service(american)},
        "PaymentInformation": {
            "ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": settings.account_number}}],
        },
    });
    if booking.is_return {
        package["Description"] = json!(RETURNED_GOODS);
        shipment["ShipFrom"] = sender;
        shipment["ReturnService"] = json!({"Code": PRINT_RETURN_LABEL});
    }
    if american {
        package["ReferenceNumber"] = reference;
    } else {
        shipment["ReferenceNumber"] = reference;
    }
    if booking.age_min.is_some() {
        package["PackageServiceOptions"] = json!({"DeliveryConfirmation": {"DCISType": "3"}});
    }
    if let Some(date) = booking.ship_date {
        shipment["ShipmentDate"] = json!(date.format("%Y%m%d").to_string());
    }
    if let Some(point) = &booking.recipient.pickup_point {
        if booking.age_min.is_some() {
            return Err(not_served("age_min", "no age is checked at a pick-up point"));
        }
        points::hold(&mut shipment, &booking.recipient, point)?;
    }
    shipment["Package"] = json!([package]);
    Ok(json!({"ShipmentRequest": {
        "Request": {
            "RequestOption": "nonvalidate",
            "TransactionReference": {"CustomerContext": booking.reference.as_str()},
        },
        "Shipment": shipment,
        "LabelSpecification": {
            "LabelImageFormat": {"Code": "ZPL"},
            "LabelStockSize": {"Height": "6", "Width": "4"},
        },
    }}))
}

/// The service that parcels go by.
pub fn service(american: bool) -> &'static str {
    SERVICES[usize::from(!american)]
}

/// Whether the parcel stays in the United States; otherwise it has to stay in the European Union.
fn is_served(booking: &Booking) -> Result<bool, Rejection> {
    let countries = [booking.sender.country.as_str(), booking.recipient.country.as_str()];
    let american = countries == ["US", "US"];
    if !american && !countries.iter().all(|country| EUROPEAN_UNION.contains(country)) {
        return Err(not_served(
            "recipient.country",
            "neither within the United States nor the European Union",
        ));
    }
    match booking.age_min {
        Some(22..) => return Err(not_served("age_min", "ages above 21 are not checked")),
        Some(_) if !american => {
            return Err(not_served("age_min", "ages are checked in the United States only"));
        }
        _ => {}
    }
    if booking.recipient_only {
        return Err(not_served("recipient_only", "nobody can be excluded from taking the parcel"));
    }
    if booking.weight_grams > WEIGHT_GRAMS_MAX {
        return Err(not_served("weight_grams", "heavier than 68 kg"));
    }
    Ok(american)
}

/// Pounds or kilograms with one decimal, rounded up, as a text.
pub fn weight(grams: i64, american: bool) -> Result<Value, Rejection> {
    if grams <= 0 {
        return Err(wrong("weight_grams", "must be more than zero"));
    }
    // A pound has 453.59237 g.
    let (code, tenths) = if american {
        ("LBS", (grams * 1_000_000).unsigned_abs().div_ceil(45_359_237))
    } else {
        ("KGS", grams.unsigned_abs().div_ceil(100))
    };
    let text = format!("{}.{}", tenths / 10, tenths % 10);
    Ok(json!({"UnitOfMeasurement": {"Code": code}, "Weight": text}))
}

/// Inches or centimetres, rounded up to whole ones, as texts.
pub fn dimensions(sides_mm: [i64; 3], american: bool) -> Value {
    let (code, tenths_of_mm) = if american { ("IN", 254) } else { ("CM", 100) };
    let [length, width, height] =
        sides_mm.map(|side| (side.max(0) * 10).unsigned_abs().div_ceil(tenths_of_mm).to_string());
    json!({"UnitOfMeasurement": {"Code": code}, "Length": length, "Width": width, "Height": height})
}

pub fn party(place: &str, address: &Address) -> Result<Value, Rejection> {
    let field = |name: &str| format!("{place}.{name}");
    let american = address.country == "US";
    let street = street_line(address);
    let mut lines = vec![fitting(&field("street"), &street, LINE_LENGTH_MAX)?.to_owned()];
    if let Some(line) = named(address.line_2.as_deref()) {
        lines.push(fitting(&field("line_2"), line, LINE_LENGTH_MAX)?.to_owned());
    }
    // Nine characters, and in the United States digits alone.
    let code: String = address.postal_code.chars().filter(|one| !american || *one != '-').collect();
    let mut out = json!({"Address": {
        "AddressLine": lines,
        "City": fitting(&field("city"), &address.city, 30)?,
        "PostalCode": fitting(&field("postal_code"), &code, 9)?,
        "CountryCode": address.country,
    }});
    if american {
        let state =
            state_of(&code).ok_or_else(|| wrong(&field("postal_code"), "is no ZIP code of a state"))?;
        out["Address"]["StateProvinceCode"] = json!(state);
    }
    let person = fitting(&field("name"), &address.name, LINE_LENGTH_MAX)?;
    match named(address.company.as_deref()) {
        Some(company) => {
            out["Name"] = json!(fitting(&field("company"), company, LINE_LENGTH_MAX)?);
            out["AttentionName"] = json!(person);
        }
        None => out["Name"] = json!(person),
    }
    Ok(out)
}

/// UPS calls who lives abroad; at most fifteen digits.
fn phone(address: &Address) -> Result<String, Rejection> {
    let number = address.phone.as_deref().unwrap_or_default();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if (6..=15).contains(&digits.len()) {
        return Ok(digits);
    }
    Err(wrong("recipient.phone", "is needed for a parcel to another country"))
}

/// Asks for the label of a parcel.
pub fn recovery_of_number(number: &str, format: LabelFormat) -> Value {
    let mut body = recovery(format);
    body["LabelRecoveryRequest"]["TrackingNumber"] = json!(number);
    body
}

/// Asks for the label of whatever bears our reference.
pub fn recovery_of_reference(reference: &Reference, settings: &UpsSettings) -> Value {
    let mut body = recovery(LabelFormat::Zpl);
    body["LabelRecoveryRequest"]["ReferenceValues"] = json!({
        "ReferenceNumber": {"Value": reference.as_str()},
        "ShipperNumber": settings.account_number,
    });
    body
}

fn recovery(format: LabelFormat) -> Value {
    let code = match format {
        LabelFormat::Pdf => "PDF",
        LabelFormat::Zpl => "ZPL",
    };
    let mut specification = json!({"LabelImageFormat": {"Code": code}});
    if format == LabelFormat::Zpl {
        specification["LabelStockSize"] = json!({"Height": "6", "Width": "4"});
    }
    json!({"LabelRecoveryRequest": {"Request": {}, "LabelSpecification": specification}})
}

/// Reads what became of a shipment of one parcel.
pub fn book_outcome(reply: &Reply) -> BookOutcome {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let said = errors(&body);
    let one_of = |codes: &[&str]| said.iter().any(|error| codes.contains(&error.property.as_str()));
    let rejected = |reason| BookOutcome::Rejected(Rejection { reason, messages: said.clone() });
    match reply.status {
        200..=299 => booked(&body["ShipmentResponse"]),
        // The gateway says so in its own code; any other 429 may stem from further behind.
        429 if one_of(&[TOO_MANY_CALLS]) => {
            BookOutcome::NotSent { detail: "UPS asks to slow down".to_owned() }
        }
        408 | 429 => BookOutcome::Unknown { detail: format!("status {}", reply.status) },
        403 => rejected(RejectionReason::Unauthorised),
        400..=499 if one_of(NOT_OURS) => rejected(RejectionReason::Unauthorised),
        400..=499 if one_of(NOT_SERVED) => rejected(RejectionReason::NotServed),
        400..=499 => rejected(RejectionReason::Data),
        status => BookOutcome::Unknown { detail: format!("status {status}") },
    }
}

fn booked(response: &Value) -> BookOutcome {
    let results = &response["ShipmentResults"];
    let package = first(&results["PackageResults"]);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let tracking_number = text(&package["TrackingNumber"]);
    let Some(id) = text(&results["ShipmentIdentificationNumber"]).or_else(|| tracking_number.clone()) else {
        return BookOutcome::Unknown { detail: "an answer without a shipment".to_owned() };
    };
    let warnings = list(&response["Response"]["Alert"]).map(|alert| FieldMessage {
        property: alert["Code"].as_str().unwrap_or_default().to_owned(),
        text: alert["Description"].as_str().unwrap_or_default().to_owned(),
    });
    let label = package["ShippingLabel"]["GraphicImage"].as_str();
    BookOutcome::Confirmed(Confirmation {
        tracking_number: tracking_number.unwrap_or_else(|| id.clone()),
        carrier_shipment_id: id,
        label: label.and_then(|text| decoded(text, LabelFormat::Zpl)),
        qr_label: None,
        warnings: warnings.take(MESSAGES_MAX).collect(),
    })
}

/// The label of an answer to a recovery.
pub fn recovered_label(reply: &Reply, format: LabelFormat) -> Result<Label, CallError> {
    let body: Value = reply.json()?;
    let result = first(&body["LabelRecoveryResponse"]["LabelResults"]);
    let text = result["LabelImage"]["GraphicImage"].as_str();
    text.and_then(|text| decoded(text, format))
        .ok_or_else(|| CallError::NoAnswer("the label is missing or can't be read".to_owned()))
}

/// The parcels that an answer to a recovery speaks of: one with its label, or several candidates without.
pub fn recovered_parcels(reply: &Reply) -> Result<Vec<BookedParcel>, CallError> {
    let body: Value = reply.json()?;
    let response = &body["LabelRecoveryResponse"];
    let shipment = response["ShipmentIdentificationNumber"].as_str();
    let of_label = first(&response["LabelResults"])["TrackingNumber"].as_str();
    let parcel = |shipment: &str, number: &str| BookedParcel {
        carrier_shipment_id: shipment.to_owned(),
        tracking_number: number.to_owned(),
    };
    if let Some(number) = of_label.or(shipment) {
        return Ok(vec![parcel(shipment.unwrap_or(number), number)]);
    }
    let candidates = list(&response["TrackingCandidate"]).filter_map(|one| one["TrackingNumber"].as_str());
    Ok(candidates.map(|number| parcel(number, number)).collect())
}

/// What is void now or was before is void; what was scanned, or is too old, stays.
pub fn cancel_outcome(reply: Reply) -> Result<CancelOutcome, CallError> {
    match reply.status {
        200..=299 => {
            let body: Value = reply.json()?;
            let response = &body["VoidShipmentResponse"];
            let mut packages = list(&response["PackageLevelResults"]).peekable();
            let is_void = if packages.peek().is_some() {
                packages.all(|package| package["Status"]["Code"] == "1")
            } else {
                response["SummaryResult"]["Status"]["Code"] == "1"
            };
            Ok(if is_void {
                CancelOutcome::Cancelled
            } else {
                CancelOutcome::Refused { detail: "UPS has the parcel already".to_owned() }
            })
        }
        400 | 404 => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            let said: Vec<String> = errors(&body).into_iter().map(|error| error.text).collect();
            Ok(CancelOutcome::Refused { detail: said.join("; ") })
        }
        _ => reply.expect_success().map(|_| CancelOutcome::Cancelled),
    }
}

/// Older versions answer a lone item without its list.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let lone = value.is_object().then_some(value);
    value.as_array().into_iter().flatten().chain(lone)
}

fn first(value: &Value) -> &Value {
    list(value).next().unwrap_or(&Value::Null)
}

/// Code and message of each error, wherever this service wraps them.
pub fn errors(body: &Value) -> Vec<FieldMessage> {
    let listed = [&body["response"]["errors"], &body["errors"]];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    listed
        .into_iter()
        .flat_map(list)
        .take(MESSAGES_MAX)
        .map(|error| FieldMessage { property: text(&error["code"]), text: text(&error["message"]) })
        .collect()
}

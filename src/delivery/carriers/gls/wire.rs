//! Shipments out and ShipIT's answers in.
//!
//! Characters that GLS forbids become spaces; texts that are too long are refused here, before the call: cutting a name is
//! a nuisance, cutting a house number a lost parcel. Nothing is sent that the documentation does not name, for ShipIT
//! refuses fields that it does not know. Answers are read leniently: a booking that was made must not be lost over a field
//! that we don't need.

use serde_json::{Value, json};

use super::tracking::of_event;
use super::{GlsSettings, WEIGHT_GRAMS_MAX, points};
use crate::delivery::carrier::{
    Address, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome, Confirmation, FieldMessage, Label,
    LabelFormat, ParcelStatus, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::named;
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::countries::EUROPEAN_UNION;
use crate::delivery::carriers::labels::decoded;
use crate::delivery::carriers::rejections::{self, not_served};

const TEXT_LENGTH_MAX: usize = 40;
const POSTCODE_LENGTH_MAX: usize = 10;
const EMAIL_LENGTH_MAX: usize = 80;
const FORBIDDEN: &str = "\\\"{},;()|\r\n";
/// A parcel has to weigh more than a tenth of a kilogram.
const WEIGHT_GRAMS_MIN: i64 = 110;
/// Who calls, as every shipment has to say.
const MIDDLEWARE: &str = "Aisle";
/// Most characters that are kept of an answer in plain text.
const TEXT_KEPT: usize = 300;
/// The backend is inactive: nothing was worked on.
pub const INACTIVE: u16 = 490;
/// What ShipIT says to a cancellation that it has already.
pub const ASKED_TWICE: u16 = 500;

/// What the details say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// One parcel.
    One {
        /// By which it is cancelled.
        track_id: String,
        /// The codes of its history.
        codes: Vec<String>,
    },
    /// Booked more than once.
    Several,
}

/// The request of one parcel, or why GLS can't carry it.
pub fn order(booking: &Booking, settings: &GlsSettings) -> Result<Value, Rejection> {
    if booking.age_min.is_some() {
        return Err(not_served("age_min", "GLS checks no age"));
    }
    if booking.weight_grams > WEIGHT_GRAMS_MAX {
        return Err(not_served("weight_grams", "the parcel is too heavy for GLS"));
    }
    for (name, address) in [("sender", &booking.sender), ("recipient", &booking.recipient)] {
        if !EUROPEAN_UNION.contains(&address.country.as_str()) {
            return Err(not_served(&format!("{name}.country"), "needs a customs declaration"));
        }
    }
    // Of a return GLS's consignee is who hands it in, and the shipper who gets it.
    let (mut consignee, shipper) = if booking.is_return {
        (address("sender", &booking.sender)?, address("recipient", &booking.recipient)?)
    } else {
        (address("recipient", &booking.recipient)?, address("sender", &booking.sender)?)
    };
    let person = if booking.is_return { &booking.sender } else { &booking.recipient };
    if let Some(email) = &booking.notify_email {
        consignee["eMail"] = json!(fitting("notify_email", email, EMAIL_LENGTH_MAX)?);
    }
    let category = if named(person.company.as_deref()).is_some() { "BUSINESS" } else { "PRIVATE" };
    let mut shipment = json!({
        "ShipmentReference": [booking.reference.as_str()],
        "Middleware": MIDDLEWARE,
        "Product": "PARCEL",
        "Consignee": { "Category": category, "Address": consignee },
        "Shipper": {
            "ContactID": booking.shipper.as_ref().unwrap_or(&settings.contact_id),
            "AlternativeShipperAddress": shipper.clone(),
        },
        "ShipmentUnit": [{
            "ShipmentUnitReference": [booking.reference.as_str()],
            "Weight": kilograms(booking.weight_grams),
        }],
    });
    if let Some(date) = booking.ship_date {
        shipment["ShippingDate"] = json!(date.to_string());
    }
    let services = services(booking)?;
    if !services.is_empty() {
        shipment["Service"] = json!(services);
    }
    if booking.is_return {
        // Without it the goods go to the contract's own address.
        shipment["Return"] = json!({ "Address": shipper });
    }
    Ok(json!({ "Shipment": shipment, "PrintingOptions": printing(booking.label_format) }))
}

fn services(booking: &Booking) -> Result<Vec<Value>, Rejection> {
    let mut services = Vec::new();
    if booking.is_return {
        services.push(json!({ "ShopReturn": { "ServiceName": "service_shopreturn", "NumberOfLabels": 1 } }));
    }
    if booking.recipient_only {
        services.push(json!({ "Service": { "ServiceName": "service_addresseeonly" } }));
    }
    if let Some(point) = &booking.recipient.pickup_point {
        services.push(points::service(point, &booking.recipient.street)?);
    }
    Ok(services)
}

/// Asks for the label of a parcel anew.
pub fn reprint(track_id: &str, format: LabelFormat) -> Value {
    json!({ "TrackID": track_id, "PrintingOptions": printing(format) })
}

fn printing(format: LabelFormat) -> Value {
    let (format, template) = match format {
        LabelFormat::Pdf => ("PDF", "NONE"),
        LabelFormat::Zpl => ("ZEBRA", "ZPL_200"),
    };
    json!({ "ReturnLabels": { "TemplateSet": template, "LabelFormat": format } })
}

/// Two decimals, rounded up.
pub fn kilograms(grams: i64) -> Value {
    let hundredths = grams.max(WEIGHT_GRAMS_MIN).unsigned_abs().div_ceil(10);
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    serde_json::from_str(&text).unwrap_or_default()
}

fn address(of: &str, address: &Address) -> Result<Value, Rejection> {
    let field = |name: &str| format!("{of}.{name}");
    let person = fitting(&field("name"), &address.name, TEXT_LENGTH_MAX)?;
    let mut names = Vec::new();
    if let Some(company) = named(address.company.as_deref()) {
        names.push(fitting(&field("company"), company, TEXT_LENGTH_MAX)?);
    }
    names.push(person);
    if let Some(line) = named(address.line_2.as_deref()) {
        names.push(fitting(&field("line_2"), line, TEXT_LENGTH_MAX)?);
    }
    let mut out = json!({
        "Street": fitting(&field("street"), &address.street, TEXT_LENGTH_MAX)?,
        "City": fitting(&field("city"), &address.city, TEXT_LENGTH_MAX)?,
        "CountryCode": address.country,
    });
    for (name, text) in ["Name1", "Name2", "Name3"].into_iter().zip(names) {
        out[name] = json!(text);
    }
    if let Some(number) = named(address.house_number.as_deref()) {
        out["StreetNumber"] = json!(fitting(&field("house_number"), number, TEXT_LENGTH_MAX)?);
    }
    if !address.postal_code.trim().is_empty() {
        out["ZIPCode"] = json!(fitting(&field("postal_code"), &address.postal_code, POSTCODE_LENGTH_MAX)?);
    }
    Ok(out)
}

/// The text as GLS takes it.
fn fitting(field: &str, text: &str, longest: usize) -> Result<String, Rejection> {
    rejections::fitting(field, &clean(text), longest).map(str::to_owned)
}

/// The text without what GLS forbids.
pub fn clean(text: &str) -> String {
    let clean: String = text.chars().map(|one| if FORBIDDEN.contains(one) { ' ' } else { one }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads what became of a shipment of one parcel.
pub fn book_outcome(reply: &Reply, format: LabelFormat) -> BookOutcome {
    let unknown = || BookOutcome::Unknown { detail: format!("status {}", reply.status) };
    let rejected = |reason| BookOutcome::Rejected(Rejection { reason, messages: vec![said(reply)] });
    match reply.status {
        200..=299 => booked(&parsed(reply), format),
        400 => match error_of(reply) {
            Some("ACCESS_TO_SHIPPER_DENIED") => rejected(RejectionReason::Unauthorised),
            Some("INVALID_SERVICE_SELECTION") => rejected(RejectionReason::NotServed),
            // Taken, and not passed on: nobody says whether it stays.
            Some("COULD_NOT_TRANSMIT") => unknown(),
            _ => rejected(RejectionReason::Data),
        },
        403 => rejected(RejectionReason::Unauthorised),
        INACTIVE => BookOutcome::NotSent { detail: "GLS's backend is inactive".to_owned() },
        // The gateway says so in its own body; any other 429 may stem from further behind.
        429 if parsed(reply)["fault"].is_object() => {
            BookOutcome::NotSent { detail: "GLS asks to slow down".to_owned() }
        }
        408 | 429 => unknown(),
        404..=499 => rejected(RejectionReason::Data),
        _ => unknown(),
    }
}

fn booked(answer: &Value, format: LabelFormat) -> BookOutcome {
    let created = &answer["CreatedShipment"];
    let parcel = &created["ParcelData"][0];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let Some(track_id) = text(&parcel["TrackID"]) else {
        return BookOutcome::Unknown { detail: "the answer can't be read".to_owned() };
    };
    // Should GLS print both ways for a return, the label of the way back comes last.
    let printed = created["PrintData"].as_array().and_then(|prints| prints.last());
    BookOutcome::Confirmed(Confirmation {
        tracking_number: text(&parcel["ParcelNumber"]).unwrap_or_else(|| track_id.clone()),
        carrier_shipment_id: track_id,
        label: printed.and_then(|last| label(&last["Data"], format)),
        qr_label: None,
        warnings: Vec::new(),
    })
}

/// The documentation has a text, the file a list of them.
fn label(data: &Value, format: LabelFormat) -> Option<Label> {
    decoded(data.as_str().or_else(|| data[0].as_str())?, format)
}

/// The reply when it is an answer of ShipIT; otherwise what its status and headers say about the call.
pub fn understood(reply: Reply) -> Result<Reply, CallError> {
    match reply.status {
        400 => Err(CallError::Refused(said(&reply).text)),
        INACTIVE => Err(CallError::NoAnswer("GLS's backend is inactive".to_owned())),
        _ => reply.expect_success(),
    }
}

/// Reads the details; `None` when ShipIT holds nothing under the name.
pub fn details(reply: Reply) -> Result<Option<Details>, CallError> {
    match (reply.status, error_of(&reply)) {
        (400, Some("INVALID_SHIPMENT_ID")) => return Ok(None),
        (400, Some("MORE_THAN_ONE_RESULT")) => return Ok(Some(Details::Several)),
        _ => {}
    }
    let answer = parsed(&understood(reply)?);
    let unit = &answer["UnitDetail"];
    let track_id = unit["TrackID"].as_str().ok_or_else(unreadable)?.to_owned();
    let history = unit["History"].as_array().into_iter().flatten();
    let codes = history.filter_map(|event| event["StatusCode"].as_str()).map(str::to_owned).collect();
    Ok(Some(Details::One { track_id, codes }))
}

/// What became of a cancellation, by the details of its parcel: those of a cancelled one are deleted, and one that was scanned
/// goes on. Codes that are not public decide nothing.
pub fn after_cancellation(details: Option<&Details>) -> CancelOutcome {
    let codes = match details {
        None => return CancelOutcome::Cancelled,
        Some(Details::Several) => return CancelOutcome::Pending,
        Some(Details::One { codes, .. }) => codes,
    };
    let statuses: Vec<ParcelStatus> = codes.iter().filter_map(|code| of_event(code)).collect();
    if statuses.contains(&ParcelStatus::Cancelled) {
        CancelOutcome::Cancelled
    } else if statuses.iter().any(|status| *status != ParcelStatus::Announced) {
        scanned()
    } else {
        CancelOutcome::Pending
    }
}

fn scanned() -> CancelOutcome {
    CancelOutcome::Refused { detail: "GLS has scanned the parcel".to_owned() }
}

/// The parcels of a list.
pub fn listed(reply: &Reply) -> Result<Vec<BookedParcel>, CallError> {
    let answer = parsed(reply);
    if !answer.is_object() {
        return Err(unreadable());
    }
    let parcel = |item: &Value| {
        let track_id = item["TrackID"].as_str()?.to_owned();
        let number = item["ParcelNumber"].as_str().unwrap_or(&track_id).to_owned();
        Some(BookedParcel { carrier_shipment_id: track_id, tracking_number: number })
    };
    let live = |item: &&Value| item["Status"] != "CANCELED";
    Ok(answer["UnitItems"].as_array().into_iter().flatten().filter(live).filter_map(parcel).collect())
}

/// Reads the answer to a cancellation.
pub fn cancel_outcome(reply: Reply) -> Result<CancelOutcome, CallError> {
    if reply.status == 400 {
        return Ok(CancelOutcome::Refused { detail: said(&reply).text });
    }
    let answer = parsed(&understood(reply)?);
    // The documentation has it in lower case, the file not.
    match answer["result"].as_str().or_else(|| answer["Result"].as_str()) {
        Some("CANCELLED") => Ok(CancelOutcome::Cancelled),
        Some("CANCELLATION_PENDING") => Ok(CancelOutcome::Pending),
        Some("SCANNED") => Ok(scanned()),
        _ => Err(unreadable()),
    }
}

/// The parcels, by TrackID, of an end of day.
pub fn ended(reply: &Reply) -> Result<Vec<String>, CallError> {
    let answer = parsed(reply);
    if !answer.is_object() {
        return Err(unreadable());
    }
    let shipments = answer["Shipments"].as_array().into_iter().flatten();
    let units = shipments.flat_map(|one| one["ShipmentUnit"].as_array().into_iter().flatten());
    Ok(units.filter_map(|unit| unit["TrackID"].as_str()).map(str::to_owned).collect())
}

/// The body as JSON; null when it is none.
pub fn parsed(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn unreadable() -> CallError {
    CallError::NoAnswer("the answer can't be read".to_owned())
}

fn error_of(reply: &Reply) -> Option<&str> {
    reply.header("error")
}

/// What a refusal says: by its headers, or as a text when the body could not be read at all.
pub fn said(reply: &Reply) -> FieldMessage {
    let args: Vec<String> =
        reply.header("args").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let text = match (error_of(reply), reply.header("message")) {
        (Some(error), Some(message)) => format!("{error}: {message}"),
        (Some(error), None) => error.to_owned(),
        _ => String::from_utf8_lossy(&reply.body).chars().take(TEXT_KEPT).collect(),
    };
    FieldMessage { property: args.into_iter().next().unwrap_or_default(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_cancellation_is_read_from_what_happened_to_the_parcel() {
        let read = |codes: &[&str]| {
            let codes = codes.iter().map(|code| (*code).to_owned()).collect();
            after_cancellation(Some(&Details::One { track_id: "ZX1".to_owned(), codes }))
        };
        assert_eq!(after_cancellation(None), CancelOutcome::Cancelled);
        for undecided in [&[][..], &["INTIAL.PREADVICE"], &["BEAMED.UP", "INTIAL.E48_DATA"]] {
            assert_eq!(read(undecided), CancelOutcome::Pending, "{undecided:?}");
        }
        assert_eq!(read(&["CANCEL.NORMAL", "INTIAL.PREADVICE"]), CancelOutcome::Cancelled);
        assert_eq!(read(&["INBOUD.NORMAL", "INTIAL.PREADVICE"]), scanned());
    }

    #[test]
    fn weights_are_rounded_up_to_two_decimals_and_never_too_light() {
        let shown = |grams: i64| kilograms(grams).to_string();
        let weights = [1, 100, 110, 111, 4_200, 4_201, 31_499].map(shown);
        assert_eq!(weights, ["0.11", "0.11", "0.11", "0.12", "4.2", "4.21", "31.5"]);
    }

    #[test]
    fn forbidden_characters_become_spaces_and_a_text_of_nothing_else_is_empty() {
        assert_eq!(fitting("a", "Müller (Büro), 2. Stock;\n", 40).unwrap(), "Müller Büro 2. Stock");
        assert!(fitting("a", "();", 40).is_err());
    }
}

//! Deliveries out and Uber's answers in.
//!
//! An address travels as JSON inside a text. Weights are grams, sizes centimetres, both rounded up. Answers are read
//! leniently: a delivery that was booked must not be lost over a field that we don't need.

use chrono::{DateTime, Days, Duration, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{UberSettings, WEIGHT_GRAMS_MAX};
use crate::delivery::carrier::{
    Address, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome, Confirmation, FieldMessage,
    LiveQuote, Reference, Rejection, RejectionReason,
};
use crate::delivery::carriers::addresses::{named, street_line};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::regions::state_of;
use crate::delivery::carriers::rejections::{fitting, not_served, wrong};
use crate::money::{Currency, Money};

/// Uber names no limit for names; a courier reads them on a phone.
const NAME_LENGTH_MAX: usize = 100;
/// How long a courier has to collect the goods once they are ready: Uber wants ten minutes at least, and twenty from now.
const COLLECTED_WITHIN: Duration = Duration::minutes(30);
/// How long after that they have to be there.
const BROUGHT_WITHIN: Duration = Duration::hours(1);
/// Fields of an answer's metadata that are kept: a person reads them.
const MESSAGES_MAX: usize = 20;
/// Nobody rides there, or not now.
pub const NOT_SERVED: [&str; 2] = ["address_undeliverable", "address_undeliverable_limited_couriers"];
/// A definite no of the moment: nothing was booked, and in a while it may go.
const NOT_NOW: [&str; 4] = ["couriers_busy", "customer_limited", "expired_quote", "mismatched_price_quote"];
/// Uber may have booked it all the same.
const OPEN: [&str; 2] = ["request_timeout", "used_quote"];
/// The account owes money, is closed or unknown.
const NOT_OURS: [&str; 3] = ["customer_suspended", "customer_blocked", "customer_not_found"];

/// The request of one delivery without its quote, or why Uber can't bring it.
pub fn delivery(booking: &Booking, settings: &UberSettings) -> Result<Value, Rejection> {
    is_served(booking, settings)?;
    if booking.weight_grams <= 0 {
        return Err(wrong("weight_grams", "must be more than zero"));
    }
    let phone = booking.recipient.phone.as_deref().filter(|phone| is_phone(phone));
    let phone = phone.ok_or_else(|| wrong("recipient.phone", "is needed: the courier calls at the door"))?;
    let ready = booking.asked_at + settings.preparation;
    let collected_by = ready + COLLECTED_WITHIN;
    let reference = booking.reference.as_str();
    let mut item = json!({
        "name": reference, "quantity": 1, "size": size(booking), "weight": booking.weight_grams,
    });
    if let Some(sides) = booking.dimensions_mm {
        let [length, width, height] = sides.map(|side| side.max(0).unsigned_abs().div_ceil(10));
        item["dimensions"] = json!({ "length": length, "height": height, "depth": width });
    }
    let mut delivery = json!({
        "pickup_name": fitting("sender.name", &booking.sender.name, NAME_LENGTH_MAX)?,
        "pickup_address": address("sender", &booking.sender)?,
        "pickup_phone_number": settings.pickup_phone,
        "dropoff_name": fitting("recipient.name", &booking.recipient.name, NAME_LENGTH_MAX)?,
        "dropoff_address": address("recipient", &booking.recipient)?,
        "dropoff_phone_number": phone,
        "manifest_items": [item],
        "manifest_reference": reference,
        "external_id": reference,
        "idempotency_key": reference,
        "pickup_ready_dt": moment(ready),
        "pickup_deadline_dt": moment(collected_by),
        "dropoff_ready_dt": moment(ready),
        "dropoff_deadline_dt": moment(collected_by + BROUGHT_WITHIN),
        "deliverable_action": "deliverable_action_meet_at_door",
        "undeliverable_action": "return",
    });
    if let Some(company) = named(booking.recipient.company.as_deref()) {
        delivery["dropoff_business_name"] = json!(fitting("recipient.company", company, NAME_LENGTH_MAX)?);
    }
    if let Some(age) = booking.age_min {
        delivery["dropoff_verification"] = json!({ "identification": { "min_age": age } });
    }
    Ok(delivery)
}

fn is_served(booking: &Booking, settings: &UberSettings) -> Result<(), Rejection> {
    let countries = [&booking.sender.country, &booking.recipient.country];
    if countries.into_iter().any(|country| *country != settings.country) {
        return Err(not_served("recipient.country", "couriers stay in the country of the account"));
    }
    if booking.recipient.pickup_point.is_some() {
        return Err(not_served("recipient.pickup_point", "couriers ride to doors"));
    }
    if booking.recipient_only {
        return Err(not_served("recipient_only", "nobody can be excluded from taking the goods"));
    }
    if booking.weight_grams > WEIGHT_GRAMS_MAX {
        return Err(not_served("weight_grams", "heavier than a courier carries"));
    }
    if booking.ship_date.is_some_and(|date| date > booking.asked_at.date_naive()) {
        return Err(not_served("ship_date", "couriers come today"));
    }
    Ok(())
}

/// What decides on the vehicle: ten small ones or four medium ones go on a bicycle, a large one needs a car. Uber leaves it to
/// the sender; these bounds are ours, by weight and, where it is known, by room.
fn size(booking: &Booking) -> &'static str {
    let litres = booking.dimensions_mm.map(|sides| sides.iter().product::<i64>().max(0) / 1_000_000);
    match (booking.weight_grams, litres.unwrap_or_default()) {
        (..=2_000, ..=10) => "small",
        (..=10_000, ..=30) => "medium",
        (..=15_000, ..=100) => "large",
        _ => "xlarge",
    }
}

/// Whether a courier can call it: + and digits.
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// JSON inside a text, as Uber takes an address.
fn address(of: &str, address: &Address) -> Result<Value, Rejection> {
    let field = |name: &str| format!("{of}.{name}");
    let street = street_line(address);
    let mut lines = vec![fitting(&field("street"), &street, NAME_LENGTH_MAX)?];
    if let Some(line) = named(address.line_2.as_deref()) {
        lines.push(fitting(&field("line_2"), line, NAME_LENGTH_MAX)?);
    }
    let code = fitting(&field("postal_code"), &address.postal_code, 12)?;
    let state = if address.country == "US" {
        state_of(code).ok_or_else(|| wrong(&field("postal_code"), "is no ZIP code of a state"))?
    } else {
        ""
    };
    let inner = json!({
        "street_address": lines,
        "city": fitting(&field("city"), &address.city, NAME_LENGTH_MAX)?,
        "state": state,
        "zip_code": code,
        "country": address.country,
    });
    Ok(json!(inner.to_string()))
}

/// The question what a delivery costs, before it is said who gets it; nothing where an address can't be told.
pub fn price_question(
    (sender, recipient): (&Address, &Address),
    ready_at: DateTime<Utc>,
    settings: &UberSettings,
) -> Option<Value> {
    let countries = [&sender.country, &recipient.country];
    if countries.into_iter().any(|country| *country != settings.country) {
        return None;
    }
    let ready = ready_at + settings.preparation;
    Some(json!({
        "pickup_address": address("sender", sender).ok()?,
        "dropoff_address": address("recipient", recipient).ok()?,
        "pickup_phone_number": settings.pickup_phone,
        "pickup_ready_dt": moment(ready),
        "pickup_deadline_dt": moment(ready + COLLECTED_WITHIN),
        "dropoff_ready_dt": moment(ready),
        "dropoff_deadline_dt": moment(ready + COLLECTED_WITHIN + BROUGHT_WITHIN),
    }))
}

/// What a delivery costs, and when it arrives, for each of so many parcels.
pub fn price(quote: &Value, parcels: i64) -> Option<LiveQuote> {
    let time = |name: &str| quote[name].as_str()?.parse::<DateTime<Utc>>().ok();
    let code = quote["currency_type"].as_str().or_else(|| quote["currency"].as_str())?;
    let currency: Currency = code.to_ascii_uppercase().parse().ok()?;
    let fee = Money::new(quote["fee"].as_i64()?, currency).times(parcels).ok()?;
    let arrives = time("dropoff_eta").zip(time("dropoff_deadline").or_else(|| time("dropoff_eta")));
    Some(LiveQuote {
        service: "Uber Direct".to_owned(),
        price: fee,
        leaves_by: None,
        arrives,
        // Both are counted from now: to the door, and until somebody is at the store.
        underway_minutes: quote["duration"]
            .as_i64()
            .zip(quote["pickup_duration"].as_i64())
            .map(|(to_the_door, to_the_store)| to_the_door.saturating_sub(to_the_store))
            .filter(|minutes| *minutes > 0),
        valid_until: time("expires"),
        quote: quote["id"].as_str().map(str::to_owned),
    })
}

/// What a quote needs to know of a delivery.
pub fn quote(delivery: &Value) -> Value {
    const NAMES: [&str; 8] = [
        "pickup_address",
        "dropoff_address",
        "pickup_phone_number",
        "dropoff_phone_number",
        "pickup_ready_dt",
        "pickup_deadline_dt",
        "dropoff_ready_dt",
        "dropoff_deadline_dt",
    ];
    NAMES.into_iter().map(|name| (name.to_owned(), delivery[name].clone())).collect()
}

/// The quote's id; otherwise what its refusal makes of the booking, which was not begun.
pub fn quoted(reply: &Reply) -> Result<String, BookOutcome> {
    let body: Value = reply.json().unwrap_or_default();
    if let (200..=299, Some(id)) = (reply.status, body["id"].as_str()) {
        return Ok(id.to_owned());
    }
    Err(match refusal(reply) {
        BookOutcome::Unknown { detail } => BookOutcome::NotSent { detail: format!("no quote: {detail}") },
        certain => certain,
    })
}

/// The delivery that bears our key already.
pub fn duplicate_of(reply: &Reply) -> Option<String> {
    let body: Value = reply.json().unwrap_or_default();
    let is_duplicate = reply.status == 409 && body["code"] == "duplicate_delivery";
    body["metadata"]["delivery_id"].as_str().filter(|_| is_duplicate).map(str::to_owned)
}

/// Reads what became of a delivery.
pub fn book_outcome(reply: &Reply) -> BookOutcome {
    match reply.status {
        200..=299 => booked(&reply.json::<Value>().unwrap_or_default()),
        _ => refusal(reply),
    }
}

/// A delivery that Uber has.
pub fn booked(delivery: &Value) -> BookOutcome {
    match parcel(delivery) {
        Some(BookedParcel { carrier_shipment_id, tracking_number }) => BookOutcome::Confirmed(Confirmation {
            carrier_shipment_id,
            tracking_number,
            label: None,
            qr_label: None,
            warnings: Vec::new(),
        }),
        None => BookOutcome::Unknown { detail: "an answer without a delivery".to_owned() },
    }
}

/// Uber's code says more than its status: a 503 may be a definite no, and a 400 may be open.
fn refusal(reply: &Reply) -> BookOutcome {
    let body: Value = reply.json().unwrap_or_default();
    let code = body["code"].as_str().unwrap_or_default();
    let detail = || format!("status {} {code}", reply.status).trim_end().to_owned();
    let rejected = |reason| BookOutcome::Rejected(Rejection { reason, messages: messages(&body) });
    match reply.status {
        _ if NOT_NOW.contains(&code) => BookOutcome::NotSent { detail: detail() },
        _ if OPEN.contains(&code) => BookOutcome::Unknown { detail: detail() },
        _ if NOT_SERVED.contains(&code) => rejected(RejectionReason::NotServed),
        402 | 403 => rejected(RejectionReason::Unauthorised),
        _ if NOT_OURS.contains(&code) => rejected(RejectionReason::Unauthorised),
        400 | 404 | 422 => rejected(RejectionReason::Data),
        _ => BookOutcome::Unknown { detail: detail() },
    }
}

/// The code with its words, and each field that Uber names.
pub fn messages(body: &Value) -> Vec<FieldMessage> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let whole = format!("{}: {}", text(&body["code"]), text(&body["message"]));
    let fields = body["metadata"].as_object().into_iter().flatten();
    let of_fields = fields.map(|(name, value)| FieldMessage { property: name.clone(), text: text(value) });
    let whole = FieldMessage { property: String::new(), text: whole };
    std::iter::once(whole).chain(of_fields).take(MESSAGES_MAX).collect()
}

/// Both names of a delivery: Uber's own, and the end of the page that the shopper follows it on.
fn parcel(delivery: &Value) -> Option<BookedParcel> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let id = text(&delivery["id"])?;
    let page = text(&delivery["tracking_url"]);
    let of_page = page.as_deref().and_then(|page| page.trim_end_matches('/').rsplit_once('/'));
    let tracking_number = of_page.map(|(_, end)| end.to_owned()).or_else(|| text(&delivery["uuid"]));
    Some(BookedParcel {
        tracking_number: tracking_number.unwrap_or_else(|| id.clone()),
        carrier_shipment_id: id,
    })
}

/// The deliveries of a page of the list.
pub fn listed(reply: &Reply) -> Result<Vec<Value>, CallError> {
    match reply.json::<Value>()?["data"].take() {
        Value::Array(listed) => Ok(listed),
        _ => Err(CallError::NoAnswer("the list can't be read".to_owned())),
    }
}

/// A delivery that bears our reference and was not called off. One that brings goods back is no second one.
pub fn live_parcel(delivery: &Value, reference: &Reference) -> Option<BookedParcel> {
    let bears =
        [&delivery["external_id"], &delivery["manifest"]["reference"]].contains(&&json!(reference.as_str()));
    let is_way_back = delivery["id"].as_str().is_some_and(|id| id.starts_with("ret_"));
    parcel(delivery).filter(|_| bears && !is_way_back && delivery["status"] != "canceled")
}

/// Whether a delivery was made before the day about which we ask. A day on either side: Uber's day is the store's.
pub fn is_older(delivery: &Value, booked_on: NaiveDate) -> bool {
    let created = delivery["created"].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    created.is_some_and(|created| created.date_naive() < booked_on - Days::new(1))
}

/// What a refused cancellation means: a delivery that is called off already is what was wanted.
pub fn refused_cancel(delivery: Option<&Value>, reply: &Reply) -> CancelOutcome {
    if delivery.is_some_and(|delivery| delivery["status"] == "canceled") {
        return CancelOutcome::Cancelled;
    }
    let body: Value = reply.json().unwrap_or_default();
    let said = messages(&body).into_iter().map(|message| message.text);
    CancelOutcome::Refused { detail: said.collect::<Vec<_>>().join("; ") }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn reply(status: u16, code: &str) -> Reply {
        let body = json!({ "code": code, "message": "…", "kind": "error" }).to_string().into_bytes();
        Reply { status, headers: HeaderMap::new(), body }
    }

    #[test]
    fn only_what_surely_was_not_booked_may_be_sent_again() {
        for (status, code) in [(503, "couriers_busy"), (429, "customer_limited"), (400, "expired_quote")] {
            assert!(matches!(book_outcome(&reply(status, code)), BookOutcome::NotSent { .. }), "{code}");
        }
        for (status, code) in [
            (408, "request_timeout"),
            (400, "request_timeout"),
            (400, "used_quote"),
            (500, "internal_server_error"),
            (503, "service_unavailable"),
            (429, ""),
            (200, ""),
        ] {
            assert!(matches!(book_outcome(&reply(status, code)), BookOutcome::Unknown { .. }), "{code}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        for (status, code, reason) in [
            (400, "address_undeliverable", RejectionReason::NotServed),
            (400, "address_undeliverable_limited_couriers", RejectionReason::NotServed),
            (400, "invalid_params", RejectionReason::Data),
            (400, "pickup_window_too_small", RejectionReason::Data),
            (402, "customer_suspended", RejectionReason::Unauthorised),
            (403, "customer_blocked", RejectionReason::Unauthorised),
            (404, "customer_not_found", RejectionReason::Unauthorised),
        ] {
            let BookOutcome::Rejected(rejection) = book_outcome(&reply(status, code)) else {
                panic!("{code}")
            };
            assert_eq!(rejection.reason, reason, "{code}");
            assert!(rejection.messages[0].text.starts_with(code));
        }
    }

    #[test]
    fn a_shopper_follows_the_end_of_the_page_and_without_one_the_other_name() {
        let names = |delivery: Value| parcel(&delivery).unwrap().tracking_number;
        let page = "https://www.ubereats.com/orders/62105936-e413/";
        assert_eq!(names(json!({"id": "del_1", "uuid": "6210", "tracking_url": page})), "62105936-e413");
        assert_eq!(names(json!({"id": "del_1", "uuid": "6210", "tracking_url": ""})), "6210");
        assert_eq!(names(json!({"id": "del_1"})), "del_1");
    }
}

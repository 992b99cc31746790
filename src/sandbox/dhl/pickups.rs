//! Parcel DE Pickup v3: orders of a driver, their list, taking them back, and the places of the contract.
//!
//! Our choices, because DHL says nothing: an order for the same day is taken until noon, one for another up to 14 days
//! ahead, none for a Sunday; the tour begins at 13:00 of its day and ends at 18:00, both German time, and from its beginning
//! nothing is taken back. There is no duplicate check.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Utc, Weekday};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Shared,
    auth::authorize_bearer,
    german_time::{german, german_hour},
    pickup_checks::{Order, complaint, read_order},
    reply::{Query, answer},
    state::State as Memory,
};
use crate::sandbox::digest::sha256_hex;

/// The media type of every answer.
const MEDIA_TYPE: &str = "application/json; charset=utf-8";
/// Most orders that one call takes back.
const CANCELLED_AT_ONCE_MAX: usize = 100;
/// An order's name has so many characters.
const ID_CHARACTERS: usize = 32;
/// From this hour of its day on a tour is underway …
const TOUR_BEGINS: u32 = 13;
/// … and from this one it is over.
const TOUR_ENDS: u32 = 18;
/// Until this hour a driver can be ordered for the same day.
const SAME_DAY_UNTIL: u32 = 12;
/// So many days ahead a driver can be ordered.
const DAYS_AHEAD_MAX: u64 = 14;

/// An order of a driver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pickup {
    /// Thirty-two characters.
    pub id: String,
    pub day: NaiveDate,
    /// `EZA` for single parcels, `EMA` for what needs a larger car, `BDA` for all else.
    pub kind: String,
    pub billing_number: String,
    pub postal_code: String,
    /// `customerReference` of each parcel that has one.
    pub references: Vec<String>,
    pub parcels: usize,
    /// As it was sent.
    pub order: Value,
    pub ordered_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

impl Pickup {
    /// How far it has come, in DHL's words.
    pub fn state(&self, now: DateTime<Utc>) -> &'static str {
        match () {
            () if self.cancelled_at.is_some() => "STORNIERT",
            () if now >= german_hour(self.day, TOUR_ENDS) => "ABGEHOLT",
            () if now >= german_hour(self.day, TOUR_BEGINS) => "IN_DURCHFUEHRUNG",
            () => "ANGENOMMEN",
        }
    }
}

pub async fn version() -> Response {
    reply(
        200,
        &json!({ "amp": { "name": "pp-parcel-pickup", "version": "v3.0", "rev": "1", "env": "sandbox" } }),
    )
}

pub async fn create(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    try_create(&shared, &uri, &headers, &body).unwrap_or_else(|refusal| refusal)
}

fn try_create(shared: &Shared, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response, Response> {
    authorize_bearer(shared, headers)?;
    let is_rehearsal = Query::of(uri).one("validate") == Some("true");
    let Ok(Value::Object(request)) = serde_json::from_slice::<Value>(body) else { return Err(nothing(400)) };
    let customer = shared.settings.billing_number.get(..10).unwrap_or_default();
    let order = read_order(&request, customer).map_err(|complaints| reply(422, &json!(complaints)))?;
    let day = shared.read(|_, now| day_of(&order, now))?;
    if is_rehearsal {
        let value = json!({ "pickupDate": day.to_string(), "freeOfCharge": order.is_free(), "pickupType": order.kind });
        return Ok(reply(200, &json!({ "confirmation": { "type": "VALIDATION", "value": value } })));
    }
    let pickup = shared.change(|memory, now| {
        memory.pickup_count += 1;
        let seed = format!("pickup:{}:{}", memory.pickup_count, shared.settings.api_secret);
        let pickup = Pickup {
            id: sha256_hex(seed.as_bytes()).chars().take(ID_CHARACTERS).collect(),
            day,
            kind: order.kind.to_owned(),
            billing_number: order.billing_number.clone(),
            postal_code: order.postal_code.clone(),
            references: order.references.clone(),
            parcels: order.parcels,
            order: Value::Object(request.clone()),
            ordered_at: now,
            cancelled_at: None,
        };
        memory.pickups.push(pickup.clone());
        pickup
    })?;
    let ordered = german_text(pickup.ordered_at);
    let confirmed: Vec<Value> = listed(&pickup)
        .map(|shipment| {
            let mut each =
                json!({ "transportationType": shipment["transportationType"], "orderDate": ordered });
            if let Some(number) = shipment["shipmentNo"].as_str() {
                each["shipmentNo"] = json!(number);
            }
            each
        })
        .collect();
    let value = json!({
        "orderID": pickup.id,
        "pickupDate": pickup.day.to_string(),
        "freeOfCharge": order.is_free(),
        "pickupType": pickup.kind,
        "confirmedShipments": confirmed,
    });
    Ok(reply(200, &json!({ "confirmation": { "type": "ORDERPICKUP", "value": value } })))
}

/// The day of the tour: the one that is wished for, or the next that there is.
fn day_of(order: &Order, now: DateTime<Utc>) -> Result<NaiveDate, Response> {
    let local = german(now);
    let today = local.date_naive();
    let first = if local.hour() < SAME_DAY_UNTIL { today } else { today + Days::new(1) };
    let Some(day) = order.day else {
        return Ok(if first.weekday() == Weekday::Sun { first + Days::new(1) } else { first });
    };
    let why = match () {
        () if day < today => "The pickup date lies in the past",
        () if day < first => "A pickup for today must be ordered before 12:00",
        () if day > today + Days::new(DAYS_AHEAD_MAX) => "The pickup date lies too far ahead",
        () if day.weekday() == Weekday::Sun => "There is no pickup on Sundays",
        () => return Ok(day),
    };
    Err(reply(422, &json!([complaint(410, why, "pickupDetails.pickupDate", &day.to_string())])))
}

pub async fn list(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_list(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_list(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_bearer(shared, headers)?;
    let query = Query::of(uri);
    let id = query.one("orderID");
    let day = query.one("pickupDate").map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d"));
    let day = match (id, day) {
        (_, Some(Ok(day))) => Some(day),
        (Some(_), None) => None,
        (_, Some(Err(_))) | (None, None) => return Err(nothing(400)),
    };
    let fits = |pickup: &&Pickup| {
        let place = &pickup.order["pickupLocation"]["pickupAddress"];
        let same = |name: &str, member: &str| query.one(name).is_none_or(|wanted| place[member] == wanted);
        id.is_none_or(|id| pickup.id == id)
            && day.is_none_or(|day| pickup.day == day)
            && same("pickupName1", "name1")
            && same("pickupAddressStreet", "addressStreet")
            && same("pickupAddressHouse", "addressHouse")
            && same("pickupPostalCode", "postalCode")
            && same("pickupCity", "city")
    };
    let found: Vec<Value> = shared
        .read(|memory, now| memory.pickups.iter().filter(fits).map(|pickup| shown(pickup, now)).collect());
    Ok(reply(200, &json!(found)))
}

fn shown(pickup: &Pickup, now: DateTime<Utc>) -> Value {
    let state = pickup.state(now);
    let shipments: Vec<Value> = listed(pickup)
        .map(|shipment| {
            let mut each = json!({ "shipment": shipment, "orderDate": german_text(pickup.ordered_at) });
            each["shipmentState"] = json!({ "state": state });
            if state == "ABGEHOLT" {
                each["shipmentState"]["actualPickupDate"] = json!(pickup.day.to_string());
            }
            each
        })
        .collect();
    let mut out = json!({
        "orderDetails": { "orderID": pickup.id, "orderState": state },
        "customerDetails": { "billingNumber": pickup.billing_number },
        "pickupLocation": location(pickup),
        "pickupDetails": { "pickupDate": { "type": "Date", "value": pickup.day.to_string() } },
        "shipmentDetails": { "shipments": shipments },
    });
    for name in ["businessHours", "contactPerson"] {
        if !pickup.order[name].is_null() {
            out[name] = pickup.order[name].clone();
        }
    }
    out
}

fn listed(pickup: &Pickup) -> impl Iterator<Item = &Value> {
    pickup.order["shipmentDetails"]["shipments"].as_array().into_iter().flatten()
}

/// The contract's places are the addresses that a driver was ordered to, each with a number of its own.
fn location(pickup: &Pickup) -> Value {
    let address = &pickup.order["pickupLocation"]["pickupAddress"];
    match pickup.order["pickupLocation"]["asId"].as_str() {
        Some(id) => json!({ "id": id }),
        None => json!({ "id": place_id(address), "pickupAddress": address }),
    }
}

fn place_id(address: &Value) -> String {
    let digits = sha256_hex(address.to_string().as_bytes());
    let digits: String = digits.bytes().take(10).map(|byte| char::from(b'0' + byte % 10)).collect();
    format!("AS{digits}")
}

pub async fn delete(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_delete(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_delete(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_bearer(shared, headers)?;
    let query = Query::of(uri);
    let ids: Vec<&str> = query.all("orderID");
    let is_id = |id: &&str| id.chars().count() == ID_CHARACTERS;
    if ids.is_empty() || ids.len() > CANCELLED_AT_ONCE_MAX || !ids.iter().all(is_id) {
        return Err(nothing(400));
    }
    let answer = shared.change(|memory, now| {
        let (mut confirmed, mut failed) = (Vec::new(), Vec::new());
        for id in ids {
            match cancel(memory, id, now) {
                Ok(()) => confirmed.push(json!({
                    "orderID": id, "orderState": "STORNIERT", "message": "The order was cancelled",
                })),
                Err((state, message)) => {
                    let mut each = json!({ "orderID": id, "message": message });
                    if let Some(state) = state {
                        each["orderState"] = json!(state);
                    }
                    failed.push(each);
                }
            }
        }
        json!({ "confirmedCancellations": confirmed, "failedCancellations": failed })
    })?;
    Ok(reply(200, &answer))
}

fn cancel(
    memory: &mut Memory,
    id: &str,
    now: DateTime<Utc>,
) -> Result<(), (Option<&'static str>, &'static str)> {
    let Some(pickup) = memory.pickups.iter_mut().find(|pickup| pickup.id == id) else {
        return Err((None, "There is no such order"));
    };
    match pickup.state(now) {
        "ANGENOMMEN" => {
            pickup.cancelled_at = Some(now);
            Ok(())
        }
        "STORNIERT" => Err((Some("STORNIERT"), "The order was cancelled before")),
        state => Err((Some(state), "The tour is underway or over")),
    }
}

pub async fn locations(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_locations(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_locations(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_bearer(shared, headers)?;
    let query = Query::of(uri);
    let wanted = query.one("postalCode");
    let mut places: Vec<Value> = shared.read(|memory, _| {
        let by_address = |pickup: &&Pickup| pickup.order["pickupLocation"]["pickupAddress"].is_object();
        let near = |pickup: &&Pickup| wanted.is_none_or(|code| pickup.postal_code == code);
        memory.pickups.iter().filter(by_address).filter(near).map(location).collect()
    });
    places.sort_by_key(|place| place["id"].as_str().unwrap_or_default().to_owned());
    places.dedup();
    Ok(reply(200, &json!(places)))
}

fn german_text(at: DateTime<Utc>) -> String {
    german(at).format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn reply(status: u16, body: &Value) -> Response {
    answer(status, MEDIA_TYPE, body.to_string())
}

/// A refusal that says nothing more.
fn nothing(status: u16) -> Response {
    answer(status, MEDIA_TYPE, "")
}

//! Track And Trace: statuses and events by number or reference, delivery information, the list of event codes.
//!
//! Parcel numbers and `TrackID`s are found; a shipper's own reference is not one of the references that GLS lists. What
//! can't be found is an error of its own inside a 200. Events come newest first.

use chrono::{DateTime, Duration, FixedOffset, Utc};
use serde_json::{Value, json};

use super::{
    books::{Oddities, Parcel, State},
    events::{self, Event, KINDS, Status},
    refusals::problem,
    shops,
};
use crate::sandbox::host::{Call, Reply};

/// Numbers of one request.
const NUMBERS_MAX: usize = 10;
/// Central European time without summer: what the offsets of GLS's own examples are half of the year.
const OFFSET_SECONDS: i32 = 3_600;
/// The published test parcels, one of each status, in their order.
const TEST_STATUSES: [Status; 12] = [
    Status::PlannedPickup,
    Status::InPickup,
    Status::NotPickedUp,
    Status::PreAdvice,
    Status::InTransit,
    Status::InDelivery,
    Status::DeliveredPs,
    Status::Delivered,
    Status::InWarehouse,
    Status::NotDelivered,
    Status::Canceled,
    Status::Final,
];

/// What a request wants to see.
struct View {
    links: bool,
    events: bool,
    language: String,
    oddities: Oddities,
    now: DateTime<Utc>,
}

/// `GET /tracking/simple/trackids/{unitnos}` and `/tracking/simple/references/{references}`.
pub fn parcels(state: &State, call: &Call) -> Result<Reply, Reply> {
    let numbers: Vec<&str> =
        call.id(0).split(',').map(str::trim).filter(|number| !number.is_empty()).collect();
    if numbers.len() > NUMBERS_MAX {
        let detail = format!(
            "Provided references of size '{}' is more than allowed limit of {NUMBERS_MAX}",
            numbers.len()
        );
        return Err(problem(call, 400, "Bad Request", &detail));
    }
    let view = View {
        links: flag(call, "showLinks", false)?,
        events: flag(call, "showEvents", true)?,
        language: call.header("accept-language").unwrap_or("EN").to_owned(),
        oddities: state.oddities,
        now: call.now,
    };
    let listed: Vec<Value> = numbers.iter().map(|number| parcel(state, number, &view)).collect();
    Ok(Reply::json(200, &json!({ "parcels": listed })))
}

fn parcel(state: &State, requested: &str, view: &View) -> Value {
    if let Some((status, events)) = test_parcel(requested, view.now) {
        return seen(requested, requested, status, &events, view);
    }
    let found = state.find(requested);
    let late = view.now - Duration::seconds(view.oddities.late_seconds.max(0));
    let known = found.map(|parcel| visible(parcel, late));
    match (found, known) {
        (Some(parcel), Some(events)) if !events.is_empty() => {
            let status = events.last().map_or(Status::PreAdvice, |event| event.status);
            seen(requested, &parcel.parcel_number, status, &events, view)
        }
        _ => json!({ "requested": requested, "errorCode": "E_404_01", "errorMessage": "Resource Not Found" }),
    }
}

/// The events that tracking has learnt of. The closing of a history is a status and no event.
fn visible(parcel: &Parcel, until: DateTime<Utc>) -> Vec<Event> {
    parcel.events.iter().filter(|event| event.at <= until).cloned().collect()
}

fn seen(requested: &str, number: &str, status: Status, events: &[Event], view: &View) -> Value {
    let changed = events.last().map_or(view.now, |event| event.at);
    let mut body = json!({
        "requested": requested, "unitno": number, "status": status.as_str(), "statusDateTime": time(changed),
    });
    if view.links && status == Status::DeliveredPs {
        let href = format!("/tracking/deliveryinfo/parcelid/{number}?{{originaldestinationpostalcode}}");
        body["_links"] = json!({ "deliveryInfo": { "href": href, "templated": true } });
    }
    if view.events {
        let happened = events.iter().filter(|event| event.status != Status::Final);
        let mut listed: Vec<Value> = happened.rev().map(|event| event_view(event, &view.language)).collect();
        if view.oddities.doubled {
            listed = listed.into_iter().flat_map(|event| [event.clone(), event]).collect();
        }
        if view.oddities.shuffled {
            // Every second one first: neither newest first nor oldest first, from three events on.
            let (even, odd): (Vec<_>, Vec<_>) =
                listed.into_iter().enumerate().partition(|(place, _)| place.is_multiple_of(2));
            listed = odd.into_iter().chain(even).map(|(_, event)| event).collect();
        }
        body["events"] = json!(listed);
    }
    body
}

fn event_view(event: &Event, language: &str) -> Value {
    json!({
        "code": event.code,
        "city": event.city,
        "postalCode": event.postal_code,
        "country": event.country,
        "description": events::find(&event.code).map_or("", |kind| kind.text(language)),
        "eventDateTime": time(event.at),
    })
}

/// A published test parcel: its status, and yesterday's events.
fn test_parcel(number: &str, now: DateTime<Utc>) -> Option<(Status, Vec<Event>)> {
    let digits = number.strip_prefix("QAS_").or_else(|| number.strip_prefix("REF_"))?;
    let place = digits.parse::<usize>().ok().filter(|_| digits.len() == 7)?;
    let status = *TEST_STATUSES.get(place.checked_sub(1)?)?;
    let yesterday = now - Duration::days(1);
    let wanted = if status == Status::Final { Status::Delivered } else { status };
    let last = KINDS.iter().find(|kind| kind.status == wanted)?;
    let first = KINDS.iter().find(|kind| kind.status == Status::PreAdvice)?;
    let event = |code: &str, status: Status, at: DateTime<Utc>| Event {
        code: code.to_owned(),
        status,
        at,
        city: String::new(),
        postal_code: String::new(),
        country: "DE".to_owned(),
    };
    let mut events = vec![event(first.code, first.status, yesterday)];
    if last.code != first.code {
        events.push(event(last.code, last.status, yesterday + Duration::hours(2)));
    }
    Some((status, events))
}

/// `GET /tracking/deliveryinfo/parcelid/{unitno}?originaldestinationpostalcode=`.
pub fn delivery_info(state: &State, call: &Call) -> Result<Reply, Reply> {
    let Some(postcode) = call.query("originaldestinationpostalcode") else {
        let detail = "Required parameter 'originaldestinationpostalcode' is not present.";
        return Err(problem(call, 400, "Bad Request", detail));
    };
    let number = call.id(0);
    let (shop, expected) = if number == "QAS_0000007" {
        (Some("2760188645".to_owned()), "00000".to_owned())
    } else {
        match state.find(number) {
            None => return Ok(info_error("E_404_01", "Resource Not Found")),
            Some(parcel) => {
                let in_shop = parcel.events.iter().any(|event| event.status == Status::DeliveredPs);
                let shop = parcel.parcel_shop.clone().or_else(|| in_shop.then(|| "2760188645".to_owned()));
                (shop.filter(|_| in_shop), parcel.destination().postal_code.clone())
            }
        }
    };
    if postcode != expected {
        return Ok(info_error("E_400_03", "Wrong Postal Code"));
    }
    let Some(shop) = shop else { return Ok(info_error("E_404_02", "No Delivery Info")) };
    let partner = shops::partner_of(&shop).unwrap_or_default();
    let href = format!(
        "https://api.gls-group.net/parcel-shop-management/v2/active-public-parcel-shops/{partner}/{shop}"
    );
    let links = json!({ "parcelShopManagement": { "href": href, "templated": false } });
    let delivery = json!({ "parcelshopId": shop, "partnerId": partner, "_links": links });
    Ok(Reply::json(200, &json!({ "parcelshopDelivery": delivery })))
}

fn info_error(code: &str, message: &str) -> Reply {
    Reply::json(200, &json!({ "errorCode": code, "errorMessage": message }))
}

/// `GET /tracking/events/codes`.
pub fn codes(call: &Call) -> Reply {
    let language = call.header("accept-language").unwrap_or("EN");
    let events = KINDS.iter().filter(|kind| kind.status != Status::Final);
    let listed: Vec<Value> =
        events.map(|kind| json!({ "code": kind.code, "description": kind.text(language) })).collect();
    Reply::json(200, &json!({ "eventsCodes": listed }))
}

fn flag(call: &Call, name: &str, default: bool) -> Result<bool, Reply> {
    let Some(text) = call.query(name) else { return Ok(default) };
    text.parse().map_err(|_| {
        problem(call, 400, "Bad Request", &format!("Failed to convert '{name}' with value: '{text}'"))
    })
}

/// As GLS writes a moment: `2024-10-07T10:46:14+0200`.
fn time(moment: DateTime<Utc>) -> String {
    let offset = FixedOffset::east_opt(OFFSET_SECONDS).expect("an hour is a valid offset");
    moment.with_timezone(&offset).format("%Y-%m-%dT%H:%M:%S%z").to_string()
}

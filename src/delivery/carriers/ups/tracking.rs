//! Tracking's answers as canonical events.
//!
//! UPS lists the newest activity first and repeats the whole list each time; it gives times in its own zone and in GMT. A
//! number that it knows nothing of has warnings in the place of its package.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeZone};
use serde_json::Value;

use super::status::canonical;
use crate::delivery::carrier::{BookedParcel, CallError, ParcelStatus, Tracking, TrackingEvent};
use crate::delivery::carriers::events::dedupe_key;

/// A parcel has some twenty activities; more than this is not a parcel's life.
const EVENTS_MAX: usize = 500;

/// Reads an answer; `None` when it does not speak of this parcel.
pub fn read(body: &[u8], tracking_number: &str) -> Result<Option<Tracking>, CallError> {
    let answer = parsed(body)?;
    let Some(package) = packages(&answer).find(|package| package["trackingNumber"] == tracking_number) else {
        return Ok(None);
    };
    let listed = package["activity"].as_array().map(Vec::as_slice).unwrap_or_default();
    let events = listed.iter().take(EVENTS_MAX).rev().filter_map(|activity| event(activity, tracking_number));
    Ok(Some(Tracking { events: events.collect() }))
}

/// The parcels of an answer that are not void.
pub fn live_parcels(body: &[u8]) -> Result<Vec<BookedParcel>, CallError> {
    let answer = parsed(body)?;
    let live = packages(&answer).filter(|package| {
        number_of(&package["currentStatus"]).and_then(canonical) != Some(ParcelStatus::Cancelled)
    });
    let numbers = live.filter_map(|package| package["trackingNumber"].as_str());
    // One parcel a booking: the parcel's number is the shipment's.
    let parcel = |number: &str| BookedParcel {
        carrier_shipment_id: number.to_owned(),
        tracking_number: number.to_owned(),
    };
    Ok(numbers.map(parcel).collect())
}

fn parsed(body: &[u8]) -> Result<Value, CallError> {
    serde_json::from_slice(body)
        .map_err(|_| CallError::NoAnswer("the tracking answer can't be read".to_owned()))
}

fn packages(answer: &Value) -> impl Iterator<Item = &Value> {
    let shipments = answer["trackResponse"]["shipment"].as_array().into_iter().flatten();
    shipments.flat_map(|shipment| shipment["package"].as_array().into_iter().flatten())
}

/// The number of a status: three digits as a text, or what some answers make of it.
fn number_of(status: &Value) -> Option<u32> {
    let code = &status["statusCode"];
    code.as_str().and_then(|text| text.trim().parse().ok()).or_else(|| u32::try_from(code.as_u64()?).ok())
}

/// None without a readable time: such an event could never be ordered.
fn event(activity: &Value, tracking_number: &str) -> Option<TrackingEvent> {
    let occurred_at = occurred_at(activity)?;
    let status = &activity["status"];
    let number = number_of(status);
    let code = status["code"].as_str().unwrap_or_default();
    let raw_code = number.map_or_else(|| code.to_owned(), |number| format!("{number:03}"));
    let place = activity["location"]["address"]["city"].as_str().filter(|city| !city.is_empty());
    Some(TrackingEvent {
        dedupe_key: dedupe_key(tracking_number, &raw_code, occurred_at, place),
        occurred_at,
        raw_code,
        status: number.and_then(canonical),
        place: place.map(str::to_owned),
        description: status["description"].as_str().map(str::to_owned),
        is_retracted: false,
    })
}

/// GMT with the place's offset; an activity without GMT has the local time, taken as if it were.
fn occurred_at(activity: &Value) -> Option<DateTime<FixedOffset>> {
    let read = |date: &str, time: &str| {
        let date = NaiveDate::parse_from_str(activity[date].as_str()?, "%Y%m%d").ok()?;
        let digits: String = activity[time].as_str()?.chars().filter(char::is_ascii_digit).collect();
        Some(date.and_time(NaiveTime::parse_from_str(&digits, "%H%M%S").ok()?))
    };
    let offset = activity["gmtOffset"].as_str().and_then(offset).or_else(|| FixedOffset::east_opt(0))?;
    match read("gmtDate", "gmtTime") {
        Some(gmt) => Some(offset.from_utc_datetime(&gmt)),
        None => offset.from_local_datetime(&read("date", "time")?).single(),
    }
}

/// `-05:00`, which Track Alert writes as `-05.00`.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once([':', '.'])?;
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    match sign {
        "-" => FixedOffset::west_opt(seconds),
        "+" => FixedOffset::east_opt(seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(activities: &Value) -> Vec<u8> {
        let package = json!({"trackingNumber": "1Z1", "activity": activities});
        json!({"trackResponse": {"shipment": [{"package": [package]}]}}).to_string().into_bytes()
    }

    #[test]
    fn events_come_oldest_first_with_the_offset_of_their_place() {
        let body = answer(&json!([
            {"gmtDate": "20261124", "gmtTime": "17:30:00", "gmtOffset": "-05:00", "status": {"statusCode": "011"}},
            {"gmtDate": "20261124", "gmtTime": "13:15:00", "gmtOffset": "-05:00", "status": {"statusCode": "021"}},
        ]));
        let events = read(&body, "1Z1").unwrap().unwrap().events;
        assert_eq!(events[0].status, Some(ParcelStatus::OutForDelivery));
        assert_eq!(events[1].occurred_at.to_rfc3339(), "2026-11-24T12:30:00-05:00");
        assert_eq!(events[1].raw_code, "011");
    }

    #[test]
    fn what_is_missing_or_new_is_survived() {
        let body = answer(&json!([
            {"date": "20261124", "time": "093000", "status": {"statusCode": "999", "description": "New"}},
            {"status": {"statusCode": "011"}},
            {"gmtDate": "20261124", "gmtTime": "080000", "gmtOffset": "-05.00", "status": {"statusCode": 3}},
            {"gmtDate": "20261124", "gmtTime": "070000", "status": {"type": "I", "code": "XX"}},
        ]));
        let events = read(&body, "1Z1").unwrap().unwrap().events;
        let seen: Vec<_> = events.iter().map(|event| (event.raw_code.as_str(), event.status)).collect();
        assert_eq!(seen, [("XX", None), ("003", Some(ParcelStatus::Announced)), ("999", None)]);
        let warned = json!({"trackResponse": {"shipment": [{"warnings": [{"code": "TW0001"}]}]}});
        assert_eq!(read(warned.to_string().as_bytes(), "1Z1"), Ok(None));
        assert!(read(b"{", "1Z1").is_err());
    }
}

//! Track And Trace's answer as canonical events.
//!
//! GLS tells a status of the parcel and, newest first, the events that led to it. The statuses are all published, of the
//! events' codes only some: so the status is taken as an event of its own, at the time since which it holds, and an event
//! means something only where its code is known. GLS has no status for what goes back to its sender: whatever speaks of a
//! return in its code begins one, and what follows it is part of it.

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::delivery::carrier::{CallError, ParcelStatus, Tracking, TrackingEvent};
use crate::delivery::carriers::events::dedupe_key;

/// A parcel has some twenty events; more than this is not a parcel's life.
const EVENTS_MAX: usize = 500;

/// What a status of a parcel means; `None` for one that is new, and for `FINAL`, which says that the last one stands.
pub fn canonical(status: &str) -> Option<ParcelStatus> {
    Some(match status {
        "PLANNEDPICKUP" | "INPICKUP" | "PREADVICE" => ParcelStatus::Announced,
        "NOTPICKEDUP" => ParcelStatus::Exception,
        "INTRANSIT" | "INWAREHOUSE" => ParcelStatus::InTransit,
        "INDELIVERY" => ParcelStatus::OutForDelivery,
        "DELIVERED" => ParcelStatus::Delivered,
        // In the shop, not with the shopper.
        "DELIVEREDPS" => ParcelStatus::AtPickupPoint,
        "NOTDELIVERED" => ParcelStatus::FailedAttempt,
        "CANCELED" => ParcelStatus::Cancelled,
        _ => return None,
    })
}

/// What an event means, as far as its code is public.
pub fn of_event(code: &str) -> Option<ParcelStatus> {
    Some(match code.split_once('.')? {
        ("INTIAL", "PREADVICE" | "E48_DATA") => ParcelStatus::Announced,
        ("INTIAL", "NORMAL") => ParcelStatus::PickedUp,
        ("INBOUD" | "OUTBOD", _) => ParcelStatus::InTransit,
        ("OUTDEL", _) => ParcelStatus::OutForDelivery,
        ("DELIVD", "PARCELSHOP") => ParcelStatus::AtPickupPoint,
        ("DELIVD", _) => ParcelStatus::Delivered,
        ("CANCEL", _) => ParcelStatus::Cancelled,
        _ => return None,
    })
}

fn begins_return(code: &str) -> bool {
    code.contains("RETURN")
}

/// Reads an answer; `None` when GLS does not know the parcel.
pub fn read(body: &[u8], tracking_number: &str) -> Result<Option<Tracking>, CallError> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|_| CallError::NoAnswer("the tracking answer can't be read".to_owned()))?;
    let parcels = answer["parcels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(parcel) = parcels.iter().find(|parcel| parcel["requested"] == tracking_number) else {
        return Ok(None);
    };
    if parcel["errorCode"].is_string() {
        return Ok(None);
    }
    let listed = parcel["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut events: Vec<TrackingEvent> =
        listed.iter().take(EVENTS_MAX).filter_map(|one| event(one, tracking_number)).collect();
    events.extend(standing(parcel, tracking_number));
    // By time, and what happened at once in the order of a travel: the list is newest first.
    events.reverse();
    events.sort_by_key(|event| event.occurred_at);
    turn_back(&mut events);
    Ok(Some(Tracking { events }))
}

/// None without a readable time: such an event could never be ordered.
fn event(event: &Value, tracking_number: &str) -> Option<TrackingEvent> {
    let occurred_at = time(event["eventDateTime"].as_str()?)?;
    let raw_code = event["code"].as_str().unwrap_or_default().to_owned();
    let place = event["city"].as_str().filter(|city| !city.is_empty()).map(str::to_owned);
    Some(TrackingEvent {
        dedupe_key: dedupe_key(tracking_number, &raw_code, occurred_at, place.as_deref()),
        occurred_at,
        status: of_event(&raw_code),
        raw_code,
        place,
        description: event["description"].as_str().map(str::to_owned),
        is_retracted: false,
    })
}

/// The parcel's own status, as an event.
fn standing(parcel: &Value, tracking_number: &str) -> Option<TrackingEvent> {
    let occurred_at = time(parcel["statusDateTime"].as_str()?)?;
    let raw_code = parcel["status"].as_str()?.to_owned();
    // Handed over is more than on its way, and the events say so.
    Some(TrackingEvent {
        dedupe_key: dedupe_key(tracking_number, &raw_code, occurred_at, None),
        occurred_at,
        status: canonical(&raw_code),
        raw_code,
        place: None,
        description: None,
        is_retracted: false,
    })
}

/// From the beginning of a return on, nothing brings the parcel nearer to its recipient.
fn turn_back(events: &mut [TrackingEvent]) {
    let Some(first) = events.iter().position(|event| begins_return(&event.raw_code)) else { return };
    let began = events[first].occurred_at;
    for event in events.iter_mut().filter(|event| event.occurred_at >= began) {
        event.status = match event.status {
            Some(ParcelStatus::Delivered) => Some(ParcelStatus::Returned),
            Some(ParcelStatus::PickedUp | ParcelStatus::InTransit | ParcelStatus::OutForDelivery) => {
                Some(ParcelStatus::Returning)
            }
            other => other,
        };
    }
    // Those that speak of a return later may well speak of its end: that is for the parcel's status to say.
    events[first].status = events[first].status.or(Some(ParcelStatus::Returning));
}

/// `2024-10-07T10:46:14+0200`.
fn time(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").or_else(|_| DateTime::parse_from_rfc3339(text)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every status that GLS publishes, spelt out.
    const TABLE: [(&str, Option<ParcelStatus>); 12] = [
        ("PLANNEDPICKUP", Some(ParcelStatus::Announced)),
        ("INPICKUP", Some(ParcelStatus::Announced)),
        ("NOTPICKEDUP", Some(ParcelStatus::Exception)),
        ("PREADVICE", Some(ParcelStatus::Announced)),
        ("INTRANSIT", Some(ParcelStatus::InTransit)),
        ("INWAREHOUSE", Some(ParcelStatus::InTransit)),
        ("INDELIVERY", Some(ParcelStatus::OutForDelivery)),
        ("DELIVERED", Some(ParcelStatus::Delivered)),
        ("DELIVEREDPS", Some(ParcelStatus::AtPickupPoint)),
        ("NOTDELIVERED", Some(ParcelStatus::FailedAttempt)),
        ("CANCELED", Some(ParcelStatus::Cancelled)),
        ("FINAL", None),
    ];

    #[test]
    fn every_published_status_means_one_thing_and_a_new_one_nothing() {
        for (status, expected) in TABLE {
            assert_eq!(canonical(status), expected, "{status}");
        }
        assert_eq!(canonical("TELEPORTED"), None);
    }

    fn read_events(parcel: &Value) -> Vec<(String, Option<ParcelStatus>)> {
        let body = json!({"parcels": [parcel]}).to_string();
        let tracking = read(body.as_bytes(), "1").unwrap().unwrap();
        tracking.events.into_iter().map(|event| (event.raw_code, event.status)).collect()
    }

    #[test]
    fn events_come_oldest_first_whatever_order_they_are_told_in_and_new_codes_are_survived() {
        let told = read_events(&json!({
            "requested": "1", "status": "INDELIVERY", "statusDateTime": "2026-11-24T08:00:00+0100",
            "events": [
                {"code": "INTIAL.NORMAL", "eventDateTime": "2026-11-23T18:00:00+0100"},
                {"code": "OUTDEL.NORMAL", "eventDateTime": "2026-11-24T08:00:00+0100"},
                {"code": "BEAMED.UP", "eventDateTime": "2026-11-24T03:00:00+0100"},
                {"code": "INTIAL.PREADVICE", "eventDateTime": "2026-11-23T10:00:00+0100"},
                {"code": "INBOUD.NORMAL"},
            ],
        }));
        let expected = [
            ("INTIAL.PREADVICE", Some(ParcelStatus::Announced)),
            ("INTIAL.NORMAL", Some(ParcelStatus::PickedUp)),
            ("BEAMED.UP", None),
            ("INDELIVERY", Some(ParcelStatus::OutForDelivery)),
            ("OUTDEL.NORMAL", Some(ParcelStatus::OutForDelivery)),
        ];
        assert_eq!(told, expected.map(|(code, status)| (code.to_owned(), status)));
    }

    #[test]
    fn what_goes_back_is_never_delivered() {
        let told = read_events(&json!({
            "requested": "1", "status": "DELIVERED", "statusDateTime": "2026-11-26T09:00:00+0100",
            "events": [
                {"code": "DELIVD.NORMAL", "eventDateTime": "2026-11-26T09:00:00+0100"},
                {"code": "INBOUD.NORMAL", "eventDateTime": "2026-11-25T09:00:00+0100"},
                {"code": "OUTBOD.RETURN", "eventDateTime": "2026-11-24T09:00:00+0100"},
                {"code": "OUTDEL.NORMAL", "eventDateTime": "2026-11-23T09:00:00+0100"},
            ],
        }));
        let statuses: Vec<Option<ParcelStatus>> = told.into_iter().map(|(_, status)| status).collect();
        let back = Some(ParcelStatus::Returning);
        let home = Some(ParcelStatus::Returned);
        assert_eq!(statuses, [Some(ParcelStatus::OutForDelivery), back, back, home, home]);
    }

    #[test]
    fn an_unknown_parcel_is_no_parcel_and_an_unreadable_answer_no_answer() {
        let unknown = json!({"parcels": [{"requested": "1", "errorCode": "E_404_01"}]}).to_string();
        assert_eq!(read(unknown.as_bytes(), "1"), Ok(None));
        assert_eq!(read(b"{\"parcels\":[]}", "1"), Ok(None));
        assert!(read(b"{", "1").is_err());
    }
}

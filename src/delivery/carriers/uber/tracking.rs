//! A delivery as canonical events.
//!
//! Uber tells how a delivery stands and not how it came there. Each status is taken as an event at the time of the
//! delivery's last change; a status comes once in a delivery's life, so that it keeps its name however often it is told,
//! and what was told before stays. The goods' collection and a door that stayed shut have times of their own.

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::delivery::carrier::{ParcelStatus, Tracking, TrackingEvent};
use crate::delivery::carriers::events::dedupe_key;

/// What a status means; `is_collected` when a courier has had the goods. `None` for one that is new.
pub fn canonical(status: &str, is_collected: bool) -> Option<ParcelStatus> {
    Some(match status {
        // Also while the courier is on the way to the store.
        "pending" | "pickup" => ParcelStatus::Announced,
        "pickup_complete" => ParcelStatus::PickedUp,
        "dropoff" => ParcelStatus::OutForDelivery,
        "delivered" => ParcelStatus::Delivered,
        // What a courier has had is not given up by a word: somebody looks where it is.
        "canceled" if is_collected => ParcelStatus::Exception,
        "canceled" => ParcelStatus::Cancelled,
        "returned" => ParcelStatus::Returned,
        _ => return None,
    })
}

/// Reads a delivery, in the order of its life: the store, the courier, the door, the end.
pub fn read(delivery: &Value, id: &str) -> Tracking {
    let time = |value: &Value| DateTime::parse_from_rfc3339(value.as_str()?).ok();
    let Some(updated) = time(&delivery["updated"]).or_else(|| time(&delivery["created"])) else {
        return Tracking { events: Vec::new() };
    };
    let created = time(&delivery["created"]).unwrap_or(updated);
    let status = delivery["status"].as_str().unwrap_or_default();
    let of_waypoint = |name: &str, state: &str| {
        let waypoint = &delivery[name];
        (waypoint["status"] == state).then(|| time(&waypoint["status_timestamp"]).unwrap_or(updated))
    };
    let collected = of_waypoint("pickup", "completed");
    let failed = of_waypoint("dropoff", "failed").filter(|_| status != "delivered");
    let is_collected = collected.is_some() || matches!(status, "pickup_complete" | "dropoff" | "delivered");
    let event = |code: &str, at: DateTime<FixedOffset>, status: Option<ParcelStatus>| TrackingEvent {
        // By the time of its making: a status is told again and again, at times that differ.
        dedupe_key: dedupe_key(id, code, created, None),
        occurred_at: at,
        raw_code: code.to_owned(),
        status,
        place: None,
        description: reason(delivery).filter(|_| status.is_some_and(needs_reason)),
        is_retracted: false,
    };
    let plain = |code: &str, at| event(code, at, canonical(code, is_collected));
    let mut events = vec![plain("pending", created)];
    if status == "pickup" {
        events.push(plain("pickup", updated));
    }
    if let Some(at) = collected.or_else(|| (status == "pickup_complete").then_some(updated)) {
        events.push(plain("pickup_complete", at));
    }
    if let Some(at) = failed.or_else(|| (status == "dropoff").then_some(updated)) {
        events.push(plain("dropoff", at));
    }
    if let Some(at) = failed {
        events.push(event("undeliverable", at, Some(ParcelStatus::FailedAttempt)));
    }
    if comes_back(delivery) && status == "dropoff" {
        events.push(event("return", updated, Some(ParcelStatus::Returning)));
    }
    if !matches!(status, "pending" | "pickup" | "pickup_complete" | "dropoff") {
        events.push(plain(status, updated));
    }
    Tracking { events }
}

/// Whether somebody will ask why.
fn needs_reason(status: ParcelStatus) -> bool {
    use ParcelStatus::{Cancelled, Exception, FailedAttempt, Returned, Returning};
    matches!(status, Cancelled | Exception | FailedAttempt | Returned | Returning)
}

/// A second delivery brings the goods back.
fn comes_back(delivery: &Value) -> bool {
    let mut related = delivery["related_deliveries"].as_array().into_iter().flatten();
    related.any(|one| one["relationship"] == "return")
}

/// Why it was not delivered, in Uber's words.
fn reason(delivery: &Value) -> Option<String> {
    let words = [&delivery["undeliverable_reason"], &delivery["cancelation_reason"]["primary_reason"]];
    words.into_iter().filter_map(Value::as_str).find(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use ParcelStatus::{
        Announced, Cancelled, Delivered, Exception, FailedAttempt, OutForDelivery, PickedUp, Returned,
        Returning,
    };

    /// Every status of Uber's file, spelt out: before the goods are collected, and after.
    const TABLE: [(&str, ParcelStatus, ParcelStatus); 7] = [
        ("pending", Announced, Announced),
        ("pickup", Announced, Announced),
        ("pickup_complete", PickedUp, PickedUp),
        ("dropoff", OutForDelivery, OutForDelivery),
        ("delivered", Delivered, Delivered),
        ("canceled", Cancelled, Exception),
        ("returned", Returned, Returned),
    ];

    #[test]
    fn every_status_means_one_thing_and_a_new_one_nothing() {
        for (status, before, after) in TABLE {
            assert_eq!(canonical(status, false), Some(before), "{status}");
            assert_eq!(canonical(status, true), Some(after), "{status}");
        }
        assert_eq!(canonical("teleported", true), None);
    }

    fn told(mut delivery: Value) -> Vec<(String, Option<ParcelStatus>)> {
        delivery["created"] = json!("2026-11-23T09:00:00.000Z");
        delivery["updated"] = json!("2026-11-23T09:40:00.000Z");
        let events = read(&delivery, "del_1").events;
        assert!(events.is_sorted_by_key(|event| event.occurred_at), "{events:?}");
        events.into_iter().map(|event| (event.raw_code, event.status)).collect()
    }

    fn codes(told: &[(String, Option<ParcelStatus>)]) -> Vec<&str> {
        told.iter().map(|(code, _)| code.as_str()).collect()
    }

    #[test]
    fn a_delivery_tells_its_life_as_far_as_it_is_known() {
        let collected = json!({"status": "completed", "status_timestamp": "2026-11-23T09:20:00.000Z"});
        assert_eq!(codes(&told(json!({"status": "pending"}))), ["pending"]);
        assert_eq!(codes(&told(json!({"status": "pickup"}))), ["pending", "pickup"]);
        let underway = told(json!({"status": "dropoff", "pickup": collected}));
        assert_eq!(codes(&underway), ["pending", "pickup_complete", "dropoff"]);
        let delivered = told(json!({"status": "delivered", "pickup": collected}));
        assert_eq!(delivered.last(), Some(&("delivered".to_owned(), Some(Delivered))));
        let lost = told(json!({"status": "canceled", "pickup": collected}));
        assert_eq!(lost.last(), Some(&("canceled".to_owned(), Some(Exception))));
        assert_eq!(told(json!({"status": "canceled"})).last().unwrap().1, Some(Cancelled));
        assert_eq!(told(json!({"status": "teleported"})).last().unwrap().1, None);
        assert!(read(&json!({"status": "pending"}), "del_1").events.is_empty(), "without a time");
    }

    #[test]
    fn what_is_not_handed_over_comes_back() {
        let collected = json!({"status": "completed", "status_timestamp": "2026-11-23T09:20:00.000Z"});
        let failed = json!({"status": "failed", "status_timestamp": "2026-11-23T09:35:00.000Z"});
        let mut delivery = json!({
            "status": "dropoff", "pickup": collected, "dropoff": failed, "undeliverable_reason": "NOBODY",
            "related_deliveries": [{"id": "ret_1", "relationship": "return"}],
        });
        let coming = told(delivery.clone());
        let statuses: Vec<_> = coming.into_iter().filter_map(|(_, status)| status).collect();
        assert_eq!(statuses, [Announced, PickedUp, OutForDelivery, FailedAttempt, Returning]);
        delivery["status"] = json!("returned");
        assert_eq!(told(delivery).last().unwrap().1, Some(Returned));
    }
}

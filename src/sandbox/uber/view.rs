//! A delivery as the API and the webhooks show it.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{
    address::Address,
    books::{Delivery, Status},
    quotes::{DROPOFF_MINUTES, PICKUP_MINUTES},
};

/// RFC 3339, with milliseconds.
pub fn time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn view(delivery: &Delivery, url: &str) -> Value {
    let (windows, status) = (&delivery.windows, delivery.status);
    let pickup_eta = windows.pickup_ready.max(delivery.created()) + Duration::minutes(PICKUP_MINUTES);
    let dropoff_eta = windows.pickup_ready.max(delivery.created()) + Duration::minutes(DROPOFF_MINUTES);
    let action = match (status, &delivery.undeliverable_reason) {
        (Status::Returned, Some(_)) => "returned",
        (Status::Delivered, Some(_)) => "left_at_door",
        _ => "",
    };
    let mut body = json!({
        "id": delivery.id,
        "uuid": delivery.uuid,
        "kind": "delivery",
        "status": status.as_str(),
        "complete": status.is_end(),
        "created": time(delivery.created()),
        "updated": time(delivery.updated()),
        "currency": delivery.currency.to_lowercase(),
        "fee": delivery.fee,
        "tip": delivery.tip,
        "live_mode": false,
        "courier_imminent": false,
        "pickup": waypoint(delivery, "pickup", &delivery.pickup),
        "dropoff": waypoint(delivery, "dropoff", &delivery.dropoff),
        "pickup_ready": time(windows.pickup_ready),
        "pickup_deadline": time(windows.pickup_deadline),
        "pickup_eta": time(pickup_eta),
        "dropoff_ready": time(windows.dropoff_ready),
        "dropoff_deadline": time(windows.dropoff_deadline),
        "dropoff_eta": time(dropoff_eta),
        "manifest": {
            "reference": delivery.manifest_reference.as_deref().unwrap_or_default(),
            "total_value": delivery.request["manifest_total_value"].as_i64().unwrap_or_default(),
        },
        "manifest_items": delivery.request["manifest_items"],
        "tracking_url": format!("{url}/orders/{}", delivery.uuid),
        "undeliverable_action": action,
        "undeliverable_reason": delivery.undeliverable_reason.as_deref().unwrap_or_default(),
    });
    let deliverable = delivery.request["deliverable_action"].as_str();
    body["deliverable_action"] = json!(deliverable.unwrap_or("deliverable_action_meet_at_door"));
    if let Some(quote_id) = &delivery.quote_id {
        body["quote_id"] = json!(quote_id);
    }
    if let Some(external_id) = &delivery.external_id {
        body["external_id"] = json!(external_id);
    }
    if let Some(reason) = &delivery.cancelation_reason {
        body["cancelation_reason"] = json!({ "primary_reason": reason });
    }
    if let Some(related) = &delivery.related {
        body["related_deliveries"] = json!([{ "id": related.id, "relationship": related.relationship }]);
    }
    if status != Status::Pending && !status.is_end() {
        body["courier"] = courier(delivery);
    }
    body
}

fn waypoint(delivery: &Delivery, name: &str, address: &Address) -> Value {
    let request = &delivery.request;
    let of = |field: &str| request[format!("{name}_{field}").as_str()].clone();
    let mut waypoint = json!({
        "name": of("name"),
        "phone_number": of("phone_number"),
        "address": address.line(),
        "detailed_address": {
            "street_address_1": address.street_address.first().cloned().unwrap_or_default(),
            "street_address_2": address.street_address.get(1).cloned().unwrap_or_default(),
            "city": address.city, "state": address.state, "zip_code": address.zip_code, "country": address.country,
        },
    });
    for (field, shown) in [("notes", "notes"), ("seller_notes", "seller_notes")] {
        if of(field).is_string() {
            waypoint[shown] = of(field);
        }
    }
    if of("verification").is_object() {
        let mut requirements = of("verification");
        if let Some(pincode) = delivery.pincode.as_ref().filter(|_| name == "dropoff") {
            requirements["pincode"] = json!({ "enabled": true, "value": pincode });
        }
        waypoint["verification_requirements"] = requirements;
    }
    let reached = if name == "pickup" { Status::PickupComplete } else { Status::Delivered };
    let failed = name == "dropoff" && delivery.undeliverable_reason.is_some();
    if let Some(at) = delivery.since(reached) {
        (waypoint["status"], waypoint["status_timestamp"]) = (json!("completed"), json!(time(at)));
        if let Some(age) = delivery.min_age.filter(|_| name == "dropoff") {
            waypoint["verification"] = json!({ "identification": { "min_age_verified": age > 0 } });
        }
    } else if failed {
        let at = delivery.updated();
        (waypoint["status"], waypoint["status_timestamp"]) = (json!("failed"), json!(time(at)));
        if delivery.min_age.is_some() {
            waypoint["verification"] = json!({ "identification": { "min_age_verified": false } });
        }
    }
    waypoint
}

fn courier(delivery: &Delivery) -> Value {
    json!({
        "name": "Robin C.",
        "vehicle_type": if fits_on_a_bicycle(&delivery.request["manifest_items"]) { "bicycle" } else { "car" },
        "phone_number": "+15555550100",
        "location": { "lat": 50.7374, "lng": 7.0982 },
    })
}

/// More than ten small things, four medium ones or a large one need a car.
fn fits_on_a_bicycle(items: &Value) -> bool {
    let count = |size: &str| {
        let of_size = |item: &&Value| item["size"].as_str().unwrap_or("small") == size;
        items
            .as_array()
            .into_iter()
            .flatten()
            .filter(of_size)
            .filter_map(|item| item["quantity"].as_i64())
            .sum::<i64>()
    };
    count("small") <= 10 && count("medium") <= 4 && count("large") <= 1 && count("xlarge") == 0
}

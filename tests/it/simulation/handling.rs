//! What staff do with goods that are delivered, until the courier has them: pick what is there, pack, correct the address, hand over.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::plan::Shelf;
use super::trip::{Crowd, Trip};
use crate::support::catalog::STORE;
use crate::support::killable::within_at;

/// A parcel that can't be handed over in this time waits: a booking that may have arrived is looked for much longer.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(8);
/// How often staff come back to a parcel, and to an order.
pub const STAFF_EVERY: Duration = Duration::from_millis(100);
/// What goes out in the place of others, and what it costs in cents: something else than what it stands for.
const SUBSTITUTES: [(&str, &str, i64); 2] = [("gum", "Chewing gum", 89), ("soap", "Dish soap 500 ml", 199)];

/// Picks; what the order costs less than was quoted, in cents, where staff heard that it was taken.
pub async fn pick(crowd: &Crowd<'_>, trip: &Trip<'_>, order: &Value) -> i64 {
    let lines = order["quote"]["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(line) = lines.iter().find(|line| line["fulfilment"] == "deliver") else { return 0 };
    let pieces = line["pieces"].as_i64().expect("pieces");
    let unit = line["amount"]["amount"].as_i64().expect("cents") / pieces;
    let mut pick = json!({"line": line["line"]});
    if pieces > 1 {
        pick["quantity"] = json!({"amount": pieces - 1, "unit": "piece"});
    }
    let less = match trip.plan.handling.shelf {
        Shelf::Unsaid => return 0,
        // With its only piece the delivery would end.
        Shelf::Short if pieces == 1 => return 0,
        Shelf::Short => unit,
        Shelf::Replaced => {
            let other = SUBSTITUTES.iter().find(|(_, name, _)| line["name"] != *name).expect("another");
            pick["substitute"] = json!({"sku": other.0, "quantity": {"amount": 1, "unit": "piece"}});
            unit - unit.min(other.2)
        }
    };
    let path = format!("/v1/orders/{}/picked", text(&order["id"]));
    let (status, body) = crowd.staff.insist(Method::PUT, &path, &json!({"lines": [pick]})).await;
    assert!(matches!(status, 200 | 409), "{status}: {body}");
    if status == 200 { less } else { 0 }
}

/// Packs otherwise and corrects the address, as far as that is still possible.
pub async fn prepare(crowd: &Crowd<'_>, trip: &Trip<'_>, shipment: &str) {
    let handling = trip.plan.handling;
    if handling.repacks {
        let size = json!({"length_mm": 400, "width_mm": 300, "height_mm": 200});
        let parcels = [2_000, 2_500].map(|grams| json!({"weight_grams": grams, "size": size}));
        let path = format!("/v1/shipments/{shipment}/parcels");
        let (status, body) = crowd.staff.insist(Method::PUT, &path, &json!({"parcels": parcels})).await;
        assert!(matches!(status, 200 | 409), "{status}: {body}");
    }
    if handling.corrects {
        let path = format!("/v1/shipments/{shipment}/recipient");
        let (_, seen) =
            crowd.staff.insist(Method::GET, &format!("/v1/shipments/{shipment}"), &Value::Null).await;
        let mut recipient = seen["recipient"].clone();
        recipient["house_number"] = json!("12");
        let (status, body) = crowd.staff.insist(Method::PUT, &path, &recipient).await;
        assert!(matches!(status, 200 | 409), "{status}: {body}");
    }
}

/// Hands a shipment over, as a whole or label by label; says whether that was done in time.
pub async fn hand_over(crowd: &Crowd<'_>, trip: &Trip<'_>, shipment: &str) -> bool {
    let path = format!("/v1/shipments/{shipment}");
    within_at(STAFF_EVERY, HAND_OVER_TIMEOUT, async || {
        let (_, seen) = crowd.staff.insist(Method::GET, &path, &Value::Null).await;
        let parcels = seen["parcels"].as_array().map(Vec::as_slice).unwrap_or_default();
        let are_labelled = parcels.iter().all(|parcel| parcel["label_sha256"].is_string());
        if !trip.plan.handling.scans || !are_labelled {
            let whole = format!("{path}/hand-over");
            return crowd.staff.insist(Method::POST, &whole, &Value::Null).await.0 == 200;
        }
        let mut last = Value::Null;
        for parcel in parcels {
            let code = json!({"code": parcel["tracking_number"]});
            let path = format!("/v1/stores/{STORE}/hand-overs");
            let (status, scanned) = crowd.staff.insist(Method::POST, &path, &code).await;
            assert!(matches!(status, 200 | 409), "{status}: {scanned}");
            last = scanned;
        }
        last["shipment"]["state"] == "handed_over"
    })
    .await
}

/// Takes an order back. While nobody knows whether a courier is on its way, staff are told to ask again; what they could not take
/// back in time stays.
pub async fn take_back(crowd: &Crowd<'_>, order: &Value) {
    let path = format!("/v1/orders/{}/cancel", text(&order["id"]));
    within_at(STAFF_EVERY, HAND_OVER_TIMEOUT, async || {
        let answer = crowd.staff.call(Method::POST, &path, &Value::Null).await;
        assert!(matches!(answer, None | Some((200 | 429 | 503, _))), "{answer:?}");
        matches!(answer, Some((200, _)))
    })
    .await;
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

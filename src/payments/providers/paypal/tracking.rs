//! Orders v2: parcels told for seller protection. There is no key: an order shows the parcels that it knows, so that one which
//! may have been told is looked for first.

use serde_json::{Value, json};

use super::client::Client;
use super::errors::not_taken;
use super::orders;
use crate::payments::evidence::AnswerOutcome;
use crate::payments::model::Outcome;
use crate::payments::provider::ParcelNotice;

/// Tells of a parcel.
pub async fn tell(client: &Client, parcel: &ParcelNotice<'_>) -> AnswerOutcome {
    if parcel.is_repeat {
        match orders::fetch(client, parcel.order).await {
            Ok(Some(order)) if order.has_tracker(parcel.capture, parcel.tracking_number) => {
                return AnswerOutcome::Taken;
            }
            Ok(_) => {}
            Err(Outcome::Unknown { detail } | Outcome::NotSent { detail }) => {
                return AnswerOutcome::Unknown(detail);
            }
            Err(_) => return AnswerOutcome::Unknown("the order can't be read".to_owned()),
        }
    }
    let path = format!("/v2/checkout/orders/{}/track", parcel.order);
    match client.post("track order", &path, parcel.tracking_number, &body(parcel)).await {
        Err(lost) => AnswerOutcome::Unknown(lost.detail()),
        Ok(answer) if answer.status.is_success() => AnswerOutcome::Taken,
        Ok(answer) => not_taken(&answer),
    }
}

/// PayPal's file wants the capture under two names, and a status.
fn body(parcel: &ParcelNotice<'_>) -> Value {
    let mut body = json!({
        "capture_id": parcel.capture,
        "transaction_id": parcel.capture,
        "tracking_number": parcel.tracking_number,
        "status": "SHIPPED",
        "notify_payer": false,
    });
    match parcel.carrier {
        "dhl" => body["carrier"] = json!("DE_DHL"),
        other => {
            body["carrier"] = json!("OTHER");
            body["carrier_name_other"] = json!(other);
        }
    }
    body
}

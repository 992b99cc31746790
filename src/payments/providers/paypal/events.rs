//! Webhooks Management v1: the list of events that PayPal told, and its own check of a signature.

use chrono::SecondsFormat;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Body, Call, Client, Lost};
use super::webhooks::hint;
use super::wire;
use crate::clock::Moment;
use crate::payments::provider::EventError;
use crate::payments::store::events::Hint;
use reqwest::Method;

/// Events in one answer, at most.
const PAGE_SIZE: usize = 300;
/// Answers that are read for one span: more events than a store chain has in a day.
const PAGES_MAX: usize = 200;

/// Where the events of a span say to look. PayPal lists the newest first and knows no pages, so the end is moved to the oldest
/// of an answer until one is not full.
pub async fn list(client: &Client, from: Moment, to: Moment) -> Result<Vec<Hint>, String> {
    let mut hints = Vec::new();
    let mut end = to;
    for _ in 0..PAGES_MAX {
        let page = read(client, from, end).await?;
        let is_full = page.events.len() >= PAGE_SIZE;
        let oldest = page.events.iter().filter_map(|event| event.create_time.as_deref()?.parse().ok()).min();
        hints.extend(page.events.into_iter().filter(|event| !event.id.is_empty()).map(hint));
        match oldest {
            Some(oldest) if is_full && oldest < end => end = oldest,
            Some(_) if is_full => return Err("more events at one time than PayPal lists".to_owned()),
            _ => return Ok(hints),
        }
    }
    Err("more events than are read at once".to_owned())
}

async fn read(client: &Client, from: Moment, to: Moment) -> Result<wire::Events, String> {
    let time = |moment: Moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("start_time", &time(from))
        .append_pair("end_time", &time(to))
        .append_pair("page_size", &PAGE_SIZE.to_string())
        .finish();
    let path = format!("/v1/notifications/webhooks-events?{query}");
    let answer = client.get("list events", &path).await.map_err(Lost::detail)?;
    if answer.status.is_success() {
        answer.read().map_err(Lost::detail)
    } else {
        Err(format!("PayPal answered {}", answer.status.as_u16()))
    }
}

/// What a delivery said of itself.
#[derive(Clone, Copy, Debug)]
pub struct Transmission<'a> {
    pub id: &'a str,
    pub time: &'a str,
    pub signature: &'a str,
    pub certificate_url: &'a str,
    pub algorithm: &'a str,
    pub webhook_id: &'a str,
}

/// Has PayPal check a delivery. The event goes as the bytes that came: read and written anew, it would be another.
pub async fn verify(client: &Client, transmission: Transmission<'_>, body: &[u8]) -> Result<(), EventError> {
    // Exactly one value: nothing that came can add a field of its own to the question.
    let event: &RawValue =
        serde_json::from_slice(body).map_err(|_| EventError::Forged("the body can't be read"))?;
    let asked = json!({
        "auth_algo": transmission.algorithm,
        "cert_url": transmission.certificate_url,
        "transmission_id": transmission.id,
        "transmission_sig": transmission.signature,
        "transmission_time": transmission.time,
        "webhook_id": transmission.webhook_id,
    });
    let asked = asked.to_string();
    let head = asked.strip_suffix('}').unwrap_or(&asked);
    let question = format!("{head},\"webhook_event\":{}}}", event.get());
    let call = Call {
        method: &Method::POST,
        name: "verify webhook signature",
        path: "/v1/notifications/verify-webhook-signature",
        key: Some(transmission.id),
        device: None,
        body: Body::Raw { content_type: "application/json", bytes: question.as_bytes() },
    };
    let unavailable = EventError::Unavailable("PayPal can't check it now");
    let answer = client.call(call).await.map_err(|_| unavailable.clone())?;
    let verified: wire::Verified = match answer.status.as_u16() {
        200 => answer.read().map_err(|_| unavailable)?,
        400..=499 if answer.status.as_u16() != 429 => {
            return Err(EventError::Forged("PayPal does not take it as its own"));
        }
        _ => return Err(unavailable),
    };
    if verified.verification_status == "SUCCESS" {
        Ok(())
    } else {
        Err(EventError::Forged("PayPal does not take it as its own"))
    }
}

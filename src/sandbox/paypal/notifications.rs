//! Webhooks Management v1: read events again, have them sent again, verify a signature.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::books::{DeliveryStatus, Event};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::errors::{Detail, Refusal};
use super::state::{State, real_now};
use super::{signing, views, webhooks};

const PAGE_SIZE: usize = 10;
const PAGE_SIZE_MAX: usize = 300;

/// Newest first, as PayPal lists them. Only the first page: there is no cursor in the specification's parameters.
pub fn list(state: &State, call: &Call) -> Outcome {
    let mut checks = Checks::new(call.operation);
    let mut time = |name: &str| {
        let text = call.query(name)?;
        let time = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.with_timezone(&Utc));
        if time.is_none() {
            checks.malformed("INVALID_PARAMETER_SYNTAX", name, Some(&json!(text)));
        }
        time
    };
    let (start, end) = (time("start_time"), time("end_time"));
    checks.finish()?;
    let event_type = call.query("event_type");
    let resource_id = call.query("transaction_id");
    let size =
        call.query("page_size").and_then(|size| size.parse().ok()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE_MAX);
    let chosen = |event: &&Event| {
        start.is_none_or(|start| event.create_time >= start)
            && end.is_none_or(|end| event.create_time <= end)
            && event_type.as_ref().is_none_or(|wanted| event.event_type == *wanted)
            && resource_id.as_ref().is_none_or(|wanted| event.resource_id == *wanted)
    };
    let events: Vec<Value> = state.books.events.iter().rev().filter(chosen).take(size).map(view).collect();
    Ok(Answer::json(
        200,
        json!({
            "count": events.len(),
            "events": events,
            "links": [views::link(&format!("{}{}", state.url, call.target), "self", "GET")],
        }),
    ))
}

pub fn get(state: &State, call: &Call) -> Outcome {
    match state.books.events.iter().find(|event| event.id == call.id) {
        Some(event) => Ok(Answer::json(200, view(event))),
        None => Err(call.unknown_resource("event_id")),
    }
}

pub fn resend(state: &mut State, call: &Call) -> Outcome {
    call.object()?;
    let subscribed = state.webhook.is_some();
    let Some(event) = state.books.events.iter_mut().find(|event| event.id == call.id) else {
        return Err(call.unknown_resource("event_id"));
    };
    if subscribed {
        event.delivery.status = DeliveryStatus::Pending;
        event.delivery.next_attempt_at = real_now();
    }
    Ok(Answer::json(202, view(event)))
}

#[derive(Deserialize)]
struct Verification<'a> {
    auth_algo: String,
    cert_url: String,
    transmission_id: String,
    transmission_sig: String,
    transmission_time: String,
    webhook_id: String,
    /// The bytes as they came: the checksum is over these, so a client that re-encodes the event fails here too.
    #[serde(borrow)]
    webhook_event: &'a RawValue,
}

pub fn verify(state: &mut State, call: &Call) -> Outcome {
    let Ok(asked) = serde_json::from_slice::<Verification<'_>>(&call.body) else {
        return Err(Refusal::with(call.operation, 400, &[Detail::new("MALFORMED_REQUEST_JSON")]));
    };
    let text = signing::signed_text(
        &asked.transmission_id,
        &asked.transmission_time,
        &asked.webhook_id,
        asked.webhook_event.get().as_bytes(),
    );
    let ours = state.webhook.as_ref().is_some_and(|target| target.webhook_id == asked.webhook_id)
        && asked.auth_algo.eq_ignore_ascii_case(signing::ALGORITHM)
        && asked.cert_url == webhooks::certificate_url(state);
    // The padding has nothing random in it, so signing again and comparing is a verification.
    let genuine = ours && state.keys().sign(&text) == asked.transmission_sig;
    Ok(Answer::json(200, json!({"verification_status": if genuine { "SUCCESS" } else { "FAILURE" }})))
}

fn view(event: &Event) -> Value {
    serde_json::from_str(&event.body).unwrap_or_default()
}

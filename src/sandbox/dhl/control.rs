//! `/sandbox/...`: the controls that DHL does not have. Clock, events, faults and books, for tests and for the page.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    ControlError, Shared,
    observe::Fault,
    push::Controls,
    pushing,
    reply::{json_answer, problem},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEvent {
    code: String,
    place: Option<String>,
}

pub async fn books(State(shared): State<Arc<Shared>>) -> Response {
    json_answer(200, &json!(shared.books()))
}

/// Takes JSON, or the form of a button on the page and then goes back to the page.
pub async fn clock(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if is_form(&headers) {
        let seconds = form_field(&body, "advance_seconds").and_then(|text| text.parse().ok());
        return match seconds.map(|seconds| shared.advance_clock(seconds)) {
            Some(Ok(_)) => Redirect::to("/").into_response(),
            _ => problem(400, "advance_seconds must be a whole number"),
        };
    }
    let advance: Advance = match read(&body) {
        Ok(advance) => advance,
        Err(refusal) => return refusal,
    };
    match shared.advance_clock(advance.advance_seconds) {
        Ok(now) => json_answer(200, &json!({ "now": now })),
        Err(failure) => refuse(&failure),
    }
}

pub async fn event(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    // The route is `/sandbox/shipments/{number}/events`, and a number needs no decoding.
    let number = uri.path().split('/').nth(3).unwrap_or_default().to_owned();
    if is_form(&headers) {
        let code = form_field(&body, "code").unwrap_or_default();
        return match shared.record_event(&number, &code, None) {
            Ok(_) => Redirect::to("/").into_response(),
            Err(failure) => refuse(&failure),
        };
    }
    let event: NewEvent = match read(&body) {
        Ok(event) => event,
        Err(refusal) => return refusal,
    };
    match shared.record_event(&number, &event.code, event.place.as_deref()) {
        Ok(stage) => json_answer(200, &json!({ "stage": stage })),
        Err(failure) => refuse(&failure),
    }
}

pub async fn plan_fault(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<Fault>(&body) {
        Ok(fault) => {
            shared.plan_fault(fault);
            json_answer(201, &json!({ "faults": shared.faults() }))
        }
        Err(refusal) => refusal,
    }
}

pub async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.clear_faults();
    json_answer(200, &json!({ "faults": [] }))
}

pub async fn push_controls(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let controls: Controls = match read(&body) {
        Ok(controls) => controls,
        Err(refusal) => return refusal,
    };
    match shared.set_push_controls(controls.clone()) {
        Ok(()) => json_answer(200, &json!(controls)),
        Err(failure) => refuse(&failure),
    }
}

pub async fn deliver_pushes(State(shared): State<Arc<Shared>>) -> Response {
    json_answer(200, &json!({ "accepted": pushing::deliver(&shared, true).await }))
}

pub async fn expire_tokens(State(shared): State<Arc<Shared>>) -> Response {
    match shared.expire_tokens() {
        Ok(()) => json_answer(200, &json!({})),
        Err(failure) => refuse(&failure),
    }
}

fn refuse(failure: &ControlError) -> Response {
    let code = match failure {
        ControlError::UnknownShipment => 404,
        ControlError::UnknownCode => 400,
        ControlError::EndOfTravel => 409,
        ControlError::Storage(_) => 500,
    };
    problem(code, &failure.to_string())
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Response> {
    serde_json::from_slice(body).map_err(|error| problem(400, &error.to_string()))
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn form_field(body: &Bytes, name: &str) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

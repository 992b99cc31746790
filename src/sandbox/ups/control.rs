//! The sandbox's own addresses: its page, its books, and the controls that make it move and fail on order.
//!
//! | address | does |
//! | --- | --- |
//! | `GET /` | explains the sandbox and shows its books |
//! | `GET /sandbox/books` | [`super::Books`] as JSON |
//! | `GET /sandbox/labels/{package}.{form}` | a label as a file: gif, pdf, zpl, epl, spl |
//! | `POST /sandbox/clock` `{"advance_seconds": n}` | moves the sandbox's clock on |
//! | `POST /sandbox/packages/{package}/events` `{"code": "advance", "seconds_ago": n}` | moves a package on; with `seconds_ago` a late scan |
//! | `GET, POST, DELETE /sandbox/faults` | shows, adds one [`super::Rule`], or clears |
//! | `DELETE /sandbox/tokens` | every token given so far stops working |
//! | `GET, POST /sandbox/alerts` | shows or sets [`super::Controls`] of the pushes |
//! | `POST /sandbox/alerts/deliver` | sends what waits, now |
//! | `PUT /sandbox/limits` `{"tokens": n, "others": n}` | how many calls a minute are allowed |
//!
//! An event's code is a status of UPS (`011`), or `advance`, `return_started`, `return_to_sender`, `age_check_failed`,
//! `refused`, `at_access_point`, `lost`. None of the addresses wants credentials.

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::alerts::{self, Controls};
use super::label::label;
use super::limits::Limits;
use super::server::{Rule, Shared};
use super::state::State;
use super::{ControlError, page, travel};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEvent {
    code: String,
    #[serde(default)]
    seconds_ago: i64,
}

pub async fn answer(
    shared: &Shared,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let path = target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    // The buttons of the page send forms and want to see the page again.
    let form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let body = if form { as_json(body) } else { body.to_vec() };
    match (method.as_str(), parts.as_slice()) {
        ("GET", [""]) => page::page(&shared.state()).into_response(),
        ("GET", ["sandbox", "labels", file]) => label_file(&shared.state(), file),
        ("POST", ["sandbox", "alerts", "deliver"]) => {
            json_answer(&json!({"accepted": alerts::deliver_now(shared).await}))
        }
        (_, ["sandbox", rest @ ..]) => {
            match shared.change(|state| command(state, method.as_str(), rest, &body)) {
                Ok(Ok(_)) if form => Redirect::to("/").into_response(),
                Ok(Ok(value)) => json_answer(&value),
                Ok(Err(status)) => status.into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn command(state: &mut State, method: &str, path: &[&str], body: &[u8]) -> Result<Value, StatusCode> {
    match (method, path) {
        ("GET", ["books"]) => Ok(json!(state.books)),
        ("POST", ["clock"]) => {
            state.advance(parsed::<Advance>(body)?.advance_seconds);
            Ok(json!({"now": state.now()}))
        }
        ("POST", ["packages", number, "events"]) => {
            let NewEvent { code, seconds_ago } = parsed(body)?;
            match travel::record(state, number, &code, seconds_ago) {
                Ok(reached) => Ok(json!({"stage": reached})),
                Err(ControlError::UnknownPackage) => Err(StatusCode::NOT_FOUND),
                Err(ControlError::EndOfTravel) => Err(StatusCode::CONFLICT),
                Err(_) => Err(StatusCode::BAD_REQUEST),
            }
        }
        ("GET", ["faults"]) => Ok(json!(state.faults)),
        ("POST", ["faults"]) => {
            state.faults.push(parsed::<Rule>(body)?);
            Ok(json!(state.faults))
        }
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Ok(json!(state.faults))
        }
        ("DELETE", ["tokens"]) => {
            state.tokens.clear();
            Ok(json!({}))
        }
        ("GET", ["alerts"]) => Ok(json!(state.controls)),
        ("POST", ["alerts"]) => {
            state.controls = parsed::<Controls>(body)?;
            Ok(json!(state.controls))
        }
        ("PUT", ["limits"]) => {
            state.settings.limits = parsed::<Limits>(body)?;
            Ok(json!(state.settings.limits))
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn label_file(state: &State, file: &str) -> Response {
    let Some((number, form)) = file.split_once('.') else { return StatusCode::NOT_FOUND.into_response() };
    let found = state.books.package(number);
    let bytes = found.and_then(|(shipment, package)| label(shipment, package, &form.to_ascii_uppercase()));
    let kind = match form {
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        _ => "text/plain; charset=utf-8",
    };
    match bytes {
        Some(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A form as the JSON that a control takes: what looks like a number is one, except a code.
fn as_json(body: &[u8]) -> Vec<u8> {
    let mut object = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        let number = value.parse::<i64>().ok().filter(|_| name != "code");
        object.insert(name.into_owned(), number.map_or_else(|| json!(value), |number| json!(number)));
    }
    Value::Object(object).to_string().into_bytes()
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, StatusCode> {
    serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)
}

fn json_answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

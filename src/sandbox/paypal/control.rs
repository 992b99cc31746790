//! The sandbox's own addresses: its pages, its books, and the controls that make it fail on order.
//!
//! | address | does |
//! | --- | --- |
//! | `GET /` | explains the sandbox and shows its books |
//! | `GET, POST /checkoutnow?token=` | the payer approves or cancels an order |
//! | `GET, POST /agreements/approve?approval_session_id=` | the payer approves or cancels saving the account |
//! | `GET /sandbox/books` | [`super::Books`] as JSON |
//! | `POST /sandbox/clock` `{"advance_seconds": n}` | moves the sandbox's clock on |
//! | `GET, POST, DELETE /sandbox/faults` | shows, adds one [`super::Rule`], or clears |
//! | `GET, POST /sandbox/webhooks` | shows or sets [`super::Controls`] |
//! | `POST /sandbox/webhooks/deliver` | sends what waits, now |
//! | `PUT /sandbox/webhook` `{"url": .., "webhook_id": ..}` | who is told |
//! | `POST /sandbox/captures/{id}/settle` `{"outcome": "COMPLETED" or "DECLINED"}` | ends a review |
//! | `POST /sandbox/refunds/{id}/settle` `{"outcome": "COMPLETED" or "FAILED"}` | ends a pending refund |
//! | `POST /sandbox/captures/{id}/reverse` | a bank takes it back |
//! | `POST /sandbox/captures/{id}/dispute` `{"reason": .., "stage": "INQUIRY" or "CHARGEBACK"}` | the payer disputes it |
//! | `POST /sandbox/disputes/{id}/resolve` `{"ending": "seller", "buyer" or "withdrawn"}` | ends a dispute |
//! | `POST /sandbox/payouts` `{"currency_code": .., "minor": n}` | sends money to the shop's bank |
//! | `POST /sandbox/reporting` `{"late_seconds": n}` | how late the transaction search is |
//! | `POST /sandbox/orders/{id}/save` | the account that was to be saved with it is saved |
//! | `POST /sandbox/payment-tokens/{id}/revoke` | the payer takes the permission back at PayPal |
//! | `DELETE /sandbox/tokens` | forgets every access token |
//!
//! None of them wants an access token.

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::approval::{self, Subject};
use super::disputes::{self, Ending};
use super::faults::Rule;
use super::server::Shared;
use super::state::State;
use super::webhooks::{self, Controls, WebhookTarget};
use super::{index, payments, vault};

pub async fn answer(shared: &Shared, method: &Method, target: &str, body: &[u8]) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(subject) = subject(path, query) {
        return match *method {
            Method::GET => approval::show(shared, &subject),
            Method::POST => approval::decide(shared, &subject, body),
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        };
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", [""]) => index::page(&shared.state()).into_response(),
        ("POST", ["sandbox", "webhooks", "deliver"]) => {
            json_answer(&json!({"accepted": webhooks::deliver_now(shared).await}))
        }
        (_, ["sandbox", rest @ ..]) => {
            match shared.change(|state| command(state, method.as_str(), rest, body)) {
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
            let seconds =
                parsed::<Value>(body)?["advance_seconds"].as_i64().ok_or(StatusCode::BAD_REQUEST)?;
            state.advance(seconds);
            Ok(json!({"now": state.now()}))
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
        ("GET", ["webhooks"]) => Ok(json!(state.controls)),
        ("POST", ["webhooks"]) => {
            state.controls = parsed::<Controls>(body)?;
            Ok(json!(state.controls))
        }
        ("PUT", ["webhook"]) => {
            state.webhook = Some(parsed::<WebhookTarget>(body)?);
            Ok(json!(state.webhook))
        }
        ("POST", ["captures", id, "settle"]) => {
            let completed = outcome(body, "DECLINED")?;
            done(payments::settle_capture(state, id, completed))
        }
        ("POST", ["refunds", id, "settle"]) => {
            let completed = outcome(body, "FAILED")?;
            done(payments::settle_refund(state, id, completed))
        }
        ("POST", ["captures", id, "reverse"]) => done(disputes::reverse(state, id)),
        ("POST", ["captures", id, "dispute"]) => dispute(state, id, body),
        ("POST", ["disputes", id, "resolve"]) => {
            let ending = match parsed::<Value>(body)?["ending"].as_str() {
                Some("seller") => Ending::Seller,
                Some("buyer") => Ending::Buyer,
                Some("withdrawn") => Ending::Withdrawn,
                _ => return Err(StatusCode::BAD_REQUEST),
            };
            done(disputes::resolve(state, id, ending))
        }
        ("POST", ["payouts"]) => {
            let asked = parsed::<Value>(body)?;
            let currency = asked["currency_code"].as_str().ok_or(StatusCode::BAD_REQUEST)?.to_owned();
            let minor = asked["minor"].as_i64().filter(|minor| *minor > 0).ok_or(StatusCode::BAD_REQUEST)?;
            payments::pay_out(state, &currency, minor);
            done(true)
        }
        ("POST", ["reporting"]) => {
            let late = parsed::<Value>(body)?["late_seconds"].as_i64().ok_or(StatusCode::BAD_REQUEST)?;
            state.reports_late_seconds = late.max(0);
            done(true)
        }
        ("POST", ["orders", id, "save"]) => done(vault::save_with_purchase(state, id)),
        ("POST", ["payment-tokens", id, "revoke"]) => done(vault::remove(state, id)),
        ("DELETE", ["tokens"]) => {
            state.bearers.clear();
            done(true)
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn dispute(state: &mut State, capture: &str, body: &[u8]) -> Result<Value, StatusCode> {
    let asked = parsed::<Value>(body)?;
    let text = |name: &str, usual: &'static str| asked[name].as_str().unwrap_or(usual).to_owned();
    let (reason, begins_as) = (text("reason", "UNAUTHORISED"), text("stage", "INQUIRY"));
    let opened = disputes::open(state, capture, &reason, &begins_as).ok_or(StatusCode::NOT_FOUND)?;
    Ok(json!({"dispute_id": opened}))
}

/// What the page at a path and query asks about.
pub fn subject(path: &str, query: &str) -> Option<Subject> {
    let field = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    match path {
        "/checkoutnow" => Some(Subject::Order(field("token"))),
        "/agreements/approve" => Some(Subject::SavedAccount(field("approval_session_id"))),
        _ => None,
    }
}

fn outcome(body: &[u8], failed: &str) -> Result<bool, StatusCode> {
    match parsed::<Value>(body)?["outcome"].as_str() {
        Some("COMPLETED") => Ok(true),
        Some(word) if word == failed => Ok(false),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

fn done(found: bool) -> Result<Value, StatusCode> {
    if found { Ok(json!({})) } else { Err(StatusCode::NOT_FOUND) }
}

fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, StatusCode> {
    serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)
}

fn json_answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

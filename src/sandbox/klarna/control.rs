//! The sandbox's own addresses: its pages, its books, and the controls that make it fail on order.
//!
//! | address | does |
//! | --- | --- |
//! | `GET /` | explains the sandbox and shows its books |
//! | `GET, POST /hpp/payments/{id}` | the hosted page: the shopper approves, goes back or refuses |
//! | `GET /hpp/payments/{id}/qr` | the page's address as a picture for the phone's camera |
//! | `GET /redirect/{session}` | where `redirect_url` of an order leads: back to the shop's confirmation page |
//! | `GET /sandbox/books` | [`super::Books`] as JSON, and the amounts of every `merchant_reference1` |
//! | `POST /sandbox/clock` `{"advance_seconds": n}` | moves the sandbox's clock on |
//! | `GET, POST, DELETE /sandbox/faults` | shows, adds one [`super::Rule`], or clears |
//! | `GET, POST /sandbox/callbacks` | shows or sets [`super::Controls`] |
//! | `POST /sandbox/callbacks/deliver` | sends what waits, now |
//! | `PUT /sandbox/limits` `{"sessions": n, "others": n}` | how many calls a second are allowed |
//! | `POST /sandbox/sessions/{id}/authorize` `{"email": ..}` | the shopper agrees, as in Klarna's own library |
//! | `POST /sandbox/hpp/{id}/decide` `{"decision": "approve", "email": ..}`, `back`, `cancel` | as on the hosted page |
//! | `POST /sandbox/tokens/{id}/status` `{"status": "SUSPENDED"}` | suspends, cancels or revives a customer token |
//! | `POST /sandbox/tokens/{id}/charges` `{"outcome": "step_up", "times": n}` | what its next charges come to |
//! | `POST /sandbox/orders/{id}/review` `{"accepted": true}` | ends a review |
//! | `POST /sandbox/orders/{id}/cancel` | Klarna cancels an order that nothing was captured of |
//! | `POST /sandbox/orders/{id}/chargebacks` `{"amount": n}` | the shopper takes money back by a dispute |
//! | `POST /sandbox/orders/{id}/chargebacks/{reference}/win` | the shop wins that dispute |
//! | `POST /sandbox/payouts` | pays out what is open, now |
//! | `PUT /sandbox/payouts` `{"every_days": n}` | pays out every so many days instead of each midnight |
//!
//! None of them wants credentials.

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::books::TokenStatus;
use super::callbacks::{self, Controls};
use super::limits::Limits;
use super::page::{self, Decided, Decision};
use super::server::Shared;
use super::shoppers::{Planned, Shopper};
use super::state::State;
use super::{index, orders, sessions, settlements};
use crate::sandbox::faults::Rule;

/// Most charges that one request plans.
const PLANNED_MAX: u64 = 1_000;

pub async fn answer(shared: &Shared, method: &Method, target: &str, body: &[u8]) -> Response {
    let path = target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", [""]) => index::page(&shared.state()).into_response(),
        ("GET", ["hpp", "payments", id]) => page::show(shared, id),
        ("POST", ["hpp", "payments", id]) => page::answer(shared, id, body),
        ("GET", ["hpp", "payments", id, "qr"]) => page::picture(&shared.state(), id),
        ("GET", ["redirect", session]) => redirect(&shared.state(), session),
        ("GET", ["assets", "descriptive.svg" | "standard.svg"]) => {
            ([(header::CONTENT_TYPE, "image/svg+xml")], index::BADGE).into_response()
        }
        ("POST", ["sandbox", "callbacks", "deliver"]) => {
            json_answer(&json!({"accepted": callbacks::deliver_now(shared).await}))
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
        ("GET", ["books"]) => {
            let mut books = json!(state.books);
            books["amounts_by_reference"] = json!(state.books.amounts_by_reference());
            Ok(books)
        }
        ("POST", ["clock"]) => {
            state.advance(number(body, "advance_seconds")?);
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
        ("GET", ["callbacks"]) => Ok(json!(state.controls)),
        ("POST", ["callbacks"]) => {
            state.controls = parsed::<Controls>(body)?;
            Ok(json!(state.controls))
        }
        ("PUT", ["limits"]) => {
            let limit = |name| u32::try_from(number(body, name)?).map_err(|_| StatusCode::BAD_REQUEST);
            state.limits = Limits { sessions: limit("sessions")?, others: limit("others")? };
            done(true)
        }
        ("PUT", ["payouts"]) => {
            state.payout_every_days = number(body, "every_days")?;
            done(true)
        }
        _ => decision(state, method, path, body),
    }
}

/// What shoppers and Klarna itself decide.
fn decision(state: &mut State, method: &str, path: &[&str], body: &[u8]) -> Result<Value, StatusCode> {
    match (method, path) {
        ("POST", ["sessions", id, "authorize"]) => {
            let shopper = Shopper::of(&text(body, "email")?).ok_or(StatusCode::BAD_REQUEST)?;
            let token = sessions::authorize(state, id, shopper).map_err(|_| StatusCode::CONFLICT)?;
            Ok(json!({"authorization_token": token}))
        }
        ("POST", ["hpp", id, "decide"]) => {
            let decision = match text(body, "decision")?.as_str() {
                "approve" => approval(&text(body, "email")?),
                "back" => Decision::Back,
                "cancel" => Decision::Cancel,
                _ => return Err(StatusCode::BAD_REQUEST),
            };
            match page::decide(state, id, &decision) {
                Decided::Leave(address) => Ok(json!({"redirect": address})),
                Decided::Again(_) => Err(StatusCode::BAD_REQUEST),
                Decided::NothingToDecide => Err(StatusCode::NOT_FOUND),
            }
        }
        ("POST", ["tokens", id, "status"]) => {
            let status: TokenStatus =
                serde_json::from_value(json!(text(body, "status")?)).map_err(|_| StatusCode::BAD_REQUEST)?;
            done(set_token_status(state, id, status))
        }
        ("POST", ["tokens", id, "charges"]) => {
            let mut plan = parsed::<Value>(body)?;
            let times = plan.as_object_mut().and_then(|plan| plan.remove("times"));
            let times = times.map_or(Some(1), |times| times.as_u64()).ok_or(StatusCode::BAD_REQUEST)?;
            let planned: Planned = serde_json::from_value(plan).map_err(|_| StatusCode::BAD_REQUEST)?;
            done(plan_charges(state, id, planned, times))
        }
        ("POST", ["orders", id, "review"]) => {
            let accepted = parsed::<Value>(body)?["accepted"].as_bool().ok_or(StatusCode::BAD_REQUEST)?;
            done(orders::decide(state, id, accepted))
        }
        ("POST", ["orders", id, "cancel"]) => done(orders::cancel(state, id)),
        ("POST", ["orders", id, "chargebacks"]) => {
            let reference = settlements::charge_back(state, id, number(body, "amount")?);
            Ok(json!({"reference": reference.ok_or(StatusCode::CONFLICT)?}))
        }
        ("POST", ["orders", id, "chargebacks", reference, "win"]) => {
            done(settlements::win(state, id, reference))
        }
        ("POST", ["payouts"]) => {
            let until = state.now() + chrono::Duration::milliseconds(1);
            Ok(json!({"payouts": settlements::pay_out(state, until)}))
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

/// A shopper who knows the code and takes every account that is asked for.
pub fn approval(email: &str) -> Decision {
    Decision::Approve { email: email.to_owned(), code: "123456".to_owned(), signs_up: true }
}

/// Suspends, cancels or revives a token; `false` when there is none of this id.
pub fn set_token_status(state: &mut State, id: &str, status: TokenStatus) -> bool {
    let token = state.books.customer_tokens.get_mut(id);
    token.map(|token| token.status = status).is_some()
}

/// Plans what the next charges of a token come to; `false` when there is none of this id.
pub fn plan_charges(state: &mut State, id: &str, planned: Planned, times: u64) -> bool {
    let token = state.books.customer_tokens.get_mut(id);
    token.map(|token| token.planned.extend((0..times.min(PLANNED_MAX)).map(|_| planned))).is_some()
}

/// Klarna's own page after an order leads back to the shop at once.
fn redirect(state: &State, session_or_order: &str) -> Response {
    let order =
        state.books.orders.values().find(|order| {
            order.id == session_or_order || order.session_id.as_deref() == Some(session_or_order)
        });
    let address = match order {
        Some(order) => order.request["merchant_urls"]["confirmation"]
            .as_str()
            .map(|address| callbacks::placed(address, order.session_id.as_deref(), Some(&order.id))),
        None => state.books.sessions.get(session_or_order).and_then(|session| {
            let address = session.request["merchant_urls"]["confirmation"].as_str()?;
            Some(callbacks::placed(address, Some(session_or_order), None))
        }),
    };
    match address.filter(|address| url::Url::parse(address).is_ok()) {
        Some(address) => Redirect::to(&address).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn done(found: bool) -> Result<Value, StatusCode> {
    if found { Ok(json!({})) } else { Err(StatusCode::NOT_FOUND) }
}

fn text(body: &[u8], name: &str) -> Result<String, StatusCode> {
    parsed::<Value>(body)?[name].as_str().map(str::to_owned).ok_or(StatusCode::BAD_REQUEST)
}

fn number(body: &[u8], name: &str) -> Result<i64, StatusCode> {
    parsed::<Value>(body)?[name].as_i64().ok_or(StatusCode::BAD_REQUEST)
}

fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, StatusCode> {
    serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)
}

fn json_answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

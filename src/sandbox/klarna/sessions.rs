//! Sessions of Klarna Payments, and the shopper's agreement in them.
//!
//! A session lives 48 hours, the authorization given in it 60 minutes. `intent` is `buy` unless it says otherwise. A
//! second agreement in the same session, as after an update of the cart, replaces the first.

use chrono::Duration;
use serde_json::{Map, Value, json};

use super::books::{Authorization, Intent, PaymentSession};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::shoppers::{self, Shopper};
use super::state::State;
use super::{bodies, callbacks, cart, ids};
use crate::sandbox::fields::mistakes;

pub const SESSION_HOURS: i64 = 48;
const AUTHORIZATION_MINUTES: i64 = 60;
/// What a session is answered with of its customer; numbers that identify a person are kept back.
const CUSTOMER_READ: [&str; 7] = [
    "date_of_birth",
    "gender",
    "organization_entity_type",
    "organization_registration_id",
    "title",
    "type",
    "vat_id",
];

pub fn create(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    refuse(&mistakes(&body, &bodies::SESSION_CREATE))?;
    refuse(&cart::mistakes(&body, country(&body)))?;
    let id = ids::uuid();
    let now = state.now();
    let session = PaymentSession {
        id: id.clone(),
        client_token: ids::client_token(&id, &state.url),
        intent: intent(&body),
        request: body,
        complete: false,
        authorization_token: None,
        created_at: now,
        expires_at: now + Duration::hours(SESSION_HOURS),
    };
    let answer = json!({
        "session_id": id,
        "client_token": session.client_token,
        "payment_method_categories": categories(state, &session),
    });
    state.books.sessions.insert(id, session);
    Ok(Reply::json(200, &answer))
}

pub fn read(state: &State, call: &Call) -> Outcome {
    let session = find(state, call.id(0))?;
    Ok(Reply::json(200, &view(state, session)))
}

/// Fields that are sent replace the session's; the rest stays.
pub fn update(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let session = find(state, call.id(0))?;
    if session.complete {
        return Err(Refusal::new(403, "PERMISSION_DENIED", "The session is complete"));
    }
    refuse(&mistakes(&body, &bodies::SESSION_UPDATE))?;
    let mut merged = session.request.clone();
    for (name, value) in body.as_object().into_iter().flatten() {
        merged[name] = value.clone();
    }
    refuse(&cart::mistakes(&merged, country(&merged)))?;
    if let Some(session) = state.books.sessions.get_mut(call.id(0)) {
        session.intent = intent(&merged);
        session.request = merged;
    }
    Ok(Reply::nothing(204))
}

/// A session that is there and not over.
pub fn find<'a>(state: &'a State, id: &str) -> Result<&'a PaymentSession, Refusal> {
    let found = state.books.sessions.get(id).filter(|session| session.expires_at > state.now());
    found.ok_or_else(|| Refusal::not_found("NOT_FOUND", "Session", id))
}

/// Why an agreement came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthorized {
    /// There is no such session, or it is over or complete.
    NoSession,
    /// Klarna refuses this shopper.
    Denied,
    /// This shopper is offered no payment method.
    NothingOffered,
}

/// The shopper agrees to a session, on Klarna's page or in Klarna's library: an authorization token is given out.
pub fn authorize(state: &mut State, session_id: &str, shopper: Shopper) -> Result<String, Unauthorized> {
    let session = find(state, session_id).map_err(|_| Unauthorized::NoSession)?;
    if session.complete {
        return Err(Unauthorized::NoSession);
    }
    if shoppers::is_offered_nothing(&shopper.email) || offers_nothing(session) {
        return Err(Unauthorized::NothingOffered);
    }
    let billed = session.request["billing_address"]["email"].as_str().and_then(Shopper::of);
    if shopper.is_denied() || billed.is_some_and(|billed| billed.is_denied()) {
        return Err(Unauthorized::Denied);
    }
    let now = state.now();
    let token = ids::uuid();
    let authorization = Authorization {
        token: token.clone(),
        session_id: session_id.to_owned(),
        intent: session.intent,
        request: session.request.clone(),
        shopper,
        created_at: now,
        expires_at: now + Duration::minutes(AUTHORIZATION_MINUTES),
        released_at: None,
        placed: None,
        order_id: None,
        customer_token: None,
    };
    state.books.authorizations.insert(token.clone(), authorization);
    if let Some(session) = state.books.sessions.get_mut(session_id) {
        session.authorization_token = Some(token.clone());
    }
    callbacks::authorized(state, &token);
    Ok(token)
}

/// Whether the session's own billing address is one that is offered nothing.
pub fn offers_nothing(session: &PaymentSession) -> bool {
    session.request["billing_address"]["email"].as_str().is_some_and(shoppers::is_offered_nothing)
}

/// Refuses a request with everything that is wrong with it.
pub fn refuse(mistakes: &[String]) -> Result<(), Refusal> {
    if mistakes.is_empty() { Ok(()) } else { Err(Refusal::bad_values(mistakes)) }
}

fn country(body: &Value) -> &str {
    body["purchase_country"].as_str().unwrap_or_default()
}

fn intent(body: &Value) -> Intent {
    match body["intent"].as_str() {
        Some("tokenize") => Intent::Tokenize,
        Some("buy_and_tokenize") => Intent::BuyAndTokenize,
        _ => Intent::Buy,
    }
}

fn categories(state: &State, session: &PaymentSession) -> Value {
    if offers_nothing(session) {
        return json!([]);
    }
    let assets = format!("{}/assets", state.url);
    json!([{
        "identifier": "klarna",
        "name": "Pay with Klarna",
        "asset_urls": {
            "descriptive": format!("{assets}/descriptive.svg"),
            "standard": format!("{assets}/standard.svg"),
        },
    }])
}

fn view(state: &State, session: &PaymentSession) -> Value {
    let mut answer = session.request.as_object().cloned().unwrap_or_default();
    answer.remove("step_up_id");
    if let Some(customer) = answer.get("customer").and_then(Value::as_object) {
        let shown: Map<String, Value> = customer
            .iter()
            .filter(|(name, _)| CUSTOMER_READ.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        answer.insert("customer".to_owned(), Value::Object(shown));
    }
    let alive = |token: &&String| {
        let authorization = state.books.authorizations.get(*token);
        authorization.is_some_and(|one| one.released_at.is_none() && one.expires_at > state.now())
    };
    if let Some(token) = session.authorization_token.as_ref().filter(alive) {
        answer.insert("authorization_token".to_owned(), json!(token));
    }
    let own = [
        ("client_token", json!(session.client_token)),
        ("expires_at", json!(ids::time(session.expires_at))),
        ("intent", json!(session.intent)),
        ("payment_method_categories", categories(state, session)),
        ("status", json!(if session.complete { "complete" } else { "incomplete" })),
    ];
    answer.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(answer)
}

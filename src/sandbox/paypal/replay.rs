//! `PayPal-Request-Id`: the same key, the same outcome.
//!
//! A key belongs to an operation and is kept for that API's window: Orders 6 hours, Vault 3 hours, Payments 45 days. A
//! repetition changes nothing and answers the object in the state it has by then, with 200 where the specification
//! lists it and 201 otherwise. A business refusal (422) is repeated word for word; any other refusal leaves the key
//! free. While the first request is at work, a second one with its key is refused with 409. Whether PayPal compares the
//! body of a repetition isn't documented: here it is ignored.

use chrono::Duration;

use super::books::{KeyedRequest, Object, Outcome as Kept};
use super::call::{Answer, Call, Content, Outcome};
use super::errors::{Detail, Refusal};
use super::server::Reply;
use super::state::State;
use super::views;

/// Longest key of the Orders API; the other APIs name no limit.
const KEY_CHARACTERS_MAX: usize = 108;

/// A key in use by this request.
#[derive(Debug)]
pub struct Claim(Option<String>);

/// Takes the request's key, or answers at once: a replay, a conflict, or a missing or malformed key.
pub fn claim(state: &mut State, call: &Call) -> Result<Claim, Reply> {
    let Some(window) = window(call.operation) else {
        return Ok(Claim(None));
    };
    let Some(key) = call.header("paypal-request-id") else {
        if call.operation.starts_with("vault.") {
            return Err(
                Refusal::with(call.operation, 400, &[Detail::new("PAYPAL_REQUEST_ID_REQUIRED")]).into()
            );
        }
        return Ok(Claim(None));
    };
    if key.is_empty() || key.len() > KEY_CHARACTERS_MAX {
        let detail = Detail::field("INVALID_STRING_LENGTH", "PayPal-Request-Id", Some(&key.into()));
        return Err(Refusal::with(call.operation, 400, &[detail]).into());
    }
    let name = format!("{} {key}", call.operation);
    let now = state.now();
    let entry = state.books.requests.entry(name.clone()).or_insert_with(|| KeyedRequest {
        operation: call.operation.to_owned(),
        key: key.to_owned(),
        count: 0,
        first_at: now,
        outcome: None,
    });
    entry.count += 1;
    if entry.first_at + window <= now {
        entry.first_at = now;
        entry.outcome = None;
    }
    let kept = entry.outcome.clone();
    if state.in_progress.contains(&name) {
        return Err(Refusal::with(call.operation, 409, &[Detail::new("PREVIOUS_REQUEST_IN_PROGRESS")]).into());
    }
    match kept {
        Some(Kept::Made(object)) => Err(replayed(state, call, object)),
        Some(Kept::Refused { status, body }) => Err(Refusal { status, body }.into()),
        None => {
            state.in_progress.push(name.clone());
            Ok(Claim(Some(name)))
        }
    }
}

/// Gives the key back and remembers what came of it.
pub fn settle(state: &mut State, call: &Call, claim: Claim, outcome: &Outcome) {
    let Some(name) = claim.0 else {
        return;
    };
    state.in_progress.retain(|other| *other != name);
    let kept = match outcome {
        Ok(Answer { content: Content::Full(object) | Content::Preferred(object), .. }) => {
            Some(Kept::Made(object.clone()))
        }
        Err(refusal) if refusal.status == 422 => {
            Some(Kept::Refused { status: refusal.status, body: refusal.body.clone() })
        }
        _ => None,
    };
    tracing::debug!(operation = call.operation, kept = kept.is_some(), "request id settled");
    if let Some(entry) = state.books.requests.get_mut(&name) {
        entry.outcome = kept;
    }
}

/// The outcome as status and body.
pub fn render(state: &State, call: &Call, outcome: Outcome) -> Reply {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(refusal) => return refusal.into(),
    };
    let body = match answer.content {
        Content::Nothing => None,
        Content::Json(value) => Some(value),
        Content::Full(object) => views::full(state, &object),
        Content::Preferred(object) => {
            let full = views::full(state, &object);
            if call.wants_representation() { full } else { full.as_ref().map(views::minimal) }
        }
    };
    Reply { status: answer.status, body }
}

fn replayed(state: &State, call: &Call, object: Object) -> Reply {
    let payments = call.operation.starts_with("authorizations.") || call.operation.starts_with("captures.");
    let status = if payments { 201 } else { 200 };
    let content =
        if call.operation.starts_with("vault.") { Content::Full(object) } else { Content::Preferred(object) };
    render(state, call, Ok(Answer { status, content }))
}

fn window(operation: &str) -> Option<Duration> {
    match operation {
        "orders.create" | "orders.capture" | "orders.authorize" => Some(Duration::hours(6)),
        "vault.setup" | "vault.token" => Some(Duration::hours(3)),
        "authorizations.capture" | "authorizations.reauthorize" | "captures.refund" => {
            Some(Duration::days(45))
        }
        _ => None,
    }
}

//! `Klarna-Idempotency-Key`: the same key, the first result, for 24 hours.
//!
//! Order management looks at the key alone, as its specification says; an order by a customer token with another body
//! is refused with 409. Kept are successes and refusals of the business kind (403): what was malformed, unauthorized
//! or failed leaves the key free. A key belongs to one address; used for another one it is refused with 409, because
//! such a request is a mistake and neither answer would be right. A repetition while the first is at work: 409.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;

use super::books::KeyedRequest;
use super::call::{Call, Reply};
use super::errors::Refusal;
use super::state::State;

const WINDOW_HOURS: i64 = 24;
/// No length is published; a UUID is recommended.
const KEY_CHARACTERS_MAX: usize = 255;

/// A key in use by this request.
#[derive(Debug)]
pub struct Claim(Option<String>);

/// Why a request isn't worked on.
pub enum Early {
    /// The first result.
    Replay(Reply),
    Refused(Refusal),
}

/// Takes the request's key, or answers at once.
pub fn claim(state: &mut State, call: &Call) -> Result<Claim, Early> {
    let key = call.header("klarna-idempotency-key").filter(|_| takes_key(call));
    let Some(key) = key else {
        return Ok(Claim(None));
    };
    if key.is_empty() || key.len() > KEY_CHARACTERS_MAX {
        return Err(Early::Refused(Refusal::bad_values(&["Klarna-Idempotency-Key".to_owned()])));
    }
    let now = state.now();
    let body_digest = STANDARD.encode(digest::digest(&digest::SHA256, &call.body));
    let fresh = KeyedRequest {
        operation: call.operation.to_owned(),
        path: call.path().to_owned(),
        body_digest,
        count: 0,
        first_at: now,
        outcome: None,
    };
    let at_work = state.in_progress.iter().any(|other| other == key);
    let entry = state.books.requests.entry(key.to_owned()).or_insert_with(|| fresh.clone());
    // A key that nothing is kept under belongs to whoever comes next, but not while the first is at work.
    let is_free = entry.outcome.is_none() || entry.first_at + Duration::hours(WINDOW_HOURS) <= now;
    if is_free && !at_work {
        *entry = KeyedRequest { count: entry.count, ..fresh.clone() };
    }
    entry.count += 1;
    let conflict = |text: &str| Err(Early::Refused(Refusal::new(409, "CONFLICT", text)));
    if at_work {
        return conflict("A request with this Klarna-Idempotency-Key is in progress");
    }
    if (&entry.operation, &entry.path) != (&fresh.operation, &fresh.path) {
        return conflict("The Klarna-Idempotency-Key was used for another address");
    }
    if call.operation == "tokens.order" && entry.body_digest != fresh.body_digest {
        return conflict(
            "The data in the request does not match the first one with this Klarna-Idempotency-Key",
        );
    }
    if let Some(reply) = &entry.outcome {
        return Err(Early::Replay(reply.clone()));
    }
    state.in_progress.push(key.to_owned());
    Ok(Claim(Some(key.to_owned())))
}

/// Gives the key back and remembers what came of it.
pub fn settle(state: &mut State, claim: Claim, reply: &Reply) {
    let Some(key) = claim.0 else {
        return;
    };
    state.in_progress.retain(|other| *other != key);
    let kept = reply.status < 300 || reply.status == 403;
    if let Some(entry) = state.books.requests.get_mut(&key).filter(|_| kept) {
        entry.outcome = Some(reply.clone());
    }
}

fn takes_key(call: &Call) -> bool {
    let managed = ["orders.", "captures.", "refunds."].iter().any(|part| call.operation.starts_with(part));
    call.operation == "tokens.order" || (managed && call.method != axum::http::Method::GET)
}

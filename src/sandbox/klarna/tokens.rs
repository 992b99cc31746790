//! Customer tokens: read, cancelled, and charged without the shopper.
//!
//! A cancellation is accepted with 202 and takes effect some seconds later. A charge that needs the shopper is refused
//! with 403; with `step_up: SUPPORTED` the refusal carries a `step_up_id`. Where Klarna puts that id isn't documented:
//! here it stands beside `error_code`. The token works again after the shopper paid an order in a session of payments.

use chrono::Duration;
use serde_json::{Value, json};

use super::books::{CustomerToken, TokenStatus};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::sessions::refuse;
use super::shoppers::Planned;
use super::state::State;
use super::{bodies, cart, ids, orders};
use crate::sandbox::fields::mistakes;

/// How long after it was accepted a cancellation takes effect.
const CANCELLATION_SECONDS: i64 = 2;

pub fn read(state: &State, call: &Call) -> Outcome {
    let token = find(state, call)?;
    let answer = json!({
        "status": token.status,
        "payment_method_type": "DIRECT_DEBIT",
        "direct_debit": {"masked_number": "**********124"},
    });
    Ok(Reply::json(200, &answer))
}

pub fn set_status(state: &mut State, call: &Call) -> Outcome {
    find(state, call)?;
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::TOKEN_STATUS))?;
    let from = state.now() + Duration::seconds(CANCELLATION_SECONDS);
    if let Some(token) = state.books.customer_tokens.get_mut(call.id(0))
        && token.status != TokenStatus::Cancelled
    {
        token.cancelled_from.get_or_insert(from);
    }
    Ok(Reply::nothing(202))
}

pub fn charge(state: &mut State, call: &Call) -> Outcome {
    let token = find(state, call)?.clone();
    match token.status {
        TokenStatus::Active => {}
        TokenStatus::Suspended => return Err(forbidden("TOKEN_SUSPENDED", "The token is suspended")),
        TokenStatus::Cancelled => return Err(forbidden("TOKEN_CANCELLED", "The token is cancelled")),
    }
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::TOKEN_ORDER))?;
    refuse(&cart::negative_lines(&body))?;
    refuse(&cart::mistakes(&body, &token.country))?;
    let currency = body["purchase_currency"].as_str().unwrap_or_default();
    if !currency.eq_ignore_ascii_case(&token.currency) {
        return Err(mismatch());
    }
    let planned = next(state, &token);
    let steps_up = body["step_up"] == "SUPPORTED";
    if let Some(refusal) = refusal(state, &token.id, planned, steps_up) {
        return Err(refusal);
    }
    let order_id = orders::place(
        state,
        orders::New {
            planned,
            country: token.country.clone(),
            shopper: token.shopper.clone(),
            session_id: None,
            customer_token: Some(token.id.clone()),
            request: body,
        },
    );
    Ok(Reply::json(200, &orders::answer(state, &order_id)))
}

/// What this charge comes to: what was planned for it, else what waits for the shopper, else the shopper's own word.
fn next(state: &mut State, token: &CustomerToken) -> Planned {
    let planned = &mut state.books.customer_tokens.get_mut(&token.id).map(|token| &mut token.planned);
    if let Some(planned) = planned.as_mut().filter(|planned| !planned.is_empty()) {
        return planned.remove(0);
    }
    if token.step_up_id.is_some() {
        return Planned::StepUp;
    }
    match token.shopper.charge() {
        // The shopper has come since.
        Planned::StepUp | Planned::Suspend if token.repaired => Planned::Accept,
        planned => planned,
    }
}

fn refusal(state: &mut State, token_id: &str, planned: Planned, steps_up: bool) -> Option<Refusal> {
    let token = state.books.customer_tokens.get_mut(token_id)?;
    let failed = || {
        forbidden("PAYMENT_METHOD_FAILED", "The payment method failed")
            .with("fraud_status", json!("REJECTED"))
            .with("reason", json!("PAYMENT_METHOD_FAILED"))
            .with("authorized_payment_method", method())
    };
    match planned {
        Planned::Accept | Planned::PendAccept { .. } | Planned::PendReject { .. } | Planned::Reject => None,
        Planned::Fail => Some(failed()),
        Planned::Unavailable => {
            Some(forbidden("UNAVAILABLE_PAYMENT_METHOD", "The payment method is not available"))
        }
        Planned::CurrencyMismatch => Some(mismatch()),
        Planned::Forbid => Some(forbidden("TOKEN_FORBIDDEN", "The merchant may not use this token")),
        Planned::Suspend => {
            token.status = TokenStatus::Suspended;
            Some(forbidden("TOKEN_SUSPENDED", "The token is suspended"))
        }
        Planned::Cancel => {
            token.status = TokenStatus::Cancelled;
            Some(forbidden("TOKEN_CANCELLED", "The token is cancelled"))
        }
        Planned::StepUp => {
            let id = token.step_up_id.get_or_insert_with(ids::uuid).clone();
            let refusal = failed();
            Some(if steps_up { refusal.with("step_up_id", json!(id)) } else { refusal })
        }
    }
}

/// What orders are paid with here.
pub fn method() -> Value {
    json!({"type": "direct_debit"})
}

fn mismatch() -> Refusal {
    forbidden("PAYMENT_METHOD_CURRENCY_MISMATCH", "The payment method is not of this currency")
}

fn forbidden(code: &str, text: &str) -> Refusal {
    Refusal::new(403, code, text)
}

fn find<'a>(state: &'a State, call: &Call) -> Result<&'a CustomerToken, Refusal> {
    let found = state.books.customer_tokens.get(call.id(0));
    found.ok_or_else(|| Refusal::not_found("TOKEN_NOT_FOUND", "Token", call.id(0)))
}

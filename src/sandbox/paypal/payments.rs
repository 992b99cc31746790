//! Payments v2: authorizations, captures and refunds.
//!
//! Captures of an authorization and of its renewals together stay within the limit: 115 % of the authorized amount, and
//! at most 75.00 more. Refunds of a capture together stay within the capture.
//!
//! A renewal takes the place of the renewal before it, which is voided then, and of the first authorization, which stays
//! open for further renewals and for being voided with all of them. Of either PayPal tells as VOIDED, as shops report.

use super::amounts::Amount;
use super::books::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Object, Refund, RefundStatus, Unit,
};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::errors::Refusal;
use super::payers::Behaviour;
use super::state::State;
use super::{disputes, ids, webhooks};
use chrono::Duration;

/// The most that may be captured above the authorized amount, in minor units of two-decimal currencies.
const EXCESS_MINOR_MAX: i64 = 7_500;
const CAPTURES_MAX: usize = 10;
/// From this day on an authorization can be renewed.
const REAUTHORIZE_AFTER_DAYS: i64 = 3;
const REFUND_WINDOW_DAYS: i64 = 180;

pub fn get_authorization(state: &State, call: &Call) -> Outcome {
    if state.books.authorizations.contains_key(&call.id) {
        Ok(Answer::full(200, Object::Authorization(call.id.clone())))
    } else {
        Err(call.unknown_resource("authorization_id"))
    }
}

pub fn get_capture(state: &State, call: &Call) -> Outcome {
    if state.books.captures.contains_key(&call.id) {
        Ok(Answer::full(200, Object::Capture(call.id.clone())))
    } else {
        Err(call.unknown_resource("capture_id"))
    }
}

pub fn get_refund(state: &State, call: &Call) -> Outcome {
    if state.books.refunds.contains_key(&call.id) {
        Ok(Answer::full(200, Object::Refund(call.id.clone())))
    } else {
        Err(call.unknown_resource("refund_id"))
    }
}

pub fn capture(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    let amount = checks.money(&body, "", "amount", 1);
    let invoice_id = checks.text(&body, "", "invoice_id", 0..=127).map(str::to_owned);
    checks.text(&body, "", "note_to_payer", 0..=255);
    checks.text(&body, "", "soft_descriptor", 0..=22);
    let final_capture = checks.flag(&body, "", "final_capture").unwrap_or(false);
    checks.finish()?;

    let authorization = open_authorization(state, call)?;
    let captured = state.books.captured_minor(&authorization);
    let authorized = state.books.authorized_minor(&authorization);
    let remaining = authorized - captured;
    let amount = amount.unwrap_or_else(|| authorization.amount.with(remaining));
    if amount.currency_code != authorization.amount.currency_code {
        return Err(call.unprocessable("AUTH_CAPTURE_CURRENCY_MISMATCH"));
    }
    let excess = (authorized.saturating_mul(15) / 100).min(EXCESS_MINOR_MAX);
    if captured.saturating_add(amount.minor) > authorized + excess {
        return Err(call.unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED"));
    }
    let books = &state.books;
    let of = |capture: &&Capture| capture.authorization_id.as_ref() == Some(&authorization.id);
    if books.captures.values().filter(of).count() >= CAPTURES_MAX {
        return Err(call.unprocessable("MAX_CAPTURE_COUNT_EXCEEDED"));
    }
    let used = |invoice: &String| books.captures.values().any(|one| one.invoice_id.as_ref() == Some(invoice));
    if invoice_id.as_ref().is_some_and(used) {
        return Err(call.unprocessable("DUPLICATE_INVOICE_ID"));
    }
    if matches!(authorization.payer.behaviour(), Behaviour::LateDecline | Behaviour::Declined) {
        return Err(call.unprocessable("PAYER_CANNOT_PAY"));
    }
    let all = final_capture || amount.minor >= remaining;
    let id = insert_capture(state, &authorization, amount, invoice_id, final_capture);
    let status = if all { AuthorizationStatus::Captured } else { AuthorizationStatus::PartiallyCaptured };
    set_family_status(state, &authorization, status);
    Ok(Answer::preferred(201, Object::Capture(id)))
}

fn insert_capture(
    state: &mut State,
    authorization: &Authorization,
    amount: Amount,
    invoice_id: Option<String>,
    final_capture: bool,
) -> String {
    let now = state.now();
    let unit = unit(state, authorization);
    let pending = authorization.payer.behaviour() == Behaviour::Pending;
    let id = ids::transaction_id();
    let capture = Capture {
        id: id.clone(),
        order_id: authorization.order_id.clone(),
        unit: authorization.unit,
        authorization_id: Some(authorization.id.clone()),
        status: if pending { CaptureStatus::Pending } else { CaptureStatus::Completed },
        amount,
        final_capture,
        reversal: None,
        passed_at: None,
        invoice_id: invoice_id.or_else(|| unit.and_then(|unit| unit.invoice_id.clone())),
        custom_id: unit.and_then(|unit| unit.custom_id.clone()),
        payer: authorization.payer.clone(),
        create_time: now,
        update_time: now,
    };
    state.books.captures.insert(id.clone(), capture);
    let event_type = if pending { "PAYMENT.CAPTURE.PENDING" } else { "PAYMENT.CAPTURE.COMPLETED" };
    webhooks::record(state, event_type, &Object::Capture(id.clone()));
    disputes::open_by_payer(state, &id);
    id
}

pub fn reauthorize(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    let amount = checks.money(&body, "", "amount", 1);
    checks.finish()?;
    let now = state.now();
    let authorization = state
        .books
        .authorizations
        .get(&call.id)
        .cloned()
        .ok_or_else(|| call.unknown_resource("authorization_id"))?;
    if authorization.parent_id.is_some() {
        return Err(call.unprocessable("REAUTHORIZATION_NOT_SUPPORTED"));
    }
    if authorization.expired || authorization.expiration_time <= now {
        return Err(call.unprocessable("AUTHORIZATION_VOIDED"));
    }
    if authorization.payer.behaviour() == Behaviour::RenewDeclined {
        return Err(call.unprocessable("PAYER_CANNOT_PAY"));
    }
    match authorization.status {
        AuthorizationStatus::Voided => return Err(call.unprocessable("AUTHORIZATION_VOIDED")),
        AuthorizationStatus::Captured => return Err(call.unprocessable("AUTHORIZATION_ALREADY_CAPTURED")),
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {}
    }
    let amount = amount.unwrap_or_else(|| authorization.amount.clone());
    if amount.currency_code != authorization.amount.currency_code {
        return Err(call.unprocessable("AUTH_CURRENCY_MISMATCH"));
    }
    if now < authorization.create_time + Duration::days(REAUTHORIZE_AFTER_DAYS) {
        return Err(call.unprocessable("TRANSACTION_REFUSED"));
    }
    let id = ids::transaction_id();
    let renewed = Authorization {
        id: id.clone(),
        parent_id: Some(authorization.id.clone()),
        status: AuthorizationStatus::Created,
        amount,
        create_time: now,
        update_time: now,
        ..authorization
    };
    let superseded = supersede(state, &call.id);
    state.books.authorizations.insert(id.clone(), renewed);
    webhooks::record(state, "PAYMENT.AUTHORIZATION.CREATED", &Object::Authorization(id.clone()));
    webhooks::record(state, "PAYMENT.AUTHORIZATION.VOIDED", &Object::Authorization(superseded));
    Ok(Answer::preferred(201, Object::Authorization(id)))
}

/// Ends the renewal of this authorization that is current; answers what the next one takes the place of.
fn supersede(state: &mut State, root: &str) -> String {
    let now = state.now();
    let is_current = |one: &&mut Authorization| {
        one.parent_id.as_deref() == Some(root) && one.status != AuthorizationStatus::Voided
    };
    match state.books.authorizations.values_mut().find(is_current) {
        Some(current) => {
            current.status = AuthorizationStatus::Voided;
            current.update_time = now;
            current.id.clone()
        }
        None => root.to_owned(),
    }
}

pub fn void(state: &mut State, call: &Call) -> Outcome {
    let authorization = state
        .books
        .authorizations
        .get(&call.id)
        .cloned()
        .ok_or_else(|| call.unknown_resource("authorization_id"))?;
    if authorization.parent_id.is_some() {
        return Err(call.unprocessable("CANNOT_BE_VOIDED"));
    }
    match authorization.status {
        AuthorizationStatus::Voided => return Err(call.unprocessable("PREVIOUSLY_VOIDED")),
        AuthorizationStatus::Captured => return Err(call.unprocessable("PREVIOUSLY_CAPTURED")),
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {}
    }
    set_family_status(state, &authorization, AuthorizationStatus::Voided);
    webhooks::record(state, "PAYMENT.AUTHORIZATION.VOIDED", &Object::Authorization(call.id.clone()));
    if call.wants_representation() {
        Ok(Answer::full(200, Object::Authorization(call.id.clone())))
    } else {
        Ok(Answer::nothing())
    }
}

/// Voids an authorization whose time is over, and tells of it.
pub fn expire(state: &mut State, id: &str) {
    let now = state.now();
    if let Some(authorization) = state.books.authorizations.get_mut(id) {
        authorization.expired = true;
        authorization.status = AuthorizationStatus::Voided;
        authorization.update_time = now;
        webhooks::record(state, "PAYMENT.AUTHORIZATION.VOIDED", &Object::Authorization(id.to_owned()));
    }
}

pub fn refund(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    let amount = checks.money(&body, "", "amount", 1);
    let invoice_id = checks.text(&body, "", "invoice_id", 1..=127).map(str::to_owned);
    let custom_id = checks.text(&body, "", "custom_id", 1..=127).map(str::to_owned);
    let note_to_payer = checks.text(&body, "", "note_to_payer", 1..=255).map(str::to_owned);
    checks.finish()?;

    let capture =
        state.books.captures.get(&call.id).cloned().ok_or_else(|| call.unknown_resource("capture_id"))?;
    check_refundable(state, call, &capture, amount.as_ref())?;
    if invoice_id.is_some() && state.books.refunds.values().any(|one| one.invoice_id == invoice_id) {
        return Err(call.unprocessable("DUPLICATE_INVOICE_ID"));
    }
    let left = capture.amount.minor - state.books.refunded_minor(&capture.id);
    let now = state.now();
    let pending = capture.payer.behaviour() == Behaviour::RefundPending;
    let id = ids::transaction_id();
    let refund = Refund {
        id: id.clone(),
        capture_id: capture.id.clone(),
        status: if pending { RefundStatus::Pending } else { RefundStatus::Completed },
        amount: amount.unwrap_or_else(|| capture.amount.with(left)),
        invoice_id,
        custom_id,
        note_to_payer,
        create_time: now,
        update_time: now,
    };
    state.books.refunds.insert(id.clone(), refund);
    set_refund_status(state, &capture.id);
    let event_type = if pending { "PAYMENT.REFUND.PENDING" } else { "PAYMENT.CAPTURE.REFUNDED" };
    webhooks::record(state, event_type, &Object::Refund(id.clone()));
    Ok(Answer::preferred(201, Object::Refund(id)))
}

fn check_refundable(
    state: &State,
    call: &Call,
    capture: &Capture,
    amount: Option<&Amount>,
) -> Result<(), Refusal> {
    match capture.status {
        CaptureStatus::Pending => return Err(call.unprocessable("PENDING_CAPTURE")),
        CaptureStatus::Declined => return Err(call.unprocessable("REFUND_NOT_ALLOWED")),
        CaptureStatus::Refunded => return Err(call.unprocessable("CAPTURE_FULLY_REFUNDED")),
        CaptureStatus::Completed | CaptureStatus::PartiallyRefunded => {}
    }
    let left = capture.amount.minor - state.books.refunded_minor(&capture.id);
    let is_partial = amount.is_some_and(|amount| amount.minor < left);
    match state.books.open_dispute(&capture.id).map(|dispute| dispute.stage.as_str()) {
        Some("INQUIRY") if !is_partial => {}
        Some("INQUIRY") => return Err(call.unprocessable("TRANSACTION_DISPUTED")),
        Some(_) => return Err(call.unprocessable("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")),
        None => {}
    }
    if state.now() > capture.create_time + Duration::days(REFUND_WINDOW_DAYS) {
        return Err(call.unprocessable("REFUND_TIME_LIMIT_EXCEEDED"));
    }
    match amount {
        Some(amount) if amount.currency_code != capture.amount.currency_code => {
            Err(call.unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH"))
        }
        Some(amount) if amount.minor > left => Err(call.unprocessable("REFUND_AMOUNT_EXCEEDED")),
        _ => Ok(()),
    }
}

/// Ends the review of a pending capture. `false` when there is no such pending capture.
pub fn settle_capture(state: &mut State, id: &str, completed: bool) -> bool {
    let now = state.now();
    let Some(capture) = state.books.captures.get_mut(id).filter(|one| one.status == CaptureStatus::Pending)
    else {
        return false;
    };
    capture.status = if completed { CaptureStatus::Completed } else { CaptureStatus::Declined };
    capture.update_time = now;
    capture.passed_at = completed.then_some(now);
    let event_type = if completed { "PAYMENT.CAPTURE.COMPLETED" } else { "PAYMENT.CAPTURE.DENIED" };
    webhooks::record(state, event_type, &Object::Capture(id.to_owned()));
    true
}

/// Ends a pending refund. `false` when there is no such pending refund.
pub fn settle_refund(state: &mut State, id: &str, completed: bool) -> bool {
    let now = state.now();
    let Some(refund) = state.books.refunds.get_mut(id).filter(|one| one.status == RefundStatus::Pending)
    else {
        return false;
    };
    refund.status = if completed { RefundStatus::Completed } else { RefundStatus::Failed };
    refund.update_time = now;
    let capture_id = refund.capture_id.clone();
    set_refund_status(state, &capture_id);
    let event_type = if completed { "PAYMENT.CAPTURE.REFUNDED" } else { "PAYMENT.REFUND.FAILED" };
    webhooks::record(state, event_type, &Object::Refund(id.to_owned()));
    true
}

/// The authorization of the path, if it can be captured now.
fn open_authorization(state: &State, call: &Call) -> Result<Authorization, Refusal> {
    let authorization = state
        .books
        .authorizations
        .get(&call.id)
        .cloned()
        .ok_or_else(|| call.unknown_resource("authorization_id"))?;
    if authorization.expired || authorization.expiration_time <= state.now() {
        return Err(call.unprocessable("AUTHORIZATION_EXPIRED"));
    }
    match authorization.status {
        AuthorizationStatus::Voided => Err(call.unprocessable("AUTHORIZATION_VOIDED")),
        AuthorizationStatus::Captured => Err(call.unprocessable("AUTHORIZATION_ALREADY_CAPTURED")),
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => Ok(authorization),
    }
}

/// An authorization and its renewals hold the same money, so they share what happens to it.
fn set_family_status(state: &mut State, authorization: &Authorization, status: AuthorizationStatus) {
    let now = state.now();
    let root = authorization.parent_id.as_ref().unwrap_or(&authorization.id);
    for one in state.books.authorizations.values_mut() {
        let is_family = one.id == *root || one.parent_id.as_ref() == Some(root);
        if is_family && one.status != AuthorizationStatus::Voided {
            one.status = status;
            one.update_time = now;
        }
    }
}

fn set_refund_status(state: &mut State, capture_id: &str) {
    let now = state.now();
    let refunded = state.books.refunded_minor(capture_id);
    if let Some(capture) = state.books.captures.get_mut(capture_id) {
        capture.status = match refunded {
            0 => CaptureStatus::Completed,
            sum if sum < capture.amount.minor => CaptureStatus::PartiallyRefunded,
            _ => CaptureStatus::Refunded,
        };
        capture.update_time = now;
    }
}

fn unit<'a>(state: &'a State, authorization: &Authorization) -> Option<&'a Unit> {
    state.books.orders.get(&authorization.order_id).and_then(|order| order.units.get(authorization.unit))
}

/// Sends money to the shop's bank.
pub fn pay_out(state: &mut State, currency: &str, minor: i64) {
    let payout = super::books::Payout {
        id: ids::transaction_id(),
        amount: Amount::new(currency, minor),
        at: state.now(),
    };
    state.books.payouts.push(payout);
}

//! Doing an operation: the job that asks the provider and finds out what came of it.
//!
//! That it is sent is committed before the first byte leaves. From then on the outcome is unknown until the provider
//! says, and only two things are ever done about it: the same call with the same key while the provider remembers it, or
//! a read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{
    Books, DeclineReason, Effect, Operation, OperationKind, OperationState, Outcome, PaymentLine,
    PaymentLineKind,
};
use super::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, Intent, Market, OrderRequest, Provider, RefundRequest,
    RenewRequest, VoidRequest,
};
use super::settle::settle;
use super::{callback, parts, secrets, store};
use crate::app::App;
use crate::clock::Moment;
use crate::ids::OperationId;
use crate::jobs::{self, Failure, Job, Lease};
use crate::money::Money;

/// The job that does an operation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Operate {
    /// Which operation.
    pub operation: OperationId,
}

impl Job for Operate {
    const KIND: &'static str = "payments.operate";

    fn subject(&self) -> String {
        self.operation.to_string()
    }
}

/// The first pause and the longest before an unknown outcome is asked for again, or what did not leave is sent again: short
/// at first, because a shopper waits at the exit.
const UNKNOWN_PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// The first pause and the longest before the shopper's confirmation is looked for again.
const WAITING_PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));
/// The first pause and the longest before something pending is looked at again: reviews take days.
const PENDING_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(15));
/// A shopper who has not confirmed in this time is not going to.
const ACTION_TIME_MAX: chrono::Duration = chrono::Duration::minutes(15);
/// A shopper who is asked for it later, away from the store, has this time to confirm.
const LATER_ACTION_TIME_MAX: chrono::Duration = chrono::Duration::hours(24);
/// The first pause and the longest of what has to wait for another operation, which may itself wait for people.
const AFTER_OTHERS_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// Does [`Operate`].
pub async fn operate(app: &App, lease: &Lease) -> jobs::Outcome {
    let Operate { operation: id } = lease.payload()?;
    let Some(payment) = store::operations::payment_of(&app.db, id).await? else {
        return Err(Failure::never("there is no such operation"));
    };
    let Some(payment) = store::payments::find(&app.db, payment).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    let operations = store::operations::of_payment(&app.db, payment.id, payment.currency).await?;
    let books = Books { payment, operations };
    let Some(operation) = books.operations.iter().find(|each| each.id == id) else {
        return Err(Failure::never("there is no such operation"));
    };
    if operation.state.is_final() {
        return Ok(());
    }
    let now = app.clock.now();
    if may_wait(operation) && books.waits_for_others(operation) {
        let pause = pause_since(operation.created_at, now, AFTER_OTHERS_PAUSES);
        return Err(Failure::after(pause, "another operation is still open"));
    }
    let Some(provider) = app.providers.get(books.payment.provider) else {
        return Err(Failure::later("the provider is not configured"));
    };
    if matches!(operation.state, OperationState::Waiting | OperationState::Pending) {
        // Hints may come in any number.
        let looked_at = store::payments::looked_at(&app.db, books.payment.id).await?;
        if let Some(rest) = callback::too_soon(looked_at, now) {
            return Err(Failure::after(rest, "it was looked at a moment ago"));
        }
        store::payments::set_looked_at(&app.db, books.payment.id, now).await?;
    }
    let is_first_call = operation.state == OperationState::Intended;
    if is_first_call && !send(app, lease, now, id).await? {
        return Err(Failure::after(UNKNOWN_PAUSES.0, "the operation changed meanwhile"));
    }
    let outcome = ask(app, provider, &books, operation, now).await?;
    let outcome = if is_first_call { outcome } else { outcome.after_earlier_calls() };
    let state = settle(app, lease, &books.payment, id, &outcome).await?;
    pace(app, operation, now, state, &outcome)
}

/// Commits that the first byte may leave from now on.
async fn send(app: &App, lease: &Lease, now: Moment, id: OperationId) -> Result<bool, Failure> {
    let mut tx = app.db.begin().await?;
    let sent = store::operations::mark_sent(&mut tx, now, id).await?;
    lease.commit(tx).await?;
    Ok(sent)
}

/// Whether waiting changes nothing about what may have happened: no call of it may have left.
fn may_wait(operation: &Operation) -> bool {
    operation.kind == OperationKind::Void || operation.state == OperationState::Intended
}

/// A pause that grows with the time for which something has been tried, a third of it, so that the tries thin out. Jobs that
/// choose their pauses don't count their tries.
pub(super) fn pause_since(since: Moment, now: Moment, (first, longest): (Duration, Duration)) -> Duration {
    let passed = (now - since).to_std().unwrap_or_default();
    (passed / 3).clamp(first, longest)
}

/// When to look again, if at all.
fn pace(
    app: &App,
    operation: &Operation,
    now: Moment,
    state: OperationState,
    outcome: &Outcome,
) -> jobs::Outcome {
    let waits_since = operation.waits_since.unwrap_or(now);
    let (pause, reason) = match (state, outcome) {
        _ if state.is_final() => return Ok(()),
        (OperationState::Parked, _) => {
            return Err(Failure::never("the operation needs people: see the parked operations of payments"));
        }
        (OperationState::Waiting, _) => {
            (pause_since(waits_since, now, WAITING_PAUSES), "the shopper has to confirm".to_owned())
        }
        (OperationState::Pending, _) => {
            (pause_since(waits_since, now, PENDING_PAUSES), "pending at the provider".to_owned())
        }
        (_, Outcome::NotSent { detail }) => {
            (pause_since(operation.created_at, now, UNKNOWN_PAUSES), format!("not sent: {detail}"))
        }
        (_, Outcome::Absent) => (UNKNOWN_PAUSES.0, "it never happened: sent again".to_owned()),
        (_, outcome) => {
            let since = operation.sent_at.unwrap_or(now);
            let detail = if let Outcome::Unknown { detail } = outcome { detail } else { "not settled" };
            (pause_since(since, now, UNKNOWN_PAUSES), format!("unknown outcome: {detail}"))
        }
    };
    // Up to a tenth more, so that everybody who lost the provider at once does not come back at once.
    let jitter = app.random.below(u64::try_from(pause.as_millis() / 10).unwrap_or(0));
    Err(Failure::after(pause + Duration::from_millis(jitter), reason))
}

async fn ask(
    app: &App,
    provider: &dyn Provider,
    books: &Books,
    operation: &Operation,
    now: Moment,
) -> Result<Outcome, Failure> {
    match operation.kind {
        OperationKind::Charge | OperationKind::Authorise | OperationKind::Complete => {
            ask_order(app, provider, books, operation, now).await
        }
        OperationKind::Capture => {
            let lines = parts::lines_of(&app.db, books, operation).await?;
            Ok(ask_capture(provider, books, (operation, &lines), now).await)
        }
        OperationKind::Void => Ok(ask_void(provider, books, operation).await),
        OperationKind::Refund => {
            let lines = parts::lines_of(&app.db, books, operation).await?;
            Ok(ask_refund(provider, books, (operation, &lines), now).await)
        }
        OperationKind::Renew => Ok(ask_renew(provider, books, operation, now).await),
    }
}

async fn ask_order(
    app: &App,
    provider: &dyn Provider,
    books: &Books,
    operation: &Operation,
    now: Moment,
) -> Result<Outcome, Failure> {
    let payment = &books.payment;
    let effect = books.effect(operation);
    let intent = intent(effect);
    // Nobody has the app in their hand.
    let is_alone = effect.is_again() || payment.is_by_rule;
    let known = books.order_of(operation);
    let order = known.map(|order| OrderRequest { order, intent, action_url: payment.action_url.as_deref() });
    let waits = matches!(operation.state, OperationState::Waiting | OperationState::Pending);
    if let Some(order) = order.filter(|_| waits) {
        let outcome = provider.read_order(&order).await;
        let time = if is_alone { LATER_ACTION_TIME_MAX } else { ACTION_TIME_MAX };
        return Ok(give_up_waiting(operation, outcome, now, time));
    }
    if forgotten(operation, provider.order_key_lifetime(), now) {
        return Ok(match order {
            Some(order) => provider.read_order(&order).await,
            None => lost("the provider no longer knows the key of a charge whose outcome is unknown"),
        });
    }
    if operation.kind == OperationKind::Complete {
        let Some(order) = known else { return Ok(lost("there is no order to complete")) };
        return complete(app, provider, books, operation, (order, intent)).await;
    }
    let secrets = secrets::of_method(app, &app.db, payment.method).await?;
    // The call that links the account stays the same when it is repeated: it never names the link that it made.
    let links_method = payment.links_method && !effect.is_again();
    let token = secrets.and_then(|secrets| secrets.provider_token).filter(|_| !links_method);
    if token.is_none() && !links_method {
        if operation.state != OperationState::Intended {
            // It may have been debited before the link went: only asking helps, and there is nothing to ask with.
            return Ok(lost("the link is gone while the outcome is open"));
        }
        // The link is gone before anything was debited with it.
        return Ok(Outcome::Declined { reason: DeclineReason::LinkRevoked, may_retry: false });
    }
    let purchase = Purchase::of(app, books, operation).await?;
    let charge = ChargeRequest {
        key: &operation.key,
        operation: operation.id,
        checkout: payment.checkout,
        intent,
        amount: operation.amount,
        lines: &purchase.lines,
        reference: &payment.reference,
        token: token.as_ref(),
        device_session: payment.device_session.as_deref().filter(|_| !effect.is_again()),
        market: purchase.market(books),
        return_url: &purchase.return_url,
        callback_url: &purchase.callback_url,
        is_shopper_present: !is_alone,
    };
    Ok(provider.charge(&charge).await)
}

async fn complete(
    app: &App,
    provider: &dyn Provider,
    books: &Books,
    operation: &Operation,
    (order, intent): (&str, Intent),
) -> Result<Outcome, Failure> {
    let purchase = Purchase::of(app, books, operation).await?;
    let complete = CompleteRequest {
        key: &operation.key,
        operation: operation.id,
        is_repeat: operation.state != OperationState::Intended,
        order,
        intent,
        amount: operation.amount,
        lines: &purchase.lines,
        reference: &books.payment.reference,
        market: purchase.market(books),
        return_url: &purchase.return_url,
        callback_url: &purchase.callback_url,
    };
    Ok(provider.complete(&complete).await)
}

/// What a provider is told of a purchase beside its amount.
struct Purchase {
    lines: Vec<PaymentLine>,
    locale: Option<String>,
    return_url: String,
    callback_url: String,
}

impl Purchase {
    async fn of(app: &App, books: &Books, operation: &Operation) -> Result<Self, Failure> {
        let payment = &books.payment;
        let lines = if books.effect(operation).is_again() {
            // A part of the whole, to which its lines would not add up.
            vec![PaymentLine::new(PaymentLineKind::Goods, &payment.reference, 1, operation.amount)]
        } else {
            store::payments::lines(&app.db, payment.id).await?
        };
        let method = store::methods::find(&app.db, payment.method).await?;
        Ok(Self {
            lines,
            locale: method.and_then(|method| method.locale),
            return_url: app.config.public(&format!("/v1/payments/{}/return", payment.id)),
            callback_url: callback::url(app, callback::Subject::Payment(payment.id)),
        })
    }

    fn market<'a>(&'a self, books: &'a Books) -> Market<'a> {
        Market { country: books.payment.country.as_deref(), locale: self.locale.as_deref() }
    }
}

/// Nothing can be read any more: people have to look.
const fn lost(detail: &'static str) -> Outcome {
    Outcome::Lost { detail }
}

/// What was taken back of a debit is counted after a refund of it that may have happened: together they are never more than
/// the debit.
pub(super) fn after_refund(books: &Books, debit: OperationId, now: Moment) -> Result<(), Failure> {
    match books.refund_on_its_way(debit) {
        None => Ok(()),
        Some(refund) => {
            let pause = pause_since(refund.created_at, now, PENDING_PAUSES);
            Err(Failure::after(pause, "a refund of the debit has to be found out before"))
        }
    }
}

/// What an order is made for.
pub(super) const fn intent(effect: Effect) -> Intent {
    if effect.is_debit() { Intent::Capture } else { Intent::Authorise }
}

/// A confirmation that is still missing after the time for it counts as refused: nobody completes the order then.
fn give_up_waiting(operation: &Operation, outcome: Outcome, now: Moment, time: chrono::Duration) -> Outcome {
    let is_late = operation.waits_since.is_some_and(|since| now - since >= time);
    match outcome {
        Outcome::ActionRequired { .. } if is_late && operation.state == OperationState::Waiting => {
            Outcome::Declined { reason: DeclineReason::NotConfirmed, may_retry: true }
        }
        other => other,
    }
}

async fn ask_capture(
    provider: &dyn Provider,
    books: &Books,
    (operation, lines): (&Operation, &[PaymentLine]),
    now: Moment,
) -> Outcome {
    let payment = &books.payment;
    if let Some(object) = operation.object.as_deref() {
        return provider.read_capture(object).await;
    }
    let Some(authorisation) = payment.provider_authorisation.as_deref() else {
        return lost("there is no hold to capture from");
    };
    let held = payment.authorised.minor().saturating_sub(payment.captured.minor());
    let capture = CaptureRequest {
        key: &operation.key,
        operation: operation.id,
        reference: &payment.reference,
        order: payment.provider_order.as_deref(),
        authorisation,
        amount: operation.amount,
        held: Money::new(held, payment.currency),
        is_last: operation.is_last,
        lines,
        market: Market { country: payment.country.as_deref(), locale: None },
    };
    if forgotten(operation, provider.payment_key_lifetime(), now) {
        let reason = "the provider no longer knows the key of a capture whose outcome is unknown";
        return provider.find_capture(&capture).await.unwrap_or(lost(reason));
    }
    provider.capture(&capture).await
}

async fn ask_void(provider: &dyn Provider, books: &Books, operation: &Operation) -> Outcome {
    let (first, current) = (books.first_hold(), books.payment.provider_authorisation.as_deref());
    let (Some(first), Some(authorisation)) = (first, current) else {
        return lost("there is no hold to let go of");
    };
    let order = books.payment.provider_order.as_deref();
    let void = VoidRequest { key: &operation.key, order, first, authorisation, amount: operation.amount };
    provider.void(&void).await
}

async fn ask_renew(provider: &dyn Provider, books: &Books, operation: &Operation, now: Moment) -> Outcome {
    if forgotten(operation, provider.payment_key_lifetime(), now) {
        return lost("the provider no longer knows the key of a renewal whose outcome is unknown");
    }
    let (first, current) = (books.first_hold(), books.payment.provider_authorisation.as_deref());
    let (Some(first), Some(authorisation)) = (first, current) else {
        return lost("there is no hold to renew");
    };
    let renewal = RenewRequest {
        key: &operation.key,
        operation: operation.id,
        order: books.payment.provider_order.as_deref(),
        first,
        authorisation,
        amount: operation.amount,
    };
    provider.renew(&renewal).await
}

async fn ask_refund(
    provider: &dyn Provider,
    books: &Books,
    (operation, lines): (&Operation, &[PaymentLine]),
    now: Moment,
) -> Outcome {
    if let Some(object) = operation.object.as_deref() {
        return provider.read_refund(object).await;
    }
    let target = books.operations.iter().find(|each| Some(each.id) == operation.target);
    let Some(capture) = target.and_then(|target| target.object.as_deref()) else {
        return lost("there is no capture to give back from");
    };
    let refund = RefundRequest {
        key: &operation.key,
        operation: operation.id,
        reference: &books.payment.reference,
        order: books.payment.provider_order.as_deref(),
        capture,
        amount: operation.amount,
        lines,
        market: Market { country: books.payment.country.as_deref(), locale: None },
    };
    if forgotten(operation, provider.payment_key_lifetime(), now) {
        let reason = "the provider no longer knows the key of a refund whose outcome is unknown";
        return provider.find_refund(&refund).await.unwrap_or(lost(reason));
    }
    provider.refund(&refund).await
}

/// A call that begins now may arrive so much later, after a token was fetched for it.
const KEY_MARGIN: chrono::Duration = chrono::Duration::minutes(10);

/// Whether the provider may have forgotten the key by the time at which a call arrives. An operation that was just sent for the
/// first time has no time yet.
fn forgotten(operation: &Operation, lifetime: chrono::Duration, now: Moment) -> bool {
    operation.sent_at.is_some_and(|sent| now - sent >= lifetime - KEY_MARGIN)
}

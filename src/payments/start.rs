//! Starting a payment, inside the transaction of whoever wants to be paid.

use uuid::Uuid;

use super::model::{
    MethodState, Operation, OperationKind, OperationState, Payment, PaymentLine, PaymentState, Planned,
    ProviderName,
};
use super::operate::Operate;
use super::provider::Provider;
use super::{Error, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{CheckoutId, DebtId, Ids, MethodId, OperationId, PaymentId, ShopperId};
use crate::jobs;
use crate::money::Money;

/// A wish to be paid.
#[derive(Clone, Debug)]
pub struct Start {
    /// The name of the payment.
    pub payment: PaymentId,
    /// What is paid for.
    pub checkout: CheckoutId,
    /// Of which debt that came of it, when it pays no more than that.
    pub debt: Option<Debtor>,
    /// Who pays.
    pub shopper: ShopperId,
    /// The account to debit.
    pub method: MethodId,
    /// What it costs in all.
    pub total: Money,
    /// What is debited at once: the total for a plain charge; else the total is held, and this part debited at once.
    pub due_now: Money,
    /// What it is for; adds up to the total.
    pub lines: Vec<PaymentLine>,
    /// What people call the purchase: short, shown to the payer.
    pub reference: String,
    /// Where it is bought: the country, by two letters (ISO 3166-1), when it is known.
    pub country: Option<String>,
    /// Where the page after a confirmation leads back to: one of the app's own links, or empty.
    pub return_url: String,
    /// The session of the shopper's device at the provider, when the app gave it.
    pub device_session: Option<String>,
}

/// Which debt is paid, and who wants it.
#[derive(Clone, Copy, Debug)]
pub struct Debtor {
    /// Which debt.
    pub debt: DebtId,
    /// Whether a rule wants it, and the shopper is not there.
    pub is_by_rule: bool,
}

/// The namespace of keys: they are UUIDs version 5 of their operation's id, the same for its whole life.
const KEYS: Uuid = Uuid::from_u128(0x6f1c_2a52_0d6b_5d4e_9a0e_3b1f_7c55_aa01);
/// How long an operation waits that follows one that failed for reasons that may pass.
const LATER: chrono::Duration = chrono::Duration::hours(1);

/// The key that a provider tells a repeat by.
pub(super) fn key(name: &str) -> String {
    Uuid::new_v5(&KEYS, name.as_bytes()).to_string()
}

/// Whether an account can be debited with these amounts, held or captured: asked before a shopper is quoted them.
pub fn can_debit(app: &App, provider: ProviderName, amounts: &[Money]) -> Result<(), Error> {
    let provider = app.providers.get(provider).ok_or(Error::ProviderAbsent)?;
    can_express(provider, amounts)
}

fn can_express(provider: &dyn Provider, amounts: &[Money]) -> Result<(), Error> {
    match amounts.iter().find(|amount| !provider.can_express(**amount)) {
        Some(amount) => Err(Error::NotExpressible(*amount)),
        None => Ok(()),
    }
}

/// Writes down a payment and its first operation. Wake the jobs after the commit.
pub async fn start(app: &App, tx: &mut Tx, now: Moment, start: Start) -> Result<(), Error> {
    check_amounts(&start)?;
    let method = store::methods::lock(tx, start.method).await?;
    let method = method.filter(|method| method.shopper == start.shopper).ok_or(Error::MethodUnknown)?;
    if !method.may_debit() {
        return Err(Error::MethodInactive);
    }
    let rest = start.total.minus(start.due_now).map_err(|_| Error::Amounts)?;
    let provider = app.providers.get(method.provider).ok_or(Error::ProviderAbsent)?;
    can_express(provider, &[start.total, start.due_now, rest])?;
    let zero = Money::zero(start.total.currency());
    let payment = Payment {
        id: start.payment,
        checkout: start.checkout,
        debt: start.debt.map(|debtor| debtor.debt),
        is_by_rule: start.debt.is_some_and(|debtor| debtor.is_by_rule),
        shopper: start.shopper,
        method: start.method,
        provider: method.provider,
        currency: start.total.currency(),
        total: start.total,
        due_now: start.due_now,
        authorised: zero,
        captured: zero,
        refunded: zero,
        state: PaymentState::Pending,
        is_closed: false,
        is_given_up: false,
        action_url: None,
        decline_reason: None,
        may_retry: false,
        provider_order: None,
        provider_authorisation: None,
        hold: None,
        hold_look_at: None,
        reference: start.reference,
        country: start.country,
        return_url: start.return_url,
        links_method: method.state == MethodState::Linking,
        device_session: start.device_session,
        created_at: now,
    };
    if !store::payments::insert(tx, now, &payment, &start.lines).await? {
        return Err(Error::AlreadyStarted);
    }
    let is_charge = payment.is_due_at_once() && provider.debits_in_one_call();
    let kind = if is_charge { OperationKind::Charge } else { OperationKind::Authorise };
    write_down(tx, &app.ids, now, payment.id, &Planned::first(kind, payment.total)).await?;
    Ok(())
}

/// Writes down an operation with its key, and the job that does it.
pub(super) async fn write_down(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    payment: PaymentId,
    planned: &Planned,
) -> Result<(), db::Error> {
    let id: OperationId = ids.next();
    let operation = Operation {
        id,
        payment,
        kind: planned.kind,
        sequence: planned.sequence,
        amount: planned.amount,
        is_last: planned.is_last,
        refund: planned.refund,
        target: planned.target,
        key: key(&id.to_string()),
        state: OperationState::Intended,
        object: None,
        reason: None,
        reversed: Money::zero(planned.amount.currency()),
        is_disputed: false,
        trouble: None,
        created_at: now,
        sent_at: None,
        waits_since: None,
    };
    store::operations::insert(tx, now, &operation).await?;
    let run_at = if planned.is_later { now + LATER } else { now };
    jobs::enqueue_at(tx, ids, now, &Operate { operation: id }, run_at).await
}

fn check_amounts(start: &Start) -> Result<(), Error> {
    let total = start.total;
    let sum = Money::sum(total.currency(), start.lines.iter().map(|line| line.amount))
        .map_err(|_| Error::Amounts)?;
    let fits = total.is_positive()
        && sum == total
        && start.due_now.currency() == total.currency()
        && (0..=total.minor()).contains(&start.due_now.minor())
        && start.lines.iter().all(PaymentLine::is_sound);
    if fits { Ok(()) } else { Err(Error::Amounts) }
}

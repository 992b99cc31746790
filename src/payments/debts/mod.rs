//! Debts: goods left for which no money came, or whose money was taken back. The shopper owes it, begins no new trip
//! meanwhile, and pays it by an ordinary payment of any linked account.
//!
//! Invariants: what made a debt makes one; a debt has one payment at a time, and is paid by one that debited; each step is in
//! the ledger with the transaction that takes it; nothing forgets a debt but staff who write it off, or goods that came back.
//!
//! The rooms above say when there is one ([`open`]) and when it is no longer owed ([`withdraw`]); they are told
//! ([`News::DebtSettled`]) when one is paid or written off. `model/debt.rs` has the states and when a debt is tried again by
//! rule, `pay.rs` how it is paid.
//!
//! Lock order: the payment that failed, then the one that pays, then the debt, then rows of the rooms above.

mod pay;

use uuid::Uuid;

use super::ledger::{self, Entry};
use super::model::{DebtEvent, DebtKind, DebtState, DeclineReason, FactKind, News, Payment, Reversal};
use super::store::{self, debts};
use super::{Error, change};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::error::Internal;
use crate::ids::{CheckoutId, DebtId, Ids, PaymentId, ShopperId, StaffId, StoreId};
use crate::jobs;
use crate::money::{Currency, Money};

pub use super::store::debts::Debt;
pub use pay::{Collect, collect, pay};

/// What makes a debt.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What made it: each makes one.
    pub cause: Uuid,
    /// How it came about.
    pub kind: DebtKind,
    /// The payment that failed; locked by the caller.
    pub payment: PaymentId,
    /// The store that the goods are from.
    pub store: StoreId,
    /// How much is owed.
    pub amount: Money,
    /// Why, in the provider's terms.
    pub reason: Option<DeclineReason>,
}

/// Opens a debt; answers whether there was none of this cause. Wake the jobs after the commit.
pub async fn open(tx: &mut Tx, ids: &Ids, now: Moment, opening: Opening) -> Result<bool, Error> {
    let payment = store::payments::find(&mut *tx, opening.payment).await?.ok_or(Error::PaymentUnknown)?;
    let Opening { cause, kind, store, amount, reason, .. } = opening;
    let try_at = super::model::pause_before_try(kind, reason, 0).map(|pause| now + pause);
    let debt = Debt {
        id: ids.next(),
        cause,
        kind,
        payment: payment.id,
        checkout: payment.checkout,
        store,
        shopper: payment.shopper,
        reference: payment.reference.clone(),
        amount,
        reason,
        state: DebtState::Open,
        paying: None,
        tries: 0,
        try_at,
        note: None,
        staff: None,
        created_at: now,
    };
    if !debts::insert(tx, &debt).await? {
        return Ok(false);
    }
    let fact = match kind {
        DebtKind::CaptureRefused => FactKind::DebtOpened,
        DebtKind::Reversed => FactKind::DebtOfReversal,
    };
    post(tx, ids, now, &debt, &payment, fact).await?;
    if let Some(try_at) = try_at {
        jobs::enqueue_at(tx, ids, now, &Collect { debt: debt.id }, try_at).await?;
    }
    metrics::counter!("aisle_debts_total", "kind" => kind.as_str()).increment(1);
    tracing::warn!(debt.id = %debt.id, payment.id = %payment.id, "a shopper owes {amount}: {kind}");
    Ok(true)
}

async fn post(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    debt: &Debt,
    of: &Payment,
    kind: FactKind,
) -> Result<(), Error> {
    let entry = Entry {
        kind,
        cause: debt.id.0,
        provider: of.provider,
        line: None,
        payment: Some(of.id),
        amount: debt.amount,
        at: now,
    };
    ledger::post(tx, ids, now, &entry).await?;
    Ok(())
}

/// Whether a shopper may begin a new trip: [`Error::Owed`] names what has to be paid before.
pub async fn may_shop(run: impl Run<'_>, shopper: ShopperId) -> Result<(), Error> {
    let owed = debts::owed(run, shopper).await?;
    if owed.is_empty() { Ok(()) } else { Err(Error::Owed(owed)) }
}

/// What of a purchase was paid later, or written off, instead of being captured; and whether anything of it is still owed.
pub async fn made_good(
    run: impl Run<'_>,
    checkout: CheckoutId,
    currency: Currency,
) -> Result<(Money, bool), Error> {
    let debts = debts::of_checkout(run, checkout).await?;
    let is_owed = debts.iter().any(|debt| matches!(debt.state, DebtState::Open | DebtState::BeingPaid));
    let good = debts.iter().filter(|debt| debt.kind == DebtKind::CaptureRefused && debt.state.makes_good());
    let sum = Money::sum(currency, good.map(|debt| debt.amount)).map_err(|_| Error::Amounts)?;
    Ok((sum, is_owed))
}

/// A debt is given up by staff of its store. The same reason again changes nothing.
pub async fn write_off(
    app: &App,
    id: DebtId,
    note: &str,
    staff: StaffId,
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Debt, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let seen = debts::find(&mut tx, id).await?.ok_or(Error::DebtUnknown)?;
    may(&seen.store)?;
    let payment = store::payments::lock(&mut tx, seen.payment).await?.ok_or(Error::PaymentUnknown)?;
    let mut debt = debts::lock(&mut tx, id).await?.ok_or(Error::DebtUnknown)?;
    if debt.state == DebtState::WrittenOff && debt.note.as_deref() == Some(note) {
        return Ok(debt);
    }
    debt.state = debt.state.apply(DebtEvent::WrittenOff).ok_or(Error::DebtState(debt.state))?;
    debt.note = Some(note.to_owned());
    debt.staff = Some(staff);
    debt.try_at = None;
    debts::update(&mut tx, now, &debt).await?;
    post(&mut tx, &app.ids, now, &debt, &payment, FactKind::DebtWrittenOff).await?;
    tell_settled(app, &mut tx, now, &debt).await.map_err(Error::News)?;
    tx.commit().await?;
    tracing::warn!(debt.id = %id, staff.id = %staff, "a debt of {} was written off", debt.amount);
    Ok(debt)
}

async fn tell_settled(app: &App, tx: &mut Tx, now: Moment, debt: &Debt) -> Result<(), Internal> {
    app.payment_news(tx, now, News::DebtSettled { payment: debt.payment, checkout: debt.checkout }).await
}

/// Takes the payments that pay a purchase's debts for this transaction: before rows of the rooms above, and after the
/// payment of the purchase.
pub async fn lock_payments(tx: &mut Tx, checkout: CheckoutId) -> Result<(), db::Error> {
    let mut paying: Vec<PaymentId> =
        debts::of_checkout(&mut *tx, checkout).await?.into_iter().filter_map(|debt| debt.paying).collect();
    paying.sort_unstable();
    for payment in paying {
        store::payments::lock(tx, payment).await?;
    }
    Ok(())
}

/// The goods of a purchase came back as a whole: what was owed for them is not any more, and what paid it goes back. The
/// caller has [`lock_payments`]. Wake the jobs after the commit.
pub async fn withdraw(tx: &mut Tx, ids: &Ids, now: Moment, checkout: CheckoutId) -> Result<(), Error> {
    for seen in debts::of_checkout(&mut *tx, checkout).await? {
        let Some(mut debt) = debts::lock(tx, seen.id).await? else { continue };
        if debt.kind != DebtKind::CaptureRefused {
            // The money is gone as it would be after a refund: whether more is owed, people decide.
            continue;
        }
        if debt.paying != seen.paying {
            // A payment of it began between the two looks, and is not locked.
            return Err(Error::DebtState(debt.state));
        }
        match (debt.state, debt.paying) {
            (DebtState::Open, _) => {
                let payment = store::payments::find(&mut *tx, debt.payment).await?;
                let payment = payment.ok_or(Error::PaymentUnknown)?;
                end(tx, ids, now, &mut debt, &payment, FactKind::DebtWithdrawn).await?;
            }
            // Withdrawn when that payment has ended without money: it can't but end so.
            (DebtState::BeingPaid | DebtState::Paid, Some(paying)) => {
                change::cancel(tx, ids, now, paying).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn end(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    debt: &mut Debt,
    of: &Payment,
    kind: FactKind,
) -> Result<(), Error> {
    let Some(state) = debt.state.apply(DebtEvent::Withdrawn) else { return Ok(()) };
    debt.state = state;
    debt.paying = None;
    debt.try_at = None;
    debts::update(tx, now, debt).await?;
    post(tx, ids, now, debt, of, kind).await
}

/// What had paid a debt was taken back: it is owed again, as a debt of its own. The payment is locked.
async fn reversed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    debt: &Debt,
    paying: &Payment,
    (cause, amount): (Uuid, Money),
) -> Result<(), Error> {
    let (kind, payment, store) = (DebtKind::Reversed, paying.id, debt.store.clone());
    let opening = Opening { cause, kind, payment, store, amount, reason: None };
    open(tx, &app.ids, now, opening).await?;
    Ok(())
}

/// What a debit had been taken back came again, or a part of it: when all of it did and nothing pays the debt of it yet, it is
/// not owed any more. Else answers how the debt is: what paid it meanwhile is for people to give back. The payment is locked.
pub(super) async fn clear(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    reversal: &Reversal,
) -> Result<Option<DebtState>, Error> {
    let Some(debt) = debts::by_cause(&mut *tx, reversal.cause).await? else { return Ok(None) };
    let Some(mut debt) = debts::lock(tx, debt).await? else { return Ok(None) };
    if debt.state == DebtState::Withdrawn {
        return Ok(None);
    }
    if debt.state != DebtState::Open || !reversal.is_returned() {
        tracing::error!(debt.id = %debt.id, "a debt that is {} came again by itself: people have to look", debt.state);
        return Ok(Some(debt.state));
    }
    let of = store::payments::find(&mut *tx, debt.payment).await?.ok_or(Error::PaymentUnknown)?;
    came_again(app, tx, now, &mut debt, &of).await?;
    Ok(None)
}

/// Ends an open debt because its money came again.
async fn came_again(app: &App, tx: &mut Tx, now: Moment, debt: &mut Debt, of: &Payment) -> Result<(), Error> {
    end(tx, &app.ids, now, debt, of, FactKind::DebtCleared).await?;
    tell_settled(app, tx, now, debt).await.map_err(Error::News)
}

/// Takes what a payment of a debt learned; the payment is locked.
pub(super) async fn payment_news(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    id: DebtId,
    paying: &Payment,
    news: News,
) -> Result<(), Internal> {
    let Some(mut debt) = debts::lock(tx, id).await? else { return Ok(()) };
    let is_current = debt.state == DebtState::BeingPaid && debt.paying == Some(paying.id);
    let Some(of) = store::payments::find(&mut *tx, debt.payment).await? else { return Ok(()) };
    match news {
        News::Captured { .. } if is_current => {
            debt.state = DebtState::Paid;
            debt.try_at = None;
            debts::update(tx, now, &debt).await?;
            post(tx, &app.ids, now, &debt, &of, FactKind::DebtPaid).await?;
            tell_settled(app, tx, now, &debt).await
        }
        News::Declined { .. } if is_current => {
            pay::failed(tx, &app.ids, now, &mut debt).await?;
            if store::reversals::is_returned(&mut *tx, debt.cause).await? {
                // What had been taken back came again meanwhile.
                return Ok(came_again(app, tx, now, &mut debt, &of).await?);
            }
            Ok(())
        }
        News::Reversed { cause, amount, .. } => {
            Ok(reversed(app, tx, now, &debt, paying, (cause, amount)).await?)
        }
        // Given up by nobody but whoever withdraws the debt.
        News::Cancelled { .. } if is_current => {
            Ok(end(tx, &app.ids, now, &mut debt, &of, FactKind::DebtWithdrawn).await?)
        }
        _ => Ok(()),
    }
}

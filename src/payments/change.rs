//! What the rooms above ask of a payment that runs: capture, refund, give up. Each writes down operations in the
//! caller's transaction; wake the jobs after the commit.

use serde::{Deserialize, Serialize};

use super::model::{Books, PaymentLine};
use super::settle::{load, write_change};
use super::start::{can_debit, write_down};
use super::{Error, PaymentState, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{Ids, PaymentId, RefundId};
use crate::jobs::{self, Job, Lease};
use crate::money::Money;

/// Debits part of what is held. `sequence` is the caller's name of the capture, zero or above: asked for twice with the
/// same amount, it is debited once. With `last`, no other capture can follow.
pub async fn capture(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    payment: PaymentId,
    sequence: i64,
    amount: Money,
    last: bool,
) -> Result<(), Error> {
    let books = locked(tx, payment).await?;
    if let Some(planned) = books.plan_capture(sequence, amount, last)? {
        write_down(tx, ids, now, payment, &planned).await?;
    }
    Ok(())
}

/// Forgets what the part of a payment was for that is due later, because other goods are delivered than were ordered: it is told
/// by its amount alone from then on.
pub async fn forget_later_lines(tx: &mut Tx, payment: PaymentId) -> Result<(), db::Error> {
    let mut lines = store::payments::lines(&mut *tx, payment).await?;
    lines.retain(|line| !line.is_due_later);
    store::payments::save_lines(tx, payment, &lines).await
}

/// Whether the provider of a payment can give back this amount: asked before anything is promised.
pub async fn can_refund(app: &App, tx: &mut Tx, payment: PaymentId, amount: Money) -> Result<(), Error> {
    let payment = store::payments::find(&mut *tx, payment).await?.ok_or(Error::PaymentUnknown)?;
    can_debit(app, payment.provider, &[amount])
}

/// Gives back part of what was debited. Asked for twice with the same amount, it is given back once; refused when it is
/// more than was debited and not given back or about to be. `lines` say what for, where that is known: they add up to the amount.
pub async fn refund(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    payment: PaymentId,
    refund: RefundId,
    (amount, lines): (Money, &[PaymentLine]),
) -> Result<(), Error> {
    let books = locked(tx, payment).await?;
    if !lines.is_empty() {
        store::payments::insert_refund_lines(tx, refund, lines).await?;
    }
    for planned in books.plan_refund(refund, amount)? {
        write_down(tx, ids, now, payment, &planned).await?;
    }
    Ok(())
}

/// Lets go of what is held and not captured; nothing to do when nothing is.
pub async fn release(tx: &mut Tx, ids: &Ids, now: Moment, payment: PaymentId) -> Result<(), Error> {
    let books = locked(tx, payment).await?;
    if let Some(planned) = books.plan_release()? {
        write_down(tx, ids, now, payment, &planned).await?;
    }
    Ok(())
}

/// Gives a payment up. What was not sent is never sent; what is open is found out; whatever turns out to be held or
/// debited goes back. Then the payment is cancelled and [`super::News::Cancelled`] is told. A payment that was declined or
/// cancelled before stays so, and nothing is told again.
pub async fn cancel(tx: &mut Tx, ids: &Ids, now: Moment, payment: PaymentId) -> Result<(), Error> {
    let books = locked(tx, payment).await?;
    let over = matches!(books.payment.state, PaymentState::Cancelled | PaymentState::Declined);
    if over || books.payment.is_given_up {
        return Ok(());
    }
    let mut given_up = books.payment.clone();
    given_up.is_given_up = true;
    store::payments::update(tx, now, &given_up).await?;
    for operation in books.abandonable() {
        store::operations::abandon(tx, now, operation).await?;
    }
    jobs::enqueue(tx, ids, now, &WindDown { payment }).await?;
    Ok(())
}

/// The job that returns what a payment that was given up holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WindDown {
    payment: PaymentId,
}

impl Job for WindDown {
    const KIND: &'static str = "payments.wind_down";

    fn subject(&self) -> String {
        self.payment.to_string()
    }
}

/// Does [`WindDown`].
pub async fn wind_down(app: &App, lease: &Lease) -> jobs::Outcome {
    let WindDown { payment } = lease.payload()?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment).await? else {
        return Err(jobs::Failure::never("there is no such payment"));
    };
    let checkout = books.payment.checkout;
    write_change(app, &mut tx, now, books.wind_down()).await?;
    lease.commit(tx).await?;
    app.changes.changed(payment.0);
    app.changes.changed(checkout.0);
    app.jobs.wake();
    Ok(())
}

async fn locked(tx: &mut Tx, payment: PaymentId) -> Result<Books, Error> {
    let books: Result<Option<Books>, db::Error> = load(tx, payment).await;
    books?.ok_or(Error::PaymentUnknown)
}

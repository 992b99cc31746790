//! Money that is gone again without our doing: a bank's reversal, a chargeback, a debit that the provider undid; money that came
//! again after that; and money that is held back while a dispute is open.
//!
//! Whoever learns of it calls this, inside a transaction: an event that was followed up, a statement that was read. Each
//! capture counts once, however many tell of it.

use super::Error;
use super::debts;
use super::ledger::{self, Entry};
use super::model::{FactKind, Payment, ProviderName};
use super::settle::{load, write_change};
use super::store;
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::OperationId;
use crate::money::Money;

/// What the provider says of a capture of ours.
#[derive(Clone, Debug)]
pub struct Told {
    /// The provider.
    pub provider: ProviderName,
    /// The provider's capture.
    pub capture: String,
    /// How much, above zero.
    pub amount: Money,
    /// When it happened there.
    pub at: Moment,
    /// The provider's name of the line or object that tells of it.
    pub line: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was not known before, and is in the ledger now; the room above was told.
    New(OperationId),
    /// It was known.
    Known(OperationId),
    /// No operation of ours made that capture.
    NotOurs,
}

/// Takes in that a debit was taken back, as `Books::reverse` says: the room above is told, once. Wake the jobs after
/// the commit.
pub async fn reversed(app: &App, tx: &mut Tx, now: Moment, told: &Told) -> Result<Noted, Error> {
    let found = store::operations::capture_by_object(&mut *tx, told.provider, &told.capture).await?;
    let Some((operation, payment)) = found else { return Ok(Noted::NotOurs) };
    let books = load(tx, payment).await?.ok_or(Error::PaymentUnknown)?;
    let known = books.operations.iter().find(|each| each.id == operation).map(|debit| debit.reversed);
    if let Some(known) = known.filter(|known| known.is_positive()) {
        let is_same = known == told.amount;
        return if is_same {
            Ok(Noted::Known(operation))
        } else {
            Err(Error::Ledger(ledger::Error::Contradiction(operation.0)))
        };
    }
    let change = books.reverse(operation, told.amount);
    if change.facts.is_empty() {
        return Ok(Noted::Known(operation));
    }
    metrics::counter!("aisle_payment_reversals_total", "provider" => told.provider.as_str()).increment(1);
    tracing::error!(payment.id = %payment, "{} of it were taken back", told.amount);
    write_change(app, tx, now, change).await.map_err(Error::News)?;
    Ok(Noted::New(operation))
}

/// Takes in that a debit that was taken back came again: it is not owed any more. Wake the jobs after the commit.
pub async fn reinstated(app: &App, tx: &mut Tx, now: Moment, told: &Told) -> Result<Noted, Error> {
    let Some((operation, payment)) = capture_of(tx, told).await? else { return Ok(Noted::NotOurs) };
    if !post(app, tx, now, (operation, &payment), told, FactKind::Reinstated).await? {
        return Ok(Noted::Known(operation));
    }
    debts::clear(app, tx, now, operation).await?;
    Ok(Noted::New(operation))
}

/// Takes in that a debit is held back while a dispute is open, or not any more.
pub async fn disputed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    told: &Told,
    is_held: bool,
) -> Result<Noted, Error> {
    let Some((operation, payment)) = capture_of(tx, told).await? else { return Ok(Noted::NotOurs) };
    let kind = if is_held { FactKind::Disputed } else { FactKind::DisputeWon };
    let is_new = post(app, tx, now, (operation, &payment), told, kind).await?;
    Ok(if is_new { Noted::New(operation) } else { Noted::Known(operation) })
}

/// The operation that made a capture, with its payment, which is locked.
async fn capture_of(tx: &mut Tx, told: &Told) -> Result<Option<(OperationId, Payment)>, Error> {
    let found = store::operations::capture_by_object(&mut *tx, told.provider, &told.capture).await?;
    let Some((operation, payment)) = found else { return Ok(None) };
    let payment = store::payments::lock(tx, payment).await?.ok_or(Error::PaymentUnknown)?;
    Ok(Some((operation, payment)))
}

async fn post(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    (operation, payment): (OperationId, &Payment),
    told: &Told,
    kind: FactKind,
) -> Result<bool, Error> {
    let entry = Entry {
        kind,
        cause: operation.0,
        provider: payment.provider,
        line: Some(told.line.clone()),
        payment: Some(payment.id),
        amount: told.amount,
        at: told.at,
    };
    Ok(ledger::post(tx, &app.ids, now, &entry).await?)
}

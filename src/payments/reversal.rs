//! Money that is gone again without our doing: a bank's reversal, a chargeback, a debit that the provider undid; money that came
//! again after that; and money that is held back while a dispute is open.
//!
//! Whoever learns of it calls this, inside a transaction: an event that was followed up, a dispute that was read, a statement.
//! Each time counts once, however many tell of it: `model/reversal.rs` says who tells of the same.

use uuid::Uuid;

use super::Error;
use super::debts;
use super::ledger::{self, Entry, cause_of_line};
use super::model::{Books, DebtState, FactKind, Heard, ProviderName, Reversal, come_again, gone, hear};
use super::settle::{load, write_change};
use super::store::{self, reversals};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::OperationId;
use crate::money::Money;

pub use super::model::Teller;

/// The namespace of causes that are disputes.
const DISPUTES: Uuid = Uuid::from_u128(0x93b1_0f0e_6a52_5d38_9e14_2c7f_a0d4_61b5);

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
    /// What tells of it.
    pub by: Teller,
}

impl Told {
    /// What the ledger knows it by: the same teller is the same cause.
    fn cause(&self, operation: OperationId) -> Uuid {
        match &self.by {
            Teller::Debit => operation.0,
            Teller::Dispute(name) => Uuid::new_v5(&DISPUTES, format!("{}:{name}", self.provider).as_bytes()),
            Teller::Line(name) => cause_of_line(self.provider, name),
        }
    }

    fn line(&self) -> Option<&str> {
        match &self.by {
            Teller::Line(name) => Some(name),
            Teller::Debit | Teller::Dispute(_) => None,
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was not known before, and is in the ledger now; the room above was told.
    New(OperationId),
    /// It was known.
    Known(OperationId),
    /// It came again and is in the ledger now, but its debt is not cleared by that, because it is so: people have to look.
    NotCleared(OperationId, DebtState),
    /// No operation of ours made that capture.
    NotOurs,
}

/// Takes in that a debit was taken back, as `Books::reverse` says: the room above is told, once. Wake the jobs after
/// the commit.
pub async fn reversed(app: &App, tx: &mut Tx, now: Moment, told: &Told) -> Result<Noted, Error> {
    let Some((operation, books)) = debit_of(tx, told).await? else { return Ok(Noted::NotOurs) };
    let payment = &books.payment;
    let mut known = reversals::of_operation(&mut *tx, operation, payment.currency).await?;
    let debit = books.operations.iter().find(|each| each.id == operation).ok_or(Error::PaymentUnknown)?;
    let stands = books.stands(operation);
    let amount = match hear(&known, &told.by, told.amount, (debit.amount, stands)) {
        Heard::Known(index) => {
            let mut known = known.swap_remove(index);
            known.told_by(&told.by);
            reversals::update(tx, &known).await?;
            return Ok(Noted::Known(operation));
        }
        Heard::Nothing => return Ok(Noted::Known(operation)),
        Heard::Contradiction => return Err(contradiction(operation)),
        Heard::New(amount) => amount,
    };
    let cause = told.cause(operation);
    let (returned, dispute, line) = (Money::zero(payment.currency), None, None);
    let mut new = Reversal { cause, amount, returned, dispute, line };
    new.told_by(&told.by);
    reversals::insert(tx, now, operation, &new).await?;
    let told = Told { amount, ..told.clone() };
    post(app, tx, now, (operation, &books), &told, FactKind::Reversed).await?;
    metrics::counter!("aisle_payment_reversals_total", "provider" => told.provider.as_str()).increment(1);
    let lost = amount.minor().saturating_sub(stands.max(0));
    if lost > 0 {
        tracing::error!(payment.id = %payment.id, "{lost} of what was taken back had been given back before: a loss");
    }
    tracing::error!(payment.id = %payment.id, "{amount} of it were taken back");
    write_change(app, tx, now, books.reverse(operation, cause, amount)).await.map_err(Error::News)?;
    Ok(Noted::New(operation))
}

/// Takes in that something of a debit that was taken back came again: it is not owed any more. Wake the jobs after the commit.
pub async fn reinstated(app: &App, tx: &mut Tx, now: Moment, told: &Told) -> Result<Noted, Error> {
    let Some((operation, books)) = debit_of(tx, told).await? else { return Ok(Noted::NotOurs) };
    if is_posted(tx, (operation, &books), told, FactKind::Reinstated).await? {
        return Ok(Noted::Known(operation));
    }
    let mut known = reversals::of_operation(&mut *tx, operation, books.payment.currency).await?;
    let changed = come_again(&mut known, told.amount).ok_or_else(|| contradiction(operation))?;
    post(app, tx, now, (operation, &books), told, FactKind::Reinstated).await?;
    write_change(app, tx, now, books.reinstate(operation, gone(&known))).await.map_err(Error::News)?;
    let mut in_the_way = None;
    for reversal in changed.into_iter().filter_map(|index| known.get(index)) {
        reversals::update(tx, reversal).await?;
        let state = debts::clear(app, tx, now, reversal).await?;
        in_the_way = in_the_way.or(state);
    }
    Ok(in_the_way.map_or(Noted::New(operation), |state| Noted::NotCleared(operation, state)))
}

/// Takes in that a debit is held back while a dispute is open, or not any more.
pub async fn disputed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    told: &Told,
    is_held: bool,
) -> Result<Noted, Error> {
    let Some((operation, books)) = debit_of(tx, told).await? else { return Ok(Noted::NotOurs) };
    let kind = if is_held { FactKind::Disputed } else { FactKind::DisputeWon };
    if is_posted(tx, (operation, &books), told, kind).await? {
        return Ok(Noted::Known(operation));
    }
    let is_new = post(app, tx, now, (operation, &books), told, kind).await?;
    Ok(if is_new { Noted::New(operation) } else { Noted::Known(operation) })
}

/// What a line of a whole order means for each of its captures: it takes from the oldest first what stands of it, or brings
/// back what is gone. A line that was shared before is shared the same way.
pub async fn share(tx: &mut Tx, told: &Told, order: &str, came_again: bool) -> Result<Vec<Told>, Error> {
    let captures = store::operations::captures_of_order(&mut *tx, told.provider, order).await?;
    if let [(_, _, capture)] = captures.as_slice() {
        return Ok(vec![Told { capture: capture.clone(), ..told.clone() }]);
    }
    let line = told.line().unwrap_or_default();
    let kind = if came_again { FactKind::Reinstated } else { FactKind::Reversed };
    let (mut parts, mut known) = (Vec::new(), Vec::new());
    let mut open = told.amount.minor();
    for (operation, payment, capture) in captures {
        let part = Told { by: Teller::Line(format!("{line}/{capture}")), capture, ..told.clone() };
        let cause = part.cause(operation);
        if let Some(posted) = store::ledger::find(&mut *tx, cause, kind).await? {
            known.push(Told { amount: Money::new(posted.amount, told.amount.currency()), ..part });
            continue;
        }
        let books = load(tx, payment).await?.ok_or(Error::PaymentUnknown)?;
        let room = if came_again {
            gone(&reversals::of_operation(&mut *tx, operation, books.payment.currency).await?)
        } else {
            books.stands(operation)
        };
        let minor = room.min(open).max(0);
        open = open.saturating_sub(minor);
        parts.push(Told { amount: Money::new(minor, told.amount.currency()), ..part });
    }
    if !known.is_empty() {
        return Ok(known);
    }
    if let Some(last) = parts.last_mut() {
        let minor = last.amount.minor().saturating_add(open);
        last.amount = Money::new(minor, told.amount.currency());
    }
    parts.retain(|part| part.amount.is_positive());
    Ok(parts)
}

fn contradiction(operation: OperationId) -> Error {
    Error::Ledger(ledger::Error::Contradiction(operation.0))
}

/// The operation that made a capture, with its payment, which is locked.
async fn debit_of(tx: &mut Tx, told: &Told) -> Result<Option<(OperationId, Books)>, Error> {
    let found = store::operations::debit_by_object(&mut *tx, told.provider, &told.capture).await?;
    let Some((payment, operation)) = found else { return Ok(None) };
    let books = load(tx, payment).await?.ok_or(Error::PaymentUnknown)?;
    if told.amount.currency() != books.payment.currency {
        return Err(contradiction(operation));
    }
    Ok(Some((operation, books)))
}

/// Whether what a line tells is in the ledger. Until lines were causes themselves, the operation was, with the line beside it.
async fn is_posted(
    tx: &mut Tx,
    (operation, books): (OperationId, &Books),
    told: &Told,
    kind: FactKind,
) -> Result<bool, Error> {
    let by_line = store::ledger::of_line(&mut *tx, books.payment.id, kind, told.line()).await?;
    let by_cause = store::ledger::find(&mut *tx, told.cause(operation), kind).await?;
    let Some(known) = by_cause.or(by_line) else { return Ok(false) };
    if known.amount == told.amount.minor() { Ok(true) } else { Err(contradiction(operation)) }
}

async fn post(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    (operation, books): (OperationId, &Books),
    told: &Told,
    kind: FactKind,
) -> Result<bool, Error> {
    let entry = Entry {
        kind,
        cause: told.cause(operation),
        provider: told.provider,
        line: told.line().map(str::to_owned),
        payment: Some(books.payment.id),
        amount: told.amount,
        at: told.at,
    };
    Ok(ledger::post(tx, &app.ids, now, &entry).await?)
}

//! The ledger: double entry, only ever added to. It is written where facts are learned, and nowhere else.
//!
//! Invariants: a posting names the account that is debited and the one that is credited, so that nothing can be out of
//! balance; a cause counts once for each kind of fact, however often it is told; what a payment says was authorised, captured
//! and refunded is what its ledger says, or the transaction that wrote it is not committed ([`check`]); the database itself
//! refuses to change or to remove a row.
//!
//! `model/accounts.rs` says what each kind of fact moves, `store/ledger.rs` has the rows, [`verify`] looks at all books at
//! once.

mod verify;

use uuid::Uuid;

use super::model::{Fact, Imbalance, Payment, ProviderName};
use super::store;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::ids::Ids;

pub use super::store::ledger::Entry;
pub use verify::{Violation, verify};

/// The namespace of causes that are lines of a provider's books.
const LINES: Uuid = Uuid::from_u128(0x2d0c_8a37_51e4_5b0f_8c6d_90a1_4e7b_bb02);

/// Why something can't be written into the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The books would contradict each other.
    #[error("the books don't add up: {0}")]
    Imbalance(#[from] Imbalance),
    /// The cause has another amount, currency or payment in the ledger.
    #[error("{0} is in the ledger with another amount, currency or payment")]
    Contradiction(Uuid),
    /// A fact without an amount.
    #[error("a fact must be of more than nothing")]
    Nothing,
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Entry {
    /// A fact of a payment, which was learned now.
    pub(super) fn of(payment: &Payment, fact: &Fact, now: Moment) -> Self {
        Self {
            kind: fact.kind,
            cause: fact.operation.0,
            provider: payment.provider,
            line: None,
            payment: Some(payment.id),
            amount: fact.amount,
            at: now,
        }
    }
}

/// What a line of a provider's books is told by as a cause: the same line is the same cause.
pub fn cause_of_line(provider: ProviderName, line: &str) -> Uuid {
    Uuid::new_v5(&LINES, format!("{provider}:{line}").as_bytes())
}

/// Writes what happened to money. What was written before counts once; the same cause with another amount is an error. Of which
/// payment a line is may be learned only after it was written.
pub async fn post(tx: &mut Tx, ids: &Ids, now: Moment, entry: &Entry) -> Result<bool, Error> {
    if !entry.amount.is_positive() {
        return Err(Error::Nothing);
    }
    if store::ledger::insert(tx, ids.next(), now, entry).await? {
        return Ok(true);
    }
    let known = store::ledger::find(&mut *tx, entry.cause, entry.kind).await?;
    let is_same = known.is_some_and(|known| {
        let is_same_payment =
            known.payment.is_none() || entry.payment.is_none() || known.payment == entry.payment;
        is_same_payment && known.currency == entry.amount.currency() && known.amount == entry.amount.minor()
    });
    if is_same { Ok(false) } else { Err(Error::Contradiction(entry.cause)) }
}

/// Whether a payment, as it is about to be committed, says what its ledger says. To be called after the last posting of a
/// transaction that changed the payment; an error must roll it back.
pub async fn check(run: impl Run<'_>, payment: &Payment) -> Result<(), Error> {
    let moved = store::ledger::moved(run, payment.id, payment.currency).await?;
    moved.check(payment).map_err(|imbalance| {
        metrics::counter!("aisle_ledger_imbalances_total").increment(1);
        tracing::error!(payment.id = %payment.id, "books that don't add up are not written: {imbalance}");
        imbalance.into()
    })
}

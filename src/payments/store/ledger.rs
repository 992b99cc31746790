//! Rows of the ledger. They are added and read; the database refuses to change them.

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx, rows};
use crate::ids::PaymentId;
use crate::money::{Currency, Money};
use crate::payments::model::{Account, FactKind, Moved, ProviderName};

/// A transaction that is to be written: one thing that happened to money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub kind: FactKind,
    /// What made it happen: an operation, a debt, or the mark of a line in the provider's books. Each counts once for a kind.
    pub cause: Uuid,
    /// At which provider.
    pub provider: ProviderName,
    /// The provider's name of the line that told of it.
    pub line: Option<String>,
    /// Of which payment; nothing for what concerns none alone.
    pub payment: Option<PaymentId>,
    /// How much, above zero.
    pub amount: Money,
    /// When it happened.
    pub at: Moment,
}

/// A transaction that was written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    /// Of which payment.
    pub payment: Option<PaymentId>,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: i64,
}

#[derive(Serialize)]
struct Posting {
    debit: Account,
    credit: Account,
}

/// Writes a transaction with its postings; answers false, and writes nothing, when its cause has one of this kind.
pub async fn insert(tx: &mut Tx, id: Uuid, now: Moment, entry: &Entry) -> Result<bool, Error> {
    let written = tx
        .sql(
            "INSERT INTO ledger_transactions (id, kind, cause, provider, line, payment, currency, at, written_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (cause, kind) DO NOTHING",
        )
        .bind(id)
        .bind(entry.kind)
        .bind(entry.cause)
        .bind(entry.provider)
        .bind(entry.line.as_deref())
        .bind(entry.payment)
        .bind(entry.amount.currency())
        .bind(entry.at)
        .bind(now)
        .execute()
        .await?;
    if written == 0 {
        return Ok(false);
    }
    let postings: Vec<Posting> = entry
        .kind
        .postings()
        .iter()
        .map(|(debit, credit)| Posting { debit: *debit, credit: *credit })
        .collect();
    tx.sql(
        "INSERT INTO ledger_postings (transaction_id, debit, credit, amount)
         SELECT $1, value ->> 'debit', value ->> 'credit', $2 FROM json_each($3)",
    )
    .bind(id)
    .bind(entry.amount.minor())
    .bind(rows(&postings)?)
    .execute()
    .await?;
    Ok(true)
}

/// The transaction of a kind that a cause has.
pub async fn find(run: impl Run<'_>, cause: Uuid, kind: FactKind) -> Result<Option<Known>, Error> {
    run.sql(
        "SELECT payment, currency, MAX(amount) AS amount FROM ledger_transactions
         JOIN ledger_postings ON transaction_id = id
         WHERE cause = $1 AND kind = $2
         GROUP BY payment, currency",
    )
    .bind(cause)
    .bind(kind)
    .fetch_optional()
    .await
}

/// The transaction of a kind that a line of the provider's books made for a payment.
pub async fn of_line(
    run: impl Run<'_>,
    payment: PaymentId,
    kind: FactKind,
    line: Option<&str>,
) -> Result<Option<Known>, Error> {
    run.sql(
        "SELECT payment, currency, MAX(amount) AS amount FROM ledger_transactions
         JOIN ledger_postings ON transaction_id = id
         WHERE payment = $1 AND kind = $2 AND line = $3
         GROUP BY payment, currency",
    )
    .bind(payment)
    .bind(kind)
    .bind(line)
    .fetch_optional()
    .await
}

/// What was moved for a payment, in its currency.
pub async fn moved(run: impl Run<'_>, payment: PaymentId, currency: Currency) -> Result<Moved, Error> {
    let sums: Vec<(Account, Account, i64)> = run
        .sql(
            "SELECT debit, credit, CAST(SUM(amount) AS BIGINT) FROM ledger_transactions
             JOIN ledger_postings ON transaction_id = id
             WHERE payment = $1 AND currency = $2
             GROUP BY debit, credit",
        )
        .bind(payment)
        .bind(currency)
        .fetch_all()
        .await?;
    let mut moved = Moved::default();
    for (debit, credit, amount) in sums {
        moved.add(debit, credit, amount);
    }
    Ok(moved)
}

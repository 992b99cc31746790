//! Rows of what was taken back of debits without us.

use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::OperationId;
use crate::money::{Currency, Money};
use crate::payments::model::Reversal;

#[derive(sqlx::FromRow)]
struct ReversalRow {
    cause: Uuid,
    amount: i64,
    returned: i64,
    dispute: Option<String>,
    line: Option<String>,
}

/// What was taken back of a debit, the oldest first.
pub async fn of_operation(
    run: impl Run<'_>,
    operation: OperationId,
    currency: Currency,
) -> Result<Vec<Reversal>, Error> {
    let rows: Vec<ReversalRow> = run
        .sql(
            "SELECT cause, amount, returned, dispute, line FROM payment_reversals
             WHERE operation = $1
             ORDER BY written_at, cause",
        )
        .bind(operation)
        .fetch_all()
        .await?;
    let reversal = |row: ReversalRow| Reversal {
        cause: row.cause,
        amount: Money::new(row.amount, currency),
        returned: Money::new(row.returned, currency),
        dispute: row.dispute,
        line: row.line,
    };
    Ok(rows.into_iter().map(reversal).collect())
}

/// Writes what was not known before.
pub async fn insert(
    tx: &mut Tx,
    now: Moment,
    operation: OperationId,
    reversal: &Reversal,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO payment_reversals (cause, operation, amount, returned, dispute, line, written_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(reversal.cause)
    .bind(operation)
    .bind(reversal.amount.minor())
    .bind(reversal.returned.minor())
    .bind(reversal.dispute.as_deref())
    .bind(reversal.line.as_deref())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Writes back who told of it, and how much of it came again.
pub async fn update(tx: &mut Tx, reversal: &Reversal) -> Result<(), Error> {
    tx.sql("UPDATE payment_reversals SET returned = $2, dispute = $3, line = $4 WHERE cause = $1")
        .bind(reversal.cause)
        .bind(reversal.returned.minor())
        .bind(reversal.dispute.as_deref())
        .bind(reversal.line.as_deref())
        .execute()
        .await?;
    Ok(())
}

/// Whether all of what was taken back with this cause came again.
pub async fn is_returned(run: impl Run<'_>, cause: Uuid) -> Result<bool, Error> {
    let row: Option<(Uuid,)> = run
        .sql("SELECT cause FROM payment_reversals WHERE cause = $1 AND returned = amount")
        .bind(cause)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

//! Rows of operations.

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{OperationId, PaymentId, RefundId};
use crate::money::{Currency, Money};
use crate::payments::model::{DeclineReason, Operation, OperationKind, OperationState, ProviderName};

/// Most operations of one payment: one order, a capture a parcel, refunds. Reached only by a mistake.
const OPERATIONS_MAX: i64 = 1_000;

#[derive(sqlx::FromRow)]
struct OperationRow {
    id: OperationId,
    payment: PaymentId,
    kind: OperationKind,
    sequence: i64,
    amount: i64,
    is_last: bool,
    refund: Option<RefundId>,
    target: Option<OperationId>,
    request_key: String,
    state: OperationState,
    provider_object: Option<String>,
    reason: Option<DeclineReason>,
    reversed: i64,
    is_disputed: bool,
    trouble: Option<String>,
    created_at: Moment,
    sent_at: Option<Moment>,
    waits_since: Option<Moment>,
}

impl OperationRow {
    fn into_operation(self, currency: Currency) -> Operation {
        Operation {
            id: self.id,
            payment: self.payment,
            kind: self.kind,
            sequence: self.sequence,
            amount: Money::new(self.amount, currency),
            is_last: self.is_last,
            refund: self.refund,
            target: self.target,
            key: self.request_key,
            state: self.state,
            object: self.provider_object,
            reason: self.reason,
            reversed: Money::new(self.reversed, currency),
            is_disputed: self.is_disputed,
            trouble: self.trouble,
            created_at: self.created_at,
            sent_at: self.sent_at,
            waits_since: self.waits_since,
        }
    }
}

/// Writes a new operation.
pub async fn insert(tx: &mut Tx, now: Moment, operation: &Operation) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO payment_operations (
             id, payment, kind, sequence, amount, is_last, refund, target, request_key, state, created_at, changed_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(operation.id)
    .bind(operation.payment)
    .bind(operation.kind)
    .bind(operation.sequence)
    .bind(operation.amount.minor())
    .bind(operation.is_last)
    .bind(operation.refund)
    .bind(operation.target)
    .bind(operation.key.as_str())
    .bind(operation.state)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Which payment an operation belongs to.
pub async fn payment_of(db: impl Run<'_>, id: OperationId) -> Result<Option<PaymentId>, Error> {
    let row: Option<(PaymentId,)> =
        db.sql("SELECT payment FROM payment_operations WHERE id = $1").bind(id).fetch_optional().await?;
    Ok(row.map(|(payment,)| payment))
}

/// All operations of a payment, oldest first.
pub async fn of_payment(
    db: impl Run<'_>,
    payment: PaymentId,
    currency: Currency,
) -> Result<Vec<Operation>, Error> {
    let rows: Vec<OperationRow> = db
        .sql(
            "SELECT id, payment, kind, sequence, amount, is_last, refund, target, request_key, state, provider_object,
                 reason, reversed, is_disputed, trouble, created_at, sent_at, waits_since
             FROM payment_operations
             WHERE payment = $1
             ORDER BY created_at, id
             LIMIT $2",
        )
        .bind(payment)
        .bind(OPERATIONS_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|row| row.into_operation(currency)).collect())
}

/// Notes, before the first byte leaves, that an operation may have happened from now on. Answers false when it was given
/// up or sent before.
pub async fn mark_sent(tx: &mut Tx, now: Moment, id: OperationId) -> Result<bool, Error> {
    let rows = tx
        .sql(
            "UPDATE payment_operations SET state = 'sent', sent_at = $2, changed_at = $2
             WHERE id = $1 AND state = 'intended'",
        )
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Writes back what may change of an operation; it begins to wait when it enters a state that waits.
pub async fn update(tx: &mut Tx, now: Moment, operation: &Operation) -> Result<(), Error> {
    let waits = matches!(operation.state, OperationState::Waiting | OperationState::Pending);
    let waits_since = if waits { operation.waits_since.or(Some(now)) } else { None };
    tx.sql(
        "UPDATE payment_operations SET
             state = $2, provider_object = $3, reason = $4, waits_since = $5, trouble = $6, sent_at = $7,
             changed_at = $8, reversed = $9, is_disputed = $10
         WHERE id = $1",
    )
    .bind(operation.id)
    .bind(operation.state)
    .bind(operation.object.as_deref())
    .bind(operation.reason)
    .bind(waits_since)
    .bind(operation.trouble.as_deref())
    .bind(operation.sent_at)
    .bind(now)
    .bind(operation.reversed.minor())
    .bind(operation.is_disputed)
    .execute()
    .await?;
    Ok(())
}

/// The open operations that a provider's object or order may tell something about.
pub async fn by_object(
    db: impl Run<'_>,
    provider: ProviderName,
    object: Option<&str>,
    order: Option<&str>,
) -> Result<Vec<OperationId>, Error> {
    let rows: Vec<(OperationId,)> = db
        .sql(
            "SELECT payment_operations.id FROM payment_operations
             JOIN payments ON payments.id = payment_operations.payment
             WHERE payments.provider = $1
                 AND (payment_operations.provider_object = $2 OR payments.provider_order = $2
                     OR payments.provider_order = $3 OR payment_operations.provider_object = $3)
                 AND payment_operations.state IN ('sent', 'pending', 'waiting')
             LIMIT $4",
        )
        .bind(provider)
        .bind(object)
        .bind(order)
        .bind(OPERATIONS_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The debit that a provider's capture is, with its payment.
pub async fn debit_by_object(
    db: impl Run<'_>,
    provider: ProviderName,
    object: &str,
) -> Result<Option<(PaymentId, OperationId)>, Error> {
    db.sql(
        "SELECT payments.id, payment_operations.id FROM payment_operations
         JOIN payments ON payments.id = payment_operations.payment
         WHERE payments.provider = $1 AND payment_operations.provider_object = $2
             AND payment_operations.state = 'done' AND payment_operations.kind IN ('charge', 'complete', 'capture')
         LIMIT 1",
    )
    .bind(provider)
    .bind(object)
    .fetch_optional()
    .await
}

/// The debits of the payment that a provider's order belongs to, with the provider's names of them, oldest first.
pub async fn captures_of_order(
    db: impl Run<'_>,
    provider: ProviderName,
    order: &str,
) -> Result<Vec<(OperationId, PaymentId, String)>, Error> {
    db.sql(
        "SELECT payment_operations.id, payment_operations.payment, payment_operations.provider_object
         FROM payment_operations
         JOIN payments ON payments.id = payment_operations.payment
         WHERE payments.provider = $1 AND payments.provider_order = $2
             AND payment_operations.provider_object IS NOT NULL
             AND payment_operations.state = 'done' AND payment_operations.kind IN ('charge', 'complete', 'capture')
         ORDER BY payment_operations.created_at, payment_operations.id
         LIMIT $3",
    )
    .bind(provider)
    .bind(order)
    .bind(OPERATIONS_MAX)
    .fetch_all()
    .await
}

/// Open operations that nothing was heard of since `before`.
pub async fn silent(db: impl Run<'_>, before: Moment, limit: i64) -> Result<Vec<OperationId>, Error> {
    let rows: Vec<(OperationId,)> = db
        .sql(
            "SELECT id FROM payment_operations
             WHERE state IN ('intended', 'sent', 'pending', 'waiting') AND changed_at < $1
             ORDER BY changed_at, id
             LIMIT $2",
        )
        .bind(before)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Gives up an operation that was not sent, or that only the shopper could bring further.
pub async fn abandon(tx: &mut Tx, now: Moment, id: OperationId) -> Result<(), Error> {
    tx.sql(
        "UPDATE payment_operations SET state = 'abandoned', waits_since = NULL, changed_at = $2
         WHERE id = $1 AND state IN ('intended', 'waiting')",
    )
    .bind(id)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

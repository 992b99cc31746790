//! Rows of what people found out about parked operations, and the list of those that wait for people.

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{CheckoutId, OperationId, PaymentId, StaffId};
use crate::money::{Currency, Money};
use crate::payments::model::{OperationKind, ProviderName, Verdict};

/// Most operations that one answer lists: settle these to see later ones.
const LISTED_MAX: i64 = 200;

/// What somebody found out.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Resolution {
    /// About which operation.
    pub operation: OperationId,
    /// Whether it happened.
    pub verdict: Verdict,
    /// The provider's object that proves it.
    pub object: Option<String>,
    /// How they know.
    pub note: String,
    /// Who.
    pub staff: StaffId,
}

/// An operation that waits for people, as they see it.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Which operation.
    pub id: OperationId,
    /// Of which payment.
    pub payment: PaymentId,
    /// What is paid for.
    pub checkout: CheckoutId,
    /// At which provider.
    pub provider: ProviderName,
    /// What people call the purchase, in the provider's books too.
    pub reference: String,
    /// What it asked for.
    pub kind: OperationKind,
    /// How much.
    pub amount: Money,
    /// Why it waits for people.
    pub trouble: Option<String>,
    /// The provider's order, when it is known.
    pub order: Option<String>,
    /// The provider's object, when it is known.
    pub object: Option<String>,
    /// When it was sent.
    pub sent_at: Option<Moment>,
    /// Since when it waits.
    pub waits_since: Moment,
}

#[derive(sqlx::FromRow)]
struct ParkedRow {
    id: OperationId,
    payment: PaymentId,
    checkout: CheckoutId,
    provider: ProviderName,
    reference: String,
    currency: Currency,
    kind: OperationKind,
    amount: i64,
    trouble: Option<String>,
    provider_order: Option<String>,
    provider_object: Option<String>,
    sent_at: Option<Moment>,
    changed_at: Moment,
}

impl From<ParkedRow> for Parked {
    fn from(row: ParkedRow) -> Self {
        Self {
            id: row.id,
            payment: row.payment,
            checkout: row.checkout,
            provider: row.provider,
            reference: row.reference,
            kind: row.kind,
            amount: Money::new(row.amount, row.currency),
            trouble: row.trouble,
            order: row.provider_order,
            object: row.provider_object,
            sent_at: row.sent_at,
            waits_since: row.changed_at,
        }
    }
}

/// The operations that wait for people, the longest waiting first.
pub async fn parked(db: impl Run<'_>) -> Result<Vec<Parked>, Error> {
    let rows: Vec<ParkedRow> = db
        .sql(
            "SELECT payment_operations.id, payment_operations.payment, payments.checkout, payments.provider,
                 payments.reference, payments.currency, payment_operations.kind, payment_operations.amount,
                 payment_operations.trouble, payments.provider_order, payment_operations.provider_object,
                 payment_operations.sent_at, payment_operations.changed_at
             FROM payment_operations
             JOIN payments ON payments.id = payment_operations.payment
             WHERE payment_operations.state = 'parked'
             ORDER BY payment_operations.changed_at, payment_operations.id
             LIMIT $1",
        )
        .bind(LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Parked::from).collect())
}

/// What people found out about an operation, if they did.
pub async fn find(db: impl Run<'_>, operation: OperationId) -> Result<Option<Resolution>, Error> {
    db.sql("SELECT operation, verdict, object, note, staff FROM payment_resolutions WHERE operation = $1")
        .bind(operation)
        .fetch_optional()
        .await
}

/// Keeps what somebody found out.
pub async fn insert(tx: &mut Tx, now: Moment, resolution: &Resolution) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO payment_resolutions (operation, verdict, object, note, staff, at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(resolution.operation)
    .bind(resolution.verdict)
    .bind(resolution.object.as_deref())
    .bind(resolution.note.as_str())
    .bind(resolution.staff)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Whether another operation that happened has this object of the provider: what was made counts once.
pub async fn is_counted(db: impl Run<'_>, operation: OperationId, object: &str) -> Result<bool, Error> {
    let row: Option<(OperationId,)> = db
        .sql(
            "SELECT id FROM payment_operations
             WHERE provider_object = $1 AND id <> $2 AND state = 'done'
             LIMIT 1",
        )
        .bind(object)
        .bind(operation)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

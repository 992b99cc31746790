//! Rows of debts.

use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{CheckoutId, DebtId, PaymentId, ShopperId, StaffId, StoreId};
use crate::money::{Currency, Money};
use crate::payments::model::{DebtKind, DebtState, DeclineReason};

/// Most debts that one answer lists.
const LISTED_MAX: i64 = 100;

/// What a shopper owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// Which debt.
    pub id: DebtId,
    /// What made it; each makes one.
    pub cause: Uuid,
    /// How it came about.
    pub kind: DebtKind,
    /// The payment that failed.
    pub payment: PaymentId,
    /// What was bought.
    pub checkout: CheckoutId,
    /// Where.
    pub store: StoreId,
    /// Who owes it.
    pub shopper: ShopperId,
    /// What people call the purchase.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// Why, in the provider's terms.
    pub reason: Option<DeclineReason>,
    /// How far it is.
    pub state: DebtState,
    /// The payment that pays it, or paid it.
    pub paying: Option<PaymentId>,
    /// How often it was tried by rule.
    pub tries: i64,
    /// When it is tried by rule again; nothing when it is left to the shopper.
    pub try_at: Option<Moment>,
    /// Why it was written off.
    pub note: Option<String>,
    /// Who wrote it off.
    pub staff: Option<StaffId>,
    /// Since when it is owed.
    pub created_at: Moment,
}

#[derive(sqlx::FromRow)]
struct DebtRow {
    id: DebtId,
    cause: Uuid,
    kind: DebtKind,
    payment: PaymentId,
    checkout: CheckoutId,
    store: StoreId,
    shopper: ShopperId,
    reference: String,
    currency: Currency,
    amount: i64,
    reason: Option<DeclineReason>,
    state: DebtState,
    paying: Option<PaymentId>,
    tries: i64,
    try_at: Option<Moment>,
    note: Option<String>,
    staff: Option<StaffId>,
    created_at: Moment,
}

impl From<DebtRow> for Debt {
    fn from(row: DebtRow) -> Self {
        Self {
            id: row.id,
            cause: row.cause,
            kind: row.kind,
            payment: row.payment,
            checkout: row.checkout,
            store: row.store,
            shopper: row.shopper,
            reference: row.reference,
            amount: Money::new(row.amount, row.currency),
            reason: row.reason,
            state: row.state,
            paying: row.paying,
            tries: row.tries,
            try_at: row.try_at,
            note: row.note,
            staff: row.staff,
            created_at: row.created_at,
        }
    }
}

/// Reads debts that are so.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT id, cause, kind, payment, checkout, store, shopper, reference, currency, amount, reason, state, paying,
                 tries, try_at, note, staff, created_at
             FROM debts ",
            $which
        )
    };
}

/// Writes a new debt; answers whether its cause had none.
pub async fn insert(tx: &mut Tx, debt: &Debt) -> Result<bool, Error> {
    let written = tx
        .sql(
            "INSERT INTO debts (
                 id, cause, kind, payment, checkout, store, shopper, reference, currency, amount, reason, state, tries, try_at,
                 version, created_at, changed_at
             )
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $15)
             ON CONFLICT (cause) DO NOTHING",
        )
        .bind(debt.id)
        .bind(debt.cause)
        .bind(debt.kind)
        .bind(debt.payment)
        .bind(debt.checkout)
        .bind(&debt.store)
        .bind(debt.shopper)
        .bind(debt.reference.as_str())
        .bind(debt.amount.currency())
        .bind(debt.amount.minor())
        .bind(debt.reason)
        .bind(debt.state)
        .bind(debt.tries)
        .bind(debt.try_at)
        .bind(debt.created_at)
        .execute()
        .await?;
    Ok(written == 1)
}

/// A debt.
pub async fn find(run: impl Run<'_>, id: DebtId) -> Result<Option<Debt>, Error> {
    let row: Option<DebtRow> = run.sql(select!("WHERE id = $1")).bind(id).fetch_optional().await?;
    Ok(row.map(Debt::from))
}

/// The debt that this made.
pub async fn by_cause(run: impl Run<'_>, cause: Uuid) -> Result<Option<DebtId>, Error> {
    let row: Option<(DebtId,)> =
        run.sql("SELECT id FROM debts WHERE cause = $1").bind(cause).fetch_optional().await?;
    Ok(row.map(|(id,)| id))
}

/// Takes a debt for this transaction: everybody who decides over it waits here for the others.
pub async fn lock(tx: &mut Tx, id: DebtId) -> Result<Option<Debt>, Error> {
    tx.sql("UPDATE debts SET version = version + 1 WHERE id = $1").bind(id).execute().await?;
    find(tx, id).await
}

/// Writes back what may change of a debt.
pub async fn update(tx: &mut Tx, now: Moment, debt: &Debt) -> Result<(), Error> {
    tx.sql(
        "UPDATE debts SET state = $2, paying = $3, tries = $4, try_at = $5, note = $6, staff = $7, changed_at = $8
         WHERE id = $1",
    )
    .bind(debt.id)
    .bind(debt.state)
    .bind(debt.paying)
    .bind(debt.tries)
    .bind(debt.try_at)
    .bind(debt.note.as_deref())
    .bind(debt.staff)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// What a shopper owes, oldest first.
pub async fn owed(run: impl Run<'_>, shopper: ShopperId) -> Result<Vec<Debt>, Error> {
    let rows: Vec<DebtRow> = run
        .sql(select!(
            "WHERE shopper = $1 AND state IN ('open', 'being_paid')
                 ORDER BY created_at, id
                 LIMIT $2"
        ))
        .bind(shopper)
        .bind(LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Debt::from).collect())
}

/// All debts that a shopper has or had, newest first.
pub async fn of_shopper(run: impl Run<'_>, shopper: ShopperId) -> Result<Vec<Debt>, Error> {
    let rows: Vec<DebtRow> = run
        .sql(select!(
            "WHERE shopper = $1
                 ORDER BY created_at DESC, id DESC
                 LIMIT $2"
        ))
        .bind(shopper)
        .bind(LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Debt::from).collect())
}

/// What is owed to a store, oldest first.
pub async fn of_store(run: impl Run<'_>, store: &StoreId) -> Result<Vec<Debt>, Error> {
    let rows: Vec<DebtRow> = run
        .sql(select!(
            "WHERE store = $1 AND state IN ('open', 'being_paid')
                 ORDER BY created_at, id
                 LIMIT $2"
        ))
        .bind(store)
        .bind(LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Debt::from).collect())
}

/// The debts that came of a purchase, oldest first; those of debts that were paid and taken back again too.
pub async fn of_checkout(run: impl Run<'_>, checkout: CheckoutId) -> Result<Vec<Debt>, Error> {
    let rows: Vec<DebtRow> = run
        .sql(select!(
            "WHERE checkout = $1
                 ORDER BY created_at, id"
        ))
        .bind(checkout)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Debt::from).collect())
}

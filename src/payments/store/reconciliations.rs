//! Rows of reconciliations and of what they found; and our movements, as they are compared.

use sqlx::types::Json;

use crate::clock::Moment;
use crate::db::{Error, Run, Sql, Tx, keys};
use crate::ids::{DifferenceId, OperationId, PaymentId, ReconciliationId, StaffId};
use crate::money::{Currency, Money};
use crate::payments::model::{
    DifferenceState, Finding, FindingKind, Movement, MovementKind, OperationState, ProviderName,
    ReconciliationState, Undone,
};

/// Reconciliations of one answer.
const RUNS_LISTED_MAX: i64 = 100;
/// What is said of a movement of ours that the provider's books lack.
const MISSING: [FindingKind; 2] = [FindingKind::MissingDebit, FindingKind::MissingRefund];
/// Differences of one answer.
const DIFFERENCES_LISTED_MAX: i64 = 1_000;

/// A comparison of our books with a provider's.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Reconciliation {
    /// Which.
    pub id: ReconciliationId,
    /// With whom.
    pub provider: ProviderName,
    /// The span: from its begin …
    pub from_at: Moment,
    /// … up to and without its end.
    pub to_at: Moment,
    /// How far it is.
    pub state: ReconciliationState,
    /// Who asked for it.
    pub staff: Option<StaffId>,
    /// Up to when the provider's books were whole.
    pub whole_until: Option<Moment>,
    /// Lines of debits and refunds in the span.
    pub lines: i64,
    /// Movements of ours in it.
    pub movements: i64,
    /// How many of both belong together.
    pub matched: i64,
    /// Why it failed.
    pub trouble: Option<String>,
    /// When it was asked for.
    pub created_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

/// A difference, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub id: DifferenceId,
    /// At which provider.
    pub provider: ProviderName,
    /// What was found.
    pub finding: Finding,
    /// What became of it.
    pub state: DifferenceState,
    /// Why it is as it is, by staff.
    pub note: Option<String>,
    /// Who said so.
    pub staff: Option<StaffId>,
    /// When it was found first.
    pub created_at: Moment,
}

#[derive(sqlx::FromRow)]
struct DifferenceRow {
    id: DifferenceId,
    provider: ProviderName,
    found: Json<Finding>,
    state: DifferenceState,
    note: Option<String>,
    staff: Option<StaffId>,
    created_at: Moment,
}

impl From<DifferenceRow> for Difference {
    fn from(row: DifferenceRow) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            finding: row.found.0,
            state: row.state,
            note: row.note,
            staff: row.staff,
            created_at: row.created_at,
        }
    }
}

/// Writes a new comparison; answers whether its name was free.
pub async fn insert(tx: &mut Tx, run: &Reconciliation) -> Result<bool, Error> {
    let written = tx
        .sql(
            "INSERT INTO reconciliations (
                 id, provider, from_at, to_at, state, staff, lines, movements, matched, created_at
             )
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(run.id)
        .bind(run.provider)
        .bind(run.from_at)
        .bind(run.to_at)
        .bind(run.state)
        .bind(run.staff)
        .bind(0_i64)
        .bind(run.created_at)
        .execute()
        .await?;
    Ok(written == 1)
}

/// Reads comparisons that are so.
macro_rules! runs {
    ($which:literal) => {
        concat!(
            "SELECT id, provider, from_at, to_at, state, staff, whole_until, lines, movements, matched, trouble, created_at,
                 ended_at
             FROM reconciliations ",
            $which
        )
    };
}

/// A comparison.
pub async fn find(run: impl Run<'_>, id: ReconciliationId) -> Result<Option<Reconciliation>, Error> {
    run.sql(runs!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// The latest comparisons, the last one first.
pub async fn latest(run: impl Run<'_>) -> Result<Vec<Reconciliation>, Error> {
    run.sql(runs!("ORDER BY created_at DESC, id DESC LIMIT $1")).bind(RUNS_LISTED_MAX).fetch_all().await
}

/// Writes how a comparison ended.
pub async fn update(tx: &mut Tx, run: &Reconciliation) -> Result<(), Error> {
    tx.sql(
        "UPDATE reconciliations SET
             state = $2, whole_until = $3, lines = $4, movements = $5, matched = $6, trouble = $7, ended_at = $8
         WHERE id = $1",
    )
    .bind(run.id)
    .bind(run.state)
    .bind(run.whole_until)
    .bind(run.lines)
    .bind(run.movements)
    .bind(run.matched)
    .bind(run.trouble.as_deref())
    .bind(run.ended_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes what was found. What was found before stays as it was decided; what was gone and is there again is open again.
pub async fn put(
    tx: &mut Tx,
    id: DifferenceId,
    now: Moment,
    provider: ProviderName,
    finding: &Finding,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO reconciliation_differences (
             id, provider, subject, kind, certainty, found, at, state, created_at, changed_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $8)
         ON CONFLICT (provider, subject) DO UPDATE SET
             certainty = excluded.certainty, found = excluded.found, changed_at = excluded.changed_at,
             state = CASE WHEN reconciliation_differences.state = 'gone' THEN 'open'
                 ELSE reconciliation_differences.state END",
    )
    .bind(id)
    .bind(provider)
    .bind(finding.subject.as_str())
    .bind(finding.kind)
    .bind(finding.certainty)
    .bind(Json(finding))
    .bind(finding.at)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Notes of open differences in a span, all but these, that they are not there any more. What was noted from a line that
/// counts once, such as a reversal, stays until somebody explains it.
pub async fn set_gone(tx: &mut Tx, now: Moment, run: &Reconciliation, found: &[&str]) -> Result<u64, Error> {
    tx.sql(
        "UPDATE reconciliation_differences SET state = 'gone', changed_at = $4
         WHERE provider = $1 AND at >= $2 AND at < $3 AND state = 'open'
             AND kind NOT IN ('taken_back', 'came_again', 'disputed')
             AND subject NOT IN (SELECT value ->> 'key' FROM json_each($5))",
    )
    .bind(run.provider)
    .bind(run.from_at)
    .bind(run.to_at)
    .bind(now)
    .bind(keys(found.iter().copied())?)
    .execute()
    .await
}

/// Keeps operations as found, named by `$2`; each engine reads an id from a text in its own way.
macro_rules! put_in_books {
    ($id:literal) => {
        concat!(
            "INSERT INTO operations_in_books (operation, found_at)
             SELECT ",
            $id,
            ", $1 FROM json_each($2)
             WHERE TRUE
             ON CONFLICT (operation) DO NOTHING"
        )
    };
}

/// Keeps that lines of these operations were found in a provider's books; none of them is missing there any more.
pub async fn put_in_books(
    tx: &mut Tx,
    now: Moment,
    provider: ProviderName,
    operations: &[OperationId],
) -> Result<(), Error> {
    let names: Vec<String> = operations.iter().map(|id| id.0.simple().to_string()).collect();
    let subjects: Vec<String> =
        operations.iter().flat_map(|id| MISSING.map(|kind| format!("{kind}:{id}"))).collect();
    tx.sql(Sql::each(
        put_in_books!("unhex(value ->> 'key')"),
        put_in_books!("CAST(value ->> 'key' AS UUID)"),
    ))
    .bind(now)
    .bind(keys(names.iter().map(String::as_str))?)
    .execute()
    .await?;
    tx.sql(
        "UPDATE reconciliation_differences SET state = 'gone', changed_at = $2
         WHERE provider = $1 AND state = 'open' AND subject IN (SELECT value ->> 'key' FROM json_each($3))",
    )
    .bind(provider)
    .bind(now)
    .bind(keys(subjects.iter().map(String::as_str))?)
    .execute()
    .await?;
    Ok(())
}

/// The differences of a span that are not gone, alarms or not, the oldest first.
pub async fn of_span(
    run: impl Run<'_>,
    provider: ProviderName,
    (from, to): (Moment, Moment),
) -> Result<Vec<Difference>, Error> {
    let rows: Vec<DifferenceRow> = run
        .sql(
            "SELECT id, provider, found, state, note, staff, created_at
             FROM reconciliation_differences
             WHERE provider = $1 AND at >= $2 AND at < $3 AND state <> 'gone'
             ORDER BY at, id
             LIMIT $4",
        )
        .bind(provider)
        .bind(from)
        .bind(to)
        .bind(DIFFERENCES_LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Difference::from).collect())
}

/// The differences that nobody has explained yet, the oldest first.
pub async fn open(run: impl Run<'_>) -> Result<Vec<Difference>, Error> {
    let rows: Vec<DifferenceRow> = run
        .sql(
            "SELECT id, provider, found, state, note, staff, created_at
             FROM reconciliation_differences
             WHERE state = 'open'
             ORDER BY at, id
             LIMIT $1",
        )
        .bind(DIFFERENCES_LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Difference::from).collect())
}

/// A difference.
pub async fn difference(run: impl Run<'_>, id: DifferenceId) -> Result<Option<Difference>, Error> {
    let row: Option<DifferenceRow> = run
        .sql(
            "SELECT id, provider, found, state, note, staff, created_at
             FROM reconciliation_differences
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(Difference::from))
}

/// Keeps why a difference is as it is; answers whether it was open.
pub async fn explain(
    run: impl Run<'_>,
    now: Moment,
    id: DifferenceId,
    note: &str,
    staff: StaffId,
) -> Result<bool, Error> {
    let explained = run
        .sql(
            "UPDATE reconciliation_differences SET state = 'explained', note = $2, staff = $3, changed_at = $4
             WHERE id = $1 AND state = 'open'",
        )
        .bind(id)
        .bind(note)
        .bind(staff)
        .bind(now)
        .execute()
        .await?;
    Ok(explained == 1)
}

/// Lets go of comparisons, and of differences that nobody has to look at any more, from before this moment.
pub async fn remove_old(tx: &mut Tx, before: Moment) -> Result<u64, Error> {
    let differences = tx
        .sql("DELETE FROM reconciliation_differences WHERE state <> 'open' AND changed_at < $1")
        .bind(before)
        .execute()
        .await?;
    let runs = tx.sql("DELETE FROM reconciliations WHERE created_at < $1").bind(before).execute().await?;
    Ok(differences + runs)
}

#[derive(sqlx::FromRow)]
struct MovementRow {
    operation: OperationId,
    fact: String,
    payment: PaymentId,
    reference: String,
    object: Option<String>,
    amount: i64,
    currency: Currency,
    sent_at: Option<Moment>,
    at: Moment,
    in_books: bool,
}

impl From<MovementRow> for Movement {
    fn from(row: MovementRow) -> Self {
        Self {
            operation: row.operation,
            kind: if row.fact == "refunded" { MovementKind::Refund } else { MovementKind::Debit },
            payment: row.payment,
            reference: row.reference,
            object: row.object,
            amount: Money::new(row.amount, row.currency),
            sent_at: row.sent_at.unwrap_or(row.at),
            at: row.at,
            in_books: row.in_books,
        }
    }
}

/// Reads movements of a provider that are so; `$1` is the provider.
macro_rules! movements {
    ($which:literal) => {
        concat!(
            "SELECT payment_operations.id AS operation, ledger_transactions.kind AS fact, payment_operations.payment,
                 payments.reference, payment_operations.provider_object AS object, payment_operations.amount,
                 ledger_transactions.currency, payment_operations.sent_at, ledger_transactions.at,
                 operations_in_books.operation IS NOT NULL AS in_books
             FROM ledger_transactions
             JOIN payment_operations ON payment_operations.id = ledger_transactions.cause
             JOIN payments ON payments.id = payment_operations.payment
             LEFT JOIN operations_in_books ON operations_in_books.operation = payment_operations.id
             WHERE ledger_transactions.provider = $1 AND ledger_transactions.kind IN ('captured', 'refunded') ",
            $which
        )
    };
}

/// Our movements at a provider in a span.
pub async fn movements_in(
    run: impl Run<'_>,
    provider: ProviderName,
    (from, to): (Moment, Moment),
) -> Result<Vec<Movement>, Error> {
    let rows: Vec<MovementRow> = run
        .sql(movements!("AND ledger_transactions.at >= $2 AND ledger_transactions.at < $3"))
        .bind(provider)
        .bind(from)
        .bind(to)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Movement::from).collect())
}

/// Our movements at a provider, of any time, that made these objects.
pub async fn movements_of_objects(
    run: impl Run<'_>,
    provider: ProviderName,
    objects: &[&str],
) -> Result<Vec<Movement>, Error> {
    let rows: Vec<MovementRow> = run
        .sql(movements!(
            "AND payment_operations.provider_object IN (SELECT value ->> 'key' FROM json_each($2))"
        ))
        .bind(provider)
        .bind(keys(objects.iter().copied())?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Movement::from).collect())
}

/// Our movement at a provider that this operation made.
pub async fn movement_of_operation(
    run: impl Run<'_>,
    provider: ProviderName,
    operation: OperationId,
) -> Result<Option<Movement>, Error> {
    let row: Option<MovementRow> = run
        .sql(movements!("AND payment_operations.id = $2 LIMIT 1"))
        .bind(provider)
        .bind(operation)
        .fetch_optional()
        .await?;
    Ok(row.map(Movement::from))
}

/// An operation at a provider that did nothing, as far as we know.
pub async fn undone(
    run: impl Run<'_>,
    provider: ProviderName,
    operation: OperationId,
) -> Result<Option<Undone>, Error> {
    let row: Option<(OperationState, PaymentId, String, i64, Currency)> = run
        .sql(
            "SELECT payment_operations.state, payment_operations.payment, payments.reference, payment_operations.amount,
                 payments.currency
             FROM payment_operations
             JOIN payments ON payments.id = payment_operations.payment
             WHERE payments.provider = $1 AND payment_operations.id = $2
                 AND payment_operations.state NOT IN ('done', 'passed_on')",
        )
        .bind(provider)
        .bind(operation)
        .fetch_optional()
        .await?;
    Ok(row.map(|(state, payment, reference, minor, currency)| Undone {
        operation,
        state,
        payment,
        reference,
        amount: Money::new(minor, currency),
    }))
}

/// The payment whose operation made an object of the provider.
pub async fn payment_of_object(
    run: impl Run<'_>,
    provider: ProviderName,
    object: &str,
) -> Result<Option<PaymentId>, Error> {
    let row: Option<(PaymentId,)> = run
        .sql(
            "SELECT payment_operations.payment FROM payment_operations
             JOIN payments ON payments.id = payment_operations.payment
             WHERE payments.provider = $1 AND payment_operations.provider_object = $2
             LIMIT 1",
        )
        .bind(provider)
        .bind(object)
        .fetch_optional()
        .await?;
    Ok(row.map(|(payment,)| payment))
}

//! Rows of disputes and of what staff answered to them.

use sqlx::types::Json;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{CheckoutId, DisputeAnswerId, DisputeId, OperationId, PaymentId, StaffId};
use crate::money::{Currency, Money};
use crate::payments::disputes::{Answer, AnswerState, Known};
use crate::payments::evidence::EvidencePiece;
use crate::payments::model::{
    Dispute, DisputeAction, DisputeReason, DisputeStage, DisputeState, ProviderName,
};

/// Most disputes that one answer lists: settle these to see later ones.
const LISTED_MAX: i64 = 200;
/// Most answers to one dispute: evidence may be added as long as the provider takes it.
const ANSWERS_MAX: i64 = 50;

#[derive(sqlx::FromRow)]
struct DisputeRow {
    id: DisputeId,
    provider: ProviderName,
    name: String,
    payment: PaymentId,
    operation: OperationId,
    checkout: CheckoutId,
    reference: String,
    object: Option<String>,
    stage: DisputeStage,
    state: DisputeState,
    reason: DisputeReason,
    amount: i64,
    currency: Currency,
    respond_by: Option<Moment>,
    actions: Json<Vec<DisputeAction>>,
    opened_at: Moment,
    read_at: Moment,
}

impl From<DisputeRow> for Known {
    fn from(row: DisputeRow) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            payment: row.payment,
            operation: row.operation,
            checkout: row.checkout,
            reference: row.reference,
            read_at: row.read_at,
            dispute: Dispute {
                name: row.name,
                capture: row.object,
                stage: row.stage,
                state: row.state,
                reason: row.reason,
                amount: Money::new(row.amount, row.currency),
                given_back: None,
                respond_by: row.respond_by,
                actions: row.actions.0,
                opened_at: Some(row.opened_at),
            },
        }
    }
}

macro_rules! disputes {
    ($rest:literal) => {
        concat!(
            "SELECT payment_disputes.id, payment_disputes.provider, name, payment_disputes.payment, operation,
                 payments.checkout, payments.reference, payment_operations.provider_object AS object, stage,
                 payment_disputes.state, payment_disputes.reason, payment_disputes.amount, payment_disputes.currency,
                 respond_by, actions, opened_at, read_at
             FROM payment_disputes
             JOIN payments ON payments.id = payment_disputes.payment
             JOIN payment_operations ON payment_operations.id = operation
             ",
            $rest
        )
    };
}

/// A dispute.
pub async fn find(db: impl Run<'_>, id: DisputeId) -> Result<Option<Known>, Error> {
    let row: Option<DisputeRow> =
        db.sql(disputes!("WHERE payment_disputes.id = $1")).bind(id).fetch_optional().await?;
    Ok(row.map(Known::from))
}

/// A dispute by the provider's name of it.
pub async fn by_name(db: impl Run<'_>, provider: ProviderName, name: &str) -> Result<Option<Known>, Error> {
    let row: Option<DisputeRow> = db
        .sql(disputes!("WHERE payment_disputes.provider = $1 AND name = $2"))
        .bind(provider)
        .bind(name)
        .fetch_optional()
        .await?;
    Ok(row.map(Known::from))
}

/// Disputes that are open, or all of them, those first that must be answered first.
pub async fn list(db: impl Run<'_>, with_ended: bool) -> Result<Vec<Known>, Error> {
    let rows: Vec<DisputeRow> = db
        .sql(disputes!(
            "WHERE $1 OR look_at IS NOT NULL
             ORDER BY look_at IS NULL, respond_by IS NULL, respond_by, opened_at, payment_disputes.id
             LIMIT $2"
        ))
        .bind(with_ended)
        .bind(LISTED_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Known::from).collect())
}

/// Disputes that are to be read now: the provider and its name of each.
pub async fn due(db: impl Run<'_>, now: Moment, limit: i64) -> Result<Vec<(ProviderName, String)>, Error> {
    db.sql(
        "SELECT provider, name FROM payment_disputes
         WHERE look_at <= $1
         ORDER BY look_at, id
         LIMIT $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all()
    .await
}

/// Writes how a dispute stands; a new one under this id.
pub async fn save(
    tx: &mut Tx,
    now: Moment,
    id: DisputeId,
    provider: ProviderName,
    (payment, operation): (PaymentId, OperationId),
    dispute: &Dispute,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO payment_disputes (
             id, provider, name, payment, operation, stage, state, reason, amount, currency, respond_by, actions,
             opened_at, read_at, look_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (provider, name) DO UPDATE SET
             stage = excluded.stage, state = excluded.state, reason = excluded.reason, amount = excluded.amount,
             respond_by = excluded.respond_by, actions = excluded.actions, read_at = excluded.read_at,
             look_at = excluded.look_at",
    )
    .bind(id)
    .bind(provider)
    .bind(dispute.name.as_str())
    .bind(payment)
    .bind(operation)
    .bind(dispute.stage)
    .bind(dispute.state)
    .bind(dispute.reason)
    .bind(dispute.amount.minor())
    .bind(dispute.amount.currency())
    .bind(dispute.respond_by)
    .bind(Json(&dispute.actions))
    .bind(dispute.opened_at.unwrap_or(now))
    .bind(now)
    .bind(dispute.look_at(now))
    .execute()
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct AnswerRow {
    id: DisputeAnswerId,
    dispute: DisputeId,
    action: DisputeAction,
    note: String,
    evidence: Json<Vec<EvidencePiece>>,
    state: AnswerState,
    trouble: Option<String>,
    staff: StaffId,
    created_at: Moment,
}

impl From<AnswerRow> for Answer {
    fn from(row: AnswerRow) -> Self {
        Self {
            id: row.id,
            dispute: row.dispute,
            action: row.action,
            note: row.note,
            evidence: row.evidence.0,
            state: row.state,
            trouble: row.trouble,
            staff: row.staff,
            created_at: row.created_at,
        }
    }
}

/// Writes an answer that is to be sent; says whether its name was free.
pub async fn insert_answer(tx: &mut Tx, answer: &Answer) -> Result<bool, Error> {
    let rows = tx
        .sql(
            "INSERT INTO payment_dispute_answers
                 (id, dispute, action, note, evidence, state, staff, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(answer.id)
        .bind(answer.dispute)
        .bind(answer.action)
        .bind(answer.note.as_str())
        .bind(Json(&answer.evidence))
        .bind(answer.state)
        .bind(answer.staff)
        .bind(answer.created_at)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// An answer.
pub async fn find_answer(db: impl Run<'_>, id: DisputeAnswerId) -> Result<Option<Answer>, Error> {
    let row: Option<AnswerRow> = db
        .sql(
            "SELECT id, dispute, action, note, evidence, state, trouble, staff, created_at
             FROM payment_dispute_answers
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(Answer::from))
}

/// What was answered to a dispute, oldest first.
pub async fn answers(db: impl Run<'_>, dispute: DisputeId) -> Result<Vec<Answer>, Error> {
    let rows: Vec<AnswerRow> = db
        .sql(
            "SELECT id, dispute, action, note, evidence, state, trouble, staff, created_at
             FROM payment_dispute_answers
             WHERE dispute = $1
             ORDER BY created_at, id
             LIMIT $2",
        )
        .bind(dispute)
        .bind(ANSWERS_MAX)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Answer::from).collect())
}

/// Moves an answer on; says whether it was in the state that it is moved from.
pub async fn set_answer(
    tx: &mut Tx,
    now: Moment,
    id: DisputeAnswerId,
    (from, to): (AnswerState, AnswerState),
    trouble: Option<&str>,
) -> Result<bool, Error> {
    let rows = tx
        .sql(
            "UPDATE payment_dispute_answers SET state = $3, trouble = $4, changed_at = $5
             WHERE id = $1 AND state = $2",
        )
        .bind(id)
        .bind(from)
        .bind(to)
        .bind(trouble)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

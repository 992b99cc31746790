//! The routes for staff: disputes of debits, and answering one.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{CheckoutId, DisputeAnswerId, DisputeId, PaymentId, StaffId};
use crate::money::Money;
use crate::payments::disputes::{self, Answer, AnswerState, Known};
use crate::payments::evidence::EvidencePiece;
use crate::payments::model::{DisputeAction, DisputeReason, DisputeStage, DisputeState, ProviderName};

/// Which disputes to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Also those that are over.
    #[serde(default)]
    ended: bool,
}

/// Disputes of debits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Disputes {
    /// Those first that must be answered first, at most 200; then those that are over, if asked for.
    disputes: Vec<DisputeBody>,
}

/// A debit that its payer disputes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Dispute)]
struct DisputeBody {
    /// Which.
    id: DisputeId,
    /// At which provider.
    provider: ProviderName,
    /// The provider's name of it.
    name: String,
    /// Of which payment.
    payment: PaymentId,
    /// What was paid for.
    checkout: CheckoutId,
    /// What people call the purchase.
    reference: String,
    /// How far it has gone.
    stage: DisputeStage,
    /// Whom it waits for.
    state: DisputeState,
    /// Why.
    reason: DisputeReason,
    /// How much is disputed.
    amount: Money,
    /// Until when we must answer, when we must.
    respond_by: Option<DateTime<Utc>>,
    /// What may be done now.
    actions: Vec<DisputeAction>,
    /// When it was opened.
    opened_at: Option<DateTime<Utc>>,
    /// When it was read at the provider.
    read_at: DateTime<Utc>,
}

impl From<Known> for DisputeBody {
    fn from(known: Known) -> Self {
        let dispute = known.dispute;
        Self {
            id: known.id,
            provider: known.provider,
            name: dispute.name,
            payment: known.payment,
            checkout: known.checkout,
            reference: known.reference,
            stage: dispute.stage,
            state: dispute.state,
            reason: dispute.reason,
            amount: dispute.amount,
            respond_by: dispute.respond_by,
            actions: dispute.actions,
            opened_at: dispute.opened_at,
            read_at: known.read_at,
        }
    }
}

/// A dispute, and what was answered to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeDetails {
    #[serde(flatten)]
    dispute: DisputeBody,
    /// Oldest first.
    answers: Vec<AnswerBody>,
}

/// What staff answered to a dispute.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DisputeAnswer)]
pub struct AnswerBody {
    /// Which; named by whoever answered.
    id: DisputeAnswerId,
    /// What it does.
    action: DisputeAction,
    /// In their words.
    note: String,
    /// What was sent with it.
    evidence: Vec<EvidencePiece>,
    /// How far it is.
    state: AnswerState,
    /// Why the provider refused it.
    trouble: Option<String>,
    /// Who.
    staff: StaffId,
    /// When.
    created_at: DateTime<Utc>,
}

impl From<Answer> for AnswerBody {
    fn from(answer: Answer) -> Self {
        Self {
            id: answer.id,
            action: answer.action,
            note: answer.note,
            evidence: answer.evidence,
            state: answer.state,
            trouble: answer.trouble,
            staff: answer.staff,
            created_at: answer.created_at,
        }
    }
}

/// What to answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerWish {
    /// What to do: one of the dispute's actions, but those on the provider's own pages.
    action: DisputeAction,
    /// What to tell the provider; with evidence, the receipt, the opened gate, the delivery and refunds go with it by
    /// themselves.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// The disputes of debits, those first that must be answered first.
#[utoipa::path(
    get, path = "/v1/payment-disputes", tag = "payments", security(("staff" = [])),
    params(("ended" = Option<bool>, Query, description = "Also those that are over")),
    responses(
        (status = 200, description = "The disputes", body = Disputes),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_disputes(
    State(app): State<App>,
    staff: Staff,
    Query(which): Query<Which>,
) -> Result<Reply<Disputes>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let disputes = disputes::list(&app, which.ended).await?.into_iter().map(DisputeBody::from).collect();
    Ok(Reply(StatusCode::OK, Disputes { disputes }))
}

/// Read a dispute, with what was answered to it.
#[utoipa::path(
    get, path = "/v1/payment-disputes/{id}", tag = "payments", security(("staff" = [])),
    params(("id" = DisputeId, Path, description = "The dispute")),
    responses(
        (status = 200, description = "The dispute", body = DisputeDetails),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`dispute_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_dispute(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<DisputeId>,
) -> Result<Reply<DisputeDetails>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let (known, answers) = disputes::find(&app, id).await?;
    let answers = answers.into_iter().map(AnswerBody::from).collect();
    Ok(Reply(StatusCode::OK, DisputeDetails { dispute: known.into(), answers }))
}

/// Answer a dispute, under an id of the caller's choice: with evidence, or by giving in. The provider is told by a job; read the
/// dispute to see whether it took the answer. Sent again with the same contents, it is the same answer.
#[utoipa::path(
    put, path = "/v1/payment-disputes/{id}/answers/{answer}", tag = "payments", security(("staff" = [])),
    params(
        ("id" = DisputeId, Path, description = "The dispute"),
        ("answer" = DisputeAnswerId, Path, description = "The caller's name of the answer"),
    ),
    request_body = AnswerWish,
    responses(
        (status = 202, description = "It will be sent", body = AnswerBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`dispute_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`dispute_action`: the provider does not let us do that now; `answer_taken`: the id was used for another answer", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The request makes no sense", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn answer_dispute(
    State(app): State<App>,
    staff: Staff,
    Path((id, answer)): Path<(DisputeId, DisputeAnswerId)>,
    Json(wish): Json<AnswerWish>,
) -> Result<Reply<AnswerBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    if wish.action == DisputeAction::OnProvidersPages {
        return Err(Problem::unprocessable("dispute_action", "That is done on the provider's own pages.")
            .at("/action", "not done from here"));
    }
    let answer = Answer {
        id: answer,
        dispute: id,
        action: wish.action,
        note: wish.note.into(),
        evidence: Vec::new(),
        state: AnswerState::Intended,
        trouble: None,
        staff: staff.id,
        created_at: app.clock.now(),
    };
    Ok(Reply(StatusCode::ACCEPTED, disputes::answer(&app, answer).await?.into()))
}

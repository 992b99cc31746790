//! The routes of reconciliations: asked for, read, and their differences explained, by admins of all stores.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::note::Note;
use crate::http::reply::{Reply, wait};
use crate::identity::{Role, Staff};
use crate::ids::{DifferenceId, OperationId, PaymentId, ReconciliationId};
use crate::money::Money;
use crate::payments::Error;
use crate::payments::model::{
    Certainty, DifferenceState, FindingKind, FoundLine, ProviderName, ReconciliationState,
};
use crate::payments::reconcile::{self, Wish};
use crate::payments::store::reconciliations::{self as store, Difference, Reconciliation};

/// What to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconciliationWish {
    /// With whom.
    provider: ProviderName,
    /// From when on.
    from: DateTime<Utc>,
    /// Up to and without; at most 92 days later.
    to: DateTime<Utc>,
}

/// A comparison of our books with a provider's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub struct RunBody {
    /// Which.
    id: ReconciliationId,
    /// With whom.
    provider: ProviderName,
    /// From when on.
    from: DateTime<Utc>,
    /// Up to and without.
    to: DateTime<Utc>,
    /// How far it is.
    state: ReconciliationState,
    /// Up to when the provider's books were whole: nothing younger was missed in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole_until: Option<DateTime<Utc>>,
    /// Debits and refunds in the provider's books.
    lines: i64,
    /// Debits and refunds in ours.
    movements: i64,
    /// How many of both belong together.
    matched: i64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
}

impl From<Reconciliation> for RunBody {
    fn from(run: Reconciliation) -> Self {
        Self {
            id: run.id,
            provider: run.provider,
            from: run.from_at,
            to: run.to_at,
            state: run.state,
            whole_until: run.whole_until,
            lines: run.lines,
            movements: run.movements,
            matched: run.matched,
            trouble: run.trouble,
            created_at: run.created_at,
            ended_at: run.ended_at,
        }
    }
}

/// Something that does not agree.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BookDifference)]
pub struct DifferenceBody {
    /// Which.
    id: DifferenceId,
    /// At which provider.
    provider: ProviderName,
    /// What does not agree.
    kind: FindingKind,
    /// How sure it is.
    certainty: Certainty,
    /// Whether money is at stake that nobody decided about.
    is_alarm: bool,
    /// What to do about it.
    advice: String,
    /// When it happened.
    at: DateTime<Utc>,
    /// What our books say.
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Money>,
    /// What the provider's books say.
    #[serde(skip_serializing_if = "Option::is_none")]
    theirs: Option<Money>,
    /// The provider's line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<FoundLine>,
    /// Our operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<OperationId>,
    /// Our payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentId>,
    /// What people call the purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// What is known beyond that.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What became of it.
    state: DifferenceState,
    /// Why it is as it is, by staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// When it was found first.
    found_at: DateTime<Utc>,
}

impl From<Difference> for DifferenceBody {
    fn from(difference: Difference) -> Self {
        let finding = difference.finding;
        Self {
            id: difference.id,
            provider: difference.provider,
            kind: finding.kind,
            certainty: finding.certainty,
            is_alarm: finding.kind.is_alarm(),
            advice: finding.kind.advice().to_owned(),
            at: finding.at,
            ours: finding.ours,
            theirs: finding.theirs,
            line: finding.line,
            operation: finding.operation,
            payment: finding.payment,
            reference: finding.reference,
            detail: finding.detail,
            state: difference.state,
            note: difference.note,
            found_at: difference.created_at,
        }
    }
}

/// Comparisons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reconciliations)]
pub struct RunsBody {
    /// The latest 100, the last one first.
    reconciliations: Vec<RunBody>,
}

/// A comparison with what it found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReconciliationReport)]
pub struct ReportBody {
    /// The comparison.
    reconciliation: RunBody,
    /// What does not agree in its span, the oldest first, at most 1000; what is gone by now is left out.
    differences: Vec<DifferenceBody>,
}

/// Differences.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BookDifferences)]
pub struct DifferencesBody {
    /// The oldest first, at most 1000: explain these to see later ones.
    differences: Vec<DifferenceBody>,
}

/// List the latest comparisons of our books with the providers', nightly ones and others.
#[utoipa::path(
    get, path = "/v1/reconciliations", tag = "payments", security(("staff" = [])),
    responses(
        (status = 200, description = "The comparisons", body = RunsBody),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_reconciliations(
    State(app): State<App>,
    staff: Staff,
) -> Result<Reply<RunsBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let reconciliations = store::latest(&app.db).await?.into_iter().map(RunBody::from).collect();
    Ok(Reply(StatusCode::OK, RunsBody { reconciliations }))
}

/// Compare our books with a provider's over a span, under an id of the caller's choice. Sent again, it is the same comparison;
/// read it for what it found.
#[utoipa::path(
    put, path = "/v1/reconciliations/{id}", tag = "payments", security(("staff" = [])),
    params(("id" = ReconciliationId, Path, description = "A new UUID of the caller's choice")),
    request_body = ReconciliationWish,
    responses(
        (status = 202, description = "Begun", body = RunBody),
        (status = 200, description = "It was begun before", body = RunBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`reconciliation_taken`: the id was used for another one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`span_invalid`, `provider_absent`, `statement_absent`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn begin_reconciliation(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ReconciliationId>,
    Json(body): Json<ReconciliationWish>,
) -> Result<Reply<RunBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    reconcile::must_show_books(&app, body.provider)?;
    let wish = Wish { id, provider: body.provider, from: body.from, to: body.to, staff: Some(staff.id) };
    let (is_new, run) = reconcile::begin(&app, &wish, true).await?;
    app.jobs.wake();
    Ok(Reply(if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }, run.into()))
}

/// Read a comparison and what does not agree in its span. With `Prefer: wait=10` the answer waits until it has ended.
#[utoipa::path(
    get, path = "/v1/reconciliations/{id}", tag = "payments", security(("staff" = [])),
    params(
        ("id" = ReconciliationId, Path, description = "The comparison"),
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS` (RFC 7240), at most 20"),
    ),
    responses(
        (status = 200, description = "The comparison", body = ReportBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`reconciliation_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_reconciliation(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ReconciliationId>,
    headers: HeaderMap,
) -> Result<Reply<ReportBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let look = || async {
        let run = store::find(&app.db, id).await?;
        Ok::<_, Problem>(run.ok_or(Error::ReconciliationUnknown)?)
    };
    let is_over = |run: &Reconciliation| run.state != ReconciliationState::Running;
    let run = app.changes.wait_for(id.0, wait(&headers), look, is_over).await?;
    let differences = store::of_span(&app.db, run.provider, (run.from_at, run.to_at)).await?;
    let differences = differences.into_iter().map(DifferenceBody::from).collect();
    Ok(Reply(StatusCode::OK, ReportBody { reconciliation: run.into(), differences }))
}

/// List what does not agree and nobody explained yet, of all providers and times.
#[utoipa::path(
    get, path = "/v1/reconciliation-differences", tag = "payments", security(("staff" = [])),
    responses(
        (status = 200, description = "The differences", body = DifferencesBody),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_differences(
    State(app): State<App>,
    staff: Staff,
) -> Result<Reply<DifferencesBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let differences = store::open(&app.db).await?.into_iter().map(DifferenceBody::from).collect();
    Ok(Reply(StatusCode::OK, DifferencesBody { differences }))
}

/// Why a difference is as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// What was found out, for the books.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// Explain a difference: it is listed no more, and found again it stays explained. Sent again with the same note, it is
/// explained.
#[utoipa::path(
    post, path = "/v1/reconciliation-differences/{id}/explain", tag = "payments", security(("staff" = [])),
    params(("id" = DifferenceId, Path, description = "The difference")),
    request_body = Explanation,
    responses(
        (status = 200, description = "Explained", body = DifferenceBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`difference_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`difference_state`: it was explained otherwise, or is gone", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn explain_difference(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<DifferenceId>,
    Json(body): Json<Explanation>,
) -> Result<Reply<DifferenceBody>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let note: String = body.note.into();
    let explained = store::explain(&app.db, app.clock.now(), id, &note, staff.id).await?;
    let difference = store::difference(&app.db, id).await?.ok_or(Error::DifferenceUnknown)?;
    if !explained && difference.note.as_deref() != Some(&note) {
        return Err(Error::DifferenceState.into());
    }
    Ok(Reply(StatusCode::OK, difference.into()))
}

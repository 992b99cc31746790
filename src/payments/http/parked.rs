//! The routes for staff: operations that wait for people, and settling one.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{CheckoutId, OperationId, PaymentId};
use crate::money::Money;
use crate::payments::model::{OperationKind, ProviderName, Verdict};
use crate::payments::resolve;
use crate::payments::store::resolutions::{Parked, Resolution};

/// Longest name of a provider's object.
const OBJECT_LENGTH_MAX: usize = 64;

/// The operations that wait for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParkedOperations {
    /// The longest waiting first, at most 200; settle these to see later ones.
    operations: Vec<ParkedOperation>,
}

/// A call that moves money, whose outcome only people can find out.
#[derive(Debug, Serialize, ToSchema)]
struct ParkedOperation {
    /// Which operation; the provider's books have this id in their reference (PayPal: at the end of `invoice_id`).
    id: OperationId,
    /// Of which payment.
    payment: PaymentId,
    /// What is paid for.
    checkout: CheckoutId,
    /// At which provider.
    provider: ProviderName,
    /// What people call the purchase.
    reference: String,
    /// What it asked for.
    kind: OperationKind,
    /// How much.
    amount: Money,
    /// Why it waits for people.
    trouble: Option<String>,
    /// The provider's order, when it is known.
    order: Option<String>,
    /// The provider's object, when it is known.
    object: Option<String>,
    /// When it was sent.
    sent_at: Option<DateTime<Utc>>,
    /// Since when it waits.
    waits_since: DateTime<Utc>,
}

impl From<Parked> for ParkedOperation {
    fn from(parked: Parked) -> Self {
        Self {
            id: parked.id,
            payment: parked.payment,
            checkout: parked.checkout,
            provider: parked.provider,
            reference: parked.reference,
            kind: parked.kind,
            amount: parked.amount,
            trouble: parked.trouble,
            order: parked.order,
            object: parked.object,
            sent_at: parked.sent_at,
            waits_since: parked.waits_since,
        }
    }
}

/// What somebody found out about an operation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether it happened.
    verdict: Verdict,
    /// Needed when it happened: the provider's id of the capture, authorisation or refund that it made, as its pages show
    /// it; of a void the authorisation's. It is read back and must be ours, of the same amount and currency.
    #[schema(min_length = 1, max_length = 64)]
    object: Option<String>,
    /// How they know, for the books.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// The payments' operations that wait for people, with the trouble of each, the longest waiting first.
#[utoipa::path(
    get, path = "/v1/payment-operations/parked", tag = "payments", security(("staff" = [])),
    responses(
        (status = 200, description = "The operations", body = ParkedOperations),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_parked_operations(
    State(app): State<App>,
    staff: Staff,
) -> Result<Reply<ParkedOperations>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let operations = resolve::list(&app).await?.into_iter().map(ParkedOperation::from).collect();
    Ok(Reply(StatusCode::OK, ParkedOperations { operations }))
}

/// Settle an operation that waits for people, by what somebody found out in the provider's books. That it happened is read
/// back from the provider; that it did not must be certain, because it may be tried again then. Sent again with the same
/// finding, it is settled.
#[utoipa::path(
    post, path = "/v1/payment-operations/{id}/resolve", tag = "payments", security(("staff" = [])),
    params(("id" = OperationId, Path, description = "The operation")),
    request_body = Finding,
    responses(
        (status = 204, description = "Settled"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`operation_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`operation_state`: it does not wait for people, or was settled otherwise", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`evidence_refused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`provider_silent`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resolve_operation(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<OperationId>,
    Json(finding): Json<Finding>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let object = finding.object.map(|object| object.trim().to_owned());
    let is_object_right = match (finding.verdict, object.as_deref()) {
        (Verdict::Happened, Some(object)) => (1..=OBJECT_LENGTH_MAX).contains(&object.len()),
        (Verdict::Happened, None) => false,
        (Verdict::DidNotHappen, object) => object.is_none(),
    };
    if !is_object_right {
        return Err(Problem::unprocessable(
            "evidence_refused",
            "What happened is proven by the provider's object; what did not happen has none.",
        )
        .at("/object", "needed with `happened`, and only then"));
    }
    let resolution = Resolution {
        operation: id,
        verdict: finding.verdict,
        object,
        note: finding.note.into(),
        staff: staff.id,
    };
    resolve::resolve(&app, resolution).await?;
    Ok(StatusCode::NO_CONTENT)
}

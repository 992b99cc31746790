//! The routes by which held batches are released or rejected.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::quality::Source;
use super::http::{must_write, not_for_shoppers, seen_by};
use super::{BatchDecision, Report};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Caller, Role};
use crate::ids::BatchId;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(release_catalog_batch)).routes(routes!(reject_catalog_batch))
}

/// Who may release what is held: a person. The system that sent a batch would say yes to itself.
fn releaser(caller: &Caller) -> Result<String, Problem> {
    match caller {
        Caller::Partner(_) => {
            Err(Problem::forbidden("person_needed", "What is held is released by an admin, not by a system."))
        }
        Caller::Staff(_) => decider(caller),
        Caller::Shopper(_) => Err(not_for_shoppers()),
    }
}

/// Who may put a batch aside: whoever sent it, and admins; answers who it was.
fn decider(caller: &Caller) -> Result<String, Problem> {
    match caller {
        Caller::Partner(partner) => must_write(partner).map(|()| Source::Partner(partner.id).to_string()),
        Caller::Staff(staff) => {
            staff.must_everywhere(Role::Admin).map(|()| Source::Staff(staff.id).to_string())
        }
        Caller::Shopper(_) => Err(not_for_shoppers()),
    }
}

/// Why somebody decides so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// For whoever asks later.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// Why somebody releases a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Release {
    /// For whoever asks later.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
    /// Also over what was delivered since: its rows replace newer ones, and of a full delivery what came since and is not in
    /// it is gone.
    #[serde(default)]
    over_newer: bool,
}

/// Release a held batch
///
/// By an admin: the system that sent it can't. It is applied exactly as it came, whatever the rules for whole batches say. When
/// other batches changed the catalogue since, that must be said (`over_newer`); one that has been overtaken by a later one of its
/// feed can't be released any more.
#[utoipa::path(
    post,
    path = "/v1/catalog/batches/{id}/release",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = Release,
    responses(
        (status = 200, description = "What became of the rows", body = Report),
        (status = 400, description = "`invalid_value`, `invalid_json`, `invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`person_needed`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`batch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`batch_rejected`, `batch_applied`: it was never held. `batch_late`. `batch_outdated`: others came since", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn release_catalog_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Json(Release { note, over_newer }): Json<Release>,
) -> Result<Reply<Report>, Problem> {
    let by = releaser(&caller)?;
    let _place = app.catalog.delivery_place()?;
    let decision = BatchDecision { by: by.clone(), at: app.clock.now(), note: note.into() };
    let report = super::release(&app.db, app.clock.now(), id, decision, over_newer, app.ids.next()).await?;
    tracing::info!(batch = %id, by, "a held batch was released");
    app.catalog.refresh(&app.db).await?;
    Ok(Reply(StatusCode::OK, report))
}

/// Reject a held batch
///
/// Its content is let go of; what it was and why it was held is kept.
#[utoipa::path(
    post,
    path = "/v1/catalog/batches/{id}/reject",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = Why,
    responses(
        (status = 200, description = "The batch is rejected", body = Report),
        (status = 400, description = "`invalid_value`, `invalid_json`, `invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`batch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`batch_applied`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn reject_catalog_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Json(why): Json<Why>,
) -> Result<Reply<Report>, Problem> {
    let by = decider(&caller)?;
    seen_by(&app, &caller, id).await?;
    let decision = BatchDecision { by, at: app.clock.now(), note: why.note.into() };
    tracing::info!(batch = %id, by = decision.by, "a held batch is rejected");
    let report = super::reject(&app.db, id, decision).await?;
    Ok(Reply(StatusCode::OK, report))
}

//! The routes that say what became of the lines of a batch: which were quarantined and why, and the outcome of each.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::http::seen_by;
use super::{OutcomePage, RefusedRow};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::http::reply::Reply;
use crate::identity::Caller;
use crate::ids::BatchId;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_catalog_refusals)).routes(routes!(list_catalog_outcomes))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct After {
    /// The line after which to go on; from the first when left out.
    #[serde(default)]
    after: i64,
    /// At most so many rows, up to 1,000.
    #[serde(default = "most")]
    limit: i64,
}

fn most() -> i64 {
    super::REFUSALS_SHOWN_MAX
}

/// Quarantined rows of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct Refusals {
    /// By line.
    refusals: Vec<RefusedRow>,
}

/// The quarantined rows of a batch, page by page
///
/// A line that is not among them was applied or unchanged.
#[utoipa::path(
    get,
    path = "/v1/catalog/batches/{id}/refusals",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch"), After),
    responses(
        (status = 200, description = "Quarantined rows after the line, by line", body = inline(Refusals)),
        (status = 400, description = "`invalid_path`, `invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`batch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn list_catalog_refusals(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Query(After { after, limit }): Query<After>,
) -> Result<Reply<Refusals>, Problem> {
    seen_by(&app, &caller, id).await?;
    let refusals = super::refusals(&app.db, id, after, limit).await?;
    Ok(Reply(StatusCode::OK, Refusals { refusals }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FromLine {
    /// The line from which on; from the first when left out.
    #[serde(default)]
    from: i64,
    /// At most so many ranges, up to 1,000; one of one line is what became of that line.
    #[serde(default = "most_ranges")]
    limit: usize,
}

fn most_ranges() -> usize {
    super::outcomes::RANGES_SHOWN_MAX
}

/// What became of each line of a batch
///
/// Lines that follow one another and fared alike are one range; so a million lines that were all applied are one. `applied`:
/// the row was new or different; of a row that stands twice in a batch both lines may be told so. `unchanged`: it said what
/// was known. `quarantined`: it was refused; of a line of a table, any of its rows. Blank
/// lines are in no range. A batch that is held or was rejected has no outcomes, nor has one from before they were kept.
#[utoipa::path(
    get,
    path = "/v1/catalog/batches/{id}/outcomes",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch"), FromLine),
    responses(
        (status = 200, description = "Ranges of lines, in order", body = OutcomePage),
        (status = 400, description = "`invalid_path`, `invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`batch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn list_catalog_outcomes(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BatchId>,
    Query(FromLine { from, limit }): Query<FromLine>,
) -> Result<Reply<OutcomePage>, Problem> {
    seen_by(&app, &caller, id).await?;
    let page = super::outcomes(&app.db, id, from, limit).await?;
    Ok(Reply(StatusCode::OK, page))
}

//! The routes of quality: the work list of rows that are kept aside, and reports. Codes that nobody knew are in `gaps.rs`,
//! what is agreed of feeds in `feeds.rs`.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::batches::Report;
use super::super::model::FindError;
use super::super::rows::{BatchRow, Kind};
use super::model::{KeptState, Rule, Source};
use super::quarantine::{self, Filter, Item};
use super::report::{self, Completeness, Quality};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Caller, Role, Scope, Staff};
use crate::ids::{QuarantineId, StoreId};

/// The routes of quality.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_quarantine))
        .routes(routes!(release_row))
        .routes(routes!(confirm_row))
        .routes(routes!(dismiss_row))
        .routes(routes!(quality_report))
        .routes(routes!(quality_completeness))
        .merge(super::feeds::routes())
        .merge(super::gaps::routes())
}

impl From<quarantine::Error> for Problem {
    fn from(error: quarantine::Error) -> Self {
        use quarantine::Error;
        match error {
            Error::Unknown => {
                Self::not_found("row_unknown", "There is no such row; see /v1/quality/quarantine.")
            }
            Error::Closed(state) => Self::conflict("row_closed", format!("The row is {state} already.")),
            Error::NotConfirmable(rule) => Self::conflict(
                "rule_not_confirmable",
                format!("A row that breaks {rule} can't be right as it is: send a corrected one."),
            ),
            Error::Differs(how) => Self::unprocessable(
                "row_differs",
                format!("The row can't take the place of the one that is kept aside: {how}."),
            ),
            Error::Refused(row) => {
                Self::unprocessable("row_refused", format!("The row is refused: {}.", row.detail))
                    .at(row.rule.field_in(row.kind), row.rule.as_str())
            }
            Error::Content(error) => error.into(),
            Error::Batch(error) => error.into(),
            Error::Database(error) => error.into(),
        }
    }
}

/// Staff of all stores see everything; a partner sees what it sent itself.
fn source_for(caller: &Caller, asked: Option<String>) -> Result<Option<String>, Problem> {
    match caller {
        Caller::Staff(staff) => {
            staff.must_everywhere(Role::Clerk)?;
            Ok(asked)
        }
        Caller::Partner(partner) => {
            partner.must(Scope::CatalogRead)?;
            Ok(Some(Source::Partner(partner.id).to_string()))
        }
        Caller::Shopper(_) => Err(Problem::forbidden("not_for_shoppers", "This is for staff and partners.")),
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What became of the rows; those that are open when left out.
    #[param(inline)]
    state: Option<KeptState>,
    /// The rule that they broke.
    #[param(inline)]
    rule: Option<Rule>,
    /// What they are about.
    #[param(inline)]
    kind: Option<Kind>,
    /// Who sent them: `partner:` and the partner's id, `staff:` and theirs, or `local`. A partner sees its own only.
    source: Option<String>,
    /// The row after which to go on.
    after: Option<QuarantineId>,
    /// At most so many rows, up to 200.
    limit: Option<i64>,
}

/// Rows that are kept aside.
#[derive(Debug, Serialize, ToSchema)]
struct Quarantine {
    /// The oldest first.
    rows: Vec<Item>,
    /// The row after which to go on; nothing at the end.
    next: Option<QuarantineId>,
}

/// Rows that are kept aside
///
/// A row that could be sold wrongly is kept aside, and what was live before stays live. A later row of the same key that
/// is right closes it by itself.
#[utoipa::path(
    get,
    path = "/v1/quality/quarantine",
    tag = "quality",
    params(Wanted),
    responses(
        (status = 200, description = "The oldest first", body = inline(Quarantine)),
        (status = 400, description = "`invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`, `scope_missing`, `not_for_shoppers`",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []), ("partner" = [])),
)]
async fn list_quarantine(
    Shared(app): Shared<App>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Reply<Quarantine>, Problem> {
    let limit = wanted.limit.unwrap_or(quarantine::PAGE_MAX).clamp(1, quarantine::PAGE_MAX);
    let filter = Filter {
        state: wanted.state.unwrap_or(KeptState::Open),
        rule: wanted.rule,
        kind: wanted.kind,
        source: source_for(&caller, wanted.source)?,
        after: wanted.after,
        limit,
    };
    let rows = quarantine::list(&app.db, &filter).await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full).map(|row| row.id);
    Ok(Reply(StatusCode::OK, Quarantine { rows, next }))
}

/// Send a corrected row in place of one that is kept aside
///
/// It is applied as a batch of its own and passes every rule.
#[utoipa::path(
    post,
    path = "/v1/quality/quarantine/{id}/release",
    tag = "quality",
    params(("id" = QuarantineId, Path, description = "The row that is kept aside")),
    request_body(content = BatchRow, description = "The corrected row"),
    responses(
        (status = 200, description = "Applied", body = Report),
        (status = 400, description = "`invalid_path`, `invalid_json`, `invalid_value`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`row_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`row_closed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`row_differs`: it is of another kind or key, or takes something back; `row_refused`: `errors` names the field and the rule",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn release_row(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(id): Path<QuarantineId>,
    Json(row): Json<serde_json::Map<String, serde_json::Value>>,
) -> Result<Reply<Report>, Problem> {
    staff.must_everywhere(Role::Supervisor)?;
    let row = serde_json::to_string(&row).map_err(Problem::internal)?;
    Ok(Reply(StatusCode::OK, quarantine::release(&app, staff.id, id, row).await?))
}

/// Say that a row that is kept aside is right as it is
///
/// For rules that leave it to people, such as `price.jump`.
#[utoipa::path(
    post,
    path = "/v1/quality/quarantine/{id}/confirm",
    tag = "quality",
    params(("id" = QuarantineId, Path, description = "The row that is kept aside")),
    responses(
        (status = 200, description = "Applied", body = Report),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`row_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`row_closed`, `rule_not_confirmable`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`row_refused`: it breaks another rule by now",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn confirm_row(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(id): Path<QuarantineId>,
) -> Result<Reply<Report>, Problem> {
    staff.must_everywhere(Role::Supervisor)?;
    Ok(Reply(StatusCode::OK, quarantine::confirm(&app, staff.id, id).await?))
}

/// Why nothing follows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Dismissal {
    /// The reason, for whoever looks later.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// Decide that nothing follows from a row that is kept aside
#[utoipa::path(
    post,
    path = "/v1/quality/quarantine/{id}/dismiss",
    tag = "quality",
    params(("id" = QuarantineId, Path, description = "The row that is kept aside")),
    request_body(content = inline(Dismissal)),
    responses(
        (status = 204, description = "Closed"),
        (status = 400, description = "`invalid_path`, `invalid_json`, `invalid_value`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`row_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`row_closed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn dismiss_row(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(id): Path<QuarantineId>,
    Json(Dismissal { note }): Json<Dismissal>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Supervisor)?;
    quarantine::dismiss(&app, staff.id, id, &String::from(note)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Period {
    /// How many days to look back, today included; 30 when left out, at most 366.
    days: Option<i64>,
    /// Whose deliveries; everybody's when left out. A partner sees its own only.
    source: Option<String>,
}

/// The quality of what was delivered
#[utoipa::path(
    get,
    path = "/v1/quality/report",
    tag = "quality",
    params(Period),
    responses(
        (status = 200, description = "Counts by rule and source, and the last 30 deliveries", body = Quality),
        (status = 400, description = "`invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`, `scope_missing`, `not_for_shoppers`",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []), ("partner" = [])),
)]
async fn quality_report(
    Shared(app): Shared<App>,
    caller: Caller,
    Query(period): Query<Period>,
) -> Result<Reply<Quality>, Problem> {
    let source = source_for(&caller, period.source)?;
    let days = period.days.unwrap_or(30);
    let quality = report::report(&app.db, app.clock.now(), days, source.as_deref()).await?;
    Ok(Reply(StatusCode::OK, quality))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InStore {
    /// The store whose prices count.
    store: StoreId,
}

/// How complete the products of a store are.
#[derive(Debug, Serialize, ToSchema)]
struct ByType {
    /// By the type of product.
    types: Vec<Completeness>,
}

/// How complete the products of a store are
#[utoipa::path(
    get,
    path = "/v1/quality/completeness",
    tag = "quality",
    params(InStore),
    responses(
        (status = 200, description = "Products and their facts, by type", body = inline(ByType)),
        (status = 400, description = "`invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn quality_completeness(
    Shared(app): Shared<App>,
    staff: Staff,
    Query(InStore { store }): Query<InStore>,
) -> Result<Reply<ByType>, Problem> {
    staff.must(Role::Clerk, &store)?;
    if app.catalog.view().store(&store).is_none() {
        return Err(FindError::UnknownStore.into());
    }
    Ok(Reply(StatusCode::OK, ByType { types: report::completeness(&app.db, &store).await? }))
}

//! The routes of codes that shoppers scanned and could not buy by.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Cause, GapState};
use super::unknown::{self, BindError, UnknownCode};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{Sku, StoreId};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_unknown_codes))
        .routes(routes!(bind_unknown_code, unbind_unknown_code))
        .routes(routes!(dismiss_unknown_code))
}

impl From<BindError> for Problem {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Unknown => {
                Self::not_found("code_not_missed", "Nobody missed such a code; see /v1/unknown-codes.")
            }
            BindError::Known(sku) => Self::conflict(
                "code_known",
                format!("The code leads to {sku} already; what is missing is its price or its tax rate."),
            ),
            BindError::NotBound => Self::not_found("code_not_bound", "Staff bound no such code."),
            BindError::Row(error) => error.into(),
            BindError::Database(error) => error.into(),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Codes {
    /// The store; all stores when left out, which needs a role in all of them.
    store: Option<StoreId>,
    /// Why the codes could not be bought by.
    #[param(inline)]
    cause: Option<Cause>,
    /// What became of them; those that are open when left out.
    #[param(inline)]
    state: Option<GapState>,
    /// At most so many codes, up to 200.
    limit: Option<i64>,
}

/// Codes that shoppers could not buy by.
#[derive(Debug, Serialize, ToSchema)]
struct UnknownCodes {
    /// The most frequent first.
    codes: Vec<UnknownCode>,
}

/// Codes that shoppers scanned and could not buy by
///
/// Right codes only, counted by store; who scanned is not kept. A code leaves the list when it is bound or delivered.
#[utoipa::path(
    get,
    path = "/v1/unknown-codes",
    tag = "quality",
    params(Codes),
    responses(
        (status = 200, description = "The most frequent first", body = inline(UnknownCodes)),
        (status = 400, description = "`invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn list_unknown_codes(
    Shared(app): Shared<App>,
    staff: Staff,
    Query(Codes { store, cause, state, limit }): Query<Codes>,
) -> Result<Reply<UnknownCodes>, Problem> {
    match &store {
        Some(store) => staff.must(Role::Clerk, store)?,
        None => staff.must_everywhere(Role::Clerk)?,
    }
    let state = state.unwrap_or(GapState::Open);
    let codes = unknown::list(&app, store.as_ref(), cause, state, limit.unwrap_or(unknown::PAGE_MAX)).await?;
    Ok(Reply(StatusCode::OK, UnknownCodes { codes }))
}

/// The product that a code is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Binding {
    /// The product.
    sku: Sku,
    /// How many pieces the code stands for; one when left out.
    #[schema(minimum = 1, maximum = 999)]
    quantity: Option<i64>,
}

/// Bind a code that shoppers missed to a product
///
/// The code is delivered as a batch of its own, in the name of who does it: the next scan finds it, in every store. It stays,
/// also when a full delivery does not know it, until a partner delivers the code itself or staff unbind it.
#[utoipa::path(
    put,
    path = "/v1/unknown-codes/{code}/binding",
    tag = "quality",
    params(("code" = String, Path, description = "The code, as the list has it")),
    request_body(content = inline(Binding)),
    responses(
        (status = 204, description = "Bound"),
        (status = 400, description = "`invalid_json`, `invalid_value`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`code_not_missed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`code_known`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`row_refused`: there is no such product",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn bind_unknown_code(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(code): Path<String>,
    Json(Binding { sku, quantity }): Json<Binding>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Supervisor)?;
    unknown::bind(&app, staff.id, &code, &sku, quantity.unwrap_or(1)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Undo the binding of a code
///
/// The code is taken back when it still leads to what staff bound it to.
#[utoipa::path(
    delete,
    path = "/v1/unknown-codes/{code}/binding",
    tag = "quality",
    params(("code" = String, Path, description = "The code, as the list has it")),
    responses(
        (status = 204, description = "Unbound"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`code_not_bound`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn unbind_unknown_code(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Supervisor)?;
    unknown::unbind(&app, staff.id, &code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why nothing follows from a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeDismissal {
    /// The reason, for whoever looks later.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
    /// The store in which nothing follows; in all of them when left out, which needs a role in all of them.
    store: Option<StoreId>,
}

/// Decide that nothing follows from a code that shoppers missed
///
/// It leaves the list and stays away however often it is scanned; `state=dismissed` lists who decided so and why. It can still
/// be bound.
#[utoipa::path(
    post,
    path = "/v1/unknown-codes/{code}/dismiss",
    tag = "quality",
    params(("code" = String, Path, description = "The code, as the list has it")),
    request_body(content = inline(CodeDismissal)),
    responses(
        (status = 204, description = "Dismissed"),
        (status = 400, description = "`invalid_json`, `invalid_value`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`code_not_missed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn dismiss_unknown_code(
    Shared(app): Shared<App>,
    staff: Staff,
    Path(code): Path<String>,
    Json(CodeDismissal { note, store }): Json<CodeDismissal>,
) -> Result<StatusCode, Problem> {
    match &store {
        Some(store) => staff.must(Role::Supervisor, store)?,
        None => staff.must_everywhere(Role::Supervisor)?,
    }
    unknown::dismiss(&app, staff.id, &code, store.as_ref(), &String::from(note)).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The route by which staff see prices that changed between scan and checkout.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::model::Error;
use super::super::store::{self, Difference};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Path;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::StoreId;

/// Prices that changed between scan and checkout.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceDifferences {
    /// The latest 200, the last one first.
    differences: Vec<Difference>,
}

/// Prices of a store that changed between scan and checkout
///
/// One that a delivery changed (`changed`) is a fault of master data: shelf, phone and till did not agree for a while. One that
/// began or ended at its time (`timed`) is none. What counted goes by the store's `price_promise`. Like is compared with like:
/// that somebody became a member, or that members have a price of their own now, is no difference.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/price-differences",
    operation_id = "list_price_differences",
    tag = "cart",
    params(("store" = StoreId, Path, description = "The store")),
    responses(
        (status = 200, body = PriceDifferences),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`role_missing`"),
    ),
    security(("staff" = []))
)]
pub async fn list_price_differences(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
) -> Result<Reply<PriceDifferences>, Problem> {
    staff.must(Role::Clerk, &store)?;
    let differences = store::differences(&app.db, &store).await.map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, PriceDifferences { differences }))
}

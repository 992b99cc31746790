//! What staff see of closings, and do: list them, close now, print the manifest.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Closing};
use super::{ClosingState, Error, close_now};
use crate::app::App;
use crate::db;
use crate::delivery::http::DayQuery;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{ClosingId, ShipmentId, StoreId};

/// Most closings of one answer: one each quarter of an hour for each courier.
const CLOSINGS_MAX: i64 = 200;
/// Most refused parcels that are shown of a closing; each is its shipment's trouble too.
const REFUSED_MAX: i64 = 100;

/// The routes of closings.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_closings, post_closing)).routes(routes!(get_manifest))
}

/// A day's parcels, as a courier is told of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Closing)]
struct ClosingView {
    closing: ClosingId,
    store: StoreId,
    /// The courier.
    carrier: String,
    /// By the store's clock.
    #[schema(format = Date)]
    day: String,
    state: ClosingState,
    /// When the courier is told.
    due_at: DateTime<Utc>,
    /// When the courier had said something of each parcel, or had closed the day by itself.
    ended_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    detail: Option<String>,
    /// How many parcels are in it.
    parcels: i64,
    /// Those that the courier refused to close; at most 100.
    refused: Vec<RefusedParcel>,
    /// The digest (SHA-256, hexadecimal) of the courier's document, when there is one.
    manifest_sha256: Option<String>,
}

/// A parcel that the courier refused to close.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedParcel {
    shipment: ShipmentId,
    /// Which of its parcels, from 1.
    parcel: i64,
    /// In the courier's words.
    reason: String,
}

/// The closings of a store's day.
#[derive(Debug, Serialize, ToSchema)]
struct ClosingList {
    /// Oldest first; at most 200.
    closings: Vec<ClosingView>,
}

async fn view(app: &App, closing: Closing) -> Result<ClosingView, db::Error> {
    let refused = store::refused(&app.db, closing.id, REFUSED_MAX).await?.into_iter();
    Ok(ClosingView {
        parcels: store::count(&app.db, closing.id).await?,
        refused: refused
            .map(|parcel| RefusedParcel {
                shipment: parcel.shipment,
                parcel: parcel.parcel,
                reason: parcel.refused.unwrap_or_default(),
            })
            .collect(),
        closing: closing.id,
        store: closing.store,
        carrier: closing.carrier,
        day: closing.day,
        state: closing.state,
        due_at: closing.due_at,
        ended_at: closing.ended_at,
        detail: closing.detail,
        manifest_sha256: closing.manifest_sha256,
    })
}

/// What a store has told couriers, and will tell them, of a day's parcels.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/closings",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("day" = Option<NaiveDate>, Query, description = "By the store's clock; today without it."),
    ),
    responses(
        (status = 200, description = "The closings.", body = ClosingList),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn list_closings(
    State(app): State<App>,
    staff: Staff,
    Path(at): Path<StoreId>,
    Query(query): Query<DayQuery>,
) -> Result<Reply<ClosingList>, Problem> {
    staff.must(Role::Clerk, &at)?;
    let day = query.or_today(&app, &at);
    let mut closings = Vec::new();
    for closing in store::of_day(&app.db, &at, day, CLOSINGS_MAX).await? {
        closings.push(view(&app, closing).await?);
    }
    Ok(Reply(StatusCode::OK, ClosingList { closings }))
}

/// Which courier's day to close.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClosingWanted {
    /// The courier.
    carrier: String,
}

/// Tell a courier now what it was given today, without waiting for the hour. What is handed over later is told later. Said
/// again, the answer is the closing that there is.
#[utoipa::path(
    post,
    path = "/v1/stores/{store}/closings",
    tag = "delivery",
    params(("store" = StoreId, Path, description = "The store.")),
    request_body = ClosingWanted,
    responses(
        (status = 202, description = "The courier is being told, or was.", body = ClosingView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Nothing was handed over today, or this courier's days are not closed.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn post_closing(
    State(app): State<App>,
    staff: Staff,
    Path(at): Path<StoreId>,
    Json(wanted): Json<ClosingWanted>,
) -> Result<Reply<ClosingView>, Problem> {
    staff.must(Role::Clerk, &at)?;
    let closing = close_now(&app, &at, &wanted.carrier).await?;
    Ok(Reply(StatusCode::ACCEPTED, view(&app, closing).await?))
}

/// What the courier prints of a closing.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/closings/{closing}/manifest",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("closing" = ClosingId, Path, description = "The closing."),
    ),
    responses(
        (status = 200, description = "The document.", body = Vec<u8>, content_type = "application/pdf"),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such closing, or no document (yet): not every courier gives one.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn get_manifest(
    State(app): State<App>,
    staff: Staff,
    Path((at, id)): Path<(StoreId, ClosingId)>,
) -> Result<Response, Problem> {
    staff.must(Role::Clerk, &at)?;
    let closing = store::find(&app.db, id).await?.filter(|closing| closing.store == at);
    if closing.is_none() {
        return Err(Problem::not_found("closing_unknown", "There is no such closing."));
    }
    let missing =
        || Problem::not_found("manifest_missing", "The courier gave no document (yet) of this closing.");
    let (bytes, sha256) = store::manifest(&app.db, id).await?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        // A manifest is a list of parcels and where they go.
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::ETAG, format!("\"{sha256}\"")),
    ];
    Ok((StatusCode::OK, headers, bytes).into_response())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotNeeded => Self::conflict(
                "closing_not_needed",
                "This courier is not told of a day's end, or is not configured: nothing is to be done.",
            ),
            Error::Nothing => {
                Self::conflict("nothing_to_close", "No parcel was handed over to this courier today.")
            }
            Error::Database(error) => error.into(),
        }
    }
}

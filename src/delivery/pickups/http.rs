//! What staff see of ordered drivers, and do: list them, order one, take one back.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Pickup};
use super::{Error, order, take_back};
use crate::app::App;
use crate::delivery::http::DayQuery;
use crate::delivery::model::AttemptState;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{PickupId, StoreId};

/// Most orders of one answer: a few for each courier.
const PICKUPS_MAX: i64 = 100;

/// The routes of ordered drivers.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_pickups, post_pickup)).routes(routes!(delete_pickup))
}

/// A driver that was ordered to a store.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pickup)]
struct PickupView {
    pickup: PickupId,
    store: StoreId,
    /// The courier.
    carrier: String,
    /// By the store's clock.
    #[schema(format = Date)]
    day: String,
    /// Our name of the order.
    reference: String,
    /// What is known of it, as of a try to book a parcel.
    state: AttemptState,
    /// From when the parcels stand ready.
    ready_at: DateTime<Utc>,
    /// Until when somebody is there.
    until: DateTime<Utc>,
    /// How many parcels the courier was told of.
    parcels: i64,
    /// The courier's own number of the order, where it gives one.
    carrier_pickup_id: Option<String>,
    /// The day on which the courier says that it comes.
    #[schema(format = Date)]
    comes_on: Option<String>,
    /// What went wrong last, and what is to be done.
    detail: Option<String>,
}

impl From<Pickup> for PickupView {
    fn from(pickup: Pickup) -> Self {
        Self {
            pickup: pickup.id,
            store: pickup.store,
            carrier: pickup.carrier,
            day: pickup.day,
            reference: pickup.reference,
            state: pickup.state,
            ready_at: pickup.ready_at,
            until: pickup.until,
            parcels: pickup.parcels,
            carrier_pickup_id: pickup.carrier_pickup_id,
            comes_on: pickup.comes_on,
            detail: pickup.detail,
        }
    }
}

/// The drivers of a store's day.
#[derive(Debug, Serialize, ToSchema)]
struct PickupList {
    /// Oldest first; at most 100.
    pickups: Vec<PickupView>,
}

/// The drivers that were ordered to a store for a day.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/pickups",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("day" = Option<NaiveDate>, Query, description = "By the store's clock; today without it."),
    ),
    responses(
        (status = 200, description = "The orders.", body = PickupList),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn list_pickups(
    State(app): State<App>,
    staff: Staff,
    Path(at): Path<StoreId>,
    Query(query): Query<DayQuery>,
) -> Result<Reply<PickupList>, Problem> {
    staff.must(Role::Clerk, &at)?;
    let pickups = store::of_day(&app.db, &at, query.or_today(&app, &at), PICKUPS_MAX).await?;
    Ok(Reply(StatusCode::OK, PickupList { pickups: pickups.into_iter().map(PickupView::from).collect() }))
}

/// Which driver to order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PickupWanted {
    /// The courier.
    carrier: String,
    /// By the store's clock; the next day on which goods go out when left out.
    day: Option<NaiveDate>,
}

/// Order a courier's driver for the hour at which goods go out. Where one is ordered for that day, the answer is that order.
#[utoipa::path(
    post,
    path = "/v1/stores/{store}/pickups",
    tag = "delivery",
    params(("store" = StoreId, Path, description = "The store.")),
    request_body = PickupWanted,
    responses(
        (status = 202, description = "The driver is being ordered, or was.", body = PickupView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no supervisor of the store.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The store is not in the catalogue.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "This courier's drivers are not ordered, or no goods go out on that day any more.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn post_pickup(
    State(app): State<App>,
    staff: Staff,
    Path(at): Path<StoreId>,
    Json(wanted): Json<PickupWanted>,
) -> Result<Reply<PickupView>, Problem> {
    staff.must(Role::Supervisor, &at)?;
    let pickup = order(&app, &at, &wanted.carrier, wanted.day).await?;
    Ok(Reply(StatusCode::ACCEPTED, pickup.into()))
}

/// Take an order back. One whose outcome the courier can't be asked for is given up: ask the courier yourself before.
#[utoipa::path(
    delete,
    path = "/v1/stores/{store}/pickups/{pickup}",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("pickup" = PickupId, Path, description = "The order."),
    ),
    responses(
        (status = 202, description = "It is being taken back, or was.", body = PickupView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no supervisor of the store.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such order.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The courier takes no order back, its outcome is being found out, or it is over.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn delete_pickup(
    State(app): State<App>,
    staff: Staff,
    Path((at, id)): Path<(StoreId, PickupId)>,
) -> Result<Reply<PickupView>, Problem> {
    staff.must(Role::Supervisor, &at)?;
    let pickup = take_back(&app, &at, id).await?;
    Ok(Reply(StatusCode::ACCEPTED, pickup.into()))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotOffered => Self::conflict(
                "pickup_not_offered",
                "This courier's drivers can't be ordered from here, or it is not configured.",
            ),
            Error::StoreGone => Self::not_found("store_unknown", "There is no such store."),
            Error::TooLate => Self::conflict(
                "pickup_too_late",
                "No goods go out on that day (any more): see the store's hand_over, or name another day within two weeks.",
            ),
            Error::Unknown => Self::not_found("pickup_unknown", "There is no such order."),
            Error::NotCancellable => Self::conflict(
                "pickup_not_cancellable",
                "This courier takes no order back from here: call it, or let the driver come.",
            ),
            Error::Unsettled => Self::conflict(
                "pickup_unsettled",
                "Whether the courier has the order is being found out; ask again in some minutes.",
            ),
            Error::Over(state) => Self::conflict("pickup_state", format!("The order is {state}.")),
            Error::Database(error) => error.into(),
        }
    }
}

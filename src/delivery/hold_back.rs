//! Keeping a shipment from its courier: what was booked stays in the store until staff let it go, or the order is cancelled. So
//! is a parcel whose recipient turned out to be too young, or whose payment somebody doubts.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::http::{of_store, seen_by_staff};
use super::request::Error;
use super::store;
use super::view::ShipmentView;
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::ShipmentId;

/// The routes of holding back.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put_held_back, delete_held_back))
}

/// Why a shipment is kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HoldBack {
    /// For whoever looks later: a failed age check, say.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    reason: Note,
}

/// Keep a shipment from its courier. It can't be handed over until it is let go; if it shall never go, cancel its order.
#[utoipa::path(
    put,
    path = "/v1/shipments/{id}/held-back",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    request_body = HoldBack,
    responses(
        (status = 200, description = "It is kept.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The shipment was handed over or cancelled.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn put_held_back(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ShipmentId>,
    Json(body): Json<HoldBack>,
) -> Result<Reply<ShipmentView>, Problem> {
    of_store(&app, &staff, Role::Clerk, id).await?;
    set(&app, id, Some(body.reason.into())).await
}

/// Let a shipment go that was kept.
#[utoipa::path(
    delete,
    path = "/v1/shipments/{id}/held-back",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    responses(
        (status = 200, description = "It may be handed over.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no supervisor of the store.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The shipment was handed over or cancelled.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn delete_held_back(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ShipmentId>,
) -> Result<Reply<ShipmentView>, Problem> {
    of_store(&app, &staff, Role::Supervisor, id).await?;
    set(&app, id, None).await
}

async fn set(app: &App, id: ShipmentId, reason: Option<String>) -> Result<Reply<ShipmentView>, Problem> {
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    if !shipment.state.is_before_hand_over() {
        return Err(Error::State(shipment.state).into());
    }
    shipment.held_back = reason;
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.changes.changed(id.0);
    seen_by_staff(app, id).await
}

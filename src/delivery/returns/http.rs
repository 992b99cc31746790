//! The routes of goods that come back.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Error;
use crate::app::App;
use crate::delivery::http::visible;
use crate::delivery::pack::PARCELS_MAX;
use crate::delivery::store;
use crate::delivery::view::{self, ShipmentView};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::Caller;
use crate::ids::ShipmentId;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put_return, delete_return))
}

/// What comes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnWish {
    /// Its parcels: no more than had come, all returns together.
    #[schema(min_items = 1, max_items = 100)]
    parcels: Vec<ReturnedParcel>,
}

/// A parcel that comes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnedParcel {
    /// Rounded up, with its carton.
    #[schema(minimum = 1)]
    weight_grams: i64,
}

/// Send goods of a shipment back that arrived. Its shopper may within the time that the store sets, staff at any time. The
/// label of each parcel is the shopper's to print (`GET /v1/shipments/{return}/labels/{parcel}`). That it arrived gives nothing
/// back yet: staff look at the goods first. Sent again, the answer is the same.
#[utoipa::path(
    put,
    path = "/v1/shipments/{id}/returns/{return}",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment that arrived."),
        ("return" = ShipmentId, Path, description = "The return, named by the caller."),
    ),
    request_body = ReturnWish,
    responses(
        (status = 200, description = "The return; its booking goes on.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or a partner.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or it is another shopper's.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It has not arrived, the time is over, no courier brings goods back from there, or too many were begun, or the name is in use.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The parcels are wrong, too heavy, or more than had come.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn put_return(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(ShipmentId, ShipmentId)>,
    Json(wish): Json<ReturnWish>,
) -> Result<Reply<ShipmentView>, Problem> {
    let for_staff = visible(&app, &caller, id).await?.1;
    let weights: Vec<i64> = wish.parcels.iter().map(|parcel| parcel.weight_grams).collect();
    if !(1..=PARCELS_MAX).contains(&weights.len()) || weights.iter().any(|weight| *weight < 1) {
        return Err(crate::delivery::Error::Parcels.into());
    }
    super::begin(&app, (id, name), &weights, !for_staff).await?;
    seen(&app, name, for_staff).await
}

/// Call a return off that was not handed in yet; its labels are taken back. Sent again, the answer is the same.
#[utoipa::path(
    delete,
    path = "/v1/shipments/{id}/returns/{return}",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment that arrived."),
        ("return" = ShipmentId, Path, description = "The return."),
    ),
    responses(
        (status = 200, description = "It is called off.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or a partner.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such return, or it is another shopper's.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The courier has it already.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn delete_return(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(ShipmentId, ShipmentId)>,
) -> Result<Reply<ShipmentView>, Problem> {
    let for_staff = visible(&app, &caller, id).await?.1;
    super::call_off(&app, id, name).await?;
    seen(&app, name, for_staff).await
}

async fn seen(app: &App, id: ShipmentId, for_staff: bool) -> Result<Reply<ShipmentView>, Problem> {
    let shipment = store::find(&app.db, id).await?.ok_or(Error::Unknown)?;
    Ok(Reply(StatusCode::OK, view::shipment(app, shipment, for_staff).await?))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => Self::not_found("shipment_unknown", "There is no such shipment."),
            Error::NotArrived => Self::conflict(
                "return_not_arrived",
                "Only a shipment that arrived can be sent back; call the order off instead.",
            ),
            Error::Over(days) => Self::conflict(
                "return_over",
                format!("Goods may be sent back for {days} days after their arrival; ask the store."),
            ),
            Error::NotOffered => Self::conflict(
                "return_not_offered",
                "No courier brings goods back from there; bring them to the store.",
            ),
            Error::Taken => Self::conflict("return_taken", "The name is in use; choose another."),
            Error::TooOften => Self::conflict(
                "return_too_often",
                "Returns of this shipment were begun and called off too often; bring the goods to the store.",
            ),
            Error::TooHeavy { at, grams_max } => {
                let detail = format!("at most {grams_max} g");
                Self::unprocessable("return_too_heavy", "A parcel is heavier than couriers take; see errors.")
                    .at(format!("/parcels/{at}/weight_grams"), detail)
            }
            Error::TooMany { left } => {
                Self::unprocessable("return_parcels", format!("No more than {left} parcels can come back."))
                    .at("/parcels", format!("{left} at most"))
            }
            Error::Request(error) => error.into(),
        }
    }
}

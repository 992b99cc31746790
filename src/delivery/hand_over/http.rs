//! The routes of handing over: a shipment as a whole, or its parcels one by one by their labels.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ScanError;
use crate::app::App;
use crate::delivery::http::{of_store, seen_by_staff};
use crate::delivery::request::Error;
use crate::delivery::store;
use crate::delivery::view::{self, ShipmentView};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{ShipmentId, StoreId};

/// Longest text of a label's code.
const CODE_LENGTH_MAX: usize = 60;

/// The routes.
pub(in crate::delivery) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post_hand_over)).routes(routes!(scan_hand_over))
}

/// Say that a booked shipment was given to the courier. Said again, the answer is the same.
#[utoipa::path(
    post,
    path = "/v1/shipments/{id}/hand-over",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    responses(
        (status = 200, description = "It is handed over.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The shipment is not booked, was cancelled, or is held back; its goods are still being picked; or its courier called a booking off.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn post_hand_over(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ShipmentId>,
) -> Result<Reply<ShipmentView>, Problem> {
    of_store(&app, &staff, Role::Clerk, id).await?;
    super::hand_over(&app, id).await?;
    seen_by_staff(&app, id).await
}

/// What staff scanned.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LabelScan {
    /// The code of a parcel's label, as the scanner reads it: the courier's number of the parcel.
    #[schema(min_length = 1, max_length = 60)]
    code: String,
}

/// A parcel that was given to its courier.
#[derive(Serialize, ToSchema)]
struct ScannedParcel {
    /// Which of the shipment's parcels, from 1.
    parcel: i64,
    /// How many parcels of the shipment are still to be given to a courier.
    left: i64,
    /// The shipment.
    shipment: ShipmentView,
}

/// Scan the label of a parcel that is given to its courier. With the last parcel of a shipment the shipment is handed over, and what
/// is due then is captured. Scanned again, the answer is the same. A label that is not good any more is refused: its parcel has another.
#[utoipa::path(
    post,
    path = "/v1/stores/{store}/hand-overs",
    tag = "delivery",
    params(("store" = StoreId, Path, description = "The store.")),
    request_body = LabelScan,
    responses(
        (status = 200, description = "It is with its courier.", body = ScannedParcel),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No parcel of the store has such a label.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`label_void`: the label must not be used; the shipment is not booked yet, was cancelled, or is held back, or its goods are still being picked.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The code is empty or too long.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn scan_hand_over(
    State(app): State<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
    Json(body): Json<LabelScan>,
) -> Result<Reply<ScannedParcel>, Problem> {
    staff.must(Role::Clerk, &store)?;
    let code = super::number_of(&body.code);
    if !(1..=CODE_LENGTH_MAX).contains(&code.len()) {
        return Err(Problem::unprocessable("label_code_invalid", "This is no code of a label.")
            .at("/code", "1 to 60 characters"));
    }
    let super::Scanned { shipment, parcel, left } = super::scan(&app, &store, &code).await?;
    let shipment = store::find(&app.db, shipment).await?.ok_or(Error::Unknown)?;
    let shipment = view::shipment(&app, shipment, true).await?;
    Ok(Reply(StatusCode::OK, ScannedParcel { parcel, left, shipment }))
}

impl From<ScanError> for Problem {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Unknown => {
                Self::not_found("label_unknown", "No parcel of the store has such a label.")
            }
            ScanError::Void => Self::conflict(
                "label_void",
                "This label must not be used: its parcel was booked anew, or is not sent. Print the label that is good, or keep the parcel.",
            ),
            ScanError::Shipment(error) => error.into(),
        }
    }
}

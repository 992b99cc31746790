//! The route by which staff say what they packed.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Error;
use crate::app::App;
use crate::catalog::{Carton, Size};
use crate::delivery::http::{of_store, seen_by_staff};
use crate::delivery::pack::{PARCELS_MAX, Parcel as Packed};
use crate::delivery::terms;
use crate::delivery::view::ShipmentView;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::ShipmentId;

/// More than any courier carries as a parcel, in grams.
const GRAMS_MAX: i64 = 100_000;
/// The longest side that a person can handle, in millimetres: that of the largest carton of a store.
const SIDE_MM_MAX: i64 = 3_000;

/// The routes of packing.
pub(in crate::delivery) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put_parcels))
}

/// What was really packed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PackedParcels {
    /// All parcels of the shipment.
    #[schema(min_items = 1, max_items = 100)]
    parcels: Vec<WeighedParcel>,
}

/// A parcel as it stands on the scales: in one of the store's cartons, or of a size of its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WeighedParcel {
    /// With all that is around the goods.
    #[schema(minimum = 1, maximum = 100_000)]
    weight_grams: i64,
    /// The name of a carton of the store's; it says the size.
    carton: Option<String>,
    /// What it measures outside, where it is in no carton of the store's; each side up to 3,000 mm.
    size: Option<Size>,
}

/// Say what was really packed, before it is handed over. Parcels that are as they were, but for some grams, stay with their
/// labels; others are taken back at their courier and not sent, and what is new is booked, by another courier where the
/// shipment's does not take it. Said again, nothing changes. Where the store books when packed, this books.
#[utoipa::path(
    put,
    path = "/v1/shipments/{id}/parcels",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    request_body = PackedParcels,
    responses(
        (status = 200, description = "The shipment; what is new is being booked.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The shipment was handed over or cancelled, is a return, or was packed anew too often.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The parcels have faults, or no courier takes them; see errors.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn put_parcels(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ShipmentId>,
    Json(body): Json<PackedParcels>,
) -> Result<Reply<ShipmentView>, Problem> {
    let shipment = of_store(&app, &staff, Role::Clerk, id).await?;
    let parcels = weighed(body, &terms::cartons(&app, &shipment.store))?;
    super::repack(&app, id, &parcels).await.map_err(|error| told(error, &parcels))?;
    seen_by_staff(&app, id).await
}

/// The parcels with their sizes.
fn weighed(body: PackedParcels, cartons: &[Carton]) -> Result<Vec<Packed>, Problem> {
    let problem = || Problem::unprocessable("parcels_invalid", "Correct the parcels; see errors.");
    if !(1..=PARCELS_MAX).contains(&body.parcels.len()) {
        return Err(problem().at("/parcels", format!("a shipment has 1 to {PARCELS_MAX} parcels")));
    }
    let (mut parcels, mut faults) = (Vec::new(), Vec::new());
    for (place, parcel) in body.parcels.into_iter().enumerate() {
        match parcel.packed(cartons) {
            Ok(packed) => parcels.push(packed),
            Err((field, detail)) => faults.push((format!("/parcels/{place}{field}"), detail)),
        }
    }
    if faults.is_empty() {
        return Ok(parcels);
    }
    Err(faults.into_iter().fold(problem(), |problem, (pointer, detail)| problem.at(pointer, detail)))
}

impl WeighedParcel {
    /// The parcel, or the field that is wrong and what is wrong with it.
    fn packed(self, cartons: &[Carton]) -> Result<Packed, (&'static str, String)> {
        if !(1..=GRAMS_MAX).contains(&self.weight_grams) {
            return Err(("/weight_grams", format!("a parcel weighs 1 to {GRAMS_MAX} grams")));
        }
        match (self.carton, self.size) {
            (Some(name), None) => {
                let carton = cartons.iter().find(|carton| carton.name == name);
                let carton = carton.ok_or(("/carton", "the store has no such carton".to_owned()))?;
                Ok(Packed::in_carton(self.weight_grams, carton))
            }
            (None, Some(size)) => {
                let sides = [size.length_mm, size.width_mm, size.height_mm];
                if !sides.iter().all(|side| (1..=SIDE_MM_MAX).contains(side)) {
                    return Err(("/size", format!("a parcel's sides are of 1 to {SIDE_MM_MAX} mm")));
                }
                Ok(Packed::of_size(self.weight_grams, size))
            }
            _ => Err(("", "a parcel has either a carton or a size".to_owned())),
        }
    }
}

fn told(error: Error, parcels: &[Packed]) -> Problem {
    match error {
        Error::Shipment(error) => error.into(),
        Error::NotCarried(places) => {
            let detail = "No courier takes some of the parcels; pack them into more, or smaller ones.";
            let problem = Problem::unprocessable("parcels_not_carried", detail);
            places.into_iter().fold(problem, |problem, place| {
                let grams = parcels.get(place).map_or(0, |parcel| parcel.weight_grams);
                problem
                    .at(format!("/parcels/{place}"), format!("nobody takes it with {grams} g in this size"))
            })
        }
        Error::TooOften => Problem::conflict(
            "packed_too_often",
            "The shipment was packed anew too often: cancel its order's delivery, or hand over what is booked.",
        ),
        Error::Database(error) => error.into(),
    }
}

//! What shoppers ask of places.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::points::{self, PickupPoints};
use super::{CourierVerdict, verdicts};
use crate::app::App;
use crate::delivery::address::{Address, AddressFault};
use crate::delivery::carrier::PointQuestion;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Query};
use crate::http::reply::Reply;
use crate::identity::Shopper;
use crate::ids::StoreId;

/// The routes of places.
pub(in crate::delivery) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check_address)).routes(routes!(list_pickup_points))
}

/// An address to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressCheck {
    /// The store that would send there.
    store: StoreId,
    /// The address.
    address: Address,
}

/// What is to be said of an address.
#[derive(Debug, Serialize, ToSchema)]
struct AddressChecked {
    /// What is wrong by the rules of its country and of labels; then no courier is asked.
    faults: Vec<Fault>,
    /// What couriers say that can check it; one that said nothing in time has no finding.
    couriers: Vec<CourierVerdict>,
}

/// What is wrong in an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddressFaultShown)]
struct Fault {
    /// A JSON pointer into the address.
    pointer: String,
    /// What is wrong.
    detail: String,
}

/// Look at an address before anything is ordered: by the rules of its country, and as far as couriers know it.
#[utoipa::path(
    post,
    path = "/v1/delivery/address-checks",
    tag = "delivery",
    request_body = AddressCheck,
    responses(
        (status = 200, description = "What is to be said of it.", body = AddressChecked),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such store (`store_unknown`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many questions in a minute.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn check_address(
    State(app): State<App>,
    shopper: Shopper,
    Json(check): Json<AddressCheck>,
) -> Result<Reply<AddressChecked>, Problem> {
    let now = app.clock.now();
    app.identity.may_ask(shopper.id, now)?;
    let sender = app.catalog.view().store(&check.store).map(Address::of_store);
    let sender = sender.ok_or_else(|| Problem::not_found("store_unknown", "There is no such store."))?;
    let fault = |fault: AddressFault| Fault { pointer: fault.pointer, detail: fault.detail };
    let of_point = app.carriers.pickup_fault(&check.address);
    let faults: Vec<Fault> = check.address.faults().into_iter().chain(of_point).map(fault).collect();
    let couriers = if faults.is_empty() {
        let waits = (now, app.config.delivery.quote_deadline);
        verdicts(&app.carriers, (&sender, &check.address), waits).await
    } else {
        Vec::new()
    };
    Ok(Reply(StatusCode::OK, AddressChecked { faults, couriers }))
}

/// Around where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Around {
    country: String,
    postal_code: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    street: String,
    carrier: Option<String>,
}

/// Shops and lockers near a place where couriers keep parcels for recipients. A checkout names one as the recipient's
/// `pickup_point`, with the point's own address.
#[utoipa::path(
    get,
    path = "/v1/delivery/pickup-points",
    tag = "delivery",
    params(
        ("country" = String, Query, description = "The country, by two capital letters (ISO 3166-1 alpha-2)"),
        ("postal_code" = String, Query, description = "As the country writes it"),
        ("city" = Option<String>, Query, description = "The town"),
        ("street" = Option<String>, Query, description = "Street and house number"),
        ("carrier" = Option<String>, Query, description = "Only those of this courier"),
    ),
    responses(
        (status = 200, description = "What was found, and who has points.", body = PickupPoints),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The place is none (`address_invalid`).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many questions in a minute.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn list_pickup_points(
    State(app): State<App>,
    shopper: Shopper,
    Query(around): Query<Around>,
) -> Result<Reply<PickupPoints>, Problem> {
    app.identity.may_ask(shopper.id, app.clock.now())?;
    let Around { country, postal_code, city, street, carrier } = around;
    let invalid =
        || Problem::unprocessable("address_invalid", "Nothing can be looked for there; see errors.");
    let place = Address::asked(country, postal_code, city, (street, String::new()));
    let place = place.map_err(|faults| faults.into_iter().fold(invalid(), AddressFault::told))?;
    let near = PointQuestion {
        country: place.country,
        postal_code: place.postal_code,
        city: place.city,
        street_line: place.street,
    };
    let deadline = app.config.delivery.quote_deadline;
    Ok(Reply(StatusCode::OK, points::search(&app.carriers, carrier.as_deref(), &near, deadline).await))
}

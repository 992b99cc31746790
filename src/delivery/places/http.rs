//! What shoppers ask of places.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{CourierVerdict, verdicts};
use crate::app::App;
use crate::delivery::address::Address;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Json;
use crate::http::reply::Reply;
use crate::identity::Shopper;
use crate::ids::StoreId;

/// The routes of places.
pub(in crate::delivery) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check_address))
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
    let fault = |fault: crate::delivery::AddressFault| Fault { pointer: fault.pointer, detail: fault.detail };
    let faults: Vec<Fault> = check.address.faults().into_iter().map(fault).collect();
    let couriers = if faults.is_empty() {
        let waits = (now, app.config.delivery.quote_deadline);
        verdicts(&app.carriers, (&sender, &check.address), waits).await
    } else {
        Vec::new()
    };
    Ok(Reply(StatusCode::OK, AddressChecked { faults, couriers }))
}

//! The route of delivery options.

use std::collections::BTreeSet;

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{DeliveryOptions, options};
use crate::app::App;
use crate::delivery::{Address, AddressFault, PickupPoint, PointKind};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::http::reply::Reply;
use crate::identity::Shopper;
use crate::ids::CartId;

/// Most lines that a question names.
const LINES_MAX: usize = 500;

/// Where goods are to be brought. The more of it is said, the surer are couriers that look at the street.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// The country, by two capital letters (ISO 3166-1 alpha-2).
    country: String,
    /// As the country writes it.
    postal_code: String,
    /// The town.
    #[serde(default)]
    city: String,
    /// The street, without the house number.
    #[serde(default)]
    street: String,
    /// The house number.
    #[serde(default)]
    house_number: String,
    /// The numbers of the cart's lines, with commas: `1,4`. All when left out.
    #[serde(default)]
    lines: Option<String>,
    /// The courier of a pick-up point, what it is and its number: all three or none.
    pickup_carrier: Option<String>,
    pickup_kind: Option<PointKind>,
    pickup_id: Option<String>,
}

/// Say who can deliver a cart, when and for how much
///
/// Couriers are asked at the same time, within a deadline; who does not answer is left out and named. What keeps a courier from
/// bringing a line is said by line. The same question again is answered as before as long as that holds; a checkout names the
/// option that the shopper chose.
#[utoipa::path(
    get,
    path = "/v1/carts/{cart}/delivery-options",
    operation_id = "list_delivery_options",
    tag = "checkout",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("country" = String, Query, description = "The country, by two capital letters (ISO 3166-1 alpha-2)"),
        ("postal_code" = String, Query, description = "As the country writes it"),
        ("city" = Option<String>, Query, description = "The town"),
        ("street" = Option<String>, Query, description = "The street, without the house number"),
        ("house_number" = Option<String>, Query, description = "The house number"),
        ("lines" = Option<String>, Query, description = "The numbers of the cart's lines, with commas: `1,4`; all when left out"),
        ("pickup_carrier" = Option<String>, Query, description = "The courier of a pick-up point; with `pickup_kind` and `pickup_id`"),
        ("pickup_kind" = Option<PointKind>, Query, description = "What the pick-up point is"),
        ("pickup_id" = Option<String>, Query, description = "The courier's number of the pick-up point"),
    ),
    responses(
        (status = 200, body = DeliveryOptions),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`store_closed`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`address_invalid`, `line_unknown`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "`too_many_questions`: ask again in a minute"),
    ),
    security(("shopper" = []))
)]
pub async fn list_delivery_options(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Query(place): Query<Where>,
) -> Result<Response, Problem> {
    let lines = lines(place.lines.as_deref())?;
    let recipient = recipient(place)?;
    let options = options(&app, shopper.id, cart, &lines, &recipient).await?;
    Ok(Reply(StatusCode::OK, options).into_response())
}

fn lines(text: Option<&str>) -> Result<BTreeSet<i64>, Problem> {
    let Some(text) = text else { return Ok(BTreeSet::new()) };
    let numbers: Result<BTreeSet<i64>, _> = text.split(',').map(str::parse).collect();
    match numbers {
        Ok(numbers) if numbers.len() <= LINES_MAX => Ok(numbers),
        _ => {
            Err(Problem::bad_request("invalid_query", "A parameter of the query can't be read; see errors.")
                .at("query", "lines: numbers with commas, at most 500"))
        }
    }
}

/// Only country and postal code are needed; the rest is looked at when an order is placed.
fn recipient(place: Where) -> Result<Address, Problem> {
    let Where {
        country,
        postal_code,
        city,
        street,
        house_number,
        pickup_carrier,
        pickup_kind,
        pickup_id,
        ..
    } = place;
    let said = Address::asked(country, postal_code, city, (street, house_number));
    let mut said = said.map_err(|faults| faults.into_iter().fold(invalid(), AddressFault::told))?;
    said.pickup_point = match (pickup_carrier, pickup_kind, pickup_id) {
        (Some(carrier), Some(kind), Some(id)) => {
            Some(PickupPoint { carrier, kind, id, name: None, customer_number: None })
        }
        (None, None, None) => None,
        _ => return Err(invalid().at("query", "a pick-up point has a courier, a kind and an id")),
    };
    Ok(said)
}

fn invalid() -> Problem {
    Problem::unprocessable("address_invalid", "Nothing can be delivered there; see errors.")
}

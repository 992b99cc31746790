//! The routes of the coupons of a cart.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::coupon;
use super::super::view::CartView;
use super::whole;
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::identity::Shopper;
use crate::ids::{CartId, CouponCode};

/// What the phone read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownCoupon {
    /// The retailer's own code, or a coupon of GS1 as it was scanned.
    #[schema(min_length = 1, max_length = 512)]
    code: String,
}

/// Show a coupon
///
/// The same coupon again changes nothing. It is reserved when the cart is locked for a checkout, used when that is paid, and
/// free again when it is given up; until then another cart may be faster.
#[utoipa::path(
    post,
    path = "/v1/carts/{cart}/coupons",
    operation_id = "show_coupon",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    request_body = ShownCoupon,
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`, `coupon_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`, `coupon_used`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`: at the same moment; try again"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`coupons_full`, `cart_full`"),
    ),
    security(("shopper" = []))
)]
pub async fn show_coupon(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<ShownCoupon>,
) -> Result<Response, Problem> {
    let mut cart = coupon::show(&app, shopper.id, cart, &body.code).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

/// Put a coupon away
#[utoipa::path(
    delete,
    path = "/v1/carts/{cart}/coupons/{coupon}",
    operation_id = "put_coupon_away",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("coupon" = CouponCode, Path, description = "The coupon, as the cart has it"),
    ),
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`: at the same moment; try again"),
    ),
    security(("shopper" = []))
)]
pub async fn put_coupon_away(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path((cart, coupon)): Path<(CartId, CouponCode)>,
) -> Result<Response, Problem> {
    let mut cart = coupon::put_away(&app, shopper.id, cart, &coupon).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

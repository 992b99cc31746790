//! The routes of what pays beside the debit: deposit vouchers and points; and of takeaway or eaten in.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::ledger::{self, PointsEntry};
use super::super::model::{Error, VOUCHERS_MAX};
use super::super::notes::{self, CreditNote};
use super::super::{credit, view::CartView};
use super::whole;
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::Shopper;
use crate::ids::{CartId, VoucherCode};

/// What is wrong with a voucher.
pub(super) fn voucher_problem(error: &Error) -> Problem {
    match error {
        Error::VoucherUsed(voucher) => {
            Problem::conflict("voucher_used", format!("Voucher {voucher} paid before. Put it away."))
        }
        Error::VoucherTooLarge(most) => Problem::unprocessable(
            "voucher_too_large",
            format!("A deposit voucher is worth {most} at most. Ask the staff about this one."),
        ),
        Error::VoucherExpired(voucher, day) => {
            Problem::conflict("voucher_expired", format!("Voucher {voucher} could pay until {day}."))
        }
        Error::VouchersFull => Problem::unprocessable(
            "vouchers_full",
            format!("A cart takes {VOUCHERS_MAX} vouchers at most. Pay with the others on the next trip."),
        ),
        Error::VouchersTooLarge(most) => Problem::unprocessable(
            "vouchers_too_large",
            format!(
                "The vouchers of a cart are worth {most} together at most. Pay with this one on the next trip."
            ),
        ),
        _ => Problem::not_found("voucher_unknown", "The code is no deposit voucher of this store."),
    }
}

/// What the phone read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScannedVoucher {
    /// The code of the slip as it was scanned.
    #[schema(min_length = 1, max_length = 512)]
    code: String,
}

/// Show a deposit voucher
///
/// The slip of a bottle machine pays like money: its code says what it is worth, by the store's `voucher_templates`, or as a
/// message of GS1 (`voucher_numbers`). It is known by its own number, however the code is written; shown again it changes
/// nothing. It pays as a whole or not at all; a checkout reserves it, a payment uses it, and it is free again when that is
/// given up. Nobody pays with it twice. A credit note of the shopper's is shown in the same way. A cart takes 30 of them, worth 50,000 minor units together.
#[utoipa::path(
    post,
    path = "/v1/carts/{cart}/vouchers",
    operation_id = "show_voucher",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    request_body = ScannedVoucher,
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`, `voucher_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`, `voucher_used`, `voucher_expired`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`: at the same moment; try again"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`vouchers_full`, `voucher_too_large`, `vouchers_too_large`, `cart_full`"),
    ),
    security(("shopper" = []))
)]
pub async fn show_voucher(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<ScannedVoucher>,
) -> Result<Response, Problem> {
    let mut cart = credit::show_voucher(&app, shopper.id, cart, &body.code).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

/// Put a deposit voucher away
#[utoipa::path(
    delete,
    path = "/v1/carts/{cart}/vouchers/{voucher}",
    operation_id = "put_voucher_away",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("voucher" = VoucherCode, Path, description = "The voucher, as the cart has it"),
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
pub async fn put_voucher_away(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path((cart, voucher)): Path<(CartId, VoucherCode)>,
) -> Result<Response, Problem> {
    let mut cart = credit::put_voucher_away(&app, shopper.id, cart, voucher).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

/// So many points.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedPoints {
    /// At most so many shall pay; none with nought.
    #[schema(minimum = 0, maximum = 10_000_000)]
    points: i64,
}

/// Pay with points
///
/// Points pay what vouchers leave, as many as fit. A checkout burns them; when it is given up, or its order cancelled, they come back; with a
/// refund, or where goods were not there, the share that they paid.
#[utoipa::path(
    put,
    path = "/v1/carts/{cart}/points",
    operation_id = "offer_points",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    request_body = OfferedPoints,
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`, `points_short`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`: at the same moment; try again"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`points_unknown`, `cart_full`"),
    ),
    security(("shopper" = []))
)]
pub async fn offer_points(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<OfferedPoints>,
) -> Result<Response, Problem> {
    let mut cart = credit::offer_points(&app, shopper.id, cart, body.points).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

/// Where the goods are eaten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consumption {
    /// In the store; else they are taken away.
    eat_in: bool,
}

/// Say whether the goods are eaten in the store
///
/// Where that is taxed otherwise, by the store's `eat_in`, the rates change; prices that hold the tax stay as they are.
#[utoipa::path(
    put,
    path = "/v1/carts/{cart}/consumption",
    operation_id = "set_consumption",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    request_body = Consumption,
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`: at the same moment; try again"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`cart_full`"),
    ),
    security(("shopper" = []))
)]
pub async fn eat_in(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<Consumption>,
) -> Result<Response, Problem> {
    let mut cart = credit::eat_in(&app, shopper.id, cart, body.eat_in).await?;
    whole(&app, StatusCode::OK, &mut cart, false).await
}

/// A shopper's points.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShopperPoints {
    /// What can be paid with.
    points: i64,
    /// What comes off the next points that are earned: they were spent before they were taken back.
    owed: i64,
    /// The latest 100 entries, the last one first.
    entries: Vec<PointsEntry>,
}

/// Your points
#[utoipa::path(
    get,
    path = "/v1/points",
    operation_id = "read_points",
    tag = "cart",
    responses(
        (status = 200, body = ShopperPoints),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
pub async fn read_points(
    AppState(app): AppState<App>,
    shopper: Shopper,
) -> Result<Reply<ShopperPoints>, Problem> {
    let balance = ledger::balance(&app.db, shopper.id).await.map_err(Error::from)?;
    let entries = ledger::entries(&app.db, shopper.id).await.map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, ShopperPoints { points: balance.points, owed: balance.owed, entries }))
}

/// Your credit notes
///
/// What vouchers had paid comes back as a note: of goods that were not there when they were picked, or that were given back.
/// It pays as a whole in any store of its currency; show it like a voucher.
#[utoipa::path(
    get,
    path = "/v1/credit-notes",
    operation_id = "list_credit_notes",
    tag = "cart",
    responses(
        (status = 200, body = Vec<CreditNote>, description = "The latest 100, the last one first"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
pub async fn list_credit_notes(
    AppState(app): AppState<App>,
    shopper: Shopper,
) -> Result<Reply<Vec<CreditNote>>, Problem> {
    let notes = notes::of_shopper(&app.db, shopper.id).await.map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, notes))
}

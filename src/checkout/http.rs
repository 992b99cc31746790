//! The routes of checkouts and orders.

use axum::extract::State as AppState;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::Error;
use super::model::{Checkout, State};
use super::order::Order;
use super::place;
use super::placement::Placement;
use super::views::{CheckoutView, OrderPage, OrderView};
use super::{receipt, refund, store};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::{self, Reply};
use crate::identity::{Caller, Role, Shopper, Staff};
use crate::ids::{CheckoutId, OrderId, StoreId};
use crate::money::Money;

/// Most checkouts that one answer lists for staff.
const HELD_LISTED_MAX: i64 = 100;
/// Orders of a page.
const PAGE_MAX: i64 = 50;

/// Place a checkout: quote the cart and lock it
///
/// The app names the checkout. What is quoted is what is paid; nothing is debited before `pay`.
#[utoipa::path(
    put,
    path = "/v1/checkouts/{checkout}",
    operation_id = "place_checkout",
    tag = "checkout",
    params(("checkout" = CheckoutId, Path, description = "A new UUID of the app's choice")),
    request_body = Placement,
    responses(
        (status = 201, body = CheckoutView, description = "Quoted, and the cart is locked"),
        (status = 200, body = CheckoutView, description = "It was placed before"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`, `checkout_unknown`, `coupon_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`, `store_closed`, `delivery_unavailable`, `delivery_option_over`, `tax_rate_missing`, `coupon_used`, `voucher_used`, `points_short`, `debt_open`: `debts` says what has to be paid before, `lines_blocked`: `errors` names the lines by their numbers and says why"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`cart_empty`, `checkouts_used`, `payment_method_unusable`, `device_session_invalid`, `amount_not_payable`, `provider_absent`, `address_invalid`, `delivery_empty`, `delivery_option_unknown`, `delivery_eaten_in`, `line_unknown`, `line_not_deliverable`, `line_too_heavy`, `delivery_too_large`, `debit_too_large`, `id_reused`"),
    ),
    security(("shopper" = []))
)]
pub async fn place_checkout(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(checkout): Path<CheckoutId>,
    Json(placement): Json<Placement>,
) -> Result<Response, Problem> {
    let (is_new, checkout) = place::place(&app, shopper.id, checkout, &placement).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Reply(status, CheckoutView::from(checkout)).into_response())
}

/// Read a checkout, or wait for its outcome
///
/// With `Prefer: wait=SECONDS` the answer comes when the checkout waits for nobody but the shopper or staff, or when the
/// time is over.
#[utoipa::path(
    get,
    path = "/v1/checkouts/{checkout}",
    operation_id = "read_checkout",
    tag = "checkout",
    params(
        ("checkout" = CheckoutId, Path, description = "The checkout"),
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS` (RFC 7240), at most 20"),
    ),
    responses(
        (status = 200, body = CheckoutView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_unknown`"),
    ),
    security(("shopper" = []))
)]
pub async fn read_checkout(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(checkout): Path<CheckoutId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let checkout = outcome(&app, &shopper, checkout, &headers).await?;
    Ok(Reply(StatusCode::OK, CheckoutView::from(checkout)).into_response())
}

async fn outcome(
    app: &App,
    shopper: &Shopper,
    id: CheckoutId,
    headers: &HeaderMap,
) -> Result<Checkout, Error> {
    let look = || async {
        let checkout = store::find(&app.db, id).await?;
        checkout.filter(|checkout| checkout.shopper == shopper.id).ok_or(Error::Unknown)
    };
    app.changes.wait_for(id.0, reply::wait(headers), look, |checkout| checkout.state != State::Paying).await
}

/// The shopper's yes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// What is debited, as the shopper saw it and agrees to: the quote's `to_pay`, or its `total` where nothing else pays.
    total: Money,
}

/// Pay: the shopper's yes to the quote
///
/// The debit begins at once, unless staff must look first (`held`). With `Prefer: wait=SECONDS` the answer carries the
/// outcome when it is there in time; otherwise 202, and the checkout can be read. Sent twice, it debits once.
#[utoipa::path(
    post,
    path = "/v1/checkouts/{checkout}/pay",
    operation_id = "pay",
    tag = "checkout",
    params(
        ("checkout" = CheckoutId, Path, description = "The checkout"),
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS` (RFC 7240), at most 20"),
    ),
    request_body = Confirmation,
    responses(
        (status = 200, body = CheckoutView, description = "The outcome is there"),
        (status = 202, body = CheckoutView, description = "The provider has not answered yet"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_state`, `store_closed`, `lines_blocked`, `day_limit_reached`: `until` says from when on it would be debited"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`total_differs`, `payment_method_unusable`"),
    ),
    security(("shopper" = []))
)]
pub async fn pay(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(checkout): Path<CheckoutId>,
    headers: HeaderMap,
    Json(body): Json<Confirmation>,
) -> Result<Response, Problem> {
    place::confirm(&app, shopper.id, checkout, body.total).await?;
    let checkout = outcome(&app, &shopper, checkout, &headers).await?;
    let status = if checkout.state == State::Paying { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Reply(status, CheckoutView::from(checkout)).into_response())
}

/// Cancel a checkout: the cart is open again, whatever was debited is given back
#[utoipa::path(
    post,
    path = "/v1/checkouts/{checkout}/cancel",
    operation_id = "cancel_checkout",
    tag = "checkout",
    params(("checkout" = CheckoutId, Path, description = "The checkout")),
    responses(
        (status = 200, body = CheckoutView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_state`: it was paid"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
pub async fn cancel_checkout(
    AppState(app): AppState<App>,
    caller: Caller,
    Path(checkout): Path<CheckoutId>,
) -> Result<Response, Problem> {
    let reason =
        if matches!(caller, Caller::Shopper(_)) { "the shopper cancelled it" } else { "staff cancelled it" };
    let may = |checkout: &Checkout| match &caller {
        Caller::Shopper(shopper) if shopper.id == checkout.shopper => Ok(()),
        Caller::Staff(staff) if staff.must(Role::Clerk, &checkout.store).is_ok() => Ok(()),
        _ => Err(Error::Unknown),
    };
    let checkout = place::give_up(&app, checkout, reason, may).await?;
    Ok(Reply(StatusCode::OK, CheckoutView::from(checkout)).into_response())
}

/// Release a held checkout after a look: the debit begins
#[utoipa::path(
    post,
    path = "/v1/checkouts/{checkout}/release",
    operation_id = "release_checkout",
    tag = "checkout",
    params(("checkout" = CheckoutId, Path, description = "The checkout")),
    responses(
        (status = 200, body = CheckoutView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`checkout_state`, `store_closed`, `lines_blocked`, `payment_method_inactive`, `day_limit_reached`: other debits came before"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`amount_not_payable`, `provider_absent`"),
    ),
    security(("staff" = []))
)]
pub async fn release_checkout(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(checkout): Path<CheckoutId>,
) -> Result<Response, Problem> {
    let may = |store: &StoreId| staff.must(Role::Clerk, store).map_err(|_| Error::Unknown);
    let checkout = place::release(&app, checkout, may).await?;
    Ok(Reply(StatusCode::OK, CheckoutView::from(checkout)).into_response())
}

/// List the checkouts of a store that staff must look at
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/checkouts/held",
    operation_id = "list_held_checkouts",
    tag = "checkout",
    params(("store" = StoreId, Path, description = "The store")),
    responses(
        (status = 200, body = Vec<CheckoutView>, description = "The longest waiting first, at most 100"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub async fn list_held_checkouts(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
) -> Result<Response, Problem> {
    staff.must(Role::Clerk, &store)?;
    let held = store::held(&app.db, &store, HELD_LISTED_MAX).await?;
    let held: Vec<CheckoutView> = held.into_iter().map(CheckoutView::from).collect();
    Ok(Reply(StatusCode::OK, held).into_response())
}

/// Which page of orders.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersQuery {
    /// Orders older than this one: `next` of the page before.
    before: Option<OrderId>,
}

/// List the shopper's orders, newest first
#[utoipa::path(
    get,
    path = "/v1/orders",
    operation_id = "list_orders",
    tag = "checkout",
    params(("before" = Option<OrderId>, Query, description = "Orders older than this one: `next` of the page before")),
    responses(
        (status = 200, body = OrderPage, description = "At most 50"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
pub async fn list_orders(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Query(query): Query<OrdersQuery>,
) -> Result<Response, Problem> {
    let before = query.before.unwrap_or(OrderId(uuid::Uuid::max()));
    let orders = store::orders_of(&app.db, shopper.id, before, PAGE_MAX).await?;
    let is_full = i64::try_from(orders.len()).is_ok_and(|count| count == PAGE_MAX);
    let next = orders.last().filter(|_| is_full).map(|order| order.id);
    let items = orders.into_iter().map(|order| OrderView::new(order, Vec::new(), None));
    let items = items.collect::<Result<_, _>>().map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, OrderPage { items, next }).into_response())
}

/// Read an order
#[utoipa::path(
    get,
    path = "/v1/orders/{order}",
    operation_id = "read_order",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
pub async fn read_order(
    AppState(app): AppState<App>,
    caller: Caller,
    Path(order): Path<OrderId>,
) -> Result<Response, Problem> {
    let order = store::find_order(&app.db, order).await?.ok_or(Error::UnknownOrder)?;
    let may = match &caller {
        Caller::Shopper(shopper) => shopper.id == order.shopper,
        Caller::Staff(staff) => staff.must(Role::Clerk, &order.store).is_ok(),
        Caller::Partner(_) => false,
    };
    if !may {
        return Err(Error::UnknownOrder.into());
    }
    let refunds = store::refunds(&app.db, order.id).await?;
    let receipt_url = receipt::url(&app, order.id).await?;
    let view = OrderView::new(order, refunds, Some(receipt_url)).map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, view).into_response())
}

/// Cancel an order as a whole, before its goods have left
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/cancel",
    operation_id = "cancel_order",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`order_state`, `shipment_state`; `courier_keeps`: a courier is on the way with it, or at the door, and does not turn back"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "`courier_unreachable`: the courier does not say whether it turned back; ask again"),
    ),
    security(("staff" = []))
)]
pub async fn cancel_order(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(order): Path<OrderId>,
) -> Result<Response, Problem> {
    shown(refund::cancel(&app, order, supervisor(&staff)).await?)
}

/// An order as it is after a change, without its refunds and its receipt.
pub(super) fn shown(order: Order) -> Result<Response, Problem> {
    let view = OrderView::new(order, Vec::new(), None).map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, view).into_response())
}

/// Staff who may give money back in a store; it is nobody else's order.
pub(super) fn supervisor(staff: &Staff) -> impl FnOnce(&StoreId) -> Result<(), Error> {
    |store| staff.must(Role::Supervisor, store).map_err(|_| Error::UnknownOrder)
}

//! The routes of picking: the list, what was picked, who picks, and the shopper's answer.

use std::collections::BTreeSet;

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::{ORDERS_MAX, PickList};
use super::model::Picker;
use super::substitute::Found;
use super::{Said, ask, list};
use crate::app::App;
use crate::checkout::error::Error;
use crate::checkout::http::shown;
use crate::checkout::order::Order;
use crate::checkout::store;
use crate::checkout::views::OrderView;
use crate::clock::Moment;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Role, Shopper, Staff};
use crate::ids::{OrderId, Sku, StoreId};
use crate::quantity::Quantity;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_picks))
        .routes(routes!(pick_order))
        .routes(routes!(begin_picking, leave_picking))
        .routes(routes!(answer_substitute))
}

/// Which orders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    orders: Option<String>,
}

/// List what is to be picked in a store, in the order of its aisles
///
/// The goods of the orders that wait to be picked, the 50 that leave first or those that are named, as one list in the order in which one walks: what
/// needs no cooling first and what is frozen last, then by aisle, bay and shelf. Where a product stands is delivered with the
/// catalogue (`location`).
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/pick-list",
    operation_id = "list_picks",
    tag = "checkout",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("orders" = Option<String>, Query, description = "Ids of orders with commas, at most 50; left out, the 50 that leave first"),
    ),
    responses(
        (status = 200, body = PickList),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn list_picks(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<PickList>, Problem> {
    staff.must(Role::Clerk, &store)?;
    let orders = orders(query.orders.as_deref())?;
    Ok(Reply(StatusCode::OK, list::pick_list(&app, &store, &orders).await?))
}

fn orders(text: Option<&str>) -> Result<BTreeSet<OrderId>, Problem> {
    let Some(text) = text else { return Ok(BTreeSet::new()) };
    let ids: Result<BTreeSet<OrderId>, _> = text.split(',').map(str::parse).collect();
    let most = usize::try_from(ORDERS_MAX).unwrap_or(usize::MAX);
    ids.ok().filter(|ids| ids.len() <= most).ok_or_else(|| {
        Problem::bad_request("invalid_query", "A parameter of the query can't be read; see errors.")
            .at("query", format!("orders: ids with commas, at most {ORDERS_MAX}"))
    })
}

/// What was picked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Picks {
    /// The lines of which something else was picked than was ordered; all others were picked as they stand.
    #[schema(max_items = 500)]
    lines: Vec<Pick>,
    /// Whether all of it is picked; false while somebody is at it.
    #[serde(default = "yes")]
    is_finished: bool,
}

fn yes() -> bool {
    true
}

/// How much of a line was picked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// The line of the order.
    line: i64,
    /// How much, in what the line was ordered in: pieces or a measure. Left out, nothing of it was there.
    #[serde(default)]
    quantity: Option<Quantity>,
    /// What was picked for what was not there.
    #[serde(default)]
    substitute: Option<Instead>,
}

/// Goods in the place of others.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// The product.
    sku: Sku,
    /// How much of it: pieces, or a measure of what is weighed.
    quantity: Quantity,
}

/// Say what was picked of an order that is delivered
///
/// Replaces what was said before. The line is charged in proportion, with its discounts, its deposit and its tax, and never
/// above what was agreed on. At the hand-over that is what is captured; the rest of what was held is let go of. What vouchers
/// and points paid beyond it comes back: points first, then vouchers as a credit note.
///
/// A substitute costs what its shelf says, and never more than what it stands for. It goes out where the shopper wants something
/// in the place of what is missing (`if_missing`: `replace`); where they want to be asked, they are (`order.substitute_asked`),
/// and it goes out once they said yes and staff said that it was picked. Until then, and when they don't answer in the store's
/// time, the line is left out. Nobody is asked twice about the same.
///
/// Where nothing of what is delivered was there, that ends the delivery at once: the shipment is called off, neither it nor a
/// fee for it is charged, and what was held for it is let go of.
#[utoipa::path(
    put,
    path = "/v1/orders/{order}/picked",
    operation_id = "pick_order",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order")),
    request_body = Picks,
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`order_state`: nothing of it is delivered, or it was handed over, or a line can't be so; `picker_other`: somebody else picks it; `shipment_state`; `substitute_unwanted`, `substitute_declined`, `substitute_unfit`: `errors` names the line"),
    ),
    security(("staff" = []))
)]
async fn pick_order(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(order): Path<OrderId>,
    Json(body): Json<Picks>,
) -> Result<Response, Problem> {
    let may = |store: &StoreId| staff.must(Role::Clerk, store).map_err(|_| Error::UnknownOrder);
    let said = |pick: Pick| {
        let instead = pick.substitute.map(|Instead { sku, quantity }| Found { sku, quantity });
        Said { line: pick.line, quantity: pick.quantity, instead }
    };
    let said: Vec<Said> = body.lines.into_iter().map(said).collect();
    shown(super::say(&app, order, (&said, body.is_finished, staff.id), may).await?)
}

/// Begin to pick an order: it is yours then for an hour
///
/// So that two don't pick the same. Begun again, the hour begins again.
#[utoipa::path(
    put,
    path = "/v1/orders/{order}/picker",
    operation_id = "begin_picking",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, body = Picker),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`picker_other`: somebody else picks it; `order_state`"),
    ),
    security(("staff" = []))
)]
async fn begin_picking(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(order): Path<OrderId>,
) -> Result<Reply<Picker>, Problem> {
    let picker = Picker { staff: staff.id, since: app.clock.now() };
    set_picker(&app, &staff, order, Some(picker)).await?;
    Ok(Reply(StatusCode::OK, picker))
}

/// Put an order down again that you began to pick
#[utoipa::path(
    delete,
    path = "/v1/orders/{order}/picker",
    operation_id = "leave_picking",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order")),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`picker_other`: somebody else picks it; `order_state`"),
    ),
    security(("staff" = []))
)]
async fn leave_picking(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(order): Path<OrderId>,
) -> Result<StatusCode, Problem> {
    set_picker(&app, &staff, order, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_picker(app: &App, staff: &Staff, id: OrderId, picker: Option<Picker>) -> Result<(), Error> {
    let now: Moment = app.clock.now();
    let mut tx = app.db.begin().await?;
    let order = store::find_order_locked(&mut tx, id).await?;
    let may = |order: &Order| staff.must(Role::Clerk, &order.store).is_ok();
    let mut order = order.filter(may).ok_or(Error::UnknownOrder)?;
    if !order.may_be_picked() {
        return Err(super::NOTHING_TO_PICK);
    }
    if order.picking.picker.is_some_and(|other| other.keeps_out(staff.id, now)) {
        return Err(Error::OtherPicker);
    }
    order.picking.picker = picker;
    store::update_order(&mut tx, &order).await?;
    Ok(tx.commit().await?)
}

/// The shopper's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The product that was offered, as the shopper saw it.
    sku: Sku,
    /// Whether it may go in the place of what was ordered.
    accept: bool,
}

/// Say whether goods may go in the place of others that are not there
///
/// While `picked` of the order shows the substitute as `asked`, and until `answer_until`. Said twice, it counts once.
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/substitutes/{line}",
    operation_id = "answer_substitute",
    tag = "checkout",
    params(
        ("order" = OrderId, Path, description = "The order"),
        ("line" = i64, Path, description = "The line that something was found for"),
    ),
    request_body = Answer,
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`substitute_not_asked`, `substitute_changed`, `substitute_answered`, `substitute_late`, `order_state`"),
    ),
    security(("shopper" = []))
)]
async fn answer_substitute(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path((order, line)): Path<(OrderId, i64)>,
    Json(body): Json<Answer>,
) -> Result<Response, Problem> {
    shown(ask::answer(&app, shopper.id, (order, line), (&body.sku, body.accept)).await?)
}

//! What was really picked of goods that are delivered: the final weight of what was estimated, and what was not there.
//!
//! An order is never edited; this stands beside it until the goods are handed over, when what is left is captured, or until
//! nothing is left to be sent. A line never costs more than the shopper agreed to, whatever the scale says: for that their yes would be needed again.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::Error;
use super::order::{Order, OrderState, PickedLine};
use super::quote::{Fulfilment, QuoteLine};
use super::views::OrderView;
use super::{complete, refund, store};
use crate::app::App;
use crate::delivery;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{OrderId, StoreId};
use crate::money::{self, Money};
use crate::quantity::{Quantity, Unit};

/// What was picked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Picks {
    /// The lines of which something else was picked than was ordered; all others were picked as they stand.
    #[schema(max_items = 500)]
    lines: Vec<Pick>,
}

/// How much of a line was picked.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// The line of the order.
    line: i64,
    /// How much, in what the line was ordered in: pieces or a measure. Left out, nothing of it was there.
    #[serde(default)]
    quantity: Option<Quantity>,
}

/// Say what was picked of an order that is delivered
///
/// Replaces what was said before. The line is charged in proportion, with its discounts, its deposit and its tax, and never
/// above what was agreed on. At the hand-over that is what is captured; the rest of what was held is let go of. What vouchers
/// and points paid beyond it comes back: points first, then vouchers as a credit note.
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
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`order_state`: nothing of it is delivered, or it was handed over, or a line can't be so; `shipment_state`"),
    ),
    security(("staff" = []))
)]
pub async fn pick_order(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(order): Path<OrderId>,
    Json(body): Json<Picks>,
) -> Result<Response, Problem> {
    let may = |store: &StoreId| staff.must(Role::Clerk, store).map_err(|_| Error::UnknownOrder);
    let order = pick(&app, order, &body.lines, may).await?;
    let view = OrderView::new(order, Vec::new(), None).map_err(Error::from)?;
    Ok(Reply(StatusCode::OK, view).into_response())
}

async fn pick(
    app: &App,
    id: OrderId,
    picks: &[Pick],
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Order, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut seen = store::find_order(&mut tx, id).await?.ok_or(Error::UnknownOrder)?;
    may(&seen.store)?;
    // What was ordered never changes: this holds whatever else happens.
    let lines = picked_lines(&seen, picks)?;
    seen.picking.lines.clone_from(&lines);
    let is_void = seen.is_delivery_void();
    if let Some(shipment) = seen.shipment.filter(|_| is_void) {
        // Locked before the payment, as where a delivery tells its news.
        delivery::cancel(&mut tx, &app.ids, now, shipment).await?;
    }
    let mut order = refund::locked(&mut tx, id).await?;
    if is_void && order.picking.is_closed && order.picking.lines == lines {
        // The same again: its answer was lost.
        return Ok(order);
    }
    if order.state != OrderState::Placed || order.shipment.is_none() || order.picking.is_closed {
        return Err(Error::Order("nothing of the order is waiting to be picked"));
    }
    order.picking.lines = lines;
    if is_void {
        complete::end_delivery(app, &mut tx, now, &mut order).await.map_err(Error::Internal)?;
    } else {
        store::update_order(&mut tx, &order).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(order)
}

fn picked_lines(order: &Order, picks: &[Pick]) -> Result<Vec<PickedLine>, Error> {
    let mut lines = Vec::with_capacity(picks.len());
    for pick in picks {
        let line = order.quote.lines_of(Fulfilment::Deliver).find(|line| line.line == pick.line);
        let line = line.ok_or(Error::Order("nothing of such a line is delivered"))?;
        if lines.iter().any(|each: &PickedLine| each.line == pick.line) {
            return Err(Error::Order("a line is named twice"));
        }
        lines.push(picked(line, pick.quantity)?);
    }
    Ok(lines)
}

/// A line with what was picked of it.
fn picked(line: &QuoteLine, quantity: Option<Quantity>) -> Result<PickedLine, Error> {
    let (ordered, unit) =
        line.measure.map_or((line.pieces, Unit::Piece), |measure| (measure.amount(), measure.unit()));
    if quantity.is_some_and(|quantity| quantity.unit() != unit) {
        return Err(Error::Order("a line is picked in what it was ordered in"));
    }
    let amount = quantity.map_or(0, Quantity::amount);
    if unit == Unit::Piece && amount > ordered {
        return Err(Error::Order("no more pieces are picked than were ordered"));
    }
    let part = |whole: Money| -> Result<Money, money::Error> {
        let part = money::in_proportion(whole.minor(), amount.min(ordered), ordered)?;
        Ok(Money::new(part, whole.currency()))
    };
    // A box has its deposit whatever the goods in it weigh.
    let deposit_part = |whole: Money| match unit {
        Unit::Piece => part(whole),
        _ => Ok(if amount > 0 { whole } else { Money::zero(whole.currency()) }),
    };
    Ok(PickedLine {
        line: line.line,
        quantity,
        amount: part(line.amount)?,
        deposit: line.deposit.as_ref().map(|deposit| deposit_part(deposit.amount)).transpose()?,
    })
}

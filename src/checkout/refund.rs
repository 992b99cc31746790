//! Giving back: refunds in full or part, and taking a whole order back.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::complete::{give_credits_back, issue_note};
use super::error::Error;
use super::http::supervisor;
use super::news::{NewsKind, tell, tell_refunded};
use super::order::{Order, OrderState};
use super::returned::{LineWish, Refund, RefundState};
use super::shares::{Paid, Shares};
use super::store;
use crate::app::App;
use crate::cart::{self, Vouchers};
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::Staff;
use crate::ids::{OrderId, RefundId, StaffId, StoreId};
use crate::money::Money;
use crate::{delivery, payments};

/// Longest reason that staff may give.
const REASON_LENGTH_MAX: usize = 200;

/// What is to be given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundWish {
    /// What comes back: lines and pieces, and what went out in their place by itself. Their deposits come back with them.
    #[serde(default)]
    #[schema(max_items = 500)]
    lines: Vec<LineWish>,
    /// Or what the goods cost that it is for; with neither, everything that is left.
    amount: Option<Money>,
    /// Why, for the books.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Refund an order in full or part, to whatever paid for it
///
/// The account that was debited, vouchers and points each get the share back that they paid of what is left: the account its
/// money, points the ledger, and what vouchers paid becomes a credit note of the shopper's. Points that were earned go with it.
/// Given back as a whole, each share comes back as a whole, however many parts went before.
///
/// Lines and pieces come back at what was paid for them, with their taxes, and so does what went out in the place of a line; an amount takes back its part of what is left of each
/// rate. All of it together comes to the order's taxes, to the cent. What was given back as an amount before is not given back
/// again with the pieces: a refund is never more than what is left.
#[utoipa::path(
    put,
    path = "/v1/orders/{order}/refunds/{refund}",
    operation_id = "refund_order",
    tag = "checkout",
    params(
        ("order" = OrderId, Path, description = "The order"),
        ("refund" = RefundId, Path, description = "A new UUID of the caller's choice"),
    ),
    request_body = RefundWish,
    responses(
        (status = 202, body = Refund, description = "Begun; the order shows its outcome"),
        (status = 200, body = Refund, description = "It was begun before"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`order_state`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`refund_too_large`, `refund_too_small`, `refund_ambiguous`, `refund_lines`: `errors` names the place, `amount_invalid`, `id_reused`"),
    ),
    security(("staff" = []))
)]
pub async fn refund_order(
    AppState(app): AppState<App>,
    staff: Staff,
    Path((order, refund)): Path<(OrderId, RefundId)>,
    Json(body): Json<RefundWish>,
) -> Result<Response, Problem> {
    let reason = body.reason.trim().to_owned();
    if !(1..=REASON_LENGTH_MAX).contains(&reason.len()) {
        return Err(Problem::unprocessable("reason_invalid", "Say why in 1 to 200 characters.")
            .at("/reason", "length"));
    }
    if body.amount.is_some() && !body.lines.is_empty() {
        return Err(Problem::unprocessable("refund_ambiguous", "Name lines or an amount, not both.")
            .at("/amount", "beside lines"));
    }
    let RefundWish { lines, amount, .. } = body;
    let wish = Wish { refund, order, lines, amount, with_fee: false, reason, staff: Some(staff.id) };
    let (is_new, refund) = begin(&app, wish, supervisor(&staff)).await?;
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Reply(status, refund).into_response())
}

/// What staff ask for: back these pieces, or goods that cost so much, or, with both left out, everything that is left.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) refund: RefundId,
    pub(super) order: OrderId,
    pub(super) lines: Vec<LineWish>,
    pub(super) amount: Option<Money>,
    /// Besides the lines what the delivery cost.
    pub(super) with_fee: bool,
    pub(super) reason: String,
    /// Nobody, where it is the store's rule.
    pub(super) staff: Option<StaffId>,
}

/// Begins a refund to whatever paid, each its share: money to the account that was debited, never elsewhere. The same request
/// again answers the refund as it is; says whether it is new.
pub(super) async fn begin(
    app: &App,
    wish: Wish,
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<(bool, Refund), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let order = locked(&mut tx, wish.order).await?;
    may(&order.store)?;
    let refunds = store::refunds(&mut tx, order.id).await?;
    if let Some(existing) = refunds.iter().find(|refund| refund.id == wish.refund) {
        let is_same = existing.reason == wish.reason
            && wish.amount.is_none_or(|amount| amount == existing.amount)
            && wish.lines.len() == existing.lines.len()
            && wish.lines.iter().zip(&existing.lines).all(|(wish, line)| wish.is(line));
        return if is_same { Ok((false, existing.clone())) } else { Err(Error::Differs) };
    }
    if order.state == OrderState::Cancelled {
        return Err(Error::Order("the order was cancelled as a whole"));
    }
    let left = left(&mut tx, &order, &refunds).await?;
    let money = |minor| Money::new(minor, order.captured.currency());
    let lines = order.refunded_lines(&wish.lines, &refunds).map_err(Error::RefundLines)?;
    let wanted = order.cost_of(&lines, &refunds)?;
    let amount = match wish.amount {
        Some(amount) => amount,
        None if lines.is_empty() => money(left.value()),
        // What was given back as an amount before is not given back again with the pieces that it was for.
        None => {
            let fee = if wish.with_fee { order.delivery_cost() } else { 0 };
            money((wanted.iter().map(|tax| tax.gross.minor()).sum::<i64>() + fee).min(left.value()))
        }
    };
    amount.same_currency(order.captured)?;
    if !(1..=left.value()).contains(&amount.minor()) {
        return Err(Error::RefundTooLarge(money(left.value())));
    }
    let shares = left.part(amount.minor());
    if shares == Shares::default() {
        // Less than a point, of an order that points paid alone.
        return Err(Error::RefundTooSmall(money(left.worth)));
    }
    let value = Paid { shares, ..left }.value();
    let is_of_account = shares.account > 0;
    let refund = Refund {
        id: wish.refund,
        order: order.id,
        amount,
        taxes: order.refund_taxes(value, &wanted, &refunds)?,
        lines,
        to_account: money(shares.account),
        points: shares.points,
        credit_note: (shares.vouchers > 0).then(|| money(shares.vouchers)),
        reason: wish.reason,
        state: if is_of_account { RefundState::Pending } else { RefundState::Done },
        failure: None,
        staff: wish.staff,
        created_at: now,
    };
    store::insert_refund(&mut tx, &refund).await?;
    if is_of_account {
        payments::can_refund(app, &mut tx, order.payment, refund.to_account).await?;
        let lines = order.refund_payment_lines(&refund)?;
        let part = (refund.to_account, lines.as_slice());
        payments::refund(&mut tx, &app.ids, now, order.payment, refund.id, part).await?;
    } else {
        // Nobody else is asked.
        give_credits_back(app, &mut tx, now, &order, &refund).await.map_err(Error::Internal)?;
        tell_refunded(app, &mut tx, now, &order, (refund.id, None)).await.map_err(Error::Internal)?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok((true, refund))
}

/// An order that is to change together with its payment: the payment is locked first, as everywhere.
pub(super) async fn locked(tx: &mut Tx, id: OrderId) -> Result<Order, Error> {
    let seen = store::find_order(&mut *tx, id).await?.ok_or(Error::UnknownOrder)?;
    payments::lock(tx, seen.payment).await?;
    store::find_order_locked(tx, id).await?.ok_or(Error::UnknownOrder)
}

/// What can still be given back: what paid for what the shopper has, less what was or is being given back.
async fn left(tx: &mut Tx, order: &Order, refunds: &[Refund]) -> Result<Paid, Error> {
    Ok(order.paid(burned(tx, order).await?)?.without(given(order, refunds)))
}

/// What was given back or is about to be. What a provider refused counts as far as it went through.
fn given(order: &Order, refunds: &[Refund]) -> Shares {
    let mut given = Shares { account: order.refunded.minor(), ..Shares::default() };
    for refund in refunds.iter().filter(|refund| refund.state != RefundState::Failed) {
        if refund.state == RefundState::Pending {
            given.account += refund.to_account.minor();
        }
        given.points += refund.points;
        given.vouchers += refund.credit_note.map_or(0, Money::minor);
    }
    given
}

/// So many points paid for an order.
async fn burned(tx: &mut Tx, order: &Order) -> Result<i64, Error> {
    let has_points = order.quote.credits_by_kind().1 > 0;
    if has_points { Ok(cart::ledger::burned(tx, order.checkout).await?) } else { Ok(0) }
}

/// Takes a whole order back before its goods have left: what was authorised is released, what was captured given back,
/// the parcel is called off.
pub(super) async fn cancel(
    app: &App,
    id: OrderId,
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Order, Error> {
    let now = app.clock.now();
    let seen = store::find_order(&app.db, id).await?.ok_or(Error::UnknownOrder)?;
    may(&seen.store)?;
    if seen.state == OrderState::Cancelled {
        return Ok(seen);
    }
    if let Some(shipment) = seen.shipment {
        // Outside of any transaction. Who is on the way is asked before money goes back.
        delivery::recall(app, shipment).await?;
    }
    let mut tx = app.db.begin().await?;
    if let Some(shipment) = seen.shipment {
        // Locked before the payment, as where a delivery tells its news. Refused once the courier has the goods: then only
        // a return helps.
        delivery::cancel(&mut tx, &app.ids, now, shipment).await?;
    }
    payments::lock(&mut tx, seen.payment).await?;
    payments::debts::lock_payments(&mut tx, seen.checkout).await?;
    let mut order = locked(&mut tx, id).await?;
    if order.state == OrderState::Cancelled {
        return Ok(order);
    }
    if order.quote.to_pay().is_positive() {
        payments::cancel(&mut tx, &app.ids, now, order.payment).await?;
        payments::debts::withdraw(&mut tx, &app.ids, now, order.checkout).await?;
    }
    order.state = OrderState::Cancelled;
    store::update_order(&mut tx, &order).await?;
    give_credits_up(app, &mut tx, now, &order).await?;
    tell(app, &mut tx, now, NewsKind::Cancelled, &order).await.map_err(Error::Internal)?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(order)
}

/// What an order that is taken back as a whole has of promotions and coupons is free again; vouchers too, unless a part of
/// them came back already: then the rest comes as a credit note. Points come back as far as they have not yet, and what was
/// earned goes.
async fn give_credits_up(app: &App, tx: &mut Tx, now: Moment, order: &Order) -> Result<(), Error> {
    let refunds = store::refunds(&mut *tx, order.id).await?;
    let (mut points, mut notes) =
        order.picking.back.map_or((0, 0), |back| (back.points, back.credit_note.map_or(0, Money::minor)));
    for refund in refunds.iter().filter(|refund| refund.state == RefundState::Done) {
        points += refund.points;
        notes += refund.credit_note.map_or(0, Money::minor);
    }
    let credits = order.credits(burned(tx, order).await?).shares;
    let vouchers = if notes > 0 { Vouchers::StayUsed } else { Vouchers::Free };
    cart::give_back(tx, now, order.checkout, order.shopper, credits.points - points, vouchers).await?;
    if vouchers == Vouchers::StayUsed {
        let rest = Money::new(credits.vouchers - notes, order.captured.currency());
        issue_note(app, tx, now, order, order.id.0, rest).await.map_err(Error::Internal)?;
    }
    let mut causes: Vec<Uuid> = refunds.iter().map(|refund| refund.id.0).collect();
    causes.extend(order.shipment.map(|shipment| shipment.0));
    let earned = order.quote.points - cart::ledger::reversed(tx, &causes).await?;
    Ok(cart::ledger::reverse(tx, now, order.shopper, order.id.0, earned).await?)
}

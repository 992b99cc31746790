//! Giving back: refunds in full or part, and taking a whole order back.

use super::complete::tell;
use super::model::{NewsKind, Order, OrderState, Refund, RefundState};
use super::place::Error;
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::ids::{OrderId, RefundId, StaffId, StoreId};
use crate::money::Money;
use crate::{cart, delivery, payments};

/// What staff ask for: so much back, or, left out, everything that is left.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub refund: RefundId,
    pub order: OrderId,
    pub amount: Option<Money>,
    pub reason: String,
    pub staff: StaffId,
}

/// Begins a refund to the account that was debited, never elsewhere. The same request again answers the refund as it is;
/// says whether it is new.
pub(super) async fn refund(
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
        let is_same =
            existing.reason == wish.reason && wish.amount.is_none_or(|amount| amount == existing.amount);
        return if is_same { Ok((false, existing.clone())) } else { Err(Error::Differs) };
    }
    let left = left(&order, &refunds)?;
    let amount = wish.amount.unwrap_or(left);
    amount.same_currency(left)?;
    if !amount.is_positive() || amount.minor() > left.minor() {
        return Err(Error::RefundTooLarge(left));
    }
    let refund = Refund {
        id: wish.refund,
        order: order.id,
        amount,
        reason: wish.reason,
        state: RefundState::Pending,
        failure: None,
        staff: wish.staff,
        created_at: now,
    };
    store::insert_refund(&mut tx, &refund).await?;
    payments::refund(&mut tx, &app.ids, now, order.payment, refund.id, amount).await?;
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

/// What can still be given back: captured, less what was or is being given back.
fn left(order: &Order, refunds: &[Refund]) -> Result<Money, Error> {
    let pending =
        refunds.iter().filter(|refund| refund.state == RefundState::Pending).map(|refund| refund.amount);
    let pending = Money::sum(order.captured.currency(), pending)?;
    Ok(order.captured.minus(order.refunded)?.minus(pending)?)
}

/// Takes a whole order back before its goods have left: what was authorised is released, what was captured given back,
/// the parcel is called off.
pub(super) async fn cancel(
    app: &App,
    id: OrderId,
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Order, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let seen = store::find_order(&mut tx, id).await?.ok_or(Error::UnknownOrder)?;
    may(&seen.store)?;
    if seen.state == OrderState::Cancelled {
        return Ok(seen);
    }
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
    cart::give_back(&mut tx, now, order.checkout, order.shopper).await?;
    let points = order.quote.points - order.points_of(order.refunded);
    cart::ledger::reverse(&mut tx, now, order.shopper, order.id.0, points).await?;
    tell(app, &mut tx, now, NewsKind::Cancelled, &order).await.map_err(Error::Internal)?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(order)
}

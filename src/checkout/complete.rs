//! The news of payments and parcels: a paid checkout becomes an order, a parcel in the courier's hands captures the rest.
//!
//! Everything here happens inside the transaction of whoever learned the news: an order exists if and only if that
//! transaction committed.

use uuid::Uuid;

use super::model::{Checkout, Event, NewsKind, Order, OrderState, Picking, RefundState, State};
use super::{place, store, views};
use crate::app::App;
use crate::cart::{self, Entry};
use crate::catalog;
use crate::clock::Moment;
use crate::db::Tx;
use crate::delivery;
use crate::error::Internal;
use crate::ids::{CheckoutId, PaymentId, RefundId, ShipmentId};
use crate::money::Money;
use crate::payments;

/// The capture of what is taken along is the payment's own first; the one at hand-over is the second.
const HAND_OVER_SEQUENCE: i64 = 2;

/// Takes what the payments learned.
pub async fn payment_news(app: &App, tx: &mut Tx, now: Moment, news: payments::News) -> Result<(), Internal> {
    use payments::News;
    match news {
        News::ActionRequired { payment, checkout, url } => {
            if order_troubled(tx, payment, "the shopper has to confirm a debit again").await?.is_some() {
                return Ok(());
            }
            let change = |checkout: &mut Checkout| checkout.action_url = Some(url);
            advance(app, tx, now, checkout, Event::ActionNeeded, change).await
        }
        News::Declined { checkout, reason, may_retry, .. } => {
            let change = |checkout: &mut Checkout| {
                checkout.reason = Some(reason.to_string());
                checkout.may_retry = may_retry;
            };
            advance(app, tx, now, checkout, Event::Declined, change).await
        }
        News::Authorised { payment, checkout } => authorised(app, tx, now, payment, checkout).await,
        News::Captured { payment, captured_total, .. } => captured(tx, payment, captured_total).await,
        News::CaptureFailed { payment, operation, amount, reason, .. } => {
            let trouble = format!("capture failed: {reason}");
            match order_troubled(tx, payment, &trouble).await? {
                Some(order) => owe(app, tx, now, &order, Owed::refused(operation.0, amount, reason)).await,
                None => Ok(()),
            }
        }
        News::HoldEnds { payment, at, .. } => {
            let trouble = format!("what is held for the delivery ends at {at}: hand it over before");
            order_troubled(tx, payment, &trouble).await.map(|_| ())
        }
        News::HoldLost { payment, amount, reason, .. } => {
            let trouble = format!(
                "the hold of {amount} ended and could not be taken again ({reason}): stop the parcel"
            );
            order_troubled(tx, payment, &trouble).await.map(|_| ())
        }
        News::Reversed { payment, operation, amount, .. } => {
            let trouble = format!("{amount} were taken back by the provider");
            match order_troubled(tx, payment, &trouble).await? {
                Some(order) => owe(app, tx, now, &order, Owed::reversed(operation.0, amount)).await,
                None => Ok(()),
            }
        }
        News::DebtSettled { checkout, .. } => debt_settled(tx, checkout).await,
        News::Refunded { payment, refund, amount, .. } => {
            refunded(app, tx, now, payment, refund, amount).await
        }
        News::RefundFailed { payment, refund, reason, .. } => {
            store::end_refund(tx, refund, RefundState::Failed, Some(reason.as_str())).await?;
            // A part may have gone through before the other was refused.
            let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
            let Some(paid) = payments::find(&mut *tx, payment).await? else { return Ok(()) };
            if order.refunded == paid.refunded {
                return Ok(());
            }
            let before = std::mem::replace(&mut order.refunded, paid.refunded);
            store::update_order(tx, &order).await?;
            take_points_back(tx, now, &order, refund, before).await?;
            tell(app, tx, now, NewsKind::Refunded, &order).await
        }
        News::Cancelled { payment, .. } => given_back(tx, payment).await,
    }
}

/// What is owed for goods that are gone.
#[derive(Clone, Copy, Debug)]
struct Owed {
    cause: Uuid,
    kind: payments::DebtKind,
    amount: Money,
    reason: Option<payments::DeclineReason>,
}

impl Owed {
    /// Because it could not be debited.
    fn refused(cause: Uuid, amount: Money, reason: payments::DeclineReason) -> Self {
        Self { cause, kind: payments::DebtKind::CaptureRefused, amount, reason: Some(reason) }
    }

    /// Because it was taken back.
    fn reversed(cause: Uuid, amount: Money) -> Self {
        Self { cause, kind: payments::DebtKind::Reversed, amount, reason: None }
    }
}

/// The goods are with the shopper, or on their way, and the money did not come or is gone: it is owed. What is still held for
/// nothing is let go of.
async fn owe(app: &App, tx: &mut Tx, now: Moment, order: &Order, owed: Owed) -> Result<(), Internal> {
    if order.state == OrderState::Cancelled {
        return Ok(());
    }
    let Owed { cause, kind, amount, reason } = owed;
    let (payment, store) = (order.payment, order.store.clone());
    let opening = payments::debts::Opening { cause, kind, payment, store, amount, reason };
    payments::debts::open(tx, &app.ids, now, opening).await?;
    if order.picking.is_closed {
        payments::release(tx, &app.ids, now, order.payment).await?;
    }
    Ok(())
}

/// A debt of a purchase was paid, or written off: its order waits for nothing more when no other is left.
async fn debt_settled(tx: &mut Tx, checkout: CheckoutId) -> Result<(), Internal> {
    let Some(mut order) = store::find_order_by_checkout(tx, checkout).await? else { return Ok(()) };
    let (made_good, is_owed) =
        payments::debts::made_good(&mut *tx, checkout, order.captured.currency()).await?;
    order.made_good = made_good;
    if !is_owed {
        order.trouble = None;
    }
    order.state = order.settled_state()?;
    Ok(store::update_order(tx, &order).await?)
}

/// Shows staff what is wrong with an order; answers the order, if there is one.
async fn order_troubled(tx: &mut Tx, payment: PaymentId, trouble: &str) -> Result<Option<Order>, Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(None) };
    tracing::error!(order.id = %order.id, "an order is in trouble: {trouble}");
    order.trouble = Some(trouble.to_owned());
    store::update_order(tx, &order).await?;
    Ok(Some(order))
}

async fn advance(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    checkout: CheckoutId,
    event: Event,
    change: impl FnOnce(&mut Checkout),
) -> Result<(), Internal> {
    let Some(mut checkout) = store::find_locked(tx, checkout).await? else { return Ok(()) };
    if matches!(checkout.state, State::Paying | State::ActionRequired) {
        change(&mut checkout);
    }
    place::step(app, tx, &mut checkout, event, now).await?;
    Ok(())
}

/// Writes the order, closes the cart, books the courier and tells the other systems: all or nothing.
pub(super) async fn authorised(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    payment: PaymentId,
    checkout: CheckoutId,
) -> Result<(), Internal> {
    let Some(mut checkout) = store::find_locked(tx, checkout).await? else { return Ok(()) };
    if checkout.payment != Some(payment) {
        return Err(format!("payment {payment} is not that of checkout {}", checkout.id).into());
    }
    let order_id = app.ids.next();
    if matches!(checkout.state, State::Paying | State::ActionRequired) {
        checkout.order = Some(order_id);
    }
    if !place::step(app, tx, &mut checkout, Event::Authorised, now).await? {
        return Ok(());
    }
    let entry = Entry { id: app.ids.next(), at: now };
    cart::close(tx, entry, checkout.cart, checkout.id, order_id).await?;
    let parcels = checkout.quote.parcels();
    let mut order = Order {
        id: order_id,
        number: checkout.number.clone(),
        checkout: checkout.id,
        payment,
        shopper: checkout.shopper,
        store: checkout.store.clone(),
        state: OrderState::Placed,
        captured: Money::zero(checkout.quote.total.currency()),
        refunded: Money::zero(checkout.quote.total.currency()),
        made_good: Money::zero(checkout.quote.total.currency()),
        shipment: (!parcels.is_empty()).then(|| app.ids.next()),
        trouble: None,
        version: 1,
        placed_at: now,
        picking: Picking::default(),
        quote: checkout.quote.clone(),
    };
    if order.shipment.is_none() {
        // At once where nothing is debited.
        order.state = order.settled_state()?;
    }
    store::insert_order(tx, &order).await?;
    cart::ledger::earn(tx, now, order.shopper, order.id, order.quote.points).await?;
    if let Some(shipment) = order.shipment {
        request_delivery(app, tx, now, &checkout, &order, shipment, parcels).await?;
    }
    tell(app, tx, now, NewsKind::Paid, &order).await
}

async fn request_delivery(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    checkout: &Checkout,
    order: &Order,
    shipment: ShipmentId,
    parcels: Vec<i64>,
) -> Result<(), Internal> {
    // A store that closed since the quote still sends what was paid: nothing must stand between the money and its order.
    let store = catalog::known_store(tx, &order.store).await?.ok_or("the order's store was never known")?;
    let recipient = checkout.recipient.clone().ok_or("a delivery without a recipient")?;
    let request = delivery::Request {
        shipment,
        order: order.id,
        store: order.store.clone(),
        shopper: order.shopper,
        sender: delivery::Address::of_store(&store),
        recipient,
        parcels: parcels.into_iter().map(|weight_grams| delivery::Parcel { weight_grams }).collect(),
        reference: order.number.clone(),
    };
    Ok(delivery::request(tx, &app.ids, now, request).await?)
}

async fn captured(tx: &mut Tx, payment: PaymentId, captured_total: Money) -> Result<(), Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    order.captured = captured_total;
    if order.received()? == order.due()? {
        order.trouble = None;
    }
    order.state = order.settled_state()?;
    Ok(store::update_order(tx, &order).await?)
}

async fn refunded(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    payment: PaymentId,
    refund: RefundId,
    amount: Money,
) -> Result<(), Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    if !store::end_refund(tx, refund, RefundState::Done, None).await? {
        return Ok(());
    }
    let before = order.refunded;
    order.refunded = match payments::find(&mut *tx, payment).await? {
        Some(paid) => paid.refunded,
        None => order.refunded.plus(amount)?,
    };
    store::update_order(tx, &order).await?;
    take_points_back(tx, now, &order, refund, before).await?;
    tell(app, tx, now, NewsKind::Refunded, &order).await
}

/// Points go with the money that was given back. Those of an order that was cancelled went with it as a whole.
async fn take_points_back(
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    refund: RefundId,
    before: Money,
) -> Result<(), Internal> {
    if order.state == OrderState::Cancelled {
        return Ok(());
    }
    let points = order.points_of(order.refunded) - order.points_of(before);
    Ok(cart::ledger::reverse(tx, now, order.shopper, refund.0, points).await?)
}

/// A payment was given up and everything went back. An order that was cancelled shows it; a checkout knows already.
async fn given_back(tx: &mut Tx, payment: PaymentId) -> Result<(), Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    let Some(payment) = payments::find(&mut *tx, payment).await? else { return Ok(()) };
    order.captured = payment.captured;
    order.refunded = payment.refunded;
    if order.state != OrderState::Cancelled && !order.picking.is_closed {
        // Nobody asked for it: a hold ran out before the goods were handed over.
        order.trouble = Some("the hold on the account ended unused".to_owned());
    }
    Ok(store::update_order(tx, &order).await?)
}

/// Takes what the deliveries learned: the courier has the goods, so the rest is captured.
pub async fn delivery_news(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    news: delivery::News,
) -> Result<(), Internal> {
    use delivery::News;
    let (order, kind) = match news {
        News::Booked { order, .. } => (order, NewsKind::Booked),
        News::HandedOver { order, .. } => (order, NewsKind::HandedOver),
        News::Delivered { order, .. } => (order, NewsKind::Delivered),
        News::Returned { order, .. } => (order, NewsKind::Returned),
        News::Failed { order, .. } => (order, NewsKind::Failed),
    };
    let Some(seen) = store::find_order(&mut *tx, order).await? else { return Ok(()) };
    payments::lock(tx, seen.payment).await?;
    let Some(mut order) = store::find_order_locked(tx, order).await? else { return Ok(()) };
    if kind == NewsKind::HandedOver && order.state == OrderState::Placed {
        capture_rest(app, tx, now, &mut order).await?;
    }
    tell(app, tx, now, kind, &order).await
}

/// Captures what was delivered. The hold is kept open when the share of what was taken along is still missing. A payment that
/// does not allow it, because its hold has ended, does not stop the goods: the order shows the trouble.
async fn capture_rest(app: &App, tx: &mut Tx, now: Moment, order: &mut Order) -> Result<(), Internal> {
    order.picking.is_closed = true;
    if let Some(shipment) = order.shipment {
        // What was not picked is not paid, and earns nothing.
        let points = order.points_of(order.quote.to_pay().minus(order.due()?)?);
        cart::ledger::reverse(tx, now, order.shopper, shipment.0, points).await?;
    }
    let rest = order.due()?.minus(order.quote.due_now)?;
    if !rest.is_positive() {
        return nothing_is_left(app, tx, now, order).await;
    }
    store::update_order(tx, order).await?;
    let is_last = order.received()?.plus(rest)? == order.due()?;
    match payments::capture(tx, &app.ids, now, order.payment, HAND_OVER_SEQUENCE, rest, is_last).await {
        Ok(()) => Ok(()),
        Err(payments::Error::Plan(error)) => {
            tracing::error!(order.id = %order.id, "what was handed over can't be captured: {error}");
            order.trouble = Some(format!("{rest} were handed over and can't be captured: {error}"));
            store::update_order(tx, order).await?;
            let (cause, reason) = (order.id.0, payments::DeclineReason::AuthorisationGone);
            owe(app, tx, now, order, Owed::refused(cause, rest, reason)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Nothing of what was delivered is left to be debited: what is still held for it is let go of.
async fn nothing_is_left(app: &App, tx: &mut Tx, now: Moment, order: &mut Order) -> Result<(), Internal> {
    order.state = order.settled_state()?;
    store::update_order(tx, order).await?;
    if order.quote.due_at_hand_over()?.is_positive() {
        payments::release(tx, &app.ids, now, order.payment).await?;
    }
    Ok(())
}

/// Tells the other systems what happened to an order, in the transaction in which it happened.
pub(super) async fn tell(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    kind: NewsKind,
    order: &Order,
) -> Result<(), Internal> {
    let payload = views::order_payload(order)?;
    let news = super::News { kind, order: order.id, store: order.store.clone(), payload };
    app.order_news(tx, now, news).await
}

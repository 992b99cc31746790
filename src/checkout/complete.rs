//! The news of payments and parcels: a paid checkout becomes an order, a parcel in the courier's hands captures the rest.
//!
//! Everything here happens inside the transaction of whoever learned the news: an order exists if and only if that
//! transaction committed.

use uuid::Uuid;

use super::by_rule::{self, Ended};
use super::model::{Checkout, Event, State};
use super::news::{NewsKind, tell, tell_refunded};
use super::order::{Order, OrderState};
use super::picking::{CreditsBack, Picking};
use super::quote::Fulfilment;
use super::returned::{Refund, RefundState};
use super::{place, send, store};
use crate::app::App;
use crate::cart::notes::{self, NewNote};
use crate::cart::{self, Entry};
use crate::clock::Moment;
use crate::db::Tx;
use crate::delivery;
use crate::error::Internal;
use crate::ids::{CheckoutId, PaymentId, RefundId, ShipmentId};
use crate::money::Money;
use crate::payments::{self, DebtKind};

/// The capture of what is taken along is the payment's own first; the one at hand-over is the second.
const HAND_OVER_SEQUENCE: i64 = 2;

/// What troubles that are over with a dispute have in common.
const DISPUTE: &str = "disputed";

/// Takes what the payments learned.
pub async fn payment_news(app: &App, tx: &mut Tx, now: Moment, news: payments::News) -> Result<(), Internal> {
    use payments::News;
    match news {
        News::ActionRequired { payment, checkout, url } => {
            if order_troubled(tx, payment, "the shopper has to confirm a debit again").await? {
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
        News::Captured { payment, captured_total, .. } => {
            captured(app, tx, now, payment, captured_total).await
        }
        News::CaptureFailed { payment, operation, amount, reason, .. } => {
            if !order_troubled(tx, payment, &format!("capture failed: {reason}")).await? {
                return Ok(());
            }
            owe(app, tx, now, payment, operation.0, amount, (DebtKind::CaptureRefused, Some(reason))).await
        }
        News::HoldEnds { payment, .. }
        | News::HoldLost { payment, .. }
        | News::Disputed { payment, .. }
        | News::DisputeDue { payment, .. } => order_troubled(tx, payment, &trouble(&news)).await.map(|_| ()),
        News::DisputeEnded { payment, .. } => {
            let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
            if order.trouble.as_deref().is_some_and(|trouble| trouble.contains(DISPUTE)) {
                order.trouble = still_owed(tx, &order).await?;
            }
            Ok(store::update_order(tx, &order).await?)
        }
        News::Reversed { payment, cause, amount, .. } => {
            if !order_troubled(tx, payment, &format!("{amount} were taken back by the provider")).await? {
                return Ok(());
            }
            owe(app, tx, now, payment, cause, amount, (DebtKind::Reversed, None)).await
        }
        News::DebtSettled { checkout, .. } => debt_settled(tx, checkout).await,
        News::Refunded { payment, refund, amount, .. } => {
            refunded(app, tx, now, payment, refund, amount).await
        }
        News::RefundFailed { payment, refund, reason, .. } => {
            refund_failed(app, tx, now, payment, refund, reason).await
        }
        News::Cancelled { payment, .. } => given_back(tx, payment).await,
    }
}

/// What is left to say of an order when a dispute of it is over: what is owed for it stood there before.
async fn still_owed(tx: &mut Tx, order: &Order) -> Result<Option<String>, Internal> {
    let (_, is_owed) =
        payments::debts::made_good(&mut *tx, order.checkout, order.captured.currency()).await?;
    Ok(is_owed.then(|| "what was not debited, or was taken back, is owed".to_owned()))
}

/// What staff read of what has to be done about a payment.
fn trouble(news: &payments::News) -> String {
    use payments::News;
    match news {
        News::HoldEnds { at, .. } => {
            format!("what is held for the delivery ends at {at}: hand it over before")
        }
        News::HoldLost { amount, reason, .. } => {
            format!("the hold of {amount} ended and could not be taken again ({reason}): stop the parcel")
        }
        News::Disputed { amount, respond_by, .. } => {
            let by = respond_by.map_or_else(|| "soon".to_owned(), |by| format!("by {by}"));
            format!("the debit of {amount} is {DISPUTE}: answer {by}")
        }
        News::DisputeDue { respond_by, .. } => {
            format!("the debit is {DISPUTE}, and must be answered for by {respond_by}")
        }
        other => format!("{other:?}"),
    }
}

/// Shows staff what is wrong with an order; answers whether there is one.
async fn order_troubled(tx: &mut Tx, payment: PaymentId, trouble: &str) -> Result<bool, Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(false) };
    tracing::error!(order.id = %order.id, "an order is in trouble: {trouble}");
    order.trouble = Some(trouble.to_owned());
    store::update_order(tx, &order).await?;
    Ok(true)
}

/// The goods are with the shopper, or on their way, and the money did not come: it is owed. What is still held for nothing is
/// let go of.
async fn owe(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    payment: PaymentId,
    cause: Uuid,
    amount: Money,
    (kind, reason): (DebtKind, Option<payments::DeclineReason>),
) -> Result<(), Internal> {
    let Some(order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    if order.state == OrderState::Cancelled {
        return Ok(());
    }
    let store = order.store.clone();
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
        shipment: checkout.quote.lines_of(Fulfilment::Deliver).next().map(|_| app.ids.next()),
        trouble: None,
        version: 1,
        placed_at: now,
        picking: Picking::default(),
        picked_at: None,
        quote: checkout.quote.clone(),
    };
    if order.shipment.is_none() {
        // At once where nothing is debited.
        order.state = order.settled_state()?;
    }
    store::insert_order(tx, &order).await?;
    cart::ledger::earn(tx, now, order.shopper, order.id, order.quote.points).await?;
    if let Some(shipment) = order.shipment {
        send::request_delivery(app, tx, now, &checkout, &order, shipment).await?;
    }
    tell(app, tx, now, NewsKind::Paid, &order).await
}

async fn captured(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    payment: PaymentId,
    captured_total: Money,
) -> Result<(), Internal> {
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    order.captured = captured_total;
    let is_paid = order.received()? == order.due()?;
    if is_paid {
        order.trouble = None;
    }
    order.state = order.settled_state()?;
    store::update_order(tx, &order).await?;
    if is_paid && order.is_all_there() {
        // Which of two captures comes last nobody knows when they are asked for: what was not picked may be held still.
        payments::release(tx, &app.ids, now, payment).await?;
    }
    Ok(())
}

/// A refund that did not go through, or not wholly.
async fn refund_failed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    payment: PaymentId,
    refund: RefundId,
    reason: payments::DeclineReason,
) -> Result<(), Internal> {
    store::end_refund(tx, refund, RefundState::Failed, Some(reason.as_str())).await?;
    // A part may have gone through before the other was refused.
    let Some(mut order) = store::find_order_by_payment(tx, payment).await? else { return Ok(()) };
    let Some(paid) = payments::find(&mut *tx, payment).await? else { return Ok(()) };
    if order.refunded == paid.refunded {
        return Ok(());
    }
    let went = paid.refunded.minus(order.refunded)?;
    order.refunded = paid.refunded;
    store::update_order(tx, &order).await?;
    take_points_back(tx, now, &order, refund).await?;
    tell_refunded(app, tx, now, &order, (refund, Some(went))).await
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
    order.refunded = match payments::find(&mut *tx, payment).await? {
        Some(paid) => paid.refunded,
        None => order.refunded.plus(amount)?,
    };
    store::update_order(tx, &order).await?;
    let refunds = store::refunds(&mut *tx, order.id).await?;
    if let Some(refund) = refunds.iter().find(|each| each.id == refund) {
        give_credits_back(app, tx, now, &order, refund).await?;
    }
    tell_refunded(app, tx, now, &order, (refund, None)).await
}

/// What goes with a refund that is done: the shares of points and vouchers come back, points that were earned go. Those of
/// an order that was cancelled went with it as a whole.
pub(super) async fn give_credits_back(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    refund: &Refund,
) -> Result<(), Internal> {
    if order.state == OrderState::Cancelled {
        return Ok(());
    }
    if let Some(amount) = refund.credit_note {
        issue_note(app, tx, now, order, refund.id.0, amount).await?;
    }
    cart::ledger::give_back(tx, now, order.shopper, refund.id.0, refund.points).await?;
    take_points_back(tx, now, order, refund.id).await
}

/// Gives the shopper a credit note for what vouchers had paid.
pub(super) async fn issue_note(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    cause: Uuid,
    amount: Money,
) -> Result<(), Internal> {
    let (shopper, order_number) = (order.shopper, order.number.clone());
    let note = NewNote { cause, shopper, amount, order_number };
    Ok(notes::issue(tx, &app.random, now, note).await?)
}

/// Takes points back that were earned with what was given back: in proportion to all that was, less what was taken before,
/// so that nothing is lost by cutting off.
async fn take_points_back(tx: &mut Tx, now: Moment, order: &Order, refund: RefundId) -> Result<(), Internal> {
    if order.state == OrderState::Cancelled || order.quote.points < 1 {
        return Ok(());
    }
    let refunds = store::refunds(&mut *tx, order.id).await?;
    let worth = order.credits(cart::ledger::burned(tx, order.checkout).await?).worth;
    let done = refunds.iter().filter(|refund| refund.state == RefundState::Done);
    let credits = done.map(|refund| refund.credit_note.map_or(0, Money::minor) + refund.points * worth);
    let value = order.refunded.minor() + credits.sum::<i64>();
    let earned = order.quote.points - order.points_not_picked()?;
    let causes: Vec<Uuid> = refunds.iter().map(|refund| refund.id.0).collect();
    let taken = cart::ledger::reversed(tx, &causes).await?;
    let points = order.points_given_back(earned, value)? - taken;
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
        News::AttemptFailed { order, .. } => (order, NewsKind::AttemptFailed),
        News::AtPickupPoint { order, .. } => (order, NewsKind::AtPickupPoint),
        News::Delivered { order, .. } => (order, NewsKind::Delivered),
        News::Returned { order, .. } => (order, NewsKind::Returned),
        News::Failed { order, .. } => (order, NewsKind::Failed),
        // Nothing is given back by itself: a person looks at the goods first, and the store's task says so until somebody did.
        News::ReturnBooked { .. } | News::ReturnArrived { .. } => return Ok(()),
    };
    let ended = match news {
        News::Returned { is_whole: true, .. } => Some(Ended::Returned),
        News::Failed { is_whole: true, .. } => Some(Ended::Lost),
        _ => None,
    };
    let Some(seen) = store::find_order(&mut *tx, order).await? else { return Ok(()) };
    payments::lock(tx, seen.payment).await?;
    let Some(mut order) = store::find_order_locked(tx, order).await? else { return Ok(()) };
    if kind == NewsKind::HandedOver && order.state == OrderState::Placed {
        capture_rest(app, tx, now, &mut order).await?;
    }
    if let (NewsKind::HandedOver, Some(shipment)) = (kind, order.shipment) {
        for (carrier, number) in delivery::parcels(tx, shipment).await? {
            payments::shipped(tx, &app.ids, now, order.payment, (&carrier, &number)).await?;
        }
    }
    if let Some(ended) = ended {
        by_rule::settle(app, tx, now, &order, ended).await?;
    }
    tell(app, tx, now, kind, &order).await
}

/// Ends the delivery of an order of which nothing was there to be sent, with its shipment called off: the delivery is not
/// charged, and what is held for it is let go of.
pub(super) async fn end_delivery(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &mut Order,
) -> Result<(), Internal> {
    capture_rest(app, tx, now, order).await?;
    tell(app, tx, now, NewsKind::Failed, order).await
}

/// Captures what was delivered. The hold is kept open when the share of what was taken along is still missing. A payment that
/// does not allow it, because its hold has ended, does not stop the goods: the order shows the trouble.
async fn capture_rest(app: &App, tx: &mut Tx, now: Moment, order: &mut Order) -> Result<(), Internal> {
    order.picking.close();
    order.picked_at = order.picked_at.or(Some(now));
    if let Some(shipment) = order.shipment {
        // What was not picked is not paid, and earns nothing.
        let points = order.points_not_picked()?;
        cart::ledger::reverse(tx, now, order.shopper, shipment.0, points).await?;
        give_excess_back(app, tx, now, order, shipment).await?;
    }
    if order.substitutes().next().is_some() {
        payments::forget_later_lines(tx, order.payment).await?;
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
            owe(app, tx, now, order.payment, cause, rest, (DebtKind::CaptureRefused, Some(reason))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Vouchers and points that paid more than what was picked costs come back: points first, then vouchers as a credit note.
async fn give_excess_back(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &mut Order,
    shipment: ShipmentId,
) -> Result<(), Internal> {
    let excess = order.excess()?;
    if !excess.is_positive() {
        return Ok(());
    }
    let burned = cart::ledger::burned(tx, order.checkout).await?;
    let back = order.credits(burned).excess(excess.minor());
    let note = Money::new(back.vouchers, excess.currency());
    cart::ledger::give_back(tx, now, order.shopper, shipment.0, back.points).await?;
    issue_note(app, tx, now, order, shipment.0, note).await?;
    let credit_note = note.is_positive().then_some(note);
    order.picking.back = Some(CreditsBack { points: back.points, credit_note });
    Ok(())
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

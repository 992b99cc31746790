//! The rows of checkouts, orders and refunds.

use sqlx::types::Json;

use super::model::{Checkout, Hold, State};
use super::order::{ExitFacts, Order, OrderState};
use super::picking::Picking;
use super::quote::{Fulfilment, Quote};
use super::returned::{Refund, RefundState, RefundedLine};
use crate::cart::TaxLine;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::delivery;
use crate::ids::{
    CartId, CheckoutId, MethodId, OrderId, PaymentId, RefundId, ShipmentId, ShopperId, StaffId, StoreId,
};
use crate::money::{Currency, Money};

#[derive(sqlx::FromRow)]
struct CheckoutRow {
    id: CheckoutId,
    number: String,
    cart_id: CartId,
    cart_version: i64,
    shopper_id: ShopperId,
    store_id: StoreId,
    method_id: MethodId,
    state: State,
    holds: Json<Vec<Hold>>,
    quote: Json<Quote>,
    recipient: Option<Json<delivery::Address>>,
    device_session: Option<String>,
    request_hash: String,
    payment_id: Option<PaymentId>,
    order_id: Option<OrderId>,
    action_url: Option<String>,
    reason: Option<String>,
    may_retry: bool,
    limit_ends_at: Option<Moment>,
    deadline: Moment,
    version: i64,
    created_at: Moment,
}

impl From<CheckoutRow> for Checkout {
    fn from(row: CheckoutRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            cart: row.cart_id,
            cart_version: row.cart_version,
            shopper: row.shopper_id,
            store: row.store_id,
            method: row.method_id,
            state: row.state,
            holds: row.holds.0,
            quote: row.quote.0,
            recipient: row.recipient.map(|recipient| recipient.0),
            device_session: row.device_session,
            request_hash: row.request_hash,
            payment: row.payment_id,
            order: row.order_id,
            action_url: row.action_url,
            reason: row.reason,
            may_retry: row.may_retry,
            limit_ends_at: row.limit_ends_at,
            deadline: row.deadline,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// Writes a new checkout; says whether its id was free.
pub(super) async fn insert(tx: &mut Tx, checkout: &Checkout) -> Result<bool, db::Error> {
    let written = tx
        .sql(
            "INSERT INTO checkouts (id, number, cart_id, cart_version, shopper_id, store_id, method_id, state, holds, quote,
                 recipient, request_hash, deadline, version, created_at, changed_at, device_session)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(checkout.id)
        .bind(&checkout.number)
        .bind(checkout.cart)
        .bind(checkout.cart_version)
        .bind(checkout.shopper)
        .bind(&checkout.store)
        .bind(checkout.method)
        .bind(checkout.state)
        .bind(Json(&checkout.holds))
        .bind(Json(&checkout.quote))
        .bind(checkout.recipient.as_ref().map(Json))
        .bind(&checkout.request_hash)
        .bind(checkout.deadline)
        .bind(checkout.version)
        .bind(checkout.created_at)
        .bind(checkout.device_session.as_deref())
        .execute()
        .await?;
    Ok(written == 1)
}

/// A checkout as it is.
pub(super) async fn find(run: impl Run<'_>, id: CheckoutId) -> Result<Option<Checkout>, db::Error> {
    let row: Option<CheckoutRow> = run
        .sql(
            "SELECT id, number, cart_id, cart_version, shopper_id, store_id, method_id, state, holds, quote, recipient,
                 device_session, request_hash, payment_id, order_id, action_url, reason, may_retry, limit_ends_at, deadline,
                 version, created_at
             FROM checkouts
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(Checkout::from))
}

/// Locks a checkout until the end of the transaction and reads it.
pub(super) async fn find_locked(tx: &mut Tx, id: CheckoutId) -> Result<Option<Checkout>, db::Error> {
    tx.sql("UPDATE checkouts SET version = version + 1 WHERE id = $1").bind(id).execute().await?;
    find(&mut *tx, id).await
}

/// Writes what changes in a checkout's life.
pub(super) async fn update(tx: &mut Tx, checkout: &Checkout, now: Moment) -> Result<(), db::Error> {
    tx.sql(
        "UPDATE checkouts SET state = $2, payment_id = $3, order_id = $4, action_url = $5, reason = $6, deadline = $7,
             may_retry = $8, changed_at = $9, holds = $10, limit_ends_at = $11
         WHERE id = $1",
    )
    .bind(checkout.id)
    .bind(checkout.state)
    .bind(checkout.payment)
    .bind(checkout.order)
    .bind(&checkout.action_url)
    .bind(&checkout.reason)
    .bind(checkout.deadline)
    .bind(checkout.may_retry)
    .bind(now)
    .bind(Json(&checkout.holds))
    .bind(checkout.limit_ends_at)
    .execute()
    .await?;
    Ok(())
}

/// The checkouts of a store that staff must look at, the longest waiting first.
pub(super) async fn held(run: impl Run<'_>, store: &StoreId, limit: i64) -> Result<Vec<Checkout>, db::Error> {
    let rows: Vec<CheckoutRow> = run
        .sql(
            "SELECT id, number, cart_id, cart_version, shopper_id, store_id, method_id, state, holds, quote, recipient,
                 device_session, request_hash, payment_id, order_id, action_url, reason, may_retry, limit_ends_at, deadline,
                 version, created_at
             FROM checkouts
             WHERE store_id = $1 AND state = 'held'
             ORDER BY changed_at, id
             LIMIT $2",
        )
        .bind(store)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Checkout::from).collect())
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: OrderId,
    number: String,
    checkout_id: CheckoutId,
    payment_id: PaymentId,
    shopper_id: ShopperId,
    store_id: StoreId,
    state: OrderState,
    quote: Json<Quote>,
    currency: Currency,
    captured_minor: i64,
    refunded_minor: i64,
    made_good_minor: i64,
    shipment_id: Option<ShipmentId>,
    trouble: Option<String>,
    picked: Option<Json<Picking>>,
    picked_at: Option<Moment>,
    version: i64,
    placed_at: Moment,
}

impl From<OrderRow> for Order {
    fn from(row: OrderRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            checkout: row.checkout_id,
            payment: row.payment_id,
            shopper: row.shopper_id,
            store: row.store_id,
            state: row.state,
            quote: row.quote.0,
            captured: Money::new(row.captured_minor, row.currency),
            refunded: Money::new(row.refunded_minor, row.currency),
            made_good: Money::new(row.made_good_minor, row.currency),
            shipment: row.shipment_id,
            trouble: row.trouble,
            version: row.version,
            picking: row.picked.map(|picked| picked.0).unwrap_or_default(),
            picked_at: row.picked_at,
            placed_at: row.placed_at,
        }
    }
}

macro_rules! orders_where {
    () => {
        "SELECT id, number, checkout_id, payment_id, shopper_id, store_id, state, quote, currency, captured_minor,
             refunded_minor, made_good_minor, shipment_id, trouble, picked, picked_at, version, placed_at
         FROM orders
         WHERE "
    };
}

/// Writes a new order.
pub(super) async fn insert_order(tx: &mut Tx, order: &Order) -> Result<(), db::Error> {
    tx.sql(
        "INSERT INTO orders (id, number, checkout_id, payment_id, shopper_id, store_id, state, quote, currency, total_minor,
             due_now_minor, captured_minor, refunded_minor, shipment_id, version, placed_at, pick_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(order.id)
    .bind(&order.number)
    .bind(order.checkout)
    .bind(order.payment)
    .bind(order.shopper)
    .bind(&order.store)
    .bind(order.state)
    .bind(Json(&order.quote))
    .bind(order.quote.total.currency())
    .bind(order.quote.to_pay().minor())
    .bind(order.quote.due_now.minor())
    .bind(order.captured.minor())
    .bind(order.refunded.minor())
    .bind(order.shipment)
    .bind(order.version)
    .bind(order.placed_at)
    .bind(order.pick_by())
    .execute()
    .await?;
    Ok(())
}

/// An order as it is.
pub(super) async fn find_order(run: impl Run<'_>, id: OrderId) -> Result<Option<Order>, db::Error> {
    let row: Option<OrderRow> =
        run.sql(concat!(orders_where!(), "id = $1")).bind(id).fetch_optional().await?;
    Ok(row.map(Order::from))
}

/// The order of a payment as it is.
pub(super) async fn order_of_payment(
    run: impl Run<'_>,
    payment: PaymentId,
) -> Result<Option<Order>, db::Error> {
    let row: Option<OrderRow> =
        run.sql(concat!(orders_where!(), "payment_id = $1")).bind(payment).fetch_optional().await?;
    Ok(row.map(Order::from))
}

/// Locks the order of a payment until the end of the transaction and reads it.
pub(super) async fn find_order_by_payment(
    tx: &mut Tx,
    payment: PaymentId,
) -> Result<Option<Order>, db::Error> {
    let id: Option<(OrderId,)> = tx
        .sql("UPDATE orders SET version = version + 1 WHERE payment_id = $1 RETURNING id")
        .bind(payment)
        .fetch_optional()
        .await?;
    match id {
        Some((id,)) => find_order(&mut *tx, id).await,
        None => Ok(None),
    }
}

/// Locks the order of a checkout until the end of the transaction and reads it.
pub(super) async fn find_order_by_checkout(
    tx: &mut Tx,
    checkout: CheckoutId,
) -> Result<Option<Order>, db::Error> {
    let id: Option<(OrderId,)> = tx
        .sql("UPDATE orders SET version = version + 1 WHERE checkout_id = $1 RETURNING id")
        .bind(checkout)
        .fetch_optional()
        .await?;
    match id {
        Some((id,)) => find_order(&mut *tx, id).await,
        None => Ok(None),
    }
}

/// Locks an order until the end of the transaction and reads it.
pub(super) async fn find_order_locked(tx: &mut Tx, id: OrderId) -> Result<Option<Order>, db::Error> {
    tx.sql("UPDATE orders SET version = version + 1 WHERE id = $1").bind(id).execute().await?;
    find_order(&mut *tx, id).await
}

/// Writes what changes in an order's life.
pub(super) async fn update_order(tx: &mut Tx, order: &Order) -> Result<(), db::Error> {
    tx.sql(
        "UPDATE orders SET state = $2, captured_minor = $3, refunded_minor = $4, trouble = $5, picked = $6,
             made_good_minor = $7, picked_at = $8
         WHERE id = $1",
    )
    .bind(order.id)
    .bind(order.state)
    .bind(order.captured.minor())
    .bind(order.refunded.minor())
    .bind(&order.trouble)
    .bind((order.picking != Picking::default()).then_some(Json(&order.picking)))
    .bind(order.made_good.minor())
    .bind(order.picked_at)
    .execute()
    .await?;
    Ok(())
}

/// Orders that wait for something, the oldest first.
pub(super) async fn placed(run: impl Run<'_>, limit: i64) -> Result<Vec<Order>, db::Error> {
    let rows: Vec<OrderRow> = run
        .sql(concat!(orders_where!(), "state = 'placed' ORDER BY id LIMIT $1"))
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Order::from).collect())
}

/// The orders of a store whose goods wait to be picked, those that leave first before the others.
pub(super) async fn to_pick(run: impl Run<'_>, store: &StoreId, limit: i64) -> Result<Vec<Order>, db::Error> {
    let text = concat!(
        orders_where!(),
        "store_id = $1 AND state = 'placed' AND shipment_id IS NOT NULL AND picked_at IS NULL ORDER BY pick_by, id LIMIT $2"
    );
    let rows: Vec<OrderRow> = run.sql(text).bind(store).bind(limit).fetch_all().await?;
    Ok(rows.into_iter().map(Order::from).collect())
}

/// A shopper's orders older than one, newest first.
pub(super) async fn orders_of(
    run: impl Run<'_>,
    shopper: ShopperId,
    before: OrderId,
    limit: i64,
) -> Result<Vec<Order>, db::Error> {
    let rows: Vec<OrderRow> = run
        .sql(concat!(orders_where!(), "shopper_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"))
        .bind(shopper)
        .bind(before)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Order::from).collect())
}

/// What the exit must know of a shopper's order.
pub(super) async fn exit_facts(
    tx: &mut Tx,
    shopper: ShopperId,
    order: OrderId,
) -> Result<Option<ExitFacts>, db::Error> {
    let order = find_order(&mut *tx, order).await?.filter(|order| order.shopper == shopper);
    let Some(order) = order else { return Ok(None) };
    let is_given_back = if order.captured.is_positive() {
        order.refunded == order.captured
    } else {
        // Vouchers and points paid alone: nothing at a provider says that they came back.
        let done = refunds(&mut *tx, order.id).await?.into_iter();
        let done = done.filter(|refund| refund.state == RefundState::Done);
        let back: i64 = done.map(|refund| refund.amount.minor()).sum();
        back > 0 && order.cost().is_ok_and(|cost| back >= cost.minor())
    };
    Ok(Some(ExitFacts {
        order: order.id,
        pieces: order.quote.pieces_of(Fulfilment::TakeAlong),
        // Captured, or paid later, as a whole and not given back as a whole; trouble may mean that a capture of it failed.
        paid: order.captured.minor().saturating_add(order.made_good.minor()) >= order.quote.due_now.minor()
            && order.trouble.is_none()
            && !is_given_back,
        cancelled: order.state == OrderState::Cancelled,
        store: order.store,
    }))
}

#[derive(sqlx::FromRow)]
struct RefundRow {
    id: RefundId,
    order_id: OrderId,
    amount_minor: i64,
    account_minor: Option<i64>,
    points: i64,
    note_minor: i64,
    lines: Option<Json<Vec<RefundedLine>>>,
    taxes: Option<Json<Vec<TaxLine>>>,
    currency: Currency,
    reason: String,
    state: RefundState,
    failure: Option<String>,
    asked_by: Option<StaffId>,
    created_at: Moment,
}

impl From<RefundRow> for Refund {
    fn from(row: RefundRow) -> Self {
        Self {
            id: row.id,
            order: row.order_id,
            amount: Money::new(row.amount_minor, row.currency),
            to_account: Money::new(row.account_minor.unwrap_or(row.amount_minor), row.currency),
            points: row.points,
            credit_note: (row.note_minor > 0).then(|| Money::new(row.note_minor, row.currency)),
            lines: row.lines.map(|lines| lines.0).unwrap_or_default(),
            taxes: row.taxes.map(|taxes| taxes.0).unwrap_or_default(),
            reason: row.reason,
            state: row.state,
            failure: row.failure,
            staff: row.asked_by,
            created_at: row.created_at,
        }
    }
}

/// Writes a new refund.
pub(super) async fn insert_refund(tx: &mut Tx, refund: &Refund) -> Result<(), db::Error> {
    tx.sql(
        "INSERT INTO refunds
             (id, order_id, amount_minor, account_minor, points, note_minor, lines, taxes, reason, state, asked_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(refund.id)
    .bind(refund.order)
    .bind(refund.amount.minor())
    .bind(refund.to_account.minor())
    .bind(refund.points)
    .bind(refund.credit_note.map_or(0, Money::minor))
    .bind(Json(&refund.lines))
    .bind(Json(&refund.taxes))
    .bind(&refund.reason)
    .bind(refund.state)
    .bind(refund.staff)
    .bind(refund.created_at)
    .execute()
    .await?;
    Ok(())
}

/// The refunds of an order, oldest first; an order has few.
pub(super) async fn refunds(run: impl Run<'_>, order: OrderId) -> Result<Vec<Refund>, db::Error> {
    let rows: Vec<RefundRow> = run
        .sql(
            "SELECT refunds.id, order_id, amount_minor, account_minor, points, note_minor, lines, taxes, currency, reason,
                 refunds.state, failure, asked_by, created_at
             FROM refunds
             JOIN orders ON orders.id = order_id
             WHERE order_id = $1
             ORDER BY created_at, refunds.id",
        )
        .bind(order)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Refund::from).collect())
}

/// Ends a refund that was pending; says whether it was.
pub(super) async fn end_refund(
    tx: &mut Tx,
    id: RefundId,
    state: RefundState,
    failure: Option<&str>,
) -> Result<bool, db::Error> {
    let ended = tx
        .sql("UPDATE refunds SET state = $2, failure = $3 WHERE id = $1 AND state = 'pending'")
        .bind(id)
        .bind(state)
        .bind(failure)
        .execute()
        .await?;
    Ok(ended == 1)
}

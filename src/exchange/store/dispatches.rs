//! The rows of events, and of each event on its way to each subscriber.

use chrono::{DateTime, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::exchange::model::{DispatchState, EventKind, SubscriptionState};
use crate::ids::{DispatchId, MessageId, OrderId, PartnerId, StoreId, SubscriptionId};

/// The next place among the events of an order. The row is locked until the transaction ends, so places are taken in
/// the order of commits.
pub(in crate::exchange) async fn next_sequence(tx: &mut Tx, order: OrderId) -> Result<i64, Error> {
    let (sequence,): (i64,) = tx
        .sql(
            "INSERT INTO exchange_orders (order_id, last_sequence)
             VALUES ($1, 1)
             ON CONFLICT (order_id) DO UPDATE SET last_sequence = exchange_orders.last_sequence + 1
             RETURNING last_sequence",
        )
        .bind(order)
        .fetch_one()
        .await?;
    Ok(sequence)
}

/// An event to be written.
#[derive(Debug)]
pub(in crate::exchange) struct NewEvent<'a> {
    pub(in crate::exchange) id: MessageId,
    pub(in crate::exchange) kind: EventKind,
    pub(in crate::exchange) order: OrderId,
    pub(in crate::exchange) sequence: i64,
    pub(in crate::exchange) store: &'a StoreId,
    pub(in crate::exchange) body: String,
}

pub(in crate::exchange) async fn insert_event(
    tx: &mut Tx,
    now: Moment,
    event: &NewEvent<'_>,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_events (id, kind, order_id, sequence, store_id, body, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(event.id)
    .bind(event.kind)
    .bind(event.order)
    .bind(event.sequence)
    .bind(event.store)
    .bind(&event.body)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Writes the dispatch of an event to a subscriber, or begins it anew when there is one.
pub(in crate::exchange) async fn insert_dispatch(
    tx: &mut Tx,
    id: DispatchId,
    subscription: SubscriptionId,
    event: MessageId,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_dispatches
             (id, subscription_id, event_id, order_id, sequence, state, attempts, due_at, created_at)
         SELECT $1, $2, id, order_id, sequence, 'waiting', 0, $4, $4
         FROM exchange_events
         WHERE id = $3
         ON CONFLICT (subscription_id, event_id) DO NOTHING",
    )
    .bind(id)
    .bind(subscription)
    .bind(event)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// All that a dispatch needs.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::exchange) struct Call {
    pub(in crate::exchange) id: DispatchId,
    pub(in crate::exchange) subscription_id: SubscriptionId,
    pub(in crate::exchange) event_id: MessageId,
    pub(in crate::exchange) order_id: OrderId,
    pub(in crate::exchange) sequence: i64,
    pub(in crate::exchange) state: DispatchState,
    pub(in crate::exchange) due_at: DateTime<Utc>,
    pub(in crate::exchange) url: String,
    pub(in crate::exchange) partner_id: PartnerId,
    pub(in crate::exchange) subscription_state: SubscriptionState,
    pub(in crate::exchange) body: String,
}

pub(in crate::exchange) async fn call(db: impl Run<'_>, id: DispatchId) -> Result<Option<Call>, Error> {
    db.sql(
        "SELECT dispatch.id, dispatch.subscription_id, dispatch.event_id, dispatch.order_id, dispatch.sequence,
             dispatch.state, dispatch.due_at, subscription.url, subscription.partner_id,
             subscription.state AS subscription_state, event.body
         FROM exchange_dispatches AS dispatch
         JOIN exchange_subscriptions AS subscription ON subscription.id = dispatch.subscription_id
         JOIN exchange_events AS event ON event.id = dispatch.event_id
         WHERE dispatch.id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Whether an earlier event of the order has not reached the subscriber yet.
pub(in crate::exchange) async fn is_behind(db: impl Run<'_>, call: &Call) -> Result<bool, Error> {
    let earlier: Option<(DispatchId,)> = db
        .sql(
            "SELECT id FROM exchange_dispatches
             WHERE subscription_id = $1 AND order_id = $2 AND sequence < $3 AND state IN ('waiting', 'dead')
             LIMIT 1",
        )
        .bind(call.subscription_id)
        .bind(call.order_id)
        .bind(call.sequence)
        .fetch_optional()
        .await?;
    Ok(earlier.is_some())
}

/// The first event of the order after this one that waits for the subscriber.
pub(in crate::exchange) async fn next_waiting(
    db: impl Run<'_>,
    call: &Call,
) -> Result<Option<DispatchId>, Error> {
    let next: Option<(DispatchId,)> = db
        .sql(
            "SELECT id FROM exchange_dispatches
             WHERE subscription_id = $1 AND order_id = $2 AND sequence > $3 AND state = 'waiting'
             ORDER BY sequence
             LIMIT 1",
        )
        .bind(call.subscription_id)
        .bind(call.order_id)
        .bind(call.sequence)
        .fetch_optional()
        .await?;
    Ok(next.map(|(id,)| id))
}

/// Notes that the subscriber took the event; answers whether it was still wanted.
pub(in crate::exchange) async fn deliver(
    tx: &mut Tx,
    id: DispatchId,
    status: i64,
    now: Moment,
) -> Result<bool, Error> {
    let delivered = tx
        .sql(
            "UPDATE exchange_dispatches
             SET state = 'delivered', attempts = attempts + 1, last_status = $2, last_error = NULL, delivered_at = $3
             WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(status)
        .bind(now)
        .execute()
        .await?;
    Ok(delivered == 1)
}

/// Counts a try in vain; answers how many there were, or nothing when the dispatch waits no more.
pub(in crate::exchange) async fn count_failure(
    tx: &mut Tx,
    id: DispatchId,
    status: Option<i64>,
    why: &str,
) -> Result<Option<i64>, Error> {
    let attempts: Option<(i64,)> = tx
        .sql(
            "UPDATE exchange_dispatches
             SET attempts = attempts + 1, last_status = $2, last_error = $3
             WHERE id = $1 AND state = 'waiting'
             RETURNING attempts",
        )
        .bind(id)
        .bind(status)
        .bind(why)
        .fetch_optional()
        .await?;
    Ok(attempts.map(|(attempts,)| attempts))
}

pub(in crate::exchange) async fn postpone(tx: &mut Tx, id: DispatchId, due_at: Moment) -> Result<(), Error> {
    tx.sql("UPDATE exchange_dispatches SET due_at = $2 WHERE id = $1")
        .bind(id)
        .bind(due_at)
        .execute()
        .await?;
    Ok(())
}

pub(in crate::exchange) async fn bury(tx: &mut Tx, id: DispatchId) -> Result<(), Error> {
    tx.sql("UPDATE exchange_dispatches SET state = 'dead' WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Turns a subscription off because the address that was called is gone, and gives up all that waits for it. Does
/// nothing when the subscription has another address by now.
pub(in crate::exchange) async fn turn_off(tx: &mut Tx, call: &Call, now: Moment) -> Result<(), Error> {
    let off = tx
        .sql(
            "UPDATE exchange_subscriptions SET state = 'off', version = version + 1, changed_at = $3
             WHERE id = $1 AND url = $2 AND state = 'active'",
        )
        .bind(call.subscription_id)
        .bind(&call.url)
        .bind(now)
        .execute()
        .await?;
    if off == 1 {
        tx.sql(
            "UPDATE exchange_dispatches
             SET state = 'dead', last_status = 410, last_error = 'the subscriber is gone'
             WHERE subscription_id = $1 AND state = 'waiting'",
        )
        .bind(call.subscription_id)
        .execute()
        .await?;
    }
    Ok(())
}

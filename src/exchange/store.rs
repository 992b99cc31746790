//! The rows of subscriptions, their secrets, events and dispatches.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{DispatchState, EventKind, SubscriptionState};
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{DispatchId, MessageId, OrderId, PartnerId, StoreId, SubscriptionId};

/// A subscription as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Subscription {
    pub(super) id: SubscriptionId,
    pub(super) partner_id: PartnerId,
    pub(super) url: String,
    pub(super) kinds: Json<Vec<EventKind>>,
    pub(super) stores: Json<Vec<StoreId>>,
    pub(super) state: SubscriptionState,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) changed_at: DateTime<Utc>,
}

/// Answers whether the subscription is new.
pub(super) async fn insert_subscription(tx: &mut Tx, subscription: &Subscription) -> Result<bool, Error> {
    let inserted = tx
        .sql(
            "INSERT INTO exchange_subscriptions
                 (id, partner_id, url, kinds, stores, state, version, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(subscription.id)
        .bind(subscription.partner_id)
        .bind(&subscription.url)
        .bind(&subscription.kinds)
        .bind(&subscription.stores)
        .bind(subscription.state)
        .bind(subscription.version)
        .bind(subscription.created_at)
        .bind(subscription.changed_at)
        .execute()
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn update_subscription(tx: &mut Tx, subscription: &Subscription) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_subscriptions
         SET url = $2, kinds = $3, stores = $4, state = $5, version = $6, changed_at = $7
         WHERE id = $1",
    )
    .bind(subscription.id)
    .bind(&subscription.url)
    .bind(&subscription.kinds)
    .bind(&subscription.stores)
    .bind(subscription.state)
    .bind(subscription.version)
    .bind(subscription.changed_at)
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn find(db: impl Run<'_>, id: SubscriptionId) -> Result<Option<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// As [`find`], and nobody else changes the subscription until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, id: SubscriptionId) -> Result<Option<Subscription>, Error> {
    tx.sql(
        "UPDATE exchange_subscriptions SET version = version
         WHERE id = $1
         RETURNING id, partner_id, url, kinds, stores, state, version, created_at, changed_at",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Every subscription that is told of new events: a few systems a retailer, so all are read.
pub(super) async fn active(db: impl Run<'_>) -> Result<Vec<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE state = 'active'
         ORDER BY id",
    )
    .fetch_all()
    .await
}

/// The subscriptions of a partner, which are limited in number when they are put.
pub(super) async fn of_partner(db: impl Run<'_>, partner: PartnerId) -> Result<Vec<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE partner_id = $1
         ORDER BY id",
    )
    .bind(partner)
    .fetch_all()
    .await
}

/// Removes a subscription with its secrets and its log. Dispatches under way find nothing and end.
pub(super) async fn delete_subscription(tx: &mut Tx, id: SubscriptionId) -> Result<(), Error> {
    tx.sql("DELETE FROM exchange_dispatches WHERE subscription_id = $1").bind(id).execute().await?;
    tx.sql("DELETE FROM exchange_secrets WHERE subscription_id = $1").bind(id).execute().await?;
    tx.sql("DELETE FROM exchange_subscriptions WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Makes a secret the newest; those before it stay good until `until`.
pub(super) async fn replace_secret(
    tx: &mut Tx,
    id: Uuid,
    subscription: SubscriptionId,
    sealed: &[u8],
    now: Moment,
    until: Moment,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_secrets SET expires_at = $2 WHERE subscription_id = $1 AND expires_at IS NULL")
        .bind(subscription)
        .bind(until)
        .execute()
        .await?;
    tx.sql("DELETE FROM exchange_secrets WHERE subscription_id = $1 AND expires_at <= $2")
        .bind(subscription)
        .bind(now)
        .execute()
        .await?;
    tx.sql("INSERT INTO exchange_secrets (id, subscription_id, sealed_secret, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(subscription)
        .bind(sealed)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// The secrets that are good now, sealed, newest first; their number is limited when they are made.
pub(super) async fn secrets(
    db: impl Run<'_>,
    subscription: SubscriptionId,
    now: Moment,
) -> Result<Vec<Vec<u8>>, Error> {
    let rows: Vec<(Vec<u8>,)> = db
        .sql(
            "SELECT sealed_secret FROM exchange_secrets
             WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2)
             ORDER BY created_at DESC, id DESC",
        )
        .bind(subscription)
        .bind(now)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(sealed,)| sealed).collect())
}

/// The next place among the events of an order. The row is locked until the transaction ends, so places are taken in
/// the order of commits.
pub(super) async fn next_sequence(tx: &mut Tx, order: OrderId) -> Result<i64, Error> {
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
pub(super) struct NewEvent<'a> {
    pub(super) id: MessageId,
    pub(super) kind: EventKind,
    pub(super) order: OrderId,
    pub(super) sequence: i64,
    pub(super) store: &'a StoreId,
    pub(super) body: String,
}

pub(super) async fn insert_event(tx: &mut Tx, now: Moment, event: &NewEvent<'_>) -> Result<(), Error> {
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
pub(super) async fn insert_dispatch(
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
pub(super) struct Call {
    pub(super) id: DispatchId,
    pub(super) subscription_id: SubscriptionId,
    pub(super) event_id: MessageId,
    pub(super) order_id: OrderId,
    pub(super) sequence: i64,
    pub(super) state: DispatchState,
    pub(super) due_at: DateTime<Utc>,
    pub(super) url: String,
    pub(super) subscription_state: SubscriptionState,
    pub(super) body: String,
}

pub(super) async fn call(db: impl Run<'_>, id: DispatchId) -> Result<Option<Call>, Error> {
    db.sql(
        "SELECT dispatch.id, dispatch.subscription_id, dispatch.event_id, dispatch.order_id, dispatch.sequence,
             dispatch.state, dispatch.due_at, subscription.url, subscription.state AS subscription_state, event.body
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
pub(super) async fn is_behind(db: impl Run<'_>, call: &Call) -> Result<bool, Error> {
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
pub(super) async fn next_waiting(db: impl Run<'_>, call: &Call) -> Result<Option<DispatchId>, Error> {
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
pub(super) async fn deliver(tx: &mut Tx, id: DispatchId, status: i64, now: Moment) -> Result<bool, Error> {
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
pub(super) async fn count_failure(
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

pub(super) async fn postpone(tx: &mut Tx, id: DispatchId, due_at: Moment) -> Result<(), Error> {
    tx.sql("UPDATE exchange_dispatches SET due_at = $2 WHERE id = $1")
        .bind(id)
        .bind(due_at)
        .execute()
        .await?;
    Ok(())
}

pub(super) async fn bury(tx: &mut Tx, id: DispatchId) -> Result<(), Error> {
    tx.sql("UPDATE exchange_dispatches SET state = 'dead' WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Turns a subscription off because the address that was called is gone, and gives up all that waits for it. Does
/// nothing when the subscription has another address by now.
pub(super) async fn turn_off(tx: &mut Tx, call: &Call, now: Moment) -> Result<(), Error> {
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

/// A line of the delivery log.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Line {
    pub(super) id: DispatchId,
    pub(super) event_id: MessageId,
    pub(super) kind: EventKind,
    pub(super) order_id: OrderId,
    pub(super) sequence: i64,
    pub(super) state: DispatchState,
    pub(super) attempts: i64,
    pub(super) due_at: DateTime<Utc>,
    pub(super) last_status: Option<i64>,
    pub(super) last_error: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
}

/// The log of a subscription, newest first, of one state or of all, from before a line on.
pub(super) async fn log(
    db: impl Run<'_>,
    subscription: SubscriptionId,
    state: Option<DispatchState>,
    before: Option<DispatchId>,
    limit: i64,
) -> Result<Vec<Line>, Error> {
    // The highest id stands for "no line is excluded": a statement has the same binds each time.
    let before = before.unwrap_or(DispatchId(Uuid::max()));
    let text = match state {
        Some(_) => {
            "SELECT dispatch.id, dispatch.event_id, event.kind, dispatch.order_id, dispatch.sequence, dispatch.state,
                 dispatch.attempts, dispatch.due_at, dispatch.last_status, dispatch.last_error, dispatch.created_at,
                 dispatch.delivered_at
             FROM exchange_dispatches AS dispatch
             JOIN exchange_events AS event ON event.id = dispatch.event_id
             WHERE dispatch.subscription_id = $1 AND dispatch.id < $2 AND dispatch.state = $4
             ORDER BY dispatch.id DESC
             LIMIT $3"
        }
        None => {
            "SELECT dispatch.id, dispatch.event_id, event.kind, dispatch.order_id, dispatch.sequence, dispatch.state,
                 dispatch.attempts, dispatch.due_at, dispatch.last_status, dispatch.last_error, dispatch.created_at,
                 dispatch.delivered_at
             FROM exchange_dispatches AS dispatch
             JOIN exchange_events AS event ON event.id = dispatch.event_id
             WHERE dispatch.subscription_id = $1 AND dispatch.id < $2
             ORDER BY dispatch.id DESC
             LIMIT $3"
        }
    };
    let statement = db.sql(text).bind(subscription).bind(before).bind(limit);
    match state {
        Some(state) => statement.bind(state).fetch_all().await,
        None => statement.fetch_all().await,
    }
}

/// Begins a dispatch anew, whatever became of it; answers whether there was one.
pub(super) async fn restart(
    tx: &mut Tx,
    subscription: SubscriptionId,
    id: DispatchId,
    now: Moment,
) -> Result<bool, Error> {
    let restarted = tx
        .sql(
            "UPDATE exchange_dispatches SET state = 'waiting', attempts = 0, due_at = $3, delivered_at = NULL
             WHERE id = $1 AND subscription_id = $2",
        )
        .bind(id)
        .bind(subscription)
        .bind(now)
        .execute()
        .await?;
    Ok(restarted == 1)
}

/// Gives a dispatch up for good when it is not delivered; answers whether that was so.
pub(super) async fn skip(tx: &mut Tx, id: DispatchId) -> Result<bool, Error> {
    let skipped = tx
        .sql(
            "UPDATE exchange_dispatches SET state = 'skipped' WHERE id = $1 AND state IN ('waiting', 'dead')",
        )
        .bind(id)
        .execute()
        .await?;
    Ok(skipped == 1)
}

/// An event that may be sent again, with its dispatch to a subscriber if there ever was one.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Past {
    pub(super) event_id: MessageId,
    pub(super) kind: EventKind,
    pub(super) order_id: OrderId,
    pub(super) sequence: i64,
    pub(super) store_id: StoreId,
    pub(super) published_at: DateTime<Utc>,
    pub(super) dispatch_id: Option<DispatchId>,
}

/// The events since a moment, oldest first.
pub(super) async fn events_since(
    db: impl Run<'_>,
    subscription: SubscriptionId,
    since: Moment,
    limit: i64,
) -> Result<Vec<Past>, Error> {
    db.sql(
        "SELECT event.id AS event_id, event.kind, event.order_id, event.sequence, event.store_id, event.published_at,
             dispatch.id AS dispatch_id
         FROM exchange_events AS event
         LEFT JOIN exchange_dispatches AS dispatch ON dispatch.event_id = event.id AND dispatch.subscription_id = $1
         WHERE event.published_at >= $2
         ORDER BY event.published_at, event.order_id, event.sequence
         LIMIT $3",
    )
    .bind(subscription)
    .bind(since)
    .bind(limit)
    .fetch_all()
    .await
}

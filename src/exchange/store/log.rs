//! The delivery log, and what may be sent again.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::exchange::model::{DispatchState, EventKind};
use crate::ids::{DispatchId, MessageId, OrderId, StoreId, SubscriptionId};

/// A line of the delivery log.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::exchange) struct Line {
    pub(in crate::exchange) id: DispatchId,
    pub(in crate::exchange) event_id: MessageId,
    pub(in crate::exchange) kind: EventKind,
    pub(in crate::exchange) order_id: OrderId,
    pub(in crate::exchange) sequence: i64,
    pub(in crate::exchange) state: DispatchState,
    pub(in crate::exchange) attempts: i64,
    pub(in crate::exchange) due_at: DateTime<Utc>,
    pub(in crate::exchange) last_status: Option<i64>,
    pub(in crate::exchange) last_error: Option<String>,
    pub(in crate::exchange) created_at: DateTime<Utc>,
    pub(in crate::exchange) delivered_at: Option<DateTime<Utc>>,
}

/// The log of a subscription, newest first, of one state or of all, from before a line on.
pub(in crate::exchange) async fn log(
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
pub(in crate::exchange) async fn restart(
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
pub(in crate::exchange) async fn skip(tx: &mut Tx, id: DispatchId) -> Result<bool, Error> {
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
pub(in crate::exchange) struct Past {
    pub(in crate::exchange) event_id: MessageId,
    pub(in crate::exchange) kind: EventKind,
    pub(in crate::exchange) order_id: OrderId,
    pub(in crate::exchange) sequence: i64,
    pub(in crate::exchange) store_id: StoreId,
    pub(in crate::exchange) published_at: DateTime<Utc>,
    pub(in crate::exchange) dispatch_id: Option<DispatchId>,
}

/// The events since a moment, oldest first.
pub(in crate::exchange) async fn events_since(
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

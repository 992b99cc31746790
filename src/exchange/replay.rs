//! Sending again: one dead letter, everything since a moment, or giving one up so that those behind it go on.

use chrono::Duration;

use super::dispatch::{self, Dispatch};
use super::model::{DispatchState, SubscriptionState, covers};
use super::store::{self, Past};
use super::subscribe::{self, Caller};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{DispatchId, SubscriptionId};
use crate::jobs;

/// Events that one replay looks at: each is a few statements in one transaction.
pub(super) const EVENTS_MAX: usize = 500;
/// How far back a replay may reach: what is older is read from the orders themselves.
pub(super) const REACH: Duration = Duration::days(30);

/// Why something is not sent again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such dispatch")]
    UnknownDispatch,
    #[error("the subscription is off")]
    Off,
    #[error("the dispatch is not waiting or dead")]
    NotOpen(DispatchState),
    #[error("the moment is too long ago")]
    TooLongAgo,
    #[error(transparent)]
    Subscription(#[from] subscribe::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// What a replay since a moment did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replayed {
    /// Events that will be sent again, or for the first time.
    pub(super) events: usize,
    /// From when to go on; nothing when all was reached.
    pub(super) next_since: Option<Moment>,
}

/// Sends one event again from the first try, whatever became of it.
pub(super) async fn one(
    app: &App,
    caller: &Caller,
    subscription: SubscriptionId,
    id: DispatchId,
) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    lock_active(&mut tx, caller, subscription).await?;
    if !restart(app, &mut tx, subscription, id, now).await? {
        return Err(Error::UnknownDispatch);
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// Sends everything since a moment again, delivered or not, also what happened before there was the subscription: for
/// a receiver that lost what it had. It tells the ones that it has by their `webhook-id`.
pub(super) async fn since(
    app: &App,
    caller: &Caller,
    subscription: SubscriptionId,
    since: Moment,
) -> Result<Replayed, Error> {
    let now = app.clock.now();
    if since < now - REACH {
        return Err(Error::TooLongAgo);
    }
    let mut tx = app.db.begin().await?;
    let found = lock_active(&mut tx, caller, subscription).await?;
    let limit = i64::try_from(EVENTS_MAX + 1).unwrap_or(i64::MAX);
    let mut past = store::events_since(&mut tx, subscription, since, limit).await?;
    let next_since = past.get(EVENTS_MAX).map(|event| event.published_at);
    past.truncate(EVENTS_MAX);
    past.retain(|event| covers(&found.kinds.0, &found.stores.0, event.kind, &event.store_id));
    // The order in which every transaction that takes several dispatches of an order takes them.
    past.sort_by_key(|event| (event.order_id, event.sequence));
    for event in &past {
        send_again(app, &mut tx, subscription, event, now).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(Replayed { events: past.len(), next_since })
}

/// Gives one event up for good; the events of its order behind it go on.
pub(super) async fn skip(
    app: &App,
    caller: &Caller,
    subscription: SubscriptionId,
    id: DispatchId,
) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    subscribe::lock_own(&mut tx, caller, subscription).await?;
    let call = store::call(&mut tx, id).await?.filter(|call| call.subscription_id == subscription);
    let call = call.ok_or(Error::UnknownDispatch)?;
    if store::skip(&mut tx, id).await? {
        dispatch::wake_next(&mut tx, &app.ids, now, &call).await?;
    } else if call.state != DispatchState::Skipped {
        return Err(Error::NotOpen(call.state));
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

async fn lock_active(tx: &mut Tx, caller: &Caller, id: SubscriptionId) -> Result<store::Subscription, Error> {
    let found = subscribe::lock_own(tx, caller, id).await?;
    if found.state == SubscriptionState::Active { Ok(found) } else { Err(Error::Off) }
}

async fn send_again(
    app: &App,
    tx: &mut Tx,
    subscription: SubscriptionId,
    event: &Past,
    now: Moment,
) -> Result<(), db::Error> {
    if let Some(known) = event.dispatch_id {
        restart(app, tx, subscription, known, now).await?;
        return Ok(());
    }
    let dispatch: DispatchId = app.ids.next();
    store::insert_dispatch(tx, dispatch, subscription, event.event_id, now).await?;
    jobs::enqueue(tx, &app.ids, now, &Dispatch { dispatch }).await
}

/// The job is written before the dispatch, as a worker holds its job before it settles: neither waits for the other.
async fn restart(
    app: &App,
    tx: &mut Tx,
    subscription: SubscriptionId,
    dispatch: DispatchId,
    now: Moment,
) -> Result<bool, db::Error> {
    jobs::enqueue(tx, &app.ids, now, &Dispatch { dispatch }).await?;
    store::restart(tx, subscription, dispatch, now).await
}

//! Whether links still live, asked before shoppers need them: one that was taken back at the provider is to be noticed when a
//! trip begins, not at its end.
//!
//! It is asked when a shopper begins a trip, and now and then by the sweep; never more often than a quarter of an hour for the
//! same link, and so many links a sweep at most. That nothing can be learned now says nothing of a link.

use serde::{Deserialize, Serialize};

use super::model::MethodState;
use super::provider::{LinkError, Provider};
use super::{secrets, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{Ids, MethodId, ShopperId};
use crate::jobs::{self, Failure, Job, Lease};

/// A trip that begins has links asked after that nobody asked after for this long.
const FRESH: chrono::Duration = chrono::Duration::minutes(15);
/// Links that are not used are asked after this often.
const IDLE: chrono::Duration = chrono::Duration::hours(24);
/// Accounts that a trip has asked after: those that a shopper may choose from.
const PER_TRIP_MAX: i64 = 5;
/// Accounts that a sweep has asked after: one a second, far below every provider's limits.
const PER_SWEEP_MAX: i64 = 60;

/// The job that asks whether a link still lives.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ask {
    method: MethodId,
}

impl Job for Ask {
    const KIND: &'static str = "payments.ask";

    fn subject(&self) -> String {
        self.method.to_string()
    }
}

/// A shopper began a trip: the accounts that may be debited at its end are asked after. Wakes the jobs itself, because nothing
/// hangs on it.
pub async fn expect_debit(app: &App, shopper: ShopperId) -> Result<(), db::Error> {
    let now = app.clock.now();
    let methods = store::methods::unasked(&app.db, Some(shopper), now - FRESH, PER_TRIP_MAX).await?;
    if methods.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    enqueue(&mut tx, &app.ids, now, methods).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// Has links asked after that are not used.
pub(super) async fn sweep(tx: &mut Tx, ids: &Ids, now: Moment) -> Result<(), db::Error> {
    let methods = store::methods::unasked(&mut *tx, None, now - IDLE, PER_SWEEP_MAX).await?;
    enqueue(tx, ids, now, methods).await
}

async fn enqueue(tx: &mut Tx, ids: &Ids, now: Moment, mut methods: Vec<MethodId>) -> Result<(), db::Error> {
    // Everybody who asks for several jobs asks for them in one order.
    methods.sort_unstable();
    for method in methods {
        jobs::enqueue(tx, ids, now, &Ask { method }).await?;
    }
    Ok(())
}

/// Does [`Ask`].
pub async fn ask(app: &App, lease: &Lease) -> jobs::Outcome {
    let Ask { method: id } = lease.payload()?;
    let Some(method) = store::methods::find(&app.db, id).await? else { return Ok(()) };
    let Some(provider) = app.providers.get(method.provider) else { return Ok(()) };
    if method.state != MethodState::Active {
        return Ok(());
    }
    if let Err(LinkError::Unknown(detail) | LinkError::Refused(detail)) =
        look(app, lease, provider, id).await?
    {
        tracing::info!(method.id = %id, "whether a link still lives can't be learned now: {detail}");
    }
    Ok(())
}

/// Asks the provider, and revokes the link here when it is gone there.
pub(super) async fn look(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    method: MethodId,
) -> Result<Result<(), LinkError>, Failure> {
    let secrets = secrets::of_method(app, &app.db, method).await?;
    let Some(token) = secrets.and_then(|secrets| secrets.provider_token) else { return Ok(Ok(())) };
    let answer = provider.is_linked(&token).await;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    store::methods::set_asked(&mut tx, now, method).await?;
    if answer == Ok(false) {
        store::methods::set_state(&mut tx, now, method, MethodState::Active, MethodState::Revoked).await?;
    }
    lease.commit(tx).await?;
    app.changes.changed(method.0);
    Ok(answer.map(|_| ()))
}

//! The sweep: the last defence. Whatever is open and was not heard of is looked at again, so that every payment settles
//! without any webhook and after any crash. Holds whose time has come are watched.

use serde::{Deserialize, Serialize};

use super::operate::Operate;
use super::watch::WatchHold;
use super::{ask, disputes, missed, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db;
use crate::jobs::{self, Job, Lease};

/// How often.
const PERIOD_SECONDS: i64 = 60;
/// An operation that nothing was heard of for this long gets a job again; its own is usually still there.
const SILENCE: chrono::Duration = chrono::Duration::minutes(2);
/// Operations in one sweep: more wait for the next.
const OPERATIONS_MAX: i64 = 500;
/// Holds in one sweep, likewise.
const HOLDS_MAX: i64 = 500;

/// The job that sweeps, once for each period.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sweep {
    /// Which period: periods since 1970.
    period: i64,
}

impl Job for Sweep {
    const KIND: &'static str = "payments.sweep";

    fn subject(&self) -> String {
        self.period.to_string()
    }
}

/// Makes sure that the next sweep is asked for, and the next night's comparison. Call it at start; from then on each sweep asks for the next.
pub async fn schedule(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (next, run_at) = next(now);
    jobs::enqueue_at(&mut tx, &app.ids, now, &next, run_at).await?;
    tx.commit().await?;
    super::reconcile::schedule_nightly(app).await
}

/// Does [`Sweep`].
pub async fn sweep(app: &App, lease: &Lease) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut silent = store::operations::silent(&mut tx, now - SILENCE, OPERATIONS_MAX).await?;
    // Everybody who asks for several jobs asks for them in one order.
    silent.sort_unstable();
    for operation in silent {
        let job = Operate { operation };
        // A job that waits may be pausing on purpose, as between two tries of a refund; only a job that is gone is missed.
        if !jobs::is_waiting(&app.db, Operate::KIND, &job.subject()).await? {
            jobs::enqueue(&mut tx, &app.ids, now, &job).await?;
        }
    }
    ask::sweep(&mut tx, &app.ids, now).await?;
    disputes::sweep(app, &mut tx, now).await?;
    missed::sweep(app, &mut tx, now).await?;
    let mut holds = store::payments::holds_due(&mut tx, now, HOLDS_MAX).await?;
    holds.sort_unstable();
    for payment in holds {
        let job = WatchHold { payment };
        if !jobs::is_waiting(&app.db, WatchHold::KIND, &job.subject()).await? {
            jobs::enqueue(&mut tx, &app.ids, now, &job).await?;
        }
    }
    let (next, run_at) = next(now);
    jobs::enqueue_at(&mut tx, &app.ids, now, &next, run_at).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}

fn next(now: Moment) -> (Sweep, Moment) {
    let seconds = now.timestamp();
    let period = seconds.div_euclid(PERIOD_SECONDS) + 1;
    let wait = period * PERIOD_SECONDS - seconds;
    (Sweep { period }, now + chrono::Duration::seconds(wait))
}

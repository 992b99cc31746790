//! The loop that works jobs off: claims, runs with a deadline, settles, backs off.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Failure, Lease, Outcome, store};
use crate::app::App;
use crate::db;

/// A worker that died holds a job this long before another takes it: a shopper may be waiting at the exit.
const LEASE: chrono::Duration = chrono::Duration::seconds(15);
/// How often a worker that lives renews its lease: twice may fail before another worker takes the job.
const RENEW: Duration = Duration::from_secs(5);
/// Jobs that one instance works on at once: enough to hide partners' latency, few enough for the database's connections.
const WORKERS: usize = 16;
/// How often an idle instance looks for jobs that another instance wrote or that became due.
const POLL: Duration = Duration::from_millis(250);
/// Tries before a job is a dead letter: with the back-off below about half a day.
const ATTEMPTS_MAX: i64 = 80;
/// The longest pause between two tries.
const BACKOFF_MAX: Duration = Duration::from_mins(10);

/// Wakes the workers of this instance after a commit that wrote a job.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// There may be something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Works jobs off until told to stop, then finishes those it began.
pub async fn work(app: App, stop: CancellationToken) {
    let workers = std::sync::Arc::new(Semaphore::new(WORKERS));
    let tasks = TaskTracker::new();
    while !stop.is_cancelled() {
        let Ok(permit) = workers.clone().acquire_owned().await else { break };
        match claim(&app).await {
            Ok(Some(lease)) => {
                let app = app.clone();
                tasks.spawn(async move {
                    run(&app, lease).await;
                    drop(permit);
                });
            }
            Ok(None) => {
                drop(permit);
                tokio::select! {
                    () = app.jobs.0.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                    () = stop.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::error!("jobs can't be claimed: {error}");
                drop(permit);
                tokio::time::sleep(POLL).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Works off, one after the other, every job that is due by the app's clock; answers how many. For tests and tools.
pub async fn run_due(app: &App) -> Result<usize, db::Error> {
    let mut done = 0;
    while let Some(lease) = claim(app).await? {
        run(app, lease).await;
        done += 1;
    }
    Ok(done)
}

async fn claim(app: &App) -> Result<Option<Lease>, db::Error> {
    let now = app.clock.now();
    let kinds = db::keys(App::KINDS_OF_JOBS.iter().copied())?;
    if store::is_any_due(&app.db, &kinds, now).await? {
        store::claim(&app.db, &kinds, now, now + LEASE).await
    } else {
        Ok(None)
    }
}

#[tracing::instrument(name = "job", skip_all, fields(job.id = %lease.id, job.kind = %lease.kind, job.attempt = lease.attempt))]
async fn run(app: &App, lease: Lease) {
    let work = AssertUnwindSafe(app.run_job(&lease)).catch_unwind();
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(App::deadline_of(&lease.kind), work) => match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::later("the job panicked")),
            Err(_) => Err(Failure::later("the job took too long")),
        },
        never = renew(app, &lease) => match never {},
    };
    if let Err(error) = settle(app, &lease, outcome).await {
        // The lease runs out and another worker does the job again.
        tracing::error!("a job's end can't be written: {error}");
    }
}

/// Keeps the lease while the job runs. A renewal that fails is no reason to stop: whether the lease still holds is asked
/// again where something is written.
async fn renew(app: &App, lease: &Lease) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(RENEW).await;
        if let Err(error) = store::renew(&app.db, lease, app.clock.now() + LEASE).await {
            tracing::warn!("a lease can't be renewed: {error}");
        }
    }
}

async fn settle(app: &App, lease: &Lease, outcome: Outcome) -> Result<(), db::Error> {
    let now = app.clock.now();
    let label = match &outcome {
        Ok(()) => "done",
        Err(Failure::Later { .. }) => "retried",
        Err(Failure::Again { .. }) => "again",
        Err(Failure::Never { .. }) => "dead",
    };
    metrics::counter!("aisle_jobs_total", "kind" => lease.kind.clone(), "outcome" => label).increment(1);
    match outcome {
        Ok(()) => store::finish(&app.db, lease, now).await,
        Err(Failure::Again { after }) => store::go_on(&app.db, lease, now, now + after).await,
        Err(Failure::Later { after, reason }) if after.is_some() || lease.attempt < ATTEMPTS_MAX => {
            let pause = after.unwrap_or_else(|| backoff(app, lease.attempt));
            tracing::warn!(job.pause_ms = %pause.as_millis(), "job to be tried again: {reason}");
            store::retry(&app.db, lease, now, now + pause, &reason, after.is_none()).await
        }
        Err(Failure::Later { reason, .. } | Failure::Never { reason }) => {
            tracing::error!("job given up: {reason}");
            store::bury(&app.db, lease, now, &reason).await
        }
    }
}

/// Half a second, doubled with each try, with full jitter on its upper half so that a partner that comes back is not
/// met by everybody at once.
fn backoff(app: &App, attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    let longest = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(doublings)).min(BACKOFF_MAX);
    let half = longest / 2;
    let jitter_ms = app.random.below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX));
    half + Duration::from_millis(jitter_ms)
}

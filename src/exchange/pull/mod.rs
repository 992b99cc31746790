//! Pulls master data out of back-office systems: a job for each stream of each connection, which never ends.
//!
//! Invariants: what changed at or after the mark, less the overlap, is asked for, so that a transaction that commits late
//! with an early stamp is not skipped; what was taken already is known by row and stamp, and by the hash of the rows that a
//! record becomes; the mark moves in the transaction that keeps the last batch of a run, never elsewhere; a batch goes the
//! way of every other delivery of the catalogue, with its rules, its quarantine and its one revision. Nothing is taken back
//! because a delta does not have it: only a full comparison that arrived complete does that. A run that fails leaves all as
//! it was and is tried again, with a longer pause each time.
//!
//! `run.rs` asks, `batch.rs` maps and delivers, `full.rs` finds what is gone, `dry.rs` shows what a pull would change.

mod batch;
mod dry;
mod full;
mod run;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::run::Run;
use super::connections::{Connection, Stream};
use super::store::pulled;
use super::store::pulls::{self, Place};
use super::system::CallError;
use crate::app::App;
use crate::catalog::{self, BatchError};
use crate::db;
use crate::ids::BatchId;
use crate::jobs::{self, Failure, Job, Lease, Outcome};

pub use dry::dry_run;

/// The job that asks a stream for what changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pull {
    /// The connection.
    pub connection: String,
    /// Its stream.
    pub stream: String,
}

impl Job for Pull {
    const KIND: &'static str = "exchange.pull";
    /// A full comparison of 100,000 records at the pace of a slow system.
    const DEADLINE: Duration = Duration::from_mins(30);

    fn subject(&self) -> String {
        format!("{}/{}", self.connection, self.stream)
    }
}

/// The longest pause after failures in a row.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// How often a stream whose batch waits for a person looks whether somebody decided.
const HELD_PAUSE: Duration = Duration::from_secs(15);
/// When a stream that this instance has no file of is given back to all.
const NOT_OURS_PAUSE: Duration = Duration::from_secs(20);
/// Longest error that is kept.
const ERROR_LENGTH_MAX: usize = 500;

/// Why a run broke off.
#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the batch was not taken: {0}")]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The whole batch can't be right.
    #[error("refused as a whole: {0}")]
    Refused(String),
    #[error("batch {0} is held until somebody decides about it")]
    Held(BatchId),
    /// Another stream has to be compared in full first.
    #[error("waits for the stream {0}")]
    Waits(String),
    #[error("the lease was lost")]
    Lost,
}

/// Makes sure that each stream is asked. Call it at start.
pub async fn schedule_pulls(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    for connection in app.connections.iter() {
        for stream in &connection.streams {
            let mut tx = app.db.begin().await?;
            pulls::begin(&mut tx, place(connection, stream)).await?;
            let job = Pull { connection: connection.name.clone(), stream: stream.name.clone() };
            jobs::enqueue(&mut tx, &app.ids, now, &job).await?;
            tx.commit().await?;
        }
    }
    app.jobs.wake();
    Ok(())
}

fn place<'a>(connection: &'a Connection, stream: &'a Stream) -> Place<'a> {
    Place { connection: &connection.name, stream: &stream.name }
}

/// The sender of a connection's batches.
fn source(connection: &Connection) -> String {
    format!("connection:{}", connection.name)
}

/// Does [`Pull`].
pub async fn pull(app: &App, lease: &Lease) -> Outcome {
    let job: Pull = lease.payload()?;
    let found = app.connections.find(&job.connection);
    let found = found.and_then(|(connection, system)| {
        let stream = connection.streams.iter().find(|stream| stream.name == job.stream)?;
        Some((connection, system, stream))
    });
    // The file is gone, or this instance does not have it yet: another one may, and the job is theirs too.
    let Some((connection, system, stream)) = found else {
        return Err(Failure::Again { after: NOT_OURS_PAUSE });
    };
    let mut run = Run::begin(app, lease, connection, system, stream).await?;
    let outcome = run.pull().await;
    let (now, place) = (app.clock.now(), place(connection, stream));
    let after = match outcome {
        Ok(()) | Err(PullError::Held(_)) => {
            let mut tx = app.db.begin().await?;
            pulls::succeed(&mut tx, place, now, run.warning().as_deref()).await?;
            lease.commit(tx).await?;
            if outcome.is_ok() { stream.pull.every } else { HELD_PAUSE }
        }
        Err(PullError::Waits(_)) => stream.pull.every,
        Err(PullError::Lost) => return Err(Failure::later("the lease was lost")),
        Err(error) => failed(app, lease, place, stream, &error).await?,
    };
    Err(Failure::Again { after })
}

async fn failed(
    app: &App,
    lease: &Lease,
    place: Place<'_>,
    stream: &Stream,
    error: &PullError,
) -> Result<Duration, Failure> {
    let text: String = error.to_string().chars().take(ERROR_LENGTH_MAX).collect();
    let mut tx = app.db.begin().await?;
    let failures = pulls::fail(&mut tx, place, app.clock.now(), &text).await?;
    lease.commit(tx).await?;
    let (connection, name) = (place.connection.to_owned(), place.stream.to_owned());
    tracing::warn!(connection, stream = name, failures, "a system can't be asked: {text}");
    metrics::counter!("aisle_exchange_pull_failures_total", "connection" => connection, "stream" => name)
        .increment(1);
    Ok(pause(stream.pull.every, failures, error, app))
}

/// Doubled with each failure, with jitter, so that a system that comes back is not met by all streams at once.
fn pause(every: Duration, failures: i64, error: &PullError, app: &App) -> Duration {
    if let PullError::Call(CallError::Throttled(seconds)) = error {
        return Duration::from_secs(*seconds).clamp(every, PAUSE_MAX);
    }
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let longest = every.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX.max(every));
    let half = longest / 2;
    let jitter = app.random.below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX));
    half + Duration::from_millis(jitter)
}

/// How a stream is doing, for staff.
#[derive(Debug)]
pub(super) struct StreamState {
    pub(super) name: String,
    pub(super) state: pulls::State,
    pub(super) today: catalog::Delivered,
}

/// How the streams of a connection are doing; rows since a moment.
pub(super) async fn states(
    app: &App,
    connection: &Connection,
    since: DateTime<Utc>,
) -> Result<Vec<StreamState>, db::Error> {
    let mut known = pulls::states(&app.db, &connection.name).await?;
    let mut states = Vec::new();
    for stream in &connection.streams {
        let at = known.iter().position(|state| state.stream == stream.name);
        let state = at.map(|at| known.swap_remove(at)).unwrap_or_default();
        let today = catalog::delivered_since(&app.db, &source(connection), &stream.name, since).await?;
        states.push(StreamState { name: stream.name.clone(), state, today });
    }
    Ok(states)
}

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
use super::health;
use super::store::pulled;
use super::store::pulls::{self, Place};
use super::system::CallError;
use crate::app::App;
use crate::catalog::{self, BatchError};
use crate::db;
use crate::ids::BatchId;
use crate::jobs::{self, Failure, Job, Lease, Outcome};

pub use dry::dry_run;
pub(super) use dry::judge;

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

/// How often a stream whose batch waits for a person looks whether somebody decided.
const HELD_PAUSE: Duration = Duration::from_secs(15);

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
        return Err(Failure::Again { after: health::NOT_OURS_PAUSE });
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
        Err(error) => {
            let call = if let PullError::Call(call) = &error { Some(call) } else { None };
            health::failed(app, lease, place, stream.pull.every, (&error, call)).await?
        }
    };
    Err(Failure::Again { after })
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

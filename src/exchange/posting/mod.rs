//! Brings sales and returns into the books of back-office systems: a job for each connection that takes sales, which never
//! ends, so that one worker at a time writes into the books of a company.
//!
//! Invariants: what is to be posted is written in the transaction in which goods changed hands, so there is neither a sale
//! without its posting nor a posting without its sale; before a call that drafts documents it is noted that it is begun, and
//! what it did is looked for before it is repeated, so that a document is in the books once whatever dies on the way; the
//! documents of one order are drafted one after the other, each when the one before is in the books; a document that the
//! system refuses is parked for a person, with the cause, and holds up no other order. Nobody who shops waits for any of it.
//!
//! `run.rs` does it; `http.rs` is what staff see and do.

mod http;
mod run;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::run::{Run, RunError};
use super::connections::SALES;
use super::health;
use super::store::postings;
use super::store::pulls::{self, Place};
use crate::app::App;
use crate::db;
use crate::jobs::{self, Failure, Job, Lease, Outcome};

pub(super) use http::routes;

/// The job that posts what waits for a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Post {
    /// The connection.
    pub connection: String,
}

impl Job for Post {
    const KIND: &'static str = "exchange.post";
    /// A few calls of a minute and a half each, and those in which a refused batch is split.
    const DEADLINE: Duration = Duration::from_mins(15);

    fn subject(&self) -> String {
        self.connection.clone()
    }
}

/// Makes sure that what waits is posted. Call it at start.
pub async fn schedule_postings(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    for connection in app.connections.iter().filter(|connection| connection.sales.is_some()) {
        let mut tx = app.db.begin().await?;
        pulls::begin(&mut tx, place(&connection.name)).await?;
        let job = Post { connection: connection.name.clone() };
        jobs::enqueue(&mut tx, &app.ids, now, &job).await?;
        tx.commit().await?;
    }
    app.jobs.wake();
    Ok(())
}

/// Where it is noted how the flow is doing.
fn place(connection: &str) -> Place<'_> {
    Place { connection, stream: SALES }
}

/// Does [`Post`].
pub async fn post(app: &App, lease: &Lease) -> Outcome {
    let job: Post = lease.payload()?;
    // The file is gone, or this instance does not have it yet: another one may, and the job is theirs too.
    let Some((sales, books)) = app.connections.books(&job.connection) else {
        return Err(Failure::Again { after: health::NOT_OURS_PAUSE });
    };
    let place = place(&job.connection);
    let run = Run { app, lease, connection: &job.connection, sales, books };
    let after = match run.post().await {
        Ok(is_more) => {
            let mut tx = app.db.begin().await?;
            pulls::succeed(&mut tx, place, app.clock.now(), None).await?;
            lease.commit(tx).await?;
            if is_more { Duration::ZERO } else { sales.every }
        }
        Err(RunError::Unsettled(rest)) => rest.max(sales.every),
        Err(RunError::Job(failure)) => return Err(failure),
        Err(error) => {
            let call = if let RunError::Call(call) = &error { Some(call) } else { None };
            health::failed(app, lease, place, sales.every, (&error, call)).await?
        }
    };
    Err(Failure::Again { after })
}

/// How the flow of sales into a connection is doing, for staff.
#[derive(Debug)]
pub(super) struct FlowState {
    pub(super) state: pulls::State,
    pub(super) counts: postings::Counts,
    pub(super) posted: i64,
}

/// How the flow is doing; documents in the books since a moment.
pub(super) async fn state(app: &App, connection: &str, since: DateTime<Utc>) -> Result<FlowState, db::Error> {
    let states = pulls::states(&app.db, connection).await?;
    Ok(FlowState {
        state: states.into_iter().find(|state| state.stream == SALES).unwrap_or_default(),
        counts: postings::counts(&app.db, connection).await?,
        posted: postings::posted_since(&app.db, connection, since).await?,
    })
}

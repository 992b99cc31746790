//! Jobs: work that may fail later, as rows written in the transaction that made it necessary.
//!
//! Invariants: a job runs at least once after its transaction commits and never before; everything a job does can be
//! done twice; a worker that lost its lease can change nothing any more ([`Lease::commit`]); a job that keeps failing ends
//! as a dead letter that staff can see, replay or drop, never as silence.
//!
//! `store.rs` has the rows, `runner.rs` the loop, `pace.rs` what an instance does over and over without a row; `app.rs` maps kinds to functions.

mod pace;
mod runner;
mod store;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use crate::clock::Moment;
use crate::db::{self, Db, Run, Tx};
use crate::ids::{Ids, JobId};

pub use pace::every;
pub use runner::{Wake, run_due, work};
pub use store::{Counts, Dead, counts, dead, drop_dead, forget_dead, replay};

/// How long a job may take, unless its kind says more.
const DEADLINE: Duration = Duration::from_secs(50);

/// A kind of work: what it is about, and everything needed to do it.
pub trait Job: Serialize + DeserializeOwned {
    /// The stable name of the kind.
    const KIND: &'static str;
    /// A run that takes longer is cut off and tried again: every call inside it has a shorter deadline of its own.
    const DEADLINE: Duration = DEADLINE;

    /// What it is about. Asked for twice before it ran, it runs once; asked for while it runs, it runs once more.
    fn subject(&self) -> String;
}

/// A job in the hands of one worker.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Which job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// How often it was tried, this time included.
    pub attempt: i64,
    fence: i64,
    payload: serde_json::Value,
}

/// Why a job did not end well.
#[derive(Debug)]
pub enum Failure {
    /// Try again: after this time, or by the general back-off.
    Later {
        /// When to try again.
        after: Option<Duration>,
        /// What went wrong, for staff.
        reason: String,
    },
    /// Nothing went wrong: the work has no end, and goes on after this time, or at once when it was asked for meanwhile.
    Again {
        /// When to go on.
        after: Duration,
    },
    /// Trying again is of no use: a dead letter.
    Never {
        /// What went wrong, for staff.
        reason: String,
    },
}

/// How a job ended.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// Try again by the general back-off.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { after: None, reason: reason.into() }
    }

    /// Try again after a time of the job's own choice; does not count towards the limit of attempts.
    pub fn after(after: Duration, reason: impl Into<String>) -> Self {
        Self::Later { after: Some(after), reason: reason.into() }
    }

    /// Never again.
    pub fn never(reason: impl Into<String>) -> Self {
        Self::Never { reason: reason.into() }
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::later(error.into().to_string())
    }
}

/// Another worker has the job now: what this one found out must not be written.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the lease of the job was lost")]
pub struct LeaseLost;

impl Lease {
    /// What the job needs.
    pub fn payload<J: Job>(&self) -> Result<J, Failure> {
        serde_json::from_value(self.payload.clone())
            .map_err(|error| Failure::never(format!("the payload can't be read: {error}")))
    }

    /// Whether the lease still holds, asked inside a transaction that must not be committed when it does not. The last
    /// statement of it but for rows that nobody else locks: see [`Lease::commit`].
    pub async fn holds(&self, tx: &mut Tx) -> Result<bool, db::Error> {
        Ok(store::touch(tx, self.id, self.fence).await? == 1)
    }

    /// Commits what the job settled, if the lease still holds; else nothing of it is written. The job's row is the last
    /// one that the transaction locks: whoever locks a row of a room asks for jobs after it, so the other order could make
    /// two transactions wait for each other.
    pub async fn commit(&self, mut tx: Tx) -> Result<(), Failure> {
        if store::touch(&mut tx, self.id, self.fence).await? != 1 {
            return Err(LeaseLost.into());
        }
        Ok(tx.commit().await?)
    }
}

/// Asks for a job as soon as the transaction commits. Call [`Wake::wake`] after the commit to have it run at once.
pub async fn enqueue<J: Job>(tx: &mut Tx, ids: &Ids, now: Moment, job: &J) -> Result<(), db::Error> {
    store::insert(tx, ids.next(), now, job, now).await
}

/// Asks for a job at a later time.
pub async fn enqueue_at<J: Job>(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    job: &J,
    run_at: DateTime<Utc>,
) -> Result<(), db::Error> {
    store::insert(tx, ids.next(), now, job, run_at).await
}

/// Whether a job of this kind waits for this subject.
pub async fn is_waiting(db: &Db, kind: &str, subject: &str) -> Result<bool, db::Error> {
    let row: Option<(String,)> = db
        .sql("SELECT kind FROM jobs WHERE state = 'waiting' AND kind = $1 AND subject = $2")
        .bind(kind)
        .bind(subject)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

//! The rows of jobs: insert, claim, finish, retry, bury.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::{Job, Lease};
use crate::clock::Moment;
use crate::db::{Db, Error, Run, Sql, Tx};
use crate::ids::JobId;

pub(super) async fn insert<J: Job>(
    tx: &mut Tx,
    id: JobId,
    now: Moment,
    job: &J,
    run_at: Moment,
) -> Result<(), Error> {
    let payload = serde_json::to_value(job).map_err(|error| Error::Encode(error.into()))?;
    tx.sql(
        "INSERT INTO jobs (id, kind, subject, payload, state, run_at, fence, rerun, attempts, created_at)
         VALUES ($1, $2, $3, $4, 'waiting', $5, 0, FALSE, 0, $6)
         ON CONFLICT (kind, subject) WHERE state = 'waiting' DO UPDATE SET
             payload = excluded.payload,
             rerun = jobs.leased_until IS NOT NULL,
             run_at = CASE WHEN excluded.run_at < jobs.run_at THEN excluded.run_at ELSE jobs.run_at END",
    )
    .bind(id)
    .bind(J::KIND)
    .bind(job.subject())
    .bind(Json(payload))
    .bind(run_at)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Claimed {
    id: JobId,
    kind: String,
    payload: Json<serde_json::Value>,
    fence: i64,
    attempts: i64,
}

/// Takes the job of these kinds ([`db::keys`]) that has been due the longest, until `until`.
pub(super) async fn claim(db: &Db, kinds: &str, now: Moment, until: Moment) -> Result<Option<Lease>, Error> {
    let claimed: Option<Claimed> = db
        .sql(Sql::each(
            "UPDATE jobs SET leased_until = $1, fence = fence + 1, attempts = attempts + 1, rerun = FALSE
             WHERE id = (
                 SELECT id FROM jobs
                 WHERE state = 'waiting' AND run_at <= $2 AND (leased_until IS NULL OR leased_until < $2)
                     AND kind IN (SELECT value ->> 'key' FROM json_each($3))
                 ORDER BY run_at, id
                 LIMIT 1
             )
             RETURNING id, kind, payload, fence, attempts",
            "UPDATE jobs SET leased_until = $1, fence = fence + 1, attempts = attempts + 1, rerun = FALSE
             WHERE id = (
                 SELECT id FROM jobs
                 WHERE state = 'waiting' AND run_at <= $2 AND (leased_until IS NULL OR leased_until < $2)
                     AND kind IN (SELECT value ->> 'key' FROM json_each($3))
                 ORDER BY run_at, id
                 LIMIT 1
                 FOR UPDATE SKIP LOCKED
             )
             RETURNING id, kind, payload, fence, attempts",
        ))
        .bind(until)
        .bind(now)
        .bind(kinds)
        .fetch_optional()
        .await?;
    Ok(claimed.map(|row| Lease {
        id: row.id,
        kind: row.kind,
        attempt: row.attempts,
        fence: row.fence,
        payload: row.payload.0,
    }))
}

/// Whether any job of these kinds ([`db::keys`]) is due; a plain read, so that an idle instance never takes SQLite's writer.
pub(super) async fn is_any_due(db: &Db, kinds: &str, now: Moment) -> Result<bool, Error> {
    let due: Option<(JobId,)> = db
        .sql(
            "SELECT id FROM jobs
             WHERE state = 'waiting' AND run_at <= $1 AND (leased_until IS NULL OR leased_until < $1)
                 AND kind IN (SELECT value ->> 'key' FROM json_each($2))
             LIMIT 1",
        )
        .bind(now)
        .bind(kinds)
        .fetch_optional()
        .await?;
    Ok(due.is_some())
}

pub(super) async fn touch(tx: &mut Tx, id: JobId, fence: i64) -> Result<u64, Error> {
    tx.sql("UPDATE jobs SET fence = fence WHERE id = $1 AND fence = $2 AND state = 'waiting'")
        .bind(id)
        .bind(fence)
        .execute()
        .await
}

/// Holds a job until `until`, while its lease is not lost.
pub(super) async fn renew(db: &Db, lease: &Lease, until: Moment) -> Result<(), Error> {
    db.sql("UPDATE jobs SET leased_until = $3 WHERE id = $1 AND fence = $2 AND state = 'waiting'")
        .bind(lease.id)
        .bind(lease.fence)
        .bind(until)
        .execute()
        .await?;
    Ok(())
}

/// Ends a job that went well, or lets it run once more when it was asked for meanwhile.
pub(super) async fn finish(db: &Db, lease: &Lease, now: Moment) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let ended = tx
        .sql("DELETE FROM jobs WHERE id = $1 AND fence = $2 AND NOT rerun")
        .bind(lease.id)
        .bind(lease.fence)
        .execute()
        .await?;
    if ended == 0 {
        tx.sql(
            "UPDATE jobs SET leased_until = NULL, rerun = FALSE, attempts = 0, run_at = $3, last_error = NULL
             WHERE id = $1 AND fence = $2",
        )
        .bind(lease.id)
        .bind(lease.fence)
        .bind(now)
        .execute()
        .await?;
    }
    tx.commit().await
}

/// Gives a job back, to be tried again at `run_at`, or at once when it was asked for meanwhile. A pause of the job's own
/// choice does not count as an attempt.
pub(super) async fn retry(
    db: &Db,
    lease: &Lease,
    now: Moment,
    run_at: Moment,
    reason: &str,
    counts: bool,
) -> Result<(), Error> {
    db.sql(
        "UPDATE jobs SET
             leased_until = NULL,
             run_at = CASE WHEN rerun THEN $3 ELSE $4 END,
             last_error = $5,
             attempts = CASE WHEN $6 THEN attempts ELSE attempts - 1 END
         WHERE id = $1 AND fence = $2",
    )
    .bind(lease.id)
    .bind(lease.fence)
    .bind(now)
    .bind(run_at)
    .bind(reason)
    .bind(counts)
    .execute()
    .await?;
    Ok(())
}

/// Gives a job back that went well and has no end: as [`retry`], and what went wrong before is over. Otherwise the kills and
/// failures of a year would add up, and one more would bury it.
pub(super) async fn go_on(db: &Db, lease: &Lease, now: Moment, run_at: Moment) -> Result<(), Error> {
    db.sql(
        "UPDATE jobs SET
             leased_until = NULL,
             run_at = CASE WHEN rerun THEN $3 ELSE $4 END,
             last_error = NULL,
             attempts = 0
         WHERE id = $1 AND fence = $2",
    )
    .bind(lease.id)
    .bind(lease.fence)
    .bind(now)
    .bind(run_at)
    .execute()
    .await?;
    Ok(())
}

/// Makes a job a dead letter, unless it was asked for again meanwhile: then it runs once more.
pub(super) async fn bury(db: &Db, lease: &Lease, now: Moment, reason: &str) -> Result<(), Error> {
    db.sql(
        "UPDATE jobs SET
             leased_until = NULL,
             state = CASE WHEN rerun THEN 'waiting' ELSE 'dead' END,
             attempts = CASE WHEN rerun THEN 0 ELSE attempts END,
             run_at = $3,
             rerun = FALSE,
             last_error = $4
         WHERE id = $1 AND fence = $2",
    )
    .bind(lease.id)
    .bind(lease.fence)
    .bind(now)
    .bind(reason)
    .execute()
    .await?;
    Ok(())
}

/// A job that was given up, as staff see it.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = DeadJob)]
pub struct Dead {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Most dead letters that one answer lists.
const DEAD_LISTED_MAX: i64 = 200;

/// The dead letters, oldest first.
pub async fn dead(db: &Db) -> Result<Vec<Dead>, Error> {
    db.sql(
        "SELECT id, kind, subject, attempts, last_error, created_at FROM jobs
         WHERE state = 'dead'
         ORDER BY created_at, id
         LIMIT $1",
    )
    .bind(DEAD_LISTED_MAX)
    .fetch_all()
    .await
}

/// Lets a dead letter be tried again from the start. Says whether there was one; a newer job for the same subject stands
/// in for it.
pub async fn replay(db: &Db, id: JobId, now: Moment) -> Result<bool, Error> {
    let mut tx = db.begin().await?;
    let replaced = tx
        .sql(
            "DELETE FROM jobs
             WHERE id = $1 AND state = 'dead' AND EXISTS (
                 SELECT 1 FROM jobs AS newer
                 WHERE newer.state = 'waiting' AND newer.kind = jobs.kind AND newer.subject = jobs.subject
             )",
        )
        .bind(id)
        .execute()
        .await?;
    let revived = tx
        .sql("UPDATE jobs SET state = 'waiting', attempts = 0, run_at = $2 WHERE id = $1 AND state = 'dead'")
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    tx.commit().await?;
    Ok(replaced + revived > 0)
}

/// Drops a dead letter for good. Says whether there was one.
pub async fn drop_dead(db: &Db, id: JobId) -> Result<bool, Error> {
    Ok(db.sql("DELETE FROM jobs WHERE id = $1 AND state = 'dead'").bind(id).execute().await? == 1)
}

/// Drops the dead letters of a kind about a subject, inside the transaction that did their work otherwise.
pub async fn forget_dead(tx: &mut Tx, kind: &str, subject: &str) -> Result<(), Error> {
    tx.sql("DELETE FROM jobs WHERE kind = $1 AND subject = $2 AND state = 'dead'")
        .bind(kind)
        .bind(subject)
        .execute()
        .await?;
    Ok(())
}

/// How many jobs wait and how many are dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting or being worked on.
    pub waiting: i64,
    /// Given up.
    pub dead: i64,
}

/// Counts the jobs by state.
pub async fn counts(db: &Db) -> Result<Counts, Error> {
    let rows: Vec<(String, i64)> =
        db.sql("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetch_all().await?;
    let of = |state| rows.iter().find(|(each, _)| each == state).map_or(0, |(_, count)| *count);
    Ok(Counts { waiting: of("waiting"), dead: of("dead") })
}

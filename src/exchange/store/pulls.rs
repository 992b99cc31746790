//! How far each stream of a system is, and how it is doing.

use chrono::{DateTime, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::BatchId;

/// A stream of a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Place<'a> {
    pub(in crate::exchange) connection: &'a str,
    pub(in crate::exchange) stream: &'a str,
}

/// How a stream is doing.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(in crate::exchange) struct State {
    pub(in crate::exchange) stream: String,
    pub(in crate::exchange) mark: Option<DateTime<Utc>>,
    pub(in crate::exchange) full_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) full_records: Option<i64>,
    pub(in crate::exchange) connected_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) asked_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) failures: i64,
    pub(in crate::exchange) last_error: Option<String>,
    pub(in crate::exchange) last_error_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) warning: Option<String>,
    pub(in crate::exchange) backlog: i64,
    pub(in crate::exchange) held_batch: Option<BatchId>,
    pub(in crate::exchange) held_hash: Option<String>,
}

const STATES: &str =
    "SELECT stream, mark, full_at, full_records, connected_at, asked_at, failures, last_error,
         last_error_at, warning, backlog, held_batch, held_hash
     FROM exchange_pulls
     WHERE connection = $1
     ORDER BY stream";

/// The streams of a connection that were ever asked.
pub(in crate::exchange) async fn states(db: impl Run<'_>, connection: &str) -> Result<Vec<State>, Error> {
    db.sql(STATES).bind(connection).fetch_all().await
}

/// How far a full comparison got.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Full {
    pub(in crate::exchange) at: Moment,
    pub(in crate::exchange) records: i64,
}

/// Makes sure that the stream has a row.
pub(in crate::exchange) async fn begin(tx: &mut Tx, place: Place<'_>) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_pulls (connection, stream, failures, backlog)
         VALUES ($1, $2, 0, 0)
         ON CONFLICT (connection, stream) DO NOTHING",
    )
    .bind(place.connection)
    .bind(place.stream)
    .execute()
    .await?;
    Ok(())
}

/// Moves the mark, never backwards, and notes a full comparison.
pub(in crate::exchange) async fn advance(
    tx: &mut Tx,
    place: Place<'_>,
    mark: Option<Moment>,
    full: Option<Full>,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_pulls SET
             mark = CASE WHEN mark IS NULL OR mark < $3 THEN COALESCE($3, mark) ELSE mark END,
             full_at = COALESCE($4, full_at), full_records = COALESCE($5, full_records),
             held_batch = NULL, held_hash = NULL
         WHERE connection = $1 AND stream = $2",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(mark)
    .bind(full.map(|full| full.at))
    .bind(full.map(|full| full.records))
    .execute()
    .await?;
    Ok(())
}

/// Notes how many records are known of and not taken yet.
pub(in crate::exchange) async fn set_backlog(
    tx: &mut Tx,
    place: Place<'_>,
    backlog: i64,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_pulls SET backlog = $3 WHERE connection = $1 AND stream = $2")
        .bind(place.connection)
        .bind(place.stream)
        .bind(backlog)
        .execute()
        .await?;
    Ok(())
}

/// Notes that a batch waits for a person.
pub(in crate::exchange) async fn hold(
    tx: &mut Tx,
    place: Place<'_>,
    batch: BatchId,
    hash: &str,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_pulls SET held_batch = $3, held_hash = $4 WHERE connection = $1 AND stream = $2")
        .bind(place.connection)
        .bind(place.stream)
        .bind(batch)
        .bind(hash)
        .execute()
        .await?;
    Ok(())
}

/// Notes that all was asked for and taken.
pub(in crate::exchange) async fn succeed(
    tx: &mut Tx,
    place: Place<'_>,
    now: Moment,
    warning: Option<&str>,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_pulls SET
             connected_at = COALESCE(connected_at, $3), asked_at = $3, failures = 0, backlog = 0, warning = $4
         WHERE connection = $1 AND stream = $2",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(now)
    .bind(warning)
    .execute()
    .await?;
    Ok(())
}

/// Notes that it failed; answers how often in a row.
pub(in crate::exchange) async fn fail(
    tx: &mut Tx,
    place: Place<'_>,
    now: Moment,
    error: &str,
) -> Result<i64, Error> {
    let (failures,) = tx
        .sql(
            "UPDATE exchange_pulls SET
                 connected_at = NULL, failures = failures + 1, last_error = $4, last_error_at = $3
             WHERE connection = $1 AND stream = $2
             RETURNING failures",
        )
        .bind(place.connection)
        .bind(place.stream)
        .bind(now)
        .bind(error)
        .fetch_one()
        .await?;
    Ok(failures)
}

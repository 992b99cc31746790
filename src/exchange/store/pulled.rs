//! What was taken from a stream: its records, the keys of their rows, and the changes within the overlap.

use serde::Serialize;

use super::pulls::Place;
use crate::clock::Moment;
use crate::db::{self, Error, Run, Tx};

/// Tries after which a record whose references stay unknown waits longer, and after which it waits for its next change.
const QUICK_TRIES: i64 = 6;
const TRIES_MAX: i64 = 30;

/// A record as it was handed on.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Taken {
    pub(in crate::exchange) record: String,
    /// Of its rows; empty when they have to be handed on again.
    pub(in crate::exchange) hash: String,
}

/// A key of a record's rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, sqlx::FromRow)]
pub(in crate::exchange) struct RowKey {
    pub(in crate::exchange) row_key: String,
    pub(in crate::exchange) record: String,
}

/// A change that was taken.
#[derive(Clone, Debug, Serialize)]
pub(in crate::exchange) struct Seen {
    pub(in crate::exchange) watched: String,
    pub(in crate::exchange) row_id: String,
    /// Microseconds since 1970.
    pub(in crate::exchange) stamp: i64,
}

/// The hashes of these records, of those that are known.
pub(in crate::exchange) async fn hashes<'a>(
    db: impl Run<'_>,
    place: Place<'_>,
    records: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, Error> {
    db.sql(
        "SELECT record, hash FROM exchange_pulled
         WHERE connection = $1 AND stream = $2
             AND record IN (SELECT value ->> 'key' FROM json_each($3))",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(db::keys(records)?)
    .fetch_all()
    .await
}

/// The ids of all records that have rows.
pub(in crate::exchange) async fn records(
    db: impl Run<'_>,
    place: Place<'_>,
) -> Result<Vec<(String,)>, Error> {
    db.sql("SELECT DISTINCT record FROM exchange_pulled_keys WHERE connection = $1 AND stream = $2")
        .bind(place.connection)
        .bind(place.stream)
        .fetch_all()
        .await
}

/// Records that are due to be read again.
pub(in crate::exchange) async fn due_again(
    db: impl Run<'_>,
    place: Place<'_>,
    now: Moment,
) -> Result<Vec<(String,)>, Error> {
    db.sql(
        "SELECT record FROM exchange_pulled
         WHERE connection = $1 AND stream = $2 AND again_at <= $3
         ORDER BY again_at, record
         LIMIT 500",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(now)
    .fetch_all()
    .await
}

macro_rules! keys_with {
    ($column:literal) => {
        concat!(
            "SELECT row_key, record FROM exchange_pulled_keys
             WHERE connection = $1 AND stream = $2 AND ",
            $column,
            " IN (SELECT value ->> 'key' FROM json_each($3))"
        )
    };
}

/// The keys that these records have.
pub(in crate::exchange) async fn keys_of<'a>(
    db: impl Run<'_>,
    place: Place<'_>,
    records: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<RowKey>, Error> {
    keys(db, place, keys_with!("record"), records).await
}

/// All records that have one of these keys.
pub(in crate::exchange) async fn holders<'a>(
    db: impl Run<'_>,
    place: Place<'_>,
    row_keys: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<RowKey>, Error> {
    keys(db, place, keys_with!("row_key"), row_keys).await
}

async fn keys<'a>(
    db: impl Run<'_>,
    place: Place<'_>,
    sql: &'static str,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<RowKey>, Error> {
    db.sql(sql).bind(place.connection).bind(place.stream).bind(db::keys(values)?).fetch_all().await
}

/// Keeps records, and the keys of their rows in place of those before.
pub(in crate::exchange) async fn keep(
    tx: &mut Tx,
    place: Place<'_>,
    taken: &[Taken],
    keys: &[RowKey],
) -> Result<(), Error> {
    let records = db::rows(taken)?;
    tx.sql(
        "INSERT INTO exchange_pulled (connection, stream, record, hash, tries)
         SELECT $1, $2, value ->> 'record', value ->> 'hash', 0 FROM json_each($3) WHERE TRUE
         ON CONFLICT (connection, stream, record) DO UPDATE SET
             hash = excluded.hash, again_at = NULL,
             tries = CASE WHEN exchange_pulled.hash = '' THEN exchange_pulled.tries ELSE 0 END",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(&records)
    .execute()
    .await?;
    tx.sql(
        "DELETE FROM exchange_pulled_keys
         WHERE connection = $1 AND stream = $2
             AND record IN (SELECT value ->> 'record' FROM json_each($3))",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(&records)
    .execute()
    .await?;
    tx.sql(
        "INSERT INTO exchange_pulled_keys (connection, stream, row_key, record)
         SELECT $1, $2, value ->> 'row_key', value ->> 'record' FROM json_each($3) WHERE TRUE
         ON CONFLICT DO NOTHING",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(db::rows(keys)?)
    .execute()
    .await?;
    Ok(())
}

/// Has records read again soon: what their rows refer to was not known, or another record let go of a key of theirs.
pub(in crate::exchange) async fn again<'a>(
    tx: &mut Tx,
    place: Place<'_>,
    records: impl IntoIterator<Item = &'a str>,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_pulled SET
             hash = '', tries = tries + 1,
             again_at = CASE WHEN tries < $6 THEN $4 WHEN tries < $7 THEN $5 ELSE NULL END
         WHERE connection = $1 AND stream = $2
             AND record IN (SELECT value ->> 'key' FROM json_each($3))",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(db::keys(records)?)
    .bind(now + chrono::Duration::seconds(2))
    .bind(now + chrono::Duration::minutes(10))
    .bind(QUICK_TRIES)
    .bind(TRIES_MAX)
    .execute()
    .await?;
    Ok(())
}

/// What was seen of these rows of a watched table.
pub(in crate::exchange) async fn seen<'a>(
    db: impl Run<'_>,
    place: Place<'_>,
    watched: &str,
    rows: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, i64)>, Error> {
    db.sql(
        "SELECT row_id, stamp FROM exchange_seen
         WHERE connection = $1 AND stream = $2 AND watched = $3
             AND row_id IN (SELECT value ->> 'key' FROM json_each($4))",
    )
    .bind(place.connection)
    .bind(place.stream)
    .bind(watched)
    .bind(db::keys(rows)?)
    .fetch_all()
    .await
}

/// Notes changes as taken, and forgets those that no overlap reaches any more.
pub(in crate::exchange) async fn see(
    tx: &mut Tx,
    place: Place<'_>,
    seen: &[Seen],
    forget_before: Option<i64>,
) -> Result<(), Error> {
    for part in seen.chunks(5_000) {
        tx.sql(
            "INSERT INTO exchange_seen (connection, stream, watched, row_id, stamp)
             SELECT $1, $2, value ->> 'watched', value ->> 'row_id', CAST(value ->> 'stamp' AS BIGINT)
             FROM json_each($3) WHERE TRUE
             ON CONFLICT (connection, stream, watched, row_id) DO UPDATE SET stamp = excluded.stamp",
        )
        .bind(place.connection)
        .bind(place.stream)
        .bind(db::rows(part)?)
        .execute()
        .await?;
    }
    if let Some(before) = forget_before {
        tx.sql("DELETE FROM exchange_seen WHERE connection = $1 AND stream = $2 AND stamp < $3")
            .bind(place.connection)
            .bind(place.stream)
            .bind(before)
            .execute()
            .await?;
    }
    Ok(())
}

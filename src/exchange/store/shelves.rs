//! Shelves: what shops are told of a store's stock, what they are known to have of it, and what was sold since its figures.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::Moment;
use crate::db::{self, Error, Run, Tx};
use crate::ids::{Sku, StoreId};

/// The place of a store in a connection's system.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Shelf<'a> {
    pub(in crate::exchange) connection: &'a str,
    pub(in crate::exchange) store: &'a StoreId,
}

/// How a shelf is doing.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::exchange) struct ShelfState {
    pub(in crate::exchange) location: String,
    pub(in crate::exchange) revision: i64,
    pub(in crate::exchange) compared_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) connected_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) written_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) failures: i64,
    pub(in crate::exchange) last_error: Option<String>,
    pub(in crate::exchange) last_error_at: Option<DateTime<Utc>>,
    pub(in crate::exchange) warning: Option<String>,
    pub(in crate::exchange) corrected: i64,
}

/// Makes sure that the shelf has a row; one whose place is another now is compared anew.
pub(in crate::exchange) async fn begin(tx: &mut Tx, shelf: Shelf<'_>, location: &str) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_shelves (connection, store, location, revision, failures, corrected)
         VALUES ($1, $2, $3, 0, 0, 0)
         ON CONFLICT (connection, store) DO UPDATE SET location = excluded.location, compared_at = NULL
         WHERE exchange_shelves.location <> excluded.location",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(location)
    .execute()
    .await?;
    Ok(())
}

/// How the shelf is doing; nothing before it began.
pub(in crate::exchange) async fn state(
    db: impl Run<'_>,
    shelf: Shelf<'_>,
) -> Result<Option<ShelfState>, Error> {
    db.sql(
        "SELECT location, revision, compared_at, connected_at, written_at, failures, last_error, last_error_at,
             warning, corrected
         FROM exchange_shelves
         WHERE connection = $1 AND store = $2",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .fetch_optional()
    .await
}

/// How many numbers still have to be written.
pub(in crate::exchange) async fn backlog(db: impl Run<'_>, shelf: Shelf<'_>) -> Result<i64, Error> {
    let (count,) = db
        .sql(
            "SELECT COUNT(*) FROM exchange_shelved
             WHERE connection = $1 AND store = $2 AND wanted IS NOT NULL AND refused IS NULL
                 AND (written IS NULL OR written <> wanted)",
        )
        .bind(shelf.connection)
        .bind(shelf.store)
        .fetch_one()
        .await?;
    Ok(count)
}

/// What a system has of a product.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Held<'a> {
    pub(in crate::exchange) sku: &'a str,
    pub(in crate::exchange) item: &'a str,
    pub(in crate::exchange) pieces: Option<i64>,
}

/// Takes over all that a system has; answers how much of it was not what was written there. What was refused may be tried
/// again, and every figure is looked at anew.
pub(in crate::exchange) async fn compare(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    now: Moment,
    held: &[Held<'_>],
) -> Result<i64, Error> {
    let rows = db::rows(held)?;
    let (foreign,) = tx
        .sql(
            "SELECT COUNT(*)
             FROM json_each($3) JOIN exchange_shelved AS shelved
                 ON shelved.connection = $1 AND shelved.store = $2 AND shelved.sku = value ->> 'sku'
             WHERE shelved.item = value ->> 'item' AND shelved.written IS NOT NULL
                 AND shelved.written IS DISTINCT FROM CAST(value ->> 'pieces' AS BIGINT)",
        )
        .bind(shelf.connection)
        .bind(shelf.store)
        .bind(rows.clone())
        .fetch_one()
        .await?;
    tx.sql(
        "DELETE FROM exchange_shelved
         WHERE connection = $1 AND store = $2 AND sku NOT IN (SELECT value ->> 'sku' FROM json_each($3))",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(rows.clone())
    .execute()
    .await?;
    tx.sql(
        "INSERT INTO exchange_shelved (connection, store, sku, item, written)
         SELECT $1, $2, value ->> 'sku', value ->> 'item', CAST(value ->> 'pieces' AS BIGINT)
         FROM json_each($3)
         WHERE TRUE
         ON CONFLICT (connection, store, sku) DO UPDATE SET
             item = excluded.item, written = excluded.written, refused = NULL",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(rows)
    .execute()
    .await?;
    tx.sql(
        "UPDATE exchange_shelves SET compared_at = $3, revision = 0, corrected = corrected + $4
         WHERE connection = $1 AND store = $2",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(now)
    .bind(foreign)
    .execute()
    .await?;
    Ok(foreign)
}

/// What a product's number should be; nothing where we do not say.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Wanted {
    pub(in crate::exchange) sku: String,
    pub(in crate::exchange) pieces: Option<i64>,
}

/// Notes what numbers should be, and up to which revision figures were taken over.
pub(in crate::exchange) async fn want(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    revision: i64,
    wanted: &[Wanted],
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_shelved SET wanted = CAST(told.value ->> 'pieces' AS BIGINT)
         FROM json_each($3) AS told
         WHERE connection = $1 AND store = $2 AND sku = told.value ->> 'sku'
             AND wanted IS DISTINCT FROM CAST(told.value ->> 'pieces' AS BIGINT)",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(db::rows(wanted)?)
    .execute()
    .await?;
    tx.sql(
        "UPDATE exchange_shelves SET revision = $3 WHERE connection = $1 AND store = $2 AND revision <> $3",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(revision)
    .execute()
    .await?;
    Ok(())
}

/// A number to be written.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(in crate::exchange) struct Due {
    pub(in crate::exchange) sku: Sku,
    pub(in crate::exchange) item: String,
    pub(in crate::exchange) wanted: i64,
}

/// The next numbers to be written.
pub(in crate::exchange) async fn due(
    db: impl Run<'_>,
    shelf: Shelf<'_>,
    most: usize,
) -> Result<Vec<Due>, Error> {
    db.sql(
        "SELECT sku, item, wanted FROM exchange_shelved
         WHERE connection = $1 AND store = $2 AND wanted IS NOT NULL AND refused IS NULL
             AND (written IS NULL OR written <> wanted)
         ORDER BY sku
         LIMIT $3",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all()
    .await
}

/// Notes that a call is about to set these: until its end is known, so is not what the system has.
pub(in crate::exchange) async fn set_out(tx: &mut Tx, shelf: Shelf<'_>, due: &[Due]) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_shelved SET written = NULL
         WHERE connection = $1 AND store = $2 AND sku IN (SELECT value ->> 'key' FROM json_each($3))",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(db::keys(due.iter().map(|due| due.sku.as_str()))?)
    .execute()
    .await?;
    Ok(())
}

/// Notes that the system has them.
pub(in crate::exchange) async fn arrived(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    now: Moment,
    due: &[Due],
) -> Result<(), Error> {
    let wanted: Vec<Wanted> =
        due.iter().map(|due| Wanted { sku: due.sku.to_string(), pieces: Some(due.wanted) }).collect();
    tx.sql(
        "UPDATE exchange_shelved SET written = CAST(told.value ->> 'pieces' AS BIGINT)
         FROM json_each($3) AS told
         WHERE connection = $1 AND store = $2 AND sku = told.value ->> 'sku'",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(db::rows(&wanted)?)
    .execute()
    .await?;
    tx.sql("UPDATE exchange_shelves SET written_at = $3 WHERE connection = $1 AND store = $2")
        .bind(shelf.connection)
        .bind(shelf.store)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Notes that the system refuses a number: the others do not wait for it.
pub(in crate::exchange) async fn refuse(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    due: &Due,
    why: &str,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_shelved SET refused = $4 WHERE connection = $1 AND store = $2 AND sku = $3")
        .bind(shelf.connection)
        .bind(shelf.store)
        .bind(&due.sku)
        .bind(why)
        .execute()
        .await?;
    Ok(())
}

/// How many numbers the system refuses.
pub(in crate::exchange) async fn refused(db: impl Run<'_>, shelf: Shelf<'_>) -> Result<i64, Error> {
    let (count,) = db
        .sql(
            "SELECT COUNT(*) FROM exchange_shelved
             WHERE connection = $1 AND store = $2 AND refused IS NOT NULL",
        )
        .bind(shelf.connection)
        .bind(shelf.store)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Notes that all that was due was written.
pub(in crate::exchange) async fn succeed(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    now: Moment,
    warning: Option<&str>,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_shelves SET connected_at = COALESCE(connected_at, $3), failures = 0, warning = $4
         WHERE connection = $1 AND store = $2",
    )
    .bind(shelf.connection)
    .bind(shelf.store)
    .bind(now)
    .bind(warning)
    .execute()
    .await?;
    Ok(())
}

/// Notes that it failed; answers how often in a row.
pub(in crate::exchange) async fn fail(
    tx: &mut Tx,
    shelf: Shelf<'_>,
    now: Moment,
    error: &str,
) -> Result<i64, Error> {
    let (failures,) = tx
        .sql(
            "UPDATE exchange_shelves SET
                 connected_at = NULL, failures = failures + 1, last_error = $4, last_error_at = $3
             WHERE connection = $1 AND store = $2
             RETURNING failures",
        )
        .bind(shelf.connection)
        .bind(shelf.store)
        .bind(now)
        .bind(error)
        .fetch_one()
        .await?;
    Ok(failures)
}

//! What is let go of when its time is over, a bounded number of rows at once: SQLite has one writer, and carts wait for it.

use chrono::{DateTime, Utc};
use sqlx::Error;

use super::super::index::LOOK_BACK_SECONDS;
use crate::db::{Db, Run};
use crate::ids::BatchId;

/// Rows that one statement removes: some milliseconds of the one writer.
const ROWS_AT_ONCE: i64 = 2_000;
/// Statements of one kind in one night: what is left waits for the next.
const STATEMENTS_MAX: i64 = 5_000;

/// What is removed, and the statement that removes some of it: `$1` is the end of its time, `$2` how many rows, and for prices
/// `$3` the moment and `$4` how long before a reduction a price counts.
struct Old {
    name: &'static str,
    text: &'static str,
}

const CLOSED_ROWS: Old = Old {
    name: "quarantine_closed",
    text: "DELETE FROM quality_quarantine WHERE id IN (
               SELECT id FROM quality_quarantine WHERE state <> 'open' AND closed_at < $1 LIMIT $2
           )",
};
const NAMELESS_ROWS: Old = Old {
    name: "quarantine_nameless",
    text: "DELETE FROM quality_quarantine WHERE id IN (
               SELECT id FROM quality_quarantine
               WHERE state = 'open' AND is_nameless AND last_seen < $1
               LIMIT $2
           )",
};
const REFUSALS: Old = Old {
    name: "refusals",
    text: "DELETE FROM catalog_refusals WHERE (batch, line) IN (
               SELECT refused.batch, refused.line FROM catalog_refusals AS refused
               JOIN catalog_batches ON catalog_batches.id = refused.batch
               WHERE catalog_batches.received_at < $1 AND catalog_batches.state <> 'held'
               LIMIT $2
           )",
};
const OUTCOMES: Old = Old {
    name: "outcomes",
    text: "DELETE FROM catalog_outcomes WHERE (batch, first_line) IN (
               SELECT came.batch, came.first_line FROM catalog_outcomes AS came
               JOIN catalog_batches ON catalog_batches.id = came.batch
               WHERE catalog_batches.received_at < $1 AND catalog_batches.state <> 'held'
               LIMIT $2
           )",
};
/// The newest batch of each feed stays, and the one with its highest place: what comes next is held against them.
const BATCHES: Old = Old {
    name: "batches",
    text: "DELETE FROM catalog_batches WHERE id IN (
               SELECT old.id FROM catalog_batches AS old
               WHERE old.received_at < $1 AND old.state <> 'held'
                 AND EXISTS (
                     SELECT 1 FROM catalog_batches AS newer
                     WHERE newer.source = old.source AND newer.feed = old.feed AND newer.state = 'applied'
                       AND newer.received_at > old.received_at
                       AND (old.sequence IS NULL OR newer.sequence >= old.sequence)
                 )
               LIMIT $2
           )",
};
const DELIVERIES: Old = Old {
    name: "deliveries",
    text: "DELETE FROM quality_deliveries WHERE batch IN (
               SELECT batch FROM quality_deliveries WHERE delivered_at < $1 LIMIT $2
           )",
};
const UNKNOWN_CODES: Old = Old {
    name: "unknown_codes",
    text: "DELETE FROM unknown_codes WHERE (store, code) IN (
               SELECT store, code FROM unknown_codes
               WHERE last_seen < $1 AND (closed_at IS NULL OR closed_at < $1)
               LIMIT $2
           )",
};

const HEADINGS: Old = Old {
    name: "headings",
    text: "DELETE FROM catalog_headings WHERE (source, feed, mapping) IN (
               SELECT source, feed, mapping FROM catalog_headings WHERE seen_at < $1 LIMIT $2
           )",
};

/// Prices that ended, but for those that a reduction which holds, or is to come, is held against.
macro_rules! ended {
    ($name:literal, $table:literal, $ended:literal, $key:literal) => {
        Old {
            name: $name,
            text: concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " AS old WHERE old.",
                $ended,
                " < $1 AND NOT EXISTS (
                     SELECT 1 FROM timed_prices AS holds
                     WHERE holds.price_list = old.price_list AND holds.sku = old.sku AND NOT holds.deleted
                       AND holds.price_kind = 'promotion' AND (holds.valid_to IS NULL OR holds.valid_to > $3)
                       AND holds.valid_from - $4 <= old.",
                $ended,
                ") LIMIT $2)"
            ),
        }
    };
}

const REPLACED_PRICES: Old =
    ended!("price_history", "price_history", "replaced_at", "price_list, sku, replaced_at, revision");
const ENDED_PRICES: Old = ended!(
    "ended_prices",
    "ended_prices",
    "ended_at",
    "price_list, sku, price_kind, began_at, ended_at, revision"
);
const TIMED_PRICES: Old =
    ended!("timed_prices", "timed_prices", "valid_to", "price_list, sku, price_kind, valid_from");

/// The ends of the times for which things are kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::catalog) struct Ends {
    pub(in crate::catalog) now: DateTime<Utc>,
    pub(in crate::catalog) closed: DateTime<Utc>,
    pub(in crate::catalog) nameless: DateTime<Utc>,
    pub(in crate::catalog) rows: DateTime<Utc>,
    pub(in crate::catalog) batches: DateTime<Utc>,
    pub(in crate::catalog) unknown_codes: DateTime<Utc>,
    pub(in crate::catalog) prices: DateTime<Utc>,
}

/// Removes what is over; answers how many rows of what, where there were any.
pub(in crate::catalog) async fn remove(db: &Db, ends: Ends) -> Result<Vec<(&'static str, u64)>, Error> {
    let mut removed = Vec::new();
    for (old, end) in [
        (&CLOSED_ROWS, ends.closed),
        (&NAMELESS_ROWS, ends.nameless),
        (&REFUSALS, ends.rows),
        (&OUTCOMES, ends.rows),
        (&BATCHES, ends.batches),
        (&DELIVERIES, ends.batches),
        (&HEADINGS, ends.batches),
        (&UNKNOWN_CODES, ends.unknown_codes),
    ] {
        removed.push((old.name, all(db, old.text, End::Moment(end)).await?));
    }
    let prices = End::Price { end: ends.prices.timestamp(), now: ends.now.timestamp() };
    for old in [&REPLACED_PRICES, &ENDED_PRICES, &TIMED_PRICES] {
        removed.push((old.name, all(db, old.text, prices).await?));
    }
    let counts = "DELETE FROM quality_counts WHERE day < $1";
    let day = ends.batches.date_naive().to_string();
    removed.push(("counts", db.sql(counts).bind(day).execute().await?));
    removed.retain(|(_, rows)| *rows > 0);
    Ok(removed)
}

/// The end of a time, as a statement has it.
#[derive(Clone, Copy, Debug)]
enum End {
    Moment(DateTime<Utc>),
    Price { end: i64, now: i64 },
}

async fn all(db: &Db, text: &'static str, end: End) -> Result<u64, Error> {
    let mut removed = 0;
    for _ in 0..STATEMENTS_MAX {
        let some = match end {
            End::Moment(end) => db.sql(text).bind(end).bind(ROWS_AT_ONCE),
            End::Price { end, now } => {
                db.sql(text).bind(end).bind(ROWS_AT_ONCE).bind(now).bind(LOOK_BACK_SECONDS)
            }
        };
        let rows = some.execute().await?;
        removed += rows;
        if rows < u64::try_from(ROWS_AT_ONCE).unwrap_or(u64::MAX) {
            break;
        }
    }
    Ok(removed)
}

/// Held batches that nobody decided about in time. Those from before there was a deadline have one from when they came.
pub(in crate::catalog) async fn overdue(
    db: &Db,
    now: DateTime<Utc>,
    came_before: DateTime<Utc>,
) -> Result<Vec<BatchId>, Error> {
    let found: Vec<(BatchId,)> = db
        .sql(
            "SELECT id FROM catalog_batches
             WHERE state = 'held' AND (decide_by <= $1 OR decide_by IS NULL AND received_at <= $2)
             ORDER BY received_at",
        )
        .bind(now)
        .bind(came_before)
        .fetch_all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

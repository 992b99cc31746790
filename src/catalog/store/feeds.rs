//! What is known of partners' feeds beside their batches: how often they are to come, what their tables look like, and which
//! codes staff bound while no partner delivered them.

use chrono::{DateTime, Utc};
use sqlx::Error;

use crate::db::{self, Db, Run, Tx};
use crate::ids::StaffId;

/// Codes that a partner delivers are bound by staff no longer.
pub(in crate::catalog) async fn take_over(tx: &mut Tx, codes: Vec<String>) -> Result<(), Error> {
    let any: Option<(String,)> = tx.sql("SELECT code FROM bound_codes LIMIT 1").fetch_optional().await?;
    if any.is_none() {
        return Ok(());
    }
    tx.sql("DELETE FROM bound_codes WHERE code IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(db::keys(codes.iter().map(String::as_str))?)
        .execute()
        .await
        .map(drop)
}

/// The headings that the last table of a feed had with this mapping.
pub(in crate::catalog) async fn headings(
    tx: &mut Tx,
    source: &str,
    feed: &str,
    mapping: &str,
) -> Result<Option<String>, Error> {
    let found: Option<(String,)> = tx
        .sql("SELECT headings FROM catalog_headings WHERE source = $1 AND feed = $2 AND mapping = $3")
        .bind(source)
        .bind(feed)
        .bind(mapping)
        .fetch_optional()
        .await?;
    Ok(found.map(|(headings,)| headings))
}

/// Keeps the headings of a table.
pub(in crate::catalog) async fn keep_headings(
    tx: &mut Tx,
    source: &str,
    feed: &str,
    mapping: &str,
    headings: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO catalog_headings (source, feed, mapping, headings, seen_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (source, feed, mapping) DO UPDATE SET
             headings = excluded.headings, seen_at = excluded.seen_at",
    )
    .bind(source)
    .bind(feed)
    .bind(mapping)
    .bind(headings)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

/// A feed, what is agreed of it, and when it came last.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct FeedRead {
    pub(in crate::catalog) source: String,
    pub(in crate::catalog) feed: String,
    pub(in crate::catalog) every_minutes: i64,
    pub(in crate::catalog) set_at: DateTime<Utc>,
    pub(in crate::catalog) came_at: Option<DateTime<Utc>>,
}

/// The feeds of which it is agreed how often they come, of one source or of all.
pub(in crate::catalog) async fn agreed(db: &Db, source: &str) -> Result<Vec<FeedRead>, Error> {
    db.sql(
        "SELECT agreed.source, agreed.feed, agreed.every_minutes, agreed.set_at, (
             SELECT MAX(came.received_at) FROM catalog_batches AS came
             WHERE came.source = agreed.source AND came.feed = agreed.feed
         ) AS came_at
         FROM catalog_feeds AS agreed
         WHERE $1 = '' OR agreed.source = $1
         ORDER BY agreed.source, agreed.feed",
    )
    .bind(source)
    .fetch_all()
    .await
}

/// Notes how often a feed is to come; answers nothing when there are that many already.
pub(in crate::catalog) async fn agree(
    tx: &mut Tx,
    source: &str,
    feed: &str,
    every_minutes: i64,
    by: (StaffId, DateTime<Utc>),
    most: i64,
) -> Result<bool, Error> {
    let written = tx
        .sql(
            "INSERT INTO catalog_feeds (source, feed, every_minutes, set_by, set_at)
             SELECT $1, $2, $3, $4, $5
             FROM catalog_revision
             WHERE (SELECT COUNT(*) FROM catalog_feeds WHERE source <> $1 OR feed <> $2) < $6
             ON CONFLICT (source, feed) DO UPDATE SET
                 every_minutes = excluded.every_minutes, set_by = excluded.set_by, set_at = excluded.set_at",
        )
        .bind(source)
        .bind(feed)
        .bind(every_minutes)
        .bind(by.0)
        .bind(by.1)
        .bind(most)
        .execute()
        .await?;
    Ok(written > 0)
}

/// Forgets what was agreed of a feed.
pub(in crate::catalog) async fn forget(tx: &mut Tx, source: &str, feed: &str) -> Result<(), Error> {
    tx.sql("DELETE FROM catalog_feeds WHERE source = $1 AND feed = $2")
        .bind(source)
        .bind(feed)
        .execute()
        .await
        .map(drop)
}

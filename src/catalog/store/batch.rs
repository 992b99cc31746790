//! What became of each batch, and which of its rows were refused.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::Error;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::super::batches::{BatchDecision, BatchHold, BatchState, Delivery};
use super::super::quality::Rule;
use super::super::rows::{Kind, Reason};
use crate::db::{self, Run, Tx};
use crate::ids::BatchId;

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// New or different from what was known.
    pub applied: i64,
    /// As it was known.
    pub unchanged: i64,
    /// Refused, each with a reason.
    #[serde(alias = "refused")]
    pub quarantined: i64,
    /// Known, and taken back because a full delivery left it out.
    #[serde(default)]
    pub removed: i64,
}

impl Tally {
    /// Rows that came.
    pub fn received(&self) -> i64 {
        self.applied + self.unchanged + self.quarantined
    }

    /// All of these together.
    pub fn sum<'a>(each: impl Iterator<Item = &'a Self>) -> Self {
        each.fold(Self::default(), |sum, each| Self {
            applied: sum.applied + each.applied,
            unchanged: sum.unchanged + each.unchanged,
            quarantined: sum.quarantined + each.quarantined,
            removed: sum.removed + each.removed,
        })
    }
}

/// What a feed delivered in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Delivered {
    /// Batches that were applied.
    pub batches: i64,
    /// Rows that were received: applied, unchanged and quarantined ones.
    pub received: i64,
    /// Rows that were new or different.
    pub applied: i64,
    /// Rows that said what was known.
    pub unchanged: i64,
    /// Rows that were kept aside.
    pub quarantined: i64,
}

/// What a feed delivered since a moment.
pub async fn delivered_since(
    db: impl Run<'_>,
    source: &str,
    feed: &str,
    since: DateTime<Utc>,
) -> Result<Delivered, Error> {
    db.sql(
        "SELECT COUNT(*) AS batches, CAST(COALESCE(SUM(received), 0) AS BIGINT) AS received,
             CAST(COALESCE(SUM(applied), 0) AS BIGINT) AS applied,
             CAST(COALESCE(SUM(unchanged), 0) AS BIGINT) AS unchanged,
             CAST(COALESCE(SUM(quarantined), 0) AS BIGINT) AS quarantined
         FROM catalog_batches
         WHERE source = $1 AND feed = $2 AND state = 'applied' AND received_at >= $3",
    )
    .bind(source)
    .bind(feed)
    .bind(since)
    .fetch_one()
    .await
}

/// Tallies by the kind of row.
pub type Kinds = BTreeMap<Kind, Tally>;

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct BatchRead {
    pub(in crate::catalog) id: BatchId,
    pub(in crate::catalog) hash: String,
    pub(in crate::catalog) state: BatchState,
    pub(in crate::catalog) delivery: Json<Delivery>,
    pub(in crate::catalog) source: String,
    pub(in crate::catalog) feed: String,
    pub(in crate::catalog) sequence: Option<i64>,
    pub(in crate::catalog) received: i64,
    pub(in crate::catalog) applied: i64,
    pub(in crate::catalog) unchanged: i64,
    pub(in crate::catalog) quarantined: i64,
    pub(in crate::catalog) removed: i64,
    pub(in crate::catalog) kinds: Json<Kinds>,
    pub(in crate::catalog) reasons: Option<Json<BTreeMap<Reason, i64>>>,
    pub(in crate::catalog) holds: Json<Vec<BatchHold>>,
    pub(in crate::catalog) revision: i64,
    pub(in crate::catalog) received_at: DateTime<Utc>,
    pub(in crate::catalog) applied_at: Option<DateTime<Utc>>,
    pub(in crate::catalog) decision: Option<Json<BatchDecision>>,
    pub(in crate::catalog) decide_by: Option<DateTime<Utc>>,
    pub(in crate::catalog) unlisted: i64,
}

/// A batch that came.
pub(in crate::catalog) async fn find(db: impl Run<'_>, id: BatchId) -> Result<Option<BatchRead>, Error> {
    db.sql(
        "SELECT id, hash, state, delivery, source, feed, sequence, received, applied, unchanged, quarantined, removed,
             kinds, reasons, holds, revision, received_at, applied_at, decision, decide_by, unlisted
         FROM catalog_batches
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Batches of one state or of all that came before a moment, latest first.
pub(in crate::catalog) async fn list(
    db: impl Run<'_>,
    state: Option<BatchState>,
    source: Option<&str>,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<BatchRead>, Error> {
    db.sql(
        "SELECT id, hash, state, delivery, source, feed, sequence, received, applied, unchanged, quarantined, removed,
             kinds, reasons, holds, revision, received_at, applied_at, decision, decide_by, unlisted
         FROM catalog_batches
         WHERE received_at < $2 AND ($1 = '' OR state = $1) AND ($4 = '' OR source = $4)
         ORDER BY received_at DESC, id
         LIMIT $3",
    )
    .bind(state.map_or("", BatchState::as_str))
    .bind(before)
    .bind(limit)
    .bind(source.unwrap_or_default())
    .fetch_all()
    .await
}

/// How many batches changed the catalogue after this revision.
pub(in crate::catalog) async fn newer(tx: &mut Tx, revision: i64) -> Result<i64, Error> {
    let (count,) = tx
        .sql("SELECT COUNT(*) FROM catalog_batches WHERE state = 'applied' AND revision > $1 AND applied + removed > 0")
        .bind(revision)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Notes a batch.
pub(in crate::catalog) async fn insert(tx: &mut Tx, batch: BatchRead) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO catalog_batches
             (id, hash, state, delivery, source, feed, sequence, received, applied, unchanged, quarantined, removed,
              kinds, reasons, holds, revision, received_at, applied_at, decision, decide_by, unlisted)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(batch.id)
    .bind(batch.hash)
    .bind(batch.state)
    .bind(batch.delivery)
    .bind(batch.source)
    .bind(batch.feed)
    .bind(batch.sequence)
    .bind(batch.received)
    .bind(batch.applied)
    .bind(batch.unchanged)
    .bind(batch.quarantined)
    .bind(batch.removed)
    .bind(batch.kinds)
    .bind(batch.reasons)
    .bind(batch.holds)
    .bind(batch.revision)
    .bind(batch.received_at)
    .bind(batch.applied_at)
    .bind(batch.decision)
    .bind(batch.decide_by)
    .bind(batch.unlisted)
    .execute()
    .await
    .map(drop)
}

/// Quarantined and received rows of the last ten applied batches of a feed, when there were ten.
pub(in crate::catalog) async fn usual_quarantine(
    tx: &mut Tx,
    source: &str,
    feed: &str,
) -> Result<Option<(i64, i64)>, Error> {
    let (batches, quarantined, received): (i64, Option<i64>, Option<i64>) = tx
        .sql(
            "SELECT COUNT(*), CAST(SUM(quarantined) AS BIGINT), CAST(SUM(received) AS BIGINT)
             FROM (
                 SELECT quarantined, received FROM catalog_batches
                 WHERE source = $1 AND feed = $2 AND state = 'applied'
                 ORDER BY received_at DESC
                 LIMIT 10
             ) AS last",
        )
        .bind(source)
        .bind(feed)
        .fetch_one()
        .await?;
    Ok(quarantined.zip(received).filter(|_| batches == 10))
}

/// The place in its feed of the last batch of it that was applied.
pub(in crate::catalog) async fn last_sequence(
    tx: &mut Tx,
    source: &str,
    feed: &str,
) -> Result<Option<i64>, Error> {
    let (last,) = tx
        .sql(
            "SELECT MAX(sequence) FROM catalog_batches
             WHERE source = $1 AND feed = $2 AND state = 'applied'",
        )
        .bind(source)
        .bind(feed)
        .fetch_one()
        .await?;
    Ok(last)
}

/// How many batches are held.
pub(in crate::catalog) async fn held(tx: &mut Tx) -> Result<i64, Error> {
    let (held,) = tx.sql("SELECT COUNT(*) FROM catalog_batches WHERE state = 'held'").fetch_one().await?;
    Ok(held)
}

/// Keeps a part of the content of a held batch.
pub(in crate::catalog) async fn insert_part(
    tx: &mut Tx,
    id: BatchId,
    part: i64,
    bytes: Vec<u8>,
) -> Result<(), Error> {
    tx.sql("INSERT INTO catalog_batch_parts (batch, part, bytes) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(part)
        .bind(bytes)
        .execute()
        .await
        .map(drop)
}

/// A part of the content of a held batch.
pub(in crate::catalog) async fn part(
    db: impl Run<'_>,
    id: BatchId,
    part: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let found: Option<(Vec<u8>,)> = db
        .sql("SELECT bytes FROM catalog_batch_parts WHERE batch = $1 AND part = $2")
        .bind(id)
        .bind(part)
        .fetch_optional()
        .await?;
    Ok(found.map(|(bytes,)| bytes))
}

/// Lets go of the content of a batch that somebody decided about.
pub(in crate::catalog) async fn forget_content(tx: &mut Tx, id: BatchId) -> Result<(), Error> {
    tx.sql("DELETE FROM catalog_batch_parts WHERE batch = $1").bind(id).execute().await.map(drop)
}

/// Lets go of all of a held batch, to be written anew as it is applied.
pub(in crate::catalog) async fn forget(tx: &mut Tx, id: BatchId) -> Result<(), Error> {
    forget_content(tx, id).await?;
    tx.sql("DELETE FROM catalog_refusals WHERE batch = $1").bind(id).execute().await?;
    tx.sql("DELETE FROM catalog_batches WHERE id = $1").bind(id).execute().await.map(drop)
}

/// Rejects a batch if it is held; answers whether it was.
pub(in crate::catalog) async fn reject(
    tx: &mut Tx,
    id: BatchId,
    decision: BatchDecision,
) -> Result<bool, Error> {
    let rejected = tx
        .sql("UPDATE catalog_batches SET state = 'rejected', decision = $2 WHERE id = $1 AND state = 'held'")
        .bind(id)
        .bind(Json(decision))
        .execute()
        .await?;
    Ok(rejected > 0)
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct RefusedRow {
    /// The line of the batch, from 1.
    pub line: i64,
    /// What the row is about.
    pub kind: Kind,
    /// The row's key as far as it can be read.
    pub key: String,
    /// The stable reason.
    pub reason: Reason,
    /// The rule that the row broke.
    pub rule: Rule,
    /// What was wrong, for people.
    pub detail: String,
}

/// Notes rows that were refused.
pub(in crate::catalog) async fn insert_refusals(
    tx: &mut Tx,
    id: BatchId,
    rows: &[RefusedRow],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = db::rows(rows)?;
    tx.sql(
        "INSERT INTO catalog_refusals (batch, line, kind, key, reason, rule, detail)
         SELECT
             $2, CAST(value ->> 'line' AS BIGINT), value ->> 'kind', value ->> 'key', value ->> 'reason',
             value ->> 'rule', value ->> 'detail'
         FROM json_each($1)
         WHERE TRUE
         -- A line of a table makes several rows: the first one that was refused speaks for it.
         ON CONFLICT (batch, line) DO NOTHING",
    )
    .bind(rows)
    .bind(id)
    .execute()
    .await
    .map(drop)
}

/// The refused rows of a batch after this line.
pub(in crate::catalog) async fn refusals(
    db: impl Run<'_>,
    id: BatchId,
    after: i64,
    limit: i64,
) -> Result<Vec<RefusedRow>, Error> {
    db.sql(
        "SELECT line, kind, key, reason, rule, detail FROM catalog_refusals
         WHERE batch = $1 AND line > $2
         ORDER BY line
         LIMIT $3",
    )
    .bind(id)
    .bind(after)
    .bind(limit)
    .fetch_all()
    .await
}

/// How many rows of a batch were refused for each reason.
pub(in crate::catalog) async fn reasons(db: impl Run<'_>, id: BatchId) -> Result<Vec<(Reason, i64)>, Error> {
    db.sql("SELECT reason, COUNT(*) FROM catalog_refusals WHERE batch = $1 GROUP BY reason ORDER BY reason")
        .bind(id)
        .fetch_all()
        .await
}

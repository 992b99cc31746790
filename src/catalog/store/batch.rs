//! What became of each batch, and which of its rows were refused.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::Error;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::super::quality::Rule;
use super::super::rows::{Kind, Reason};
use crate::db::{Run, Tx};
use crate::ids::BatchId;

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// New or different from what was known.
    pub applied: i64,
    /// As it was known.
    pub unchanged: i64,
    /// Refused, each with a reason.
    pub refused: i64,
}

/// Tallies by the kind of row.
pub type Kinds = BTreeMap<Kind, Tally>;

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct BatchRead {
    pub(in crate::catalog) hash: String,
    pub(in crate::catalog) received: i64,
    pub(in crate::catalog) applied: i64,
    pub(in crate::catalog) unchanged: i64,
    pub(in crate::catalog) refused: i64,
    pub(in crate::catalog) kinds: Json<Kinds>,
    pub(in crate::catalog) revision: i64,
    pub(in crate::catalog) applied_at: DateTime<Utc>,
}

/// A batch that was applied.
pub(in crate::catalog) async fn find(db: impl Run<'_>, id: BatchId) -> Result<Option<BatchRead>, Error> {
    db.sql(
        "SELECT hash, received, applied, unchanged, refused, kinds, revision, applied_at
         FROM catalog_batches
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Notes a batch that was applied.
pub(in crate::catalog) async fn insert(tx: &mut Tx, id: BatchId, batch: BatchRead) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO catalog_batches
             (id, hash, state, received, applied, unchanged, refused, kinds, revision, applied_at)
         VALUES ($1, $2, 'applied', $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id)
    .bind(batch.hash)
    .bind(batch.received)
    .bind(batch.applied)
    .bind(batch.unchanged)
    .bind(batch.refused)
    .bind(batch.kinds)
    .bind(batch.revision)
    .bind(batch.applied_at)
    .execute()
    .await
    .map(drop)
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
    let rows = serde_json::to_string(rows).map_err(|error| Error::Encode(error.into()))?;
    tx.sql(
        "INSERT INTO catalog_refusals (batch, line, kind, key, reason, rule, detail)
         SELECT
             $2, CAST(value ->> 'line' AS BIGINT), value ->> 'kind', value ->> 'key', value ->> 'reason',
             value ->> 'rule', value ->> 'detail'
         FROM json_each($1)",
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

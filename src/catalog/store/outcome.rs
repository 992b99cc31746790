//! What became of each line of a batch: which keys a batch changed, and the lines in runs of those alike.

use serde::Serialize;
use sqlx::Error;

use super::super::rows::{Key, Kind};
use super::whole::{Came, came};
use crate::db::{self, Run, Tx};
use crate::ids::BatchId;

/// Lines of a batch, from the first to the last.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct Lines {
    pub(in crate::catalog) first_line: i64,
    pub(in crate::catalog) last_line: i64,
    pub(in crate::catalog) runs: String,
}

/// Keeps what became of some lines.
pub(in crate::catalog) async fn insert(tx: &mut Tx, id: BatchId, lines: &Lines) -> Result<(), Error> {
    tx.sql("INSERT INTO catalog_outcomes (batch, first_line, last_line, runs) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(lines.first_line)
        .bind(lines.last_line)
        .bind(lines.runs.as_str())
        .execute()
        .await
        .map(drop)
}

/// What became of the lines from this one on, at most so many rows.
pub(in crate::catalog) async fn from(
    db: impl Run<'_>,
    id: BatchId,
    line: i64,
    rows_max: i64,
) -> Result<Vec<Lines>, Error> {
    db.sql(
        "SELECT first_line, last_line, runs FROM catalog_outcomes
         WHERE batch = $1 AND last_line >= $2
         ORDER BY first_line
         LIMIT $3",
    )
    .bind(id)
    .bind(line)
    .bind(rows_max)
    .fetch_all()
    .await
}

#[derive(Serialize)]
struct Placed<'a> {
    place: usize,
    #[serde(flatten)]
    came: Came<'a>,
}

/// The text that asks which rows of a table have the revision.
macro_rules! places {
    ($table:literal, $on:literal) => {
        concat!(
            "SELECT CAST(value ->> 'place' AS BIGINT) FROM json_each($1) JOIN ",
            $table,
            " ON ",
            $on,
            // By the keys: by the revision, SQLite would read all keys anew for each row that the batch changed.
            " WHERE +revision = $2"
        )
    };
}

/// The places of those keys of one kind whose rows this revision made or changed.
pub(in crate::catalog) async fn changed(
    tx: &mut Tx,
    kind: Kind,
    revision: i64,
    keys: &[Key],
) -> Result<Vec<usize>, Error> {
    let text = match kind {
        Kind::TaxClass => places!("tax_classes", "tax_class = value ->> 'first'"),
        Kind::TaxRate => places!(
            "tax_rates",
            "country = value ->> 'first' AND tax_class = value ->> 'second' AND valid_from = value ->> 'third'"
        ),
        Kind::PriceList => places!("price_lists", "price_list = value ->> 'first'"),
        Kind::Store => places!("stores", "store = value ->> 'first'"),
        Kind::Product => places!("products", "sku = value ->> 'first'"),
        Kind::Code => places!("codes", "code = value ->> 'first'"),
        Kind::Price => concat!(
            places!(
                "prices",
                "price_list = value ->> 'first' AND sku = value ->> 'second' AND value ->> 'third' = ''"
            ),
            " UNION ALL ",
            places!(
                "timed_prices",
                "price_list = value ->> 'first' AND sku = value ->> 'second'
                     AND price_kind || '/' || CAST(valid_from AS TEXT) = value ->> 'third'"
            )
        ),
        Kind::Stock => places!("stock", "store = value ->> 'first' AND sku = value ->> 'second'"),
        Kind::Location => places!("locations", "store = value ->> 'first' AND sku = value ->> 'second'"),
        Kind::Recall => places!("recalls", "recall = value ->> 'first' AND sku = value ->> 'second'"),
        Kind::Promotion => places!("promotions", "promotion = value ->> 'first'"),
        Kind::Coupon => places!("coupons", "coupon = value ->> 'first'"),
        Kind::Customer => places!("customers", "customer = value ->> 'third'"),
        Kind::Unknown => return Ok(Vec::new()),
    };
    let placed: Vec<Placed<'_>> =
        keys.iter().enumerate().map(|(place, key)| Placed { place, came: came(key) }).collect();
    let found: Vec<(i64,)> = tx.sql(text).bind(db::rows(&placed)?).bind(revision).fetch_all().await?;
    Ok(found.into_iter().filter_map(|(place,)| usize::try_from(place).ok()).collect())
}

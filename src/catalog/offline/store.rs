//! What changed since a revision and may matter to one store.

use sqlx::Error;

use super::document::Touched;
use crate::catalog::code::Gtin;
use crate::catalog::model::Store;
use crate::db::{self, Db, Run, Tx};
use crate::ids::Sku;

/// Products whose codes are read by one statement.
const SKUS_AT_ONCE: usize = 1_000;

/// Everything that may have changed in a store since a revision; none when it is too much, or when the store itself or one
/// of its price lists changed. All of it is read as of one moment: a code that moves meanwhile is not lost.
pub(super) async fn touched(
    db: &Db,
    store: &Store,
    since: i64,
    rows_max: i64,
) -> Result<Option<Touched>, Error> {
    let mut tx = db.snapshot().await?;
    let touched = read(&mut tx, store, since, rows_max).await?;
    tx.rollback().await?;
    Ok(touched)
}

async fn read(tx: &mut Tx, store: &Store, since: i64, rows_max: i64) -> Result<Option<Touched>, Error> {
    let lists = db::keys(store.price_lists.iter().map(crate::ids::PriceListId::as_str))?;
    if has_other_ground(tx, store, &lists, since).await? {
        return Ok(None);
    }
    let mut touched = Touched::default();
    for text in [PRICES, TIMED_PRICES, PRODUCTS, RECALLS] {
        let skus: Vec<(Sku,)> =
            tx.sql(text).bind(since).bind(lists.as_str()).bind(rows_max + 1).fetch_all().await?;
        touched.skus.extend(skus.into_iter().map(|(sku,)| sku));
    }
    let codes: Vec<(Gtin,)> = tx
        .sql("SELECT code FROM codes WHERE revision > $1 LIMIT $2")
        .bind(since)
        .bind(rows_max + 1)
        .fetch_all()
        .await?;
    touched.codes = codes.into_iter().map(|(code,)| code).collect();
    let rows = touched.skus.len() + touched.codes.len();
    if i64::try_from(rows).is_ok_and(|rows| rows > rows_max) {
        return Ok(None);
    }
    let skus: Vec<&Sku> = touched.skus.iter().collect();
    for chunk in skus.chunks(SKUS_AT_ONCE) {
        let codes: Vec<(Gtin,)> = tx
            .sql(
                "SELECT code FROM codes
                 WHERE sku IN (SELECT value ->> 'key' FROM json_each($1))
                   AND NOT deleted",
            )
            .bind(db::keys(chunk.iter().map(|sku| sku.as_str()))?)
            .fetch_all()
            .await?;
        touched.codes_of_skus.extend(codes.into_iter().map(|(code,)| code));
    }
    Ok(Some(touched))
}

/// Whether the store itself, or what its price lists are, changed since.
async fn has_other_ground(tx: &mut Tx, store: &Store, lists: &str, since: i64) -> Result<bool, Error> {
    let changed: Vec<(i64,)> = tx
        .sql(
            "SELECT revision FROM stores
             WHERE store = $1 AND revision > $2
             UNION ALL
             SELECT revision FROM price_lists
             WHERE price_list IN (SELECT value ->> 'key' FROM json_each($3)) AND revision > $2",
        )
        .bind(&store.store)
        .bind(since)
        .bind(lists)
        .fetch_all()
        .await?;
    Ok(!changed.is_empty())
}

/// Products whose open price changed on one of the store's lists.
const PRICES: &str = "
    SELECT DISTINCT sku FROM prices
    WHERE revision > $1
      AND price_list IN (SELECT value ->> 'key' FROM json_each($2))
    LIMIT $3";

/// Products of which a price with times changed on one of the store's lists.
const TIMED_PRICES: &str = "
    SELECT DISTINCT sku FROM timed_prices
    WHERE revision > $1
      AND price_list IN (SELECT value ->> 'key' FROM json_each($2))
    LIMIT $3";

/// Products that changed and have, or had, a price on one of the store's lists.
const PRODUCTS: &str = "
    SELECT products.sku FROM products
    WHERE products.revision > $1
      AND (EXISTS (
              SELECT 1 FROM prices
              WHERE prices.sku = products.sku
                AND prices.price_list IN (SELECT value ->> 'key' FROM json_each($2)))
          OR EXISTS (
              SELECT 1 FROM timed_prices
              WHERE timed_prices.sku = products.sku
                AND timed_prices.price_list IN (SELECT value ->> 'key' FROM json_each($2))))
    LIMIT $3";

/// Products of which a recall changed; as above, so that a phone is told only of what its store sells.
const RECALLS: &str = "
    SELECT DISTINCT recalls.sku FROM recalls
    WHERE recalls.revision > $1
      AND (EXISTS (
              SELECT 1 FROM prices
              WHERE prices.sku = recalls.sku
                AND prices.price_list IN (SELECT value ->> 'key' FROM json_each($2)))
          OR EXISTS (
              SELECT 1 FROM timed_prices
              WHERE timed_prices.sku = recalls.sku
                AND timed_prices.price_list IN (SELECT value ->> 'key' FROM json_each($2))))
    LIMIT $3";

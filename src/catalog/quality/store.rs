//! The SQL of judging: what the rules must know about a chunk of rows, and what is kept of a batch.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use sqlx::Error;
use sqlx::types::Json;

use super::super::product::ProductRow;
use super::super::rows::{Kind, PriceRow};
use super::model::{Level, Rule};
use crate::clock::Moment;
use crate::db::{self, Run, Sql, Tx};
use crate::ids::BatchId;

/// Other price lists that a price without a price before it is held against.
const LISTS_COMPARED_MAX: i64 = 9;

/// A product on a price list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct OnList {
    pub(super) price_list: String,
    pub(super) sku: String,
}

/// Where a row stood, and what it is about.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) line: i64,
    pub(super) kind: Kind,
    pub(super) key: String,
}

/// A row that is kept aside.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    /// In hexadecimal, without dashes.
    pub(super) id: String,
    pub(super) line: i64,
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) sku: Option<String>,
    pub(super) rule: Rule,
    pub(super) level: Level,
    pub(super) field: &'static str,
    pub(super) value: String,
    pub(super) detail: String,
    pub(super) raw: String,
    /// Whether it names nothing, so that no right row can close it.
    pub(super) is_nameless: bool,
}

/// A row that a report shows for a rule.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) rule: Rule,
    pub(super) place: i64,
    pub(super) line: i64,
    pub(super) key: String,
    pub(super) field: &'static str,
    pub(super) value: String,
}

/// What a delivery was like, in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub(super) received: i64,
    pub(super) quarantined: i64,
    pub(super) stopped: i64,
    pub(super) warnings: i64,
}

/// Whether any row is kept aside.
pub(super) async fn has_open(tx: &mut Tx) -> Result<bool, Error> {
    let any: Option<(String,)> =
        tx.sql("SELECT key FROM quality_quarantine WHERE state = 'open' LIMIT 1").fetch_optional().await?;
    Ok(any.is_some())
}

/// The first language of each open store: that of its receipts.
pub(super) async fn receipt_languages(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let texts: Vec<(String,)> =
        tx.sql("SELECT DISTINCT languages FROM stores WHERE NOT deleted").fetch_all().await?;
    let first = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default().into_iter().next();
    let mut languages: Vec<String> = texts.iter().filter_map(|(text,)| first(text)).collect();
    languages.sort();
    languages.dedup();
    Ok(languages)
}

/// The trees of goods of the open stores, as paths.
pub(super) async fn trees(tx: &mut Tx) -> Result<HashSet<Vec<String>>, Error> {
    let texts: Vec<(String,)> = tx
        .sql("SELECT DISTINCT categories FROM stores WHERE NOT deleted AND categories <> '[]'")
        .fetch_all()
        .await?;
    let paths = |text: &str| serde_json::from_str::<Vec<Vec<String>>>(text).unwrap_or_default();
    Ok(texts.iter().flat_map(|(text,)| paths(text)).collect())
}

/// A product in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct InStore {
    pub(super) store: String,
    pub(super) sku: String,
}

/// Those of the products in stores for which the store has no price, neither now nor ahead.
pub(super) async fn unpriced(tx: &mut Tx, of: &[InStore], now: i64) -> Result<HashSet<InStore>, Error> {
    if of.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(String, String)> = tx
        .sql(
            "SELECT value ->> 'store', value ->> 'sku'
             FROM json_each($1)
             WHERE NOT EXISTS (
                 SELECT 1 FROM store_price_lists AS lists
                 JOIN prices ON prices.price_list = lists.price_list AND prices.sku = value ->> 'sku'
                 WHERE lists.store = value ->> 'store' AND NOT prices.deleted
             ) AND NOT EXISTS (
                 SELECT 1 FROM store_price_lists AS lists
                 JOIN timed_prices AS timed
                     ON timed.price_list = lists.price_list AND timed.sku = value ->> 'sku'
                 WHERE lists.store = value ->> 'store' AND NOT timed.deleted AND timed.price_kind <> 'member'
                   AND (timed.valid_to IS NULL OR timed.valid_to > $2)
             )",
        )
        .bind(db::rows(of)?)
        .bind(now)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(store, sku)| InStore { store, sku }).collect())
}

/// Those of the products in stores whose tax class has no rate where the store lies.
pub(super) async fn untaxed(tx: &mut Tx, of: &[InStore]) -> Result<HashSet<InStore>, Error> {
    if of.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(String, String)> = tx
        .sql(
            "SELECT value ->> 'store', value ->> 'sku'
             FROM json_each($1)
             JOIN stores ON stores.store = value ->> 'store'
             JOIN products ON products.sku = value ->> 'sku'
             WHERE NOT EXISTS (
                 SELECT 1 FROM tax_rates AS rates
                 WHERE rates.tax_class = products.tax_class AND NOT rates.deleted
                   AND (rates.country = stores.country OR rates.country LIKE stores.country || '-%')
             )",
        )
        .bind(db::rows(of)?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(store, sku)| InStore { store, sku }).collect())
}

/// Those of the products that are sold.
pub(super) async fn products(tx: &mut Tx, skus: HashSet<&str>) -> Result<HashMap<String, ProductRow>, Error> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, Json<ProductRow>)> = tx
        .sql(
            "SELECT sku, details FROM products
             WHERE NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))",
        )
        .bind(db::keys(skus)?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(sku, details)| (sku, details.0)).collect())
}

/// What codes lead to, and the revisions that made it so.
pub(super) async fn codes<'a>(
    tx: &mut Tx,
    codes: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, String, i64)>, Error> {
    tx.sql(
        "SELECT code, sku, revision FROM codes
         WHERE NOT deleted AND code IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(codes)?)
    .fetch_all()
    .await
}

/// The primary codes of products.
pub(super) async fn primary_codes(
    tx: &mut Tx,
    skus: HashSet<&str>,
) -> Result<HashMap<String, String>, Error> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String)> = tx
        .sql(
            "SELECT sku, code FROM codes
             WHERE is_primary AND NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))",
        )
        .bind(db::keys(skus)?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().collect())
}

/// The open prices of products on lists.
pub(super) async fn prices(tx: &mut Tx, of: &[OnList]) -> Result<HashMap<OnList, i64>, Error> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, i64)> = tx
        .sql(
            "SELECT prices.price_list, prices.sku, prices.amount
             FROM json_each($1)
             JOIN prices ON prices.price_list = value ->> 'price_list' AND prices.sku = value ->> 'sku'
             WHERE NOT prices.deleted",
        )
        .bind(db::rows(of)?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(price_list, sku, amount)| (OnList { price_list, sku }, amount)).collect())
}

/// What other lists of the same currency ask for these products, a few lists each.
pub(super) async fn prices_elsewhere(
    tx: &mut Tx,
    rows: &[&PriceRow],
) -> Result<HashMap<OnList, Vec<i64>>, Error> {
    let mut currencies: HashMap<&str, Vec<String>> = HashMap::new();
    let mut asked: HashSet<OnList> = HashSet::new();
    for row in rows {
        let code = row.currency.code();
        if !currencies.contains_key(code) {
            let lists: Vec<(String,)> = tx
                .sql(
                    "SELECT price_list FROM price_lists
                     WHERE NOT deleted AND currency = $1
                     ORDER BY price_list
                     LIMIT $2",
                )
                .bind(code)
                .bind(LISTS_COMPARED_MAX)
                .fetch_all()
                .await?;
            currencies.insert(code, lists.into_iter().map(|(list,)| list).collect());
        }
        let lists = currencies.get(code).map(Vec::as_slice).unwrap_or_default();
        let others = lists.iter().filter(|list| list.as_str() != row.price_list.as_str());
        asked.extend(others.map(|list| OnList { price_list: list.clone(), sku: row.sku.to_string() }));
    }
    let asked: Vec<OnList> = asked.into_iter().collect();
    let found = prices(tx, &asked).await?;
    let mut elsewhere: HashMap<OnList, Vec<i64>> = HashMap::new();
    for row in rows {
        let lists = currencies.get(row.currency.code()).map(Vec::as_slice).unwrap_or_default();
        let own = OnList { price_list: row.price_list.to_string(), sku: row.sku.to_string() };
        let amounts = lists
            .iter()
            .filter(|list| **list != own.price_list)
            .filter_map(|list| found.get(&OnList { price_list: list.clone(), sku: own.sku.clone() }))
            .copied()
            .collect();
        elsewhere.insert(own, amounts);
    }
    Ok(elsewhere)
}

/// When normal prices with an end hold.
pub(super) async fn windows(tx: &mut Tx, of: &[OnList]) -> Result<HashMap<OnList, Vec<(i64, i64)>>, Error> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, i64, i64)> = tx
        .sql(
            "SELECT timed.price_list, timed.sku, timed.valid_from, timed.valid_to
             FROM json_each($1)
             JOIN timed_prices AS timed
                 ON timed.price_list = value ->> 'price_list' AND timed.sku = value ->> 'sku'
             WHERE NOT timed.deleted AND timed.price_kind = 'regular' AND timed.valid_to IS NOT NULL",
        )
        .bind(db::rows(of)?)
        .fetch_all()
        .await?;
    let mut windows: HashMap<OnList, Vec<(i64, i64)>> = HashMap::new();
    for (price_list, sku, from, to) in rows {
        windows.entry(OnList { price_list, sku }).or_default().push((from, to));
    }
    Ok(windows)
}

/// Those of the products that are not sold for now.
pub(super) async fn stopped<'a>(
    tx: &mut Tx,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<HashSet<String>, Error> {
    let rows: Vec<(String,)> = tx
        .sql(
            "SELECT sku FROM products
             WHERE NOT deleted AND details ->> 'sale_stop' IS NOT NULL
               AND sku IN (SELECT value ->> 'key' FROM json_each($1))",
        )
        .bind(db::keys(skus)?)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(sku,)| sku).collect())
}

/// Closes what right rows put right; answers the products whose sale may go on.
pub(super) async fn correct(tx: &mut Tx, keys: &[Place], now: Moment) -> Result<Vec<String>, Error> {
    let closed: Vec<(Option<String>, Level)> = tx
        .sql(
            "UPDATE quality_quarantine SET state = 'corrected', closed_at = $2
             WHERE state = 'open' AND (kind, key) IN (
                 SELECT value ->> 'kind', value ->> 'key' FROM json_each($1)
             )
             RETURNING sku, level",
        )
        .bind(db::rows(keys)?)
        .bind(now)
        .fetch_all()
        .await?;
    Ok(closed.into_iter().filter(|(_, level)| *level == Level::StopSale).filter_map(|(sku, _)| sku).collect())
}

/// Lets lookups read these products again; answers whether there were any.
pub(super) async fn touch_products(tx: &mut Tx, skus: &[String], revision: i64) -> Result<bool, Error> {
    if skus.is_empty() {
        return Ok(false);
    }
    let touched = tx
        .sql("UPDATE products SET revision = $2 WHERE NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(db::keys(skus.iter().map(String::as_str))?)
        .bind(revision)
        .execute()
        .await?;
    Ok(touched > 0)
}

/// The statement that keeps rows aside, with an id as each engine reads it.
macro_rules! keeping {
    ($id:literal) => {
        concat!(
            "INSERT INTO quality_quarantine
                 (id, batch, line, kind, key, sku, rule, level, field, value, detail, raw, source, state, first_seen,
                  last_seen, seen, is_nameless)
             SELECT
                 ",
            $id,
            ", $2, CAST(value ->> 'line' AS BIGINT), value ->> 'kind', value ->> 'key', value ->> 'sku',
                 value ->> 'rule', value ->> 'level', value ->> 'field', value ->> 'value', value ->> 'detail',
                 value ->> 'raw', $3, 'open', $4, $4, 1, CAST(value ->> 'is_nameless' AS BOOLEAN)
             FROM json_each($1)
             WHERE TRUE
             ON CONFLICT (kind, key, rule) WHERE state = 'open' DO UPDATE SET
                 batch = excluded.batch,
                 line = excluded.line,
                 level = excluded.level,
                 field = excluded.field,
                 value = excluded.value,
                 detail = excluded.detail,
                 raw = excluded.raw,
                 source = excluded.source,
                 last_seen = excluded.last_seen,
                 seen = quality_quarantine.seen + 1"
        )
    };
}

/// How many more rows of a source may be kept aside, of those that stop a sale and of the others: a flood of odd rows takes
/// no place from what must not be sold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) stops: i64,
    pub(super) others: i64,
}

/// The room that a source has left.
pub(super) async fn room(tx: &mut Tx, source: &str, most: i64) -> Result<Room, Error> {
    let (stops, all): (i64, i64) = tx
        .sql(
            "SELECT COALESCE(CAST(SUM(CASE WHEN level = 'stop_sale' THEN 1 ELSE 0 END) AS BIGINT), 0), COUNT(*)
             FROM quality_quarantine
             WHERE state = 'open' AND source = $1",
        )
        .bind(source)
        .fetch_one()
        .await?;
    Ok(Room { stops: most - stops, others: most - (all - stops) })
}

/// Keeps rows aside; one that is kept already is kept as it came last.
pub(super) async fn keep(
    tx: &mut Tx,
    batch: BatchId,
    source: &str,
    now: Moment,
    rows: Vec<Kept>,
) -> Result<(), Error> {
    // One statement may meet a row once: the last one of each key and rule counts.
    let mut last: BTreeMap<(Kind, String, Rule), Kept> = BTreeMap::new();
    for row in rows {
        last.insert((row.kind, row.key.clone(), row.rule), row);
    }
    let rows: Vec<Kept> = last.into_values().collect();
    tx.sql(Sql::each(keeping!("unhex(value ->> 'id')"), keeping!("CAST(value ->> 'id' AS UUID)")))
        .bind(db::rows(&rows)?)
        .bind(batch)
        .bind(source)
        .bind(now)
        .execute()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct Counted {
    rule: Rule,
    level: Level,
    count: i64,
}

/// Counts what a batch brought.
pub(super) async fn finish(
    tx: &mut Tx,
    batch: BatchId,
    source: &str,
    now: Moment,
    counts: &BTreeMap<(Rule, Level), i64>,
    samples: &[Sample],
    delivery: Delivery,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO quality_deliveries (batch, source, delivered_at, received, quarantined, stopped, warnings)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (batch) DO NOTHING",
    )
    .bind(batch)
    .bind(source)
    .bind(now)
    .bind(delivery.received)
    .bind(delivery.quarantined)
    .bind(delivery.stopped)
    .bind(delivery.warnings)
    .execute()
    .await?;
    if counts.is_empty() {
        return Ok(());
    }
    let rows: Vec<Counted> = counts
        .iter()
        .map(|((rule, level), count)| Counted { rule: *rule, level: *level, count: *count })
        .collect();
    tx.sql(
        "INSERT INTO quality_counts (day, source, rule, level, count)
         SELECT $2, $3, value ->> 'rule', value ->> 'level', CAST(value ->> 'count' AS BIGINT)
         FROM json_each($1)
         WHERE TRUE
         ON CONFLICT (day, source, rule, level) DO UPDATE SET count = quality_counts.count + excluded.count",
    )
    .bind(db::rows(&rows)?)
    .bind(now.date_naive().to_string())
    .bind(source)
    .execute()
    .await?;
    tx.sql(
        "INSERT INTO quality_samples (source, rule, place, batch, line, key, field, value)
         SELECT
             $2, value ->> 'rule', CAST(value ->> 'place' AS BIGINT), $3, CAST(value ->> 'line' AS BIGINT),
             value ->> 'key', value ->> 'field', value ->> 'value'
         FROM json_each($1)
         WHERE TRUE
         ON CONFLICT (source, rule, place) DO UPDATE SET
             batch = excluded.batch,
             line = excluded.line,
             key = excluded.key,
             field = excluded.field,
             value = excluded.value",
    )
    .bind(db::rows(samples)?)
    .bind(source)
    .bind(batch)
    .execute()
    .await
    .map(drop)
}

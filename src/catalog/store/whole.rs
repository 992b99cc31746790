//! What concerns a batch as a whole: what a full delivery leaves out, and what the rules for whole batches look at.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::Error;

use super::super::batches::{PriceChange, Shrunk};
use super::super::rows::{Key, Kind};
use crate::db::{self, Run, Sql, Tx};

/// Makes the list of rows that came though they changed nothing. It is this transaction's own.
pub(in crate::catalog) async fn begin(tx: &mut Tx) -> Result<(), Error> {
    // SQLite has no end of a transaction to drop it at.
    tx.sql(Sql::each("DROP TABLE IF EXISTS temp.catalog_came", "DROP TABLE IF EXISTS catalog_came"))
        .execute()
        .await?;
    tx.sql(Sql::each(
        "CREATE TEMPORARY TABLE catalog_came (
             kind TEXT NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL, third TEXT NOT NULL,
             PRIMARY KEY (kind, first, second, third)
         ) WITHOUT ROWID",
        "CREATE TEMPORARY TABLE catalog_came (
             kind TEXT NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL, third TEXT NOT NULL,
             PRIMARY KEY (kind, first, second, third)
         ) ON COMMIT DROP",
    ))
    .execute()
    .await
    .map(drop)
}

#[derive(Serialize)]
pub(super) struct Came<'a> {
    kind: Kind,
    first: &'a str,
    second: &'a str,
    third: String,
}

/// Notes that rows with these keys came.
pub(in crate::catalog) async fn keep(tx: &mut Tx, keys: &[Key]) -> Result<(), Error> {
    let came: Vec<Came<'_>> = keys.iter().map(came).collect();
    let came = db::rows(&came)?;
    tx.sql(
        "INSERT INTO catalog_came (kind, first, second, third)
         SELECT value ->> 'kind', value ->> 'first', value ->> 'second', value ->> 'third'
         FROM json_each($1)
         WHERE TRUE
         ON CONFLICT (kind, first, second, third) DO NOTHING",
    )
    .bind(came)
    .execute()
    .await
    .map(drop)
}

pub(super) fn came(key: &Key) -> Came<'_> {
    let (first, second, third): (&str, &str, String) = match key {
        Key::TaxClass { tax_class } => (tax_class.as_str(), "", String::new()),
        Key::TaxRate { country, tax_class, valid_from } => {
            (country, tax_class.as_str(), valid_from.to_string())
        }
        Key::PriceList { price_list } => (price_list.as_str(), "", String::new()),
        Key::Store { store } => (store.as_str(), "", String::new()),
        Key::Product { sku } => (sku.as_str(), "", String::new()),
        Key::Code { code } => (code, "", String::new()),
        Key::Price { price_list, sku, price_kind, valid_from } => {
            let third = valid_from.map_or_else(String::new, |from| format!("{price_kind}/{from}"));
            (price_list.as_str(), sku.as_str(), third)
        }
        Key::Stock { store, sku } | Key::Location { store, sku } => {
            (store.as_str(), sku.as_str(), String::new())
        }
        Key::Recall { recall, sku } => (recall, sku.as_str(), String::new()),
        Key::Coupon { coupon } => (coupon.as_str(), "", String::new()),
        // Not the first part: that would have to be borrowed.
        Key::Customer { customer } => ("", "", customer.to_string()),
        Key::Promotion { promotion } => (promotion.as_str(), "", String::new()),
    };
    Came { kind: key.kind(), first, second, third }
}

/// How many rows of a kind are live: of prices those of one list, without those that have ended; of stock and
/// locations those of one store.
pub(in crate::catalog) async fn live(tx: &mut Tx, kind: Kind, of: &str, now: i64) -> Result<i64, Error> {
    let text = match kind {
        Kind::TaxClass => "SELECT COUNT(*) FROM tax_classes WHERE NOT deleted",
        Kind::TaxRate => "SELECT COUNT(*) FROM tax_rates WHERE NOT deleted",
        Kind::PriceList => "SELECT COUNT(*) FROM price_lists WHERE NOT deleted",
        Kind::Store => "SELECT COUNT(*) FROM stores WHERE NOT deleted",
        Kind::Product => "SELECT COUNT(*) FROM products WHERE NOT deleted",
        Kind::Code => "SELECT COUNT(*) FROM codes WHERE NOT deleted",
        Kind::Recall => "SELECT COUNT(*) FROM recalls WHERE NOT deleted",
        Kind::Customer => "SELECT COUNT(*) FROM customers WHERE NOT deleted",
        Kind::Coupon => "SELECT COUNT(*) FROM coupons WHERE NOT deleted",
        Kind::Promotion => "SELECT COUNT(*) FROM promotions WHERE NOT deleted",
        Kind::Unknown => return Ok(0),
        Kind::Stock => {
            let text = "SELECT COUNT(*) FROM stock WHERE NOT deleted AND store = $1";
            return tx.sql(text).bind(of).fetch_one().await.map(|(count,)| count);
        }
        Kind::Location => {
            let text = "SELECT COUNT(*) FROM locations WHERE NOT deleted AND store = $1";
            return tx.sql(text).bind(of).fetch_one().await.map(|(count,)| count);
        }
        Kind::Price => {
            let text = "SELECT
                 (SELECT COUNT(*) FROM prices WHERE NOT deleted AND price_list = $1)
                 + (SELECT COUNT(*) FROM timed_prices
                    WHERE NOT deleted AND price_list = $1 AND (valid_to IS NULL OR valid_to > $2))";
            return tx.sql(text).bind(of).bind(now).fetch_one().await.map(|(count,)| count);
        }
    };
    tx.sql(text).fetch_one().await.map(|(count,)| count)
}

macro_rules! left_out {
    ($table:literal, $kind:literal, $first:literal, $second:literal, $third:literal, $more:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET deleted = TRUE, revision = $1 WHERE NOT deleted AND revision <> $1 ",
            $more,
            " AND NOT EXISTS (SELECT 1 FROM catalog_came AS came WHERE came.kind = '",
            $kind,
            "' AND came.first = ",
            $table,
            ".",
            $first,
            " AND came.second = ",
            $second,
            " AND came.third = ",
            $third,
            ")"
        )
    };
}

/// Takes back the live rows of a kind that did not come in this revision; answers how many. Prices that have ended stay:
/// what a price was in the last 30 days is made of them.
pub(in crate::catalog) async fn remove(
    tx: &mut Tx,
    kind: Kind,
    of: &str,
    revision: i64,
    now: i64,
) -> Result<i64, Error> {
    let text = match kind {
        Kind::TaxClass => left_out!("tax_classes", "tax_class", "tax_class", "''", "''", ""),
        Kind::TaxRate => {
            left_out!("tax_rates", "tax_rate", "country", "tax_rates.tax_class", "tax_rates.valid_from", "")
        }
        Kind::PriceList => left_out!("price_lists", "price_list", "price_list", "''", "''", ""),
        Kind::Store => left_out!("stores", "store", "store", "''", "''", ""),
        Kind::Product => left_out!("products", "product", "sku", "''", "''", ""),
        Kind::Code => left_out!(
            "codes",
            "code",
            "code",
            "''",
            "''",
            // What staff bound stays until its partner delivers it.
            "AND NOT EXISTS (SELECT 1 FROM bound_codes WHERE bound_codes.code = codes.code
                             AND bound_codes.sku = codes.sku)"
        ),
        Kind::Recall => left_out!("recalls", "recall", "recall", "recalls.sku", "''", ""),
        Kind::Customer => {
            "UPDATE customers SET deleted = TRUE, revision = $1 WHERE NOT deleted AND revision <> $1
             AND NOT EXISTS (SELECT 1 FROM catalog_came AS came
                             WHERE came.kind = 'customer' AND came.third = customers.customer)"
        }
        Kind::Coupon => left_out!("coupons", "coupon", "coupon", "''", "''", ""),
        Kind::Promotion => left_out!("promotions", "promotion", "promotion", "''", "''", ""),
        Kind::Unknown => return Ok(0),
        Kind::Stock => {
            let text = left_out!("stock", "stock", "store", "stock.sku", "''", "AND store = $2");
            return tx.sql(text).bind(revision).bind(of).execute().await.map(signed);
        }
        Kind::Location => {
            let text = left_out!("locations", "location", "store", "locations.sku", "''", "AND store = $2");
            return tx.sql(text).bind(revision).bind(of).execute().await.map(signed);
        }
        Kind::Price => {
            let text = left_out!("prices", "price", "price_list", "prices.sku", "''", "AND price_list = $2");
            let open = tx.sql(text).bind(revision).bind(of).execute().await?;
            let text = left_out!(
                "timed_prices",
                "price",
                "price_list",
                "timed_prices.sku",
                "timed_prices.price_kind || '/' || CAST(timed_prices.valid_from AS TEXT)",
                "AND price_list = $2 AND (valid_to IS NULL OR valid_to > $3)"
            );
            let timed = tx.sql(text).bind(revision).bind(of).bind(now).execute().await?;
            super::history::left_out(tx, of, revision, now).await?;
            return Ok(signed(open + timed));
        }
    };
    tx.sql(text).bind(revision).execute().await.map(signed)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether no product was known before this revision.
pub(in crate::catalog) async fn is_first(tx: &mut Tx, revision: i64) -> Result<bool, Error> {
    let known: Option<(String,)> = tx
        .sql("SELECT sku FROM products WHERE revision < $1 LIMIT 1")
        .bind(revision)
        .fetch_optional()
        .await?;
    Ok(known.is_none())
}

/// Top categories of which a product was taken back in this revision and none is left.
pub(in crate::catalog) async fn categories_gone(tx: &mut Tx, revision: i64) -> Result<Vec<String>, Error> {
    let gone: Vec<(String,)> = tx
        .sql(
            "SELECT gone.category
             FROM (
                 SELECT DISTINCT details -> 'category' ->> 0 AS category
                 FROM products
                 WHERE revision = $1 AND deleted
             ) AS gone
             WHERE gone.category IS NOT NULL AND gone.category NOT IN (
                 SELECT details -> 'category' ->> 0 FROM products
                 WHERE NOT deleted AND details -> 'category' ->> 0 IS NOT NULL
             )
             ORDER BY gone.category
             LIMIT 20",
        )
        .bind(revision)
        .fetch_all()
        .await?;
    Ok(gone.into_iter().map(|(category,)| category).collect())
}

/// How the kinds shrank of which at least so many rows were taken back one by one. What is left is counted no further than
/// a share of `percent` needs, so that a small batch stays cheap in a large catalogue.
pub(in crate::catalog) async fn taken_back(
    tx: &mut Tx,
    gone: &BTreeMap<Kind, i64>,
    rows_min: i64,
    percent: i64,
) -> Result<Vec<Shrunk>, Error> {
    let mut shrunk = Vec::new();
    for (kind, gone) in gone.iter().filter(|(_, gone)| **gone >= rows_min.max(1)) {
        let text = match kind {
            Kind::Product => {
                "SELECT COUNT(*) FROM (SELECT 1 FROM products WHERE NOT deleted LIMIT $1) AS live"
            }
            Kind::Code => "SELECT COUNT(*) FROM (SELECT 1 FROM codes WHERE NOT deleted LIMIT $1) AS live",
            Kind::Price => "SELECT COUNT(*) FROM (SELECT 1 FROM prices WHERE NOT deleted LIMIT $1) AS live",
            Kind::Store => "SELECT COUNT(*) FROM (SELECT 1 FROM stores WHERE NOT deleted LIMIT $1) AS live",
            _ => continue,
        };
        let most = if percent >= 100 { i64::MAX } else { gone.saturating_mul(100) / (100 - percent) + 1 };
        let (left,): (i64,) = tx.sql(text).bind(most).fetch_one().await?;
        shrunk.push(Shrunk {
            name: kind.to_string(),
            kind: Some(*kind),
            before: left.saturating_add(*gone),
            gone: *gone,
        });
    }
    Ok(shrunk)
}

/// How prices changed in this revision, if at least so many did; `gone` of them were taken back. `bound` is that number and
/// the percentage up to which those that stayed are counted.
pub(in crate::catalog) async fn price_change(
    tx: &mut Tx,
    revision: i64,
    bound: (i64, i64),
    gone: i64,
) -> Result<PriceChange, Error> {
    let (rows_min, percent) = bound;
    let (changed, median) = middle(tx, &CHANGED, revision, rows_min).await?;
    let mut stays = 0;
    if changed >= rows_min.max(1) && percent > 0 {
        let most = changed.saturating_mul(100) / percent + 1;
        let (untouched,): (i64,) = tx
            .sql(
                "SELECT COUNT(*) FROM (
                     SELECT 1 FROM prices
                     WHERE NOT deleted AND revision < $1 AND price_list IN (
                         SELECT price_list FROM price_history WHERE revision = $1 AND amount > 0
                     )
                     LIMIT $2
                 ) AS untouched",
            )
            .bind(revision)
            .bind(most)
            .fetch_one()
            .await?;
        stays = untouched + gone;
    }
    let (_, median_ahead) = middle(tx, &AHEAD, revision, rows_min).await?;
    let (_, median_special) = middle(tx, &SPECIAL, revision, rows_min).await?;
    Ok(PriceChange { changed, stays, median, median_ahead, median_special })
}

/// A way to count changes of prices, and to take the one at a place of their order.
struct Changes {
    count: &'static str,
    at: &'static str,
}

macro_rules! changes {
    ($from:literal) => {
        Changes {
            count: concat!("SELECT COUNT(*) ", $from),
            at: concat!(
                "SELECT next.amount * 1000 / last.amount AS change ",
                $from,
                " ORDER BY 1 LIMIT 1 OFFSET $2"
            ),
        }
    };
}

const CHANGED: Changes = changes!(
    "FROM price_history AS last
     JOIN prices AS next ON next.price_list = last.price_list AND next.sku = last.sku
     WHERE last.revision = $1 AND NOT next.deleted AND next.amount <> last.amount AND last.amount > 0"
);
const AHEAD: Changes = changes!(
    "FROM timed_prices AS next
     JOIN prices AS last ON last.price_list = next.price_list AND last.sku = next.sku
     WHERE next.revision = $1 AND NOT next.deleted AND NOT last.deleted AND last.amount > 0
         AND next.price_kind = 'regular'"
);
const SPECIAL: Changes = changes!(
    "FROM timed_prices AS next
     JOIN prices AS last ON last.price_list = next.price_list AND last.sku = next.sku
     WHERE next.revision = $1 AND NOT next.deleted AND NOT last.deleted AND last.amount > 0
         AND next.price_kind <> 'regular'"
);

/// How many changes there are, and the middle one if there are enough.
async fn middle(
    tx: &mut Tx,
    changes: &Changes,
    revision: i64,
    rows_min: i64,
) -> Result<(i64, Option<i64>), Error> {
    let (count,): (i64,) = tx.sql(changes.count).bind(revision).fetch_one().await?;
    if count < rows_min.max(1) {
        return Ok((count, None));
    }
    let found: Option<(i64,)> = tx.sql(changes.at).bind(revision).bind(count / 2).fetch_optional().await?;
    Ok((count, found.map(|(change,)| change)))
}

//! Applies the rows of a batch: one statement for up to a thousand rows of a kind, bound as one JSON text.
//!
//! A row that says what is known already is left alone and keeps its revision, so that other instances need not read it.

use serde::Serialize;
use sqlx::Error;

use super::super::rows::{Key, Kind, PriceKind, PriceRow, StoreRow};
use super::{history, promotions, shelves};
use crate::db::{self, Run, Tx};
use crate::ids::PriceListId;
use crate::money::Currency;

/// Takes the next revision and, until the transaction ends, keeps every other batch waiting.
pub(in crate::catalog) async fn next_revision(tx: &mut Tx) -> Result<i64, Error> {
    tx.queue().await?;
    let (revision,) = tx
        .sql("UPDATE catalog_revision SET revision = revision + 1 WHERE id = 1 RETURNING revision")
        .fetch_one()
        .await?;
    Ok(revision)
}

/// Gives the revision back, when the batch changed nothing.
pub(in crate::catalog) async fn give_revision_back(tx: &mut Tx) -> Result<(), Error> {
    tx.sql("UPDATE catalog_revision SET revision = revision - 1 WHERE id = 1").execute().await.map(drop)
}

/// Which of these SKUs are products that are sold.
pub(in crate::catalog) async fn live_products<'a>(
    tx: &mut Tx,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String,)>, Error> {
    tx.sql(
        "SELECT sku FROM products WHERE NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(skus)?)
    .fetch_all()
    .await
}

/// Which of these tax classes there are.
pub(in crate::catalog) async fn live_tax_classes<'a>(
    tx: &mut Tx,
    classes: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String,)>, Error> {
    tx.sql("SELECT tax_class FROM tax_classes WHERE NOT deleted AND tax_class IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(db::keys(classes)?)
        .fetch_all()
        .await
}

/// Which of these stores are open.
pub(in crate::catalog) async fn live_stores<'a>(
    tx: &mut Tx,
    stores: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, Currency)>, Error> {
    tx.sql(
        "SELECT store, currency FROM stores WHERE NOT deleted AND store IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(stores)?)
    .fetch_all()
    .await
}

/// Which of these price lists were ever there, their currencies, and whether they were taken back.
pub(in crate::catalog) async fn price_lists<'a>(
    tx: &mut Tx,
    lists: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, Currency, bool)>, Error> {
    tx.sql(
        "SELECT price_list, currency, deleted FROM price_lists
         WHERE price_list IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(lists)?)
    .fetch_all()
    .await
}

/// Writes rows of one kind, not stores and not prices; answers how many were new or different.
pub(in crate::catalog) async fn upsert<T: Serialize>(
    tx: &mut Tx,
    kind: Kind,
    revision: i64,
    rows: &[T],
) -> Result<u64, Error> {
    let text = match kind {
        Kind::TaxClass => TAX_CLASSES,
        Kind::TaxRate => TAX_RATES,
        Kind::PriceList => PRICE_LISTS,
        Kind::Product => PRODUCTS,
        Kind::Code => CODES,
        Kind::Stock => shelves::STOCK,
        Kind::Location => shelves::LOCATIONS,
        Kind::Recall => RECALLS,
        Kind::Promotion => promotions::PROMOTIONS,
        Kind::Coupon => promotions::COUPONS,
        Kind::Customer => promotions::CUSTOMERS,
        Kind::Store | Kind::Price | Kind::Unknown => return Ok(0),
    };
    tx.sql(text).bind(db::rows(rows)?).bind(revision).execute().await
}

const TAX_CLASSES: &str = "
    INSERT INTO tax_classes (tax_class, name, deleted, revision)
    SELECT value ->> 'tax_class', value ->> 'name', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (tax_class) DO UPDATE SET
        name = excluded.name,
        deleted = FALSE,
        revision = excluded.revision
    WHERE tax_classes.deleted OR tax_classes.name <> excluded.name";

const TAX_RATES: &str = "
    INSERT INTO tax_rates (country, tax_class, valid_from, rate, deleted, revision)
    SELECT value ->> 'country', value ->> 'tax_class', value ->> 'valid_from', value ->> 'rate', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (country, tax_class, valid_from) DO UPDATE SET
        rate = excluded.rate,
        deleted = FALSE,
        revision = excluded.revision
    WHERE tax_rates.deleted OR tax_rates.rate <> excluded.rate";

const PRICE_LISTS: &str = "
    INSERT INTO price_lists (price_list, name, currency, deleted, revision)
    SELECT value ->> 'price_list', value ->> 'name', value ->> 'currency', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (price_list) DO UPDATE SET
        name = excluded.name,
        currency = excluded.currency,
        deleted = FALSE,
        revision = excluded.revision
    WHERE price_lists.deleted
       OR price_lists.name <> excluded.name
       OR price_lists.currency <> excluded.currency";

const PRODUCTS: &str = "
    INSERT INTO products (sku, name, tax_class, details, deleted, revision)
    SELECT value ->> 'sku', value ->> 'name', value ->> 'tax_class', value, FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (sku) DO UPDATE SET
        name = excluded.name,
        tax_class = excluded.tax_class,
        details = excluded.details,
        deleted = FALSE,
        revision = excluded.revision
    WHERE products.deleted OR products.details <> excluded.details";

const CODES: &str = "
    INSERT INTO codes (code, sku, quantity, is_primary, deleted, revision)
    SELECT
        value ->> 'code', value ->> 'sku', CAST(value ->> 'quantity' AS BIGINT),
        CAST(value ->> 'primary' AS BOOLEAN), FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (code) DO UPDATE SET
        sku = excluded.sku,
        quantity = excluded.quantity,
        is_primary = excluded.is_primary,
        deleted = FALSE,
        revision = excluded.revision
    WHERE codes.deleted OR codes.sku <> excluded.sku OR codes.quantity <> excluded.quantity
       OR codes.is_primary <> excluded.is_primary";

const PRICES: &str = "
    INSERT INTO prices (price_list, sku, amount, currency, deleted, revision)
    SELECT
        value ->> 'price_list', value ->> 'sku', CAST(value ->> 'amount' AS BIGINT), value ->> 'currency', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (price_list, sku) DO UPDATE SET
        amount = excluded.amount,
        currency = excluded.currency,
        deleted = FALSE,
        revision = excluded.revision
    WHERE prices.deleted OR prices.amount <> excluded.amount OR prices.currency <> excluded.currency";

/// What open prices were until now; to be run before they are replaced. One that was taken back comes again after a time
/// without a price, which is noted as an amount of zero.
const REPLACED_PRICES: &str = "
    INSERT INTO price_history (price_list, sku, replaced_at, revision, amount)
    SELECT prices.price_list, prices.sku, $3, $2, CASE WHEN prices.deleted THEN 0 ELSE prices.amount END
    FROM json_each($1)
    JOIN prices ON prices.price_list = value ->> 'price_list' AND prices.sku = value ->> 'sku'
    WHERE prices.deleted OR prices.amount <> CAST(value ->> 'amount' AS BIGINT)
    ON CONFLICT (price_list, sku, replaced_at, revision) DO NOTHING";

const TIMED_PRICES: &str = "
    INSERT INTO timed_prices
        (price_list, sku, price_kind, valid_from, valid_to, amount, currency, promotion, deleted, revision)
    SELECT
        value ->> 'price_list', value ->> 'sku', value ->> 'price_kind', CAST(value ->> 'valid_from' AS BIGINT),
        CAST(value ->> 'valid_to' AS BIGINT), CAST(value ->> 'amount' AS BIGINT), value ->> 'currency',
        value ->> 'promotion', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (price_list, sku, price_kind, valid_from) DO UPDATE SET
        valid_to = excluded.valid_to,
        amount = excluded.amount,
        currency = excluded.currency,
        promotion = excluded.promotion,
        deleted = FALSE,
        revision = excluded.revision
    WHERE timed_prices.deleted OR timed_prices.valid_to IS DISTINCT FROM excluded.valid_to
       OR timed_prices.amount <> excluded.amount OR timed_prices.currency <> excluded.currency
       OR timed_prices.promotion IS DISTINCT FROM excluded.promotion";

const RECALLS: &str = "
    INSERT INTO recalls (recall, sku, lots, notice, deleted, revision)
    SELECT value ->> 'recall', value ->> 'sku', value ->> 'lots', value ->> 'notice', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (recall, sku) DO UPDATE SET
        lots = excluded.lots,
        notice = excluded.notice,
        deleted = FALSE,
        revision = excluded.revision
    WHERE recalls.deleted OR recalls.lots IS DISTINCT FROM excluded.lots OR recalls.notice <> excluded.notice";

/// A price with its times as the database has them.
#[derive(Serialize)]
struct TimedPrice<'a> {
    price_list: &'a str,
    sku: &'a str,
    price_kind: PriceKind,
    valid_from: i64,
    valid_to: Option<i64>,
    amount: i64,
    currency: Currency,
    promotion: Option<&'a str>,
}

/// Whether a list has, or ever had, an open price.
pub(in crate::catalog) async fn has_prices(tx: &mut Tx, list: &str) -> Result<bool, Error> {
    let found: Option<(String,)> =
        tx.sql("SELECT sku FROM prices WHERE price_list = $1 LIMIT 1").bind(list).fetch_optional().await?;
    Ok(found.is_some())
}

/// Writes prices, open ones and those with times; answers how many were new or different. Of lists that had no prices
/// before this batch none can be replaced.
pub(in crate::catalog) async fn upsert_prices(
    tx: &mut Tx,
    revision: i64,
    now: i64,
    rows: &[&PriceRow],
    is_list_new: impl Fn(&PriceListId) -> bool,
) -> Result<u64, Error> {
    let mut written = 0;
    let (open, timed): (Vec<&PriceRow>, Vec<&PriceRow>) = rows.iter().copied().partition(|row| row.is_open());
    if !open.is_empty() {
        let is_new = open.iter().all(|row| is_list_new(&row.price_list));
        let open = db::rows(&open)?;
        if !is_new {
            tx.sql(REPLACED_PRICES).bind(open.as_str()).bind(revision).bind(now).execute().await?;
        }
        written += tx.sql(PRICES).bind(open).bind(revision).execute().await?;
    }
    let timed: Vec<TimedPrice<'_>> = timed.into_iter().filter_map(TimedPrice::of).collect();
    if !timed.is_empty() {
        let timed = db::rows(&timed)?;
        history::timed_overwritten(tx, timed.as_str(), revision, now).await?;
        written += tx.sql(TIMED_PRICES).bind(timed).bind(revision).execute().await?;
    }
    Ok(written)
}

impl<'a> TimedPrice<'a> {
    fn of(row: &'a PriceRow) -> Option<Self> {
        Some(Self {
            price_list: row.price_list.as_str(),
            sku: row.sku.as_str(),
            price_kind: row.price_kind,
            valid_from: row.valid_from?.timestamp(),
            valid_to: row.valid_to.map(|to| to.timestamp()),
            amount: row.amount,
            currency: row.currency,
            promotion: row.promotion.as_deref(),
        })
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum KeyFields<'a> {
    One { key: &'a str },
    Own { key: String },
    Price { price_list: &'a str, sku: &'a str, price_kind: PriceKind, valid_from: Option<i64> },
    InStore { store: &'a str, sku: &'a str },
    Recall { recall: &'a str, sku: &'a str },
    Rate { country: &'a str, tax_class: &'a str, valid_from: String },
}

/// Takes rows of one kind back; answers how many were there.
pub(in crate::catalog) async fn delete(
    tx: &mut Tx,
    kind: Kind,
    revision: i64,
    now: i64,
    keys: &[Key],
) -> Result<u64, Error> {
    let text = match kind {
        Kind::TaxClass => {
            "UPDATE tax_classes SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND tax_class IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::TaxRate => {
            "UPDATE tax_rates SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (country, tax_class, valid_from) IN (
                 SELECT value ->> 'country', value ->> 'tax_class', value ->> 'valid_from' FROM json_each($1)
             )"
        }
        Kind::PriceList => {
            "UPDATE price_lists SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND price_list IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Store => {
            "UPDATE stores SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND store IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Product => {
            "UPDATE products SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Code => {
            "UPDATE codes SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND code IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Price => return delete_prices(tx, revision, now, keys).await,
        Kind::Stock => {
            "UPDATE stock SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (store, sku) IN (SELECT value ->> 'store', value ->> 'sku' FROM json_each($1))"
        }
        Kind::Location => {
            "UPDATE locations SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (store, sku) IN (SELECT value ->> 'store', value ->> 'sku' FROM json_each($1))"
        }
        Kind::Recall => {
            "UPDATE recalls SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (recall, sku) IN (SELECT value ->> 'recall', value ->> 'sku' FROM json_each($1))"
        }
        Kind::Customer => {
            "UPDATE customers SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND customer IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Coupon => {
            "UPDATE coupons SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND coupon IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Promotion => {
            "UPDATE promotions SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND promotion IN (SELECT value ->> 'key' FROM json_each($1))"
        }
        Kind::Unknown => return Ok(0),
    };
    let fields: Vec<KeyFields<'_>> = keys.iter().map(fields).collect();
    tx.sql(text).bind(db::rows(&fields)?).bind(revision).execute().await
}

/// Takes prices back; an open price and those with times are rows of two tables.
async fn delete_prices(tx: &mut Tx, revision: i64, now: i64, keys: &[Key]) -> Result<u64, Error> {
    let is_open = |key: &&Key| matches!(key, Key::Price { valid_from: None, .. });
    let (open, timed): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(is_open);
    let mut deleted = 0;
    for (is_open, keys, text) in [
        (
            true,
            open,
            "UPDATE prices SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (price_list, sku) IN (
                 SELECT value ->> 'price_list', value ->> 'sku' FROM json_each($1)
             )",
        ),
        (
            false,
            timed,
            "UPDATE timed_prices SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (price_list, sku, price_kind, valid_from) IN (
                 SELECT
                     value ->> 'price_list', value ->> 'sku', value ->> 'price_kind',
                     CAST(value ->> 'valid_from' AS BIGINT)
                 FROM json_each($1)
             )",
        ),
    ] {
        if !keys.is_empty() {
            let fields: Vec<KeyFields<'_>> = keys.into_iter().map(fields).collect();
            let rows = db::rows(&fields)?;
            deleted += tx.sql(text).bind(rows.as_str()).bind(revision).execute().await?;
            history::taken_back(tx, is_open, &rows, revision, now).await?;
        }
    }
    Ok(deleted)
}

fn fields(key: &Key) -> KeyFields<'_> {
    match key {
        Key::TaxClass { tax_class } => KeyFields::One { key: tax_class.as_str() },
        Key::PriceList { price_list } => KeyFields::One { key: price_list.as_str() },
        Key::Store { store } => KeyFields::One { key: store.as_str() },
        Key::Product { sku } => KeyFields::One { key: sku.as_str() },
        Key::Code { code } => KeyFields::One { key: code },
        Key::Coupon { coupon } => KeyFields::One { key: coupon.as_str() },
        Key::Customer { customer } => KeyFields::Own { key: customer.to_string() },
        Key::Promotion { promotion } => KeyFields::One { key: promotion.as_str() },
        Key::Price { price_list, sku, price_kind, valid_from } => KeyFields::Price {
            price_list: price_list.as_str(),
            sku: sku.as_str(),
            price_kind: *price_kind,
            valid_from: *valid_from,
        },
        Key::Stock { store, sku } | Key::Location { store, sku } => {
            KeyFields::InStore { store: store.as_str(), sku: sku.as_str() }
        }
        Key::Recall { recall, sku } => KeyFields::Recall { recall, sku: sku.as_str() },
        Key::TaxRate { country, tax_class, valid_from } => {
            KeyFields::Rate { country, tax_class: tax_class.as_str(), valid_from: valid_from.to_string() }
        }
    }
}

/// Writes stores with their price lists; answers how many were new or different.
pub(in crate::catalog) async fn upsert_stores(
    tx: &mut Tx,
    revision: i64,
    rows: &[&StoreRow],
) -> Result<u64, Error> {
    let known = super::read::stores_named(tx, &db::keys(rows.iter().map(|row| row.store.as_str()))?).await?;
    let changed: Vec<&StoreRow> = rows.iter().copied().filter(|row| !known.contains(row)).collect();
    if changed.is_empty() {
        return Ok(0);
    }
    tx.sql(STORES).bind(db::rows(&changed)?).bind(revision).execute().await?;
    tx.sql("DELETE FROM store_price_lists WHERE store IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(db::keys(changed.iter().map(|row| row.store.as_str()))?)
        .execute()
        .await?;
    let places: Vec<Place<'_>> = changed.iter().flat_map(|row| places(row)).collect();
    tx.sql(
        "INSERT INTO store_price_lists (store, position, price_list)
         SELECT value ->> 'store', CAST(value ->> 'position' AS BIGINT), value ->> 'price_list'
         FROM json_each($1)",
    )
    .bind(db::rows(&places)?)
    .execute()
    .await?;
    Ok(u64::try_from(changed.len()).unwrap_or(u64::MAX))
}

#[derive(Serialize)]
struct Place<'a> {
    store: &'a str,
    position: usize,
    price_list: &'a str,
}

fn places(row: &StoreRow) -> impl Iterator<Item = Place<'_>> {
    let lists = row.price_lists.iter().enumerate();
    lists.map(|(position, list)| Place { store: row.store.as_str(), position, price_list: list.as_str() })
}

const STORES: &str = "
    INSERT INTO stores
        (store, name, street, house_number, postal_code, city, country, currency, time_zone, languages, code_templates,
         near_date_markdowns, price_promise, best_before_passed, categories, till, deleted, revision)
    SELECT
        value ->> 'store', value ->> 'name', value -> 'address' ->> 'street', value -> 'address' ->> 'house_number',
        value -> 'address' ->> 'postal_code', value -> 'address' ->> 'city', value ->> 'country',
        value ->> 'currency', value ->> 'time_zone', value ->> 'languages', value ->> 'code_templates',
        value ->> 'near_date_markdowns', value ->> 'price_promise', value ->> 'best_before_passed',
        value ->> 'categories', value ->> 'till', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (store) DO UPDATE SET
        name = excluded.name,
        street = excluded.street,
        house_number = excluded.house_number,
        postal_code = excluded.postal_code,
        city = excluded.city,
        country = excluded.country,
        currency = excluded.currency,
        time_zone = excluded.time_zone,
        languages = excluded.languages,
        code_templates = excluded.code_templates,
        near_date_markdowns = excluded.near_date_markdowns,
        price_promise = excluded.price_promise,
        best_before_passed = excluded.best_before_passed,
        categories = excluded.categories,
        till = excluded.till,
        deleted = FALSE,
        revision = excluded.revision";

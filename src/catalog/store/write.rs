//! Applies the rows of a batch: one statement for up to a thousand rows of a kind, bound as one JSON text.
//!
//! A row that says what is known already is left alone and keeps its revision, so that other instances need not read it.

use serde::Serialize;
use sqlx::Error;

use super::super::rows::{Key, Kind, StoreRow};
use crate::db::{Run, Tx};
use crate::money::Currency;

/// Takes the next revision and, until the transaction ends, keeps every other batch waiting.
pub(in crate::catalog) async fn next_revision(tx: &mut Tx) -> Result<i64, Error> {
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

fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, Error> {
    serde_json::to_string(rows).map_err(|error| Error::Encode(error.into()))
}

#[derive(Serialize)]
struct Named<'a> {
    key: &'a str,
}

fn named<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<String, Error> {
    json(&keys.into_iter().map(|key| Named { key }).collect::<Vec<_>>())
}

/// Which of these SKUs are products that are sold.
pub(in crate::catalog) async fn live_products<'a>(
    tx: &mut Tx,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String,)>, Error> {
    tx.sql(
        "SELECT sku FROM products WHERE NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(named(skus)?)
    .fetch_all()
    .await
}

/// Which of these tax classes there are.
pub(in crate::catalog) async fn live_tax_classes<'a>(
    tx: &mut Tx,
    classes: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String,)>, Error> {
    tx.sql("SELECT tax_class FROM tax_classes WHERE NOT deleted AND tax_class IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(named(classes)?)
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
    .bind(named(lists)?)
    .fetch_all()
    .await
}

/// Writes rows of one kind, not stores; answers how many were new or different.
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
        Kind::Price => PRICES,
        Kind::Store | Kind::Unknown => return Ok(0),
    };
    tx.sql(text).bind(json(rows)?).bind(revision).execute().await
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
    INSERT INTO products
        (sku, name, brand, tax_class, weight_grams, deliverable, age_min, content, deleted, revision)
    SELECT
        value ->> 'sku', value ->> 'name', value ->> 'brand', value ->> 'tax_class',
        CAST(value ->> 'weight_grams' AS BIGINT), CAST(value ->> 'deliverable' AS BOOLEAN),
        CAST(value ->> 'age_min' AS BIGINT), value ->> 'content', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (sku) DO UPDATE SET
        name = excluded.name,
        brand = excluded.brand,
        tax_class = excluded.tax_class,
        weight_grams = excluded.weight_grams,
        deliverable = excluded.deliverable,
        age_min = excluded.age_min,
        content = excluded.content,
        deleted = FALSE,
        revision = excluded.revision
    WHERE products.deleted
       OR products.name <> excluded.name
       OR products.brand IS DISTINCT FROM excluded.brand
       OR products.tax_class <> excluded.tax_class
       OR products.weight_grams IS DISTINCT FROM excluded.weight_grams
       OR products.deliverable <> excluded.deliverable
       OR products.age_min IS DISTINCT FROM excluded.age_min
       OR products.content IS DISTINCT FROM excluded.content";

const CODES: &str = "
    INSERT INTO codes (code, sku, deleted, revision)
    SELECT value ->> 'code', value ->> 'sku', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (code) DO UPDATE SET
        sku = excluded.sku,
        deleted = FALSE,
        revision = excluded.revision
    WHERE codes.deleted OR codes.sku <> excluded.sku";

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

#[derive(Serialize)]
#[serde(untagged)]
enum KeyFields<'a> {
    One { key: &'a str },
    Price { price_list: &'a str, sku: &'a str },
    Rate { country: &'a str, tax_class: &'a str, valid_from: String },
}

/// Takes rows of one kind back; answers how many were there.
pub(in crate::catalog) async fn delete(
    tx: &mut Tx,
    kind: Kind,
    revision: i64,
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
        Kind::Price => {
            "UPDATE prices SET deleted = TRUE, revision = $2
             WHERE NOT deleted AND (price_list, sku) IN (
                 SELECT value ->> 'price_list', value ->> 'sku' FROM json_each($1)
             )"
        }
        Kind::Unknown => return Ok(0),
    };
    let fields: Vec<KeyFields<'_>> = keys.iter().map(fields).collect();
    tx.sql(text).bind(json(&fields)?).bind(revision).execute().await
}

fn fields(key: &Key) -> KeyFields<'_> {
    match key {
        Key::TaxClass { tax_class } => KeyFields::One { key: tax_class.as_str() },
        Key::PriceList { price_list } => KeyFields::One { key: price_list.as_str() },
        Key::Store { store } => KeyFields::One { key: store.as_str() },
        Key::Product { sku } => KeyFields::One { key: sku.as_str() },
        Key::Code { code } => KeyFields::One { key: code },
        Key::Price { price_list, sku } => {
            KeyFields::Price { price_list: price_list.as_str(), sku: sku.as_str() }
        }
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
    let known = super::read::stores_named(tx, &named(rows.iter().map(|row| row.store.as_str()))?).await?;
    let changed: Vec<&StoreRow> = rows.iter().copied().filter(|row| !known.contains(row)).collect();
    if changed.is_empty() {
        return Ok(0);
    }
    tx.sql(STORES).bind(json(&changed)?).bind(revision).execute().await?;
    tx.sql("DELETE FROM store_price_lists WHERE store IN (SELECT value ->> 'key' FROM json_each($1))")
        .bind(named(changed.iter().map(|row| row.store.as_str()))?)
        .execute()
        .await?;
    let places: Vec<Place<'_>> = changed.iter().flat_map(|row| places(row)).collect();
    tx.sql(
        "INSERT INTO store_price_lists (store, position, price_list)
         SELECT value ->> 'store', CAST(value ->> 'position' AS BIGINT), value ->> 'price_list'
         FROM json_each($1)",
    )
    .bind(json(&places)?)
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
        (store, name, street, house_number, postal_code, city, country, currency, time_zone, deleted, revision)
    SELECT
        value ->> 'store', value ->> 'name', value -> 'address' ->> 'street', value -> 'address' ->> 'house_number',
        value -> 'address' ->> 'postal_code', value -> 'address' ->> 'city', value ->> 'country',
        value ->> 'currency', value ->> 'time_zone', FALSE, $2
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
        deleted = FALSE,
        revision = excluded.revision";

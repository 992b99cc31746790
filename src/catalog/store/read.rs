//! Reads what changed since a revision, in pages along the indexes on `revision`.

use std::collections::HashMap;

use sqlx::Error;

use super::super::code::Gtin;
use super::super::model::{Product, Store, StoreAddress};
use super::super::rows::StoreRow;
use crate::db::{Db, Run, Tx};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Rate};

/// Rows of one page: a few hundred kilobytes.
pub(in crate::catalog) const PAGE_ROWS: i64 = 5000;

/// The revision of the last batch that was committed.
pub(in crate::catalog) async fn revision(db: impl Run<'_>) -> Result<i64, Error> {
    let (revision,) = db.sql("SELECT revision FROM catalog_revision WHERE id = 1").fetch_one().await?;
    Ok(revision)
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct PriceListRead {
    pub(in crate::catalog) price_list: PriceListId,
    pub(in crate::catalog) currency: Currency,
    pub(in crate::catalog) deleted: bool,
}

/// Price lists that changed; a retailer has few.
pub(in crate::catalog) async fn price_lists(tx: &mut Tx, above: i64) -> Result<Vec<PriceListRead>, Error> {
    tx.sql("SELECT price_list, currency, deleted FROM price_lists WHERE revision > $1 ORDER BY price_list")
        .bind(above)
        .fetch_all()
        .await
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct TaxRateRead {
    pub(in crate::catalog) country: String,
    pub(in crate::catalog) tax_class: TaxClassId,
    pub(in crate::catalog) valid_from: String,
    pub(in crate::catalog) rate: Rate,
    pub(in crate::catalog) deleted: bool,
}

/// Tax rates that changed; there are few.
pub(in crate::catalog) async fn tax_rates(tx: &mut Tx, above: i64) -> Result<Vec<TaxRateRead>, Error> {
    tx.sql("SELECT country, tax_class, valid_from, rate, deleted FROM tax_rates WHERE revision > $1")
        .bind(above)
        .fetch_all()
        .await
}

#[derive(Debug, sqlx::FromRow)]
struct StoreRead {
    store: StoreId,
    name: String,
    street: String,
    house_number: String,
    postal_code: String,
    city: String,
    country: String,
    currency: Currency,
    time_zone: String,
    deleted: bool,
}

impl StoreRead {
    fn into_store(self, price_lists: Vec<PriceListId>) -> Store {
        let Self {
            store, name, street, house_number, postal_code, city, country, currency, time_zone, ..
        } = self;
        let address = StoreAddress { street, house_number, postal_code, city };
        Store { store, name, address, country, currency, time_zone, price_lists }
    }
}

/// Stores that changed, and whether each is closed; their number is that of the retailer's stores.
pub(in crate::catalog) async fn stores(tx: &mut Tx, above: i64) -> Result<Vec<(Store, bool)>, Error> {
    let stores: Vec<StoreRead> = tx
        .sql(
            "SELECT store, name, street, house_number, postal_code, city, country, currency, time_zone, deleted
             FROM stores
             WHERE revision > $1
             ORDER BY store",
        )
        .bind(above)
        .fetch_all()
        .await?;
    let lists: Vec<(StoreId, PriceListId)> = tx
        .sql(
            "SELECT each.store, each.price_list
             FROM store_price_lists AS each
             JOIN stores ON stores.store = each.store
             WHERE stores.revision > $1
             ORDER BY each.store, each.position",
        )
        .bind(above)
        .fetch_all()
        .await?;
    Ok(with_lists(stores, &lists))
}

fn with_lists(stores: Vec<StoreRead>, lists: &[(StoreId, PriceListId)]) -> Vec<(Store, bool)> {
    // Grouped here and not by the order of the rows: a database may sort names by another rule than we do.
    let mut by_store: HashMap<&StoreId, Vec<PriceListId>> = HashMap::new();
    for (store, list) in lists {
        by_store.entry(store).or_default().push(list.clone());
    }
    let with_lists = |store: StoreRead| {
        let own = by_store.remove(&store.store).unwrap_or_default();
        let deleted = store.deleted;
        (store.into_store(own), deleted)
    };
    stores.into_iter().map(with_lists).collect()
}

/// The open stores of these names (`[{"key": …}]`), as the rows that would make them.
pub(super) async fn stores_named(tx: &mut Tx, named: &str) -> Result<Vec<StoreRow>, Error> {
    let stores: Vec<StoreRead> = tx
        .sql(
            "SELECT store, name, street, house_number, postal_code, city, country, currency, time_zone, deleted
             FROM stores
             WHERE NOT deleted AND store IN (SELECT value ->> 'key' FROM json_each($1))
             ORDER BY store",
        )
        .bind(named)
        .fetch_all()
        .await?;
    let lists: Vec<(StoreId, PriceListId)> = tx
        .sql(
            "SELECT store, price_list FROM store_price_lists
             WHERE store IN (SELECT value ->> 'key' FROM json_each($1))
             ORDER BY store, position",
        )
        .bind(named)
        .fetch_all()
        .await?;
    Ok(with_lists(stores, &lists).into_iter().map(|(store, _)| StoreRow::from(store)).collect())
}

impl From<Store> for StoreRow {
    fn from(store: Store) -> Self {
        let Store { store, name, address, country, currency, time_zone, price_lists } = store;
        Self { store, name, address, country, currency, time_zone, price_lists, deleted: false }
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct ProductRead {
    sku: Sku,
    name: String,
    brand: Option<String>,
    tax_class: TaxClassId,
    weight_grams: Option<i64>,
    deliverable: bool,
    age_min: Option<i64>,
    content: Option<String>,
    pub(in crate::catalog) deleted: bool,
    revision: i64,
}

impl ProductRead {
    pub(in crate::catalog) fn place(&self) -> (i64, String) {
        (self.revision, self.sku.to_string())
    }

    pub(in crate::catalog) fn into_product(self) -> Product {
        let Self { sku, name, brand, tax_class, weight_grams, deliverable, age_min, content, .. } = self;
        Product {
            sku,
            name,
            brand,
            tax_class,
            weight_grams,
            deliverable,
            age_min,
            content,
            answer: Box::default(),
        }
    }
}

/// The products that changed after this place (revision and SKU), a page.
pub(in crate::catalog) async fn products(
    tx: &mut Tx,
    after: &(i64, String),
) -> Result<Vec<ProductRead>, Error> {
    tx.sql(
        "SELECT sku, name, brand, tax_class, weight_grams, deliverable, age_min, content, deleted, revision
         FROM products
         WHERE (revision, sku) > ($1, $2)
         ORDER BY revision, sku
         LIMIT $3",
    )
    .bind(after.0)
    .bind(after.1.as_str())
    .bind(PAGE_ROWS)
    .fetch_all()
    .await
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct CodeRead {
    pub(in crate::catalog) code: Gtin,
    pub(in crate::catalog) sku: Sku,
    pub(in crate::catalog) deleted: bool,
    pub(in crate::catalog) revision: i64,
}

/// The codes that changed after this place (revision and code), a page.
pub(in crate::catalog) async fn codes(tx: &mut Tx, after: &(i64, String)) -> Result<Vec<CodeRead>, Error> {
    tx.sql(
        "SELECT code, sku, deleted, revision FROM codes
         WHERE (revision, code) > ($1, $2)
         ORDER BY revision, code
         LIMIT $3",
    )
    .bind(after.0)
    .bind(after.1.as_str())
    .bind(PAGE_ROWS)
    .fetch_all()
    .await
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct PriceRead {
    pub(in crate::catalog) price_list: PriceListId,
    pub(in crate::catalog) sku: Sku,
    pub(in crate::catalog) amount: i64,
    pub(in crate::catalog) deleted: bool,
    pub(in crate::catalog) revision: i64,
}

/// The prices that changed after this place (revision, list and SKU), a page.
pub(in crate::catalog) async fn prices(
    tx: &mut Tx,
    after: &(i64, String, String),
) -> Result<Vec<PriceRead>, Error> {
    tx.sql(
        "SELECT price_list, sku, amount, deleted, revision FROM prices
         WHERE (revision, price_list, sku) > ($1, $2, $3)
         ORDER BY revision, price_list, sku
         LIMIT $4",
    )
    .bind(after.0)
    .bind(after.1.as_str())
    .bind(after.2.as_str())
    .bind(PAGE_ROWS)
    .fetch_all()
    .await
}

/// A store by its number, closed or not, as it was last delivered, without its price lists.
pub(in crate::catalog) async fn known_store(tx: &mut Tx, store: &StoreId) -> Result<Option<Store>, Error> {
    let read: Option<StoreRead> = tx
        .sql(
            "SELECT store, name, street, house_number, postal_code, city, country, currency, time_zone, deleted
             FROM stores
             WHERE store = $1",
        )
        .bind(store)
        .fetch_optional()
        .await?;
    Ok(read.map(|read| read.into_store(Vec::new())))
}

/// A store by its number, straight from the database.
pub(in crate::catalog) async fn store(db: &Db, store: &StoreId) -> Result<Option<Store>, Error> {
    let read: Option<StoreRead> = db
        .sql(
            "SELECT store, name, street, house_number, postal_code, city, country, currency, time_zone, deleted
             FROM stores
             WHERE store = $1 AND NOT deleted",
        )
        .bind(store)
        .fetch_optional()
        .await?;
    let lists: Vec<(PriceListId,)> = db
        .sql("SELECT price_list FROM store_price_lists WHERE store = $1 ORDER BY position")
        .bind(store)
        .fetch_all()
        .await?;
    Ok(read.map(|read| read.into_store(lists.into_iter().map(|(list,)| list).collect())))
}

//! Reads what changed since a revision, in pages along the indexes on `revision`.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::Error;
use sqlx::types::Json;

use super::super::code::Gtin;
use super::super::model::{BestBeforePassed, PricePromise, Recall, Store, StoreAddress};
use super::super::product::ProductRow;
use super::super::quality::Rule;
use super::super::rows::{PriceKind, StoreRow};
use crate::db::{self, Db, Run, Tx};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Rate};

/// Rows of one page: a few hundred kilobytes.
pub(in crate::catalog) const PAGE_ROWS: i64 = 5000;

/// The revision of the last batch that was committed.
pub(in crate::catalog) async fn revision(db: impl Run<'_>) -> Result<i64, Error> {
    let (revision,) = db.sql("SELECT revision FROM catalog_revision WHERE id = 1").fetch_one().await?;
    Ok(revision)
}

/// How many products and codes there are, gone ones too.
pub(in crate::catalog) async fn sizes(tx: &mut Tx) -> Result<(usize, usize), Error> {
    let (products, codes): (i64, i64) =
        tx.sql("SELECT (SELECT COUNT(*) FROM products), (SELECT COUNT(*) FROM codes)").fetch_one().await?;
    Ok((usize::try_from(products).unwrap_or(0), usize::try_from(codes).unwrap_or(0)))
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

/// The text that reads stores as [`StoreRead`], with what follows behind `FROM stores`.
macro_rules! stores {
    ($which:literal) => {
        concat!(
            "SELECT store, name, street, house_number, postal_code, city, country, currency, time_zone, languages,
                 code_templates, near_date_markdowns, price_promise, best_before_passed, categories, till, deleted
             FROM stores
             ",
            $which
        )
    };
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
    languages: String,
    code_templates: String,
    near_date_markdowns: String,
    price_promise: PricePromise,
    best_before_passed: BestBeforePassed,
    categories: String,
    till: String,
    deleted: bool,
}

impl StoreRead {
    fn into_store(self, price_lists: Vec<PriceListId>) -> Store {
        let Self {
            store,
            name,
            street,
            house_number,
            postal_code,
            city,
            country,
            currency,
            time_zone,
            price_promise,
            best_before_passed,
            ..
        } = self;
        let address = StoreAddress { street, house_number, postal_code, city };
        // They are written from lists, and are nothing else.
        let languages = serde_json::from_str(&self.languages).unwrap_or_default();
        let code_templates = serde_json::from_str(&self.code_templates).unwrap_or_default();
        let categories = serde_json::from_str(&self.categories).unwrap_or_default();
        let near_date_markdowns = serde_json::from_str(&self.near_date_markdowns).unwrap_or_default();
        let till = serde_json::from_str(&self.till).unwrap_or_default();
        Store {
            store,
            name,
            address,
            country,
            currency,
            time_zone,
            price_lists,
            languages,
            code_templates,
            near_date_markdowns,
            price_promise,
            best_before_passed,
            categories,
            till,
        }
    }
}

/// Stores that changed, and whether each is closed; their number is that of the retailer's stores.
pub(in crate::catalog) async fn stores(tx: &mut Tx, above: i64) -> Result<Vec<(Store, bool)>, Error> {
    let stores: Vec<StoreRead> = tx
        .sql(stores!(
            "WHERE revision > $1
             ORDER BY store"
        ))
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
        .sql(stores!(
            "WHERE NOT deleted AND store IN (SELECT value ->> 'key' FROM json_each($1))
             ORDER BY store"
        ))
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
        let Store {
            store,
            name,
            address,
            country,
            currency,
            time_zone,
            price_lists,
            languages,
            code_templates,
            near_date_markdowns,
            price_promise,
            best_before_passed,
            categories,
            till,
        } = store;
        Self {
            store,
            name,
            address,
            country,
            currency,
            time_zone,
            price_lists,
            languages,
            code_templates,
            near_date_markdowns,
            price_promise,
            best_before_passed,
            categories,
            till,
            deleted: false,
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct ProductRead {
    sku: Sku,
    pub(in crate::catalog) details: Json<ProductRow>,
    pub(in crate::catalog) deleted: bool,
    revision: i64,
}

impl ProductRead {
    pub(in crate::catalog) fn place(&self) -> (i64, String) {
        (self.revision, self.sku.to_string())
    }
}

/// The products that changed after this place (revision and SKU), a page.
pub(in crate::catalog) async fn products(
    tx: &mut Tx,
    after: &(i64, String),
) -> Result<Vec<ProductRead>, Error> {
    tx.sql(
        "SELECT sku, details, deleted, revision FROM products
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

/// The products whose sale is stopped until a right row comes, and by which rule; there are few.
pub(in crate::catalog) async fn stops(tx: &mut Tx) -> Result<HashMap<Sku, Rule>, Error> {
    let stops: Vec<(Sku, Rule)> = tx
        .sql(
            "SELECT sku, MIN(rule) FROM quality_quarantine
             WHERE state = 'open' AND level = 'stop_sale' AND sku IS NOT NULL
             GROUP BY sku",
        )
        .fetch_all()
        .await?;
    Ok(stops.into_iter().collect())
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct CodeRead {
    pub(in crate::catalog) code: Gtin,
    pub(in crate::catalog) sku: Sku,
    pub(in crate::catalog) quantity: i64,
    pub(in crate::catalog) deleted: bool,
    pub(in crate::catalog) revision: i64,
}

/// The codes that changed after this place (revision and code), a page.
pub(in crate::catalog) async fn codes(tx: &mut Tx, after: &(i64, String)) -> Result<Vec<CodeRead>, Error> {
    tx.sql(
        "SELECT code, sku, quantity, deleted, revision FROM codes
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

/// A product on a price list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, sqlx::FromRow)]
pub(in crate::catalog) struct OnList {
    pub(in crate::catalog) price_list: PriceListId,
    pub(in crate::catalog) sku: Sku,
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct TimedPlace {
    pub(in crate::catalog) revision: i64,
    #[sqlx(flatten)]
    pub(in crate::catalog) on: OnList,
}

/// Where prices with times changed after this place (revision, list and SKU), a page.
pub(in crate::catalog) async fn timed_places(
    tx: &mut Tx,
    after: &(i64, String, String),
) -> Result<Vec<TimedPlace>, Error> {
    tx.sql(
        "SELECT revision, price_list, sku FROM timed_prices
         WHERE (revision, price_list, sku) > ($1, $2, $3)
         GROUP BY revision, price_list, sku
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

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct TimedRead {
    #[sqlx(flatten)]
    pub(in crate::catalog) on: OnList,
    pub(in crate::catalog) price_kind: PriceKind,
    pub(in crate::catalog) valid_from: i64,
    pub(in crate::catalog) valid_to: Option<i64>,
    pub(in crate::catalog) amount: i64,
    pub(in crate::catalog) promotion: Option<String>,
}

/// All prices with times of these products.
pub(in crate::catalog) async fn timed_prices(tx: &mut Tx, of: &[OnList]) -> Result<Vec<TimedRead>, Error> {
    tx.sql(
        "SELECT timed_prices.price_list, timed_prices.sku, price_kind, valid_from, valid_to, amount, promotion
         FROM json_each($1)
         JOIN timed_prices ON timed_prices.price_list = value ->> 'price_list' AND timed_prices.sku = value ->> 'sku'
         WHERE NOT deleted
         ORDER BY valid_from, price_kind",
    )
    .bind(db::rows(of)?)
    .fetch_all()
    .await
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct ReplacedRead {
    #[sqlx(flatten)]
    pub(in crate::catalog) on: OnList,
    pub(in crate::catalog) replaced_at: i64,
    pub(in crate::catalog) amount: i64,
}

/// What the open prices of these products were.
pub(in crate::catalog) async fn replaced_prices(
    tx: &mut Tx,
    of: &[OnList],
) -> Result<Vec<ReplacedRead>, Error> {
    tx.sql(
        "SELECT price_history.price_list, price_history.sku, replaced_at, amount
         FROM json_each($1)
         JOIN price_history ON price_history.price_list = value ->> 'price_list' AND price_history.sku = value ->> 'sku'
         ORDER BY replaced_at",
    )
    .bind(db::rows(of)?)
    .fetch_all()
    .await
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct RecallRead {
    pub(in crate::catalog) recall: String,
    pub(in crate::catalog) sku: Sku,
    lots: Option<String>,
    notice: String,
    pub(in crate::catalog) deleted: bool,
}

impl RecallRead {
    pub(in crate::catalog) fn into_recall(self) -> Recall {
        // Written from a list of texts, and nothing else.
        let lots = self.lots.map(|lots| serde_json::from_str(&lots).unwrap_or_default());
        Recall { recall: self.recall, lots, notice: self.notice }
    }
}

/// Recalls that changed; there are few.
pub(in crate::catalog) async fn recalls(tx: &mut Tx, above: i64) -> Result<Vec<RecallRead>, Error> {
    tx.sql("SELECT recall, sku, lots, notice, deleted FROM recalls WHERE revision > $1 ORDER BY revision, recall, sku")
        .bind(above)
        .fetch_all()
        .await
}

/// A store by its number, closed or not, as it was last delivered, without its price lists.
pub(in crate::catalog) async fn known_store(tx: &mut Tx, store: &StoreId) -> Result<Option<Store>, Error> {
    let read: Option<StoreRead> = tx.sql(stores!("WHERE store = $1")).bind(store).fetch_optional().await?;
    Ok(read.map(|read| read.into_store(Vec::new())))
}

/// A store by its number, straight from the database.
pub(in crate::catalog) async fn store(db: &Db, store: &StoreId) -> Result<Option<Store>, Error> {
    let read: Option<StoreRead> =
        db.sql(stores!("WHERE store = $1 AND NOT deleted")).bind(store).fetch_optional().await?;
    let lists: Vec<(PriceListId,)> = db
        .sql("SELECT price_list FROM store_price_lists WHERE store = $1 ORDER BY position")
        .bind(store)
        .fetch_all()
        .await?;
    Ok(read.map(|read| read.into_store(lists.into_iter().map(|(list,)| list).collect())))
}

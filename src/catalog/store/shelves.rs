//! The SQL of what stands in a store: how much of a product, and where. None of it gets into the index: nothing that is scanned
//! depends on it.

use sqlx::Error;

use super::super::model::{Location, StockFigure};
use crate::db::{self, Db, Run};
use crate::ids::{Sku, StoreId};

pub(super) const STOCK: &str = "
    INSERT INTO stock (store, sku, amount, deleted, revision)
    SELECT value ->> 'store', value ->> 'sku', CAST(value ->> 'amount' AS BIGINT), FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (store, sku) DO UPDATE SET
        amount = excluded.amount,
        deleted = FALSE,
        revision = excluded.revision
    WHERE stock.deleted OR stock.amount <> excluded.amount";

pub(super) const LOCATIONS: &str = "
    INSERT INTO locations (store, sku, aisle, bay, shelf, deleted, revision)
    SELECT value ->> 'store', value ->> 'sku', value ->> 'aisle', value ->> 'bay', value ->> 'shelf', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (store, sku) DO UPDATE SET
        aisle = excluded.aisle,
        bay = excluded.bay,
        shelf = excluded.shelf,
        deleted = FALSE,
        revision = excluded.revision
    WHERE locations.deleted OR locations.aisle <> excluded.aisle
       OR locations.bay IS DISTINCT FROM excluded.bay OR locations.shelf IS DISTINCT FROM excluded.shelf";

/// How much of a product a store has, as its system says.
pub(in crate::catalog) async fn stock(
    db: &Db,
    store: &StoreId,
    sku: &Sku,
) -> Result<Option<(i64, i64)>, Error> {
    db.sql("SELECT amount, revision FROM stock WHERE store = $1 AND sku = $2 AND NOT deleted")
        .bind(store)
        .bind(sku)
        .fetch_optional()
        .await
}

/// How much of each of these products a store has; nothing of those that no system spoke of.
pub(in crate::catalog) async fn stock_of<'a>(
    db: &Db,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(Sku, i64)>, Error> {
    db.sql(
        "SELECT sku, amount FROM stock
         WHERE store = $1 AND NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($2))",
    )
    .bind(store)
    .bind(db::keys(skus)?)
    .fetch_all()
    .await
}

/// Figures of a store; what was taken back counts as none.
macro_rules! figures {
    ($which:literal) => {
        concat!(
            "SELECT stock.sku AS sku, stock.revision AS revision,
                 CASE WHEN stock.deleted OR products.deleted THEN 0 ELSE stock.amount END AS amount,
                 CASE WHEN products.revision > stock.revision THEN products.revision ELSE stock.revision END AS changed_in,
                 COALESCE(products.details ->> 'sale', 'fixed') AS sale
             FROM stock JOIN products ON products.sku = stock.sku
             WHERE stock.store = $1 AND ",
            $which
        )
    };
}

/// Figures of a store that changed after a revision, or whose product did.
pub(in crate::catalog) async fn figures_after(
    db: impl Run<'_>,
    store: &StoreId,
    revision: i64,
) -> Result<Vec<StockFigure>, Error> {
    let text = figures!("(stock.revision > $2 OR products.revision > $2)");
    db.sql(text).bind(store).bind(revision).fetch_all().await
}

/// The figures of these products in a store.
pub(in crate::catalog) async fn figures_of<'a>(
    db: impl Run<'_>,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<StockFigure>, Error> {
    let text = figures!("stock.sku IN (SELECT value ->> 'key' FROM json_each($2))");
    db.sql(text).bind(store).bind(db::keys(skus)?).fetch_all().await
}

/// The revision of the last batch.
pub(in crate::catalog) async fn revision(db: impl Run<'_>) -> Result<i64, Error> {
    let (revision,) = db.sql("SELECT revision FROM catalog_revision WHERE id = 1").fetch_one().await?;
    Ok(revision)
}

#[derive(Debug, sqlx::FromRow)]
struct LocationRead {
    sku: Sku,
    aisle: String,
    bay: Option<String>,
    shelf: Option<String>,
}

/// Where in a store each of these products stands; nothing of those that no system spoke of.
pub(in crate::catalog) async fn locations<'a>(
    db: &Db,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(Sku, Location)>, Error> {
    let read: Vec<LocationRead> = db
        .sql(
            "SELECT sku, aisle, bay, shelf FROM locations
             WHERE store = $1 AND NOT deleted AND sku IN (SELECT value ->> 'key' FROM json_each($2))",
        )
        .bind(store)
        .bind(db::keys(skus)?)
        .fetch_all()
        .await?;
    let placed = |LocationRead { sku, aisle, bay, shelf }| (sku, Location { aisle, bay, shelf });
    Ok(read.into_iter().map(placed).collect())
}

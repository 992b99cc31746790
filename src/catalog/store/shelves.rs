//! The SQL of what stands in a store: how much of a product, and where. None of it gets into the index: nothing that is scanned
//! depends on it.

use sqlx::Error;

use super::super::model::Location;
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

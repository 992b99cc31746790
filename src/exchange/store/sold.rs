//! What was sold from a store's shelves and is in no figure of its system yet.

use serde::Serialize;

use crate::db::{self, Error, Run, Tx};
use crate::ids::{OrderId, Sku, StoreId};

/// Pieces of a product.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Pieces {
    pub(in crate::exchange) sku: String,
    pub(in crate::exchange) pieces: i64,
}

/// Notes what an order took from the shelves, each product once.
pub(in crate::exchange) async fn sell(
    tx: &mut Tx,
    order: OrderId,
    store: &StoreId,
    revision: i64,
    pieces: &[Pieces],
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_sold (order_id, store, sku, pieces, revision)
         SELECT $1, $2, value ->> 'sku', CAST(value ->> 'pieces' AS BIGINT), $3
         FROM json_each($4)
         WHERE TRUE
         ON CONFLICT (order_id, sku) DO NOTHING",
    )
    .bind(order)
    .bind(store)
    .bind(revision)
    .bind(db::rows(pieces)?)
    .execute()
    .await?;
    Ok(())
}

/// Notes that an order was taken back. Its rows stay, so that its products are looked at again.
pub(in crate::exchange) async fn take_back(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    tx.sql("UPDATE exchange_sold SET pieces = 0 WHERE order_id = $1").bind(order).execute().await?;
    Ok(())
}

/// What was sold of a product while the catalogue had a revision.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::exchange) struct Sold {
    pub(in crate::exchange) sku: Sku,
    pub(in crate::exchange) revision: i64,
    pub(in crate::exchange) pieces: i64,
}

/// What was sold in a store, as far as it is kept.
pub(in crate::exchange) async fn sold(db: impl Run<'_>, store: &StoreId) -> Result<Vec<Sold>, Error> {
    db.sql(
        "SELECT sku, revision, CAST(SUM(pieces) AS BIGINT) AS pieces FROM exchange_sold
         WHERE store = $1
         GROUP BY sku, revision",
    )
    .bind(store)
    .fetch_all()
    .await
}

/// A product's figure, and the revision in which it changed.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Since {
    pub(in crate::exchange) sku: String,
    pub(in crate::exchange) revision: i64,
}

/// Forgets what figures have in them.
pub(in crate::exchange) async fn forget(
    tx: &mut Tx,
    store: &StoreId,
    figures: &[Since],
) -> Result<(), Error> {
    if figures.is_empty() {
        return Ok(());
    }
    tx.sql(
        "DELETE FROM exchange_sold
         WHERE store = $1 AND EXISTS (
             SELECT 1 FROM json_each($2)
             WHERE value ->> 'sku' = exchange_sold.sku
                 AND CAST(value ->> 'revision' AS BIGINT) > exchange_sold.revision
         )",
    )
    .bind(store)
    .bind(db::rows(figures)?)
    .execute()
    .await?;
    Ok(())
}

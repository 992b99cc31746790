//! What was sold from a store's shelves and is in no figure of its system yet.

use serde::Serialize;

use crate::db::{self, Error, Run, Tx};
use crate::ids::{OrderId, Sku, StoreId};

/// Pieces of a product.
#[derive(Debug, Serialize)]
pub(in crate::exchange) struct Pieces {
    pub(in crate::exchange) sku: String,
    pub(in crate::exchange) amount: i64,
    /// The document of the order that books them.
    pub(in crate::exchange) document: &'static str,
}

/// Notes what an order took from the shelves, each product of a document once; whether a system books it.
pub(in crate::exchange) async fn sell(
    tx: &mut Tx,
    order: OrderId,
    store: &StoreId,
    (revision, is_booked): (i64, bool),
    pieces: &[Pieces],
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_sold (order_id, store, sku, pieces, document, revision, is_booked)
         SELECT $1, $2, value ->> 'sku', CAST(value ->> 'amount' AS BIGINT), value ->> 'document', $3, $5
         FROM json_each($4)
         WHERE TRUE
         ON CONFLICT (order_id, sku, document) DO NOTHING",
    )
    .bind(order)
    .bind(store)
    .bind(revision)
    .bind(db::rows(pieces)?)
    .bind(is_booked)
    .execute()
    .await?;
    Ok(())
}

/// Notes that a document is in the books of its system since the catalogue had this revision, or a little later: figures that
/// changed after it have it in them.
pub(in crate::exchange) async fn book(
    tx: &mut Tx,
    order: OrderId,
    document: &str,
    revision: i64,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_sold SET revision = $3 WHERE order_id = $1 AND document = $2 AND revision < $3")
        .bind(order)
        .bind(document)
        .bind(revision)
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

/// What was sold in a store, as far as it is kept; what no system has booked yet, though one will, with a revision that no figure
/// reaches.
pub(in crate::exchange) async fn sold(db: impl Run<'_>, store: &StoreId) -> Result<Vec<Sold>, Error> {
    db.sql(
        "SELECT sku, revision, CAST(SUM(pieces) AS BIGINT) AS pieces
         FROM (
             SELECT sku, pieces, CASE WHEN is_booked AND NOT EXISTS (
                 SELECT 1 FROM exchange_postings AS posting
                 WHERE posting.order_id = sold.order_id AND posting.document = sold.document
                     AND posting.state IN ('posted', 'dropped')
             ) THEN 9223372036854775807 ELSE revision END AS revision
             FROM exchange_sold AS sold
             WHERE store = $1
         ) AS each_sold
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
         ) AND (NOT is_booked OR EXISTS (
             SELECT 1 FROM exchange_postings AS posting
             WHERE posting.order_id = exchange_sold.order_id AND posting.document = exchange_sold.document
                 AND posting.state IN ('posted', 'dropped')
         ))",
    )
    .bind(store)
    .bind(db::rows(figures)?)
    .execute()
    .await?;
    Ok(())
}

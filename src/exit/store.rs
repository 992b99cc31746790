//! The row of an order's pass.

use chrono::{DateTime, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{OrderId, PassId, ShopperId, StoreId};

/// A pass to be issued.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub(super) order: OrderId,
    pub(super) pass: PassId,
    pub(super) shopper: ShopperId,
    pub(super) store: &'a StoreId,
    pub(super) issued_at: Moment,
    pub(super) expires_at: Moment,
}

/// Makes this the order's one good pass, unless the order has opened a gate already. Answers whether it is.
pub(super) async fn replace(tx: &mut Tx, new: &New<'_>) -> Result<bool, Error> {
    let replaced = tx
        .sql(
            "INSERT INTO exit_passes (order_id, pass_id, shopper_id, store_id, issued_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (order_id) DO UPDATE SET
                 pass_id = excluded.pass_id,
                 issued_at = excluded.issued_at,
                 expires_at = excluded.expires_at
             WHERE exit_passes.opened_at IS NULL",
        )
        .bind(new.order)
        .bind(new.pass)
        .bind(new.shopper)
        .bind(new.store)
        .bind(new.issued_at)
        .bind(new.expires_at)
        .execute()
        .await?;
    Ok(replaced == 1)
}

/// Spends a pass: of any number of calls for one order, one answers true.
pub(super) async fn open(
    tx: &mut Tx,
    order: OrderId,
    pass: PassId,
    now: Moment,
    by: &str,
) -> Result<bool, Error> {
    let opened = tx
        .sql(
            "UPDATE exit_passes SET opened_at = $3, opened_by = $4
             WHERE order_id = $1 AND pass_id = $2 AND opened_at IS NULL",
        )
        .bind(order)
        .bind(pass)
        .bind(now)
        .bind(by)
        .execute()
        .await?;
    Ok(opened == 1)
}

/// How an order's pass stands.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Standing {
    pub(super) shopper_id: ShopperId,
    pub(super) opened_at: Option<DateTime<Utc>>,
}

pub(super) async fn standing(db: impl Run<'_>, order: OrderId) -> Result<Option<Standing>, Error> {
    db.sql("SELECT shopper_id, opened_at FROM exit_passes WHERE order_id = $1")
        .bind(order)
        .fetch_optional()
        .await
}

/// Where and when an order's pass opened a gate.
pub(super) async fn opened(
    db: impl Run<'_>,
    order: OrderId,
) -> Result<Option<(StoreId, DateTime<Utc>)>, Error> {
    db.sql("SELECT store_id, opened_at FROM exit_passes WHERE order_id = $1 AND opened_at IS NOT NULL")
        .bind(order)
        .fetch_optional()
        .await
}

//! The ledger of points: what shoppers earned and spent.
//!
//! Entries are only ever added, one for each cause and kind, so that what is done twice counts once. A balance is what the
//! entries come to and is written with them; a burn that it does not cover is refused by the database, however many carts
//! burn at once. Points that are taken back after they were spent are owed, and come off the next ones that are earned.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::Error;
use crate::clock::Moment;
use crate::db::{self, Db, Run, Tx};
use crate::ids::{CheckoutId, OrderId, ShopperId};
use crate::text_enum;

text_enum! {
    /// What an entry of the ledger is.
    pub enum PointsKind {
        /// Earned with an order.
        Earned = "earned",
        /// Paid with.
        Burned = "burned",
        /// Given back, because what they paid for was given up.
        Returned = "returned",
        /// Taken back, because money was given back.
        Reversed = "reversed",
    }
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct PointsEntry {
    /// The order, checkout, refund or shipment that it came from.
    pub cause_id: Uuid,
    /// What it is.
    pub kind: PointsKind,
    /// More or less.
    pub points: i64,
    /// When.
    pub at: DateTime<Utc>,
}

/// Points of a shopper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Balance {
    /// What can be paid with.
    pub points: i64,
    /// What comes off the next points that are earned.
    pub owed: i64,
}

/// Notes points that an order earned.
pub async fn earn(
    tx: &mut Tx,
    at: Moment,
    shopper: ShopperId,
    order: OrderId,
    points: i64,
) -> Result<(), Error> {
    if points < 1 || !add(tx, at, shopper, order.0, PointsKind::Earned, points).await? {
        return Ok(());
    }
    Ok(put(tx, shopper, points).await?)
}

/// Takes earned points back, because money was given back for `cause`: what was spent already is owed.
pub async fn reverse(
    tx: &mut Tx,
    at: Moment,
    shopper: ShopperId,
    cause: Uuid,
    points: i64,
) -> Result<(), Error> {
    if points < 1 || !add(tx, at, shopper, cause, PointsKind::Reversed, -points).await? {
        return Ok(());
    }
    tx.sql(
        "UPDATE points_balances SET
             points = CASE WHEN points >= $2 THEN points - $2 ELSE 0 END,
             owed = CASE WHEN points >= $2 THEN owed ELSE owed + $2 - points END
         WHERE shopper_id = $1",
    )
    .bind(shopper)
    .bind(points)
    .execute()
    .await?;
    Ok(())
}

/// Pays with points: refused when there are fewer.
pub(super) async fn burn(
    tx: &mut Tx,
    at: Moment,
    shopper: ShopperId,
    checkout: CheckoutId,
    points: i64,
) -> Result<(), Error> {
    if points < 1 || !add(tx, at, shopper, checkout.0, PointsKind::Burned, -points).await? {
        return Ok(());
    }
    let burned = tx
        .sql("UPDATE points_balances SET points = points - $2 WHERE shopper_id = $1 AND points >= $2")
        .bind(shopper)
        .bind(points)
        .execute()
        .await?;
    if burned == 1 { Ok(()) } else { Err(Error::PointsShort(balance(&mut *tx, shopper).await?.points)) }
}

/// So many points a checkout was paid with.
pub async fn burned(tx: &mut Tx, checkout: CheckoutId) -> Result<i64, Error> {
    Ok(-entry(tx, checkout.0, PointsKind::Burned).await?)
}

/// So many points were taken back because of `causes`.
pub async fn reversed(tx: &mut Tx, causes: &[Uuid]) -> Result<i64, Error> {
    let mut sum = 0;
    for cause in causes {
        sum -= entry(tx, *cause, PointsKind::Reversed).await?;
    }
    Ok(sum)
}

async fn entry(tx: &mut Tx, cause: Uuid, kind: PointsKind) -> Result<i64, db::Error> {
    let points: Option<(i64,)> = tx
        .sql("SELECT points FROM points_entries WHERE cause_id = $1 AND kind = $2")
        .bind(cause)
        .bind(kind)
        .fetch_optional()
        .await?;
    Ok(points.map_or(0, |(points,)| points))
}

/// Gives points back that were paid with, because what they paid for was given back for `cause`.
pub async fn give_back(
    tx: &mut Tx,
    at: Moment,
    shopper: ShopperId,
    cause: Uuid,
    points: i64,
) -> Result<(), Error> {
    if points > 0 && add(tx, at, shopper, cause, PointsKind::Returned, points).await? {
        put(tx, shopper, points).await?;
    }
    Ok(())
}

/// Adds an entry, and makes sure that there is a balance; says whether it is new.
async fn add(
    tx: &mut Tx,
    at: Moment,
    shopper: ShopperId,
    cause: Uuid,
    kind: PointsKind,
    points: i64,
) -> Result<bool, db::Error> {
    // The balance first: whoever has it is alone with this shopper's points until the transaction ends.
    tx.sql(
        "INSERT INTO points_balances (shopper_id, points, owed) VALUES ($1, 0, 0)
         ON CONFLICT (shopper_id) DO UPDATE SET points = points_balances.points",
    )
    .bind(shopper)
    .execute()
    .await?;
    let added = tx
        .sql(
            "INSERT INTO points_entries (cause_id, kind, shopper_id, points, at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (cause_id, kind) DO NOTHING",
        )
        .bind(cause)
        .bind(kind)
        .bind(shopper)
        .bind(points)
        .bind(at)
        .execute()
        .await?;
    Ok(added == 1)
}

/// Adds to a balance; what is owed comes off first.
async fn put(tx: &mut Tx, shopper: ShopperId, points: i64) -> Result<(), db::Error> {
    tx.sql(
        "UPDATE points_balances SET
             points = CASE WHEN owed >= $2 THEN points ELSE points + $2 - owed END,
             owed = CASE WHEN owed >= $2 THEN owed - $2 ELSE 0 END
         WHERE shopper_id = $1",
    )
    .bind(shopper)
    .bind(points)
    .execute()
    .await
    .map(drop)
}

/// The balance of a shopper.
pub(super) async fn balance(run: impl Run<'_>, shopper: ShopperId) -> Result<Balance, db::Error> {
    let found: Option<Balance> = run
        .sql("SELECT points, owed FROM points_balances WHERE shopper_id = $1")
        .bind(shopper)
        .fetch_optional()
        .await?;
    Ok(found.unwrap_or_default())
}

/// Most entries of one answer: the last ones, which people ask about.
const ENTRIES_MAX: i64 = 100;

/// The latest entries of a shopper, the last one first.
pub(super) async fn entries(db: &Db, shopper: ShopperId) -> Result<Vec<PointsEntry>, db::Error> {
    db.sql(
        "SELECT cause_id, kind, points, at FROM points_entries
         WHERE shopper_id = $1
         ORDER BY at DESC, cause_id, kind
         LIMIT $2",
    )
    .bind(shopper)
    .bind(ENTRIES_MAX)
    .fetch_all()
    .await
}

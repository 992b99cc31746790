//! The rows of closings and of what they close.

use chrono::{DateTime, NaiveDate, Utc};

use super::ClosingState;
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{ClosingId, ShipmentId, StoreId};

/// A closing, without its document.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Closing {
    pub(in crate::delivery) id: ClosingId,
    pub(in crate::delivery) store: StoreId,
    pub(in crate::delivery) carrier: String,
    /// By the store's clock.
    pub(in crate::delivery) day: String,
    pub(in crate::delivery) state: ClosingState,
    pub(in crate::delivery) due_at: DateTime<Utc>,
    pub(in crate::delivery) begun_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) ended_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) detail: Option<String>,
    pub(in crate::delivery) manifest_sha256: Option<String>,
}

macro_rules! closing_columns {
    () => {
        "id, store, carrier, day, state, due_at, begun_at, ended_at, detail, manifest_sha256"
    };
}

/// The closing that parcels of a day join, made when there is none; nobody else changes it until the transaction ends.
pub(super) async fn open(
    tx: &mut Tx,
    id: ClosingId,
    (at, carrier): (&StoreId, &str),
    (day, due_at): (NaiveDate, Moment),
    now: Moment,
) -> Result<Closing, Error> {
    tx.sql(concat!(
        "INSERT INTO closings (id, store, carrier, day, state, version, created_at, due_at)
         VALUES ($1, $2, $3, $4, 'open', 1, $5, $6)
         ON CONFLICT (store, carrier, day) WHERE state = 'open' DO UPDATE SET version = closings.version + 1
         RETURNING ",
        closing_columns!()
    ))
    .bind(id)
    .bind(at.clone())
    .bind(carrier.to_owned())
    .bind(day.to_string())
    .bind(now)
    .bind(due_at)
    .fetch_one()
    .await
}

/// Adds a parcel; one that is in it already stays once.
pub(super) async fn join(
    tx: &mut Tx,
    closing: ClosingId,
    (shipment, parcel): (ShipmentId, i64),
    carrier_shipment_id: String,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO closing_parcels (closing, carrier_shipment_id, shipment, parcel)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (closing, carrier_shipment_id) DO NOTHING",
    )
    .bind(closing)
    .bind(carrier_shipment_id)
    .bind(shipment)
    .bind(parcel)
    .execute()
    .await?;
    Ok(())
}

/// The closing, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, id: ClosingId) -> Result<Option<Closing>, Error> {
    tx.sql(concat!("UPDATE closings SET version = version + 1 WHERE id = $1 RETURNING ", closing_columns!()))
        .bind(id)
        .fetch_optional()
        .await
}

pub(super) async fn save(tx: &mut Tx, closing: &Closing) -> Result<(), Error> {
    tx.sql(
        "UPDATE closings SET state = $2, due_at = $3, begun_at = $4, ended_at = $5, detail = $6 WHERE id = $1",
    )
    .bind(closing.id)
    .bind(closing.state)
    .bind(closing.due_at)
    .bind(closing.begun_at)
    .bind(closing.ended_at)
    .bind(closing.detail.clone())
    .execute()
    .await?;
    Ok(())
}

/// The newest closing of a day at a courier.
pub(super) async fn newest(
    db: impl Run<'_>,
    store: &StoreId,
    carrier: &str,
    day: NaiveDate,
) -> Result<Option<Closing>, Error> {
    db.sql(concat!(
        "SELECT ",
        closing_columns!(),
        " FROM closings WHERE store = $1 AND carrier = $2 AND day = $3 ORDER BY id DESC LIMIT 1"
    ))
    .bind(store.clone())
    .bind(carrier.to_owned())
    .bind(day.to_string())
    .fetch_optional()
    .await
}

/// The closings of a store's day, oldest first.
pub(super) async fn of_day(
    db: impl Run<'_>,
    store: &StoreId,
    day: NaiveDate,
    limit: i64,
) -> Result<Vec<Closing>, Error> {
    db.sql(concat!(
        "SELECT ",
        closing_columns!(),
        " FROM closings WHERE store = $1 AND day = $2 ORDER BY id LIMIT $3"
    ))
    .bind(store.clone())
    .bind(day.to_string())
    .bind(limit)
    .fetch_all()
    .await
}

pub(super) async fn find(db: impl Run<'_>, id: ClosingId) -> Result<Option<Closing>, Error> {
    db.sql(concat!("SELECT ", closing_columns!(), " FROM closings WHERE id = $1"))
        .bind(id)
        .fetch_optional()
        .await
}

/// A parcel of a closing.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Declared {
    pub(super) carrier_shipment_id: String,
    pub(super) shipment: ShipmentId,
    pub(super) parcel: i64,
    pub(super) refused: Option<String>,
}

/// Parcels that the courier has said nothing of.
pub(super) async fn unsaid(db: impl Run<'_>, closing: ClosingId, limit: i64) -> Result<Vec<Declared>, Error> {
    db.sql(
        "SELECT carrier_shipment_id, shipment, parcel, refused FROM closing_parcels
         WHERE closing = $1 AND closed IS NULL
         ORDER BY carrier_shipment_id
         LIMIT $2",
    )
    .bind(closing)
    .bind(limit)
    .fetch_all()
    .await
}

/// Parcels that the courier refused to close.
pub(super) async fn refused(
    db: impl Run<'_>,
    closing: ClosingId,
    limit: i64,
) -> Result<Vec<Declared>, Error> {
    db.sql(
        "SELECT carrier_shipment_id, shipment, parcel, refused FROM closing_parcels
         WHERE closing = $1 AND refused IS NOT NULL
         ORDER BY carrier_shipment_id
         LIMIT $2",
    )
    .bind(closing)
    .bind(limit)
    .fetch_all()
    .await
}

pub(super) async fn count(db: impl Run<'_>, closing: ClosingId) -> Result<i64, Error> {
    let counted: (i64,) =
        db.sql("SELECT COUNT(*) FROM closing_parcels WHERE closing = $1").bind(closing).fetch_one().await?;
    Ok(counted.0)
}

/// What the courier said of a parcel: closed, or why not.
pub(super) async fn say(
    tx: &mut Tx,
    closing: ClosingId,
    carrier_shipment_id: &str,
    refused: Option<String>,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE closing_parcels SET closed = $3, refused = $4 WHERE closing = $1 AND carrier_shipment_id = $2",
    )
    .bind(closing)
    .bind(carrier_shipment_id.to_owned())
    .bind(refused.is_none())
    .bind(refused)
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn keep_manifest(
    tx: &mut Tx,
    closing: ClosingId,
    bytes: Vec<u8>,
    sha256: String,
) -> Result<(), Error> {
    tx.sql("UPDATE closings SET manifest = $2, manifest_sha256 = $3 WHERE id = $1")
        .bind(closing)
        .bind(bytes)
        .bind(sha256)
        .execute()
        .await?;
    Ok(())
}

/// The document of a closing, with its digest.
pub(super) async fn manifest(
    db: impl Run<'_>,
    closing: ClosingId,
) -> Result<Option<(Vec<u8>, String)>, Error> {
    db.sql("SELECT manifest, manifest_sha256 FROM closings WHERE id = $1 AND manifest IS NOT NULL")
        .bind(closing)
        .fetch_optional()
        .await
}

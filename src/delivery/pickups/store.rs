//! The rows of drivers that were ordered.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;

use super::Wanted;
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::delivery::address::Address;
use crate::delivery::model::AttemptState;
use crate::ids::{PickupId, StoreId};

/// An order of a driver.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Pickup {
    pub(in crate::delivery) id: PickupId,
    pub(in crate::delivery) store: StoreId,
    pub(in crate::delivery) carrier: String,
    /// By the store's clock.
    pub(in crate::delivery) day: String,
    pub(in crate::delivery) reference: String,
    pub(in crate::delivery) state: AttemptState,
    pub(in crate::delivery) ready_at: DateTime<Utc>,
    pub(in crate::delivery) until: DateTime<Utc>,
    pub(in crate::delivery) place: Json<Address>,
    pub(in crate::delivery) parcels: i64,
    pub(in crate::delivery) weight_grams: i64,
    pub(in crate::delivery) calls: i64,
    pub(in crate::delivery) looks: i64,
    pub(in crate::delivery) created_at: DateTime<Utc>,
    pub(in crate::delivery) sent_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) carrier_pickup_id: Option<String>,
    pub(in crate::delivery) comes_on: Option<String>,
    pub(in crate::delivery) cancel_sent: bool,
    pub(in crate::delivery) detail: Option<String>,
}

macro_rules! pickup_columns {
    () => {
        "id, store, carrier, day, reference, state, ready_at, until, place, parcels, weight_grams, calls, looks, created_at,
             sent_at, carrier_pickup_id, comes_on, cancel_sent, detail"
    };
}

/// Writes an order, unless one of the same courier and day is live; says whether it was written.
pub(super) async fn insert(
    tx: &mut Tx,
    id: PickupId,
    reference: String,
    wanted: &Wanted,
    now: Moment,
) -> Result<bool, Error> {
    let written = tx
        .sql(
            "INSERT INTO pickups (
                 id, store, carrier, day, reference, state, version, ready_at, until, place, parcels, weight_grams, calls,
                 looks, created_at, cancel_sent
             )
             VALUES ($1, $2, $3, $4, $5, 'intent', 1, $6, $7, $8, $9, $10, 0, 0, $11, FALSE)
             ON CONFLICT (store, carrier, day)
                 WHERE state IN ('intent', 'sent', 'unknown', 'confirmed', 'cancel_pending')
                 DO NOTHING",
        )
        .bind(id)
        .bind(wanted.store.clone())
        .bind(wanted.carrier.clone())
        .bind(wanted.day.to_string())
        .bind(reference)
        .bind(wanted.ready_at)
        .bind(wanted.until)
        .bind(Json(wanted.place.clone()))
        .bind(wanted.parcels)
        .bind(wanted.weight_grams)
        .bind(now)
        .execute()
        .await?;
    Ok(written == 1)
}

pub(super) async fn find(db: impl Run<'_>, id: PickupId) -> Result<Option<Pickup>, Error> {
    db.sql(concat!("SELECT ", pickup_columns!(), " FROM pickups WHERE id = $1"))
        .bind(id)
        .fetch_optional()
        .await
}

/// The newest order of a courier and day, whatever its state.
pub(super) async fn newest(
    db: impl Run<'_>,
    store: &StoreId,
    carrier: &str,
    day: NaiveDate,
) -> Result<Option<Pickup>, Error> {
    db.sql(concat!(
        "SELECT ",
        pickup_columns!(),
        " FROM pickups WHERE store = $1 AND carrier = $2 AND day = $3 ORDER BY id DESC LIMIT 1"
    ))
    .bind(store.clone())
    .bind(carrier.to_owned())
    .bind(day.to_string())
    .fetch_optional()
    .await
}

/// The orders of a store's day, oldest first.
pub(super) async fn of_day(
    db: impl Run<'_>,
    store: &StoreId,
    day: NaiveDate,
    limit: i64,
) -> Result<Vec<Pickup>, Error> {
    db.sql(concat!(
        "SELECT ",
        pickup_columns!(),
        " FROM pickups WHERE store = $1 AND day = $2 ORDER BY id LIMIT $3"
    ))
    .bind(store.clone())
    .bind(day.to_string())
    .bind(limit)
    .fetch_all()
    .await
}

/// The order, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, id: PickupId) -> Result<Option<Pickup>, Error> {
    tx.sql(concat!("UPDATE pickups SET version = version + 1 WHERE id = $1 RETURNING ", pickup_columns!()))
        .bind(id)
        .fetch_optional()
        .await
}

pub(super) async fn save(tx: &mut Tx, pickup: &Pickup) -> Result<(), Error> {
    tx.sql(
        "UPDATE pickups SET state = $2, calls = $3, looks = $4, sent_at = $5, carrier_pickup_id = $6, comes_on = $7,
             cancel_sent = $8, detail = $9
         WHERE id = $1",
    )
    .bind(pickup.id)
    .bind(pickup.state)
    .bind(pickup.calls)
    .bind(pickup.looks)
    .bind(pickup.sent_at)
    .bind(pickup.carrier_pickup_id.clone())
    .bind(pickup.comes_on.clone())
    .bind(pickup.cancel_sent)
    .bind(pickup.detail.clone())
    .execute()
    .await?;
    Ok(())
}

/// How many parcels of a courier's wait in a store to be handed over, and what they weigh.
pub(super) async fn waiting(db: impl Run<'_>, store: &StoreId, carrier: &str) -> Result<(i64, i64), Error> {
    db.sql(
        "SELECT COUNT(*), CAST(COALESCE(SUM(parcels.weight_grams), 0) AS BIGINT)
         FROM shipments
         JOIN parcels ON parcels.shipment = shipments.id
         JOIN booking_attempts ON booking_attempts.shipment = parcels.shipment
             AND booking_attempts.parcel = parcels.number
             AND booking_attempts.carrier = $2
             AND booking_attempts.state IN ('intent', 'sent', 'unknown', 'confirmed')
         WHERE shipments.store = $1 AND shipments.direction = 'outbound'
             AND shipments.state IN ('requested', 'booked') AND parcels.dropped_at IS NULL",
    )
    .bind(store.clone())
    .bind(carrier.to_owned())
    .fetch_one()
    .await
}

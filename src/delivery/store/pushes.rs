//! The rows of what couriers tell by themselves, and of when they are asked.

use chrono::{DateTime, Duration, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::ShipmentId;

/// That messages arrive is written at most this often: it is of one row that every message of a courier would wait for.
const HEARD_EVERY: Duration = Duration::minutes(1);

/// When a shipment's courier was and will be asked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Askings {
    /// When the next one is due.
    pub(in crate::delivery) asks_at: Option<DateTime<Utc>>,
    /// When the last one began.
    pub(in crate::delivery) asked_at: Option<DateTime<Utc>>,
    /// Messages that arrived.
    pub(in crate::delivery) hints: i64,
    /// Of these, those that arrived before the last asking began that was settled.
    pub(in crate::delivery) hints_asked: i64,
    /// How many askings in a row a message gave rise to and brought nothing.
    pub(in crate::delivery) idle_hints: i64,
}

pub(in crate::delivery) async fn askings(db: impl Run<'_>, shipment: ShipmentId) -> Result<Askings, Error> {
    db.sql("SELECT asks_at, asked_at, hints, hints_asked, idle_hints FROM shipments WHERE id = $1")
        .bind(shipment)
        .fetch_one()
        .await
}

pub(in crate::delivery) async fn save_askings(
    tx: &mut Tx,
    shipment: ShipmentId,
    askings: &Askings,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE shipments SET asks_at = $2, asked_at = $3, hints = $4, hints_asked = $5, idle_hints = $6
         WHERE id = $1",
    )
    .bind(shipment)
    .bind(askings.asks_at)
    .bind(askings.asked_at)
    .bind(askings.hints)
    .bind(askings.hints_asked)
    .bind(askings.idle_hints)
    .execute()
    .await?;
    Ok(())
}

/// The couriers of a shipment are asked next then.
pub(in crate::delivery) async fn note_asks_at(
    tx: &mut Tx,
    shipment: ShipmentId,
    at: Moment,
) -> Result<(), Error> {
    tx.sql("UPDATE shipments SET asks_at = $2 WHERE id = $1").bind(shipment).bind(at).execute().await?;
    Ok(())
}

/// The shipment that a courier has under this number.
pub(in crate::delivery) async fn shipment_of_number(
    db: impl Run<'_>,
    carrier: &str,
    tracking_number: &str,
) -> Result<Option<ShipmentId>, Error> {
    let found: Option<(ShipmentId,)> = db
        .sql(
            "SELECT booking_attempts.shipment FROM booking_attempts
             WHERE booking_attempts.tracking_number = $1
                 AND booking_attempts.state = 'confirmed'
                 AND booking_attempts.carrier = $2
             ORDER BY booking_attempts.shipment DESC
             LIMIT 1",
        )
        .bind(tracking_number.to_owned())
        .bind(carrier.to_owned())
        .fetch_optional()
        .await?;
    Ok(found.map(|(id,)| id))
}

/// A parcel that a courier has, and until when it was asked to tell of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Told {
    pub(in crate::delivery) carrier: String,
    pub(in crate::delivery) reference: String,
    pub(in crate::delivery) tracking_number: String,
    pub(in crate::delivery) subscribed_until: Option<DateTime<Utc>>,
}

/// The booked parcels of a shipment.
pub(in crate::delivery) async fn told(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Told>, Error> {
    db.sql(
        "SELECT carrier, reference, tracking_number, subscribed_until FROM booking_attempts
         WHERE shipment = $1 AND state = 'confirmed' AND tracking_number IS NOT NULL
             AND NOT EXISTS (
                 SELECT 1 FROM parcels
                 WHERE parcels.shipment = booking_attempts.shipment AND parcels.number = booking_attempts.parcel
                     AND parcels.dropped_at IS NOT NULL
             )
         ORDER BY parcel",
    )
    .bind(shipment)
    .fetch_all()
    .await
}

/// The courier tells of this parcel until then.
pub(in crate::delivery) async fn note_subscribed(
    tx: &mut Tx,
    reference: &str,
    now: Moment,
    until: Moment,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE booking_attempts
         SET subscribed_at = CASE WHEN subscribed_until > $2 THEN subscribed_at ELSE $2 END, subscribed_until = $3
         WHERE reference = $1",
    )
    .bind(reference.to_owned())
    .bind(now)
    .bind(until)
    .execute()
    .await?;
    Ok(())
}

/// Something that was learned of a parcel just now, and since when the courier tells of that parcel by itself.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Fresh {
    pub(in crate::delivery) carrier: String,
    pub(in crate::delivery) occurred_at: DateTime<Utc>,
    pub(in crate::delivery) subscribed_at: Option<DateTime<Utc>>,
}

/// What was learned of a shipment at this moment.
pub(in crate::delivery) async fn fresh(
    db: impl Run<'_>,
    shipment: ShipmentId,
    received_at: Moment,
) -> Result<Vec<Fresh>, Error> {
    db.sql(
        "SELECT booking_attempts.carrier, tracking_events.occurred_at, booking_attempts.subscribed_at FROM booking_attempts
         JOIN tracking_events ON tracking_events.attempt = booking_attempts.reference
         WHERE booking_attempts.shipment = $1 AND tracking_events.received_at = $2",
    )
    .bind(shipment)
    .bind(received_at)
    .fetch_all()
    .await
}

/// How well a courier tells by itself.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(in crate::delivery) struct CourierPushes {
    pub(in crate::delivery) asked_for: Option<String>,
    pub(in crate::delivery) active_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) heard_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) missed_at: Option<DateTime<Utc>>,
}

pub(in crate::delivery) async fn courier_pushes(
    db: impl Run<'_>,
    carrier: &str,
) -> Result<CourierPushes, Error> {
    let found: Option<CourierPushes> = db
        .sql("SELECT asked_for, active_at, heard_at, missed_at FROM courier_pushes WHERE carrier = $1")
        .bind(carrier.to_owned())
        .fetch_optional()
        .await?;
    Ok(found.unwrap_or_default())
}

/// A subscription of the account is about to be asked for.
pub(in crate::delivery) async fn note_asked_for(
    tx: &mut Tx,
    carrier: &str,
    asked_for: &str,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO courier_pushes (carrier, asked_for) VALUES ($1, $2)
         ON CONFLICT (carrier) DO UPDATE SET asked_for = excluded.asked_for, active_at = NULL, missed_at = NULL",
    )
    .bind(carrier.to_owned())
    .bind(asked_for.to_owned())
    .execute()
    .await?;
    Ok(())
}

/// The subscription of the account stands.
pub(in crate::delivery) async fn note_active(
    db: impl Run<'_>,
    carrier: &str,
    now: Moment,
) -> Result<(), Error> {
    db.sql("UPDATE courier_pushes SET active_at = $2 WHERE carrier = $1")
        .bind(carrier.to_owned())
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// A message arrived.
pub(in crate::delivery) async fn note_heard(
    db: impl Run<'_>,
    carrier: &str,
    now: Moment,
) -> Result<(), Error> {
    db.sql(
        "INSERT INTO courier_pushes (carrier, heard_at) VALUES ($1, $2)
         ON CONFLICT (carrier) DO UPDATE SET heard_at = excluded.heard_at, missed_at = NULL
         WHERE courier_pushes.heard_at IS NULL OR courier_pushes.heard_at < $3
             OR courier_pushes.missed_at IS NOT NULL",
    )
    .bind(carrier.to_owned())
    .bind(now)
    .bind(now - HEARD_EVERY)
    .execute()
    .await?;
    Ok(())
}

/// Something was found that no message had told.
pub(in crate::delivery) async fn note_missed(tx: &mut Tx, carrier: &str, now: Moment) -> Result<(), Error> {
    tx.sql("UPDATE courier_pushes SET missed_at = $2 WHERE carrier = $1 AND missed_at IS NULL")
        .bind(carrier.to_owned())
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

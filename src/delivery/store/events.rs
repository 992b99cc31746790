//! The rows of what was told of parcels.

use chrono::{DateTime, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::delivery::carrier::{ParcelStatus, TrackingEvent};
use crate::ids::ShipmentId;

/// Notes an event; told again, its newest telling counts.
pub(in crate::delivery) async fn upsert_event(
    tx: &mut Tx,
    attempt: &str,
    position: i64,
    event: &TrackingEvent,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO tracking_events (
             attempt, dedupe_key, occurred_at, position, raw_code, status, place, description, retracted, received_at
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (attempt, dedupe_key) DO UPDATE SET
             position = excluded.position,
             status = excluded.status,
             description = excluded.description,
             retracted = excluded.retracted",
    )
    .bind(attempt.to_owned())
    .bind(event.dedupe_key.clone())
    .bind(event.occurred_at.with_timezone(&Utc))
    .bind(position)
    .bind(event.raw_code.clone())
    .bind(event.status)
    .bind(event.place.clone())
    .bind(event.description.clone())
    .bind(event.is_retracted)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// What the courier told of a parcel and did not take back.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Event {
    pub(in crate::delivery) parcel: i64,
    pub(in crate::delivery) occurred_at: DateTime<Utc>,
    pub(in crate::delivery) status: Option<ParcelStatus>,
    pub(in crate::delivery) place: Option<String>,
    pub(in crate::delivery) description: Option<String>,
}

/// The standing events of a shipment's present bookings, oldest first.
pub(in crate::delivery) async fn events(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Event>, Error> {
    db.sql(
        "SELECT booking_attempts.parcel, tracking_events.occurred_at, tracking_events.status, tracking_events.place,
             tracking_events.description
         FROM booking_attempts
         JOIN tracking_events ON tracking_events.attempt = booking_attempts.reference
         WHERE booking_attempts.shipment = $1
             AND booking_attempts.state = 'confirmed'
             AND NOT tracking_events.retracted
         ORDER BY booking_attempts.parcel, tracking_events.occurred_at, tracking_events.position",
    )
    .bind(shipment)
    .fetch_all()
    .await
}

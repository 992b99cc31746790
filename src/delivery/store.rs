//! The rows of shipments, their parcels, booking attempts, labels to take back, and events.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::address::Address;
use super::carrier::{Label, LabelFormat, ParcelStatus, TrackingEvent};
use super::model::{AttemptState, ShipmentState};
use super::request::Request;
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{OrderId, ShipmentId, ShopperId, StoreId};

/// A shipment.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Shipment {
    pub(super) id: ShipmentId,
    pub(super) order_id: OrderId,
    pub(super) store: StoreId,
    pub(super) shopper: ShopperId,
    pub(super) reference: String,
    pub(super) carrier: String,
    pub(super) state: ShipmentState,
    pub(super) trouble: Option<String>,
    pub(super) sender: Json<Address>,
    pub(super) recipient: Json<Address>,
    pub(super) recipient_version: i64,
    pub(super) tracking_round: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) booked_at: Option<DateTime<Utc>>,
    pub(super) handed_over_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) returned_at: Option<DateTime<Utc>>,
    pub(super) failed_at: Option<DateTime<Utc>>,
    pub(super) age_min: Option<i64>,
    pub(super) choice: Option<Json<serde_json::Value>>,
}

macro_rules! shipment_columns {
    () => {
        "id, order_id, store, shopper, reference, carrier, state, trouble, sender, recipient, recipient_version,
             tracking_round, created_at, booked_at, handed_over_at, delivered_at, returned_at, failed_at, age_min, choice"
    };
}

pub(super) async fn insert(
    tx: &mut Tx,
    request: &Request,
    reference: &str,
    carrier: &str,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO shipments (
             id, order_id, store, shopper, reference, carrier, state, sender, recipient, recipient_version,
             tracking_round, version, created_at, age_min, choice
         )
         VALUES ($1, $2, $3, $4, $5, $6, 'requested', $7, $8, 1, 0, 1, $9, $10, $11)",
    )
    .bind(request.shipment)
    .bind(request.order)
    .bind(request.store.clone())
    .bind(request.shopper)
    .bind(reference.to_owned())
    .bind(carrier.to_owned())
    .bind(Json(request.sender.clone()))
    .bind(Json(request.recipient.clone()))
    .bind(now)
    .bind(request.age_min)
    .bind(request.choice.clone().map(Json))
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn find(db: impl Run<'_>, id: ShipmentId) -> Result<Option<Shipment>, Error> {
    db.sql(concat!("SELECT ", shipment_columns!(), " FROM shipments WHERE id = $1"))
        .bind(id)
        .fetch_optional()
        .await
}

/// The shipment, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, id: ShipmentId) -> Result<Option<Shipment>, Error> {
    tx.sql(concat!(
        "UPDATE shipments SET version = version + 1 WHERE id = $1 RETURNING ",
        shipment_columns!()
    ))
    .bind(id)
    .fetch_optional()
    .await
}

pub(super) async fn save(tx: &mut Tx, shipment: &Shipment) -> Result<(), Error> {
    tx.sql(
        "UPDATE shipments SET state = $2, trouble = $3, recipient = $4, recipient_version = $5, tracking_round = $6,
             booked_at = $7, handed_over_at = $8, delivered_at = $9, returned_at = $10, failed_at = $11
         WHERE id = $1",
    )
    .bind(shipment.id)
    .bind(shipment.state)
    .bind(shipment.trouble.clone())
    .bind(shipment.recipient.clone())
    .bind(shipment.recipient_version)
    .bind(shipment.tracking_round)
    .bind(shipment.booked_at)
    .bind(shipment.handed_over_at)
    .bind(shipment.delivered_at)
    .bind(shipment.returned_at)
    .bind(shipment.failed_at)
    .execute()
    .await?;
    Ok(())
}

/// Shipments of a store, oldest first, after one that was seen already.
pub(super) async fn of_store(
    db: impl Run<'_>,
    store: &StoreId,
    state: Option<ShipmentState>,
    after: Option<ShipmentId>,
    limit: i64,
) -> Result<Vec<Shipment>, Error> {
    db.sql(concat!(
        "SELECT ",
        shipment_columns!(),
        " FROM shipments
         WHERE store = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR id > $3)
         ORDER BY id
         LIMIT $4"
    ))
    .bind(store.clone())
    .bind(state)
    .bind(after)
    .bind(limit)
    .fetch_all()
    .await
}

/// A parcel with the booking that it has at the courier.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Parcel {
    pub(super) number: i64,
    pub(super) weight_grams: i64,
    pub(super) status: Option<ParcelStatus>,
    pub(super) booking: Option<AttemptState>,
    pub(super) attempt: Option<String>,
    pub(super) recipient_version: Option<i64>,
    pub(super) carrier_shipment_id: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) label_sha256: Option<String>,
}

pub(super) async fn insert_parcel(
    tx: &mut Tx,
    shipment: ShipmentId,
    number: i64,
    weight_grams: i64,
) -> Result<(), Error> {
    tx.sql("INSERT INTO parcels (shipment, number, weight_grams) VALUES ($1, $2, $3)")
        .bind(shipment)
        .bind(number)
        .bind(weight_grams)
        .execute()
        .await?;
    Ok(())
}

pub(super) async fn parcels(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Parcel>, Error> {
    db.sql(
        "SELECT parcels.number, parcels.weight_grams, parcels.status,
             (
                 SELECT newest.state FROM booking_attempts AS newest
                 WHERE newest.shipment = parcels.shipment AND newest.parcel = parcels.number
                 ORDER BY newest.number DESC
                 LIMIT 1
             ) AS booking,
             booking_attempts.reference AS attempt,
             booking_attempts.recipient_version, booking_attempts.carrier_shipment_id,
             booking_attempts.tracking_number, booking_attempts.label_sha256
         FROM parcels
         LEFT JOIN booking_attempts ON booking_attempts.shipment = parcels.shipment
             AND booking_attempts.parcel = parcels.number
             AND booking_attempts.state = 'confirmed'
         WHERE parcels.shipment = $1
         ORDER BY parcels.number",
    )
    .bind(shipment)
    .fetch_all()
    .await
}

pub(super) async fn set_status(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: i64,
    status: Option<ParcelStatus>,
) -> Result<(), Error> {
    tx.sql("UPDATE parcels SET status = $3 WHERE shipment = $1 AND number = $2")
        .bind(shipment)
        .bind(parcel)
        .bind(status)
        .execute()
        .await?;
    Ok(())
}

/// One try to book one parcel.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Attempt {
    pub(super) reference: String,
    pub(super) shipment: ShipmentId,
    pub(super) parcel: i64,
    pub(super) number: i64,
    pub(super) state: AttemptState,
    pub(super) recipient_version: i64,
    pub(super) calls: i64,
    pub(super) looks: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) carrier_shipment_id: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) label_sha256: Option<String>,
    pub(super) detail: Option<String>,
}

macro_rules! attempt_columns {
    () => {
        "reference, shipment, parcel, number, state, recipient_version, calls, looks, created_at, sent_at,
             carrier_shipment_id, tracking_number, label_sha256, detail"
    };
}

pub(super) async fn insert_attempt(
    tx: &mut Tx,
    reference: &str,
    (shipment, parcel): (ShipmentId, i64),
    number: i64,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO booking_attempts (
             reference, shipment, parcel, number, state, recipient_version, calls, looks, created_at
         )
         VALUES ($1, $2, $3, $4, 'intent', 0, 0, 0, $5)",
    )
    .bind(reference.to_owned())
    .bind(shipment)
    .bind(parcel)
    .bind(number)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn attempt(db: impl Run<'_>, reference: &str) -> Result<Option<Attempt>, Error> {
    db.sql(concat!("SELECT ", attempt_columns!(), " FROM booking_attempts WHERE reference = $1"))
        .bind(reference.to_owned())
        .fetch_optional()
        .await
}

/// The newest attempt of a parcel, whatever its state.
pub(super) async fn newest_attempt(
    db: impl Run<'_>,
    shipment: ShipmentId,
    parcel: i64,
) -> Result<Option<Attempt>, Error> {
    db.sql(concat!(
        "SELECT ",
        attempt_columns!(),
        " FROM booking_attempts
         WHERE shipment = $1 AND parcel = $2
         ORDER BY number DESC
         LIMIT 1"
    ))
    .bind(shipment)
    .bind(parcel)
    .fetch_optional()
    .await
}

/// The attempts of a shipment that are not over.
pub(super) async fn live_attempts(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Attempt>, Error> {
    db.sql(concat!(
        "SELECT ",
        attempt_columns!(),
        " FROM booking_attempts
         WHERE shipment = $1 AND state IN ('intent', 'sent', 'unknown', 'confirmed', 'cancel_pending')
         ORDER BY parcel"
    ))
    .bind(shipment)
    .fetch_all()
    .await
}

pub(super) async fn save_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<(), Error> {
    tx.sql(
        "UPDATE booking_attempts SET state = $2, recipient_version = $3, calls = $4, looks = $5, sent_at = $6,
             carrier_shipment_id = $7, tracking_number = $8, detail = $9
         WHERE reference = $1",
    )
    .bind(attempt.reference.clone())
    .bind(attempt.state)
    .bind(attempt.recipient_version)
    .bind(attempt.calls)
    .bind(attempt.looks)
    .bind(attempt.sent_at)
    .bind(attempt.carrier_shipment_id.clone())
    .bind(attempt.tracking_number.clone())
    .bind(attempt.detail.clone())
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn save_label(tx: &mut Tx, attempt: &str, label: &Label, sha256: &str) -> Result<(), Error> {
    tx.sql(
        "UPDATE booking_attempts SET label = $2, label_format = $3, label_sha256 = $4 WHERE reference = $1",
    )
    .bind(attempt.to_owned())
    .bind(label.bytes.clone())
    .bind(label.format)
    .bind(sha256.to_owned())
    .execute()
    .await?;
    Ok(())
}

/// The label of a parcel's booking, with its digest.
pub(super) async fn label(
    db: impl Run<'_>,
    shipment: ShipmentId,
    parcel: i64,
) -> Result<Option<(Vec<u8>, LabelFormat, String)>, Error> {
    db.sql(
        "SELECT label, label_format, label_sha256 FROM booking_attempts
         WHERE shipment = $1 AND parcel = $2 AND state = 'confirmed' AND label IS NOT NULL",
    )
    .bind(shipment)
    .bind(parcel)
    .fetch_optional()
    .await
}

/// A label at the courier that shall not be used.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Cancellation {
    pub(super) attempt: String,
    /// Nothing while it is tried; false when the courier keeps it.
    pub(super) taken_back: Option<bool>,
    /// A cancellation may have reached the courier.
    pub(super) sent: bool,
}

/// Notes a label to be cancelled; noted twice, it is one.
pub(super) async fn insert_cancellation(
    tx: &mut Tx,
    carrier_shipment_id: &str,
    attempt: &str,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO label_cancellations (carrier_shipment_id, attempt, sent, created_at)
         VALUES ($1, $2, FALSE, $3)
         ON CONFLICT (carrier_shipment_id) DO NOTHING",
    )
    .bind(carrier_shipment_id.to_owned())
    .bind(attempt.to_owned())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

pub(super) async fn cancellation(
    db: impl Run<'_>,
    carrier_shipment_id: &str,
) -> Result<Option<Cancellation>, Error> {
    db.sql(
        "SELECT attempt, taken_back, sent FROM label_cancellations
         WHERE carrier_shipment_id = $1",
    )
    .bind(carrier_shipment_id.to_owned())
    .fetch_optional()
    .await
}

pub(super) async fn save_cancellation(
    tx: &mut Tx,
    carrier_shipment_id: &str,
    taken_back: Option<bool>,
    sent: bool,
) -> Result<(), Error> {
    tx.sql("UPDATE label_cancellations SET taken_back = $2, sent = $3 WHERE carrier_shipment_id = $1")
        .bind(carrier_shipment_id.to_owned())
        .bind(taken_back)
        .bind(sent)
        .execute()
        .await?;
    Ok(())
}

/// Notes an event; told again, its newest telling counts.
pub(super) async fn upsert_event(
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
pub(super) struct Event {
    pub(super) parcel: i64,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) status: Option<ParcelStatus>,
    pub(super) place: Option<String>,
    pub(super) description: Option<String>,
}

/// The standing events of a shipment's present bookings, oldest first.
pub(super) async fn events(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Event>, Error> {
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

//! The rows of shipments and their parcels; `attempts.rs` has those of booking attempts and their labels, `events.rs` what was
//! told of parcels, `pushes.rs` those of what couriers tell by themselves.

mod asks;
mod attempts;
mod events;
mod pushes;
mod returns;

use chrono::{DateTime, Utc};
use sqlx::types::Json;

pub(super) use asks::{count_ask, forget_asks_before};
pub(super) use attempts::{
    Attempt, Cancellation, abandoned, attempt, called_off, cancellation, forget_label, insert_attempt,
    insert_cancellation, label, live_attempts, newest_attempt, note_staff_told, qr_label, save_attempt,
    save_cancellation, save_label, shipment_of_label,
};
pub(super) use events::{Event, events, upsert_event};
pub(super) use pushes::{
    Askings, Told, askings, courier_pushes, fresh, note_active, note_asked_for, note_asks_at, note_heard,
    note_missed, note_subscribed, save_askings, shipment_of_number, told,
};
pub(super) use returns::{parcels_returned, returns_begun};

use super::address::Address;
use super::carrier::ParcelStatus;
use super::model::{AttemptState, Direction, ShipmentState};
use super::needs::Needs;
use super::pack::Parcel as Packed;
use super::request::Request;
use super::reroute::CourierLeft;
use super::settings::Carriers;
use super::silence::Silence;
use crate::catalog::Size;
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
    pub(super) is_cold: bool,
    pub(super) fallbacks: Option<Json<Vec<String>>>,
    pub(super) couriers_left: Option<Json<Vec<CourierLeft>>>,
    pub(super) direction: Direction,
    pub(super) returns_of: Option<ShipmentId>,
    pub(super) follow_code: Option<String>,
    pub(super) held_back: Option<String>,
    /// Nothing is booked before staff said what was packed.
    pub(super) waits_for_packing: bool,
}

impl Shipment {
    /// What the goods ask of whoever brings them.
    pub(super) fn needs(&self) -> Needs {
        Needs { age_min: self.age_min, is_cold: self.is_cold }
    }
}

macro_rules! shipment_columns {
    () => {
        "id, order_id, store, shopper, reference, carrier, state, trouble, sender, recipient, recipient_version,
             tracking_round, created_at, booked_at, handed_over_at, delivered_at, returned_at, failed_at, age_min, choice,
             is_cold, fallbacks, couriers_left, direction, returns_of, follow_code, held_back,
             waits_for_packing"
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
             tracking_round, version, created_at, age_min, choice, is_cold, fallbacks,
             follow_code, direction, returns_of, waits_for_packing
         )
         VALUES (
             $1, $2, $3, $4, $5, $6, 'requested', $7, $8, 1, 0, 1, $9, $10, $11, $12, $13, $14, $15, $16, $17
         )",
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
    .bind(request.needs.age_min)
    .bind(request.choice.clone().map(Json))
    .bind(request.needs.is_cold)
    .bind(Json(request.fallbacks.clone()))
    .bind(request.follow_code.clone())
    .bind(request.returns_of.map_or(Direction::Outbound, |_| Direction::Return))
    .bind(request.returns_of)
    .bind(request.waits_for_packing)
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

/// What grows with each change of a shipment or of what was told of it.
pub(super) async fn version(db: impl Run<'_>, id: ShipmentId) -> Result<Option<i64>, Error> {
    let found: Option<(i64,)> =
        db.sql("SELECT version FROM shipments WHERE id = $1").bind(id).fetch_optional().await?;
    Ok(found.map(|(version,)| version))
}

/// How many parcels of a store each courier has that were booked since, by the courier that each went with.
pub(super) async fn parcels_booked(
    db: impl Run<'_>,
    at: &StoreId,
    since: Moment,
) -> Result<Vec<(String, i64)>, Error> {
    // By the index shipments_booked, and that of the attempts' key.
    db.sql(
        "SELECT booking_attempts.carrier, COUNT(*)
         FROM shipments JOIN booking_attempts ON booking_attempts.shipment = shipments.id
         WHERE shipments.store = $1 AND shipments.direction = 'outbound' AND shipments.booked_at >= $2
             AND booking_attempts.state = 'confirmed'
         GROUP BY booking_attempts.carrier",
    )
    .bind(at.clone())
    .bind(since)
    .fetch_all()
    .await
}

/// The shipment that is followed by this code.
pub(super) async fn find_by_follow_code(db: impl Run<'_>, code: &str) -> Result<Option<Shipment>, Error> {
    db.sql(concat!("SELECT ", shipment_columns!(), " FROM shipments WHERE follow_code = $1"))
        .bind(code.to_owned())
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
             booked_at = $7, handed_over_at = $8, delivered_at = $9, returned_at = $10, failed_at = $11, carrier = $12,
             couriers_left = $13, held_back = $14, waits_for_packing = $15
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
    .bind(shipment.carrier.clone())
    .bind(shipment.couriers_left.clone())
    .bind(shipment.held_back.clone())
    .bind(shipment.waits_for_packing)
    .execute()
    .await?;
    Ok(())
}

/// Shipments of a store, oldest first, after one that was seen already.
pub(super) async fn of_store(
    db: impl Run<'_>,
    store: &StoreId,
    (state, direction): (Option<ShipmentState>, Option<Direction>),
    after: Option<ShipmentId>,
    limit: i64,
) -> Result<Vec<Shipment>, Error> {
    db.sql(concat!(
        "SELECT ",
        shipment_columns!(),
        " FROM shipments
         WHERE store = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR id > $3)
             AND ($5 IS NULL OR direction = $5)
         ORDER BY id
         LIMIT $4"
    ))
    .bind(store.clone())
    .bind(state)
    .bind(after)
    .bind(limit)
    .bind(direction)
    .fetch_all()
    .await
}

/// A parcel with the booking that it has at the courier.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Parcel {
    pub(super) number: i64,
    pub(super) weight_grams: i64,
    pub(super) length_mm: Option<i64>,
    pub(super) width_mm: Option<i64>,
    pub(super) height_mm: Option<i64>,
    pub(super) carton: Option<String>,
    pub(super) status: Option<ParcelStatus>,
    pub(super) booking: Option<AttemptState>,
    pub(super) attempt: Option<String>,
    /// That of the booking.
    pub(super) carrier: Option<String>,
    pub(super) recipient_version: Option<i64>,
    pub(super) carrier_shipment_id: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) label_sha256: Option<String>,
    /// Since when it is not sent: another came in its place.
    pub(super) dropped_at: Option<DateTime<Utc>>,
    pub(super) handed_over_at: Option<DateTime<Utc>>,
    /// What its courier's silence means, as staff know it.
    pub(super) silence: Option<Silence>,
    pub(super) has_qr_label: bool,
}

impl Parcel {
    /// What it measures outside, where that is known.
    pub(super) fn size(&self) -> Option<Size> {
        let (length_mm, width_mm, height_mm) = (self.length_mm?, self.width_mm?, self.height_mm?);
        Some(Size { length_mm, width_mm, height_mm })
    }

    /// Where its courier shows how far it has come.
    pub(super) fn tracking_url(&self, carriers: &Carriers) -> Option<String> {
        let (carrier, number) = (self.carrier.as_deref()?, self.tracking_number.as_deref()?);
        Some(carriers.find(carrier)?.tracking_url(number))
    }
}

pub(super) async fn insert_parcel(
    tx: &mut Tx,
    shipment: ShipmentId,
    number: i64,
    parcel: &Packed,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO parcels (shipment, number, weight_grams, length_mm, width_mm, height_mm, carton)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(shipment)
    .bind(number)
    .bind(parcel.weight_grams)
    .bind(parcel.size.map(|size| size.length_mm))
    .bind(parcel.size.map(|size| size.width_mm))
    .bind(parcel.size.map(|size| size.height_mm))
    .bind(parcel.carton.clone())
    .execute()
    .await?;
    Ok(())
}

macro_rules! parcels_where {
    ($more:literal) => {
        concat!(
            "SELECT parcels.number, parcels.weight_grams, parcels.length_mm, parcels.width_mm, parcels.height_mm, parcels.carton,
                 parcels.status,
                 (
                     SELECT newest.state FROM booking_attempts AS newest
                     WHERE newest.shipment = parcels.shipment AND newest.parcel = parcels.number
                     ORDER BY newest.number DESC
                     LIMIT 1
                 ) AS booking,
                 booking_attempts.reference AS attempt, booking_attempts.carrier,
                 booking_attempts.recipient_version, booking_attempts.carrier_shipment_id,
                 booking_attempts.tracking_number, booking_attempts.label_sha256, parcels.dropped_at, parcels.handed_over_at,
                 parcels.silence,
                 booking_attempts.qr_label IS NOT NULL AS has_qr_label
             FROM parcels
             LEFT JOIN booking_attempts ON booking_attempts.shipment = parcels.shipment
                 AND booking_attempts.parcel = parcels.number
                 AND booking_attempts.state = 'confirmed'
             WHERE parcels.shipment = $1 AND parcels.dropped_at ",
            $more,
            " ORDER BY parcels.number"
        )
    };
}

/// The parcels of a shipment that are or shall be sent.
pub(super) async fn parcels(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Parcel>, Error> {
    db.sql(parcels_where!("IS NULL")).bind(shipment).fetch_all().await
}

/// The parcels of a shipment that are not sent, because staff packed another way, or because their courier keeps the label.
pub(super) async fn dropped_parcels(db: impl Run<'_>, shipment: ShipmentId) -> Result<Vec<Parcel>, Error> {
    db.sql(parcels_where!("IS NOT NULL")).bind(shipment).fetch_all().await
}

/// Whether a parcel is not sent: another came in its place.
pub(super) async fn is_dropped(db: impl Run<'_>, shipment: ShipmentId, parcel: i64) -> Result<bool, Error> {
    let found: Option<(i64,)> = db
        .sql("SELECT number FROM parcels WHERE shipment = $1 AND number = $2 AND dropped_at IS NOT NULL")
        .bind(shipment)
        .bind(parcel)
        .fetch_optional()
        .await?;
    Ok(found.is_some())
}

/// The highest number that a parcel of a shipment ever had.
pub(super) async fn last_number(db: impl Run<'_>, shipment: ShipmentId) -> Result<i64, Error> {
    let (number,): (Option<i64>,) =
        db.sql("SELECT MAX(number) FROM parcels WHERE shipment = $1").bind(shipment).fetch_one().await?;
    Ok(number.unwrap_or_default())
}

/// Notes that a courier was given a parcel, or all that it had not been given yet.
pub(super) async fn note_given(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: Option<i64>,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE parcels SET handed_over_at = $3
         WHERE shipment = $1 AND ($2 IS NULL OR number = $2) AND dropped_at IS NULL AND handed_over_at IS NULL",
    )
    .bind(shipment)
    .bind(parcel)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Whether a courier was given a parcel of a shipment.
pub(super) async fn is_any_given(tx: &mut Tx, shipment: ShipmentId) -> Result<bool, Error> {
    let given: Option<(i64,)> = tx
        .sql("SELECT number FROM parcels WHERE shipment = $1 AND handed_over_at IS NOT NULL LIMIT 1")
        .bind(shipment)
        .fetch_optional()
        .await?;
    Ok(given.is_some())
}

/// Marks a parcel as not sent.
pub(super) async fn drop_parcel(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: i64,
    now: Moment,
) -> Result<(), Error> {
    tx.sql("UPDATE parcels SET dropped_at = $3 WHERE shipment = $1 AND number = $2 AND dropped_at IS NULL")
        .bind(shipment)
        .bind(parcel)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

pub(super) async fn set_silence(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: i64,
    silence: Option<Silence>,
) -> Result<(), Error> {
    tx.sql("UPDATE parcels SET silence = $3 WHERE shipment = $1 AND number = $2")
        .bind(shipment)
        .bind(parcel)
        .bind(silence)
        .execute()
        .await?;
    Ok(())
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

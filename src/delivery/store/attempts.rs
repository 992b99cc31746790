//! The rows of booking attempts, their labels, and labels to take back.

use chrono::{DateTime, Utc};

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::delivery::carrier::{Label, LabelFormat};
use crate::delivery::model::AttemptState;
use crate::ids::{ShipmentId, StoreId};

/// One try to book one parcel.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Attempt {
    pub(in crate::delivery) reference: String,
    pub(in crate::delivery) shipment: ShipmentId,
    pub(in crate::delivery) parcel: i64,
    pub(in crate::delivery) number: i64,
    pub(in crate::delivery) carrier: String,
    pub(in crate::delivery) state: AttemptState,
    pub(in crate::delivery) recipient_version: i64,
    pub(in crate::delivery) calls: i64,
    pub(in crate::delivery) looks: i64,
    pub(in crate::delivery) created_at: DateTime<Utc>,
    pub(in crate::delivery) sent_at: Option<DateTime<Utc>>,
    pub(in crate::delivery) carrier_shipment_id: Option<String>,
    pub(in crate::delivery) tracking_number: Option<String>,
    pub(in crate::delivery) label_sha256: Option<String>,
    pub(in crate::delivery) detail: Option<String>,
}

macro_rules! attempt_columns {
    () => {
        "reference, shipment, parcel, number, carrier, state, recipient_version, calls, looks, created_at, sent_at,
             carrier_shipment_id, tracking_number, label_sha256, detail"
    };
}

pub(in crate::delivery) async fn insert_attempt(
    tx: &mut Tx,
    reference: &str,
    (shipment, parcel): (ShipmentId, i64),
    (number, carrier): (i64, &str),
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO booking_attempts (
             reference, shipment, parcel, number, carrier, state, recipient_version, calls, looks, created_at
         )
         VALUES ($1, $2, $3, $4, $5, 'intent', 0, 0, 0, $6)",
    )
    .bind(reference.to_owned())
    .bind(shipment)
    .bind(parcel)
    .bind(number)
    .bind(carrier.to_owned())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

pub(in crate::delivery) async fn attempt(
    db: impl Run<'_>,
    reference: &str,
) -> Result<Option<Attempt>, Error> {
    db.sql(concat!("SELECT ", attempt_columns!(), " FROM booking_attempts WHERE reference = $1"))
        .bind(reference.to_owned())
        .fetch_optional()
        .await
}

/// The newest attempt of a parcel, whatever its state.
pub(in crate::delivery) async fn newest_attempt(
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

/// The shipment of a store that a label is or was of, by the courier's number on it; the newest, should a courier have given a
/// number twice.
pub(in crate::delivery) async fn shipment_of_label(
    tx: &mut Tx,
    store: &StoreId,
    number: &str,
) -> Result<Option<ShipmentId>, Error> {
    let found: Option<(ShipmentId,)> = tx
        .sql(
            "SELECT booking_attempts.shipment FROM booking_attempts
             JOIN shipments ON shipments.id = booking_attempts.shipment
             WHERE booking_attempts.tracking_number = $1 AND shipments.store = $2 AND shipments.direction = 'outbound'
             ORDER BY booking_attempts.shipment DESC
             LIMIT 1",
        )
        .bind(number.to_owned())
        .bind(store.clone())
        .fetch_optional()
        .await?;
    Ok(found.map(|(id,)| id))
}

/// How many bookings of a parcel a courier was given that were never found there.
pub(in crate::delivery) async fn abandoned(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: i64,
    carrier: &str,
) -> Result<i64, Error> {
    let (count,): (i64,) = tx
        .sql(
            "SELECT COUNT(*) FROM booking_attempts
             WHERE shipment = $1 AND parcel = $2 AND carrier = $3 AND state = 'abandoned'",
        )
        .bind(shipment)
        .bind(parcel)
        .bind(carrier.to_owned())
        .fetch_one()
        .await?;
    Ok(count)
}

/// How many bookings of a parcel a courier called off by itself.
pub(in crate::delivery) async fn called_off(
    tx: &mut Tx,
    shipment: ShipmentId,
    parcel: i64,
    carrier: &str,
) -> Result<i64, Error> {
    let (count,): (i64,) = tx
        .sql(
            "SELECT COUNT(*) FROM booking_attempts
             WHERE shipment = $1 AND parcel = $2 AND carrier = $3 AND state = 'cancelled'
                 AND carrier_shipment_id IS NOT NULL
                 AND NOT EXISTS (
                     SELECT 1 FROM label_cancellations WHERE label_cancellations.attempt = booking_attempts.reference
                 )",
        )
        .bind(shipment)
        .bind(parcel)
        .bind(carrier.to_owned())
        .fetch_one()
        .await?;
    Ok(count)
}

/// The attempts of a shipment that are not over.
pub(in crate::delivery) async fn live_attempts(
    db: impl Run<'_>,
    shipment: ShipmentId,
) -> Result<Vec<Attempt>, Error> {
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

pub(in crate::delivery) async fn save_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<(), Error> {
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

pub(in crate::delivery) async fn save_label(
    tx: &mut Tx,
    attempt: &str,
    (label, qr_label): (&Label, Option<&[u8]>),
    sha256: &str,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE booking_attempts SET label = $2, label_format = $3, label_sha256 = $4, qr_label = $5
         WHERE reference = $1",
    )
    .bind(attempt.to_owned())
    .bind(label.bytes.clone())
    .bind(label.format)
    .bind(sha256.to_owned())
    .bind(qr_label.map(<[u8]>::to_vec))
    .execute()
    .await?;
    Ok(())
}

/// Lets go of a label that shows another number than the booking has now.
pub(in crate::delivery) async fn forget_label(tx: &mut Tx, attempt: &str) -> Result<(), Error> {
    tx.sql(
        "UPDATE booking_attempts SET label = NULL, label_format = NULL, label_sha256 = NULL, qr_label = NULL
         WHERE reference = $1",
    )
    .bind(attempt.to_owned())
    .execute()
    .await?;
    Ok(())
}

/// The label of a parcel's booking, with its digest.
pub(in crate::delivery) async fn label(
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

/// The code that the courier's shops print the label of a parcel's booking from (PNG).
pub(in crate::delivery) async fn qr_label(
    db: impl Run<'_>,
    shipment: ShipmentId,
    parcel: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let found: Option<(Vec<u8>,)> = db
        .sql(
            "SELECT qr_label FROM booking_attempts
             WHERE shipment = $1 AND parcel = $2 AND state = 'confirmed' AND qr_label IS NOT NULL",
        )
        .bind(shipment)
        .bind(parcel)
        .fetch_optional()
        .await?;
    Ok(found.map(|(code,)| code))
}

/// A label at the courier that shall not be used.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::delivery) struct Cancellation {
    pub(in crate::delivery) attempt: String,
    /// Nothing while it is tried; false when the courier keeps it.
    pub(in crate::delivery) taken_back: Option<bool>,
    /// A cancellation may have reached the courier.
    pub(in crate::delivery) sent: bool,
    pub(in crate::delivery) created_at: DateTime<Utc>,
    /// Staff know that it takes long.
    pub(in crate::delivery) staff_told: bool,
}

/// Notes a label to be cancelled; noted twice, it is one. One that the courier kept is asked for as if for the first time: that a
/// cancellation was sent before is no proof that it worked.
pub(in crate::delivery) async fn insert_cancellation(
    tx: &mut Tx,
    carrier_shipment_id: &str,
    attempt: &str,
    now: Moment,
) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO label_cancellations (carrier_shipment_id, attempt, sent, created_at)
         VALUES ($1, $2, FALSE, $3)
         ON CONFLICT (carrier_shipment_id) DO UPDATE SET
             taken_back = NULL, sent = FALSE, created_at = excluded.created_at, staff_told = FALSE
         WHERE label_cancellations.taken_back = FALSE",
    )
    .bind(carrier_shipment_id.to_owned())
    .bind(attempt.to_owned())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

pub(in crate::delivery) async fn cancellation(
    db: impl Run<'_>,
    carrier_shipment_id: &str,
) -> Result<Option<Cancellation>, Error> {
    db.sql(
        "SELECT attempt, taken_back, sent, created_at, staff_told FROM label_cancellations
         WHERE carrier_shipment_id = $1",
    )
    .bind(carrier_shipment_id.to_owned())
    .fetch_optional()
    .await
}

pub(in crate::delivery) async fn save_cancellation(
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

/// Notes that staff know of a cancellation that takes long.
pub(in crate::delivery) async fn note_staff_told(
    tx: &mut Tx,
    carrier_shipment_id: &str,
) -> Result<(), Error> {
    tx.sql("UPDATE label_cancellations SET staff_told = TRUE WHERE carrier_shipment_id = $1")
        .bind(carrier_shipment_id.to_owned())
        .execute()
        .await?;
    Ok(())
}

//! Rows of parcels that providers are told of.

use crate::clock::Moment;
use crate::db::{Error, Run};
use crate::ids::PaymentId;
use crate::payments::parcels::ParcelState;

/// Writes a parcel that is to be told of; says whether it is new.
pub async fn insert(
    db: impl Run<'_>,
    now: Moment,
    payment: PaymentId,
    (carrier, tracking_number): (&str, &str),
) -> Result<bool, Error> {
    let rows = db
        .sql(
            "INSERT INTO payment_parcels (payment, carrier, tracking_number, state, created_at, changed_at)
             VALUES ($1, $2, $3, 'intended', $4, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(payment)
        .bind(carrier)
        .bind(tracking_number)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// How far a parcel was told of, and since when it is to be.
pub async fn find(
    db: impl Run<'_>,
    payment: PaymentId,
    (carrier, tracking_number): (&str, &str),
) -> Result<Option<(ParcelState, Moment)>, Error> {
    db.sql(
        "SELECT state, created_at FROM payment_parcels
         WHERE payment = $1 AND carrier = $2 AND tracking_number = $3",
    )
    .bind(payment)
    .bind(carrier)
    .bind(tracking_number)
    .fetch_optional()
    .await
}

/// Notes how far it was told of.
pub async fn set(
    db: impl Run<'_>,
    now: Moment,
    payment: PaymentId,
    (carrier, tracking_number): (&str, &str),
    state: ParcelState,
    trouble: Option<&str>,
) -> Result<(), Error> {
    db.sql(
        "UPDATE payment_parcels SET state = $4, trouble = $5, changed_at = $6
         WHERE payment = $1 AND carrier = $2 AND tracking_number = $3",
    )
    .bind(payment)
    .bind(carrier)
    .bind(tracking_number)
    .bind(state)
    .bind(trouble)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

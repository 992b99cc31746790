//! The label of a parcel: the one that came with the booking, or the same in another form from the courier.
//!
//! A label that is kept is given as it is, so that a reprint is the same paper. Another form is read from the courier and not
//! kept: it gives the same label as long as it has one. Where another form would be another parcel (GLS), it is refused:
//! `reissue.rs` makes one.

use super::carrier::{CallError, Label, LabelFormat};
use super::store;
use crate::app::App;
use crate::db;
use crate::hash::sha256_hex;
use crate::ids::ShipmentId;

/// A label with its digest (SHA-256, hexadecimal).
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) label: Label,
    pub(super) sha256: String,
}

/// Why there is no such label.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No booking of this parcel has a label, or not yet.
    #[error("the parcel has no label")]
    Missing,
    /// The courier's parcels bear none.
    #[error("the courier gives no labels")]
    NotGiven,
    /// The courier gives it in the form that is kept alone, or in no other any more.
    #[error("the label is to be had as {0} only")]
    Only(LabelFormat),
    /// The courier does not answer.
    #[error("the courier was not heard: {0}")]
    Unheard(CallError),
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// The label of a parcel, in this form or in the one that is kept.
pub(super) async fn label(
    app: &App,
    (shipment, parcel): (ShipmentId, i64),
    wanted: Option<LabelFormat>,
) -> Result<Printed, Error> {
    let row = store::find(&app.db, shipment).await?.ok_or(Error::Missing)?;
    let parcels = store::parcels(&app.db, shipment).await?;
    // Also the label of a parcel that is not sent any more, which its courier keeps, is not to be used.
    let booked = parcels.into_iter().find(|each| each.number == parcel).ok_or(Error::Missing)?;
    let courier = booked.carrier.unwrap_or(row.carrier);
    let carrier = app.carriers.find(&courier);
    if carrier.is_some_and(|carrier| !carrier.capabilities().gives_labels) {
        return Err(Error::NotGiven);
    }
    let (bytes, kept, sha256) = store::label(&app.db, shipment, parcel).await?.ok_or(Error::Missing)?;
    let Some(format) = wanted.filter(|wanted| *wanted != kept) else {
        return Ok(Printed { label: Label { format: kept, bytes }, sha256 });
    };
    let id = booked.carrier_shipment_id.ok_or(Error::Missing)?;
    let carrier = carrier.filter(|carrier| carrier.capabilities().refetches_labels);
    match carrier.ok_or(Error::Only(kept))?.fetch_label(&id, format).await {
        Ok(Some(label)) => Ok(Printed { sha256: sha256_hex(&label.bytes), label }),
        Ok(None) | Err(CallError::Refused(_)) => Err(Error::Only(kept)),
        Err(error) => Err(Error::Unheard(error)),
    }
}

/// The code that the courier's shops print the label of a parcel from (PNG).
pub(super) async fn qr_label(app: &App, (shipment, parcel): (ShipmentId, i64)) -> Result<Vec<u8>, Error> {
    store::qr_label(&app.db, shipment, parcel).await?.ok_or(Error::Missing)
}

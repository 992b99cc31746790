//! Handing over: staff give the parcels to the courier, all at once or one by one, or the courier's first scan says that it has them.
//!
//! A shipment is handed over with its last parcel. One of which a part was given can't be taken back any more, nor be sent
//! elsewhere; what was not given yet may still be packed another way, or dropped.

pub(super) mod http;

use super::carrier::ParcelStatus;
use super::model::{Direction, NotAllowed, ShipmentEvent, ShipmentState};
use super::news::News;
use super::request::Error;
use super::store::{self, Parcel, Shipment};
use super::{closing, returns, tasks};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::{ShipmentId, StoreId};

/// Staff gave the parcels to the courier. Said twice, it happened once.
pub(super) async fn hand_over(app: &App, id: ShipmentId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    let parcels = store::parcels(&mut tx, id).await?;
    if !is_to_be_given(&shipment, &parcels)? {
        return Ok(());
    }
    refuse_while_picked(app, &mut tx, now, &shipment).await?;
    give(app, &mut tx, now, &mut shipment).await.map_err(Error::News)?;
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// Whether these parcels of a shipment are still to be given to its courier, or were; an error where they may not be.
fn is_to_be_given<'a>(
    shipment: &Shipment,
    parcels: impl IntoIterator<Item = &'a Parcel>,
) -> Result<bool, Error> {
    if shipment.direction == Direction::Return {
        return Err(Error::Return);
    }
    let refused = |NotAllowed| Error::State(shipment.state);
    if shipment.state.apply(ShipmentEvent::HandedOver).map_err(refused)? == shipment.state {
        return Ok(false);
    }
    if let Some(reason) = &shipment.held_back {
        return Err(Error::HeldBack(reason.clone()));
    }
    let called_off = |parcel: &&Parcel| parcel.status == Some(ParcelStatus::Cancelled);
    parcels.into_iter().find(called_off).map_or(Ok(true), |parcel| Err(Error::CalledOff(parcel.number)))
}

/// An error while somebody is picking the goods of a shipment: what goes out now would count as picked as it was ordered.
async fn refuse_while_picked(app: &App, tx: &mut Tx, now: Moment, shipment: &Shipment) -> Result<(), Error> {
    if app.is_being_picked(tx, now, shipment.order_id).await? { Err(Error::BeingPicked) } else { Ok(()) }
}

/// What scanners put before a code of GS1-128, to say that it is one (ISO/IEC 15424).
const GS1_128: &str = "]C1";

/// A parcel that was scanned for its courier.
pub(super) struct Scanned {
    shipment: ShipmentId,
    parcel: i64,
    /// How many parcels of the shipment are still to be given.
    left: i64,
}

/// Why a parcel is not given to a courier by its label.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// No parcel of the store has, or had, such a label.
    #[error("no parcel of the store has such a label")]
    Unknown,
    /// It is the label of a booking that was taken back, or of a parcel that is not sent.
    #[error("the label must not be used")]
    Void,
    /// The shipment does not go.
    #[error(transparent)]
    Shipment(#[from] Error),
}

impl From<crate::db::Error> for ScanError {
    fn from(error: crate::db::Error) -> Self {
        Self::Shipment(error.into())
    }
}

/// The courier's number in what a scanner read of a label.
fn number_of(code: &str) -> String {
    let code = code.trim();
    let number = code.strip_prefix(GS1_128).unwrap_or(code);
    number.chars().filter(|each| !each.is_whitespace()).map(|each| each.to_ascii_uppercase()).collect()
}

/// Staff gave one parcel to its courier. Said twice, it happened once.
async fn scan(app: &App, store: &StoreId, number: &str) -> Result<Scanned, ScanError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let id = store::shipment_of_label(&mut tx, store, number).await?.ok_or(ScanError::Unknown)?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(ScanError::Unknown)?;
    let parcels = store::parcels(&mut tx, id).await?;
    let is_its = |parcel: &&Parcel| parcel.tracking_number.as_deref() == Some(number);
    let scanned = parcels.iter().find(is_its).ok_or(ScanError::Void)?;
    let parcel = scanned.number;
    if !is_to_be_given(&shipment, [scanned])? {
        return Ok(Scanned { shipment: id, parcel, left: 0 });
    }
    refuse_while_picked(app, &mut tx, now, &shipment).await?;
    store::note_given(&mut tx, id, Some(parcel), now).await?;
    let others = parcels.iter().filter(|other| other.number != parcel && other.handed_over_at.is_none());
    let left = i64::try_from(others.count()).unwrap_or(i64::MAX);
    if left == 0 {
        give(app, &mut tx, now, &mut shipment).await.map_err(Error::News)?;
        store::save(&mut tx, &shipment).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(Scanned { shipment: id, parcel, left })
}

/// The courier has a booked shipment, as it said itself or as follows from what was packed: nobody was asked whether it may go.
/// The shipment is not saved.
pub(super) async fn begin(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
) -> Result<(), Internal> {
    if shipment.state != ShipmentState::Booked {
        return Ok(());
    }
    if app.is_being_picked(tx, now, shipment.order_id).await? {
        // Its courier, or whoever packed it, was quicker: what was said stays, and the rest counts as it was ordered.
        let words = "it went out while its order was being picked: see that what was sent is what is paid";
        let first = store::parcels(&mut *tx, shipment.id).await?.first().map_or(1, |parcel| parcel.number);
        tasks::look_into(tx, &app.ids, now, (shipment, first), words).await?;
    }
    give(app, tx, now, shipment).await
}

/// Gives a booked shipment to its courier: told upwards, once, and declared when its day is closed. The shipment is not saved.
async fn give(app: &App, tx: &mut Tx, now: Moment, shipment: &mut Shipment) -> Result<(), Internal> {
    shipment.state = shipment.state.apply(ShipmentEvent::HandedOver)?;
    shipment.handed_over_at = Some(now);
    store::note_given(tx, shipment.id, None, now).await?;
    let news = News::HandedOver { shipment: shipment.id, order: shipment.order_id };
    returns::tell(app, tx, now, shipment, news).await?;
    // What comes back was given to the courier by the shopper, and is no part of a store's day.
    if shipment.direction == Direction::Return {
        return Ok(());
    }
    Ok(closing::expect(app, tx, now, shipment).await?)
}

//! Handing over: staff give the parcels to the courier, or the courier's first scan says that it has them.

use super::carrier::ParcelStatus;
use super::model::{Direction, NotAllowed, ShipmentEvent, ShipmentState};
use super::news::News;
use super::request::Error;
use super::store::{self, Shipment};
use super::{closing, returns};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::ShipmentId;

/// Staff gave the parcels to the courier. Said twice, it happened once.
pub(super) async fn hand_over(app: &App, id: ShipmentId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    if shipment.direction == Direction::Return {
        return Err(Error::Return);
    }
    let refused = |NotAllowed| Error::State(shipment.state);
    if shipment.state.apply(ShipmentEvent::HandedOver).map_err(refused)? == shipment.state {
        return Ok(());
    }
    if let Some(reason) = shipment.held_back {
        return Err(Error::HeldBack(reason));
    }
    let parcels = store::parcels(&mut tx, id).await?;
    if let Some(parcel) = parcels.iter().find(|parcel| parcel.status == Some(ParcelStatus::Cancelled)) {
        return Err(Error::CalledOff(parcel.number));
    }
    begin(app, &mut tx, now, &mut shipment).await.map_err(Error::News)?;
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// The courier has a booked shipment: told upwards, once, and declared when its day is closed. The shipment is not saved.
pub(super) async fn begin(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
) -> Result<(), Internal> {
    if shipment.state != ShipmentState::Booked {
        return Ok(());
    }
    shipment.state = shipment.state.apply(ShipmentEvent::HandedOver)?;
    shipment.handed_over_at = Some(now);
    let news = News::HandedOver { shipment: shipment.id, order: shipment.order_id };
    returns::tell(app, tx, now, shipment, news).await?;
    // What comes back was given to the courier by the shopper, and is no part of a store's day.
    if shipment.direction == Direction::Return {
        return Ok(());
    }
    Ok(closing::expect(app, tx, now, shipment).await?)
}

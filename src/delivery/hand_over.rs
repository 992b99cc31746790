//! Handing over: staff give the parcels to the courier, or the courier's first scan says that it has them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{NotAllowed, ShipmentEvent, ShipmentState};
use super::news::News;
use super::request::Error;
use super::store::{self, Shipment};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::ShipmentId;
use crate::jobs::{self, Failure, Job, Lease};

/// Pause before a closing is sent again. Couriers close by themselves in the evening, so nothing depends on it.
const CLOSE_PAUSE: Duration = Duration::from_mins(5);
/// Longer than this a closing is not tried: the courier has closed the day by itself.
const CLOSE_PATIENCE: chrono::Duration = chrono::Duration::days(1);

/// Declares a shipment's parcels handed over at the courier.
#[derive(Debug, Serialize, Deserialize)]
pub struct CloseDay {
    /// Which shipment.
    pub shipment: ShipmentId,
}

impl Job for CloseDay {
    const KIND: &'static str = "delivery.close_day";

    fn subject(&self) -> String {
        self.shipment.to_string()
    }
}

/// Staff gave the parcels to the courier. Said twice, it happened once.
pub(super) async fn hand_over(app: &App, id: ShipmentId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    let refused = |NotAllowed| Error::State(shipment.state);
    if shipment.state.apply(ShipmentEvent::HandedOver).map_err(refused)? == shipment.state {
        return Ok(());
    }
    begin(app, &mut tx, now, &mut shipment).await.map_err(Error::News)?;
    store::save(&mut tx, &shipment).await?;
    jobs::enqueue(&mut tx, &app.ids, now, &CloseDay { shipment: id }).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// The courier has a booked shipment: told upwards, once. The shipment is not saved.
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
    app.delivery_news(tx, now, news).await
}

/// Declares the parcels of a shipment handed over at the courier.
pub async fn close_day(app: &App, lease: &Lease) -> jobs::Outcome {
    let CloseDay { shipment: id } = lease.payload()?;
    let Some(shipment) = store::find(&app.db, id).await? else { return Ok(()) };
    let parcels = store::parcels(&app.db, id).await?;
    let couriers: BTreeSet<&str> = parcels.iter().filter_map(|parcel| parcel.carrier.as_deref()).collect();
    let now = app.clock.now();
    let mut refused: Vec<String> = Vec::new();
    for courier in couriers {
        let Some(carrier) = app.carriers.find(courier) else {
            return Err(Failure::after(CLOSE_PAUSE, "the courier is not configured"));
        };
        if !carrier.capabilities().closes_days {
            continue;
        }
        let of_courier = parcels.iter().filter(|parcel| parcel.carrier.as_deref() == Some(courier));
        let ids: Vec<String> = of_courier.filter_map(|parcel| parcel.carrier_shipment_id.clone()).collect();
        match carrier.close_day(&ids).await {
            Ok(closed) => refused.extend(
                closed
                    .into_iter()
                    .filter_map(|each| Some(format!("{}: {}", each.carrier_shipment_id, each.result.err()?))),
            ),
            Err(error) if shipment.handed_over_at.is_none_or(|at| now - at < CLOSE_PATIENCE) => {
                return Err(Failure::after(CLOSE_PAUSE, error.to_string()));
            }
            Err(error) => refused.push(error.to_string()),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let trouble = refused.join("; ");
    let mut tx = app.db.begin().await?;
    if let Some(mut shipment) = store::lock(&mut tx, id).await? {
        shipment.trouble = Some(format!("the courier did not close the day: {trouble}"));
        store::save(&mut tx, &shipment).await?;
    }
    lease.commit(tx).await?;
    app.changes.changed(id.0);
    Ok(())
}

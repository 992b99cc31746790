//! Goods that nobody packs: where couriers are asked only then, nobody but staff can say that something is late.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::delivery::model::ShipmentState;
use crate::delivery::{store, tasks};
use crate::ids::{Ids, ShipmentId};
use crate::jobs::{self, Job, Lease};

/// When goods shall be packed of which no time was promised.
const PATIENCE: chrono::Duration = chrono::Duration::days(1);

/// Reminds staff of goods that should leave, should nobody have packed them by then.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemindToPack {
    /// Of which shipment.
    pub shipment: ShipmentId,
}

impl Job for RemindToPack {
    const KIND: &'static str = "delivery.remind_to_pack";

    fn subject(&self) -> String {
        self.shipment.to_string()
    }
}

/// Goods shall be packed by the time at which they leave.
pub(in crate::delivery) async fn expect(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    shipment: ShipmentId,
    leaves_by: Option<Moment>,
) -> Result<(), db::Error> {
    let at = leaves_by.unwrap_or(now + PATIENCE);
    jobs::enqueue_at(tx, ids, now, &RemindToPack { shipment }, at).await
}

/// Opens a task of staff's if the goods are not packed yet.
pub async fn remind_to_pack(app: &App, lease: &Lease) -> jobs::Outcome {
    let RemindToPack { shipment: id } = lease.payload()?;
    let mut tx = app.db.begin().await?;
    let Some(shipment) = store::lock(&mut tx, id).await? else { return Ok(()) };
    if shipment.state != ShipmentState::Requested || !shipment.waits_for_packing {
        return Ok(());
    }
    let parcels = store::parcels(&mut tx, id).await?;
    let Some(first) = parcels.first() else { return Ok(()) };
    let detail = "the goods should have left by now, and nobody said what was packed: no courier was asked";
    tasks::look_into(&mut tx, &app.ids, app.clock.now(), (&shipment, first.number), detail).await?;
    lease.commit(tx).await
}

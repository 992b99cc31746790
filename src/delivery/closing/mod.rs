//! Closing a day at a courier: it is told which parcels it was given, once, at a time that the store says.
//!
//! Invariants: a parcel joins a closing in the transaction of its hand-over; from the moment a closing is begun no parcel
//! joins it, and what is handed over later is in the next one; declaring a parcel twice does no harm, so a lost answer is
//! asked again. A courier that can't be reached is called until it has closed the day by itself: from then on nothing is
//! lost by not having told it. What it refuses shows as the shipment's trouble. Either is a task of staff.
//!
//! `store.rs` has the rows, `http.rs` what staff see and do.

pub(super) mod http;
mod store;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::store::{Closing, Declared};
use super::carrier::{Carrier, ClosedShipment};
use super::store::Shipment;
use super::tasks::{self, Asked, Subject, TaskKind};
use super::terms;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::hash::sha256_hex;
use crate::ids::{ClosingId, StoreId};
use crate::jobs::{self, Failure, Job, Lease};

/// Pause before a courier that was not heard is called again.
const PAUSE: Duration = Duration::from_mins(5);
/// Parcels that are declared in one run: three calls of DHL's size.
const PARCELS_AT_ONCE: i64 = 90;
/// A document that the courier has not made by then is not fetched any more.
const MANIFEST_PATIENCE: chrono::Duration = chrono::Duration::days(1);

crate::text_enum! {
    /// How far a closing has come.
    pub enum ClosingState {
        /// Parcels join it until it is due.
        Open = "open",
        /// The courier is being told.
        Closing = "closing",
        /// The courier has said something of each parcel.
        Closed = "closed",
        /// The courier could not be told until it closed the day by itself.
        Lapsed = "lapsed",
    }
}

/// Does the next step of a closing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Close {
    /// Which closing.
    pub closing: ClosingId,
}

impl Job for Close {
    const KIND: &'static str = "delivery.close";

    fn subject(&self) -> String {
        self.closing.to_string()
    }
}

/// Why there is nothing to close.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// This courier's days are not closed, or the retailer has no account with it.
    #[error("the courier's days are not closed")]
    NotNeeded,
    /// No parcel was handed over to it today.
    #[error("nothing was handed over")]
    Nothing,
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// The parcels of a shipment that was just handed over are declared with the day's others. The shipment is locked.
pub(super) async fn expect(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &Shipment,
) -> Result<(), db::Error> {
    let due = terms::closing(app, &shipment.store, now);
    let mut parcels = super::store::parcels(&mut *tx, shipment.id).await?;
    // Closings are locked in one order, whatever the parcels'.
    parcels.sort_by(|a, b| a.carrier.cmp(&b.carrier));
    for parcel in parcels {
        let Some((carrier, id)) = parcel.carrier.zip(parcel.carrier_shipment_id) else { continue };
        if closing_of(app, &carrier).is_none() {
            continue;
        }
        let closing = store::open(tx, app.ids.next(), (&shipment.store, &carrier), due, now).await?;
        store::join(tx, closing.id, (shipment.id, parcel.number), id).await?;
        let job = Close { closing: closing.id };
        jobs::enqueue_at(tx, &app.ids, now, &job, closing.due_at).await?;
    }
    Ok(())
}

/// How a courier closes its days, where it does.
fn closing_of(app: &App, carrier: &str) -> Option<super::carrier::Closing> {
    app.carriers.find(carrier)?.capabilities().closing
}

/// Closes now what was handed over until now. Said again, the answer is the closing that there is.
pub(super) async fn close_now(app: &App, at: &StoreId, carrier: &str) -> Result<Closing, Error> {
    if closing_of(app, carrier).is_none() {
        return Err(Error::NotNeeded);
    }
    let now = app.clock.now();
    let (today, _) = terms::closing(app, at, now);
    let newest = store::newest(&app.db, at, carrier, today).await?.ok_or(Error::Nothing)?;
    let mut tx = app.db.begin().await?;
    let mut closing = store::lock(&mut tx, newest.id).await?.ok_or(Error::Nothing)?;
    if closing.state == ClosingState::Open {
        closing.due_at = closing.due_at.min(now);
        store::save(&mut tx, &closing).await?;
    }
    if matches!(closing.state, ClosingState::Open | ClosingState::Closing) {
        jobs::enqueue(&mut tx, &app.ids, now, &Close { closing: closing.id }).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(closing)
}

/// Does the next step of a closing.
pub async fn close(app: &App, lease: &Lease) -> jobs::Outcome {
    let Close { closing: id } = lease.payload()?;
    let Some(closing) = begin(app, lease, id).await? else { return Ok(()) };
    let Some(carrier) = app.carriers.find(&closing.carrier) else {
        return put_off(app, lease, &closing, "the courier is not configured").await;
    };
    match closing.state {
        ClosingState::Closing => declare(app, lease, carrier, &closing).await,
        ClosingState::Closed => fetch_manifest(app, lease, carrier, &closing).await,
        ClosingState::Open | ClosingState::Lapsed => Ok(()),
    }
}

/// The closing as it is now; an open one is begun.
async fn begin(app: &App, lease: &Lease, id: ClosingId) -> Result<Option<Closing>, Failure> {
    let found = store::find(&app.db, id).await?;
    if found.as_ref().is_none_or(|closing| closing.state != ClosingState::Open) {
        return Ok(found);
    }
    let mut tx = app.db.begin().await?;
    let Some(mut closing) = store::lock(&mut tx, id).await? else { return Ok(None) };
    if closing.state == ClosingState::Open {
        closing.state = ClosingState::Closing;
        closing.begun_at = Some(app.clock.now());
        store::save(&mut tx, &closing).await?;
    }
    lease.commit(tx).await?;
    Ok(Some(closing))
}

/// Tells the courier of parcels that it has said nothing of.
async fn declare(app: &App, lease: &Lease, carrier: &dyn Carrier, closing: &Closing) -> jobs::Outcome {
    let parcels = store::unsaid(&app.db, closing.id, PARCELS_AT_ONCE).await?;
    let ids: Vec<String> = parcels.iter().map(|parcel| parcel.carrier_shipment_id.clone()).collect();
    let closed = if ids.is_empty() { Ok(Vec::new()) } else { carrier.close_day(&ids).await };
    match closed {
        Ok(closed) => settle(app, lease, carrier, closing, (&parcels, closed)).await,
        Err(error) => put_off(app, lease, closing, &error.to_string()).await,
    }
}

async fn settle(
    app: &App,
    lease: &Lease,
    carrier: &dyn Carrier,
    closing: &Closing,
    (parcels, closed): (&[Declared], Vec<ClosedShipment>),
) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut said = Vec::with_capacity(closed.len());
    for each in closed {
        let refused = each.result.err();
        let parcel = parcels.iter().find(|parcel| parcel.carrier_shipment_id == each.carrier_shipment_id);
        if let Some(parcel) = parcel {
            said.push((parcel, refused));
        }
    }
    // Shipments are locked before what belongs to them, and always in the same order.
    said.sort_by_key(|(parcel, _)| (parcel.shipment, parcel.parcel));
    for (parcel, refused) in &said {
        if let Some(words) = refused {
            note_trouble(&mut tx, parcel, words).await?;
        }
    }
    let Some(mut row) = store::lock(&mut tx, closing.id).await? else { return Ok(()) };
    if let Some((parcel, words)) = said.iter().find_map(|(parcel, refused)| Some((parcel, refused.as_ref()?)))
    {
        ask_staff(app, &mut tx, now, &row, &not_closed(parcel, words)).await?;
    }
    for (parcel, refused) in said {
        store::say(&mut tx, closing.id, &parcel.carrier_shipment_id, refused).await?;
    }
    row.detail = None;
    let is_over = store::unsaid(&mut tx, closing.id, 1).await?.is_empty();
    if is_over {
        row.state = ClosingState::Closed;
        row.ended_at = Some(now);
    }
    store::save(&mut tx, &row).await?;
    if !is_over || carrier.capabilities().closing.is_some_and(|closing| closing.gives_manifest) {
        jobs::enqueue(&mut tx, &app.ids, now, &Close { closing: closing.id }).await?;
    }
    lease.commit(tx).await?;
    app.jobs.wake();
    for parcel in parcels {
        app.changes.changed(parcel.shipment.0);
    }
    Ok(())
}

async fn note_trouble(tx: &mut Tx, parcel: &Declared, words: &str) -> Result<(), db::Error> {
    let Some(mut shipment) = super::store::lock(tx, parcel.shipment).await? else { return Ok(()) };
    shipment.trouble = Some(format!("parcel {}: {}", parcel.parcel, not_closed(parcel, words)));
    super::store::save(tx, &shipment).await
}

fn not_closed(parcel: &Declared, words: &str) -> String {
    format!("the courier did not close {}: {words}", parcel.carrier_shipment_id)
}

/// A person of the store must see to a closing.
async fn ask_staff(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    closing: &Closing,
    detail: &str,
) -> Result<(), db::Error> {
    let (kind, subject) = (TaskKind::SeeToClosing, Subject::Closing(closing.id));
    let asked = Asked { kind, store: &closing.store, subject, detail: Some(detail) };
    tasks::open(tx, &app.ids, now, &asked).await
}

/// Tries again later, until the courier has closed the day by itself.
async fn put_off(app: &App, lease: &Lease, closing: &Closing, detail: &str) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut row) = store::lock(&mut tx, closing.id).await? else { return Ok(()) };
    row.detail = Some(detail.to_owned());
    let until = closing_of(app, &row.carrier).map_or(MANIFEST_PATIENCE, |closing| closing.by_itself_after);
    let is_over = row.begun_at.is_none_or(|begun| now - begun >= until);
    if is_over && row.state == ClosingState::Closing {
        row.state = ClosingState::Lapsed;
        row.ended_at = Some(now);
        ask_staff(app, &mut tx, now, &row, detail).await?;
    }
    store::save(&mut tx, &row).await?;
    lease.commit(tx).await?;
    if is_over { Ok(()) } else { Err(Failure::after(PAUSE, detail)) }
}

/// Fetches what the courier prints of a closing, for as long as it may still make it.
async fn fetch_manifest(app: &App, lease: &Lease, carrier: &dyn Carrier, closing: &Closing) -> jobs::Outcome {
    let Some(ended_at) = closing.ended_at.filter(|_| closing.manifest_sha256.is_none()) else {
        return Ok(());
    };
    let why = match carrier.fetch_manifest(ended_at).await {
        Ok(Some(bytes)) => {
            let sha256 = sha256_hex(&bytes);
            let mut tx = app.db.begin().await?;
            store::keep_manifest(&mut tx, closing.id, bytes, sha256).await?;
            return lease.commit(tx).await;
        }
        Ok(None) => "the courier has no manifest yet".to_owned(),
        Err(error) => error.to_string(),
    };
    if app.clock.now() - ended_at >= MANIFEST_PATIENCE {
        return Ok(());
    }
    Err(Failure::after(PAUSE, why))
}

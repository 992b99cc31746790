//! Following parcels: the courier is asked now and then, everything it tells is kept once, and the states are computed anew
//! from all of it.
//!
//! The askings of one shipment are a chain of jobs, each of which asks for the next with the next number. A shipment that is
//! booked anew begins a new chain, and the old one ends.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::carrier::{BookedParcel, ParcelStatus, Tracking};
use super::hand_over;
use super::model::{self, ShipmentEvent, ShipmentState, Travel};
use super::news::News;
use super::store::{self, Parcel, Shipment};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::ShipmentId;
use crate::jobs::{self, Job, Lease};

/// Couriers forget a parcel after about ninety days (DHL), and nothing is underway that long.
const FOLLOWED_FOR: Duration = Duration::days(90);
/// A job has 50 seconds, and the last call may take 15.
const ASKING_TIME: std::time::Duration = std::time::Duration::from_secs(30);
/// A delivery can be taken back by the driver; that happens within a day or two.
const WATCHED_AFTER_DELIVERY: Duration = Duration::days(3);

/// Asks the courier how far a shipment has come.
#[derive(Debug, Serialize, Deserialize)]
pub struct TrackShipment {
    /// Which shipment.
    pub shipment: ShipmentId,
    /// Which asking.
    pub round: i64,
}

impl Job for TrackShipment {
    const KIND: &'static str = "delivery.track";

    fn subject(&self) -> String {
        format!("{}/{}", self.shipment, self.round)
    }
}

/// Begins to follow a shipment that was booked. The shipment is not saved.
pub(super) async fn begin(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &mut Shipment,
) -> Result<(), Internal> {
    ask_again(tx, app, now, shipment, Duration::zero()).await
}

async fn ask_again(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &mut Shipment,
    age: Duration,
) -> Result<(), Internal> {
    let wanted = app.config.delivery.tracking_interval;
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let couriers = parcels.iter().filter_map(|parcel| app.carriers.find(parcel.carrier.as_deref()?));
    let most = couriers.filter_map(|courier| courier.capabilities().follow_every).min();
    let interval = most.map_or(wanted, |most| wanted.min(most));
    let pause = model::pause_before_tracking(Duration::from_std(interval)?, age);
    ask_at(tx, app, now, shipment, now + pause).await
}

/// Begins a new chain of askings. The shipment is not saved.
async fn ask_at(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &mut Shipment,
    at: Moment,
) -> Result<(), Internal> {
    shipment.tracking_round += 1;
    let job = TrackShipment { shipment: shipment.id, round: shipment.tracking_round };
    Ok(jobs::enqueue_at(tx, &app.ids, now, &job, at).await?)
}

/// Asks the courier at once, because it said that something happened. An asking that is underway may have come too early:
/// what it finds out is left to this one.
pub(super) async fn ask_now(app: &App, id: ShipmentId) -> Result<(), Internal> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut shipment) = store::lock(&mut tx, id).await? else { return Ok(()) };
    if !is_followed(shipment.state) {
        return Ok(());
    }
    ask_at(&mut tx, app, now, &mut shipment, now).await?;
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

fn is_followed(state: ShipmentState) -> bool {
    !matches!(state, ShipmentState::Requested | ShipmentState::Cancelled)
}

/// Asks the courier about every parcel of a shipment, and settles what it tells.
pub async fn track_shipment(app: &App, lease: &Lease) -> jobs::Outcome {
    let TrackShipment { shipment: id, round } = lease.payload()?;
    let Some(shipment) = store::find(&app.db, id).await? else { return Ok(()) };
    if shipment.tracking_round != round || !is_followed(shipment.state) {
        return Ok(());
    }
    let parcels = store::parcels(&app.db, id).await?;
    let told = ask(app, &shipment, &parcels).await;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut shipment) = store::lock(&mut tx, id).await? else { return Ok(()) };
    if shipment.tracking_round != round {
        return Ok(());
    }
    for (attempt, tracking) in &told {
        for (position, event) in (0..).zip(&tracking.events) {
            store::upsert_event(&mut tx, attempt, position, event, now).await?;
        }
    }
    settle(app, &mut tx, now, &mut shipment).await?;
    go_on(app, &mut tx, now, &mut shipment).await?;
    store::save(&mut tx, &shipment).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// What the courier tells of each parcel, by attempt. A parcel that it does not tell about is asked after next time.
async fn ask(app: &App, shipment: &Shipment, parcels: &[Parcel]) -> Vec<(String, Tracking)> {
    let mut told = Vec::new();
    let mut silent = Vec::new();
    let began = Instant::now();
    // Not always from the first one, so that a slow courier is asked about each in turn.
    let first = usize::try_from(shipment.tracking_round).unwrap_or(0) % parcels.len().max(1);
    for parcel in parcels[first..].iter().chain(&parcels[..first]) {
        if began.elapsed() > ASKING_TIME {
            break;
        }
        let Some((attempt, courier, booked)) = booked(parcel) else { continue };
        let Some(carrier) = app.carriers.find(courier).filter(|_| !silent.contains(&courier)) else {
            continue;
        };
        match carrier.track(&booked, &shipment.recipient.postal_code).await {
            Ok(Some(tracking)) => told.push((attempt.clone(), tracking)),
            Ok(None) => {}
            Err(error) => {
                tracing::info!(shipment.id = %shipment.id, "{courier} was not heard: {error}");
                silent.push(courier);
            }
        }
    }
    told
}

/// The booking of a parcel that has one: the attempt, whose it is, and its names there.
fn booked(parcel: &Parcel) -> Option<(&String, &String, BookedParcel)> {
    let tracking_number = parcel.tracking_number.clone()?;
    let carrier_shipment_id = parcel.carrier_shipment_id.clone()?;
    let (attempt, carrier) = (parcel.attempt.as_ref()?, parcel.carrier.as_ref()?);
    Some((attempt, carrier, BookedParcel { carrier_shipment_id, tracking_number }))
}

/// Computes states from all events, and tells what is new. The shipment is not saved.
async fn settle(app: &App, tx: &mut Tx, now: Moment, shipment: &mut Shipment) -> Result<(), Internal> {
    let events = store::events(&mut *tx, shipment.id).await?;
    let mut statuses = Vec::new();
    let mut was_seen = false;
    let mut trouble = Vec::new();
    for parcel in store::parcels(&mut *tx, shipment.id).await? {
        let standing =
            || events.iter().filter(|event| event.parcel == parcel.number).filter_map(|event| event.status);
        let status = model::status_of(standing()).unwrap_or(ParcelStatus::Announced);
        was_seen |= standing().any(model::proves_hand_over);
        if matches!(status, ParcelStatus::Lost | ParcelStatus::Exception | ParcelStatus::Cancelled) {
            trouble.push(format!("parcel {}: {status}, says the courier", parcel.number));
        }
        store::set_status(tx, shipment.id, parcel.number, Some(status)).await?;
        statuses.push(status);
    }
    if was_seen || !trouble.is_empty() {
        shipment.trouble = (!trouble.is_empty()).then(|| trouble.join("; "));
    }
    if was_seen {
        hand_over::begin(app, tx, now, shipment).await?;
    }
    if shipment.state.is_before_hand_over() {
        return Ok(());
    }
    let travel = model::travel_of(&statuses);
    shipment.state = shipment.state.apply(ShipmentEvent::Travelled(travel))?;
    tell(app, tx, now, shipment, travel).await
}

/// Tells the end of a travel, once for each kind of end.
async fn tell(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    travel: Travel,
) -> Result<(), Internal> {
    let (id, order) = (shipment.id, shipment.order_id);
    let (told_at, news) = match travel {
        Travel::Underway => return Ok(()),
        Travel::Delivered => (&mut shipment.delivered_at, News::Delivered { shipment: id, order }),
        Travel::Returned => (&mut shipment.returned_at, News::Returned { shipment: id, order }),
        Travel::Failed => {
            let reason = shipment.trouble.clone().unwrap_or_default();
            (&mut shipment.failed_at, News::Failed { shipment: id, order, reason })
        }
    };
    if told_at.is_some() {
        return Ok(());
    }
    *told_at = Some(now);
    app.delivery_news(tx, now, news).await
}

/// Asks for the next asking, if there is anything left to learn. The shipment is not saved.
async fn go_on(app: &App, tx: &mut Tx, now: Moment, shipment: &mut Shipment) -> Result<(), Internal> {
    let followed_since = shipment.handed_over_at.or(shipment.booked_at).unwrap_or(shipment.created_at);
    let age = now - followed_since;
    let is_over = match shipment.state {
        ShipmentState::Returned => true,
        ShipmentState::Delivered => {
            shipment.delivered_at.is_some_and(|at| now - at >= WATCHED_AFTER_DELIVERY)
        }
        _ => age >= FOLLOWED_FOR,
    };
    if !is_over {
        return ask_again(tx, app, now, shipment, age).await;
    }
    if matches!(shipment.state, ShipmentState::Booked | ShipmentState::HandedOver) {
        let days = FOLLOWED_FOR.num_days();
        shipment.trouble =
            Some(format!("the courier told no end of it in {days} days; it is not asked any more"));
    }
    Ok(())
}

//! Following parcels: the courier is asked now and then, everything it tells is kept once, and the states are computed anew
//! from all of it.
//!
//! The askings of one shipment are a chain of jobs, each of which asks for the next with the next number. A shipment that is
//! booked anew begins a new chain, and the old one ends.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::carrier::{BookedParcel, ParcelStatus, Tracking};
use super::model::{self, Direction, ShipmentEvent, ShipmentState, Travel};
use super::news::News;
use super::silence::{self, LastWord, Silence};
use super::store::{self, Askings, Parcel, Shipment};
use super::tasks::{self, Asked, Subject};
use super::{hand_over, pushes, quota, reroute, returns};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::ShipmentId;
use crate::jobs::{self, Failure, Job, Lease};

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
    pushes::begin(tx, app, now, shipment).await?;
    ask_again(tx, app, now, shipment, Duration::zero()).await
}

async fn ask_again(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &mut Shipment,
    age: Duration,
) -> Result<(), Internal> {
    let pause = model::pause_before_tracking(interval(app, tx, shipment).await?, age);
    let is_told = pushes::are_relied_on(tx, app, now, shipment).await?;
    let pause = if is_told { model::pause_of_safety_net(pause) } else { pause };
    ask_at(tx, app, now, shipment, now + pause).await
}

/// How often the couriers of a shipment are asked.
async fn interval(app: &App, tx: &mut Tx, shipment: &Shipment) -> Result<Duration, Internal> {
    let wanted = app.config.delivery.tracking_interval;
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let couriers = parcels.iter().filter_map(|parcel| app.carriers.find(parcel.carrier.as_deref()?));
    let most = couriers.filter_map(|courier| courier.capabilities().follow_every).min();
    Ok(Duration::from_std(most.map_or(wanted, |most| wanted.min(most)))?)
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
    store::note_asks_at(tx, shipment.id, at).await?;
    let job = TrackShipment { shipment: shipment.id, round: shipment.tracking_round };
    Ok(jobs::enqueue_at(tx, &app.ids, now, &job, at).await?)
}

/// Asks the courier soon, because it said that something happened: at once when only the courier can have said so, and
/// otherwise within the bounds of [`model::pause_before_hinted`]. An asking that is underway may have come too early: it is
/// followed by another.
pub(super) async fn ask_now(app: &App, id: ShipmentId, is_signed: bool) -> Result<(), Internal> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut shipment) = store::lock(&mut tx, id).await? else { return Ok(()) };
    if !is_followed(&shipment, now) {
        return Ok(());
    }
    let mut askings = store::askings(&mut tx, id).await?;
    askings.hints += 1;
    store::save_askings(&mut tx, id, &askings).await?;
    let at = if is_signed { now } else { after_hint(app, &mut tx, now, &shipment, &askings).await? };
    if askings.asks_at.is_none_or(|due| due > at) {
        ask_at(&mut tx, app, now, &mut shipment, at).await?;
        store::save(&mut tx, &shipment).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// When a hint that may be made up is followed.
async fn after_hint(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &Shipment,
    askings: &Askings,
) -> Result<Moment, Internal> {
    let pause = model::pause_before_hinted(askings.idle_hints, interval(app, tx, shipment).await?);
    Ok(askings.asked_at.map_or(now, |asked_at| now.max(asked_at + pause)))
}

/// Whether there is anything left to learn of a shipment.
pub(super) fn is_followed(shipment: &Shipment, now: Moment) -> bool {
    match shipment.state {
        ShipmentState::Requested | ShipmentState::Cancelled | ShipmentState::Returned => false,
        ShipmentState::Delivered => shipment.delivered_at.is_none_or(|at| now - at < WATCHED_AFTER_DELIVERY),
        ShipmentState::Booked | ShipmentState::HandedOver | ShipmentState::Failed => {
            now - followed_since(shipment) < FOLLOWED_FOR
        }
    }
}

fn followed_since(shipment: &Shipment) -> Moment {
    shipment.handed_over_at.or(shipment.booked_at).unwrap_or(shipment.created_at)
}

/// Asks the courier about every parcel of a shipment, and settles what it tells.
pub async fn track_shipment(app: &App, lease: &Lease) -> jobs::Outcome {
    use ShipmentState::{Cancelled, Requested};
    let TrackShipment { shipment: id, round } = lease.payload()?;
    let Some(shipment) = store::find(&app.db, id).await? else { return Ok(()) };
    if shipment.tracking_round != round || matches!(shipment.state, Requested | Cancelled) {
        return Ok(());
    }
    let parcels = store::parcels(&app.db, id).await?;
    let hints = note_begin(app, lease, id).await?;
    let (told, was_heard) = ask(app, &shipment, &parcels).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut shipment) = store::lock(&mut tx, id).await? else { return Ok(()) };
    if shipment.tracking_round != round {
        return Ok(());
    }
    for (attempt, tracking) in &told {
        let events = tracking.iter().flat_map(|tracking| &tracking.events);
        for (position, event) in (0..).zip(events) {
            store::upsert_event(&mut tx, attempt, position, event, now).await?;
        }
    }
    let heard: Vec<&str> = told.iter().map(|(attempt, _)| attempt.as_str()).collect();
    settle(app, &mut tx, now, &mut shipment, &heard).await?;
    let mut askings = store::askings(&mut tx, id).await?;
    pushes::weigh(&mut tx, app, now, &shipment, (&mut askings, hints), was_heard).await?;
    store::save_askings(&mut tx, id, &askings).await?;
    let is_hinted = askings.hints > askings.hints_asked;
    go_on(app, &mut tx, now, &mut shipment, is_hinted.then_some(&askings)).await?;
    store::save(&mut tx, &shipment).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// Notes that an asking begins; answers how many messages it knows of.
async fn note_begin(app: &App, lease: &Lease, id: ShipmentId) -> Result<i64, Failure> {
    let mut tx = app.db.begin().await?;
    store::lock(&mut tx, id).await?;
    let mut askings = store::askings(&mut tx, id).await?;
    askings.asked_at = Some(app.clock.now());
    store::save_askings(&mut tx, id, &askings).await?;
    lease.commit(tx).await?;
    Ok(askings.hints)
}

/// What the courier answers of each parcel, by attempt: nothing where it does not know the parcel (yet); and whether it was
/// heard about all of them. A parcel that it does not answer about is asked after next time.
async fn ask(
    app: &App,
    shipment: &Shipment,
    parcels: &[Parcel],
) -> Result<(Vec<(String, Option<Tracking>)>, bool), db::Error> {
    let mut told = Vec::new();
    let mut silent = Vec::new();
    let began = Instant::now();
    // Not always from the first one, so that a slow courier is asked about each in turn.
    let first = usize::try_from(shipment.tracking_round).unwrap_or(0) % parcels.len().max(1);
    for parcel in parcels[first..].iter().chain(&parcels[..first]) {
        if began.elapsed() > ASKING_TIME {
            return Ok((told, false));
        }
        let Some((attempt, courier, booked)) = booked(parcel) else { continue };
        let Some(carrier) = app.carriers.find(courier).filter(|_| !silent.contains(&courier)) else {
            continue;
        };
        if !quota::take(app, courier, app.clock.now()).await? {
            silent.push(courier);
            continue;
        }
        match carrier.track(&booked, &shipment.recipient.postal_code).await {
            Ok(tracking) => told.push((attempt.clone(), tracking)),
            Err(error) => {
                tracing::info!(shipment.id = %shipment.id, "{courier} was not heard: {error}");
                silent.push(courier);
            }
        }
    }
    Ok((told, silent.is_empty()))
}

/// The booking of a parcel that has one: the attempt, whose it is, and its names there.
fn booked(parcel: &Parcel) -> Option<(&String, &String, BookedParcel)> {
    let tracking_number = parcel.tracking_number.clone()?;
    let carrier_shipment_id = parcel.carrier_shipment_id.clone()?;
    let (attempt, carrier) = (parcel.attempt.as_ref()?, parcel.carrier.as_ref()?);
    Some((attempt, carrier, BookedParcel { carrier_shipment_id, tracking_number }))
}

/// Computes states from all events, and tells what is new. `heard`: the attempts whose courier just answered; only its silence
/// means something. The shipment is not saved.
async fn settle(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    heard: &[&str],
) -> Result<(), Internal> {
    let events = store::events(&mut *tx, shipment.id).await?;
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let of = |number: i64| events.iter().filter(move |event| event.parcel == number);
    let standing = |number: i64| of(number).filter_map(|event| event.status);
    let was_seen = parcels.iter().any(|parcel| standing(parcel.number).any(model::proves_hand_over));
    // A return whose label died is the shopper's to ask for again.
    let is_replaced =
        !was_seen && shipment.state.is_before_hand_over() && shipment.direction == Direction::Outbound;
    let mut statuses = Vec::new();
    let mut trouble = Vec::new();
    for parcel in parcels {
        let status = model::status_of(standing(parcel.number)).unwrap_or(ParcelStatus::Announced);
        if is_replaced && parcel.handed_over_at.is_none() && status == ParcelStatus::Cancelled {
            let why = of(parcel.number).next_back().and_then(|event| event.description.as_deref());
            trouble.extend(replace(app, tx, now, shipment, &parcel, why).await?);
            continue;
        }
        let last = of(parcel.number).map(|event| event.occurred_at).max();
        let silence = silence_of(app, now, (shipment, &parcel), (status, last), heard);
        if let Some((silence, words)) = &silence {
            trouble.push(format!("parcel {}: {words}", parcel.number));
            if parcel.silence != Some(*silence) && *silence != Silence::Lost {
                tasks::look_into(tx, &app.ids, now, (shipment, parcel.number), words).await?;
            }
        }
        let silence = silence.map(|(silence, _)| silence);
        store::set_silence(tx, shipment.id, parcel.number, silence).await?;
        let status = if silence == Some(Silence::Lost) { ParcelStatus::Lost } else { status };
        if silence.is_none()
            && matches!(status, ParcelStatus::Lost | ParcelStatus::Exception | ParcelStatus::Cancelled)
        {
            trouble.push(format!("parcel {}: {status}, says the courier", parcel.number));
        }
        if parcel.status != Some(status) {
            tell_change(app, tx, now, (shipment, parcel.number), status).await?;
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
    tell(app, tx, now, shipment, (travel, &statuses)).await
}

/// What the silence about a parcel means, with the words for staff. One whose courier did not answer is as it was: who does not
/// speak to us at all is not silent about a parcel.
fn silence_of(
    app: &App,
    now: Moment,
    (shipment, parcel): (&Shipment, &Parcel),
    (status, heard_at): (ParcelStatus, Option<Moment>),
    heard: &[&str],
) -> Option<(Silence, String)> {
    let (attempt, carrier) = (parcel.attempt.as_deref()?, parcel.carrier.as_deref()?);
    let given_at = parcel.handed_over_at.or(shipment.handed_over_at)?;
    let word = LastWord { given_at, heard_at, status, is_local: app.carriers.is_local(carrier) };
    let silence = if heard.contains(&attempt) { silence::meaning(&word, now) } else { parcel.silence };
    silence.map(|silence| (silence, silence.words(carrier, word.at())))
}

/// A booking that its courier called off before it had the parcel is made anew, and staff know that its label is void. Answers
/// what is trouble. The shipment is not saved.
async fn replace(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    parcel: &Parcel,
    why: Option<&str>,
) -> Result<Option<String>, Internal> {
    let Some(reference) = &parcel.attempt else { return Ok(None) };
    let Some(mut attempt) = store::attempt(&mut *tx, reference).await? else { return Ok(None) };
    let (words, is_anew) = reroute::after_call_off(app, tx, now, shipment, &mut attempt, why).await?;
    let detail = format!("{words}. A label with that number must not be used.");
    tasks::look_into(tx, &app.ids, now, (shipment, parcel.number), &detail).await?;
    Ok((!is_anew).then(|| format!("parcel {}: {words}", parcel.number)))
}

/// What a parcel's new status means for its shopper, and for staff.
async fn tell_change(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    (shipment, parcel): (&Shipment, i64),
    status: ParcelStatus,
) -> Result<(), Internal> {
    if let Some(kind) = returns::task_of(shipment.direction, status) {
        let subject = Subject::Parcel(shipment.id, parcel);
        let asked = Asked { kind, store: &shipment.store, subject, detail: None };
        tasks::open(tx, &app.ids, now, &asked).await?;
    }
    let (id, order) = (shipment.id, shipment.order_id);
    match status {
        ParcelStatus::FailedAttempt => {
            returns::tell(app, tx, now, shipment, News::AttemptFailed { shipment: id, order }).await
        }
        ParcelStatus::AtPickupPoint => {
            returns::tell(app, tx, now, shipment, News::AtPickupPoint { shipment: id, order }).await
        }
        _ => Ok(()),
    }
}

/// Tells the end of a travel, once for each kind of end.
async fn tell(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    (travel, statuses): (Travel, &[ParcelStatus]),
) -> Result<(), Internal> {
    let are_all = |status: ParcelStatus| statuses.iter().all(|each| *each == status);
    let (id, order) = (shipment.id, shipment.order_id);
    let (told_at, news) = match travel {
        Travel::Underway => return Ok(()),
        Travel::Delivered => (&mut shipment.delivered_at, News::Delivered { shipment: id, order }),
        Travel::Returned => {
            let is_whole = are_all(ParcelStatus::Returned);
            (&mut shipment.returned_at, News::Returned { shipment: id, order, is_whole })
        }
        Travel::Failed => {
            let reason = shipment.trouble.clone().unwrap_or_default();
            let is_whole = are_all(ParcelStatus::Lost);
            (&mut shipment.failed_at, News::Failed { shipment: id, order, reason, is_whole })
        }
    };
    if told_at.is_some() {
        return Ok(());
    }
    *told_at = Some(now);
    returns::tell(app, tx, now, shipment, news).await
}

/// Asks for the next asking, if there is anything left to learn; soon, if a message arrived that this one did not follow.
/// The shipment is not saved.
async fn go_on(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    hinted: Option<&Askings>,
) -> Result<(), Internal> {
    if is_followed(shipment, now) {
        return match hinted {
            Some(askings) => {
                let at = after_hint(app, tx, now, shipment, askings).await?;
                ask_at(tx, app, now, shipment, at).await
            }
            None => ask_again(tx, app, now, shipment, now - followed_since(shipment)).await,
        };
    }
    if matches!(shipment.state, ShipmentState::Booked | ShipmentState::HandedOver) {
        let days = FOLLOWED_FOR.num_days();
        shipment.trouble =
            Some(format!("the courier told no end of it in {days} days; it is not asked any more"));
    }
    Ok(())
}

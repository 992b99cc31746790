//! Labels that shall not be used: taken back at the courier, also those that turn up late.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::carrier::{CancelOutcome, Reference};
use super::model::{AttemptEvent, AttemptState, ShipmentEvent};
use super::store::{self, Attempt, Cancellation, Shipment};
use super::{book, repack, returns, tasks};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::Ids;
use crate::jobs::{self, Failure, Job, Lease};

/// Pause before a cancellation is sent again. It has until the courier's closing hour, and that is hours away.
const CANCEL_PAUSE: Duration = Duration::from_mins(2);
/// A label that is not taken back for so long is something that staff should know.
const PATIENCE: chrono::Duration = chrono::Duration::days(1);
/// Pause before a courier is asked again what became of a cancellation that it has.
const WORD_PAUSE: Duration = Duration::from_mins(5);
/// When a label that was not found is looked for again, in hours after the search was given up: often at first, and after
/// two weeks the courier has forgotten a parcel that it never saw.
const STRAY_HOURS: [i64; 8] = [1, 2, 6, 12, 24, 72, 168, 336];
/// Pause before a look that the courier did not answer.
const LOOK_PAUSE: Duration = Duration::from_mins(15);

/// Cancels one label at the courier.
#[derive(Debug, Serialize, Deserialize)]
pub struct CancelLabel {
    /// The courier's name of it.
    pub carrier_shipment_id: String,
}

impl Job for CancelLabel {
    const KIND: &'static str = "delivery.cancel_label";

    fn subject(&self) -> String {
        self.carrier_shipment_id.clone()
    }
}

/// Asks what became of a cancellation that the courier has and did not decide.
#[derive(Debug, Serialize, Deserialize)]
pub struct AwaitCancellation {
    /// The courier's name of the label.
    pub carrier_shipment_id: String,
    /// Until when the courier's word is waited for.
    pub until: Moment,
}

impl Job for AwaitCancellation {
    const KIND: &'static str = "delivery.await_cancellation";

    fn subject(&self) -> String {
        self.carrier_shipment_id.clone()
    }
}

/// Looks once more for the label of an attempt that was given up.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindStray {
    /// The attempt.
    pub reference: String,
    /// Which look, from 0.
    pub round: usize,
}

impl Job for FindStray {
    const KIND: &'static str = "delivery.find_stray";

    fn subject(&self) -> String {
        format!("{}/{}", self.reference, self.round)
    }
}

/// Lets go of an attempt: one that was not sent is over, a booking is cancelled at the courier. One whose outcome is open
/// stays as it is: it is looked for, and then this is asked again.
pub(super) async fn give_up(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    attempt: &mut Attempt,
) -> Result<(), db::Error> {
    let Ok(state) = attempt.state.apply(AttemptEvent::Withdrawn) else { return Ok(()) };
    attempt.state = state;
    store::save_attempt(tx, attempt).await?;
    store::set_status(tx, attempt.shipment, attempt.parcel, None).await?;
    match &attempt.carrier_shipment_id {
        Some(id) => cancel_at_courier(tx, ids, now, id, &attempt.reference).await,
        None => Ok(()),
    }
}

/// Notes a label that shall not be used, and the job that cancels it.
pub(super) async fn cancel_at_courier(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    carrier_shipment_id: &str,
    attempt: &str,
) -> Result<(), db::Error> {
    store::insert_cancellation(tx, carrier_shipment_id, attempt, now).await?;
    let job = CancelLabel { carrier_shipment_id: carrier_shipment_id.to_owned() };
    jobs::enqueue(tx, ids, now, &job).await
}

/// Asks for later looks at an attempt that was not found.
pub(super) async fn watch_for_stray(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    attempt: &Attempt,
) -> Result<(), db::Error> {
    let job = FindStray { reference: attempt.reference.clone(), round: 0 };
    jobs::enqueue_at(tx, ids, now, &job, now + chrono::Duration::hours(STRAY_HOURS[0])).await
}

/// Cancels a label at the courier.
pub async fn cancel_label(app: &App, lease: &Lease) -> jobs::Outcome {
    let CancelLabel { carrier_shipment_id: id } = lease.payload()?;
    let Some((cancellation, attempt)) = open(app, &id).await? else { return Ok(()) };
    let Some(carrier) = app.carriers.find(&attempt.carrier) else {
        return put_off(app, lease, (&id, &cancellation), &attempt, "the courier is not configured").await;
    };
    let shipment = store::find(&app.db, attempt.shipment).await?;
    if shipment.is_some_and(|shipment| returns::dies_unused(&carrier.capabilities(), shipment.direction)) {
        return settle(app, lease, &id, &attempt, None).await;
    }
    // Before the call, so that a lost answer is known as such.
    mark_sent(app, lease, &id, true).await?;
    match carrier.cancel(&id, cancellation.sent).await {
        Ok(CancelOutcome::Pending) => await_word(app, lease, id).await,
        Ok(CancelOutcome::Cancelled) => settle(app, lease, &id, &attempt, None).await,
        Ok(CancelOutcome::Refused { detail }) => settle(app, lease, &id, &attempt, Some(detail)).await,
        Err(error) => {
            if error.left_no_trace() {
                mark_sent(app, lease, &id, cancellation.sent).await?;
            }
            put_off(app, lease, (&id, &cancellation), &attempt, &error.to_string()).await
        }
    }
}

/// A cancellation that is not settled, and whose label it is.
async fn open(app: &App, id: &str) -> Result<Option<(Cancellation, Attempt)>, Failure> {
    let cancellation = store::cancellation(&app.db, id).await?;
    let Some(cancellation) = cancellation.filter(|one| one.taken_back.is_none()) else { return Ok(None) };
    let attempt = store::attempt(&app.db, &cancellation.attempt).await?;
    Ok(attempt.map(|attempt| (cancellation, attempt)))
}

/// The courier has the cancellation: from now on it is asked what became of it.
async fn await_word(app: &App, lease: &Lease, carrier_shipment_id: String) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let job = AwaitCancellation { carrier_shipment_id, until: now + PATIENCE };
    jobs::enqueue_at(&mut tx, &app.ids, now, &job, now + WORD_PAUSE).await?;
    lease.commit(tx).await
}

/// Asks what became of a cancellation. One that is undecided for a day is sent once more, should the courier never have had
/// it; one that is undecided even then was refused.
pub async fn await_cancellation(app: &App, lease: &Lease) -> jobs::Outcome {
    let AwaitCancellation { carrier_shipment_id: id, until } = lease.payload()?;
    let Some((cancellation, attempt)) = open(app, &id).await? else { return Ok(()) };
    let Some(carrier) = app.carriers.find(&attempt.carrier) else {
        return put_off(app, lease, (&id, &cancellation), &attempt, "the courier is not configured").await;
    };
    let is_last = app.clock.now() >= until;
    let answer = if is_last { carrier.cancel(&id, true).await } else { carrier.cancellation(&id).await };
    match answer {
        Ok(CancelOutcome::Pending) if is_last => {
            let detail = "it did not decide for a day".to_owned();
            settle(app, lease, &id, &attempt, Some(detail)).await
        }
        Ok(CancelOutcome::Pending) => Err(Failure::after(WORD_PAUSE, "the courier has not decided")),
        Ok(CancelOutcome::Cancelled) => settle(app, lease, &id, &attempt, None).await,
        Ok(CancelOutcome::Refused { detail }) => settle(app, lease, &id, &attempt, Some(detail)).await,
        Err(error) => put_off(app, lease, (&id, &cancellation), &attempt, &error.to_string()).await,
    }
}

/// Tries again later; after a day staff know, once, that the label is still there.
async fn put_off(
    app: &App,
    lease: &Lease,
    (id, cancellation): (&str, &Cancellation),
    attempt: &Attempt,
    detail: &str,
) -> jobs::Outcome {
    let now = app.clock.now();
    if !cancellation.staff_told && now - cancellation.created_at >= PATIENCE {
        let mut tx = app.db.begin().await?;
        let Some(shipment) = store::lock(&mut tx, attempt.shipment).await? else { return Ok(()) };
        let words = format!("label {id} is not taken back for a day; don't hand it over ({detail})");
        tasks::look_into(&mut tx, &app.ids, now, (&shipment, attempt.parcel), &words).await?;
        store::note_staff_told(&mut tx, id).await?;
        lease.commit(tx).await?;
    }
    Err(Failure::after(CANCEL_PAUSE, detail))
}

async fn mark_sent(app: &App, lease: &Lease, id: &str, sent: bool) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    store::save_cancellation(&mut tx, id, None, sent).await?;
    lease.commit(tx).await
}

/// The courier took a label back, or said why it keeps it.
async fn settle(
    app: &App,
    lease: &Lease,
    id: &str,
    attempt: &Attempt,
    kept: Option<String>,
) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let shipment = store::lock(&mut tx, attempt.shipment).await?;
    let attempt = store::attempt(&mut tx, &attempt.reference).await?;
    let (Some(mut shipment), Some(mut attempt)) = (shipment, attempt) else { return Ok(()) };
    let is_its_booking =
        attempt.state == AttemptState::CancelPending && attempt.carrier_shipment_id.as_deref() == Some(id);
    let event = if kept.is_some() { AttemptEvent::Kept } else { AttemptEvent::TakenBack };
    store::save_cancellation(&mut tx, id, Some(kept.is_none()), true).await?;
    if is_its_booking {
        attempt.state = attempt.state.apply(event)?;
        store::save_attempt(&mut tx, &attempt).await?;
    }
    if let Some(detail) = kept {
        let words = format!("the courier keeps label {id}; don't hand it over ({detail})");
        tasks::look_into(&mut tx, &app.ids, now, (&shipment, attempt.parcel), &words).await?;
        shipment.trouble = Some(format!("parcel {}: {words}", attempt.parcel));
    }
    if is_its_booking {
        send_otherwise(&mut tx, &app.ids, now, &mut shipment, &attempt).await?;
    }
    store::save(&mut tx, &shipment).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    app.changes.changed(shipment.id.0);
    Ok(())
}

/// Books a parcel anew that shall still go and whose booking was withdrawn: beside a label that the courier keeps, as another
/// parcel. The shipment is not saved.
async fn send_otherwise(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    shipment: &mut Shipment,
    attempt: &Attempt,
) -> Result<(), Internal> {
    if attempt.state == AttemptState::Cancelled {
        return Ok(book::again(tx, ids, now, shipment, attempt.parcel).await?);
    }
    if shipment.state.is_before_hand_over()
        && repack::in_place_of(tx, ids, now, shipment, attempt.parcel).await?
    {
        shipment.state = shipment.state.apply(ShipmentEvent::BookingWithdrawn)?;
    }
    Ok(())
}

/// Looks once more for a label that was not found; one that turned up is cancelled.
pub async fn find_stray(app: &App, lease: &Lease) -> jobs::Outcome {
    let FindStray { reference, round } = lease.payload()?;
    let Some(attempt) = store::attempt(&app.db, &reference).await? else { return Ok(()) };
    let Some(carrier) = app.carriers.find(&attempt.carrier) else {
        return Err(Failure::after(LOOK_PAUSE, "the courier is not configured"));
    };
    let sent_at = attempt.sent_at.unwrap_or(attempt.created_at);
    let name = Reference::new(reference.clone())?;
    let found = match carrier.find_by_reference(&name, sent_at.date_naive()).await {
        Ok(found) => found,
        Err(error) => return Err(Failure::after(LOOK_PAUSE, error.to_string())),
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    for stray in &found {
        cancel_at_courier(&mut tx, &app.ids, now, &stray.carrier_shipment_id, &reference).await?;
    }
    if let (true, Some(hours)) = (found.is_empty(), STRAY_HOURS.get(round + 1)) {
        let job = FindStray { reference, round: round + 1 };
        jobs::enqueue_at(&mut tx, &app.ids, now, &job, now + chrono::Duration::hours(*hours)).await?;
    }
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}

//! Booking one parcel: the attempt is written, then the courier is called, then what came of it is settled.
//!
//! A run of the job looks at the parcel's newest attempt and does the next step. An attempt that is found as sent was left
//! by a run that ended between the call and its settlement: it is unknown, and an unknown one is looked for by its
//! reference until it is found or half an hour has passed. A courier that is down is called again without end; after a day
//! that also shows as trouble.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::carrier::{
    BookOutcome, BookedParcel, Booking, CallError, Carrier, Confirmation, Label, LabelFormat, ParcelStatus,
    Reference, Rejection, RejectionReason, descending,
};
use super::model::{self, AttemptEvent, AttemptState, Direction, NotAllowed, ShipmentEvent, ShipmentState};
use super::news::News;
use super::request::enqueue_booking;
use super::reroute::{self, LeavingReason};
use super::store::{self, Attempt, Shipment};
use super::{pickups, returns, terms, track, withdraw};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::hash::sha256_hex;
use crate::ids::{Ids, ShipmentId};
use crate::jobs::{self, Failure, Job, Lease};

/// A courier that could not be used for this long is something that staff should know.
const PATIENCE: chrono::Duration = chrono::Duration::days(1);
/// A person must mend our account; until then a few tries an hour do no harm.
pub(super) const ACCOUNT_PAUSE: Duration = Duration::from_mins(15);

/// Books one parcel.
#[derive(Debug, Serialize, Deserialize)]
pub struct BookParcel {
    /// Of which shipment.
    pub shipment: ShipmentId,
    /// Which of its parcels, from 1.
    pub parcel: i64,
}

impl Job for BookParcel {
    const KIND: &'static str = "delivery.book";

    fn subject(&self) -> String {
        format!("{}/{}", self.shipment, self.parcel)
    }
}

/// Writes a new attempt to book a parcel, and the job that makes it.
pub(super) async fn new_attempt(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    (shipment, parcel): (ShipmentId, i64),
    reference: &str,
    (number, carrier): (i64, &str),
) -> Result<(), db::Error> {
    let id = shipment.0.simple().to_string().to_ascii_uppercase();
    // The id's tail is random: two shipments of one order never share a name.
    let name = format!("{reference}-{}-{parcel}-{number}", &id[24..]);
    store::insert_attempt(tx, &name, (shipment, parcel), (number, carrier), now).await?;
    enqueue_booking(tx, ids, now, shipment, parcel).await
}

/// Does the next step of booking a parcel.
pub async fn book_parcel(app: &App, lease: &Lease) -> jobs::Outcome {
    let job: BookParcel = lease.payload()?;
    let Some(attempt) = store::newest_attempt(&app.db, job.shipment, job.parcel).await? else {
        return Ok(());
    };
    let Some(carrier) = app.carriers.find(&attempt.carrier) else {
        return put_off(app, lease, &attempt, ACCOUNT_PAUSE, "the courier is not configured").await;
    };
    match attempt.state {
        AttemptState::Intent => call(app, lease, carrier, &attempt).await,
        AttemptState::Sent | AttemptState::Unknown => look(app, lease, carrier, &attempt).await,
        AttemptState::Confirmed if attempt.label_sha256.is_none() && carrier.capabilities().gives_labels => {
            fetch_label(app, lease, carrier, &attempt).await
        }
        _ => Ok(()),
    }
}

/// Opens the transaction that settles a step: the shipment and the attempt are as they are now, and the shipment is locked.
async fn settling(app: &App, attempt: &Attempt) -> Result<(Tx, Shipment, Attempt), Failure> {
    let mut tx = app.db.begin().await?;
    let shipment = store::lock(&mut tx, attempt.shipment).await?;
    let attempt = store::attempt(&mut tx, &attempt.reference).await?;
    match (shipment, attempt) {
        (Some(shipment), Some(attempt)) => Ok((tx, shipment, attempt)),
        _ => Err(Failure::never("the shipment is gone")),
    }
}

async fn commit(app: &App, lease: &Lease, tx: Tx, shipment: ShipmentId) -> Result<(), Failure> {
    lease.commit(tx).await?;
    app.jobs.wake();
    app.changes.changed(shipment.0);
    Ok(())
}

/// Calls the courier, once.
async fn call(app: &App, lease: &Lease, carrier: &dyn Carrier, attempt: &Attempt) -> jobs::Outcome {
    let now = app.clock.now();
    let (mut tx, shipment, mut attempt) = settling(app, attempt).await?;
    let parcels = store::parcels(&mut tx, shipment.id).await?;
    let Some(parcel) = parcels.iter().find(|parcel| parcel.number == attempt.parcel) else {
        // Staff packed another way meanwhile.
        withdraw::give_up(&mut tx, &app.ids, now, &mut attempt).await?;
        return lease.commit(tx).await;
    };
    if !shipment.state.is_before_hand_over() || attempt.state != AttemptState::Intent {
        return Ok(());
    }
    attempt.state = attempt.state.apply(AttemptEvent::Sent)?;
    attempt.calls += 1;
    attempt.sent_at = Some(now);
    attempt.recipient_version = shipment.recipient_version;
    store::save_attempt(&mut tx, &attempt).await?;
    lease.commit(tx).await?;
    let booking = Booking {
        reference: Reference::new(attempt.reference.clone())?,
        asked_at: now,
        ship_date: None,
        sender: shipment.sender.for_carrier(),
        recipient: shipment.recipient.for_carrier(),
        // Couriers' own notices need a consent that nobody was asked for.
        notify_email: None,
        weight_grams: parcel.weight_grams,
        dimensions_mm: parcel.size().map(descending),
        age_min: shipment.age_min,
        recipient_only: false,
        is_return: shipment.direction == Direction::Return,
        label_format: terms::label_format(app, &shipment),
        shipper: terms::shipper(app, &shipment.store, &attempt.carrier),
    };
    settle_call(app, lease, &attempt, carrier.book(&booking).await).await
}

/// What a call that booked nothing leads to.
struct Failed {
    detail: String,
    /// Why another courier shall be asked.
    leaving: Option<LeavingReason>,
    /// With nobody else to ask, a person must look at once.
    is_trouble: bool,
    /// Pause before the next step; without it there is none.
    pause: Option<Duration>,
}

async fn settle_call(app: &App, lease: &Lease, attempt: &Attempt, outcome: BookOutcome) -> jobs::Outcome {
    let now = app.clock.now();
    let (mut tx, mut shipment, mut attempt) = settling(app, attempt).await?;
    let failed = match outcome {
        BookOutcome::Confirmed(confirmation) => {
            confirm(app, &mut tx, now, &mut shipment, &mut attempt, confirmation).await?;
            None
        }
        failed => Some(note_failure(&mut attempt, failed, now)?),
    };
    let mut again = None;
    if let Some(Failed { detail, leaving, is_trouble, pause }) = failed {
        attempt.detail = Some(detail.clone());
        let is_elsewhere = match leaving {
            Some(reason) => {
                reroute::to_another(app, &mut tx, now, &mut shipment, &mut attempt, reason).await?
            }
            None => false,
        };
        if !is_elsewhere {
            // What is not sent any more is nobody's trouble.
            if is_trouble && !store::is_dropped(&mut tx, shipment.id, attempt.parcel).await? {
                shipment.trouble = Some(format!("parcel {}: {detail}", attempt.parcel));
            }
            note_delay(&mut tx, &mut shipment, &attempt, now, &detail).await?;
            again = pause.map(|pause| (pause, detail));
        }
    }
    store::save_attempt(&mut tx, &attempt).await?;
    store::save(&mut tx, &shipment).await?;
    commit(app, lease, tx, shipment.id).await?;
    match again {
        Some((pause, detail)) => Err(Failure::after(pause, detail)),
        None => Ok(()),
    }
}

/// The attempt's next state, and what follows from it.
fn note_failure(attempt: &mut Attempt, outcome: BookOutcome, now: Moment) -> Result<Failed, NotAllowed> {
    let (event, failed) = match outcome {
        BookOutcome::Confirmed(_) => return Err(NotAllowed),
        BookOutcome::Rejected(Rejection { reason: RejectionReason::Unauthorised, .. }) => (
            AttemptEvent::NotSent,
            Failed {
                detail: "the courier does not accept our account".to_owned(),
                leaving: Some(LeavingReason::AccountRefused),
                is_trouble: true,
                pause: Some(ACCOUNT_PAUSE),
            },
        ),
        BookOutcome::Rejected(rejection) => (
            AttemptEvent::Rejected,
            Failed {
                detail: rejection.in_words(),
                leaving: (rejection.reason == RejectionReason::NotServed).then_some(LeavingReason::NotServed),
                is_trouble: true,
                pause: None,
            },
        ),
        BookOutcome::NotSent { detail } => (
            AttemptEvent::NotSent,
            Failed {
                detail,
                leaving: reroute::is_outage(attempt, now).then_some(LeavingReason::Unreachable),
                is_trouble: false,
                pause: Some(to_std(model::pause_before_call(attempt.calls))),
            },
        ),
        BookOutcome::Unknown { detail } => (
            AttemptEvent::Lost,
            Failed {
                detail,
                leaving: None,
                is_trouble: false,
                pause: Some(to_std(model::pause_before_look(attempt.looks))),
            },
        ),
    };
    attempt.state = attempt.state.apply(event)?;
    Ok(failed)
}

/// What the printers of the shipment's store print labels from.
async fn label_format(app: &App, id: ShipmentId) -> Result<LabelFormat, Failure> {
    let shipment = store::find(&app.db, id).await?.ok_or_else(|| Failure::never("the shipment is gone"))?;
    Ok(terms::label_format(app, &shipment))
}

/// Looks for a booking that the courier may have.
async fn look(app: &App, lease: &Lease, carrier: &dyn Carrier, attempt: &Attempt) -> jobs::Outcome {
    let now = app.clock.now();
    let sent_at = attempt.sent_at.unwrap_or(attempt.created_at);
    let reference = Reference::new(attempt.reference.clone())?;
    let found = match carrier.find_by_reference(&reference, sent_at.date_naive()).await {
        Ok(found) => found,
        Err(error) => {
            let pause = to_std(model::pause_before_look(attempt.looks));
            return put_off(app, lease, attempt, pause, &error.to_string()).await;
        }
    };
    if let Some((first, others)) = found.split_first() {
        return adopt(app, lease, carrier, attempt, first, others).await;
    }
    let (mut tx, mut shipment, mut attempt) = settling(app, attempt).await?;
    attempt.state = attempt.state.apply(AttemptEvent::Lost)?;
    attempt.looks += 1;
    let is_over = model::is_search_over(sent_at, now, attempt.looks);
    if is_over {
        attempt.state = attempt.state.apply(AttemptEvent::NotFound)?;
    }
    store::save_attempt(&mut tx, &attempt).await?;
    if is_over {
        withdraw::watch_for_stray(&mut tx, &app.ids, now, &attempt).await?;
        let reason = LeavingReason::BookingsLost;
        let is_elsewhere = reroute::loses_bookings(&mut tx, &attempt).await?
            && reroute::to_another(app, &mut tx, now, &mut shipment, &mut attempt, reason).await?;
        if !is_elsewhere {
            again(&mut tx, &app.ids, now, &shipment, attempt.parcel).await?;
        }
        store::save(&mut tx, &shipment).await?;
    }
    commit(app, lease, tx, shipment.id).await?;
    if is_over {
        return Ok(());
    }
    Err(Failure::after(
        to_std(model::pause_before_look(attempt.looks)),
        "the courier does not know the booking yet",
    ))
}

/// Takes a booking that was found as ours; should there be more than one, the others are cancelled.
async fn adopt(
    app: &App,
    lease: &Lease,
    carrier: &dyn Carrier,
    attempt: &Attempt,
    found: &BookedParcel,
    others: &[BookedParcel],
) -> jobs::Outcome {
    // Without the label the booking is good all the same; the job then fetches it again.
    let format = label_format(app, attempt.shipment).await?;
    let label = carrier.fetch_label(&found.carrier_shipment_id, format).await.ok().flatten();
    let now = app.clock.now();
    let (mut tx, mut shipment, mut attempt) = settling(app, attempt).await?;
    let confirmation = Confirmation {
        carrier_shipment_id: found.carrier_shipment_id.clone(),
        tracking_number: found.tracking_number.clone(),
        label,
        qr_label: None,
        warnings: Vec::new(),
    };
    confirm(app, &mut tx, now, &mut shipment, &mut attempt, confirmation).await?;
    for other in others {
        withdraw::cancel_at_courier(&mut tx, &app.ids, now, &other.carrier_shipment_id, &attempt.reference)
            .await?;
    }
    store::save(&mut tx, &shipment).await?;
    commit(app, lease, tx, shipment.id).await?;
    Ok(())
}

/// The courier has the parcel: the booking is kept, or taken back when it is not wanted any more. The attempt is saved, the
/// shipment is not.
pub(super) async fn confirm(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    attempt: &mut Attempt,
    confirmation: Confirmation,
) -> Result<(), Internal> {
    attempt.state = attempt.state.apply(AttemptEvent::Confirmed)?;
    let id = Some(confirmation.carrier_shipment_id);
    if attempt.carrier_shipment_id != id {
        if attempt.label_sha256.take().is_some() {
            // The label of another number.
            store::forget_label(tx, &attempt.reference).await?;
        }
        attempt.carrier_shipment_id = id;
        attempt.tracking_number = Some(confirmation.tracking_number);
    }
    attempt.detail = None;
    store::save_attempt(tx, attempt).await?;
    let is_wanted = shipment.state.is_before_hand_over()
        && attempt.recipient_version == shipment.recipient_version
        && !store::is_dropped(&mut *tx, shipment.id, attempt.parcel).await?;
    if !is_wanted {
        withdraw::give_up(tx, &app.ids, now, attempt).await?;
        return Ok(());
    }
    store::set_status(tx, shipment.id, attempt.parcel, Some(ParcelStatus::Announced)).await?;
    match confirmation.label {
        Some(label) => {
            let labels = (&label, confirmation.qr_label.as_deref());
            keep_label(app, tx, now, shipment, attempt, labels).await
        }
        None if attempt.label_sha256.is_none() && gives_labels(app, &attempt.carrier) => {
            Ok(enqueue_booking(tx, &app.ids, now, shipment.id, attempt.parcel).await?)
        }
        None => settle_ready(app, tx, now, shipment).await,
    }
}

/// A courier that is not configured any more gave labels, as most do.
fn gives_labels(app: &App, carrier: &str) -> bool {
    app.carriers.find(carrier).is_none_or(|carrier| carrier.capabilities().gives_labels)
}

/// Stores a label, with its code where there is one; with the last one of a shipment the shipment is booked. The shipment is not saved.
async fn keep_label(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    attempt: &Attempt,
    labels: (&Label, Option<&[u8]>),
) -> Result<(), Internal> {
    let sha256 = sha256_hex(&labels.0.bytes);
    store::save_label(tx, &attempt.reference, labels, &sha256).await?;
    settle_ready(app, tx, now, shipment).await
}

/// Once all parcels are booked for the present recipient, and labelled where the courier gives labels, the shipment is
/// booked. The shipment is not saved.
pub(super) async fn settle_ready(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
) -> Result<(), Internal> {
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let is_ready = |parcel: &store::Parcel| {
        let carrier = parcel.carrier.as_deref();
        let is_labelled =
            parcel.label_sha256.is_some() || carrier.is_some_and(|carrier| !gives_labels(app, carrier));
        is_labelled && parcel.recipient_version == Some(shipment.recipient_version)
    };
    let number = parcels.first().and_then(|parcel| parcel.tracking_number.clone());
    let (true, Some(tracking_number)) = (parcels.iter().all(is_ready), number) else { return Ok(()) };
    shipment.state = shipment.state.apply(ShipmentEvent::AllBooked)?;
    shipment.trouble = None;
    shipment.booked_at = Some(now);
    track::begin(tx, app, now, shipment).await?;
    if shipment.direction == Direction::Outbound {
        pickups::expect(app, tx, now, shipment).await?;
    }
    let news = News::Booked { shipment: shipment.id, order: shipment.order_id, tracking_number };
    returns::tell(app, tx, now, shipment, news).await
}

/// Fetches the label of a booking again. One that the courier does not give any more can't be used: it is taken back, and
/// the parcel is booked anew.
async fn fetch_label(app: &App, lease: &Lease, carrier: &dyn Carrier, attempt: &Attempt) -> jobs::Outcome {
    let id = attempt.carrier_shipment_id.clone().unwrap_or_default();
    let format = label_format(app, attempt.shipment).await?;
    let label = match carrier.fetch_label(&id, format).await {
        Ok(label) => label,
        Err(CallError::Refused(_)) => None,
        Err(error) => {
            let pause = to_std(model::pause_before_call(lease.attempt));
            return put_off(app, lease, attempt, pause, &error.to_string()).await;
        }
    };
    let now = app.clock.now();
    let (mut tx, mut shipment, mut attempt) = settling(app, attempt).await?;
    let is_dropped = store::is_dropped(&mut tx, shipment.id, attempt.parcel).await?;
    if attempt.state != AttemptState::Confirmed || is_dropped {
        return Ok(());
    }
    match label {
        Some(label) => keep_label(app, &mut tx, now, &mut shipment, &attempt, (&label, None)).await?,
        None => withdraw::give_up(&mut tx, &app.ids, now, &mut attempt).await?,
    }
    store::save(&mut tx, &shipment).await?;
    commit(app, lease, tx, shipment.id).await?;
    Ok(())
}

/// Books a parcel anew that has no live booking, if it shall still go and staff need not say first what was packed.
pub(super) async fn again(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    shipment: &Shipment,
    parcel: i64,
) -> Result<(), db::Error> {
    let is_sent = shipment.state.is_before_hand_over()
        && !shipment.waits_for_packing
        && !store::is_dropped(&mut *tx, shipment.id, parcel).await?;
    if !is_sent {
        return Ok(());
    }
    let newest = store::newest_attempt(&mut *tx, shipment.id, parcel).await?;
    match newest {
        Some(newest) if newest.state.is_live() => Ok(()),
        newest => {
            let number = newest.map_or(1, |newest| newest.number + 1);
            let by = (number, shipment.carrier.as_str());
            new_attempt(tx, ids, now, (shipment.id, parcel), &shipment.reference, by).await
        }
    }
}

/// Leaves the attempt as it is and tries again later; after a day staff see it.
async fn put_off(
    app: &App,
    lease: &Lease,
    attempt: &Attempt,
    pause: Duration,
    detail: &str,
) -> jobs::Outcome {
    let now = app.clock.now();
    let (mut tx, mut shipment, mut attempt) = settling(app, attempt).await?;
    if attempt.state == AttemptState::Sent {
        attempt.state = attempt.state.apply(AttemptEvent::Lost)?;
    }
    attempt.detail = Some(detail.to_owned());
    note_delay(&mut tx, &mut shipment, &attempt, now, detail).await?;
    store::save_attempt(&mut tx, &attempt).await?;
    store::save(&mut tx, &shipment).await?;
    commit(app, lease, tx, shipment.id).await?;
    Err(Failure::after(pause, detail))
}

/// What has waited for a day is trouble, unless it is in trouble already.
async fn note_delay(
    tx: &mut Tx,
    shipment: &mut Shipment,
    attempt: &Attempt,
    now: Moment,
    detail: &str,
) -> Result<(), db::Error> {
    if shipment.state == ShipmentState::Requested
        && shipment.trouble.is_none()
        && now - attempt.created_at >= PATIENCE
        && !store::is_dropped(&mut *tx, shipment.id, attempt.parcel).await?
    {
        shipment.trouble =
            Some(format!("parcel {}: not booked for a day and still tried: {detail}", attempt.parcel));
    }
    Ok(())
}

pub(super) fn to_std(pause: chrono::Duration) -> Duration {
    pause.to_std().unwrap_or_default()
}

//! A label made anew where that is another parcel (GLS): the courier gives it another number and takes the old one back.
//!
//! Invariants: from before the call until its answer is settled the attempt counts as sent, so what ends in between is found
//! out like any booking whose answer was lost: by our reference, which both numbers bear and of which one is live. Meanwhile
//! the shipment is not booked: nobody prints the old label or hands it over. A label is never kept beside a number that it
//! does not show (`book::confirm`).

use std::time::Duration;

use super::book::{self, BookParcel};
use super::carrier::{BookOutcome, Carrier, Confirmation, LabelFormat};
use super::model::{AttemptEvent, AttemptState, NotAllowed, ShipmentEvent, ShipmentState};
use super::store::{self, Attempt};
use crate::app::App;
use crate::clock::Moment;
use crate::db;
use crate::error::Internal;
use crate::ids::ShipmentId;
use crate::jobs;

/// When what became of a call is looked for that nobody settled: after its deadline.
const LOOK_AFTER: Duration = Duration::from_mins(1);

/// Why a label was not made anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The courier gives the same label again, or none at all.
    #[error("the courier makes no label anew")]
    NotNeeded,
    /// The parcel has no booking with a label.
    #[error("the parcel has no label")]
    Missing,
    /// The courier has the parcel already, or the shipment was taken back.
    #[error("the shipment is {0}")]
    State(ShipmentState),
    /// The courier refused; the old label stays good.
    #[error("the courier refused: {0}")]
    Refused(String),
    /// The courier surely never saw the call; the old label stays good.
    #[error("the courier was not heard: {0}")]
    Unheard(String),
    /// Which of two labels is good is being found out.
    #[error("the outcome is being found out: {0}")]
    Unsettled(String),
    /// The room above could not take the news.
    #[error("the news could not be told: {0}")]
    News(Internal),
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Has the label of a parcel made anew in this form. The parcel has another number then.
pub(super) async fn reissue(
    app: &App,
    shipment: ShipmentId,
    parcel: i64,
    format: LabelFormat,
) -> Result<(), Error> {
    let (carrier, attempt) = begin(app, app.clock.now(), shipment, parcel).await?;
    let old = attempt.carrier_shipment_id.clone().unwrap_or_default();
    let outcome = carrier.reissue_label(&old, format).await;
    settle(app, app.clock.now(), &attempt, outcome).await
}

/// Writes down that the courier is about to be called.
async fn begin(
    app: &App,
    now: Moment,
    id: ShipmentId,
    parcel: i64,
) -> Result<(&dyn Carrier, Attempt), Error> {
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Missing)?;
    if store::is_dropped(&mut tx, id, parcel).await? {
        return Err(Error::Missing);
    }
    let is_its = |other: &store::Parcel| other.number == parcel && other.handed_over_at.is_some();
    if store::parcels(&mut tx, id).await?.iter().any(is_its) {
        return Err(Error::State(ShipmentState::HandedOver));
    }
    let newest = store::newest_attempt(&mut tx, id, parcel).await?.ok_or(Error::Missing)?;
    let carrier = app.carriers.find(&newest.carrier);
    let carrier = carrier.filter(|carrier| carrier.capabilities().reissues_labels).ok_or(Error::NotNeeded)?;
    let refused = |NotAllowed| Error::State(shipment.state);
    let waits = shipment.state.apply(ShipmentEvent::BookingWithdrawn).map_err(refused)?;
    let mut attempt = Some(newest).filter(|attempt| attempt.label_sha256.is_some()).ok_or(Error::Missing)?;
    attempt.state = attempt.state.apply(AttemptEvent::Reissued).map_err(|NotAllowed| Error::Missing)?;
    attempt.sent_at = Some(now);
    attempt.looks = 0;
    store::save_attempt(&mut tx, &attempt).await?;
    shipment.state = waits;
    store::save(&mut tx, &shipment).await?;
    let look = BookParcel { shipment: id, parcel };
    jobs::enqueue_at(&mut tx, &app.ids, now, &look, now + LOOK_AFTER).await?;
    tx.commit().await?;
    Ok((carrier, attempt))
}

async fn settle(app: &App, now: Moment, attempt: &Attempt, outcome: BookOutcome) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, attempt.shipment).await?.ok_or(Error::Missing)?;
    let mut attempt = store::attempt(&mut tx, &attempt.reference).await?.ok_or(Error::Missing)?;
    if attempt.state != AttemptState::Sent {
        return Err(Error::Unsettled("it took too long".to_owned()));
    }
    let as_it_was = Confirmation {
        carrier_shipment_id: attempt.carrier_shipment_id.clone().unwrap_or_default(),
        tracking_number: attempt.tracking_number.clone().unwrap_or_default(),
        label: None,
        qr_label: None,
        warnings: Vec::new(),
    };
    let (confirmation, result) = match outcome {
        BookOutcome::Confirmed(confirmation) => (Some(confirmation), Ok(())),
        BookOutcome::Rejected(rejection) => (Some(as_it_was), Err(Error::Refused(rejection.in_words()))),
        BookOutcome::NotSent { detail } => (Some(as_it_was), Err(Error::Unheard(detail))),
        BookOutcome::Unknown { detail } => (None, Err(Error::Unsettled(detail))),
    };
    if let Some(confirmation) = confirmation {
        let confirmed = book::confirm(app, &mut tx, now, &mut shipment, &mut attempt, confirmation);
        confirmed.await.map_err(Error::News)?;
    } else {
        attempt.state = attempt.state.apply(AttemptEvent::Lost).map_err(|NotAllowed| Error::Missing)?;
        attempt.detail = result.as_ref().err().map(ToString::to_string);
        store::save_attempt(&mut tx, &attempt).await?;
    }
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(shipment.id.0);
    result
}

//! Drivers that are ordered to come for a store's parcels, where a courier does not come anyway.
//!
//! Invariants: an order is written with our name for it before the courier is called; there is at most one live order of a
//! store, courier and day; an order that may have arrived is asked for where the courier can be asked, and else left to
//! staff, never sent again blindly. The first parcel that is booked for a day orders the driver once: what staff took back,
//! or the courier refused, is ordered again by staff alone. An order by which no driver comes, or nobody knows whether one
//! does, is a task of theirs. A day after its day an order has ended. The states are those of booking attempts.
//!
//! `store.rs` has the rows, `http.rs` what staff see and do.

pub(super) mod http;
mod store;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use self::store::Pickup;
use super::address::Address;
use super::book::{ACCOUNT_PAUSE, to_std};
use super::carrier::{
    CancelOutcome, Carrier, PickupConfirmation, PickupOutcome, PickupRequest, Pickups, Reference, Rejection,
    RejectionReason,
};
use super::model::{self, AttemptEvent, AttemptState};
use super::store::Shipment;
use super::tasks::{self, Asked, Subject, TaskKind};
use super::terms;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::ids::{Ids, PickupId, StoreId};
use crate::jobs::{self, Failure, Job, Lease};

/// So long after its day an order is not looked for any more, nor taken back: it came, or it did not.
const OVER_AFTER: chrono::Duration = chrono::Duration::days(1);
/// Pause before a cancellation is sent again.
const CANCEL_PAUSE: Duration = Duration::from_mins(2);

/// Does the next step of an order.
#[derive(Debug, Serialize, Deserialize)]
pub struct OrderPickup {
    /// Which order.
    pub pickup: PickupId,
}

impl Job for OrderPickup {
    const KIND: &'static str = "delivery.pickup";

    fn subject(&self) -> String {
        self.pickup.to_string()
    }
}

/// A driver to order.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    store: StoreId,
    carrier: String,
    day: NaiveDate,
    ready_at: Moment,
    until: Moment,
    place: Address,
    parcels: i64,
    weight_grams: i64,
}

/// Why a driver was not ordered, or an order not taken back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// This courier's drivers are not ordered, or the retailer has no account with it.
    #[error("the courier's drivers are not ordered")]
    NotOffered,
    /// The store is gone from the catalogue.
    #[error("no such store")]
    StoreGone,
    /// The hour at which goods go out has passed on that day, or none go out on it.
    #[error("no goods go out on that day any more")]
    TooLate,
    /// There is no such order.
    #[error("no such order")]
    Unknown,
    /// The courier takes no order back.
    #[error("the courier takes no order back")]
    NotCancellable,
    /// Whether there is such an order is being found out.
    #[error("the outcome is being found out")]
    Unsettled,
    /// It is over already.
    #[error("the order is {0}")]
    Over(AttemptState),
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

fn pickups_of(app: &App, carrier: &str) -> Option<Pickups> {
    app.carriers.find(carrier)?.capabilities().pickups
}

/// The parcels of this shipment are booked: their courier's driver is ordered for the next day on which goods go out, if the store
/// says that one must be and nobody did before. The shipment is locked.
pub(super) async fn expect(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &Shipment,
) -> Result<(), db::Error> {
    let Some((day, window)) = terms::hand_over(app, &shipment.store, now, None) else { return Ok(()) };
    let parcels = super::store::parcels(&mut *tx, shipment.id).await?;
    // Each courier once, in one order, whatever the parcels'.
    let carriers: BTreeSet<String> = parcels.into_iter().filter_map(|parcel| parcel.carrier).collect();
    for carrier in carriers {
        let must_order = terms::orders_pickup(app, &shipment.store, &carrier);
        let is_settled = !must_order || pickups_of(app, &carrier).is_none();
        if is_settled || store::newest(&mut *tx, &shipment.store, &carrier, day).await?.is_some() {
            continue;
        }
        let place = shipment.sender.0.clone();
        let wanted = wanted(&mut *tx, &shipment.store, &carrier, (day, window), place).await?;
        write(tx, &app.ids, now, &wanted).await?;
    }
    Ok(())
}

/// A driver for all that waits in a store for a courier, on a day between these moments.
async fn wanted(
    db: impl Run<'_>,
    at: &StoreId,
    carrier: &str,
    (day, (ready_at, until)): (NaiveDate, (Moment, Moment)),
    place: Address,
) -> Result<Wanted, db::Error> {
    let (parcels, weight_grams) = store::waiting(db, at, carrier).await?;
    Ok(Wanted {
        store: at.clone(),
        carrier: carrier.to_owned(),
        day,
        ready_at,
        until,
        place,
        parcels: parcels.max(1),
        weight_grams: weight_grams.max(1),
    })
}

/// Writes an order and the job that makes it, unless there is a live one.
async fn write(tx: &mut Tx, ids: &Ids, now: Moment, wanted: &Wanted) -> Result<(), db::Error> {
    let id: PickupId = ids.next();
    let digits = id.0.simple().to_string().to_ascii_uppercase();
    // The id's tail is random. DHL keeps no more than 20 characters.
    let reference = format!("PICKUP-{}", &digits[20..]);
    if store::insert(tx, id, reference, wanted, now).await? {
        jobs::enqueue(tx, ids, now, &OrderPickup { pickup: id }).await?;
    }
    Ok(())
}

/// Orders a driver because staff say so: for this day, or the next on which goods go out. Where one is ordered already, it is
/// that one.
pub(super) async fn order(
    app: &App,
    at: &StoreId,
    carrier: &str,
    day: Option<NaiveDate>,
) -> Result<Pickup, Error> {
    if pickups_of(app, carrier).is_none() {
        return Err(Error::NotOffered);
    }
    let now = app.clock.now();
    let place = app.catalog.view().store(at).map(Address::of_store).ok_or(Error::StoreGone)?;
    let (day, window) = terms::hand_over(app, at, now, day).ok_or(Error::TooLate)?;
    let wanted = wanted(&app.db, at, carrier, (day, window), place).await?;
    let mut tx = app.db.begin().await?;
    write(&mut tx, &app.ids, now, &wanted).await?;
    let pickup = store::newest(&mut tx, at, carrier, day).await?.ok_or(Error::Unknown)?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(pickup)
}

/// Takes an order back. One whose outcome nobody can find out is given up: staff have asked the courier, or take the risk
/// that a driver comes.
pub(super) async fn take_back(app: &App, at: &StoreId, id: PickupId) -> Result<Pickup, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let pickup = store::lock(&mut tx, id).await?.filter(|pickup| pickup.store == *at);
    let mut pickup = pickup.ok_or(Error::Unknown)?;
    let can = pickups_of(app, &pickup.carrier);
    let event = match pickup.state {
        AttemptState::Unknown if can.is_none_or(|can| !can.are_found) => AttemptEvent::NotFound,
        AttemptState::Sent | AttemptState::Unknown => return Err(Error::Unsettled),
        AttemptState::Confirmed if can.is_none_or(|can| !can.are_cancelled) => {
            return Err(Error::NotCancellable);
        }
        AttemptState::Intent | AttemptState::Confirmed | AttemptState::CancelPending => {
            AttemptEvent::Withdrawn
        }
        AttemptState::Cancelled | AttemptState::Abandoned => return Ok(pickup),
        AttemptState::Rejected => return Err(Error::Over(pickup.state)),
    };
    pickup.state = pickup.state.apply(event).map_err(|_| Error::Over(pickup.state))?;
    store::save(&mut tx, &pickup).await?;
    if pickup.state == AttemptState::CancelPending {
        jobs::enqueue(&mut tx, &app.ids, now, &OrderPickup { pickup: id }).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(pickup)
}

/// Does the next step of an order.
pub async fn order_pickup(app: &App, lease: &Lease) -> jobs::Outcome {
    let OrderPickup { pickup: id } = lease.payload()?;
    let Some(pickup) = store::find(&app.db, id).await? else { return Ok(()) };
    if app.clock.now() >= pickup.until + OVER_AFTER {
        return end(app, lease, &pickup).await;
    }
    let Some(carrier) = app.carriers.find(&pickup.carrier) else {
        return put_off(app, lease, &pickup, ACCOUNT_PAUSE, "the courier is not configured").await;
    };
    match pickup.state {
        AttemptState::Intent => call(app, lease, carrier, &pickup).await,
        AttemptState::Sent | AttemptState::Unknown => look(app, lease, carrier, &pickup).await,
        AttemptState::CancelPending => cancel(app, lease, carrier, &pickup).await,
        _ => Ok(()),
    }
}

/// Ends what nobody can find out any more.
async fn end(app: &App, lease: &Lease, pickup: &Pickup) -> jobs::Outcome {
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    let events: &[AttemptEvent] = match pickup.state {
        AttemptState::Intent => &[AttemptEvent::Withdrawn],
        AttemptState::Sent | AttemptState::Unknown => &[AttemptEvent::Lost, AttemptEvent::NotFound],
        AttemptState::CancelPending => &[AttemptEvent::Kept],
        _ => return Ok(()),
    };
    for event in events {
        pickup.state = pickup.state.apply(*event)?;
    }
    let last = pickup.detail.take().unwrap_or_default();
    pickup.detail = Some(format!("its day is over: {last}"));
    store::save(&mut tx, &pickup).await?;
    if pickup.state != AttemptState::Confirmed {
        ask_staff(app, &mut tx, &pickup).await?;
    }
    lease.commit(tx).await
}

/// A person of the store must see to an order by which no driver comes, as far as anybody knows.
async fn ask_staff(app: &App, tx: &mut Tx, pickup: &Pickup) -> Result<(), db::Error> {
    let (kind, subject) = (TaskKind::SeeToPickup, Subject::Pickup(pickup.id));
    let asked = Asked { kind, store: &pickup.store, subject, detail: pickup.detail.as_deref() };
    tasks::open(tx, &app.ids, app.clock.now(), &asked).await
}

/// Opens the transaction that settles a step.
async fn settling(app: &App, pickup: &Pickup) -> Result<(Tx, Pickup), Failure> {
    let mut tx = app.db.begin().await?;
    let pickup = store::lock(&mut tx, pickup.id).await?;
    Ok((tx, pickup.ok_or_else(|| Failure::never("the order is gone"))?))
}

fn request(app: &App, pickup: &Pickup) -> Result<PickupRequest, Failure> {
    let local = |moment: Moment| terms::local(app, &pickup.store, moment);
    Ok(PickupRequest {
        reference: Reference::new(pickup.reference.clone())?,
        day: pickup.day.parse()?,
        from: local(pickup.ready_at).time(),
        until: local(pickup.until).time(),
        place: pickup.place.for_carrier(),
        shipper: terms::shipper(app, &pickup.store, &pickup.carrier),
        parcels: pickup.parcels,
        weight_grams: pickup.weight_grams,
    })
}

/// Calls the courier, once.
async fn call(app: &App, lease: &Lease, carrier: &dyn Carrier, pickup: &Pickup) -> jobs::Outcome {
    let now = app.clock.now();
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    if pickup.state != AttemptState::Intent {
        return Ok(());
    }
    if now >= pickup.until {
        pickup.state = pickup.state.apply(AttemptEvent::Withdrawn)?;
        let last = pickup.detail.take().unwrap_or_default();
        pickup.detail = Some(format!("the day is over, and the courier was not reached: {last}"));
        store::save(&mut tx, &pickup).await?;
        ask_staff(app, &mut tx, &pickup).await?;
        return lease.commit(tx).await;
    }
    pickup.state = pickup.state.apply(AttemptEvent::Sent)?;
    pickup.calls += 1;
    pickup.sent_at = Some(now);
    store::save(&mut tx, &pickup).await?;
    lease.commit(tx).await?;
    let outcome = carrier.book_pickup(&request(app, &pickup)?).await;
    settle(app, lease, carrier, &pickup, outcome).await
}

async fn settle(
    app: &App,
    lease: &Lease,
    carrier: &dyn Carrier,
    pickup: &Pickup,
    outcome: PickupOutcome,
) -> jobs::Outcome {
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    let can_look = carrier.capabilities().pickups.is_some_and(|pickups| pickups.are_found);
    let (event, pause) = match outcome {
        PickupOutcome::Confirmed(confirmation) => {
            confirm(&mut pickup, confirmation);
            (AttemptEvent::Confirmed, None)
        }
        PickupOutcome::Rejected(Rejection { reason: RejectionReason::Unauthorised, .. }) => {
            pickup.detail = Some("the courier does not accept our account".to_owned());
            (AttemptEvent::NotSent, Some(ACCOUNT_PAUSE))
        }
        PickupOutcome::Rejected(rejection) => {
            pickup.detail = Some(rejection.in_words());
            (AttemptEvent::Rejected, None)
        }
        PickupOutcome::NotSent { detail } => {
            pickup.detail = Some(detail);
            (AttemptEvent::NotSent, Some(to_std(model::pause_before_call(pickup.calls))))
        }
        PickupOutcome::Unknown { detail } if can_look => {
            pickup.detail = Some(detail);
            (AttemptEvent::Lost, Some(to_std(model::pause_before_look(pickup.looks))))
        }
        PickupOutcome::Unknown { detail } => {
            pickup.detail = Some(left_to_staff(&detail));
            (AttemptEvent::Lost, None)
        }
    };
    pickup.state = pickup.state.apply(event)?;
    store::save(&mut tx, &pickup).await?;
    if pause.is_none() && pickup.state != AttemptState::Confirmed {
        ask_staff(app, &mut tx, &pickup).await?;
    }
    lease.commit(tx).await?;
    match pause {
        Some(pause) => Err(Failure::after(pause, pickup.detail.unwrap_or_default())),
        None => Ok(()),
    }
}

fn confirm(pickup: &mut Pickup, confirmation: PickupConfirmation) {
    pickup.carrier_pickup_id = confirmation.carrier_pickup_id;
    pickup.comes_on = Some(confirmation.day.to_string());
    pickup.detail = None;
}

fn left_to_staff(detail: &str) -> String {
    format!(
        "the driver may come, and this courier can't be asked: call it, then take this order back ({detail})"
    )
}

/// Asks for an order that the courier may have.
async fn look(app: &App, lease: &Lease, carrier: &dyn Carrier, pickup: &Pickup) -> jobs::Outcome {
    if !carrier.capabilities().pickups.is_some_and(|pickups| pickups.are_found) {
        // A run ended between the call and its settlement.
        let (mut tx, mut pickup) = settling(app, pickup).await?;
        pickup.state = pickup.state.apply(AttemptEvent::Lost)?;
        pickup.detail = Some(left_to_staff("its answer was lost"));
        store::save(&mut tx, &pickup).await?;
        ask_staff(app, &mut tx, &pickup).await?;
        return lease.commit(tx).await;
    }
    let found = match carrier.find_pickup(&request(app, pickup)?).await {
        Ok(found) => found,
        Err(error) => {
            let pause = to_std(model::pause_before_look(pickup.looks));
            return put_off(app, lease, pickup, pause, &error.to_string()).await;
        }
    };
    let now = app.clock.now();
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    if let Some(confirmation) = found {
        pickup.state = pickup.state.apply(AttemptEvent::Confirmed)?;
        confirm(&mut pickup, confirmation);
        store::save(&mut tx, &pickup).await?;
        return lease.commit(tx).await;
    }
    pickup.state = pickup.state.apply(AttemptEvent::Lost)?;
    pickup.looks += 1;
    let is_over = model::is_search_over(pickup.sent_at.unwrap_or(pickup.created_at), now, pickup.looks);
    if is_over {
        pickup.state = pickup.state.apply(AttemptEvent::NotFound)?;
        pickup.detail = Some("the courier does not know the order".to_owned());
    }
    store::save(&mut tx, &pickup).await?;
    match is_over {
        true if now < pickup.until => write(&mut tx, &app.ids, now, &again(&pickup)?).await?,
        true => ask_staff(app, &mut tx, &pickup).await?,
        false => {}
    }
    lease.commit(tx).await?;
    if is_over {
        app.jobs.wake();
        return Ok(());
    }
    let pause = to_std(model::pause_before_look(pickup.looks));
    Err(Failure::after(pause, "the courier does not know the order yet"))
}

/// The same driver under another name.
fn again(pickup: &Pickup) -> Result<Wanted, Failure> {
    Ok(Wanted {
        store: pickup.store.clone(),
        carrier: pickup.carrier.clone(),
        day: pickup.day.parse()?,
        ready_at: pickup.ready_at,
        until: pickup.until,
        place: pickup.place.0.clone(),
        parcels: pickup.parcels,
        weight_grams: pickup.weight_grams,
    })
}

/// Takes an order back at the courier.
async fn cancel(app: &App, lease: &Lease, carrier: &dyn Carrier, pickup: &Pickup) -> jobs::Outcome {
    let was_sent = pickup.cancel_sent;
    // Before the call, so that a lost answer is known as such.
    mark_cancel(app, lease, pickup, true).await?;
    let id = pickup.carrier_pickup_id.clone().unwrap_or_default();
    let kept = match carrier.cancel_pickup(&id, was_sent).await {
        Ok(CancelOutcome::Pending) => {
            let detail = "the courier has not decided whether it takes the order back";
            return put_off(app, lease, pickup, CANCEL_PAUSE, detail).await;
        }
        Ok(CancelOutcome::Cancelled) => None,
        Ok(CancelOutcome::Refused { detail }) => Some(detail),
        Err(error) => {
            if error.left_no_trace() {
                mark_cancel(app, lease, pickup, was_sent).await?;
            }
            return put_off(app, lease, pickup, CANCEL_PAUSE, &error.to_string()).await;
        }
    };
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    let event = if kept.is_some() { AttemptEvent::Kept } else { AttemptEvent::TakenBack };
    pickup.detail = kept.map(|detail| format!("the courier keeps the order: {detail}"));
    pickup.state = pickup.state.apply(event)?;
    store::save(&mut tx, &pickup).await?;
    lease.commit(tx).await
}

async fn mark_cancel(app: &App, lease: &Lease, pickup: &Pickup, sent: bool) -> Result<(), Failure> {
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    pickup.cancel_sent = sent;
    store::save(&mut tx, &pickup).await?;
    lease.commit(tx).await
}

/// Leaves the order as it is and tries again later.
async fn put_off(app: &App, lease: &Lease, pickup: &Pickup, pause: Duration, detail: &str) -> jobs::Outcome {
    let (mut tx, mut pickup) = settling(app, pickup).await?;
    if pickup.state == AttemptState::Sent {
        pickup.state = pickup.state.apply(AttemptEvent::Lost)?;
    }
    pickup.detail = Some(detail.to_owned());
    store::save(&mut tx, &pickup).await?;
    lease.commit(tx).await?;
    Err(Failure::after(pause, detail))
}

//! What staff really packed, in the place of what was planned.
//!
//! Invariants: a parcel's row never changes its content. What was packed another way is dropped for good, and another parcel
//! with the next number comes in its place: so each package has one live parcel at most, and a label says what it was booked
//! for. What is dropped is taken back at its courier: at once what is booked there; what may be is found out first. Until every
//! parcel is booked again, the shipment is not.

pub(super) mod http;
mod plan;
mod waiting;

pub(super) use waiting::expect;
pub use waiting::{RemindToPack, remind_to_pack};

use plan::{Plan, Present, plan};

use super::model::{AttemptState, Direction, NotAllowed, ShipmentEvent};
use super::pack::Parcel as Packed;
use super::request;
use super::reroute::{self, LeavingReason};
use super::store::{self, Parcel, Shipment};
use super::{book, hand_over, withdraw};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{Ids, ShipmentId};

/// The highest number of a parcel of one shipment: what is packed anew for so long is a mistake, and the names of bookings have
/// room for three digits.
const NUMBER_MAX: i64 = 999;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The shipment can't be packed.
    #[error(transparent)]
    Shipment(#[from] request::Error),
    /// No courier takes these: the places in the list.
    #[error("no courier takes some of the parcels")]
    NotCarried(Vec<usize>),
    /// It was packed anew without end.
    #[error("the shipment had {NUMBER_MAX} parcels already")]
    TooOften,
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Takes what was really packed. Said again, nothing changes, but that what its courier refused is tried once more.
pub(super) async fn repack(app: &App, id: ShipmentId, wanted: &[Packed]) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(request::Error::Unknown)?;
    if shipment.direction == Direction::Return {
        return Err(request::Error::Return.into());
    }
    if !shipment.state.is_before_hand_over() {
        return Err(request::Error::State(shipment.state).into());
    }
    let there = store::parcels(&mut tx, id).await?;
    let is_given = |parcel: &Parcel| parcel.handed_over_at.is_some();
    let given: Vec<i64> =
        there.iter().filter(|parcel| is_given(parcel)).map(|parcel| parcel.number).collect();
    let there: Vec<Present> = there.into_iter().map(|parcel| present(app, &shipment, parcel)).collect();
    let plan = plan(&there, wanted);
    if given.iter().any(|number| plan.dropped.contains(number)) {
        return Err(request::Error::PartlyGiven.into());
    }
    let takers = takers(app, &shipment, wanted, &plan)?;
    let is_new = shipment.waits_for_packing || !plan.dropped.is_empty() || !plan.added.is_empty();
    if is_new {
        let refused = |NotAllowed| request::Error::State(shipment.state);
        shipment.state = shipment.state.apply(ShipmentEvent::BookingWithdrawn).map_err(refused)?;
        shipment.waits_for_packing = false;
        shipment.trouble = None;
    }
    drop_all(app, &mut tx, now, id, &plan.dropped).await?;
    for number in &plan.kept {
        book::again(&mut tx, &app.ids, now, &shipment, *number).await?;
    }
    add(app, &mut tx, now, &mut shipment, wanted, takers).await?;
    if is_new {
        // With fewer parcels all that are left may be booked already.
        let settled = book::settle_ready(app, &mut tx, now, &mut shipment).await;
        settled.map_err(request::Error::News)?;
        if plan.added.is_empty() && plan.kept.iter().all(|number| given.contains(number)) {
            // What was not given is not sent: that was the last parcel.
            hand_over::begin(app, &mut tx, now, &mut shipment).await.map_err(request::Error::News)?;
        }
    }
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// Has the same goods sent under the next number in the place of a parcel whose courier keeps a label that can't be used; says
/// whether they are. The parcel is dropped.
pub(super) async fn in_place_of(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    shipment: &Shipment,
    number: i64,
) -> Result<bool, db::Error> {
    let next = store::last_number(&mut *tx, shipment.id).await? + 1;
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let found = parcels.into_iter().find(|parcel| parcel.number == number);
    let Some(parcel) = found.filter(|_| next <= NUMBER_MAX) else { return Ok(false) };
    store::drop_parcel(tx, shipment.id, number, now).await?;
    store::insert_parcel(tx, shipment.id, next, &packed(parcel)).await?;
    book::again(tx, ids, now, shipment, next).await?;
    Ok(true)
}

fn packed(parcel: Parcel) -> Packed {
    Packed { weight_grams: parcel.weight_grams, size: parcel.size(), carton: parcel.carton }
}

/// A parcel as it is booked, or is about to be.
fn present(app: &App, shipment: &Shipment, parcel: Parcel) -> Present {
    use AttemptState::{Confirmed, Sent, Unknown};
    let courier = parcel.carrier.as_deref().unwrap_or(&shipment.carrier);
    let grams_max = app.carriers.find(courier).map(|carrier| carrier.capabilities().weight_grams_max);
    let is_booked = matches!(parcel.booking, Some(Sent | Unknown | Confirmed));
    Present {
        number: parcel.number,
        packed: packed(parcel),
        booked_grams_max: grams_max.filter(|_| is_booked),
    }
}

/// Who takes each parcel that there is not yet, by its place in the list.
fn takers(
    app: &App,
    shipment: &Shipment,
    wanted: &[Packed],
    plan: &Plan,
) -> Result<Vec<(usize, String)>, Error> {
    let (mut takers, mut not_carried) = (Vec::new(), Vec::new());
    for place in &plan.added {
        match reroute::taker(&app.carriers, shipment, &wanted[*place]) {
            Some(courier) => takers.push((*place, courier)),
            None => not_carried.push(*place),
        }
    }
    if not_carried.is_empty() { Ok(takers) } else { Err(Error::NotCarried(not_carried)) }
}

/// Drops parcels, and lets go of their bookings.
async fn drop_all(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    id: ShipmentId,
    numbers: &[i64],
) -> Result<(), db::Error> {
    for mut attempt in store::live_attempts(&mut *tx, id).await? {
        if numbers.contains(&attempt.parcel) {
            withdraw::give_up(tx, &app.ids, now, &mut attempt).await?;
        }
    }
    for number in numbers {
        store::drop_parcel(tx, id, *number, now).await?;
    }
    Ok(())
}

/// Adds parcels and has them booked. The shipment is not saved.
async fn add(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    wanted: &[Packed],
    takers: Vec<(usize, String)>,
) -> Result<(), Error> {
    let own = shipment.carrier.clone();
    let mut number = store::last_number(&mut *tx, shipment.id).await?;
    for (place, courier) in takers {
        number += 1;
        if number > NUMBER_MAX {
            return Err(Error::TooOften);
        }
        let parcel = &wanted[place];
        store::insert_parcel(tx, shipment.id, number, parcel).await?;
        let of = (shipment.id, number);
        book::new_attempt(tx, &app.ids, now, of, &shipment.reference, (1, &courier)).await?;
        if courier != own {
            let detail = format!("it takes no such parcel of {} g", parcel.weight_grams);
            reroute::leave(shipment, (&own, number), &courier, (LeavingReason::NotServed, detail), now);
        }
    }
    Ok(())
}

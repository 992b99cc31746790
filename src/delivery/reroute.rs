//! Another courier in the place of one that does not take a parcel.
//!
//! A courier is left only when it surely does not have the parcel: it refused, it never saw the call, what was sent to it was
//! looked for in vain, or it called the booking off. Parcels that it took stay with it. What the shopper pays stays as it was agreed on: a dearer courier is
//! the retailer's to bear. A courier that was left is not come back to, unless for another address: so a parcel ends with one, or
//! with nobody left to ask.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carrier::{Capabilities, Carrier};
use super::model::{AttemptEvent, Direction, ShipmentEvent};
use super::pack::Parcel as Packed;
use super::settings::Carriers;
use super::store::{self, Attempt, Shipment};
use super::{book, withdraw};
use crate::app::App;
use crate::catalog::Size;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::text_enum;

/// A courier that could not be reached for so long is given up for another.
const OUTAGE: Duration = Duration::minutes(3);
/// So many bookings that never turned up make a courier unfit.
const LOST_MAX: i64 = 2;
/// With so many bookings called off, a courier is not asked any more by itself.
const CALLED_OFF_MAX: i64 = 3;

text_enum! {
    /// Why a courier was left.
    pub enum LeavingReason {
        /// It does not offer this.
        NotServed = "not_served",
        /// It does not accept our account.
        AccountRefused = "account_refused",
        /// It could not be reached for minutes.
        Unreachable = "unreachable",
        /// It lost one booking after the other.
        BookingsLost = "bookings_lost",
        /// It called the booking off.
        CalledOff = "called_off",
    }
}

/// A courier that was left for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourierLeft {
    /// Which.
    pub carrier: String,
    /// The parcel that it did not take, from 1.
    pub parcel: i64,
    /// Which of the recipients that it was asked for, from 1: with another address it may be asked again.
    pub recipient_version: i64,
    /// Why.
    pub reason: LeavingReason,
    /// In words.
    pub detail: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether an attempt that the courier never saw has waited for it long enough.
pub(super) fn is_outage(attempt: &Attempt, now: Moment) -> bool {
    now - attempt.created_at >= OUTAGE
}

/// Whether a courier lost too many bookings of a parcel.
pub(super) async fn loses_bookings(tx: &mut Tx, attempt: &Attempt) -> Result<bool, db::Error> {
    let lost = store::abandoned(tx, attempt.shipment, attempt.parcel, &attempt.carrier).await?;
    Ok(lost >= LOST_MAX)
}

/// A parcel whose booking its courier called off before it had it: it goes with another, or, with nobody else, with the same
/// again, until that called off [`CALLED_OFF_MAX`] of them. Says in words what was done, and whether it is booked anew. The shipment
/// is not saved.
pub(super) async fn after_call_off(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    attempt: &mut Attempt,
    why: Option<&str>,
) -> Result<(String, bool), Internal> {
    attempt.state = attempt.state.apply(AttemptEvent::TakenBack)?;
    shipment.state = shipment.state.apply(ShipmentEvent::BookingWithdrawn)?;
    let number = attempt.tracking_number.as_deref().unwrap_or_default();
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    let what = format!("{} called its booking {number} off{why}", attempt.carrier);
    attempt.detail = Some(what.clone());
    store::save_attempt(tx, attempt).await?;
    store::set_status(tx, shipment.id, attempt.parcel, None).await?;
    if to_another(app, tx, now, shipment, attempt, LeavingReason::CalledOff).await? {
        return Ok((format!("{what}; {} is asked in its place", shipment.carrier), true));
    }
    let times = store::called_off(tx, shipment.id, attempt.parcel, &attempt.carrier).await?;
    if times < CALLED_OFF_MAX {
        book::again(tx, &app.ids, now, shipment, attempt.parcel).await?;
        return Ok((format!("{what}; it is asked again"), true));
    }
    Ok((format!("{what}, the last of {times}; put the recipient anew to have it asked again"), false))
}

/// Gives a parcel whose attempt came to nothing to another courier; says whether there was one. The shipment is not saved.
pub(super) async fn to_another(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &mut Shipment,
    attempt: &mut Attempt,
    reason: LeavingReason,
) -> Result<bool, db::Error> {
    if !shipment.state.is_before_hand_over() {
        return Ok(false);
    }
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let Some(parcel) = parcels.iter().find(|parcel| parcel.number == attempt.parcel) else {
        return Ok(false);
    };
    let goods = (parcel.weight_grams, parcel.size());
    let Some(next) = next(&app.carriers, shipment, goods, &attempt.carrier) else { return Ok(false) };
    let detail = attempt.detail.clone().unwrap_or_else(|| "it does not know what was sent to it".to_owned());
    let from = (attempt.carrier.as_str(), attempt.parcel);
    leave(shipment, from, &next, (reason, detail), now);
    shipment.trouble = None;
    // One that was never sent is over with this; all others are already.
    store::save_attempt(tx, attempt).await?;
    withdraw::give_up(tx, &app.ids, now, attempt).await?;
    book::again(tx, &app.ids, now, shipment, attempt.parcel).await?;
    Ok(true)
}

/// Who takes a parcel that was just packed: the shipment's courier, or whoever comes in its place where it is too heavy or too
/// large for it. Nothing where nobody takes it. What a courier takes that went out of use is not known: it waits for a person.
pub(super) fn taker(carriers: &Carriers, shipment: &Shipment, parcel: &Packed) -> Option<String> {
    let goods = (parcel.weight_grams, parcel.size);
    let own = carriers.find(&shipment.carrier);
    if own.is_none_or(|own| takes(&own.capabilities(), goods)) {
        return Some(shipment.carrier.clone());
    }
    next(carriers, shipment, goods, &shipment.carrier)
}

/// Whether a courier takes a parcel of this weight and size.
pub(super) fn takes(able: &Capabilities, (weight_grams, size): (i64, Option<Size>)) -> bool {
    weight_grams <= able.weight_grams_max && size.is_none_or(|size| able.size.takes(size))
}

/// Notes that a courier is left for another with one of its parcels, and why. The shipment is not saved.
pub(super) fn leave(
    shipment: &mut Shipment,
    (from, parcel): (&str, i64),
    next: &str,
    (reason, detail): (LeavingReason, String),
    now: Moment,
) {
    tracing::warn!(shipment.id = %shipment.id, "{from} is left for {next}: {reason}: {detail}");
    metrics::counter!("aisle_couriers_left_total", "carrier" => from.to_owned(), "reason" => reason.as_str())
        .increment(1);
    let left = CourierLeft {
        carrier: from.to_owned(),
        parcel,
        recipient_version: shipment.recipient_version,
        reason,
        detail,
        at: now,
    };
    shipment.couriers_left.get_or_insert_default().0.push(left);
    next.clone_into(&mut shipment.carrier);
}

/// The courier that is asked next: where another parcel of the shipment went already, then those that offered it to the shopper,
/// best first, then any that can.
fn next(carriers: &Carriers, shipment: &Shipment, goods: (i64, Option<Size>), from: &str) -> Option<String> {
    let is_left = |name: &str| {
        let mut left = shipment.couriers_left.iter().flat_map(|left| &left.0);
        name == from
            || left.any(|left| left.carrier == name && left.recipient_version == shipment.recipient_version)
    };
    let offered = || shipment.fallbacks.iter().flat_map(|names| &names.0);
    let place = |able: &Capabilities| {
        let place = offered().position(|name| name == able.name);
        (able.name != shipment.carrier, place.unwrap_or(usize::MAX))
    };
    // One that rides near the store only has its price from a quote: without one it is not asked.
    let may_be_asked = |able: &Capabilities| !able.is_local || offered().any(|name| name == able.name);
    let fit = carriers.all().map(Carrier::capabilities).filter(|able| {
        !is_left(able.name)
            && (shipment.direction == Direction::Outbound || able.brings_back_from(&shipment.sender.country))
            && may_be_asked(able)
            && able.goes_to(&shipment.recipient.0)
            && shipment.needs().are_met_by(able, &shipment.recipient.0)
            && takes(able, goods)
    });
    fit.min_by_key(place).map(|able| able.name.to_owned())
}

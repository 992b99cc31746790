//! Goods that come back: a shipment the other way, from the shopper to the store.
//!
//! It is booked, labelled, followed and found out like any other, and its label is the shopper's to print. Nothing of it
//! captures or gives back money: that it arrived is told upwards, and a person looks at the goods first.

pub(super) mod http;

use super::carrier::{Capabilities, Carrier, ParcelStatus};
use super::model::{Direction, ShipmentState};
use super::needs::Needs;
use super::news::News;
use super::pack::Parcel;
use super::request::{self, Request};
use super::store::{self, Shipment};
use super::tasks::TaskKind;
use super::terms;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::ShipmentId;

/// Returns of one shipment that may be begun, with those that were called off: each is booked at a courier.
const RETURNS_MAX: i64 = 10;

/// Why goods can't be sent back so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no such shipment, or it is not the caller's.
    #[error("no such shipment")]
    Unknown,
    /// Only what has arrived can be sent back.
    #[error("the shipment has not arrived")]
    NotArrived,
    /// The time for it is over.
    #[error("goods may be sent back for {0} days after their arrival")]
    Over(i64),
    /// Asked for and called off too often.
    #[error("at most {RETURNS_MAX} returns of a shipment are begun")]
    TooOften,
    /// Heavier than whoever would bring it back takes.
    #[error("a parcel of a return weighs at most {grams_max} g")]
    TooHeavy {
        /// Its place among those that were asked for.
        at: usize,
        /// What is taken.
        grams_max: i64,
    },
    /// More parcels than had come.
    #[error("{left} more parcels of it can come back")]
    TooMany {
        /// So many more can.
        left: i64,
    },
    /// No courier that is configured brings goods back from there.
    #[error("no courier brings goods back from there")]
    NotOffered,
    /// The name is in use for something else.
    #[error("the name is in use for something else")]
    Taken,
    /// What was asked for can't be booked.
    #[error(transparent)]
    Request(#[from] request::Error),
}

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        Self::Request(error.into())
    }
}

/// Has goods of a shipment that arrived come back in parcels of these weights. Asked twice under one name, it is one.
/// `in_time`: only within the store's time for it.
pub(super) async fn begin(
    app: &App,
    (outbound, id): (ShipmentId, ShipmentId),
    weights: &[i64],
    in_time: bool,
) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let shipment = store::lock(&mut tx, outbound).await?.ok_or(Error::Unknown)?;
    if let Some(known) = store::find(&mut tx, id).await? {
        let parcels = store::parcels(&mut tx, id).await?;
        let is_same = known.returns_of == Some(outbound)
            && parcels.iter().map(|parcel| parcel.weight_grams).eq(weights.iter().copied());
        return if is_same { Ok(()) } else { Err(Error::Taken) };
    }
    check(app, &mut tx, now, &shipment, weights, in_time).await?;
    let courier = courier(app, &shipment, weights)?;
    let request = Request {
        shipment: id,
        order: shipment.order_id,
        store: shipment.store.clone(),
        shopper: shipment.shopper,
        sender: shipment.recipient.0.clone(),
        recipient: shipment.sender.0.clone(),
        parcels: weights.iter().copied().map(Parcel::of_grams).collect(),
        reference: shipment.reference.clone(),
        carrier: Some(courier),
        fallbacks: Vec::new(),
        needs: Needs::default(),
        choice: None,
        waits_for_packing: false,
        leaves_by: None,
        follow_code: app.random.readable::<20>(),
        returns_of: Some(outbound),
    };
    request::request(&mut tx, &app.carriers, &app.ids, now, request).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

async fn check(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &Shipment,
    weights: &[i64],
    in_time: bool,
) -> Result<(), Error> {
    let has_arrived =
        matches!(shipment.state, ShipmentState::Delivered | ShipmentState::Returned | ShipmentState::Failed);
    if shipment.direction == Direction::Return || !has_arrived {
        return Err(Error::NotArrived);
    }
    let days = terms::returns_days(app, &shipment.store);
    let arrived_at = shipment.delivered_at.unwrap_or(shipment.created_at);
    if in_time && now - arrived_at >= chrono::Duration::days(days) {
        return Err(Error::Over(days));
    }
    // Of a delivery that came back in part, or was lost in part, the rest is with the shopper.
    let parcels = store::parcels(&mut *tx, shipment.id).await?;
    let came = parcels.iter().filter(|parcel| parcel.status == Some(ParcelStatus::Delivered)).count();
    if came == 0 {
        return Err(Error::NotArrived);
    }
    if store::returns_begun(&mut *tx, shipment.id).await? >= RETURNS_MAX {
        return Err(Error::TooOften);
    }
    let left = i64::try_from(came).unwrap_or(i64::MAX) - store::parcels_returned(tx, shipment.id).await?;
    match i64::try_from(weights.len()) {
        Ok(wanted) if wanted <= left => Ok(()),
        _ => Err(Error::TooMany { left }),
    }
}

/// Who brings parcels of these weights back: whoever brought them, or else the first that goes both ways.
fn courier(app: &App, shipment: &Shipment, weights: &[i64]) -> Result<String, Error> {
    let goes_back = |able: &Capabilities| {
        able.brings_back_from(&shipment.recipient.country) && able.goes_to(&shipment.sender.0)
    };
    let able: Vec<Capabilities> = app.carriers.all().map(Carrier::capabilities).filter(goes_back).collect();
    let grams_max = able.iter().map(|able| able.weight_grams_max).max().ok_or(Error::NotOffered)?;
    if let Some(at) = weights.iter().position(|grams| *grams > grams_max) {
        return Err(Error::TooHeavy { at, grams_max });
    }
    let takes = |able: &&Capabilities| weights.iter().all(|grams| *grams <= able.weight_grams_max);
    let best = able.iter().filter(takes).min_by_key(|able| able.name != shipment.carrier);
    best.map(|able| able.name.to_owned()).ok_or(Error::NotOffered)
}

/// Calls a return off before it was handed in. Called off twice does no harm.
pub(super) async fn call_off(app: &App, outbound: ShipmentId, id: ShipmentId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let known = store::find(&mut tx, id).await?;
    if known.is_none_or(|known| known.returns_of != Some(outbound)) {
        return Err(Error::Unknown);
    }
    request::cancel(&mut tx, &app.ids, now, id).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(())
}

/// Whether a label that shall not be used is let go of without a word to the courier, who takes none back.
pub(super) fn dies_unused(able: &Capabilities, direction: Direction) -> bool {
    direction == Direction::Return && able.returns.as_ref().is_some_and(|returns| !returns.are_cancelled)
}

/// Tells the room above what became of a shipment. Of a return it is told in words of its own, so that nothing takes the
/// goods for handed over to the shopper.
pub(super) async fn tell(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    shipment: &Shipment,
    news: News,
) -> Result<(), Internal> {
    match of(shipment.direction, news) {
        Some(news) => app.delivery_news(tx, now, news).await,
        None => Ok(()),
    }
}

/// What a parcel's status asks of staff: a return that was delivered is goods to look at, and one that came back went to the
/// shopper again.
pub(super) fn task_of(direction: Direction, status: ParcelStatus) -> Option<TaskKind> {
    match (direction, status) {
        (Direction::Return, ParcelStatus::Delivered) => Some(TaskKind::CheckReturned),
        (Direction::Return, ParcelStatus::Returned) => Some(TaskKind::LookInto),
        (Direction::Outbound | Direction::Return, status) => TaskKind::of(status),
    }
}

/// What is told of a shipment that goes this way. What becomes of a return on its way shows in its state and its trouble.
fn of(direction: Direction, news: News) -> Option<News> {
    match (direction, news) {
        (Direction::Outbound, news) => Some(news),
        (Direction::Return, News::Booked { shipment, order, .. }) => {
            Some(News::ReturnBooked { shipment, order })
        }
        (Direction::Return, News::Delivered { shipment, order }) => {
            Some(News::ReturnArrived { shipment, order })
        }
        (Direction::Return, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::OrderId;

    #[test]
    fn nothing_of_a_return_is_told_as_if_the_shopper_got_goods() {
        let (shipment, order) = (ShipmentId(Uuid::nil()), OrderId(Uuid::nil()));
        let tracking_number = "1Z".to_owned();
        let reason = "lost".to_owned();
        let all = [
            News::Booked { shipment, order, tracking_number },
            News::HandedOver { shipment, order },
            News::Delivered { shipment, order },
            News::AttemptFailed { shipment, order },
            News::AtPickupPoint { shipment, order },
            News::Returned { shipment, order, is_whole: true },
            News::Failed { shipment, order, reason, is_whole: true },
        ];
        for news in &all {
            assert_eq!(of(Direction::Outbound, news.clone()).as_ref(), Some(news));
        }
        let told: Vec<News> = all.into_iter().filter_map(|news| of(Direction::Return, news)).collect();
        assert_eq!(told, [News::ReturnBooked { shipment, order }, News::ReturnArrived { shipment, order }]);
    }
}

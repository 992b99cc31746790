//! Correcting where a shipment goes, before it is handed over.

use super::address::{Address, AddressFault};
use super::model::{AttemptState, Direction, ShipmentEvent, ShipmentState};
use super::places::{self, CourierVerdict};
use super::request::Error;
use super::store::Shipment;
use super::{book, store, withdraw};
use crate::app::App;
use crate::ids::ShipmentId;

/// Gives a shipment another recipient and books anew what was refused or was booked for the old one. The same address again
/// books what was refused once more.
pub(super) async fn correct(app: &App, id: ShipmentId, recipient: Address) -> Result<Shipment, Error> {
    let faults = recipient.faults();
    if !faults.is_empty() {
        return Err(Error::Address(faults));
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut shipment = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    if shipment.direction == Direction::Return {
        return Err(Error::Return);
    }
    if let Some(fault) = point_fault(app, &shipment, &recipient) {
        return Err(Error::Address(vec![fault]));
    }
    if !shipment.state.is_before_hand_over() {
        return Err(Error::State(shipment.state));
    }
    if store::is_any_given(&mut tx, id).await? {
        return Err(Error::PartlyGiven);
    }
    let is_new = shipment.recipient.0 != recipient;
    if is_new {
        shipment.recipient.0 = recipient;
        shipment.recipient_version += 1;
    }
    let parcels = store::parcels(&mut tx, id).await?;
    for mut attempt in store::live_attempts(&mut tx, id).await? {
        // What was not sent is sent with the new address; what is open is taken back once it is found.
        let is_sent = parcels.iter().any(|parcel| parcel.number == attempt.parcel);
        if is_new && is_sent && attempt.state == AttemptState::Confirmed {
            withdraw::give_up(&mut tx, &app.ids, now, &mut attempt).await?;
            let refused = |_| Error::State(ShipmentState::Requested);
            shipment.state = shipment.state.apply(ShipmentEvent::BookingWithdrawn).map_err(refused)?;
        }
    }
    for parcel in parcels {
        book::again(&mut tx, &app.ids, now, &shipment, parcel.number).await?;
    }
    if shipment.state == ShipmentState::Requested {
        shipment.trouble = None;
    }
    store::save(&mut tx, &shipment).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(id.0);
    Ok(shipment)
}

/// A pick-up point has to be one of the courier that brings the goods.
fn point_fault(app: &App, shipment: &Shipment, recipient: &Address) -> Option<AddressFault> {
    let point = recipient.pickup_point.as_ref()?;
    if point.carrier != shipment.carrier {
        let detail = format!("the goods go with {}", shipment.carrier);
        return Some(AddressFault { pointer: "/pickup_point/carrier".to_owned(), detail });
    }
    let able = app.carriers.find(&shipment.carrier)?.capabilities();
    if !shipment.needs().are_met_by(&able, recipient) {
        let detail = "nobody there makes sure of the recipient's age".to_owned();
        return Some(AddressFault { pointer: "/pickup_point".to_owned(), detail });
    }
    app.carriers.pickup_fault(recipient)
}

/// What the courier of a shipment says of where it goes, where it can check that.
pub(super) async fn checked(app: &App, shipment: &Shipment) -> Option<CourierVerdict> {
    let carrier = app.carriers.find(&shipment.carrier)?;
    let (sender, recipient) = (&shipment.sender.0, &shipment.recipient.0);
    let waits = (app.clock.now(), app.config.delivery.quote_deadline);
    if !places::is_asked(carrier, recipient) {
        return None;
    }
    Some(places::verdict(carrier, (sender, recipient), waits).await)
}

//! What the room above asks for: that goods be sent, or not be sent after all.

use super::address::{Address, AddressFault};
use super::book::{self, BookParcel};
use super::model::{NotAllowed, ShipmentEvent, ShipmentState};
use super::needs::Needs;
use super::pack::{PARCELS_MAX, Parcel};
use super::settings::Carriers;
use super::{repack, store, withdraw};
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::{Ids, OrderId, ShipmentId, ShopperId, StoreId};
use crate::jobs;

/// So much of the reference goes into the names of bookings, which have at most 35 characters.
const REFERENCE_LENGTH_MAX: usize = 16;

/// Goods of one order to send to a shopper.
#[derive(Clone, Debug)]
pub struct Request {
    /// The shipment, named by the caller.
    pub shipment: ShipmentId,
    /// The order.
    pub order: OrderId,
    /// The store that sends.
    pub store: StoreId,
    /// Whose it is.
    pub shopper: ShopperId,
    /// The store's address; the parcels come back to it.
    pub sender: Address,
    /// The shipment whose goods come back with this one; nothing where they leave the store.
    pub returns_of: Option<ShipmentId>,
    /// Where to.
    pub recipient: Address,
    /// From 1 to [`PARCELS_MAX`], of at least a gram. One that is heavier or larger than the courier takes is not refused here,
    /// where it would undo a paid order, but by the courier, and shows as trouble.
    pub parcels: Vec<Parcel>,
    /// A short name that people read, such as the order's number.
    pub reference: String,
    /// What nobody guesses: whoever has it follows the shipment.
    pub follow_code: String,
    /// The courier that the shopper chose; else the first that serves the country.
    pub carrier: Option<String>,
    /// The couriers that offered to bring the goods besides, best first: should the chosen one not take a parcel.
    pub fallbacks: Vec<String>,
    /// What the goods ask of whoever brings them.
    pub needs: Needs,
    /// Nothing is booked before staff said what was packed (`repack`).
    pub waits_for_packing: bool,
    /// When the goods shall leave the store, where that was promised.
    pub leaves_by: Option<Moment>,
    /// The way of delivery that was chosen, with the reasons, for whoever looks at the shipment.
    pub choice: Option<serde_json::Value>,
}

/// Why something was not done with a shipment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such shipment, or it is not the caller's.
    #[error("no such shipment")]
    Unknown,
    /// The shipment's state does not allow it.
    #[error("the shipment is {0}")]
    State(ShipmentState),
    /// It brings goods back: the shopper gives it to the courier, and it goes to the store.
    #[error("the shipment is a return")]
    Return,
    /// Its courier was given a part of it.
    #[error("a part of the shipment is with its courier")]
    PartlyGiven,
    /// Staff keep it.
    #[error("the shipment is held back: {0}")]
    HeldBack(String),
    /// The courier called the booking of this parcel off.
    #[error("the courier called the booking of parcel {0} off")]
    CalledOff(i64),
    /// Its goods are still being picked.
    #[error("the goods of the shipment are being picked")]
    BeingPicked,
    /// A courier was recalled and brings the goods all the same.
    #[error("{carrier} brings it all the same: {detail}")]
    Kept {
        /// The courier.
        carrier: String,
        /// In its words.
        detail: String,
    },
    /// A courier was recalled and does not say whether it still comes.
    #[error("{0} does not say whether it still comes")]
    Unheard(String),
    /// The address can't be used.
    #[error("the address has faults")]
    Address(Vec<AddressFault>),
    /// Too few, too many, or without weight.
    #[error("a shipment has 1 to {PARCELS_MAX} parcels of at least one gram")]
    Parcels,
    /// The room above could not take the news.
    #[error("the news could not be told: {0}")]
    News(Internal),
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Writes a shipment with its parcels and the first attempts to book them and the jobs that do it, or, where staff shall say first
/// what was packed, the job that reminds them; nothing else.
pub async fn request(
    tx: &mut Tx,
    carriers: &Carriers,
    ids: &Ids,
    now: Moment,
    request: Request,
) -> Result<(), Error> {
    // The sender's address is the store's master data: a fault in it shows as trouble and must not undo an order.
    let faults = request.recipient.faults();
    if !faults.is_empty() {
        return Err(Error::Address(faults));
    }
    let is_count_right = (1..=PARCELS_MAX).contains(&request.parcels.len());
    if !is_count_right || request.parcels.iter().any(|parcel| parcel.weight_grams < 1) {
        return Err(Error::Parcels);
    }
    let shipment = request.shipment;
    let reference = carried_reference(&request.reference);
    // One that went out of use since waits for a person, as any other trouble of a courier's.
    let chosen = request.carrier.clone();
    let carrier = chosen.unwrap_or_else(|| carriers.choose(&request.recipient, request.needs).to_owned());
    store::insert(tx, &request, &reference, &carrier, now).await?;
    for (number, parcel) in (1_i64..).zip(&request.parcels) {
        store::insert_parcel(tx, shipment, number, parcel).await?;
        if !request.waits_for_packing {
            book::new_attempt(tx, ids, now, (shipment, number), &reference, (1, &carrier)).await?;
        }
    }
    if request.waits_for_packing {
        repack::expect(tx, ids, now, shipment, request.leaves_by).await?;
    }
    Ok(())
}

/// Takes a shipment back: nothing more is booked, and what is booked is cancelled at the courier by jobs. Cancelling twice
/// does no harm; after hand-over it is refused with [`Error::State`].
pub async fn cancel(tx: &mut Tx, ids: &Ids, now: Moment, shipment: ShipmentId) -> Result<(), Error> {
    let mut row = store::lock(tx, shipment).await?.ok_or(Error::Unknown)?;
    if row.state == ShipmentState::Cancelled {
        return Ok(());
    }
    if row.state.is_before_hand_over() && store::is_any_given(&mut *tx, shipment).await? {
        return Err(Error::PartlyGiven);
    }
    let refused = |NotAllowed| Error::State(row.state);
    row.state = row.state.apply(ShipmentEvent::Cancelled).map_err(refused)?;
    row.trouble = None;
    store::save(tx, &row).await?;
    for mut attempt in store::live_attempts(&mut *tx, shipment).await? {
        withdraw::give_up(tx, ids, now, &mut attempt).await?;
    }
    Ok(())
}

/// Asks for the booking of a parcel.
pub(super) async fn enqueue_booking(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    shipment: ShipmentId,
    parcel: i64,
) -> Result<(), db::Error> {
    jobs::enqueue(tx, ids, now, &BookParcel { shipment, parcel }).await
}

/// What couriers can print of a reference: capital letters, digits and hyphens.
fn carried_reference(reference: &str) -> String {
    let carried = reference.chars().filter_map(|each| match each {
        'a'..='z' => Some(each.to_ascii_uppercase()),
        'A'..='Z' | '0'..='9' | '-' => Some(each),
        _ => None,
    });
    carried.take(REFERENCE_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_kept_as_far_as_couriers_can_print_it() {
        assert_eq!(carried_reference("a-7F3/k2 ä"), "A-7F3K2");
        assert_eq!(carried_reference(&"x".repeat(40)).len(), REFERENCE_LENGTH_MAX);
    }
}

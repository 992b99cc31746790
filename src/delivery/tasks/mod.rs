//! What a person of the store must see to: goods that came back, parcels that nobody finds, what the courier calls an exception,
//! labels that it keeps, goods that nobody packs, drivers who don't come as ordered, days that a courier did not close.
//!
//! A task is opened in the transaction that learns why, and closed by whoever saw to it, with a note. Of each subject and kind
//! one is open at most; what happens after it was closed is another. It gives nothing back and orders nothing by itself: that
//! is staff's, or the store's rule.
//!
//! `store.rs` has the rows, `http.rs` what staff see and do.

pub(super) mod http;
mod store;

use super::carrier::ParcelStatus;
use super::store::Shipment;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{ClosingId, Ids, PickupId, ShipmentId, StoreId};
use crate::text_enum;

text_enum! {
    /// What is to be seen to.
    pub enum TaskKind {
        /// Goods came back: look at them, put them back or write them off, and give the money back.
        CheckReturned = "check_returned",
        /// The courier lost a parcel: send its goods again or give the money back, and claim from the courier.
        DecideOnLost = "decide_on_lost",
        /// Something is wrong with a parcel: the courier calls it an exception, called its booking off, or keeps a label that shall
        /// not be used; or nobody packed it in time. Where there is a `detail`, it says what.
        LookInto = "look_into",
        /// No driver comes as ordered, or nobody knows whether one does: see the order; call the courier, order again.
        SeeToPickup = "see_to_pickup",
        /// The courier was not told of a day's parcels until it closed by itself, or did not close some: see the closing.
        SeeToClosing = "see_to_closing",
    }
}

impl TaskKind {
    /// What a parcel's status asks of staff.
    pub(super) fn of(status: ParcelStatus) -> Option<Self> {
        match status {
            ParcelStatus::Returned => Some(Self::CheckReturned),
            ParcelStatus::Lost => Some(Self::DecideOnLost),
            ParcelStatus::Exception | ParcelStatus::Cancelled => Some(Self::LookInto),
            ParcelStatus::Announced
            | ParcelStatus::PickedUp
            | ParcelStatus::InTransit
            | ParcelStatus::OutForDelivery
            | ParcelStatus::FailedAttempt
            | ParcelStatus::AtPickupPoint
            | ParcelStatus::Delivered
            | ParcelStatus::Returning => None,
        }
    }
}

/// What a task is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A parcel of a shipment, by its number from 1.
    Parcel(ShipmentId, i64),
    /// A driver that was ordered.
    Pickup(PickupId),
    /// A day's parcels at a courier.
    Closing(ClosingId),
}

/// A task to open.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) kind: TaskKind,
    pub(super) store: &'a StoreId,
    pub(super) subject: Subject,
    /// What went wrong, for people, where the kind does not say it.
    pub(super) detail: Option<&'a str>,
}

/// Opens a task, unless one like it is open.
pub(super) async fn open(tx: &mut Tx, ids: &Ids, now: Moment, asked: &Asked<'_>) -> Result<(), db::Error> {
    store::insert(tx, ids.next(), asked, now).await
}

/// Has staff look into a parcel, for this reason.
pub(super) async fn look_into(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    (shipment, parcel): (&Shipment, i64),
    detail: &str,
) -> Result<(), db::Error> {
    let (kind, subject) = (TaskKind::LookInto, Subject::Parcel(shipment.id, parcel));
    let asked = Asked { kind, store: &shipment.store, subject, detail: Some(detail) };
    open(tx, ids, now, &asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_badly_is_a_task_and_what_goes_on_is_none() {
        let asked: Vec<_> =
            ParcelStatus::ALL.iter().filter_map(|status| Some((*status, TaskKind::of(*status)?))).collect();
        assert_eq!(
            asked,
            [
                (ParcelStatus::Returned, TaskKind::CheckReturned),
                (ParcelStatus::Lost, TaskKind::DecideOnLost),
                (ParcelStatus::Exception, TaskKind::LookInto),
                (ParcelStatus::Cancelled, TaskKind::LookInto),
            ]
        );
    }
}

//! What a person of the store must see to: goods that came back, parcels that nobody finds, what the courier calls an exception.
//!
//! A task is opened in the transaction that learns why, once for each parcel and kind, and closed by whoever saw to it, with a
//! note. It gives nothing back by itself: that is a refund, by staff or by the store's rule.
//!
//! `store.rs` has the rows, `http.rs` what staff see and do.

pub(super) mod http;
mod store;

use super::carrier::ParcelStatus;
use super::store::Shipment;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::Ids;
use crate::text_enum;

text_enum! {
    /// What is to be seen to.
    pub enum TaskKind {
        /// Goods came back: look at them, put them back or write them off, and give the money back.
        CheckReturned = "check_returned",
        /// The courier lost a parcel: send its goods again or give the money back, and claim from the courier.
        DecideOnLost = "decide_on_lost",
        /// The courier calls it an exception, or took the booking back: ask it.
        LookInto = "look_into",
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

/// Opens a task, unless it was opened before.
pub(super) async fn open(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    (shipment, parcel): (&Shipment, i64),
    kind: TaskKind,
) -> Result<(), db::Error> {
    store::insert(tx, ids.next(), (shipment, parcel), kind, now).await
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

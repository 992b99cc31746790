//! The rows of the room: methods, payments with their operations, debts, the ledger, events.

pub(super) mod debts;
pub(super) mod disputes;
pub(super) mod events;
pub(super) mod ledger;
pub(super) mod methods;
pub(super) mod operations;
pub(super) mod parcels;
pub(super) mod payments;
pub(super) mod reconciliations;
pub(super) mod resolutions;
pub(super) mod reversals;

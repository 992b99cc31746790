//! The rows of the room: `subscriptions.rs` who is told and with which secrets, `dispatches.rs` what is told and each
//! try, `log.rs` what became of it and what may be sent again; `pulls.rs` how far each stream of a system is, `pulled.rs`
//! what was taken from it; `postings.rs` what goes into the books of one, `shelves.rs` what shops are told of stock, `sold.rs` what
//! was sold since a figure.

mod dispatches;
mod log;
pub(super) mod postings;
pub(super) mod pulled;
pub(super) mod pulls;
pub(super) mod shelves;
pub(super) mod sold;
mod subscriptions;

pub(super) use dispatches::{
    Call, NewEvent, bury, call, count_failure, deliver, insert_dispatch, insert_event, is_behind,
    next_sequence, next_waiting, postpone, turn_off,
};
pub(super) use log::{Line, Past, events_since, log, restart, skip};
pub(super) use subscriptions::{
    Subscription, active, delete_subscription, find, insert_subscription, lock, of_partner, replace_secret,
    secrets, update_subscription,
};

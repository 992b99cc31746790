//! The rows of the room: methods, payments with their operations and facts, events.

pub(super) mod events;
pub(super) mod methods;
pub(super) mod operations;
pub(super) mod payments;
pub(super) mod resolutions;

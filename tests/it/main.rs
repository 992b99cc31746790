//! The tests against the running service, on the engine that the environment names. A module a room.

mod architecture;
mod contract;
mod dhl_adapter;
mod identity;
mod jobs;
mod openapi;
mod payments;
mod sandbox_dhl;
mod sandbox_paypal;
mod support;

//! The tests against the running service, on the engine that the environment names. A module a room.

mod architecture;
mod contract;
mod delivery;
mod identity;
mod dhl_adapter;
mod jobs;
mod openapi;
mod sandbox_dhl;
mod sandbox_paypal;
mod support;

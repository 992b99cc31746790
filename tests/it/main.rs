//! The tests against the running service, on the engine that the environment names. A module a room.

mod contract;
mod jobs;
mod sandbox_dhl;
mod support;

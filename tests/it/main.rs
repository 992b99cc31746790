//! The tests against the running service, on the engine that the environment names. A module a room.

mod catalog;
mod identity;
mod import;
mod jobs;
mod support;

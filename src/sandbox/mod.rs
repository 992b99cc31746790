//! The partners' own servers, for development, demo and tests.
//!
//! They are written from the partners' specifications alone and share no type with the adapters: a shared type would
//! hide the same mistake on both sides.

mod code_128;
pub mod command;
pub mod dhl;
mod digest;
pub mod faults;
mod fields;
pub mod gls;
mod host;
mod kept;
pub mod klarna;
pub mod paypal;
mod pdf;
mod qr;
mod running;
pub mod uber;
pub mod ups;
pub mod wire;

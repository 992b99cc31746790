//! The tests of the whole, one binary.

mod contract;
mod sandbox_paypal;

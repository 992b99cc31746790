//! The rules, each a plain function over a row and what is known of what it refers to.
//!
//! A function answers with a finding or with nothing. Thresholds without a source in law are proposals of the contract.

mod age;
mod bundle;
mod code;
mod measure;
mod price;
mod product;
mod text;

pub(super) use bundle::{named_parts, set};
pub(super) use code::{Live, Owned, code, message};
pub(super) use price::{Asked, price};
pub(in crate::catalog) use product::stopped;
pub(super) use product::{Deposit, Facts, folded, product};
pub(super) use text::texts;

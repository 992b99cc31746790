//! One adapter a courier. An adapter knows its partner's wire and the trait, and nothing else of this program; what all of
//! them need is here beside them.

mod addresses;
mod call;
mod countries;
pub mod dhl;
mod events;
pub mod gls;
mod labels;
mod regions;
mod rejections;
mod secrets;
mod tokens;
pub mod uber;
pub mod ups;

//! One adapter a courier. An adapter knows its partner's wire and the trait, and nothing else of this program.

pub mod dhl;

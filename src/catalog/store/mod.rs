//! The catalogue's SQL: `write.rs` applies the rows of a batch, `batch.rs` keeps what became of each batch, `outcome.rs` of
//! each line, `read.rs` reads what changed since a revision, `feeds.rs` what is agreed of
//! feeds, `history.rs` keeps prices that ended, `markets.rs` says where there are stores and rates,
//! `shelves.rs` what stands in a store and where,
//! `upkeep.rs` removes what is over.

pub(super) mod batch;
pub(super) mod feeds;
pub(super) mod history;
pub(super) mod markets;
pub(super) mod outcome;
pub(super) mod promotions;
pub(super) mod read;
pub(super) mod shelves;
pub(super) mod upkeep;
pub(super) mod whole;
pub(super) mod write;

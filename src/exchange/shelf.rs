//! What a shop must be able to do to be told what a store has: say what it has at a place, and take absolute numbers for it.
//!
//! No more is asked for: a shop's own "subtract" loses updates when two of them meet, so nobody but one job a place writes
//! here, and what it writes never depends on what it read there. Medusa lists and sets levels in the same way; a shop that
//! compares before it sets can be given what was known to be there.

use async_trait::async_trait;

use super::system::{CallError, Page};

/// What a system has of one of its items at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The system's own id of the item.
    pub item: String,
    /// The retailer's number of it; may be empty or stand on several items.
    pub sku: String,
    /// Pieces; nothing when the system keeps no number of it there.
    pub pieces: Option<i64>,
}

/// What a system is told of one of its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The system's own id of the item.
    pub item: String,
    /// Pieces, never negative.
    pub pieces: i64,
}

/// Why a system did not take what it was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It may have taken it or not: told again it does no harm.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It took none of it because of something in it: told one by one the others are taken.
    #[error("refused: {0}")]
    Refused(String),
}

/// A shop that stock is written to.
#[async_trait]
pub trait Shelf: Send + Sync + std::fmt::Debug {
    /// All that it has at a place, page by page; an error when it is not sure that none is left out.
    async fn levels(&self, location: &str, from: Option<&str>) -> Result<Page<Level>, CallError>;

    /// Sets these numbers at a place: all of them or none.
    async fn set(&self, location: &str, settings: &[Setting]) -> Result<(), SetError>;
}

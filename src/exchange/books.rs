//! What a back-office system must be able to do to take sales and returns into its books.
//!
//! No known system takes a document with a key of ours and refuses it the second time. So a document is drafted first, which
//! can be looked for and taken back, and then brought on in steps, each of which names the draft: done twice, a step changes
//! nothing more. Tryton has two steps (process, post); Business Central has one and a number of ours to search by; Vendure
//! and Medusa have more.
//!
//! Each call does all that it is given or nothing of it. An adapter knows its system's wire and neither database nor router.

use async_trait::async_trait;

use super::system::CallError;
use crate::checkout::Document;

/// A draft in the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The system's own id of it.
    pub id: String,
    /// How many steps it has behind it; nothing when somebody called it off.
    pub steps: Option<i64>,
    /// What people there call it, once it has a number.
    pub reference: Option<String>,
}

/// Why a call did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Nobody knows whether it was done.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The system refused, and did nothing of it.
    #[error("{0}")]
    Refused(String),
}

/// A system that keeps books.
#[async_trait]
pub trait Books: Send + Sync + std::fmt::Debug {
    /// How many steps bring a draft into the books.
    fn steps(&self) -> i64;

    /// How many documents a call can do, all of them or none.
    fn together(&self) -> usize {
        usize::MAX
    }

    /// Drafts documents; answers the system's ids of them, in their order.
    async fn draft(&self, documents: &[&Document]) -> Result<Vec<String>, PostError>;

    /// What became of documents that were to be drafted when the answer got lost: the ids of their drafts, in their order.
    /// Drafts of ours that can't be told apart are taken back, all but those that are known.
    async fn recover(
        &self,
        documents: &[&Document],
        known: &[String],
    ) -> Result<Vec<Option<String>>, PostError>;

    /// Brings drafts on by a step, counted from 1.
    async fn step(&self, step: i64, ids: &[String]) -> Result<(), PostError>;

    /// How far drafts are; those that are gone are left out.
    async fn reached(&self, ids: &[String]) -> Result<Vec<Reached>, CallError>;
}

//! What a back-office system must be able to do to be a source of master data.
//!
//! The trait asks for three things, and each known system has them in its own way: which rows changed at or after a
//! moment; whole records by their ids; all records, and apart from them the ids of all. Tryton has a stamp a table and no
//! record of a deletion; Business Central and Medusa answer a change with the record (`What::Whole`), Square and Medusa
//! tell deletions (`What::Gone`); at Vendure stock has no stamp and is only listed. A system that tells of changes by
//! itself wakes the pull earlier and is never believed.
//!
//! An adapter knows its system's wire and the [`Stream`]s that it is asked for, and neither database nor router.

use async_trait::async_trait;

use super::connections::Stream;
use super::node::Node;
use crate::clock::Moment;

/// A whole record, as the system has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The system's own id of it.
    pub id: String,
    /// Its fields, as far as the stream asks for them.
    pub fields: Node,
}

/// A row that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row's id in its table.
    pub row: String,
    /// When it changed, by the system's own clock: the start of the transaction, which may have ended much later.
    pub stamp: Moment,
    /// What follows from it.
    pub what: What,
}

/// What follows from a changed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These records are to be read again.
    Records(Vec<String>),
    /// The record itself, whole.
    Whole(Box<Record>),
    /// The record is gone.
    Gone(String),
    /// Which records it concerns is to be asked with [`System::touched`], if it is not known already.
    Ask,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next one begins; nothing after the last.
    pub next: Option<String>,
}

/// Why a call brought nothing. Each can be made again: nothing is changed by asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No answer, half an answer, or one that is none: a page of HTML, a server's error.
    #[error("{0}")]
    Unavailable(String),
    /// The system asks to be left alone for so many seconds.
    #[error("the system asks to wait {0} s")]
    Throttled(u64),
    /// It does not know us, or does not let us do this.
    #[error("not let in: {0}")]
    Unauthorised(String),
    /// What is asked for is not there any more: a field or a table has another name or is gone.
    #[error("the system's schema changed: {0}")]
    Schema(String),
}

/// What a system says of itself, for `aisle connections check`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The currency that it keeps its prices in, when it has one.
    pub currency: Option<String>,
    /// Its name for the company.
    pub company: Option<String>,
}

/// A source of master data.
#[async_trait]
pub trait System: Send + Sync + std::fmt::Debug {
    /// Whether it answers and lets us in, and what it is.
    async fn about(&self) -> Result<About, CallError>;

    /// Rows of one of the stream's tables, [`Stream::watch`], that changed at or after a moment, in an order in which no row
    /// is left out though rows change while pages are read.
    async fn changes(
        &self,
        stream: &Stream,
        watch: usize,
        since: Moment,
        from: Option<&str>,
    ) -> Result<Page<Change>, CallError>;

    /// The ids of the records that these rows of a watched table are a part of.
    async fn touched(&self, stream: &Stream, watch: usize, rows: &[String])
    -> Result<Vec<String>, CallError>;

    /// Records by their ids; those that are gone are left out.
    async fn read(&self, stream: &Stream, ids: &[String]) -> Result<Vec<Record>, CallError>;

    /// All records, in an order in which none is left out though some change meanwhile.
    async fn all(&self, stream: &Stream, from: Option<&str>) -> Result<Page<Record>, CallError>;

    /// The ids of all records, by a way that does not depend on [`System::all`]: what only one of both has is not deleted.
    async fn ids(&self, stream: &Stream) -> Result<Vec<String>, CallError>;
}

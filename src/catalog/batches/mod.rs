//! Takes deliveries of rows: each batch once, as a whole, as one revision, or not at all.
//!
//! Rows are judged one by one in the order of their lines: a reference holds when its target is known or stood in an
//! earlier line. Bad rows are quarantined with a reason and the others applied; received = applied + unchanged +
//! quarantined, always. A batch whose id is known is answered as before when its content is the same, and refused
//! otherwise. Before a batch is committed, the rules for the whole of it are asked (`rules.rs`): what they hold is rolled
//! back, kept with its content, and waits for a person, who releases or rejects it.
//!
//! `source.rs` reads the rows of a content, `apply.rs` applies them, `outcomes.rs` says what became of each line,
//! `known.rs` is what they refer to, `scope.rs` takes
//! back what a full delivery leaves out, `hold.rs` keeps what is held, `http.rs` and `lines.rs` have the routes.

mod apply;
mod decisions;
mod hold;
mod http;
mod known;
mod lines;
mod outcomes;
mod rules;
mod scope;
mod source;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::apply::Batch;
use super::content::Content;
use super::import::TableForm;
use super::quality::Source;
use super::rows::{Kind, Reason};
use super::store::batch::{self, BatchRead};
use crate::clock::Moment;
use crate::db::{self, Db};
use crate::hash::sha256_hex;
use crate::ids::BatchId;
use crate::text_enum;

pub(super) use self::hold::expire;
pub use self::hold::{reject, release};
pub use self::http::routes;
pub use self::outcomes::{OutcomePage, OutcomeRange, RowOutcome};
pub use self::rules::{BatchHold, BatchRule, Limits};
pub(super) use self::rules::{PriceChange, Shrunk};
pub(super) use self::source::{Item, Unreadable};
pub use super::store::batch::{Delivered, RefusedRow, Tally, delivered_since};

/// Quarantined rows that a report shows; the others are read page by page.
pub const REFUSALS_SHOWN_MAX: i64 = 1000;
/// Batches that one answer lists.
pub const BATCHES_SHOWN_MAX: i64 = 100;

text_enum! {
    /// What a batch says about rows that it does not have.
    #[derive(Default)]
    pub enum BatchMode {
        /// Nothing: they stay as they are.
        #[default]
        Delta = "delta",
        /// They are gone: the batch is the whole of its scope.
        Full = "full",
    }
}

text_enum! {
    /// What became of a batch.
    pub enum BatchState {
        /// Its rows are what lookups see.
        Applied = "applied",
        /// It waits for a person; nothing of it is visible.
        Held = "held",
        /// A person put it aside; nothing of it was ever visible.
        Rejected = "rejected",
    }
}

/// How the content of a batch is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Form {
    /// One JSON object a line.
    #[default]
    Lines,
    /// CSV or TSV with headings, and what its columns mean.
    Table(Box<TableForm>),
}

/// What a batch is, beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// What it says about rows that it does not have.
    pub mode: BatchMode,
    /// The kinds that a full delivery replaces; those that it holds when empty.
    pub kinds: Vec<Kind>,
    /// How it is written.
    pub form: Form,
    /// Who sends it.
    pub source: String,
    /// Which of the sender's feeds it belongs to.
    pub feed: String,
    /// Its place in the feed: one that is not above the last applied one is refused.
    pub sequence: Option<i64>,
    /// How many rows the sender says there are.
    pub rows: Option<i64>,
    /// Whether a person says that its rows are right where a rule leaves that to people.
    pub is_confirmed: bool,
    /// Whether a refused row takes all of it along: then nothing is kept, and the report says why. Not kept itself.
    #[serde(skip)]
    pub is_all_or_nothing: bool,
}

impl Delivery {
    /// Whether staff send it, who correct, confirm or bind something.
    fn is_of_staff(&self) -> bool {
        self.source.starts_with("staff:")
    }

    /// Tells apart how tables are read: by what their columns mean.
    fn mapping(&self) -> Option<String> {
        match &self.form {
            Form::Table(form) => Some(sha256_hex(form.map.join("\n").as_bytes())),
            Form::Lines => None,
        }
    }

    /// Tells deliveries apart: by content and, unless it is an ordinary one, by how it is to be taken.
    fn fingerprint(&self, content: &Content) -> String {
        let ordinary = Self { source: self.source.clone(), ..Self::default() };
        if *self == ordinary {
            return content.hash().to_owned();
        }
        let meaning = serde_json::to_string(self).expect("a delivery can be written as JSON");
        sha256_hex(format!("{} {meaning}", content.hash()).as_bytes())
    }
}

/// Who decided about a held batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchDecision {
    /// `staff:` or `partner:` and the id; `deadline` when nobody did in time.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub note: String,
}

/// What became of a batch.
///
/// Of a batch that is held or was rejected the counts say what would become of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// The batch.
    pub batch: BatchId,
    /// Whether it was applied.
    pub state: BatchState,
    /// What it says about rows that it does not have.
    pub mode: BatchMode,
    /// Who sent it.
    pub source: String,
    /// Which of the sender's feeds it belongs to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feed: String,
    /// Its place in the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// Rows that were received: applied, unchanged and quarantined ones. Of a table, its own rows: each counts as its
    /// product does, and codes and prices are counted in `kinds`.
    pub received: i64,
    /// Rows that were new or different from what was known.
    pub applied: i64,
    /// Rows that said what was known already.
    pub unchanged: i64,
    /// Rows that were refused, each with a reason.
    pub quarantined: i64,
    /// What was known, and was taken back because this full delivery left it out.
    pub removed: i64,
    /// The same by the kind of row.
    pub kinds: BTreeMap<Kind, Tally>,
    /// How many rows were quarantined for each reason.
    pub reasons: BTreeMap<Reason, i64>,
    /// The first quarantined rows, at most 1,000, by line; the others at `/v1/catalog/batches/{id}/refusals`. A line that
    /// is not among them was applied or unchanged. Left out in lists of batches.
    pub refusals: Vec<RefusedRow>,
    /// Quarantined rows that are counted and not listed: only the first 100,000 of a batch are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: i64,
    /// By when somebody must decide about it, when it is held: then it counts as rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_by: Option<DateTime<Utc>>,
    /// The rules for whole batches that held it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<BatchHold>,
    /// Who released or rejected it, when and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<BatchDecision>,
    /// The revision that the batch made; the one before it when it changed nothing.
    pub revision: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<DateTime<Utc>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// What becomes of a batch, to whoever keeps something beside it.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The batch.
    pub id: BatchId,
    /// Applied or held.
    pub state: BatchState,
    /// The lines whose rows were quarantined, each with the reason.
    pub refused: &'a [(i64, Reason)],
    /// What became of its rows.
    pub tally: Tally,
}

/// What its sender keeps in the very transaction that keeps a batch: both or neither.
#[async_trait::async_trait]
pub trait Beside: Send {
    /// Writes it; `false` gives the batch up. It is the last that the transaction does, beside the batch's own row.
    async fn keep(&mut self, tx: &mut db::Tx, kept: &Kept<'_>) -> Result<bool, db::Error>;
}

/// Why a batch was not taken; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another content was sent with the same id.
    #[error("the batch was sent before with another content")]
    Differs,
    /// The content can't be read back.
    #[error("the content can't be read: {0}")]
    Read(#[from] std::io::Error),
    /// The content is no table, or has not the columns that the mapping names.
    #[error("{0}")]
    Table(String),
    /// There are fewer or more rows than the sender says: something is missing.
    #[error("{declared} rows were declared and {received} came")]
    Truncated {
        /// As the sender said.
        declared: i64,
        /// As they were counted.
        received: i64,
    },
    /// A later batch of the feed was applied already.
    #[error("the batch {applied} of the feed was applied already")]
    Order {
        /// The last one.
        applied: i64,
    },
    /// Whoever delivered it has no longer the right to: nothing was kept.
    #[error("the delivery was given up")]
    Abandoned,
    /// Too many batches are held: somebody must decide about them first.
    #[error("{} batches are held already", hold::HELD_MAX)]
    TooManyHeld,
    /// There is no such batch.
    #[error("there is no such batch")]
    Unknown,
    /// Others changed the catalogue since it came, and nobody said that it goes over them.
    #[error("{0} batches changed the catalogue since")]
    Newer(i64),
    /// The batch was applied, or rejected, before.
    #[error("the batch was {0} already")]
    Decided(BatchState),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Applies rows as they are, without rules for the whole: for what the program itself or an engineer at the machine brings.
pub async fn apply(db: &Db, now: Moment, id: BatchId, content: &mut Content) -> Result<Report, Error> {
    let delivery = Delivery { source: Source::Local.to_string(), ..Delivery::default() };
    deliver(db, now, id, &delivery, None, content).await
}

/// Takes a batch, unless it was taken before; answers what became of it either way. With limits it is held when it
/// breaks a rule for whole batches. The caller publishes the revision afterwards.
pub async fn deliver(
    db: &Db,
    now: Moment,
    id: BatchId,
    delivery: &Delivery,
    limits: Option<&Limits>,
    content: &Content,
) -> Result<Report, Error> {
    deliver_beside(db, now, id, delivery, limits, content, None).await
}

/// The same, with something that is kept in the transaction that keeps the batch, applied or held.
pub async fn deliver_beside(
    db: &Db,
    now: Moment,
    id: BatchId,
    delivery: &Delivery,
    limits: Option<&Limits>,
    content: &Content,
    mut beside: Option<&mut dyn Beside>,
) -> Result<Report, Error> {
    let hash = delivery.fingerprint(content);
    if let Some(report) = known(db, id, &hash).await? {
        return Ok(report);
    }
    let rows = source::open(content, &delivery.form).await?;
    let tx = db.begin().await?;
    let mut batch = Batch::begin(tx, id, now, delivery).await?;
    // The same batch may have been taken while this one waited for its turn.
    if batch::find(&mut batch.tx, id).await?.is_some() {
        batch.tx.rollback().await?;
        return known(db, id, &hash).await?.ok_or(Error::Differs);
    }
    batch.check_order().await?;
    batch.run(rows).await?;
    if delivery.is_all_or_nothing && !batch.shown.is_empty() {
        let refusals = batch.shown.clone();
        let (tx, read) = batch.into_read(hash, BatchState::Rejected, Vec::new());
        tx.rollback().await?;
        return Ok(shown(read, BTreeMap::new(), refusals));
    }
    let holds = match limits {
        Some(limits) => batch.judge(limits).await?,
        None => Vec::new(),
    };
    if holds.is_empty() {
        if let Some(beside) = beside {
            let (tally, state) = (batch.total(), BatchState::Applied);
            let (tx, refused) = (&mut batch.tx, &batch.all_refused);
            if !beside.keep(tx, &Kept { id, state, refused, tally }).await? {
                batch.tx.rollback().await?;
                return Err(Error::Abandoned);
            }
        }
        batch.commit(hash.clone(), now, Vec::new(), None).await?;
    } else {
        let days_max = limits.map_or(0, |limits| limits.days_max);
        hold::keep(db, batch, hash.clone(), holds, days_max, content, &mut beside).await?;
    }
    known(db, id, &hash).await?.ok_or(Error::Differs)
}

/// The report of a batch that was taken with this content.
async fn known(db: &Db, id: BatchId, hash: &str) -> Result<Option<Report>, Error> {
    match batch::find(db, id).await? {
        Some(found) if found.hash == hash => Ok(Some(report(db, found).await?)),
        Some(_) => Err(Error::Differs),
        None => Ok(None),
    }
}

/// What became of a batch, if it ever came.
pub async fn find(db: &Db, id: BatchId) -> Result<Option<Report>, db::Error> {
    match batch::find(db, id).await? {
        Some(found) => report(db, found).await.map(Some),
        None => Ok(None),
    }
}

/// Batches of one state or of all, of one source or of all, latest first, received before a moment; at most `BATCHES_SHOWN_MAX`.
pub async fn list(
    db: &Db,
    state: Option<BatchState>,
    source: Option<&str>,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Report>, db::Error> {
    let found = batch::list(db, state, source, before, limit.clamp(1, BATCHES_SHOWN_MAX)).await?;
    Ok(found.into_iter().map(|found| shown(found, BTreeMap::new(), Vec::new())).collect())
}

/// Quarantined rows of a batch after a line, at most `limit` and never more than `REFUSALS_SHOWN_MAX`.
pub async fn refusals(db: &Db, id: BatchId, after: i64, limit: i64) -> Result<Vec<RefusedRow>, db::Error> {
    batch::refusals(db, id, after, limit.clamp(1, REFUSALS_SHOWN_MAX)).await
}

/// What became of the lines of a batch from this one on.
pub async fn outcomes(db: &Db, id: BatchId, from: i64, limit: usize) -> Result<OutcomePage, db::Error> {
    outcomes::read(db, id, from, limit).await
}

async fn report(db: &Db, found: BatchRead) -> Result<Report, db::Error> {
    let reasons = match &found.reasons {
        Some(_) => BTreeMap::new(),
        None => batch::reasons(db, found.id).await?.into_iter().collect(),
    };
    let refusals = batch::refusals(db, found.id, 0, REFUSALS_SHOWN_MAX).await?;
    Ok(shown(found, reasons, refusals))
}

fn shown(found: BatchRead, counted: BTreeMap<Reason, i64>, refusals: Vec<RefusedRow>) -> Report {
    Report {
        batch: found.id,
        state: found.state,
        mode: found.delivery.0.mode,
        source: found.source,
        feed: found.feed,
        sequence: found.sequence,
        received: found.received,
        applied: found.applied,
        unchanged: found.unchanged,
        quarantined: found.quarantined,
        removed: found.removed,
        kinds: found.kinds.0,
        reasons: found.reasons.map_or(counted, |reasons| reasons.0),
        refusals,
        unlisted: found.unlisted,
        decide_by: found.decide_by.filter(|_| found.state == BatchState::Held),
        holds: found.holds.0,
        decision: found.decision.map(|decision| decision.0),
        revision: found.revision,
        received_at: found.received_at,
        applied_at: found.applied_at,
    }
}

//! One look for what is to be posted: what became of what was begun before, then drafts on by a step, then new drafts.

use std::collections::HashMap;
use std::time::Duration;

use super::postings::{self, Posting, Step};
use crate::app::App;
use crate::catalog;
use crate::checkout::Document;
use crate::db::{self, Tx};
use crate::exchange::books::{Books, PostError, Reached};
use crate::exchange::connections::Sales;
use crate::exchange::health;
use crate::exchange::model::PostingState;
use crate::exchange::store::sold;
use crate::exchange::system::CallError;
use crate::jobs::{Failure, Lease};

/// Batches of one look: the next one comes at once, and others get a turn on this worker.
const ROUNDS_MAX: usize = 4;
/// What is in the books is shown for so long.
const KEPT: chrono::Duration = chrono::Duration::days(90);

/// A look.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) lease: &'a Lease,
    pub(super) connection: &'a str,
    pub(super) sales: &'a Sales,
    pub(super) books: &'a dyn Books,
}

/// Why a look broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("what a lost answer was about can't be cleared: {0}")]
    Recover(String),
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A call may still be at work in the system.
    #[error("waits for a call whose answer got lost")]
    Unsettled(Duration),
    #[error("{0:?}")]
    Job(Failure),
}

impl From<Failure> for RunError {
    fn from(failure: Failure) -> Self {
        Self::Job(failure)
    }
}

/// What a batch came to.
enum Split {
    /// All of it was done.
    Done,
    /// The system refused all of it; its only document is parked, or its halves are to be tried.
    Refused,
}

impl Run<'_> {
    /// Posts what waits; answers whether more does.
    pub(super) async fn post(&self) -> Result<bool, RunError> {
        self.settle().await?;
        self.follow().await?;
        // A system that takes one at a time is not left alone after a few.
        let rounds = ROUNDS_MAX.max(2 * self.sales.batch / self.together().max(1));
        for _ in 0..rounds {
            if !self.bring_on().await? && !self.draft().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds out what became of documents that were to be drafted when this worker, or the answer, was lost.
    async fn settle(&self) -> Result<(), RunError> {
        let begun = postings::in_state(&self.app.db, self.connection, PostingState::Drafting).await?;
        let Some(last) = begun.iter().map(|posting| posting.changed_at).max() else { return Ok(()) };
        let rest = last + self.sales.settle - self.app.clock.now();
        if let Ok(rest) = rest.to_std()
            && !rest.is_zero()
        {
            return Err(RunError::Unsettled(rest));
        }
        let known = postings::partner_ids(&self.app.db, self.connection).await?;
        let known: Vec<String> = known.into_iter().map(|(id,)| id).collect();
        let (begun, documents) = self.read(begun).await?;
        let documents: Vec<&Document> = documents.iter().collect();
        let found = self.books.recover(&documents, &known).await.map_err(|error| match error {
            PostError::Call(call) => RunError::Call(call),
            PostError::Refused(why) => RunError::Recover(why),
        })?;
        let found = found.into_iter().chain(std::iter::repeat(None));
        let mut tx = self.app.db.begin().await?;
        for (posting, id) in begun.iter().zip(found) {
            let state = if id.is_some() { PostingState::Drafted } else { PostingState::Waiting };
            self.note(&mut tx, posting, &Step { partner_id: id.as_deref(), ..blank(state) }).await?;
        }
        Ok(self.lease.commit(tx).await?)
    }

    /// Asks how far drafts are whose last step may have been done without an answer.
    async fn follow(&self) -> Result<(), RunError> {
        let drafted = postings::in_state(&self.app.db, self.connection, PostingState::Drafted).await?;
        if drafted.is_empty() {
            return Ok(());
        }
        let reached = self.reached(&drafted).await?;
        let mut tx = self.app.db.begin().await?;
        for posting in &drafted {
            let at = posting.partner_id.as_ref().and_then(|id| reached.get(id));
            let partner_id = posting.partner_id.as_deref();
            let step = match at.map(|at| (at.steps, at.reference.as_deref())) {
                Some((Some(steps), reference)) => {
                    let is_done = steps >= self.books.steps();
                    let state = if is_done { PostingState::Posted } else { PostingState::Drafted };
                    if is_done {
                        self.count();
                    }
                    Step { partner_id, steps, reference, ..blank(state) }
                }
                // Nothing of it was booked: it can be drafted again.
                None if posting.steps == 0 => blank(PostingState::Waiting),
                Some((None, _)) => {
                    Step { error: Some("it was called off there"), ..blank(PostingState::Parked) }
                }
                None => Step { error: Some("it is gone there"), ..blank(PostingState::Parked) },
            };
            self.note(&mut tx, posting, &step).await?;
        }
        Ok(self.lease.commit(tx).await?)
    }

    /// Brings drafts on that have the fewest steps behind them; answers whether there were any.
    async fn bring_on(&self) -> Result<bool, RunError> {
        let mut drafted = postings::in_state(&self.app.db, self.connection, PostingState::Drafted).await?;
        let Some(steps) = drafted.iter().map(|posting| posting.steps).min() else { return Ok(false) };
        drafted.retain(|posting| posting.steps == steps);
        drafted.truncate(self.together());
        let mut parts = vec![drafted];
        while let Some(mut part) = parts.pop() {
            if let Split::Refused = self.step(steps + 1, &part).await?
                && part.len() > 1
            {
                let half = part.split_off(part.len() / 2);
                parts.extend([half, part]);
            }
        }
        Ok(true)
    }

    async fn step(&self, step: i64, part: &[Posting]) -> Result<Split, RunError> {
        // Before the call: a stock figure that changes from here on may have the documents in it.
        let mut tx = self.app.db.begin().await?;
        let revision = catalog::revision(&mut tx).await?;
        tx.rollback().await?;
        let ids: Vec<String> = part.iter().filter_map(|posting| posting.partner_id.clone()).collect();
        let refused = match self.books.step(step, &ids).await {
            Ok(()) => None,
            Err(PostError::Refused(why)) => Some(why),
            Err(PostError::Call(call)) => return Err(call.into()),
        };
        match (refused, part) {
            (None, _) => {}
            (Some(why), [posting]) => {
                let partner_id = posting.partner_id.as_deref();
                let step = Step { partner_id, steps: posting.steps, ..blank(PostingState::Parked) };
                self.park(posting, step, &why).await?;
                return Ok(Split::Refused);
            }
            (Some(_), _) => return Ok(Split::Refused),
        }
        let is_last = step == self.books.steps();
        let state = if is_last { PostingState::Posted } else { PostingState::Drafted };
        // People there know a document by its number, which the last steps give it.
        let reached = if is_last { self.reached(part).await? } else { HashMap::new() };
        let mut tx = self.app.db.begin().await?;
        for posting in part {
            let partner_id = posting.partner_id.as_deref();
            let reference = partner_id.and_then(|id| reached.get(id)?.reference.as_deref());
            self.note(&mut tx, posting, &Step { partner_id, steps: step, reference, ..blank(state) }).await?;
            if is_last {
                sold::book(&mut tx, posting.order_id, &posting.document, revision).await?;
                self.count();
            }
        }
        if is_last {
            let most = i64::try_from(part.len() * 2).unwrap_or(i64::MAX);
            postings::forget(&mut tx, self.connection, self.app.clock.now() - KEPT, most).await?;
        }
        self.lease.commit(tx).await?;
        Ok(Split::Done)
    }

    /// Drafts the oldest of what waits; answers whether anything did.
    async fn draft(&self) -> Result<bool, RunError> {
        let most = i64::try_from(self.together()).unwrap_or(i64::MAX);
        let waiting = postings::next(&self.app.db, self.connection, most).await?;
        if waiting.is_empty() {
            return Ok(false);
        }
        let (waiting, documents) = self.read(waiting).await?;
        // From here until the answer is noted, nobody knows whether it was done.
        let mut tx = self.app.db.begin().await?;
        for posting in &waiting {
            self.note(&mut tx, posting, &blank(PostingState::Drafting)).await?;
        }
        self.lease.commit(tx).await?;
        let begun = waiting.into_iter().map(|posting| Posting { state: PostingState::Drafting, ..posting });
        let all: Vec<(Posting, Document)> = begun.zip(documents).collect();
        let mut parts: Vec<&[(Posting, Document)]> = vec![&all];
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            if let Split::Refused = self.draft_part(part).await?
                && part.len() > 1
            {
                let (part, half) = part.split_at(part.len() / 2);
                parts.extend([half, part]);
            }
        }
        Ok(true)
    }

    async fn draft_part(&self, part: &[(Posting, Document)]) -> Result<Split, RunError> {
        let documents: Vec<&Document> = part.iter().map(|(_, document)| document).collect();
        let ids = match (self.books.draft(&documents).await, part) {
            (Ok(ids), _) => ids,
            (Err(PostError::Call(call)), _) => return Err(call.into()),
            (Err(PostError::Refused(why)), [(posting, _)]) => {
                self.park(posting, blank(PostingState::Parked), &why).await?;
                return Ok(Split::Refused);
            }
            (Err(PostError::Refused(_)), _) => return Ok(Split::Refused),
        };
        if ids.len() != part.len() {
            let told = format!("{} ids for {} documents", ids.len(), part.len());
            return Err(CallError::Schema(told).into());
        }
        let mut tx = self.app.db.begin().await?;
        for ((posting, _), id) in part.iter().zip(&ids) {
            let step = Step { partner_id: Some(id), ..blank(PostingState::Drafted) };
            self.note(&mut tx, posting, &step).await?;
        }
        self.lease.commit(tx).await?;
        Ok(Split::Done)
    }

    /// The documents; one that can't be read is parked.
    async fn read(&self, postings: Vec<Posting>) -> Result<(Vec<Posting>, Vec<Document>), RunError> {
        let (mut read, mut documents) = (Vec::new(), Vec::new());
        for posting in postings {
            match serde_json::from_str(&posting.body) {
                Ok(document) => {
                    documents.push(document);
                    read.push(posting);
                }
                Err(error) => self.park(&posting, blank(PostingState::Parked), &error.to_string()).await?,
            }
        }
        Ok((read, documents))
    }

    async fn reached(&self, drafted: &[Posting]) -> Result<HashMap<String, Reached>, RunError> {
        let mut reached = HashMap::new();
        for part in drafted.chunks(self.sales.batch) {
            let ids: Vec<String> = part.iter().filter_map(|posting| posting.partner_id.clone()).collect();
            let found = self.books.reached(&ids).await?;
            reached.extend(found.into_iter().map(|each| (each.id.clone(), each)));
        }
        Ok(reached)
    }

    async fn park(&self, posting: &Posting, step: Step<'_>, why: &str) -> Result<(), RunError> {
        let why = health::shown(&why);
        let (order, document) = (posting.order_id, &posting.document);
        tracing::error!(connection = self.connection, order.id = %order, document, "a document was refused: {why}");
        let connection = self.connection.to_owned();
        metrics::counter!("aisle_exchange_postings_total", "connection" => connection, "outcome" => "parked")
            .increment(1);
        let mut tx = self.app.db.begin().await?;
        self.note(&mut tx, posting, &Step { error: Some(&why), ..step }).await?;
        Ok(self.lease.commit(tx).await?)
    }

    async fn note(&self, tx: &mut Tx, posting: &Posting, step: &Step<'_>) -> Result<(), db::Error> {
        postings::advance(tx, self.app.clock.now(), (posting.id, posting.state), step).await
    }

    /// Documents of one call.
    fn together(&self) -> usize {
        self.sales.batch.min(self.books.together())
    }

    fn count(&self) {
        let connection = self.connection.to_owned();
        metrics::counter!("aisle_exchange_postings_total", "connection" => connection, "outcome" => "posted")
            .increment(1);
    }
}

/// A state, with nothing known of a draft.
fn blank(state: PostingState) -> Step<'static> {
    Step { state, partner_id: None, steps: 0, reference: None, error: None }
}

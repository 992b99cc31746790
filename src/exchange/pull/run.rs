//! One asking of one stream: what changed, in batches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::DateTime;
use serde_json::{Map, Value};

use super::pulled::{self, Seen};
use super::pulls::{self, Place, State};
use super::{PullError, place};
use crate::app::App;
use crate::catalog::{self, BatchState};
use crate::clock::Moment;
use crate::db;
use crate::exchange::connections::{Connection, Stream};
use crate::exchange::system::{Record, System, What};
use crate::ids::BatchId;
use crate::jobs::Lease;

/// Records of one batch: a transaction of less than a second, in which no other batch can be applied.
pub(super) const BATCH_RECORDS: usize = 1_000;

/// A run.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) lease: &'a Lease,
    pub(super) connection: &'a Connection,
    pub(super) system: &'a dyn System,
    pub(super) stream: &'a Stream,
    pub(super) now: Moment,
    pub(super) state: State,
    others: Vec<State>,
    /// Rows that were left out, by what for.
    pub(super) left_out: BTreeMap<String, usize>,
    /// The hash of a batch that a person rejected: the same is not delivered again.
    pub(super) rejected: Option<(BatchId, String)>,
}

/// What changed and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) seen: Vec<Seen>,
    pub(super) ids: BTreeSet<String>,
    pub(super) whole: HashMap<String, Record>,
    pub(super) gone: BTreeSet<String>,
    /// The newest stamp of all that was listed.
    pub(super) newest: Option<Moment>,
}

impl<'a> Run<'a> {
    pub(super) async fn begin(
        app: &'a App,
        lease: &'a Lease,
        connection: &'a Connection,
        system: &'a dyn System,
        stream: &'a Stream,
    ) -> Result<Self, db::Error> {
        let mut others = pulls::states(&app.db, &connection.name).await?;
        let at = others.iter().position(|state| state.stream == stream.name);
        let state = at.map(|at| others.swap_remove(at)).unwrap_or_default();
        let (now, left_out) = (app.clock.now(), BTreeMap::new());
        Ok(Self { app, lease, connection, system, stream, now, state, others, left_out, rejected: None })
    }

    pub(super) fn place(&self) -> Place<'a> {
        place(self.connection, self.stream)
    }

    /// What people should look at though it goes on.
    pub(super) fn warning(&self) -> Option<String> {
        let left_out =
            self.left_out.iter().map(|(what, rows)| format!("{rows} rows of kind {what} left out"));
        let left_out: Vec<String> = left_out.collect();
        if left_out.is_empty() {
            self.state.warning.clone().filter(|_| !self.is_full_due())
        } else {
            Some(left_out.join("; "))
        }
    }

    fn is_full_due(&self) -> bool {
        self.state.full_at.is_none_or(|at| self.now - at >= self.stream.pull.full)
    }

    /// Asks for what changed, or compares in full when that is due, and delivers it.
    pub(super) async fn pull(&mut self) -> Result<(), PullError> {
        let waits = self.stream.after.iter().find(|after| {
            !self.others.iter().any(|state| state.stream == **after && state.full_at.is_some())
        });
        if let Some(after) = waits {
            return Err(PullError::Waits(after.clone()));
        }
        self.look_at_held().await?;
        self.give().await?;
        let since = self.state.mark.map_or(DateTime::UNIX_EPOCH, |mark| mark - self.stream.pull.overlap);
        if self.is_full_due() {
            let changes = self.changes(since, false).await?;
            return self.compare(changes).await;
        }
        let mut changes = self.changes(since, true).await?;
        let again = pulled::due_again(&self.app.db, self.place(), self.now).await?;
        changes.ids.extend(again.into_iter().map(|(record,)| record));
        self.take(changes).await
    }

    /// While a batch waits for a person, the stream waits with it.
    async fn look_at_held(&mut self) -> Result<(), PullError> {
        let (Some(batch), Some(hash)) = (self.state.held_batch, self.state.held_hash.clone()) else {
            return Ok(());
        };
        match catalog::find_batch(&self.app.db, batch).await?.map(|report| report.state) {
            Some(BatchState::Held) => Err(PullError::Held(batch)),
            Some(BatchState::Rejected) => {
                self.rejected = Some((batch, hash));
                Ok(())
            }
            // Released: what is asked for again is known already.
            Some(BatchState::Applied) | None => Ok(()),
        }
    }

    /// Delivers the rows that the file itself gives, when they are others than before.
    async fn give(&mut self) -> Result<(), PullError> {
        if self.connection.given.is_empty() {
            return Ok(());
        }
        let given: Vec<Map<String, Value>> = self.connection.given.clone();
        let place = Place { connection: &self.connection.name, stream: "given" };
        self.deliver_given(place, given).await
    }

    /// Lists what changed and is not known yet; with `touched`, also which records that concerns.
    pub(super) async fn changes(&self, since: Moment, touched: bool) -> Result<Changes, PullError> {
        let mut changes = Changes::default();
        for (at, watch) in self.stream.watch.iter().enumerate() {
            let watched = format!("{at} {}", watch.table);
            let mut ask = Vec::new();
            let mut from: Option<String> = None;
            loop {
                let page = self.system.changes(self.stream, at, since, from.as_deref()).await?;
                let rows = page.items.iter().map(|change| change.row.as_str());
                let seen = pulled::seen(&self.app.db, self.place(), &watched, rows).await?;
                let seen: HashMap<String, i64> = seen.into_iter().collect();
                for change in page.items {
                    changes.newest = changes.newest.max(Some(change.stamp));
                    let stamp = change.stamp.timestamp_micros();
                    if seen.get(&change.row) == Some(&stamp) {
                        continue;
                    }
                    changes.seen.push(Seen { watched: watched.clone(), row_id: change.row.clone(), stamp });
                    match change.what {
                        What::Records(ids) => changes.ids.extend(ids),
                        What::Whole(record) => drop(changes.whole.insert(record.id.clone(), *record)),
                        What::Gone(id) => drop(changes.gone.insert(id)),
                        What::Ask => ask.push(change.row),
                    }
                }
                // No overlap reaches what is older: the first asking lists years.
                let oldest =
                    changes.newest.map(|newest| (newest - self.stream.pull.overlap * 2).timestamp_micros());
                changes.seen.retain(|seen| Some(seen.stamp) >= oldest);
                if !touched {
                    // All records are read anyway.
                    (changes.ids, ask) = (BTreeSet::new(), Vec::new());
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
            if touched && !ask.is_empty() {
                changes.ids.extend(self.system.touched(self.stream, at, &ask).await?);
            }
        }
        Ok(changes)
    }

    /// Reads and delivers what changed; the mark moves with the last batch.
    async fn take(&mut self, mut changes: Changes) -> Result<(), PullError> {
        let ids: Vec<String> = std::mem::take(&mut changes.ids)
            .into_iter()
            .filter(|id| !changes.whole.contains_key(id) && !changes.gone.contains(id))
            .collect();
        let whole: Vec<Record> = std::mem::take(&mut changes.whole).into_values().collect();
        let mut left = ids.len() + whole.len();
        for part in whole.chunks(BATCH_RECORDS) {
            left -= part.len();
            self.deliver(part, &[], left, None).await?;
        }
        for part in ids.chunks(BATCH_RECORDS) {
            let records = self.system.read(self.stream, part).await?;
            left -= part.len();
            // One that can't be read is not taken back for that: a full comparison says whether it is gone.
            let unread: Vec<&String> =
                part.iter().filter(|id| !records.iter().any(|record| record.id == **id)).collect();
            if !unread.is_empty() {
                tracing::info!(
                    stream = self.stream.name,
                    records = unread.len(),
                    "changed records can't be read"
                );
            }
            let is_last = left == 0 && changes.gone.is_empty();
            let end = is_last.then_some(&changes);
            self.deliver(&records, &[], left, end).await?;
            if is_last {
                return Ok(());
            }
        }
        let gone: Vec<String> = changes.gone.iter().cloned().collect();
        self.deliver(&[], &gone, 0, Some(&changes)).await
    }
}

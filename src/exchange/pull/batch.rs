//! From records to a batch of the catalogue, and what is kept beside it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::pulled::{self, RowKey, Taken};
use super::pulls::{self, Full, Place};
use super::run::{Changes, Run};
use super::{PullError, source};
use crate::catalog::{self, BatchError, BatchState, Beside, Content, Delivery, Kept, Reason};
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::exchange::connections::{Findings, key_of};
use crate::exchange::system::Record;
use crate::hash::sha256_hex;
use crate::ids::BatchId;
use crate::jobs::Lease;

/// What may be known the next time: such rows are handed on again by themselves.
const UNKNOWN: [Reason; 5] = [
    Reason::SkuUnknown,
    Reason::StoreUnknown,
    Reason::PriceListUnknown,
    Reason::TaxClassUnknown,
    Reason::PromotionUnknown,
];

/// A batch in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Lines, each with the record that it is of.
    pub(super) lines: Vec<(String, String)>,
    pub(super) taken: Vec<Taken>,
    pub(super) keys: Vec<RowKey>,
}

impl Draft {
    /// Adds a record's rows.
    pub(super) fn add(&mut self, record: &str, rows: Vec<Map<String, Value>>) {
        let keys: BTreeSet<String> =
            rows.iter().filter_map(key_of).map(|key| Value::Object(key).to_string()).collect();
        self.keys.extend(keys.into_iter().map(|row_key| RowKey { row_key, record: record.to_owned() }));
        let lines: Vec<String> = rows.into_iter().map(|row| Value::Object(row).to_string()).collect();
        let hash = sha256_hex(lines.join("\n").as_bytes());
        self.lines.extend(lines.into_iter().map(|line| (record.to_owned(), line)));
        self.taken.push(Taken { record: record.to_owned(), hash });
    }

    /// The batch, a row a line.
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// What is kept in the transaction that keeps a batch.
struct Notes<'a> {
    lease: &'a Lease,
    place: Place<'a>,
    now: Moment,
    draft: &'a Draft,
    hash: &'a str,
    /// Records that let a key go to these: they are handed on again.
    heirs: BTreeSet<String>,
    backlog: i64,
    end: Option<End<'a>>,
}

/// What the last batch of a run keeps beside it.
#[derive(Clone, Copy)]
struct End<'a> {
    changes: &'a Changes,
    mark: Option<Moment>,
    forget_before: Option<i64>,
    full: Option<Full>,
}

impl Notes<'_> {
    async fn write(&self, tx: &mut Tx, refused: &[(i64, Reason)]) -> Result<(), db::Error> {
        let line = |number: i64| self.draft.lines.get(usize::try_from(number - 1).ok()?);
        let unknown: BTreeSet<&str> = refused
            .iter()
            .filter(|(_, reason)| UNKNOWN.contains(reason))
            .filter_map(|(number, _)| line(*number).map(|(record, _)| record.as_str()))
            .collect();
        pulled::keep(tx, self.place, &self.draft.taken, &self.draft.keys).await?;
        let again: BTreeSet<&str> = self.heirs.iter().map(String::as_str).chain(unknown).collect();
        if !again.is_empty() {
            pulled::again(tx, self.place, again, self.now).await?;
        }
        pulls::set_backlog(tx, self.place, self.backlog).await?;
        if let Some(end) = self.end {
            pulled::see(tx, self.place, &end.changes.seen, end.forget_before).await?;
            pulls::advance(tx, self.place, end.mark, end.full).await?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Beside for Notes<'_> {
    async fn keep(&mut self, tx: &mut Tx, kept: &Kept<'_>) -> Result<bool, db::Error> {
        if kept.state == BatchState::Held {
            pulls::hold(tx, self.place, kept.id, self.hash).await?;
        } else {
            self.write(tx, kept.refused).await?;
        }
        self.lease.holds(tx).await
    }
}

impl Run<'_> {
    /// Maps records and delivers those that are others than before; `gone` are taken back.
    pub(super) async fn deliver(
        &mut self,
        records: &[Record],
        gone: &[String],
        backlog: usize,
        end: Option<&Changes>,
    ) -> Result<(), PullError> {
        let draft = self.draft(records, gone).await?;
        self.hand_on(draft, backlog, end.map(|changes| (changes, None))).await
    }

    /// Delivers the end of a full comparison.
    pub(super) async fn deliver_last(
        &mut self,
        gone: &[String],
        changes: &Changes,
        full: Full,
    ) -> Result<(), PullError> {
        let draft = self.draft(&[], gone).await?;
        self.hand_on(draft, 0, Some((changes, Some(full)))).await
    }

    async fn draft(&mut self, records: &[Record], gone: &[String]) -> Result<Draft, PullError> {
        let mut findings = Findings::default();
        let mapped: Vec<_> =
            records.iter().map(|record| (&record.id, self.stream.map(record, &mut findings))).collect();
        if let Some(change) = findings.schema_change() {
            return Err(PullError::Refused(format!("the schema of {} changed: {change}", self.stream.table)));
        }
        if let Some(why) = self.stream.implausible(&findings) {
            return Err(PullError::Refused(why));
        }
        for (what, rows) in findings.left_out {
            *self.left_out.entry(what).or_default() += rows;
        }
        let ids = mapped.iter().map(|(id, _)| id.as_str());
        let known: HashMap<String, String> =
            pulled::hashes(&self.app.db, self.place(), ids).await?.into_iter().collect();
        let mut draft = Draft::default();
        for (id, mapped) in mapped {
            let mut one = Draft::default();
            one.add(id, mapped.rows);
            let is_same = one.taken.first().map(|taken| &taken.hash) == known.get(id);
            if !is_same {
                draft.lines.extend(one.lines);
                draft.taken.extend(one.taken);
                draft.keys.extend(one.keys);
            }
        }
        for id in gone {
            draft.add(id, Vec::new());
        }
        Ok(draft)
    }

    async fn hand_on(
        &mut self,
        mut draft: Draft,
        backlog: usize,
        end: Option<(&Changes, Option<Full>)>,
    ) -> Result<(), PullError> {
        let heirs = self.take_back(&mut draft).await?;
        let overlap = self.stream.pull.overlap;
        let end = end.map(|(changes, full)| {
            // A stamp from the future, of a clock that was wrong for a moment, must not hide what comes after it.
            let mark = changes.newest.map(|newest| newest.min(self.now)).max(self.state.mark);
            // Twice the overlap: what a slow transaction changed is asked for again for as long as the mark is near.
            let forget_before = mark.map(|mark| (mark - overlap * 2).timestamp_micros());
            End { changes, mark, forget_before, full }
        });
        let text = draft.text();
        let hash = sha256_hex(text.as_bytes());
        let notes = Notes {
            lease: self.lease,
            place: self.place(),
            now: self.now,
            draft: &draft,
            hash: &hash,
            heirs,
            backlog: i64::try_from(backlog).unwrap_or(i64::MAX),
            end,
        };
        if text.is_empty() {
            return self.note_alone(&notes).await;
        }
        if let Some((batch, rejected)) = &self.rejected
            && *rejected == hash
        {
            return Err(PullError::Refused(format!("batch {batch} was rejected, and nothing changed since")));
        }
        self.put(&self.stream.name, text, notes).await
    }

    /// Nothing is to be delivered; what was seen is kept all the same, if anything was.
    async fn note_alone(&self, notes: &Notes<'_>) -> Result<(), PullError> {
        let is_news = !notes.draft.taken.is_empty()
            || notes.end.is_some_and(|end| {
                !end.changes.seen.is_empty() || end.full.is_some() || self.state.held_batch.is_some()
            });
        if !is_news {
            return Ok(());
        }
        let mut tx = self.app.db.begin().await?;
        notes.write(&mut tx, &[]).await?;
        if !self.lease.holds(&mut tx).await? {
            tx.rollback().await?;
            return Err(PullError::Lost);
        }
        Ok(tx.commit().await?)
    }

    /// Adds rows that take back what records no longer have, unless another record has it too: that one is handed on again.
    async fn take_back(&self, draft: &mut Draft) -> Result<BTreeSet<String>, PullError> {
        let records: BTreeSet<&str> = draft.taken.iter().map(|taken| taken.record.as_str()).collect();
        let before = pulled::keys_of(&self.app.db, self.place(), records.iter().copied()).await?;
        let now: BTreeSet<&RowKey> = draft.keys.iter().collect();
        let now_keys: BTreeSet<&str> = draft.keys.iter().map(|key| key.row_key.as_str()).collect();
        let lost: BTreeMap<String, String> = before
            .into_iter()
            .filter(|key| !now.contains(key) && !now_keys.contains(key.row_key.as_str()))
            .map(|key| (key.row_key, key.record))
            .collect();
        if lost.is_empty() {
            return Ok(BTreeSet::new());
        }
        let holders = pulled::holders(&self.app.db, self.place(), lost.keys().map(String::as_str)).await?;
        let mut heirs = BTreeSet::new();
        let mut inherited = BTreeSet::new();
        for holder in holders.into_iter().filter(|holder| !records.contains(holder.record.as_str())) {
            heirs.insert(holder.record);
            inherited.insert(holder.row_key);
        }
        let mut lines = Vec::new();
        for (key, record) in lost.into_iter().filter(|(key, _)| !inherited.contains(key)) {
            let Ok(Value::Object(mut row)) = serde_json::from_str::<Value>(&key) else { continue };
            row.insert("deleted".to_owned(), Value::Bool(true));
            lines.push((record, Value::Object(row).to_string()));
        }
        // First, so that what another record has instead stands after it.
        lines.append(&mut draft.lines);
        draft.lines = lines;
        Ok(heirs)
    }

    /// Delivers the rows that the file gives, unless they were delivered already.
    pub(super) async fn deliver_given(
        &mut self,
        place: Place<'_>,
        given: Vec<Map<String, Value>>,
    ) -> Result<(), PullError> {
        let mut draft = Draft::default();
        draft.add("file", given);
        let known = pulled::hashes(&self.app.db, place, ["file"]).await?;
        let is_same = known.first().map(|(_, hash)| hash) == draft.taken.first().map(|taken| &taken.hash);
        if is_same {
            return Ok(());
        }
        let text = draft.text();
        let hash = sha256_hex(text.as_bytes());
        let notes = Notes {
            lease: self.lease,
            place,
            now: self.now,
            draft: &draft,
            hash: &hash,
            heirs: BTreeSet::new(),
            backlog: 0,
            end: None,
        };
        self.put("given", text, notes).await
    }

    async fn put(&self, feed: &str, text: String, mut notes: Notes<'_>) -> Result<(), PullError> {
        let id: BatchId = self.app.ids.next();
        let delivery =
            Delivery { source: source(self.connection), feed: feed.to_owned(), ..Delivery::default() };
        let content = content(self.app, text).await.map_err(BatchError::Read)?;
        let limits = Some(&self.app.config.catalog.hold);
        let beside: Option<&mut dyn Beside> = Some(&mut notes);
        let report =
            catalog::deliver_beside(&self.app.db, self.now, id, &delivery, limits, &content, beside).await;
        let report = match report {
            Err(BatchError::Abandoned) => return Err(PullError::Lost),
            other => other?,
        };
        if report.state == BatchState::Held {
            return Err(PullError::Held(report.batch));
        }
        self.app.catalog.refresh(&self.app.db).await?;
        for (outcome, rows) in [
            ("applied", report.applied),
            ("unchanged", report.unchanged),
            ("quarantined", report.quarantined),
        ] {
            let (connection, stream) = (self.connection.name.clone(), feed.to_owned());
            metrics::counter!(
                "aisle_exchange_pulled_rows_total",
                "connection" => connection, "stream" => stream, "outcome" => outcome
            )
            .increment(u64::try_from(rows).unwrap_or(0));
        }
        Ok(())
    }
}

/// The text of a batch as its content.
pub(super) async fn content(app: &crate::app::App, text: String) -> std::io::Result<Content> {
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>(text.into())]);
    Content::receive(body, app.ids.next()).await.map_err(std::io::Error::other)
}

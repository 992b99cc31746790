//! Applies the rows of one batch inside its transaction, piece by piece.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::types::Json;

use super::super::quality::{self, Judge, Rule};
use super::super::rows::{self, BatchRow, Key, Kind, Reason, Refusal, Row};
use super::super::store::batch::{self, BatchRead, Kinds, RefusedRow, Tally};
use super::super::store::{feeds, outcome, whole, write};
use super::known::Known;
use super::outcomes::{Outcomes, RowOutcome};
use super::rules::{self, BatchHold, Facts, Limits};
use super::scope::Scope;
use super::source::{Item, Pieces, Unreadable};
use super::{BatchDecision, BatchMode, BatchState, Delivery, Error, Form, REFUSALS_SHOWN_MAX};
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{BatchId, PriceListId};

/// Quarantined rows of one batch that are listed, some 20 MB: whoever has more has one mistake, and sees it in a thousand
/// times fewer. The others are counted.
const REFUSALS_KEPT_MAX: usize = 100_000;

/// Headings that are shown of each side when a table's changed.
const HEADINGS_SHOWN_MAX: usize = 10;

/// A batch that is being applied; dropped without a word it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) tx: Tx,
    pub(super) id: BatchId,
    delivery: &'a Delivery,
    revision: i64,
    now: Moment,
    known: Known,
    scope: Scope,
    kinds: Kinds,
    reasons: BTreeMap<Reason, i64>,
    /// Quarantined rows that wait to be written.
    refused: Vec<RefusedRow>,
    /// The first quarantined rows: what is held shows them though its transaction is rolled back.
    pub(super) shown: Vec<RefusedRow>,
    /// The lines of all quarantined rows, and why.
    pub(super) all_refused: Vec<(i64, Reason)>,
    /// Rows that were taken back one by one.
    gone: BTreeMap<Kind, i64>,
    /// The price lists that occur, and whether each had no prices before.
    lists: HashMap<PriceListId, bool>,
    quality: Judge,
    /// Quarantined rows of which nobody can tell what they are about.
    nameless: i64,
    /// Quarantined rows that were listed, and that were not because there were too many.
    listed: usize,
    unlisted: i64,
    outcomes: Outcomes,
    /// Of a table.
    headings: Option<Vec<String>>,
}

/// Rows of one kind, each key once.
#[derive(Debug, Default)]
struct Group {
    live: Vec<BatchRow>,
    /// The keys of the live ones, and their lines.
    keys: Vec<Key>,
    lines: Vec<i64>,
    gone: Vec<Key>,
    gone_lines: Vec<i64>,
}

impl<'a> Batch<'a> {
    /// Takes the next revision; every other batch waits from here on.
    pub(super) async fn begin(
        mut tx: Tx,
        id: BatchId,
        now: Moment,
        delivery: &'a Delivery,
    ) -> Result<Self, Error> {
        tx.looks_up(true).await?;
        let revision = write::next_revision(&mut tx).await?;
        let is_full = delivery.mode == BatchMode::Full;
        if is_full {
            whole::begin(&mut tx).await?;
        }
        Ok(Self {
            tx,
            id,
            delivery,
            revision,
            now,
            known: Known::default(),
            scope: Scope::new(is_full, &delivery.kinds),
            kinds: Kinds::new(),
            reasons: BTreeMap::new(),
            refused: Vec::new(),
            shown: Vec::new(),
            all_refused: Vec::new(),
            gone: BTreeMap::new(),
            lists: HashMap::new(),
            quality: Judge::new(delivery.source.clone(), delivery.is_confirmed),
            nameless: 0,
            listed: 0,
            unlisted: 0,
            outcomes: Outcomes::default(),
            headings: None,
        })
    }

    /// b.order: a batch that is not above the last applied one of its feed comes too late.
    pub(super) async fn check_order(&mut self) -> Result<(), Error> {
        let Some(sequence) = self.delivery.sequence else { return Ok(()) };
        match batch::last_sequence(&mut self.tx, &self.delivery.source, &self.delivery.feed).await? {
            Some(applied) if applied >= sequence => Err(Error::Order { applied }),
            _ => Ok(()),
        }
    }

    /// Applies every row, and takes back what a full delivery leaves out.
    pub(super) async fn run(&mut self, mut pieces: Pieces) -> Result<(), Error> {
        self.headings = pieces.headings.take();
        let mut lines = 0;
        let mut last = 0;
        while let Some(piece) = pieces.next().await? {
            for (line, _) in &piece {
                lines += i64::from(*line != last);
                last = *line;
            }
            self.piece(piece).await?;
        }
        // What follows looks at whole tables.
        self.tx.looks_up(false).await?;
        if let Some(declared) = self.delivery.rows.filter(|declared| *declared != lines) {
            return Err(Error::Truncated { declared, received: lines });
        }
        if self.nameless > 0 && !self.delivery.is_confirmed {
            // What such a row is about would be taken for left out. A person who saw that may say that it is.
            return Ok(());
        }
        let removed = self.scope.remove_rest(&mut self.tx, self.revision, self.now.timestamp()).await?;
        for (kind, removed) in removed {
            self.kinds.entry(kind).or_default().removed += removed;
        }
        Ok(())
    }

    async fn piece(&mut self, piece: Vec<Item>) -> Result<(), db::Error> {
        let mut rows: Vec<(i64, Row)> = Vec::with_capacity(piece.len());
        let mut keys: HashSet<Key> = HashSet::with_capacity(piece.len());
        let mut protected = Vec::new();
        for (line, row) in piece {
            match row {
                Ok(row) => {
                    // A key that stands twice is applied twice, in order.
                    if !keys.insert(row.key.clone()) {
                        self.flush(std::mem::take(&mut rows), &mut protected).await?;
                        keys.clear();
                        keys.insert(row.key.clone());
                    }
                    rows.push((line, row));
                }
                Err(Unreadable { kind, name, refusal, keys, raw }) => {
                    self.quarantine(line, kind, name, refusal, &raw);
                    self.nameless += i64::from(keys.is_empty());
                    protected.extend(keys);
                }
            }
        }
        self.flush(rows, &mut protected).await?;
        self.outcomes.keep(&mut self.tx, self.id).await
    }

    /// The one place that quarantined rows pass: kept aside for people, counted by kind and reason, listed with the batch.
    fn quarantine(&mut self, line: i64, kind: Kind, key: String, refusal: Refusal, raw: &str) {
        let refusal = self.quality.keep(self.now, line, kind, &key, refusal, raw);
        self.kinds.entry(kind).or_default().quarantined += 1;
        *self.reasons.entry(refusal.reason).or_default() += 1;
        self.outcomes.note(line, RowOutcome::Quarantined);
        let row = RefusedRow {
            line,
            kind,
            key,
            reason: refusal.reason,
            rule: refusal.rule,
            detail: refusal.detail,
        };
        if self.all_refused.len() < REFUSALS_KEPT_MAX {
            self.all_refused.push((line, row.reason));
        }
        if i64::try_from(self.shown.len()).is_ok_and(|shown| shown < REFUSALS_SHOWN_MAX) {
            self.shown.push(row.clone());
        }
        if self.listed < REFUSALS_KEPT_MAX {
            self.listed += 1;
            self.refused.push(row);
        } else {
            self.unlisted += 1;
        }
    }

    /// Judges rows against what is known, and writes those that hold.
    async fn flush(&mut self, mut rows: Vec<(i64, Row)>, protected: &mut Vec<Key>) -> Result<(), db::Error> {
        let mut judged = self.quality.judge(&mut self.tx, self.now, self.revision, &rows).await?;
        if let Form::Table(_) = self.delivery.form {
            // The code and the price in a line whose product is refused are not told as mistakes of their own.
            let is_orphan = |line: i64, row: &Row| {
                row.key.kind() != Kind::Product && judged.contains_key(&(line, Kind::Product))
            };
            protected
                .extend(rows.extract_if(.., |(line, row)| is_orphan(*line, row)).map(|(_, row)| row.key));
        }
        self.known.learn(&mut self.tx, &rows, &judged).await?;
        let mut groups: BTreeMap<Kind, Group> = BTreeMap::new();
        let mut orphaned = None;
        for (line, row) in rows {
            let kind = row.key.kind();
            if orphaned == Some(line) {
                // Of a table: what refers to the product that was just refused in its line.
                protected.push(row.key);
                continue;
            }
            match judged.remove(&(line, kind)).map_or_else(|| self.known.judge(&row), Err) {
                Ok(()) => {
                    let group = groups.entry(kind).or_default();
                    if let Some(content) = row.content {
                        group.live.push(content);
                        group.keys.push(row.key);
                        group.lines.push(line);
                    } else {
                        group.gone.push(row.key);
                        group.gone_lines.push(line);
                    }
                }
                Err(refusal) => {
                    let is_table = matches!(self.delivery.form, Form::Table(_));
                    orphaned = (is_table && kind == Kind::Product).then_some(line);
                    self.quarantine(
                        line,
                        kind,
                        rows::fit(&row.key.to_string()),
                        refusal,
                        &quality::raw(&row),
                    );
                    protected.push(row.key);
                }
            }
        }
        // Kinds sort by their references: what is referred to is written first.
        for (kind, group) in groups {
            self.write(kind, &group).await?;
        }
        if self.scope.is_full() && !protected.is_empty() {
            self.scope.enter(&mut self.tx, protected, self.now.timestamp()).await?;
            self.scope.keep(&mut self.tx, protected).await?;
        }
        protected.clear();
        if !self.refused.is_empty() {
            batch::insert_refusals(&mut self.tx, self.id, &self.refused).await?;
            self.refused.clear();
        }
        self.quality.write(&mut self.tx, self.id, self.now, self.revision).await
    }

    async fn write(&mut self, kind: Kind, group: &Group) -> Result<(), db::Error> {
        // What was there before is counted before anything of it changes.
        self.scope.enter(&mut self.tx, &group.keys, self.now.timestamp()).await?;
        let written = if group.live.is_empty() { 0 } else { self.upsert(kind, &group.live).await? };
        // What was written carries this revision: only of what was known already must it be noted that it came.
        if written < u64::try_from(group.keys.len()).unwrap_or(u64::MAX) {
            self.scope.keep(&mut self.tx, &group.keys).await?;
        }
        let mut gone = 0;
        if !group.gone.is_empty() {
            let deleted =
                write::delete(&mut self.tx, kind, self.revision, self.now.timestamp(), &group.gone).await?;
            gone = i64::try_from(deleted).unwrap_or(i64::MAX);
            *self.gone.entry(kind).or_default() += gone;
            self.note(kind, &group.gone, &group.gone_lines, deleted).await?;
        }
        if kind == Kind::Code && !self.delivery.is_of_staff() {
            // From now on the code is whoever's delivers it.
            let keys = group.keys.iter().chain(&group.gone);
            feeds::take_over(&mut self.tx, keys.map(ToString::to_string).collect()).await?;
        }
        self.note(kind, &group.keys, &group.lines, written).await?;
        let applied = i64::try_from(written).unwrap_or(i64::MAX) + gone;
        let tally = self.kinds.entry(kind).or_default();
        tally.applied += applied;
        tally.unchanged += count(group.live.len() + group.gone.len()) - applied;
        Ok(())
    }

    /// Notes what became of the lines of these keys, of which so many were written. Which ones is asked only where not all
    /// fared alike.
    async fn note(&mut self, kind: Kind, keys: &[Key], lines: &[i64], written: u64) -> Result<(), db::Error> {
        let is_all = written >= u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let outcome = if is_all { RowOutcome::Applied } else { RowOutcome::Unchanged };
        for line in lines {
            self.outcomes.note(*line, outcome);
        }
        if written > 0 && !is_all {
            for place in outcome::changed(&mut self.tx, kind, self.revision, keys).await? {
                if let Some(line) = lines.get(place) {
                    self.outcomes.note(*line, RowOutcome::Applied);
                }
            }
        }
        Ok(())
    }

    /// Writes rows of one kind; answers how many were new or different.
    async fn upsert(&mut self, kind: Kind, live: &[BatchRow]) -> Result<u64, db::Error> {
        let (tx, revision) = (&mut self.tx, self.revision);
        match kind {
            Kind::Store => {
                let stores: Vec<_> = live.iter().filter_map(BatchRow::as_store).collect();
                write::upsert_stores(tx, revision, &stores).await
            }
            Kind::Product => {
                // Without their tag: what is stored is the product.
                let products: Vec<_> = live.iter().filter_map(BatchRow::as_product).collect();
                write::upsert(tx, kind, revision, &products).await
            }
            Kind::Promotion => {
                let promotions: Vec<_> = live.iter().filter_map(BatchRow::as_promotion).collect();
                write::upsert(tx, kind, revision, &promotions).await
            }
            Kind::Price => {
                let prices: Vec<_> = live.iter().filter_map(BatchRow::as_price).collect();
                for list in prices.iter().map(|row| &row.price_list) {
                    if !self.lists.contains_key(list) {
                        let is_new = !write::has_prices(tx, list.as_str()).await?;
                        self.lists.insert(list.clone(), is_new);
                    }
                }
                let is_new = |list: &PriceListId| self.lists.get(list).copied().unwrap_or_default();
                write::upsert_prices(tx, revision, self.now.timestamp(), &prices, is_new).await
            }
            _ => write::upsert(tx, kind, revision, live).await,
        }
    }

    /// Which rules for whole batches it breaks.
    pub(super) async fn judge(&mut self, limits: &Limits) -> Result<Vec<BatchHold>, db::Error> {
        let total = self.total();
        let mut facts =
            Facts { received: total.received(), quarantined: total.quarantined, ..Facts::default() };
        facts.worst = self.quality.worst();
        facts.foreign = self.quality.count_of(Rule::PriceCurrency);
        let of = |kind: Kind| match self.delivery.form {
            Form::Table(_) => total.received(),
            Form::Lines => self.kinds.get(&kind).map_or(0, Tally::received),
        };
        facts.undigits = (self.quality.count_of(Rule::CodeCharset), of(Kind::Code));
        facts.undecoded = (self.quality.count_of(Rule::NameEncoding), of(Kind::Product));
        facts.header = self.changed_header().await?;
        let damaged = facts.undigits.0.max(facts.undecoded.0);
        let tx = &mut self.tx;
        if total.quarantined >= limits.bad_rows_min()
            || self.nameless > 0
            || damaged >= limits.rows_min.max(1)
        {
            facts.is_first = whole::is_first(tx, self.revision).await?;
            facts.usual = batch::usual_quarantine(tx, &self.delivery.source, &self.delivery.feed).await?;
        }
        facts.shrunk = self.scope.shrunk(&self.gone);
        let mut rest = self.gone.clone();
        rest.retain(|kind, _| !self.scope.is_whole(*kind));
        facts.shrunk.extend(whole::taken_back(tx, &rest, limits.rows_min, limits.shrink_percent).await?);
        if self.kinds.get(&Kind::Product).is_some_and(|tally| tally.removed > 0) {
            facts.categories_gone = whole::categories_gone(tx, self.revision).await?;
        }
        for kind in [Kind::Store, Kind::PriceList, Kind::TaxClass, Kind::TaxRate] {
            let removed = self.kinds.get(&kind).map_or(0, |tally| tally.removed);
            let gone = self.gone.get(&kind).copied().unwrap_or_default() + removed;
            if gone > 0 {
                facts.foundations_gone.push((kind, gone));
            }
        }
        facts.nameless = if self.scope.is_full() { self.nameless } else { 0 };
        if self.kinds.get(&Kind::Price).is_some_and(|tally| tally.applied > 0) {
            let removed = self.kinds.get(&Kind::Price).map_or(0, |tally| tally.removed);
            let gone = self.gone.get(&Kind::Price).copied().unwrap_or_default() + removed;
            let bound = (limits.rows_min, limits.change_percent);
            facts.prices = whole::price_change(tx, self.revision, bound, gone).await?;
        }
        Ok(rules::holds(&facts, limits))
    }

    /// How the headings of a table differ from those of the last one of its feed that was read in the same way.
    async fn changed_header(&mut self) -> Result<Option<String>, db::Error> {
        let (Some(mapping), Some(headings)) = (self.delivery.mapping(), &self.headings) else {
            return Ok(None);
        };
        let (source, feed) = (&self.delivery.source, &self.delivery.feed);
        if feed.is_empty() {
            // Whoever names no feed may send a table of goods and one of drinks.
            return Ok(None);
        }
        let before = feeds::headings(&mut self.tx, source, feed, &mapping).await?;
        let before: Option<Vec<String>> = before.and_then(|text| serde_json::from_str(&text).ok());
        let Some(before) = before.filter(|before| before != headings) else { return Ok(None) };
        let other = |these: &[String], those: &[String]| {
            let differ = these.iter().filter(|each| !those.contains(each)).take(HEADINGS_SHOWN_MAX);
            differ.map(|each| rows::fit(each)).collect::<Vec<_>>().join(", ")
        };
        let (gone, new) = (other(&before, headings), other(headings, &before));
        Ok(Some(format!("the headings of the table changed; gone: {gone}; new: {new}; or their order")))
    }

    /// What became of the rows: of a table, of its own rows, which count as their products do.
    pub(super) fn total(&self) -> Tally {
        let mut total = match self.delivery.form {
            Form::Table(_) => self.kinds.get(&Kind::Product).copied().unwrap_or_default(),
            Form::Lines => Tally::sum(self.kinds.values()),
        };
        total.removed = self.kinds.values().map(|tally| tally.removed).sum();
        total
    }

    /// What is kept of the batch, and its transaction.
    pub(super) fn into_read(self, hash: String, state: BatchState, holds: Vec<BatchHold>) -> (Tx, BatchRead) {
        let total = self.total();
        let read = BatchRead {
            id: self.id,
            hash,
            state,
            delivery: Json(self.delivery.clone()),
            source: self.delivery.source.clone(),
            feed: self.delivery.feed.clone(),
            sequence: self.delivery.sequence,
            received: total.received(),
            applied: total.applied,
            unchanged: total.unchanged,
            quarantined: total.quarantined,
            removed: total.removed,
            kinds: Json(self.kinds),
            reasons: Some(Json(self.reasons)),
            holds: Json(holds),
            revision: self.revision,
            received_at: self.now,
            applied_at: (state == BatchState::Applied).then_some(self.now),
            decision: None,
            decide_by: None,
            unlisted: self.unlisted,
        };
        (self.tx, read)
    }

    /// Makes the batch last; `received_at` is when it came, which for a released one is earlier.
    pub(super) async fn commit(
        mut self,
        hash: String,
        received_at: Moment,
        holds: Vec<BatchHold>,
        decision: Option<BatchDecision>,
    ) -> Result<(), db::Error> {
        let is_nothing = self.kinds.values().all(|tally| tally.applied + tally.removed == 0);
        if is_nothing && !self.quality.changed_stops() {
            write::give_revision_back(&mut self.tx).await?;
            self.revision -= 1;
        }
        if self.unlisted > 0 {
            let unlisted = self.unlisted;
            tracing::warn!(batch = %self.id, unlisted, "a batch has more quarantined rows than are listed");
            metrics::counter!("aisle_catalog_caps_reached_total", "cap" => "batch_refusals").increment(1);
        }
        let mapping = self.delivery.mapping().filter(|_| !self.delivery.feed.is_empty());
        if let (Some(mapping), Some(headings)) = (mapping, &self.headings) {
            let text = serde_json::to_string(headings).map_err(|error| db::Error::Encode(error.into()))?;
            let (source, feed) = (&self.delivery.source, &self.delivery.feed);
            feeds::keep_headings(&mut self.tx, source, feed, &mapping, &text, self.now).await?;
        }
        let total = self.total();
        self.quality.finish(&mut self.tx, self.id, self.now, total.received(), total.quarantined).await?;
        let (mut tx, read) = self.into_read(hash, BatchState::Applied, holds);
        batch::insert(&mut tx, BatchRead { received_at, decision: decision.map(Json), ..read }).await?;
        tx.commit().await
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

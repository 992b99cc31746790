//! What a full delivery is the whole of, what of it was there before, and what it leaves out.
//!
//! The scope are the kinds that were named, or else those that the batch holds; of prices only the lists that occur, of
//! stock and locations only the stores that occur. Rows that were quarantined, and those whose key can be read though they can't, are
//! not left out.

use std::collections::{BTreeMap, BTreeSet};

use super::super::rows::{Key, Kind};
use super::super::store::whole;
use super::rules::Shrunk;
use crate::db::{self, Tx};

/// A kind of rows; of prices those of one list, of stock and locations that of one store.
pub(super) type Part = (Kind, String);

#[derive(Debug)]
pub(super) struct Scope {
    is_full: bool,
    /// The kinds that were named; those that occur when empty.
    named: BTreeSet<Kind>,
    /// Each part of the scope with its live rows before the batch, and how many of them are gone.
    parts: BTreeMap<Part, Shrunk>,
}

impl Scope {
    pub(super) fn new(is_full: bool, named: &[Kind]) -> Self {
        Self { is_full, named: named.iter().copied().collect(), parts: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes the parts of these keys into the scope, and counts what is there of them now.
    pub(super) async fn enter(&mut self, tx: &mut Tx, keys: &[Key], now: i64) -> Result<(), db::Error> {
        if !self.is_full {
            return Ok(());
        }
        for key in keys {
            let (kind, of) = part(key);
            let is_named = self.named.is_empty() || self.named.contains(&kind);
            if is_named && !self.parts.contains_key(&(kind, of.to_owned())) {
                self.add(tx, (kind, of.to_owned()), now).await?;
            }
        }
        Ok(())
    }

    async fn add(&mut self, tx: &mut Tx, part: Part, now: i64) -> Result<(), db::Error> {
        let before = whole::live(tx, part.0, &part.1, now).await?;
        self.parts.insert(part, Shrunk { before, ..Shrunk::default() });
        Ok(())
    }

    /// Notes that these came.
    pub(super) async fn keep(&self, tx: &mut Tx, keys: &[Key]) -> Result<(), db::Error> {
        if self.is_full { whole::keep(tx, keys).await } else { Ok(()) }
    }

    /// Takes back what did not come; answers how many rows of each kind.
    pub(super) async fn remove_rest(
        &mut self,
        tx: &mut Tx,
        revision: i64,
        now: i64,
    ) -> Result<BTreeMap<Kind, i64>, db::Error> {
        let mut removed = BTreeMap::new();
        if !self.is_full {
            return Ok(removed);
        }
        for kind in self.named.clone() {
            let is_whole = !matches!(kind, Kind::Price | Kind::Stock | Kind::Location | Kind::Unknown);
            if is_whole && !self.parts.contains_key(&(kind, String::new())) {
                self.add(tx, (kind, String::new()), now).await?;
            }
        }
        for ((kind, of), shrunk) in &mut self.parts {
            shrunk.gone = whole::remove(tx, *kind, of, revision, now).await?;
            *removed.entry(*kind).or_default() += shrunk.gone;
        }
        Ok(removed)
    }

    /// Whether all of a kind is in the scope, not only some lists or stores of it.
    pub(super) fn is_whole(&self, kind: Kind) -> bool {
        self.parts.contains_key(&(kind, String::new()))
    }

    /// How each part shrank, with what was taken back row by row.
    pub(super) fn shrunk(&self, gone: &BTreeMap<Kind, i64>) -> Vec<Shrunk> {
        let part = |((kind, of), shrunk): (&Part, &Shrunk)| {
            // Rows that are taken back one by one are not told apart by list or store: they count where the kind is one.
            let more = if of.is_empty() { gone.get(kind).copied().unwrap_or_default() } else { 0 };
            Shrunk {
                name: name(*kind, of),
                kind: Some(*kind),
                before: shrunk.before,
                gone: shrunk.gone + more,
            }
        };
        self.parts.iter().map(part).collect()
    }
}

fn name(kind: Kind, of: &str) -> String {
    if of.is_empty() { kind.to_string() } else { format!("{kind} of {of}") }
}

fn part(key: &Key) -> (Kind, &str) {
    match key {
        Key::Price { price_list, .. } => (Kind::Price, price_list.as_str()),
        Key::Stock { store, .. } => (Kind::Stock, store.as_str()),
        Key::Location { store, .. } => (Kind::Location, store.as_str()),
        _ => (key.kind(), ""),
    }
}

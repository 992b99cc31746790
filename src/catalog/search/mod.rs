//! Search by words and by category, for what has no code that a phone can read; from memory.
//!
//! Words are kept apart from prices: what a store sells and asks is looked up in the catalogue's index when the search is
//! made, so that a price never waits for words. Words follow the catalogue in the background: what was renamed is found by
//! its new name about a second later (the look twice a second, and the making of what changed). Most products are in one
//! segment that stands for long, those that changed since in a small one of their own.
//!
//! Only products with a code are found: the others could not be put into a cart. `words.rs` cuts texts, `segment.rs` keeps
//! words, `ranking.rs` finds and orders, `nearness.rs` forgives mistakes, `categories.rs` counts.

mod categories;
mod http;
mod nearness;
mod ranking;
mod segment;
#[cfg(test)]
mod size;
mod words;

pub(super) use http::routes;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use quick_cache::sync::Cache;
use tokio_util::sync::CancellationToken;

use self::categories::Counted;
use self::ranking::{Candidate, Wanted, candidates};
use self::segment::{Segment, sorting_name};
use super::answer;
use super::code::Gtin;
use super::index::{CodeTables, Facts, Snapshot};
use super::model::FindError;
use crate::app::App;
use crate::clock::Moment;
use crate::ids::StoreId;
use crate::jobs;

/// How often the words are brought to what lookups see.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// So many changed products are kept beside the others before all are gathered anew, if they are not many more: making
/// their segment takes a small part of a second.
const FRESH_MAX: usize = 2_000;
/// Above [`FRESH_MAX`], one product in so many may have changed.
const FRESH_PART: usize = 20;
/// Trees that are kept: a few hundred stores.
const TREES_KEPT: usize = 512;
/// How long the counts of a tree may be older than prices that begin or end, in seconds.
const TREE_SECONDS: i64 = 60;

/// The words of the catalogue at one revision.
#[derive(Debug)]
pub(super) struct Index {
    revision: i64,
    /// The facts of which the large segment was made, and those that were seen last.
    gathered: Facts,
    seen: Facts,
    all: Arc<Segment>,
    fresh: Arc<Segment>,
    /// Products of the large segment that changed since.
    replaced: Arc<HashSet<u32>>,
    tables: CodeTables,
    /// A code for each product by its number, nought for none: that of one piece before those of several, then the lowest.
    codes: Arc<Vec<u64>>,
}

/// What a tree is of: the store, the catalogue's revision, that of the words, and the minute.
type TreeKey = (StoreId, i64, i64, i64);

/// The words by which products are found.
pub(super) struct Search {
    current: ArcSwapOption<Index>,
    /// Held by the one that makes the next words.
    making: tokio::sync::Mutex<()>,
    trees: Cache<TreeKey, Arc<Vec<Counted>>>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            making: tokio::sync::Mutex::default(),
            trees: Cache::new(TREES_KEPT),
        }
    }
}

impl std::fmt::Debug for Search {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Search")
    }
}

/// A part of what was found: the answers of single lookups, and whether there are more.
#[derive(Debug)]
struct Page {
    products: Vec<Vec<u8>>,
    has_more: bool,
}

/// Brings the words to what lookups see, until told to stop.
pub async fn follow(app: App, stop: CancellationToken) {
    // Gathering a million products takes a while, and whoever stops the service does not wait for it.
    let gather = async || {
        let _ = stop.run_until_cancelled(app.catalog.refresh_search()).await;
    };
    jobs::every(LOOK_AGAIN, &stop, gather).await;
}

impl Search {
    /// Makes the words of a snapshot, away from the threads that serve requests.
    pub(super) async fn refresh(&self, snapshot: Arc<Snapshot>) {
        let _making = self.making.lock().await;
        let before = self.current.load_full();
        if before.as_ref().is_some_and(|before| before.revision >= snapshot.revision()) {
            return;
        }
        let made = tokio::task::spawn_blocking(move || Index::after(before.as_deref(), &snapshot)).await;
        match made {
            Ok(index) => self.current.store(Some(Arc::new(index))),
            Err(error) => tracing::error!(error = %error, "the search can't be brought up to date"),
        }
    }

    /// Products of exactly this category as the words have them, by their numbers, at most so many.
    pub(super) fn in_category(&self, path: &[String], most: usize) -> Vec<u32> {
        let Some(index) = self.current().filter(|_| !path.is_empty()) else { return Vec::new() };
        let all = index.all.in_category(path).filter(|number| !index.replaced.contains(number));
        all.chain(index.fresh.in_category(path)).take(most).collect()
    }

    fn current(&self) -> Option<Arc<Index>> {
        self.current.load_full()
    }
}

impl Index {
    fn after(before: Option<&Self>, snapshot: &Snapshot) -> Self {
        let tables = snapshot.code_tables();
        let codes = match before {
            Some(before) if before.tables.is_same(&tables) => before.codes.clone(),
            _ => Arc::new(first_codes(snapshot)),
        };
        let seen = snapshot.all_facts();
        let revision = snapshot.revision();
        if let Some(before) = before {
            let changed = snapshot.changed_since(&before.gathered);
            if changed.len() <= FRESH_MAX.max(before.all.len() / FRESH_PART) {
                let (fresh, replaced) = if snapshot.changed_since(&before.seen).is_empty() {
                    (before.fresh.clone(), before.replaced.clone())
                } else {
                    let fresh = Segment::of(snapshot, changed.iter().copied());
                    (Arc::new(fresh), Arc::new(changed.into_iter().collect()))
                };
                let (gathered, all) = (before.gathered.clone(), before.all.clone());
                return Self { revision, gathered, seen, all, fresh, replaced, tables, codes };
            }
        }
        let all = Arc::new(Segment::of(snapshot, snapshot.numbers()));
        let (fresh, replaced) = (Arc::default(), Arc::default());
        let index = Self { revision, gathered: seen.clone(), seen, all, fresh, replaced, tables, codes };
        let (products, words, bytes) = (index.all.len(), index.all.word_count(), index.bytes());
        tracing::info!(
            products,
            words,
            bytes,
            bytes_each = bytes.checked_div(products),
            "the search has gathered all products"
        );
        index
    }

    /// Bytes of memory, about.
    fn bytes(&self) -> usize {
        self.all.bytes() + self.fresh.bytes() + 8 * self.replaced.len() + 8 * self.codes.len()
    }

    /// The code under which a product is put into a cart, as lookups see it now.
    fn code(&self, snapshot: &Snapshot, number: u32) -> Option<Gtin> {
        let code = *self.codes.get(usize::try_from(number).ok()?)?;
        let gtin = Gtin::checked(&format!("{code:014}")).ok().filter(|gtin| *gtin != Gtin::NOTHING)?;
        snapshot.owner(gtin).is_some_and(|(owner, _)| owner == number).then_some(gtin)
    }

    /// What is sold in a store of what is wanted: those after the first `skipped`, at most `limit`.
    fn find(
        &self,
        snapshot: &Snapshot,
        store: &StoreId,
        wanted: &Wanted,
        now: Moment,
        (skipped, limit): (usize, usize),
    ) -> Result<Page, FindError> {
        let sold_here = snapshot.shelf(store)?;
        let all = candidates(&self.all, wanted, |number| self.replaced.contains(&number));
        let fresh = candidates(&self.fresh, wanted, |_| false);
        let mut sold = merged(snapshot, all, fresh)
            .filter_map(|number| sold_here.hit(number, self.code(snapshot, number)?, now))
            .skip(skipped);
        let products =
            sold.by_ref().take(limit).map(|hit| answer::write(&hit, snapshot.revision())).collect();
        Ok(Page { products, has_more: sold.next().is_some() })
    }

    /// The tree of goods of a store.
    fn tree(&self, snapshot: &Snapshot, store: &StoreId, now: Moment) -> Result<Vec<Counted>, FindError> {
        let sold_here = snapshot.shelf(store)?;
        let none = HashSet::new();
        let segments = [(self.all.as_ref(), self.replaced.as_ref()), (self.fresh.as_ref(), &none)];
        let is_found = |number| snapshot.record(number).is_some() && self.code(snapshot, number).is_some();
        Ok(categories::counted(segments, &sold_here, is_found, now.timestamp()))
    }
}

fn first_codes(snapshot: &Snapshot) -> Vec<u64> {
    let length = usize::try_from(snapshot.numbers().end).unwrap_or(0);
    let mut codes = vec![(true, 0); length];
    for (code, number) in snapshot.codes() {
        let Some(known) = usize::try_from(number).ok().and_then(|number| codes.get_mut(number)) else {
            continue;
        };
        let own = (snapshot.pieces(code) != 1, code);
        if known.1 == 0 || own < *known {
            *known = own;
        }
    }
    codes.into_iter().map(|(_, code)| code).collect()
}

/// Both in one order: by rank, and by name where ranks are equal.
fn merged(snapshot: &Snapshot, all: Vec<Candidate>, fresh: Vec<Candidate>) -> impl Iterator<Item = u32> + '_ {
    let name =
        |candidate: &Candidate| snapshot.record(candidate.number).map(|record| sorting_name(record.json()));
    let (mut all, mut fresh) = (all.into_iter().peekable(), fresh.into_iter().peekable());
    std::iter::from_fn(move || {
        let is_fresh = match (all.peek(), fresh.peek()) {
            (Some(one), Some(other)) if one.rank == other.rank => name(other) < name(one),
            (Some(one), Some(other)) => other.rank < one.rank,
            (one, _) => one.is_none(),
        };
        let next = if is_fresh { fresh.next() } else { all.next() };
        next.map(|candidate| candidate.number)
    })
}

/// A page of what a store sells.
async fn find(
    app: &App,
    store: StoreId,
    wanted: Wanted,
    part: (usize, usize),
) -> Result<(Page, i64), http::Error> {
    let index = app.catalog.search().current().ok_or(http::Error::NotReady)?;
    let (snapshot, now) = (app.catalog.view().clone(), app.clock.now());
    tokio::task::spawn_blocking(move || {
        Ok((index.find(&snapshot, &store, &wanted, now, part)?, snapshot.revision()))
    })
    .await?
}

/// The tree of goods of a store, counted once a minute and revision.
async fn tree(app: &App, store: StoreId) -> Result<(Arc<Vec<Counted>>, i64), http::Error> {
    let search = app.catalog.search();
    let index = search.current().ok_or(http::Error::NotReady)?;
    let (snapshot, now) = (app.catalog.view().clone(), app.clock.now());
    let revision = snapshot.revision();
    let key = (store.clone(), revision, index.revision, now.timestamp() / TREE_SECONDS);
    let counted = async {
        let made = tokio::task::spawn_blocking(move || index.tree(&snapshot, &store, now)).await?;
        Ok::<_, http::Error>(Arc::new(made?))
    };
    Ok((search.trees.get_or_insert_async(&key, counted).await?, revision))
}

//! Turns committed revisions into snapshots: at start from nothing, later from what changed.
//!
//! Revisions commit in order, and one read transaction sees whole batches only: so a snapshot never holds half of one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use chrono::NaiveDate;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::index::{Change, Snapshot, Timed, lowest_before};
use super::offline::Documents;
use super::quality;
use super::rows::PriceKind;
use super::search::Search;
use super::store::history;
use super::store::read::{self, OnList};
use crate::app::App;
use crate::db::{Db, Error, Tx};
use crate::error::Problem;
use crate::jobs;

/// How often an instance asks for revisions that others made: what a shopper may see is older by this at most.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Products on lists whose prices with times are read at once.
const TIMED_AT_ONCE: usize = 1_000;

/// Deliveries that one instance receives and applies at once. One is applied at a time, and the others wait for it with a
/// connection to the database each: carts must never run out of those.
const DELIVERIES_MAX: usize = 4;
/// When a sender that found no place should come again.
const DELIVERY_RETRY_SECONDS: u32 = 5;

/// The catalogue's index: what every lookup reads.
#[derive(Debug)]
pub struct Catalog {
    current: ArcSwap<Snapshot>,
    /// Held by the one that makes the next snapshot; readers never wait for it.
    writing: tokio::sync::Mutex<()>,
    documents: Documents,
    search: Search,
    /// Places of deliveries that are received or applied: see [`DELIVERIES_MAX`].
    deliveries: Arc<Semaphore>,
}

impl Catalog {
    /// Reads the whole catalogue.
    pub async fn load(db: &Db) -> Result<Self, Error> {
        let catalog = Self {
            current: ArcSwap::from_pointee(Snapshot::empty()),
            writing: tokio::sync::Mutex::default(),
            documents: Documents::default(),
            search: Search::default(),
            deliveries: Arc::new(Semaphore::new(DELIVERIES_MAX)),
        };
        catalog.refresh(db).await?;
        Ok(catalog)
    }

    /// The catalogue as it is now: take it once a request, so that the request sees one revision throughout.
    pub fn view(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// A place for one delivery, to be held until it is applied; an answer to come again when all are taken.
    pub(super) fn delivery_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.deliveries).try_acquire_owned().map_err(|_| {
            let detail =
                "Other batches are being received or applied; nothing of this one was. Send it again.";
            Problem::unavailable("overloaded", detail, DELIVERY_RETRY_SECONDS)
        })
    }

    /// The catalogues that phones took lately.
    pub(super) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The words by which products are found.
    pub(super) fn search(&self) -> &Search {
        &self.search
    }

    /// Brings the words by which products are found to what lookups see; takes as long as it takes, away from requests.
    pub async fn refresh_search(&self) {
        self.search.refresh(self.current.load_full()).await;
    }

    /// Brings the index to the last committed revision; answers that revision.
    pub async fn refresh(&self, db: &Db) -> Result<i64, Error> {
        if read::revision(db).await? <= self.view().revision() {
            return Ok(self.view().revision());
        }
        let _writing = self.writing.lock().await;
        let current = self.current.load_full();
        let mut tx = db.snapshot().await?;
        let revision = read::revision(&mut tx).await?;
        if revision > current.revision() {
            let mut change = Change::of(&current);
            if current.revision() == 0 {
                let (products, codes) = read::sizes(&mut tx).await?;
                change.reserve(products, codes);
            }
            apply(&mut tx, &mut change, current.revision()).await?;
            self.current.store(Arc::new(change.finish(revision)));
        }
        tx.rollback().await?;
        Ok(revision)
    }
}

/// Follows the revisions that other instances make, until told to stop.
pub async fn follow(app: App, stop: CancellationToken) {
    let look = async || {
        if let Err(error) = app.catalog.refresh(&app.db).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the catalogue's revision can't be read; asking again");
        }
    };
    jobs::every(LOOK_AGAIN, &stop, look).await;
}

/// Applies every row above a revision, in the order of references.
async fn apply(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    for rate in read::tax_rates(tx, above).await? {
        let from: NaiveDate = rate.valid_from.parse().map_err(|error| Error::Decode(Box::new(error)))?;
        change.rate(rate.country, rate.tax_class, from, (!rate.deleted).then_some(rate.rate));
    }
    for list in read::price_lists(tx, above).await? {
        change.price_list(list.price_list, list.currency, !list.deleted);
    }
    for (store, is_closed) in read::stores(tx, above).await? {
        if is_closed {
            change.close_store(&store.store);
        } else {
            change.store(store);
        }
    }
    products(tx, change, above).await?;
    codes(tx, change, above).await?;
    let again = prices(tx, change, above).await?;
    timed_prices(tx, change, above, again).await?;
    for row in read::recalls(tx, above).await? {
        let (sku, live) = (row.sku.clone(), !row.deleted);
        change.recall(&sku, row.into_recall(), live);
    }
    promotions(tx, change, above).await
}

/// Sorts after every key.
fn after(revision: i64) -> (i64, String) {
    (revision, "\u{7f}".to_owned())
}

async fn products(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    let mut place = after(above);
    let mut page = read::products(tx, &place).await?;
    let stops = if page.is_empty() { HashMap::new() } else { read::stops(tx).await? };
    while let Some(last) = page.last() {
        place = last.place();
        for row in page {
            let stop = stops.get(&row.details.sku).copied();
            change.product(&quality::stopped(&row.details.0, stop), !row.deleted);
        }
        page = read::products(tx, &place).await?;
    }
    Ok(())
}

async fn promotions(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    let mut place = after(above);
    loop {
        let page = super::store::promotions::promotions(tx, &place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.place();
        for row in page {
            change.promotion(row.details.0, !row.deleted);
        }
    }
}

async fn codes(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    let mut place = after(above);
    loop {
        let page = read::codes(tx, &place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = (last.revision, last.code.to_string());
        for row in page {
            change.code(row.code, &row.sku, row.quantity, !row.deleted);
        }
    }
}

/// Applies open prices; answers whose prices with times must be looked at again.
async fn prices(tx: &mut Tx, change: &mut Change, above: i64) -> Result<BTreeSet<OnList>, Error> {
    let (revision, last_key) = after(above);
    let mut place = (revision, last_key, String::new());
    let mut again = BTreeSet::new();
    loop {
        let page = read::prices(tx, &place).await?;
        let Some(last) = page.last() else { return Ok(again) };
        place = (last.revision, last.price_list.to_string(), last.sku.to_string());
        for row in page {
            if change.price(&row.price_list, &row.sku, (!row.deleted).then_some(row.amount)) {
                again.insert(OnList { price_list: row.price_list, sku: row.sku });
            }
        }
    }
}

/// Applies prices with times: all of a product on a list at once, because each one's lowest price before it is made of the
/// others.
async fn timed_prices(
    tx: &mut Tx,
    change: &mut Change,
    above: i64,
    mut of: BTreeSet<OnList>,
) -> Result<(), Error> {
    let (revision, last_key) = after(above);
    let mut place = (revision, last_key, String::new());
    loop {
        let page = read::timed_places(tx, &place).await?;
        let Some(last) = page.last() else { break };
        place = (last.revision, last.on.price_list.to_string(), last.on.sku.to_string());
        of.extend(page.into_iter().map(|changed| changed.on));
    }
    let of: Vec<OnList> = of.into_iter().collect();
    for chunk in of.chunks(TIMED_AT_ONCE) {
        let mut prices: HashMap<OnList, Vec<Timed>> =
            chunk.iter().map(|on| (on.clone(), Vec::new())).collect();
        for row in read::timed_prices(tx, chunk).await? {
            prices.entry(row.on).or_default().push(Timed {
                kind: row.price_kind,
                from: row.valid_from,
                to: row.valid_to.unwrap_or(i64::MAX),
                amount: row.amount,
                name: row.promotion.map(Into::into),
                lowest: None,
            });
        }
        let mut replaced: HashMap<OnList, Vec<(i64, i64)>> = HashMap::new();
        for row in read::replaced_prices(tx, chunk).await? {
            replaced.entry(row.on).or_default().push((row.replaced_at, row.amount));
        }
        let mut ended: HashMap<OnList, Vec<Timed>> = HashMap::new();
        for row in history::ended(tx, chunk).await? {
            let (kind, from, to, amount) = (row.price_kind, row.began_at, row.ended_at, row.amount);
            ended.entry(row.on).or_default().push(Timed { kind, from, to, amount, name: None, lowest: None });
        }
        for (on, timed) in prices {
            // What was asked counts, also when it was taken back.
            let mut asked = ended.remove(&on).unwrap_or_default();
            asked.extend_from_slice(&timed);
            let open = change.open_price(&on.price_list, &on.sku);
            let replaced = replaced.get(&on).map_or(&[][..], Vec::as_slice);
            let lowest = |price: &Timed| Timed {
                lowest: lowest_before(price.from, open, replaced, &asked)
                    .filter(|_| price.kind == PriceKind::Promotion),
                ..price.clone()
            };
            let timed = timed.iter().map(lowest).collect();
            change.timed(&on.price_list, &on.sku, timed);
        }
    }
    Ok(())
}

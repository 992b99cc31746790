//! Turns committed revisions into snapshots: at start from nothing, later from what changed.
//!
//! Revisions commit in order, and one read transaction sees whole batches only: so a snapshot never holds half of one.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::index::{Change, Snapshot};
use super::store::read;
use crate::app::App;
use crate::db::{Db, Error, Tx};

/// How often an instance asks for revisions that others made: what a shopper may see is older by this at most.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The catalogue's index: what every lookup reads.
#[derive(Debug)]
pub struct Catalog {
    current: ArcSwap<Snapshot>,
    /// Held by the one that makes the next snapshot; readers never wait for it.
    writing: tokio::sync::Mutex<()>,
}

impl Catalog {
    /// Reads the whole catalogue.
    pub async fn load(db: &Db) -> Result<Self, Error> {
        let catalog = Self {
            current: ArcSwap::from_pointee(Snapshot::empty()),
            writing: tokio::sync::Mutex::default(),
        };
        catalog.refresh(db).await?;
        Ok(catalog)
    }

    /// The catalogue as it is now: take it once a request, so that the request sees one revision throughout.
    pub fn view(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
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
            apply(&mut tx, &mut change, current.revision()).await?;
            self.current.store(Arc::new(change.finish(revision)));
        }
        tx.rollback().await?;
        Ok(revision)
    }
}

/// Follows the revisions that other instances make, until told to stop.
pub async fn follow(app: App, stop: CancellationToken) {
    let mut next = tokio::time::interval(LOOK_AGAIN);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = next.tick() => {}
        }
        if let Err(error) = app.catalog.refresh(&app.db).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the catalogue's revision can't be read; asking again");
        }
    }
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
    prices(tx, change, above).await
}

/// Sorts after every key.
fn after(revision: i64) -> (i64, String) {
    (revision, "\u{7f}".to_owned())
}

async fn products(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    let mut place = after(above);
    loop {
        let page = read::products(tx, &place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.place();
        for row in page {
            let live = !row.deleted;
            change.product(row.into_product(), live);
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
            change.code(row.code, &row.sku, !row.deleted);
        }
    }
}

async fn prices(tx: &mut Tx, change: &mut Change, above: i64) -> Result<(), Error> {
    let (revision, last_key) = after(above);
    let mut place = (revision, last_key, String::new());
    loop {
        let page = read::prices(tx, &place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = (last.revision, last.price_list.to_string(), last.sku.to_string());
        for row in page {
            change.price(&row.price_list, &row.sku, (!row.deleted).then_some(row.amount));
        }
    }
}

//! Writes to shops what is left in each store: a job for each shelf, the place of a store in a shop, which never ends.
//!
//! What is left is the store's figure, as its system said last, less what was sold here and is not in it yet. A sale that goes into
//! a system's books is in no figure before it is booked there, and then in the next one that changes; one that goes nowhere is
//! taken to be in the next figure that changes after it. Carts take nothing off, and what is sold by measure is left out: shops count pieces.
//!
//! Invariants: one job a shelf writes there, and no other; it writes absolute numbers out of our own rows and never what it
//! read and reckoned with; that a call is under way is written down before it, so that whatever ends it in the middle, its
//! numbers are written again, which does no harm; a system that refuses one number gets the others. What others wrote there
//! is found by a comparison in full and set right. A shelf that can't be reached is tried again with longer pauses, and no
//! other shelf waits for it.
//!
//! `run.rs` does one round.

mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::run::{Round, StockError};
use super::connections::{Connection, Connections, StockTerms};
use super::health;
use super::model::EventKind;
use super::publish::Fact;
use super::shelf::Shelf;
use super::store::shelves;
use super::store::sold::{self, Pieces};
use super::system::CallError;
use super::systems;
use crate::app::App;
use crate::catalog;
use crate::checkout::{Document, Fulfilment};
use crate::db::{self, Tx};
use crate::ids::StoreId;
use crate::jobs::{self, Failure, Job, Lease, Outcome};

/// The job that writes a store's stock to its place in a shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stock {
    /// The connection.
    pub connection: String,
    /// The store.
    pub store: StoreId,
}

impl Job for Stock {
    const KIND: &'static str = "exchange.stock";
    /// A comparison of 100,000 items at the pace of a slow shop.
    const DEADLINE: Duration = Duration::from_mins(10);

    fn subject(&self) -> String {
        format!("{}/{}", self.connection, self.store)
    }
}

/// The shops that stock is written to, by connection.
#[derive(Clone, Debug, Default)]
pub struct Shelves(BTreeMap<String, (Arc<Connection>, Arc<dyn Shelf>)>);

impl Shelves {
    /// Opens them; nobody is called yet.
    pub fn new(connections: &[Arc<Connection>], http: &reqwest::Client) -> Self {
        let open = |connection: &Arc<Connection>| {
            connection.stock.as_ref()?;
            let shelf = systems::open_shelf(connection, http)?;
            Some((connection.name.clone(), (Arc::clone(connection), shelf)))
        };
        Self(connections.iter().filter_map(open).collect())
    }

    fn find(&self, job: &Stock) -> Option<(&StockTerms, &str, &dyn Shelf)> {
        let (connection, system) = self.0.get(&job.connection)?;
        let terms = connection.stock.as_ref()?;
        let location = terms.locations.get(&job.store)?;
        Some((terms, location.as_str(), system.as_ref()))
    }

    fn jobs(&self) -> impl Iterator<Item = Stock> {
        self.0.values().flat_map(|(connection, _)| {
            let stores = connection.stock.iter().flat_map(|terms| terms.locations.keys());
            stores.map(|store| Stock { connection: connection.name.clone(), store: store.clone() })
        })
    }

    /// Asks for a part of what a connection's system has at each place: the store, the place, and what is wrong.
    pub(super) async fn check(&self, connection: &str) -> Vec<(StoreId, String, Option<CallError>)> {
        let mut found = Vec::new();
        for job in self.jobs().filter(|job| job.connection == connection) {
            let Some((_, location, system)) = self.find(&job) else { continue };
            let wrong = system.levels(location, None).await.err();
            found.push((job.store.clone(), location.to_owned(), wrong));
        }
        found
    }

    fn has(&self, store: &StoreId) -> bool {
        self.jobs().any(|job| job.store == *store)
    }
}

/// Makes sure that each shelf is looked after. Call it at start.
pub async fn schedule_stock(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    for job in app.shelves.jobs() {
        let Some((_, location, _)) = app.shelves.find(&job) else { continue };
        let mut tx = app.db.begin().await?;
        shelves::begin(&mut tx, place(&job), location).await?;
        jobs::enqueue(&mut tx, &app.ids, now, &job).await?;
        tx.commit().await?;
    }
    app.jobs.wake();
    Ok(())
}

fn place(job: &Stock) -> shelves::Shelf<'_> {
    shelves::Shelf { connection: &job.connection, store: &job.store }
}

/// Lines of an order, as others are told of them.
#[derive(Debug, Deserialize)]
struct Order {
    quote: Quote,
}

#[derive(Debug, Deserialize)]
struct Quote {
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    sku: String,
    pieces: i64,
    measure: Option<serde::de::IgnoredAny>,
    fulfilment: Fulfilment,
}

/// Keeps what an order took from the shelves of a store whose stock is written somewhere, in the transaction in which it was
/// paid; and lets go of it when the order is taken back.
pub async fn note_sold(
    tx: &mut Tx,
    connections: &Connections,
    shelves: &Shelves,
    fact: &Fact,
) -> Result<(), db::Error> {
    match fact.kind {
        EventKind::OrderPaid if shelves.has(&fact.store) => {
            let order = Order::deserialize(&fact.payload).map_err(|error| db::Error::Decode(error.into()))?;
            let mut pieces: BTreeMap<(String, &'static str), i64> = BTreeMap::new();
            for line in order.quote.lines.into_iter().filter(|line| line.measure.is_none()) {
                let is_delivered = line.fulfilment == Fulfilment::Deliver;
                let document = if is_delivered { Document::DELIVERY } else { Document::SALE };
                *pieces.entry((line.sku, document)).or_default() += line.pieces;
            }
            let pieces = pieces.into_iter();
            let pieces: Vec<Pieces> =
                pieces.map(|((sku, document), amount)| Pieces { sku, amount, document }).collect();
            let revision = catalog::revision(tx).await?;
            let is_booked = connections.iter().any(|connection| connection.takes_sales_of(&fact.store));
            sold::sell(tx, fact.order, &fact.store, (revision, is_booked), &pieces).await
        }
        EventKind::OrderCancelled => sold::take_back(tx, fact.order).await,
        _ => Ok(()),
    }
}

/// Does [`Stock`].
pub async fn write_stock(app: &App, lease: &Lease) -> Outcome {
    let job: Stock = lease.payload()?;
    // The file is gone, or this instance does not have it yet: another one may, and the job is theirs too.
    let Some((terms, location, shelf)) = app.shelves.find(&job) else {
        return Err(Failure::Again { after: health::NOT_OURS_PAUSE });
    };
    let round = Round { app, lease, job: &job, terms, location, shelf };
    let after = match round.go().await {
        Ok(()) => terms.every,
        Err(StockError::Lost(failure)) => return Err(failure),
        Err(error) => failed(&round, &error).await?,
    };
    Err(Failure::Again { after })
}

async fn failed(round: &Round<'_>, error: &StockError) -> Result<Duration, Failure> {
    let Round { app, lease, job, terms, .. } = *round;
    let text = health::shown(error);
    let mut tx = app.db.begin().await?;
    let failures = shelves::fail(&mut tx, place(job), app.clock.now(), &text).await?;
    lease.commit(tx).await?;
    let (connection, store) = (job.connection.clone(), job.store.to_string());
    tracing::warn!(connection, store, failures, "stock can't be written: {text}");
    metrics::counter!("aisle_exchange_stock_failures_total", "connection" => connection, "store" => store)
        .increment(1);
    let call = if let StockError::Call(call) = error { Some(call) } else { None };
    Ok(health::pause(app, terms.every, failures, call))
}

/// How a shelf is doing, for staff.
#[derive(Debug)]
pub(super) struct ShelfView {
    pub(super) store: StoreId,
    pub(super) location: String,
    pub(super) state: Option<shelves::ShelfState>,
    pub(super) backlog: i64,
}

/// How the shelves of a connection are doing.
pub(super) async fn states(app: &App, connection: &Connection) -> Result<Vec<ShelfView>, db::Error> {
    let mut views = Vec::new();
    for (store, location) in connection.stock.iter().flat_map(|terms| &terms.locations) {
        let place = shelves::Shelf { connection: &connection.name, store };
        views.push(ShelfView {
            store: store.clone(),
            location: location.clone(),
            state: shelves::state(&app.db, place).await?,
            backlog: shelves::backlog(&app.db, place).await?,
        });
    }
    Ok(views)
}

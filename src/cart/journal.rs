//! The group-committing, append-only log of cart events.
//!
//! Appends of all requests go to the instance's committers. One writes whatever has gathered as one statement in one
//! transaction and answers each request after the commit, while another gathers the next: under load many scans share one
//! flush to the disk, and a lone scan waits for nobody. A second writer of the same cart, here or on another instance,
//! loses on the primary key and is told so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::event::Event;
use super::model::Cart;
use super::store::{self, Written};
use crate::clock::Moment;
use crate::db::Db;
use crate::ids::CartId;

/// Appends that may wait for the committer; beyond it scans are told to come again instead of growing the queue.
const QUEUE_MAX: usize = 4_096;
/// Appends of one statement: bounds its text and the time that a lone scan can be kept waiting by a crowd.
const BATCH_MAX: usize = 512;
/// While one waits for the disk the other forms its statement. More would only cut the batches smaller.
const COMMITTERS: usize = 2;

/// One new row of a cart's log.
#[derive(Debug)]
pub(super) struct Append {
    pub id: Uuid,
    pub cart: CartId,
    /// The version that the cart has after it.
    pub seq: i64,
    pub events: Vec<Event>,
    pub at: Moment,
}

/// An append as the committers pass it on: its row is put into text by the request that made it, so that the work is
/// spread over all processors and a committer only strings rows together.
#[derive(Debug)]
pub(super) struct Queued {
    pub id: Uuid,
    pub cart: CartId,
    pub seq: i64,
    pub row: String,
}

/// Why an append was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    /// Somebody else wrote this version of the cart first.
    #[error("another writer was first")]
    Lost,
    /// The queue is full, or the service is stopping.
    #[error("the journal takes no more")]
    Busy,
    /// The database refused, or its answer was lost: it may be written or not.
    #[error("{0}")]
    Database(String),
}

type Answer = oneshot::Sender<Result<(), AppendError>>;

/// A batch that takes longer is answered as unknown: the same events may be sent again, and count once.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Folded carts kept in memory: two for each shopper of a busy region, at some kilobytes each.
const CARTS_KEPT_MAX: usize = 20_000;

/// A folded cart in memory. Whoever changes the cart holds it meanwhile, so that writers of one cart on one instance queue
/// here instead of colliding in the database.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Cart>>>;

/// The way to the committer, and the carts that it has seen lately.
#[derive(Debug)]
pub struct Journal {
    queue: mpsc::Sender<(Queued, Answer)>,
    carts: quick_cache::sync::Cache<CartId, Slot>,
}

impl Journal {
    /// Starts the committers; they end when the journal is dropped and what had gathered is written.
    pub fn start(db: &Db) -> Self {
        let (queue, gathered) = mpsc::channel(QUEUE_MAX);
        let gathered = Arc::new(tokio::sync::Mutex::new(gathered));
        for _ in 0..COMMITTERS {
            #[expect(
                clippy::disallowed_methods,
                reason = "the task ends with its queue, and every answer is waited for"
            )]
            tokio::spawn(commit_all(db.clone(), Arc::clone(&gathered)));
        }
        Self { queue, carts: quick_cache::sync::Cache::new(CARTS_KEPT_MAX) }
    }

    /// The place of a cart in memory, empty when it was not seen lately.
    pub(super) fn slot(&self, id: CartId) -> Slot {
        self.carts
            .get_or_insert_with(&id, || Ok::<_, std::convert::Infallible>(Slot::default()))
            .unwrap_or_default()
    }

    /// Writes one row; answered after its commit.
    pub(super) async fn append(&self, append: &Append) -> Result<(), AppendError> {
        let row = store::row_text(append).map_err(|error| AppendError::Database(error.to_string()))?;
        let queued = Queued { id: append.id, cart: append.cart, seq: append.seq, row };
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((queued, answer)).map_err(|_| AppendError::Busy)?;
        answered.await.unwrap_or(Err(AppendError::Busy))
    }
}

async fn commit_all(db: Db, gathered: Arc<tokio::sync::Mutex<mpsc::Receiver<(Queued, Answer)>>>) {
    let mut batch = Vec::new();
    while gathered.lock().await.recv_many(&mut batch, BATCH_MAX).await > 0 {
        // In one order on every instance: two that write rows of the same carts then wait for each other, never in a ring.
        batch.sort_unstable_by_key(|(append, _)| (append.cart, append.seq));
        let (appends, answers): (Vec<Queued>, Vec<Answer>) = batch.drain(..).unzip();
        metrics::histogram!("aisle_journal_batch_rows")
            .record(f64::from(u32::try_from(appends.len()).unwrap_or(u32::MAX)));
        let written = match tokio::time::timeout(COMMIT_TIMEOUT, store::append_all(&db, &appends)).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("the database took too long".to_owned()),
        };
        for (append, answer) in appends.iter().zip(answers) {
            // A request that went away still has its row: it will find it when it asks again.
            let _ = answer.send(outcome(&written, append.id));
        }
    }
}

fn outcome(written: &Result<Written, String>, id: Uuid) -> Result<(), AppendError> {
    match written {
        Ok(written) if written.includes(id) => Ok(()),
        Ok(_) => Err(AppendError::Lost),
        Err(error) => Err(AppendError::Database(error.clone())),
    }
}

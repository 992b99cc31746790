//! The server that a courier's sandbox runs in: one handler, one state behind one lock, a clock that can be sped up,
//! faults on order, and the record of what went over the wire. It knows no partner; a partner is a [`Partner`].
//!
//! Invariants: an answer leaves only after the state is saved; operations run under the lock and do not wait, so two
//! requests never see each other half done; a request at work is finished even when its client is gone.
//!
//! Start reading at `server.rs`, the way of every request.

mod call;
mod clock;
mod control;
mod fields;
mod server;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use call::{Call, Reply, ids};
pub use clock::Clock;
pub use control::{parsed, text};
pub use fields::{Fields, Report, What, Wrong};
pub use server::Shared;

use super::faults::Rule;
use super::kept;
use super::running;
use super::wire::Exchange;

/// What makes one partner of this server.
pub trait Partner: Send + Sync + 'static {
    /// What the partner knows: its books.
    type State: Default + Serialize + DeserializeOwned + Send + 'static;

    /// The operation that a method and path mean, and the ids in the path; `None` for what isn't the partner's API.
    fn find(&self, method: &str, path: &str) -> Option<(&'static str, Vec<String>)>;

    /// Credentials and quotas.
    ///
    /// # Errors
    /// The refusal, when the call may not be made.
    fn admit(&self, state: &mut Self::State, call: &Call) -> Result<(), Reply>;

    /// What the operation does and answers.
    fn operate(&self, state: &mut Self::State, call: &Call) -> Reply;

    /// The answer that says nothing but its status, in the partner's shape: for faults on order.
    fn bare(&self, operation: &'static str, status: u16) -> Reply;

    /// What time alone changes.
    fn pass_time(&self, state: &mut Self::State, now: DateTime<Utc>);

    /// The books, for `GET /sandbox/books`.
    fn books(&self, state: &Self::State, now: DateTime<Utc>) -> Value;

    /// The partner's own page and controls below `/sandbox/`; `None` when there is nothing at this address.
    fn control(&self, state: &mut Self::State, call: &Call) -> Option<Reply>;
}

/// All that a sandbox remembers from one run to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Kept<S> {
    pub own: S,
    pub clock: Clock,
    pub faults: Vec<Rule>,
    /// Calls by operation, answered or not.
    pub calls: BTreeMap<String, u64>,
}

/// Where a sandbox listens and what it keeps.
#[derive(Debug, Clone)]
pub struct Place {
    /// Port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where the state lives between runs; none forgets it.
    pub state_file: Option<PathBuf>,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

/// A running sandbox. Dropping it ends it abruptly; [`Host::stop`] ends it in order.
pub struct Host<P: Partner> {
    shared: Arc<Shared<P>>,
    tasks: JoinSet<io::Result<()>>,
}

impl<P: Partner> Host<P> {
    /// Listens. `partner` is told the server's own address. Fails when that is taken or the state can't be read.
    pub async fn start(place: Place, partner: impl FnOnce(&str) -> P) -> io::Result<Self> {
        let listener = TcpListener::bind(place.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut state: Kept<P::State> = place.state_file.as_deref().map_or_else(|| Ok(nothing()), load)?;
        state.clock.stand_at(place.clock_stands_at);
        let partner = partner(&url);
        let shared = Arc::new(Shared::new(partner, url, state, place.state_file));
        let router = Router::new().fallback(server::handle::<P>).with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        Ok(Self { shared, tasks })
    }

    /// A task that lives as long as the server; it has to end when [`Shared::stop`] is cancelled.
    pub fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            Ok(())
        });
    }

    pub fn shared(&self) -> &Arc<Shared<P>> {
        &self.shared
    }

    /// Base address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The latest exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.all()
    }

    /// Looks at the state as it stands at this moment of the sandbox's clock.
    pub fn read<T>(&self, look: impl FnOnce(&P::State) -> T) -> T {
        look(&self.shared.state().own)
    }

    /// Changes the state and saves it.
    ///
    /// # Errors
    /// The state could not be saved.
    pub fn change<T>(&self, step: impl FnOnce(&mut P::State, DateTime<Utc>) -> T) -> io::Result<T> {
        self.shared.change(|kept, now| step(&mut kept.own, now))
    }

    /// Orders a failure.
    pub fn add_fault(&self, rule: Rule) -> io::Result<()> {
        self.shared.change(|kept, _| kept.faults.push(rule))
    }

    pub fn clear_faults(&self) -> io::Result<()> {
        self.shared.change(|kept, _| kept.faults.clear())
    }

    /// The sandbox's own time.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.state().clock.now()
    }

    /// Moves the sandbox's clock on; it never goes back.
    pub fn advance_seconds(&self, seconds: i64) -> io::Result<()> {
        self.shared.change(|kept, _| kept.clock.advance(seconds))
    }

    /// Stops listening, lets requests at work finish, and leaves held connections unanswered.
    pub async fn stop(self) {
        running::end(&self.shared.stop, &self.shared.at_work, self.tasks).await;
    }
}

fn nothing<S: Default>() -> Kept<S> {
    Kept { own: S::default(), clock: Clock::default(), faults: Vec::new(), calls: BTreeMap::new() }
}

/// As [`kept::load`]: a file that isn't there yet is a new state.
fn load<S: Default + DeserializeOwned>(file: &Path) -> io::Result<Kept<S>> {
    kept::load(file)
}

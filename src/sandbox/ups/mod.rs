//! A UPS of our own, for development, demo and tests: OAuth, shipping with label recovery and void, rating, time in
//! transit, address validation, pickup, tracking, Track Alert with its pushes, and the locator.
//!
//! It is written from UPS's published OpenAPI files, answers as they say to the field, and refuses what they forbid,
//! naming the field. Numbers are texts, as there. Where the files say nothing, the module that had to choose says so in
//! its first lines. The codes of errors are UPS's where its public documents name them, others of the same families.
//!
//! Invariants: a booking is never idempotent (UPS has no key and no duplicate check: the same request twice is two
//! shipments); `validate` and `nonvalidate` both book; a package is void or scanned, never both; an answer leaves only
//! after the state is saved. Time is the sandbox's own clock.
//!
//! Failures are ordered with [`Rule`]s, bad deliveries of pushes with [`Controls`]; `control.rs` lists the addresses for
//! both. Start reading at `server.rs`, the way of every request, then `routes.rs`.

mod addresses;
mod alerts;
mod auth;
mod bodies;
mod books;
mod call;
mod control;
mod gif;
mod label;
mod limits;
mod locator;
mod page;
mod pickups;
mod places;
mod rating;
mod recovery;
mod routes;
mod server;
mod service_bodies;
mod ship;
mod ship_checks;
mod state;
mod statuses;
mod tariff;
mod tracking;
mod transit;
mod travel;
mod void;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use super::faults::Fault;
use super::running;
pub use super::wire::Exchange;
pub use alerts::{AlertCredentials, AlertTarget, Controls};
pub use books::{Activity, Books, Package, Pickup, Push, PushStatus, Shipment, Subscription};
pub use limits::Limits;
use server::Shared;
pub use server::{AnswerFault, FaultKind, Rule};
use state::State;
pub use statuses::Stage;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    pub client_id: String,
    pub client_secret: String,
    /// The one shipper: six letters or digits.
    pub account_number: String,
    /// Where Track Alert's pushes go, as the UPS portal has it; none sends nothing.
    pub webhook: Option<AlertTarget>,
    pub limits: Limits,
    /// Life of an access token.
    pub token_seconds: i64,
    /// A booking is found by label recovery and by its reference only so long after it was made.
    pub recoverable_after: Duration,
    /// A label can be voided so many days, or until it is scanned: UPS's help pages say 28.
    pub void_days: i64,
    /// Packages travel by their service's timetable as the clock moves; without it they wait to be told.
    pub travels: bool,
    /// Whether the shipper has negotiated rates.
    pub negotiated: bool,
    /// Where the state lives between runs; none forgets it.
    pub state_file: Option<PathBuf>,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

impl Settings {
    /// A sandbox on a free port of this machine that remembers nothing, limits nobody and moves nothing by itself.
    pub fn local() -> Settings {
        Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            client_id: "aisle-ups-sandbox".to_owned(),
            client_secret: "aisle-ups-sandbox-secret".to_owned(),
            account_number: "A1B2C3".to_owned(),
            webhook: None,
            limits: Limits::NONE,
            token_seconds: auth::TOKEN_SECONDS,
            recoverable_after: Duration::ZERO,
            void_days: 28,
            travels: false,
            negotiated: true,
            state_file: None,
            clock_stands_at: None,
        }
    }

    /// What a service is told so that it uses the sandbox at this address, by the names of its variables.
    pub fn for_service(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AISLE_UPS_URL", url.to_owned()),
            ("AISLE_UPS_CLIENT_ID", self.client_id.clone()),
            ("AISLE_UPS_CLIENT_SECRET", self.client_secret.clone()),
            ("AISLE_UPS_ACCOUNT_NUMBER", self.account_number.clone()),
            ("AISLE_UPS_COUNTRY", "DE".to_owned()),
        ]
    }
}

/// Why a control was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    #[error("no package has this number")]
    UnknownPackage,
    #[error("the code is neither a shortcut nor a status code of UPS")]
    UnknownCode,
    #[error("the package's travel has ended")]
    EndOfTravel,
    #[error("the state could not be saved")]
    Storage,
}

/// A running sandbox. Dropping it ends it abruptly; [`Sandbox::stop`] ends it in order.
pub struct Sandbox {
    shared: Arc<Shared>,
    url: String,
    tasks: JoinSet<io::Result<()>>,
}

impl Sandbox {
    /// Listens and begins to push. Fails when the address is taken or the state file can't be read.
    pub async fn start(settings: Settings) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(settings.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = State::load(settings, url.clone())?;
        let client = running::caller()?;
        let shared = Arc::new(Shared::new(state, client));
        let mut tasks = JoinSet::new();
        let router = Router::new().fallback(server::handle).with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        let pushing = Arc::clone(&shared);
        tasks.spawn(async move {
            alerts::run(pushing).await;
            Ok(())
        });
        Ok(Sandbox { shared, url, tasks })
    }

    /// The host, without `/api` and without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A copy of everything the sandbox knows.
    pub fn books(&self) -> Books {
        self.shared.state().books.clone()
    }

    /// The latest API exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.all()
    }

    /// The pushes that left, oldest first, as exchanges with the service they went to.
    pub fn pushes_sent(&self) -> Vec<Exchange> {
        self.shared.pushed.all()
    }

    /// The sandbox's own time.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.state().now()
    }

    /// Moves the clock on; it never goes back. Answers with the new time.
    pub fn advance_clock(&self, seconds: i64) -> DateTime<Utc> {
        self.change(|state| state.advance(seconds));
        self.now()
    }

    /// Moves a package to the next stage of a smooth delivery.
    pub fn advance(&self, number: &str) -> Result<Stage, ControlError> {
        self.record_event(number, "advance", 0)
    }

    /// Adds what happened to a package so many seconds ago: a status code of UPS such as `011`, or one of the shortcuts
    /// that `control.rs` lists. What happened earlier than the newest activity is a late scan.
    pub fn record_event(&self, number: &str, code: &str, seconds_ago: i64) -> Result<Stage, ControlError> {
        self.change(|state| travel::record(state, number, code, seconds_ago))
            .unwrap_or(Err(ControlError::Storage))
    }

    /// Every access token given so far stops working.
    pub fn revoke_tokens(&self) {
        self.change(|state| state.tokens.clear());
    }

    /// Orders a failure.
    pub fn add_fault(&self, rule: Rule) {
        self.change(|state| state.faults.push(rule));
    }

    pub fn clear_faults(&self) {
        self.change(|state| state.faults.clear());
    }

    pub fn set_limits(&self, limits: Limits) {
        self.change(|state| state.settings.limits = limits);
    }

    /// Where pushes go from now on.
    pub fn set_webhook(&self, target: Option<AlertTarget>) {
        self.change(|state| state.settings.webhook = target);
    }

    pub fn set_alert_controls(&self, controls: Controls) {
        self.change(|state| state.controls = controls);
    }

    /// Sends every waiting push now, held and late ones too, and tells how many were accepted.
    pub async fn deliver_alerts(&self) -> usize {
        alerts::deliver_now(&self.shared).await
    }

    /// Stops listening, lets requests at work finish, and leaves held connections unanswered.
    pub async fn stop(self) {
        running::end(&self.shared.stop, &self.shared.at_work, self.tasks).await;
    }

    fn change<T>(&self, step: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.shared
            .change(step)
            .inspect_err(|error| tracing::error!(%error, "the sandbox could not save its state"))
            .ok()
    }
}

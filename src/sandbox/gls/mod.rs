//! A GLS of our own, for development, demo and tests: ShipIT (`/shipit-farm/v1/backend`), Track And Trace
//! (`/track-and-trace-v1`) and the authentication service (`/oauth2/v2`).
//!
//! It is written from GLS's published OpenAPI files. Where they differ from what GLS's servers are known to do, it does
//! as the servers: ShipIT has its own media type and refuses with an empty body and headers; names are spelt as on the
//! wire; unknown fields are refused; a second cancellation of a parcel is answered 500; a reprint has a new number. Where
//! nobody says anything, the module that had to choose says so in its first lines.
//!
//! Invariants: a booking is never idempotent (GLS has no duplicate check); a cancelled parcel is unknown to ShipIT and
//! `CANCELED` to Track And Trace; a parcel that was scanned can't be cancelled, reweighed or reprinted.
//!
//! Start reading at `routes.rs`; `order.rs` says what a valid shipment is, `books.rs` what is remembered.

mod auth;
mod books;
mod control;
mod events;
mod label;
mod numbers;
mod order;
mod page;
mod refusals;
mod routes;
mod services;
mod shipments;
mod shops;
mod tracking;
mod units;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::books::{Books, Cancellation, Collection, Oddities, Parcel};
pub use self::events::{Event, Status};
use self::routes::Gls;
use super::host::{Host, Place};
pub use super::{
    faults::{Fault, Rule},
    wire::Exchange,
};

#[derive(Clone, Debug)]
pub struct Settings {
    pub bind: SocketAddr,
    pub client_id: String,
    pub client_secret: String,
    /// The shippers of this contract: their `ContactID`s, at most twenty characters each.
    pub contacts: Vec<String>,
    pub quotas: Quotas,
    /// Keeps the books over a restart.
    pub state_file: Option<PathBuf>,
    /// After the end of its day, a parcel comes to its next stage after this time, and to the next after the same again.
    pub moves_every: Option<Duration>,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

/// Calls in a day (UTC) of the sandbox's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    pub tokens: u64,
    pub tracking: u64,
}

impl Quotas {
    /// What GLS publishes.
    pub const LIVE: Self = Self { tokens: 100_000, tracking: 500 };
}

impl Settings {
    /// A sandbox on a free port of this machine that remembers nothing and moves no parcel by itself.
    pub fn local() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            client_id: "aisle-gls-sandbox".to_owned(),
            client_secret: "aisle-gls-sandbox-secret".to_owned(),
            contacts: vec!["276a45fkqM".to_owned()],
            quotas: Quotas::LIVE,
            state_file: None,
            moves_every: None,
            clock_stands_at: None,
        }
    }

    /// What a service is told so that it uses the sandbox at this address, by the names of its variables.
    pub fn for_service(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AISLE_GLS_URL", url.to_owned()),
            ("AISLE_GLS_CLIENT_ID", self.client_id.clone()),
            ("AISLE_GLS_CLIENT_SECRET", self.client_secret.clone()),
            ("AISLE_GLS_CONTACT_ID", self.contacts.first().cloned().unwrap_or_default()),
        ]
    }
}

/// Why a control was refused.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no parcel has this number")]
    UnknownParcel,
    #[error("the code is neither a shortcut nor an event of the list")]
    UnknownCode,
    #[error("the parcel's travel has ended")]
    EndOfTravel,
    #[error("the state could not be saved")]
    Storage(#[from] io::Error),
}

/// A running sandbox. Dropping it ends it abruptly; [`Sandbox::stop`] ends it in order.
pub struct Sandbox(Host<Gls>);

impl Sandbox {
    /// Listens. Fails when the address is taken or the state file can't be read.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let place = Place {
            bind: settings.bind,
            state_file: settings.state_file.clone(),
            clock_stands_at: settings.clock_stands_at,
        };
        Ok(Self(Host::start(place, |_| Gls { settings }).await?))
    }

    /// Base address, without a slash at the end.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// A copy of the books.
    pub fn books(&self) -> Books {
        self.0.read(books::State::books)
    }

    /// The latest exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.exchanges()
    }

    /// The sandbox's own time.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    /// Moves the clock on; it never goes back.
    pub fn advance_seconds(&self, seconds: i64) -> Result<(), ControlError> {
        Ok(self.0.advance_seconds(seconds)?)
    }

    /// Adds an event to the parcel of this TrackID or parcel number, and answers its status: a code of the list of
    /// events, or one of the shortcuts of `events.rs`.
    pub fn record_event(&self, number: &str, code: &str) -> Result<Status, ControlError> {
        self.0.change(|state, now| state.record(number, code, now))?
    }

    /// Orders a failure. Operations are named as `routes.rs` lists them.
    pub fn add_fault(&self, rule: Rule) -> Result<(), ControlError> {
        Ok(self.0.add_fault(rule)?)
    }

    pub fn clear_faults(&self) -> Result<(), ControlError> {
        Ok(self.0.clear_faults()?)
    }

    /// Sets how the next answers are odd.
    pub fn set_oddities(&self, oddities: Oddities) -> Result<(), ControlError> {
        Ok(self.0.change(|state, _| state.oddities = oddities)?)
    }

    /// Every access token given so far stops working.
    pub fn revoke_tokens(&self) -> Result<(), ControlError> {
        Ok(self.0.change(|state, _| state.tokens.clear())?)
    }

    /// Stops listening and lets requests at work finish.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

//! An Uber Direct of our own, for development, demo and tests: quotes, deliveries, proofs, signed webhooks, and the
//! login endpoint.
//!
//! It is written from Uber's published OpenAPI files, and from its guides where those are silent. Where neither says
//! anything, the module that had to choose says so in its first lines.
//!
//! Invariants: a quote is used once; one `idempotency_key` has one delivery for an hour; a parcel that a courier has
//! taken is never cancelled by its sender, it comes back as a second delivery; a status change and its webhook are saved
//! together.
//!
//! Start reading at `routes.rs`; `courier.rs` moves deliveries, `webhooks.rs` tells of it.

mod address;
mod auth;
mod books;
mod control;
mod courier;
mod deliveries;
mod errors;
mod page;
mod png;
mod quotes;
mod request;
mod routes;
mod view;
mod webhooks;
mod windows;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::address::Address;
pub use self::books::{Books, Delivery, Notification, Oddities, Quote, Related, Status};
use self::routes::Uber;
pub use self::webhooks::{Controls, signature};
use super::host::{Host, Place};
use super::running::caller;
pub use super::{
    faults::{Fault, Rule},
    wire::Exchange,
};

#[derive(Clone, Debug)]
pub struct Settings {
    pub bind: SocketAddr,
    pub customer_id: String,
    pub client_id: String,
    pub client_secret: String,
    /// Where webhooks are sent, and the key that they are signed with.
    pub webhook: Option<WebhookTarget>,
    /// Calls in ten minutes of the sandbox's clock; Uber's own sandbox allows 200.
    pub calls_max: u64,
    /// A courier reaches the next stage after this time; without it only robot couriers move by themselves.
    pub moves_every: Option<Duration>,
    /// Keeps the books over a restart.
    pub state_file: Option<PathBuf>,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTarget {
    pub url: String,
    pub signing_key: String,
}

impl Settings {
    /// A sandbox on a free port of this machine that remembers nothing, limits nobody and tells nobody.
    pub fn local() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            customer_id: "cus_aislesandbox".to_owned(),
            client_id: "aisle-uber-sandbox".to_owned(),
            client_secret: "aisle-uber-sandbox-secret".to_owned(),
            webhook: None,
            calls_max: u64::MAX,
            moves_every: None,
            state_file: None,
            clock_stands_at: None,
        }
    }

    /// What a service is told so that it uses the sandbox at this address, by the names of its variables.
    pub fn for_service(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AISLE_UBER_URL", url.to_owned()),
            ("AISLE_UBER_LOGIN_URL", url.to_owned()),
            ("AISLE_UBER_CUSTOMER_ID", self.customer_id.clone()),
            ("AISLE_UBER_CLIENT_ID", self.client_id.clone()),
            ("AISLE_UBER_CLIENT_SECRET", self.client_secret.clone()),
            ("AISLE_UBER_COUNTRY", "DE".to_owned()),
            ("AISLE_UBER_PICKUP_PHONE", "+4922812345".to_owned()),
        ]
    }
}

/// Why a control was refused.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no delivery has this id")]
    UnknownDelivery,
    #[error("the word is none of the controls")]
    UnknownWord,
    #[error("the delivery's state does not allow it")]
    NotNow,
    #[error("the state could not be saved")]
    Storage(#[from] io::Error),
}

/// A running sandbox. Dropping it ends it abruptly; [`Sandbox::stop`] ends it in order.
pub struct Sandbox {
    host: Host<Uber>,
    client: reqwest::Client,
}

impl Sandbox {
    /// Listens and begins to deliver webhooks. Fails when the address is taken or the state file can't be read.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let place = Place {
            bind: settings.bind,
            state_file: settings.state_file.clone(),
            clock_stands_at: settings.clock_stands_at,
        };
        let client = caller()?;
        let mut host = Host::start(place, |url| Uber {
            settings,
            url: url.to_owned(),
            delivering: tokio::sync::Mutex::new(()),
        })
        .await?;
        let shared = Arc::clone(host.shared());
        host.run(webhooks::run(shared, client.clone()));
        Ok(Self { host, client })
    }

    /// Base address, without a slash at the end: of the login, and with `/v1` of the API.
    pub fn url(&self) -> &str {
        self.host.url()
    }

    /// A copy of the books.
    pub fn books(&self) -> Books {
        self.host.read(books::State::books)
    }

    /// The latest exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.host.exchanges()
    }

    /// The sandbox's own time.
    pub fn now(&self) -> DateTime<Utc> {
        self.host.now()
    }

    /// Moves the clock on; it never goes back.
    pub fn advance_seconds(&self, seconds: i64) -> Result<(), ControlError> {
        Ok(self.host.advance_seconds(seconds)?)
    }

    /// Makes something happen to a delivery, by a word of `courier.rs`; answers its status.
    pub fn happen(&self, id: &str, word: &str) -> Result<Status, ControlError> {
        self.host.change(|state, now| courier::happen(state, id, word, now))?
    }

    /// Orders a failure. Operations are named as `routes.rs` lists them.
    pub fn add_fault(&self, rule: Rule) -> Result<(), ControlError> {
        Ok(self.host.add_fault(rule)?)
    }

    pub fn clear_faults(&self) -> Result<(), ControlError> {
        Ok(self.host.clear_faults()?)
    }

    /// Sets how the next answers are odd.
    pub fn set_oddities(&self, oddities: Oddities) -> Result<(), ControlError> {
        Ok(self.host.change(|state, _| state.oddities = oddities)?)
    }

    pub fn set_webhook_controls(&self, controls: Controls) -> Result<(), ControlError> {
        Ok(self.host.change(|state, _| state.controls = controls)?)
    }

    /// Sends every waiting webhook now, held and late ones too, and tells how many were accepted.
    pub async fn deliver_webhooks(&self) -> usize {
        webhooks::deliver(self.host.shared(), &self.client, true).await
    }

    /// Every access token given so far stops working.
    pub fn revoke_tokens(&self) -> Result<(), ControlError> {
        Ok(self.host.change(|state, _| state.tokens.clear())?)
    }

    /// Stops listening and lets requests at work finish.
    pub async fn stop(self) {
        self.host.stop().await;
    }
}

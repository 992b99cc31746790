//! Config: the sum of every room's settings, read from the environment, all mistakes reported at once.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use crate::env::Env;
use crate::http::limit::{REQUEST_SECONDS_MAX, REQUEST_TIMEOUT};
use crate::{cart, catalog, checkout, db, delivery, exchange, identity, payments};

/// Every setting of the service.
///
/// Of its own it reads `AISLE_BIND` (address and port, default `127.0.0.1:8080`), `AISLE_PUBLIC_URL` (how phones and
/// partners reach the service; default `http://` and the bound address) and `AISLE_REQUEST_TIMEOUT_SECONDS`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the service listens.
    pub bind: SocketAddr,
    /// How the world reaches the service, without a slash at the end.
    pub public_url: Url,
    /// An ordinary request is answered in this time, or with a problem.
    pub request_timeout: Duration,
    /// The database.
    pub database: db::Options,
    /// Callers and tokens.
    pub identity: identity::Settings,
    /// The catalogue.
    pub catalog: catalog::Settings,
    /// Carts.
    pub cart: cart::Settings,
    /// Payment providers.
    pub payments: payments::Settings,
    /// Couriers.
    pub delivery: delivery::Settings,
    /// Limits and deadlines of checkouts.
    pub checkout: checkout::Settings,
    /// Partners' subscriptions.
    pub exchange: exchange::Settings,
}

fn request_timeout(env: &Env) -> Duration {
    let name = "AISLE_REQUEST_TIMEOUT_SECONDS";
    let bounds = 1..=REQUEST_SECONDS_MAX;
    Duration::from_secs(env.within(name, "a whole number of seconds", bounds, REQUEST_TIMEOUT.as_secs()))
}

/// All that was wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("the settings have mistakes:\n  {}", .0.join("\n  "))]
pub struct Mistakes(pub Vec<String>);

impl Config {
    /// Reads every setting; the error lists every mistake.
    pub fn read(env: &Env) -> Result<Self, Mistakes> {
        let bind = env.parsed_or(
            "AISLE_BIND",
            "an address with a port, such as 0.0.0.0:8080",
            ([127, 0, 0, 1], 8080).into(),
        );
        let public_url =
            env.parsed("AISLE_PUBLIC_URL", "a URL").or_else(|| Url::parse(&format!("http://{bind}")).ok());
        let request_timeout = request_timeout(env);
        let config = public_url.map(|public_url| Self {
            bind,
            public_url,
            request_timeout,
            database: db::Options::read(env),
            identity: identity::Settings::read(env),
            catalog: catalog::Settings::read(env),
            cart: cart::Settings::read(env),
            payments: payments::Settings::read(env),
            delivery: delivery::Settings::read(env),
            checkout: checkout::Settings::read(env),
            exchange: exchange::Settings::read(env),
        });
        let mistakes = env.mistakes();
        match config {
            Some(config) if mistakes.is_empty() => Ok(config),
            _ => Err(Mistakes(mistakes)),
        }
    }

    /// An address of the service as the world sees it; `path` begins with a slash.
    pub fn public(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

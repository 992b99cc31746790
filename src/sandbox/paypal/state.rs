//! Everything one sandbox holds, and how it survives a restart.
//!
//! All of it is behind one lock: an operation reads and changes the state in one step, and the file is written before
//! the lock is given back, so no answer leaves that a restart would forget.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::books::{AuthorizationStatus, Books};
use super::faults::Rule;
use super::signing::Keys;
use super::webhooks::{Controls, WebhookTarget};
use crate::sandbox::kept;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub books: Books,
    /// How far the sandbox's clock is ahead of the real one.
    pub advanced_seconds: i64,
    /// Access tokens and when they end.
    pub bearers: BTreeMap<String, DateTime<Utc>>,
    pub keys: Option<Keys>,
    pub webhook: Option<WebhookTarget>,
    pub controls: Controls,
    /// How late the transaction search shows what happened.
    #[serde(default)]
    pub reports_late_seconds: i64,
    pub faults: Vec<Rule>,
    /// Where this server is reached; it differs from run to run.
    #[serde(skip)]
    pub url: String,
    /// Where shoppers reach the pages, when that is another address.
    #[serde(skip)]
    pub pages_url: Option<String>,
    /// `operation key` of requests that are being worked on.
    #[serde(skip)]
    pub in_progress: Vec<String>,
    #[serde(skip)]
    file: Option<PathBuf>,
}

impl State {
    /// The saved state, or a new one when the file isn't there yet.
    pub fn load(file: Option<PathBuf>) -> io::Result<State> {
        let state = file.as_deref().map_or_else(|| Ok(State::default()), kept::load)?;
        Ok(State { file, ..state })
    }

    /// Keeps the state for the next run, when it was asked for.
    pub fn save(&self) -> io::Result<()> {
        self.file.as_deref().map_or(Ok(()), |file| kept::save(self, file))
    }

    pub fn now(&self) -> DateTime<Utc> {
        real_now() + Duration::seconds(self.advanced_seconds)
    }

    pub fn pages_url(&self) -> &str {
        self.pages_url.as_ref().unwrap_or(&self.url)
    }

    /// The sandbox's signing keys, made when first asked for: making them takes a moment.
    pub fn keys(&mut self) -> &Keys {
        self.keys.get_or_insert_with(Keys::generate)
    }

    /// Sets the clock, as before the first call: nothing that was made under another time is looked at.
    pub fn set_time(&mut self, now: DateTime<Utc>) {
        self.advanced_seconds = (now - real_now()).num_seconds();
    }

    /// Moves the clock on, and voids the authorizations that ended meanwhile, as PayPal does.
    pub fn advance(&mut self, seconds: i64) {
        /// Ten years: more than any window here, and far from the end of the calendar.
        const ADVANCED_SECONDS_MAX: i64 = 10 * 366 * 24 * 3600;
        self.advanced_seconds =
            self.advanced_seconds.saturating_add(seconds.max(0)).min(ADVANCED_SECONDS_MAX);
        let now = self.now();
        let ended: Vec<String> = self
            .books
            .authorizations
            .values()
            .filter(|authorization| authorization.expiration_time <= now && !authorization.expired)
            .filter(|authorization| {
                matches!(
                    authorization.status,
                    AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured
                )
            })
            .map(|authorization| authorization.id.clone())
            .collect();
        for id in ended {
            super::payments::expire(self, &id);
        }
    }
}

/// The real time, for deliveries; objects carry [`State::now`].
pub fn real_now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}

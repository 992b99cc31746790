//! Everything one sandbox holds, how it survives a restart, and what time alone changes in it.
//!
//! All of it is behind one lock: an operation reads and changes the state in one step, and the file is written before
//! the lock is given back, so no answer leaves that a restart would forget.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::books::{Books, HostedStatus, TokenStatus};
use super::callbacks::{self, Controls};
use super::limits::{Limits, Windows};
use super::{orders, settlements};
use crate::sandbox::faults::Rule;
use crate::sandbox::kept;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub books: Books,
    /// How far the sandbox's clock is ahead of the real one, or of where it stands.
    pub advanced_seconds: i64,
    pub controls: Controls,
    pub faults: Vec<Rule>,
    /// Every how many days money is paid out; each when nothing is said.
    #[serde(default)]
    pub payout_every_days: i64,
    #[serde(skip)]
    pub limits: Limits,
    #[serde(skip)]
    pub windows: Windows,
    /// The clock stands here until it is advanced.
    #[serde(skip)]
    pub stands_at: Option<DateTime<Utc>>,
    /// When it was last looked for what is due.
    #[serde(skip)]
    looked_at: Option<DateTime<Utc>>,
    /// Where this server is reached; it differs from run to run.
    #[serde(skip)]
    pub url: String,
    /// Where shoppers reach the pages, when that is another address.
    #[serde(skip)]
    pub pages_url: Option<String>,
    /// Keys of requests that are being worked on.
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
        self.stands_at.unwrap_or_else(real_now) + Duration::seconds(self.advanced_seconds)
    }

    pub fn pages_url(&self) -> &str {
        self.pages_url.as_ref().unwrap_or(&self.url)
    }

    /// Moves the clock on; it never goes back.
    pub fn advance(&mut self, seconds: i64) {
        /// Ten years: more than any window here, and far from the end of the calendar.
        const ADVANCED_SECONDS_MAX: i64 = 10 * 366 * 24 * 3600;
        self.advanced_seconds =
            self.advanced_seconds.saturating_add(seconds.max(0)).min(ADVANCED_SECONDS_MAX);
        self.pass_time();
    }

    /// As [`State::pass_time`], but not at every request of a busy second.
    pub fn glance_at_the_clock(&mut self) {
        const PAUSE_MS: i64 = 100;
        let now = self.now();
        if self.looked_at.is_none_or(|at| at + Duration::milliseconds(PAUSE_MS) <= now) {
            self.pass_time();
        }
    }

    /// Does what became due by now: reviews end, orders and pages expire, cancellations take effect, money is paid out.
    pub fn pass_time(&mut self) {
        let now = self.now();
        self.looked_at = Some(now);
        for token in self.books.customer_tokens.values_mut() {
            if token.cancelled_from.is_some_and(|from| from <= now) {
                token.status = TokenStatus::Cancelled;
                token.cancelled_from = None;
            }
        }
        let ended: Vec<String> = self
            .books
            .hosted_sessions
            .values()
            .filter(|session| session.expires_at <= now)
            .filter(|session| {
                use HostedStatus::{Back, Error, Failed, InProgress, Waiting};
                matches!(session.status, Waiting | InProgress | Back | Failed | Error)
            })
            .map(|session| session.id.clone())
            .collect();
        for id in ended {
            callbacks::set_hosted_status(self, &id, HostedStatus::Timeout);
        }
        orders::pass_time(self, now);
        settlements::pass_time(self, now);
    }
}

/// The real time, where the sandbox's own clock doesn't stand still.
pub fn real_now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}

//! Everything one sandbox holds, how it survives a restart, and what time alone changes in it.
//!
//! All of it is behind one lock: an operation reads and changes the state in one step, and the file is written before
//! the lock is given back, so no answer leaves that a restart would forget.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::alerts::Controls;
use super::books::{Books, Shipment};
use super::limits::Windows;
use super::server::Rule;
use super::{Settings, travel};
use crate::sandbox::kept;

#[derive(Debug)]
pub struct State {
    pub settings: Settings,
    /// Where this server is reached; it differs from run to run.
    pub url: String,
    pub books: Books,
    pub controls: Controls,
    pub faults: Vec<Rule>,
    /// Access tokens and when they end.
    pub tokens: BTreeMap<String, DateTime<Utc>>,
    pub windows: Windows,
    /// How many packages and pickups were numbered so far.
    pub numbered: u64,
    /// How far the sandbox's clock is ahead of the real one, or of where it stands.
    advanced_seconds: i64,
}

/// What the file keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    books: Books,
    controls: Controls,
    faults: Vec<Rule>,
    tokens: BTreeMap<String, DateTime<Utc>>,
    numbered: u64,
    advanced_seconds: i64,
}

impl State {
    /// The saved state, or a new one when the file isn't there yet.
    pub fn load(settings: Settings, url: String) -> io::Result<State> {
        let kept: Kept = settings.state_file.as_deref().map_or_else(|| Ok(Kept::default()), kept::load)?;
        let Kept { books, controls, faults, tokens, numbered, advanced_seconds } = kept;
        let windows = Windows::default();
        Ok(State { settings, url, books, controls, faults, tokens, windows, numbered, advanced_seconds })
    }

    /// Keeps the state for the next run, when it was asked for.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = self.settings.state_file.as_deref() else { return Ok(()) };
        let kept = Kept {
            books: self.books.clone(),
            controls: self.controls.clone(),
            faults: self.faults.clone(),
            tokens: self.tokens.clone(),
            numbered: self.numbered,
            advanced_seconds: self.advanced_seconds,
        };
        kept::save(&kept, file)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.settings.clock_stands_at.unwrap_or_else(real_now) + Duration::seconds(self.advanced_seconds)
    }

    /// Moves the clock on; it never goes back.
    pub fn advance(&mut self, seconds: i64) {
        /// Ten years: more than any deadline here, and far from the end of the calendar.
        const ADVANCED_SECONDS_MAX: i64 = 10 * 366 * 24 * 3600;
        self.advanced_seconds =
            self.advanced_seconds.saturating_add(seconds.max(0)).min(ADVANCED_SECONDS_MAX);
        self.pass_time();
    }

    /// Does what became due by now: packages move on by their timetable, subscriptions end.
    pub fn pass_time(&mut self) {
        let now = self.now();
        self.books.subscriptions.retain(|_, subscription| subscription.expires_at > now);
        if self.settings.travels {
            travel::follow_timetables(self, now);
        }
    }

    pub fn is_token(&self, token: &str) -> bool {
        self.tokens.get(token).is_some_and(|expires_at| *expires_at > self.now())
    }

    /// Whether a booking is old enough to be found by its reference and by label recovery.
    pub fn is_recoverable(&self, shipment: &Shipment) -> bool {
        let delay = Duration::from_std(self.settings.recoverable_after).unwrap_or_default();
        shipment.booked_at + delay <= self.now()
    }

    /// The next tracking number: `1Z`, the shipper, the service, a running number and a check digit.
    pub fn next_number(&mut self, service: &str) -> String {
        self.numbered += 1;
        let body = format!("{}{service}{:07}", self.settings.account_number, self.numbered % 10_000_000);
        format!("1Z{body}{}", check_digit(&body))
    }
}

/// The check digit of the fifteen characters after `1Z`: letters count by their place in the alphabet, every second
/// character twice.
pub fn check_digit(body: &str) -> u32 {
    let value = |character: char| match character {
        '0'..='9' => character.to_digit(10).unwrap_or_default(),
        letter => (u32::from(letter).saturating_sub(63)) % 10,
    };
    let sum: u32 = body
        .chars()
        .enumerate()
        .map(|(place, character)| value(character) * if place % 2 == 0 { 1 } else { 2 })
        .sum();
    (10 - sum % 10) % 10
}

/// The real time, where the sandbox's own clock doesn't stand still.
fn real_now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_known_numbers() {
        for number in ["1Z5R89390357567127", "1Z879E930346834440", "1Z410E7W0392751591"] {
            let (body, check) = number[2..].split_at(15);
            assert_eq!(check_digit(body).to_string(), check, "{number}");
        }
    }
}

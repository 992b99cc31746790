//! How often one may sign in: counts a minute and a name, in this process's memory.
//!
//! Cheap and rough on purpose: it keeps floods from the database and the password hash. What must hold across instances (the
//! lock-out after wrong passwords) is counted in the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::sessions::SignInError;
use crate::clock::Moment;

/// A kind of request and how many of it are taken a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    name: &'static str,
    per_minute_max: u32,
}

/// Guest sign-ins of one device: a start of the app and a few retries.
pub(super) const DEVICE: Limit = Limit { name: "device", per_minute_max: 20 };
/// Guest sign-ins of everybody on one instance: a Saturday's opening, doubled.
pub(super) const GUESTS: Limit = Limit { name: "guests", per_minute_max: 6_000 };
/// Password sign-ins to one login: the lock-out comes first, this spares the database.
pub(super) const LOGIN: Limit = Limit { name: "login", per_minute_max: 30 };
/// Password sign-ins of everybody on one instance: what the hashing can bear.
pub(super) const PASSWORDS: Limit = Limit { name: "passwords", per_minute_max: 600 };
/// Refreshes and sign-outs of everybody on one instance.
pub(super) const REFRESHES: Limit = Limit { name: "refreshes", per_minute_max: 60_000 };

/// Questions of one shopper that partners are asked for: somebody who types an address, corrects it and looks for a locker.
pub(super) const QUESTIONS: Limit = Limit { name: "questions", per_minute_max: 30 };

/// Names that are counted at once. When there are more, newcomers share one count.
const NAMES_MAX: usize = 20_000;

/// The counts of the current minute.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    counts: HashMap<(&'static str, String), u32>,
}

impl Limits {
    /// Counts one request; an error when there were too many this minute.
    pub(super) fn take(&self, limit: Limit, name: &str, now: Moment) -> Result<(), SignInError> {
        let minute = now.timestamp().div_euclid(60);
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let mut key = (limit.name, name.to_owned());
        if window.counts.len() >= NAMES_MAX && !window.counts.contains_key(&key) {
            "everybody else".clone_into(&mut key.1);
        }
        let count = window.counts.entry(key).or_default();
        *count = count.saturating_add(1);
        if *count > limit.per_minute_max { Err(SignInError::TooMany) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_limit_and_the_next_one_begins_anew() {
        let limits = Limits::default();
        let now = Moment::UNIX_EPOCH;
        for _ in 0..DEVICE.per_minute_max {
            assert!(limits.take(DEVICE, "a", now).is_ok());
        }
        assert!(limits.take(DEVICE, "a", now).is_err());
        assert!(limits.take(DEVICE, "b", now).is_ok());
        assert!(limits.take(DEVICE, "a", now + chrono::Duration::seconds(60)).is_ok());
    }
}

//! A clock that can be moved on and sped up, and that can stand still for a test.

use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Ten years: more than any window of a courier, and far from the end of the calendar.
const ADVANCED_MS_MAX: i64 = 10 * 366 * 24 * 3_600 * 1_000;

/// A day in a second.
const SPEED_MAX: i64 = 86_400;

/// How the sandbox's time comes from the real one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Clock {
    /// How far it is ahead of the real time, or of where it stands, not counting what its speed brings.
    advanced_ms: i64,
    /// How much faster than the real time it runs, and since when.
    speed: Option<(i64, DateTime<Utc>)>,
    #[serde(skip)]
    stands_at: Option<DateTime<Utc>>,
}

impl Clock {
    pub(super) fn stand_at(&mut self, moment: Option<DateTime<Utc>>) {
        self.stands_at = moment;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.stands_at.unwrap_or_else(real_now) + Duration::milliseconds(self.ahead_ms())
    }

    /// Moves it on; it never goes back.
    pub fn advance(&mut self, seconds: i64) {
        let by = seconds.max(0).saturating_mul(1_000);
        self.advanced_ms = self.advanced_ms.saturating_add(by).min(ADVANCED_MS_MAX);
    }

    /// Lets it run so many times as fast as the real time from now on; 1 is the real pace.
    pub fn run_at(&mut self, speed: i64) {
        self.advanced_ms = self.ahead_ms();
        self.speed = Some((speed.clamp(1, SPEED_MAX), real_now()));
    }

    pub fn speed(&self) -> i64 {
        self.speed.map_or(1, |(speed, _)| speed)
    }

    fn ahead_ms(&self) -> i64 {
        let gained = self.speed.filter(|_| self.stands_at.is_none()).map_or(0, |(speed, since)| {
            (real_now() - since).num_milliseconds().max(0).saturating_mul(speed - 1)
        });
        self.advanced_ms.saturating_add(gained).min(ADVANCED_MS_MAX)
    }
}

fn real_now() -> DateTime<Utc> {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_on_and_never_back() {
        let mut clock = Clock::default();
        let start: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        clock.stand_at(Some(start));
        clock.advance(60);
        clock.advance(-60);
        assert_eq!(clock.now() - start, Duration::seconds(60));
        clock.run_at(3_600);
        assert_eq!(clock.now() - start, Duration::seconds(60), "a clock that stands has no pace");
    }

    #[test]
    fn a_change_of_pace_keeps_what_was_gained() {
        let since = real_now() - Duration::seconds(10);
        let mut clock = Clock { speed: Some((61, since)), ..Clock::default() };
        let gained = |clock: &Clock| (clock.now() - real_now()).num_seconds();
        assert!((599..700).contains(&gained(&clock)));
        clock.run_at(1);
        assert!((599..700).contains(&gained(&clock)));
        assert_eq!(clock.speed(), 1);
    }
}

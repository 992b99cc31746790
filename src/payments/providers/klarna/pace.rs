//! Our own pace, below Klarna's limits: a call waits for its turn, or is not made.
//!
//! Klarna counts calls of a second. Three quarters of its limit are used as a steady pace and a fifth at once, so that no second
//! holds more than the limit, wherever it begins. What Klarna says of the rest of its own count is honoured on top.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A call whose turn comes later than this is not made: whoever waits for it has a deadline, and tries again.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// The longest time for which Klarna is believed that it takes nothing: a larger number is a moment, or a mistake.
const CLOSED_MAX: Duration = Duration::from_mins(1);

/// The turns of one kind of calls.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    ahead: Duration,
    next: Mutex<Option<Instant>>,
}

/// The turn comes too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl Pace {
    /// A pace below so many calls a second.
    pub fn below(limit: u32) -> Self {
        let steady = (limit * 3 / 4).max(1);
        let at_once = (limit / 5).max(1);
        let every = Duration::from_secs(1) / steady;
        Self { every, ahead: every * (at_once - 1), next: Mutex::new(None) }
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Result<(), TooMany> {
        let wait = self.take(Instant::now())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Takes the next turn; answers how long it is until then.
    fn take(&self, now: Instant) -> Result<Duration, TooMany> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // Turns that nobody took are kept, as many as may be taken at once.
        let earliest = now.checked_sub(self.ahead).unwrap_or(now);
        let turn = next.map_or(earliest, |next| next.max(earliest));
        let wait = turn.saturating_duration_since(now);
        if wait > WAIT_MAX {
            return Err(TooMany);
        }
        *next = turn.checked_add(self.every);
        Ok(wait)
    }

    /// Klarna takes nothing for this time.
    pub fn close_for(&self, time: Duration) {
        self.close(Instant::now(), time);
    }

    fn close(&self, now: Instant, time: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let open_at = now.checked_add(time.min(CLOSED_MAX));
        *next = (*next).max(open_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_calls_than_the_limit_wherever_it_begins() {
        for limit in [1_u32, 5, 40, 50, 200] {
            let pace = Pace::below(limit);
            let start = Instant::now();
            // Idle for a while, then as many calls as there are, each at its turn.
            let mut now = start + Duration::from_secs(10);
            let mut calls: Vec<Instant> = Vec::new();
            while now < start + Duration::from_secs(14) {
                now += pace.take(now).expect("a turn");
                calls.push(now);
            }
            for (index, first) in calls.iter().enumerate() {
                let within =
                    calls[index..].iter().take_while(|call| **call < *first + Duration::from_secs(1));
                let count = within.count();
                assert!(count <= usize::try_from(limit).expect("small"), "{count} calls of {limit}");
            }
        }
    }

    #[test]
    fn a_turn_that_comes_too_late_is_not_taken() {
        let pace = Pace::below(5);
        let now = Instant::now();
        let taken = (0..20).filter(|_| pace.take(now).is_ok()).count();
        assert!((6..=8).contains(&taken), "{taken}");
        pace.close(now, Duration::from_hours(1));
        assert_eq!(pace.take(now + Duration::from_secs(50)), Err(TooMany));
        assert!(pace.take(now + CLOSED_MAX).is_ok());
    }
}

//! Backing off when PayPal wants fewer calls. It publishes no numbers and promises no time, so that a pause that grows from
//! refusal to refusal is all there is; the jobs that wait spread themselves.

use std::time::{Duration, Instant};

/// The first pause and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// When PayPal is called again.
#[derive(Debug, Default)]
pub struct Pace {
    closed_until: Option<Instant>,
    pause: Duration,
}

impl Pace {
    /// Whether a call may be made.
    pub fn is_open(&self, now: Instant) -> bool {
        self.closed_until.is_none_or(|until| now >= until)
    }

    /// Takes in that PayPal wants fewer calls.
    pub fn refused(&mut self, now: Instant) {
        self.pause = self.pause.saturating_mul(2).clamp(PAUSES.0, PAUSES.1);
        self.closed_until = now.checked_add(self.pause);
    }

    /// Takes in that PayPal answered.
    pub fn answered(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_refusal_to_refusal_and_end_with_an_answer() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert!(pace.is_open(start));
        pace.refused(start);
        assert!(!pace.is_open(start + Duration::from_millis(249)));
        assert!(pace.is_open(start + Duration::from_millis(250)));
        pace.refused(start);
        assert!(!pace.is_open(start + Duration::from_millis(499)));
        for _ in 0..20 {
            pace.refused(start);
        }
        assert!(pace.is_open(start + PAUSES.1));
        pace.answered();
        assert!(pace.is_open(start));
    }
}

//! Backing off when PayPal wants fewer calls. It publishes no numbers and promises no time, so that a pause that grows from
//! refusal to refusal is all there is; the jobs that wait spread themselves.

use chrono::Duration;

use crate::clock::Moment;

/// The first pause and the longest.
const PAUSES: (Duration, Duration) = (Duration::milliseconds(250), Duration::seconds(30));

/// When PayPal is called again.
#[derive(Debug, Default)]
pub struct Pace {
    closed_until: Option<Moment>,
    pause: Duration,
}

impl Pace {
    /// Whether a call may be made.
    pub fn is_open(&self, now: Moment) -> bool {
        self.closed_until.is_none_or(|until| now >= until)
    }

    /// Takes in that PayPal wants fewer calls.
    pub fn refused(&mut self, now: Moment) {
        self.pause = (self.pause + self.pause).clamp(PAUSES.0, PAUSES.1);
        self.closed_until = Some(now + self.pause);
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
        let start = Moment::default();
        assert!(pace.is_open(start));
        pace.refused(start);
        assert!(!pace.is_open(start + Duration::milliseconds(249)));
        assert!(pace.is_open(start + Duration::milliseconds(250)));
        pace.refused(start);
        assert!(!pace.is_open(start + Duration::milliseconds(499)));
        for _ in 0..20 {
            pace.refused(start);
        }
        assert!(pace.is_open(start + PAUSES.1));
        pace.answered();
        assert!(pace.is_open(start));
    }
}

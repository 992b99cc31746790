//! The store's own clock. Pure.

use chrono::{Duration, FixedOffset, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::clock::Moment;

/// The clock of a store at a moment, for that moment and for what was seen a while before.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreClock {
    zone: Tz,
    /// From then on and until then it is so far from the world's: a table of time zones need not be asked for each line of a
    /// cart. Nothing where it was put forward or back between both.
    since: Moment,
    until: Moment,
    offset: Option<FixedOffset>,
}

impl StoreClock {
    /// In a zone at a moment, and so long before it.
    pub(super) fn of(zone: Tz, before: Duration, at: Moment) -> Self {
        let since = at - before;
        let offset = |at: Moment| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        // No clock is put forward and back within a day, and nothing that was seen is promised for longer.
        let offset = Some(offset(at)).filter(|now| offset(since) == *now);
        Self { zone, since, until: at, offset }
    }

    /// What it shows at a moment.
    pub(super) fn local(&self, at: Moment) -> NaiveDateTime {
        match self.offset {
            Some(offset) if (self.since..=self.until).contains(&at) => {
                at.with_timezone(&offset).naive_local()
            }
            _ => self.zone.from_utc_datetime(&at.naive_utc()).naive_local(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_store_is_that_of_its_zone_also_when_it_is_put_forward_or_back() {
        // In Berlin the clock was put back on 25 October 2026 and is put forward on 28 March 2027, each time at 01:00 UTC.
        for day in ["2026-10-25T00:00:00Z", "2027-03-28T00:00:00Z", "2026-07-15T00:00:00Z"] {
            let midnight: Moment = day.parse().expect("a time");
            for hour in 0..12 {
                let at = midnight + Duration::hours(hour);
                let clock = StoreClock::of(chrono_tz::Europe::Berlin, Duration::hours(4), at);
                for minutes in (-60..420).step_by(30) {
                    let seen = at - Duration::minutes(minutes);
                    let expected = seen.with_timezone(&chrono_tz::Europe::Berlin).naive_local();
                    assert_eq!(clock.local(seen), expected, "{seen} at {at}");
                }
            }
        }
    }
}

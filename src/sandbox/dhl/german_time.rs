//! German local time: UTC+1, and UTC+2 from the last Sunday of March to the last Sunday of October, 01:00 UTC.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc};

const WINTER_OFFSET_SECONDS: i32 = 3_600;
const SUMMER_OFFSET_SECONDS: i32 = 7_200;

/// The instant as a clock in Germany shows it.
pub fn german(instant: DateTime<Utc>) -> DateTime<FixedOffset> {
    instant.with_timezone(&offset_at(instant))
}

/// The instant at which a clock in Germany shows this hour of this day.
pub fn german_hour(day: NaiveDate, hour: u32) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(hour.min(23), 0, 0).unwrap_or_default();
    let wall = Utc.from_utc_datetime(&day.and_time(time));
    let guess = wall - chrono::Duration::seconds(i64::from(WINTER_OFFSET_SECONDS));
    wall - chrono::Duration::seconds(i64::from(offset_at(guess).local_minus_utc()))
}

fn offset_at(instant: DateTime<Utc>) -> FixedOffset {
    let year = instant.year();
    let summer = change(year, 3) <= instant && instant < change(year, 10);
    let seconds = if summer { SUMMER_OFFSET_SECONDS } else { WINTER_OFFSET_SECONDS };
    FixedOffset::east_opt(seconds).expect("one and two hours are valid offsets")
}

/// The change of clocks: the last Sunday of a month with 31 days, 01:00 UTC.
fn change(year: i32, month: u32) -> DateTime<Utc> {
    let last = NaiveDate::from_ymd_opt(year, month, 31).unwrap_or_default();
    let sunday = last - Days::new(u64::from(last.weekday().num_days_from_sunday()));
    Utc.from_utc_datetime(&sunday.and_time(NaiveTime::from_hms_opt(1, 0, 0).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_time_starts_and_ends_on_the_last_sunday() {
        let shown = |text: &str| {
            let instant: DateTime<Utc> = text.parse().unwrap();
            german(instant).to_rfc3339()
        };
        assert_eq!(shown("2026-03-29T00:59:59Z"), "2026-03-29T01:59:59+01:00");
        assert_eq!(shown("2026-03-29T01:00:00Z"), "2026-03-29T03:00:00+02:00");
        assert_eq!(shown("2026-10-25T01:00:00Z"), "2026-10-25T02:00:00+01:00");
        let day = NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();
        assert_eq!(german_hour(day, 18).to_rfc3339(), "2026-07-01T16:00:00+00:00");
    }
}

//! When goods leave a store, and the days that couriers count from there. Pure.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When goods go out to couriers that collect once a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// What is ordered until then, by the store's clock, goes out the same day: `16:00`.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    #[serde(with = "super::minutes")]
    pub by: NaiveTime,
    /// The days on which goods go out.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 7)]
    pub on: Vec<Weekday>,
}

impl Default for HandOver {
    fn default() -> Self {
        let on = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];
        Self { by: NaiveTime::from_hms_opt(16, 0, 0).unwrap_or_default(), on }
    }
}

impl HandOver {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// When a day is closed where the store has not said: an hour after its goods went out, and on the same day.
    pub fn usual_close(&self) -> NaiveTime {
        match self.by.overflowing_add_signed(Duration::hours(1)) {
            (time, 0) => time,
            _ => self.by,
        }
    }

    /// When what is ordered now goes out, by the store's clock.
    pub fn next(&self, local: NaiveDateTime) -> NaiveDateTime {
        let first = if local.time() <= self.by { local.date() } else { local.date() + Duration::days(1) };
        let mut days = (0..7).map(|day| first + Duration::days(day));
        let day = days.find(|day| self.on.contains(&day.weekday())).unwrap_or(first);
        day.and_time(self.by)
    }
}

/// The day so many working days (Monday to Saturday) after another.
pub fn working_days_after(day: NaiveDate, count: i64) -> NaiveDate {
    let mut day = day;
    let mut left = count;
    while left > 0 {
        day += Duration::days(1);
        if day.weekday() != Weekday::Sun {
            left -= 1;
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().expect("a time")
    }

    #[test]
    fn goods_go_out_today_until_the_hour_and_on_the_next_day_of_the_list_after_it() {
        let hand_over: HandOver =
            serde_json::from_str(r#"{"by": "16:00", "on": ["Mon", "Tue", "Fri"]}"#).expect("terms");
        // 1 December 2026 is a Tuesday.
        for (ordered, out) in [
            ("2026-12-01T09:00:00", "2026-12-01T16:00:00"),
            ("2026-12-01T16:00:00", "2026-12-01T16:00:00"),
            ("2026-12-01T16:00:01", "2026-12-04T16:00:00"),
            ("2026-12-05T09:00:00", "2026-12-07T16:00:00"),
        ] {
            assert_eq!(hand_over.next(local(ordered)), local(out), "{ordered}");
        }
    }

    #[test]
    fn no_parcel_arrives_on_a_sunday() {
        let friday = NaiveDate::from_ymd_opt(2026, 12, 4).expect("a day");
        let after = |days| working_days_after(friday, days).to_string();
        assert_eq!([after(0), after(1), after(2)], ["2026-12-04", "2026-12-05", "2026-12-07"]);
    }
}

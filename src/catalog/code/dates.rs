//! Dates of six digits: the century, the last day of a month, and days that don't exist.

use chrono::{Datelike, Months, NaiveDate};

use super::refusal::Refusal;

/// The year that two digits mean in a year: at most 49 back and 50 ahead (GS1 General Specifications, 7.12).
fn year(two_digits: i32, today: NaiveDate) -> i32 {
    let this_year = today.year();
    let near = this_year - this_year.rem_euclid(100) + two_digits;
    match near - this_year {
        51.. => near - 100,
        ..=-50 => near + 100,
        _ => near,
    }
}

/// The day that YYMMDD means. Day 00 is the last day of the month where the month alone may be given
/// (GS1 General Specifications, 3.4), else no day.
pub(super) fn day(six: &str, month_alone: bool, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    let part =
        |range| six.get(range).and_then(|digits: &str| digits.parse::<u32>().ok()).ok_or(Refusal::Date);
    let year = year(i32::try_from(part(0..2)?).map_err(|_| Refusal::Date)?, today);
    let (month, day) = (part(2..4)?, part(4..6)?);
    let found = if day == 0 && month_alone {
        NaiveDate::from_ymd_opt(year, month, 1)
            .and_then(|first| first.checked_add_months(Months::new(1)))
            .and_then(|next| next.pred_opt())
    } else {
        NaiveDate::from_ymd_opt(year, month, day)
    };
    found.ok_or(Refusal::Date)
}

/// The day that YYYYMMDD means.
pub(super) fn long_day(eight: &str) -> Result<NaiveDate, Refusal> {
    NaiveDate::parse_from_str(eight, "%Y%m%d").map_err(|_| Refusal::Date)
}

/// Whether these digits are a time: hours, and minutes and seconds as far as they are there.
pub(super) fn check_time(digits: &str) -> Result<(), Refusal> {
    let limits = [24, 60, 60];
    let fits = digits.as_bytes().chunks(2).zip(limits).all(|(pair, limit)| match pair {
        [tens, ones] => u32::from(tens - b'0') * 10 + u32::from(ones - b'0') < limit,
        _ => false,
    });
    if fits && digits.len() <= 6 { Ok(()) } else { Err(Refusal::Date) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(today: &str, six: &str) -> Result<String, Refusal> {
        day(six, true, today.parse().expect("a day")).map(|day| day.to_string())
    }

    #[test]
    fn the_century_slides_with_the_year() {
        assert_eq!(on("2026-11-23", "261231"), Ok("2026-12-31".to_owned()));
        assert_eq!(on("2026-11-23", "760101"), Ok("2076-01-01".to_owned()), "50 ahead");
        assert_eq!(on("2026-11-23", "770101"), Ok("1977-01-01".to_owned()), "51 ahead is the last century");
        assert_eq!(on("2060-01-01", "110101"), Ok("2011-01-01".to_owned()), "49 back");
        assert_eq!(on("2060-01-01", "100101"), Ok("2110-01-01".to_owned()), "50 back is the next century");
        assert_eq!(on("1999-01-01", "000101"), Ok("2000-01-01".to_owned()));
    }

    #[test]
    fn day_zero_is_the_last_of_the_month_and_no_other_day_is_invented() {
        assert_eq!(on("2026-11-23", "280200"), Ok("2028-02-29".to_owned()));
        assert_eq!(on("2026-11-23", "270200"), Ok("2027-02-28".to_owned()));
        assert_eq!(on("2026-11-23", "261200"), Ok("2026-12-31".to_owned()));
        for wrong in ["260231", "270229", "261301", "260001", "260432", "260000"] {
            assert_eq!(on("2026-11-23", wrong), Err(Refusal::Date), "{wrong}");
        }
        assert_eq!(day("261200", false, NaiveDate::MIN), Err(Refusal::Date));
    }

    #[test]
    fn a_time_has_24_hours_of_60_minutes() {
        assert!(check_time("2359").is_ok() && check_time("23").is_ok() && check_time("235959").is_ok());
        assert!(check_time("2400").is_err() && check_time("2360").is_err() && check_time("235960").is_err());
    }
}

//! How often a courier may still be asked after parcels today: couriers answer so many questions a day, and all instances ask out
//! of one count. It is spread over the day, so that a busy morning leaves something for the evening; who may not be asked now is
//! asked the next time. What a courier tells by itself costs nothing but the question that follows it.

use chrono::Timelike;

use super::store;
use crate::app::App;
use crate::clock::Moment;
use crate::db;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// This part of a day's questions can be asked at once: one in so many.
const AT_ONCE: i64 = 10;

/// Takes one question of a courier's day; says whether there was one left.
pub(super) async fn take(app: &App, carrier: &str, now: Moment) -> Result<bool, db::Error> {
    let Some(quota) = app.config.delivery.asks_a_day.get(carrier) else { return Ok(true) };
    let asked = store::count_ask(&app.db, carrier, now.date_naive(), so_far(*quota, now)).await?;
    let name = carrier.to_owned();
    if asked.is_none() {
        metrics::counter!("aisle_courier_asks_put_off_total", "carrier" => name).increment(1);
    } else {
        metrics::counter!("aisle_courier_asks_total", "carrier" => name).increment(1);
    }
    if asked == Some(1) {
        store::forget_asks_before(&app.db, now.date_naive()).await?;
    }
    Ok(asked.is_some())
}

/// So many of a day's questions may have been asked by now.
fn so_far(quota: i64, now: Moment) -> i64 {
    let at_once = quota / AT_ONCE + 1;
    let rest = (quota - at_once).max(0);
    let of_day = rest * i64::from(now.num_seconds_from_midnight()) / DAY;
    (at_once + of_day).min(quota)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_s_questions_last_for_the_day() {
        let at = |hour: i64| chrono::DateTime::UNIX_EPOCH + chrono::Duration::hours(hour);
        assert_eq!([0, 6, 12, 23].map(|hour| so_far(250, at(hour))), [26, 82, 138, 240]);
        assert_eq!([0, 12, 23].map(|hour| so_far(1, at(hour))), [1, 1, 1]);
        assert_eq!(so_far(0, at(23)), 0);
    }
}

//! What the events of all couriers have in common.

use aws_lc_rs::digest;
use chrono::{DateTime, FixedOffset};

/// The name of an event that has none of its own: the same parcel, code, instant and place are the same event.
pub fn dedupe_key(number: &str, code: &str, at: DateTime<FixedOffset>, place: Option<&str>) -> String {
    // One instant has one text, whatever offset it is told in.
    let instant = at.to_utc().to_rfc3339();
    let text = [number, code, &instant, place.unwrap_or_default()].join("|");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let digits = hash.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

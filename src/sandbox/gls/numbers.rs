//! Numbers and tokens. Each is new for its count, and looks like GLS's own.

use super::books::State;

const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Eight characters, as `ZX61QJIX`.
pub fn track_id(count: u64) -> String {
    /// Prime, so that neighbours look unlike and none meets another: below 36^6 the product runs through all remainders.
    const STRIDE: u64 = 1_500_450_271;
    const ALL: u64 = 36_u64.pow(6);
    let mut rest = count.wrapping_mul(STRIDE) % ALL;
    let mut letters = [b'0'; 6];
    for letter in letters.iter_mut().rev() {
        let digit = usize::try_from(rest % 36).unwrap_or_default();
        *letter = LETTERS[digit];
        rest /= 36;
    }
    format!("ZX{}", String::from_utf8_lossy(&letters))
}

/// Eleven digits and a check digit, the shape that is usual in Germany. How GLS computes the check digit is not public:
/// here it is the one of the trade item numbers.
pub fn parcel_number(count: u64) -> String {
    let body = format!("938{:08}", count % 100_000_000);
    let weight = |place: usize| if place.is_multiple_of(2) { 3 } else { 1 };
    let sum: u32 =
        body.bytes().rev().enumerate().map(|(place, digit)| u32::from(digit - b'0') * weight(place)).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

impl State {
    /// The TrackID and the parcel number of the next parcel, and its place.
    pub fn next_parcel(&mut self) -> (u64, String, String) {
        self.parcel_count += 1;
        (self.parcel_count, track_id(self.parcel_count), parcel_number(self.parcel_count))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_differ_and_have_their_lengths() {
        let ids: BTreeSet<String> = (1..5_000).map(track_id).collect();
        assert_eq!(ids.len(), 4_999);
        assert!(ids.iter().all(|id| id.len() == 8));
        assert_eq!(parcel_number(17).len(), 12);
    }
}

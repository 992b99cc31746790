//! Prices that are made up, for trials with real products: the same for the same seed, and marked as made up.

use super::super::code::Gtin;
use super::{Error, currency};
use crate::ids::PriceListId;
use crate::money::Currency;

/// A generator of prices.
#[derive(Debug)]
pub(super) struct Prices {
    seed: u64,
    pub(super) list: PriceListId,
    pub(super) currency: Currency,
}

impl Prices {
    /// Reads `seeded:NUMBER`.
    pub(super) fn parse(text: &str, code: &str) -> Result<Self, Error> {
        let seed = text.strip_prefix("seeded:").and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.ok_or_else(|| Error::Usage("--prices must be seeded:NUMBER".to_owned()))?;
        let list = format!("seeded-{seed}").parse().expect("letters, a dash and digits are a key");
        Ok(Self { seed, list, currency: currency(code)? })
    }

    /// A name that nobody takes for a real price list.
    pub(super) fn list_name(&self) -> String {
        format!("Made-up prices, seed {}", self.seed)
    }

    /// The made-up price of a number as a table writes it.
    pub(super) fn written(&self, gtin: Gtin) -> String {
        let minor = self.of(gtin);
        match self.currency.digits() {
            0 => minor.to_string(),
            digits => {
                let whole = 10_i64.pow(digits);
                let width = usize::try_from(digits).unwrap_or(0);
                format!("{}.{:0width$}", minor / whole, minor % whole)
            }
        }
    }

    /// The made-up price of a number in minor units: from 49 to 1999, ending on 49 or 99.
    pub(super) fn of(&self, gtin: Gtin) -> i64 {
        let mut word = (self.seed ^ gtin.value()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word = (word ^ (word >> 32)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word ^= word >> 29;
        49 + 50 * i64::try_from(word % 40).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_prices() {
        let prices = |seed: &str| Prices::parse(seed, "EUR").expect("prices");
        let gtin: Gtin = "4006381333931".parse().expect("a code");
        assert_eq!(prices("seeded:7").of(gtin), prices("seeded:7").of(gtin));
        assert!((49..=1999).contains(&prices("seeded:8").of(gtin)));
        assert!(Prices::parse("random", "EUR").is_err());
        let minor = prices("seeded:7").of(gtin);
        assert_eq!(prices("seeded:7").written(gtin), format!("{}.{:02}", minor / 100, minor % 100));
        let yen = Prices::parse("seeded:7", "JPY").expect("prices");
        assert_eq!(yen.written(gtin), minor.to_string());
    }
}

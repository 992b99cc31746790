//! What couriers cost a store's shoppers. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::is_key;
use crate::catalog::till_rules::BESIDE_MAX;

/// The latest promise that makes sense for groceries, in days after the hand-over.
const DAYS_MAX: i64 = 30;
/// The heaviest parcel that any courier carries, in grams.
const GRAMS_MAX: i64 = 100_000;

/// What a courier costs the shopper for a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// The courier: `dhl`, `ups`, `gls`, `uber`.
    pub carrier: String,
    /// The countries that it holds for (ISO 3166-1 alpha-2); all that the courier serves when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// The heaviest parcel that it holds for, in grams, carton included; the courier's own limit when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_grams: Option<i64>,
    /// Minor units for one parcel; left out, what the courier itself asks for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 50_000)]
    pub amount: Option<i64>,
    /// Arrives so many working days (Monday to Saturday) after the hand-over, at the earliest and at the latest; what the
    /// courier itself says counts more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<[i64; 2]>,
    /// What sending a parcel emits, in grams of carbon dioxide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emits_grams: Option<i64>,
}

impl Tariff {
    /// Whether it holds for a parcel of so many grams to this country.
    pub fn holds_for(&self, carrier: &str, country: &str, grams: i64) -> bool {
        self.carrier == carrier
            && (self.countries.is_empty() || self.countries.iter().any(|each| each == country))
            && self.up_to_grams.is_none_or(|most| grams <= most)
    }

    /// What contradicts itself in it, for people.
    pub(super) fn fault(&self) -> Option<String> {
        let is_country =
            |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let checks = [
            (is_key(&self.carrier), "a tariff names a courier in small letters: dhl"),
            (self.countries.iter().all(is_country), "a country is two capital letters: DE"),
            (
                self.up_to_grams.is_none_or(|grams| (1..=GRAMS_MAX).contains(&grams)),
                "a tariff is for parcels of 1 to 100000 grams",
            ),
            (
                self.amount.is_none_or(|amount| (0..=BESIDE_MAX).contains(&amount)),
                "a tariff is of 0 to 50000 minor units",
            ),
            (
                self.days.is_none_or(|[first, last]| 0 <= first && first <= last && last <= DAYS_MAX),
                "a parcel arrives within 0 to 30 days, the earliest first",
            ),
            (self.emits_grams.is_none_or(|grams| grams >= 0), "a parcel emits no less than nothing"),
        ];
        checks.iter().find(|(holds, _)| !holds).map(|(_, fault)| (*fault).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tariff_holds_for_its_countries_and_weights() {
        let text = r#"{"carrier": "dhl", "up_to_grams": 5000, "amount": 499, "days": [1, 2]}"#;
        let tariff: Tariff = serde_json::from_str(text).expect("a tariff");
        let tariff = Tariff { countries: vec!["DE".to_owned()], ..tariff };
        assert!(tariff.holds_for("dhl", "DE", 5000));
        assert!(!tariff.holds_for("ups", "DE", 5000) && !tariff.holds_for("dhl", "AT", 5000));
        assert!(!tariff.holds_for("dhl", "DE", 5001));
    }
}

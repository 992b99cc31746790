//! What a store's till goes by beside its prices: how long they are promised, where taxes are set and how, fees, vouchers,
//! points.
//!
//! A part of the store's row. What contradicts itself is refused when the row is delivered ([`TillRules::check`]), never at
//! the till.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::Template;
use crate::ids::TaxClassId;

/// Most rules of each kind.
const RULES_MAX: usize = 20;
/// The largest fee, and the largest voucher that a template may tell: what is more is a fault of a row or a forgery.
pub const BESIDE_MAX: i64 = 50_000;
/// Longest name of an area: a country and three levels below it.
const AREA_LENGTH_MAX: usize = 40;

/// How long a store's price promise holds when its row does not say: longer than a walk through any store, shorter than a
/// night, after which tomorrow's prices are expected.
const PROMISE_MINUTES: i64 = 4 * 60;
/// The longest that a store may promise: a day. A cart that is left open must not keep the prices of last week.
const PROMISE_MINUTES_MAX: i64 = 24 * 60;

/// What a store's till goes by beside its prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TillRules {
    /// How long, from the first scan of a line on, its `price_promise` holds: the length of a trip, in minutes; after it the
    /// price of now counts. 240 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_440)]
    pub price_promise_minutes: Option<i64>,
    /// Where its taxes are set, below the country: `US-NY-NYC`. Rates of this area come before those of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_area: Option<String>,
    /// Whether its prices are without tax, which comes on top. When left out, so in the United States and Canada.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_on_top: Option<bool>,
    /// Whether tax is rounded once a line instead of once a rate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rounds_tax_per_line: bool,
    /// Goods that are taxed otherwise when they are eaten in the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eat_in: Vec<EatIn>,
    /// Fees on the whole basket. A carrier bag is none: it is a product with a code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Fee>,
    /// Templates of deposit vouchers: `{code:…}` is the voucher's own number, `{price:…}` what it is worth in minor units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voucher_templates: Vec<String>,
    /// How members earn points, and what a point pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsTerms>,
}

/// Goods that are taxed otherwise when they are eaten in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EatIn {
    /// The class of the goods.
    pub tax_class: TaxClassId,
    /// The class that counts instead.
    pub instead: TaxClassId,
}

/// A fee on the whole basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// The name that shoppers read.
    pub name: String,
    /// Minor units of the store's currency, in the terms of its shelves.
    #[schema(minimum = 1, maximum = 50_000)]
    pub amount: i64,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// Only while goods cost less than this after all discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<i64>,
    /// Only where something is delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivery_only: bool,
}

/// How members earn points, and what a point pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointsTerms {
    /// For each full so many minor units that goods cost …
    #[schema(minimum = 1)]
    pub per: i64,
    /// … so many points are earned.
    #[schema(minimum = 0, maximum = 1_000)]
    pub points: i64,
    /// Minor units that a point pays; none when points can't be paid with.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000)]
    pub worth: i64,
}

impl TillRules {
    /// Why they can't be, in words; nothing when they can.
    pub fn check(&self) -> Result<(), String> {
        if self.price_promise_minutes.is_some_and(|minutes| !(1..=PROMISE_MINUTES_MAX).contains(&minutes)) {
            return Err(format!("price_promise_minutes is from 1 to {PROMISE_MINUTES_MAX}"));
        }
        let lengths = [self.eat_in.len(), self.fees.len(), self.voucher_templates.len()];
        if lengths.iter().any(|length| *length > RULES_MAX) {
            return Err(format!("till has at most {RULES_MAX} rules of each kind"));
        }
        if self.tax_area.as_deref().is_some_and(|area| !is_area(area)) {
            return Err("tax_area must be a country and parts of it, such as US-NY-NYC".to_owned());
        }
        for (number, rule) in self.eat_in.iter().enumerate() {
            if self.eat_in[..number].iter().any(|other| other.tax_class == rule.tax_class) {
                return Err(format!("eat_in names {} twice", rule.tax_class));
            }
        }
        for fee in &self.fees {
            if !(1..=BESIDE_MAX).contains(&fee.amount) || fee.below.is_some_and(|below| below < 1) {
                return Err(format!("a fee is of 1 to {BESIDE_MAX} minor units, below more than nothing"));
            }
        }
        for template in &self.voucher_templates {
            if !template.parse::<Template>().is_ok_and(|template| template.tells_voucher()) {
                return Err(format!(
                    "{} is no template of vouchers with {{code:…}} and {{price:…}}",
                    template.chars().filter(|each| !each.is_control()).take(64).collect::<String>()
                ));
            }
        }
        let Some(terms) = self.points else { return Ok(()) };
        let is_right =
            terms.per >= 1 && (0..=1_000).contains(&terms.points) && (0..=1_000).contains(&terms.worth);
        if is_right { Ok(()) } else { Err("points: per is 1 or more, points and worth 0 to 1000".to_owned()) }
    }

    /// How long the store's price promise holds from the first scan of a line on.
    pub fn promise_lasts(&self) -> chrono::Duration {
        chrono::Duration::minutes(self.price_promise_minutes.unwrap_or(PROMISE_MINUTES))
    }

    /// The tax classes that they name.
    pub fn tax_classes(&self) -> impl Iterator<Item = &TaxClassId> {
        let of_fees = self.fees.iter().map(|fee| &fee.tax_class);
        self.eat_in.iter().flat_map(|rule| [&rule.tax_class, &rule.instead]).chain(of_fees)
    }

    /// The class that counts for goods of a class that are eaten in the store.
    pub fn eaten_in<'a>(&'a self, class: &'a TaxClassId) -> &'a TaxClassId {
        let rule = self.eat_in.iter().find(|rule| rule.tax_class == *class);
        rule.map_or(class, |rule| &rule.instead)
    }

    /// What a code is worth as a deposit voucher, in minor units, by the first template that it fits. A wrong check digit, a
    /// value of nought and one that no machine gives are no voucher.
    pub fn voucher(&self, code: &str) -> Option<i64> {
        let templates = self.voucher_templates.iter().filter_map(|text| text.parse::<Template>().ok());
        let read = templates.filter_map(|template| template.read(code)).find_map(Result::ok)?;
        let price = read.price?;
        let amount = i64::try_from(price.mantissa()).ok().filter(|_| price.scale() == 0)?;
        (1..=BESIDE_MAX).contains(&amount).then_some(amount)
    }
}

/// Whether a text names a country or an area of one.
pub fn is_area(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_country = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    text.len() <= AREA_LENGTH_MAX && parts.next().is_some_and(is_country) && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_templates(templates: &[&str]) -> TillRules {
        let voucher_templates = templates.iter().map(|&text| text.to_owned()).collect();
        TillRules { voucher_templates, ..TillRules::default() }
    }

    #[test]
    fn a_voucher_says_what_it_is_worth() {
        let rules = with_templates(&["98{code:6}{price:4}{ec}"]);
        assert_eq!(rules.check(), Ok(()));
        // 9 8 0 0 0 1 2 3 0 2 5 0: 3 × (8+0+1+3+2+0) + (9+0+0+2+0+5) = 42 + 16 = 58, check digit 2.
        assert_eq!(rules.voucher("9800012302502"), Some(250));
        assert_eq!(rules.voucher("9800012302503"), None, "a wrong check digit");
        assert_eq!(rules.voucher("4006381333931"), None, "something else");
        // Worth nothing: 3 × (8+0+1+3+0+0) + (9+0+0+2+0+0) = 36 + 11 = 47, check digit 3.
        assert_eq!(rules.voucher("9800012300003"), None);
        assert_eq!(with_templates(&["{code:8}{price:6}"]).voucher("12345678999999"), None, "beyond belief");
    }

    #[test]
    fn rules_that_can_not_be_are_told() {
        for (rules, word) in [
            (with_templates(&["98{code:6}{_:4}{ec}"]), "no template"),
            (with_templates(&["98{price:4}{ec}"]), "no template"),
            (with_templates(&["{oops}"]), "no template"),
            (TillRules { price_promise_minutes: Some(0), ..TillRules::default() }, "price_promise_minutes"),
            (
                TillRules { price_promise_minutes: Some(1_441), ..TillRules::default() },
                "price_promise_minutes",
            ),
            (TillRules { tax_area: Some("us-ny".to_owned()), ..TillRules::default() }, "tax_area"),
            (
                TillRules {
                    points: Some(PointsTerms { per: 0, points: 1, worth: 1 }),
                    ..TillRules::default()
                },
                "points",
            ),
        ] {
            assert!(rules.check().is_err_and(|told| told.contains(word)), "{rules:?}");
        }
        assert!(is_area("US") && is_area("US-NY-NYC") && is_area("CA-QC"));
        assert!(!is_area("") && !is_area("USA") && !is_area("US-") && !is_area("US-ny"));
    }
}

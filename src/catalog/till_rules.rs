//! What a store's till goes by beside its prices: how long they are promised, where taxes are set and how, fees, vouchers,
//! points.
//!
//! A part of the store's row. What contradicts itself is refused when the row is delivered ([`TillRules::check`]), never at
//! the till.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use chrono::NaiveDate;

use super::code::{self, Gtin, Template};
use super::delivery_terms::DeliveryTerms;
use crate::hash::sha256_hex;
use crate::ids::{TaxClassId, VoucherCode};
use crate::money::Currency;

/// Most rules of each kind.
const RULES_MAX: usize = 20;
/// The largest fee, and the largest deposit voucher: what is more is a fault of a row or a forgery.
pub const BESIDE_MAX: i64 = 50_000;
/// Digits of a coupon's number in a message of GS1 (AI 255); what follows is the serial number of the single one.
const NUMBER_DIGITS: usize = 13;
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
    /// What couriers cost the shopper here, and when goods go out; as the service is set up where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Box<DeliveryTerms>>,
    /// Templates of deposit vouchers: `{code:…}` is the voucher's own number, `{price:…}` what it is worth in minor units. What
    /// stands fixed and that number name the voucher, once in this store: each store's machines count for themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voucher_templates: Vec<String>,
    /// Deposit vouchers that are messages of GS1: their numbers (AI 255, 13 digits). The serial number behind names the
    /// voucher, once in the whole chain; AI 390n says what it is worth, AI 17 until when it pays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voucher_numbers: Vec<String>,
    /// How members earn points, and what a point pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsTerms>,
    /// Limits of automatic debits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<DebitLimits>,
}

/// Limits of automatic debits, in minor units of the store's currency. What is left out is as the service is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DebitLimits {
    /// Above this, staff look before a debit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub look_above: Option<i64>,
    /// Above this, no debit is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub debit_max: Option<i64>,
    /// What a shopper may be debited within 24 hours, over all stores and accounts, before staff look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub day_look_above: Option<i64>,
    /// How often a shopper may be debited within 24 hours before staff look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub day_debits: Option<i64>,
    /// What a shopper may be debited within 24 hours at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub day_max: Option<i64>,
}

impl DebitLimits {
    fn is_sound(&self) -> bool {
        let from_zero = [self.look_above, self.day_look_above, self.day_debits];
        let above_zero = [self.debit_max, self.day_max];
        from_zero.into_iter().flatten().all(|limit| limit >= 0)
            && above_zero.into_iter().flatten().all(|limit| limit >= 1)
    }
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

/// A deposit voucher, as its code tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// What identifies it, however its code is written.
    pub voucher: VoucherCode,
    /// What it is worth, in minor units of the store's currency; at least one.
    pub amount: i64,
    /// Whether no other store has one of that name; else its name counts in its store alone.
    pub is_of_chain: bool,
    /// The last day on which it pays, where it says one.
    pub last_day: Option<NaiveDate>,
    /// Its code as its template has it: what it was known by before vouchers had names.
    pub whole: String,
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
        let vouchers = [self.voucher_templates.len(), self.voucher_numbers.len()];
        let lengths = [self.eat_in.len(), self.fees.len(), vouchers[0], vouchers[1]];
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
        if let Some(fault) = self.delivery.as_deref().and_then(DeliveryTerms::fault) {
            return Err(fault);
        }
        for template in &self.voucher_templates {
            if !template.parse::<Template>().is_ok_and(|template| template.tells_voucher()) {
                return Err(format!(
                    "{} is no template of vouchers with {{code:…}} and {{price:…}}",
                    template.chars().filter(|each| !each.is_control()).take(64).collect::<String>()
                ));
            }
        }
        let is_number = |number: &String| number.len() == NUMBER_DIGITS && Gtin::checked(number).is_ok();
        if !self.voucher_numbers.iter().all(is_number) {
            return Err("voucher_numbers are 13 digits with a right check digit".to_owned());
        }
        if self.limits.is_some_and(|limits| !limits.is_sound()) {
            return Err("limits are not below nought, and maxima not below 1".to_owned());
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
        self.eat_in.iter().map(|rule| &rule.tax_class).chain(self.charged_classes())
    }

    /// Those of them that are charged as they stand: each needs a rate where the store lies.
    pub fn charged_classes(&self) -> impl Iterator<Item = &TaxClassId> {
        let of_fees = self.fees.iter().map(|fee| &fee.tax_class);
        let of_delivery = self.delivery.iter().map(|terms| &terms.tax_class);
        self.eat_in.iter().map(|rule| &rule.instead).chain(of_fees).chain(of_delivery)
    }

    /// The class that counts for goods of a class that are eaten in the store.
    pub fn eaten_in<'a>(&'a self, class: &'a TaxClassId) -> &'a TaxClassId {
        let rule = self.eat_in.iter().find(|rule| rule.tax_class == *class);
        rule.map_or(class, |rule| &rule.instead)
    }

    /// What a code says as a deposit voucher, by the first template that it fits, or as a message of GS1. A wrong check digit
    /// and a value of nought are no voucher.
    pub fn slip(&self, delivered: &str, currency: Currency, today: NaiveDate) -> Option<Slip> {
        let text = code::cleaned(delivered)?;
        let mut templates = self.voucher_templates.iter().filter_map(|text| text.parse::<Template>().ok());
        let by_template = templates.find_map(|template| {
            let text = template.fitted(&text);
            let price = template.read(&text)?.ok()?.price?;
            let amount = i64::try_from(price.mantissa()).ok().filter(|_| price.scale() == 0)?;
            let voucher = named(&template.name_of(&text)?)?;
            Some(Slip { voucher, amount, is_of_chain: false, last_day: None, whole: text.into_owned() })
        });
        by_template.or_else(|| self.message(delivered, currency, today)).filter(|slip| slip.amount > 0)
    }

    /// A voucher that is a message of GS1. One without a serial number is no single voucher.
    fn message(&self, delivered: &str, currency: Currency, today: NaiveDate) -> Option<Slip> {
        if self.voucher_numbers.is_empty() {
            return None;
        }
        let answer = code::interpret(delivered, None, &code::Profile::None, today).ok()?;
        let code::Meaning::Coupon(code::Coupon::Elements(elements)) = answer.meaning else { return None };
        let (Some(code::Value::Text(number)), Some(code::Value::Price(price))) =
            (elements.get("gcn"), elements.get("amount"))
        else {
            return None;
        };
        let (kind, serial) = number.split_at_checked(NUMBER_DIGITS)?;
        if serial.is_empty() || !self.voucher_numbers.iter().any(|each| each == kind) {
            return None;
        }
        let amount = price.money(currency)?.minor();
        let (voucher, last_day) = (number.parse().ok()?, elements.use_by());
        Some(Slip {
            voucher,
            amount,
            is_of_chain: true,
            last_day,
            whole: code::cleaned(delivered)?.into_owned(),
        })
    }
}

/// A name as a key: as it is where it can be one.
fn named(name: &str) -> Option<VoucherCode> {
    name.parse().or_else(|_| sha256_hex(name.as_bytes()).parse()).ok()
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

    fn read(rules: &TillRules, code: &str) -> Option<(String, i64)> {
        let today = NaiveDate::from_ymd_opt(2026, 7, 15).expect("a day");
        let slip = rules.slip(code, Currency::EUR, today)?;
        Some((slip.voucher.to_string(), slip.amount))
    }

    #[test]
    fn a_voucher_says_what_it_is_worth() {
        let rules = with_templates(&["98{code:6}{price:4}{ec}"]);
        assert_eq!(rules.check(), Ok(()));
        // 9 8 0 0 0 1 2 3 0 2 5 0: 3 × (8+0+1+3+2+0) + (9+0+0+2+0+5) = 42 + 16 = 58, check digit 2.
        let known = Some(("98000123".to_owned(), 250));
        assert_eq!(read(&rules, "9800012302502"), known);
        assert_eq!(read(&rules, "9800012302503"), None, "a wrong check digit");
        assert_eq!(read(&rules, "4006381333931"), None, "something else");
        // Worth nothing: 3 × (8+0+1+3+0+0) + (9+0+0+2+0+0) = 36 + 11 = 47, check digit 3.
        assert_eq!(read(&rules, "9800012300003"), None);
    }

    #[test]
    fn a_voucher_is_the_same_however_its_code_is_written() {
        let rules = with_templates(&["98{code:6}{price:4}{ec}", "P/{code:8}{price:4}"]);
        let known = read(&rules, "9800012302502");
        for text in ["09800012302502", "]E09800012302502", " 9800012302502\r\n", "]I109800012302502"] {
            assert_eq!(read(&rules, text), known, "{text}");
        }
        // The value and the check digit do not name it: 3 × (8+0+1+3+9+9) + (9+0+0+2+0+9) = 90 + 20 = 110, check digit 0.
        assert_eq!(read(&rules, "9800012309990"), Some(("98000123".to_owned(), 999)));
        let strange = read(&rules, "P/000000070250").expect("a voucher").0;
        assert_eq!(strange.len(), 64, "a name that is no key is told by its hash");
    }

    #[test]
    fn a_voucher_of_gs1_is_named_by_its_serial_number_in_whatever_order() {
        let rules = TillRules { voucher_numbers: vec!["9521234000013".to_owned()], ..TillRules::default() };
        assert_eq!(rules.check(), Ok(()));
        let known = Some(("952123400001300042".to_owned(), 250));
        for text in [
            "(255)952123400001300042(3902)250",
            "(3902)250(255)952123400001300042",
            "]C1255952123400001300042\u{1d}3902250",
            "]d23902250\u{1d}255952123400001300042",
            "]e0255952123400001300042\u{1d}3902000250",
        ] {
            assert_eq!(read(&rules, text), known, "{text}");
        }
        for text in [
            "(255)9521234000013(3902)250",
            "(255)952123400001300042",
            "(255)952123400002000042(3902)250",
            "(255)952123400001300042(3903)2505",
        ] {
            assert_eq!(read(&rules, text), None, "{text}");
        }
    }

    #[test]
    fn rules_that_can_not_be_are_told() {
        for (rules, word) in [
            (with_templates(&["98{code:6}{_:4}{ec}"]), "no template"),
            (with_templates(&["98{price:4}{ec}"]), "no template"),
            (with_templates(&["{oops}"]), "no template"),
            (
                TillRules { voucher_numbers: vec!["9521234000014".to_owned()], ..TillRules::default() },
                "voucher_numbers",
            ),
            (TillRules { price_promise_minutes: Some(0), ..TillRules::default() }, "price_promise_minutes"),
            (
                TillRules { price_promise_minutes: Some(1_441), ..TillRules::default() },
                "price_promise_minutes",
            ),
            (TillRules { tax_area: Some("us-ny".to_owned()), ..TillRules::default() }, "tax_area"),
            (
                TillRules {
                    limits: Some(DebitLimits { day_max: Some(0), ..DebitLimits::default() }),
                    ..TillRules::default()
                },
                "limits",
            ),
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

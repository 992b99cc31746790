//! Money in whole minor units with its currency, tax rates, and the only rounding in the program.
//!
//! An amount can't lose its currency, can't be made from a float, and every sum is checked. Rates are exact decimals.

use std::fmt;
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A currency of ISO 4217, by its alphabetic code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Active currencies of ISO 4217:2015 with two minor digits that shops take.
const TWO_DIGITS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG";
/// Currencies without minor units.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Currencies with three minor digits.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// A text that is no active currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an active currency code of ISO 4217")]
pub struct NotACurrency;

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The alphabetic code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the decimal point in ISO 4217.
    pub fn digits(&self) -> u32 {
        if NO_DIGITS.contains(self.code()) {
            0
        } else if THREE_DIGITS.contains(self.code()) {
            3
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| NotACurrency)?;
        let known = [TWO_DIGITS, NO_DIGITS, THREE_DIGITS];
        if known.iter().any(|list| list.split_whitespace().any(|each| each == text)) {
            Ok(Self(code))
        } else {
            Err(NotACurrency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Currency code of ISO 4217"))
            .pattern(Some("^[A-Z]{3}$"))
            .build()
            .into()
    }
}

impl ToSchema for Currency {}

/// Why an amount could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two amounts of different currencies met.
    #[error("amounts of different currencies can't be combined")]
    Currencies,
    /// The result does not fit.
    #[error("the amount is too large")]
    Overflow,
}

/// An exact amount in minor units (cents for EUR) of one currency. May be negative; where that makes no sense, the
/// place that takes it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Whole minor units: 1299 is 12.99 EUR.
    #[serde(rename = "amount")]
    #[schema(rename = "amount")]
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Whole minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether more than nothing.
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// The sum; an error for other currencies or an overflow.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(Error::Overflow)
    }

    /// The difference; an error for other currencies or an overflow.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        self.minor.checked_sub(other.minor).map(|minor| Self { minor, ..self }).ok_or(Error::Overflow)
    }

    /// So many times the amount.
    pub fn times(self, count: i64) -> Result<Self, Error> {
        self.minor.checked_mul(count).map(|minor| Self { minor, ..self }).ok_or(Error::Overflow)
    }

    /// The sum of amounts of one currency.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    /// An error unless both are of one currency.
    pub fn same_currency(self, other: Self) -> Result<(), Error> {
        if self.currency == other.currency { Ok(()) } else { Err(Error::Currencies) }
    }

    /// The amount in major units as an exact decimal: 12.99 for 1299 cents.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.digits())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.to_decimal(), self.currency)
    }
}

/// How a fraction of a minor unit becomes a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Half a unit goes away from zero: commercial rounding (DIN 1333), the rule for VAT amounts and for Klarna's lines.
    HalfAwayFromZero,
}

/// The only place where a fraction of a minor unit is rounded.
pub fn round(minor: Decimal, currency: Currency, rule: Rounding) -> Result<Money, Error> {
    let strategy = match rule {
        Rounding::HalfAwayFromZero => RoundingStrategy::MidpointAwayFromZero,
    };
    let whole = minor.round_dp_with_strategy(0, strategy).to_i64().ok_or(Error::Overflow)?;
    Ok(Money::new(whole, currency))
}

/// An amount in proportion: `minor` × `part` ÷ `whole`, rounded once, half away from zero. What goods by weight cost, and
/// unit prices. An error when `whole` is not positive, or when the result does not fit.
pub fn in_proportion(minor: i64, part: i64, whole: i64) -> Result<i64, Error> {
    if whole < 1 {
        return Err(Error::Overflow);
    }
    if let Some(rounded) = small_proportion(minor, part, whole) {
        return Ok(rounded);
    }
    let product = i128::from(minor) * i128::from(part);
    let whole = i128::from(whole);
    // Half of the divisor away from zero, then cut off: the same as rounding half away from zero.
    let half = if product < 0 { -whole } else { whole };
    i64::try_from((product * 2 + half) / (whole * 2)).map_err(|_| Error::Overflow)
}

/// The same for what fits into 64 bits, as nearly everything does: a division of 128 bits takes far longer.
fn small_proportion(minor: i64, part: i64, whole: i64) -> Option<i64> {
    let (twice, divisor) = (minor.checked_mul(part)?.checked_mul(2)?, whole.checked_mul(2)?);
    let half = if twice < 0 { -whole } else { whole };
    Some(twice.checked_add(half)? / divisor)
}

/// A tax rate in percent: 19 means 19 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[0-9]{1,3}(\\.[0-9]{1,3})?$")]
pub struct Rate(Decimal);

/// A rate below 0, above 100 or with more than three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a percentage from 0 to 100 with at most three decimals, as text")]
pub struct NotARate;

impl Rate {
    /// A rate of so many percent.
    pub fn percent(percent: Decimal) -> Result<Self, NotARate> {
        let percent = percent.normalize();
        let in_range = percent >= Decimal::ZERO && percent <= Decimal::ONE_HUNDRED;
        if in_range && percent.scale() <= 3 { Ok(Self(percent)) } else { Err(NotARate) }
    }

    /// The percentage.
    pub fn as_percent(self) -> Decimal {
        self.0
    }

    /// The part of one: 19 % is 0.19.
    pub fn fraction(self) -> Decimal {
        Decimal::new(self.thousandths(), 5)
    }

    /// The percentage in thousandths: 19 % is 19,000. Exact, because a rate has at most three decimals.
    pub fn thousandths(self) -> i64 {
        let digits = 3_u32.saturating_sub(self.0.scale());
        i64::try_from(self.0.mantissa()).unwrap_or_default() * 10_i64.pow(digits)
    }

    /// The percentage in hundredths, as Klarna takes it: 19 % is 1,900. Nothing for one that needs thousandths, such as
    /// 8.875 %: a sales tax on top of prices, which has no rate on its lines.
    pub fn hundredths(self) -> Option<i64> {
        let thousandths = self.thousandths();
        (thousandths % 10 == 0).then_some(thousandths / 10)
    }

    /// The tax that a gross amount holds: gross × rate ÷ (100 + rate), rounded once.
    pub fn tax_inside(self, gross: Money) -> Result<Money, Error> {
        let exact = Decimal::from(gross.minor())
            .checked_mul(self.0)
            .and_then(|product| product.checked_div(Decimal::ONE_HUNDRED + self.0))
            .ok_or(Error::Overflow)?;
        round(exact, gross.currency(), Rounding::HalfAwayFromZero)
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        Self::percent(text.parse().map_err(|_| NotARate)?)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} %", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn an_amount_in_proportion_is_rounded_half_away_from_zero() {
        assert_eq!(in_proportion(1299, 385, 1000), Ok(500));
        assert_eq!(in_proportion(1, 1, 2), Ok(1));
        assert_eq!(in_proportion(-1, 1, 2), Ok(-1));
        assert_eq!(in_proportion(1, 1, 3), Ok(0));
        assert_eq!(in_proportion(i64::MAX, 2, 1), Err(Error::Overflow));
        assert_eq!(in_proportion(5, 1, 0), Err(Error::Overflow));
    }

    #[test]
    fn tax_inside_is_rounded_half_away_from_zero() {
        let tax = |gross, rate: &str| {
            rate.parse::<Rate>().expect("rate").tax_inside(eur(gross)).expect("fits").minor()
        };
        assert_eq!(tax(1000, "7"), 65);
        assert_eq!(tax(999, "19"), 160);
        assert_eq!(tax(4000, "20"), 667);
        assert_eq!(tax(50000, "10"), 4545);
        assert_eq!(tax(-999, "19"), -160);
        assert_eq!(tax(0, "19"), 0);
    }

    #[test]
    fn amounts_of_two_currencies_never_meet() {
        let dollars = Money::new(1, "USD".parse().expect("a currency"));
        assert_eq!(eur(1).plus(dollars), Err(Error::Currencies));
        assert_eq!(eur(i64::MAX).plus(eur(1)), Err(Error::Overflow));
    }

    #[test]
    fn an_amount_reads_in_major_units() {
        assert_eq!(eur(1299).to_string(), "12.99 EUR");
        assert_eq!(Money::new(1299, "JPY".parse().expect("a currency")).to_string(), "1299 JPY");
        assert!("EUX".parse::<Currency>().is_err());
        assert!("R B".parse::<Currency>().is_err());
    }

    #[test]
    fn a_rate_in_thousandths_is_exact() {
        for (text, thousandths) in
            [("0", 0), ("7", 7_000), ("5.5", 5_500), ("8.875", 8_875), ("100", 100_000)]
        {
            assert_eq!(text.parse::<Rate>().expect("a rate").thousandths(), thousandths, "{text}");
        }
        let hundredths = |text: &str| text.parse::<Rate>().expect("a rate").hundredths();
        assert_eq!(
            (hundredths("19"), hundredths("5.5"), hundredths("8.875")),
            (Some(1_900), Some(550), None)
        );
    }

    proptest! {
        #[test]
        fn tax_and_net_add_up_to_gross(gross in -1_000_000_000_i64..1_000_000_000, rate in 0_u32..=100) {
            let rate = Rate::percent(Decimal::from(rate)).expect("in range");
            let tax = rate.tax_inside(eur(gross)).expect("fits");
            prop_assert_eq!(eur(gross).minus(tax).and_then(|net| net.plus(tax)), Ok(eur(gross)));
            prop_assert!(tax.minor().abs() <= gross.abs());
        }
    }
}

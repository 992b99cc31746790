//! Numbers for restricted circulation with a weight, a price or a count inside, as countries lay them out.
//!
//! Positions are those of the number as an EAN-13; a UPC-A of number system 2 begins with 02 there. A layout is a row of
//! one table; what is in no row stays opaque, because the same number means something else in the next chain.

use rust_decimal::Decimal;

use super::gtin::Gtin;
use super::inner;
use super::meaning::{Embedded, Measure, Price};
use super::profile::Country;
use super::refusal::Refusal;

/// What the value of a layout is.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// A price with so many decimals.
    Price(u32),
    /// Kilograms with so many decimals.
    Kilograms(u32),
    /// Pieces.
    Pieces,
}

/// Where things stand in 13 digits: the prefix, the item, an inner check digit if there is one, the value, the check digit.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Where the item begins, behind the prefix.
    item: usize,
    /// Where the item ends: the inner check digit or the value follows.
    item_end: usize,
    value: usize,
    /// Whether the digit between item and value is held to.
    is_checked: bool,
    means: Value,
}

impl Layout {
    const fn new(item: usize, item_end: usize, value: usize, means: Value) -> Self {
        Self { item, item_end, value, is_checked: value > item_end, means }
    }
}

/// The layout of a country for a prefix of two digits (GS1 General Specifications, 2.1.12, and what the national
/// organisations publish).
fn layout(country: Country, prefix: u64) -> Option<Layout> {
    let german = |means| Layout::new(2, 6, 7, means);
    let nordic_weight = |prefix| match prefix {
        23 => Some(Layout::new(2, 8, 8, Value::Kilograms(3))),
        24 => Some(Layout::new(2, 8, 8, Value::Kilograms(2))),
        25 => Some(Layout::new(2, 8, 8, Value::Kilograms(1))),
        _ => None,
    };
    match (country, prefix) {
        (Country::Germany { inner }, _) => {
            let layout = match prefix {
                22 | 23 => german(Value::Price(2)),
                25 | 26 => german(Value::Pieces),
                28 | 29 => german(Value::Kilograms(3)),
                _ => return None,
            };
            Some(Layout { is_checked: inner, ..layout })
        }
        // The same places; the prefix of the States is the 2 of a UPC-A.
        (Country::Britain, 20 | 28) | (Country::Canada | Country::States { five: false }, 2) => {
            Some(Layout::new(2, 7, 8, Value::Price(2)))
        }
        (Country::Denmark, 21..=24) => Some(Layout::new(2, 6, 6, Value::Price(2))),
        (Country::Denmark, 26 | 28) => Some(Layout::new(2, 6, 6, Value::Kilograms(3))),
        (Country::Denmark, 27) => Some(Layout::new(2, 7, 7, Value::Kilograms(3))),
        (Country::Sweden, 20) => Some(Layout::new(2, 8, 8, Value::Price(2))),
        (Country::Sweden, 21) => Some(Layout::new(2, 8, 8, Value::Price(1))),
        (Country::Sweden, 22) => Some(Layout::new(2, 8, 8, Value::Price(0))),
        (Country::Sweden | Country::Finland | Country::Estonia, _) => nordic_weight(prefix),
        // The second digit of the prefix is the item's first.
        (Country::Italy, 20..=29) => Some(Layout::new(1, 7, 7, Value::Price(2))),
        (Country::States { five: true }, 2) => Some(Layout::new(2, 7, 7, Value::Price(2))),
        _ => None,
    }
}

/// What the prices inside a country's numbers are in.
fn currency(country: Country) -> &'static str {
    match country {
        Country::Austria | Country::Germany { .. } | Country::Estonia | Country::Finland | Country::Italy => {
            "EUR"
        }
        Country::Canada => "CAD",
        Country::Denmark => "DKK",
        Country::Britain => "GBP",
        Country::Sweden => "SEK",
        Country::States { .. } => "USD",
    }
}

/// Reads what stands inside a restricted number by a country's rules; nothing where the country has none for it.
pub(super) fn read(gtin: Gtin, country: Country) -> Option<Result<Measure, Refusal>> {
    if gtin.indicator() != 0 || gtin.is_eight() {
        return None;
    }
    let fourteen = gtin.to_string();
    let thirteen = fourteen.get(1..)?;
    let layout = layout(country, thirteen.get(..2)?.parse().ok()?)?;
    let (item, between) =
        (thirteen.get(layout.item..layout.item_end)?, thirteen.get(layout.item_end..layout.value)?);
    let digits = thirteen.get(layout.value..12)?;
    let inner_digit = between.bytes().next().map(|byte| byte - b'0');
    if layout.is_checked && inner_digit != inner::digit_of(digits) {
        return Some(Err(Refusal::MeasureCheckDigit));
    }
    // All weights and prices of one item share the number whose value is zero; zeros have the inner check digit 0.
    let zeros = "0".repeat(12 - layout.item_end);
    let base = Gtin::completed(&format!("{}{zeros}", thirteen.get(..layout.item_end)?))?;
    let value: i64 = digits.parse().ok()?;
    let embedded = match layout.means {
        Value::Price(decimals) => Embedded::Price(Price {
            amount: Decimal::new(value, decimals),
            currency: Some(currency(country)),
        }),
        Value::Kilograms(decimals) => Embedded::Kilograms(Decimal::new(value, decimals)),
        Value::Pieces => Embedded::Pieces(value.unsigned_abs()),
    };
    Some(Ok(Measure {
        base,
        item: item.to_owned(),
        embedded,
        is_zero: value == 0,
        is_at_limit: digits.bytes().all(|digit| digit == b'9'),
    }))
}

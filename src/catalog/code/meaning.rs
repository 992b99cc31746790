//! What a code means, as values that can be counted with: exact decimals, dates, numbers, never text that would have to be
//! read again.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::gtin::Gtin;
use super::identifiers::Ai;
use super::press;
use super::template::Match;
use crate::money::{Currency, Money};
use crate::text_enum;

text_enum! {
    /// What somebody should know of a code that is not refused.
    pub enum Warning {
        /// A defect behind the product: what follows was dropped, dates among it perhaps.
        Partial = "partial",
        /// A price, or a number for variable measures, without the measure that belongs to it.
        MeasureMissing = "measure_missing",
        /// A weight, price or count of zero: a shelf label, or not yet weighed. Never sell at 0.
        ValueZero = "value_zero",
        /// A weight or price at the limit of its field.
        ValueAtLimit = "value_at_limit",
        /// A number for demonstrations and examples (prefix 952).
        Demonstration = "demonstration",
        /// Eight digits that are a GTIN-8 and a UPC-E: both are looked up.
        Ambiguous = "ambiguous",
        /// A Digital Link in the compressed form, which is not supported.
        Compressed = "compressed",
    }
}

/// What a code means and what should be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it means.
    pub meaning: Meaning,
    /// What somebody should know.
    pub warnings: Vec<Warning>,
}

impl Answer {
    /// Whether the code may say more of the piece that carries it than which product it is.
    pub fn says_more(&self) -> bool {
        match &self.meaning {
            Meaning::Item(number) | Meaning::Restricted(number) => number.addon.is_some(),
            Meaning::Press(number, press) => number.addon.is_some() || press.title.is_some(),
            _ => true,
        }
    }
}

/// What a code means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// A trade item, the same everywhere.
    Item(Number),
    /// A restricted number with a weight, a price or a count inside.
    Measure(Number, Measure),
    /// A restricted number that means something in one chain only.
    Restricted(Number),
    /// A newspaper, a magazine, a book or printed music.
    Press(Number, Press),
    /// A coupon, never a product.
    Coupon(Coupon),
    /// A receipt to be paid out, never a product.
    Refund(Gtin),
    /// A message of GS1 about a product.
    Elements(Gtin, Elements),
    /// A message of GS1 that is about no product: a pallet, a place, an invoice.
    NonProduct(Elements),
    /// A medicine by its German number.
    Pharmacy(Pharmacy),
    /// A code of the store's own, read by its template.
    Template(Match),
    /// Nothing that a store would know.
    Foreign,
}

impl Meaning {
    /// The numbers under which the catalogue may know it, in the order in which they are looked up.
    pub fn keys(&self) -> impl Iterator<Item = Gtin> {
        let mut third = None;
        let (first, second) = match self {
            Self::Press(number, Press { title: Some(_), .. }) => {
                let [title, rate] = press::bases(number.gtin);
                third = rate;
                (Some(number.gtin), title)
            }
            Self::Item(number) | Self::Restricted(number) | Self::Press(number, _) => {
                (Some(number.gtin), number.alternative)
            }
            Self::Measure(number, measure) => (Some(measure.base), Some(number.gtin)),
            Self::Elements(gtin, _) => (Some(*gtin), None),
            Self::Pharmacy(pharmacy) => (Some(pharmacy.gtin), None),
            Self::Template(found) => {
                let code = found.code.as_deref().and_then(|code| Gtin::checked(code).ok());
                (found.gtin.or(code), found.base)
            }
            Self::Coupon(_) | Self::Refund(_) | Self::NonProduct(_) | Self::Foreign => (None, None),
        };
        [first, second, third].into_iter().flatten()
    }
}

/// A number as a bar code carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The number.
    pub gtin: Gtin,
    /// Another reading that is as good: eight digits may be a GTIN-8 and a UPC-E.
    pub alternative: Option<Gtin>,
    /// The two or five digits beside it.
    pub addon: Option<AddOn>,
    /// Whether it was given with its indicator, as 14 digits.
    pub has_indicator: bool,
}

/// Two or five digits beside a bar code: the issue. They tell issues apart and never change what the number names, nor its
/// price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddOn {
    /// The digits as a number.
    pub value: u32,
    /// Two or five.
    pub digits: usize,
}

impl fmt::Display for AddOn {
    /// All of its digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:0width$}", self.value, width = self.digits)
    }
}

/// An amount with its currency, if the code says which; exact, with as many decimals as were coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The amount in major units.
    pub amount: Decimal,
    /// The currency by three letters (ISO 4217).
    pub currency: Option<&'static str>,
}

impl Price {
    /// The amount in minor units, in the store's currency when the code does not say which; none when the code says
    /// another one, or the amount is no whole number of minor units.
    pub fn money(self, local: Currency) -> Option<Money> {
        let minor = self.amount.checked_mul(Decimal::from(10_i64.pow(local.digits())))?.normalize();
        let same = self.currency.is_none_or(|code| code == local.code());
        let whole = (same && minor.scale() == 0).then(|| minor.mantissa());
        i64::try_from(whole?).ok().map(|minor| Money::new(minor, local))
    }
}

/// What stands inside a restricted number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The number with a value of zero, which all weights and prices of one item share.
    pub base: Gtin,
    /// The item's digits.
    pub item: String,
    /// The value.
    pub embedded: Embedded,
    pub(super) is_zero: bool,
    pub(super) is_at_limit: bool,
}

/// A weight, a price or a count inside a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// A price.
    Price(Price),
    /// A weight in kilograms.
    Kilograms(Decimal),
    /// Pieces.
    Pieces(u64),
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// By which number it is known.
    pub class: PressClass,
    /// The number of a serial without its prefix and with its own check character.
    pub issn: Option<String>,
    /// The title of German press, and the fixed price that its code holds.
    pub title: Option<(String, Price)>,
}

text_enum! {
    /// By which number a publication is known.
    pub enum PressClass {
        /// A serial.
        Issn = "issn",
        /// A book.
        Isbn = "isbn",
        /// Printed music.
        Ismn = "ismn",
        /// German press at the reduced tax rate (419).
        Reduced = "press_reduced",
        /// German press at the full tax rate (414).
        Full = "press_full",
    }
}

/// A coupon.
#[derive(Clone, Debug, PartialEq)]
pub enum Coupon {
    /// By its prefix; what it gives is known to whoever issued it.
    Number(Gtin, Option<EuroCoupon>),
    /// In a message of GS1.
    Elements(Elements),
}

/// What a coupon of the euro area says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EuroCoupon {
    /// Who issued it.
    pub issuer: String,
    /// The issuer's reference.
    pub reference: String,
    /// What it is worth.
    pub amount: Price,
    /// Whether it gives the goods for nothing.
    pub is_free: bool,
}

/// A medicine by its German number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pharmacy {
    /// The number in the space of GTINs: 04150, the eight digits, a check digit.
    pub gtin: Gtin,
    /// The eight digits.
    pub pzn: String,
    /// The lot, if the code says it.
    pub lot: Option<String>,
    /// The serial number, if the code says it.
    pub serial: Option<String>,
    /// The last day of use, if the code says it.
    pub use_by: Option<NaiveDate>,
}

/// The statements of a message of GS1, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elements {
    /// The statements.
    pub list: Vec<Element>,
    /// Whether statements behind a defect were dropped.
    pub is_partial: bool,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The identifier.
    pub ai: Ai,
    /// How the value is called; empty for those that have no name here.
    pub name: &'static str,
    /// The value.
    pub value: Value,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// As it is coded.
    Text(String),
    /// A day.
    Day(NaiveDate),
    /// A day and a time: hours, or hours and minutes, or seconds too.
    Time(NaiveDate, String),
    /// A span of days.
    Days(NaiveDate, NaiveDate),
    /// A measure or a count.
    Number(Decimal),
    /// An amount of money.
    Price(Price),
}

impl Elements {
    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.list.iter().find(|element| element.name == name).map(|element| &element.value)
    }

    /// The net weight in kilograms.
    pub fn kilograms(&self) -> Option<Decimal> {
        self.number("weight_kg")
    }

    /// The first number with this name.
    pub fn number(&self, name: &str) -> Option<Decimal> {
        match self.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// What is to be paid.
    pub fn price(&self) -> Option<Price> {
        match self.get("price") {
            Some(Value::Price(price)) => Some(*price),
            _ => None,
        }
    }

    /// How many pieces.
    pub fn count(&self) -> Option<u64> {
        match self.get("count") {
            Some(Value::Number(count)) => u64::try_from(count.mantissa()).ok(),
            _ => None,
        }
    }

    /// The last day of use: AI 17, or the day of AI 7003.
    pub fn use_by(&self) -> Option<NaiveDate> {
        match self.get("use_by").or_else(|| self.get("expiry_time")) {
            Some(Value::Day(day) | Value::Time(day, _)) => Some(*day),
            _ => None,
        }
    }

    /// The last day of best quality.
    pub fn best_before(&self) -> Option<NaiveDate> {
        match self.get("best_before") {
            Some(Value::Day(day)) => Some(*day),
            _ => None,
        }
    }

    /// The lot.
    pub fn lot(&self) -> Option<&str> {
        match self.get("lot") {
            Some(Value::Text(lot)) => Some(lot),
            _ => None,
        }
    }

    /// The serial number.
    pub fn serial(&self) -> Option<&str> {
        match self.get("serial") {
            Some(Value::Text(serial)) => Some(serial),
            _ => None,
        }
    }
}

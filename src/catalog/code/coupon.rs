//! Coupons: by prefix, with a value inside in the common currency, and the two forms of North America.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::dates;
use super::gtin::Gtin;
use super::meaning::{EuroCoupon, Price};

/// A coupon of the euro area: 981 or 982, four digits of the issuer, two of reference, three of value. 981 has one
/// decimal, 982 two; a value of 0 gives the goods for nothing (GS1 General Specifications, 2.1.13; GS1 Ireland).
pub(super) fn euro(number: Gtin) -> Option<EuroCoupon> {
    let fourteen = number.to_string();
    let thirteen = fourteen.strip_prefix('0')?;
    let decimals = match thirteen.get(..3)? {
        "981" => 1,
        "982" => 2,
        _ => return None,
    };
    let value: i64 = thirteen.get(9..12)?.parse().ok()?;
    Some(EuroCoupon {
        issuer: thirteen.get(3..7)?.to_owned(),
        reference: thirteen.get(7..9)?.to_owned(),
        amount: Price { amount: Decimal::new(value, decimals), currency: Some("EUR") },
        is_free: value == 0,
    })
}

/// A coupon's number as it is named everywhere: by 13 digits, whether it came with 12 (UPC-A) or with 14. Anything else is no
/// such number.
pub fn coupon_number(text: &str) -> Option<String> {
    let has_length = matches!(text.len(), 12..=14) && text.bytes().all(|byte| byte.is_ascii_digit());
    let fourteen = Gtin::checked(text).ok().filter(|_| has_length)?.to_string();
    fourteen.strip_prefix('0').map(str::to_owned)
}

/// What identifies a coupon of North America, and its last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The prefix of the company that pays for it, and its own code of the offer: `614141-123456`.
    pub name: String,
    /// The number of the single coupon, where it has one (AI 8112).
    pub serial: Option<String>,
    /// The last day on which it is good, where it says so (AI 8110).
    pub last_day: Option<NaiveDate>,
}

/// Reads a coupon of North America, as the element of this identifier carries it.
pub fn offered(ai: &str, text: &str, today: NaiveDate) -> Option<Offered> {
    let digit = |at: usize| text.get(at..=at)?.parse::<usize>().ok();
    // Behind the format of AI 8112 both begin alike: how long the company's prefix is, that, and six digits of the offer.
    let at = match ai {
        "8110" if is_coupon(text) => 0,
        "8112" if is_offer(text) => 1,
        _ => return None,
    };
    let company_end = at + 1 + 6 + digit(at)?;
    let (company, offer) = (text.get(at + 1..company_end)?, text.get(company_end..company_end + 6)?);
    let serial = (at == 1).then(|| text.get(company_end + 7..).map(str::to_owned)).flatten();
    let walked = walk_coupon(&mut Cursor { rest: text.as_bytes() }).filter(|_| at == 0);
    let last_day = walked.and_then(|walked| walked.last_day).and_then(|day| {
        let day = String::from_utf8(day.to_vec()).ok()?;
        dates::day(&day, false, today).ok()
    });
    Some(Offered { name: format!("{company}-{offer}"), serial, last_day })
}

/// Takes digits from the front of a coupon.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    fn digit(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        first.is_ascii_digit().then(|| first - b'0')
    }

    fn digit_of(&mut self, allowed: &[u8]) -> Option<u8> {
        self.digit().filter(|digit| allowed.contains(digit))
    }

    /// A digit that says how long what follows is, and that.
    fn field(&mut self, allowed: &[u8], more: u8) -> Option<()> {
        let length = self.digit_of(allowed)? + more;
        self.skip(length.into())
    }

    /// Whether an optional field of this number follows.
    fn enters(&mut self, field: u8) -> bool {
        let enters = self.rest.first() == Some(&(b'0' + field));
        if enters {
            self.rest = &self.rest[1..];
        }
        enters
    }

    /// Six digits of a date, as they are.
    fn date(&mut self) -> Option<[u8; 6]> {
        let date: [u8; 6] = self.rest.get(..6)?.try_into().ok()?;
        self.skip(6)?;
        let text = std::str::from_utf8(&date).ok()?;
        dates::day(text, false, NaiveDate::from_ymd_opt(2000, 1, 1)?).ok()?;
        Some(date)
    }
}

const SIX: &[u8] = &[0, 1, 2, 3, 4, 5, 6];
const ANY: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/// Lengths of a value.
const VALUE: &[u8] = &[1, 2, 3, 4, 5];
/// Kinds of a purchase requirement.
const REQUIREMENT: &[u8] = &[0, 1, 2, 3, 4, 9];

/// Whether this is a coupon as AI 8110 carries it (GS1 US, North American Coupon Application Guideline).
pub(super) fn is_coupon(text: &str) -> bool {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && walk_coupon(&mut Cursor { rest: text.as_bytes() }).is_some()
}

/// What was seen on the way through a coupon.
struct Walked {
    /// Six digits of its last day, where it has one.
    last_day: Option<[u8; 6]>,
}

/// Goes through a coupon field by field.
fn walk_coupon(cursor: &mut Cursor<'_>) -> Option<Walked> {
    cursor.field(SIX, 6)?;
    cursor.skip(6)?;
    cursor.field(VALUE, 0)?;
    requirement(cursor)?;
    if cursor.enters(1) {
        cursor.digit_of(&[0, 1, 2, 3])?;
        requirement(cursor)?;
        company(cursor)?;
    }
    if cursor.enters(2) {
        requirement(cursor)?;
        company(cursor)?;
    }
    let end = if cursor.enters(3) { Some(cursor.date()?) } else { None };
    if cursor.enters(4) {
        let start = cursor.date()?;
        if end.is_some_and(|end| start > end) {
            return None;
        }
    }
    if cursor.enters(5) {
        cursor.field(ANY, 6)?;
    }
    if cursor.enters(6) {
        cursor.field(&[1, 2, 3, 4, 5, 6, 7], 6)?;
    }
    if cursor.enters(9) {
        cursor.digit_of(&[0, 1, 2, 5, 6])?;
        cursor.digit_of(&[0, 1, 2])?;
        cursor.digit()?;
        cursor.digit_of(&[0, 1])?;
    }
    cursor.rest.is_empty().then_some(Walked { last_day: end })
}

/// How much of which family must be bought.
fn requirement(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.field(VALUE, 0)?;
    cursor.digit_of(REQUIREMENT)?;
    cursor.skip(3)
}

/// Whose goods; 9 stands for the same company again.
fn company(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.digit_of(&[0, 1, 2, 3, 4, 5, 6, 9])? {
        9 => Some(()),
        length => cursor.skip(usize::from(length) + 6),
    }
}

/// Whether this is a coupon as AI 8112 carries it (GS1 US, AI 8112 Coupon Data Specification).
pub(super) fn is_offer(text: &str) -> bool {
    let mut cursor = Cursor { rest: text.as_bytes() };
    let mut walk = || {
        cursor.digit_of(&[0, 1])?;
        cursor.field(SIX, 6)?;
        cursor.skip(6)?;
        cursor.field(ANY, 6)?;
        cursor.rest.is_empty().then_some(())
    };
    text.bytes().all(|byte| byte.is_ascii_digit()) && walk().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coupon_of_north_america_is_walked_field_by_field() {
        for right in
            ["012345612345611110123", "0123456123456111101231012345", "01234561234561111012332612314260101"]
        {
            // The second ends inside an optional field.
            assert_eq!(is_coupon(right), !right.ends_with("1012345"), "{right}");
        }
        for wrong in [
            "",
            "01",
            "0123456",
            "71234567890123",
            "01234561234560",
            "a12345612345611110123",
            "0123456123456111101238",
            "01234561234561111012332601014261231",
        ] {
            assert!(!is_coupon(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_coupon_is_named_by_13_digits_however_many_it_came_with() {
        for text in ["512345678900", "0512345678900", "00512345678900"] {
            assert_eq!(coupon_number(text).as_deref(), Some("0512345678900"), "{text}");
        }
        assert_eq!(coupon_number("9812345678902").as_deref(), Some("9812345678902"));
        for other in ["9812345678903", "SUMMER-26", "1234567", "95212340000134567", "19812345678909"] {
            assert_eq!(coupon_number(other), None, "{other}");
        }
    }

    #[test]
    fn a_coupon_of_north_america_is_named_by_company_and_offer() {
        let today = NaiveDate::from_ymd_opt(2026, 7, 15).expect("a day");
        let static_one = offered("8110", "01234561234561111012332612314260101", today).expect("a coupon");
        assert_eq!((static_one.name.as_str(), &static_one.serial), ("123456-123456", &None));
        assert_eq!(static_one.last_day, NaiveDate::from_ymd_opt(2026, 12, 31));
        let single = offered("8112", "001234561234560123456", today).expect("an offer");
        assert_eq!((single.name.as_str(), single.serial.as_deref()), ("123456-123456", Some("123456")));
        assert_eq!(single.last_day, None);
        assert_eq!(offered("8112", "01234561234561111012332612314260101", today), None);
    }

    #[test]
    fn an_offer_has_funder_code_and_serial() {
        assert!(is_offer("001234561234560123456") && is_offer("061234567890121234569123456789012345"));
        for wrong in [
            "",
            "0",
            "201234561234560123456",
            "07",
            "00123456123456",
            "0012345612345601234567",
            "00123456123456012345a",
        ] {
            assert!(!is_offer(wrong), "{wrong}");
        }
    }
}

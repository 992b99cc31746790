//! Numbers of trade items, brought to the one form in which they are stored and compared: GTIN-14.
//!
//! EAN-8, UPC-A, EAN-13 and GTIN-14 padded with zeros to 14 digits form one number space, and padding never changes the
//! check digit (GS1 General Specifications, 3.3.2). UPC-E is a short writing of UPC-A; eight digits may be both an EAN-8
//! and a UPC-E. Which one a scan is, `number.rs` decides by what the scanner saw; here is what master data writes.
//!
//! Numbers for restricted circulation (02, 04, 20-29, eight digits that begin with 0 or 2) mean something within one
//! chain only; coupons and refund receipts never name a product.

use std::fmt;
use std::str::FromStr;

/// A GTIN-14 whose check digit is right: below 10^14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin(u64);

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing but blanks.
    #[error("the code is empty")]
    Empty,
    /// Something else than the digits 0 to 9: Unicode's other digits don't count.
    #[error("a code has only the digits 0 to 9")]
    Charset,
    /// Neither 8 nor 12 to 14 digits.
    #[error("a code has 8, 12, 13 or 14 digits")]
    Length,
    /// The last digit does not fit the others: misread or mistyped.
    #[error("the check digit is wrong")]
    CheckDigit,
}

/// What numbers like this one are for (GS1 General Specifications, 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circulation {
    /// A trade item, the same everywhere.
    Global,
    /// Whatever the chain that uses it says.
    Chain,
    /// A coupon or a refund receipt, never a product.
    Coupon,
    /// All zeros: passes the check and names nothing.
    Nothing,
}

const TEN_TO_8: u64 = 100_000_000;
const TEN_TO_13: u64 = 10_000_000_000_000;

impl Gtin {
    /// All zeros, which name nothing.
    pub(in crate::catalog) const NOTHING: Self = Self(0);

    /// The number.
    pub fn value(self) -> u64 {
        self.0
    }

    /// The number that these digits write, when their check digit is right. Only ASCII digits count, 14 at most.
    pub fn checked(digits: &str) -> Result<Self, CodeError> {
        let (value, _) = self::digits(digits)?;
        if is_checked(value) { Ok(Self(value)) } else { Err(CodeError::CheckDigit) }
    }

    /// The number that these digits stand for once a right check digit is put behind them; none for more than 13 digits.
    pub(super) fn completed(body: &str) -> Option<Self> {
        let (body, length) = digits(body).ok()?;
        let sum = weighted_sum(body, 3);
        (length <= 13).then(|| Self(body * 10 + (10 - sum % 10) % 10))
    }

    /// The UPC-A that eight digits of UPC-E stand for.
    pub(super) fn expanded(eight: &str) -> Result<Self, CodeError> {
        expand(digits(eight)?.0).ok_or(CodeError::CheckDigit)
    }

    /// The UPC-A that UPC-E stands for when the scanner has dropped the check digit.
    pub(super) fn expanded_without_check(seven: &str) -> Option<Self> {
        let (value, _) = digits(seven).ok()?;
        (0..10).find_map(|check| expand(value * 10 + check))
    }

    /// Which packing it is: 0 for the unit, 1 to 8 for a case or another packing, 9 for a variable measure.
    pub fn indicator(self) -> u8 {
        u8::try_from(self.0 / TEN_TO_13).unwrap_or_default()
    }

    /// Whether it is a refund receipt (prefix 980).
    pub(super) fn is_refund(self) -> bool {
        self.0 % TEN_TO_13 / 10_000_000_000 == 980
    }

    /// Whether it is kept for demonstrations and examples (prefix 952).
    pub(in crate::catalog) fn is_example(self) -> bool {
        self.0 % TEN_TO_13 / 10_000_000_000 == 952
    }

    /// Whether it is one of the numbers of eight digits, which share the space with the longer ones.
    pub(super) fn is_eight(self) -> bool {
        self.0 < TEN_TO_8
    }

    /// What the number is for, by its prefix.
    pub fn circulation(self) -> Circulation {
        let thirteen = self.0 % TEN_TO_13;
        if thirteen == 0 {
            return Circulation::Nothing;
        }
        if self.0 < TEN_TO_8 {
            return match self.0 / 10_000_000 {
                0 | 2 => Circulation::Chain,
                _ => Circulation::Global,
            };
        }
        match (thirteen / 100_000_000_000, thirteen / 10_000_000_000) {
            (2 | 4 | 20..=29, _) => Circulation::Chain,
            (5 | 99, _) | (_, 980..=989) => Circulation::Coupon,
            _ => Circulation::Global,
        }
    }

    /// Puts back the zeros that a spreadsheet took, when the check digit then is right. For files only: a scanner loses
    /// no zeros.
    pub fn with_zeros_put_back(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let (value, length) = digits(text).ok()?;
        (length < 14 && !is_length(length) && is_checked(value)).then_some(Self(value))
    }
}

/// The number and its count of digits; zeros in front count, and more digits than a `u64` holds are only counted.
fn digits(text: &str) -> Result<(u64, usize), CodeError> {
    if text.is_empty() {
        return Err(CodeError::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CodeError::Charset);
    }
    if text.len() > 14 {
        return Err(CodeError::Length);
    }
    let value = text.bytes().fold(0, |value, byte| value * 10 + u64::from(byte - b'0'));
    Ok((value, text.len()))
}

fn is_length(length: usize) -> bool {
    matches!(length, 8 | 12..=14)
}

/// From the right and without the check digit itself, digits count three times and once in turn.
fn is_checked(value: u64) -> bool {
    weighted_sum(value, 1).is_multiple_of(10)
}

/// The digits from the right, weighted 3 and 1 in turn, beginning with this weight.
fn weighted_sum(mut rest: u64, mut weight: u64) -> u64 {
    let mut sum = 0;
    while rest > 0 {
        sum += weight * (rest % 10);
        weight = 4 - weight;
        rest /= 10;
    }
    sum
}

/// Whether the last of these digits is the check digit of the others: the same rule for keys of any length, such as the
/// 18 digits of an SSCC (GS1 General Specifications, 7.9.1).
pub(super) fn is_key_checked(digits: &[u8]) -> bool {
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 =
        digits.iter().rev().zip(weights).map(|(digit, weight)| weight * u32::from(digit - b'0')).sum();
    sum.is_multiple_of(10)
}

/// The UPC-A that eight digits of UPC-E stand for: number system 0 or 1, six digits, the check digit of the whole.
fn expand(value: u64) -> Option<Gtin> {
    let (system, six, check) = (value / 10_000_000, value / 10 % 1_000_000, value % 10);
    if system > 1 {
        return None;
    }
    // Six digits abcdef; f says where the zeros were.
    let (abc, de, f) = (six / 1000, six / 10 % 100, six % 10);
    let (ab, c, d, e) = (abc / 10, abc % 10, de / 10, de % 10);
    let ten = match f {
        0..=2 => ab * 100_000_000 + f * 10_000_000 + c * 100 + de,
        3 => abc * 10_000_000 + de,
        4 => abc * 10_000_000 + d * 1_000_000 + e,
        _ => (abc * 100 + de) * 100_000 + f,
    };
    let upc_a = (system * 10_000_000_000 + ten) * 10 + check;
    is_checked(upc_a).then_some(Gtin(upc_a))
}

impl FromStr for Gtin {
    type Err = CodeError;

    /// Reads a number as master data has it: blanks around it are cut off, everything else must be right. Eight digits are
    /// an EAN-8 when that is right, else a UPC-E.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let (value, length) = digits(text.trim_ascii())?;
        if !is_length(length) {
            return Err(CodeError::Length);
        }
        let plain = is_checked(value).then_some(Self(value));
        plain.or_else(|| expand(value).filter(|_| length == 8)).ok_or(CodeError::CheckDigit)
    }
}

impl fmt::Display for Gtin {
    /// All 14 digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:014}", self.0)
    }
}

impl serde::Serialize for Gtin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

crate::stored_as_text!(Gtin);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Gtin, CodeError> {
        text.parse()
    }

    fn fourteen(text: &str) -> String {
        read(text).expect("a code").to_string()
    }

    #[test]
    fn every_length_comes_to_fourteen_digits() {
        assert_eq!(fourteen("4006381333931"), "04006381333931");
        assert_eq!(fourteen(" 036000291452\r\n"), "00036000291452");
        assert_eq!(fourteen("96385074"), "00000096385074");
        assert_eq!(fourteen("14006381333938"), "14006381333938");
    }

    #[test]
    fn eight_digits_are_an_ean_8_or_else_a_upc_e() {
        assert_eq!(fourteen("01234565"), "00000001234565");
        assert_eq!(Gtin::expanded("01234565").map(|gtin| gtin.to_string()).as_deref(), Ok("00012345000065"));
        // A UPC-E whose check digit is no EAN-8's.
        assert_eq!(fourteen("04252614"), "00042100005264");
        assert_eq!(Gtin::expanded("96385074"), Err(CodeError::CheckDigit));
        assert_eq!(read("96385075"), Err(CodeError::CheckDigit));
    }

    #[test]
    fn each_way_of_being_no_code_is_told_apart() {
        let error = |text| read(text).expect_err("no code");
        assert_eq!(error(" "), CodeError::Empty);
        assert_eq!(error("7,6223E+12"), CodeError::Charset);
        assert_eq!(error("٤٠٠٦٣٨١٣٣٣٩٣١"), CodeError::Charset);
        assert_eq!(error("400638133393"), CodeError::CheckDigit);
        assert_eq!(error("40063813339"), CodeError::Length);
        assert_eq!(error("400638133393100000000000000000"), CodeError::Length);
        assert_eq!(error("4006381333932"), CodeError::CheckDigit);
    }

    #[test]
    fn zeros_are_put_back_only_when_the_check_digit_then_is_right() {
        assert_eq!(Gtin::with_zeros_put_back("36000291452").map(Gtin::value), Some(36_000_291_452));
        assert_eq!(Gtin::with_zeros_put_back("36000291453"), None);
        assert_eq!(Gtin::with_zeros_put_back("4006381333931"), None, "nothing is missing");
    }

    #[test]
    fn the_prefix_says_what_a_number_is_for() {
        let of = |text: &str| text.parse::<Gtin>().expect("a code").circulation();
        assert_eq!(of("4006381333931"), Circulation::Global);
        assert_eq!(of("2000000000008"), Circulation::Chain);
        assert_eq!(of("0200000000004"), Circulation::Chain);
        assert_eq!(of("0412345678903"), Circulation::Chain);
        assert_eq!(of("01234565"), Circulation::Chain);
        assert_eq!(of("20123451"), Circulation::Chain);
        assert_eq!(of("96385074"), Circulation::Global);
        assert_eq!(of("9812345678902"), Circulation::Coupon);
        assert_eq!(of("0000000000000"), Circulation::Nothing);
    }

    fn with_check_digit(body: u64) -> u64 {
        (0..10).map(|digit| body * 10 + digit).find(|value| is_checked(*value)).expect("one of ten fits")
    }

    proptest! {
        #[test]
        fn any_single_wrong_digit_is_found(body in 0_u64..1_000_000_000_000, place in 0_usize..13, by in 1_u8..10) {
            let right = format!("{:013}", with_check_digit(body));
            let mut wrong = right.clone().into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
            prop_assert!(read(&right).is_ok());
            prop_assert_eq!(read(std::str::from_utf8(&wrong).expect("ASCII")), Err(CodeError::CheckDigit));
        }

        #[test]
        fn padding_never_changes_what_a_code_names(body in 0_u64..100_000_000_000) {
            let value = with_check_digit(body);
            let twelve = read(&format!("{value:012}")).expect("UPC-A");
            prop_assert_eq!(Ok(twelve), read(&format!("{value:013}")));
            prop_assert_eq!(Ok(twelve), read(&format!("{value:014}")));
            prop_assert_eq!(twelve.to_string().parse::<Gtin>(), Ok(twelve));
        }

        #[test]
        fn no_text_makes_the_parser_fail_otherwise(text in ".*") {
            let _ = read(&text);
            let _ = Gtin::with_zeros_put_back(&text);
        }

        #[test]
        fn an_expanded_upc_e_is_a_upc_a(system in 0_u64..2, six in 0_u64..1_000_000) {
            let found: Vec<Gtin> = (0..10).filter_map(|check| expand((system * 1_000_000 + six) * 10 + check)).collect();
            prop_assert_eq!(found.len(), 1, "one check digit fits");
            prop_assert!(found[0].value() < 1_000_000_000_000);
        }
    }
}

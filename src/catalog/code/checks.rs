//! What the value of an application identifier must be: length, characters, and what the identifier asks of its parts.

use chrono::NaiveDate;

use super::identifiers::{Charset, Part};
use super::refusal::Refusal;
use super::{coupon, dates, gtin, iso};

/// What is asked of a part beyond its length and characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// The last digit is the check digit.
    Digit,
    /// The last two characters are the check characters of alphanumeric keys.
    Pair,
    /// Begins with a company's prefix.
    Key,
    /// YYMMDD; the day may be 00.
    MonthOrDay,
    /// YYMMDD.
    Day,
    /// YYYYMMDD.
    LongDay,
    /// Hours, and minutes if there are four digits.
    Time,
    /// Minutes or seconds.
    Sixty,
    /// A currency by number.
    Currency,
    /// A country by number.
    Country,
    /// A country by number, or 999 for several.
    Processor,
    /// A country by two letters.
    Letters,
    /// 0 or 1.
    Flag,
    /// Not zero.
    NonZero,
    /// Zero.
    Zero,
    /// No zero in front, unless it is 0.
    NonZeroFirst,
    /// How a roll is wound.
    Winding,
    /// The piece and how many there are, two digits each.
    Pieces,
    /// The place in a row of births: 1/3.
    Sequence,
    /// A code of ISO 5218.
    Sex,
    /// A type of medium.
    Medium,
    /// An importer's character.
    Importer,
    /// A minus sign.
    Minus,
    /// A latitude in ten millionths of a degree, from the south pole.
    Latitude,
    /// A longitude likewise.
    Longitude,
    /// Percent signs are followed by two hexadecimal digits.
    Percent,
    /// An account by IBAN.
    Iban,
    /// Something else than digits.
    NonDigit,
    /// A coupon of North America.
    Coupon,
    /// A coupon of North America from an offer file.
    Offer,
}

impl Check {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "csum" => Self::Digit,
            "pair" => Self::Pair,
            "key" => Self::Key,
            "date0" => Self::MonthOrDay,
            "date" => Self::Day,
            "longdate" => Self::LongDay,
            "time" => Self::Time,
            "sixty" => Self::Sixty,
            "currency" => Self::Currency,
            "country" => Self::Country,
            "processor" => Self::Processor,
            "letters" => Self::Letters,
            "flag" => Self::Flag,
            "nonzero" => Self::NonZero,
            "zero" => Self::Zero,
            "nonzero1" => Self::NonZeroFirst,
            "winding" => Self::Winding,
            "pieces" => Self::Pieces,
            "sequence" => Self::Sequence,
            "sex" => Self::Sex,
            "medium" => Self::Medium,
            "importer" => Self::Importer,
            "minus" => Self::Minus,
            "latitude" => Self::Latitude,
            "longitude" => Self::Longitude,
            "percent" => Self::Percent,
            "iban" => Self::Iban,
            "nondigit" => Self::NonDigit,
            "coupon" => Self::Coupon,
            "offer" => Self::Offer,
            _ => return None,
        })
    }

    fn run(self, piece: &str, today: NaiveDate) -> Result<(), Refusal> {
        let number = || piece.parse::<u64>().unwrap_or(u64::MAX);
        let (fits, refusal) = match self {
            Self::Digit => (gtin::is_key_checked(piece.as_bytes()), Refusal::CheckDigit),
            Self::Pair => (is_pair_right(piece), Refusal::CheckDigit),
            Self::Key => (piece.bytes().take(4).filter(u8::is_ascii_digit).count() == 4, Refusal::Charset),
            Self::MonthOrDay => return dates::day(piece, true, today).map(drop),
            Self::Day => return dates::day(piece, false, today).map(drop),
            Self::LongDay => return dates::long_day(piece).map(drop),
            Self::Time => return dates::check_time(piece),
            Self::Sixty => (number() < 60, Refusal::Date),
            Self::Currency => (iso::currency(piece).is_some(), Refusal::Currency),
            Self::Country => (iso::is_country(piece), Refusal::Syntax),
            Self::Processor => (piece == "999" || iso::is_country(piece), Refusal::Syntax),
            Self::Letters => (iso::is_country_by_letters(piece), Refusal::Syntax),
            Self::Flag => (number() <= 1, Refusal::Syntax),
            Self::NonZero => (number() != 0, Refusal::Syntax),
            Self::Zero => (number() == 0, Refusal::Syntax),
            Self::NonZeroFirst => (piece == "0" || !piece.starts_with('0'), Refusal::Syntax),
            Self::Winding => (matches!(piece, "0" | "1" | "9"), Refusal::Syntax),
            Self::Pieces => {
                let (piece, total) = (number() / 100, number() % 100);
                (piece > 0 && piece <= total, Refusal::Syntax)
            }
            Self::Sequence => {
                let places =
                    piece.split_once('/').and_then(|(one, all)| Some((one.parse().ok()?, all.parse().ok()?)));
                (places.is_some_and(|(one, all): (u8, u8)| one > 0 && one <= all), Refusal::Syntax)
            }
            Self::Sex => (matches!(piece, "0" | "1" | "2" | "9"), Refusal::Syntax),
            Self::Medium => (matches!(number(), 1..=10 | 80..=99), Refusal::Syntax),
            Self::Importer => (is_of(Charset::Set64, piece), Refusal::Syntax),
            Self::Minus => (piece == "-", Refusal::Syntax),
            Self::Latitude => (number() <= 1_800_000_000, Refusal::Syntax),
            Self::Longitude => (number() <= 3_600_000_000, Refusal::Syntax),
            Self::Percent => (is_percent_right(piece), Refusal::Syntax),
            Self::Iban => (is_iban_right(piece), Refusal::CheckDigit),
            Self::NonDigit => (!piece.bytes().all(|byte| byte.is_ascii_digit()), Refusal::Charset),
            Self::Coupon => (coupon::is_coupon(piece), Refusal::Coupon),
            Self::Offer => (coupon::is_offer(piece), Refusal::Coupon),
        };
        if fits { Ok(()) } else { Err(refusal) }
    }
}

/// Cuts a value into its parts and holds each to what is asked of it.
pub(super) fn check<'a>(value: &'a str, parts: &[Part], today: NaiveDate) -> Result<Vec<&'a str>, Refusal> {
    let mut pieces = Vec::with_capacity(parts.len());
    let mut rest = value;
    for part in parts {
        if rest.is_empty() && part.is_optional {
            break;
        }
        let (least, most) = part.lengths;
        if rest.is_empty() || rest.chars().take(least).count() < least {
            return Err(Refusal::Length);
        }
        let end = rest.char_indices().nth(most).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at(end);
        if !is_of(part.charset, piece) {
            return Err(Refusal::Charset);
        }
        for check in &part.checks {
            check.run(piece, today)?;
        }
        pieces.push(piece);
        rest = after;
    }
    if rest.is_empty() { Ok(pieces) } else { Err(Refusal::Length) }
}

/// The order of the characters of set 82 gives each its weight (GS1 General Specifications, 7.11 and 7.9.5).
const SET_82: &str = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
/// The characters of a check pair.
const SET_32: &str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

fn is_of(charset: Charset, text: &str) -> bool {
    text.bytes().all(|byte| match charset {
        Charset::Digits => byte.is_ascii_digit(),
        Charset::Set82 => byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte),
        Charset::Set39 => byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"#-/".contains(&byte),
        Charset::Set64 => byte.is_ascii_alphanumeric() || b"-_".contains(&byte),
    })
}

/// The check characters of alphanumeric keys: weights from the right are the primes, the sum modulo 1021 is written as two
/// characters of five bits (GS1 General Specifications, 7.9.5).
fn is_pair_right(text: &str) -> bool {
    let Some((body, pair)) = text.len().checked_sub(2).and_then(|body| text.split_at_checked(body)) else {
        return false;
    };
    let primes = (2_usize..).filter(|number| (2..*number).all(|divisor| number % divisor != 0));
    let weighted =
        body.chars().rev().zip(primes).map(|(each, prime)| SET_82.find(each).map(|weight| weight * prime));
    let Some(sum) = weighted.sum::<Option<usize>>().map(|sum| sum % 1021) else { return false };
    let expected = [sum / 32, sum % 32].map(|place| SET_32.as_bytes().get(place).copied());
    pair.bytes().map(Some).eq(expected)
}

/// Letters count as 10 to 35, and the whole with its first four characters at the end is 1 modulo 97 (ISO 13616).
fn is_iban_right(text: &str) -> bool {
    let Some((country, rest)) = text.split_at_checked(4) else { return false };
    let is_formed =
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) && !rest.is_empty();
    let remainder =
        rest.chars().chain(country.chars()).filter_map(|each| each.to_digit(36)).fold(0, |sum, digit| {
            let shifted = if digit > 9 { sum * 100 } else { sum * 10 };
            (shifted + digit) % 97
        });
    is_formed && remainder == 1
}

fn is_percent_right(text: &str) -> bool {
    let mut pieces = text.split('%');
    pieces.next();
    pieces.all(|piece| piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_pairs_are_those_of_the_specification() {
        for right in [
            "1987654Ad4X4bL5ttr2310c2K",
            "12345678901234567890123NT",
            "12345_ABCDEFGHIJKLMCP",
            "7907665Bm8v2AB",
        ] {
            assert!(is_pair_right(right), "{right}");
        }
        for wrong in ["1987654Ad4X4bL5ttr2310cXK", "1987654Ad4X4bL5ttr2310c2X", "", "2", "é2"] {
            assert!(!is_pair_right(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_iban_has_its_check_digits() {
        assert!(is_iban_right("DE89370400440532013000") && is_iban_right("GB82WEST12345698765432"));
        assert!(
            !is_iban_right("DE89370400440532013001")
                && !is_iban_right("DE8")
                && !is_iban_right("de89370400440532013000")
        );
    }

    #[test]
    fn character_set_82_has_82_characters() {
        assert_eq!(SET_82.len(), 82);
        assert_eq!(
            (0..=u8::MAX).filter(|byte| is_of(Charset::Set82, &char::from(*byte).to_string())).count(),
            82
        );
    }
}

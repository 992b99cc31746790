//! Codes that are numbers: by which of the lengths and symbologies they are read, and what their prefix makes of them.

use super::Symbology;
use super::coupon;
use super::gtin::{Circulation, Gtin};
use super::meaning::{AddOn, Answer, Coupon, Embedded, Meaning, Number, Warning};
use super::press;
use super::profile::{Country, Profile};
use super::rcn;
use super::refusal::Refusal;

/// A text of which so many in ten characters are digits is a number that something happened to: 7,6223E+12.
const DIGITS_OF_TEN: usize = 7;

/// Reads a text that should be a number: nothing when it is not meant as one.
pub(super) fn read(
    text: &str,
    symbology: Option<Symbology>,
    profile: &Profile,
) -> Option<Result<Answer, Refusal>> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_number = symbology.map_or_else(|| looks_like_a_number(text), Symbology::has_digits_only);
        return is_number.then_some(Err(Refusal::Charset));
    }
    match numbers(text, symbology) {
        // Other symbols carry whatever a chain likes; only the lengths of a GTIN are one there.
        Err(Refusal::Length) if symbology.is_some_and(|each| !each.has_digits_only()) => None,
        numbers => Some(numbers.and_then(|number| meaning(number, profile))),
    }
}

/// A right number for restricted circulation as it stands, whatever may be inside it.
pub(super) fn exact(text: &str, symbology: Option<Symbology>) -> Option<Number> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| numbers(text, symbology).ok())??;
    (number.gtin.circulation() == Circulation::Chain).then_some(number)
}

/// Whether somebody meant a number: it begins with a digit of whatever script, and nearly all of it is digits.
fn looks_like_a_number(text: &str) -> bool {
    let digits = text.chars().filter(|each| each.is_numeric()).count();
    text.starts_with(char::is_numeric) && digits * 10 >= text.chars().count() * DIGITS_OF_TEN
}

/// The number by its length and what the scanner saw.
fn numbers(text: &str, symbology: Option<Symbology>) -> Result<Number, Refusal> {
    let zeros = |count: usize| text.bytes().take(count).all(|byte| byte == b'0');
    let plain = |text: &str| Ok(Number::plain(Gtin::checked(text)?));
    match (symbology, text.len()) {
        (Some(Symbology::Ean8), 10) => with_addon(text, 8),
        (Some(Symbology::UpcE), 6..=8) => upc_e(text),
        (Some(Symbology::Ean13 | Symbology::UpcA | Symbology::UpcE) | None, 15 | 18) => with_addon(text, 13),
        (None, 8) => eight(text),
        (Some(Symbology::Itf14 | Symbology::Databar) | None, 14) => indicated(text),
        (Some(each), 14) if !each.has_digits_only() => indicated(text),
        (Some(Symbology::Ean8), 8)
        | (Some(Symbology::UpcE | Symbology::UpcA), 12)
        | (Some(Symbology::Ean13) | None, 12 | 13)
        | (Some(Symbology::Databar), 13) => plain(text),
        // The digits of 13 or 14 that a platform padded.
        (Some(Symbology::Ean8), length @ (13 | 14)) if zeros(length - 8) => plain(text),
        (Some(Symbology::UpcE | Symbology::UpcA), length @ (13 | 14)) if zeros(length - 12) => plain(text),
        (Some(Symbology::Ean13), 14) if zeros(1) => plain(text),
        (Some(each), 8 | 12 | 13) if !each.has_digits_only() => plain(text),
        _ => Err(Refusal::Length),
    }
}

/// A number with its indicator.
fn indicated(text: &str) -> Result<Number, Refusal> {
    Ok(Number { has_indicator: true, ..Number::plain(Gtin::checked(text)?) })
}

impl Number {
    fn plain(gtin: Gtin) -> Self {
        Self { gtin, alternative: None, addon: None, has_indicator: false }
    }
}

/// UPC-E with or without its number system and its check digit.
fn upc_e(text: &str) -> Result<Number, Refusal> {
    let seven = if text.len() == 6 { format!("0{text}") } else { text.to_owned() };
    if !seven.starts_with(['0', '1']) {
        return Err(Refusal::NumberSystem);
    }
    let gtin = match text.len() {
        8 => Gtin::expanded(text)?,
        _ => Gtin::expanded_without_check(&seven).ok_or(Refusal::CheckDigit)?,
    };
    Ok(Number::plain(gtin))
}

/// Eight digits of an unknown symbol: an EAN-8, else a UPC-E; both are looked up when both are right.
fn eight(text: &str) -> Result<Number, Refusal> {
    let expanded = Gtin::expanded(text);
    match (Gtin::checked(text), expanded) {
        (Ok(gtin), alternative) => Ok(Number { alternative: alternative.ok(), ..Number::plain(gtin) }),
        (Err(_), expanded) => Ok(Number::plain(expanded?)),
    }
}

/// A number with the two or five digits of the symbol beside it glued to it.
fn with_addon(text: &str, length: usize) -> Result<Number, Refusal> {
    let (number, addon) = text.split_at_checked(length).ok_or(Refusal::Length)?;
    let value = addon.parse().map_err(|_| Refusal::Length)?;
    Ok(Number { addon: Some(AddOn { value, digits: addon.len() }), ..Number::plain(Gtin::checked(number)?) })
}

/// What a number means, by its prefix and the profile (GS1 General Specifications, 1.4).
fn meaning(number: Number, profile: &Profile) -> Result<Answer, Refusal> {
    let mut warnings = Vec::new();
    let gtin = number.gtin;
    if number.alternative.is_some() {
        warnings.push(Warning::Ambiguous);
    }
    let meaning = match gtin.circulation() {
        Circulation::Nothing => return Err(Refusal::Reserved),
        Circulation::Coupon if gtin.is_refund() => Meaning::Refund(gtin),
        Circulation::Coupon => Meaning::Coupon(Coupon::Number(gtin, coupon::euro(gtin))),
        Circulation::Chain => {
            match profile.country().and_then(|country| rcn::read(gtin, country)).transpose()? {
                Some(measure) => {
                    if measure.is_zero {
                        warnings.push(Warning::ValueZero);
                    }
                    if measure.is_at_limit && !matches!(measure.embedded, Embedded::Pieces(_)) {
                        warnings.push(Warning::ValueAtLimit);
                    }
                    Meaning::Measure(number, measure)
                }
                None => Meaning::Restricted(number),
            }
        }
        // No number of eight digits begins with 977 to 999.
        Circulation::Global if gtin.is_eight() && gtin.value() >= 97_700_000 => {
            return Err(Refusal::Reserved);
        }
        Circulation::Global => {
            if gtin.is_example() {
                warnings.push(Warning::Demonstration);
            }
            if number.has_indicator && gtin.indicator() == 9 {
                warnings.push(Warning::MeasureMissing);
            }
            let is_german = matches!(profile.country(), Some(Country::Germany { .. }));
            match press::read(gtin, is_german) {
                Some(press) => Meaning::Press(number, press),
                None => Meaning::Item(number),
            }
        }
    };
    Ok(Answer { meaning, warnings })
}

//! What a decoder delivers, freed of what surrounds the code: blanks, line ends, separators at the ends, one symbology
//! identifier; and what these say of it.

use std::borrow::Cow;

use super::Symbology;
use super::elements::SEPARATOR;
use super::refusal::Refusal;

/// Bytes of a text that are looked at: the longest codes of a till are far shorter, and a text may be hostile.
pub const CODE_BYTES_MAX: usize = 512;

/// Separators as decoders write them when they can't send the character.
const SPELLED_SEPARATORS: &[&str] = &["<GS>", "{GS}"];

/// What ]d5 and ]Q4 put in front of the message: the number of its encoding.
const ENCODING_DIGITS: usize = 6;

/// A code without what surrounds it.
pub(super) struct Scan<'a> {
    pub(super) text: Cow<'a, str>,
    /// What the scanner saw: what it says itself, else what the symbology identifier says.
    pub(super) symbology: Option<Symbology>,
    /// Whether anything marks it as a message of GS1.
    pub(super) is_marked: bool,
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|each: char| each == SEPARATOR || each.is_ascii_whitespace())
}

/// Whether the first separator stands before anything else: FNC1 in the first place.
fn is_led_by_separator(text: &str) -> bool {
    text.trim_start_matches(|each: char| each.is_ascii_whitespace()).starts_with(SEPARATOR)
}

/// Cuts off what surrounds a code.
pub(super) fn clean(delivered: &str, symbology: Option<Symbology>) -> Result<Scan<'_>, Refusal> {
    if delivered.len() > CODE_BYTES_MAX {
        return Err(Refusal::Length);
    }
    let spelled =
        SPELLED_SEPARATORS.iter().any(|each| delivered.contains(each)) && !delivered.contains("://");
    if !spelled {
        return Ok(Scan::of(delivered, symbology));
    }
    let mut text = delivered.to_owned();
    for each in SPELLED_SEPARATORS {
        text = text.replace(each, "\u{1d}");
    }
    let Scan { text, symbology, is_marked } = Scan::of(&text, symbology);
    Ok(Scan { text: Cow::Owned(text.into_owned()), symbology, is_marked })
}

impl<'a> Scan<'a> {
    fn of(delivered: &'a str, symbology: Option<Symbology>) -> Self {
        let text = trimmed(delivered);
        let identified = identifier(text);
        let (mut rest, is_gs1, told) = match identified {
            Some((letter, digit, rest)) => {
                (rest, is_gs1(letter, digit), seen(letter, digit, trimmed(rest).len()))
            }
            None => (text, false, None),
        };
        if let Some(('d', '5', _) | ('Q', '4', _)) = identified {
            rest = without_encoding(rest);
        }
        let is_led = is_led_by_separator(delivered) || (identified.is_some() && is_led_by_separator(rest));
        let text = trimmed(rest);
        let is_hinted = matches!(symbology, Some(Symbology::Gs1Code128 | Symbology::DatabarExpanded));
        let is_marked = is_gs1 || is_led || is_hinted || text.contains(SEPARATOR);
        Self { text: Cow::Borrowed(text), symbology: symbology.or(told), is_marked }
    }
}

/// A symbology identifier (ISO/IEC 15424) in front: a bracket, a letter, a letter or digit.
fn identifier(text: &str) -> Option<(char, char, &str)> {
    let rest = text.strip_prefix(']')?;
    let mut characters = rest.chars();
    let (letter, modifier) = (characters.next()?, characters.next()?);
    (letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric()).then_some((
        letter,
        modifier,
        characters.as_str(),
    ))
}

/// The symbology identifiers that mark a message of GS1.
fn is_gs1(letter: char, modifier: char) -> bool {
    matches!((letter, modifier), ('C' | 'J', '1') | ('e', '0'..='2') | ('d', '2' | '5') | ('Q', '3' | '4'))
}

/// What an identifier says of what was seen.
fn seen(letter: char, modifier: char, length: usize) -> Option<Symbology> {
    Some(match (letter, modifier) {
        // EAN-13 and UPC share theirs; eight digits then are a UPC-E, because EAN-8 has its own.
        ('E', '0') if length == 8 => Symbology::UpcE,
        ('E', '0' | '3') => Symbology::Ean13,
        ('E', '4') => Symbology::Ean8,
        ('C', _) => Symbology::Code128,
        ('d', _) => Symbology::DataMatrix,
        ('Q', _) => Symbology::Qr,
        ('I', _) => Symbology::Itf14,
        ('A', _) => Symbology::Code39,
        _ => return None,
    })
}

/// Cuts off a backslash with the number of the encoding.
fn without_encoding(text: &str) -> &str {
    let after = text.strip_prefix('\\').and_then(|rest| rest.split_at_checked(ENCODING_DIGITS));
    match after {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => text,
    }
}

//! GS1 Digital Links: a web address that says, in its path, what it is about and, in its query, more of it.
//!
//! Any domain will do and nothing is ever fetched. The rightmost key of the path counts; an address without one is an
//! ordinary web address (GS1 Digital Link URI Syntax, 1.4 and 1.5).

use std::borrow::Cow;

use chrono::NaiveDate;

use super::elements::{self, Raw};
use super::identifiers::{self, Ai, Charset, Rule};
use super::meaning::{Answer, Meaning, Warning};
use super::refusal::Refusal;

/// What may follow a key in the path, in this order.
const QUALIFIERS: &[(&str, &[&str])] = &[
    ("01", &["22", "10", "21"]),
    ("01", &["235"]),
    ("414", &["254"]),
    ("414", &["7040"]),
    ("415", &["8020"]),
    ("417", &["7040"]),
    ("8004", &["7040"]),
    ("8006", &["22", "10", "21"]),
    ("8010", &["8011"]),
    ("8017", &["8019"]),
    ("8018", &["8019"]),
];

/// Schemes of web addresses. Mixed case is no Digital Link, and no other scheme is.
const SCHEMES: &[&str] = &["https://", "http://", "HTTPS://", "HTTP://"];

/// A number in the path that is shorter is a page, a year or a month of an ordinary address.
const KEY_DIGITS_MIN: usize = 6;

/// GS1's own domain: an address there with one long segment is the compressed form.
const RESOLVER: &str = "id.gs1.org";
/// The shortest compressed form: a GTIN alone takes this many characters.
const COMPRESSED_MIN: usize = 8;

/// Whether a text is a web address of whatever writing.
pub(super) fn is_address(text: &str) -> bool {
    let starts =
        |scheme: &&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().any(starts)
}

/// Reads a web address: a Digital Link, or a foreign one.
pub(super) fn read(text: &str, today: NaiveDate) -> Result<Answer, Refusal> {
    let foreign = |warnings| Ok(Answer { meaning: Meaning::Foreign, warnings });
    let Some(rest) = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) else {
        return foreign(Vec::new());
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let Some((domain, path)) = address.split_once('/') else { return foreign(Vec::new()) };
    let segments: Vec<&str> = path.split('/').collect();
    let Some(pairs) = pairs(&segments).filter(|_| is_domain(domain)) else {
        let is_compressed =
            domain.eq_ignore_ascii_case(RESOLVER) && query.is_empty() && is_compressed(&segments);
        return foreign(if is_compressed { vec![Warning::Compressed] } else { Vec::new() });
    };
    let mut statements: Vec<(Ai, &'static Rule, Cow<'_, str>)> = Vec::new();
    for (ai, rule, value) in &pairs {
        statements.push((*ai, rule, padded(*ai, decoded(value, false))));
    }
    let in_path: Vec<Ai> = pairs.iter().map(|(ai, ..)| *ai).collect();
    if !is_sequence(&in_path) {
        return Err(Refusal::Syntax);
    }
    for parameter in query.split('&') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let (ai, rule) = identifiers::named(name).ok_or(Refusal::AiUnknown)?;
        // Keys and their qualifiers stand in the path.
        if !rule.is_attribute() || belongs_in_path(&in_path, ai) {
            return Err(Refusal::Syntax);
        }
        statements.push((ai, rule, decoded(value, true)));
    }
    let raw: Vec<Raw<'_>> =
        statements.iter().map(|(ai, rule, value)| Raw { ai: *ai, rule, value: value.as_ref() }).collect();
    elements::understand(&raw, None, today)
}

/// What a path says, from its rightmost key on: pairs of identifier and value, read from the end.
fn pairs<'a>(segments: &[&'a str]) -> Option<Vec<(Ai, &'static Rule, &'a str)>> {
    let mut pairs = Vec::new();
    for pair in segments.rchunks_exact(2) {
        let [name, value] = pair else { return None };
        let (ai, rule) = identifiers::named(name)?;
        pairs.push((ai, rule, *value));
        if rule.is_key() {
            pairs.reverse();
            return is_key_value(rule, value).then_some(pairs);
        }
    }
    None
}

/// Whether a segment may be meant as this key's value at all: a wrong one is refused, but a page number makes no link.
fn is_key_value(rule: &Rule, value: &str) -> bool {
    match rule.parts.first() {
        Some(part) if part.charset == Charset::Digits => {
            value.len() >= KEY_DIGITS_MIN && value.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => !value.is_empty(),
    }
}

/// Whether the path is a key with its qualifiers in their order.
fn is_sequence(path: &[Ai]) -> bool {
    let Some((key, qualifiers)) = path.split_first() else { return false };
    let follows = |allowed: &[&str]| {
        let mut allowed = allowed.iter();
        qualifiers.iter().all(|each| allowed.any(|next| *next == each.as_str()))
    };
    qualifiers.is_empty() || QUALIFIERS.iter().any(|(of, allowed)| *of == key.as_str() && follows(allowed))
}

/// Whether an identifier would be a qualifier of this path.
fn belongs_in_path(path: &[Ai], ai: Ai) -> bool {
    (1..=path.len()).any(|place| {
        let mut longer = path.to_vec();
        longer.insert(place, ai);
        is_sequence(&longer)
    })
}

/// A GTIN of 8, 12 or 13 digits is padded; anything else stays.
fn padded(ai: Ai, value: Cow<'_, str>) -> Cow<'_, str> {
    let is_short = ai.as_str() == "01" && matches!(value.len(), 8 | 12 | 13);
    if is_short { Cow::Owned(format!("{value:0>14}")) } else { value }
}

/// Undoes the encoding of a segment or a query's value. What is no text afterwards is no value either.
fn decoded(text: &str, is_query: bool) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                hex(high).zip(hex(low)).map(|(high, low)| (high * 16 + low, after))
            }
            _ => None,
        };
        let (byte, after) = match (escaped, first) {
            (Some((byte, after)), _) => (byte, after),
            (None, b'+') if is_query => (b' ', tail),
            (None, _) => (*first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// A domain with what may stand beside it: a port, an address in square brackets.
fn is_domain(domain: &str) -> bool {
    !domain.is_empty() && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
}

fn is_compressed(segments: &[&str]) -> bool {
    let is_base64 =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    matches!(segments, [one] if one.len() >= COMPRESSED_MIN && is_base64(one))
}

//! Messages of GS1: identifier and value, again and again, as scanners give them and as people read them in brackets; and
//! what the statements of one message must agree on.
//!
//! A lost separator can't be repaired: a value without predefined length goes on to the next separator, whatever it looks
//! like. Three defects that labels in the trade do have make a message partial instead: blanks inside a lot, an empty
//! lot, no separator behind AI 30. Then the product and what stands in front with predefined length count, nothing else.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::checks::{self, Check};
use super::gtin::Gtin;
use super::identifiers::{self, Ai, Charset, Rule};
use super::meaning::{Answer, Coupon, Element, Elements, Meaning, Price, Value, Warning};
use super::refusal::Refusal;
use super::{dates, iso};

/// What separates values: FNC1 as it is transmitted.
pub(super) const SEPARATOR: char = '\u{1d}';

/// Statements in one message: 512 bytes hold no more of three bytes each.
const STATEMENTS_MAX: usize = 171;

/// A statement while its message is read.
pub(super) struct Raw<'a> {
    pub(super) ai: Ai,
    pub(super) rule: &'static Rule,
    pub(super) value: &'a str,
}

/// Reads a message as a scanner gives it, separators between its values.
pub(super) fn read_plain(text: &str, today: NaiveDate) -> Result<Answer, Refusal> {
    let mut statements = Vec::new();
    let mut rest = text.trim_start_matches(SEPARATOR);
    while !rest.is_empty() && statements.len() < STATEMENTS_MAX {
        let Some((ai, rule)) = identifiers::at(rest) else {
            return understand(&statements, Some(Refusal::AiUnknown), today);
        };
        let tail = rest.get(ai.as_str().len()..).ok_or(Refusal::Charset)?;
        let separated = tail.find(SEPARATOR).unwrap_or(tail.len());
        let end = if rule.is_predefined() { separated.min(rule.length()) } else { separated };
        let (value, after) = tail.split_at_checked(end).ok_or(Refusal::Charset)?;
        statements.push(Raw { ai, rule, value });
        rest = after.trim_start_matches(SEPARATOR);
    }
    understand(&statements, None, today)
}

/// The identifier in brackets with which a text begins, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = text.strip_prefix('(')?.split_once(')')?;
    let is_identifier = (2..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_identifier.then_some((digits, rest))
}

/// Whether a text is a message in the form for people.
pub(super) fn is_bracketed(text: &str) -> bool {
    bracketed(text).is_some()
}

/// Reads a message in the form for people: (01)04006381333931(10)A1. A bracket inside a value that looks like an
/// identifier is taken for one; `\(` is a bracket that belongs to the value.
pub(super) fn read_bracketed(text: &str, today: NaiveDate) -> Result<Answer, Refusal> {
    let mut cut = Vec::new();
    let mut rest = text;
    while let Some((digits, tail)) = bracketed(rest) {
        let next = |(place, _): &(usize, &str)| {
            let is_escaped = tail.get(..*place).is_some_and(|before| before.ends_with('\\'));
            !is_escaped && tail.get(*place..).is_some_and(is_bracketed)
        };
        let end = tail.match_indices('(').find(next).map_or(tail.len(), |(place, _)| place);
        let (value, after) = tail.split_at(end);
        cut.push((digits, value.replace("\\(", "(")));
        rest = after;
    }
    let readable = cut.iter().take_while(|(digits, _)| identifiers::named(digits).is_some()).count();
    let statements: Vec<Raw<'_>> = cut
        .iter()
        .filter_map(|(digits, value)| {
            let (ai, rule) = identifiers::named(digits)?;
            Some(Raw { ai, rule, value: value.trim_end_matches(SEPARATOR) })
        })
        .take(readable)
        .collect();
    understand(&statements, (readable < cut.len()).then_some(Refusal::AiUnknown), today)
}

/// Checks statements one by one and then together, and says what they are about. `end` is what is wrong behind them.
pub(super) fn understand(
    statements: &[Raw<'_>],
    end: Option<Refusal>,
    today: NaiveDate,
) -> Result<Answer, Refusal> {
    let mut elements = Elements::default();
    let mut kept: Vec<&Raw<'_>> = Vec::with_capacity(statements.len());
    for statement in statements {
        match value(statement, today) {
            Ok(value) => {
                // The same statement twice is harmless.
                if !kept.iter().any(|each| each.ai == statement.ai && each.value == statement.value) {
                    kept.push(statement);
                    elements.list.push(Element { ai: statement.ai, name: statement.rule.name, value });
                }
            }
            Err(_) if is_known_defect(statement) => {
                let leading = kept.iter().take_while(|each| each.rule.is_predefined()).count();
                kept.truncate(leading);
                elements.list.truncate(leading);
                elements.is_partial = true;
                break;
            }
            Err(refusal) => return Err(refusal),
        }
    }
    if let Some(refusal) = end.filter(|_| !elements.is_partial) {
        return Err(refusal);
    }
    agree(&kept)?;
    judge(&kept, elements)
}

/// Whether this is one of the defects that labels in the trade have.
fn is_known_defect(statement: &Raw<'_>) -> bool {
    match statement.ai.as_str() {
        "10" => statement.value.is_empty() || statement.value.contains(' '),
        // What follows without a separator makes the count too long, or no number.
        "30" => statement.value.starts_with(|first: char| first.is_ascii_digit()),
        _ => false,
    }
}

/// The value of a statement, once it is what its identifier asks for.
fn value(statement: &Raw<'_>, today: NaiveDate) -> Result<Value, Refusal> {
    let Raw { ai, rule, value } = statement;
    let pieces = checks::check(value, &rule.parts, today)?;
    if rule.name == "gtin" && value.bytes().all(|byte| byte == b'0') {
        return Err(Refusal::Reserved);
    }
    let is_day = |place: usize| {
        let part = rule.parts.get(place);
        part.is_some_and(|part| {
            part.checks.iter().any(|check| matches!(check, Check::Day | Check::MonthOrDay))
        })
    };
    let day = |place: usize| dates::day(pieces.get(place).copied().unwrap_or_default(), true, today);
    if is_day(0) {
        return Ok(match pieces.len() {
            1 => Value::Day(day(0)?),
            2 if is_day(1) => Value::Days(day(0)?, day(1)?),
            _ => Value::Time(day(0)?, pieces[1..].concat()),
        });
    }
    let is_number = rule.parts.last().is_some_and(|part| part.charset == Charset::Digits);
    let is_count = matches!(ai.as_str(), "30" | "37");
    if !is_number || !(rule.has_decimals || is_count) {
        return Ok(Value::Text((*value).to_owned()));
    }
    let decimals = if rule.has_decimals { ai.last_digit() } else { 0 };
    let digits: i64 = pieces.last().and_then(|digits| digits.parse().ok()).ok_or(Refusal::Length)?;
    let amount = Decimal::new(digits, decimals);
    Ok(match (rule.name, pieces.as_slice()) {
        ("price" | "amount" | "unit_price", [number, _]) => {
            Value::Price(Price { amount, currency: Some(iso::currency(number).ok_or(Refusal::Currency)?) })
        }
        ("price" | "amount" | "unit_price", _) => Value::Price(Price { amount, currency: None }),
        _ => Value::Number(amount),
    })
}

/// Statements of one message exclude each other: two values for one identifier, or identifiers that the table says.
fn agree(statements: &[&Raw<'_>]) -> Result<(), Refusal> {
    for (place, one) in statements.iter().enumerate() {
        let others = statements.iter().enumerate().filter(|(other, _)| *other != place);
        for (_, other) in others {
            let excluded = one.rule.excludes.iter().any(|pattern| pattern.matches(other.ai.as_str()));
            if one.ai == other.ai || excluded {
                return Err(Refusal::Conflict);
            }
        }
    }
    Ok(())
}

/// Identifiers that make a message a coupon.
const COUPONS: &[&str] = &["255", "8110", "8112"];
/// Identifiers that say what a message is about when it is no product: logistic units, their contents, documents, assets,
/// pieces, places, services, invoices.
const OTHERS: &[&str] = &[
    "00", "02", "253", "401", "402", "410", "411", "412", "413", "414", "415", "416", "417", "7023", "8003",
    "8004", "8006", "8010", "8013", "8017", "8018", "8020", "8026",
];
/// Prices, whose measure may be missing.
const PRICES: &[&str] = &["price", "unit_price"];
/// Measures of goods of variable measure: a count, or a net measure.
const MEASURES: &[&str] = &["30", "31", "32", "35", "36"];

/// What the message is about, and whether every statement has what it needs beside it.
fn judge(statements: &[&Raw<'_>], elements: Elements) -> Result<Answer, Refusal> {
    let has = |ais: &[&str]| statements.iter().any(|each| ais.contains(&each.ai.as_str()));
    let lacks = |statement: &&Raw<'_>| {
        let fulfilled = |group: &Vec<identifiers::Pattern>| {
            group.iter().all(|pattern| statements.iter().any(|each| pattern.matches(each.ai.as_str())))
        };
        !statement.rule.needs.is_empty() && !statement.rule.needs.iter().any(fulfilled)
    };
    let gtin = statements
        .iter()
        .find(|each| each.rule.name == "gtin")
        .and_then(|each| Gtin::checked(each.value).ok());
    let mut warnings = Vec::new();
    if elements.is_partial {
        warnings.push(Warning::Partial);
    }
    let Some(gtin) = gtin else {
        if has(COUPONS) {
            if statements.iter().any(lacks) {
                return Err(Refusal::Requisite);
            }
            return Ok(Answer { meaning: Meaning::Coupon(Coupon::Elements(elements)), warnings });
        }
        if !has(OTHERS) {
            return Err(Refusal::NoGtin);
        }
        // A label of several symbols may say the rest in another one, but contents without their count say nothing.
        if has(&["02"]) && !has(&["37"]) && !elements.is_partial {
            return Err(Refusal::Requisite);
        }
        return Ok(Answer { meaning: Meaning::NonProduct(elements), warnings });
    };
    // Of what was dropped nobody knows whether it was there.
    let missing = statements.iter().filter(|each| lacks(each) && !PRICES.contains(&each.rule.name)).count();
    if missing > 0 && !elements.is_partial {
        return Err(Refusal::Requisite);
    }
    let is_measured = statements.iter().any(|each| {
        let ai = each.ai.as_str();
        MEASURES.iter().any(|measure| ai.starts_with(measure))
    });
    let is_priced = statements.iter().any(|each| PRICES.contains(&each.rule.name));
    if !is_measured && (is_priced || gtin.indicator() == 9) {
        warnings.push(Warning::MeasureMissing);
    }
    Ok(Answer { meaning: Meaning::Elements(gtin, elements), warnings })
}

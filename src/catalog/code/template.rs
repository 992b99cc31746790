//! Templates of codes: how a retailer says where the article, a weight or a price stand in the codes of its own scales.
//!
//! Literal text and groups in braces, in the language that scanning apps for retailers share: `2{code:5}{i}{embed:5}{ec}`.
//! A template is checked once; a match looks at each character once, because at most one group may have any length.

use std::borrow::Cow;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::gtin::{Gtin, is_key_checked};
use super::inner;
use super::refusal::Refusal;

/// Names of templates that are in use widely.
const KNOWN: &[(&str, &str)] = &[
    ("default", "{code:*}"),
    ("ean13_instore", "2{code:5}{_}{embed:5}{ec}"),
    ("ean13_instore_chk", "2{code:5}{i}{embed:5}{ec}"),
    ("german_print", "4{code:2}{_:5}{embed:4}{ec}"),
    ("ean14_code128", "01{code:ean14}"),
    ("edeka_discount", "97{code:ean13}{embed:6}{_}"),
    ("globus_weighing", "96{code:ean13}{embed:7}{price:5}{_}"),
    ("globus_discount", "98{code:ean13}{_:8}{embed:7}{_:2}"),
    ("ikea_itf14", "{code:8}{_:6}"),
];

/// Digits that a number in a code may have: more don't fit an exact value, and no label has them.
const NUMBER_DIGITS_MAX: usize = 18;
/// Characters of a group: a code is cut off at 512 bytes before anybody looks at it.
const GROUP_MAX: usize = 512;

/// A template that is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// The length of everything that has one.
    length: usize,
    has_any_length: bool,
}

/// What a code says by a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What the product is looked up by.
    pub code: Option<String>,
    /// The same as a GTIN, when the template says that it is one.
    pub gtin: Option<Gtin>,
    /// The number inside, in the unit that the product's master data name.
    pub embed: Option<Decimal>,
    /// The price of one reference unit, in minor units.
    pub price: Option<Decimal>,
    /// The whole number with its values set to zero, which all weights and prices of one item share.
    pub base: Option<Gtin>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Code(Form),
    Constant(String),
    Embed { digits: usize, decimals: u32, hundredfold: bool },
    Price(usize),
    Inner,
    Check,
    Ignored(Form),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Characters(usize),
    Ean(usize),
    Any,
}

/// A text that is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid template")]
pub struct NotATemplate;

impl Form {
    fn length(self) -> Option<usize> {
        match self {
            Self::Characters(length) | Self::Ean(length) => Some(length),
            Self::Any => None,
        }
    }
}

impl Part {
    /// How many characters it takes; none when that depends on the code.
    fn length(&self) -> Option<usize> {
        match self {
            Self::Literal(text) | Self::Constant(text) => Some(text.len()),
            Self::Code(form) | Self::Ignored(form) => form.length(),
            Self::Embed { digits, .. } | Self::Price(digits) => Some(*digits),
            Self::Inner | Self::Check => Some(1),
        }
    }

    /// Groups of one kind may stand in a template once.
    fn kind(&self) -> u8 {
        match self {
            Self::Literal(_) | Self::Ignored(_) => 0,
            Self::Code(_) | Self::Constant(_) => 1,
            Self::Embed { .. } => 2,
            Self::Price(_) => 3,
            Self::Inner => 4,
            Self::Check => 5,
        }
    }

    fn read(group: &str) -> Option<Self> {
        if let Some(constant) = group.strip_prefix("code=") {
            return (!constant.is_empty()).then(|| Self::Constant(constant.to_owned()));
        }
        Some(match group.split_once(':').unwrap_or((group, "")) {
            ("i", "") if group == "i" => Self::Inner,
            ("ec", "") if group == "ec" => Self::Check,
            ("_", "") if group == "_" => Self::Ignored(Form::Characters(1)),
            ("*", "") if group == "*" => Self::Ignored(Form::Any),
            ("_", "*") => Self::Ignored(Form::Any),
            ("_", count) => Self::Ignored(Form::Characters(number(count, GROUP_MAX)?)),
            ("code", "*") => Self::Code(Form::Any),
            ("code", "ean8") => Self::Code(Form::Ean(8)),
            ("code", "ean13") => Self::Code(Form::Ean(13)),
            ("code", "ean14") => Self::Code(Form::Ean(14)),
            ("code", count) => Self::Code(Form::Characters(number(count, GROUP_MAX)?)),
            ("price", count) => Self::Price(number(count, NUMBER_DIGITS_MAX)?),
            (name @ ("embed" | "embed100"), count) => {
                let hundredfold = name == "embed100";
                let (whole, decimals) = match count.split_once('.') {
                    Some((whole, decimals)) => {
                        (number(whole, NUMBER_DIGITS_MAX)?, number(decimals, NUMBER_DIGITS_MAX)?)
                    }
                    None => (number(count, NUMBER_DIGITS_MAX)?, 0),
                };
                let digits = whole + decimals;
                let decimals = u32::try_from(decimals).ok()?;
                (digits <= NUMBER_DIGITS_MAX).then_some(Self::Embed { digits, decimals, hundredfold })?
            }
            _ => return None,
        })
    }
}

/// A count from 1 to a most.
fn number(text: &str, most: usize) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|count| is_number && (1..=most).contains(count))
}

impl FromStr for Template {
    type Err = NotATemplate;

    /// Reads a template, or the name of one that is in use widely.
    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let text = KNOWN.iter().find(|(name, _)| *name == text).map_or(text, |(_, template)| template);
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let open = rest.find(['{', '}']).unwrap_or(rest.len());
            let (literal, tail) = rest.split_at(open);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let Some(inside) = tail.strip_prefix('{') else {
                if tail.is_empty() {
                    break;
                }
                return Err(NotATemplate);
            };
            let (group, after) = inside.split_once('}').ok_or(NotATemplate)?;
            parts.push(Part::read(group).ok_or(NotATemplate)?);
            rest = after;
        }
        Self::of(parts).ok_or(NotATemplate)
    }
}

impl Template {
    /// The rules that concern more than one group.
    fn of(parts: Vec<Part>) -> Option<Self> {
        let kinds = |kind| parts.iter().filter(|part| part.kind() == kind).count();
        let once = (1..=5).all(|kind| kinds(kind) <= 1);
        let any = parts.iter().filter(|part| part.length().is_none()).count();
        let length = parts.iter().filter_map(Part::length).sum();
        let five = parts.iter().any(|part| matches!(part, Part::Embed { digits: 5, .. }));
        let check = match parts.iter().position(|part| *part == Part::Check) {
            Some(place) => place + 1 == parts.len() && any == 0 && matches!(length, 8 | 13),
            None => true,
        };
        let valid = !parts.is_empty() && once && any <= 1 && check && (kinds(4) == 0 || five);
        valid.then_some(Self { parts, length, has_any_length: any == 1 })
    }

    /// What the code says by this template: nothing when it is not of its shape, a refusal when it is and a check digit
    /// is wrong.
    pub fn read(&self, code: &str) -> Option<Result<Match, Refusal>> {
        let any = code.len().checked_sub(self.length)?;
        if !code.is_ascii() || (any > 0 && !self.has_any_length) {
            return None;
        }
        let mut found = Match { code: None, gtin: None, embed: None, price: None, base: None };
        let (mut inner_digit, mut embedded, mut refusal) = (None, None, None);
        let mut rest = code;
        for part in &self.parts {
            let (piece, after) = rest.split_at_checked(part.length().unwrap_or(any))?;
            rest = after;
            match part {
                Part::Literal(text) if piece != text => return None,
                Part::Literal(_) | Part::Ignored(_) => {}
                Part::Constant(text) if piece != text => return None,
                Part::Code(Form::Any) if piece.is_empty() => return None,
                Part::Code(Form::Ean(_)) => {
                    digits(piece)?;
                    match Gtin::checked(piece) {
                        Ok(gtin) => found.gtin = Some(gtin),
                        Err(_) => refusal = Some(Refusal::CheckDigit),
                    }
                    found.code = Some(piece.to_owned());
                }
                Part::Constant(_) | Part::Code(_) => found.code = Some(piece.to_owned()),
                Part::Embed { decimals, hundredfold, .. } => {
                    embedded = Some(piece);
                    let value = Decimal::try_from_i128_with_scale(digits(piece)?.into(), *decimals).ok()?;
                    found.embed =
                        if *hundredfold { value.checked_mul(Decimal::ONE_HUNDRED) } else { Some(value) };
                }
                Part::Price(_) => found.price = Some(Decimal::from(digits(piece)?)),
                Part::Inner => {
                    digits(piece)?;
                    inner_digit = Some(piece);
                }
                Part::Check => {
                    digits(code)?;
                    if !is_key_checked(code.as_bytes()) {
                        refusal = Some(Refusal::CheckDigit);
                    }
                }
            }
        }
        if let (Some(digit), Some(embedded), None) = (inner_digit, embedded, refusal)
            && inner::digit_of(embedded) != digit.bytes().next().map(|byte| byte - b'0')
        {
            refusal = Some(Refusal::MeasureCheckDigit);
        }
        if refusal.is_none() && (found.embed.is_some() || found.price.is_some()) {
            found.base = self.base(code);
        }
        Some(refusal.map_or(Ok(found), Err))
    }

    /// Whether what fits says a number of its own and a price, and nothing of any length: a voucher.
    pub fn tells_voucher(&self) -> bool {
        let has_code = self.parts.iter().any(|part| matches!(part, Part::Code(_)));
        has_code && !self.has_any_length && self.parts.iter().any(|part| matches!(part, Part::Price(_)))
    }

    /// A text as this template would have it: a number with a check digit is the same with more or fewer zeros in front,
    /// whatever symbology carried it.
    pub fn fitted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let is_number =
            self.parts.last() == Some(&Part::Check) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || text.len() == self.length {
            return Cow::Borrowed(text);
        }
        let significant = text.trim_start_matches('0');
        Cow::Owned(format!("{significant:0>width$}", width = self.length))
    }

    /// What tells a thing whose code fits from all others of this template: what stands fixed, and its own number. Values
    /// and check digits say nothing of that.
    pub fn name_of(&self, code: &str) -> Option<String> {
        let any = code.len().checked_sub(self.length)?;
        let (mut name, mut rest) = (String::with_capacity(code.len()), code);
        for part in &self.parts {
            let (piece, after) = rest.split_at_checked(part.length().unwrap_or(any))?;
            rest = after;
            if matches!(part, Part::Literal(_) | Part::Constant(_) | Part::Code(_)) {
                name.push_str(piece);
            }
        }
        Some(name)
    }

    /// Whether a code can have the shape of this template, by its length and what it begins with.
    pub(super) fn may_be(&self, code: &str) -> bool {
        let fits = if self.has_any_length { code.len() >= self.length } else { code.len() == self.length };
        fits && match self.parts.first() {
            Some(Part::Literal(text) | Part::Constant(text)) => code.starts_with(text.as_str()),
            _ => true,
        }
    }

    /// The number under which master data know an item whose every code is another one: literals and the article stay,
    /// everything else is zero, the check digit is made new. Only for templates that end with a check digit.
    fn base(&self, code: &str) -> Option<Gtin> {
        if self.parts.last() != Some(&Part::Check) {
            return None;
        }
        let mut base = String::with_capacity(code.len());
        let mut rest = code;
        for part in self.parts.iter().filter(|part| **part != Part::Check) {
            let (piece, after) = rest.split_at_checked(part.length()?)?;
            rest = after;
            match part {
                Part::Literal(_) | Part::Code(_) | Part::Constant(_) => base.push_str(piece),
                _ => base.extend(std::iter::repeat_n('0', piece.len())),
            }
        }
        Gtin::completed(&base)
    }
}

/// The number that these characters write; none when one is no digit.
fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Option<Result<(Option<String>, Option<String>), Refusal>>;

    fn read(template: &str, code: &str) -> Read {
        let template: Template = template.parse().expect("a template");
        template
            .read(code)
            .map(|read| read.map(|found| (found.code, found.embed.map(|embed| embed.to_string()))))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the table compares it with what is read")]
    fn found(code: &str, embed: &str) -> Read {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Ok((some(code), some(embed))))
    }

    #[test]
    fn each_known_template_is_valid() {
        for (name, text) in KNOWN {
            assert_eq!(name.parse::<Template>(), text.parse::<Template>(), "{name}");
            assert!(text.parse::<Template>().is_ok(), "{name}");
        }
        for text in ["S{_:4}{embed:5}{code:*}", "01{code:14}15{_:6}3103{embed:3.3}10{_:*}", "{*}", "123{_:5}"]
        {
            assert!(text.parse::<Template>().is_ok(), "{text}");
        }
    }

    #[test]
    fn each_way_of_being_no_template_is_refused() {
        for text in [
            "",
            "96{prize:5}",
            "96{code{ean13}{embed:6}{price:5}{_}",
            "96{price:5",
            "96{price:5}}",
            "96{}",
            "{code}",
            "2{code:5}i}{embed:5}{_}",
            "01{code:ean14}{code:4}",
            "{code:abc}",
            "96{i}{price:5}",
            "96{i}{embed:6}",
            "{embed:-1}",
            "{code:0}",
            "{embed:0}",
            "{code:}",
            "{embed:}",
            "{price:}",
            "{_:}",
            "{embed:2}{embed100:2}",
            "2{code:5}{ec}",
            "{ec}2{code:11}",
            "{code:*}{ec}",
            "{code:*}{*}",
            "{code:+5}",
            "{i:1}{embed:5}",
            "{code=}",
            "{embed:3.}",
            "{embed:19}",
        ] {
            assert_eq!(text.parse::<Template>(), Err(NotATemplate), "{text}");
        }
    }

    #[test]
    fn a_code_is_read_by_its_template() {
        assert_eq!(
            read("97{code:ean13}{embed:6}{_}", "9743115013222840001009"),
            found("4311501322284", "100")
        );
        assert_eq!(
            read("97{code:ean13}{embed100:6}{_}", "9743115013222840001009"),
            found("4311501322284", "10000")
        );
        assert_eq!(
            read("96{code:ean13}{embed:4.3}{price:5}{_}", "9643115013222841234567005001"),
            found("4311501322284", "1234.567")
        );
        assert_eq!(read("{code=21}{_:10}{ec}", "2134743747736"), found("21", ""));
        assert_eq!(read("2{code:5}{i}{embed:5}{ec}", "2123457987651"), found("12345", "98765"));
        assert_eq!(read("S{_:4}{embed:5}{code:*}", "S000012345ABC"), found("ABC", "12345"));
        assert_eq!(read("123{_:5}", "12345678"), found("", ""));
    }

    #[test]
    fn a_code_is_named_by_what_stands_fixed_and_its_own_number() {
        let slip: Template = "98{code:6}{_}{price:3}{ec}".parse().expect("a template");
        assert_eq!(slip.name_of("9800012392502").as_deref(), Some("98000123"));
        assert_eq!(slip.fitted("09800012392502"), "9800012392502");
        assert_eq!(slip.fitted("9800012392502"), "9800012392502");
        let zeros: Template = "0{code:7}{price:4}{ec}".parse().expect("a template");
        assert_eq!(zeros.fitted("12345670250"), "0012345670250");
        let letters: Template = "A{code:6}{price:4}".parse().expect("a template");
        assert_eq!(letters.fitted("0A0001230250"), "0A0001230250", "no number: zeros count");
    }

    #[test]
    fn another_shape_is_no_match_and_a_wrong_digit_is_told() {
        assert_eq!(read("2{code:5}{_}{embed:5}{ec}", "4006381333931"), None);
        assert_eq!(read("2{code:5}{_}{embed:5}{ec}", "212345798765"), None);
        assert_eq!(read("2{code:5}{_}{embed:5}{_}", "212345798A651"), None);
        assert_eq!(read("{code:ean13}", "4029764001800"), Some(Err(Refusal::CheckDigit)));
        assert_eq!(read("2{code:5}{i}{embed:5}{ec}", "2123457987650"), Some(Err(Refusal::CheckDigit)));
        assert_eq!(read("295778{i}{embed:5}{_}", "2957783000742"), found("", "74"));
        assert_eq!(read("295778{i}{embed:5}{_}", "2957784000742"), Some(Err(Refusal::MeasureCheckDigit)));
        assert_eq!(read("{code:*}", "ä"), None);
    }
}

//! GS1's application identifiers: which there are, how long and of which form their values are, and what must or must
//! not stand beside them. The facts are in `identifiers.tsv`; this reads them once.

use std::fmt;
use std::sync::LazyLock;

use super::checks::Check;

/// Identifiers are two to four digits; those that share their first two digits are equally long.
const DIGITS_MAX: usize = 4;

/// One identifier as it stands in a message: 01, 3103.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ai {
    digits: [u8; DIGITS_MAX],
    length: usize,
}

impl Ai {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        self.digits.get(..self.length).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
    }

    /// The decimals that the last of four digits says.
    pub(super) fn last_digit(&self) -> u32 {
        self.digits.get(self.length.wrapping_sub(1)).map_or(0, |digit| u32::from(digit.wrapping_sub(b'0')))
    }
}

impl fmt::Debug for Ai {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Which characters a part of a value may have (GS1 General Specifications, 7.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// ASCII digits.
    Digits,
    /// Character set 82.
    Set82,
    /// Character set 39.
    Set39,
    /// Base64 for URLs.
    Set64,
}

/// A part of a value.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) charset: Charset,
    /// The shortest and the longest that it may be.
    pub(super) lengths: (usize, usize),
    pub(super) is_optional: bool,
    pub(super) checks: Vec<Check>,
}

/// Identifiers of one form: digits, and `n` for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern(&'static str);

impl Pattern {
    pub(super) fn matches(self, ai: &str) -> bool {
        let same = |(one, other): (u8, u8)| one == b'n' || one == other;
        self.0.len() == ai.len() && self.0.bytes().zip(ai.bytes()).all(same)
    }
}

/// What holds for an identifier, or for a range of them.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) parts: Vec<Part>,
    flags: &'static str,
    /// Whether the last digit of the identifier says how many decimals the value has.
    pub(super) has_decimals: bool,
    /// One of these must be there, all of its parts.
    pub(super) needs: Vec<Vec<Pattern>>,
    /// None of these may be there.
    pub(super) excludes: Vec<Pattern>,
    /// How its value is called; empty: by the identifier.
    pub(super) name: &'static str,
}

impl Rule {
    /// No separator needs to follow (GS1 General Specifications, 7.8.5).
    pub(super) fn is_predefined(&self) -> bool {
        self.flags.contains('*')
    }

    /// May stand in the query of a Digital Link.
    pub(super) fn is_attribute(&self) -> bool {
        self.flags.contains('?')
    }

    /// May be what a Digital Link is about.
    pub(super) fn is_key(&self) -> bool {
        self.flags.contains('k')
    }

    /// The length of a value of predefined length.
    pub(super) fn length(&self) -> usize {
        self.parts.iter().map(|part| part.lengths.1).sum()
    }
}

struct Table {
    rules: Vec<Rule>,
    /// The rule and the length of the identifier for each four digits with which a message may go on.
    places: Vec<Option<(usize, usize)>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("identifiers.tsv")));

/// The identifier with which a text begins, and its rule.
pub(super) fn at(text: &str) -> Option<(Ai, &'static Rule)> {
    let mut digits = [b'0'; DIGITS_MAX];
    let leading = text.bytes().take(DIGITS_MAX).take_while(u8::is_ascii_digit);
    let mut known = 0;
    for (place, digit) in digits.iter_mut().zip(leading) {
        *place = digit;
        known += 1;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    let (rule, length) = (*TABLE.places.get(number)?)?;
    let rule = TABLE.rules.get(rule)?;
    (length <= known).then_some((Ai { digits, length }, rule))
}

/// The identifier that is exactly this text, and its rule.
pub(super) fn named(text: &str) -> Option<(Ai, &'static Rule)> {
    at(text).filter(|(ai, _)| ai.as_str() == text)
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut table = Self { rules: Vec::new(), places: vec![None; 10_000] };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            table.add(line).expect("our own table is well-formed, and a test reads it");
        }
        table
    }

    fn add(&mut self, line: &'static str) -> Option<()> {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        let (identifiers, flags, form, needs, excludes, name) =
            (column(), column(), column(), column(), column(), column());
        let (first, last) = identifiers.split_once('-').unwrap_or((identifiers, identifiers));
        let each_of = |text: &'static str| text.split(',').filter(|each| !each.is_empty());
        self.rules.push(Rule {
            parts: form.split(' ').map(part).collect::<Option<_>>()?,
            flags,
            has_decimals: first != last && first.starts_with('3'),
            needs: each_of(needs).map(|each| each.split('+').map(Pattern).collect()).collect(),
            excludes: each_of(excludes).map(Pattern).collect(),
            name,
        });
        // Every four digits that begin with the identifier lead to it.
        let tail = 10_usize.pow(u32::try_from(DIGITS_MAX - first.len()).ok()?);
        let (from, to) = (first.parse::<usize>().ok()? * tail, (last.parse::<usize>().ok()? + 1) * tail);
        self.places.get_mut(from..to)?.fill(Some((self.rules.len() - 1, first.len())));
        Some(())
    }
}

/// A part as the table writes it: `N6,date0`, `X..20`, `[N4],time`.
fn part(text: &str) -> Option<Part> {
    let (shape, checks) = text.split_once(',').unwrap_or((text, ""));
    let inside = shape.strip_prefix('[').and_then(|shape| shape.strip_suffix(']'));
    let (letter, length) = inside.unwrap_or(shape).split_at_checked(1)?;
    let charset = match letter {
        "N" => Charset::Digits,
        "X" => Charset::Set82,
        "Y" => Charset::Set39,
        "Z" => Charset::Set64,
        _ => return None,
    };
    let lengths = match length.strip_prefix("..") {
        Some(most) => (1, most.parse().ok()?),
        None => (length.parse().ok()?, length.parse().ok()?),
    };
    let checks =
        checks.split(',').filter(|each| !each.is_empty()).map(Check::named).collect::<Option<_>>()?;
    Some(Part { charset, lengths, is_optional: inside.is_some(), checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        at(text).map(|(ai, _)| ai.as_str().to_owned())
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(TABLE.rules.len(), 206);
        let identifiers = TABLE.places.iter().flatten().count();
        assert!(identifiers > 500, "{identifiers}");
        for rule in &TABLE.rules {
            let (last, others) = rule.parts.split_last().expect("a form");
            assert!(
                others.iter().all(|part| part.lengths.0 == part.lengths.1),
                "only the last may vary: {rule:?}"
            );
            assert!(!rule.is_predefined() || last.lengths.0 == last.lengths.1, "{rule:?}");
            let patterns = rule.needs.iter().flatten().chain(&rule.excludes);
            for pattern in patterns {
                assert!(named(&pattern.0.replace('n', "0")).is_some(), "{pattern:?}");
            }
        }
    }

    #[test]
    fn the_predefined_lengths_are_those_of_the_standard() {
        let predefined = |text: &str| named(text).is_some_and(|(_, rule)| rule.is_predefined());
        for ai in
            ["00", "01", "02", "03", "11", "12", "13", "15", "16", "17", "20", "3103", "3695", "410", "417"]
        {
            assert!(predefined(ai), "{ai}");
        }
        for ai in ["10", "21", "30", "37", "8005", "7003", "422", "3922", "3950", "402", "8006"] {
            assert!(!predefined(ai), "{ai}");
        }
    }

    #[test]
    fn an_identifier_ends_where_it_does() {
        assert_eq!(found("10A").as_deref(), Some("10"));
        assert_eq!(found("235X").as_deref(), Some("235"));
        assert_eq!(found("310300").as_deref(), Some("3103"));
        assert_eq!(found("99").as_deref(), Some("99"));
        for unknown in
            ["", "1", "23", "235".get(..2).unwrap_or_default(), "310", "3106", "05", "18", "9x", "٠١", "7999"]
        {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }
}

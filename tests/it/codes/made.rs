//! Codes that are made up, right ones and broken ones, always the same for one seed.

use std::fmt::Write as _;

use aisle::catalog::code::Symbology;

/// A small generator of numbers (SplitMix64): the same sequence for a seed on every machine.
pub struct Maker {
    state: u64,
}

/// Statements with room for a value: what stands here is put behind a product.
const STATEMENTS: &[&str] = &[
    "11YYMMDD",
    "13YYMMDD",
    "15YYMMDD",
    "16YYMMDD",
    "17YYMMDD",
    "10XXXXXXXX",
    "21XXXXXXXXXXXX",
    "22XXXX",
    "240XXXXX",
    "30NNN",
    "3103NNNNNN",
    "3202NNNNNN",
    "3152NNNNNN",
    "3922NNNNN",
    "3932978NNNN",
    "7003YYMMDDHHMM",
    "400XXXXXX",
    "422276",
    "91XXXXXXXX",
    "99XXX",
    "8005NNNNNN",
    "410GGGGGGGGGGGGC",
    "20NN",
    "710NNNNNNNN",
    "235XXXX",
    "37NN",
    "02GGGGGGGGGGGGGC",
    "00GGGGGGGGGGGGGGGGGC",
    "8020XXXX",
    "250XXXX",
    "18NN",
    "9NN",
];

/// Predefined lengths need no separator.
const PREDEFINED: &[&str] = &["00", "01", "02", "11", "13", "15", "16", "17", "20", "31", "32", "41"];

const SEPARATOR: char = '\u{1d}';

fn check_digit(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).expect("a digit")
}

impl Maker {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("small");
        usize::try_from(self.next() % bound).expect("small")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from_digit(u32::try_from(self.below(10)).expect("small"), 10).expect("a digit"))
            .collect()
    }

    pub fn symbology(&mut self) -> Option<Symbology> {
        let place = self.below(Symbology::ALL.len() + 1);
        Symbology::ALL.get(place).copied()
    }

    fn gtin(&mut self) -> String {
        let body = format!("0{}{}", self.one(&["400", "301", "760", "036", "590"]), self.digits(9));
        format!("{body}{}", check_digit(&body))
    }

    /// A statement by its pattern.
    fn statement(&mut self, pattern: &str) -> String {
        let mut text = String::new();
        for each in pattern.replace("YYMMDD", "Y").replace("HHMM", "H").chars() {
            match each {
                'Y' => {
                    let (year, month, day) = (24 + self.below(6), 1 + self.below(12), 1 + self.below(28));
                    let _ = write!(text, "{year:02}{month:02}{day:02}");
                }
                'H' => {
                    let (hours, minutes) = (self.below(24), self.below(60));
                    let _ = write!(text, "{hours:02}{minutes:02}");
                }
                'N' | 'G' => text.push_str(&self.digits(1)),
                'X' => {
                    let of: Vec<char> = "ABCDEFGHJKabcxyz0123456789-._".chars().collect();
                    text.push(self.one(&of));
                }
                'C' => {
                    let start = if pattern.starts_with('4') { 3 } else { 2 };
                    text.push(check_digit(&text[start..]));
                }
                each => text.push(each),
            }
        }
        text
    }

    fn broken(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let place = self.below(characters.len());
        match self.below(4) {
            0 => characters[place] = self.one(&['0', '1', '7', '9', 'A', ' ', 'ä', '#']),
            1 => {
                characters.remove(place);
            }
            2 => characters.insert(place, self.one(&['0', '5', SEPARATOR, 'Z'])),
            _ => characters.truncate(place),
        }
        characters.into_iter().collect()
    }

    /// A message of GS1 as a scanner gives it; every fifth is broken.
    pub fn message(&mut self) -> String {
        let mut text = format!("01{}", self.gtin());
        for _ in 0..self.below(5) {
            let pattern = self.one(STATEMENTS);
            let statement = self.statement(pattern);
            text.push_str(&statement);
            if !PREDEFINED.iter().any(|start| statement.starts_with(start)) {
                text.push(SEPARATOR);
            }
        }
        let text = text.trim_end_matches(SEPARATOR).to_owned();
        if self.below(5) == 0 { self.broken(&text) } else { text }
    }

    /// A Digital Link.
    pub fn link(&mut self) -> String {
        let gtin = self.gtin();
        let mut text =
            format!("https://{}/01/{gtin}", self.one(&["id.gs1.org", "shop.example/p", "a.example"]));
        for qualifier in ["22", "10", "21"] {
            if self.below(2) == 0 {
                let value = self.statement("XXXXX");
                let _ = write!(text, "/{qualifier}/{value}");
            }
        }
        let attributes = self.below(3);
        for (place, pattern) in ["17YYMMDD", "3103NNNNNN", "15YYMMDD"].iter().enumerate().take(attributes) {
            let statement = self.statement(pattern);
            let (ai, value) = statement.split_at(if pattern.starts_with('3') { 4 } else { 2 });
            let _ = write!(text, "{}{ai}={value}", if place == 0 { '?' } else { '&' });
        }
        text
    }

    /// A number, and the country by whose rules it is read.
    pub fn number(&mut self) -> (String, Option<&'static str>) {
        let length = self.one(&[13, 13, 13, 12, 14]);
        let region =
            self.one(&[None, Some("de"), Some("dk"), Some("se"), Some("fi"), Some("ee"), Some("gb")]);
        let body = match (length, region) {
            (13, Some(_)) => format!("{}{}", 20 + self.below(10), self.digits(10)),
            (13, None) => format!("{}{}", self.one(&["400", "590", "761"]), self.digits(9)),
            (length, _) => format!("{}{}", self.one(&["03", "07"]), self.digits(length - 3)),
        };
        // British numbers that begin with 28 are ours alone: the oracle knows 20.
        let body = if region == Some("gb") { body.replacen("28", "20", 1) } else { body };
        let number = format!("{body}{}", check_digit(&body));
        if self.below(8) == 0 { (self.digits(length), region) } else { (number, region) }
    }

    /// A text of the corpus with a few changes, or two of them joined.
    pub fn mutated(&mut self, texts: &[String], place: usize) -> String {
        let mut text = texts[place].clone();
        for _ in 0..self.below(4) {
            if !text.is_empty() {
                text = self.broken(&text);
            }
        }
        if self.below(6) == 0 {
            let other = self.below(texts.len());
            text.push_str(&texts[other]);
        }
        if self.below(50) == 0 {
            text = text.repeat(30);
        }
        text
    }
}

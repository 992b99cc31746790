//! The demo's voice: numbered steps, what was sent, what came back, how long it took, and a table of checks. Fits 100
//! columns; colours only on a terminal, and never with `NO_COLOR` (no-color.org).

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Columns of a page.
const WIDTH: usize = 100;
/// What stands before a line inside a step.
const INDENT: usize = 5;

/// Writes to standard output.
#[derive(Debug)]
pub struct Printer {
    has_colours: bool,
    steps: usize,
}

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug)]
enum Look {
    Bold,
    Dim,
    Green,
    Red,
}

impl Printer {
    /// A printer whose colours follow the terminal; `no_colour` takes them away.
    pub fn new(no_colour: bool) -> Self {
        Self { has_colours: !no_colour && std::io::stdout().is_terminal(), steps: 0 }
    }

    /// The title of the next step.
    pub fn step(&mut self, title: &str) {
        self.steps += 1;
        self.line("");
        self.line(&format!("{:>3}. {}", self.steps, self.dressed(title, Look::Bold)));
    }

    /// A heading outside the steps.
    pub fn heading(&self, title: &str) {
        self.line("");
        self.line(&self.dressed(title, Look::Bold));
    }

    /// What is sent: the head, and what is shown of the body.
    pub fn sent(&self, head: &str, body: &str) {
        self.inside("→", head, None);
        if !body.is_empty() {
            self.inside(" ", body, None);
        }
    }

    /// What came back, and how long it took.
    pub fn received(&self, text: &str, took: Duration) {
        self.inside("←", text, Some(took));
    }

    /// A remark.
    pub fn note(&self, text: &str) {
        self.inside("·", text, None);
    }

    /// What was not as expected.
    pub fn failed(&self, text: &str) {
        for line in wrapped(text, WIDTH - INDENT - 2) {
            self.line(&format!("{:INDENT$}{} {line}", "", self.dressed("✗", Look::Red)));
        }
    }

    /// A name and what belongs to it, in columns.
    pub fn pair(&self, name: &str, value: &str) {
        self.line(&format!("  {name:<26} {value}"));
    }

    /// One line of the table of checks.
    pub fn check(&self, holds: bool, name: &str, found: &str) {
        let mark = if holds { self.dressed("✓", Look::Green) } else { self.dressed("✗", Look::Red) };
        let mut found = wrapped(found, WIDTH - 44).into_iter();
        self.line(&format!("  {mark} {name:<38}  {}", found.next().unwrap_or_default()));
        for more in found {
            self.line(&format!("{:44}{more}", ""));
        }
    }

    /// A line as it is.
    #[expect(clippy::unused_self, reason = "everything that is printed goes through the printer")]
    pub fn line(&self, text: &str) {
        // A reader that closed the pipe has seen enough.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    fn inside(&self, mark: &str, text: &str, took: Option<Duration>) {
        let time = took.map(|took| format!("  {}", milliseconds(took))).unwrap_or_default();
        let text = shortened(text);
        let mut lines = wrapped(&text, WIDTH - INDENT - 2 - time.chars().count()).into_iter();
        let first = lines.next().unwrap_or_default();
        self.line(&format!("{:INDENT$}{mark} {first}{}", "", self.dressed(&time, Look::Dim)));
        for more in lines {
            self.line(&format!("{:INDENT$}  {more}", ""));
        }
    }

    fn dressed(&self, text: &str, look: Look) -> String {
        if !self.has_colours || text.is_empty() {
            return text.to_owned();
        }
        let code = match look {
            Look::Bold => 1,
            Look::Dim => 2,
            Look::Green => 32,
            Look::Red => 31,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A time span as people read it.
fn milliseconds(took: Duration) -> String {
    let micros = took.as_micros();
    if micros < 10_000 {
        format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
    } else {
        format!("{} ms", micros / 1_000)
    }
}

/// The text with every UUID cut to its last six characters: enough to tell them apart.
fn shortened(text: &str) -> String {
    const UUID_LENGTH: usize = 36;
    let characters: Vec<char> = text.chars().collect();
    let mut short = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = at + UUID_LENGTH;
        if end <= characters.len() && is_uuid(&characters[at..end]) {
            let _ = write!(short, "…{}", characters[end - 6..end].iter().collect::<String>());
            at = end;
        } else {
            short.push(characters[at]);
            at += 1;
        }
    }
    short
}

fn is_uuid(characters: &[char]) -> bool {
    characters.iter().enumerate().all(|(place, one)| match place {
        8 | 13 | 18 | 23 => *one == '-',
        _ => one.is_ascii_hexdigit(),
    })
}

/// Lines of at most so many characters, broken at spaces where there are some.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let line = lines.last_mut().expect("there is always a line");
            let used = line.chars().count();
            let room = width.saturating_sub(used + usize::from(used > 0));
            if word.len() <= room {
                if used > 0 {
                    line.push(' ');
                }
                line.extend(word.drain(..));
            } else if used > 0 {
                lines.push(String::new());
            } else {
                line.extend(word.drain(..width));
                lines.push(String::new());
            }
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_and_lines_broken_at_spaces() {
        let text = "GET /v1/carts/019aaf1e-0000-7000-8000-00000000abcd/scans";
        assert_eq!(shortened(text), "GET /v1/carts/…00abcd/scans");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn short_times_have_a_decimal() {
        assert_eq!(milliseconds(Duration::from_micros(1_250)), "1.2 ms");
        assert_eq!(milliseconds(Duration::from_micros(123_456)), "123 ms");
    }
}

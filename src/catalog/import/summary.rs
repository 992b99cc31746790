//! What became of the rows of a file: every one is applied, unchanged or quarantined, and each of these has a reason.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::super::batches::{BatchState, Report, Tally};
use super::super::rows::{Kind, Reason};
use super::article::{Article, Mark};

/// Refused rows that the report shows for each reason.
const EXAMPLES_MAX: usize = 3;

/// What became of the rows of a file. A row of a table counts as its product does; its code and price are counted beside it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Rows that were read.
    pub received: u64,
    /// What became of the rows that were delivered.
    pub counted: Tally,
    /// How long it took.
    pub took: Duration,
    /// Batches that wait for a person, each with the rules that hold it. Their rows are counted as what would become of them.
    pub held: Vec<String>,
    /// What became of the products, codes, prices and other rows that were delivered.
    pub delivered: BTreeMap<Kind, Tally>,
    /// Rows that were refused, by reason.
    pub reasons: BTreeMap<Reason, Refused>,
    /// Whether the prices are made up.
    pub is_price_made_up: bool,
    /// Rows whose code got its zeros back.
    pub repaired: u64,
    /// Lines of the first of them.
    pub repaired_examples: Vec<u64>,
    /// Delivered rows that were read as windows-1252.
    pub windows_1252: u64,
    /// Delivered rows whose name was wrongly decoded by somebody before us.
    pub names_damaged: u64,
}

/// Refused rows of one reason.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// The first ones: line, key, what was wrong.
    pub examples: Vec<(u64, String, String)>,
}

impl Refused {
    fn example(&mut self, line: u64, key: String, detail: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push((line, key, detail));
        }
    }
}

impl Summary {
    /// Rows that were refused.
    pub fn quarantined(&self) -> u64 {
        number(self.counted.quarantined)
    }

    /// Rows that were known and that a full delivery left out.
    pub fn removed(&self) -> u64 {
        number(self.counted.removed)
    }

    /// Rows a second.
    pub fn rate(&self) -> u64 {
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        self.received.saturating_mul(1000) / millis
    }

    /// Rows that were new or different.
    pub fn applied(&self) -> u64 {
        number(self.counted.applied)
    }

    /// Rows that said what was known.
    pub fn unchanged(&self) -> u64 {
        number(self.counted.unchanged)
    }

    /// How many rows were refused for a reason.
    pub fn refused_for(&self, reason: Reason) -> u64 {
        self.reasons.get(&reason).map_or(0, |refused| refused.count)
    }

    pub(super) fn note(&mut self, article: &Article) {
        for mark in &article.marks {
            match mark {
                Mark::Repaired => {
                    self.repaired += 1;
                    if self.repaired_examples.len() < EXAMPLES_MAX {
                        self.repaired_examples.push(article.line);
                    }
                }
                Mark::Windows1252 => self.windows_1252 += 1,
                Mark::NameDamaged => self.names_damaged += 1,
            }
        }
    }

    /// Adds what became of a delivered batch: `counted` of its rows are rows of the file, and `line` tells which line of the
    /// file a line of the batch came from.
    pub(super) fn add(&mut self, report: &Report, counted: Tally, line: impl Fn(i64) -> u64) {
        self.counted = Tally::sum([self.counted, counted].iter());
        for (kind, more) in &report.kinds {
            let sum = self.delivered.entry(*kind).or_default();
            *sum = Tally::sum([*sum, *more].iter());
        }
        for (reason, count) in &report.reasons {
            self.reasons.entry(*reason).or_default().count += number(*count);
        }
        for row in &report.refusals {
            self.reasons.entry(row.reason).or_default().example(
                line(row.line),
                row.key.clone(),
                row.detail.clone(),
            );
        }
        if report.state == BatchState::Held {
            let rules: Vec<String> =
                report.holds.iter().map(|hold| format!("{}: {}", hold.rule, hold.detail)).collect();
            self.held.push(format!("batch {}: {}", report.batch, rules.join("; ")));
        }
    }
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl fmt::Display for Summary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (received, applied, unchanged, quarantined) =
            (self.received, self.applied(), self.unchanged(), self.quarantined());
        writeln!(
            to,
            "rows       {received} received = {applied} applied + {unchanged} unchanged + {quarantined} quarantined"
        )?;
        if self.removed() > 0 {
            writeln!(to, "removed    {} that the file leaves out", self.removed())?;
        }
        let kinds = self.delivered.iter().filter(|(_, tally)| tally.received() + tally.removed > 0);
        for (kind, Tally { applied, unchanged, quarantined, removed }) in kinds {
            let name = kind.to_string();
            let gone = if *removed > 0 { format!(", {removed} removed") } else { String::new() };
            let made_up =
                if self.is_price_made_up && *kind == Kind::Price { " (made up, not real)" } else { "" };
            writeln!(
                to,
                "{name:10} {applied} applied + {unchanged} unchanged + {quarantined} quarantined{gone}{made_up}"
            )?;
        }
        for held in &self.held {
            writeln!(to, "held       {held}")?;
        }
        if !self.held.is_empty() {
            writeln!(
                to,
                "           nothing of it is visible: an admin can release or reject it; here, --confirmed applies it"
            )?;
        }
        let took = self.took.as_millis();
        writeln!(to, "time       {}.{} s, {} rows a second", took / 1000, took % 1000 / 100, self.rate())?;
        if self.repaired > 0 {
            let lines: Vec<String> = self.repaired_examples.iter().map(u64::to_string).collect();
            writeln!(
                to,
                "repaired   {} codes got their zeros back, first in lines {}",
                self.repaired,
                lines.join(", ")
            )?;
        }
        if self.windows_1252 > 0 {
            writeln!(to, "encoding   {} rows are no UTF-8 and were read as windows-1252", self.windows_1252)?;
        }
        if self.names_damaged > 0 {
            writeln!(
                to,
                "warning    {} names were wrongly decoded before they came here",
                self.names_damaged
            )?;
        }
        for (reason, refused) in &self.reasons {
            writeln!(to, "quarantine {:6} {reason}", refused.count)?;
            for (line, key, detail) in &refused.examples {
                writeln!(to, "           line {line}: {key:?}: {detail}")?;
            }
        }
        Ok(())
    }
}

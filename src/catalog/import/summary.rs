//! What became of the rows of a file: every one is applied, unchanged or refused, and each refusal has a reason.

use std::collections::BTreeMap;
use std::fmt;

use super::super::batches::{Report, Tally};
use super::super::rows::{Kind, Reason, Refusal};
use super::article::{Article, Mark};
use super::tally;

/// Refused rows that the report shows for each reason.
const EXAMPLES_MAX: usize = 3;

/// What became of the rows of a file. A row counts as its product does; its code and price are counted beside it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Rows that were read.
    pub received: u64,
    /// What became of the products, codes and prices that were delivered.
    pub delivered: BTreeMap<Kind, Tally>,
    /// Rows that were refused before they were delivered, and delivered ones that were refused, by reason.
    pub reasons: BTreeMap<Reason, Refused>,
    /// Rows that were refused before they were delivered.
    pub refused_here: u64,
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
    /// Rows that were refused, here or at the target.
    pub fn refused(&self) -> u64 {
        self.refused_here + number(self.product().refused)
    }

    /// Rows that were new or different.
    pub fn applied(&self) -> u64 {
        number(self.product().applied)
    }

    /// Rows that said what was known.
    pub fn unchanged(&self) -> u64 {
        number(self.product().unchanged)
    }

    /// How many rows were refused for a reason.
    pub fn refused_for(&self, reason: Reason) -> u64 {
        self.reasons.get(&reason).map_or(0, |refused| refused.count)
    }

    fn product(&self) -> Tally {
        self.delivered.get(&Kind::Product).copied().unwrap_or_default()
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

    pub(super) fn refuse(&mut self, line: u64, key: String, refusal: Refusal) {
        self.refused_here += 1;
        let refused = self.reasons.entry(refusal.reason).or_default();
        refused.count += 1;
        refused.example(line, key, refusal.detail);
    }

    /// Adds what became of a delivered batch; `lines` are the lines of the file that the batch's lines came from.
    pub(super) fn add(&mut self, report: &Report, lines: &[u64]) {
        for kind in [Kind::Product, Kind::Code, Kind::Price] {
            let (sum, more) = (self.delivered.entry(kind).or_default(), tally(report, kind));
            sum.applied += more.applied;
            sum.unchanged += more.unchanged;
            sum.refused += more.refused;
        }
        for (reason, count) in &report.reasons {
            self.reasons.entry(*reason).or_default().count += number(*count);
        }
        for row in &report.refusals {
            let line =
                usize::try_from(row.line - 1).ok().and_then(|place| lines.get(place)).copied().unwrap_or(0);
            self.reasons.entry(row.reason).or_default().example(line, row.key.clone(), row.detail.clone());
        }
    }
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl fmt::Display for Summary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (received, applied, unchanged, refused) =
            (self.received, self.applied(), self.unchanged(), self.refused());
        writeln!(
            to,
            "rows       {received} received = {applied} applied + {unchanged} unchanged + {refused} refused"
        )?;
        for (name, kind) in [("codes", Kind::Code), ("prices", Kind::Price)] {
            let Tally { applied, unchanged, refused } =
                self.delivered.get(&kind).copied().unwrap_or_default();
            if applied + unchanged + refused > 0 {
                let made_up = if kind == Kind::Price { " (made up, not real)" } else { "" };
                writeln!(
                    to,
                    "{name:10} {applied} applied + {unchanged} unchanged + {refused} refused{made_up}"
                )?;
            }
        }
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
            writeln!(to, "refused    {:6} {reason}", refused.count)?;
            for (line, key, detail) in &refused.examples {
                writeln!(to, "           line {line}: {key:?}: {detail}")?;
            }
        }
        Ok(())
    }
}

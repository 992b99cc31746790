//! What became of each line of a batch, without a row for each: lines that follow one another and fared alike are one.
//!
//! Kept in the batch's own transaction, so that a batch that was held or broke off has none. A line is `applied` when its row
//! was new or different, `unchanged` when it was known, `quarantined` when any of its rows was refused: a line of a table
//! makes several. Which rows of a piece were written is read back by the revision, and only where not all fared alike; so of
//! a row that stands twice in a batch both lines may be told as applied.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use utoipa::ToSchema;

use super::super::store::outcome::{self, Lines};
use crate::db::{self, Db, Tx};
use crate::ids::BatchId;
use crate::text_enum;

/// Ranges of one answer.
pub const RANGES_SHOWN_MAX: usize = 1_000;
/// Stored rows that one answer is made of: some thousand lines each.
const ROWS_READ_MAX: usize = 1_000;
/// Stands for blank lines, which are nothing.
const BLANK: char = '-';

text_enum! {
    /// What became of a line, the gravest last.
    pub enum RowOutcome {
        /// Its row says what was known already.
        Unchanged = "unchanged",
        /// Its row was new or different.
        Applied = "applied",
        /// Its row, or one of its rows, was refused.
        Quarantined = "quarantined",
    }
}

impl RowOutcome {
    fn letter(self) -> char {
        match self {
            Self::Unchanged => 'u',
            Self::Applied => 'a',
            Self::Quarantined => 'q',
        }
    }
}

/// Lines that follow one another and fared alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutcomeRange {
    /// The first line, from 1.
    pub first_line: i64,
    /// The last line.
    pub last_line: i64,
    /// What became of them.
    pub outcome: RowOutcome,
}

/// A part of what became of a batch's lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomePage {
    /// By line; blank lines are in none.
    pub outcomes: Vec<OutcomeRange>,
    /// The line to go on from, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// Outcomes of the lines of one piece, while it is applied.
#[derive(Debug, Default)]
pub(super) struct Outcomes(BTreeMap<i64, RowOutcome>);

impl Outcomes {
    /// Notes what became of a row of this line; of several the gravest counts.
    pub(super) fn note(&mut self, line: i64, outcome: RowOutcome) {
        let known = self.0.entry(line).or_insert(outcome);
        *known = outcome.max(*known);
    }

    /// Writes what was noted, and forgets it.
    pub(super) async fn keep(&mut self, tx: &mut Tx, id: BatchId) -> Result<(), db::Error> {
        match runs(&std::mem::take(&mut self.0)) {
            Some(lines) => outcome::insert(tx, id, &lines).await,
            None => Ok(()),
        }
    }
}

fn runs(outcomes: &BTreeMap<i64, RowOutcome>) -> Option<Lines> {
    let (first_line, last_line) = (*outcomes.first_key_value()?.0, *outcomes.last_key_value()?.0);
    let mut runs = String::new();
    let mut write = |letter: char, count: i64| {
        if count > 0 {
            // Writing to a String can't fail.
            let _ = write!(runs, "{letter}{count}");
        }
    };
    let (mut current, mut begun, mut next) = (BLANK, first_line, first_line);
    for (line, outcome) in outcomes {
        if *line > next || outcome.letter() != current {
            write(current, next - begun);
            write(BLANK, *line - next);
            (current, begun) = (outcome.letter(), *line);
        }
        next = line + 1;
    }
    write(current, next - begun);
    Some(Lines { first_line, last_line, runs })
}

/// What became of the lines of a batch from this one on, at most so many ranges.
pub(super) async fn read(db: &Db, id: BatchId, from: i64, limit: usize) -> Result<OutcomePage, db::Error> {
    let limit = limit.clamp(1, RANGES_SHOWN_MAX);
    let rows_max = i64::try_from(ROWS_READ_MAX).unwrap_or(i64::MAX);
    let stored = outcome::from(db, id, from, rows_max).await?;
    let mut next =
        (stored.len() == ROWS_READ_MAX).then(|| stored.last().map(|last| last.last_line + 1)).flatten();
    let mut ranges: Vec<OutcomeRange> = Vec::new();
    for range in stored.iter().flat_map(ranges_of).filter(|range| range.last_line >= from) {
        let range = OutcomeRange { first_line: range.first_line.max(from), ..range };
        let is_full = ranges.len() == limit;
        match ranges.last_mut() {
            Some(last) if last.outcome == range.outcome && last.last_line + 1 == range.first_line => {
                last.last_line = range.last_line;
            }
            _ if is_full => {
                next = Some(range.first_line);
                break;
            }
            _ => ranges.push(range),
        }
    }
    Ok(OutcomePage { outcomes: ranges, next })
}

fn ranges_of(stored: &Lines) -> impl Iterator<Item = OutcomeRange> + '_ {
    let mut line = stored.first_line;
    let mut rest = stored.runs.as_str();
    std::iter::from_fn(move || {
        loop {
            let letter = rest.chars().next()?;
            let digits = rest.get(1..)?;
            let end = digits.find(|each: char| !each.is_ascii_digit()).unwrap_or(digits.len());
            let count: i64 = digits.get(..end)?.parse().ok()?;
            rest = digits.get(end..)?;
            let first_line = line;
            line += count;
            // Blank lines have no outcome.
            if let Some(outcome) = RowOutcome::ALL.iter().find(|each| each.letter() == letter) {
                return Some(OutcomeRange { first_line, last_line: line - 1, outcome: *outcome });
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_fared_alike_are_one_run_and_blank_ones_none() {
        let mut outcomes = Outcomes::default();
        for line in [5, 6, 9, 10] {
            outcomes.note(line, RowOutcome::Applied);
        }
        outcomes.note(7, RowOutcome::Unchanged);
        outcomes.note(10, RowOutcome::Quarantined);
        outcomes.note(10, RowOutcome::Applied);
        let lines = runs(&outcomes.0).expect("lines");
        assert_eq!((lines.first_line, lines.last_line, lines.runs.as_str()), (5, 10, "a2u1-1a1q1"));
    }

    proptest! {
        #[test]
        fn every_line_comes_back_with_its_outcome(
            outcomes in prop::collection::btree_map(1_i64..200, 0_usize..3, 1..150),
        ) {
            let outcomes: BTreeMap<i64, RowOutcome> =
                outcomes.into_iter().map(|(line, place)| (line, RowOutcome::ALL[place])).collect();
            let lines = runs(&outcomes).expect("lines");
            let back: BTreeMap<i64, RowOutcome> = ranges_of(&lines)
                .flat_map(|range| (range.first_line..=range.last_line).map(move |line| (line, range.outcome)))
                .collect();
            prop_assert_eq!(back, outcomes);
        }
    }
}

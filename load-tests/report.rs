//! The rows of the table, and the arithmetic of medians and ratios in whole numbers.

use std::fmt::Write;
use std::path::Path;

use crate::Outcome;

/// Rows for the table that `load-tests/run` prints: figure, ours, theirs, ratio, aim.
#[derive(Default)]
pub struct Report(String);

impl Report {
    pub fn row(&mut self, figure: &str, ours: &str, against: &str, ratio: &str, aim: &str) {
        eprintln!("  {figure}: {ours} | {against} | {ratio}");
        // Writing to a String can't fail.
        let _ = writeln!(self.0, "{figure}\t{ours}\t{against}\t{ratio}\t{aim}");
    }

    pub fn write(&self, folder: &Path, scenario: &str) -> Outcome<()> {
        Ok(std::fs::write(folder.join(format!("{scenario}.tsv")), &self.0)?)
    }
}

/// The middle one; of an even number the upper of the two.
pub fn median(values: impl IntoIterator<Item = u64>) -> u64 {
    percentile(values, 50)
}

/// The value that so many percent of all are below.
pub fn percentile(values: impl IntoIterator<Item = u64>, percent: usize) -> u64 {
    let mut values: Vec<u64> = values.into_iter().collect();
    values.sort_unstable();
    let place = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or_default()
}

/// A quotient in hundredths.
pub fn hundredths(above: u64, below: u64) -> u64 {
    above * 100 / below.max(1)
}

/// The median of each round's own quotient, and the lowest and the highest: rounds see the machine in the same mood.
pub fn ratio(rounds: impl IntoIterator<Item = (u64, u64)>) -> String {
    let each: Vec<u64> = rounds.into_iter().map(|(above, below)| hundredths(above, below)).collect();
    let (low, high) = (each.iter().min().copied(), each.iter().max().copied());
    format!(
        "{} ({} to {})",
        decimal(median(each.iter().copied())),
        decimal(low.unwrap_or_default()),
        decimal(high.unwrap_or_default())
    )
}

fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Microseconds as milliseconds.
pub fn millis(us: u64) -> String {
    format!("{} ms", decimal(us / 10))
}

/// Nanoseconds as microseconds.
pub fn micros(ns: u64) -> String {
    format!("{}.{} µs", ns / 1_000, ns % 1_000 / 100)
}

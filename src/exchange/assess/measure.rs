//! Reads records of a stream, as a pull would, and measures the way and what came over it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::exchange::connections::{Findings, Stream};
use crate::exchange::node::Node;
use crate::exchange::system::{Record, System};

/// What came over a stream.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: usize,
    /// Whether there were more than were asked for.
    pub(super) is_cut: bool,
    pub(super) rows: Vec<Map<String, Value>>,
    pub(super) timing: Timing,
    /// Decimals of the most exact number.
    pub(super) decimals: usize,
    /// What is odd about all of it.
    pub(super) odd: Vec<String>,
    /// Why it ended early.
    pub(super) error: Option<String>,
}

/// How long calls took.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Calls that were made.
    pub calls: usize,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: u64,
    /// None took longer, in milliseconds.
    pub max_ms: u64,
    /// Records a second.
    pub records_per_second: u64,
}

impl Timing {
    fn of(mut times: Vec<Duration>, records: usize) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        times.sort_unstable();
        let ms = |time: Option<&Duration>| {
            u64::try_from(time.copied().unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
        };
        let all = times.iter().sum::<Duration>().as_micros().max(1);
        let per_second = u128::try_from(records).unwrap_or_default() * 1_000_000 / all;
        Self {
            calls: times.len(),
            p50_ms: ms(times.get(times.len() / 2)),
            max_ms: ms(times.last()),
            records_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
        }
    }
}

/// Reads about so many records of a stream.
pub(super) async fn live(system: &dyn System, stream: &Stream, most: usize) -> Read {
    let mut collected = Collected::default();
    let mut times = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let begun = Instant::now();
        let page = system.all(stream, from.as_deref()).await;
        times.push(begun.elapsed());
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                collected.read.error = Some(error.to_string());
                break;
            }
        };
        collected.take(stream, &page.items);
        from = page.next;
        collected.read.is_cut = from.is_some();
        if from.is_none() || collected.read.records >= most {
            break;
        }
    }
    collected.end(stream, times)
}

/// Maps records that somebody saved.
pub(super) fn saved(stream: &Stream, records: &[Record]) -> Read {
    let mut collected = Collected::default();
    collected.take(stream, records);
    collected.end(stream, Vec::new())
}

#[derive(Default)]
struct Collected {
    read: Read,
    findings: Findings,
}

impl Collected {
    fn take(&mut self, stream: &Stream, records: &[Record]) {
        for record in records {
            self.read.records += 1;
            self.read.decimals = self.read.decimals.max(decimals(&record.fields));
            self.read.rows.extend(stream.map(record, &mut self.findings).rows);
        }
    }

    fn end(mut self, stream: &Stream, times: Vec<Duration>) -> Read {
        self.read.timing = Timing::of(times, self.read.records);
        let findings = &self.findings;
        self.read.odd.extend(findings.schema_change());
        self.read.odd.extend(stream.implausible(findings));
        let left_out: &BTreeMap<String, usize> = &findings.left_out;
        self.read
            .odd
            .extend(left_out.iter().map(|(what, rows)| format!("{rows} rows of kind {what} left out")));
        self.read
    }
}

/// Decimals of the most exact number in a record.
fn decimals(node: &Node) -> usize {
    match node {
        Node::Number(text) => {
            text.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
        }
        Node::List(items) => items.iter().map(decimals).max().unwrap_or(0),
        Node::Object(fields) => fields.values().map(decimals).max().unwrap_or(0),
        _ => 0,
    }
}

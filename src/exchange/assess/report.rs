//! What the assessment says: the page and the JSON have the same.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::measure::Timing;
use super::needs::Severity;
use crate::catalog::{Kind, Reason};

/// The answers to the questions before the project.
#[derive(Debug, Serialize)]
pub struct Assessment {
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Whether it answers from files and not from systems.
    pub is_sample: bool,
    /// How many records of each stream were read at most.
    pub records_max: usize,
    /// The process, step by step, and whether its data is there.
    pub process: Vec<ProcessStep>,
    /// Each field that a step needs, and how it is delivered.
    pub data: Vec<Field>,
    /// Rows that would be kept aside, by kind and reason.
    pub refused: Vec<RefusedRows>,
    /// The ways in and out, as they were measured.
    pub channels: Vec<Channel>,
    /// What becomes what on the way.
    pub transformations: Vec<Transformation>,
    /// What is there already.
    pub exists: Vec<String>,
    /// What is missing, the worst first.
    pub gaps: Vec<Gap>,
    /// What to do next, in this order.
    pub roadmap: Vec<Phase>,
}

/// What to do before something may begin.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// Before what.
    pub name: &'static str,
    /// What to do.
    pub steps: Vec<String>,
}

/// Whether a step can be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// All that it needs is there.
    Ready,
    /// It can be gone, and something about it is wrong or missing.
    AtRisk,
    /// It can't be gone.
    Blocked,
}

/// A step of the process.
#[derive(Debug, Serialize)]
pub struct ProcessStep {
    /// What it is called.
    pub name: &'static str,
    /// What happens in it.
    pub what: &'static str,
    /// Whether it can be gone.
    pub state: StepState,
    /// The fields that it needs.
    pub needs: Vec<String>,
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The connection, or the file.
    pub system: String,
    /// The stream of it; `given` for what the connection's file says itself.
    pub stream: String,
    /// What of a record it is made of.
    pub from: String,
}

/// A field that a step needs.
#[derive(Debug, Serialize)]
pub struct Field {
    /// The kind of row.
    pub kind: Kind,
    /// The field.
    pub name: &'static str,
    /// The steps that need it.
    pub steps: Vec<&'static str>,
    /// Where it comes from; the first leads.
    pub sources: Vec<Source>,
    /// Rows of its kind that were read.
    pub rows: usize,
    /// Of those, rows that have it.
    pub present: usize,
    /// Of those, rows that would be taken as they are.
    pub valid: usize,
    /// Values of it.
    pub samples: Vec<String>,
    /// How bad it is when it is missing.
    pub severity: Severity,
}

/// Rows that would be kept aside for a reason.
#[derive(Debug, Serialize)]
pub struct RefusedRows {
    /// The system that sent them.
    pub system: String,
    /// The kind of row.
    pub kind: String,
    /// Why.
    pub reason: Reason,
    /// How many.
    pub rows: usize,
    /// The first of them.
    pub samples: Vec<String>,
}

/// A way in or out.
#[derive(Debug, Serialize)]
pub struct Channel {
    /// The connection, or the file.
    pub system: String,
    /// Which kind of system.
    pub kind: String,
    /// The stream; `sales` is the one outwards.
    pub stream: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// Records that were read.
    pub records: usize,
    /// Whether there are more.
    pub is_cut: bool,
    /// How calls went.
    pub timing: Timing,
    /// How changes are known of.
    pub changes: String,
    /// How deletions are known of.
    pub deletions: String,
    /// Records of one page.
    pub page: usize,
    /// The time zone that its days are in.
    pub time_zone: String,
    /// Its currency.
    pub currency: String,
    /// Decimals of the most exact number that was seen.
    pub decimals: usize,
    /// What is odd about all of it.
    pub odd: Vec<String>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What becomes what.
#[derive(Debug, Serialize)]
pub struct Transformation {
    /// The connection.
    pub system: String,
    /// The stream.
    pub stream: String,
    /// The kind of row.
    pub kind: Kind,
    /// The field of ours.
    pub field: String,
    /// What it is made of, in the words of the connection's file.
    pub from: String,
}

/// Something that is missing.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// How bad it is.
    pub severity: Severity,
    /// What is missing.
    pub what: String,
    /// What that breaks.
    pub breaks: String,
    /// What to do.
    pub next: String,
}

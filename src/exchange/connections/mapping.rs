//! From a record of a system to rows of the catalogue, as a stream of the file says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::expression::{Condition, Expression, Fault, Found, Path, truth};
use crate::catalog::Kind;
use crate::exchange::node::Node;
use crate::exchange::system::Record;

/// Rows of one kind out of each record.
#[derive(Clone, Debug)]
pub struct RowMapping {
    pub(super) kind: Kind,
    /// The list whose items become a row each.
    pub(super) each: Option<Path>,
    /// Rows are made where all of these hold.
    pub(super) when: Vec<Condition>,
    /// Where one of these does not hold, the row is left out and told of.
    pub(super) only: Vec<Condition>,
    /// Fields of ours, levels apart, and where they come from.
    pub(super) fields: Vec<(Vec<String>, Expression)>,
}

/// What became of the records of a batch, beside their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that were mapped.
    pub records: usize,
    /// Rows that were left out because `only` says so: prices of another currency.
    pub left_out: BTreeMap<String, usize>,
    /// Fields that records don't have, and how many.
    absent: BTreeMap<String, usize>,
    /// Fields of another kind than the mapping needs, what they are, and how many.
    kinds: BTreeMap<String, (&'static str, usize)>,
    /// Plausibility: by rule, how many records break it.
    pub(super) broken: Vec<usize>,
}

/// So many records must miss a field before it is said to be gone.
const SCHEMA_RECORDS_MIN: usize = 3;

impl Findings {
    fn note(&mut self, fault: &Fault) {
        match fault {
            Fault::Absent(path) => *self.absent.entry(path.clone()).or_default() += 1,
            Fault::Kind { path, found } => {
                self.kinds.entry(path.clone()).or_insert((*found, 0)).1 += 1;
            }
            Fault::Value(_) => {}
        }
    }

    /// What changed in the system's schema, if it looks so: most records lack a field, or have it of another kind.
    pub fn schema_change(&self) -> Option<String> {
        let is_most =
            |count: usize| count >= SCHEMA_RECORDS_MIN.min(self.records) && 2 * count > self.records;
        let absent = self.absent.iter().find(|(_, count)| is_most(**count));
        if let Some((path, count)) = absent {
            return Some(format!("the field {path} is gone: {count} of {} records lack it", self.records));
        }
        let kind = self.kinds.iter().find(|(_, (_, count))| is_most(*count));
        kind.map(|(path, (found, count))| {
            format!("the field {path} is of another kind: {found} in {count} of {} records", self.records)
        })
    }
}

/// A record's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// In the order of the file.
    pub rows: Vec<Map<String, Value>>,
}

impl RowMapping {
    /// The fields of a record that it needs.
    pub(super) fn needs(&self) -> BTreeSet<String> {
        let list = self.each.as_ref();
        let conditions = self.when.iter().chain(&self.only).map(|condition| &condition.path);
        let paths = self.fields.iter().flat_map(|(_, expression)| expression.paths()).chain(conditions);
        paths.map(|path| path.field(list)).collect()
    }

    fn map(&self, record: &Node, findings: &mut Findings, rows: &mut Vec<Map<String, Value>>) {
        let Some(list) = &self.each else { return self.row(record, None, findings, rows) };
        match list.find(record, None) {
            Found::Value(Node::List(items)) => {
                for item in items {
                    self.row(record, Some(item), findings, rows);
                }
            }
            Found::Value(other) => {
                findings.note(&Fault::Kind { path: list.to_string(), found: other.kind() });
            }
            Found::Absent => findings.note(&Fault::Absent(list.to_string())),
            Found::Nothing | Found::Several => {}
        }
    }

    fn row(
        &self,
        record: &Node,
        item: Option<&Node>,
        findings: &mut Findings,
        rows: &mut Vec<Map<String, Value>>,
    ) {
        let mut holds = |condition: &Condition| {
            condition.holds(record, item).unwrap_or_else(|fault| {
                findings.note(&fault);
                false
            })
        };
        if !self.when.iter().all(&mut holds) {
            return;
        }
        if let Some(condition) = self.only.iter().find(|condition| !holds(condition)) {
            *findings.left_out.entry(format!("{} by {}", self.kind, condition.path)).or_default() += 1;
            return;
        }
        let mut row = Map::from_iter([("kind".to_owned(), Value::String(self.kind.to_string()))]);
        for (target, expression) in &self.fields {
            match expression.value(record, item) {
                Ok(Some(value)) => put(&mut row, target, value),
                Ok(None) => {}
                Err(fault) => {
                    findings.note(&fault);
                    // As it was sent: the row is kept aside with it, and not sold at a price that nobody meant.
                    if let Fault::Value(raw) = fault {
                        put(&mut row, target, Value::String(raw));
                    }
                }
            }
        }
        rows.push(row);
    }
}

fn put(row: &mut Map<String, Value>, target: &[String], value: Value) {
    match target {
        [] => {}
        [last] => {
            row.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = row.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// What makes a row the row that it is: enough to take it back.
pub fn key_of(row: &Map<String, Value>) -> Option<Map<String, Value>> {
    let kind: Kind = row.get("kind")?.as_str()?.parse().ok()?;
    let fields = std::iter::once("kind").chain(kind.key_fields().iter().copied());
    Some(fields.filter_map(|field| Some((field.to_owned(), row.get(field)?.clone()))).collect())
}

/// Maps a record; without rows when it is not in use.
pub(super) fn map(
    mappings: &[RowMapping],
    gone_unless: &[Path],
    record: &Record,
    findings: &mut Findings,
) -> Mapped {
    findings.records += 1;
    let mut mapped = Mapped::default();
    for path in gone_unless {
        match path.find(&record.fields, None) {
            Found::Value(node) if truth(node) == Some(true) => {}
            Found::Value(node) if truth(node).is_none() => {
                findings.note(&Fault::Kind { path: path.to_string(), found: node.kind() });
                return mapped;
            }
            Found::Absent => {
                findings.note(&Fault::Absent(path.to_string()));
                return mapped;
            }
            _ => return mapped,
        }
    }
    for mapping in mappings {
        mapping.map(&record.fields, findings, &mut mapped.rows);
    }
    mapped
}

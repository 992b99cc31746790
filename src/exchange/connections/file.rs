//! How a connection's file is written (TOML). What its words mean is at the fields; `mod.rs` checks it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::expression::Lists;
use super::sales::SalesFile;
use crate::catalog::Kind;
use crate::money::Currency;

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Which kind of system: `tryton`, `business-central` or `vendure`.
    pub(super) system: String,
    /// Where it is; of Tryton with the name of the database.
    pub(super) url: String,
    /// Where a token is had, for a system that asks for one.
    pub(super) login: Option<String>,
    /// The company in it.
    pub(super) company: Option<String>,
    /// The currency of its prices.
    pub(super) currency: Currency,
    /// The time zone that its days are in.
    pub(super) time_zone: String,
    /// Names of variables that hold secrets, or with `_FILE` behind them the names of files: never a secret itself.
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) pull: Pull,
    /// Stock that is written there.
    pub(super) stock: Option<super::stock::StockFile>,
    /// A system's words and ours, by name.
    #[serde(default)]
    pub(super) lists: Lists,
    /// Rows that no system has, as a batch has them: stores, price lists.
    #[serde(default)]
    pub(super) given: Vec<Map<String, Value>>,
    #[serde(default)]
    pub(super) streams: Vec<StreamFile>,
    /// Into which books sales and returns go; left out, into none.
    pub(super) sales: Option<SalesFile>,
}

/// How often, and how far back.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pull {
    /// Milliseconds between two askings.
    pub(super) every_ms: u64,
    /// How far before the mark is asked again: longer than the longest transaction that changes goods.
    pub(super) overlap_seconds: u32,
    /// Hours between two full comparisons.
    pub(super) full_hours: u32,
    /// Records of one page.
    pub(super) page: usize,
    /// By how much, in percent, the number of records may change between two full comparisons.
    pub(super) jump_percent: u32,
}

impl Default for Pull {
    fn default() -> Self {
        Self { every_ms: 2_000, overlap_seconds: 900, full_hours: 24, page: 500, jump_percent: 50 }
    }
}

/// Records of one table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamFile {
    pub(super) name: String,
    pub(super) table: String,
    /// What the system is told beside the question: of Tryton the context.
    #[serde(default)]
    pub(super) context: Map<String, Value>,
    /// Which records of the table, in the system's own words.
    #[serde(default)]
    pub(super) domain: Vec<Value>,
    /// Whether the table hides rows that are not active unless they are asked for.
    #[serde(default)]
    pub(super) inactive: bool,
    /// The tables whose changes change a record; none when the system tells of changes with the record itself.
    #[serde(default)]
    pub(super) watch: Vec<WatchFile>,
    /// Streams that must have been compared in full before this one begins.
    #[serde(default)]
    pub(super) after: Vec<String>,
    /// Flags that must all be set for a record to count.
    #[serde(default)]
    pub(super) gone_unless: Vec<String>,
    #[serde(default)]
    pub(super) refuse: Vec<RefuseFile>,
    pub(super) every_ms: Option<u64>,
    pub(super) full_hours: Option<u32>,
    #[serde(default)]
    pub(super) rows: Vec<RowFile>,
}

/// A table that is watched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WatchFile {
    pub(super) table: String,
    /// The way from a record to it.
    pub(super) at: Option<String>,
    /// The field of its rows that names the records.
    pub(super) gives: Option<String>,
    #[serde(default)]
    pub(super) domain: Vec<Value>,
    #[serde(default)]
    pub(super) inactive: bool,
}

/// When a whole batch is refused because it can't be right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefuseFile {
    pub(super) field: String,
    pub(super) is: Odd,
    /// In more than this share of the records.
    pub(super) percent: usize,
    /// So few records are nothing to refuse.
    #[serde(default = "records_min")]
    pub(super) records_min: usize,
}

fn records_min() -> usize {
    20
}

/// What is odd when many records have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Odd {
    Null,
    Zero,
}

/// Rows of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowFile {
    pub(super) kind: Kind,
    pub(super) each: Option<String>,
    #[serde(default)]
    pub(super) when: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) only: BTreeMap<String, Vec<String>>,
    pub(super) fields: BTreeMap<String, String>,
}

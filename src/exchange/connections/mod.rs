//! Connections to back-office systems as data: one TOML file each, in the folder that `AISLE_CONNECTIONS` names, checked at
//! the start with every mistake named by file, key and reason. A new field, unit or code needs no code, only the file.
//!
//! `file.rs` is how a file is written, `expression.rs` how one field comes out of another, `mapping.rs` how a record becomes
//! rows, `sales.rs` into which books sales go, `command.rs` what `aisle connections` does.

mod command;
mod expression;
mod file;
mod mapping;
mod read;
mod sales;
mod stock;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use self::expression::{Found, Path};
use self::file::Odd;
use self::mapping::RowMapping;
use super::books::Books;
use super::node::Node;
use super::system::{Record, System};
use super::systems;
use crate::catalog::Kind;
use crate::env::Env;
use crate::ids::StoreId;
use crate::money::Currency;

pub use command::{Command, run};
pub use mapping::{Findings, Mapped, key_of};
pub use sales::{SALES, Sales};
pub use stock::StockTerms;

/// The folder of the files.
pub const FOLDER_VARIABLE: &str = "AISLE_CONNECTIONS";

/// How often and how far back a stream is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullTerms {
    /// Between two askings.
    pub every: Duration,
    /// How far before the mark is asked again.
    pub overlap: chrono::Duration,
    /// Between two full comparisons.
    pub full: chrono::Duration,
    /// Records of one page.
    pub page: usize,
    /// By how many percent the number of records may change between two full comparisons.
    pub jump_percent: usize,
}

/// A system of the retailer's, and what is taken from it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The file's name without its ending.
    pub name: String,
    /// Which kind of system.
    pub system: String,
    /// Where it is.
    pub url: url::Url,
    /// Where a token is had.
    pub login: Option<url::Url>,
    /// The company in it.
    pub company: Option<String>,
    /// The currency of its prices.
    pub currency: Currency,
    /// The time zone that its days are in.
    pub time_zone: chrono_tz::Tz,
    /// Secrets, by the names that the system's adapter has for them.
    pub secrets: BTreeMap<String, SecretString>,
    /// How often, and how far back, unless a stream says otherwise.
    pub pull: PullTerms,
    /// Stock that is written there.
    pub stock: Option<StockTerms>,
    /// Rows that no system has.
    pub given: Vec<Map<String, Value>>,
    /// What is pulled.
    pub streams: Vec<Stream>,
    /// Into which books sales and returns go.
    pub sales: Option<Sales>,
}

/// Records of one table of a system, and the rows that they become.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its name in the connection.
    pub name: String,
    /// The table of its records.
    pub table: String,
    /// What the system is told beside each question.
    pub context: Map<String, Value>,
    /// Which records, in the system's own words.
    pub domain: Vec<Value>,
    /// Whether the system hides records that are not active unless they are asked for.
    pub has_inactive: bool,
    /// The tables whose changes change a record.
    pub watch: Vec<Watch>,
    /// Streams that come before it.
    pub after: Vec<String>,
    /// How often and how far back.
    pub pull: PullTerms,
    gone_unless: Vec<Path>,
    refuse: Vec<Refuse>,
    rows: Vec<RowMapping>,
}

/// A table whose changes change records.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Its name.
    pub table: String,
    /// The way from a record to it; neither this nor `gives`: it is the records' own table.
    pub at: Option<String>,
    /// The field of its rows that names the records.
    pub gives: Option<String>,
    /// Which of its rows, in the system's own words.
    pub domain: Vec<Value>,
    /// Whether the system hides rows that are not active unless they are asked for.
    pub has_inactive: bool,
}

#[derive(Clone, Debug)]
struct Refuse {
    path: Path,
    is: Odd,
    percent: usize,
    records_min: usize,
}

impl Connection {
    /// Whether sales of a store go into its books.
    pub fn takes_sales_of(&self, store: &StoreId) -> bool {
        self.sales.as_ref().is_some_and(|sales| sales.stores.contains_key(store))
    }
}

impl Stream {
    /// A stream of a table and nothing else.
    pub fn bare(table: &str) -> Self {
        Self {
            name: table.to_owned(),
            table: table.to_owned(),
            context: Map::new(),
            domain: Vec::new(),
            has_inactive: false,
            watch: Vec::new(),
            after: Vec::new(),
            pull: read::terms(file::Pull::default()),
            gone_unless: Vec::new(),
            refuse: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The fields of a record that its rows are made of, dots between levels.
    pub fn fields(&self) -> BTreeSet<String> {
        let mut fields: BTreeSet<String> = self.rows.iter().flat_map(RowMapping::needs).collect();
        fields.extend(self.gone_unless.iter().map(|path| path.field(None)));
        fields.extend(self.refuse.iter().map(|rule| rule.path.field(None)));
        fields
    }

    /// What becomes what: the kind of row, its field, and where that comes from, as the file has it.
    pub fn transformations(&self) -> impl Iterator<Item = (Kind, String, &str)> {
        self.rows.iter().flat_map(|row| {
            row.fields
                .iter()
                .map(|(target, expression)| (row.kind, target.join("."), expression.text.as_str()))
        })
    }

    /// The rows of a record; what is odd about it is noted.
    pub fn map(&self, record: &Record, findings: &mut Findings) -> Mapped {
        findings.broken.resize(self.refuse.len(), 0);
        for (rule, broken) in self.refuse.iter().zip(&mut findings.broken) {
            let is_odd = match (rule.is, rule.path.find(&record.fields, None)) {
                (Odd::Null, Found::Nothing) => true,
                (Odd::Zero, Found::Value(node)) => is_zero(node),
                _ => false,
            };
            *broken += usize::from(is_odd);
        }
        mapping::map(&self.rows, &self.gone_unless, record, findings)
    }

    /// Why a batch with these findings can't be right as a whole, if so.
    pub fn implausible(&self, findings: &Findings) -> Option<String> {
        self.refuse.iter().zip(&findings.broken).find_map(|(rule, broken)| {
            let is_broken =
                findings.records >= rule.records_min && broken * 100 > rule.percent * findings.records;
            let what = if rule.is == Odd::Null { "empty" } else { "zero" };
            is_broken.then(|| {
                format!(
                    "{} is {what} in {broken} of {} records, more than {} %",
                    rule.path, findings.records, rule.percent
                )
            })
        })
    }
}

fn is_zero(node: &Node) -> bool {
    let digits = node.text().unwrap_or("x");
    !digits.is_empty() && digits.bytes().all(|byte| b"0.-".contains(&byte))
}

/// The connections of this retailer, with the systems behind them.
#[derive(Clone, Debug, Default)]
pub struct Connections(BTreeMap<String, Open>);

#[derive(Clone, Debug)]
struct Open {
    connection: Arc<Connection>,
    system: Arc<dyn System>,
    books: Option<Arc<dyn Books>>,
}

impl Connections {
    /// Opens the systems; nobody is called yet.
    pub fn new(connections: &[Arc<Connection>], http: &reqwest::Client) -> Self {
        let open = |connection: &Arc<Connection>| {
            let (system, books) = systems::open(connection, http)?;
            Some((connection.name.clone(), Open { connection: Arc::clone(connection), system, books }))
        };
        Self(connections.iter().filter_map(open).collect())
    }

    /// A connection and its system.
    pub fn find(&self, name: &str) -> Option<(&Connection, &dyn System)> {
        self.0.get(name).map(|open| (open.connection.as_ref(), open.system.as_ref()))
    }

    /// The books of a connection, and what goes into them.
    pub fn books(&self, name: &str) -> Option<(&Sales, &dyn Books)> {
        let open = self.0.get(name)?;
        Some((open.connection.sales.as_ref()?, open.books.as_deref()?))
    }

    /// All connections, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.values().map(|open| open.connection.as_ref())
    }
}

/// Reads every file of the folder that the environment names; mistakes go where the start lists them.
pub fn read(env: &Env) -> Vec<Arc<Connection>> {
    let Some(folder) = env.text(FOLDER_VARIABLE) else { return Vec::new() };
    let mut files: Vec<_> = match std::fs::read_dir(FilePath::new(&folder)) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            env.mistake(format!("{FOLDER_VARIABLE}: {folder} can't be read: {error}"));
            return Vec::new();
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut connections = Vec::new();
    for path in files {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&path).map_err(|error| vec![error.to_string()]);
        match text.and_then(|text| read::connection(&name, &text, env)) {
            Ok(connection) => connections.push(Arc::new(connection)),
            Err(mistakes) => {
                for mistake in mistakes {
                    env.mistake(format!("{}: {mistake}", path.display()));
                }
            }
        }
    }
    connections
}

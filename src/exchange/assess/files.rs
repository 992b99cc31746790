//! What somebody saved of systems that are not connected yet.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::measure::{self, Read};
use super::report::Channel;
use super::weigh::{Delivered, Found};
use super::{Error, judged, keep};
use crate::app::App;
use crate::db::Options;
use crate::exchange::node::Node;
use crate::exchange::system::Record;
use crate::random::Random;

/// A sample is a part; a file beyond this is none.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A folder for the database of an assessment of files; gone when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Default for Scratch {
    fn default() -> Self {
        Self(std::env::temp_dir().join(format!("aisle-assess-{}", Random::System.readable::<10>())))
    }
}

impl Scratch {
    /// Where the database is.
    pub fn database(&self) -> Options {
        Options::sqlite(self.0.join("assess.db"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Answers from the files of a folder.
pub(super) async fn found(app: &App, folder: &Path, most: usize) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut files = files(folder)?;
    for connection in app.connections.iter() {
        let mut reads = Vec::new();
        for stream in &connection.streams {
            let name = format!("{}.{}", connection.name, stream.name);
            let at = files.iter().position(|file| file.file_stem().is_some_and(|stem| *stem == *name));
            let read = match at.map(|at| files.remove(at)) {
                Some(file) => match records(&file, most) {
                    Ok(records) => measure::saved(stream, &records),
                    Err(error) => {
                        Read { error: Some(format!("{}: {error}", file.display())), ..Read::default() }
                    }
                },
                None => Read { error: Some(format!("there is no file {name}")), ..Read::default() },
            };
            reads.push((stream, read));
        }
        keep(app, connection, reads, &mut found).await?;
        found.has_books |= connection.sales.is_some();
    }
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        eprintln!("aisle: reading {name}");
        let (rows, error) = match rows(&file, most) {
            Ok(rows) => (rows, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        found.exists.extend(error.is_none().then(|| format!("{name}: {} rows", rows.len())));
        found.channels.push(channel(&name, rows.len(), error));
        let rows = judged(app, &name, rows, false).await?;
        found.delivered.push(Delivered { system: name, rows });
    }
    Ok(found)
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| ["ndjson", "json", "csv"].contains(&extension(file)));
    files.sort();
    if files.is_empty() {
        return Err(format!("{} has no file that ends in .ndjson, .json or .csv", folder.display()).into());
    }
    Ok(files)
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn text(file: &Path) -> Result<String, Error> {
    if std::fs::metadata(file)?.len() > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes: a part of it is enough").into());
    }
    String::from_utf8(std::fs::read(file)?).map_err(|_| "is not UTF-8: convert it first".into())
}

/// Records as a system exports them.
fn records(file: &Path, most: usize) -> Result<Vec<Record>, Error> {
    let text = text(file)?;
    let nodes: Vec<Node> = match extension(file) {
        "csv" => table(&text, most)?,
        "json" => Node::parse(text.as_bytes())?.items().iter().take(most).cloned().collect(),
        _ => lines(&text, most).map(|line| Node::parse(line.as_bytes())).collect::<Result<_, _>>()?,
    };
    let id = |at: usize, node: &Node| {
        node.get("id").and_then(Node::text).map_or_else(|| (at + 1).to_string(), str::to_owned)
    };
    Ok(nodes.into_iter().enumerate().map(|(at, node)| Record { id: id(at, &node), fields: node }).collect())
}

/// A table whose first line has the names.
fn table(text: &str, most: usize) -> Result<Vec<Node>, Error> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let mut nodes = Vec::new();
    for row in reader.records().take(most) {
        let row = row?;
        let fields =
            names.iter().zip(&row).map(|(name, value)| (name.to_owned(), Node::Text(value.to_owned())));
        nodes.push(Node::Object(fields.collect()));
    }
    Ok(nodes)
}

/// Rows as a batch of the catalogue has them.
fn rows(file: &Path, most: usize) -> Result<Vec<Map<String, Value>>, Error> {
    if extension(file) != "ndjson" {
        let of = "is of no connection and stream: name it CONNECTION.STREAM, with the connection's file in AISLE_CONNECTIONS";
        return Err(of.into());
    }
    let text = text(file)?;
    lines(&text, most).map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn lines(text: &str, most: usize) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(most)
}

fn channel(name: &str, records: usize, error: Option<String>) -> Channel {
    Channel {
        system: name.to_owned(),
        kind: "file".to_owned(),
        stream: "rows".to_owned(),
        direction: "in",
        records,
        is_cut: false,
        timing: measure::Timing::default(),
        changes: "none: a file is as it was saved".to_owned(),
        deletions: "none".to_owned(),
        page: 0,
        time_zone: "unknown".to_owned(),
        currency: "as each row says".to_owned(),
        decimals: 0,
        odd: Vec::new(),
        error,
    }
}

//! `aisle assess`: the questions before the project, answered from the systems themselves: what does the process look like, which
//! data does each step need, which system delivers it, how complete and how valid, over which channels and with which
//! restrictions, what becomes what on the way, what is there already, which gaps remain and what to do next.
//!
//! It reads as a pull does and changes nothing: rows go through the rules of a delivery and are rolled back. A system that is down
//! is a finding. `needs.rs` is the table that it judges by, `measure.rs` reads, `weigh.rs` weighs,
//! `report.rs` is what comes out, `html.rs` prints it, `files.rs`
//! reads what somebody saved.

mod files;
mod html;
mod measure;
mod needs;
mod report;
mod weigh;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Map, Value};

use self::measure::{Read, Timing};
use self::report::{Channel, Transformation};
use self::weigh::{Delivered, Found};
use super::connections::{Connection, SALES, Stream};
use super::pull::judge;
use crate::app::App;
use crate::catalog::{BatchError, Reason};

pub use files::Scratch;
pub use report::Assessment;

/// Assess what the systems deliver against what the process needs, and write a report.
///
/// Asks every connection in the folder that `AISLE_CONNECTIONS` names, changes nothing, and writes assessment.html, to be read
/// and printed, and assessment.json with the same content.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The folder that the report is written to.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// How many records of each stream are read.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub records: u32,
    /// Answer from the files of this folder, before any system is connected. CONNECTION.STREAM.ndjson (or .json with one list,
    /// or .csv) holds records as the system exports them and is mapped as the connection's file says; any other .ndjson file
    /// holds rows as a batch of the catalogue has them.
    #[arg(long)]
    pub sample: Option<PathBuf>,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Does it; answers what to show. What answers from files has a database of its own: see [`Scratch`].
pub async fn command(app: &App, arguments: &Arguments) -> Result<String, Error> {
    let assessment = assess(app, arguments).await?;
    let (html, json) = (arguments.out.join("assessment.html"), arguments.out.join("assessment.json"));
    tokio::fs::create_dir_all(&arguments.out).await?;
    tokio::fs::write(&html, html::page(&assessment)).await?;
    tokio::fs::write(&json, serde_json::to_vec_pretty(&assessment)?).await?;
    let mut text = format!(
        "{} gaps; the report is {}, and {} for machines",
        assessment.gaps.len(),
        html.display(),
        json.display()
    );
    for gap in assessment.gaps.iter().take(5) {
        write!(text, "\n- {}: {}", gap.what, gap.breaks)?;
    }
    Ok(text)
}

/// Asks, or reads what was saved, and weighs it.
pub async fn assess(app: &App, arguments: &Arguments) -> Result<Assessment, Error> {
    let most = usize::try_from(arguments.records)?;
    let found = match &arguments.sample {
        Some(folder) => files::found(app, folder, most).await?,
        None if app.connections.iter().next().is_none() => {
            return Err("no connections: AISLE_CONNECTIONS names no folder, or an empty one; --sample answers from files".into());
        }
        None => ask_all(app, most).await?,
    };
    Ok(weigh::weigh(found, app.clock.now(), arguments.sample.is_some(), most))
}

/// Asks every connection.
async fn ask_all(app: &App, most: usize) -> Result<Found, Error> {
    let mut found = Found::default();
    for connection in app.connections.iter() {
        let Some((_, system)) = app.connections.find(&connection.name) else { continue };
        eprintln!("aisle: asking {}", connection.name);
        let about = system.about().await;
        let mut down = None;
        match about {
            Ok(about) => {
                let company = about.company.as_deref().unwrap_or("a company without a name");
                let currency = about.currency.unwrap_or_else(|| connection.currency.to_string());
                found.exists.push(format!(
                    "{} ({}) lets us in: {company}, in {currency}",
                    connection.name, connection.system
                ));
            }
            Err(error) => down = Some(error.to_string()),
        }
        let mut reads = Vec::new();
        for stream in &connection.streams {
            let read = match &down {
                Some(error) => Read { error: Some(error.clone()), ..Read::default() },
                None => measure::live(system, stream, most).await,
            };
            eprintln!("aisle: {} {}: {} records", connection.name, stream.name, read.records);
            reads.push((stream, read));
        }
        keep(app, connection, reads, &mut found).await?;
        books(app, connection, &mut found).await;
        shelves(app, connection, &mut found).await;
    }
    Ok(found)
}

/// Whether sales go into its books.
async fn books(app: &App, connection: &Connection, found: &mut Found) {
    let Some((sales, books)) = app.connections.books(&connection.name) else { return };
    let begun = Instant::now();
    let error = books.reached(&[]).await.err().map(|error| error.to_string());
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    found.has_books = true;
    if error.is_none() {
        found.exists.push(format!(
            "sales of {} stores go into the books of {}",
            sales.stores.len(),
            connection.name
        ));
    }
    found.channels.push(Channel {
        stream: SALES.to_owned(),
        direction: "out",
        timing: Timing { calls: 1, p50_ms: took, max_ms: took, records_per_second: 0 },
        changes: format!("every {} ms, in batches of {}", sales.every.as_millis(), sales.batch),
        deletions: "returns are documents of their own".to_owned(),
        page: sales.batch,
        error,
        ..channel(connection, None, &Read::default())
    });
}

/// Whether stock is written to it.
async fn shelves(app: &App, connection: &Connection, found: &mut Found) {
    let Some(terms) = &connection.stock else { return };
    for (store, location, error) in app.shelves.check(&connection.name).await {
        if error.is_none() {
            found.exists.push(format!("stock of {store} is written to {location} of {}", connection.name));
        }
        found.channels.push(Channel {
            stream: format!("stock of {store}"),
            direction: "out",
            changes: format!("every {} ms, in batches of {}", terms.every.as_millis(), terms.batch),
            deletions: format!("by comparing all, every {} min", terms.compare.num_minutes()),
            page: terms.batch,
            error: error.map(|error| error.to_string()),
            ..channel(connection, None, &Read::default())
        });
    }
}

fn channel(connection: &Connection, stream: Option<&Stream>, read: &Read) -> Channel {
    let pull = stream.map_or(connection.pull, |stream| stream.pull);
    let tables = stream.into_iter().flat_map(|stream| &stream.watch).map(|watch| watch.table.as_str());
    let tables = tables.collect::<Vec<_>>().join(", ");
    let changes = if tables.is_empty() {
        "no delta: all is compared".to_owned()
    } else {
        let (every, overlap) = (pull.every.as_millis(), pull.overlap.num_seconds());
        format!("by stamps of {tables}, every {every} ms, {overlap} s back")
    };
    Channel {
        system: connection.name.clone(),
        kind: connection.system.clone(),
        stream: stream.map_or(SALES, |stream| &stream.name).to_owned(),
        direction: "in",
        records: read.records,
        is_cut: read.is_cut,
        timing: read.timing.clone(),
        changes,
        deletions: format!("by comparing all, every {} h", pull.full.num_hours()),
        page: pull.page,
        time_zone: connection.time_zone.name().to_owned(),
        currency: connection.currency.to_string(),
        decimals: read.decimals,
        odd: read.odd.clone(),
        error: read.error.clone(),
    }
}

/// Keeps what came from a connection, its rows judged together: they refer to each other.
async fn keep(
    app: &App,
    connection: &Connection,
    reads: Vec<(&Stream, Read)>,
    found: &mut Found,
) -> Result<(), Error> {
    let mut rows: Vec<Map<String, Value>> = connection.given.clone();
    for row in &connection.given {
        let kind = row.get("kind").and_then(Value::as_str).and_then(|kind| kind.parse().ok());
        let fields = row.keys().filter(|field| *field != "kind");
        let given = fields.filter_map(|field| Some((connection.name.clone(), kind?, field.clone())));
        found.given.extend(given);
    }
    let is_cut = reads.iter().any(|(_, read)| read.is_cut || read.error.is_some());
    for (stream, read) in reads {
        found.channels.push(channel(connection, Some(stream), &read));
        found.transformations.extend(stream.transformations().map(|(kind, field, from)| Transformation {
            system: connection.name.clone(),
            stream: stream.name.clone(),
            kind,
            field,
            from: from.to_owned(),
        }));
        rows.extend(read.rows);
    }
    let rows = judged(app, &connection.name, rows, is_cut).await?;
    found.delivered.push(Delivered { system: connection.name.clone(), rows });
    Ok(())
}

/// Rows with why they would be kept aside. Of a part of the records, what refers to the rest is not held against them.
async fn judged(
    app: &App,
    name: &str,
    rows: Vec<Map<String, Value>>,
    is_cut: bool,
) -> Result<Vec<(Map<String, Value>, Option<Reason>)>, BatchError> {
    let lines: Vec<String> = rows.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
    let mut rows: Vec<_> = rows.into_iter().map(|row| (row, None)).collect();
    if rows.is_empty() {
        return Ok(rows);
    }
    let look = judge(app, format!("assess:{name}"), lines.join("\n")).await?;
    for (line, reason) in look.refused {
        let is_reference = reason.as_str().ends_with("_unknown");
        if let Some((_, refused)) = usize::try_from(line - 1).ok().and_then(|at| rows.get_mut(at))
            && !(is_cut && is_reference)
        {
            *refused = Some(reason);
        }
    }
    Ok(rows)
}

//! Imports a file as retailers have it: CSV or TSV with columns of any name, or rows as a batch has them (NDJSON).
//!
//! Each row of a table becomes a product, a code and, if asked for, a price: where it is applied, which is where it is judged
//! and where what is wrong is kept aside. A delta goes out in many small batches, parts of the table as it stands, so
//! that an import that broke off is run again and finds done what was done; a full delivery is one batch, applied whole or
//! not at all. They go to a server or straight to the database. Rows are refused one by one, and the only thing that is
//! ever repaired is zeros that a spreadsheet took.
//!
//! `table.rs` reads the file in the code page of `encoding.rs`, `part.rs` cuts it, `seen.rs` knows which numbers it had, `mapping.rs` finds the fields, `article.rs` judges a row, `form.rs` makes the rows of a batch
//! of a table that was sent as it is, `target.rs` delivers batches, `progress.rs` shows how far it is, `summary.rs` counts.

mod article;
mod encoding;
mod form;
mod mapping;
mod part;
mod prices;
mod progress;
mod seen;
mod summary;
mod table;
mod target;

pub use form::{TableForm, TableRows};
pub use summary::Summary;

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use self::article::Judge;
use self::mapping::Mapping;
use self::part::Part;
use self::prices::Prices;
use self::progress::Progress;
use self::seen::SeenLines;
use self::table::Table;
use self::target::Target;
use super::batches::{BatchMode, Delivery, Form, Report};
use super::content::Lines;
use super::rows::{BatchRow, Kind, PriceListRow, Reason, StoreRow};
use crate::db;
use crate::env::Env;
use crate::ids::{PriceListId, StoreId, TaxClassId};
use crate::money::Currency;

/// What to import, how to read it and where to deliver it.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The file: CSV or TSV with headings, or NDJSON with the rows of a batch when its name ends on .ndjson or .jsonl.
    pub file: PathBuf,
    /// Fields and the columns they come from: `code=barcode,name=name,brand=brand,content=quantity+unit`.
    ///
    /// Fields: sku, code, name, brand, content, `weight_grams`, category (levels by >), `age_min`, `tax_class`, price. `a|b` takes the first that is not empty, `a+b` joins,
    /// `name_{lang}` puts the column lang's value in, `name_*` stands for every column that begins so.
    #[arg(long, value_delimiter = ',')]
    pub map: Vec<String>,
    /// A file of such mappings, one a line; lines that begin with # don't count.
    #[arg(long)]
    pub map_file: Option<PathBuf>,
    /// What separates columns: auto, comma, semicolon or tab (or the character itself).
    #[arg(long, default_value = "auto")]
    pub delimiter: String,
    /// The code page of a table: auto, utf-8, windows-1252, iso-8859-1, or utf-16 with a mark. auto is UTF-8, or UTF-16 by its
    /// mark, and a row that is none is read as windows-1252.
    #[arg(long, default_value = "auto")]
    pub encoding: String,
    /// delta: what the file leaves out stays as it is. full: it is gone; the file is delivered as one batch.
    #[arg(long, default_value = "delta")]
    pub mode: BatchMode,
    /// The kinds of rows that a full delivery replaces: product,code,price. Those that it holds when left out.
    #[arg(long, value_delimiter = ',')]
    pub kinds: Vec<Kind>,
    /// The tax class of products whose row has none.
    #[arg(long, default_value = "standard")]
    pub tax_class: TaxClassId,
    /// The list that the prices of the file go to.
    #[arg(long)]
    pub price_list: Option<PriceListId>,
    /// Makes prices up, for trials: `seeded:NUMBER`. They go to a price list of their own whose name says so.
    #[arg(long)]
    pub prices: Option<String>,
    /// The currency of prices.
    #[arg(long, default_value = "EUR")]
    pub currency: String,
    /// A store that gets the list of made-up prices as its last price list.
    #[arg(long)]
    pub store: Option<StoreId>,
    /// Rows to deliver first, as a batch has them (NDJSON): tax classes, rates, price lists, stores.
    #[arg(long)]
    pub setup: Option<PathBuf>,
    /// Takes numbers for restricted circulation as this chain's own instead of refusing them.
    #[arg(long)]
    pub internal_codes: bool,
    /// Marks every product as one that a courier may bring.
    #[arg(long)]
    pub deliverable: bool,
    /// Delivers to this server instead of the database that the environment names.
    #[arg(long)]
    pub server: Option<url::Url>,
    /// The partner's key for the server, with the scopes catalog:read and catalog:write. Everybody on this machine can see it
    /// in the list of processes: better, set `AISLE_IMPORT_KEY`, or `AISLE_IMPORT_KEY_FILE` to a file that holds it.
    #[arg(long)]
    pub key: Option<String>,
    /// Rows of the file in one batch of a delta.
    #[arg(long, default_value_t = 5000)]
    pub batch_rows: usize,
    /// Applies it even when rules for whole batches would hold it: somebody has looked at it. For the database at hand only;
    /// on a server an admin releases what is held.
    #[arg(long, conflicts_with = "server")]
    pub confirmed: bool,
}

/// Why an import ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments or the file don't fit.
    #[error("{0}")]
    Usage(String),
    /// The file can't be read.
    #[error("the file can't be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is no table.
    #[error("the file can't be read as a table: {0}")]
    Table(#[from] csv::Error),
    /// A batch could not be delivered; those before it were, and running the import again is harmless.
    #[error("a batch could not be delivered: {0}; run the import again to go on")]
    Deliver(String),
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] db::OpenError),
}

/// Rows of the file that one batch may have: what is waiting is held in memory.
const BATCH_ROWS_MAX: usize = 100_000;

/// Imports a file; answers what became of its rows.
pub async fn import(arguments: &Arguments, env: &Env) -> Result<Summary, Error> {
    if !(1..=BATCH_ROWS_MAX).contains(&arguments.batch_rows) {
        return Err(Error::Usage(format!("--batch-rows must be from 1 to {BATCH_ROWS_MAX}")));
    }
    let began = Instant::now();
    let extension = arguments.file.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let is_lines = ["ndjson", "jsonl"].iter().any(|lines| lines.eq_ignore_ascii_case(extension));
    let prices =
        arguments.prices.as_deref().map(|text| Prices::parse(text, &arguments.currency)).transpose()?;
    if prices.is_some() && (is_lines || arguments.mode == BatchMode::Full) {
        return Err(Error::Usage("--prices makes prices up for a table in the mode delta".to_owned()));
    }
    let form = if is_lines { Form::Lines } else { Form::Table(Box::new(form(arguments)?)) };
    let file = File::open(&arguments.file)?;
    let progress = Progress::new(file.metadata()?.len());
    // Before anything is delivered: whether the table can be read at all.
    let table = match &form {
        Form::Table(form) => {
            let table = Table::of(file.try_clone()?, &form.delimiter, &form.encoding)?;
            let judge = form.judge(&table)?;
            Some((table, judge))
        }
        Form::Lines => None,
    };
    let target = Target::open(arguments, env).await?;
    prepare(arguments, prices.as_ref(), &target).await?;
    let summary = Summary { is_price_made_up: prices.is_some(), ..Summary::default() };
    let mut import = Import { prices, target, summary, seen: SeenLines::default(), progress };
    let done = match table {
        _ if arguments.mode == BatchMode::Full => {
            let kinds = arguments.kinds.clone();
            import
                .whole(arguments, Delivery { mode: BatchMode::Full, kinds, form, ..Delivery::default() })
                .await
        }
        Some((table, judge)) => {
            let form = part_form(arguments, import.prices.as_ref())?;
            import.table(table, &judge, form, arguments.batch_rows).await
        }
        None => import.lines(file, arguments.batch_rows).await,
    };
    import.progress.finish();
    import.target.close().await;
    done?;
    import.summary.took = began.elapsed();
    Ok(import.summary)
}

/// How the arguments say that a table is to be read.
fn form(arguments: &Arguments) -> Result<TableForm, Error> {
    Ok(TableForm {
        map: Mapping::read(&arguments.map, arguments.map_file.as_deref())?.lines(),
        delimiter: arguments.delimiter.clone(),
        tax_class: arguments.tax_class.clone(),
        internal_codes: arguments.internal_codes,
        deliverable: arguments.deliverable,
        price_list: arguments.price_list.clone(),
        currency: Some(currency(&arguments.currency)?),
        encoding: arguments.encoding.clone(),
    })
}

/// How the parts of a table are to be read that we make of it.
fn part_form(arguments: &Arguments, prices: Option<&Prices>) -> Result<TableForm, Error> {
    let mut form = form(arguments)?;
    form.map.push(part::DUPLICATE_MAPPING.to_owned());
    if let Some(prices) = prices {
        if form.map.iter().any(|each| each.starts_with("price=")) {
            return Err(Error::Usage(
                "--prices makes prices up: leave the file's own out of the mapping".to_owned(),
            ));
        }
        form.map.push(part::PRICE_MAPPING.to_owned());
        (form.price_list, form.currency) = (Some(prices.list.clone()), Some(prices.currency));
    }
    (form.delimiter, form.encoding) = ("comma".to_owned(), "utf-8".to_owned());
    Ok(form)
}

/// Delivers what the rows refer to: the rows of `--setup`, the list of made-up prices, and the store that sees it.
async fn prepare(arguments: &Arguments, prices: Option<&Prices>, target: &Target) -> Result<(), Error> {
    if let Some(setup) = &arguments.setup {
        accepted(&target.deliver(std::fs::read(setup)?).await?)?;
    }
    let Some(prices) = prices else { return Ok(()) };
    let mut rows = vec![BatchRow::PriceList(PriceListRow {
        price_list: prices.list.clone(),
        name: prices.list_name(),
        currency: prices.currency,
        deleted: false,
    })];
    if let Some(store) = &arguments.store {
        let known = target.store(store).await?;
        let mut row: StoreRow = known
            .ok_or_else(|| {
                Error::Usage(format!("there is no store {store}: deliver it first, for example with --setup"))
            })?
            .into();
        if !row.price_lists.contains(&prices.list) {
            row.price_lists.push(prices.list.clone());
        }
        rows.push(BatchRow::Store(row));
    }
    accepted(&target.deliver(text(&rows)).await?)
}

/// Nothing of a preparing batch may be refused.
fn accepted(report: &Report) -> Result<(), Error> {
    if report.state != super::batches::BatchState::Applied {
        return Err(Error::Usage(format!(
            "what the import needs is {}: batch {}",
            report.state, report.batch
        )));
    }
    match report.refusals.first() {
        None => Ok(()),
        Some(row) => {
            Err(Error::Usage(format!("what the import needs was refused: line {}: {}", row.line, row.detail)))
        }
    }
}

/// Rows as the text of a batch.
fn text(rows: &[BatchRow]) -> Vec<u8> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row).expect("rows can be written as JSON");
        text.push(b'\n');
    }
    text
}

/// An import on its way.
struct Import {
    prices: Option<Prices>,
    target: Target,
    summary: Summary,
    /// Where each number stood first: one number, one row.
    seen: SeenLines,
    progress: Progress,
}

impl Import {
    /// A table in many batches. All of its rows are sent as they stand: who applies them judges them, keeps what is wrong
    /// aside, and counts as we do.
    async fn table(
        &mut self,
        mut table: Table,
        judge: &Judge,
        form: TableForm,
        batch_rows: usize,
    ) -> Result<(), Error> {
        let delivery = Delivery { form: Form::Table(Box::new(form)), ..Delivery::default() };
        let mut part = Part::of(table.headings())?;
        while let Some(row) = table.next()? {
            self.summary.received += 1;
            match judge.article(&row, &mut self.seen) {
                Ok(article) => {
                    self.summary.note(&article);
                    let price = self.prices.as_ref().map(|prices| prices.written(article.gtin));
                    part.push(&row, None, price.as_deref())?;
                }
                Err((_, refusal)) => {
                    let is_duplicate = refusal.reason == Reason::CodeDuplicate;
                    let first = if is_duplicate { judge.first_line(&row, &self.seen) } else { None };
                    part.push(&row, first, None)?;
                }
            }
            if part.rows() >= batch_rows {
                self.deliver(&mut part, &delivery).await?;
                self.progress.show(table.position(), &self.summary);
            }
        }
        if part.rows() > 0 {
            self.deliver(&mut part, &delivery).await?;
        }
        self.progress.show(table.position(), &self.summary);
        Ok(())
    }

    async fn deliver(&mut self, part: &mut Part, delivery: &Delivery) -> Result<(), Error> {
        let (text, lines) = part.take()?;
        let report = self.target.deliver_as(text, delivery).await?;
        self.summary.add(&report, total(&report), |line| {
            let place = lines.binary_search_by_key(&line, |(own, _)| *own);
            place.ok().and_then(|place| lines.get(place)).map_or(0, |(_, line)| *line)
        });
        Ok(())
    }

    /// Rows as a batch has them, in many batches.
    async fn lines(&mut self, file: File, batch_rows: usize) -> Result<(), Error> {
        let mut lines = Lines::of(file);
        let (mut text, mut numbers, mut position) = (Vec::new(), Vec::new(), 0);
        loop {
            let is_more = match lines.next()? {
                Some(line) => {
                    // One that is too long is delivered as something that is no row, and refused as such.
                    let bytes = line.bytes.unwrap_or(b"too long");
                    text.extend_from_slice(bytes);
                    text.push(b'\n');
                    position += u64::try_from(bytes.len()).unwrap_or(0) + 1;
                    numbers.push(u64::try_from(line.number).unwrap_or(0));
                    self.summary.received += 1;
                    true
                }
                None => false,
            };
            if numbers.len() >= batch_rows || (!is_more && !numbers.is_empty()) {
                let report = self.target.deliver(std::mem::take(&mut text)).await?;
                self.summary.add(&report, total(&report), |line| {
                    usize::try_from(line - 1).ok().and_then(|place| numbers.get(place)).copied().unwrap_or(0)
                });
                numbers.clear();
                self.progress.show(position, &self.summary);
            }
            if !is_more {
                return Ok(());
            }
        }
    }

    /// A file as one batch.
    async fn whole(&mut self, arguments: &Arguments, delivery: Delivery) -> Result<(), Error> {
        let report = self.target.deliver_file(&arguments.file, delivery, &self.progress).await?;
        self.summary.received = u64::try_from(report.received).unwrap_or(0);
        self.summary.add(&report, total(&report), |line| u64::try_from(line).unwrap_or(0));
        Ok(())
    }
}

fn total(report: &Report) -> super::batches::Tally {
    let Report { applied, unchanged, quarantined, removed, .. } = *report;
    super::batches::Tally { applied, unchanged, quarantined, removed }
}

/// Reads a currency of the command line.
fn currency(text: &str) -> Result<Currency, Error> {
    text.parse().map_err(|_| Error::Usage(format!("--currency: {text} is no currency of ISO 4217")))
}

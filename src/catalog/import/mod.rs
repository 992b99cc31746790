//! Imports a product file as retailers have it: CSV or TSV, with columns of any name.
//!
//! Each row of the file becomes a product, a code and, if asked for, a price; they are delivered as ordinary batches, to
//! a server or straight to the database. A batch is named by its content, so that an import that broke off may be run
//! again. Rows are refused one by one, and the only thing that is ever repaired is zeros that a spreadsheet took.
//!
//! `table.rs` reads the file, `mapping.rs` finds the fields, `article.rs` judges a row, `target.rs` delivers batches,
//! `summary.rs` counts.

mod article;
mod mapping;
mod prices;
mod summary;
mod table;
mod target;

pub use summary::Summary;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::article::{Article, Judge};
use self::mapping::Mapping;
use self::prices::Prices;
use self::table::Table;
use self::target::Target;
use super::batches::Report;
use super::code::Gtin;
use super::rows::{BatchRow, CodeRow, Kind, PriceKind, PriceListRow, PriceRow, StoreRow};
use crate::db;
use crate::env::Env;
use crate::ids::{StoreId, TaxClassId};
use crate::money::Currency;

/// What to import, how to read it and where to deliver it.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The file: CSV or TSV with headings.
    pub file: PathBuf,
    /// Fields and the columns they come from: `code=barcode,name=name,brand=brand,content=quantity+unit`.
    ///
    /// Fields: sku, code, name, brand, content, `weight_grams`. `a|b` takes the first that is not empty, `a+b` joins,
    /// `name_{lang}` puts the column lang's value in, `name_*` stands for every column that begins so.
    #[arg(long, value_delimiter = ',')]
    pub map: Vec<String>,
    /// A file of such mappings, one a line; lines that begin with # don't count.
    #[arg(long)]
    pub map_file: Option<PathBuf>,
    /// What separates columns: auto, comma, semicolon or tab (or the character itself).
    #[arg(long, default_value = "auto")]
    pub delimiter: String,
    /// The tax class of every product.
    #[arg(long, default_value = "standard")]
    pub tax_class: TaxClassId,
    /// Makes prices up, for trials: `seeded:NUMBER`. They go to a price list of their own whose name says so.
    #[arg(long)]
    pub prices: Option<String>,
    /// The currency of these prices.
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
    #[arg(long, requires = "key")]
    pub server: Option<url::Url>,
    /// The partner's key for the server, with the scopes catalog:read and catalog:write.
    #[arg(long)]
    pub key: Option<String>,
    /// Rows of the file in one batch.
    #[arg(long, default_value_t = 5000)]
    pub batch_rows: usize,
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
    let mapping = Mapping::read(&arguments.map, arguments.map_file.as_deref())?;
    let prices =
        arguments.prices.as_deref().map(|text| Prices::parse(text, &arguments.currency)).transpose()?;
    let table = Table::open(&arguments.file, &arguments.delimiter)?;
    let columns = mapping.columns(table.headings())?;
    let target = Target::open(arguments, env).await?;
    prepare(arguments, prices.as_ref(), &target).await?;
    let judge = Judge {
        columns,
        tax_class: arguments.tax_class.clone(),
        internal_codes: arguments.internal_codes,
        deliverable: arguments.deliverable,
    };
    let progress = progress(table.bytes());
    let mut import = Import {
        judge,
        prices,
        target,
        summary: Summary::default(),
        waiting: Vec::new(),
        seen: HashMap::new(),
    };
    let done = import.run(table, arguments.batch_rows, &progress).await;
    progress.finish_and_clear();
    done?;
    import.target.close().await;
    Ok(import.summary)
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

fn progress(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % {msg} {elapsed}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// An import on its way.
struct Import {
    judge: Judge,
    prices: Option<Prices>,
    target: Target,
    summary: Summary,
    /// Rows that wait to be delivered.
    waiting: Vec<Article>,
    /// Where each number stood first: one number, one row.
    seen: HashMap<Gtin, u64>,
}

impl Import {
    async fn run(
        &mut self,
        mut table: Table,
        batch_rows: usize,
        progress: &ProgressBar,
    ) -> Result<(), Error> {
        while let Some(row) = table.next()? {
            self.summary.received += 1;
            match self.judge.article(&row, &mut self.seen) {
                Ok(article) => {
                    self.summary.note(&article);
                    self.waiting.push(article);
                }
                Err((key, refusal)) => self.summary.refuse(row.line, key, refusal),
            }
            if self.waiting.len() >= batch_rows {
                self.deliver().await?;
                self.show(table.position(), progress);
            }
        }
        self.deliver().await?;
        self.show(table.position(), progress);
        Ok(())
    }

    fn show(&self, position: u64, progress: &ProgressBar) {
        let message = format!("{} rows, {} refused", self.summary.received, self.summary.refused());
        progress.set_position(position);
        progress.set_message(message.clone());
        if progress.is_hidden() && !std::io::stderr().is_terminal() {
            eprintln!("aisle import: {message}");
        }
    }

    async fn deliver(&mut self) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let articles = std::mem::take(&mut self.waiting);
        let mut rows = Vec::with_capacity(articles.len() * 3);
        let mut lines = Vec::with_capacity(articles.len() * 3);
        for article in articles {
            let Article { line, gtin, internal, product, .. } = article;
            let sku = product.sku.clone();
            rows.push(BatchRow::Product(product));
            let code = gtin.to_string();
            rows.push(BatchRow::Code(CodeRow {
                code,
                sku: sku.clone(),
                internal,
                quantity: 1,
                primary: false,
                deleted: false,
            }));
            if let Some(prices) = &self.prices {
                let (price_list, currency) = (prices.list.clone(), prices.currency);
                rows.push(BatchRow::Price(PriceRow {
                    price_list,
                    sku,
                    amount: prices.of(gtin),
                    currency,
                    price_kind: PriceKind::Regular,
                    valid_from: None,
                    valid_to: None,
                    promotion: None,
                    deleted: false,
                }));
            }
            lines.resize(rows.len(), line);
        }
        let report = self.target.deliver(text(&rows)).await?;
        self.summary.add(&report, &lines);
        Ok(())
    }
}

/// The tally of a kind in a report.
fn tally(report: &Report, kind: Kind) -> super::batches::Tally {
    report.kinds.get(&kind).copied().unwrap_or_default()
}

/// Reads a currency of the command line.
fn currency(text: &str) -> Result<Currency, Error> {
    text.parse().map_err(|_| Error::Usage(format!("--currency: {text} is no currency of ISO 4217")))
}

//! Load tests: what the service does a second, beside something simple that does the same, in one run on one machine.
//!
//! `load-tests/run` starts this; `load-tests/run --help` says how. Every figure that has a ratio comes from rounds in which
//! the service and what it is compared with take turns, with the same load on the same machine; shown are medians, and of
//! the ratios also the lowest and the highest round. Nothing here passes or fails by time: machines differ, and are shared.
//! What does fail is an answer that is an error, or a scan that was answered and is not in the database.
//!
//! - `lookup.rs`: a product by its code over HTTP, `aisle serve` against a bare axum handler with the same bytes. The load is
//!   wrk (one thread, keep-alive), which shares the processors with the server: so the server's own processor time a request
//!   is shown too, which no load generator flatters.
//! - `journal.rs`: scans that are on the disk when they are answered, against one INSERT a request, on both engines.
//! - `index.rs`: the index in memory by itself, against a plain hash map of the same keys, while batches land; bytes a product.
//! - `start.rs`: from a start to ready with a large catalogue in the database.
//! - `visible.rs`: from the answer of a catalogue batch to its visibility, on two instances over one PostgreSQL.
//! - `imports.rs`: rows a second of an import, against the raw bulk write of the same rows, on both engines.
//! - `search.rs`: a search by words over HTTP among as many products.
//! - `pricing.rs`: the pricing engine by itself, for carts of three sizes with a thousand promotions, against none.
//! - `large_cart.rs`: a scan into a cart of 500 lines against one into a cart of 5, over HTTP, in the same scenario.
//! - `checkouts.rs`: whole checkouts from cart to order against a provider that answers at once, on both engines.
//! - `deliveries.rs`: the ways of delivery when one of four couriers hangs; bookings a second, on both engines.
//! - `exchange.rs`: from a change in a real Tryton to a lookup, from a sale to its document there, and the catch-up after an outage.
//! - builds and lines are measured by `load-tests/run` itself.

mod checkouts;
mod deliveries;
mod exchange;
mod imports;
mod index;
mod journal;
mod large_cart;
mod lookup;
mod pricing;
mod process;
mod report;
mod search;
mod shop;
mod start;
mod visible;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use aisle::env::Env;
use axum::Router;

/// What may go wrong is told and ends the run.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much is measured; `load-tests/run --help` lists the variables.
pub struct Settings {
    /// For databases, logs and the rows of the report.
    pub folder: PathBuf,
    /// The server on which databases are made.
    pub postgres: String,
    pub products: u64,
    pub rounds: u64,
    pub seconds: u64,
    pub batches: u64,
    pub rows: u64,
    /// A folder that `tests/tryton/prepare` made; for `exchange` alone.
    pub tryton: PathBuf,
}

impl Settings {
    fn read() -> Outcome<Self> {
        let env = Env::of_process();
        let number = |name, otherwise| env.parsed_or(name, "a whole number", otherwise);
        let settings = Self {
            folder: env.required("LOAD_FOLDER").into(),
            postgres: env.required("LOAD_DATABASE_URL"),
            products: number("LOAD_PRODUCTS", 50_000),
            rounds: number("LOAD_ROUNDS", 5),
            seconds: number("LOAD_SECONDS", 4),
            batches: number("LOAD_BATCHES", 60),
            rows: number("LOAD_ROWS", 200_000),
            tryton: env.text("LOAD_TRYTON").unwrap_or_default().into(),
        };
        let mistakes = env.mistakes();
        if mistakes.is_empty() { Ok(settings) } else { Err(mistakes.join("\n").into()) }
    }
}

/// The service's own allocator, for what runs inside this program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds a flag of its own to what it starts as a benchmark.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[&str]) -> Outcome<()> {
    match arguments {
        ["bare", address, file] => serve(address, lookup::bare(file)?).await,
        ["single", address, place, carts, row] => {
            serve(address, journal::single(place, carts, row).await?).await
        }
        ["index-of", codes] => {
            let settings = Settings::read()?;
            index::run(&settings, codes.parse()?)?.write(&settings.folder, &format!("index-of-{codes}"))
        }
        [
            scenario @ ("lookup" | "journal" | "visible" | "start" | "imports" | "search" | "pricing"
            | "checkouts" | "deliveries" | "exchange"),
        ] => {
            let settings = Settings::read()?;
            let report = match *scenario {
                "checkouts" => checkouts::run(&settings).await?,
                "deliveries" => deliveries::run(&settings).await?,
                "exchange" => exchange::run(&settings).await?,
                "lookup" => lookup::run(&settings).await?,
                "journal" => journal::run(&settings).await?,
                "start" => start::run(&settings).await?,
                "imports" => imports::run(&settings).await?,
                "search" => search::run(&settings).await?,
                "pricing" => pricing::run(&settings).await?,
                _ => visible::run(&settings).await?,
            };
            report.write(&settings.folder, scenario)
        }
        _ => Err("start it with load-tests/run".into()),
    }
}

async fn serve(address: &str, router: Router) -> Outcome<()> {
    Ok(axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?)
}

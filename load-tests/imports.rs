//! Rows a second that an import brings in, against the raw bulk write of the same rows in the same run: one prepared INSERT
//! in one transaction on SQLite, COPY on PostgreSQL. And how much memory the importing process needs at most.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use aisle::db::{Options, Place};
use sqlx::{Connection, PgConnection, SqliteConnection, raw_sql};

use crate::process::aisle;
use crate::report::{Report, ratio};
use crate::{Outcome, Settings, shop};

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let file = settings.folder.join("rows.ndjson");
    std::fs::write(&file, shop::catalog(settings.rows))?;
    // Products, codes and prices; the few rows before them don't count.
    let rows = settings.rows * 3;
    let mut report = Report::default();
    for engine in ["SQLite", "PostgreSQL"] {
        let (mut ours, mut raw, mut memory) = (Vec::new(), Vec::new(), 0);
        for round in 0..settings.rounds {
            let name = format!("imports_{round}");
            let database = if engine == "SQLite" {
                shop::sqlite_database(&settings.folder, &name).await?
            } else {
                shop::postgres_database(&settings.postgres, &name).await?
            };
            let (took, peak) = import(&database, &file)?;
            ours.push(a_second(rows, took));
            memory = memory.max(peak);
            raw.push(a_second(rows, bulk(&database, settings.rows).await?));
        }
        let rounds = ours.iter().copied().zip(raw.iter().copied());
        report.row(
            &format!("import of {rows} rows, {engine}: rows a second"),
            &crate::report::median(ours.iter().copied()).to_string(),
            &format!("raw bulk write {}", crate::report::median(raw.iter().copied())),
            &ratio(rounds),
            "0.33",
        );
        report.row(
            &format!("… most memory of the importing process, {engine}"),
            &format!("{} MB", memory / 1024),
            "",
            "",
            "flat: the same for ten times the rows",
        );
    }
    Ok(report)
}

fn a_second(rows: u64, took_ms: u64) -> u64 {
    rows * 1_000 / took_ms.max(1)
}

/// Imports the file as one full delivery by a process of its own; answers its milliseconds and its peak memory in kB.
fn import(database: &Options, file: &Path) -> Outcome<(u64, u64)> {
    let mut command = aisle(database);
    command.arg("import").arg(file).arg("--mode=full").stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let took = u64::try_from(began.elapsed().as_millis())?;
    if ended.success() { Ok((took, peak)) } else { Err("the import failed".into()) }
}

/// The same facts as they are stored, into empty copies of the tables with their keys and indexes; answers milliseconds.
async fn bulk(database: &Options, products: u64) -> Outcome<u64> {
    match &database.place {
        Place::SqliteFile(file) => {
            let url = format!("sqlite://{}", file.display());
            let mut connection = SqliteConnection::connect(&url).await?;
            raw_sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").execute(&mut connection).await?;
            raw_sql(TABLES).execute(&mut connection).await?;
            let began = Instant::now();
            sqlite(&mut connection, products).await?;
            Ok(u64::try_from(began.elapsed().as_millis())?)
        }
        Place::PostgresUrl(url) => {
            let mut connection = PgConnection::connect(url).await?;
            raw_sql(TABLES).execute(&mut connection).await?;
            let began = Instant::now();
            postgres(&mut connection, products).await?;
            Ok(u64::try_from(began.elapsed().as_millis())?)
        }
    }
}

const TABLES: &str = "
    CREATE TABLE raw_products (
        sku TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, tax_class TEXT NOT NULL, details JSONB NOT NULL,
        deleted BOOLEAN NOT NULL, revision BIGINT NOT NULL
    );
    CREATE INDEX raw_products_revision ON raw_products (revision, sku);
    CREATE TABLE raw_codes (
        code TEXT PRIMARY KEY NOT NULL, sku TEXT NOT NULL, quantity BIGINT NOT NULL, is_primary BOOLEAN NOT NULL,
        deleted BOOLEAN NOT NULL, revision BIGINT NOT NULL
    );
    CREATE INDEX raw_codes_revision ON raw_codes (revision, code);
    CREATE TABLE raw_prices (
        price_list TEXT NOT NULL, sku TEXT NOT NULL, amount BIGINT NOT NULL, currency TEXT NOT NULL,
        deleted BOOLEAN NOT NULL, revision BIGINT NOT NULL, PRIMARY KEY (price_list, sku)
    );
    CREATE INDEX raw_prices_revision ON raw_prices (revision, price_list, sku);";

fn details(number: u64) -> String {
    format!(
        r#"{{"sku":"p{number}","name":"Product number {number}, 500 g","brand":"Sample","content":"500 g","tax_class":"reduced","weight_grams":500,"deliverable":true}}"#
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is what the program is compared with, written against the driver"
)]
async fn sqlite(connection: &mut SqliteConnection, products: u64) -> Outcome<()> {
    let mut tx = connection.begin().await?;
    for number in 0..products {
        let sku = format!("p{number}");
        sqlx::query("INSERT INTO raw_products VALUES ($1, $2, 'reduced', $3, FALSE, 1)")
            .bind(&sku)
            .bind(format!("Product number {number}, 500 g"))
            .bind(details(number))
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO raw_codes VALUES ($1, $2, 1, FALSE, FALSE, 1)")
            .bind(format!("0{}", shop::code(number)))
            .bind(&sku)
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO raw_prices VALUES ('de', $1, 100, 'EUR', FALSE, 1)")
            .bind(&sku)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn postgres(connection: &mut PgConnection, products: u64) -> Outcome<()> {
    let mut tx = connection.begin().await?;
    for table in ["raw_products", "raw_codes", "raw_prices"] {
        let statement = format!("COPY {table} FROM STDIN");
        let mut copy = tx.copy_in_raw(&statement).await?;
        let mut text = String::new();
        for number in 0..products {
            // Writing to a String can't fail.
            let _ = match table {
                "raw_products" => writeln!(
                    text,
                    "p{number}\tProduct number {number}, 500 g\treduced\t{}\tf\t1",
                    details(number)
                ),
                "raw_codes" => writeln!(text, "0{}\tp{number}\t1\tf\tf\t1", shop::code(number)),
                _ => writeln!(text, "de\tp{number}\t100\tEUR\tf\t1"),
            };
            if text.len() > 256 * 1024 {
                copy.send(text.as_bytes()).await?;
                text.clear();
            }
        }
        copy.send(text.as_bytes()).await?;
        copy.finish().await?;
    }
    tx.commit().await?;
    Ok(())
}

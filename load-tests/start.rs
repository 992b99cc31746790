//! From the start of the process to the answer that it is ready, with a large catalogue in the database, on both engines.

use std::time::Instant;

use crate::process::Process;
use crate::report::{Report, median, millis};
use crate::{Outcome, Settings, shop};

/// Products of one batch while the catalogue is filled.
const BATCH: u64 = 100_000;

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut report = Report::default();
    for engine in ["SQLite", "PostgreSQL"] {
        let database = if engine == "SQLite" {
            shop::sqlite_database(&settings.folder, "start").await?
        } else {
            shop::postgres_database(&settings.postgres, "start").await?
        };
        let key = shop::partner_key(&database)?;
        {
            let (client, service) = (shop::client()?, Process::service(&settings.folder, &database).await?);
            for first in (0..settings.products).step_by(usize::try_from(BATCH)?) {
                let rows = shop::part(first, BATCH.min(settings.products - first));
                shop::send_batch(&client, &service, &key, rows).await?;
            }
        }
        let mut times = Vec::new();
        for _ in 0..settings.rounds {
            let began = Instant::now();
            let service = Process::service(&settings.folder, &database).await?;
            times.push(u64::try_from(began.elapsed().as_micros())?);
            drop(service);
        }
        let (slowest, figure) = (times.iter().copied().max().unwrap_or_default(), settings.products);
        report.row(
            &format!("start to ready, {engine}, {figure} products"),
            &millis(median(times)),
            &format!("slowest {}", millis(slowest)),
            "",
            "3 s for a million",
        );
    }
    Ok(report)
}

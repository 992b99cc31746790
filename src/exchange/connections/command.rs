//! `aisle connections`: whether the files are right and the systems answer, and what a pull would change.

use std::fmt::Write;

use clap::Subcommand;

use crate::app::App;
use crate::exchange::pull::dry_run;

/// What to do with connections.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Check every file, and ask each system whether it lets us in. Mistakes are told with file, key and reason.
    Check,
    /// Show what a pull would change, counted and with samples, without changing anything.
    DryRun {
        /// The connection: its file's name without the ending.
        name: String,
    },
}

/// Does it; answers what to show. That the files are right was seen when the settings were read.
pub async fn run(app: &App, command: &Command) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    match command {
        Command::Check => check(app).await,
        Command::DryRun { name } => {
            let found = app.connections.find(name);
            let (connection, system) = found.ok_or_else(|| format!("there is no connection {name}"))?;
            Ok(dry_run(app, connection, system).await?.to_string())
        }
    }
}

async fn check(app: &App) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut text = String::new();
    let mut wrong = Vec::new();
    for connection in app.connections.iter() {
        let Some((_, system)) = app.connections.find(&connection.name) else { continue };
        let name = &connection.name;
        writeln!(text, "{name}: {} streams from {}", connection.streams.len(), connection.system)?;
        match system.about().await {
            Ok(about) => {
                writeln!(text, "{name}: let in, company {}", about.company.as_deref().unwrap_or("unnamed"))?;
                let is_other = |currency: &String| currency != connection.currency.code();
                if let Some(other) = about.currency.filter(is_other) {
                    wrong.push(format!("{name}: currency: the company's is {other}"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        if let Some((sales, books)) = app.connections.books(name) {
            match books.reached(&[]).await {
                Ok(_) => writeln!(text, "{name}: sales of {} stores go into its books", sales.stores.len())?,
                Err(error) => wrong.push(format!("{name}: sales: {error}")),
            }
        }
        for (store, location, error) in app.shelves.check(name).await {
            match error {
                None => writeln!(text, "{name}: stock of {store} is written to {location}")?,
                Some(error) => wrong.push(format!("{name}: stock.locations.{store}: {error}")),
            }
        }
    }
    if text.is_empty() {
        text.push_str("no connections: AISLE_CONNECTIONS names no folder, or an empty one");
    }
    if wrong.is_empty() { Ok(text) } else { Err(wrong.join("\n").into()) }
}

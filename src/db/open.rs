//! Opening the database: which engine, where, and with which guarantees.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Db;
use crate::env::Env;

/// The engines that the program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// The production store.
    Postgres,
}

/// Where the database is.
///
/// `DATABASE_URL`: `postgres://…` for PostgreSQL; unset for SQLite. `AISLE_DATABASE_FILE`: the file of SQLite
/// (default `aisle-data/aisle.db`). `AISLE_DATABASE_CONNECTIONS`: connections to keep (default 16).
#[derive(Clone, Debug)]
pub struct Options {
    /// The place.
    pub place: Place,
    /// Most connections to hold open at once.
    pub connections_max: u32,
}

/// The place of a database.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file; made when it is not there.
    SqliteFile(PathBuf),
    /// A server's address with credentials: never shown.
    PostgresUrl(String),
}

/// A request that gets no connection in this time is told to come again: waiting longer only grows the queue.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A statement of PostgreSQL that waits longer for a row that another transaction has is given up: whoever holds it is stuck, and
/// the connection is needed. Batches of the catalogue, which queue up, say that they wait longer ([`super::Tx::queue`]).
const LOCK_TIMEOUT: &str = "15s";
/// Readers of SQLite beside its writer; more would only share two cores.
const SQLITE_READERS_MAX: u32 = 8;

impl Options {
    /// Reads the place from the environment.
    pub fn read(env: &Env) -> Self {
        let place = match env.text("DATABASE_URL") {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Place::PostgresUrl(url)
            }
            Some(_) => {
                env.mistake("DATABASE_URL must begin with postgres:// (unset it for SQLite)".to_owned());
                Place::SqliteFile(PathBuf::new())
            }
            None => Place::SqliteFile(
                env.text("AISLE_DATABASE_FILE").unwrap_or_else(|| "aisle-data/aisle.db".to_owned()).into(),
            ),
        };
        Self {
            place,
            connections_max: env.parsed_or("AISLE_DATABASE_CONNECTIONS", "a number of connections", 16),
        }
    }

    /// SQLite in this file.
    pub fn sqlite(file: impl Into<PathBuf>) -> Self {
        Self { place: Place::SqliteFile(file.into()), connections_max: 16 }
    }

    /// PostgreSQL at this address.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self { place: Place::PostgresUrl(url.into()), connections_max: 16 }
    }

    /// The place in words, without credentials.
    pub fn describe(&self) -> String {
        match &self.place {
            Place::SqliteFile(file) => {
                let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                format!("SQLite in {}", path.display())
            }
            Place::PostgresUrl(url) => url::Url::parse(url).map_or_else(
                |_| "PostgreSQL".to_owned(),
                |url| format!("PostgreSQL at {}{}", url.host_str().unwrap_or("a local socket"), url.path()),
            ),
        }
    }
}

pub(super) async fn connect(options: &Options) -> Result<Db, sqlx::Error> {
    match &options.place {
        Place::SqliteFile(file) => {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
            }
            let connect = SqliteConnectOptions::new()
                .filename(file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(ACQUIRE_TIMEOUT);
            let write = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(connect.clone())
                .await?;
            let read = SqlitePoolOptions::new()
                .max_connections(options.connections_max.min(SQLITE_READERS_MAX))
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(connect.pragma("query_only", "ON"))
                .await?;
            Ok(Db::Sqlite { read, write })
        }
        Place::PostgresUrl(url) => {
            let connect: PgConnectOptions = url.parse()?;
            let pool = PgPoolOptions::new()
                .max_connections(options.connections_max)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(connect.application_name("aisle").options([("lock_timeout", LOCK_TIMEOUT)]))
                .await?;
            Ok(Db::Postgres(pool))
        }
    }
}

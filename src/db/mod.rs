//! One SQL text, two engines: SQLite for one instance, PostgreSQL for several.
//!
//! `db.sql("SELECT … WHERE id = $1").bind(id).fetch_optional().await` runs on a pool; the same line beginning with
//! `tx.sql(…)` runs inside a transaction. A store function takes `db: impl Run<'_>` and is called with `&db` or
//! `&mut tx`. Where the texts must differ, [`Sql::each`] holds both side by side.
//!
//! Invariants: a transaction that writes takes SQLite's one writer at once (`BEGIN IMMEDIATE`), so it can't fail half
//! way as busy; whatever was committed survives a power cut (`synchronous = FULL`, `synchronous_commit = on`).
//!
//! Look next at `value.rs` for how our types are stored and `migrate.rs` for the schema.

mod batch;
mod migrate;
mod open;
mod statement;
pub mod value;

pub use batch::{keys, rows};
pub use open::{Engine, Options, Place};
pub use statement::{Row, Run, Sql, Stmt, Value};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

/// What the database answers when it can't.
pub type Error = sqlx::Error;

/// A database of either engine; cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    /// SQLite: many readers beside one writer. One writing connection makes a fair queue.
    Sqlite {
        /// Connections that only read.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

/// An open transaction; rolled back unless it is committed.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Opens the database and brings its schema up to date.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let db = open::connect(options).await?;
        migrate::run(&db).await?;
        Ok(db)
    }

    /// Begins a transaction that may write. Lock by writing: let the first statement update the row that is fought over.
    pub async fn begin(&self) -> Result<Tx, Error> {
        match self {
            Self::Sqlite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(Tx::Sqlite),
            Self::Postgres(pool) => begin_whole(pool, "BEGIN").await,
        }
    }

    /// Begins a transaction that only reads and sees one state of the database throughout.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        match self {
            Self::Sqlite { read, .. } => read.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool) => {
                begin_whole(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
            }
        }
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Closes all connections, after those in use were given back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins in a task of its own, which ends the transaction when whoever asked for it is gone.
///
/// The driver forgets a `BEGIN` whose future is dropped before its answer came, and gives the connection back with the
/// transaction open (sqlx issue 4393, not in a release yet): what the next ones write with it is lost.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is lost with it: it only begins, or ends what it began"
)]
async fn begin_whole(pool: &PgPool, statement: &'static str) -> Result<Tx, Error> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await.map(Tx::Postgres) });
    begun.await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime ends.
        Err(_) => Err(Error::PoolClosed),
    })
}

impl Tx {
    /// Makes everything done in the transaction last.
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Undoes everything done in the transaction.
    pub async fn rollback(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await,
            Self::Postgres(tx) => tx.rollback().await,
        }
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address or the file is not usable.
    #[error("the database can't be opened: {0}")]
    Connect(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

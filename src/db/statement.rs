//! A statement for either engine: its text, its binds, and where it runs.

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Encode, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Type};

use super::{Db, Error, Tx};

/// What both engines can store.
pub trait Value<'t>: Encode<'t, Sqlite> + Type<Sqlite> + Encode<'t, Postgres> + Type<Postgres> {}
impl<'t, T: Encode<'t, Sqlite> + Type<Sqlite> + Encode<'t, Postgres> + Type<Postgres>> Value<'t> for T {}

/// What can be read from a row of both engines; `#[derive(sqlx::FromRow)]` and tuples give it.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

/// A statement's text, which is nearly always the same for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// Two texts, for the few statements that can't be the same.
    pub const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::each(text, text)
    }
}

/// Where statements run: `&Db` or `&mut Tx`.
pub trait Run<'c>: Sized + Send {
    /// Begins a statement. Placeholders are `$1`, `$2`, … on both engines.
    fn sql(self, text: impl Into<Sql>) -> Stmt<'c>;
}

impl<'c> Run<'c> for &'c Db {
    fn sql(self, text: impl Into<Sql>) -> Stmt<'c> {
        let text = text.into();
        match self {
            // SQLite's readers never wait for its one writer; a text that begins with SELECT only reads.
            Db::Sqlite { read, write } => {
                let pool = if text.sqlite.trim_start().starts_with("SELECT") { read } else { write };
                Stmt::Sqlite(text.sqlite, SqliteArguments::default(), On::Pool(pool))
            }
            Db::Postgres(pool) => Stmt::Postgres(text.postgres, PgArguments::default(), PgOn::Pool(pool)),
        }
    }
}

impl<'c> Run<'c> for &'c mut Tx {
    fn sql(self, text: impl Into<Sql>) -> Stmt<'c> {
        let text = text.into();
        match self {
            Tx::Sqlite(tx) => Stmt::Sqlite(text.sqlite, SqliteArguments::default(), On::Tx(tx)),
            Tx::Postgres(tx) => Stmt::Postgres(text.postgres, PgArguments::default(), PgOn::Tx(tx)),
        }
    }
}

/// A statement that waits for its binds and to be run.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub enum Stmt<'c> {
    /// For SQLite.
    Sqlite(&'static str, SqliteArguments, On<'c>),
    /// For PostgreSQL.
    Postgres(&'static str, PgArguments, PgOn<'c>),
}

/// Where a statement for SQLite runs.
#[derive(Debug)]
pub enum On<'c> {
    /// On any connection.
    Pool(&'c SqlitePool),
    /// Inside a transaction.
    Tx(&'c mut SqliteConnection),
}

/// Where a statement for PostgreSQL runs.
#[derive(Debug)]
pub enum PgOn<'c> {
    /// On any connection.
    Pool(&'c PgPool),
    /// Inside a transaction.
    Tx(&'c mut PgConnection),
}

macro_rules! run {
    ($self:ident, $query:ident, $method:ident) => {
        match $self {
            Stmt::Sqlite(text, arguments, On::Pool(pool)) => $query(text, arguments).$method(pool).await,
            Stmt::Sqlite(text, arguments, On::Tx(tx)) => $query(text, arguments).$method(tx).await,
            Stmt::Postgres(text, arguments, PgOn::Pool(pool)) => $query(text, arguments).$method(pool).await,
            Stmt::Postgres(text, arguments, PgOn::Tx(tx)) => $query(text, arguments).$method(tx).await,
        }
    };
}

#[expect(clippy::disallowed_methods, reason = "the one home of sqlx's query functions")]
fn query_as<'q, DB, T, A>(text: &'static str, arguments: A) -> sqlx::query::QueryAs<'q, DB, T, A>
where
    DB: sqlx::Database,
    T: for<'r> FromRow<'r, DB::Row>,
    A: sqlx::IntoArguments<DB>,
{
    sqlx::query_as_with(text, arguments)
}

#[expect(clippy::disallowed_methods, reason = "the one home of sqlx's query functions")]
fn query<'q, DB: sqlx::Database, A: sqlx::IntoArguments<DB>>(
    text: &'static str,
    arguments: A,
) -> sqlx::query::Query<'q, DB, A> {
    sqlx::query_with(text, arguments)
}

impl Stmt<'_> {
    /// Binds the next placeholder.
    ///
    /// # Panics
    /// When a value can't be encoded, which for our types means a mistake in the program.
    pub fn bind<'t>(mut self, value: impl Value<'t>) -> Self {
        let added = match &mut self {
            Self::Sqlite(_, arguments, _) => arguments.add(value),
            Self::Postgres(_, arguments, _) => arguments.add(value),
        };
        added.expect("every bound value can be encoded");
        self
    }

    /// Runs the statement; answers how many rows it touched.
    pub async fn execute(self) -> Result<u64, Error> {
        self.check_binds();
        Ok(match self {
            Stmt::Sqlite(text, arguments, On::Pool(pool)) => {
                query(text, arguments).execute(pool).await?.rows_affected()
            }
            Stmt::Sqlite(text, arguments, On::Tx(tx)) => {
                query(text, arguments).execute(tx).await?.rows_affected()
            }
            Stmt::Postgres(text, arguments, PgOn::Pool(pool)) => {
                query(text, arguments).execute(pool).await?.rows_affected()
            }
            Stmt::Postgres(text, arguments, PgOn::Tx(tx)) => {
                query(text, arguments).execute(tx).await?.rows_affected()
            }
        })
    }

    /// The one row of the answer; an error when there is none.
    pub async fn fetch_one<T: Row>(self) -> Result<T, Error> {
        self.check_binds();
        run!(self, query_as, fetch_one)
    }

    /// The first row of the answer, if there is one.
    pub async fn fetch_optional<T: Row>(self) -> Result<Option<T>, Error> {
        self.check_binds();
        run!(self, query_as, fetch_optional)
    }

    /// All rows of the answer; the text limits their number.
    pub async fn fetch_all<T: Row>(self) -> Result<Vec<T>, Error> {
        self.check_binds();
        run!(self, query_as, fetch_all)
    }

    /// SQLite reads a missing bind as NULL where PostgreSQL refuses: debug builds refuse on both.
    fn check_binds(&self) {
        if cfg!(debug_assertions) {
            let (text, bound) = match self {
                Self::Sqlite(text, arguments, _) => (text, arguments.len()),
                Self::Postgres(text, arguments, _) => (text, arguments.len()),
            };
            assert_eq!(placeholders(text), bound, "binds of: {text}");
        }
    }
}

/// The highest `$n` of a text.
fn placeholders(text: &str) -> usize {
    text.split('$')
        .skip(1)
        .filter_map(|rest| rest.split(|each: char| !each.is_ascii_digit()).next()?.parse().ok())
        .max()
        .unwrap_or(0)
}

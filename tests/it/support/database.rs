//! A database for one test: a file of SQLite, or a database of the PostgreSQL server that `TEST_DATABASE_URL` names.
//!
//! Each is copied from a template that the first test of a build migrates. Templates are named after the tests' own
//! build, so that a changed schema gets a new one.

use std::path::{Path, PathBuf};

use aisle::clock::Clock;
use aisle::db::{Db, Options, Run};
use aisle::ids::Ids;
use aisle::jobs::{self, Dead};
use aisle::payments::Violation;
use chrono::TimeDelta;
use sqlx::{Connection, PgConnection};

/// A database of its own, removed with this value.
pub struct TestDatabase {
    pub options: Options,
    _kept: Kept,
}

/// What holds a database.
enum Kept {
    /// The folder of a file of SQLite.
    Folder { _folder: tempfile::TempDir },
    /// A database of a server; hundreds of them would fill its disk.
    OnServer { server: String, name: String },
}

/// The key of the lock under which one test makes the template that the others copy.
const TEMPLATE_LOCK: i64 = 0x0061_6973_6c65;

impl TestDatabase {
    pub async fn new() -> Self {
        match std::env::var_os("TEST_DATABASE_URL") {
            Some(server) if !server.is_empty() => {
                Self::postgres(server.to_str().expect("TEST_DATABASE_URL is text")).await
            }
            _ => Self::sqlite().await,
        }
    }

    /// The jobs that were given up, and what is wrong in the books. Has a runtime and a connection of its own, so that a
    /// destructor can call it.
    pub fn left_behind(&self) -> (Vec<Dead>, Vec<Violation>) {
        let options = Options { connections_max: 1, ..self.options.clone() };
        on_a_thread(async move {
            let db = Db::open(&options).await.expect("the test's database opens");
            let dead = jobs::dead(&db).await.expect("dead letters are listed");
            (dead, aisle::checkout::verify(&db).await.expect("the books can be read"))
        })
    }

    /// As if half an hour had passed for bookings that are looked for at a courier: what looks for them does it now, for the
    /// last time.
    pub async fn hasten_searches(&self) {
        let db = Db::open(&Options { connections_max: 1, ..self.options.clone() }).await.expect("it opens");
        let now = Clock::default().now();
        let last = "UPDATE booking_attempts SET sent_at = $1, looks = 2 WHERE state = 'unknown'";
        db.sql(last).bind(now - TimeDelta::minutes(31)).execute().await.expect("changed");
        let due =
            "UPDATE jobs SET run_at = $1 WHERE kind = 'delivery.book' AND state = 'waiting' AND run_at > $1";
        db.sql(due).bind(now).execute().await.expect("changed");
        db.close().await;
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("aisle.db");
        std::fs::copy(sqlite_template().await, &file).expect("the template is copied");
        Self { options: Options::sqlite(file), _kept: Kept::Folder { _folder: folder } }
    }

    async fn postgres(server: &str) -> Self {
        let mut connection = PgConnection::connect(server).await.expect("the test server answers");
        let template = format!("aisle_template_{}", build_stamp());
        if !exists(&mut connection, &template).await {
            make_postgres_template(&mut connection, server, &template).await;
        }
        let name = format!("aisle_test_{}", Ids::default().next::<uuid::Uuid>().simple());
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
            .await;
        connection.close().await.expect("closed");
        let mut options = Options::postgres(address(server, &name));
        options.connections_max = 6;
        Self { options, _kept: Kept::OnServer { server: server.to_owned(), name } }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Self::OnServer { server, name } = self else { return };
        let (server, name) = (server.clone(), name.clone());
        on_a_thread(async move {
            let mut connection = PgConnection::connect(&server).await.expect("the test server answers");
            execute(&mut connection, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        });
    }
}

/// Waits for work on a thread and a runtime of its own, because a destructor can't await.
fn on_a_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work)
    };
    std::thread::spawn(run).join().expect("the thread says itself why it panicked")
}

/// A migrated file to copy; made by the first test of a build, and renamed into place when it is whole.
async fn sqlite_template() -> PathBuf {
    let builds = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let template = builds.join(format!("{}.db", build_stamp()));
    if !template.exists() {
        std::fs::create_dir_all(&builds).expect("a folder of templates");
        let folder = tempfile::tempdir_in(&builds).expect("a folder");
        let file = folder.path().join("aisle.db");
        // Closing the last connection moves the write-ahead log into the file.
        Db::open(&Options::sqlite(&file)).await.expect("migrations").close().await;
        std::fs::rename(&file, &template).expect("the template takes its place");
    }
    template
}

/// A migrated database to copy; made under a lock by one test, and renamed into place when it is whole.
async fn make_postgres_template(connection: &mut PgConnection, server: &str, template: &str) {
    execute(connection, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !exists(connection, template).await {
        let raw = format!("{template}_raw");
        execute(connection, format!("DROP DATABASE IF EXISTS {raw}")).await;
        execute(connection, format!("CREATE DATABASE {raw} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"))
            .await;
        Db::open(&Options::postgres(address(server, &raw))).await.expect("migrations").close().await;
        execute(connection, format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
    }
    execute(connection, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    let text = format!("SELECT 1 FROM pg_database WHERE datname = '{database}'");
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(text)).fetch_optional(connection).await;
    row.expect("a list of databases").is_some()
}

async fn execute(connection: &mut PgConnection, text: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(connection).await.expect("the test server obeys");
}

fn address(server: &str, database: &str) -> String {
    let mut url = url::Url::parse(server).expect("TEST_DATABASE_URL is a URL");
    url.set_path(database);
    url.into()
}

/// When these tests were built, in milliseconds.
fn build_stamp() -> u128 {
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    let age = built.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    age.expect("this program has a file with a date").as_millis()
}

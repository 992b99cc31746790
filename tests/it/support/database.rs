//! A database for one test: a file of SQLite, or a database of the PostgreSQL server that `TEST_DATABASE_URL` names.

use aisle::db::{Db, Options};
use sqlx::{Connection, PgConnection};

/// A database of its own; a SQLite file goes with it, PostgreSQL's go with their server at the end of the run.
pub struct TestDatabase {
    pub options: Options,
    _folder: Option<tempfile::TempDir>,
}

/// The key of the lock under which one test makes the template that the others copy.
const TEMPLATE_LOCK: i64 = 0x0061_6973_6c65;

impl TestDatabase {
    pub async fn new() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) if !server.is_empty() => Self::postgres(&server).await,
            _ => Self::sqlite(),
        }
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { options: Options::sqlite(folder.path().join("aisle.db")), _folder: Some(folder) }
    }

    async fn postgres(server: &str) -> Self {
        let mut connection = PgConnection::connect(server).await.expect("the test server answers");
        // Named by the tests' own build, so that a changed schema gets a new template.
        let built = std::fs::metadata(std::env::current_exe().expect("this program"))
            .and_then(|file| file.modified());
        let stamp = built
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_millis());
        let template = format!("aisle_template_{stamp}");
        execute(&mut connection, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
        let (known,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
                .bind(&template)
                .fetch_one(&mut connection)
                .await
                .expect("a list of databases");
        if !known {
            let raw = format!("{template}_raw");
            execute(&mut connection, format!("DROP DATABASE IF EXISTS {raw}")).await;
            execute(
                &mut connection,
                format!("CREATE DATABASE {raw} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"),
            )
            .await;
            Db::open(&Options::postgres(address(server, &raw))).await.expect("migrations").close().await;
            execute(&mut connection, format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
        }
        let name = format!("aisle_test_{}", uuid::Uuid::now_v7().simple());
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        execute(&mut connection, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
        connection.close().await.expect("closed");
        let mut options = Options::postgres(address(server, &name));
        options.connections_max = 6;
        Self { options, _folder: None }
    }
}

async fn execute(connection: &mut PgConnection, text: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(connection).await.expect("the test server obeys");
}

fn address(server: &str, database: &str) -> String {
    let mut url = url::Url::parse(server).expect("TEST_DATABASE_URL is a URL");
    url.set_path(database);
    url.into()
}

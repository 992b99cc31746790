//! Scans that are on the disk when they are answered: the service's journal against one INSERT a request, each in a
//! transaction of its own, on the same engine with the same settings and the same rows.
//!
//! Twice: over HTTP, where the other side is a bare axum handler that reads the JSON and writes the row; and in one process
//! without a network, where our side still checks the caller, finds the product, adds up and writes its answer, and the
//! other side does nothing but the INSERT.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aisle::app::App;
use aisle::clock::Clock;
use aisle::config::Config;
use aisle::db::{Db, Options, Run};
use aisle::env::Env;
use aisle::random::Random;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use sqlx::types::Json;
use tokio::task::JoinSet;
use tower::ServiceExt;
use uuid::Uuid;

use crate::process::{Process, answer};
use crate::report::{Report, median, micros, millis, ratio};
use crate::wrk;
use crate::{Outcome, Settings, shop};

/// Carts that are filled in turn: far more than requests under way, so that these are of different carts.
const CARTS: usize = 512;
/// Products of the catalogue; each cart gets them all.
const PRODUCTS: u64 = 20;
/// Requests under way at once: of a supermarket's busy hour, and of a chain's.
const CONNECTIONS: [u64; 2] = [64, 256];

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut report = Report::default();
    for engine in ["SQLite", "PostgreSQL"] {
        let aim = if engine == "SQLite" { "at least 10" } else { "at least 2" };
        over_http(settings, engine, aim, &mut report).await?;
        in_process(settings, engine, &mut report).await?;
    }
    Ok(report)
}

async fn database(settings: &Settings, engine: &str, name: &str) -> Outcome<Options> {
    if engine == "SQLite" {
        shop::sqlite_database(&settings.folder, name).await
    } else {
        shop::postgres_database(&settings.postgres, name).await
    }
}

async fn over_http(settings: &Settings, engine: &str, aim: &str, report: &mut Report) -> Outcome<()> {
    let folder = &settings.folder;
    let ours = database(settings, engine, "journal").await?;
    let key = shop::partner_key(&ours)?;
    let service = Process::service(folder, &ours).await?;
    let client = shop::client()?;
    shop::send_batch(&client, &service, &key, shop::catalog(PRODUCTS)).await?;
    let (carts, codes) = (folder.join("carts"), folder.join("codes"));
    std::fs::write(&carts, check_in(&client, &service).await?)?;
    std::fs::write(
        &codes,
        (0..PRODUCTS).fold(String::new(), |text, number| text + &shop::code(number) + "\n"),
    )?;
    let arguments = [carts.to_str().ok_or("a path in UTF-8")?, codes.to_str().ok_or("a path in UTF-8")?];

    let row = folder.join("journal-row");
    scan_once(&client, &service, &carts).await?;
    let db = Db::open(&ours).await?;
    std::fs::write(&row, serde_json::to_vec(&sample_row(&db).await?)?)?;
    let theirs = database(settings, engine, "inserts").await?;
    let place = match &theirs.place {
        aisle::db::Place::SqliteFile(file) => file.display().to_string(),
        aisle::db::Place::PostgresUrl(url) => url.clone(),
    };
    let row = row.to_str().ok_or("a path in UTF-8")?;
    let single = Process::baseline(folder, "single", &[&place, arguments[0], row]).await?;

    let mut run = 0;
    let mut sent = 0;
    for connections in CONNECTIONS {
        let mut measure = |server: &Process, seconds: u64| {
            run += 1;
            wrk::run(
                server,
                connections,
                seconds,
                "scan.lua",
                &[arguments[0], arguments[1], &run.to_string()],
            )
        };
        sent += measure(&service, 1)?.requests;
        measure(&single, 1)?;
        let mut rounds = Vec::new();
        for _ in 0..settings.rounds {
            rounds.push((measure(&service, settings.seconds)?, measure(&single, settings.seconds)?));
        }
        sent += rounds.iter().map(|(ours, _)| ours.requests).sum::<u64>();
        report.row(
            &format!("journal, {engine}, HTTP, {connections} at once: scans a second"),
            &median(rounds.iter().map(|(ours, _)| ours.per_second)).to_string(),
            &format!("{} one INSERT each", median(rounds.iter().map(|(_, single)| single.per_second))),
            &ratio(rounds.iter().map(|(ours, single)| (ours.per_second, single.per_second))),
            aim,
        );
        report.row(
            "… 99 of 100 are faster than",
            &millis(median(rounds.iter().map(|(ours, _)| ours.p99_us))),
            &millis(median(rounds.iter().map(|(_, single)| single.p99_us))),
            &ratio(rounds.iter().map(|(ours, single)| (ours.p99_us, single.p99_us))),
            "",
        );
        report.row(
            "… processor time of the server for one",
            &micros(median(rounds.iter().map(|(ours, _)| ours.cpu_ns))),
            &micros(median(rounds.iter().map(|(_, single)| single.cpu_ns))),
            &ratio(rounds.iter().map(|(ours, single)| (ours.cpu_ns, single.cpu_ns))),
            "",
        );
    }
    all_written(&db, sent).await
}

/// Makes sure that what was answered was written.
async fn all_written(db: &Db, answered: u64) -> Outcome<()> {
    let (rows,): (i64,) = db.sql("SELECT COUNT(*) FROM cart_events").fetch_one().await?;
    let written = u64::try_from(rows)? - u64::try_from(CARTS)?;
    if written < answered {
        return Err(format!("{answered} scans were answered, {written} were written").into());
    }
    Ok(())
}

/// Checks a shopper in with every cart; a cart and a token a line.
async fn check_in(client: &reqwest::Client, service: &Process) -> Outcome<String> {
    let token = shop::sign_in(client, service).await?;
    let mut lines = String::new();
    for _ in 0..CARTS {
        let cart = shop::new_id();
        let request = client.put(format!("{}/v1/carts/{cart}", service.url())).bearer_auth(&token);
        answer(request.json(&json!({ "store": shop::STORE }))).await?;
        // Writing to a String can't fail.
        let _ = writeln!(lines, "{cart} {token}");
    }
    Ok(lines)
}

async fn scan_once(client: &reqwest::Client, service: &Process, carts: &Path) -> Outcome<()> {
    let text = std::fs::read_to_string(carts)?;
    let (cart, token) = text.lines().next().and_then(|line| line.split_once(' ')).ok_or("a cart")?;
    let request = client.post(format!("{}/v1/carts/{cart}/scans", service.url())).bearer_auth(token);
    answer(request.json(&batch(0))).await?;
    Ok(())
}

fn batch(number: u64) -> Value {
    json!({ "events": [{ "type": "scan", "id": shop::new_id(), "code": shop::code(number % PRODUCTS) }] })
}

/// The events of a row as the service wrote them.
async fn sample_row(db: &Db) -> Outcome<Value> {
    let row: (Json<Value>,) =
        db.sql("SELECT events FROM cart_events WHERE seq = 2 LIMIT 1").fetch_one().await?;
    Ok(row.0.0)
}

/// What the journal is compared with: one INSERT in a transaction of its own for each request.
struct Single {
    db: Db,
    events: Value,
    /// Makes every row's place free.
    seq: AtomicI64,
}

impl Single {
    /// Over a fresh database, with these carts in it.
    async fn new(options: &Options, carts: impl Iterator<Item = Uuid>, events: Value) -> Outcome<Self> {
        let db = Db::open(options).await?;
        for cart in carts {
            db.sql("INSERT INTO carts (id, shopper_id, store_id, created_at) VALUES ($1, $1, '0001', $2)")
                .bind(cart)
                .bind(Clock::System.now())
                .execute()
                .await?;
        }
        Ok(Self { db, events, seq: AtomicI64::default() })
    }

    async fn insert(&self, cart: Uuid) -> Outcome<i64> {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        // Outside a BEGIN a statement is a transaction of its own, without two more ways to the server.
        self.db
            .sql("INSERT INTO cart_events (cart_id, seq, append_id, events, at) VALUES ($1, $2, $3, $4, $5)")
            .bind(cart)
            .bind(seq)
            .bind(shop::new_id())
            .bind(Json(&self.events))
            .bind(Clock::System.now())
            .execute()
            .await?;
        Ok(seq)
    }
}

/// The handler that scans are compared with.
pub async fn single(place: &str, carts: &str, row: &str) -> Outcome<Router> {
    let options =
        if place.starts_with("postgres") { Options::postgres(place) } else { Options::sqlite(place) };
    let text = std::fs::read_to_string(carts)?;
    let carts = text.lines().filter_map(|line| line.split_once(' ')?.0.parse().ok());
    let single = Single::new(&options, carts, serde_json::from_slice(&std::fs::read(row)?)?).await?;
    Ok(Router::new()
        .route("/", get(|| async { StatusCode::NO_CONTENT }))
        .route("/v1/carts/{cart}/scans", post(insert))
        .with_state(Arc::new(single)))
}

async fn insert(State(single): State<Arc<Single>>, path: RawPathParams, body: Bytes) -> Response {
    let cart = path.iter().find_map(|(_, part)| part.parse().ok());
    let (Some(cart), Ok(_)) = (cart, serde_json::from_slice::<Value>(&body)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match single.insert(cart).await {
        Ok(seq) => format!("{{\"version\":{seq}}}").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn in_process(settings: &Settings, engine: &str, report: &mut Report) -> Outcome<()> {
    let shop = InProcess::open(database(settings, engine, "in_process").await?).await?;
    let mut carts = Vec::new();
    for _ in 0..CONNECTIONS[0] {
        carts.push(shop.check_in().await?);
    }
    shop.scan(carts[0], 0).await?;
    let options = database(settings, engine, "in_process_inserts").await?;
    let single =
        Arc::new(Single::new(&options, carts.iter().copied(), sample_row(&shop.app.db).await?).await?);
    let time = Duration::from_secs(settings.seconds);
    let mut rounds = Vec::new();
    for _ in 0..settings.rounds {
        let ours = {
            let shop = shop.clone();
            count(&carts, time, move |cart, number| {
                let shop = shop.clone();
                async move { shop.scan(cart, number).await }
            })
            .await?
        };
        let single = single.clone();
        let theirs = count(&carts, time, move |cart, _| {
            let single = single.clone();
            async move { single.insert(cart).await.map(drop) }
        });
        rounds.push((ours, theirs.await?));
    }
    report.row(
        &format!("journal, {engine}, in one process, {} at once: scans a second", carts.len()),
        &median(rounds.iter().map(|(ours, _)| *ours)).to_string(),
        &format!("{} one INSERT each", median(rounds.iter().map(|(_, single)| *single))),
        &ratio(rounds),
        "",
    );
    Ok(())
}

/// Lets one task a cart work until the time is over; answers how much was done a second.
async fn count<F>(
    carts: &[Uuid],
    time: Duration,
    work: impl Fn(Uuid, u64) -> F + Clone + Send + 'static,
) -> Outcome<u64>
where
    F: Future<Output = Outcome<()>> + Send,
{
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for cart in carts.iter().copied() {
        let work = work.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while began.elapsed() < time {
                work(cart, done).await?;
                done += 1;
            }
            Outcome::Ok(done)
        });
    }
    let mut total = 0;
    while let Some(done) = tasks.join_next().await {
        total += done??;
    }
    let took_ms = u64::try_from(began.elapsed().as_millis())?;
    Ok(total * 1_000 / took_ms.max(1))
}

/// The service's own router, called without a network.
#[derive(Clone)]
struct InProcess {
    app: App,
    router: Router,
    token: String,
}

impl InProcess {
    async fn open(database: Options) -> Outcome<Self> {
        let url = "http://127.0.0.1:8080";
        let pairs = [("AISLE_PUBLIC_URL", url), ("AISLE_MASTER_KEY", shop::MASTER_KEY)];
        let mut config = Config::read(&Env::from_pairs(pairs))?;
        config.database = database;
        let app = App::start(config, Clock::System, Random::System).await?;
        let rows =
            futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(shop::catalog(PRODUCTS)))]);
        let mut content = aisle::catalog::Content::receive(rows, shop::new_id())
            .await
            .map_err(|error| format!("{error:?}"))?;
        aisle::catalog::apply_batch(&app.db, app.clock.now(), app.ids.next(), &mut content).await?;
        app.catalog.refresh(&app.db).await?;
        let device = aisle::identity::device::DeviceKey::generate(&app.random);
        let mut shop = Self { router: aisle::router::router(app.clone()), app, token: String::new() };
        let tokens = shop
            .call("POST", "/v1/auth/guest".to_owned(), &device.sign_in(url, shop.app.clock.now()))
            .await?;
        let tokens: Value = serde_json::from_slice(&tokens)?;
        tokens["access_token"].as_str().ok_or("no access token")?.clone_into(&mut shop.token);
        Ok(shop)
    }

    async fn check_in(&self) -> Outcome<Uuid> {
        let cart = shop::new_id();
        self.call("PUT", format!("/v1/carts/{cart}"), &json!({ "store": shop::STORE })).await?;
        Ok(cart)
    }

    async fn scan(&self, cart: Uuid, number: u64) -> Outcome<()> {
        self.call("POST", format!("/v1/carts/{cart}/scans"), &batch(number)).await.map(drop)
    }

    async fn call(&self, method: &str, path: String, body: &Value) -> Outcome<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        if status.is_success() { Ok(body) } else { Err(String::from_utf8_lossy(&body).into()) }
    }
}

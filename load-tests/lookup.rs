//! Lookups over HTTP: the service as it is run, with callers, metrics and limits, against a bare axum handler that answers
//! the same bytes with the same headers on one route.

use std::fmt::Write;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;

use crate::process::Process;
use crate::report::{Report, median, micros, millis, ratio};
use crate::wrk::{self, Seen};
use crate::{Outcome, Settings, shop};

/// Shoppers who look up in turn.
const SHOPPERS: u64 = 100;
/// Prepared requests; each for another product.
const REQUESTS: u64 = 5_000;
/// Connections of a quiet and of a busy moment.
const CONNECTIONS: [u64; 2] = [8, 64];

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let folder = &settings.folder;
    let database = shop::sqlite_database(folder, "lookup").await?;
    let key = shop::partner_key(&database)?;
    let service = Process::service(folder, &database).await?;
    let client = shop::client()?;
    shop::send_batch(&client, &service, &key, shop::catalog(settings.products)).await?;
    let requests = folder.join("lookup-requests");
    std::fs::write(&requests, prepare(&client, &service, settings.products).await?)?;
    let sample = folder.join("lookup-answer");
    keep_sample(&client, &service, &sample).await?;
    let bare = Process::baseline(folder, "bare", &[sample.to_str().ok_or("a path in UTF-8")?]).await?;

    let arguments = [requests.to_str().ok_or("a path in UTF-8")?];
    let mut report = Report::default();
    for connections in CONNECTIONS {
        let measure = |server, seconds| wrk::run(server, connections, seconds, "lookup.lua", &arguments);
        measure(&service, 1)?;
        measure(&bare, 1)?;
        let mut rounds = Vec::new();
        for _ in 0..settings.rounds {
            rounds.push((measure(&service, settings.seconds)?, measure(&bare, settings.seconds)?));
        }
        tell(&mut report, connections, &rounds);
    }
    Ok(report)
}

/// One figure of what was seen.
type Figure = fn(&Seen) -> u64;

fn tell(report: &mut Report, connections: u64, rounds: &[(Seen, Seen)]) {
    let ours = |of: Figure| median(rounds.iter().map(|(ours, _)| of(ours)));
    let bare = |of: Figure| median(rounds.iter().map(|(_, bare)| of(bare)));
    let quotients = |of: Figure| ratio(rounds.iter().map(|(ours, bare)| (of(ours), of(bare))));
    report.row(
        &format!("lookup, {connections} connections: requests a second"),
        &ours(|seen| seen.per_second).to_string(),
        &format!("{} bare axum", bare(|seen| seen.per_second)),
        &quotients(|seen| seen.per_second),
        "at least 0.8",
    );
    let times: [(&str, Figure); 2] =
        [("half are faster than", |seen| seen.p50_us), ("99 of 100 are faster than", |seen| seen.p99_us)];
    for (name, of) in times {
        report.row(&format!("… {name}"), &millis(ours(of)), &millis(bare(of)), &quotients(of), "");
    }
    report.row(
        "… processor time of the server for one",
        &micros(ours(|seen| seen.cpu_ns)),
        &micros(bare(|seen| seen.cpu_ns)),
        &quotients(|seen| seen.cpu_ns),
        "",
    );
}

/// A path and a token a line: products from all over the catalogue.
async fn prepare(client: &reqwest::Client, service: &Process, products: u64) -> Outcome<String> {
    let mut tokens = Vec::new();
    for _ in 0..SHOPPERS {
        tokens.push(shop::sign_in(client, service).await?);
    }
    let mut lines = String::new();
    let step = (products / REQUESTS).max(1);
    for (number, token) in (0..REQUESTS.min(products)).zip(tokens.iter().cycle()) {
        let code = shop::code(number * step);
        // Writing to a String can't fail.
        let _ = writeln!(lines, "/v1/stores/{}/products/{code} {token}", shop::STORE);
    }
    Ok(lines)
}

/// Keeps one answer of the service: its headers, an empty line, its body.
async fn keep_sample(client: &reqwest::Client, service: &Process, file: &Path) -> Outcome<()> {
    let token = shop::sign_in(client, service).await?;
    let url = format!("{}/v1/stores/{}/products/{}", service.url(), shop::STORE, shop::code(1));
    let response = client.get(url).bearer_auth(token).send().await?.error_for_status()?;
    let mut text = String::new();
    for (name, value) in response.headers() {
        // The server sets these itself.
        if name != "date" && name != "content-length" {
            let _ = writeln!(text, "{name}: {}", value.to_str()?);
        }
    }
    let _ = write!(text, "\n{}", response.text().await?);
    Ok(std::fs::write(file, text)?)
}

/// The handler that lookups are compared with: nothing but the kept bytes and headers.
pub fn bare(file: &str) -> Outcome<Router> {
    let text = std::fs::read_to_string(file)?;
    let (head, body) = text.split_once("\n\n").ok_or("a kept answer")?;
    let mut headers = HeaderMap::new();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").ok_or("a kept header")?;
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let body = Bytes::from(body.to_owned());
    let handler = move || {
        let answer = (headers.clone(), body.clone());
        async move { answer }
    };
    Ok(Router::new().route("/v1/stores/{store}/products/{code}", get(handler)))
}

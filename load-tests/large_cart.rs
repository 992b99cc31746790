//! A scan into a cart of 500 lines against one into a cart of 5, over HTTP, with a thousand promotions: what an answer has to
//! wait for beside the disk is the pricing.
//!
//! One phone scans at a time, in turns into the small and the large cart, so that both see the machine in the same mood.

use std::time::Instant;

use aisle::catalog::PromotionRow;
use aisle::db::Options;
use aisle::random::Random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{Process, answer};
use crate::report::{Report, median, micros, percentile, ratio};
use crate::{Outcome, Settings, pricing, shop};

/// Products of the catalogue.
const PRODUCTS: u64 = 10_000;
/// Lines of the carts.
const SIZES: [u64; 2] = [5, 500];
/// Scans into each cart a round: with all rounds no line gets more pieces than it may have.
const SCANS: u64 = 300;

pub async fn run(settings: &Settings, report: &mut Report) -> Outcome<()> {
    let sqlite = shop::sqlite_database(&settings.folder, "large_cart").await?;
    engine(settings, "SQLite", &sqlite, report).await?;
    let postgres = shop::postgres_database(&settings.postgres, "large_cart").await?;
    engine(settings, "PostgreSQL", &postgres, report).await
}

async fn engine(settings: &Settings, name: &str, database: &Options, report: &mut Report) -> Outcome<()> {
    let (key, client) = (shop::partner_key(database)?, shop::client()?);
    let service = Process::service(&settings.folder, database).await?;
    let token = shop::sign_in(&client, &service).await?;
    shop::send_batch(&client, &service, &key, shop::catalog(PRODUCTS)).await?;
    shop::send_batch(&client, &service, &key, promotions()?).await?;
    let phone = Phone { client, url: service.url().to_owned(), token };
    let mut carts = Vec::new();
    for lines in SIZES {
        carts.push(phone.filled(lines).await?);
    }
    let (mut halves, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        let mut times = [Vec::new(), Vec::new()];
        let mut spent = [0_u64; 2];
        for scan in 0..SCANS {
            for (which, (cart, lines)) in carts.iter().zip(SIZES).enumerate() {
                // Into the lines in turn, the same every time.
                let number = (round * SCANS + scan) * 37 % lines;
                let (began, cpu_before) = (Instant::now(), service.cpu_ns()?);
                phone.scan(*cart, &[number]).await?;
                times[which].push(u64::try_from(began.elapsed().as_nanos())?);
                spent[which] += service.cpu_ns()? - cpu_before;
            }
        }
        let [small, large] = times;
        let half = |times: &[u64]| (median(times.iter().copied()), percentile(times.iter().copied(), 99));
        halves.push((half(&large), half(&small)));
        cpu.push((spent[1] / SCANS, spent[0] / SCANS));
    }
    let row = |report: &mut Report, figure: &str, rounds: &[(u64, u64)], aim: &str| {
        let (ours, theirs) =
            (median(rounds.iter().map(|round| round.0)), median(rounds.iter().map(|round| round.1)));
        report.row(figure, &micros(ours), &micros(theirs), &ratio(rounds.iter().copied()), aim);
    };
    let halves_of = |at: fn(&(u64, u64)) -> u64| -> Vec<(u64, u64)> {
        halves.iter().map(|(large, small)| (at(large), at(small))).collect()
    };
    row(
        report,
        &format!("a scan into a cart of 500 lines against one of 5, {name}, HTTP: half are faster than"),
        &halves_of(|times| times.0),
        "at most 1.5",
    );
    row(report, "… 99 of 100 are faster than", &halves_of(|times| times.1), "");
    row(report, "… processor time of the server for one", &cpu, "");
    Ok(())
}

/// A thousand promotions, as they are delivered.
fn promotions() -> Outcome<String> {
    let mut rows = String::new();
    let products = (0..PRODUCTS).map(|number| format!("p{number}").parse());
    let products: Vec<_> = products.collect::<Result<_, _>>()?;
    for row in pricing::promotions(&products, &Random::seeded(12))? {
        shop::line(&mut rows, &delivered(&row)?);
    }
    Ok(rows)
}

fn delivered(row: &PromotionRow) -> Outcome<Value> {
    let mut row = serde_json::to_value(row)?;
    row["kind"] = json!("promotion");
    Ok(row)
}

struct Phone {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Phone {
    /// A cart with so many lines.
    async fn filled(&self, lines: u64) -> Outcome<Uuid> {
        let cart = shop::new_id();
        let request = self.client.put(format!("{}/v1/carts/{cart}", self.url)).bearer_auth(&self.token);
        answer(request.json(&json!({ "store": shop::STORE }))).await?;
        let numbers: Vec<u64> = (0..lines).collect();
        for some in numbers.chunks(100) {
            self.scan(cart, some).await?;
        }
        let request = self.client.get(format!("{}/v1/carts/{cart}", self.url)).bearer_auth(&self.token);
        let read = answer(request).await?;
        let found = read["lines"].as_array().map_or(0, Vec::len);
        if u64::try_from(found)? != lines {
            return Err(format!("a cart has {found} lines instead of {lines}").into());
        }
        Ok(cart)
    }

    /// Scans products into a cart.
    async fn scan(&self, cart: Uuid, numbers: &[u64]) -> Outcome<()> {
        let event = |number: &u64| json!({"type": "scan", "id": shop::new_id(), "code": shop::code(number * 7 % PRODUCTS)});
        let events: Vec<Value> = numbers.iter().map(event).collect();
        let request =
            self.client.post(format!("{}/v1/carts/{cart}/scans", self.url)).bearer_auth(&self.token);
        let answer = answer(request.json(&json!({ "events": events }))).await?;
        let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        match results.iter().find(|result| result["outcome"] != "applied") {
            Some(refused) => Err(format!("a scan was not taken: {refused}").into()),
            None => Ok(()),
        }
    }
}

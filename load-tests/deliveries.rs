//! Deliveries: how long a shopper waits for the ways of delivery when one of four couriers hangs, and how many parcels a second
//! the service books at a courier that answers at once.
//!
//! The couriers are the sandboxes inside this program. Each question is another street, so that no answer is one that was
//! given before. Bookings are written beforehand, as a service that was down for a while finds them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aisle::clock::Clock;
use aisle::db::{Db, Options};
use aisle::delivery::{self, Carriers, Needs, Parcel};
use aisle::env::Env;
use aisle::ids::Ids;
use aisle::sandbox::ups::FaultKind;
use aisle::sandbox::{dhl, gls, uber, ups};
use serde_json::{Value, json};

use crate::process::{Process, answer};
use crate::report::{Report, median, millis, percentile};
use crate::{Outcome, Settings, shop};

const PRODUCTS: u64 = 100;
/// Milliseconds that couriers have.
const DEADLINE_MS: u64 = 500;
/// Questions of a kind.
const QUESTIONS: u64 = 60;
/// Parcels that wait to be booked.
const PARCELS: usize = 600;

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut report = Report::default();
    let sqlite = shop::sqlite_database(&settings.folder, "deliveries").await?;
    engine(settings, "SQLite", &sqlite, &mut report).await?;
    let postgres = shop::postgres_database(&settings.postgres, "deliveries").await?;
    engine(settings, "PostgreSQL", &postgres, &mut report).await?;
    Ok(report)
}

struct Couriers {
    dhl: dhl::Sandbox,
    _gls: gls::Sandbox,
    _uber: uber::Sandbox,
    ups: ups::Sandbox,
    variables: Vec<(&'static str, String)>,
}

impl Couriers {
    async fn start() -> Outcome<Self> {
        let (of_dhl, of_gls) = (dhl::Settings::local(), gls::Settings::local());
        let (of_uber, of_ups) = (uber::Settings::local(), ups::Settings::local());
        let (dhl, gls) =
            (dhl::Sandbox::start(of_dhl.clone()).await?, gls::Sandbox::start(of_gls.clone()).await?);
        let (uber, ups) =
            (uber::Sandbox::start(of_uber.clone()).await?, ups::Sandbox::start(of_ups.clone()).await?);
        let mut variables = vec![("AISLE_DELIVERY_QUOTE_MS", DEADLINE_MS.to_string())];
        variables.extend(of_dhl.for_service(dhl.url()));
        variables.extend(of_gls.for_service(gls.url()));
        variables.extend(of_uber.for_service(uber.url()));
        variables.extend(of_ups.for_service(ups.url()));
        Ok(Self { dhl, _gls: gls, _uber: uber, ups, variables })
    }
}

async fn engine(settings: &Settings, name: &str, database: &Options, report: &mut Report) -> Outcome<()> {
    let couriers = Couriers::start().await?;
    let (key, client) = (shop::partner_key(database)?, shop::client()?);
    wait_to_be_booked(database, &couriers).await?;
    let service = Process::service_with(&settings.folder, database, &couriers.variables).await?;
    // What is booked and spent until the service answers is its start, and left out.
    let (began, first, spent) = (Instant::now(), couriers.dhl.books().shipments.len(), service.cpu_ns()?);
    let mut booked = first;
    while booked < PARCELS {
        if began.elapsed() > Duration::from_mins(2) {
            return Err(format!("{booked} of {PARCELS} parcels were booked in two minutes").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        booked = couriers.dhl.books().shipments.len();
    }
    let (took, booked) = (u64::try_from(began.elapsed().as_millis())?.max(1), u64::try_from(booked - first)?);
    let per_second = booked * 1_000 / took;
    let processor = millis((service.cpu_ns()? - spent) / 1_000 / booked.max(1));
    report.row(
        &format!("bookings a second, {PARCELS} that waited, {name}"),
        &per_second.to_string(),
        &format!("processor time of the server for one {processor}"),
        "",
        "",
    );
    shop::send_batch(&client, &service, &key, catalog()).await?;
    let phone = Phone::fill(&service).await?;
    let quick = phone.ask(&["dhl", "gls", "uber", "ups"]).await?;
    couriers.ups.add_fault(ups::Rule::new(
        "rate",
        FaultKind::Network(ups::Fault::NoAnswerBefore { hold: true }),
        u32::MAX,
    ));
    let slow = phone.ask(&["dhl", "gls", "uber"]).await?;
    for (what, times, aim) in [
        ("all four answer", &quick, String::new()),
        ("one of four hangs", &slow, format!("{} ms", DEADLINE_MS + 50)),
    ] {
        report.row(
            &format!("delivery options, {what}, {DEADLINE_MS} ms deadline, {name}"),
            &format!("half {}", millis(median(times.iter().copied()))),
            &format!(
                "99 % {}, longest {}",
                millis(percentile(times.iter().copied(), 99)),
                millis(percentile(times.iter().copied(), 100))
            ),
            "",
            &aim,
        );
    }
    Ok(())
}

/// The catalogue; its store has tables for two couriers, and takes the word of the others.
fn catalog() -> String {
    let mut rows = shop::catalog(PRODUCTS);
    let terms = json!({"amount": 499, "tax_class": "reduced", "tariffs": [
        {"carrier": "dhl", "amount": 490, "days": [1, 2]}, {"carrier": "gls", "amount": 520, "days": [1, 3]},
        {"carrier": "ups"}, {"carrier": "uber"},
    ]});
    let store = json!({
        "kind": "store", "store": shop::STORE, "name": "Bonn, Markt", "country": "DE", "currency": "EUR",
        "time_zone": "Europe/Berlin", "price_lists": ["de"],
        "address": {"street": "Markt", "house_number": "1", "postal_code": "53111", "city": "Bonn"},
        "till": {"delivery": terms},
    });
    shop::line(&mut rows, &store);
    rows
}

/// Writes the shipments that wait.
async fn wait_to_be_booked(database: &Options, couriers: &Couriers) -> Outcome<()> {
    let settings = delivery::Settings::read(&Env::from_pairs(couriers.variables.clone()));
    let carriers = Carriers::new(&settings, &shop::client()?);
    let (db, ids, now) = (Db::open(database).await?, Ids::default(), Clock::System.now());
    let address = |street: &str, postal_code: &str, city: &str| {
        let body = json!({
            "name": "Load Test", "street": street, "house_number": "1", "postal_code": postal_code, "city": city,
            "country": "DE",
        });
        serde_json::from_value::<delivery::Address>(body)
    };
    for number in 0..PARCELS {
        let mut tx = db.begin().await?;
        let request = delivery::Request {
            shipment: ids.next(),
            order: ids.next(),
            store: shop::STORE.parse()?,
            shopper: ids.next(),
            sender: address("Markt", "53111", "Bonn")?,
            returns_of: None,
            recipient: address("Invalidenstr.", "10115", "Berlin")?,
            parcels: vec![Parcel::of_grams(2_500)],
            reference: format!("L{number}"),
            follow_code: format!("load{number:016}"),
            carrier: Some("dhl".to_owned()),
            fallbacks: Vec::new(),
            needs: Needs::default(),
            choice: None,
            waits_for_packing: false,
            leaves_by: None,
        };
        delivery::request(&mut tx, &carriers, &ids, now, request).await?;
        tx.commit().await?;
    }
    db.close().await;
    Ok(())
}

/// A shopper with a cart of five lines.
struct Phone {
    client: reqwest::Client,
    cart: String,
    token: String,
    streets: AtomicU64,
}

impl Phone {
    async fn fill(service: &Process) -> Outcome<Self> {
        let client = shop::client()?;
        let token = shop::sign_in(&client, service).await?;
        let cart = format!("{}/v1/carts/{}", service.url(), shop::new_id());
        answer(client.put(&cart).bearer_auth(&token).json(&json!({"store": shop::STORE}))).await?;
        let event =
            |number: u64| json!({"type": "scan", "id": shop::new_id(), "code": shop::code(number * 7)});
        let events: Vec<Value> = (0..5).map(event).collect();
        let scans = client.post(format!("{cart}/scans")).bearer_auth(&token);
        answer(scans.json(&json!({"events": events}))).await?;
        Ok(Self { client, cart, token, streets: AtomicU64::new(0) })
    }

    /// Microseconds of each question, which just these couriers answer.
    async fn ask(&self, couriers: &[&str]) -> Outcome<Vec<u64>> {
        let mut times = Vec::new();
        for _ in 0..QUESTIONS {
            let street = self.streets.fetch_add(1, Ordering::Relaxed);
            let place = "country=DE&postal_code=53113&city=Bonn&house_number=1";
            let url = format!("{}/delivery-options?{place}&street=Street%20{street}", self.cart);
            let began = Instant::now();
            let found = answer(self.client.get(url).bearer_auth(&self.token)).await?;
            times.push(u64::try_from(began.elapsed().as_micros())?);
            let mut offering: Vec<&str> = found["options"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|option| option["carrier"].as_str())
                .collect();
            offering.sort_unstable();
            if offering != couriers {
                return Err(format!("other offers than those of {couriers:?}: {found}").into());
            }
        }
        Ok(times)
    }
}

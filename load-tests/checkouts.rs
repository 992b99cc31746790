//! Whole checkouts over HTTP, from an empty cart to the order, against a provider that answers at once: what a checkout costs
//! the service and its database when nothing else holds it up.
//!
//! The provider is PayPal's sandbox inside this program, so that its work is not the service's; the load shares the
//! processors with both. Beside checkouts a second it shows what bounds them: the server's processor time for one, and
//! how many calls the provider gets for one, where one is the least that a debit takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aisle::db::Options;
use aisle::sandbox::paypal;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{Process, answer};
use crate::report::{Report, median, millis, percentile};
use crate::{Outcome, Settings, shop};

const PRODUCTS: u64 = 1_000;
/// Goods of a trip.
const LINES: u64 = 5;
/// Shoppers at the same time.
const CROWDS: [u64; 3] = [1, 16, 64];
/// Checkouts over which the provider's calls are counted, one after the other.
const COUNTED: u64 = 50;
const WEBHOOK_ID: &str = "LOADWEBHOOK1";

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut report = Report::default();
    let sqlite = shop::sqlite_database(&settings.folder, "checkouts").await?;
    engine(settings, "SQLite", &sqlite, &mut report).await?;
    let postgres = shop::postgres_database(&settings.postgres, "checkouts").await?;
    engine(settings, "PostgreSQL", &postgres, &mut report).await?;
    Ok(report)
}

async fn engine(settings: &Settings, name: &str, database: &Options, report: &mut Report) -> Outcome<()> {
    let (key, client) = (shop::partner_key(database)?, shop::client()?);
    let provider = provider().await?;
    let service = Process::service_with(&settings.folder, database, &variables(&provider)).await?;
    let url = format!("{}/v1/webhooks/payments/paypal", service.url());
    provider.set_webhook(paypal::WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
    shop::send_batch(&client, &service, &key, shop::catalog(PRODUCTS)).await?;
    let mut phones = Vec::new();
    for _ in 0..CROWDS.into_iter().max().unwrap_or(1) {
        phones.push(Phone::with_account(&service, &provider).await?);
    }
    let before = provider.exchanges().len();
    for _ in 0..COUNTED {
        phones.first().ok_or("no phone")?.buy(&basket()).await?;
    }
    // Events come after the answer, and reads that follow from them.
    let calls = u64::try_from(provider.exchanges().len() - before)?;
    for crowd in CROWDS {
        let seen = measure(settings, &service, phones.iter().take(usize::try_from(crowd)?)).await?;
        let figure = format!("checkouts a second from cart to order, {name}, {crowd} shoppers at once");
        report.row(&figure, &seen.per_second, &format!("half {}, 99 % {}", seen.half, seen.most), "", "");
        report.row("… processor time of the server for one", &seen.processor, "", "", "");
    }
    report.row(
        &format!("calls to the provider for a checkout, {name}"),
        &format!("{}.{:02}", calls / COUNTED, calls * 100 / COUNTED % 100),
        "1: the debit itself",
        "",
        "1",
    );
    provider.stop().await;
    Ok(())
}

/// PayPal's sandbox.
pub async fn provider() -> Outcome<paypal::Sandbox> {
    let settings = paypal::Settings {
        bind: "127.0.0.1:0".parse()?,
        client_id: "load".to_owned(),
        client_secret: "load".to_owned(),
        webhook: None,
        state_file: None,
    };
    Ok(paypal::Sandbox::start(settings).await?)
}

struct Seen {
    per_second: String,
    half: String,
    most: String,
    processor: String,
}

async fn measure<'a>(
    settings: &Settings,
    service: &Process,
    phones: impl Iterator<Item = &'a Phone>,
) -> Outcome<Seen> {
    let longest = Duration::from_secs(settings.seconds * settings.rounds);
    let done = AtomicU64::new(0);
    let (began, processor) = (Instant::now(), service.cpu_ns()?);
    let shopping = phones.map(|phone| async {
        let mut times = Vec::new();
        while began.elapsed() < longest {
            let start = Instant::now();
            phone.buy(&basket()).await?;
            times.push(u64::try_from(start.elapsed().as_micros())?);
            done.fetch_add(1, Ordering::Relaxed);
        }
        Outcome::Ok(times)
    });
    let times = join_all(shopping).await.into_iter().collect::<Outcome<Vec<_>>>()?.concat();
    let took = u64::try_from(began.elapsed().as_millis())?.max(1);
    let count = done.load(Ordering::Relaxed).max(1);
    let tenths = count * 10_000 / took;
    Ok(Seen {
        per_second: format!("{}.{}", tenths / 10, tenths % 10),
        half: millis(median(times.iter().copied())),
        most: millis(percentile(times, 99)),
        processor: millis((service.cpu_ns()? - processor) / 1_000 / count),
    })
}

/// What is bought.
fn basket() -> Vec<String> {
    (0..LINES).map(|number| shop::code(number * 7)).collect()
}

/// A shopper with a linked account.
pub struct Phone {
    client: reqwest::Client,
    url: String,
    token: String,
    method: Uuid,
}

impl Phone {
    pub async fn with_account(service: &Process, provider: &paypal::Sandbox) -> Outcome<Self> {
        let client = shop::client()?;
        let token = shop::sign_in(&client, service).await?;
        let phone = Self { client, url: service.url().to_owned(), token, method: shop::new_id() };
        let path = format!("/v1/payment-methods/{}", phone.method);
        let linking = phone.call(reqwest::Method::PUT, &path, &json!({"provider": "paypal"})).await?;
        let page = linking["approve_url"].as_str().ok_or("no page to approve on")?;
        if !provider.approve(page, "load@example.com") {
            return Err("the link could not be approved".into());
        }
        let linked = phone.call(reqwest::Method::POST, &format!("{path}/confirm"), &json!({})).await?;
        if linked["state"] == "active" { Ok(phone) } else { Err(format!("not linked: {linked}").into()) }
    }

    /// One trip: check in, scan, quote, pay. An order at the end, or an error.
    pub async fn buy(&self, codes: &[String]) -> Outcome<()> {
        use reqwest::Method;
        let (cart, checkout) = (shop::new_id(), shop::new_id());
        self.call(Method::PUT, &format!("/v1/carts/{cart}"), &json!({"store": shop::STORE})).await?;
        let event = |code: &String| json!({"type": "scan", "id": shop::new_id(), "code": code});
        let events: Vec<Value> = codes.iter().map(event).collect();
        let scanned =
            self.call(Method::POST, &format!("/v1/carts/{cart}/scans"), &json!({"events": events})).await?;
        let wish = json!({"cart": cart, "cart_version": scanned["version"], "payment_method": self.method});
        let path = format!("/v1/checkouts/{checkout}");
        let quoted = self.call(Method::PUT, &path, &wish).await?;
        let yes = json!({"total": quoted["quote"]["total"]});
        let mut paid = self.call(Method::POST, &format!("{path}/pay"), &yes).await?;
        while paid["state"] == "paying" {
            paid = self.call(Method::GET, &path, &Value::Null).await?;
        }
        if paid["order"].is_string() { Ok(()) } else { Err(format!("not paid: {paid}").into()) }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Outcome<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(body);
        }
        answer(request.bearer_auth(&self.token).header("prefer", "wait=10")).await
    }
}

/// The variables of a service that debits there.
pub fn variables(provider: &paypal::Sandbox) -> Vec<(&'static str, String)> {
    let url = provider.url();
    vec![
        ("AISLE_PAYPAL_CERT_HOSTS", url.trim_start_matches("http://").to_owned()),
        ("AISLE_PAYPAL_URL", url),
        ("AISLE_PAYPAL_CLIENT_ID", "load".to_owned()),
        ("AISLE_PAYPAL_CLIENT_SECRET", "load".to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ID", WEBHOOK_ID.to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ROOTS", provider.root_certificate_pem()),
    ]
}

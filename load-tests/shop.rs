//! What stands in the database before the load comes: products with right check digits, shoppers, carts.

use std::fmt::Write;
use std::process::Stdio;

use aisle::clock::Clock;
use aisle::db::{self, Options};
use aisle::identity::device::DeviceKey;
use aisle::ids::Ids;
use aisle::random::Random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Outcome;
use crate::process::{Process, aisle, answer};

/// 32 zero bytes: everything here is made up.
pub const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// The store that everybody is in.
pub const STORE: &str = "0001";

#[expect(clippy::disallowed_methods, reason = "stands outside the service and calls it as its clients do")]
pub fn client() -> Outcome<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

pub fn new_id() -> Uuid {
    Ids::default().next()
}

/// The EAN-13 of a product, in the range that is kept free for examples (952).
pub fn code(number: u64) -> String {
    let digits = format!("952{number:09}");
    let sum: u64 = digits
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| u64::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// The rows of a catalogue with so many products, as one batch.
pub fn catalog(products: u64) -> String {
    part(0, products)
}

/// The rows of so many products of a catalogue from one on, and what they refer to.
pub fn part(first: u64, products: u64) -> String {
    let mut rows = String::new();
    for row in [
        json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced rate"}),
        json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": "1983-07-01", "rate": "7"}),
        json!({"kind": "price_list", "price_list": "de", "name": "Germany", "currency": "EUR"}),
        json!({
            "kind": "store", "store": STORE, "name": "Bonn, Markt", "country": "DE", "currency": "EUR",
            "time_zone": "Europe/Berlin", "price_lists": ["de"],
            "address": {"street": "Markt", "house_number": "1", "postal_code": "53111", "city": "Bonn"},
        }),
    ] {
        line(&mut rows, &row);
    }
    for number in first..first + products {
        let sku = format!("p{number}");
        line(
            &mut rows,
            &json!({
                "kind": "product", "sku": sku, "name": format!("Product number {number}, 500 g"), "brand": "Sample",
                "tax_class": "reduced", "weight_grams": 500, "deliverable": true, "age_min": null, "content": "500 g",
            }),
        );
        line(&mut rows, &json!({"kind": "code", "code": code(number), "sku": sku, "internal": false}));
        line(&mut rows, &price(number, 100));
    }
    rows
}

/// The row that gives a product a price, in cents.
pub fn price(number: u64, amount: u64) -> Value {
    json!({"kind": "price", "price_list": "de", "sku": format!("p{number}"), "amount": amount, "currency": "EUR"})
}

pub fn line(rows: &mut String, row: &Value) {
    // Writing to a String can't fail.
    let _ = writeln!(rows, "{row}");
}

/// Sends a batch to the service; answers its report.
pub async fn send_batch(
    client: &reqwest::Client,
    service: &Process,
    key: &str,
    rows: String,
) -> Outcome<Value> {
    let url = format!("{}/v1/catalog/batches/{}", service.url(), new_id());
    let request = client.put(url).bearer_auth(key).header("content-type", "application/x-ndjson").body(rows);
    let report = answer(request).await?;
    if report["quarantined"] != 0 || report["state"] != "applied" {
        return Err(format!("not all rows were applied: {report}").into());
    }
    Ok(report)
}

/// The key of a new partner that may change the catalogue.
pub fn partner_key(database: &Options) -> Outcome<String> {
    let arguments = ["partner", "load test", "--scope", "catalog:write", "--scope", "catalog:read"];
    let output = aisle(database).args(arguments).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let key = text.lines().find_map(|line| line.strip_prefix("key "));
    Ok(key.ok_or("no key was made")?.to_owned())
}

/// The access token of a new shopper.
pub async fn sign_in(client: &reqwest::Client, service: &Process) -> Outcome<String> {
    let body = DeviceKey::generate(&Random::System).sign_in(service.url(), Clock::System.now());
    let tokens = answer(client.post(format!("{}/v1/auth/guest", service.url())).json(&body)).await?;
    Ok(tokens["access_token"].as_str().ok_or("no access token")?.to_owned())
}

/// An empty database of PostgreSQL.
pub async fn postgres_database(server: &str, name: &str) -> Outcome<Options> {
    use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
    let mut connection = PgConnection::connect(server).await?;
    let name = format!("aisle_load_{name}");
    for text in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"),
    ] {
        raw_sql(AssertSqlSafe(text)).execute(&mut connection).await?;
    }
    connection.close().await?;
    let mut url = url::Url::parse(server)?;
    url.set_path(&name);
    let options = Options::postgres(url.to_string());
    db::Db::open(&options).await?.close().await;
    Ok(options)
}

/// An empty database of SQLite.
pub async fn sqlite_database(folder: &std::path::Path, name: &str) -> Outcome<Options> {
    let file = folder.join(format!("{name}.db"));
    let options = Options::sqlite(file);
    db::Db::open(&options).await?.close().await;
    Ok(options)
}

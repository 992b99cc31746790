//! A small catalogue for tests: one store in Bonn, German rates, ten products.

use aisle::catalog::{self, Content, Report};
use aisle::ids::BatchId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::TestApp;

/// The store, in Bonn, selling in euro.
pub const STORE: &str = "0001";
/// A store in Bonn that has a price list of its own before the country's.
pub const STORE_WITH_OWN_PRICES: &str = "0002";
/// Milk, 7 %, 129 cents (119 in store 0002), deliverable, 1,050 g.
pub const MILK: &str = "9520000000103";
/// Bread, 7 %, 249 cents, not deliverable.
pub const BREAD: &str = "9520000000202";
/// Coffee, 7 %, 699 cents, deliverable, 520 g.
pub const COFFEE: &str = "9520000000301";
/// Dish soap, 19 %, 199 cents, deliverable, 560 g.
pub const SOAP: &str = "9520000000400";
/// Batteries, 19 %, 549 cents, deliverable, 100 g; packed for sale with a UPC-A.
pub const BATTERIES: &str = "036000291452";
/// Wine, 19 %, 599 cents, not deliverable, from 18 years.
pub const WINE: &str = "9520000000608";
/// Gum with an EAN-8, 7 %, 89 cents, deliverable, 20 g.
pub const GUM: &str = "96385074";
/// A frying pan, 19 %, 3999 cents, deliverable, 1,400 g.
pub const PAN: &str = "9520000000707";
/// A bun under a number of the chain's own, 7 %, 45 cents, not deliverable.
pub const BUN: &str = "2000000001234";
/// Cheese that has no price anywhere.
pub const CHEESE_WITHOUT_PRICE: &str = "9520000000806";
/// A right code that no product has.
pub const UNKNOWN: &str = "4006381333931";

/// SKU, code, name, tax class, weight, deliverable, age, price.
type Sample =
    (&'static str, &'static str, &'static str, &'static str, Option<i64>, bool, Option<i64>, Option<i64>);

const SAMPLES: [Sample; 10] = [
    ("milk", MILK, "Whole milk 1 l", "reduced", Some(1050), true, None, Some(129)),
    ("bread", BREAD, "Rye bread 500 g", "reduced", None, false, None, Some(249)),
    ("coffee", COFFEE, "Coffee, ground 500 g", "reduced", Some(520), true, None, Some(699)),
    ("soap", SOAP, "Dish soap 500 ml", "standard", Some(560), true, None, Some(199)),
    ("batteries", BATTERIES, "Batteries AA, 4 pieces", "standard", Some(100), true, None, Some(549)),
    ("wine", WINE, "Riesling 0.75 l", "standard", Some(1300), false, Some(18), Some(599)),
    ("gum", GUM, "Chewing gum", "reduced", Some(20), true, None, Some(89)),
    ("pan", PAN, "Frying pan 28 cm", "standard", Some(1400), true, None, Some(3999)),
    ("bun", BUN, "Bun", "reduced", None, false, None, Some(45)),
    ("cheese", CHEESE_WITHOUT_PRICE, "Gouda 300 g", "reduced", Some(310), true, None, None),
];

/// The EAN-13 of these twelve digits: with its check digit.
pub fn ean13(digits: &str) -> String {
    let weighted = |(digit, weight): (u8, u32)| u32::from(digit - b'0') * weight;
    let sum: u32 = digits.bytes().zip([1, 3].into_iter().cycle()).map(weighted).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// The rows of the small catalogue, as a batch delivers them.
pub fn rows() -> Vec<Value> {
    let mut rows = vec![
        json!({"kind": "tax_class", "tax_class": "standard", "name": "Standard rate"}),
        json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced rate"}),
        json!({"kind": "tax_rate", "country": "DE", "tax_class": "standard", "valid_from": "2007-01-01", "rate": "19"}),
        json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": "1983-07-01", "rate": "7"}),
        json!({"kind": "price_list", "price_list": "de", "name": "Germany", "currency": "EUR"}),
        json!({"kind": "price_list", "price_list": "bonn", "name": "Bonn, Markt", "currency": "EUR"}),
        store(STORE, "Bonn, Hauptstraße", &["de"]),
        store(STORE_WITH_OWN_PRICES, "Bonn, Markt", &["bonn", "de"]),
    ];
    for (sku, code, name, tax_class, weight_grams, deliverable, age_min, amount) in SAMPLES {
        rows.push(json!({
            "kind": "product", "sku": sku, "name": name, "brand": "Sample", "tax_class": tax_class,
            "weight_grams": weight_grams, "deliverable": deliverable, "age_min": age_min, "content": null,
        }));
        rows.push(json!({"kind": "code", "code": code, "sku": sku, "internal": code == BUN}));
        if let Some(amount) = amount {
            rows.push(price("de", sku, amount));
        }
    }
    rows.push(price("bonn", "milk", 119));
    rows
}

/// A row that gives a product a price in euro.
pub fn price(list: &str, sku: &str, amount: i64) -> Value {
    json!({"kind": "price", "price_list": list, "sku": sku, "amount": amount, "currency": "EUR"})
}

fn store(store: &str, name: &str, price_lists: &[&str]) -> Value {
    json!({
        "kind": "store", "store": store, "name": name, "country": "DE", "currency": "EUR",
        "time_zone": "Europe/Berlin", "price_lists": price_lists,
        "address": {"street": "Hauptstraße", "house_number": "12", "postal_code": "53111", "city": "Bonn"},
    })
}

/// Rows as the text of a batch.
pub fn lines(rows: &[Value]) -> String {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    lines.join("\n")
}

impl TestApp {
    /// Applies the small catalogue and makes it visible.
    pub async fn seed_catalog(&self) -> Report {
        let report = self.apply_rows(&rows()).await;
        assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
        report
    }

    /// Applies rows as a batch of its own and makes them visible.
    pub async fn apply_rows(&self, rows: &[Value]) -> Report {
        self.apply_text(self.app.ids.next(), lines(rows)).await.expect("the batch is applied")
    }

    /// Applies a text as this batch and makes it visible.
    pub async fn apply_text(&self, id: BatchId, text: String) -> Result<Report, catalog::BatchError> {
        let report = self.apply_unseen(id, text).await?;
        self.app.catalog.refresh(&self.app.db).await.expect("visible");
        Ok(report)
    }

    /// Applies a text as another instance would: without a word to this one.
    pub async fn apply_unseen(&self, id: BatchId, text: String) -> Result<Report, catalog::BatchError> {
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(axum::body::Bytes::from(text))]);
        let name: Uuid = self.app.ids.next();
        // Seeded ids repeat in other tests, which share the folder of temporary files.
        let name = Uuid::new_v5(&name, self.url().as_bytes());
        let mut content = Content::receive(body, name).await.expect("received");
        catalog::apply_batch(&self.app.db, self.app.clock.now(), id, &mut content).await
    }
}

//! Where in a store a product stands: delivered, changed, taken back, refused, left out.

use std::collections::HashMap;

use aisle::catalog::{self, Location, locations, stock_of};
use aisle::identity::Scope;
use aisle::ids::BatchId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::catalog::{STORE, STORE_WITH_OWN_PRICES, lines};
use crate::support::{Answer, TestApp};

const SKUS: [&str; 3] = ["milk", "bread", "coffee"];

fn location(store: &str, sku: &str, aisle: &str) -> Value {
    json!({"kind": "location", "store": store, "sku": sku, "aisle": aisle})
}

fn placed(aisle: &str, bay: Option<&str>, shelf: Option<&str>) -> Location {
    Location { aisle: aisle.to_owned(), bay: bay.map(str::to_owned), shelf: shelf.map(str::to_owned) }
}

async fn known(test: &TestApp, store: &str) -> HashMap<String, Location> {
    let store = store.parse().expect("a store");
    let found = locations(&test.app.db, &store, SKUS).await.expect("read");
    found.into_iter().map(|(sku, location)| (sku.to_string(), location)).collect()
}

async fn shop() -> TestApp {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test
}

async fn deliver(test: &TestApp, query: &str, rows: &[Value]) -> Answer {
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let id: BatchId = test.app.ids.next();
    let path = format!("/v1/catalog/batches/{id}{query}");
    let batch = test.call(Method::PUT, &path).bearer(&key).body("application/x-ndjson", lines(rows));
    batch.send().await
}

fn counts(report: &catalog::Report) -> [i64; 3] {
    [report.applied, report.unchanged, report.quarantined]
}

#[tokio::test]
async fn where_a_product_stands_is_delivered_changed_and_taken_back() {
    let test = shop().await;
    let milk = json!({
        "kind": "location", "store": STORE, "sku": "milk", "aisle": "7", "bay": "12", "shelf": "oben",
    });
    let rows =
        [milk.clone(), location(STORE, "bread", "1"), location(STORE_WITH_OWN_PRICES, "milk", "Dairy")];
    assert_eq!(counts(&test.apply_rows(&rows).await), [3, 0, 0]);
    let first = known(&test, STORE).await;
    assert_eq!(first.get("milk"), Some(&placed("7", Some("12"), Some("oben"))));
    assert_eq!(first.get("bread"), Some(&placed("1", None, None)));
    assert_eq!(first.len(), 2, "nobody said where the coffee is");
    assert_eq!(known(&test, STORE_WITH_OWN_PRICES).await.get("milk"), Some(&placed("Dairy", None, None)));

    assert_eq!(counts(&test.apply_rows(&[milk]).await), [0, 1, 0], "said twice, nothing changes");
    // A bay that is no longer named is gone; that alone is a change.
    let moved = json!({"kind": "location", "store": STORE, "sku": "milk", "aisle": "7", "shelf": "oben"});
    assert_eq!(counts(&test.apply_rows(&[moved]).await), [1, 0, 0]);
    assert_eq!(known(&test, STORE).await.get("milk"), Some(&placed("7", None, Some("oben"))));

    let gone = [json!({"kind": "location", "store": STORE, "sku": "milk", "deleted": true})];
    assert_eq!(counts(&test.apply_rows(&gone).await), [1, 0, 0]);
    assert_eq!(counts(&test.apply_rows(&gone).await), [0, 1, 0]);
    assert_eq!(known(&test, STORE).await.get("milk"), None);
    assert_eq!(
        known(&test, STORE_WITH_OWN_PRICES).await.len(),
        1,
        "the other store's milk stands where it stood"
    );
    test.apply_rows(&[location(STORE, "milk", "8")]).await;
    assert_eq!(known(&test, STORE).await.get("milk"), Some(&placed("8", None, None)));
}

#[tokio::test]
async fn a_place_in_an_unknown_store_of_an_unknown_product_or_without_a_name_is_refused() {
    let test = shop().await;
    let with = |field: &str, value: &str| {
        let mut row = location(STORE, "milk", "7");
        row[field] = json!(value);
        row
    };
    let rows = [
        location("9999", "milk", "7"),
        location(STORE, "caviar", "7"),
        location(STORE, "milk", " "),
        with("aisle", &"a".repeat(21)),
        with("bay", ""),
        with("shelf", &"9".repeat(21)),
        with("bay", "1\u{7}"),
        with("shelf", "<script>x</script>"),
        with("rack", "1"),
    ];
    let report = test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|row| row.reason.as_str()).collect();
    let expected = [
        "store_unknown",
        "sku_unknown",
        "text_invalid",
        "text_invalid",
        "text_invalid",
        "text_invalid",
        "text_unsafe",
        "text_unsafe",
        "field_invalid",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(known(&test, STORE).await.len(), 0);
}

#[tokio::test]
async fn a_full_delivery_of_a_stores_places_takes_back_what_it_leaves_out_and_no_other_stores() {
    let test = shop().await;
    let all: Vec<Value> = SKUS.iter().map(|sku| location(STORE, sku, "7")).collect();
    test.apply_rows(&all).await;
    test.apply_rows(&[location(STORE_WITH_OWN_PRICES, "bread", "2")]).await;
    // Two thirds of the store's places go: what is on no shelf plan blanks no shop, so nothing is held.
    let full = deliver(&test, "?mode=full", &[location(STORE, "milk", "7")]).await.expect(200);
    assert_eq!((full.number("/unchanged"), full.number("/removed")), (1, 2));
    assert_eq!(known(&test, STORE).await.into_keys().collect::<Vec<_>>(), ["milk"]);
    assert_eq!(known(&test, STORE_WITH_OWN_PRICES).await.len(), 1);
}

#[tokio::test]
async fn stock_is_told_for_many_products_at_once() {
    let test = shop().await;
    let stock =
        |sku: &str, amount: i64| json!({"kind": "stock", "store": STORE, "sku": sku, "amount": amount});
    test.apply_rows(&[stock("milk", 42), stock("bread", -1), stock("pan", 5)]).await;
    test.apply_rows(&[json!({"kind": "stock", "store": STORE, "sku": "bread", "deleted": true})]).await;
    let store = STORE.parse().expect("a store");
    let found = stock_of(&test.app.db, &store, SKUS).await.expect("read");
    let found: Vec<(String, i64)> =
        found.into_iter().map(|(sku, amount)| (sku.to_string(), amount)).collect();
    assert_eq!(found, [("milk".to_owned(), 42)]);
}

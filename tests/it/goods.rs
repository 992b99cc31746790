//! Products as retail has them: prices with times, unit prices, codes for several pieces, stock, recalls.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::catalog::{MILK, STORE};

async fn look(test: &TestApp, code: &str) -> Value {
    let shopper = test.shopper().await;
    let path = format!("/v1/stores/{STORE}/products/{code}");
    test.get(&path).bearer(&shopper.token).send().await.expect(200).json
}

fn timed(kind: &str, amount: i64, from: &str, to: Option<&str>) -> Value {
    json!({
        "kind": "price", "price_list": "de", "sku": "milk", "amount": amount, "currency": "EUR", "price_kind": kind,
        "valid_from": from, "valid_to": to, "promotion": "Week 48",
    })
}

#[tokio::test]
async fn a_price_sent_ahead_holds_from_its_minute_on_without_another_batch() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let begins = test.app.clock.now() + chrono::Duration::hours(1);
    let ends = begins + chrono::Duration::hours(1);
    let rows = [
        timed("promotion", 99, &begins.to_rfc3339(), Some(&ends.to_rfc3339())),
        timed("member", 89, &begins.to_rfc3339(), None),
    ];
    test.apply_rows(&rows).await;
    let other = aisle::catalog::Catalog::load(&test.app.db).await.expect("loaded");
    assert_eq!(look(&test, MILK).await["price"]["amount"], 129);
    test.advance(chrono::Duration::hours(1));
    let milk = look(&test, MILK).await;
    assert_eq!(milk["price"]["amount"], 99);
    assert_eq!(milk["regular_price"]["amount"], 129);
    assert_eq!(milk["member_price"]["amount"], 89);
    assert_eq!(
        (&milk["promotion"]["name"], &milk["promotion"]["lowest_30_days"]["amount"]),
        (&json!("Week 48"), &json!(129))
    );
    let store = STORE.parse().expect("a store");
    let there = other.view().find(&store, MILK, test.app.clock.now()).expect("found").price.amount.minor();
    assert_eq!(there, 99, "an instance that read it from the database says the same");
    test.advance(chrono::Duration::hours(1));
    assert_eq!(look(&test, MILK).await["price"]["amount"], 129);
    assert_eq!(look(&test, MILK).await["promotion"], Value::Null);
}

#[tokio::test]
async fn the_lowest_price_of_thirty_days_knows_what_was_replaced() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let price = |amount: i64| json!({"kind": "price", "price_list": "de", "sku": "milk", "amount": amount, "currency": "EUR"});
    test.advance(chrono::Duration::days(10));
    test.apply_rows(&[price(149)]).await;
    test.advance(chrono::Duration::days(10));
    let (from, to) = (test.app.clock.now(), test.app.clock.now() + chrono::Duration::days(7));
    test.apply_rows(&[timed("promotion", 139, &from.to_rfc3339(), Some(&to.to_rfc3339()))]).await;
    assert_eq!(look(&test, MILK).await["promotion"]["lowest_30_days"]["amount"], 129);
    assert_eq!(look(&test, MILK).await["regular_price"]["amount"], 149);
}

#[tokio::test]
async fn a_unit_price_is_made_of_what_is_in_the_pack() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let row = json!({
        "kind": "product", "sku": "milk", "name": "Whole milk", "names": {"de": "Vollmilch"}, "tax_class": "reduced",
        "net_content": {"amount": 750, "unit": "ml"}, "category": ["Food", "Dairy"], "temperature": "chilled",
        "sale_bans": [{"days": [7], "from": "22:00", "to": "06:00"}], "image": "https://cdn.example/milk.webp",
    });
    test.apply_rows(&[row]).await;
    let milk = look(&test, MILK).await;
    assert_eq!(milk["unit_price"], json!({"per": "l", "price": {"amount": 172, "currency": "EUR"}}));
    assert_eq!((&milk["names"]["de"], &milk["category"][1]), (&json!("Vollmilch"), &json!("Dairy")));
}

#[tokio::test]
async fn a_code_for_six_says_so_and_stock_and_recalls_are_told() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let rows = [
        json!({"kind": "code", "code": "4006381333931", "sku": "milk", "quantity": 6}),
        json!({"kind": "stock", "store": STORE, "sku": "milk", "amount": 42}),
        json!({"kind": "recall", "recall": "R-7", "sku": "milk", "lots": ["L1"], "notice": "Bring it back."}),
    ];
    test.apply_rows(&rows).await;
    let six = look(&test, "4006381333931").await;
    assert_eq!((&six["pieces"], &six["sku"]), (&json!(6), &json!("milk")));
    assert_eq!(six["recalls"], json!([{"recall": "R-7", "lots": ["L1"], "notice": "Bring it back."}]));
    let shopper = test.shopper().await;
    let stock = async |sku: &str| {
        test.get(&format!("/v1/stores/{STORE}/stock/{sku}")).bearer(&shopper.token).send().await
    };
    assert_eq!(stock("milk").await.expect(200).number("/amount"), 42);
    stock("bread").await.problem(404, "stock_unknown");
    test.apply_rows(&[json!({"kind": "recall", "recall": "R-7", "sku": "milk", "deleted": true})]).await;
    assert_eq!(look(&test, MILK).await["recalls"], Value::Null);
}

#[tokio::test]
async fn rows_that_make_no_sense_are_refused_each_with_its_reason() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let product = |more: Value| {
        let mut row = json!({"kind": "product", "sku": "x", "name": "Something", "tax_class": "reduced"});
        row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        row
    };
    let rows = [
        timed("promotion", 99, "2026-11-23T10:00:00Z", None),
        timed("promotion", 99, "2026-11-23T10:00:00Z", Some("2026-11-23T10:00:00Z")),
        json!({"kind": "stock", "store": "9999", "sku": "milk", "amount": 1}),
        json!({"kind": "recall", "recall": "R-8", "sku": "milk", "lots": [], "notice": "?"}),
        product(json!({"image": "http://cdn.example/x.png"})),
        product(json!({"sale_bans": [{"days": [8], "from": "22:00", "to": "06:00"}]})),
        product(json!({"names": {"Deutsch": "Etwas"}})),
        product(json!({"net_content": {"amount": 0, "unit": "g"}})),
        product(json!({"sale": "weighed"})),
    ];
    let report = test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|row| row.reason.as_str()).collect();
    let expected = [
        "price_window",
        "price_window",
        "store_unknown",
        "recall_form",
        "media_url",
        "form_invalid",
        "form_invalid",
        "quantity_range",
        "field_invalid",
    ];
    assert_eq!(reasons, expected);
}

//! One row broken in each way gives exactly its rule, and blanks and lost zeros are the only repairs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::product;
use crate::support::TestApp;
use crate::support::catalog::{MILK, STORE, price};

/// Counts of today's findings by rule and level, since they were asked for last.
async fn found(test: &TestApp, before: &mut BTreeMap<String, i64>) -> Vec<String> {
    let report =
        aisle::catalog::quality::report(&test.app.db, test.app.clock.now(), 1, None).await.expect("a report");
    let now: BTreeMap<String, i64> =
        report.rules.iter().map(|rule| (format!("{} {}", rule.rule, rule.level), rule.count)).collect();
    let new = now.iter().filter(|(rule, count)| before.get(*rule).is_none_or(|old| old != *count));
    let new = new.map(|(rule, _)| rule.clone()).collect();
    *before = now;
    new
}

fn code(code: &str) -> Value {
    json!({"kind": "code", "code": code, "sku": "soap"})
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

fn timed(kind: &str, amount: i64, from: &str, to: &str) -> Value {
    let row = with(price("de", "milk", amount), "price_kind", json!(kind));
    with(with(row, "valid_from", json!(from)), "valid_to", json!(to))
}

/// Rows each broken in one way, with what is to be found.
fn broken() -> Vec<(Value, &'static str)> {
    let tea = || product("tea", "Green tea");
    let mut cases = vec![
        (tea(), ""),
        (code("4006381333931"), ""),
        (json!({"kind": "gift"}), "row.kind quarantine"),
        (with(tea(), "colour", json!("red")), "row.field quarantine"),
        (with(tea(), "names", json!({"german": "Tee"})), "row.form quarantine"),
        (with(tea(), "brand", json!("")), "row.text quarantine"),
        (with(tea(), "name", json!(" Green tea ")), "repair.trim info"),
        (with(tea(), "name", json!(" ")), "name.missing quarantine"),
        (with(tea(), "name", json!("T")), "name.missing warn"),
        (product("tea-2", "T"), "name.missing quarantine"),
        (with(tea(), "name", json!("Gr\u{fffd}ner Tee")), "name.encoding warn"),
        (with(tea(), "name", json!("GREEN TEA")), "name.form info"),
        (with(tea(), "name", json!("<b>Tea</b>")), "text.unsafe quarantine"),
        (with(tea(), "name", json!("Tea\u{7}")), "text.unsafe quarantine"),
        (with(tea(), "name", json!("Green tea 20 g")), "unit.nameqty info"),
        (with(tea(), "brand", json!("SAMPLE!")), ""),
        (with(tea(), "brand", Value::Null), "brand.missing info"),
        (with(tea(), "category", json!([])), "cat.missing warn"),
        (with(tea(), "category", json!(["Spirits"])), "age.missing stop_sale"),
        (with(tea(), "age_min", json!(17)), "age.value quarantine"),
        (with(tea(), "net_content", Value::Null), "price.unit warn"),
        (with(tea(), "net_content", json!({"amount": 0, "unit": "g"})), "unit.qty quarantine"),
        (with(tea(), "net_content", json!({"amount": 60_000, "unit": "g"})), "unit.qty warn"),
        (with(tea(), "net_content", json!({"amount": 1, "unit": "blorp"})), "unit.unknown quarantine"),
        (with(tea(), "content", json!("5 blorps")), "unit.unknown warn"),
        (with(tea(), "weight_grams", json!(0)), "unit.weight quarantine"),
        (with(tea(), "sale", json!("weighed")), "weigh.flag quarantine"),
        (with(tea(), "deposit", json!("nothing")), "deposit.link quarantine"),
        (with(tea(), "deposit", json!("milk")), "deposit.link quarantine"),
        (with(tea(), "tax_class", json!("luxury")), "tax.unknown stop_sale"),
        (with(tea(), "tax_class", Value::Null), "tax.missing stop_sale"),
        (with(tea(), "image", json!("http://x.example/a.png")), "media.url quarantine"),
        (with(tea(), "sale_stop", json!("quality: none")), "row.form quarantine"),
    ];
    cases.extend([
        (code(""), "code.missing quarantine"),
        (code("7,6223E+12"), "code.charset quarantine"),
        (code("40063"), "code.length quarantine"),
        (code("36000291469"), "code.length warn"),
        (code("4006381333932"), "code.check quarantine"),
        (code("00000000000000"), "code.zero quarantine"),
        (code("2000000000008"), "code.restricted quarantine"),
        (code("9900000000004"), "code.coupon quarantine"),
        (code("14006381333938"), "code.case warn"),
        (code("9520000009991"), "code.example warn"),
        (code("0104006381333931"), "code.gs1string quarantine"),
        (code("https://id.gs1.org/01/04006381333931"), "code.gs1string quarantine"),
        (with(code("4006381333931"), "sku", json!("milk")), "code.moved warn"),
        (with(code("4006381333931"), "sku", json!("nothing")), "ref.product quarantine"),
        (with(code("4006381333948"), "primary", json!(true)), ""),
        (with(code("4006381333955"), "primary", json!(true)), "code.primary quarantine"),
    ]);
    cases.extend([
        (price("de", "milk", 0), "price.nonpositive stop_sale"),
        (price("de", "milk", 200_000_000), "price.range quarantine"),
        (price("de", "milk", 1_290), "price.jump quarantine"),
        (with(price("de", "milk", 1), "amount", json!(1.5)), "price.precision quarantine"),
        (with(price("de", "milk", 129), "currency", json!("CHF")), "price.currency fatal"),
        (price("at", "milk", 129), "ref.price_list quarantine"),
    ]);
    cases.extend(broken_in_time());
    cases
}

/// The same of rows that say when they hold, and of rows about stock, locations and recalls.
fn broken_in_time() -> Vec<(Value, &'static str)> {
    vec![
        (timed("promotion", 99, "2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z"), "price.window quarantine"),
        (timed("regular", 139, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z"), ""),
        (timed("regular", 12_900, "2027-01-01T00:00:00Z", "2027-01-09T00:00:00Z"), "price.jump quarantine"),
        (timed("promotion", 12, "2027-01-01T00:00:00Z", "2027-01-09T00:00:00Z"), "price.jump quarantine"),
        (timed("member", 12, "2027-01-01T00:00:00Z", "2027-01-09T00:00:00Z"), "price.jump quarantine"),
        (timed("regular", 135, "2026-12-08T00:00:00Z", "2026-12-20T00:00:00Z"), "price.window quarantine"),
        (timed("promotion", 130, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z"), "promo.below warn"),
        (timed("member", 99, "2027-08-01T00:00:00Z", "2027-08-09T00:00:00Z"), "time.future warn"),
        (timed("member", 99, "2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z"), "time.past warn"),
        (
            with(
                timed("promotion", 99, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z"),
                "sku",
                json!("cheese"),
            ),
            "price.lowest30 warn",
        ),
        (
            with(
                timed("promotion", 99, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z"),
                "promotion",
                json!("<i>Week</i> 48"),
            ),
            "text.unsafe quarantine",
        ),
        (
            json!({"kind": "price_list", "price_list": "x", "name": "<script>x</script>", "currency": "EUR"}),
            "text.unsafe quarantine",
        ),
        (
            json!({"kind": "recall", "recall": "r", "sku": "milk", "notice": "<b>Glass</b>"}),
            "text.unsafe quarantine",
        ),
        (
            json!({"kind": "recall", "recall": "r", "sku": "milk", "notice": "x", "lots": []}),
            "recall.form quarantine",
        ),
        (json!({"kind": "stock", "store": "9999", "sku": "milk", "amount": 1}), "ref.store quarantine"),
        (
            json!({"kind": "location", "store": "0001", "sku": "milk", "aisle": "7", "shelf": "<b>2</b>"}),
            "text.unsafe quarantine",
        ),
    ]
}

#[tokio::test]
async fn one_row_broken_in_each_way_gives_exactly_its_rule() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let mut before = BTreeMap::new();
    found(&test, &mut before).await;
    for (row, expected) in broken() {
        let report = test.apply_rows(std::slice::from_ref(&row)).await;
        let expected: Vec<&str> = if expected.is_empty() { vec![] } else { vec![expected] };
        assert_eq!(found(&test, &mut before).await, expected, "{row} {:?}", report.refusals);
        let is_kept = expected.iter().any(|each| !each.ends_with("warn") && !each.ends_with("info"))
            && expected != ["age.missing stop_sale"];
        assert_eq!(report.quarantined, i64::from(is_kept), "{row}");
        assert_eq!(report.received, report.applied + report.unchanged + report.quarantined);
    }
    for text in ["{\"kind\": \"price\"".to_owned(), format!("{{\"kind\": \"{}\"}}", "x".repeat(70_000))] {
        test.apply_text(test.app.ids.next(), text).await.expect("applied");
    }
    assert_eq!(found(&test, &mut before).await, ["row.json quarantine", "row.length quarantine"]);
}

#[tokio::test]
async fn rows_of_one_delivery_are_held_against_each_other() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let mut before = BTreeMap::new();
    found(&test, &mut before).await;
    let brands = [product("tea", "Green tea"), with(product("tea-2", "Black tea"), "brand", json!("SAMPLE"))];
    test.apply_rows(&brands).await;
    assert_eq!(found(&test, &mut before).await, ["brand.variant info"]);
    let twice = [code("4006381333931"), with(code("4006381333931"), "sku", json!("milk"))];
    let report = test.apply_rows(&twice).await;
    assert_eq!((report.applied, report.quarantined), (1, 1), "the one that came first stays");
    assert_eq!(found(&test, &mut before).await, ["code.duplicate quarantine"]);
    let bottle = with(product("cola", "Cola light"), "deposit", json!("bottle"));
    let deposit = json!({
        "kind": "product", "sku": "bottle", "name": "Deposit", "tax_class": "standard", "sale": "deposit",
    });
    test.apply_rows(&[deposit, bottle]).await;
    assert_eq!(found(&test, &mut before).await, Vec::<String>::new());
    let moves = [
        with(code("4006381333931"), "primary", json!(true)),
        with(code("4006381333948"), "primary", json!(false)),
    ];
    test.apply_rows(&moves).await;
    let changes = [
        with(code("4006381333948"), "primary", json!(true)),
        with(code("4006381333931"), "primary", json!(false)),
    ];
    test.apply_rows(&changes).await;
    assert_eq!(found(&test, &mut before).await, Vec::<String>::new(), "the primary code may change");
    let wrong_then_right = [price("de", "milk", 0), price("de", "milk", 130)];
    test.apply_rows(&wrong_then_right).await;
    assert_eq!(found(&test, &mut before).await, ["price.nonpositive stop_sale"]);
    let store = STORE.parse().expect("a store");
    let view = test.app.catalog.view();
    let milk = view.find(&store, MILK, test.app.clock.now()).expect("found");
    assert_eq!(
        (milk.price.amount.minor(), milk.sale_stop.as_deref()),
        (130, None),
        "put right in the same delivery"
    );
}

#[tokio::test]
async fn a_price_without_a_price_before_it_is_held_against_other_lists() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let lists = ["a", "b", "c"]
        .map(|list| json!({"kind": "price_list", "price_list": list, "name": list, "currency": "EUR"}));
    test.apply_rows(&lists).await;
    let first = [price("a", "milk", 125), price("b", "milk", 13)];
    let report = test.apply_rows(&first).await;
    assert_eq!(report.quarantined, 0, "two others are no measure");
    let report = test.apply_rows(&[price("c", "milk", 12_900)]).await;
    assert_eq!(report.refusals[0].rule.as_str(), "price.range");
    assert_eq!(test.apply_rows(&[price("c", "milk", 139)]).await.applied, 1);
}

#[tokio::test]
async fn one_code_of_two_products_is_told_in_every_delivery() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&[product("tea", "Green tea"), code("4006381333931")]).await;
    let leads_to = || {
        let view = test.app.catalog.view();
        let found = view.find(&STORE.parse().expect("a store"), "4006381333931", test.app.clock.now());
        found.map(|found| found.sku.to_string()).expect("found")
    };
    let twice = [code("4006381333931"), with(code("4006381333931"), "sku", json!("milk"))];
    for _ in 0..2 {
        let report = test.apply_rows(&twice).await;
        assert_eq!((report.applied, report.unchanged, report.quarantined), (0, 1, 1));
        assert_eq!(report.refusals[0].rule.as_str(), "code.duplicate");
        assert_eq!(leads_to(), "soap", "the first one stays, though its row says what was known");
    }
    let moved = [
        json!({"kind": "code", "code": "4006381333931", "deleted": true}),
        with(code("4006381333931"), "sku", json!("milk")),
    ];
    let report = test.apply_rows(&[&twice[..1], &moved[..]].concat()).await;
    assert_eq!(report.quarantined, 0, "taken back before it was given to another: {:?}", report.refusals);
    assert_eq!(leads_to(), "milk");
}

#[tokio::test]
async fn prices_of_one_delivery_are_held_against_each_other() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let mut before = BTreeMap::new();
    found(&test, &mut before).await;
    let normal = |from: &str, to: &str| timed("regular", 139, from, to);
    let overlapping = [
        normal("2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z"),
        normal("2026-12-05T00:00:00Z", "2026-12-20T00:00:00Z"),
        normal("2026-12-20T00:00:00Z", "2026-12-24T00:00:00Z"),
    ];
    let report = test.apply_rows(&overlapping).await;
    assert_eq!((report.applied, report.quarantined), (2, 1), "the first one stays");
    assert_eq!(report.refusals[0].line, 2);
    assert_eq!(found(&test, &mut before).await, ["price.window quarantine"]);
    let of_cheese = |row: Value| with(row, "sku", json!("cheese"));
    let first = [
        of_cheese(timed("promotion", 299, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z")),
        of_cheese(price("de", "milk", 399)),
    ];
    assert_eq!(test.apply_rows(&first).await.applied, 2);
    assert_eq!(found(&test, &mut before).await, Vec::<String>::new(), "the normal price comes with it");
}

#[tokio::test]
async fn goods_without_a_price_sets_of_nothing_and_strange_categories_are_told() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let mut store =
        crate::support::catalog::rows().into_iter().find(|row| row["store"] == "0001").expect("a store");
    store["categories"] = json!([["Food"]]);
    test.apply_rows(&[store]).await;
    let set = |promotion: &str, first: &[&str]| {
        json!({
            "kind": "promotion", "promotion": promotion, "name": "Breakfast", "currency": "EUR",
            "valid_from": "2026-11-23T00:00:00Z", "valid_to": "2026-12-23T00:00:00Z",
            "terms": {
                "type": "set", "reward": {"type": "price", "amount": 500},
                "parts": [{"goods": {"skus": first}, "pieces": 1}, {"goods": {"skus": ["milk"]}, "pieces": 1}],
            },
        })
    };
    let stock =
        |sku: &str, amount: i64| json!({"kind": "stock", "store": "0001", "sku": sku, "amount": amount});
    let mut shelf = product("shelf", "Shelf 1 m");
    shelf["category"] = json!(["Furniture"]);
    let rows = [
        stock("cheese", 3),
        stock("milk", 3),
        stock("bread", 0),
        set("none", &["nothing"]),
        set("some", &["coffee", "nothing"]),
        set("all", &["coffee"]),
        shelf,
    ];
    let report = test.apply_rows(&rows).await;
    let refused: Vec<(&str, &str)> =
        report.refusals.iter().map(|row| (row.key.as_str(), row.rule.as_str())).collect();
    assert_eq!(refused, [("none", "bundle.link")], "{report:?}");
    let quality =
        aisle::catalog::quality::report(&test.app.db, test.app.clock.now(), 1, None).await.expect("a report");
    let of = |rule: &str, level: &str| {
        let found =
            quality.rules.iter().find(|each| each.rule.as_str() == rule && each.level.as_str() == level);
        found.map_or(0, |each| each.count)
    };
    assert_eq!(of("price.missing", "stop_sale"), 1, "{quality:?}");
    assert_eq!((of("bundle.link", "warn"), of("cat.unknown", "warn")), (1, 1));
}

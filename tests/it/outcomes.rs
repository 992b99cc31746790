//! What became of each line of a batch, as ranges of lines that fared alike.

use aisle::identity::{Role, Scope};
use aisle::ids::BatchId;
use serde_json::{Value, json};

use crate::support::catalog::price;
use crate::support::{Answer, TestApp};

async fn outcomes(test: &TestApp, key: &str, batch: BatchId, query: &str) -> Answer {
    test.get(&format!("/v1/catalog/batches/{batch}/outcomes{query}")).bearer(key).send().await
}

fn range(first_line: i64, last_line: i64, outcome: &str) -> Value {
    json!({"first_line": first_line, "last_line": last_line, "outcome": outcome})
}

#[tokio::test]
async fn each_line_says_what_became_of_it_and_blank_ones_are_nothing() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let partner = test.staff(Role::Admin, &["*"]).await;
    let batch: BatchId = test.app.ids.next();
    let product = json!({"kind": "product", "sku": "tea", "name": "Green tea", "tax_class": "reduced"});
    let rate = |rate: &str| json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": "1983-07-01", "rate": rate});
    let timed = |amount: i64| {
        json!({
            "kind": "price", "price_list": "de", "sku": "milk", "amount": amount, "currency": "EUR",
            "price_kind": "promotion", "valid_from": "2026-11-23T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z",
        })
    };
    let rows = [
        price("de", "milk", 129).to_string(),
        price("de", "bread", 255).to_string(),
        String::new(),
        price("de", "soap", 205).to_string(),
        "{\"kind\": \"price\"".to_owned(),
        json!({"kind": "product", "sku": "never", "deleted": true}).to_string(),
        price("de", "coffee", 699).to_string(),
        product.to_string(),
        rate("7").to_string(),
        timed(119).to_string(),
        json!({"kind": "price", "price_list": "de", "sku": "pan", "deleted": true}).to_string(),
        json!({"kind": "price", "price_list": "de", "sku": "cheese", "deleted": true}).to_string(),
        json!({"kind": "stock", "store": "0001", "sku": "milk", "amount": 7}).to_string(),
    ];
    let report = test.apply_text(batch, rows.join("\n")).await.expect("applied");
    let expected = [
        range(1, 1, "unchanged"),
        range(2, 2, "applied"),
        range(4, 4, "applied"),
        range(5, 5, "quarantined"),
        range(6, 7, "unchanged"),
        range(8, 8, "applied"),
        range(9, 9, "unchanged"),
        range(10, 11, "applied"),
        range(12, 12, "unchanged"),
        range(13, 13, "applied"),
    ];
    let all = outcomes(&test, &partner, batch, "").await.expect(200);
    assert_eq!(all.json["outcomes"], json!(expected));
    let counted = |outcome: &str| -> i64 {
        let lines = |range: &Value| {
            range["last_line"].as_i64().unwrap_or(0) - range["first_line"].as_i64().unwrap_or(0) + 1
        };
        expected.iter().filter(|range| range["outcome"] == outcome).map(lines).sum()
    };
    assert_eq!(
        (counted("applied"), counted("unchanged"), counted("quarantined")),
        (report.applied, report.unchanged, report.quarantined)
    );
    // One line, and page by page.
    let one = outcomes(&test, &partner, batch, "?from=7&limit=1").await.expect(200);
    assert_eq!((&one.json["outcomes"], &one.json["next"]), (&json!([range(7, 7, "unchanged")]), &json!(8)));
    let rest = outcomes(&test, &partner, batch, "?from=12").await.expect(200);
    assert_eq!((&rest.json["outcomes"], &rest.json["next"]), (&json!(expected[8..]), &Value::Null));
    let unknown: BatchId = test.app.ids.next();
    outcomes(&test, &partner, unknown, "").await.problem(404, "batch_unknown");
    let other = test.partner(&[Scope::ExitVerify]).await;
    outcomes(&test, &other, batch, "").await.problem(403, "scope_missing");
}

#[tokio::test]
async fn many_lines_that_fared_alike_are_one_range_however_many_pieces_they_came_in() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let partner = test.staff(Role::Admin, &["*"]).await;
    let rows = |name: &str| -> String {
        let row = |number: i64| json!({"kind": "product", "sku": format!("many-{number}"), "name": format!("{name} {number}"), "tax_class": "reduced"});
        let lines: Vec<String> = (0..7_000).map(|number| row(number).to_string()).collect();
        lines.join("\n")
    };
    let (first, second): (BatchId, BatchId) = (test.app.ids.next(), test.app.ids.next());
    test.apply_text(first, rows("Thing")).await.expect("applied");
    test.apply_text(second, rows("Thing")).await.expect("applied");
    let all = outcomes(&test, &partner, first, "").await.expect(200);
    assert_eq!(all.json, json!({"outcomes": [range(1, 7_000, "applied")]}));
    let again = outcomes(&test, &partner, second, "").await.expect(200);
    assert_eq!(again.json, json!({"outcomes": [range(1, 7_000, "unchanged")]}));
}

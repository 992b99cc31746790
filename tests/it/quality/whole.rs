//! Deliveries that are wrong as a whole, and feeds that do not come.

use aisle::identity::{Role, Scope};
use aisle::ids::BatchId;
use serde_json::{Value, json};

use crate::support::catalog::{self as sample, price};
use crate::support::{Answer, TestApp};

async fn send(test: &TestApp, key: &str, query: &str, media_type: &str, body: String) -> Answer {
    let id: BatchId = test.app.ids.next();
    let path = format!("/v1/catalog/batches/{id}{query}");
    test.call(reqwest::Method::PUT, &path).bearer(key).body(media_type, body).send().await
}

async fn rows(test: &TestApp, key: &str, rows: &[Value]) -> Answer {
    send(test, key, "", "application/x-ndjson", sample::lines(rows)).await
}

async fn shop() -> (TestApp, String) {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    (test, key)
}

#[tokio::test]
async fn one_row_in_another_currency_holds_the_whole_batch() {
    let (test, key) = shop().await;
    let mut foreign = price("de", "milk", 139);
    foreign["currency"] = json!("CHF");
    let held = rows(&test, &key, &[price("de", "coffee", 709), foreign]).await.expect(202);
    assert_eq!((held.text("/holds/0/rule"), held.number("/quarantined")), ("price.currency", 1));
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = format!("/v1/catalog/batches/{}/release", held.text("/batch"));
    let released = test.post(&path, &json!({"note": "yes"})).bearer(&admin).send().await.expect(200);
    assert_eq!((released.number("/applied"), released.number("/quarantined")), (1, 1));
}

#[tokio::test]
async fn codes_without_digits_and_names_wrongly_decoded_hold_a_batch() {
    let (test, key) = shop().await;
    let code = |code: &str| json!({"kind": "code", "code": code, "sku": "milk"});
    let lost: Vec<Value> = (0..10).map(|number| code(&format!("7,6{number}23E+12"))).collect();
    let held = rows(&test, &key, &lost).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "code.charset");
    rows(&test, &key, &lost[..9]).await.expect(200);
    let product = |number: usize| {
        let sku = format!("p{number}");
        json!({"kind": "product", "sku": sku, "name": format!("KÃ¤se {number}"), "tax_class": "reduced"})
    };
    let names: Vec<Value> = (0..10).map(product).collect();
    let held = rows(&test, &key, &names).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "name.encoding");
    rows(&test, &key, &names[..9]).await.expect(200);
}

#[tokio::test]
async fn a_table_whose_headings_changed_is_held_until_somebody_has_looked() {
    let (test, key) = shop().await;
    let table = |heading: &str| format!("EAN;Name;{heading}\n4006381333931;Pen;x\n");
    let query = "?map=code=EAN,name=Name&feed=pens";
    let put = async |heading: &str| send(&test, &key, query, "text/csv", table(heading)).await;
    put("Marke").await.expect(200);
    put("Marke").await.expect(200);
    let held = put("Hersteller").await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.header");
    assert!(held.text("/holds/0/detail").contains("gone: Marke; new: Hersteller"));
    let other =
        send(&test, &key, "?map=code=EAN,name=Name&feed=others", "text/csv", table("Hersteller")).await;
    other.expect(200);
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = format!("/v1/catalog/batches/{}/release", held.text("/batch"));
    let yes = json!({"note": "a new export", "over_newer": true});
    test.post(&path, &yes).bearer(&admin).send().await.expect(200);
    put("Hersteller").await.expect(200);
}

#[tokio::test]
async fn a_feed_that_does_not_come_in_time_is_told() {
    aisle::operations::install_metrics();
    let (test, key) = shop().await;
    let sent = send(&test, &key, "?feed=prices", "application/x-ndjson", String::new()).await.expect(200);
    let source = sent.text("/source").to_owned();
    let agreed = json!({"source": source, "feed": "prices", "every_minutes": 60});
    let clerk = test.staff(Role::Clerk, &["*"]).await;
    test.put("/v1/quality/feeds", &agreed).bearer(&clerk).send().await.problem(403, "role_missing");
    let admin = test.staff(Role::Admin, &["*"]).await;
    let put = async |body: &Value| test.put("/v1/quality/feeds", body).bearer(&admin).send().await;
    put(&json!({"source": source, "every_minutes": 0})).await.problem(400, "invalid_value");
    put(&agreed).await.expect(204);
    let report = async || {
        let staff = test.staff(Role::Admin, &["*"]).await;
        test.get("/v1/quality/report").bearer(&staff).send().await.expect(200)
    };
    let gauge = async || {
        let metrics = test.get("/metrics").send().await.expect(200);
        let page = String::from_utf8(metrics.bytes).expect("a text");
        let line = page.lines().find(|line| line.starts_with("aisle_catalog_feed_late{")).map(str::to_owned);
        line.expect("a gauge").chars().last()
    };
    test.advance(chrono::Duration::minutes(60));
    assert_eq!(
        (report().await.json["feeds"][0]["is_late"].clone(), gauge().await),
        (json!(false), Some('0'))
    );
    test.advance(chrono::Duration::minutes(1));
    let late = report().await;
    assert_eq!((&late.json["feeds"][0]["is_late"], gauge().await), (&json!(true), Some('1')));
    assert_eq!(late.text("/feeds/0/due_at"), "2026-11-23T10:00:00Z");
    send(&test, &key, "?feed=prices", "application/x-ndjson", sample::lines(&[price("de", "milk", 130)]))
        .await
        .expect(200);
    assert_eq!(report().await.json["feeds"][0]["is_late"], json!(false));
    let admin = test.staff(Role::Admin, &["*"]).await;
    let none = json!({"source": source, "feed": "prices"});
    test.put("/v1/quality/feeds", &none).bearer(&admin).send().await.expect(204);
    assert_eq!(report().await.json["feeds"], json!([]));
}

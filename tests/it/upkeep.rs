//! What is let go of when its time is over, and what is not.

use aisle::catalog::{self, RefusedRow};
use aisle::clock::Moment;
use aisle::db::Run;
use aisle::identity::{Role, Scope};
use aisle::ids::BatchId;
use chrono::Duration;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::catalog::{self as sample, MILK, STORE, UNKNOWN, price};

/// Goes to a time shortly after the next upkeep of a night, and does it.
async fn night(test: &TestApp) {
    let now = test.app.clock.now();
    let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() + Duration::days(1);
    test.advance(midnight + Duration::minutes(90) - now);
    catalog::schedule_upkeep(&test.app).await.expect("asked for");
    test.advance(Duration::hours(1));
    test.run_jobs().await;
}

async fn count(test: &TestApp, table: &str) -> i64 {
    let statement = match table {
        "quarantine" => "SELECT COUNT(*) FROM quality_quarantine",
        "refusals" => "SELECT COUNT(*) FROM catalog_refusals",
        "outcomes" => "SELECT COUNT(*) FROM catalog_outcomes",
        "batches" => "SELECT COUNT(*) FROM catalog_batches",
        "deliveries" => "SELECT COUNT(*) FROM quality_deliveries",
        "unknown" => "SELECT COUNT(*) FROM unknown_codes",
        "history" => "SELECT COUNT(*) FROM price_history",
        "ended" => "SELECT COUNT(*) FROM ended_prices",
        _ => "SELECT COUNT(*) FROM timed_prices",
    };
    test.app.db.sql(statement).fetch_one::<(i64,)>().await.expect("counted").0
}

fn timed(kind: &str, amount: i64, from: Moment, days: i64) -> Value {
    let to = from + Duration::days(days);
    json!({
        "kind": "price", "price_list": "de", "sku": "milk", "amount": amount, "currency": "EUR", "price_kind": kind,
        "valid_from": from.to_rfc3339(), "valid_to": to.to_rfc3339(),
    })
}

async fn lowest(test: &TestApp) -> i64 {
    let shopper = test.shopper().await;
    let path = format!("/v1/stores/{STORE}/products/{MILK}");
    let milk = test.get(&path).bearer(&shopper.token).send().await.expect(200);
    milk.number("/promotion/lowest_30_days/amount")
}

#[tokio::test]
async fn decided_rows_and_details_of_old_batches_go_and_what_is_open_stays() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let bad = json!({"kind": "product", "sku": "milk", "name": "<b>x</b>", "tax_class": "reduced"});
    test.apply_rows(&[bad, json!({"kind": "code", "code": "1", "sku": "pan"})]).await;
    let nameless = test.app.ids.next();
    test.apply_text(nameless, "no row".to_owned()).await.expect("taken");
    test.apply_rows(&[json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced"})])
        .await;
    assert_eq!((count(&test, "quarantine").await, count(&test, "refusals").await), (3, 3));
    test.advance(Duration::days(32));
    night(&test).await;
    assert_eq!(count(&test, "quarantine").await, 2, "what names nothing goes first");
    test.advance(Duration::days(60));
    night(&test).await;
    assert_eq!(count(&test, "quarantine").await, 1, "what nobody decided about stays");
    assert_eq!((count(&test, "refusals").await, count(&test, "outcomes").await), (0, 0));
    let report = catalog::find_batch(&test.app.db, nameless).await.expect("read").expect("kept");
    assert_eq!((report.quarantined, report.refusals), (1, Vec::<RefusedRow>::new()));
    test.advance(Duration::days(320));
    test.apply_rows(&[json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced"})])
        .await;
    night(&test).await;
    assert_eq!((count(&test, "batches").await, count(&test, "deliveries").await), (1, 1));
}

#[tokio::test]
async fn an_unknown_code_that_nobody_scans_any_more_is_forgotten() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    let path = format!("/v1/stores/{STORE}/products/{UNKNOWN}");
    let miss = async || test.get(&path).bearer(&token).send().await.problem(404, "code_unknown");
    let staff = test.staff(Role::Clerk, &["*"]).await;
    let list = async || test.get("/v1/unknown-codes").bearer(&staff).send().await;
    miss().await;
    list().await;
    night(&test).await;
    assert_eq!(count(&test, "unknown").await, 1);
    test.advance(Duration::days(91));
    night(&test).await;
    assert_eq!(count(&test, "unknown").await, 0);
}

#[tokio::test]
async fn prices_that_ended_stay_as_long_as_a_reduction_is_held_against_them() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&[price("de", "milk", 139), price("de", "coffee", 799)]).await;
    test.apply_rows(&[timed("promotion", 119, test.app.clock.now(), 1)]).await;
    test.advance(Duration::days(5));
    test.apply_rows(&[timed("promotion", 99, test.app.clock.now(), 60)]).await;
    assert_eq!(lowest(&test).await, 119);
    test.advance(Duration::days(40));
    night(&test).await;
    assert_eq!((count(&test, "history").await, count(&test, "timed").await), (1, 2), "the coffee's is gone");
    assert_eq!(lowest(&test.another().await).await, 119, "read anew");
    test.advance(Duration::days(60));
    night(&test).await;
    assert_eq!((count(&test, "history").await, count(&test, "timed").await), (0, 0));
}

#[tokio::test]
async fn a_held_batch_that_nobody_decides_about_counts_as_rejected_after_its_deadline() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let hold = async || {
        let id: BatchId = test.app.ids.next();
        let gone = json!({"kind": "price_list", "price_list": "bonn", "deleted": true});
        let path = format!("/v1/catalog/batches/{id}");
        let put = test.call(reqwest::Method::PUT, &path).bearer(&key);
        let held = put.body("application/x-ndjson", sample::lines(&[gone])).send().await.expect(202);
        assert_eq!(held.text("/state"), "held");
        (path, held.text("/decide_by").to_owned())
    };
    let (first, decide_by) = hold().await;
    assert_eq!(decide_by.get(..10), Some("2026-12-07"));
    test.advance(Duration::days(14));
    // Also before the upkeep has seen it.
    let admin = test.staff(Role::Admin, &["*"]).await;
    let late = test.post(&format!("{first}/release"), &json!({"note": "late"})).bearer(&admin).send().await;
    late.problem(409, "batch_rejected");
    let (second, _) = hold().await;
    test.advance(Duration::days(14));
    night(&test).await;
    for path in [first, second] {
        let report = test.get(&path).bearer(&key).send().await.expect(200);
        assert_eq!((report.text("/state"), report.text("/decision/by")), ("rejected", "deadline"));
        assert!(report.json["decide_by"].is_null());
    }
    let parts = test.app.db.sql("SELECT COUNT(*) FROM catalog_batch_parts").fetch_one::<(i64,)>().await;
    assert_eq!(parts.expect("counted").0, 0, "their content is let go of");
}

#[tokio::test]
async fn the_lowest_price_knows_promotions_that_were_overwritten_or_taken_back() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let began = test.app.clock.now();
    test.apply_rows(&[timed("promotion", 79, began, 20)]).await;
    test.advance(Duration::days(2));
    test.apply_rows(&[timed("promotion", 99, began, 4)]).await;
    test.advance(Duration::days(8));
    test.apply_rows(&[timed("promotion", 89, test.app.clock.now(), 5)]).await;
    assert_eq!(lowest(&test).await, 79, "it was overwritten");
    let from = test.app.clock.now();
    test.advance(Duration::days(1));
    let key = json!({
        "kind": "price", "price_list": "de", "sku": "milk", "price_kind": "promotion", "valid_from": from.to_rfc3339(),
        "deleted": true,
    });
    test.apply_rows(&[key]).await;
    test.advance(Duration::days(25));
    test.apply_rows(&[timed("promotion", 95, test.app.clock.now(), 5)]).await;
    assert_eq!(lowest(&test).await, 89, "it was taken back");
    assert_eq!(lowest(&test.another().await).await, 89);
    // One that never began was never asked.
    test.advance(Duration::days(31));
    let ahead = test.app.clock.now() + Duration::days(1);
    test.apply_rows(&[timed("promotion", 50, ahead, 5)]).await;
    test.apply_rows(&[timed("promotion", 98, ahead, 5)]).await;
    test.advance(Duration::days(1));
    assert_eq!(lowest(&test).await, 95);
}

#[tokio::test]
async fn the_lowest_price_knows_an_open_price_that_was_deleted_and_came_again() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let gone = json!({"kind": "price", "price_list": "de", "sku": "milk", "deleted": true});
    test.advance(Duration::days(10));
    test.apply_rows(&[gone]).await;
    test.advance(Duration::days(5));
    let between = test.app.clock.now();
    test.advance(Duration::days(5));
    test.apply_rows(&[price("de", "milk", 100)]).await;
    test.apply_rows(&[timed("promotion", 90, between + Duration::days(5), 5)]).await;
    assert_eq!(lowest(&test).await, 129, "not the price that begins with it");
    test.advance(Duration::days(10));
    test.apply_rows(&[timed("promotion", 95, test.app.clock.now(), 5)]).await;
    assert_eq!(lowest(&test).await, 90);
}

#[tokio::test]
async fn the_lowest_price_knows_what_a_full_delivery_left_out() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite]).await;
    test.advance(Duration::days(3));
    test.apply_rows(&[timed("promotion", 80, test.app.clock.now(), 20)]).await;
    test.advance(Duration::days(3));
    let rest: Vec<Value> = sample::rows()
        .into_iter()
        .filter(|row| row["kind"] == "price" && row["price_list"] == "de" && row["sku"] != "milk")
        .collect();
    let path = format!("/v1/catalog/batches/{}?mode=full", test.app.ids.next::<BatchId>());
    let put = test.call(reqwest::Method::PUT, &path).bearer(&key);
    let full = put.body("application/x-ndjson", sample::lines(&rest)).send().await.expect(202);
    let admin = test.staff(Role::Admin, &["*"]).await;
    let release = format!("/v1/catalog/batches/{}/release", full.text("/batch"));
    let full = test.post(&release, &json!({"note": "yes"})).bearer(&admin).send().await.expect(200);
    assert_eq!(full.number("/removed"), 2);
    test.advance(Duration::days(3));
    test.apply_rows(&[price("de", "milk", 140), timed("promotion", 99, test.app.clock.now(), 5)]).await;
    assert_eq!(lowest(&test).await, 80);
    test.advance(Duration::days(28));
    test.apply_rows(&[timed("promotion", 95, test.app.clock.now(), 5)]).await;
    assert_eq!(lowest(&test).await, 99);
}

#[tokio::test]
async fn a_partner_can_make_no_list_grow_beyond_its_cap() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    // As many rows as one source may have open, but for five.
    let numbers = "WITH RECURSIVE numbers (number) AS (
            SELECT 1
            UNION ALL
            SELECT number + 1 FROM numbers WHERE number < $1
        )";
    let rows = |id: &str| {
        format!(
            "{numbers} INSERT INTO quality_quarantine
                 (id, batch, line, kind, key, rule, level, field, value, detail, raw, source, state, first_seen, last_seen, seen)
             SELECT {id}, $2, number, 'product', CAST(number AS TEXT), 'name.missing', 'quarantine', '', '', '', '', 'local',
                 'open', $3, $3, 1
             FROM numbers"
        )
    };
    let texts = [rows("randomblob(16)"), rows("gen_random_uuid()")].map(|text| &*text.leak());
    let now = test.app.clock.now();
    let filled = test.app.db.sql(aisle::db::Sql::each(texts[0], texts[1]));
    filled.bind(99_995_i64).bind(uuid::Uuid::nil()).bind(now).execute().await.expect("filled");
    let bad: Vec<Value> =
        (0..8).map(|number| json!({"kind": "code", "code": number.to_string(), "sku": "pan"})).collect();
    let report = test.apply_rows(&bad).await;
    assert_eq!(
        (report.quarantined, report.refusals.len()),
        (8, 8),
        "all are counted and listed with their batch"
    );
    let quality = catalog::quality::report(&test.app.db, now, 1, None).await.expect("a report");
    assert_eq!((quality.open, quality.full), (100_000, vec!["local".to_owned()]));
    test.apply_rows(&[price("de", "milk", 0)]).await;
    let quality = catalog::quality::report(&test.app.db, now, 1, None).await.expect("a report");
    assert_eq!(quality.open, 100_001, "what stops a sale has room of its own");
}

#[tokio::test]
async fn codes_scanned_at_random_are_counted_up_to_a_cap() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let filling = "WITH RECURSIVE numbers (number) AS (
            SELECT 1
            UNION ALL
            SELECT number + 1 FROM numbers WHERE number < $1
        )
        INSERT INTO unknown_codes (store, code, cause, count, first_seen, last_seen, state)
        SELECT 'other', CAST(number AS TEXT), 'code_unknown', 1, $2, $2, 'open'
        FROM numbers";
    test.app.db.sql(filling).bind(199_999_i64).bind(test.app.clock.now()).execute().await.expect("filled");
    let token = test.shopper().await.token;
    let staff = test.staff(Role::Clerk, &["*"]).await;
    let miss = async |code: &str| {
        let path = format!("/v1/stores/{STORE}/products/{code}");
        test.get(&path).bearer(&token).send().await.problem(404, "code_unknown");
        let list =
            test.get(&format!("/v1/unknown-codes?store={STORE}")).bearer(&staff).send().await.expect(200);
        list.json["codes"]
            .as_array()
            .expect("codes")
            .iter()
            .map(|code| code["count"].as_i64())
            .collect::<Vec<_>>()
    };
    assert_eq!(miss(UNKNOWN).await, [Some(1)]);
    assert_eq!(miss("5449000000996").await, [Some(1)], "there is no room for a new one");
    assert_eq!(miss(UNKNOWN).await, [Some(2)], "those that are known go on being counted");
}

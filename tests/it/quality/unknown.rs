//! Codes that shoppers missed: counted, ranked, bound by staff, found at the next scan.

use aisle::identity::Role;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::catalog::{CHEESE_WITHOUT_PRICE, STORE, STORE_WITH_OWN_PRICES, UNKNOWN, price};
use crate::support::trip::Shop;

async fn list(test: &TestApp, staff: &str, query: &str) -> Vec<(String, String, i64)> {
    let answer = test.get(&format!("/v1/unknown-codes{query}")).bearer(staff).send().await.expect(200);
    let codes = answer.json["codes"].as_array().expect("codes").clone();
    let of = |code: &Value, name: &str| code[name].as_str().expect("a text").to_owned();
    codes
        .iter()
        .map(|code| (of(code, "code"), of(code, "cause"), code["count"].as_i64().expect("a count")))
        .collect()
}

async fn look(test: &TestApp, token: &str, store: &str, code: &str) -> crate::support::Answer {
    test.get(&format!("/v1/stores/{store}/products/{code}")).bearer(token).send().await
}

#[tokio::test]
async fn a_code_that_shoppers_missed_is_bound_by_staff_and_found_at_the_next_scan() {
    let shop = Shop::open().await;
    let test = &shop.test;
    let staff = test.staff(Role::Supervisor, &["*"]).await;
    let shopper = shop.payer("anna@example.com").await;
    let token = test.shopper().await.token;
    for _ in 0..2 {
        look(test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    }
    let cart = shopper.check_in().await;
    let refused = shopper.scan(cart, &[UNKNOWN, CHEESE_WITHOUT_PRICE]).await.expect(200);
    assert!(refused.json.to_string().contains("code_unknown"));
    // What is no right code, or names no product, is nobody's gap.
    look(test, &token, STORE, "4006381333932").await.problem(400, "code_check_digit");
    look(test, &token, STORE, "0512345678900").await.problem(404, "code_no_product");
    let code = format!("0{UNKNOWN}");
    let (missed, priceless) = (
        (code.clone(), "code_unknown".to_owned(), 3),
        (format!("0{CHEESE_WITHOUT_PRICE}"), "price_missing".to_owned(), 1),
    );
    assert_eq!(list(test, &staff, "").await, [missed.clone(), priceless.clone()]);
    assert_eq!(list(test, &staff, &format!("?store={STORE}&cause=code_unknown")).await, [missed]);
    assert_eq!(list(test, &staff, &format!("?store={STORE_WITH_OWN_PRICES}")).await, []);
    let bind = async |code: &str, body: Value| {
        test.put(&format!("/v1/unknown-codes/{code}/binding"), &body).bearer(&staff).send().await
    };
    bind(&code, json!({"sku": "nothing"})).await.problem(422, "row_refused");
    bind("04006381333948", json!({"sku": "soap"})).await.problem(404, "code_not_missed");
    bind(&format!("0{CHEESE_WITHOUT_PRICE}"), json!({"sku": "soap"})).await.problem(409, "code_known");
    bind(&code, json!({"sku": "soap"})).await.expect(204);
    assert_eq!(look(test, &token, STORE, UNKNOWN).await.expect(200).text("/sku"), "soap");
    assert_eq!(list(test, &staff, "").await, [priceless]);
    test.apply_rows(&[price("de", "cheese", 349)]).await;
    assert_eq!(list(test, &staff, "").await, [], "a delivery closed the other gap");
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    test.get("/v1/unknown-codes").bearer(&clerk).send().await.problem(403, "role_missing");
    assert_eq!(list(test, &clerk, &format!("?store={STORE}")).await, []);
}

#[tokio::test]
async fn what_waits_in_memory_is_written_when_the_service_stops() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    aisle::catalog::quality::keep_unknown_codes(test.app.clone(), stop).await;
    let staff = test.staff(Role::Clerk, &["*"]).await;
    let other = test.another().await;
    assert_eq!(list(&other, &staff, "").await.len(), 1, "another instance reads it from the database");
}

#[tokio::test]
async fn scans_in_vain_count_against_the_rule_and_the_source_that_caused_the_gap() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    let refused = test
        .apply_rows(&[
            json!({"kind": "code", "code": UNKNOWN, "sku": "nothing"}),
            json!({"kind": "price", "price_list": "de", "sku": "cheese", "amount": 0, "currency": "EUR"}),
        ])
        .await;
    assert_eq!(refused.quarantined, 2);
    for _ in 0..3 {
        look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    }
    look(&test, &token, STORE, CHEESE_WITHOUT_PRICE).await.problem(404, "price_missing");
    let staff = test.staff(Role::Supervisor, &["*"]).await;
    assert_eq!(list(&test, &staff, "").await.len(), 2);
    let report = test.get("/v1/quality/report").bearer(&staff).send().await.expect(200);
    let scans = |rule: &str| {
        let rules = report.json["rules"].as_array().expect("rules");
        rules.iter().find(|each| each["rule"] == rule).and_then(|each| each["scans_missed"].as_i64())
    };
    assert_eq!((scans("ref.product"), scans("price.nonpositive")), (Some(3), Some(1)));
    assert_eq!(report.number("/sources/0/scans_missed"), 4);
    test.apply_rows(&[json!({"kind": "code", "code": UNKNOWN, "sku": "soap"})]).await;
    let report = test.get("/v1/quality/report").bearer(&staff).send().await.expect(200);
    assert_eq!(report.number("/sources/0/scans_missed"), 1, "the gap is closed");
}

#[tokio::test]
async fn a_bound_code_stays_until_a_partner_delivers_it_or_staff_unbind_it() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    let staff = test.staff(Role::Supervisor, &["*"]).await;
    let key = test.partner(&[aisle::identity::Scope::CatalogWrite]).await;
    let code = format!("0{UNKNOWN}");
    let path = format!("/v1/unknown-codes/{code}/binding");
    look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    test.put(&path, &json!({"sku": "soap"})).bearer(&staff).send().await.expect(204);
    let mut codes: Vec<Value> =
        crate::support::catalog::rows().into_iter().filter(|row| row["kind"] == "code").collect();
    let full = async |rows: &[Value]| {
        let id: aisle::ids::BatchId = test.app.ids.next();
        let call = test.call(reqwest::Method::PUT, &format!("/v1/catalog/batches/{id}?mode=full"));
        call.bearer(&key)
            .body("application/x-ndjson", crate::support::catalog::lines(rows))
            .send()
            .await
            .expect(200)
    };
    assert_eq!(full(&codes).await.number("/removed"), 0, "the partner does not know it");
    assert_eq!(look(&test, &token, STORE, UNKNOWN).await.expect(200).text("/sku"), "soap");
    codes.push(json!({"kind": "code", "code": UNKNOWN, "sku": "soap"}));
    full(&codes).await;
    codes.pop();
    assert_eq!(full(&codes).await.number("/removed"), 1, "it was the partner's own by then");
    look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    test.call(reqwest::Method::DELETE, &path).bearer(&staff).send().await.problem(404, "code_not_bound");
    test.put(&path, &json!({"sku": "soap"})).bearer(&staff).send().await.expect(204);
    let bound = test.get("/v1/unknown-codes?state=bound").bearer(&staff).send().await.expect(200);
    assert_eq!(bound.text("/codes/0/sku"), "soap");
    test.call(reqwest::Method::DELETE, &path).bearer(&staff).send().await.expect(204);
    look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    assert_eq!(list(&test, &staff, "").await.len(), 1, "it can be bound anew");
}

#[tokio::test]
async fn a_dismissed_code_stays_away_and_says_who_decided_so() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    let staff = test.staff(Role::Supervisor, &["*"]).await;
    let path = format!("/v1/unknown-codes/0{UNKNOWN}/dismiss");
    let dismiss = async |body: Value| test.post(&path, &body).bearer(&staff).send().await;
    dismiss(json!({"note": "of another shop"})).await.problem(404, "code_not_missed");
    for store in [STORE, STORE_WITH_OWN_PRICES] {
        look(&test, &token, store, UNKNOWN).await.problem(404, "code_unknown");
    }
    dismiss(json!({"note": "of another shop", "store": STORE})).await.expect(204);
    assert_eq!(list(&test, &staff, &format!("?store={STORE}")).await, []);
    assert_eq!(list(&test, &staff, "").await.len(), 1, "the other store's stays");
    look(&test, &token, STORE, UNKNOWN).await.problem(404, "code_unknown");
    assert_eq!(list(&test, &staff, &format!("?store={STORE}")).await, [], "scanned again it stays away");
    let kept = test.get("/v1/unknown-codes?state=dismissed").bearer(&staff).send().await.expect(200);
    assert_eq!((kept.text("/codes/0/note"), kept.number("/codes/0/count")), ("of another shop", 2));
    assert!(kept.json["codes"][0]["closed_by"].is_string());
    let bind = format!("/v1/unknown-codes/0{UNKNOWN}/binding");
    test.put(&bind, &json!({"sku": "soap"})).bearer(&staff).send().await.expect(204);
}

#[tokio::test]
async fn gaps_that_a_delivery_closed_take_no_place_on_a_page() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let token = test.shopper().await.token;
    let staff = test.staff(Role::Supervisor, &["*"]).await;
    let often = ["4006381333931", "5449000000996", "3017620422003"];
    for code in often {
        for _ in 0..2 {
            look(&test, &token, STORE, code).await.problem(404, "code_unknown");
        }
    }
    look(&test, &token, STORE, CHEESE_WITHOUT_PRICE).await.problem(404, "price_missing");
    let found: Vec<Value> =
        often.iter().map(|code| json!({"kind": "code", "code": code, "sku": "soap"})).collect();
    test.apply_rows(&found).await;
    let codes = list(&test, &staff, "?limit=1").await;
    assert_eq!(codes, [(format!("0{CHEESE_WITHOUT_PRICE}"), "price_missing".to_owned(), 1)]);
}

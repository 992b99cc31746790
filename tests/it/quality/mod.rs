//! The quality of delivered rows: each defect has one rule, what is kept aside leaves the live version alone, and gaps
//! that shoppers find are closed by staff.

mod real;
mod rows;
mod unknown;
mod whole;

use aisle::identity::{Role, Scope};
use aisle::ids::BatchId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::catalog::{self as sample, MILK, STORE, price};

/// A product that breaks no rule.
fn product(sku: &str, name: &str) -> Value {
    json!({
        "kind": "product", "sku": sku, "name": name, "brand": "Sample", "category": ["Food"], "tax_class": "reduced",
        "net_content": {"amount": 500, "unit": "g"},
    })
}

/// What a code costs in a store, if it is sold.
fn amount(test: &TestApp, store: &str, code: &str) -> Option<i64> {
    let store = store.parse().expect("a store");
    let view = test.app.catalog.view();
    view.find(&store, code, test.app.clock.now()).ok().map(|found| found.price.amount.minor())
}

async fn supervisor(test: &TestApp) -> String {
    test.staff(Role::Supervisor, &["*"]).await
}

async fn list(test: &TestApp, staff: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/quality/quarantine{query}");
    let answer = test.get(&path).bearer(staff).send().await.expect(200);
    answer.json["rows"].as_array().expect("rows").clone()
}

async fn act(test: &TestApp, staff: &str, row: &Value, verb: &str, body: &Value) -> crate::support::Answer {
    let id = row["id"].as_str().expect("an id");
    test.post(&format!("/v1/quality/quarantine/{id}/{verb}"), body).bearer(staff).send().await
}

#[tokio::test]
async fn a_row_that_is_kept_aside_leaves_the_live_version_alone_until_a_right_one_comes() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    let bad = json!({"kind": "product", "sku": "milk", "name": "<script>x</script>", "tax_class": "reduced"});
    let report = test.apply_rows(std::slice::from_ref(&bad)).await;
    assert_eq!((report.received, report.applied, report.unchanged, report.quarantined), (1, 0, 0, 1));
    test.apply_rows(&[bad]).await;
    assert_eq!(amount(&test, STORE, MILK), Some(129));
    let open = list(&test, &staff, "").await;
    assert_eq!(open.len(), 1);
    let row = &open[0];
    assert_eq!(
        (&row["rule"], &row["field"], &row["key"]),
        (&json!("text.unsafe"), &json!("name"), &json!("milk"))
    );
    assert_eq!((&row["seen"], &row["source"], &row["kind"]), (&json!(2), &json!("local"), &json!("product")));
    assert!(row["raw"].as_str().expect("a text").contains("<script>x</script>"));
    test.apply_rows(&[product("milk", "Fresh milk")]).await;
    assert_eq!(list(&test, &staff, "").await, Vec::<Value>::new());
    let closed = list(&test, &staff, "?state=corrected&rule=text.unsafe&kind=product").await;
    assert_eq!((closed.len(), &closed[0]["closed_by"]), (1, &Value::Null));
}

#[tokio::test]
async fn a_price_of_a_hundred_times_waits_for_staff_who_may_confirm_it() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    let report = test.apply_rows(&[price("de", "milk", 12_900), price("de", "coffee", 799)]).await;
    assert_eq!((report.applied, report.quarantined), (1, 1));
    assert_eq!(report.refusals[0].rule.as_str(), "price.jump");
    assert_eq!((amount(&test, STORE, MILK), amount(&test, STORE, sample::COFFEE)), (Some(129), Some(799)));
    let row = list(&test, &staff, "?rule=price.jump").await.remove(0);
    assert_eq!((&row["value"], &row["key"]), (&json!("12900"), &json!("de/milk")));
    let clerk = test.staff(Role::Clerk, &["*"]).await;
    act(&test, &clerk, &row, "confirm", &json!({})).await.problem(403, "role_missing");
    let confirmed = act(&test, &staff, &row, "confirm", &json!({})).await.expect(200);
    assert_eq!(confirmed.number("/applied"), 1);
    assert_eq!(amount(&test, STORE, MILK), Some(12_900));
    act(&test, &staff, &row, "confirm", &json!({})).await.problem(409, "row_closed");
    let closed = list(&test, &staff, "?state=confirmed").await;
    assert_eq!(closed.len(), 1);
    assert!(closed[0]["closed_by"].is_string());
}

#[tokio::test]
async fn staff_send_a_corrected_row_or_dismiss_the_one_that_waits() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    let wrong = json!({"kind": "code", "code": "4006381333932", "sku": "pan"});
    test.apply_rows(&[wrong.clone(), json!({"kind": "code", "code": "40063", "sku": "pan"})]).await;
    let open = list(&test, &staff, "").await;
    let rules: Vec<&str> = open.iter().filter_map(|row| row["rule"].as_str()).collect();
    let place = rules.iter().position(|rule| *rule == "code.check").expect("kept aside");
    assert_eq!((rules.len(), rules[1 - place]), (2, "code.length"));
    let (row, other) = (&open[place], &open[1 - place]);
    act(&test, &staff, row, "confirm", &json!({})).await.problem(409, "rule_not_confirmable");
    let still = act(&test, &staff, row, "release", &wrong).await.problem(422, "row_refused");
    assert_eq!((still.text("/errors/0/detail"), still.text("/errors/0/pointer")), ("code.check", "code"));
    let right = json!({"kind": "code", "code": "4006381333931", "sku": "pan"});
    act(&test, &staff, row, "release", &right).await.expect(200);
    assert_eq!(amount(&test, STORE, "4006381333931"), Some(3999));
    act(&test, &staff, other, "dismiss", &json!({"note": " "})).await.problem(400, "invalid_value");
    act(&test, &staff, other, "dismiss", &json!({"note": "a PLU"})).await.expect(204);
    assert_eq!(list(&test, &staff, "").await, Vec::<Value>::new());
    assert_eq!(list(&test, &staff, "?state=released").await.len(), 1);
    assert_eq!(list(&test, &staff, "?state=dismissed").await[0]["note"], "a PLU");
    let unknown = format!("/v1/quality/quarantine/{}/confirm", uuid::Uuid::nil());
    test.post(&unknown, &json!({})).bearer(&staff).send().await.problem(404, "row_unknown");
}

#[tokio::test]
async fn a_price_of_zero_stops_the_sale_until_a_right_one_comes() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    let stop = async || {
        let path = format!("/v1/stores/{STORE}/products/{MILK}");
        test.get(&path).bearer(&staff).send().await.expect(200).json["sale_stop"].clone()
    };
    test.apply_rows(&[price("de", "milk", 0)]).await;
    assert_eq!(stop().await, "quality: price.nonpositive");
    let other = test.another().await;
    let store = STORE.parse().expect("a store");
    let view = other.app.catalog.view();
    let found = view.find(&store, MILK, test.app.clock.now()).expect("found");
    assert_eq!(found.sale_stop.as_deref(), Some("quality: price.nonpositive"), "read anew it is the same");
    drop(view);
    test.apply_rows(&[price("de", "milk", 129)]).await;
    assert_eq!(stop().await, Value::Null);
    test.apply_rows(&[price("de", "milk", -5)]).await;
    assert_eq!(stop().await, "quality: price.nonpositive");
    let row = list(&test, &staff, "").await.remove(0);
    assert_eq!(row["level"], "stop_sale");
    act(&test, &staff, &row, "dismiss", &json!({"note": "a test of the ERP"})).await.expect(204);
    assert_eq!(stop().await, Value::Null);
}

#[tokio::test]
async fn a_product_of_an_age_category_without_an_age_is_found_and_stopped() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let beer = |age: Value| {
        json!({"kind": "product", "sku": "wine", "name": "Pils", "category": ["Drinks", "Beer"],
            "tax_class": "standard", "age_min": age})
    };
    let stop = || {
        let view = test.app.catalog.view();
        let found = view.find(&STORE.parse().expect("a store"), sample::WINE, test.app.clock.now());
        found.expect("found").sale_stop.clone()
    };
    let report = test.apply_rows(&[beer(Value::Null)]).await;
    assert_eq!((report.applied, stop().as_deref()), (1, Some("quality: age.missing")));
    test.apply_rows(&[beer(json!(16))]).await;
    assert_eq!(stop(), None);
}

#[tokio::test]
async fn counts_are_kept_by_source_and_day_and_summed_up_in_a_letter() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let deliver = async |rows: &[Value]| {
        let id: BatchId = test.app.ids.next();
        let call = test.call(Method::PUT, &format!("/v1/catalog/batches/{id}")).bearer(&key);
        call.body("application/x-ndjson", sample::lines(rows)).send().await.expect(200)
    };
    let bad = json!({"kind": "code", "code": "4006381333932", "sku": "pan"});
    deliver(&[bad.clone(), product("milk", "MILK FROM HERE")]).await;
    test.advance(chrono::Duration::days(1));
    deliver(&[bad, product("bread", "Rye bread")]).await;
    let own = test.get("/v1/quality/report").bearer(&key).send().await.expect(200);
    assert_eq!((own.number("/received"), own.number("/quarantined"), own.number("/open")), (4, 2, 1));
    assert_eq!((own.text("/letter"), own.text("/rules/0/rule")), ("E", "code.check"));
    assert_eq!((own.number("/rules/0/count"), own.number("/rules/0/per_million")), (2, 500_000));
    assert_eq!(own.text("/rules/0/first_seen"), "2026-11-23");
    assert_eq!(own.text("/rules/0/samples/0/value"), "4006381333932");
    assert!(own.text("/rules/0/samples/0/raw").contains("4006381333932"));
    assert_eq!(own.json["trend"].as_array().map(Vec::len), Some(2));
    assert_eq!(own.json["days"].as_array().map(Vec::len), Some(3));
    assert_eq!((own.text("/days/0/day"), own.text("/days/0/rule")), ("2026-11-24", "code.check"));
    let today = test.get("/v1/quality/report?days=1").bearer(&key).send().await.expect(200);
    assert_eq!((today.number("/received"), today.number("/rules/0/count")), (2, 1));
    let rules = |answer: &Value| -> Vec<(String, i64)> {
        let rules = answer["rules"].as_array().expect("rules").iter();
        rules.map(|rule| (rule["rule"].to_string(), rule["count"].as_i64().expect("a count"))).collect()
    };
    assert_eq!(rules(&own.json), [("\"code.check\"".to_owned(), 2), ("\"name.form\"".to_owned(), 1)]);
    assert_eq!(rules(&today.json), [("\"code.check\"".to_owned(), 1)]);
    let staff = supervisor(&test).await;
    let all = test.get("/v1/quality/report").bearer(&staff).send().await.expect(200);
    assert_eq!(
        all.json["sources"].as_array().map(Vec::len),
        Some(2),
        "the small catalogue came from elsewhere"
    );
    let foreign = test.partner(&[Scope::CatalogRead]).await;
    let path = "/v1/quality/quarantine?source=local";
    let nothing = test.get(path).bearer(&foreign).send().await.expect(200);
    assert_eq!(nothing.json["rows"], json!([]), "a partner sees what it sent itself");
    let shopper = test.shopper().await;
    test.get(path).bearer(&shopper.token).send().await.problem(403, "not_for_shoppers");
    let now = test.app.clock.now();
    let report = aisle::catalog::quality::report(&test.app.db, now, 30, None).await.expect("a report");
    let table = aisle::catalog::quality::table(&report);
    assert!(table.contains("code.check           quarantine         2"), "{table}");
}

#[tokio::test]
async fn completeness_is_told_by_type_and_store() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&[product("milk", "Milk"), product("cheese", "Gouda")]).await;
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/quality/completeness?store={STORE}");
    let told = test.get(&path).bearer(&clerk).send().await.expect(200);
    let fixed = &told.json["types"][0];
    let of = |name: &str| fixed[name].as_i64().expect("a count");
    assert_eq!((fixed["sale"].as_str(), of("products"), of("price"), of("code")), (Some("fixed"), 10, 9, 10));
    assert_eq!((of("category"), of("measure"), of("age"), of("complete")), (2, 2, 1, 1));
    let elsewhere = test.get("/v1/quality/completeness?store=0002").bearer(&clerk).send().await;
    elsewhere.problem(403, "role_missing");
}

#[tokio::test]
async fn a_row_of_staff_takes_the_place_of_its_own_row_only_and_leaves_nothing_when_it_is_refused() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    test.apply_rows(&[
        price("de", "milk", 12_900),
        json!({"kind": "code", "code": "4006381333932", "sku": "pan"}),
    ])
    .await;
    let of = async |rule: &str| list(&test, &staff, &format!("?rule={rule}")).await.remove(0);
    let (jump, check) = (of("price.jump").await, of("code.check").await);
    for (row, other) in [
        (&jump, price("de", "coffee", 799)),
        (&jump, product("milk", "Milk")),
        (&jump, json!({"kind": "price", "price_list": "de", "sku": "milk", "deleted": true})),
        (&check, json!({"kind": "code", "code": "4006381333931", "sku": "milk"})),
        (&check, json!({"kind": "code", "code": "4006381333931", "deleted": true})),
    ] {
        act(&test, &staff, row, "release", &other).await.problem(422, "row_differs");
    }
    let admin = test.staff(Role::Admin, &["*"]).await;
    let batches = || test.get("/v1/catalog/batches").bearer(&admin).send();
    let before = batches().await.expect(200).json;
    let report = test.get("/v1/quality/report").bearer(&staff).send().await.expect(200).json;
    act(&test, &staff, &jump, "release", &price("de", "milk", 50_000)).await.problem(422, "row_refused");
    let wrong = json!({"kind": "code", "code": "4006381333933", "sku": "pan"});
    act(&test, &staff, &check, "release", &wrong).await.problem(422, "row_refused");
    assert_eq!(batches().await.expect(200).json, before, "no batch");
    assert_eq!(
        test.get("/v1/quality/report").bearer(&staff).send().await.expect(200).json,
        report,
        "no count"
    );
    assert_eq!(list(&test, &staff, "").await, [jump.clone(), check], "no row");
    act(&test, &staff, &jump, "release", &price("de", "milk", 139)).await.expect(200);
    assert_eq!(amount(&test, STORE, MILK), Some(139));
}

#[tokio::test]
async fn a_product_without_a_tax_class_that_is_known_is_not_sold_under_its_old_one() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let stop = || {
        let view = test.app.catalog.view();
        let found = view.find(&STORE.parse().expect("a store"), MILK, test.app.clock.now());
        found.expect("found").sale_stop.clone()
    };
    for (class, rule) in [(json!("luxury"), "tax.unknown"), (Value::Null, "tax.missing")] {
        let mut row = product("milk", "Milk");
        row["tax_class"] = class;
        assert_eq!(test.apply_rows(&[row]).await.quarantined, 1);
        assert_eq!(stop(), Some(format!("quality: {rule}")));
        test.apply_rows(&[product("milk", "Milk")]).await;
        assert_eq!(stop(), None);
    }
}

#[tokio::test]
async fn rows_of_a_table_are_kept_under_the_keys_that_right_ones_have() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let staff = supervisor(&test).await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let deliver = async |row: &str| {
        let id: BatchId = test.app.ids.next();
        let query = "map=code=EAN,name=Name,price=Preis&price_list=de&currency=EUR";
        let call = test.call(Method::PUT, &format!("/v1/catalog/batches/{id}?{query}")).bearer(&key);
        let table = format!("EAN;Name;Preis\r\n{row}\r\n");
        call.body("text/csv", table).send().await.expect(200).number("/quarantined")
    };
    assert_eq!(deliver("4006381333931;;1,99").await, 1);
    let row = list(&test, &staff, "").await.remove(0);
    assert_eq!((&row["rule"], &row["key"]), (&json!("name.missing"), &json!("04006381333931")));
    assert_eq!((&row["sku"], &row["kind"]), (&row["key"], &json!("product")));
    assert_eq!(deliver("4006381333931;Stift;1,99").await, 0);
    assert_eq!(list(&test, &staff, "").await, Vec::<Value>::new(), "the right row closes it");
    let stop = || {
        let view = test.app.catalog.view();
        let found = view.find(&STORE.parse().expect("a store"), "4006381333931", test.app.clock.now());
        found.expect("found").sale_stop.clone()
    };
    for amount in ["0", "0,00", "-1,99"] {
        deliver(&format!("4006381333931;Stift;{amount}")).await;
        let row = list(&test, &staff, "").await.remove(0);
        assert_eq!((&row["rule"], &row["key"]), (&json!("price.nonpositive"), &json!("de/04006381333931")));
        assert_eq!((&row["level"], &row["kind"]), (&json!("stop_sale"), &json!("price")));
        assert_eq!(stop().as_deref(), Some("quality: price.nonpositive"));
        deliver("4006381333931;Stift;1,99").await;
        assert_eq!((list(&test, &staff, "").await, stop()), (vec![], None));
    }
}

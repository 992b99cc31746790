//! Deliveries as a whole: full ones take back what they leave out, dangerous ones wait for a person, broken ones do nothing.

mod holds;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use aisle::catalog::{BatchState, FindError};
use aisle::db::{Place, Run};
use aisle::identity::{Role, Scope};
use aisle::ids::BatchId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::catalog::{self as sample, BREAD, MILK, STORE, ean13, price};
use crate::support::{Answer, TestApp};

/// A system that delivers, and the admin who decides about what is held.
struct Sender<'a> {
    test: &'a TestApp,
    key: String,
    admin: String,
}

impl<'a> Sender<'a> {
    async fn new(test: &'a TestApp) -> Self {
        let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
        let admin = test.staff(Role::Admin, &["*"]).await;
        Self { test, key, admin }
    }

    async fn put(&self, id: BatchId, query: &str, media_type: &str, written: String) -> Answer {
        let path = format!("/v1/catalog/batches/{id}{query}");
        self.test.call(Method::PUT, &path).bearer(&self.key).body(media_type, written).send().await
    }

    /// Delivers rows as a batch of their own.
    async fn rows(&self, query: &str, rows: &[Value]) -> Answer {
        self.put(self.test.app.ids.next(), query, "application/x-ndjson", sample::lines(rows)).await
    }

    async fn decide(&self, id: &str, verb: &str) -> Answer {
        let path = format!("/v1/catalog/batches/{id}/{verb}");
        self.test.post(&path, &json!({"note": "looked at it"})).bearer(&self.admin).send().await
    }
}

/// So many products with codes and prices.
fn assortment(count: u64, cents: u64) -> Vec<Value> {
    (0..count).flat_map(|number| article(number, cents)).collect()
}

fn article(number: u64, cents: u64) -> [Value; 3] {
    let sku = format!("p{number}");
    let category = if number < 3 { "Fish" } else { "Dry goods" };
    let product = json!({
        "kind": "product", "sku": sku, "name": format!("Product {number}"), "tax_class": "reduced", "category": [category],
    });
    let price = json!({
        "kind": "price", "price_list": "de", "sku": sku, "amount": cents, "currency": "EUR",
    });
    [product, json!({"kind": "code", "code": code(number), "sku": sku}), price]
}

fn code(number: u64) -> String {
    ean13(&format!("952{number:09}"))
}

fn find(test: &TestApp, code: &str) -> Result<i64, FindError> {
    let view = test.app.catalog.view();
    let found = view.find(&STORE.parse().expect("a store"), code, test.app.clock.now())?;
    Ok(found.price.amount.minor())
}

fn counts(answer: &Answer) -> [i64; 5] {
    ["received", "applied", "unchanged", "quarantined", "removed"]
        .map(|name| answer.number(&format!("/{name}")))
}

fn only_stores() -> Vec<Value> {
    sample::rows().into_iter().take(8).collect()
}

/// A service with stores and tax classes, and so many products at 100 cents.
async fn with_assortment(count: u64) -> TestApp {
    let test = TestApp::new().await;
    test.apply_rows(&only_stores()).await;
    test.apply_rows(&assortment(count, 100)).await;
    test
}

#[tokio::test]
async fn a_full_delivery_takes_back_what_it_leaves_out_and_a_delta_does_not() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let mut rows = assortment(39, 100);
    rows.extend(article(100, 250));
    let delta = sender.rows("", &rows).await.expect(200);
    assert_eq!(counts(&delta), [120, 3, 117, 0, 0]);
    assert_eq!(find(&test, &code(39)), Ok(100));
    let full = sender.rows("?mode=full", &rows).await.expect(200);
    assert_eq!(counts(&full), [120, 0, 120, 0, 3]);
    assert_eq!(full.number("/kinds/price/removed"), 1);
    assert_eq!(find(&test, &code(39)), Err(FindError::UnknownCode));
    assert_eq!((find(&test, &code(38)), find(&test, &code(100))), (Ok(100), Ok(250)));
    let again = sender.rows("?mode=full", &rows).await.expect(200);
    assert_eq!(counts(&again), [120, 0, 120, 0, 0]);
    assert_eq!(again.number("/revision"), full.number("/revision"));
}

#[tokio::test]
async fn a_full_delivery_is_the_whole_of_its_kinds_lists_and_stores_only() {
    let test = with_assortment(30).await;
    let sender = Sender::new(&test).await;
    test.apply_rows(&[price("bonn", "p1", 90), price("bonn", "p2", 90)]).await;
    let stock = |store: &str, sku: &str| json!({"kind": "stock", "store": store, "sku": sku, "amount": 4});
    test.apply_rows(&[stock("0001", "p1"), stock("0001", "p2"), stock("0002", "p2")]).await;
    let prices: Vec<Value> = (0..28).map(|number| price("de", &format!("p{number}"), 100)).collect();
    let full = sender.rows("?mode=full", &prices).await.expect(200);
    assert_eq!(counts(&full), [28, 0, 28, 0, 2]);
    assert_eq!(find(&test, &code(29)), Err(FindError::NoPrice), "its product and code are still there");
    let levels = sender.rows("?mode=full", &[stock("0001", "p1")]).await.expect(200);
    assert_eq!(counts(&levels), [1, 0, 1, 0, 1]);
    let products: Vec<Value> =
        assortment(29, 100).into_iter().filter(|row| row["kind"] == "product").collect();
    let named = sender.rows("?mode=full&kinds=product", &products).await.expect(200);
    assert_eq!(counts(&named), [29, 0, 29, 0, 1]);
    sender.rows("?mode=full&kinds=colour", &products).await.problem(400, "invalid_query");
}

#[tokio::test]
async fn a_quarantined_row_of_a_full_delivery_leaves_what_is_live_as_it_is() {
    let test = with_assortment(20).await;
    let sender = Sender::new(&test).await;
    let mut rows = assortment(19, 100);
    rows.push(json!({"kind": "product", "sku": "p19", "name": " ", "tax_class": "reduced"}));
    rows.push(json!({"kind": "code", "code": code(19), "sku": "nobody"}));
    rows.push(price("de", "p19", 0));
    let full = sender.rows("?mode=full", &rows).await.expect(200);
    assert_eq!(counts(&full), [60, 0, 57, 3, 0]);
    assert_eq!(find(&test, &code(19)), Ok(100));
}

#[tokio::test]
async fn half_an_assortment_is_held_invisible_and_released_as_it_came() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let id: BatchId = test.app.ids.next();
    let written = sample::lines(&assortment(20, 100));
    let revision = test.app.catalog.view().revision();
    let held = sender.put(id, "?mode=full", "application/x-ndjson", written.clone()).await.expect(202);
    assert_eq!((held.text("/state"), held.text("/holds/0/rule")), ("held", "b.shrink"));
    assert_eq!(counts(&held), [60, 0, 60, 0, 60], "what would become of it");
    assert!(held.json["applied_at"].is_null());
    assert_eq!(find(&test, &code(30)), Ok(100));
    let again = sender.put(id, "?mode=full", "application/x-ndjson", written.clone()).await.expect(202);
    assert_eq!(again.json, held.json);
    sender.put(id, "", "application/x-ndjson", written).await.problem(409, "batch_differs");
    let waiting = test.get("/v1/catalog/batches?state=held").bearer(&sender.key).send().await.expect(200);
    assert_eq!(waiting.text("/batches/0/batch"), id.to_string());
    // Another instance, which has nothing but the database, and somebody of the staff.
    let other = test.another().await;
    assert_eq!(other.app.catalog.view().revision(), revision, "nothing of it is visible");
    let admin = other.staff(Role::Admin, &["*"]).await;
    let path = format!("/v1/catalog/batches/{id}/release");
    let clerk = other.staff(Role::Clerk, &["*"]).await;
    other.post(&path, &json!({"note": "why"})).bearer(&clerk).send().await.problem(403, "role_missing");
    let itself = other.post(&path, &json!({"note": "why"})).bearer(&sender.key).send().await;
    itself.problem(403, "person_needed");
    other.post(&path, &json!({"note": " "})).bearer(&admin).send().await.problem(400, "invalid_value");
    let released = other.post(&path, &json!({"note": "the shop shrinks"})).bearer(&admin).send().await;
    let released = released.expect(200);
    assert_eq!((released.text("/state"), released.text("/decision/note")), ("applied", "the shop shrinks"));
    assert!(released.text("/decision/by").starts_with("staff:"));
    assert_eq!(released.text("/holds/0/rule"), "b.shrink", "why it was held is kept");
    assert_eq!(counts(&released), [60, 0, 60, 0, 60]);
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert_eq!((find(&test, &code(30)), find(&test, &code(10))), (Err(FindError::UnknownCode), Ok(100)));
    assert_eq!(sender.decide(&id.to_string(), "release").await.expect(200).json, released.json);
    sender.decide(&id.to_string(), "reject").await.problem(409, "batch_applied");
    let parts: (i64,) =
        test.app.db.sql("SELECT COUNT(*) FROM catalog_batch_parts").fetch_one().await.expect("counted");
    assert_eq!(parts.0, 0, "the content is let go of");
}

#[tokio::test]
async fn prices_times_a_hundred_are_held_and_can_be_rejected_or_released() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let prices: Vec<Value> = (0..40).map(|number| price("de", &format!("p{number}"), 10_000)).collect();
    let held = sender.rows("", &prices).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.badshare");
    assert_eq!(held.text("/holds/0/detail"), "40 of 40 rows are quarantined, most of them by price.jump: 40");
    assert_eq!(find(&test, &code(1)), Ok(100));
    let id = held.text("/batch").to_owned();
    let rejected = sender.decide(&id, "reject").await.expect(200);
    assert_eq!((rejected.text("/state"), rejected.text("/decision/note")), ("rejected", "looked at it"));
    assert_eq!(sender.decide(&id, "reject").await.expect(200).json, rejected.json);
    sender.decide(&id, "release").await.problem(409, "batch_rejected");
    assert_eq!(find(&test, &code(1)), Ok(100));
    // Another currency at last: somebody stands up for it, and for each of its rows.
    let prices: Vec<Value> = (0..40).map(|number| price("de", &format!("p{number}"), 10_001)).collect();
    let held = sender.rows("", &prices).await.expect(202).text("/batch").to_owned();
    let released = sender.decide(&held, "release").await.expect(200);
    assert_eq!(counts(&released), [40, 40, 0, 0, 0]);
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert_eq!(find(&test, &code(1)), Ok(10_001));
}

#[tokio::test]
async fn a_few_prices_a_little_and_one_a_third_are_an_ordinary_day() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let few: Vec<Value> = (0..8).map(|number| price("de", &format!("p{number}"), 105)).collect();
    sender.rows("", &few).await.expect(200);
    sender.rows("", &[price("de", "p9", 135)]).await.expect(200);
    assert_eq!((find(&test, &code(1)), find(&test, &code(9))), (Ok(105), Ok(135)));
    // Changed prices that are all likely, and yet too many.
    let many: Vec<Value> = (0..40).map(|number| price("de", &format!("p{number}"), 120)).collect();
    let held = sender.rows("", &many).await.expect(202);
    let rules: Vec<&Value> =
        held.json["holds"].as_array().expect("holds").iter().map(|hold| &hold["rule"]).collect();
    assert_eq!(rules, ["b.change", "b.change"], "all of them, and by too much in the middle");
}

#[tokio::test]
async fn prices_ahead_and_promotions_are_held_against_todays_prices() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let ahead = |kind: &str, amount: i64| -> Vec<Value> {
        let row = |number| {
            json!({
                "kind": "price", "price_list": "de", "sku": format!("p{number}"), "amount": amount, "currency": "EUR",
                "price_kind": kind, "valid_from": "2026-12-01T00:00:00Z", "valid_to": "2026-12-08T00:00:00Z",
            })
        };
        (0..20).map(row).collect()
    };
    let held = sender.rows("", &ahead("regular", 10_000)).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.badshare", "row by row");
    sender.rows("", &ahead("promotion", 10_000)).await.expect(202);
    let held = sender.rows("", &ahead("promotion", 5)).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.badshare");
    sender.rows("", &ahead("promotion", 60)).await.expect(200);
}

#[tokio::test]
async fn a_whole_category_or_store_may_not_go_unseen() {
    let test = with_assortment(60).await;
    let sender = Sender::new(&test).await;
    let without_fish: Vec<Value> = assortment(60, 100).into_iter().skip(9).collect();
    let held = sender.rows("?mode=full", &without_fish).await.expect(202);
    assert_eq!(held.text("/holds/0/detail"), "the whole category Fish would be gone");
    let stores: Vec<Value> = only_stores().into_iter().filter(|row| row["store"] == "0001").collect();
    let held = sender.rows("?mode=full", &stores).await.expect(202);
    assert!(held.json["holds"].to_string().contains("1 of kind store would be gone"), "{}", held.json);
    assert_eq!(test.app.catalog.view().stores().len(), 2);
}

#[tokio::test]
async fn single_deletions_of_half_the_assortment_are_held_too() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let gone = |count: u64| -> Vec<Value> {
        (0..count)
            .map(|number| json!({"kind": "product", "sku": format!("p{number}"), "deleted": true}))
            .collect()
    };
    let held = sender.rows("", &gone(20)).await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.shrink");
    sender.rows("", &gone(3)).await.expect(200);
    assert_eq!((find(&test, &code(2)), find(&test, &code(3))), (Err(FindError::UnknownCode), Ok(100)));
}

#[tokio::test]
async fn too_many_bad_rows_are_held_with_the_rows_and_their_reasons() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let mut rows = assortment(40, 100);
    rows.extend((0..30).map(|number| price("at", &format!("p{number}"), 100)));
    let held = sender.rows("", &rows).await.expect(202);
    assert_eq!((held.text("/holds/0/rule"), held.number("/reasons/price_list_unknown")), ("b.badshare", 30));
    assert_eq!(held.json["refusals"].as_array().map(Vec::len), Some(30));
    let released = sender.decide(held.text("/batch"), "release").await.expect(200);
    assert_eq!(counts(&released), [150, 0, 120, 30, 0]);
    assert_eq!(released.json["refusals"], held.json["refusals"]);
}

#[tokio::test]
async fn nothing_is_held_when_the_catalogue_is_empty_and_limits_can_be_set() {
    let test =
        TestApp::with(&[("AISLE_HOLD_CHANGE_PERCENT", "100"), ("AISLE_HOLD_MEDIAN_PERCENT", "50")]).await;
    let sender = Sender::new(&test).await;
    let mut first = only_stores();
    first.extend(assortment(40, 100));
    first.extend((0..40).map(|_| json!({"kind": "coupon"})));
    let first = sender.rows("?mode=full", &first).await.expect(200);
    assert_eq!((first.text("/state"), first.number("/quarantined")), ("applied", 40));
    let prices =
        |cents| -> Vec<Value> { (0..40).map(|number| price("de", &format!("p{number}"), cents)).collect() };
    sender.rows("", &prices(140)).await.expect(200);
    sender.rows("", &prices(280)).await.expect(202);
}

#[tokio::test]
async fn what_is_cut_off_late_or_not_what_was_said_does_nothing() {
    let test = with_assortment(10).await;
    let sender = Sender::new(&test).await;
    let rows = [price("de", "p1", 101), price("de", "p2", 101)];
    sender.rows("?rows=3", &rows).await.problem(400, "batch_truncated");
    let path = format!("/v1/catalog/batches/{}", test.app.ids.next::<BatchId>());
    let put = |digest: &'static str| {
        let put = test.call(Method::PUT, &path).bearer(&sender.key).header("content-digest", digest);
        put.body("application/x-ndjson", "").send()
    };
    put("sha-256=:AAAA:").await.problem(400, "batch_truncated");
    put("crc32=:AAAA:").await.problem(400, "invalid_header");
    put("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:").await.expect(200);
    assert_eq!(find(&test, &code(1)), Ok(100));
    sender.rows("?rows=2&feed=prices&sequence=7", &rows).await.expect(200);
    sender.rows("?feed=prices&sequence=7", &[price("de", "p1", 102)]).await.problem(409, "batch_late");
    sender.rows("?feed=prices&sequence=6", &[price("de", "p1", 102)]).await.problem(409, "batch_late");
    sender.rows("?feed=stock&sequence=6", &[price("de", "p1", 102)]).await.expect(200);
    assert_eq!((find(&test, &code(1)), find(&test, &code(2))), (Ok(102), Ok(101)));
}

#[tokio::test]
async fn a_table_is_delivered_as_it_is_and_counts_its_own_rows() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let sender = Sender::new(&test).await;
    let table = "EAN;Name;Preis;Gruppe\r\n\
        4006381333931;\"Stift; rot\";1,99;Büro > Stifte\r\n\
        4006381333932;Wrong check digit;1,00;\r\n\
        96385074;Gum;1.234;\r\n\
        4006381333948;Heft;0,5;Büro\r\n";
    let query = "?map=code=EAN,name=Name,price=Preis,category=Gruppe&price_list=de&currency=EUR";
    let id: BatchId = test.app.ids.next();
    let report = sender.put(id, query, "text/csv; charset=utf-8", table.to_owned()).await.expect(200);
    assert_eq!(counts(&report), [4, 2, 0, 2, 0]);
    assert_eq!((report.number("/kinds/code/applied"), report.number("/kinds/price/applied")), (2, 2));
    let lines: Vec<i64> = [0, 1].map(|each| report.number(&format!("/refusals/{each}/line"))).to_vec();
    assert_eq!(lines, [3, 4]);
    assert_eq!((find(&test, "4006381333931"), find(&test, "4006381333948")), (Ok(199), Ok(50)));
    let again = sender.put(test.app.ids.next(), query, "text/csv", table.to_owned()).await.expect(200);
    assert_eq!(counts(&again), [4, 0, 2, 2, 0]);
    let tabs = table.replace(';', "\t");
    let tabs = sender.put(test.app.ids.next(), query, "text/tab-separated-values", tabs).await;
    assert_eq!(tabs.expect(200).number("/received"), 4);
    let wrong = async |query: &str, table: &str| {
        sender.put(test.app.ids.next(), query, "text/csv", table.to_owned()).await
    };
    wrong("?map=code=Kode,name=Name", table).await.problem(400, "table_unreadable");
    wrong("", table).await.problem(400, "table_unreadable");
    wrong("?map=code=EAN,name=Name,price=Preis", table).await.problem(400, "table_unreadable");
    let unclosed = format!("EAN,Name\n4006381333955,\"{}", "x,\n".repeat(2_000_000));
    wrong("?map=code=EAN,name=Name", &unclosed).await.problem(400, "table_unreadable");
}

#[tokio::test]
async fn a_full_table_takes_back_what_it_leaves_out_but_not_what_is_broken_in_it() {
    let test = TestApp::new().await;
    test.apply_rows(&only_stores()).await;
    let sender = Sender::new(&test).await;
    let row = |number: u64| format!("{},Product {number},1.00\n", code(number));
    let head = "EAN,Name,Price\n".to_owned();
    let query = "?mode=full&map=code=EAN,name=Name,price=Price&price_list=de&currency=EUR";
    let table = head.clone() + &(0..20).map(row).collect::<String>();
    let first = sender.put(test.app.ids.next(), query, "text/csv", table).await.expect(200);
    assert_eq!(counts(&first), [20, 20, 0, 0, 0]);
    let table = head + &(0..18).map(row).collect::<String>() + &format!("{},,1.00\n", code(18));
    let second = sender.put(test.app.ids.next(), query, "text/csv", table).await.expect(200);
    assert_eq!(counts(&second), [19, 0, 18, 1, 3]);
    assert_eq!((find(&test, &code(18)), find(&test, &code(19))), (Ok(100), Err(FindError::UnknownCode)));
}

#[tokio::test]
async fn the_same_full_delivery_sent_twice_at_once_is_held_once() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let id: BatchId = test.app.ids.next();
    let written = sample::lines(&assortment(20, 100));
    let put = || sender.put(id, "?mode=full", "application/x-ndjson", written.clone());
    let (first, second) = tokio::join!(put(), put());
    assert_eq!(first.expect(202).json, second.expect(202).json);
    let name = id.to_string();
    let (one, two) = tokio::join!(sender.decide(&name, "release"), sender.decide(&name, "release"));
    assert_eq!(one.expect(200).json, two.expect(200).json);
}

fn import(test: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aisle"));
    match &test.app.config.database.place {
        Place::SqliteFile(file) => command.env("AISLE_DATABASE_FILE", file),
        Place::PostgresUrl(url) => command.env("DATABASE_URL", url),
    };
    command.arg("import").args(arguments);
    command
}

#[tokio::test]
async fn a_full_import_that_is_killed_shows_nothing_and_starts_again() {
    const COUNT: u64 = 6000;
    let test = with_assortment(10).await;
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().expect("a file");
    file.write_all(sample::lines(&assortment(COUNT, 100)).as_bytes()).expect("written");
    let path = file.path().display().to_string();
    let revision = test.app.catalog.view().revision();
    let mut child = import(&test, &[&path, "--mode=full"]).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut told = BufReader::new(child.stderr.take().expect("its errors")).lines().map_while(Result::ok);
    let is_begun = |line: &String| !line.starts_with("aisle import: 0 of ");
    told.find(is_begun).expect("it tells how far it is");
    child.kill().expect("killed");
    child.wait().expect("gone");
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert_eq!(test.app.catalog.view().revision(), revision);
    let ended = import(&test, &[&path, "--mode=full"]).output().expect("it runs");
    let said = String::from_utf8(ended.stdout).expect("text");
    assert!(ended.status.success(), "{said}");
    let expected =
        format!("{} received = {} applied + 30 unchanged + 0 quarantined", COUNT * 3, COUNT * 3 - 30);
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains("rows a second"), "{said}");
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert_eq!(find(&test, &code(COUNT - 1)), Ok(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_file_of_rows_is_imported_and_one_that_is_held_says_so() {
    let test = with_assortment(40).await;
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().expect("a file");
    let mut rows = assortment(20, 100);
    rows.push(price("at", "p1", 1));
    file.write_all(sample::lines(&rows).as_bytes()).expect("written");
    let path = file.path().display().to_string();
    let run = |arguments: &[&str]| {
        let output = import(&test, &[&[path.as_str()], arguments].concat()).output().expect("it runs");
        (output.status.success(), String::from_utf8(output.stdout).expect("text"))
    };
    let (is_fine, said) = run(&["--batch-rows=50"]);
    assert!(is_fine && said.contains("61 received = 0 applied + 60 unchanged + 1 quarantined"), "{said}");
    assert!(said.contains("line 61:"), "{said}");
    let (is_fine, said) = run(&["--mode=full"]);
    assert!(!is_fine && said.contains("b.shrink") && said.contains("release or reject"), "{said}");
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert_eq!(find(&test, &code(30)), Ok(100));
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let (is_fine, _) = run(&["--mode=full", "--confirmed", "--server", test.url(), "--key", &key]);
    assert!(!is_fine, "on a server a person releases");
    let (is_fine, said) = run(&["--mode=full", "--confirmed"]);
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    assert!(is_fine && said.contains("removed    60"), "{said}");
    assert_eq!((find(&test, &code(30)), find(&test, &code(10))), (Err(FindError::UnknownCode), Ok(100)));
}

#[tokio::test]
async fn batches_from_before_are_found_with_their_state() {
    let test = TestApp::new().await;
    let report = test.seed_catalog().await;
    assert_eq!(report.state, BatchState::Applied);
    test.apply_rows(&[price("de", "milk", 130)]).await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let list = test.get("/v1/catalog/batches?limit=1").bearer(&admin).send().await.expect(200);
    assert_eq!(list.json["batches"].as_array().map(Vec::len), Some(1));
    let shopper = test.shopper().await;
    test.get("/v1/catalog/batches").bearer(&shopper.token).send().await.problem(403, "other_caller");
    assert_eq!((find(&test, MILK), find(&test, BREAD)), (Ok(130), Ok(249)));
}

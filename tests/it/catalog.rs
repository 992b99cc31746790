//! The catalogue: codes mean products, batches are applied whole, each once, and nothing in between is ever seen.

use std::time::Duration;

use aisle::catalog::{FindError, Kind, Reason, Refusal};
use aisle::identity::Scope;
use aisle::ids::{BatchId, StoreId};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::TestApp;
use crate::support::catalog::{self as sample, BUN, GUM, MILK, STORE, STORE_WITH_OWN_PRICES, price};

fn store(store: &str) -> StoreId {
    store.parse().expect("a store")
}

fn find(test: &TestApp, at: &str, code: &str) -> Result<(String, i64), FindError> {
    test.app
        .catalog
        .view()
        .find(&store(at), code, test.app.clock.now())
        .map(|found| (found.sku.to_string(), found.price.amount.minor()))
}

#[tokio::test]
async fn a_code_means_a_product_at_the_price_of_the_store() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 129)));
    assert_eq!(
        find(&test, STORE_WITH_OWN_PRICES, MILK),
        Ok(("milk".to_owned(), 119)),
        "the store's own list comes first"
    );
    assert_eq!(
        find(&test, STORE_WITH_OWN_PRICES, GUM),
        Ok(("gum".to_owned(), 89)),
        "the country's list is the next"
    );
    assert_eq!(find(&test, STORE, "0036000291452"), find(&test, STORE, "036000291452"));
    assert_eq!(find(&test, STORE, BUN), Ok(("bun".to_owned(), 45)));
    let view = test.app.catalog.view();
    let found = view.find(&store(STORE), MILK, test.app.clock.now()).expect("found");
    assert_eq!(
        (found.gtin.to_string(), found.weight_grams, found.deliverable),
        (format!("0{MILK}"), Some(1050), true)
    );
    let rate = |day: &str| {
        view.rate("DE", &found.tax_class, day.parse().expect("a day")).map(|rate| rate.to_string())
    };
    assert_eq!((rate("2026-11-23"), rate("1983-06-30")), (Some("7 %".to_owned()), None));
    assert_eq!(view.store(&store(STORE)).map(|store| store.address.city.as_str()), Some("Bonn"));
}

#[tokio::test]
async fn each_way_of_finding_nothing_is_told_apart() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    assert_eq!(find(&test, "9999", MILK), Err(FindError::UnknownStore));
    assert_eq!(find(&test, STORE, sample::UNKNOWN), Err(FindError::UnknownCode));
    assert_eq!(find(&test, STORE, "4006381333932"), Err(FindError::BadCode(Refusal::CheckDigit)));
    assert_eq!(find(&test, STORE, "milk"), Err(FindError::Foreign));
    assert_eq!(find(&test, STORE, "123"), Err(FindError::BadCode(Refusal::Length)));
    assert_eq!(find(&test, STORE, sample::CHEESE_WITHOUT_PRICE), Err(FindError::NoPrice));
}

#[tokio::test]
async fn bad_rows_are_refused_by_line_and_the_others_applied() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let rows = [
        price("de", "tea", 100).to_string(),
        json!({"kind": "product", "sku": "tea", "name": "Tea", "tax_class": "reduced"}).to_string(),
        price("de", "tea", 199).to_string(),
        price("de", "tea", 0).to_string(),
        price("at", "tea", 199).to_string(),
        json!({"kind": "code", "code": "4006381333932", "sku": "tea"}).to_string(),
        json!({"kind": "code", "code": "7,6223E+12", "sku": "tea"}).to_string(),
        json!({"kind": "code", "code": "2000000000008", "sku": "tea"}).to_string(),
        json!({"kind": "code", "code": sample::UNKNOWN, "sku": "tea"}).to_string(),
        json!({"kind": "product", "sku": "x", "name": " ", "tax_class": "reduced"}).to_string(),
        json!({"kind": "product", "sku": "x", "name": "Extra", "tax_class": "luxury"}).to_string(),
        json!({"kind": "product", "sku": "x", "name": "X", "tax_class": "reduced", "colour": "red"})
            .to_string(),
        json!({"kind": "coupon", "sku": "x"}).to_string(),
        "{\"kind\": \"price\"".to_owned(),
        String::new(),
        price("de", "milk", 129).to_string(),
        json!({"kind": "price_list", "price_list": "de", "name": "Germany", "currency": "CHF"}).to_string(),
    ];
    let report = test.apply_text(test.app.ids.next(), rows.join("\n")).await.expect("applied");
    let refused: Vec<(i64, Reason)> = report.refusals.iter().map(|row| (row.line, row.reason)).collect();
    let expected = [
        (1, Reason::SkuUnknown),
        (4, Reason::PriceRange),
        (5, Reason::PriceListUnknown),
        (6, Reason::CodeCheckDigit),
        (7, Reason::CodeCharset),
        (8, Reason::CodeRestricted),
        (10, Reason::NameMissing),
        (11, Reason::TaxClassUnknown),
        (12, Reason::Field),
        (13, Reason::Kind),
        (14, Reason::Json),
        (17, Reason::Currency),
    ];
    assert_eq!(refused, expected);
    assert_eq!((report.received, report.applied, report.unchanged, report.quarantined), (16, 3, 1, 12));
    assert_eq!((report.refusals[0].key.as_str(), report.refusals[0].kind), ("de/tea", Kind::Price));
    assert_eq!(find(&test, STORE, sample::UNKNOWN), Ok(("tea".to_owned(), 199)));
}

#[tokio::test]
async fn the_same_batch_twice_is_answered_as_before_and_another_content_refused() {
    let test = TestApp::new().await;
    let first = test.seed_catalog().await;
    let id: BatchId = test.app.ids.next();
    let written = sample::lines(&[price("de", "milk", 135)]);
    let applied = test.apply_text(id, written.clone()).await.expect("applied");
    assert_eq!((applied.applied, applied.revision), (1, first.revision + 1));
    assert_eq!(test.apply_text(id, written).await.expect("known"), applied);
    let other = test.apply_text(id, sample::lines(&[price("de", "milk", 136)])).await;
    assert!(matches!(other, Err(aisle::catalog::BatchError::Differs)));
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 135)));
}

#[tokio::test]
async fn a_batch_that_says_what_is_known_changes_nothing_and_makes_no_revision() {
    let test = TestApp::new().await;
    let first = test.seed_catalog().await;
    let again = test.apply_rows(&sample::rows()).await;
    assert_eq!((again.applied, again.quarantined, again.unchanged), (0, 0, first.applied));
    assert_eq!(again.revision, first.revision);
}

#[tokio::test]
async fn what_is_taken_back_is_not_found_and_comes_back_when_it_is_delivered_again() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let gone = [
        json!({"kind": "product", "sku": "milk", "deleted": true}),
        json!({"kind": "code", "code": GUM, "deleted": true}),
        json!({"kind": "price", "price_list": "de", "sku": "bread", "deleted": true}),
        json!({"kind": "product", "sku": "never", "deleted": true}),
        json!({"kind": "price", "price_list": "de", "sku": "milk", "amount": 1, "currency": "EUR"}),
    ];
    let report = test.apply_rows(&gone).await;
    assert_eq!((report.applied, report.unchanged, report.quarantined), (3, 1, 1));
    assert_eq!(find(&test, STORE, MILK), Err(FindError::UnknownCode));
    assert_eq!(find(&test, STORE, GUM), Err(FindError::UnknownCode));
    assert_eq!(find(&test, STORE, sample::BREAD), Err(FindError::NoPrice));
    test.apply_rows(&sample::rows()).await;
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 129)));
    assert_eq!(find(&test, STORE, GUM), Ok(("gum".to_owned(), 89)));
    assert_eq!(find(&test, STORE, sample::BREAD), Ok(("bread".to_owned(), 249)));
}

#[tokio::test]
async fn a_key_that_stands_twice_in_a_batch_ends_as_the_later_row_says() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let report = test
        .apply_rows(&[price("de", "milk", 131), price("de", "milk", 132), price("de", "milk", 132)])
        .await;
    assert_eq!((report.applied, report.unchanged), (2, 1));
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 132)));
}

#[tokio::test]
async fn another_handle_sees_a_revision_after_it_looked() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let other = aisle::catalog::Catalog::load(&test.app.db).await.expect("loaded");
    let price_there = |other: &aisle::catalog::Catalog| {
        other.view().find(&store(STORE), MILK, test.app.clock.now()).expect("found").price.amount.minor()
    };
    assert_eq!(price_there(&other), 129);
    test.apply_rows(&[price("de", "milk", 131)]).await;
    assert_eq!(price_there(&other), 129);
    other.refresh(&test.app.db).await.expect("read");
    assert_eq!(price_there(&other), 131);
    assert_eq!(other.view().revision(), test.app.catalog.view().revision());
}

/// Many products on two lists.
fn many(count: i64, amount: i64) -> Vec<Value> {
    let skus = (0..count).map(|number| format!("many-{number}"));
    let rows = skus.flat_map(|sku| {
        let product = json!({"kind": "product", "sku": sku, "name": sku, "tax_class": "reduced"});
        [product, price("de", &sku, amount), price("bonn", &sku, amount)]
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_seen_as_a_whole_or_not_at_all() {
    const COUNT: i64 = 1200;
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&many(COUNT, 1)).await;
    let (app, now) = (test.app.clone(), test.app.clock.now());
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let (de, bonn) = (store(STORE), store(STORE_WITH_OWN_PRICES));
        let skus: Vec<aisle::ids::Sku> =
            (0..COUNT).map(|number| format!("many-{number}").parse().expect("a SKU")).collect();
        let mut seen = std::collections::BTreeSet::new();
        while !stopped.is_cancelled() {
            let view = app.catalog.view();
            let of = |at: &StoreId, sku| view.product(at, sku, now).expect("sold").price.amount.minor();
            let first = of(&de, &skus[0]);
            assert!(
                skus.iter().all(|sku| of(&de, sku) == first && of(&bonn, sku) == first),
                "one revision throughout"
            );
            seen.insert(first);
        }
        seen
    });
    for amount in 2..6 {
        test.apply_rows(&many(COUNT, amount)).await;
    }
    stop.cancel();
    let seen = reader.await.expect("every view was of one revision");
    assert!(!seen.is_empty());
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 129)));
}

/// A key that may write and read the catalogue.
async fn writer(test: &TestApp) -> String {
    test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await
}

#[tokio::test]
async fn a_shopper_looks_a_code_up_and_every_refusal_has_a_code_of_its_own() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let shopper = test.shopper().await;
    let look = async |path: &str| test.get(path).bearer(&shopper.token).send().await;
    let milk = look(&format!("/v1/stores/{STORE}/products/{MILK}")).await.expect(200);
    let expected = json!({
        "store": STORE, "gtin": format!("0{MILK}"), "sku": "milk", "name": "Whole milk 1 l", "brand": "Sample",
        "tax_class": "reduced", "weight_grams": 1050, "deliverable": true,
        "price": {"amount": 129, "currency": "EUR"}, "revision": 1,
    });
    assert_eq!(milk.json, expected);
    assert_eq!(milk.headers["content-type"], "application/json");
    look("/v1/stores/9999/products/96385074").await.problem(404, "store_unknown");
    look(&format!("/v1/stores/{STORE}/products/{}", sample::UNKNOWN)).await.problem(404, "code_unknown");
    look(&format!("/v1/stores/{STORE}/products/4006381333932")).await.problem(400, "code_check_digit");
    look(&format!("/v1/stores/{STORE}/products/40063")).await.problem(400, "code_malformed");
    look(&format!("/v1/stores/{STORE}/products/%ff")).await.problem(400, "code_malformed");
    look(&format!("/v1/stores/{STORE}/products/{}", sample::CHEESE_WITHOUT_PRICE))
        .await
        .problem(404, "price_missing");
    look(&format!("/v1/stores/{STORE}/products/{GUM}?symbology=upce"))
        .await
        .problem(400, "code_number_system");
    look(&format!("/v1/stores/{STORE}/products/{GUM}?symbology=ean8")).await.expect(200);
    look(&format!("/v1/stores/{STORE}/products/{GUM}?symbology=ean14")).await.problem(400, "invalid_query");
    // The same product as a message of GS1, and as one whose date there is not; codes that name no product.
    let message = look(&format!("/v1/stores/{STORE}/products/(01)0{MILK}(17)261231")).await;
    assert_eq!(message.expect(200).json["sku"], "milk");
    look(&format!("/v1/stores/{STORE}/products/(01)0{MILK}(17)261331")).await.problem(400, "code_date");
    look(&format!("/v1/stores/{STORE}/products/0512345678900")).await.problem(404, "code_no_product");
    look(&format!("/v1/stores/{STORE}/products/2812347146857"))
        .await
        .problem(400, "code_measure_check_digit");
    test.get(&format!("/v1/stores/{STORE}/products/{MILK}")).send().await.problem(401, "unauthenticated");
    let stores = look("/v1/stores").await.expect(200);
    assert_eq!(stores.text("/stores/1/store"), STORE_WITH_OWN_PRICES);
    assert_eq!(look(&format!("/v1/stores/{STORE}")).await.expect(200).text("/address/city"), "Bonn");
    look("/v1/stores/9999").await.problem(404, "store_unknown");
}

#[tokio::test]
async fn eight_digits_of_a_upc_e_are_found_when_no_ean_8_has_them() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&[json!({"kind": "code", "code": "012345000065", "sku": "pan"})]).await;
    assert_eq!(find(&test, STORE, "01234565"), Ok(("pan".to_owned(), 3999)));
    test.apply_rows(&[json!({"kind": "code", "code": "01234565", "sku": "bun", "internal": true})]).await;
    assert_eq!(find(&test, STORE, "01234565"), Ok(("bun".to_owned(), 45)), "EAN-8 comes first");
    let shopper = test.shopper().await;
    let path = format!("/v1/stores/{STORE}/products/01234565?symbology=upce");
    assert_eq!(test.get(&path).bearer(&shopper.token).send().await.expect(200).text("/sku"), "pan");
}

#[tokio::test]
async fn a_batch_delivered_over_http_is_visible_when_its_answer_comes() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = writer(&test).await;
    let id: BatchId = test.app.ids.next();
    let path = format!("/v1/catalog/batches/{id}");
    let written = sample::lines(&[price("de", "milk", 133), price("de", "nothing", 1)]);
    let deliver = async |written: &str| {
        test.call(Method::PUT, &path)
            .bearer(&key)
            .body("application/x-ndjson", written.to_owned())
            .send()
            .await
    };
    test.get(&path).bearer(&key).send().await.problem(404, "batch_unknown");
    let report = deliver(&written).await.expect(200);
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 133)));
    assert_eq!(
        (report.number("/received"), report.number("/applied"), report.number("/quarantined")),
        (2, 1, 1)
    );
    assert_eq!(report.text("/refusals/0/reason"), "sku_unknown");
    assert_eq!(deliver(&written).await.expect(200).json, report.json);
    deliver("").await.problem(409, "batch_differs");
    assert_eq!(test.get(&path).bearer(&key).send().await.expect(200).json, report.json);
    let page = test.get(&format!("{path}/refusals?after=1&limit=10")).bearer(&key).send().await.expect(200);
    assert_eq!(page.number("/refusals/0/line"), 2);
    let revision = test.get("/v1/catalog/revision").bearer(&key).send().await.expect(200);
    assert_eq!(revision.number("/revision"), report.number("/revision"));
    let reader = test.partner(&[Scope::CatalogRead]).await;
    let refused =
        test.call(Method::PUT, &path).bearer(&reader).body("application/x-ndjson", written).send().await;
    refused.problem(403, "scope_missing");
}

#[tokio::test]
async fn a_key_of_one_store_changes_nothing_in_the_catalogue_of_all() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner_of(&[Scope::CatalogWrite], Some(store(STORE_WITH_OWN_PRICES))).await;
    for list in ["de", "bonn"] {
        let id: BatchId = test.app.ids.next();
        let written = sample::lines(&[price(list, "milk", 1)]);
        let call = test.call(Method::PUT, &format!("/v1/catalog/batches/{id}")).bearer(&key);
        call.body("application/x-ndjson", written).send().await.problem(403, "key_of_one_store");
    }
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 129)));
    assert_eq!(find(&test, STORE_WITH_OWN_PRICES, MILK), Ok(("milk".to_owned(), 119)));
}

#[tokio::test]
async fn a_body_that_breaks_off_applies_nothing() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let (key, id) = (writer(&test).await, test.app.ids.next::<BatchId>());
    let written = sample::lines(&[price("de", "milk", 131)]);
    let address = test.url().trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await.expect("connected");
    let head = format!(
        "PUT /v1/catalog/batches/{id} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{written}",
        written.len() + 1
    );
    connection.write_all(head.as_bytes()).await.expect("sent");
    connection.shutdown().await.expect("the sender is gone");
    let mut answer = String::new();
    // Whether the answer still reaches a sender that has hung up is not ours to say.
    let _ = connection.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.contains("body_unreadable"), "{answer}");
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 129)));
    let path = format!("/v1/catalog/batches/{id}");
    test.get(&path).bearer(&key).send().await.problem(404, "batch_unknown");
    let whole = test.call(Method::PUT, &path).bearer(&key).body("application/x-ndjson", written).send().await;
    assert_eq!(whole.expect(200).number("/applied"), 1);
}

#[tokio::test]
async fn a_batch_whose_sender_gives_up_at_any_moment_is_applied_whole_or_not_at_all() {
    const COUNT: i64 = 700;
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&many(COUNT, 1)).await;
    let skus = ["many-0", "many-350", "many-699"].map(|sku| sku.parse().expect("a SKU"));
    for (amount, millis) in [(2, 1), (3, 10), (4, 30), (5, 60)] {
        let (id, written) = (test.app.ids.next::<BatchId>(), sample::lines(&many(COUNT, amount)));
        let given_up =
            tokio::time::timeout(Duration::from_millis(millis), test.apply_text(id, written.clone())).await;
        test.app.catalog.refresh(&test.app.db).await.expect("read");
        let view = test.app.catalog.view();
        let seen = skus.each_ref().map(|sku| {
            view.product(&store(STORE), sku, test.app.clock.now()).expect("sold").price.amount.minor()
        });
        assert!(seen.iter().all(|each| *each == seen[0]), "{seen:?} after {millis} ms");
        assert!(seen[0] == amount || given_up.is_err());
        let report = test.apply_text(id, written).await.expect("applied, or known");
        assert_eq!((report.received, report.quarantined), (COUNT * 3, 0));
    }
}

#[tokio::test]
async fn the_follower_brings_what_others_wrote() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let following = aisle::catalog::follow(test.app.clone(), stop.clone());
    let written = sample::lines(&[price("de", "milk", 140)]);
    test.apply_unseen(test.app.ids.next(), written).await.expect("applied");
    let seen = async {
        while find(&test, STORE, MILK) != Ok(("milk".to_owned(), 140)) {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(following, seen) };
    tokio::time::timeout(Duration::from_secs(5), both)
        .await
        .expect("seen within a few looks, and ended when told to");
}

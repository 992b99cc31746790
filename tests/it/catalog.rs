//! The catalogue: codes mean products, batches are applied whole, each once, and nothing in between is ever seen.

use aisle::catalog::{CodeError, FindError, Kind, Reason};
use aisle::ids::{BatchId, StoreId};
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::catalog::{self as sample, BUN, GUM, MILK, STORE, STORE_WITH_OWN_PRICES, price};

fn store(store: &str) -> StoreId {
    store.parse().expect("a store")
}

fn find(test: &TestApp, at: &str, code: &str) -> Result<(String, i64), FindError> {
    test.app.catalog.view().find(&store(at), code).map(|found| (found.sku.to_string(), found.price.minor()))
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
    let found = view.find(&store(STORE), MILK).expect("found");
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
    assert_eq!(find(&test, STORE, "4006381333932"), Err(FindError::BadCode(CodeError::CheckDigit)));
    assert_eq!(find(&test, STORE, "milk"), Err(FindError::BadCode(CodeError::Charset)));
    assert_eq!(find(&test, STORE, "123"), Err(FindError::BadCode(CodeError::Length)));
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
        json!({"kind": "product", "sku": "x", "name": "X", "tax_class": "luxury"}).to_string(),
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
    assert_eq!((report.received, report.applied, report.unchanged, report.refused), (16, 3, 1, 12));
    assert_eq!((report.refusals[0].key.as_str(), report.refusals[0].kind), ("de/tea", Kind::Price));
    assert_eq!(find(&test, STORE, sample::UNKNOWN), Ok(("tea".to_owned(), 199)));
}

#[tokio::test]
async fn the_same_batch_twice_is_answered_as_before_and_another_content_refused() {
    let test = TestApp::new().await;
    let first = test.seed_catalog().await;
    let id: BatchId = test.app.ids.next();
    let text = sample::lines(&[price("de", "milk", 135)]);
    let applied = test.apply_text(id, text.clone()).await.expect("applied");
    assert_eq!((applied.applied, applied.revision), (1, first.revision + 1));
    assert_eq!(test.apply_text(id, text).await.expect("known"), applied);
    let other = test.apply_text(id, sample::lines(&[price("de", "milk", 136)])).await;
    assert!(matches!(other, Err(aisle::catalog::BatchError::Differs)));
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 135)));
}

#[tokio::test]
async fn a_batch_that_says_what_is_known_changes_nothing_and_makes_no_revision() {
    let test = TestApp::new().await;
    let first = test.seed_catalog().await;
    let again = test.apply_rows(&sample::rows()).await;
    assert_eq!((again.applied, again.refused, again.unchanged), (0, 0, first.applied));
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
    assert_eq!((report.applied, report.unchanged, report.refused), (3, 1, 1));
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
    let report =
        test.apply_rows(&[price("de", "milk", 1), price("de", "milk", 2), price("de", "milk", 2)]).await;
    assert_eq!((report.applied, report.unchanged), (2, 1));
    assert_eq!(find(&test, STORE, MILK), Ok(("milk".to_owned(), 2)));
}

#[tokio::test]
async fn another_handle_sees_a_revision_after_it_looked() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let other = aisle::catalog::Catalog::load(&test.app.db).await.expect("loaded");
    let price_there = |other: &aisle::catalog::Catalog| {
        other.view().find(&store(STORE), MILK).expect("found").price.minor()
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
    const COUNT: i64 = 2500;
    let test = TestApp::new().await;
    test.seed_catalog().await;
    test.apply_rows(&many(COUNT, 1)).await;
    let app = test.app.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let (de, bonn) = (store(STORE), store(STORE_WITH_OWN_PRICES));
        let skus: Vec<aisle::ids::Sku> =
            (0..COUNT).map(|number| format!("many-{number}").parse().expect("a SKU")).collect();
        let mut seen = std::collections::BTreeSet::new();
        while !stopped.is_cancelled() {
            let view = app.catalog.view();
            let of = |at: &StoreId, sku| view.product(at, sku).expect("sold").price.minor();
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

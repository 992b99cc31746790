//! A real Tryton 8.2: what is changed there is seen here. `tests/run` installs one and runs these; by hand:
//! `tests/tryton/prepare FOLDER`, then `AISLE_TRYTON=FOLDER cargo nextest run --run-ignored only exchange::tryton`.

use std::time::Instant;

use aisle::exchange;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::{Value, json};

use crate::support::catalog::ean13;
use crate::support::tryton::{Tryton, decimal};
use crate::support::{Answer, TestApp};

pub(super) const FILE: &str = include_str!("../../tryton/erp.toml");

struct Erp {
    tryton: Tryton,
    test: TestApp,
    _files: tempfile::TempDir,
}

impl Erp {
    /// A service that has taken all of a Tryton.
    async fn start(page: usize) -> Self {
        let erp = Self::unsynced(page).await;
        for _ in 0..4 {
            erp.pull().await;
        }
        erp
    }

    async fn unsynced(page: usize) -> Self {
        let tryton = Tryton::start().await;
        let files = tempfile::tempdir().expect("a folder");
        let written = FILE
            .replace("http://127.0.0.1:8069/erp", &tryton.url())
            .replace("full_hours = 24", &format!("full_hours = 24\npage = {page}"));
        std::fs::write(files.path().join("erp.toml"), written).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let settings = [
            ("AISLE_CONNECTIONS", folder.as_str()),
            ("AISLE_ERP_KEY", tryton.key("aisle")),
            ("AISLE_ERP_PASSWORD", tryton.seed["password"].as_str().expect("a password")),
        ];
        let test = TestApp::with(&settings).await;
        exchange::schedule_pulls(&test.app).await.expect("asked for");
        Self { tryton, test, _files: files }
    }

    /// Asks for what changed, at the next time that is due.
    async fn pull(&self) {
        self.test.advance(Duration::seconds(3));
        self.test.run_jobs().await;
    }

    async fn look(&self, code: &str) -> Answer {
        let path = format!("/v1/stores/0001/products/{code}");
        let token = self.test.shopper().await.token;
        self.test.get(&path).bearer(&token).send().await
    }

    async fn connection(&self) -> Value {
        let admin = self.test.staff(Role::Admin, &["*"]).await;
        let answer = self.test.get("/v1/exchange/connections").bearer(&admin).send().await.expect(200);
        answer.json["connections"][0].clone()
    }

    async fn stock(&self, store: &str, sku: &str) -> Option<i64> {
        let store = store.parse().expect("a key");
        let found = aisle::catalog::stock_of(&self.test.app.db, &store, [sku]).await.expect("read");
        found.into_values().next()
    }

    /// The streams, by name.
    async fn streams(&self) -> Vec<Value> {
        self.connection().await["streams"].as_array().expect("streams").clone()
    }
}

/// The EAN of the article with this number, as the seed makes it.
pub(super) fn ean(number: usize) -> String {
    ean13(&format!("400000{number:06}"))
}

fn price(answer: &Answer) -> i64 {
    answer.number("/price/amount")
}

#[tokio::test]
#[ignore = "needs a Tryton: AISLE_TRYTON"]
async fn all_of_a_tryton_is_taken_and_each_change_is_seen_in_a_lookup() {
    let erp = Erp::start(500).await;
    for stream in erp.streams().await {
        let (failures, today) = (&stream["failures"], &stream["today"]);
        assert_eq!((failures, &today["quarantined"]), (&json!(0), &json!(0)), "{stream}");
        assert_eq!(today["received"], today["applied"], "{stream}");
        assert!(stream["connected_since"].is_string(), "{stream}");
    }
    let first = erp.look(&ean(1)).await.expect(200);
    assert_eq!((first.text("/name"), price(&first)), ("Article 00001", 57));
    assert_eq!(erp.stock("0001", "A00001").await, Some(5));
    assert_eq!(erp.stock("0002", "A00001").await, Some(25));
    assert_eq!(erp.stock("0001", "A00040").await, Some(14_000), "kilograms are grams here");

    // The name and the price on the template, which leave the product's own stamp alone.
    erp.tryton.put("product.template/1", json!({ "name": "Renamed" })).await;
    erp.tryton.put("product.template/2", json!({ "gross_price": decimal("0.79") })).await;
    // A price on the variant, and a code that is added by itself.
    erp.tryton.put("product.product/3", json!({ "gross_price": decimal("0.9000") })).await;
    let code = ean(900_001);
    erp.tryton.post("product.identifier", json!({ "product": 4, "type": "ean", "code": code })).await;
    // The store's stock, counted.
    erp.tryton.count(&erp.tryton.seed["storage"][0], 5, 77).await;
    erp.pull().await;
    assert_eq!(erp.look(&ean(1)).await.expect(200).text("/name"), "Renamed");
    assert_eq!(price(&erp.look(&ean(2)).await.expect(200)), 79);
    assert_eq!(price(&erp.look(&ean(3)).await.expect(200)), 90);
    assert_eq!(erp.look(&code).await.expect(200).text("/sku"), "A00004");
    assert_eq!(erp.stock("0001", "A00005").await, Some(77));
    assert_eq!(erp.stock("0002", "A00005").await, Some(29));

    // A rate of tax, which touches no product.
    erp.tryton.put("account.tax/2", json!({ "rate": decimal("0.20") })).await;
    erp.pull().await;
    let taxes = erp.streams().await;
    assert_eq!(
        taxes[0]["today"]["applied"],
        json!(5),
        "two classes, two rates, and the new rate: {}",
        taxes[0]
    );
}

#[tokio::test]
#[ignore = "needs a Tryton: AISLE_TRYTON"]
async fn what_is_deleted_in_tryton_is_found_by_the_full_comparison() {
    let erp = Erp::start(50).await;
    let code = ean(900_002);
    let identifier = json!({ "type": "ean", "code": code });
    let product = json!({ "suffix_code": "NEW", "identifiers": [["create", [identifier]]] });
    let template = json!({
        "name": "New", "type": "goods", "default_uom": 1, "sale_uom": 1, "salable": true,
        "list_price": decimal("1"), "gross_price": decimal("1.07"),
        "account_category": erp.tryton.seed["categories"]["Food"], "products": [["create", [product]]],
    });
    let template = erp.tryton.post("product.template", template).await;
    erp.pull().await;
    assert_eq!(erp.look(&code).await.expect(200).text("/sku"), "NEW");

    // Both leave nothing behind that a delta could see.
    erp.tryton.delete(&format!("product.template/{template}")).await;
    erp.tryton.delete("product.identifier/7").await;
    erp.pull().await;
    assert_eq!(erp.look(&code).await.expect(200).text("/sku"), "NEW", "no delta takes anything back");
    erp.test.advance(Duration::hours(25));
    erp.pull().await;
    erp.look(&code).await.problem(404, "code_unknown");
    erp.look(&ean(7)).await.problem(404, "code_unknown");
    assert_eq!(erp.look(&ean(8)).await.expect(200).text("/sku"), "A00008");
}

#[tokio::test]
#[ignore = "needs a Tryton: AISLE_TRYTON"]
async fn a_tryton_that_is_killed_in_the_middle_of_a_pull_loses_nothing() {
    let mut erp = Erp::start(10).await;
    for number in 1..=40 {
        let amount = decimal(&format!("9.{number:02}"));
        erp.tryton.put(&format!("product.template/{number}"), json!({ "gross_price": amount })).await;
    }
    // So many prices at once are held as odd, or kept aside: a person says that they are right, as for every delivery.
    let began = Instant::now();
    let (test, tryton) = (&erp.test, &mut erp.tryton);
    test.advance(Duration::seconds(3));
    let killed = async {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        tryton.kill();
    };
    let (_, ()) = tokio::join!(test.run_jobs(), killed);
    assert!(began.elapsed().as_secs() < 20, "a system that is gone keeps nobody waiting");
    erp.test.advance(Duration::minutes(1));
    erp.test.run_jobs().await;
    let products = erp.streams().await.swap_remove(1);
    assert!(products["failures"].as_i64() >= Some(1), "{products}");
    assert!(products["last_error"].as_str().is_some_and(|error| error.contains("no answer")), "{products}");
    assert!(products.get("connected_since").is_none(), "{products}");
    assert!(products["lag_seconds"].as_i64() >= Some(60), "{products}");
    assert_eq!(erp.look(&ean(50)).await.expect(200).text("/sku"), "A00050", "what is known is served on");

    erp.tryton.restart().await;
    erp.test.advance(Duration::minutes(6));
    erp.test.run_jobs().await;
    erp.release_held().await;
    erp.test.advance(Duration::minutes(1));
    erp.pull().await;
    for number in 1..=40 {
        let found = erp.look(&ean(number)).await.expect(200);
        assert_eq!(price(&found), 900 + i64::try_from(number).expect("small"), "{number}");
    }
    let products = erp.streams().await.swap_remove(1);
    assert_eq!((&products["failures"], &products["backlog"]), (&json!(0), &json!(0)), "{products}");
}

impl Erp {
    /// Says of a held batch that it is right.
    async fn release_held(&self) {
        let products = self.streams().await.swap_remove(1);
        let Some(batch) = products["held_batch"].as_str() else { return };
        let admin = self.test.staff(Role::Admin, &["*"]).await;
        let path = format!("/v1/catalog/batches/{batch}/release");
        self.test.post(&path, &json!({ "note": "new prices" })).bearer(&admin).send().await.expect(200);
    }
}

//! A real Vendure: what changes there is found here, what is left here stands there, and both are equal in the end though it
//! is killed in the middle. Run by `tests/run`, or with `AISLE_VENDURE=folder cargo nextest run --run-ignored only
//! exchange::vendure`.

use std::collections::BTreeMap;
use std::time::{Duration as Time, Instant};

use aisle::exchange;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::{Value, json};

use crate::support::catalog::ean13;
use crate::support::vendure::Vendure;
use crate::support::{Answer, TestApp};

const FILE: &str = include_str!("../../vendure/shop.toml");
const ARTICLES: usize = 120;
/// Changes whose way from there to a lookup here is measured.
const MEASURED: usize = 200;

struct Web {
    vendure: Vendure,
    test: TestApp,
    _files: tempfile::TempDir,
}

impl Web {
    /// A service that has taken all of a Vendure.
    async fn start() -> Self {
        let vendure = Vendure::start().await;
        let files = tempfile::tempdir().expect("a folder");
        let written = FILE
            .replace("http://127.0.0.1:3000", &vendure.url())
            .replace("0001 = \"2\"", &format!("0001 = \"{}\"", vendure.location(0)))
            .replace("0002 = \"3\"", &format!("0002 = \"{}\"", vendure.location(1)))
            .replace("batch = 100 ", "batch = 10 ");
        std::fs::write(files.path().join("shop.toml"), written).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let settings = [
            ("AISLE_CONNECTIONS", folder.as_str()),
            ("AISLE_SHOP_USER", "aisle@example.com"),
            ("AISLE_SHOP_PASSWORD", vendure.password("aisle@example.com")),
        ];
        let test = TestApp::with(&settings).await;
        exchange::schedule_pulls(&test.app).await.expect("asked for");
        let web = Self { vendure, test, _files: files };
        web.round().await;
        assert_eq!(web.look(&ean(1)).await.expect(200).text("/name"), "Article 00001");
        exchange::schedule_stock(&web.test.app).await.expect("asked for");
        web
    }

    /// Does what is due at the next time.
    async fn round(&self) {
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

    /// The store's system says how much there is of each article.
    async fn figures(&self, store: &str, amount: impl Fn(usize) -> i64) -> BTreeMap<String, i64> {
        let figures: BTreeMap<String, i64> =
            (1..=ARTICLES).map(|number| (format!("A{number:05}"), amount(number))).collect();
        let row = |(sku, amount): (&String, &i64)| json!({ "kind": "stock", "store": store, "sku": sku, "amount": amount });
        let report = self.test.apply_rows(&figures.iter().map(row).collect::<Vec<_>>()).await;
        assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
        figures
    }
}

/// The EAN of the article with this number, as the seed makes it.
fn ean(number: usize) -> String {
    ean13(&format!("400000{number:06}"))
}

fn small(number: usize) -> i64 {
    i64::try_from(number).expect("small")
}

#[tokio::test]
#[ignore = "needs a Vendure: AISLE_VENDURE"]
async fn all_of_a_vendure_is_taken_and_each_change_is_seen_in_a_lookup() {
    let web = Web::start().await;
    let stream = web.connection().await["streams"][0].clone();
    assert_eq!((&stream["records"], &stream["today"]["quarantined"]), (&json!(120), &json!(0)), "{stream}");
    let first = web.look(&ean(1)).await.expect(200);
    assert_eq!((first.number("/price/amount"), first.text("/sku")), (57, "A00001"));

    web.vendure.change(json!({ "price": 61 }), "1").await;
    let new = ean(900_001);
    web.vendure.change(json!({ "customFields": { "ean": new } }), "2").await;
    // Switched off at the product, which leaves the variant's stamp alone.
    let off = "mutation { updateProduct(input: { id: \"3\", enabled: false }) { id } }";
    web.vendure.ask(off, json!({})).await;
    web.round().await;
    assert_eq!(web.look(&ean(1)).await.expect(200).number("/price/amount"), 61);
    assert_eq!(web.look(&new).await.expect(200).text("/sku"), "A00002");
    web.look(&ean(2)).await.problem(404, "code_unknown");
    web.look(&ean(3)).await.problem(404, "code_unknown");

    // What is deleted leaves nothing behind that a delta could see.
    web.vendure.ask("mutation { deleteProductVariant(id: \"4\") { result } }", json!({})).await;
    web.round().await;
    assert_eq!(web.look(&ean(4)).await.expect(200).text("/sku"), "A00004");
    web.test.advance(Duration::hours(25));
    web.round().await;
    web.look(&ean(4)).await.problem(404, "code_unknown");
}

#[tokio::test]
#[ignore = "needs a Vendure: AISLE_VENDURE"]
async fn stock_is_equal_in_both_stores_though_both_sides_are_killed_and_others_write_too() {
    let mut web = Web::start().await;
    let (first, second) = (web.vendure.location(0).to_owned(), web.vendure.location(1).to_owned());
    let (at_first, at_second) =
        (web.figures("0001", small).await, web.figures("0002", |number| small(number % 7)).await);
    web.round().await;
    assert_eq!(web.vendure.stock(&first).await, at_first);
    assert_eq!(web.vendure.stock(&second).await, at_second);

    // The shop dies while numbers are on their way.
    let at_first = web.figures("0001", |number| 1_000 + small(number)).await;
    web.test.advance(Duration::seconds(3));
    let (test, vendure) = (&web.test, &mut web.vendure);
    let killed = async {
        tokio::time::sleep(Time::from_millis(150)).await;
        vendure.kill();
    };
    tokio::join!(test.run_jobs(), killed);
    web.test.advance(Duration::minutes(1));
    web.test.run_jobs().await;
    let shelf = web.connection().await["shelves"][0].clone();
    assert!(shelf["failures"].as_i64() >= Some(1), "{shelf}");
    web.vendure.restart().await;
    web.test.advance(Duration::minutes(6));
    web.test.run_jobs().await;
    assert_eq!(web.vendure.stock(&first).await, at_first);

    // We die while numbers are on their way, and another instance goes on.
    let at_first = web.figures("0001", |number| 2_000 + small(number)).await;
    web.test.advance(Duration::seconds(3));
    let _ = tokio::time::timeout(Time::from_millis(250), web.test.run_jobs()).await;
    let next = web.test.another().await;
    next.advance(Duration::minutes(3));
    next.run_jobs().await;
    assert_eq!(web.vendure.stock(&first).await, at_first);
    assert_eq!(web.vendure.stock(&second).await, at_second);

    // Somebody counts by hand in the shop.
    let level = json!({ "stockLevels": [{ "stockLocationId": second, "stockOnHand": 77 }] });
    web.vendure.change(level, "9").await;
    web.test.advance(Duration::minutes(16));
    web.test.run_jobs().await;
    assert_eq!(web.vendure.stock(&second).await, at_second);
    let shelf = web.connection().await["shelves"][1].clone();
    assert_eq!((&shelf["corrected"], &shelf["backlog"]), (&json!(1), &json!(0)), "{shelf}");
}

#[tokio::test]
#[ignore = "needs a Vendure: AISLE_VENDURE"]
async fn a_change_there_is_soon_in_a_lookup_here() {
    let web = Web::start().await;
    let token = web.test.shopper().await.token;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..MEASURED {
        let number = 1 + turn % ARTICLES;
        // Within what is believed of a price.
        let price = 50 + small(number) * 7 + 1 + small(turn / ARTICLES);
        let began = Instant::now();
        web.vendure.change(json!({ "price": price }), &number.to_string()).await;
        theirs.push(began.elapsed());
        // From the moment in which it can be read there; the pause between two askings comes on top.
        let began = Instant::now();
        web.round().await;
        let path = format!("/v1/stores/0001/products/{}", ean(number));
        let found = web.test.get(&path).bearer(&token).send().await.expect(200);
        assert_eq!(found.number("/price/amount"), price, "{number}");
        ours.push(began.elapsed());
    }
    eprintln!("change there, written by the shop: {}", spread(&mut theirs));
    eprintln!("asked for, applied and looked up here: {}", spread(&mut ours));
}

fn spread(times: &mut [Time]) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    format!("p50 {:?}, p99 {:?} of {}", at(50), at(99), times.len())
}

//! Pulls: what a back office says late, twice, half or wrongly changes nothing but what it should.

use aisle::exchange;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::{Value, json};

use super::peer::{Fault, Peer, code};
use crate::support::{Answer, TestApp};

pub(super) const FILE: &str = r#"
system = "tryton"
url = "URL"
company = "1"
currency = "EUR"
time_zone = "Europe/Berlin"
secrets.key = "PEER_KEY"
pull = { every_ms = 1000, overlap_seconds = 900, full_hours = 24, page = 7, jump_percent = 50 }

[[given]]
kind = "price_list"
price_list = "peer"
name = "Peer"
currency = "EUR"

[[given]]
kind = "tax_class"
tax_class = "standard"
name = "Standard"

[[given]]
kind = "tax_rate"
country = "DE"
tax_class = "standard"
valid_from = "2007-01-01"
rate = "19"

[[given]]
kind = "store"
store = "0001"
name = "Bonn"
country = "DE"
currency = "EUR"
time_zone = "Europe/Berlin"
price_lists = ["peer"]
address = { street = "Markt", house_number = "1", postal_code = "53111", city = "Bonn" }

[[streams]]
name = "products"
table = "product"
inactive = true
watch = [{ table = "product", inactive = true }]
gone_unless = ["active"]
refuse = [{ field = "price", is = "null", percent = 30, records_min = 5 }]

[[streams.rows]]
kind = "product"
fields = { sku = "code", name = "name", tax_class = "=standard" }

[[streams.rows]]
kind = "code"
each = "codes"
fields = { code = "each.code", sku = "code" }

[[streams.rows]]
kind = "price"
only = { currency = ["EUR"] }
fields = { price_list = "=peer", sku = "code", amount = "price : money", currency = "currency" }
"#;

const PRODUCTS: i64 = 20;

struct Shop {
    peer: Peer,
    test: TestApp,
    _files: tempfile::TempDir,
}

impl Shop {
    /// A service over a peer with twenty products of one euro, before the first pull.
    async fn unsynced() -> Self {
        let peer = Peer::start().await;
        for id in 1..=PRODUCTS {
            peer.write(id, Some("1.00"), 0);
        }
        let files = tempfile::tempdir().expect("a folder");
        std::fs::write(files.path().join("peer.toml"), FILE.replace("URL", &peer.url)).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let test = TestApp::with(&[("AISLE_CONNECTIONS", folder.as_str()), ("PEER_KEY", "the-key")]).await;
        exchange::schedule_pulls(&test.app).await.expect("asked for");
        Self { peer, test, _files: files }
    }

    async fn start() -> Self {
        let shop = Self::unsynced().await;
        shop.pull().await;
        assert_eq!(shop.price(1).await, Some(100));
        shop
    }

    async fn pull(&self) {
        self.test.advance(Duration::seconds(2));
        self.test.run_jobs().await;
    }

    async fn look(&self, id: i64) -> Answer {
        let token = self.test.shopper().await.token;
        self.test.get(&format!("/v1/stores/0001/products/{}", code(id))).bearer(&token).send().await
    }

    async fn price(&self, id: i64) -> Option<i64> {
        self.look(id).await.json.pointer("/price/amount").and_then(Value::as_i64)
    }

    async fn state(&self) -> Value {
        let admin = self.test.staff(Role::Admin, &["*"]).await;
        let answer = self.test.get("/v1/exchange/connections").bearer(&admin).send().await.expect(200);
        answer.json["connections"][0]["streams"][0].clone()
    }

    async fn error(&self) -> String {
        self.state().await["last_error"].as_str().unwrap_or_default().to_owned()
    }

    /// Lets the pauses after failures pass.
    async fn recover(&self) {
        self.peer.heal();
        self.test.advance(Duration::minutes(6));
        self.test.run_jobs().await;
    }

    async fn balance(&self) {
        let today = &self.state().await["today"];
        let [received, applied, unchanged, quarantined] = ["received", "applied", "unchanged", "quarantined"]
            .map(|name| today[name].as_i64().expect("a number"));
        assert_eq!(received, applied + unchanged + quarantined, "{today}");
    }
}

#[tokio::test]
async fn a_change_that_is_committed_late_with_an_early_stamp_is_not_skipped() {
    let shop = Shop::start().await;
    shop.peer.write(1, Some("1.20"), 1_000);
    shop.pull().await;
    assert_eq!(shop.price(1).await, Some(120));
    // The transaction began ten minutes before the other one and ended after it was seen.
    shop.peer.write(2, Some("1.30"), 400);
    shop.pull().await;
    assert_eq!(shop.price(2).await, Some(130));
    shop.balance().await;
}

#[tokio::test]
async fn a_stamp_from_the_future_does_not_hide_what_changes_after_it() {
    let shop = Shop::start().await;
    shop.peer.write(1, Some("1.20"), 10 * 24 * 3_600);
    shop.pull().await;
    assert_eq!(shop.price(1).await, Some(120));
    // By the service's clock it is now.
    shop.peer.write(2, Some("1.30"), 21 * 3_600);
    shop.pull().await;
    assert_eq!(shop.price(2).await, Some(130));
}

#[tokio::test]
async fn an_instance_without_the_file_leaves_the_stream_to_those_that_have_it() {
    let shop = Shop::start().await;
    let without = shop.test.another_with::<&str>(&[]).await;
    shop.peer.write(1, Some("1.20"), 60);
    shop.test.advance(Duration::seconds(2));
    without.run_jobs().await;
    assert_eq!(shop.price(1).await, Some(100));
    shop.test.advance(Duration::seconds(30));
    shop.test.run_jobs().await;
    assert_eq!(shop.price(1).await, Some(120));
}

#[tokio::test]
async fn what_was_taken_already_is_neither_read_nor_delivered_again() {
    let shop = Shop::start().await;
    shop.peer.write(1, Some("2.00"), 100);
    shop.pull().await;
    shop.peer.calls();
    let before = shop.state().await;
    shop.pull().await;
    assert_eq!(shop.peer.calls(), 1, "one list of changes, and nothing to read");
    assert_eq!(shop.state().await["today"], before["today"]);
    // A new stamp and nothing else: read, and found to be the same.
    shop.peer.write(1, Some("2.00"), 120);
    shop.pull().await;
    assert_eq!(shop.peer.calls(), 2);
    assert_eq!(shop.state().await["today"], before["today"]);
}

#[tokio::test]
async fn a_system_that_fails_is_asked_with_longer_pauses_and_nothing_is_lost() {
    let shop = Shop::start().await;
    for (fault, told) in [
        (Fault::Html, "status 500"),
        (Fault::Half, "can't be read"),
        (Fault::Unknown, "not let in"),
        (Fault::Busy, "asks to wait 40 s"),
    ] {
        shop.peer.write(3, Some("1.40"), 10);
        shop.peer.fail([fault]);
        shop.pull().await;
        let state = shop.state().await;
        assert!(state["last_error"].as_str().is_some_and(|error| error.contains(told)), "{fault:?}: {state}");
        assert_eq!((state["failures"].as_i64(), state.get("connected_since")), (Some(1), None));
        shop.recover().await;
        let state = shop.state().await;
        assert_eq!((state["failures"].as_i64(), state["connected_since"].is_string()), (Some(0), true));
    }
    assert_eq!(shop.price(3).await, Some(140));
    // Pauses grow: of an hour's 3,600 askings few are made.
    shop.peer.fail(std::iter::repeat_n(Fault::Html, 1_000));
    shop.peer.calls();
    for _ in 0..360 {
        shop.test.advance(Duration::seconds(10));
        shop.test.run_jobs().await;
    }
    let calls = shop.peer.calls();
    assert!((5..60).contains(&calls), "{calls}");
    assert!(shop.state().await["lag_seconds"].as_i64() >= Some(3_600));
    assert_eq!(shop.price(3).await, Some(140), "what is known is served on");
}

#[tokio::test]
async fn a_batch_that_can_not_be_right_is_refused_as_a_whole() {
    let shop = Shop::start().await;
    for id in 1..=6 {
        shop.peer.write(id, Some("1.10"), 50);
    }
    // The list of changes, then the records: without a price, and with status 200.
    shop.peer.fail([Fault::None, Fault::Priceless]);
    shop.pull().await;
    assert!(shop.error().await.contains("price is empty in 6 of 6 records"), "{}", shop.error().await);
    assert_eq!(shop.price(1).await, Some(100));
    shop.recover().await;
    assert_eq!(shop.price(1).await, Some(110));
    shop.balance().await;
}

#[tokio::test]
async fn a_field_that_is_gone_or_of_another_kind_is_named() {
    let shop = Shop::start().await;
    shop.peer.write(1, Some("1.20"), 60);
    shop.peer.lose_field("price");
    shop.pull().await;
    assert!(shop.error().await.contains("product has no price"), "{}", shop.error().await);
    shop.recover().await;
    assert_eq!(shop.price(1).await, Some(120));

    for id in 1..=4 {
        shop.peer.put(id, "price", json!(true), 70);
    }
    shop.pull().await;
    let error = shop.error().await;
    assert!(error.contains("the field price is of another kind: a boolean in 4 of 4"), "{error}");
    for id in 1..=4 {
        shop.peer.write(id, Some("1.30"), 80);
    }
    shop.recover().await;
    assert_eq!(shop.price(4).await, Some(130));
}

#[tokio::test]
async fn what_is_gone_is_taken_back_only_by_a_full_comparison_that_arrived_complete() {
    let shop = Shop::start().await;
    shop.peer.delete(5);
    shop.pull().await;
    assert_eq!(shop.price(5).await, Some(100), "a delta takes nothing back");

    // The company, the list of changes, and then a listing that is empty though the status is 200.
    shop.test.advance(Duration::hours(25));
    shop.peer.fail([Fault::None, Fault::None, Fault::Empty]);
    shop.test.run_jobs().await;
    assert!(shop.error().await.contains("0 records where 20 were"), "{}", shop.error().await);
    assert_eq!(shop.price(5).await, Some(100));
    shop.recover().await;
    shop.test.advance(Duration::hours(25));
    // The listing of ids breaks off: company, changes, three pages, ids.
    shop.peer.fail([Fault::None, Fault::None, Fault::None, Fault::None, Fault::None, Fault::Half]);
    shop.peer.delete(4);
    shop.test.run_jobs().await;
    assert_eq!(shop.price(4).await, Some(100));
    shop.peer.write(4, Some("1.00"), 5);
    shop.recover().await;
    assert_eq!(shop.look(5).await.status, 404);
    assert_eq!(shop.price(6).await, Some(100));

    for id in 7..=PRODUCTS {
        shop.peer.delete(id);
    }
    for id in 1..=6 {
        shop.peer.delete(id);
    }
    shop.test.advance(Duration::hours(25));
    shop.test.run_jobs().await;
    assert!(shop.error().await.contains("0 records where 19 were the last time"), "{}", shop.error().await);
    assert_eq!(shop.price(6).await, Some(100), "a system that suddenly has nothing is not believed");
}

#[tokio::test]
async fn what_a_record_no_longer_has_is_taken_back_and_what_is_not_in_use_too() {
    let shop = Shop::start().await;
    shop.peer.put(1, "codes", json!([]), 30);
    shop.peer.put(2, "active", json!(false), 30);
    // The code goes from one product to another at the same time.
    shop.peer.put(3, "codes", json!([]), 30);
    shop.peer.put(4, "codes", json!([{ "code": code(4) }, { "code": code(3) }]), 30);
    shop.pull().await;
    assert_eq!(
        (shop.look(1).await.status, shop.look(2).await.status),
        (404.try_into().unwrap(), 404.try_into().unwrap())
    );
    assert_eq!(shop.look(3).await.expect(200).text("/sku"), "P0004");
    shop.peer.put(2, "active", json!(true), 40);
    shop.pull().await;
    assert_eq!(shop.price(2).await, Some(100));
}

#[tokio::test]
async fn bad_rows_are_kept_aside_and_prices_of_another_currency_left_out_with_a_warning() {
    let shop = Shop::start().await;
    shop.peer.write(1, Some("1.005"), 30);
    shop.peer.write(2, Some("1.20"), 30);
    shop.peer.put(3, "currency", json!("USD"), 30);
    shop.pull().await;
    let state = shop.state().await;
    assert_eq!(state["today"]["quarantined"], 1, "{state}");
    assert_eq!((shop.price(1).await, shop.price(2).await), (Some(100), Some(120)));
    assert_eq!(state["warning"], "1 rows of kind price by currency left out", "{state}");
    shop.balance().await;
    // A company that changes its currency is refused altogether.
    shop.peer.set_currency("USD");
    shop.test.advance(Duration::hours(25));
    shop.test.run_jobs().await;
    assert!(shop.error().await.contains("keeps its prices in USD"), "{}", shop.error().await);
}

#[tokio::test]
async fn what_refers_to_something_unknown_is_handed_on_again_a_few_times_and_not_for_ever() {
    let shop = Shop::start().await;
    // A product without a name is kept aside, and with it what refers to it.
    shop.peer.put(21, "name", json!(""), 30);
    for _ in 0..40 {
        shop.pull().await;
    }
    let batches = shop.state().await["today"]["batches"].as_i64().expect("a number");
    assert!((3..15).contains(&batches), "{batches}");
    shop.peer.put(21, "name", json!("Named"), 60);
    shop.pull().await;
    assert_eq!(shop.price(21).await, Some(100));
}

#[tokio::test]
async fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let shop = Shop::unsynced().await;
    shop.peer.write(1, Some("1.005"), 0);
    let command = exchange::connections::Command::DryRun { name: "peer".to_owned() };
    let told = exchange::connections::run(&shop.test.app, &command).await.expect("told");
    assert!(told.contains("products: 20 records"), "{told}");
    assert!(
        told.contains("rows: 63 would be new or different, 0 are known, 1 would be kept aside"),
        "{told}"
    );
    assert!(told.contains("kept aside: field"), "{told}");
    assert_eq!(shop.look(2).await.status, 404, "nothing was changed");
    let check = exchange::connections::run(&shop.test.app, &exchange::connections::Command::Check).await;
    assert!(check.expect("right").contains("let in, company Peer"));
    shop.peer.set_currency("USD");
    let wrong = exchange::connections::run(&shop.test.app, &exchange::connections::Command::Check).await;
    assert!(wrong.expect_err("wrong").to_string().contains("the company's is USD"));
}

#[tokio::test]
async fn how_connections_are_doing_is_for_admins() {
    let shop = Shop::start().await;
    let clerk = shop.test.staff(Role::Clerk, &["*"]).await;
    shop.test.get("/v1/exchange/connections").bearer(&clerk).send().await.problem(403, "role_missing");
    shop.test.get("/v1/exchange/connections").send().await.problem(401, "unauthenticated");
}

//! Stock to shops: what is left here stands there in the end, whatever goes wrong on the way, and one writer writes it.

use aisle::exchange;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::{Value, json};

use super::shop_peer::{Fault, ShopPeer};
use crate::support::TestApp;
use crate::support::catalog::{MILK, STORE};
use crate::support::trip::Shop;

const FILE: &str = r#"
system = "vendure"
url = "URL"
currency = "EUR"
time_zone = "Europe/Berlin"
secrets.user = "SHOP_USER"
secrets.password = "SHOP_PASSWORD"
pull = { page = 2 }

[stock]
every_ms = 1000
batch = 4
compare_minutes = 15
locations = { 0001 = "first", 0002 = "second" }

# Nothing is pulled here: a stream that waits for ever.
[[streams]]
name = "none"
table = "productVariants"
every_ms = 86400000
rows = [{ kind = "product", fields = { sku = "sku" } }]
"#;

/// Items of the shop by their numbers; the shop sells posters of its own.
const ITEMS: [(&str, &str); 7] = [
    ("1", "milk"),
    ("2", "bread"),
    ("3", "coffee"),
    ("4", "soap"),
    ("5", "gum"),
    ("6", "pan"),
    ("7", "poster"),
];

struct Shops {
    peer: ShopPeer,
    shop: Shop,
    _files: tempfile::TempDir,
}

fn figure(store: &str, sku: &str, amount: i64) -> Value {
    json!({ "kind": "stock", "store": store, "sku": sku, "amount": amount })
}

/// Figures of all products of a store, from 10 on.
fn figures(store: &str, more: i64) -> Vec<Value> {
    ITEMS[..6].iter().zip(10..).map(|((_, sku), at)| figure(store, sku, at + more)).collect()
}

impl Shops {
    /// A shop that knows of all products and a service that has figures of both stores; nothing was written yet.
    async fn unwritten() -> Self {
        let peer = ShopPeer::start().await;
        for (item, sku) in ITEMS {
            peer.add(item, sku);
        }
        peer.set("first", "7", 3);
        let files = tempfile::tempdir().expect("a folder");
        std::fs::write(files.path().join("shop.toml"), FILE.replace("URL", &peer.url)).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let settings =
            [("AISLE_CONNECTIONS", folder.as_str()), ("SHOP_USER", "aisle"), ("SHOP_PASSWORD", "the-word")];
        let shop = Shop::open_with(&settings).await;
        shop.test.apply_rows(&[figures("0001", 0), figures("0002", 100)].concat()).await;
        exchange::schedule_stock(&shop.test.app).await.expect("asked for");
        Self { peer, shop, _files: files }
    }

    async fn start() -> Self {
        let shops = Self::unwritten().await;
        shops.round().await;
        shops.assert_equal(&[10, 11, 12, 13, 14, 15]);
        shops.peer.writes();
        shops.peer.calls();
        shops
    }

    /// Looks at what changed, at the next time that is due.
    async fn round(&self) {
        self.shop.test.advance(Duration::seconds(2));
        self.shop.test.run_jobs().await;
    }

    /// Lets the pauses after failures pass.
    async fn recover(&self) {
        for _ in 0..8 {
            self.shop.test.advance(Duration::minutes(6));
            self.shop.test.run_jobs().await;
        }
    }

    #[track_caller]
    fn assert_equal(&self, first: &[i64]) {
        let found: Vec<Option<i64>> =
            ITEMS[..6].iter().map(|(item, _)| self.peer.level("first", item)).collect();
        assert_eq!(found, first.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(self.peer.level("first", "7"), Some(3), "what we know nothing of is left alone");
    }

    async fn shelves(&self) -> Vec<Value> {
        shelves(&self.shop.test).await
    }
}

async fn shelves(test: &TestApp) -> Vec<Value> {
    let admin = test.staff(Role::Admin, &["*"]).await;
    let answer = test.get("/v1/exchange/connections").bearer(&admin).send().await.expect(200);
    answer.json["connections"][0]["shelves"].as_array().expect("shelves").clone()
}

#[tokio::test]
async fn only_what_differs_is_written_and_never_a_number_below_none() {
    let shops = Shops::start().await;
    assert_eq!(shops.peer.level("second", "1"), Some(110));
    shops.round().await;
    assert_eq!(shops.peer.calls(), 0, "nothing changed, so nobody is asked");
    shops.shop.test.apply_rows(&[figure("0001", "milk", 9), figure("0001", "bread", -4)]).await;
    shops.round().await;
    shops.assert_equal(&[9, 0, 12, 13, 14, 15]);
    assert_eq!(shops.peer.writes(), [2]);
    // A store that no longer says how much there is has none for the shop; by measure nothing is written at all.
    let weighed = json!({ "kind": "product", "sku": "pan", "name": "Pan", "tax_class": "standard",
        "sale": "weighed", "priced_per": { "amount": 1000, "unit": "gram" } });
    let deleted = json!({ "kind": "stock", "store": "0001", "sku": "soap", "deleted": true });
    let report = shops.shop.test.apply_rows(&[deleted, weighed, figure("0001", "pan", 99_000)]).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
    shops.round().await;
    shops.assert_equal(&[9, 0, 12, 0, 14, 15]);
    let first = &shops.shelves().await[0];
    assert_eq!(
        (&first["backlog"], &first["failures"], &first["corrected"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert!(first["connected_since"].is_string() && first["written_at"].is_string(), "{first}");
}

#[tokio::test]
async fn what_is_sold_here_is_off_the_shelf_there_until_the_figure_has_it() {
    let shops = Shops::start().await;
    let shopper = shops.shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, MILK]).await;
    shops.round().await;
    shops.assert_equal(&[10, 11, 12, 13, 14, 15]);
    shopper.order(cart, &[]).await;
    shops.round().await;
    shops.assert_equal(&[8, 11, 12, 13, 14, 15]);
    // Its system booked it, and something else.
    shops.shop.test.apply_rows(&[figure("0001", "milk", 7)]).await;
    shops.round().await;
    shops.assert_equal(&[7, 11, 12, 13, 14, 15]);
    let cart = shopper.fill(&[MILK]).await;
    shopper.order(cart, &[]).await;
    shops.round().await;
    shops.assert_equal(&[6, 11, 12, 13, 14, 15]);
    assert_eq!(shops.peer.level("second", "1"), Some(110), "the other store has what it had");
    // Figures of other products, and the same figure again, have no sale in them.
    shops.shop.test.apply_rows(&[figure("0001", "milk", 7), figure("0001", "gum", 1)]).await;
    shops.round().await;
    shops.assert_equal(&[6, 11, 12, 13, 1, 15]);
}

#[tokio::test]
async fn an_order_that_is_taken_back_leaves_its_goods_on_the_shelf() {
    let shops = Shops::start().await;
    let shopper = shops.shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let order = shopper.order(cart, &[1]).await;
    shops.round().await;
    shops.assert_equal(&[9, 11, 12, 13, 14, 15]);
    let staff = shops.shop.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/orders/{order}/cancel");
    let answer =
        shops.shop.test.post(&path, &json!({ "reason": "changed mind" })).bearer(&staff).send().await;
    assert!(answer.status.is_success(), "{}", answer.json);
    shops.round().await;
    shops.assert_equal(&[10, 11, 12, 13, 14, 15]);
}

#[tokio::test]
async fn whatever_becomes_of_a_call_the_numbers_are_right_in_the_end() {
    let faults = [Fault::DoneUnsaid, Fault::HalfDone, Fault::HalfSaid, Fault::Html, Fault::SessionEnded];
    for fault in faults {
        let shops = Shops::start().await;
        shops.peer.fail([fault]);
        let test = &shops.shop.test;
        test.apply_rows(&figures("0001", 20)).await;
        shops.round().await;
        let failures = shops.shelves().await[0]["failures"].as_i64();
        assert_eq!(failures, Some(i64::from(fault != Fault::SessionEnded)), "{fault:?}");
        // What it has is not known now; another figure comes before it is.
        test.apply_rows(&[figure("0001", "milk", 5)]).await;
        shops.recover().await;
        shops.assert_equal(&[5, 31, 32, 33, 34, 35]);
        let first = &shops.shelves().await[0];
        assert_eq!((&first["failures"], &first["backlog"]), (&json!(0), &json!(0)), "{fault:?} {first}");
    }
}

#[tokio::test]
async fn a_service_that_is_killed_in_the_middle_of_a_call_writes_again_what_it_does_not_know() {
    let shops = Shops::start().await;
    let test = &shops.shop.test;
    shops.peer.fail([Fault::DoneAndSilent]);
    test.apply_rows(&figures("0001", 20)).await;
    test.advance(Duration::seconds(2));
    tokio::select! {
        _ = test.run_jobs() => panic!("there is no answer"),
        () = shops.peer.silent.notified() => {}
    }
    // The shop has four of the new numbers, and somebody there sets one back.
    shops.peer.set("first", "1", 2);
    let next = test.another().await;
    next.advance(Duration::minutes(3));
    next.run_jobs().await;
    shops.assert_equal(&[30, 31, 32, 33, 34, 35]);
}

#[tokio::test]
async fn what_others_write_there_is_found_and_set_right() {
    let shops = Shops::start().await;
    shops.peer.set("first", "2", 99);
    shops.peer.set("second", "3", 0);
    shops.round().await;
    assert_eq!(shops.peer.level("first", "2"), Some(99), "nobody said so");
    shops.shop.test.advance(Duration::minutes(16));
    shops.round().await;
    shops.assert_equal(&[10, 11, 12, 13, 14, 15]);
    assert_eq!(shops.peer.level("second", "3"), Some(112));
    let corrected: Vec<Value> =
        shops.shelves().await.iter().map(|shelf| shelf["corrected"].clone()).collect();
    assert_eq!(corrected, [1, 1]);
    assert_eq!(shops.peer.writes(), [1, 1], "only these");
}

#[tokio::test]
async fn a_number_that_the_shop_refuses_holds_up_no_other() {
    let shops = Shops::start().await;
    shops.peer.refuse("3");
    shops.peer.remove("5");
    shops.shop.test.apply_rows(&figures("0001", 20)).await;
    shops.round().await;
    let levels = ["1", "2", "3", "4", "6"].map(|item| shops.peer.level("first", item));
    assert_eq!(levels, [30, 31, 12, 33, 35].map(Some));
    let first = shops.shelves().await.swap_remove(0);
    assert_eq!((first["warning"].as_str(), &first["failures"]), (Some("2 numbers are refused"), &json!(0)));
    // With the next comparison what is gone is forgotten, and the other one is tried again.
    shops.peer.heal();
    shops.shop.test.advance(Duration::minutes(16));
    shops.round().await;
    assert_eq!(shops.peer.level("first", "3"), Some(32));
    assert!(shops.shelves().await[0].get("warning").is_none());
}

#[tokio::test]
async fn one_writer_writes_to_a_place_however_many_instances_there_are() {
    let shops = Shops::start().await;
    let test = &shops.shop.test;
    let (second, third) = (test.another().await, test.another().await);
    for more in 1..=8 {
        test.apply_rows(&[figures("0001", more), figures("0002", 100 + more)].concat()).await;
        test.advance(Duration::seconds(2));
        for app in [test, &second, &third] {
            exchange::schedule_stock(&app.app).await.expect("asked for");
        }
        tokio::join!(test.run_jobs(), second.run_jobs(), third.run_jobs());
    }
    shops.round().await;
    shops.assert_equal(&[18, 19, 20, 21, 22, 23]);
    assert_eq!(shops.peer.level("second", "6"), Some(123));
    assert_eq!(shops.peer.most_at_once(), 1);
}

#[tokio::test]
async fn a_shop_that_is_down_is_asked_less_and_less_and_is_right_again_once_it_is_back() {
    let shops = Shops::start().await;
    let test = &shops.shop.test;
    shops.peer.go_down();
    test.apply_rows(&figures("0001", 20)).await;
    for _ in 0..120 {
        test.advance(Duration::seconds(1));
        test.run_jobs().await;
    }
    let calls = shops.peer.calls();
    assert!((3..=16).contains(&calls), "{calls} calls in two minutes");
    let first = &shops.shelves().await[0];
    assert_eq!((first["backlog"].as_i64(), first["last_error"].as_str()), (Some(6), Some("status 502")));
    assert!(first.get("connected_since").is_none(), "{first}");
    shops.peer.heal();
    shops.recover().await;
    shops.assert_equal(&[30, 31, 32, 33, 34, 35]);
}

#[tokio::test]
async fn a_sale_is_off_the_shelf_until_a_figure_changed_after_it_was_booked() {
    let peer = ShopPeer::start().await;
    for (item, sku) in ITEMS {
        peer.add(item, sku);
    }
    let (tills, files, mut variables) = super::postings::tills().await;
    std::fs::write(files.path().join("shop.toml"), FILE.replace("URL", &peer.url)).expect("written");
    let secrets = [("SHOP_USER", "aisle"), ("SHOP_PASSWORD", "the-word")];
    variables.extend(secrets.map(|(name, value)| (name, value.to_owned())));
    let shop = Shop::open_with(&variables).await;
    shop.test.apply_rows(&figures("0001", 0)).await;
    exchange::schedule_stock(&shop.test.app).await.expect("asked for");
    exchange::schedule_postings(&shop.test.app).await.expect("asked for");
    let rounds = async |pause: Duration| {
        for _ in 0..4 {
            shop.test.advance(pause);
            shop.test.run_jobs().await;
        }
    };
    // The system that keeps the books is away.
    tills.fail((0..3).map(|_| ("search_read", super::tills::Fault::Down)));
    let shopper = shop.payer("anna@example.com").await;
    shopper.order(shopper.fill(&[MILK, MILK]).await, &[]).await;
    rounds(Duration::seconds(1)).await;
    assert_eq!(peer.level("first", "1"), Some(8));
    // Two more arrive in the store, before the sale is booked: its figure does not have the sale.
    shop.test.apply_rows(&[figure("0001", "milk", 12)]).await;
    rounds(Duration::seconds(1)).await;
    assert_eq!(peer.level("first", "1"), Some(10), "two that are sold are in no figure yet");
    rounds(Duration::minutes(6)).await;
    assert_eq!(tills.sales().len(), 1);
    assert_eq!(peer.level("first", "1"), Some(10), "booked, and the figure is still from before");
    shop.test.apply_rows(&[figure("0001", "milk", 10)]).await;
    rounds(Duration::seconds(1)).await;
    assert_eq!(peer.level("first", "1"), Some(10), "the figure has it now: it is not taken off twice");
}

//! Tax rates that are missing: refused at import where a store charges them, told where it has goods, and never guessed at the till.

use aisle::ids::CartId;
use serde_json::{Value, json};

use crate::credits::{apply, store_with};
use crate::support::Answer;
use crate::support::catalog::{BREAD, MILK, STORE, price};
use crate::support::trip::{Shop, Shopper};

fn class(name: &str) -> Value {
    json!({"kind": "tax_class", "tax_class": name, "name": name})
}

/// A rate in Germany from a day on.
fn rate(class: &str, from: &str) -> Value {
    json!({"kind": "tax_rate", "country": "DE", "tax_class": class, "valid_from": from, "rate": "19"})
}

fn eaten_in() -> Value {
    json!({"eat_in": [{"tax_class": "reduced", "instead": "catering"}]})
}

fn fee() -> Value {
    json!({"fees": [{"name": "Bag", "amount": 10, "tax_class": "catering"}]})
}

async fn eat_in(shopper: &Shopper<'_>, cart: CartId, is_eaten_in: bool) -> Answer {
    let body = json!({"eat_in": is_eaten_in});
    shopper.put(&format!("/v1/carts/{cart}/consumption"), &body).await.expect(200)
}

#[tokio::test]
async fn what_a_store_charges_needs_a_rate_where_the_store_lies() {
    let shop = Shop::open().await;
    let rows = [class("catering"), store_with(&eaten_in()), store_with(&fee())];
    let report = shop.test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons, ["tax_rate_missing", "tax_rate_missing"], "{:?}", report.refusals);
    apply(&shop, &[rate("catering", "2020-01-01"), store_with(&eaten_in())]).await;
    apply(&shop, &[store_with(&fee())]).await;
}

#[tokio::test]
async fn goods_whose_tax_nobody_can_say_are_not_sold_at_another_rate() {
    // From next year on there is a rate; today there is none.
    let shop = Shop::open().await;
    apply(&shop, &[class("catering"), rate("catering", "2027-01-01"), store_with(&eaten_in())]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let read = eat_in(&shopper, cart, true).await;
    assert_eq!(read.text("/lines/0/blocked/reason"), "tax_rate_missing");
    let refused = shopper.place(cart, &[]).await.1.problem(409, "lines_blocked");
    assert_eq!(refused.text("/errors/0/pointer"), "/lines/1");
    assert!(refused.text("/errors/0/detail").starts_with("tax_rate_missing"), "{}", refused.json);
    assert_eq!(eat_in(&shopper, cart, false).await.json["lines"][0]["blocked"], Value::Null);
    shopper.place(cart, &[]).await.1.expect(201);
}

#[tokio::test]
async fn a_fee_whose_tax_nobody_can_say_is_not_left_out_of_the_quote() {
    let shop = Shop::open().await;
    apply(&shop, &[class("catering"), rate("catering", "2027-01-01"), store_with(&fee())]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    assert_eq!(shopper.cart(cart).await.number("/total/amount"), 129);
    shopper.place(cart, &[]).await.1.problem(409, "tax_rate_missing");
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
}

#[tokio::test]
async fn a_bottle_whose_deposit_nobody_can_say_is_not_sold_without_it() {
    let shop = Shop::open().await;
    let deposit = |class: &str| json!({"kind": "product", "sku": "bottle", "name": "Bottle", "tax_class": class, "sale": "deposit"});
    let milk = json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced", "deposit": "bottle"});
    apply(&shop, &[class("catering"), rate("catering", "2027-01-01"), deposit("standard"), milk]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.check_in().await;
    let reason = async || shopper.scan(cart, &[MILK]).await.expect(200).json["results"][0]["reason"].clone();
    assert_eq!(reason().await, "price_missing");
    apply(&shop, &[price("de", "bottle", 25)]).await;
    assert_eq!(reason().await, Value::Null);
    apply(&shop, &[deposit("catering")]).await;
    assert_eq!(reason().await, "tax_rate_missing");
    assert_eq!(shopper.cart(cart).await.text("/lines/0/blocked/reason"), "tax_rate_missing");
    shopper.place(cart, &[]).await.1.problem(409, "lines_blocked");
}

#[tokio::test]
async fn goods_in_a_store_without_a_rate_for_them_are_told() {
    let shop = Shop::open().await;
    let tea = json!({"kind": "product", "sku": "tea", "name": "Tea", "tax_class": "luxury"});
    apply(&shop, &[class("luxury"), tea, price("de", "tea", 300)]).await;
    let stock = |sku: &str| json!({"kind": "stock", "store": STORE, "sku": sku, "amount": 3});
    apply(&shop, &[stock("tea"), stock("milk")]).await;
    let now = shop.test.app.clock.now();
    let quality = aisle::catalog::quality::report(&shop.test.app.db, now, 1, None).await.expect("a report");
    let told = quality.rules.iter().find(|each| each.rule.as_str() == "tax.rate").expect("a finding");
    assert_eq!((told.level.as_str(), told.count), ("warn", 1));
}

#[tokio::test]
async fn what_is_eaten_in_the_store_is_not_delivered() {
    let shop = Shop::open().await;
    apply(&shop, &[class("catering"), rate("catering", "2020-01-01"), store_with(&eaten_in())]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    assert_eq!(eat_in(&shopper, cart, true).await.text("/taxes/0/rate"), "19");
    let refused = shopper.place(cart, &[1]).await.1.problem(422, "delivery_eaten_in");
    assert_eq!(refused.text("/errors/0/pointer"), "/deliver/lines");
    eat_in(&shopper, cart, false).await;
    shopper.place(cart, &[1]).await.1.expect(201);
}

#[tokio::test]
async fn a_store_says_what_its_delivery_costs() {
    let shop = Shop::open().await;
    let terms =
        |amount: i64, class: &str| store_with(&json!({"delivery": {"amount": amount, "tax_class": class}}));
    let report =
        shop.test.apply_rows(&[class("catering"), terms(-1, "standard"), terms(390, "catering")]).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons, ["till_rules", "tax_rate_missing"]);
    apply(&shop, &[terms(390, "reduced")]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let placed = shopper.place(cart, &[1]).await.1.expect(201);
    assert_eq!(placed.number("/quote/delivery_fee/amount/amount"), 390);
    assert_eq!(
        (placed.text("/quote/delivery_fee/tax_rate"), placed.number("/quote/total/amount")),
        ("7", 129 + 390)
    );
}

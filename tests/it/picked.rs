//! What was really picked of what is delivered: final weights and what was not there. Never more than was agreed on.

use aisle::identity::Role;
use aisle::ids::OrderId;
use aisle::sandbox::paypal::{Authorization, AuthorizationStatus, Fault, Rule};
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{BREAD, COFFEE, MILK, PAN, STORE};
use crate::support::trip::{Shop, Shopper};
use crate::weighed::{GOUDA, label, shop};

pub async fn pick(shop: &Shop, order: OrderId, lines: &Value) -> Answer {
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    shop.test.put(&format!("/v1/orders/{order}/picked"), &json!({"lines": lines})).bearer(&staff).send().await
}

pub async fn hand_over(shopper: &Shopper<'_>, order: OrderId) {
    let shop = shopper.shop;
    shop.test.run_jobs().await;
    shopper.hand_over(order).await;
    shop.test.run_jobs().await;
}

fn gram(grams: i64) -> Value {
    json!({"amount": grams, "unit": "gram"})
}

#[tokio::test]
async fn the_final_weight_counts_and_what_is_missing_is_not_paid() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let gouda = label(GOUDA, 400);
    let cart = shopper.fill(&[BREAD, &gouda, MILK, MILK, MILK, COFFEE]).await;
    let order = shopper.order(cart, &[2, 3, 4]).await;
    // Gouda 0.400 × 12.99 = 5.20, three milk, coffee, the courier.
    assert_eq!(shopper.read_order(order).await.number("/due/amount"), 249 + 520 + 387 + 699 + 499);
    pick(&shop, order, &json!([{"line": 1}])).await.problem(409, "order_state");
    pick(&shop, order, &json!([{"line": 2, "quantity": {"amount": 1, "unit": "piece"}}]))
        .await
        .problem(409, "order_state");
    pick(&shop, order, &json!([{"line": 3, "quantity": {"amount": 4, "unit": "piece"}}]))
        .await
        .problem(409, "order_state");
    let lines = json!([
        {"line": 2, "quantity": gram(350)},
        {"line": 3, "quantity": {"amount": 2, "unit": "piece"}},
        {"line": 4},
    ]);
    let picked = pick(&shop, order, &lines).await.expect(200);
    // Gouda 5.20 × 350 ÷ 400 = 4.55; two milk 2.58; no coffee.
    let due = 249 + 455 + 258 + 499;
    assert_eq!(picked.number("/due/amount"), due);
    let taxed: i64 = picked.json["taxes"]
        .as_array()
        .expect("taxes")
        .iter()
        .map(|tax| tax["gross"]["amount"].as_i64().expect("cents"))
        .sum();
    assert_eq!(taxed, due);
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (due, "completed"));
    pick(&shop, order, &json!([])).await.problem(409, "order_state");
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = String::from_utf8(shop.test.get(&receipt).send().await.expect(200).bytes).expect("text");
    assert!(page.contains("Not picked") && page.contains("14.61"), "{page}");
}

#[tokio::test]
async fn a_weight_above_the_estimate_costs_no_more_than_was_agreed_on() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let gouda = label(GOUDA, 400);
    let cart = shopper.fill(&[&gouda]).await;
    let order = shopper.order(cart, &[1]).await;
    let picked = pick(&shop, order, &json!([{"line": 1, "quantity": gram(430)}])).await.expect(200);
    assert_eq!((picked.number("/due/amount"), picked.number("/picked/0/amount/amount")), (1019, 520));
    hand_over(&shopper, order).await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 1019);
}

#[tokio::test]
async fn a_discount_and_a_deposit_go_with_what_was_picked() {
    let shop = Shop::open().await;
    let rows = [
        json!({
            "kind": "promotion", "promotion": "P1", "name": "3 for 2", "currency": "EUR",
            "valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z",
            "terms": {"type": "take_pay", "take": 3, "pay": 2}, "goods": {"skus": ["milk"]},
        }),
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        crate::support::catalog::price("de", "deposit-25", 25),
        json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced", "deliverable": true, "deposit": "deposit-25"}),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, MILK, MILK, PAN]).await;
    let order = shopper.order(cart, &[1]).await;
    assert_eq!(shopper.read_order(order).await.number("/due/amount"), 258 + 75 + 3999 + 499);
    let lines = json!([{"line": 1, "quantity": {"amount": 2, "unit": "piece"}}]);
    // Two of three for 2.58 are 1.72, two deposits 0.50.
    assert_eq!(pick(&shop, order, &lines).await.expect(200).number("/due/amount"), 172 + 50 + 3999 + 499);
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (172 + 50 + 3999 + 499, "completed"));
}

#[tokio::test]
async fn what_was_not_picked_earns_no_points() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let rows = crate::support::catalog::rows();
    let mut store =
        rows.into_iter().find(|row| row["kind"] == "store" && row["store"] == STORE).expect("the store");
    store["till"] = json!({"points": {"per": 100, "points": 10}});
    let member = json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true});
    assert_eq!(shop.test.apply_rows(&[store, member]).await.quarantined, 0);
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let order = shopper.order(cart, &[1, 2]).await;
    let points = async || shopper.get("/v1/points").await.expect(200).number("/points");
    assert_eq!(points().await, 80);
    pick(&shop, order, &json!([{"line": 2}])).await.expect(200);
    hand_over(&shopper, order).await;
    // 6.99 of 13.27 were not picked: 80 × 699 ÷ 1327 = 42.1.
    assert_eq!(points().await, 38);
}

#[tokio::test]
async fn a_box_has_its_deposit_whatever_the_goods_in_it_weigh() {
    let shop = shop().await;
    let rows = [
        json!({"kind": "product", "sku": "box-25", "name": "Box", "tax_class": "standard", "sale": "deposit"}),
        crate::support::catalog::price("de", "box-25", 25),
        json!({
            "kind": "product", "sku": "gouda", "name": "Gouda", "tax_class": "reduced", "sale": "weighed", "deliverable": true,
            "priced_per": {"amount": 1000, "unit": "gram"}, "deposit": "box-25",
        }),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[&label(GOUDA, 400), MILK]).await;
    let order = shopper.order(cart, &[1, 2]).await;
    assert_eq!(shopper.read_order(order).await.number("/due/amount"), 520 + 25 + 129 + 499);
    let picked = pick(&shop, order, &json!([{"line": 1, "quantity": gram(350)}])).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 455 + 25 + 129 + 499);
    let none = pick(&shop, order, &json!([{"line": 1}])).await.expect(200);
    assert_eq!(none.number("/due/amount"), 129 + 499);
}

#[tokio::test]
async fn what_was_not_picked_is_let_go_of_whichever_share_is_captured_last() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, MILK, MILK]).await;
    // What is taken along is captured late, after what is delivered.
    shop.paypal.add_fault(Rule::new("authorizations.capture", Fault::ErrorBefore { status: 503 }, 1));
    let order = shopper.order(cart, &[2]).await;
    let one = json!([{"line": 2, "quantity": {"amount": 1, "unit": "piece"}}]);
    pick(&shop, order, &one).await.expect(200);
    hand_over(&shopper, order).await;
    shop.until(async || shopper.read_order(order).await.text("/state") == "completed").await;
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 249 + 129 + 499);
    let is_held = |hold: &Authorization| {
        matches!(hold.status, AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured)
    };
    assert!(!shop.paypal.books().authorizations.values().any(is_held));
}

//! What all shoppers share is had once, whichever instances the carts that want it are locked on, and however close together.

use aisle::ids::{CartId, CheckoutId};
use serde_json::{Value, json};

use crate::credits::{TEMPLATE, apply, offer, pay, shop_with, show as show_voucher, slip};
use crate::promotions::{half, quoted, show as show_coupon};
use crate::support::catalog::{MILK, PAN};
use crate::support::trip::{Shop, Shopper};
use crate::support::{Answer, TestApp};

/// Places a checkout for a cart as it is, on an instance.
async fn place_on(test: &TestApp, shopper: &Shopper<'_>, cart: CartId, version: i64) -> Answer {
    let checkout: CheckoutId = shopper.shop.test.app.ids.next();
    let body = shopper.placement(cart, version, &[]);
    test.put(&format!("/v1/checkouts/{checkout}"), &body).bearer(&shopper.actor.token).send().await
}

/// Places both carts at once, each on an instance of its own: the answer of whoever had what is contested, and the other's.
async fn contest(shop: &Shop, carts: [(&Shopper<'_>, CartId); 2]) -> [Answer; 2] {
    let other = shop.test.another().await;
    let [(one, first), (two, second)] = carts;
    let version = async |shopper: &Shopper<'_>, cart| shopper.cart(cart).await.number("/version");
    let (on_first, on_second) = (version(one, first).await, version(two, second).await);
    let (first, second) =
        tokio::join!(place_on(&shop.test, one, first, on_first), place_on(&other, two, second, on_second));
    if first.status == 201 { [first, second] } else { [second, first] }
}

#[tokio::test]
async fn a_budget_is_not_overdrawn_on_two_instances() {
    let shop = Shop::open().await;
    apply(&shop, &[half("P1", "milk", &json!({"budget": {"uses": 1}}))]).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let (hers, his) = (anna.fill(&[MILK]).await, bert.fill(&[MILK]).await);
    let placed = contest(&shop, [(&anna, hers), (&bert, his)]).await;
    let mut totals = placed.map(|answer| quoted(&answer.expect(201)));
    totals.sort_unstable();
    assert_eq!(totals, [64, 129]);
}

#[tokio::test]
async fn a_coupon_is_had_once_on_two_instances() {
    let shop = Shop::open().await;
    let rows = [
        half("P1", "milk", &json!({"needs_coupon": true})),
        json!({"kind": "coupon", "coupon": "ONE", "promotion": "P1"}),
    ];
    apply(&shop, &rows).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let (hers, his) = (anna.fill(&[MILK]).await, bert.fill(&[MILK]).await);
    show_coupon(&anna, hers, "ONE").await.expect(200);
    show_coupon(&bert, his, "ONE").await.expect(200);
    let [won, lost] = contest(&shop, [(&anna, hers), (&bert, his)]).await;
    assert_eq!(quoted(&won.expect(201)), 64);
    lost.problem(409, "coupon_used");
}

#[tokio::test]
async fn a_voucher_pays_once_on_two_instances() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let (hers, his) = (anna.fill(&[MILK]).await, bert.fill(&[MILK]).await);
    show_voucher(&anna, hers, &slip(7, 100)).await.expect(200);
    show_voucher(&bert, his, &slip(7, 100)).await.expect(200);
    let [won, lost] = contest(&shop, [(&anna, hers), (&bert, his)]).await;
    assert_eq!(won.expect(201).number("/quote/to_pay/amount"), 29);
    lost.problem(409, "voucher_used");
}

#[tokio::test]
async fn points_are_burned_once_on_two_instances() {
    let shop = shop_with(&json!({"points": {"per": 100, "points": 1, "worth": 1}}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    apply(&shop, &[json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true})]).await;
    let cart = shopper.fill(&[PAN]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    pay(&shopper, checkout, 3999).await;
    // 39 points, and two carts that want 30 of them each.
    let (one, two) = (shopper.fill(&[MILK]).await, shopper.fill(&[MILK]).await);
    for cart in [one, two] {
        offer(&shopper, cart, 30).await.expect(200);
    }
    let [won, lost] = contest(&shop, [(&shopper, one), (&shopper, two)]).await;
    assert_eq!(won.expect(201).number("/quote/to_pay/amount"), 99);
    lost.problem(409, "points_short");
}

#[tokio::test]
async fn the_same_checkout_sent_twice_at_once_is_placed_once() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let rows = [
        half("P1", "milk", &json!({"budget": {"uses": 100}})),
        half("P2", "bread", &json!({"needs_coupon": true})),
        json!({"kind": "coupon", "coupon": "ONE", "promotion": "P2"}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.payer("anna@example.com").await;
    let other = shop.test.another().await;
    for _ in 0..5 {
        let cart = shopper.fill(&[MILK, crate::support::catalog::BREAD]).await;
        show_coupon(&shopper, cart, "ONE").await.expect(200);
        let version = shopper.cart(cart).await.number("/version");
        let checkout: CheckoutId = shop.test.app.ids.next();
        let (path, body) = (format!("/v1/checkouts/{checkout}"), shopper.placement(cart, version, &[]));
        let send = async |test: &TestApp, body: &Value| {
            test.put(&path, body).bearer(&shopper.actor.token).send().await
        };
        let (first, second) = tokio::join!(send(&shop.test, &body), send(&other, &body));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201], "{} {}", first.json, second.json);
        assert_eq!(first.json["quote"], second.json["quote"]);
        shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    }
}

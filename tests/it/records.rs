//! What quotes were priced with is kept as long as somebody may ask, and no longer; and no shopper fills the disk with it.

use aisle::cart;
use aisle::db::Run;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::json;

use crate::credits::{TEMPLATE, apply, cancel, pay, shop_with, show as show_voucher, slip};
use crate::promotions::{half, show as show_coupon};
use crate::support::catalog::{BREAD, COFFEE, MILK, STORE, price};
use crate::support::trip::Shop;
use crate::weighed::checked;

async fn count(shop: &Shop) -> i64 {
    let all = shop.test.app.db.sql("SELECT COUNT(*) FROM price_records").fetch_one::<(i64,)>().await;
    all.expect("counted").0
}

/// Lets days pass, and the upkeep of the night behind them.
async fn days(shop: &Shop, days: i64) {
    shop.test.advance(Duration::days(days));
    cart::schedule_upkeep(&shop.test.app).await.expect("asked for");
    shop.test.advance(Duration::days(1));
    shop.test.run_jobs().await;
}

#[tokio::test]
async fn a_quote_that_nobody_paid_for_is_forgotten_and_a_receipt_can_be_explained_for_years() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let paid = shopper.fill(&[MILK]).await;
    let (checkout, placed) = shopper.place(paid, &[]).await;
    placed.expect(201);
    cancel(&shopper, checkout).await;
    shopper.order(paid, &[]).await;
    let given_up = shopper.fill(&[MILK]).await;
    let (checkout, placed) = shopper.place(given_up, &[]).await;
    placed.expect(201);
    cancel(&shopper, checkout).await;
    assert_eq!(count(&shop).await, 3);
    let replay = async |cart| {
        let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
        shop.test.get(&format!("/v1/carts/{cart}/replay")).bearer(&staff).send().await
    };
    days(&shop, 28).await;
    assert_eq!(count(&shop).await, 3);
    days(&shop, 1).await;
    assert_eq!(count(&shop).await, 1, "what was paid stays");
    let kept = replay(paid).await.expect(200);
    assert_eq!(
        (kept.json["quotes"].as_array().map(Vec::len), &kept.json["quotes"][0]["is_same"]),
        (Some(1), &json!(true))
    );
    replay(given_up).await.problem(404, "cart_unknown");
    days(&shop, 3_621).await;
    assert_eq!(count(&shop).await, 1);
    days(&shop, 1).await;
    assert_eq!(count(&shop).await, 0);
}

#[tokio::test]
async fn a_cart_goes_to_a_checkout_only_so_often() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    for _ in 0..30 {
        let (checkout, placed) = shopper.place(cart, &[]).await;
        placed.expect(201);
        cancel(&shopper, checkout).await;
    }
    shopper.place(cart, &[]).await.1.problem(422, "checkouts_used");
    assert_eq!(count(&shop).await, 30);
    let next = shopper.fill(&[MILK]).await;
    shopper.order(next, &[]).await;
}

const CLAIMS: [&str; 6] = [
    "SELECT COUNT(*) FROM promotion_claims",
    "SELECT COUNT(*) FROM promotion_counts",
    "SELECT COUNT(*) FROM coupon_claims",
    "SELECT COUNT(*) FROM coupon_uses",
    "SELECT COUNT(*) FROM voucher_claims",
    "SELECT COUNT(*) FROM price_differences",
];

async fn claims(shop: &Shop) -> Vec<i64> {
    let mut counts = Vec::new();
    for text in CLAIMS {
        counts.push(shop.test.app.db.sql(text).fetch_one::<(i64,)>().await.expect("counted").0);
    }
    counts
}

#[tokio::test]
async fn claims_of_promotions_that_ended_long_ago_are_forgotten_and_vouchers_never() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let number = checked("952123400001");
    let rows = [
        half("P1", "milk", &json!({"budget": {"uses": 10}})),
        half("P2", "bread", &json!({"needs_coupon": true})),
        half("P3", "coffee", &json!({"budget": {"uses": 10}, "valid_to": "2027-06-01T00:00:00Z"})),
        json!({"kind": "coupon", "coupon": number, "promotion": "P2", "uses_max": 9, "serialised": true}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD, COFFEE]).await;
    show_coupon(&shopper, cart, &format!("(255){number}00001")).await.expect(200);
    show_voucher(&shopper, cart, &slip(7, 100)).await.expect(200);
    apply(&shop, &[price("de", "milk", 139)]).await;
    let (given_up, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    cancel(&shopper, given_up).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    let left = placed.expect(201).number("/quote/to_pay/amount");
    pay(&shopper, checkout, left).await;
    // Two promotions with a budget, the coupon and its campaign; counts for everybody and for her.
    assert_eq!(claims(&shop).await, [4, 4, 4, 2, 1, 1]);
    days(&shop, 1).await;
    assert_eq!(claims(&shop).await, [2, 4, 2, 2, 1, 1], "what was freed is gone");
    days(&shop, 100).await;
    assert_eq!(claims(&shop).await, [1, 2, 0, 0, 1, 0], "one promotion still holds, and the voucher paid");
    days(&shop, 300).await;
    assert_eq!(claims(&shop).await, [0, 0, 0, 0, 1, 0]);
}

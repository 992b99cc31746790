//! What quotes were priced with is kept as long as somebody may ask, and no longer; and no shopper fills the disk with it.

use aisle::cart;
use aisle::db::Run;
use aisle::identity::Role;
use chrono::Duration;
use serde_json::json;

use crate::credits::cancel;
use crate::support::catalog::{MILK, STORE};
use crate::support::trip::Shop;

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

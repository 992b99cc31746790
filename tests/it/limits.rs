//! Limits of automatic debits: of one, and of a shopper within a day, whatever account pays and however many pay at once.

use aisle::identity::Role;
use aisle::ids::{CartId, CheckoutId};
use aisle::money::{Currency, Money};
use aisle::sandbox::paypal::CaptureStatus;
use chrono::Duration;
use serde_json::json;

use crate::support::Answer;
use crate::support::catalog::{BREAD, MILK, STORE};
use crate::support::trip::{Shop, Shopper};

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// A shop with these limits of the store, the service's own being left as they are.
async fn shop_with(limits: serde_json::Value) -> Shop {
    let shop = Shop::open().await;
    let report = shop.test.apply_rows(&[store_row(&json!({"limits": limits}))]).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
    shop
}

fn store_row(till: &serde_json::Value) -> serde_json::Value {
    let rows = crate::support::catalog::rows();
    let store = rows.into_iter().find(|row| row["kind"] == "store" && row["store"] == STORE);
    let mut store = store.expect("the store's row");
    store["till"] = till.clone();
    store
}

/// Checks in, scans bread and asks for a quote: 249 cents.
async fn quoted(shopper: &Shopper<'_>) -> (CartId, CheckoutId) {
    let cart = shopper.fill(&[BREAD]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    (cart, checkout)
}

async fn pay(shopper: &Shopper<'_>, checkout: CheckoutId) -> Answer {
    shopper.pay(checkout, eur(249)).await
}

fn debited(shop: &Shop) -> i64 {
    let books = shop.paypal.books();
    let money = books.captures.values().filter(|capture| capture.status == CaptureStatus::Completed);
    money.map(|capture| capture.amount.minor).sum()
}

#[tokio::test]
async fn staff_look_before_a_shopper_is_debited_more_within_a_day_than_the_store_allows() {
    let shop = shop_with(json!({"day_look_above": 500})).await;
    let mut shopper = shop.payer("anna@example.com").await;
    for _ in 0..2 {
        let (_, checkout) = quoted(&shopper).await;
        pay(&shopper, checkout).await.expect(202);
        shop.test.run_jobs().await;
    }
    shop.test.advance(Duration::minutes(10));
    // Another account of the same shopper counts too.
    shopper.method = shopper.link("ben@example.com").await;
    let (_, checkout) = quoted(&shopper).await;
    let held = pay(&shopper, checkout).await.expect(200);
    assert_eq!((held.text("/state"), &held.json["holds"]), ("held", &json!(["day_limit"])));
    assert_eq!(held.text("/limit_ends_at"), "2026-11-24T09:00:00Z");
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), 2 * 249);
    let clerk = shop.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/checkouts/{checkout}/release");
    shop.test.post(&path, &json!({})).bearer(&clerk).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shopper.checkout(checkout).await.text("/state"), "paid");
    // A day later the first ones count no more.
    shop.test.advance(Duration::hours(24) - Duration::minutes(9));
    shopper.sign_in_again().await;
    let (_, checkout) = quoted(&shopper).await;
    pay(&shopper, checkout).await.expect(202);
}

#[tokio::test]
async fn a_shopper_is_debited_so_often_within_a_day_before_staff_look() {
    let shop = shop_with(json!({"day_debits": 1})).await;
    let shopper = shop.payer("anna@example.com").await;
    let (_, first) = quoted(&shopper).await;
    pay(&shopper, first).await.expect(202);
    let (_, second) = quoted(&shopper).await;
    assert_eq!(pay(&shopper, second).await.expect(200).text("/state"), "held");
    // Others are not counted with them.
    let other = shop.payer("ben@example.com").await;
    let (_, third) = quoted(&other).await;
    pay(&other, third).await.expect(202);
}

#[tokio::test]
async fn what_was_declined_or_given_up_counts_no_more() {
    let shop = shop_with(json!({"day_max": 249})).await;
    let mut shopper = shop.payer("ben+declined@example.com").await;
    let (_, declined) = quoted(&shopper).await;
    pay(&shopper, declined).await.expect(202);
    // On its way it counts.
    let (_, second) = quoted(&shopper).await;
    pay(&shopper, second).await.problem(409, "day_limit_reached");
    shop.test.run_jobs().await;
    assert_eq!(shopper.checkout(declined).await.text("/state"), "declined");
    shopper.post(&format!("/v1/checkouts/{second}/cancel"), &json!({})).await.expect(200);
    shopper.method = shopper.link("anna@example.com").await;
    let (_, cancelled) = quoted(&shopper).await;
    pay(&shopper, cancelled).await.expect(202);
    shopper.post(&format!("/v1/checkouts/{cancelled}/cancel"), &json!({})).await.expect(200);
    shop.until(async || shop.paypal.books().captures.is_empty()).await;
    let (_, last) = quoted(&shopper).await;
    pay(&shopper, last).await.expect(202);
    shop.test.run_jobs().await;
    assert_eq!(shopper.checkout(last).await.text("/state"), "paid");
}

#[tokio::test]
async fn above_the_days_maximum_nothing_is_debited_and_the_shopper_is_told_until_when() {
    let shop = shop_with(json!({"day_max": 300})).await;
    let shopper = shop.payer("anna@example.com").await;
    let (_, first) = quoted(&shopper).await;
    pay(&shopper, first).await.expect(202);
    shop.test.run_jobs().await;
    shop.test.advance(Duration::minutes(1));
    let (cart, second) = quoted(&shopper).await;
    let refused = pay(&shopper, second).await.problem(409, "day_limit_reached");
    assert_eq!(refused.text("/until"), "2026-11-24T09:00:00Z");
    // Nothing is stuck: the checkout is still a quote, and the cart comes free with it.
    assert_eq!(shopper.checkout(second).await.text("/state"), "quoted");
    shopper.post(&format!("/v1/checkouts/{second}/cancel"), &json!({})).await.expect(200);
    shopper.scan(cart, &[MILK]).await.expect(200);
    assert_eq!(debited(&shop), 249);
}

#[tokio::test]
async fn many_checkouts_at_once_on_two_instances_never_exceed_the_days_maximum() {
    let shop = shop_with(json!({"day_max": 3 * 249})).await;
    let shopper = shop.payer("anna@example.com").await;
    let other = shop.test.another().await;
    let mut checkouts = Vec::new();
    for _ in 0..8 {
        checkouts.push(quoted(&shopper).await.1);
    }
    let pay = async |number: usize, checkout: CheckoutId| {
        let test = if number.is_multiple_of(2) { &shop.test } else { &other };
        let path = format!("/v1/checkouts/{checkout}/pay");
        let call = test.post(&path, &json!({"total": eur(249)})).bearer(&shopper.actor.token);
        call.send().await.status.as_u16()
    };
    let paying = checkouts.iter().enumerate().map(|(number, checkout)| pay(number, *checkout));
    let answers = futures_util::future::join_all(paying).await;
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 3, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 5, "{answers:?}");
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), 3 * 249);
}

#[tokio::test]
async fn one_debit_has_a_maximum_of_its_own() {
    let shop = shop_with(json!({"debit_max": 300, "look_above": 200})).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, MILK]).await;
    let (_, refused) = shopper.place(cart, &[]).await;
    refused.problem(422, "debit_too_large");
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
    let (_, checkout) = quoted(&shopper).await;
    let held = pay(&shopper, checkout).await.expect(200);
    assert_eq!((held.text("/state"), &held.json["holds"]), ("held", &json!(["amount_limit"])));
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_with_the_stores_row() {
    let shop = Shop::open().await;
    let report = shop.test.apply_rows(&[store_row(&json!({"limits": {"day_max": 0}}))]).await;
    assert_eq!(report.quarantined, 1);
}

//! Whether a link still lives is noticed before the shopper scans, and asked for within bounds.

use aisle::payments;
use aisle::sandbox::paypal::{Fault, Rule};
use serde_json::json;

use crate::support::catalog::MILK;
use crate::support::trip::Shop;

fn reads(shop: &Shop) -> usize {
    shop.paypal
        .exchanges()
        .iter()
        .filter(|one| one.method == "GET" && one.target.starts_with("/v3/vault/payment-tokens/"))
        .count()
}

fn revoke(shop: &Shop) {
    let token = shop.paypal.books().payment_tokens.keys().next().expect("a token").clone();
    assert!(shop.paypal.revoke_payment_token(&token));
}

#[tokio::test]
async fn a_permission_taken_back_is_told_when_a_trip_begins() {
    let shop = Shop::open().await;
    let mut anna = shop.payer("anna@example.com").await;
    let before = reads(&shop);
    revoke(&shop);
    shop.test.advance(chrono::Duration::minutes(16));
    anna.sign_in_again().await;
    let cart = anna.check_in().await;
    assert!(anna.cart(cart).await.json["link_again"].is_null());
    let tag = anna.cart(cart).await.headers["etag"].clone();
    shop.test.run_jobs().await;
    assert_eq!(reads(&shop) - before, 1);
    let method = anna.get(&format!("/v1/payment-methods/{}", anna.method)).await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
    let seen = anna.cart(cart).await;
    assert_eq!(seen.json["link_again"], true);
    assert_ne!(seen.headers["etag"], tag, "an app that knows the cart is told all the same");
    anna.scan(cart, &[MILK]).await.expect(200);
    let (_, placed) = anna.place(cart, &[]).await;
    placed.problem(422, "payment_method_unusable");
}

#[tokio::test]
async fn trips_one_after_the_other_ask_once_and_what_can_not_be_learned_changes_nothing() {
    let shop = Shop::open().await;
    let mut anna = shop.payer("anna@example.com").await;
    let before = reads(&shop);
    for _ in 0..3 {
        anna.check_in().await;
        shop.test.run_jobs().await;
    }
    assert_eq!(reads(&shop) - before, 0, "it was linked a moment ago");
    shop.test.advance(chrono::Duration::minutes(16));
    anna.sign_in_again().await;
    revoke(&shop);
    shop.paypal.add_fault(Rule::new("vault.token_get", Fault::ErrorBefore { status: 503 }, 1));
    for _ in 0..3 {
        anna.check_in().await;
        shop.test.run_jobs().await;
    }
    assert_eq!(reads(&shop) - before, 1);
    let cart = anna.check_in().await;
    assert!(anna.cart(cart).await.json["link_again"].is_null());
}

#[tokio::test]
async fn a_link_that_is_not_used_is_asked_after_once_a_day() {
    let shop = Shop::open().await;
    let mut anna = shop.payer("anna@example.com").await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    let before = reads(&shop);
    for _ in 0..50 {
        shop.test.advance(chrono::Duration::hours(1));
        shop.test.run_jobs().await;
    }
    assert_eq!(reads(&shop) - before, 2);
    revoke(&shop);
    shop.test.advance(chrono::Duration::hours(25));
    shop.test.run_jobs().await;
    anna.sign_in_again().await;
    let methods = anna.get("/v1/payment-methods").await.expect(200);
    assert_eq!(methods.json["methods"][0]["state"], json!("revoked"));
}

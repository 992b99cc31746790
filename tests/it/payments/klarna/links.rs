//! Linking an account: approved on Klarna's page, proven by Klarna alone, and ended there.

use aisle::payments::{self, DeclineReason, PaymentState};
use aisle::sandbox::klarna::{Rule, TokenStatus};
use reqwest::Method;
use serde_json::json;

use super::LOST;
use crate::support::klarna_shop::{BY_KEY, KlarnaShop, Payer};

fn somebody(shop: &KlarnaShop, actor: crate::support::identity::ShopperActor) -> Payer<'_> {
    Payer { shop, actor, method: shop.test.app.ids.next() }
}

#[tokio::test]
async fn a_link_is_approved_on_klarnas_page_and_proven_by_klarna_alone() {
    let shop = KlarnaShop::open().await;
    let payer = somebody(&shop, shop.test.shopper().await);
    let page = payer.begin_link(&json!({"provider": "klarna", "return_url": "aisle://app/linked"})).await;
    // Stepping back, and coming back here, prove nothing.
    assert!(shop.sandbox.go_back(&page));
    payer.confirm().await;
    assert_eq!(payer.read_method().await.text("/state"), "linking");
    assert!(shop.sandbox.approve(&page, "anna@example.com"));
    payer.confirm().await;
    let linked = payer.read_method().await;
    assert_eq!((linked.text("/state"), linked.text("/label")), ("active", "Bank account ***124"));
    assert!(!String::from_utf8_lossy(&linked.bytes).contains(&shop.token()));
    assert!(shop.sandbox.books().orders.is_empty(), "nothing is bought");

    let token = &payer.actor.token;
    for _ in 0..2 {
        shop.test.call(Method::DELETE, &payer.path()).bearer(token).send().await.expect(204);
    }
    shop.test.run_jobs().await;
    // Klarna accepts, and does it in its own time.
    shop.sandbox.advance_seconds(5);
    assert_eq!(shop.sandbox.books().customer_tokens[&shop.token()].status, TokenStatus::Cancelled);
    shop.check_exchanges();
}

#[tokio::test]
async fn an_account_is_linked_for_the_country_the_currency_and_the_language_that_the_shopper_says() {
    let shop = KlarnaShop::open().await;
    let payer = somebody(&shop, shop.test.shopper().await);
    for (field, wrong) in
        [("country", "Austria"), ("country", "at"), ("locale", "german"), ("locale", "de_AT")]
    {
        let body = json!({"provider": "klarna", field: wrong});
        let sent = shop.test.put(&payer.path(), &body).bearer(&payer.actor.token).send().await;
        sent.problem(422, "market_invalid");
    }
    let body = json!({"provider": "klarna", "country": "CH", "currency": "CHF", "locale": "fr-CH"});
    let page = payer.begin_link(&body).await;
    let other = json!({"provider": "klarna", "country": "CH", "currency": "CHF", "locale": "de-CH"});
    let again = shop.test.put(&payer.path(), &other).bearer(&payer.actor.token).send().await;
    again.problem(409, "payment_method_taken");
    assert!(shop.sandbox.approve(&page, "anna@example.com"));
    payer.confirm().await;
    let token = &shop.sandbox.books().customer_tokens[&shop.token()];
    assert_eq!(
        (token.country.as_str(), token.currency.as_str(), token.locale.as_str()),
        ("CH", "CHF", "fr-CH")
    );
    // It is of another currency than the store's: Klarna says so, and another account may do.
    let payment = payer.pay(1000, 1000).await;
    let declined = shop.until_state(payment, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::Refused));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_link_that_klarna_or_the_shopper_refuses_is_no_link() {
    let shop = KlarnaShop::open().await;
    let denied = somebody(&shop, shop.test.shopper().await);
    let page = denied.begin_link(&json!({"provider": "klarna"})).await;
    assert!(!shop.sandbox.approve(&page, "ben+denied@example.com"));
    denied.confirm().await;
    assert_eq!(denied.read_method().await.text("/state"), "linking", "another try on the page may do");
    let refused = somebody(&shop, shop.test.shopper().await);
    let page = refused.begin_link(&json!({"provider": "klarna"})).await;
    assert!(shop.sandbox.refuse(&page));
    refused.confirm().await;
    assert_eq!(refused.read_method().await.text("/state"), "failed");
    assert!(matches!(refused.try_pay(1000, 1000).await, Err(payments::Error::MethodInactive)));
    assert!(shop.sandbox.books().customer_tokens.is_empty());
}

#[tokio::test]
async fn a_link_survives_lost_answers_except_where_klarna_knows_no_repeat() {
    let shop = KlarnaShop::open().await;
    let payer = somebody(&shop, shop.test.shopper().await);
    for operation in ["sessions.create", "hpp.create", "hpp.read", "tokens.read"] {
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
    }
    shop.test
        .put(&payer.path(), &json!({"provider": "klarna"}))
        .bearer(&payer.actor.token)
        .send()
        .await
        .expect(202);
    for _ in 0..4 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(5));
    }
    let page = payer.read_method().await.text("/approve_url").to_owned();
    assert!(shop.sandbox.approve(&page, "anna@example.com"));
    for _ in 0..4 {
        payer.confirm().await;
        shop.test.advance(chrono::Duration::seconds(5));
    }
    assert_eq!(payer.read_method().await.text("/state"), "active");
    assert_eq!(shop.sandbox.books().customer_tokens.len(), 1);

    // A token whose making was not heard of can't be asked for again: the shopper links anew, and nobody can debit with it.
    let payer = somebody(&shop, shop.test.shopper().await);
    let page = payer.begin_link(&json!({"provider": "klarna"})).await;
    assert!(shop.sandbox.approve(&page, "ben@example.com"));
    shop.sandbox.add_fault(Rule::new("authorizations.customer_token", LOST, 1));
    for _ in 0..3 {
        payer.confirm().await;
        shop.test.advance(chrono::Duration::seconds(5));
    }
    assert_eq!(payer.read_method().await.text("/state"), "failed");
}

#[tokio::test]
async fn a_token_that_ended_is_noticed_when_a_trip_begins_or_at_the_charge() {
    let shop = KlarnaShop::open().await;
    shop.test.seed_catalog().await;
    let mut payer = shop.payer("anna@example.com").await;
    shop.advance(chrono::Duration::minutes(16));
    payer.sign_in_again().await;
    assert!(shop.sandbox.set_token_status(&shop.token(), TokenStatus::Suspended));
    let cart: aisle::ids::CartId = shop.test.app.ids.next();
    let check_in = json!({"store": crate::support::catalog::STORE});
    let path = format!("/v1/carts/{cart}");
    shop.test.put(&path, &check_in).bearer(&payer.actor.token).send().await.expect(201);
    shop.test.run_jobs().await;
    assert_eq!(payer.read_method().await.text("/state"), "revoked");
    let cart = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(cart.json["link_again"], true);
}

#[tokio::test]
async fn the_newer_kind_of_credentials_does_as_well() {
    let shop = KlarnaShop::open_with(&BY_KEY).await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
}

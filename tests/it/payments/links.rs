//! Linking an account: named by the app, approved at PayPal, proven by PayPal alone.

use aisle::db::Run;
use aisle::ids::MethodId;
use aisle::payments::{self, DeclineReason, PaymentState};
use aisle::sandbox::paypal::{Rule, SetupToken, WebhookTarget};
use serde_json::json;

use super::LOST;
use crate::support::identity::MASTER_KEY;
use crate::support::payments::{PaidShop, WEBHOOK_ID};

#[tokio::test]
async fn a_permission_taken_back_is_noticed_at_the_charge() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("emil@example.com").await;
    let books = shop.sandbox.books();
    let token = books.payment_tokens.values().next().expect("a token").id.clone();
    assert!(shop.sandbox.revoke_payment_token(&token));
    let payment = payer.pay(1000, 1000).await;
    let declined = shop.until_state(payment, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::LinkRevoked));
    let path = format!("/v1/payment-methods/{}", payer.method);
    let method = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
    assert!(matches!(payer.try_pay(1000, 1000).await, Err(payments::Error::MethodInactive)));
}

#[tokio::test]
async fn a_link_is_named_by_the_app_and_proven_by_paypal_alone() {
    let shop = PaidShop::open().await;
    let (anna, ben) = (shop.test.shopper().await, shop.test.shopper().await);
    let method: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    let body = json!({"provider": "paypal"});
    for refused in ["https://evil.example/", "javascript:alert(1)", "aisle://other"] {
        let body = json!({"provider": "paypal", "return_url": refused});
        shop.test.put(&path, &body).bearer(&anna.token).send().await.problem(422, "return_url_refused");
    }
    shop.test.put(&path, &body).send().await.problem(401, "unauthenticated");
    shop.sandbox.add_fault(Rule::new("vault.setup", LOST, 1));
    shop.test.put(&path, &body).bearer(&anna.token).send().await.expect(202);
    shop.test.put(&path, &body).bearer(&ben.token).send().await.problem(409, "payment_method_taken");
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(10));
    }
    let linking = shop.test.put(&path, &body).bearer(&anna.token).send().await.expect(200);
    shop.test.get(&path).bearer(&ben.token).send().await.problem(404, "payment_method_unknown");
    // Coming back proves nothing.
    let setup = shop.sandbox.books().setup_tokens.values().next().expect("a setup token").clone();
    let return_url = setup.paypal["experience_context"]["return_url"].as_str().expect("a url").to_owned();
    let back = return_url.strip_prefix(shop.test.url()).expect("our own address");
    for page in [
        format!("{path}/return?state=guessed"),
        format!("{path}/return"),
        format!("{back}&approval_token_id=x"),
        back.to_owned(),
    ] {
        shop.test.get(&page).send().await.expect(200);
    }
    shop.test.run_jobs().await;
    let waiting = shop.test.get(&path).bearer(&anna.token).send().await.expect(200);
    assert_eq!(waiting.text("/state"), "linking");
    assert!(shop.sandbox.approve(linking.text("/approve_url"), "anna@example.com"));
    shop.sandbox.add_fault(Rule::new("vault.token", LOST, 1));
    // PayPal is not asked twice within two seconds.
    shop.test.advance(chrono::Duration::seconds(2));
    shop.test.post(&format!("{path}/confirm"), &json!({})).bearer(&anna.token).send().await.expect(202);
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(10));
    }
    let linked = shop.test.get(&path).bearer(&anna.token).send().await.expect(200);
    assert_eq!((linked.text("/state"), linked.text("/label")), ("active", "a***@example.com"));
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a token").clone();
    assert!(!String::from_utf8_lossy(&linked.bytes).contains(&token));
    assert_eq!(shop.sandbox.books().payment_tokens.len(), 1);

    shop.test
        .call(reqwest::Method::DELETE, &path)
        .bearer(&ben.token)
        .send()
        .await
        .problem(404, "payment_method_unknown");
    for _ in 0..2 {
        shop.test.call(reqwest::Method::DELETE, &path).bearer(&anna.token).send().await.expect(204);
    }
    shop.test.run_jobs().await;
    assert!(shop.sandbox.books().payment_tokens[&token].deleted_at.is_some());
    let list = shop.test.get("/v1/payment-methods").bearer(&anna.token).send().await.expect(200);
    assert_eq!(list.json["methods"], json!([]));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_link_taken_back_at_paypal_is_noticed_by_its_webhook() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a token").clone();
    shop.sandbox.revoke_payment_token(&token);
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    let path = format!("/v1/payment-methods/{}", payer.method);
    let method = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
}

#[tokio::test]
async fn a_link_that_nobody_approves_fails_after_a_while() {
    let shop = PaidShop::open().await;
    let anna = shop.test.shopper().await;
    let method: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    shop.test.put(&path, &json!({"provider": "paypal"})).bearer(&anna.token).send().await.expect(202);
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::hours(3));
    shop.test.run_jobs().await;
    let methods = payments::find_method(&shop.test.app.db, anna.id.parse().expect("an id"), method)
        .await
        .expect("read");
    assert_eq!(methods.expect("a method").state, payments::MethodState::Failed);
}

#[tokio::test]
async fn what_can_debit_an_account_is_nowhere_in_the_database() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.deliver_webhooks().await;
    let token = shop.sandbox.books().payment_tokens.values().next().expect("a token").clone();
    let row: (Option<String>, Option<String>, Option<String>) = shop
        .test
        .app
        .db
        .sql("SELECT provider_token, provider_token_mark, provider_customer FROM payment_methods WHERE id = $1")
        .bind(payer.method)
        .fetch_one()
        .await
        .expect("a row");
    for text in [row.0, row.1, row.2] {
        let text = text.expect("a text");
        assert!(!text.contains(&token.id) && !text.contains(&token.customer["id"].to_string()), "{text}");
    }
    let events: Vec<(Option<String>,)> =
        shop.test.app.db.sql("SELECT object FROM payment_events").fetch_all().await.expect("events");
    assert!(!events.is_empty() && events.iter().all(|(object,)| object.as_ref() != Some(&token.id)));
    let waiting: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{waiting}");
    shop.test.put(&path, &json!({"provider": "paypal"})).bearer(&payer.actor.token).send().await.expect(202);
    shop.test.run_jobs().await;
    let row: (Option<String>, Option<String>) = shop
        .test
        .app
        .db
        .sql("SELECT setup_token, return_secret FROM payment_methods WHERE id = $1")
        .bind(waiting)
        .fetch_one()
        .await
        .expect("a row");
    let books = shop.sandbox.books();
    let is_open = |text: &str| {
        let url = |setup: &SetupToken| setup.paypal["experience_context"]["return_url"].to_string();
        books.setup_tokens.values().any(|setup| text.contains(&setup.id) || url(setup).contains(text))
    };
    assert!(!is_open(&row.0.expect("a text")) && !is_open(&row.1.expect("a text")));
}

#[tokio::test]
async fn a_new_master_key_opens_links_that_the_one_before_it_sealed() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let mut variables = shop.variables_with("AISLE_MASTER_KEY", key);
    variables.push(("AISLE_MASTER_KEYS_BEFORE", MASTER_KEY));
    let changed = shop.test.another_with(&variables).await;
    let payment = payer.pay(1000, 1000).await;
    changed.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
    // A webhook about the link finds it by the mark of the earlier key.
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a token").clone();
    shop.sandbox.revoke_payment_token(&token);
    let url = format!("{}/v1/webhooks/payments/paypal", changed.url());
    shop.sandbox.set_webhook(WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
    shop.sandbox.deliver_webhooks().await;
    changed.run_jobs().await;
    let path = format!("/v1/payment-methods/{}", payer.method);
    let method = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
}

#[tokio::test]
async fn a_link_is_not_removed_while_a_debit_begins_and_ends_after_it() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let app = &shop.test.app;
    let path = format!("/v1/payment-methods/{}", payer.method);
    let mut tx = app.db.begin().await.expect("begun");
    let payment = payer.begin(&mut tx, 1000, 1000).await.expect("a payment is started");
    let removed = shop.test.call(reqwest::Method::DELETE, &path).bearer(&payer.actor.token).send();
    let mut removed = std::pin::pin!(removed);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), &mut removed).await;
    assert!(waited.is_err(), "the link was removed although a debit was beginning with it");
    tx.commit().await.expect("committed");
    removed.await.expect(204);
    assert!(matches!(payer.try_pay(1000, 1000).await, Err(payments::Error::MethodInactive)));
    shop.until_state(payment, PaymentState::Captured).await;
    let is_ended = || shop.sandbox.books().payment_tokens.values().all(|token| token.deleted_at.is_some());
    shop.test.advance(chrono::Duration::seconds(10));
    shop.test.run_jobs().await;
    assert!(is_ended());
    assert_eq!(shop.debited(), 1000);
}

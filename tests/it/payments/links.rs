//! Linking an account: named by the app, approved at PayPal, proven by PayPal alone.

use aisle::ids::MethodId;
use aisle::payments::{self, DeclineReason, PaymentState};
use aisle::sandbox::paypal::Rule;
use serde_json::json;

use super::LOST;
use crate::support::payments::PaidShop;

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

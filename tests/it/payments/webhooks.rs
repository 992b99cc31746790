//! Webhooks: proven on their bytes, stored once, and only a hint.

use aisle::db::Run;
use aisle::ids::RefundId;
use aisle::payments::PaymentState;
use aisle::sandbox::paypal::{AuthorizationStatus, Controls};
use serde_json::json;

use super::fact;
use crate::support::payments::{PaidShop, eur};

#[tokio::test]
async fn webhooks_doubled_reordered_and_lost_change_nothing_but_the_time() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    let capture = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    assert!(shop.sandbox.settle_capture(&capture, true));
    shop.sandbox.set_webhook_controls(Controls {
        hold: true,
        reverse: true,
        duplicate_next: 9,
        ..Controls::default()
    });
    // No time passes: only the webhook can make the job look now.
    assert!(shop.sandbox.deliver_webhooks().await >= 2);
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.facts(payment).await.len(), 2);
    let refund: RefundId = shop.test.app.ids.next();
    shop.refund(payment, refund, eur(1000)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.refunded, eur(1000));
}

#[tokio::test]
async fn a_webhook_brings_an_approved_order_to_its_end_at_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com");
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
}

#[tokio::test]
async fn a_hold_that_ended_at_paypal_ends_here_too() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    let day = 24 * 3600;
    shop.sandbox.advance_seconds(30 * day);
    let client = crate::support::client();
    let hold = shop.sandbox.books().authorizations.keys().next().expect("a hold").clone();
    let token = client
        .post(format!("{}/v1/oauth2/token", shop.sandbox.url()))
        .basic_auth("shop", Some("secret"))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .expect("a token")
        .json::<serde_json::Value>()
        .await
        .expect("JSON");
    // Somebody voids it at PayPal, unless it expired there already.
    let _ = client
        .post(format!("{}/v2/payments/authorizations/{hold}/void", shop.sandbox.url()))
        .bearer_auth(token["access_token"].as_str().expect("a token"))
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(shop.sandbox.books().authorizations[&hold].status, AuthorizationStatus::Voided);
    shop.sandbox.deliver_webhooks().await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("voided", 1000)]);
}

type Headers = Vec<(String, String)>;

#[tokio::test]
async fn forged_webhooks_are_refused_and_leave_nothing_behind() {
    let shop = PaidShop::open().await;
    shop.payer("anna@example.com").await;
    let event = shop.sandbox.books().events.first().expect("an event").clone();
    let (headers, body) = shop.signed(&event.body).await;
    let send = async |change: &dyn Fn(&mut Headers), body: &str| {
        let mut headers = headers.clone();
        change(&mut headers);
        let mut call = shop
            .test
            .call(reqwest::Method::POST, "/v1/webhooks/payments/paypal")
            .body("application/json", body.to_owned());
        for (name, value) in &headers {
            call = call.header(name, value);
        }
        call.send().await
    };
    let set = |name: &'static str, value: String| {
        move |headers: &mut Vec<(String, String)>| {
            headers.retain(|(each, _)| each != name);
            headers.push((name.to_owned(), value.clone()));
        }
    };
    send(&|_| {}, &format!("{body} ")).await.problem(400, "webhook_unproven");
    send(&|headers| headers.clear(), &body).await.problem(400, "webhook_unproven");
    let url = headers.iter().find(|(name, _)| name == "paypal-cert-url").expect("a url").1.clone();
    let elsewhere = [
        url.replace("127.0.0.1", "127.0.0.2"),
        url.replace("http://", "http://x@"),
        format!("{url}?a"),
        url.replace("/v1/notifications/certs/", "/v1/notifications/certs/../"),
        url.replace("/certs/", "/certs/x/"),
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for address in elsewhere {
        send(&set("paypal-cert-url", address.clone()), &body).await.problem(400, "webhook_unproven");
    }
    let changes = [
        ("paypal-auth-algo", "MD5withRSA"),
        ("paypal-transmission-id", "another"),
        ("paypal-transmission-time", "2020-01-01T00:00:00Z"),
        ("paypal-transmission-sig", "AAAA"),
        ("paypal-transmission-sig", "not base64"),
    ];
    for (name, value) in changes {
        send(&set(name, value.to_owned()), &body).await.problem(400, "webhook_unproven");
    }
    let stored: Vec<(String,)> =
        shop.test.app.db.sql("SELECT event_id FROM payment_events").fetch_all().await.expect("events");
    assert!(stored.is_empty());
    send(&|_| {}, &body).await.expect(200);
    send(&|_| {}, &body).await.expect(200);
    let stored: Vec<(String,)> =
        shop.test.app.db.sql("SELECT event_id FROM payment_events").fetch_all().await.expect("events");
    assert_eq!(stored.len(), 1);
    shop.test.run_jobs().await;
}

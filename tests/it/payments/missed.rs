//! Events that did not arrive are fetched, and the check of the others can be left to PayPal.

use aisle::db::Run;
use aisle::payments::{self, PaymentState};
use aisle::sandbox::paypal::{Controls, Fault, Rule};
use chrono::Duration;

use crate::support::payments::{PaidShop, eur};

async fn events(shop: &PaidShop) -> Vec<(String, String)> {
    let found = shop.test.app.db.sql("SELECT event_type, topic FROM payment_events ORDER BY event_type");
    found.fetch_all().await.expect("events")
}

#[tokio::test]
async fn events_that_were_lost_are_fetched_and_each_counts_once() {
    let shop = PaidShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    shop.pass(Duration::minutes(1));
    shop.test.run_jobs().await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.set_webhook_controls(Controls { hold: true, drop_next: 99, ..Controls::default() });
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let capture = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    assert!(shop.sandbox.reverse_capture(&capture));
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert!(!shop.facts(payment).await.iter().any(|(kind, _)| kind == "reversed"), "nothing told us");
    shop.sandbox.add_fault(Rule::new("webhooks.list", Fault::ErrorBefore { status: 503 }, 1));
    for _ in 0..3 {
        shop.pass(Duration::minutes(11));
        shop.test.run_jobs().await;
    }
    assert!(shop.facts(payment).await.iter().any(|(kind, _)| kind == "reversed"));
    let told = shop.sandbox.books().events.len();
    let found = events(&shop).await;
    assert_eq!(found.len(), told);
    shop.pass(Duration::minutes(11));
    shop.test.run_jobs().await;
    assert_eq!(events(&shop).await.len(), told, "what overlaps is known");
    shop.check_exchanges();
}

#[tokio::test]
async fn an_instance_that_was_away_for_days_catches_up_in_steps() {
    let shop = PaidShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    shop.pass(Duration::minutes(1));
    shop.test.run_jobs().await;
    shop.payer("anna@example.com").await;
    shop.sandbox.set_webhook_controls(Controls { hold: true, drop_next: 99, ..Controls::default() });
    shop.payer("ben@example.com").await;
    shop.pass(Duration::days(5));
    shop.test.run_jobs().await;
    assert_eq!(events(&shop).await.len(), 2);
    let asked = shop.sandbox.exchanges().into_iter().filter(|one| one.target.contains("webhooks-events?"));
    assert!(asked.filter(|one| one.status == 200).count() >= 5);
}

#[tokio::test]
async fn an_event_that_nobody_knows_is_kept_and_not_followed() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    let before = shop.sandbox.exchanges().len();
    shop.sandbox.tell("CATALOG.PRODUCT.CREATED");
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    let found = events(&shop).await;
    assert!(found.contains(&("CATALOG.PRODUCT.CREATED".to_owned(), "unknown".to_owned())), "{found:?}");
    assert_eq!(shop.sandbox.exchanges().len(), before, "PayPal is not asked about it");
    assert_eq!(shop.read(payment).await.captured, eur(1000));
}

#[tokio::test]
async fn paypal_itself_checks_events_when_told_to_over_the_bytes_that_came() {
    let shop = PaidShop::open_with("AISLE_PAYPAL_WEBHOOK_CHECK", "online").await;
    shop.payer("anna@example.com").await;
    let event = shop.sandbox.books().events.first().expect("an event").clone();
    let (headers, body) = shop.signed(&event.body).await;
    let send = async |body: String| {
        let path = "/v1/webhooks/payments/paypal";
        let mut call = shop.test.call(reqwest::Method::POST, path).body("application/json", body);
        for (name, value) in &headers {
            call = call.header(name, value);
        }
        call.send().await
    };
    send(body.replacen("\":", "\": ", 1)).await.problem(400, "webhook_unproven");
    send(format!("{body},\"webhook_id\":\"another\"")).await.problem(400, "webhook_unproven");
    assert_eq!(events(&shop).await.len(), 0);
    shop.sandbox.add_fault(Rule::new("webhooks.verify", Fault::ErrorBefore { status: 500 }, 1));
    send(body.clone()).await.expect(503);
    send(body).await.expect(200);
    assert_eq!(events(&shop).await.len(), 1);
    let asked = shop.sandbox.exchanges();
    assert!(asked.iter().any(|one| one.operation == "webhooks.verify" && one.status == 200));
    shop.check_exchanges();
}

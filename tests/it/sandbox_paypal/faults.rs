//! Failures on order, and the request id that makes them harmless.

use aisle::sandbox::paypal::{Fault, Rule};
use serde_json::json;

use super::{Shop, order};

#[tokio::test]
async fn an_error_before_has_no_effect_and_the_repetition_is_the_first() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    let rule = json!({"operation": "orders.create", "kind": "error_before", "status": 503, "times": 2});
    assert_eq!(shop.control("/sandbox/faults", &rule).await, 200);
    for _ in 0..2 {
        let said = shop.charge(&vault_id, "CAPTURE", "k1", "5.00").await;
        assert_eq!((said.status, said.text("/name").as_str()), (503, "SERVICE_UNAVAILABLE"));
    }
    assert!(shop.sandbox.books().orders.is_empty());
    assert_eq!(shop.charge(&vault_id, "CAPTURE", "k1", "5.00").await.status, 201);
    shop.end().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_charge_is_found_by_the_same_key() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    for (index, fault) in
        [Fault::NoAnswerAfter { hold: false }, Fault::ErrorAfter { status: 500 }].into_iter().enumerate()
    {
        shop.sandbox.add_fault(Rule::new("orders.create", fault, 1));
        let key = format!("k{index}");
        let body = order(&vault_id, "CAPTURE", &key, "5.00");
        let headers = [("PayPal-Request-Id", key.as_str())];
        let lost = shop.send(reqwest::Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await;
        assert!(lost.is_err() || lost.is_ok_and(|said| said.status == 500));
        assert_eq!(shop.sandbox.books().captures.len(), index + 1);
        let found = shop.charge(&vault_id, "CAPTURE", &key, "5.00").await;
        assert_eq!((found.status, found.text("/status").as_str()), (200, "COMPLETED"));
        assert_eq!(shop.sandbox.books().captures.len(), index + 1);
    }
    shop.end().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_before_anything_happened_leaves_no_trace() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("*", Fault::NoAnswerBefore { hold: false }, 1));
    let body = order(&vault_id, "CAPTURE", "k1", "5.00");
    let headers = [("PayPal-Request-Id", "k1")];
    let lost = shop.send(reqwest::Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await;
    assert!(lost.is_err(), "{lost:?}");
    assert!(shop.sandbox.books().orders.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_second_request_under_a_key_at_work_is_refused() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", Fault::DelayMs { delay_ms: 300 }, 1));
    let (one, other) = tokio::join!(
        shop.charge(&vault_id, "CAPTURE", "k1", "5.00"),
        shop.charge(&vault_id, "CAPTURE", "k1", "5.00"),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(shop.sandbox.books().captures.len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn a_held_connection_ends_when_the_sandbox_stops() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", Fault::NoAnswerAfter { hold: true }, 1));
    let request = shop
        .client
        .post(format!("{}/v2/checkout/orders", shop.sandbox.url()))
        .bearer_auth(&shop.token)
        .header("PayPal-Request-Id", "k1")
        .json(&order(&vault_id, "CAPTURE", "k1", "5.00"));
    let waiting = tokio::task::JoinSet::from_iter([request.send()]);
    while shop.sandbox.books().captures.is_empty() {
        tokio::task::yield_now().await;
    }
    shop.end().await;
    let ended = waiting.join_all().await;
    assert!(ended.iter().all(Result::is_err), "{ended:?}");
}

//! Faults on order, limits, tokens, controls over HTTP, and books that outlive the process.

use std::time::Duration;

use aisle::sandbox::uber::{Fault, Rule, Settings};
use reqwest::Method;
use serde_json::json;

use super::{Shop, answer, delivery, refused, standing_still};

#[tokio::test]
async fn planned_faults_strike_before_or_after_the_work_and_run_out() {
    let shop = Shop::new().await;
    let booked = || shop.sandbox.books().deliveries.len();
    let plan = |fault: Fault| shop.sandbox.add_fault(Rule::new("deliveries.create", fault, 1)).unwrap();
    for (status, code) in [(408, "request_timeout"), (429, "customer_limited"), (503, "service_unavailable")]
    {
        plan(Fault::ErrorBefore { status });
        refused(shop.deliver(&delivery("AISLE-1")).await, status, code);
        assert_eq!(booked(), 0);
    }
    plan(Fault::ErrorAfter { status: 500 });
    refused(shop.deliver(&delivery("AISLE-1")).await, 500, "internal_server_error");
    assert_eq!(booked(), 1);
    refused(shop.deliver(&delivery("AISLE-1")).await, 409, "duplicate_delivery");
    for (place, fault) in [
        Fault::NoAnswerBefore { hold: false },
        Fault::NoAnswerAfter { hold: false },
        Fault::NoAnswerAfter { hold: true },
        Fault::DelayMs { delay_ms: 60_000 },
    ]
    .into_iter()
    .enumerate()
    {
        plan(fault);
        let body = delivery(&format!("AISLE-{}", 2 + place));
        let request = shop.call(Method::POST, "/deliveries").json(&body).timeout(Duration::from_millis(300));
        assert!(request.send().await.is_err(), "{fault:?}");
        assert_eq!(booked(), 1 + place, "{fault:?}");
    }
    shop.end().await;
}

#[tokio::test]
async fn ten_minutes_have_so_many_calls() {
    let shop = Shop::with(Settings { calls_max: 2, ..standing_still() }).await;
    for _ in 0..2 {
        shop.get("/deliveries").await.expect(200);
    }
    refused(shop.get("/deliveries").await, 429, "customer_limited");
    shop.sandbox.advance_seconds(600).unwrap();
    shop.get("/deliveries").await.expect(200);
    shop.end().await;
}

#[tokio::test]
async fn a_token_is_needed_for_the_right_scope_and_can_be_revoked() {
    let shop = Shop::new().await;
    assert_eq!(shop.log_in("eats.orders").await.expect(400).text("/error"), "invalid_scope");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "nobody"),
        ("client_secret", "x"),
        ("scope", "y"),
    ];
    answer(shop.request(Method::POST, "/oauth/v2/token").form(&form)).await.expect(401);
    shop.get("/deliveries").await.expect(200);
    shop.sandbox.revoke_tokens().unwrap();
    refused(shop.get("/deliveries").await, 401, "unauthorized");
    shop.end().await;
}

#[tokio::test]
async fn controls_work_over_http_and_the_page_moves_couriers() {
    let shop = Shop::new().await;
    let id = shop.book("AISLE-1").await;
    let path = format!("/sandbox/deliveries/{id}/events");
    let moved = shop.control(Method::POST, &path, &json!({ "event": "advance" })).await.expect(200);
    assert_eq!(moved.text("/status"), "pickup");
    shop.control(Method::POST, &path, &json!({ "event": "nonsense" })).await.expect(400);
    shop.control(Method::POST, &path, &json!({ "event": "age_check_failed" })).await.expect(409);
    let nobody = "/sandbox/deliveries/del_x/events";
    shop.control(Method::POST, nobody, &json!({ "event": "advance" })).await.expect(404);
    shop.control(Method::PUT, "/sandbox/oddities", &json!({ "couriers_busy": 1 })).await.expect(200);
    refused(shop.deliver(&delivery("AISLE-2")).await, 503, "couriers_busy");
    shop.control(Method::POST, "/sandbox/webhooks", &json!({ "hold": true })).await.expect(200);
    let books = shop.control(Method::GET, "/sandbox/books", &json!({})).await.expect(200);
    assert_eq!(books.text("/deliveries/0/id"), id);
    let page = answer(shop.request(Method::GET, "/")).await.expect(200);
    assert!(String::from_utf8(page.bytes).unwrap().contains(&id));
    answer(shop.request(Method::POST, &path).form(&[("event", "advance")])).await.expect(303);
    shop.control(Method::DELETE, "/sandbox/tokens", &json!({})).await.expect(200);
    shop.get("/deliveries").await.expect(401);
    shop.end().await;
}

#[tokio::test]
async fn the_books_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { state_file: Some(folder.path().join("uber.json")), ..standing_still() };
    let shop = Shop::with(settings.clone()).await;
    let id = shop.book("AISLE-1").await;
    shop.ride(&id, 2);
    let before = shop.sandbox.books().deliveries;
    shop.end().await;
    let shop = Shop::with(settings).await;
    assert_eq!(shop.sandbox.books().deliveries, before);
    assert_ne!(shop.book("AISLE-2").await, id);
    shop.end().await;
}

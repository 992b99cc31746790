//! Failures on order, the keys that make them harmless, credentials, limits, and the state that outlives a run.

use aisle::sandbox::klarna::{Fault, Limits, Rule, Sandbox, Settings};
use reqwest::Method;
use serde_json::json;

use super::{Shop, token_order};
use crate::support::klarna::{API_KEY, PASSWORD, USERNAME};

#[tokio::test]
async fn an_error_before_has_no_effect_and_the_repetition_is_the_first() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let rule = json!({"operation": "tokens.order", "kind": "error_before", "status": 503, "times": 1});
    assert_eq!(shop.control("/sandbox/faults", &rule).await, 200);
    let said = shop.charge(&token, "k1", 500).await;
    assert_eq!((said.status, said.code()), (503, "SERVICE_UNAVAILABLE"));
    shop.sandbox.add_fault(Rule::new("tokens.order", Fault::ErrorBefore { status: 429 }, 1));
    let said = shop.charge(&token, "k1", 500).await;
    assert_eq!((said.code(), said.header("x-ratelimit-remaining").as_str()), ("TOO_MANY_REQUESTS", "0"));
    assert!(shop.sandbox.books().orders.is_empty());
    assert_eq!(shop.charge(&token, "k1", 500).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_effect_is_found_by_the_same_key() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let order = format!("/customer-token/v1/tokens/{token}/order");
    shop.sandbox.add_fault(Rule::new("tokens.order", Fault::NoAnswerAfter { hold: false }, 1));
    let lost = shop.send(Method::POST, &order, Some("k1"), Some(&token_order("k1", 500))).await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(shop.sandbox.amounts("k1").authorized, 500);
    let order_id = shop.charge(&token, "k1", 500).await.text("/order_id");
    assert_eq!(shop.sandbox.books().orders.len(), 1);

    let path = format!("/ordermanagement/v1/orders/{order_id}");
    for (operation, path, body) in [
        ("captures.create", format!("{path}/captures"), json!({"captured_amount": 500, "reference": "c"})),
        ("refunds.create", format!("{path}/refunds"), json!({"refunded_amount": 200, "reference": "r"})),
    ] {
        shop.sandbox.add_fault(Rule::new(operation, Fault::ErrorAfter { status: 500 }, 1));
        assert_eq!(shop.keyed(&path, operation, &body).await.status, 500);
        assert_eq!(shop.keyed(&path, operation, &body).await.status, 201);
    }
    let amounts = shop.sandbox.amounts("k1");
    assert_eq!((amounts.captured, amounts.refunded), (500, 200));
    shop.end().await;
}

#[tokio::test]
async fn two_captures_without_a_key_simply_add_up() {
    let shop = Shop::open().await;
    let path = format!("/ordermanagement/v1/orders/{}/captures", shop.order(1000).await);
    for _ in 0..2 {
        assert_eq!(shop.post(&path, &json!({"captured_amount": 400})).await.status, 201);
    }
    assert_eq!(shop.sandbox.amounts("order").captured, 800);
    shop.end().await;
}

#[tokio::test]
async fn a_key_at_work_or_of_another_address_is_refused() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("tokens.order", Fault::DelayMs { delay_ms: 300 }, 1));
    let (one, other) = tokio::join!(shop.charge(&token, "k1", 500), shop.charge(&token, "k1", 700));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(shop.sandbox.books().orders.len(), 1);
    // The key stays with the request that was at work.
    let first = if one.status == 200 { 500 } else { 700 };
    let order_id = shop.charge(&token, "k1", first).await.text("/order_id");
    assert!(!order_id.is_empty());
    let path = format!("/ordermanagement/v1/orders/{order_id}/captures");
    let said = shop.keyed(&path, "k1", &json!({"captured_amount": 500})).await;
    assert_eq!((said.status, said.code()), (409, "CONFLICT"));
    shop.end().await;
}

#[tokio::test]
async fn both_kinds_of_credentials_open_and_nothing_else_does() {
    let shop = Shop::open().await;
    let address = format!("{}/ordermanagement/v1/orders/unknown", shop.sandbox.url());
    let ask = || shop.client.get(&address);
    let key = format!("Basic {API_KEY}");
    let user = "c64c2dc4-3aa7-4d1a-9fd5-4f0c6b5a1d2e";
    for (request, status) in [
        (ask().basic_auth(USERNAME, Some(PASSWORD)), 404),
        (ask().header("Authorization", &key), 404),
        (ask().basic_auth(user, Some(API_KEY)), 404),
        (ask().basic_auth(USERNAME, Some("wrong")), 401),
        (ask().header("Authorization", format!("{key}x")), 401),
        (ask().bearer_auth(API_KEY), 401),
        (ask(), 401),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let correlation = answer.headers()["klarna-correlation-id"].to_str().unwrap().to_owned();
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["correlation_id"], correlation.as_str());
    }
    shop.end().await;
}

#[tokio::test]
async fn one_call_too_many_in_a_second_is_refused() {
    let shop = Shop::open().await;
    shop.sandbox.set_limits(Limits { sessions: 1, others: 1000 });
    let mut refused = None;
    // Two calls fall into the same second sooner or later.
    for _ in 0..20 {
        let said = shop.post("/payments/v1/sessions", &super::session("buy")).await;
        assert_eq!(said.header("x-ratelimit-limit"), "1");
        if said.status == 429 {
            refused = Some(said);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(
        (refused.code(), refused.header("x-ratelimit-remaining").as_str()),
        ("TOO_MANY_REQUESTS", "0")
    );
    assert!(!refused.header("x-ratelimit-reset").is_empty());
    assert_eq!(
        shop.get("/payments/v1/sessions/unknown").await.status,
        404,
        "other calls have their own limit"
    );
    shop.end().await;
}

#[tokio::test]
async fn the_books_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings { state_file: Some(folder.path().join("klarna.json")), ..Settings::local() };
    let shop = Shop::over(Sandbox::start(settings()).await.unwrap());
    let token = shop.link("anna@example.com").await;
    let first = shop.charge(&token, "k1", 500).await;
    shop.end().await;
    let shop = Shop::over(Sandbox::start(settings()).await.unwrap());
    assert_eq!(shop.charge(&token, "k1", 500).await.body["order_id"], first.body["order_id"]);
    assert_eq!(shop.sandbox.amounts("k1").orders, 1);
    shop.end().await;
}

//! Orders by customer tokens.

use aisle::sandbox::klarna::{Amounts, Planned, TokenStatus};
use serde_json::json;

use super::{Shop, authorized_order, session, token_order};

#[tokio::test]
async fn the_same_key_charges_once_and_with_another_body_never() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let first = shop.charge(&token, "k1", 1250).await;
    assert_eq!((first.status, first.text("/fraud_status").as_str()), (200, "ACCEPTED"));
    assert_eq!(shop.charge(&token, "k1", 1250).await.body, first.body);
    let path = format!("/customer-token/v1/tokens/{token}/order");
    let other = shop.keyed(&path, "k1", &token_order("k1", 1300)).await;
    assert_eq!((other.status, other.code()), (409, "CONFLICT"));
    let expected = Amounts { orders: 1, authorized: 1250, ..Amounts::default() };
    assert_eq!(shop.sandbox.amounts("k1"), expected);
    shop.sandbox.advance_seconds(24 * 3600);
    assert_ne!(shop.charge(&token, "k1", 1250).await.body, first.body, "the key is forgotten after a day");
    shop.end().await;
}

#[tokio::test]
async fn amounts_that_do_not_add_up_are_refused_by_the_field() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let path = format!("/customer-token/v1/tokens/{token}/order");
    let cases = [
        ("/order_amount", json!(1251), "order_amount"),
        ("/order_amount", json!(0), "order_amount"),
        ("/order_amount", json!("1250"), "order_amount"),
        ("/order_tax_amount", json!(81), "order_tax_amount"),
        ("/order_lines/0/quantity", json!(2), "order_lines[0].total_amount"),
        ("/order_lines/0/total_tax_amount", json!(90), "order_lines[0].total_tax_amount"),
        ("/order_lines/0/name", json!(""), "order_lines[0].name"),
        ("/order_lines/0/type", json!("milk"), "order_lines[0].type"),
        ("/order_lines/0/total_amount", json!(100_000_001), "order_lines[0].total_amount"),
        ("/order_lines", json!([]), "order_lines"),
        ("/purchase_currency", json!("EURO"), "purchase_currency"),
    ];
    for (field, value, named) in cases {
        let mut body = token_order("k", 1250);
        *body.pointer_mut(field).unwrap() = value;
        let said = shop.post(&path, &body).await;
        assert_eq!((said.status, said.code()), (400, "BAD_VALUE"), "{field}: {said:?}");
        assert!(said.message().starts_with(&format!("Bad value: {named} ")), "{field}: {said:?}");
        assert!(!said.text("/correlation_id").is_empty());
    }
    let mut discount = token_order("k", 1250);
    discount["order_lines"][0]["type"] = json!("discount");
    for name in ["unit_price", "total_amount", "total_tax_amount"] {
        let positive = discount["order_lines"][0][name].as_i64().unwrap();
        discount["order_lines"][0][name] = json!(-positive);
    }
    let said = shop.post(&path, &discount).await;
    assert!(said.message().contains("may not be negative"), "{said:?}");
    assert!(shop.sandbox.books().orders.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn the_shopper_decides_what_a_charge_comes_to() {
    let shop = Shop::open().await;
    for (email, code) in [
        ("a+charge-failed@example.com", "PAYMENT_METHOD_FAILED"),
        ("a+charge-unavailable@example.com", "UNAVAILABLE_PAYMENT_METHOD"),
        ("a+charge-forbidden@example.com", "TOKEN_FORBIDDEN"),
        ("a+suspended@example.com", "TOKEN_SUSPENDED"),
        ("a+cancelled@example.com", "TOKEN_CANCELLED"),
    ] {
        let token = shop.link(email).await;
        let said = shop.charge(&token, email, 500).await;
        assert_eq!((said.status, said.code()), (403, code), "{email}");
    }
    let token = shop.link("anna@example.com").await;
    assert!(shop.sandbox.plan_charges(&token, Planned::CurrencyMismatch, 1));
    assert_eq!(shop.charge(&token, "k1", 500).await.code(), "PAYMENT_METHOD_CURRENCY_MISMATCH");
    assert_eq!(
        shop.charge(&token, "k1", 500).await.code(),
        "PAYMENT_METHOD_CURRENCY_MISMATCH",
        "the key keeps it"
    );
    assert_eq!(shop.charge(&token, "k2", 500).await.status, 200);
    assert!(shop.sandbox.set_token_status(&token, TokenStatus::Suspended));
    assert_eq!(shop.charge(&token, "k3", 500).await.code(), "TOKEN_SUSPENDED");
    assert_eq!(shop.charge("unknown", "k4", 500).await.code(), "TOKEN_NOT_FOUND");
    shop.end().await;
}

#[tokio::test]
async fn a_cancelled_token_says_so_a_moment_later() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let path = format!("/customer-token/v1/tokens/{token}");
    let status = format!("{path}/status");
    assert_eq!(shop.patch(&status, &json!({"status": "ACTIVE"})).await.status, 400);
    assert_eq!(shop.patch(&status, &json!({"status": "CANCELLED"})).await.status, 202);
    assert_eq!(shop.get(&path).await.text("/status"), "ACTIVE");
    shop.sandbox.advance_seconds(2);
    assert_eq!(shop.get(&path).await.text("/status"), "CANCELLED");
    assert_eq!(shop.charge(&token, "k1", 500).await.code(), "TOKEN_CANCELLED");
    shop.end().await;
}

#[tokio::test]
async fn a_charge_that_needs_the_shopper_is_repaired_by_an_order_in_a_session() {
    let shop = Shop::open().await;
    let token = shop.link("cleo+step-up@example.com").await;
    let plain = shop.charge(&token, "k1", 500).await;
    assert_eq!((plain.status, plain.text("/step_up_id").as_str()), (403, ""), "nobody said it is supported");
    let mut body = token_order("k2", 500);
    body["step_up"] = json!("SUPPORTED");
    let said = shop.keyed(&format!("/customer-token/v1/tokens/{token}/order"), "k2", &body).await;
    assert_eq!(said.status, 403);
    assert!(!said.text("/step_up_id").is_empty() && !said.code().is_empty(), "{said:?}");

    let mut named = session("buy");
    named["step_up_id"] = json!(said.text("/step_up_id"));
    let session_id = shop.post("/payments/v1/sessions", &named).await.text("/session_id");
    let read = shop.get(&format!("/payments/v1/sessions/{session_id}")).await;
    assert!(read.body.get("step_up_id").is_none(), "the file knows no such field");
    // Whoever pays it: the session says which token waits.
    let authorization = shop.sandbox.authorize(&session_id, "cleo@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{authorization}/order");
    assert_eq!(shop.post(&path, &authorized_order()).await.status, 200);
    assert_eq!(shop.charge(&token, "k3", 500).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn a_suspended_token_works_again_after_its_shopper_paid_in_a_session() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    assert!(shop.sandbox.set_token_status(&token, TokenStatus::Suspended));
    let authorization = shop.sandbox.authorize(&shop.session("buy").await, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{authorization}/order");
    assert_eq!(shop.post(&path, &authorized_order()).await.status, 200);
    assert_eq!(shop.get(&format!("/customer-token/v1/tokens/{token}")).await.text("/status"), "ACTIVE");
    assert_eq!(shop.charge(&token, "k1", 500).await.status, 200);
    shop.end().await;
}

#[tokio::test]
async fn an_order_under_review_is_decided_by_the_clock() {
    let shop = Shop::open().await;
    let accepted = shop.link("a+pend-accept-10@example.com").await;
    let rejected = shop.link("a+pend-reject-05@example.com").await;
    let path = async |token: &str, key: &str| {
        let said = shop.charge(token, key, 500).await;
        assert_eq!(said.text("/fraud_status"), "PENDING");
        format!("/ordermanagement/v1/orders/{}", said.text("/order_id"))
    };
    let (accepted, rejected) = (path(&accepted, "a").await, path(&rejected, "b").await);
    let early = shop.post(&format!("{accepted}/captures"), &json!({"captured_amount": 500})).await;
    assert_eq!((early.status, early.code()), (403, "CAPTURE_NOT_ALLOWED"));
    shop.sandbox.advance_seconds(10 * 60);
    assert_eq!(shop.get(&accepted).await.text("/fraud_status"), "ACCEPTED");
    assert_eq!(shop.get(&rejected).await.text("/fraud_status"), "REJECTED");
    shop.sandbox.advance_seconds(4 * 3600);
    assert_eq!(shop.get(&rejected).await.text("/status"), "CANCELLED");
    assert_eq!(shop.get(&accepted).await.text("/status"), "AUTHORIZED");
    shop.end().await;
}

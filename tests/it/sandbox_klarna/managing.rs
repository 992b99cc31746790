//! Order Management: captures, refunds, cancellation, release, extension, changes.

use serde_json::json;

use super::{Shop, line};

#[tokio::test]
async fn an_order_is_captured_in_parts_and_its_rest_released() {
    let shop = Shop::open().await;
    let path = format!("/ordermanagement/v1/orders/{}", shop.order(10_000).await);
    let captures = format!("{path}/captures");
    let part =
        json!({"captured_amount": 4000, "reference": "parcel 1", "order_lines": [line("Rice", 4000, 700)]});
    let said = shop.keyed(&captures, "c1", &part).await;
    assert_eq!((said.status, said.body.is_null()), (201, true));
    let capture = said.header("capture-id");
    assert_eq!(said.header("location"), format!("{}{captures}/{capture}", shop.sandbox.url()));
    let replay = shop.keyed(&captures, "c1", &part).await;
    assert_eq!((replay.status, replay.header("capture-id")), (201, capture.clone()));
    let read = shop.get(&path).await;
    assert_eq!(read.text("/status"), "PART_CAPTURED");
    assert_eq!((read.number("captured_amount"), read.number("remaining_authorized_amount")), (4000, 6000));
    let much = shop.keyed(&captures, "c2", &json!({"captured_amount": 6001})).await;
    assert_eq!((much.status, much.code()), (403, "CAPTURE_NOT_ALLOWED"));
    assert_eq!(shop.ask(&format!("{path}/cancel")).await.code(), "CANCEL_NOT_ALLOWED");
    assert_eq!(shop.ask(&format!("{path}/release-remaining-authorization")).await.status, 204);
    let read = shop.get(&path).await;
    assert_eq!((read.text("/status").as_str(), read.number("remaining_authorized_amount")), ("CLOSED", 0));
    assert_eq!(shop.ask(&format!("{path}/release-remaining-authorization")).await.code(), "NOT_ALLOWED");
    shop.end().await;
}

#[tokio::test]
async fn refunds_never_exceed_what_was_captured() {
    let shop = Shop::open().await;
    let path = format!("/ordermanagement/v1/orders/{}", shop.order(10_000).await);
    let refunds = format!("{path}/refunds");
    let early = shop.keyed(&refunds, "r0", &json!({"refunded_amount": 1})).await;
    assert_eq!((early.status, early.code()), (403, "REFUND_NOT_ALLOWED"));
    shop.keyed(&format!("{path}/captures"), "c1", &json!({"captured_amount": 10_000})).await;
    let said = shop.keyed(&refunds, "r1", &json!({"refunded_amount": 2500, "reference": "return 1"})).await;
    assert_eq!(said.status, 201);
    let again = shop.keyed(&refunds, "r1", &json!({"refunded_amount": 2500, "reference": "return 1"})).await;
    assert_eq!(again.header("refund-id"), said.header("refund-id"));
    let refund = shop.get(&format!("{refunds}/{}", said.header("refund-id"))).await;
    assert_eq!((refund.number("refunded_amount"), refund.text("/reference").as_str()), (2500, "return 1"));
    assert_eq!(shop.keyed(&refunds, "r2", &json!({"refunded_amount": 7501})).await.status, 403);
    assert_eq!(shop.keyed(&refunds, "r3", &json!({"refunded_amount": 7500})).await.status, 201);
    let amounts = shop.sandbox.amounts("order");
    assert_eq!((amounts.captured, amounts.refunded), (10_000, 10_000));
    shop.end().await;
}

#[tokio::test]
async fn a_cancelled_order_and_an_expired_one_can_no_more_be_captured() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let order = async |key: &str| {
        let said = shop.charge(&token, key, 500).await;
        format!("/ordermanagement/v1/orders/{}", said.text("/order_id"))
    };
    let (cancelled, expired) = (order("a").await, order("b").await);
    assert_eq!(shop.ask(&format!("{cancelled}/cancel")).await.status, 204);
    shop.sandbox.advance_seconds(27 * 86_400);
    assert_eq!(shop.ask(&format!("{expired}/extend-authorization-time")).await.status, 204);
    shop.sandbox.advance_seconds(27 * 86_400);
    assert_eq!(shop.get(&expired).await.text("/status"), "AUTHORIZED");
    shop.sandbox.advance_seconds(86_400);
    for (path, status) in [(cancelled, "CANCELLED"), (expired, "EXPIRED")] {
        assert_eq!(shop.get(&path).await.text("/status"), status);
        let said = shop.post(&format!("{path}/captures"), &json!({"captured_amount": 500})).await;
        assert_eq!((said.status, said.code()), (403, "CAPTURE_NOT_ALLOWED"));
        assert_eq!(shop.ask(&format!("{path}/extend-authorization-time")).await.code(), "NOT_ALLOWED");
    }
    assert_eq!(shop.get("/ordermanagement/v1/orders/unknown").await.code(), "NO_SUCH_ORDER");
    shop.end().await;
}

#[tokio::test]
async fn an_order_may_shrink_to_what_was_captured_and_grow_unless_klarna_refuses() {
    let shop = Shop::open().await;
    let path = format!("/ordermanagement/v1/orders/{}", shop.order(1000).await);
    let to = |amount: i64| json!({"order_amount": amount, "order_lines": [line("Rice", amount, 700)]});
    let change = format!("{path}/authorization");
    assert_eq!(shop.patch(&change, &to(1200)).await.status, 204);
    shop.post(&format!("{path}/captures"), &json!({"captured_amount": 700})).await;
    assert_eq!(shop.patch(&change, &to(699)).await.code(), "NOT_ALLOWED");
    assert_eq!(
        shop.patch(&change, &json!({"order_amount": 800, "order_lines": [line("Rice", 700, 700)]}))
            .await
            .status,
        400
    );
    assert_eq!(shop.patch(&change, &to(700)).await.status, 204);
    let read = shop.get(&path).await;
    assert_eq!((read.text("/status").as_str(), read.number("original_order_amount")), ("CAPTURED", 1000));

    let token = shop.link("anna+no-more@example.com").await;
    let order = shop.charge(&token, "k1", 1000).await.text("/order_id");
    let change = format!("/ordermanagement/v1/orders/{order}/authorization");
    assert_eq!(shop.patch(&change, &to(1001)).await.code(), "NOT_ALLOWED");
    shop.end().await;
}

#[tokio::test]
async fn an_order_that_captures_itself_is_captured_when_it_is_accepted() {
    let shop = Shop::open().await;
    for (email, before) in [("anna@example.com", "CAPTURED"), ("a+pend-accept-05@example.com", "AUTHORIZED")]
    {
        let token = shop.link(email).await;
        let mut body = super::token_order(email, 500);
        body["auto_capture"] = json!(true);
        let said = shop.keyed(&format!("/customer-token/v1/tokens/{token}/order"), email, &body).await;
        let path = format!("/ordermanagement/v1/orders/{}", said.text("/order_id"));
        assert_eq!(shop.get(&path).await.text("/status"), before);
        shop.sandbox.advance_seconds(5 * 60);
        assert_eq!(shop.get(&path).await.text("/status"), "CAPTURED");
    }
    shop.end().await;
}

#[tokio::test]
async fn klarna_may_cancel_an_order_by_itself() {
    let shop = Shop::open().await;
    let order = shop.order(1000).await;
    assert!(shop.sandbox.cancel_order(&order));
    let path = format!("/ordermanagement/v1/orders/{order}");
    let said = shop.post(&format!("{path}/captures"), &json!({"captured_amount": 1000})).await;
    assert_eq!((said.status, said.code()), (403, "CAPTURE_NOT_ALLOWED"));
    assert_eq!(shop.ask(&format!("{path}/acknowledge")).await.code(), "NOT_ALLOWED");
    let changed =
        shop.patch(&format!("{path}/merchant-references"), &json!({"merchant_reference1": "x"})).await;
    assert_eq!(changed.code(), "NOT_ALLOWED");
    shop.end().await;
}

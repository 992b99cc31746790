//! Orders, authorizations, captures and refunds.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Said, Shop, order};

const DAY_SECONDS: i64 = 86_400;

fn euros(value: &str) -> Value {
    json!({"amount": {"currency_code": "EUR", "value": value}})
}

async fn authorize(shop: &Shop, value: &str) -> String {
    let vault_id = shop.link("anna@example.com").await;
    let said = shop.charge(&vault_id, "AUTHORIZE", "k1", value).await;
    assert_eq!((said.status, said.text("/status").as_str()), (201, "COMPLETED"));
    said.text("/purchase_units/0/payments/authorizations/0/id")
}

async fn capture(shop: &Shop, authorization: &str, key: &str, body: &Value) -> Said {
    shop.post(&format!("/v2/payments/authorizations/{authorization}/capture"), key, body).await
}

#[tokio::test]
async fn a_saved_account_is_charged_by_creating_the_order() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    let said = shop.charge(&vault_id, "CAPTURE", "k1", "12.50").await;
    assert_eq!((said.status, said.text("/status").as_str()), (201, "COMPLETED"));
    assert_eq!(said.text("/purchase_units/0/payments/captures/0/status"), "COMPLETED");
    let read = shop.get(&format!("/v2/checkout/orders/{}", said.text("/id"))).await;
    assert_eq!(read.body, said.body);
    let capture = said.text("/purchase_units/0/payments/captures/0/id");
    let read = shop.get(&format!("/v2/payments/captures/{capture}")).await;
    assert_eq!(read.text("/supplementary_data/related_ids/order_id"), said.text("/id"));
    shop.end().await;
}

#[tokio::test]
async fn the_same_key_charges_once_and_a_minimal_answer_is_short() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    let body = order(&vault_id, "CAPTURE", "i1", "12.50");
    let headers = [("PayPal-Request-Id", "k1")];
    let first = shop.send(Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await.unwrap();
    let second = shop.send(Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await.unwrap();
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(first.body.as_object().unwrap().len(), 3, "{:?}", first.body);
    let books = shop.sandbox.books();
    assert_eq!((books.captures.len(), books.requests["orders.create k1"].count), (1, 2));

    // After the window the key is new, and only the invoice shows that it was charged before.
    shop.sandbox.advance_seconds(6 * 3600 + 1);
    let late = shop.send(Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await.unwrap();
    assert_eq!((late.status, late.issue()), (422, "DUPLICATE_INVOICE_ID"));
    shop.end().await;
}

#[tokio::test]
async fn amounts_that_do_not_add_up_are_refused_word_for_word() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    let good = order(&vault_id, "CAPTURE", "i1", "12.50");
    let unit = "/purchase_units/0";
    let cases = [
        ("/amount/value", json!("12.51"), 422, "AMOUNT_MISMATCH"),
        ("/items/0/quantity", json!("2"), 422, "ITEM_TOTAL_MISMATCH"),
        ("/amount/value", json!("12.501"), 422, "DECIMAL_PRECISION"),
        ("/amount/currency_code", json!("HUF"), 422, "DECIMAL_PRECISION"),
        ("/amount/currency_code", json!("XXX"), 422, "INVALID_CURRENCY_CODE"),
        ("/amount/value", json!("12,50"), 400, "INVALID_PARAMETER_SYNTAX"),
        ("/items/0/quantity", json!("0.5"), 400, "INVALID_PARAMETER_SYNTAX"),
        ("/amount/value", json!("0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ];
    for (index, (field, value, status, issue)) in cases.into_iter().enumerate() {
        let mut body = good.clone();
        *body.pointer_mut(&format!("{unit}{field}")).unwrap() = value;
        let said = shop.post("/v2/checkout/orders", &format!("bad {index}"), &body).await;
        assert_eq!((said.status, said.issue()), (status, issue), "{field}: {said:?}");
    }
    let mut body = good.clone();
    body.as_object_mut().unwrap().remove("intent");
    assert_eq!(shop.post("/v2/checkout/orders", "bad x", &body).await.issue(), "MISSING_REQUIRED_PARAMETER");
    let said = shop.send(Method::POST, "/v2/checkout/orders", &[], Some(&good)).await.unwrap();
    assert_eq!((said.status, said.issue()), (400, "PAYPAL_REQUEST_ID_REQUIRED"));
    assert!(shop.sandbox.books().orders.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn the_payer_decides_what_a_charge_comes_to() {
    let shop = Shop::open().await;
    let declined = shop.link("ben+declined@example.com").await;
    let said = shop.charge(&declined, "CAPTURE", "k1", "5.00").await;
    assert_eq!((said.status, said.issue()), (422, "INSTRUMENT_DECLINED"));

    let revoked = shop.link("ben+revoked@example.com").await;
    let said = shop.charge(&revoked, "CAPTURE", "k2", "5.00").await;
    assert_eq!((said.status, said.issue()), (422, "AGREEMENT_ALREADY_CANCELLED"));

    let pending = shop.link("ben+pending@example.com").await;
    let said = shop.charge(&pending, "CAPTURE", "k3", "5.00").await;
    assert_eq!(said.text("/purchase_units/0/payments/captures/0/status_details/reason"), "PENDING_REVIEW");
    let capture = said.text("/purchase_units/0/payments/captures/0/id");
    let refund = shop.post(&format!("/v2/payments/captures/{capture}/refund"), "r1", &json!({})).await;
    assert_eq!(refund.issue(), "PENDING_CAPTURE");
    let settle = format!("/sandbox/captures/{capture}/settle");
    assert_eq!(shop.control(&settle, &json!({"outcome": "DECLINED"})).await, 200);
    assert_eq!(shop.get(&format!("/v2/payments/captures/{capture}")).await.text("/status"), "DECLINED");

    let linked = shop.link("anna@example.com").await;
    let headers = [
        ("PayPal-Request-Id", "k4"),
        ("PayPal-Mock-Response", r#"{"mock_application_codes":"PAYER_ACCOUNT_RESTRICTED"}"#),
    ];
    let body = order(&linked, "CAPTURE", "i4", "5.00");
    let said = shop.send(Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await.unwrap();
    assert_eq!((said.status, said.issue()), (422, "PAYER_ACCOUNT_RESTRICTED"));
    shop.end().await;
}

#[tokio::test]
async fn an_order_that_asks_for_its_payer_is_captured_after_the_approval() {
    let shop = Shop::open().await;
    let asking = shop.link("cleo+action@example.com").await;
    for (intent, call) in [("CAPTURE", "capture"), ("AUTHORIZE", "authorize")] {
        let said = shop.charge(&asking, intent, intent, "5.00").await;
        assert_eq!((said.status, said.text("/status").as_str()), (201, "PAYER_ACTION_REQUIRED"));
        let path = format!("/v2/checkout/orders/{}/{call}", said.text("/id"));
        assert_eq!(shop.post(&path, &format!("{call} 1"), &json!({})).await.issue(), "PAYER_ACTION_REQUIRED");
        let form = [("email", "cleo+action@example.com"), ("decision", "approve")];
        let page = shop.client.post(said.link("payer-action")).form(&form).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let read = shop.get(&format!("/v2/checkout/orders/{}", said.text("/id"))).await;
        assert_eq!(read.text("/status"), "APPROVED");
        let done = shop.post(&path, &format!("{call} 2"), &json!({})).await;
        assert_eq!((done.status, done.text("/status").as_str()), (201, "COMPLETED"));
        let again = shop.post(&path, &format!("{call} 3"), &json!({})).await;
        assert!(again.issue().starts_with("ORDER_ALREADY_"), "{again:?}");
    }
    shop.end().await;
}

#[tokio::test]
async fn an_authorization_is_captured_in_parts_and_never_beyond_its_limit() {
    let shop = Shop::open().await;
    let authorization = authorize(&shop, "100.00").await;
    let said = capture(&shop, &authorization, "c1", &euros("40.00")).await;
    assert_eq!((said.status, said.text("/status").as_str()), (201, "COMPLETED"));
    let replay = capture(&shop, &authorization, "c1", &euros("40.00")).await;
    assert_eq!((replay.status, replay.text("/id")), (201, said.text("/id")));
    let read = shop.get(&format!("/v2/payments/authorizations/{authorization}")).await;
    assert_eq!(read.text("/status"), "PARTIALLY_CAPTURED");
    assert_eq!(
        capture(&shop, &authorization, "c2", &euros("75.01")).await.issue(),
        "MAX_CAPTURE_AMOUNT_EXCEEDED"
    );
    let body = json!({"amount": {"currency_code": "USD", "value": "1.00"}});
    assert_eq!(capture(&shop, &authorization, "c3", &body).await.issue(), "AUTH_CAPTURE_CURRENCY_MISMATCH");
    let body = json!({"final_capture": true, "invoice_id": "part 2"});
    let last = capture(&shop, &authorization, "c4", &body).await;
    assert_eq!((last.status, last.text("/amount/value").as_str()), (201, "60.00"));
    assert_eq!(
        capture(&shop, &authorization, "c5", &json!({})).await.issue(),
        "AUTHORIZATION_ALREADY_CAPTURED"
    );
    let void = format!("/v2/payments/authorizations/{authorization}/void");
    assert_eq!(shop.send(Method::POST, &void, &[], None).await.unwrap().issue(), "PREVIOUSLY_CAPTURED");
    shop.end().await;
}

#[tokio::test]
async fn a_voided_authorization_stays_voided() {
    let shop = Shop::open().await;
    let authorization = authorize(&shop, "100.00").await;
    let void = format!("/v2/payments/authorizations/{authorization}/void");
    assert_eq!(shop.send(Method::POST, &void, &[], None).await.unwrap().status, 204);
    assert_eq!(shop.send(Method::POST, &void, &[], None).await.unwrap().issue(), "PREVIOUSLY_VOIDED");
    assert_eq!(capture(&shop, &authorization, "c1", &json!({})).await.issue(), "AUTHORIZATION_VOIDED");
    shop.end().await;
}

#[tokio::test]
async fn an_authorization_can_be_renewed_and_ends_after_29_days() {
    let shop = Shop::open().await;
    let authorization = authorize(&shop, "100.00").await;
    let path = format!("/v2/payments/authorizations/{authorization}/reauthorize");
    assert_eq!(shop.post(&path, "r1", &euros("100.00")).await.issue(), "TRANSACTION_REFUSED");
    shop.control("/sandbox/clock", &json!({"advance_seconds": 4 * DAY_SECONDS})).await;
    let token = shop.sign_in().await;
    let shop = Shop { token, ..shop };
    let renewed = shop.post(&path, "r2", &euros("100.00")).await;
    assert_eq!(renewed.status, 201, "{renewed:?}");
    let again = format!("/v2/payments/authorizations/{}/reauthorize", renewed.text("/id"));
    assert_eq!(shop.post(&again, "r3", &json!({})).await.issue(), "REAUTHORIZATION_NOT_SUPPORTED");

    shop.control("/sandbox/clock", &json!({"advance_seconds": 26 * DAY_SECONDS})).await;
    let token = shop.sign_in().await;
    let shop = Shop { token, ..shop };
    assert_eq!(capture(&shop, &authorization, "c1", &json!({})).await.issue(), "AUTHORIZATION_EXPIRED");
    let voided = |event: &aisle::sandbox::paypal::Event| event.event_type == "PAYMENT.AUTHORIZATION.VOIDED";
    // The first one when it was superseded, and both when their time was over.
    assert_eq!(shop.sandbox.books().events.iter().filter(|event| voided(event)).count(), 3);
    shop.end().await;
}

#[tokio::test]
async fn refunds_add_up_to_the_capture_and_not_more() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    let said = shop.charge(&vault_id, "CAPTURE", "k1", "10.00").await;
    let capture = said.text("/purchase_units/0/payments/captures/0/id");
    let path = format!("/v2/payments/captures/{capture}/refund");
    assert_eq!(shop.post(&path, "r1", &euros("10.01")).await.issue(), "REFUND_AMOUNT_EXCEEDED");
    let part = shop.post(&path, "r2", &euros("4.00")).await;
    assert_eq!((part.status, part.text("/status").as_str()), (201, "COMPLETED"));
    assert_eq!(
        shop.get(&format!("/v2/payments/captures/{capture}")).await.text("/status"),
        "PARTIALLY_REFUNDED"
    );
    let rest = shop.post(&path, "r3", &json!({"note_to_payer": "Sorry"})).await;
    assert_eq!(rest.text("/amount/value"), "6.00");
    assert_eq!(rest.text("/seller_payable_breakdown/total_refunded_amount/value"), "10.00");
    assert_eq!(shop.post(&path, "r4", &json!({})).await.issue(), "CAPTURE_FULLY_REFUNDED");
    let read = shop.get(&format!("/v2/payments/refunds/{}", rest.text("/id"))).await;
    assert_eq!(read.text("/id"), rest.text("/id"));
    shop.end().await;
}

#[tokio::test]
async fn a_pending_refund_that_fails_gives_the_capture_back() {
    let shop = Shop::open().await;
    let vault_id = shop.link("dora+refundpending@example.com").await;
    let said = shop.charge(&vault_id, "CAPTURE", "k1", "10.00").await;
    let capture = said.text("/purchase_units/0/payments/captures/0/id");
    let refund = shop.post(&format!("/v2/payments/captures/{capture}/refund"), "r1", &json!({})).await;
    assert_eq!(refund.text("/status_details/reason"), "ECHECK");
    assert!(shop.sandbox.settle_refund(&refund.text("/id"), false));
    assert_eq!(
        shop.get(&format!("/v2/payments/refunds/{}", refund.text("/id"))).await.text("/status"),
        "FAILED"
    );
    assert_eq!(shop.get(&format!("/v2/payments/captures/{capture}")).await.text("/status"), "COMPLETED");
    shop.end().await;
}

#[tokio::test]
async fn unknown_ids_are_not_found() {
    let shop = Shop::open().await;
    let paths = [
        "/v2/checkout/orders/0AB",
        "/v2/payments/authorizations/0AB",
        "/v2/payments/captures/0AB",
        "/v2/payments/refunds/0AB",
        "/v3/vault/setup-tokens/0ABCDEFG",
        "/v3/vault/payment-tokens/0abcdefg",
    ];
    for path in paths {
        let said = shop.get(path).await;
        assert_eq!((said.status, said.issue()), (404, "INVALID_RESOURCE_ID"), "{path}");
    }
    shop.end().await;
}

#[tokio::test]
async fn an_order_without_a_wallet_waits_for_any_payer() {
    let shop = Shop::open().await;
    shop.sandbox.set_pages_url("http://192.0.2.7:8080/");
    let body = json!({"intent": "CAPTURE", "purchase_units": [euros("3.00")]});
    let headers = [("Prefer", "return=representation")];
    let said = shop.send(Method::POST, "/v2/checkout/orders", &headers, Some(&body)).await.unwrap();
    assert_eq!((said.status, said.text("/status").as_str()), (201, "CREATED"));
    assert!(said.link("approve").starts_with("http://192.0.2.7:8080/checkoutnow?token="));
    let path = format!("/v2/checkout/orders/{}/capture", said.text("/id"));
    assert_eq!(shop.post(&path, "c1", &json!({})).await.issue(), "ORDER_NOT_APPROVED");
    assert!(shop.sandbox.approve(&said.link("approve"), "eva@example.com"));
    assert!(!shop.sandbox.approve(&said.link("approve"), "eva@example.com"));
    assert_eq!(shop.post(&path, "c2", &json!({})).await.text("/payer/email_address"), "eva@example.com");
    shop.end().await;
}

#[tokio::test]
async fn a_large_authorization_is_exceeded_by_75_at_most() {
    let shop = Shop::open().await;
    let authorization = authorize(&shop, "1000.00").await;
    assert_eq!(
        capture(&shop, &authorization, "c1", &euros("1075.01")).await.issue(),
        "MAX_CAPTURE_AMOUNT_EXCEEDED"
    );
    assert_eq!(capture(&shop, &authorization, "c2", &euros("1075.00")).await.status, 201);
    shop.end().await;
}

#[tokio::test]
async fn a_late_decline_authorizes_and_cannot_be_captured() {
    let shop = Shop::open().await;
    let vault_id = shop.link("finn+latedecline@example.com").await;
    let said = shop.charge(&vault_id, "AUTHORIZE", "k1", "5.00").await;
    let authorization = said.text("/purchase_units/0/payments/authorizations/0/id");
    assert_eq!(capture(&shop, &authorization, "c1", &json!({})).await.issue(), "PAYER_CANNOT_PAY");
    let read = shop.get(&format!("/v2/payments/authorizations/{authorization}")).await;
    assert_eq!(read.text("/status"), "CREATED");
    shop.end().await;
}

//! Sessions, the hosted page, authorizations, customer tokens.

use serde_json::json;

use super::{Shop, authorized_order, session, token_request};

#[tokio::test]
async fn an_account_is_linked_through_the_hosted_page() {
    let shop = Shop::open().await;
    let session_id = shop.session("tokenize").await;
    let page = shop.hosted(&session_id, "NONE").await;
    let hosted = format!("/hpp/v1/sessions/{}", page.text("/session_id"));
    assert_eq!(shop.get(&hosted).await.text("/status"), "WAITING");
    let seen = shop.client.get(page.text("/redirect_url")).send().await.unwrap().text().await.unwrap();
    assert!(seen.contains("Save your account for automatic payments"), "{seen}");
    assert_eq!(shop.get(&hosted).await.text("/status"), "IN_PROGRESS");
    let form = [("email", "anna@example.com"), ("code", "123456"), ("decision", "approve")];
    let left = shop.client.post(page.text("/redirect_url")).form(&form).send().await.unwrap();
    let read = shop.get(&hosted).await;
    let (id, token) = (page.text("/session_id"), read.text("/authorization_token"));
    assert_eq!(
        left.headers()["location"],
        format!("https://shop.example/ok?hpp={id}&token={token}").as_str()
    );
    assert_eq!(read.text("/status"), "COMPLETED");

    let path = format!("/payments/v1/authorizations/{token}/customer-token");
    let said = shop.post(&path, &token_request()).await;
    let linked = shop.get(&format!("/customer-token/v1/tokens/{}", said.text("/token_id"))).await;
    assert_eq!((linked.status, linked.text("/status").as_str()), (200, "ACTIVE"));
    assert_eq!(shop.post(&path, &token_request()).await.code(), "NOT_FOUND", "it is used up");
    shop.end().await;
}

#[tokio::test]
async fn a_shopper_may_go_back_and_come_again_but_refuses_for_good() {
    let shop = Shop::open().await;
    let page = shop.hosted(&shop.session("tokenize").await, "NONE").await;
    let (hosted, url) =
        (format!("/hpp/v1/sessions/{}", page.text("/session_id")), page.text("/redirect_url"));
    assert!(shop.sandbox.go_back(&url));
    assert_eq!(shop.get(&hosted).await.text("/status"), "BACK");
    assert!(!shop.sandbox.approve(&url, "ben+denied@example.com"));
    assert_eq!(shop.get(&hosted).await.text("/status"), "FAILED");
    assert!(shop.sandbox.refuse(&url));
    assert_eq!(shop.get(&hosted).await.text("/status"), "CANCELLED");
    assert!(!shop.sandbox.approve(&url, "anna@example.com"));
    shop.end().await;
}

#[tokio::test]
async fn a_session_gives_its_data_back_without_what_identifies_a_person() {
    let shop = Shop::open().await;
    let path = format!("/payments/v1/sessions/{}", shop.session("buy").await);
    let read = shop.get(&path).await;
    assert_eq!((read.text("/status").as_str(), read.text("/intent").as_str()), ("incomplete", "buy"));
    assert_eq!(read.body["customer"], json!({"date_of_birth": "1978-12-31"}));
    let mut wrong = session("buy");
    wrong["order_amount"] = json!(2000);
    assert_eq!(shop.post(&path, &wrong).await.message(), "Bad value: order_amount has to be 1999, not 2000");
    assert_eq!(shop.post(&path, &json!({"merchant_reference1": "B-1"})).await.status, 204);
    assert_eq!(shop.get(&path).await.text("/merchant_reference1"), "B-1");
    shop.sandbox.advance_seconds(48 * 3600);
    assert_eq!(shop.get(&path).await.status, 404);
    shop.end().await;
}

#[tokio::test]
async fn an_authorization_places_one_order_whatever_it_comes_to() {
    let shop = Shop::open().await;
    let token = shop.sandbox.authorize(&shop.session("buy").await, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{token}/order");
    let first = shop.post(&path, &authorized_order()).await;
    assert_eq!((first.status, first.text("/fraud_status").as_str()), (200, "ACCEPTED"));
    assert_eq!(shop.post(&path, &authorized_order()).await.body, first.body);
    assert_eq!(shop.sandbox.books().orders.len(), 1);

    let token = shop.sandbox.authorize(&shop.session("buy").await, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{token}/order");
    let mut other = authorized_order();
    other["order_lines"].as_array_mut().unwrap().pop();
    other["order_amount"] = json!(1000);
    other["order_tax_amount"] = json!(65);
    let refused = shop.post(&path, &other).await;
    assert_eq!((refused.status, refused.code()), (409, "BAD_VALUE"));
    assert!(refused.message().starts_with("Not matching fields: [order_amount"), "{refused:?}");
    let again = shop.post(&path, &authorized_order()).await;
    assert_eq!(again.body, refused.body, "the error stays, though the cart is right now");
    shop.end().await;
}

#[tokio::test]
async fn an_authorization_ends_after_an_hour_or_when_it_is_given_back() {
    let shop = Shop::open().await;
    let session_id = shop.session("buy_and_tokenize").await;
    let token = shop.sandbox.authorize(&session_id, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{token}");
    assert_eq!(shop.delete(&path).await.status, 204);
    assert_eq!(shop.delete(&path).await.status, 404);
    let token = shop.sandbox.authorize(&session_id, "anna@example.com").unwrap();
    shop.sandbox.advance_seconds(3600);
    let said = shop.post(&format!("/payments/v1/authorizations/{token}/order"), &authorized_order()).await;
    assert_eq!((said.status, said.code()), (404, "NOT_FOUND"));
    shop.end().await;
}

#[tokio::test]
async fn the_hosted_page_places_the_order_itself_when_it_is_told_to() {
    let shop = Shop::open().await;
    for (mode, status) in [("PLACE_ORDER", "AUTHORIZED"), ("CAPTURE_ORDER", "CAPTURED")] {
        let page = shop.hosted(&shop.session("buy").await, mode).await;
        assert!(shop.sandbox.approve(&page.text("/redirect_url"), "anna@example.com"));
        let hosted = format!("/hpp/v1/sessions/{}", page.text("/session_id"));
        let read = shop.get(&hosted).await;
        let order = shop.get(&format!("/ordermanagement/v1/orders/{}", read.text("/order_id"))).await;
        assert_eq!((order.text("/status").as_str(), order.number("order_amount")), (status, 1999));
        assert_eq!(shop.delete(&hosted).await.status, 400, "it is completed");
    }
    shop.end().await;
}

#[tokio::test]
async fn the_page_asks_again_when_the_form_is_wrong() {
    let shop = Shop::open().await;
    let page = shop.hosted(&shop.session("buy").await, "NONE").await;
    for (email, code, text) in [
        ("anna", "123456", "no e-mail address"),
        ("anna@example.com", "999999", "The code is wrong"),
        ("anna+require_signup@example.com", "123456", "needs a new account"),
    ] {
        let form = [("email", email), ("code", code), ("decision", "approve")];
        let answer = shop.client.post(page.text("/redirect_url")).form(&form).send().await.unwrap();
        let text_of_page = answer.text().await.unwrap();
        assert!(text_of_page.contains(text) && text_of_page.contains("Milk 1 l"), "{text_of_page}");
    }
    let form = [
        ("email", "anna+require_signup@example.com"),
        ("code", "123456"),
        ("decision", "approve"),
        ("signs_up", "yes"),
    ];
    assert_eq!(shop.client.post(page.text("/redirect_url")).form(&form).send().await.unwrap().status(), 303);
    let closed = shop.client.get(page.text("/redirect_url")).send().await.unwrap();
    assert_eq!(closed.status(), 404, "it was used");
    shop.end().await;
}

#[tokio::test]
async fn the_page_has_a_picture_of_its_address() {
    let shop = Shop::open().await;
    let page = shop.hosted(&shop.session("buy").await, "NONE").await;
    let picture = shop.client.get(page.text("/qr_code_url")).send().await.unwrap();
    assert_eq!(
        (picture.status().as_u16(), picture.headers()["content-type"].to_str().unwrap()),
        (200, "image/svg+xml")
    );
    shop.end().await;
}

#[tokio::test]
async fn nothing_is_offered_to_an_address_that_is_red() {
    let shop = Shop::open().await;
    let mut body = session("buy");
    body["billing_address"] = json!({"email": "anna+red@example.com", "country": "DE"});
    let said = shop.post("/payments/v1/sessions", &body).await;
    assert_eq!(said.body["payment_method_categories"], json!([]));
    assert_eq!(shop.sandbox.authorize(&said.text("/session_id"), "anna@example.com"), None);
    shop.end().await;
}

#[tokio::test]
async fn a_token_is_made_only_of_a_session_that_asked_for_one() {
    let shop = Shop::open().await;
    let token = shop.sandbox.authorize(&shop.session("buy").await, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{token}/customer-token");
    assert_eq!(shop.post(&path, &token_request()).await.code(), "INVALID_OPERATION");
    let token = shop.sandbox.authorize(&shop.session("buy_and_tokenize").await, "anna@example.com").unwrap();
    let path = format!("/payments/v1/authorizations/{token}");
    let mut request = token_request();
    request["purchase_currency"] = json!("SEK");
    let refused = shop.post(&format!("{path}/customer-token"), &request).await;
    assert_eq!((refused.status, refused.message()), (409, "Not matching fields: [purchase_currency]"));
    assert_eq!(shop.post(&format!("{path}/customer-token"), &token_request()).await.status, 200);
    assert_eq!(
        shop.post(&format!("{path}/order"), &authorized_order()).await.status,
        200,
        "one authorization, both"
    );
    shop.end().await;
}

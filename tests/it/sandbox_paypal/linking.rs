//! Signing in, saving an account, and the pages a shopper sees.

use reqwest::Method;
use serde_json::json;

use super::{Shop, settings};

#[tokio::test]
async fn a_wrong_secret_is_refused_as_oauth_does() {
    let shop = Shop::open().await;
    let answer = shop
        .client
        .post(format!("{}/v1/oauth2/token", shop.sandbox.url()))
        .basic_auth("shop", Some("wrong"))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("invalid_client"));
    shop.end().await;
}

#[tokio::test]
async fn no_call_is_answered_without_a_living_access_token() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    shop.sandbox.advance_seconds(32_401);
    let said = shop.charge(&vault_id, "CAPTURE", "k1", "12.50").await;
    assert_eq!((said.status, said.text("/name").as_str()), (401, "AUTHENTICATION_FAILURE"));
    assert!(shop.sandbox.books().orders.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn an_account_is_saved_after_the_shopper_approved_on_the_page() {
    let shop = Shop::open().await;
    let setup = shop.ask_to_link("k1").await;
    assert_eq!((setup.status, setup.text("/status").as_str()), (201, "PAYER_ACTION_REQUIRED"));

    let body = json!({"payment_source": {"token": {"id": setup.text("/id"), "type": "SETUP_TOKEN"}}});
    let early = shop.post("/v3/vault/payment-tokens", "k2", &body).await;
    assert_eq!(early.status, 422);

    let page = shop.client.get(setup.link("approve")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("E-mail address"));
    let form = [("email", "anna@example.com"), ("decision", "approve")];
    let back = shop.client.post(setup.link("approve")).form(&form).send().await.unwrap();
    assert_eq!(back.status(), 303);
    let location = back.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://shop.example/back?approval_token_id="), "{location}");

    let read = shop.get(&format!("/v3/vault/setup-tokens/{}", setup.text("/id"))).await;
    assert_eq!(read.text("/status"), "APPROVED");
    let token = shop.post("/v3/vault/payment-tokens", "k3", &body).await;
    assert_eq!(token.status, 201);
    assert_eq!(token.text("/payment_source/paypal/email_address"), "anna@example.com");
    let again = shop.post("/v3/vault/payment-tokens", "k3", &body).await;
    assert_eq!((again.status, again.text("/id")), (200, token.text("/id")));

    let customer = token.text("/customer/id");
    let list = shop.get(&format!("/v3/vault/payment-tokens?customer_id={customer}")).await;
    assert_eq!(list.text("/payment_tokens/0/id"), token.text("/id"));
    let own = format!("/v3/vault/payment-tokens/{}", token.text("/id"));
    assert_eq!(shop.get(&own).await.status, 200);
    assert_eq!(shop.send(Method::DELETE, &own, &[], None).await.unwrap().status, 204);
    assert_eq!(shop.get(&own).await.status, 404);
    shop.end().await;
}

#[tokio::test]
async fn a_shopper_who_cancels_goes_back_and_nothing_is_saved() {
    let shop = Shop::open().await;
    let setup = shop.ask_to_link("k1").await;
    let form = [("email", ""), ("decision", "cancel")];
    let back = shop.client.post(setup.link("approve")).form(&form).send().await.unwrap();
    assert_eq!(back.status(), 303);
    assert!(back.headers()["location"].to_str().unwrap().starts_with("https://shop.example/no?"));
    let read = shop.get(&format!("/v3/vault/setup-tokens/{}", setup.text("/id"))).await;
    assert_eq!(read.text("/status"), "PAYER_ACTION_REQUIRED");
    shop.end().await;
}

#[tokio::test]
async fn vault_calls_need_a_request_id_and_both_addresses() {
    let shop = Shop::open().await;
    let body =
        json!({"payment_source": {"paypal": {"experience_context": {"return_url": "https://shop.example"}}}});
    let said = shop.send(Method::POST, "/v3/vault/setup-tokens", &[], Some(&body)).await.unwrap();
    assert_eq!((said.status, said.issue()), (400, "PAYPAL_REQUEST_ID_REQUIRED"));
    let said = shop.post("/v3/vault/setup-tokens", "k1", &body).await;
    assert_eq!((said.status, said.issue()), (400, "MISSING_REQUIRED_PARAMETER"));
    shop.end().await;
}

#[tokio::test]
async fn a_saved_account_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("paypal.json");
    let shop = Shop::open_with(settings(None, Some(file.clone()))).await;
    let vault_id = shop.link("anna@example.com").await;
    let root = shop.sandbox.root_certificate_pem();
    let first = shop.charge(&vault_id, "CAPTURE", "k1", "12.50").await;
    shop.end().await;

    let shop = Shop::open_with(settings(None, Some(file))).await;
    assert_eq!(shop.sandbox.root_certificate_pem(), root);
    let replay = shop.charge(&vault_id, "CAPTURE", "k1", "12.50").await;
    assert_eq!((replay.status, replay.text("/id")), (200, first.text("/id")));
    assert_eq!(shop.charge(&vault_id, "CAPTURE", "k2", "1.00").await.status, 201);
    shop.end().await;
}

#[tokio::test]
async fn the_front_page_shows_the_books() {
    let shop = Shop::open().await;
    let vault_id = shop.link("anna@example.com").await;
    shop.charge(&vault_id, "CAPTURE", "k1", "12.50").await;
    let page = shop.client.get(shop.sandbox.url()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("12.50 EUR") && page.contains("anna@example.com"));
    let books = shop.client.get(format!("{}/sandbox/books", shop.sandbox.url())).send().await.unwrap();
    let books: serde_json::Value = books.json().await.unwrap();
    assert_eq!(books["captures"].as_object().unwrap().len(), 1);
    shop.end().await;
}

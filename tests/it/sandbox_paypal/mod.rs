//! The PayPal sandbox itself, driven over HTTP. Every exchange is held against PayPal's specifications.

mod charges;
mod faults;
mod linking;
mod webhooks;

use std::path::PathBuf;

use aisle::sandbox::paypal::{Sandbox, Settings, WebhookTarget};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::contract::files::{Files, assert_kept};
use crate::contract::paypal::specifications;

/// A sandbox and a shop that talks to it. [`Shop::end`] checks everything that was said.
struct Shop {
    sandbox: Sandbox,
    client: Client,
    token: String,
}

/// Status and body of one answer.
#[derive(Debug)]
struct Said {
    status: u16,
    body: Value,
}

impl Said {
    fn issue(&self) -> &str {
        self.body["details"][0]["issue"].as_str().unwrap_or_default()
    }

    fn text(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn link(&self, rel: &str) -> String {
        let links = self.body["links"].as_array().into_iter().flatten();
        let link = links.into_iter().find(|link| link["rel"] == rel);
        link.and_then(|link| link["href"].as_str()).unwrap_or_default().to_owned()
    }
}

fn settings(webhook: Option<WebhookTarget>, state_file: Option<PathBuf>) -> Settings {
    Settings {
        bind: "127.0.0.1:0".parse().expect("a loopback address"),
        client_id: "shop".to_owned(),
        client_secret: "secret".to_owned(),
        webhook,
        state_file,
    }
}

impl Shop {
    async fn open() -> Shop {
        Shop::open_with(settings(None, None)).await
    }

    async fn open_with(settings: Settings) -> Shop {
        let sandbox = Sandbox::start(settings).await.expect("a free port and a readable state");
        #[expect(clippy::disallowed_methods, reason = "the test is a client of its own")]
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client without special settings");
        let mut shop = Shop { sandbox, client, token: String::new() };
        shop.token = shop.sign_in().await;
        shop
    }

    async fn sign_in(&self) -> String {
        let answer = self
            .client
            .post(format!("{}/v1/oauth2/token", self.sandbox.url()))
            .basic_auth("shop", Some("secret"))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["token_type"], "Bearer");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> reqwest::Result<Said> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.sandbox.url())).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok(Said { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, &[], None).await.expect("an answer")
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Said {
        let headers = [("PayPal-Request-Id", key), ("Prefer", "return=representation")];
        self.send(Method::POST, path, &headers, Some(body)).await.expect("an answer")
    }

    async fn control(&self, path: &str, body: &Value) -> StatusCode {
        let request = self.client.post(format!("{}{path}", self.sandbox.url())).json(body);
        request.send().await.expect("an answer").status()
    }

    async fn ask_to_link(&self, key: &str) -> Said {
        let body = json!({"payment_source": {"paypal": {
            "description": "Scan and go",
            "usage_type": "MERCHANT",
            "usage_pattern": "IMMEDIATE",
            "permit_multiple_payment_tokens": false,
            "experience_context": {"return_url": "https://shop.example/back", "cancel_url": "https://shop.example/no"},
        }}});
        self.post("/v3/vault/setup-tokens", key, &body).await
    }

    /// A saved account of this payer: its vault id.
    async fn link(&self, email: &str) -> String {
        let setup = self.ask_to_link(&format!("setup {email}")).await;
        assert!(self.sandbox.approve(&setup.link("approve"), email));
        let body = json!({"payment_source": {"token": {"id": setup.text("/id"), "type": "SETUP_TOKEN"}}});
        let token = self.post("/v3/vault/payment-tokens", &format!("token {email}"), &body).await;
        assert_eq!(token.status, 201, "{token:?}");
        token.text("/id")
    }

    async fn charge(&self, vault_id: &str, intent: &str, key: &str, value: &str) -> Said {
        self.post("/v2/checkout/orders", key, &order(vault_id, intent, key, value)).await
    }

    /// Holds every answered exchange against the specifications.
    async fn end(self) {
        let exchanges = self.sandbox.exchanges();
        self.sandbox.stop().await;
        assert_kept(specifications(), exchanges);
        for (file, coverage) in specifications().into_iter().flat_map(Files::coverage) {
            eprintln!("{file}: {coverage}");
        }
    }
}

fn order(vault_id: &str, intent: &str, invoice: &str, value: &str) -> Value {
    json!({
        "intent": intent,
        "purchase_units": [{
            "reference_id": "default",
            "invoice_id": invoice,
            "custom_id": "order-1",
            "soft_descriptor": "AISLE",
            "amount": {"currency_code": "EUR", "value": value, "breakdown": {"item_total": {"currency_code": "EUR", "value": value}}},
            "items": [{"name": "Apples 1.25 kg", "quantity": "1", "sku": "4011", "category": "PHYSICAL_GOODS",
                "unit_amount": {"currency_code": "EUR", "value": value}}],
            "shipping": {"type": "PICKUP_IN_STORE", "name": {"full_name": "S2S Store 12"}},
        }],
        "payment_source": {"paypal": {
            "vault_id": vault_id,
            "stored_credential": {"payment_initiator": "CUSTOMER", "usage": "SUBSEQUENT", "usage_pattern": "IMMEDIATE"},
        }},
    })
}

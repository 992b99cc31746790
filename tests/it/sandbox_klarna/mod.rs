//! The Klarna sandbox itself, driven over HTTP. Every exchange is held against Klarna's specifications.

mod callbacks;
mod charging;
mod faults;
mod linking;
mod managing;
mod operations;
mod settling;

use aisle::sandbox::klarna::Sandbox;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::contract::klarna::assert_kept;
use crate::support::klarna::{PASSWORD, USERNAME, sandbox};

/// A sandbox and a shop that talks to it. [`Shop::end`] checks everything that was said.
struct Shop {
    sandbox: Sandbox,
    client: Client,
}

/// Status, headers and body of one answer.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Said {
    /// The error's code.
    fn code(&self) -> &str {
        self.body["error_code"].as_str().unwrap_or_default()
    }

    /// The error's first message.
    fn message(&self) -> &str {
        self.body["error_messages"][0].as_str().unwrap_or_default()
    }

    fn text(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str) -> i64 {
        self.body[name].as_i64().unwrap_or_default()
    }

    fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

impl Shop {
    async fn open() -> Shop {
        Shop::over(sandbox().await)
    }

    fn over(sandbox: Sandbox) -> Shop {
        #[expect(clippy::disallowed_methods, reason = "the test is a client of its own")]
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client without special settings");
        Shop { sandbox, client }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> reqwest::Result<Said> {
        let address = format!("{}{path}", self.sandbox.url());
        let mut request = self.client.request(method, address).basic_auth(USERNAME, Some(PASSWORD));
        if let Some(key) = key {
            request = request.header("Klarna-Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await?;
        Ok(Said { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, None, None).await.expect("an answer")
    }

    async fn delete(&self, path: &str) -> Said {
        self.send(Method::DELETE, path, None, None).await.expect("an answer")
    }

    async fn post(&self, path: &str, body: &Value) -> Said {
        self.send(Method::POST, path, None, Some(body)).await.expect("an answer")
    }

    /// A call of order management, or a charge, under a key.
    async fn keyed(&self, path: &str, key: &str, body: &Value) -> Said {
        self.send(Method::POST, path, Some(key), Some(body)).await.expect("an answer")
    }

    /// A call without a body.
    async fn ask(&self, path: &str) -> Said {
        self.send(Method::POST, path, None, None).await.expect("an answer")
    }

    async fn patch(&self, path: &str, body: &Value) -> Said {
        self.send(Method::PATCH, path, None, Some(body)).await.expect("an answer")
    }

    async fn control(&self, path: &str, body: &Value) -> StatusCode {
        let request = self.client.post(format!("{}{path}", self.sandbox.url())).json(body);
        request.send().await.expect("an answer").status()
    }

    /// A session of this intent, over the usual cart.
    async fn session(&self, intent: &str) -> String {
        let said = self.post("/payments/v1/sessions", &session(intent)).await;
        assert_eq!(said.status, 200, "{said:?}");
        said.text("/session_id")
    }

    /// A hosted page for a session.
    async fn hosted(&self, session_id: &str, mode: &str) -> Said {
        let body = json!({
            "payment_session_url": format!("{}/payments/v1/sessions/{session_id}", self.sandbox.url()),
            "merchant_urls": {
                "success": "https://shop.example/ok?hpp={{session_id}}&token={{authorization_token}}",
                "back": "https://shop.example/back?hpp={{session_id}}",
                "cancel": "https://shop.example/cancel",
                "failure": "https://shop.example/failure",
                "error": "https://shop.example/error",
            },
            "options": {"place_order_mode": mode, "purchase_type": "BUY"},
        });
        let said = self.post("/hpp/v1/sessions", &body).await;
        assert_eq!(said.status, 201, "{said:?}");
        said
    }

    /// A customer token of this shopper.
    async fn link(&self, email: &str) -> String {
        let session_id = self.session("tokenize").await;
        let page = self.hosted(&session_id, "NONE").await;
        assert!(self.sandbox.approve(&page.text("/redirect_url"), email));
        let read = self.get(&format!("/hpp/v1/sessions/{}", page.text("/session_id"))).await;
        let path =
            format!("/payments/v1/authorizations/{}/customer-token", read.text("/authorization_token"));
        let said = self.post(&path, &token_request()).await;
        assert_eq!(said.status, 200, "{said:?}");
        said.text("/token_id")
    }

    /// Charges a token for one line.
    async fn charge(&self, token: &str, key: &str, amount: i64) -> Said {
        self.keyed(&format!("/customer-token/v1/tokens/{token}/order"), key, &token_order(key, amount)).await
    }

    /// An authorized order of this amount.
    async fn order(&self, amount: i64) -> String {
        let token = self.link("anna@example.com").await;
        let said = self.charge(&token, "order", amount).await;
        assert_eq!(said.status, 200, "{said:?}");
        said.text("/order_id")
    }

    /// Ends the sandbox after every answered exchange was held against the specifications.
    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

/// One line of a price that includes tax.
fn line(name: &str, amount: i64, rate: i64) -> Value {
    let tax = (2 * amount * rate + 10_000 + rate).div_euclid(2 * (10_000 + rate));
    json!({
        "type": "physical", "reference": name, "name": name, "quantity": 1, "unit_price": amount,
        "total_amount": amount, "total_discount_amount": 0, "tax_rate": rate, "total_tax_amount": tax,
    })
}

/// Lines with their sums.
fn cart(lines: &[Value]) -> Value {
    let sum = |name: &str| lines.iter().map(|line| line[name].as_i64().unwrap_or_default()).sum::<i64>();
    json!({
        "order_amount": sum("total_amount"),
        "order_tax_amount": sum("total_tax_amount"),
        "order_lines": lines,
    })
}

fn session(intent: &str) -> Value {
    let mut body = cart(&[line("Milk 1 l", 1000, 700), line("Coffee", 999, 1900)]);
    body["intent"] = json!(intent);
    body["purchase_country"] = json!("DE");
    body["purchase_currency"] = json!("EUR");
    body["locale"] = json!("de-DE");
    body["acquiring_channel"] = json!("IN_STORE");
    body["customer"] = json!({"date_of_birth": "1978-12-31", "national_identification_number": "secret"});
    body["merchant_urls"] = json!({
        "confirmation": "https://shop.example/done?session={session.id}&order={order.id}",
    });
    body
}

/// The order of an authorization over the usual cart.
fn authorized_order() -> Value {
    let mut body = session("buy");
    let fields = body.as_object_mut().expect("an object");
    fields.remove("intent");
    fields.remove("acquiring_channel");
    fields.remove("customer");
    body["merchant_reference1"] = json!("A-17");
    body
}

fn token_request() -> Value {
    json!({
        "purchase_country": "DE", "purchase_currency": "EUR", "locale": "de-DE", "description": "Scan and go",
        "intended_use": "SUBSCRIPTION",
    })
}

fn token_order(reference: &str, amount: i64) -> Value {
    let mut body = cart(&[line("Groceries", amount, 700)]);
    body["purchase_currency"] = json!("EUR");
    body["merchant_reference1"] = json!(reference);
    body
}

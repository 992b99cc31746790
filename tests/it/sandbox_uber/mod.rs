//! The Uber Direct sandbox itself, driven over HTTP. Every exchange is held against Uber's specifications.

mod booking;
mod operations;
mod riding;
mod troubles;
mod webhooks;

use aisle::sandbox::uber::{Sandbox, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::contract::uber::assert_kept;
use crate::support::{Answer, client, start_of_time};

/// A sandbox whose clock stands still on a Monday morning, and a shop with a token. [`Shop::end`] checks everything that
/// was said.
struct Shop {
    sandbox: Sandbox,
    client: Client,
    settings: Settings,
    token: String,
}

impl Shop {
    async fn new() -> Self {
        Self::with(standing_still()).await
    }

    async fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let mut shop = Self { sandbox, client: client(), settings, token: String::new() };
        let answer = shop.log_in("eats.deliveries").await.expect(200);
        answer.text("/access_token").clone_into(&mut shop.token);
        shop
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url()))
    }

    async fn log_in(&self, scope: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.settings.client_id),
            ("client_secret", &self.settings.client_secret),
            ("scope", scope),
        ];
        answer(self.request(Method::POST, "/oauth/v2/token").form(&form)).await
    }

    /// A call of the customer, not sent yet.
    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let path = format!("/v1/customers/{}{path}", self.settings.customer_id);
        self.request(method, &path).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.call(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.call(Method::POST, path).json(body)).await
    }

    async fn deliver(&self, body: &Value) -> Answer {
        self.post("/deliveries", body).await
    }

    /// Books a delivery; answers its id.
    async fn book(&self, reference: &str) -> String {
        self.deliver(&delivery(reference)).await.expect(200).text("/id").to_owned()
    }

    async fn cancel(&self, id: &str) -> Answer {
        answer(self.call(Method::POST, &format!("/deliveries/{id}/cancel"))).await
    }

    /// Lets a courier come so far.
    fn ride(&self, id: &str, stages: usize) {
        for _ in 0..stages {
            self.sandbox.happen(id, "advance").expect("a next stage");
        }
    }

    /// A sandbox's own control.
    async fn control(&self, method: Method, path: &str, body: &Value) -> Answer {
        answer(self.request(method, path).body(body.to_string())).await
    }

    /// Ends the sandbox after every answered exchange was held against the specifications.
    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

fn standing_still() -> Settings {
    Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() }
}

async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.expect("the sandbox answers")).await
}

/// A refusal with this status and code.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!(answer.text("/code"), code, "{}", answer.json);
    answer
}

/// An address as it travels: JSON inside a text.
fn address(street: &str, zip_code: &str) -> Value {
    let address = json!({
        "street_address": [street], "city": "New York", "state": "NY", "zip_code": zip_code, "country": "US",
    });
    json!(address.to_string())
}

fn quote() -> Value {
    json!({ "pickup_address": address("100 Maiden Ln", "10023"), "dropoff_address": address("30 Lincoln Center Plaza", "10043") })
}

fn delivery(reference: &str) -> Value {
    json!({
        "pickup_name": "Store 12",
        "pickup_address": address("100 Maiden Ln", "10023"),
        "pickup_phone_number": "+15555555555",
        "dropoff_name": "A. Shopper",
        "dropoff_address": address("30 Lincoln Center Plaza", "10043"),
        "dropoff_phone_number": "+15555555556",
        "manifest_items": [{ "name": "Groceries", "quantity": 1, "size": "medium", "weight": 4200, "price": 3499 }],
        "manifest_reference": reference,
        "manifest_total_value": 3499,
        "idempotency_key": reference,
        "deliverable_action": "deliverable_action_meet_at_door",
        "undeliverable_action": "return",
    })
}

/// A delivery that wants an age proven.
fn for_adults(reference: &str) -> Value {
    let mut body = delivery(reference);
    body["dropoff_verification"] = json!({ "identification": { "min_age": 18 } });
    body
}

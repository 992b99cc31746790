//! Exchange: each fact reaches each subscriber, signed, in order, at last, and never somebody inside our own network.

mod assess;
mod central;
mod delivery;
mod peer;
mod postings;
mod pulls;
mod shop_peer;
mod stock;
mod subscriptions;
mod tills;
mod tryton;
mod tryton_books;
mod vendure;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aisle::exchange::{EventKind, Fact, publish};
use aisle::identity::{Scope, create_partner_key};
use aisle::ids::{MessageId, OrderId, PartnerId, StoreId, SubscriptionId};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::support::{Answer, TestApp};

/// A subscriber's server on loopback: keeps what it gets and answers as it is told.
pub struct Receiver {
    url: String,
    state: Arc<Mutex<Inbox>>,
}

#[derive(Default)]
pub struct Inbox {
    messages: Vec<Message>,
    /// Statuses of the next answers; 204 when there are none.
    answers: VecDeque<u16>,
    location: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Message {
    id: String,
    timestamp: i64,
    signatures: Vec<String>,
    body: Bytes,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether one of the signatures is of this secret; by the time in the message, since the test's clock stands.
    fn is_signed_with(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).expect("a secret");
        self.signatures.contains(&webhook.sign(&self.id, self.timestamp, &self.body).expect("a signature"))
    }
}

impl Receiver {
    pub async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(Inbox::default()));
        let router = Router::new().fallback(receive).with_state(state.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    fn will_answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state.lock().expect("whole").answers.extend(statuses);
    }

    fn redirects_to(&self, location: &str) {
        self.state.lock().expect("whole").location = Some(location.to_owned());
    }

    /// What came since the last look.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.state.lock().expect("whole").messages)
    }

    /// The types and sequences of what came since the last look.
    fn take_sequences(&self) -> Vec<(String, i64)> {
        let messages = self.take();
        let bodies = messages.iter().map(Message::json);
        bodies
            .map(|body| {
                (
                    body["type"].as_str().expect("a type").to_owned(),
                    body["sequence"].as_i64().expect("a place"),
                )
            })
            .collect()
    }
}

async fn receive(
    State(state): State<Arc<Mutex<Inbox>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap) {
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let mut inbox = state.lock().expect("whole");
    inbox.messages.push(Message {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp").parse().expect("seconds"),
        signatures: text("webhook-signature").split(' ').map(str::to_owned).collect(),
        body,
    });
    let status = inbox.answers.pop_front().unwrap_or(204);
    let mut answer = HeaderMap::new();
    if let Some(location) = &inbox.location {
        answer.insert("location", location.parse().expect("a header"));
    }
    (StatusCode::from_u16(status).expect("a status"), answer)
}

/// A partner with a key for events.
pub struct Subscriber<'a> {
    test: &'a TestApp,
    id: PartnerId,
    key: String,
}

impl<'a> Subscriber<'a> {
    pub async fn new(test: &'a TestApp) -> Self {
        Self::with(test, &[Scope::EventsRead], None).await
    }

    /// A partner whose key has these scopes, perhaps for one store only.
    async fn with(test: &'a TestApp, scopes: &[Scope], store: Option<StoreId>) -> Self {
        let (id, key) = create_partner_key(&test.app, "a partner", scopes, store).await.expect("a partner");
        Self { test, id, key: key.expose_secret().to_owned() }
    }

    async fn put(&self, id: SubscriptionId, body: &Value) -> Answer {
        self.test.put(&path(id, ""), body).bearer(&self.key).send().await
    }

    /// A new subscription to some kinds of events of all stores, and its secret.
    pub async fn subscribe(&self, receiver: &Receiver, kinds: &[&str]) -> (SubscriptionId, String) {
        let id = self.test.app.ids.next();
        let answer = self.put(id, &json!({ "url": receiver.url, "kinds": kinds })).await.expect(201);
        (id, answer.text("/secret").to_owned())
    }

    async fn get(&self, id: SubscriptionId, rest: &str) -> Answer {
        self.test.get(&path(id, rest)).bearer(&self.key).send().await
    }

    async fn post(&self, id: SubscriptionId, rest: &str) -> Answer {
        self.test.call(Method::POST, &path(id, rest)).bearer(&self.key).send().await
    }

    async fn delete(&self, id: SubscriptionId, rest: &str) -> Answer {
        self.test.call(Method::DELETE, &path(id, rest)).bearer(&self.key).send().await
    }

    /// The ids of the dispatches in this state, newest first.
    async fn dispatches(&self, id: SubscriptionId, state: &str) -> Vec<String> {
        let log = self.get(id, &format!("/dispatches?state={state}")).await.expect(200);
        let lines = log.json["dispatches"].as_array().expect("lines").clone();
        lines.iter().map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
    }
}

fn path(id: SubscriptionId, rest: &str) -> String {
    format!("/v1/exchange/subscriptions/{id}{rest}")
}

/// A service whose subscribers may be on loopback.
async fn start() -> TestApp {
    TestApp::with(&[("AISLE_EXCHANGE_ALLOW_INTERNAL", "true")]).await
}

/// Makes something happen to an order of store 0001.
async fn happen(test: &TestApp, kind: EventKind, order: OrderId) -> MessageId {
    happen_in(test, kind, order, "0001").await
}

async fn happen_in(test: &TestApp, kind: EventKind, order: OrderId, store: &str) -> MessageId {
    let app = &test.app;
    let fact = Fact {
        kind,
        order,
        store: store.parse().expect("a key"),
        payload: json!({ "note": "as it was" }),
        document: None,
    };
    let mut tx = app.db.begin().await.expect("begun");
    let message =
        publish(&mut tx, &app.ids, app.clock.now(), &app.connections, &fact).await.expect("published");
    tx.commit().await.expect("committed");
    message
}

//! Exchange: each fact reaches each subscriber, signed, in order, at last, and never somebody inside our own network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aisle::app::App;
use aisle::exchange::{EventKind, Fact, publish};
use aisle::identity::Scope;
use aisle::ids::{MessageId, OrderId, SubscriptionId};
use aisle::jobs;
use aisle::random::Random;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::support::{Answer, TestApp};

/// A subscriber's server on loopback: keeps what it gets and answers as it is told.
struct Receiver {
    url: String,
    state: Arc<Mutex<Inbox>>,
}

#[derive(Default)]
struct Inbox {
    messages: Vec<Message>,
    /// Statuses of the next answers; 204 when there are none.
    answers: VecDeque<u16>,
    location: Option<String>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    timestamp: i64,
    signatures: Vec<String>,
    body: Bytes,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether one of the signatures is of this secret; by the time in the message, since the test's clock stands.
    fn is_signed_with(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).expect("a secret");
        self.signatures.contains(&webhook.sign(&self.id, self.timestamp, &self.body).expect("a signature"))
    }
}

impl Receiver {
    async fn new() -> Self {
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
    fn take(&self) -> Vec<Message> {
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
struct Subscriber<'a> {
    test: &'a TestApp,
    key: String,
}

impl<'a> Subscriber<'a> {
    async fn new(test: &'a TestApp) -> Self {
        Self { test, key: test.partner(&[Scope::EventsRead]).await }
    }

    async fn put(&self, id: SubscriptionId, body: &Value) -> Answer {
        self.test.put(&path(id, ""), body).bearer(&self.key).send().await
    }

    /// A new subscription to some kinds of events of all stores, and its secret.
    async fn subscribe(&self, receiver: &Receiver, kinds: &[&str]) -> (SubscriptionId, String) {
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
    let fact =
        Fact { kind, order, store: store.parse().expect("a key"), payload: json!({ "note": "as it was" }) };
    let mut tx = app.db.begin().await.expect("begun");
    let message = publish(&mut tx, &app.ids, app.clock.now(), &fact).await.expect("published");
    tx.commit().await.expect("committed");
    message
}

#[tokio::test]
async fn a_subscriber_is_told_of_an_order_and_can_verify_it() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    assert!(secret.starts_with("whsec_"));
    let order = test.app.ids.next();
    let message_id = happen(&test, EventKind::OrderPaid, order).await;
    happen(&test, EventKind::OrderRefunded, order).await;
    assert_eq!(test.run_jobs().await, 1);

    let messages = receiver.take();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.id, message_id.to_string());
    assert_eq!(message.timestamp, test.app.clock.now().timestamp());
    assert!(message.is_signed_with(&secret));
    assert!(!message.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    let body = message.json();
    assert_eq!(body["type"], "order.paid");
    assert_eq!(body["timestamp"], "2026-11-23T09:00:00Z");
    assert_eq!(
        (body["order"].as_str(), body["store"].as_str()),
        (Some(order.to_string().as_str()), Some("0001"))
    );
    assert_eq!(body["data"], json!({ "note": "as it was" }));
    let log = partner.get(id, "/dispatches").await.expect(200);
    assert_eq!(log.text("/dispatches/0/state"), "delivered");
    assert_eq!(log.number("/dispatches/0/last_status"), 204);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_lies_sealed_in_the_database() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    let again = partner
        .put(id, &json!({ "url": receiver.url, "kinds": ["order.paid", "order.paid"] }))
        .await
        .expect(200);
    assert_eq!((again.json.get("secret"), &again.headers["etag"]), (None, &"\"1\"".parse().expect("a tag")));
    assert_eq!(partner.get(id, "").await.expect(200).json.get("secret"), None);
    let list = test.get("/v1/exchange/subscriptions").bearer(&partner.key).send().await.expect(200);
    assert_eq!(
        (list.text("/subscriptions/0/id"), list.json["subscriptions"][0].get("secret")),
        (&*id.to_string(), None)
    );
    use aisle::db::Run;
    let (sealed,): (Vec<u8>,) =
        test.app.db.sql("SELECT sealed_secret FROM exchange_secrets").fetch_one().await.expect("one");
    assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[tokio::test]
async fn a_subscriber_that_is_down_is_tried_again_by_the_schedule_until_the_event_is_dead_and_can_be_replayed()
 {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.will_answer([500, 503, 429, 404, 302, 500, 500, 500]);
    let message = happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let mut messages = receiver.take();
    assert_eq!(messages.len(), 1);
    for seconds in [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] {
        test.advance(Duration::seconds(seconds - 1));
        assert_eq!(test.run_jobs().await, 0, "not before {seconds} s");
        test.advance(Duration::seconds(1));
        assert_eq!(test.run_jobs().await, 1, "after {seconds} s");
        messages.append(&mut receiver.take());
    }
    assert_eq!(messages.len(), 8);
    // A repeat can be told by its id, and each is signed for its own time.
    assert!(messages.iter().all(|each| each.id == message.to_string() && each.body == messages[0].body));
    assert!(messages.iter().all(|each| each.is_signed_with(&secret)));
    test.advance(Duration::days(2));
    assert_eq!(test.run_jobs().await, 0, "given up");

    let dead = partner.dispatches(id, "dead").await;
    assert_eq!((dead.len(), partner.dispatches(id, "waiting").await.len()), (1, 0));
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    let again = receiver.take();
    assert_eq!((again.len(), &*again[0].id, &again[0].body), (1, &*message.to_string(), &messages[0].body));
    assert_eq!(partner.dispatches(id, "delivered").await, dead);
    partner.post(id, &format!("/dispatches/{}/replay", message)).await.problem(404, "dispatch_unknown");
}

#[tokio::test]
async fn events_of_one_order_keep_their_order_and_delay_no_other_order() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    partner.subscribe(&receiver, &["order.paid", "shipment.handed_over", "shipment.delivered"]).await;
    let (order, other) = (test.app.ids.next(), test.app.ids.next());
    receiver.will_answer([500]);
    happen(&test, EventKind::OrderPaid, order).await;
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.paid".to_owned(), 1)]);
    happen(&test, EventKind::ShipmentHandedOver, order).await;
    happen(&test, EventKind::ShipmentDelivered, order).await;
    happen(&test, EventKind::OrderPaid, other).await;
    test.run_jobs().await;
    let came = receiver.take();
    assert_eq!((came.len(), came[0].json()["order"].as_str()), (1, Some(&*other.to_string())));
    test.advance(Duration::seconds(5));
    test.run_jobs().await;
    let came = receiver.take_sequences();
    let kinds = ["order.paid", "shipment.handed_over", "shipment.delivered"].map(str::to_owned);
    assert_eq!(came, kinds.into_iter().zip(1..).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_behind_a_dead_one_goes_on_when_that_is_replayed_or_skipped() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid", "order.refunded"]).await;
    let orders: [OrderId; 2] = [test.app.ids.next(), test.app.ids.next()];
    receiver.will_answer([500; 16]);
    for order in orders {
        happen(&test, EventKind::OrderPaid, order).await;
    }
    for seconds in [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] {
        test.advance(Duration::seconds(seconds));
        test.run_jobs().await;
    }
    assert_eq!(receiver.take().len(), 16);
    for order in orders {
        happen(&test, EventKind::OrderRefunded, order).await;
    }
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0, "behind the dead");
    let dead = partner.dispatches(id, "dead").await;
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.paid".to_owned(), 1), ("order.refunded".to_owned(), 2)]);
    for _ in 0..2 {
        partner.delete(id, &format!("/dispatches/{}", dead[1])).await.expect(204);
    }
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.refunded".to_owned(), 2)]);
    partner.delete(id, &format!("/dispatches/{}", dead[0])).await.problem(409, "dispatch_closed");
}

#[tokio::test]
async fn a_subscriber_that_says_gone_is_told_nothing_more_until_it_subscribes_again() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.will_answer([410]);
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
    assert_eq!(partner.get(id, "").await.expect(200).text("/state"), "off");
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.advance(Duration::days(1));
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0);
    let dead = partner.dispatches(id, "dead").await;
    assert_eq!(dead.len(), 1);
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.problem(409, "subscription_off");
    let body = json!({ "url": receiver.url, "kinds": ["order.paid"] });
    assert_eq!(partner.put(id, &body).await.expect(200).text("/state"), "active");
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
}

#[tokio::test]
async fn subscribers_get_the_kinds_and_stores_that_they_asked_for() {
    let test = start().await;
    let (all, one) = (Receiver::new().await, Receiver::new().await);
    let partner = Subscriber::new(&test).await;
    partner.subscribe(&all, &["order.paid", "order.refunded"]).await;
    let body = json!({ "url": one.url, "kinds": ["order.paid"], "stores": ["0002"] });
    partner.put(test.app.ids.next(), &body).await.expect(201);
    for store in ["0001", "0002"] {
        let order = test.app.ids.next();
        happen_in(&test, EventKind::OrderPaid, order, store).await;
        happen_in(&test, EventKind::OrderRefunded, order, store).await;
    }
    test.run_jobs().await;
    assert_eq!((all.take().len(), one.take_sequences()), (4, vec![("order.paid".to_owned(), 1)]));
}

#[tokio::test]
async fn a_key_of_one_store_subscribes_to_that_store_only() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let store = Some("0002".parse().expect("a key"));
    let made = aisle::identity::create_partner_key(&test.app, "a branch", &[Scope::EventsRead], store).await;
    let key = secrecy::ExposeSecret::expose_secret(&made.expect("a key").1).to_owned();
    let branch = Subscriber { test: &test, key };
    let id = test.app.ids.next();
    let body = json!({ "url": receiver.url, "kinds": ["order.paid"], "stores": ["0001"] });
    branch.put(id, &body).await.problem(403, "other_store");
    let made = branch.put(id, &json!({ "url": receiver.url, "kinds": ["order.paid"] })).await.expect(201);
    assert_eq!(made.json["stores"], json!(["0002"]));
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, old) = partner.subscribe(&receiver, &["order.paid"]).await;
    let new = partner.post(id, "/secret").await.expect(201);
    assert_eq!(new.text("/previous_until"), "2026-11-24T09:00:00Z");
    let new = new.text("/secret").to_owned();
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let message = receiver.take().remove(0);
    assert!(message.is_signed_with(&new) && message.is_signed_with(&old));
    test.advance(Duration::days(1));
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let message = receiver.take().remove(0);
    assert!(message.is_signed_with(&new) && !message.is_signed_with(&old));
    for _ in 0..4 {
        partner.post(id, "/secret").await.expect(201);
    }
    partner.post(id, "/secret").await.problem(409, "secrets_too_many");
}

#[tokio::test]
async fn everything_since_a_moment_is_sent_again_also_what_was_before_the_subscription() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let early = happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.advance(Duration::minutes(1));
    let since = test.app.clock.now();
    let order = test.app.ids.next();
    let before = happen(&test, EventKind::OrderPaid, order).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid", "shipment.booked"]).await;
    happen(&test, EventKind::OrderRefunded, order).await;
    let after = happen(&test, EventKind::ShipmentBooked, order).await;
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
    let replay = |since: chrono::DateTime<chrono::Utc>| {
        test.post(&path(id, "/replay"), &json!({ "since": since })).bearer(&partner.key).send()
    };
    let replayed = replay(since).await.expect(202);
    assert_eq!((replayed.number("/events"), replayed.json.get("next_since")), (2, None));
    test.run_jobs().await;
    let ids: Vec<String> = receiver.take().into_iter().map(|message| message.id).collect();
    assert_eq!(ids, [before.to_string(), after.to_string()]);
    assert!(!ids.contains(&early.to_string()));
    replay(since - Duration::days(31)).await.problem(422, "since_too_early");
}

#[tokio::test]
async fn internal_addresses_are_refused() {
    let test = TestApp::new().await;
    let partner = Subscriber::new(&test).await;
    for url in [
        "https://127.0.0.1/hook",
        "https://2130706433/hook",
        "https://[::1]/hook",
        "https://[::ffff:7f00:1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/hook",
        "https://[fd00::8]/hook",
        "https://localhost/hook",
        "http://erp.example/hook",
        "https://user:word@erp.example/hook",
        "erp",
    ] {
        let body = json!({ "url": url, "kinds": ["order.paid"] });
        let answer = partner.put(test.app.ids.next(), &body).await.problem(422, "url_refused");
        assert_eq!(answer.text("/errors/0/pointer"), "/url");
    }
    let body = json!({ "url": "https://erp.example/hook", "kinds": [] });
    partner.put(test.app.ids.next(), &body).await.problem(422, "kinds_missing");
}

#[tokio::test]
async fn an_address_that_became_internal_is_not_called() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    // The same database, served by an instance that lets nobody in.
    let mut config = test.app.config.clone();
    config.exchange.allow_internal = false;
    let strict = App::over(test.app.db.clone(), config, test.app.clock.clone(), Random::seeded(8))
        .await
        .expect("starts");
    assert_eq!(jobs::run_due(&strict).await.expect("jobs run"), 1);
    assert_eq!(receiver.take().len(), 0);
    let log = partner.get(id, "/dispatches").await.expect(200);
    assert_eq!(log.text("/dispatches/0/last_error"), "the address is not on the public internet");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let test = start().await;
    let (receiver, inside) = (Receiver::new().await, Receiver::new().await);
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.redirects_to(&inside.url);
    receiver.will_answer([307]);
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    assert_eq!((receiver.take().len(), inside.take().len()), (1, 0));
    assert_eq!(partner.get(id, "/dispatches").await.expect(200).number("/dispatches/0/last_status"), 307);
}

#[tokio::test]
async fn a_fact_that_was_rolled_back_is_told_to_nobody() {
    let test = start().await;
    let receiver = Receiver::new().await;
    Subscriber::new(&test).await.subscribe(&receiver, &["order.paid"]).await;
    let app = &test.app;
    let store = "0001".parse().expect("a key");
    let fact = Fact { kind: EventKind::OrderPaid, order: app.ids.next(), store, payload: Value::Null };
    let mut tx = app.db.begin().await.expect("begun");
    publish(&mut tx, &app.ids, app.clock.now(), &fact).await.expect("published");
    tx.rollback().await.expect("rolled back");
    assert_eq!((test.run_jobs().await, receiver.take().len()), (0, 0));
}

#[tokio::test]
async fn what_waits_for_a_subscription_that_ended_is_not_sent() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    for _ in 0..2 {
        partner.delete(id, "").await.expect(204);
    }
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0);
    partner.get(id, "").await.problem(404, "subscription_unknown");
}

#[tokio::test]
async fn a_partner_sees_and_changes_only_its_own_subscriptions() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let owner = Subscriber::new(&test).await;
    let other = Subscriber::new(&test).await;
    let (id, _) = owner.subscribe(&receiver, &["order.paid"]).await;
    let body = json!({ "url": receiver.url, "kinds": ["order.paid", "order.refunded"] });
    other.put(id, &body).await.problem(409, "subscription_taken");
    other.get(id, "").await.problem(404, "subscription_unknown");
    other.get(id, "/dispatches").await.problem(404, "subscription_unknown");
    other.post(id, "/secret").await.problem(404, "subscription_unknown");
    other.delete(id, "").await.expect(204);
    owner.get(id, "").await.expect(200);
    let reader = Subscriber { test: &test, key: test.partner(&[Scope::CatalogRead]).await };
    reader.get(id, "").await.problem(403, "scope_missing");
    test.get(&path(id, "")).send().await.problem(401, "unauthenticated");

    let stale = |version: &'static str| {
        test.put(&path(id, ""), &body).bearer(&owner.key).header("if-match", version).send()
    };
    assert_eq!(stale("\"1\"").await.expect(200).headers["etag"], "\"2\"");
    stale("\"1\"").await.problem(412, "version_mismatch");
}

//! The unsigned callbacks, and what can become of them on the way.

use std::sync::{Arc, Mutex};

use aisle::sandbox::klarna::{Callback, CallbackKind, Controls, DeliveryStatus, Planned};
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::{Shop, authorized_order, session, token_order};

/// A shop's server that records what it is told and answers the same status to everything.
struct Ears {
    url: String,
    status: Arc<Mutex<StatusCode>>,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Ears {
    async fn open() -> Ears {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let heard: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (answer, record) = (status.clone(), heard.clone());
        let hear = move |target: Uri, body: String| async move {
            record.lock().expect("a lock").push((target.to_string(), body));
            *answer.lock().expect("a lock")
        };
        let router = axum::Router::new().fallback(hear);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ears { url, status, heard }
    }

    fn answers(&self, status: u16) {
        *self.status.lock().expect("a lock") = StatusCode::from_u16(status).expect("a status");
    }

    /// Addresses and bodies heard since the last time.
    fn heard(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.heard.lock().expect("a lock"))
    }
}

impl Shop {
    /// The callbacks of one kind, oldest first.
    fn callbacks(&self, kind: CallbackKind) -> Vec<Callback> {
        self.sandbox.books().callbacks.into_iter().filter(|one| one.kind == kind).collect()
    }

    async fn session_heard_at(&self, ears: &Ears) -> String {
        let mut body = session("buy");
        body["merchant_urls"] = json!({
            "authorization": format!("{}/authorized?secret=s&session={{session.id}}", ears.url),
            "notification": format!("{}/fraud?order={{order.id}}", ears.url),
            "push": format!("{}/push?session={{session.id}}&order={{order.id}}", ears.url),
        });
        self.post("/payments/v1/sessions", &body).await.text("/session_id")
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn an_authorization_is_told_with_its_token() {
    let (shop, ears) = (Shop::open().await, Ears::open().await);
    let session_id = shop.session_heard_at(&ears).await;
    let token = shop.sandbox.authorize(&session_id, "anna@example.com").unwrap();
    assert_eq!(shop.sandbox.deliver_callbacks().await, 1);
    let heard = ears.heard();
    assert_eq!(heard[0].0, format!("/authorized?secret=s&session={session_id}"));
    assert_eq!(parsed(&heard[0].1), json!({"authorization_token": token, "session_id": session_id}));
    shop.end().await;
}

#[tokio::test]
async fn a_hosted_page_tells_every_status() {
    let (shop, ears) = (Shop::open().await, Ears::open().await);
    let session_id = shop.session("tokenize").await;
    let body = json!({
        "payment_session_url": format!("https://api.klarna.com/payments/v1/sessions/{session_id}"),
        "merchant_urls": {"status_update": format!("{}/status?secret=s&id={{{{session_id}}}}", ears.url)},
    });
    let page = shop.post("/hpp/v1/sessions", &body).await;
    shop.client.get(page.text("/redirect_url")).send().await.unwrap();
    assert!(shop.sandbox.approve(&page.text("/redirect_url"), "anna@example.com"));
    shop.sandbox.deliver_callbacks().await;
    let heard = ears.heard();
    assert_eq!(heard[0].0, format!("/status?secret=s&id={}", page.text("/session_id")));
    let told: Vec<Value> = heard.iter().map(|(_, body)| parsed(body)).collect();
    assert_eq!(told[0]["session"]["status"], "IN_PROGRESS");
    let read = shop.get(&format!("/hpp/v1/sessions/{}", page.text("/session_id"))).await;
    assert_eq!(told[1]["session"], read.body, "what is told is what is read");
    assert_ne!(told[0]["event_id"], told[1]["event_id"]);
    shop.end().await;
}

#[tokio::test]
async fn the_end_of_a_review_is_told_every_ten_minutes_until_200() {
    let (shop, ears) = (Shop::open().await, Ears::open().await);
    let session_id = shop.session_heard_at(&ears).await;
    let token = shop.sandbox.authorize(&session_id, "a+pend-reject-05@example.com").unwrap();
    let mut order = authorized_order();
    order.as_object_mut().unwrap().remove("merchant_urls");
    let placed = shop.post(&format!("/payments/v1/authorizations/{token}/order"), &order).await;
    assert_eq!(placed.text("/fraud_status"), "PENDING");
    shop.sandbox.deliver_callbacks().await;
    let order_id = placed.text("/order_id");
    let pushed = &ears.heard()[1];
    assert_eq!(*pushed, (format!("/push?session={session_id}&order={order_id}"), String::new()));

    shop.sandbox.advance_seconds(5 * 60);
    ears.answers(202);
    assert_eq!(shop.sandbox.deliver_callbacks().await, 0, "202 isn't 200");
    ears.answers(200);
    shop.sandbox.set_callback_controls(Controls::default());
    let attempted = shop.callbacks(CallbackKind::Fraud)[0].clone();
    assert_eq!((attempted.attempts, attempted.last_status), (1, Some(202)));
    assert_eq!((attempted.next_attempt_at - shop.sandbox.now()).num_minutes(), 10);
    ears.heard();
    shop.sandbox.advance_seconds(10 * 60);
    while shop.callbacks(CallbackKind::Fraud)[0].status == DeliveryStatus::Pending {
        tokio::task::yield_now().await;
    }
    let heard = ears.heard();
    assert_eq!(heard[0].0, format!("/fraud?order={order_id}"));
    let told = parsed(&heard[0].1);
    assert_eq!((&told["order_id"], &told["event_type"]), (&json!(order_id), &json!("FRAUD_RISK_REJECTED")));
    shop.end().await;
}

#[tokio::test]
async fn callbacks_are_lost_doubled_reversed_and_late_on_order() {
    let (shop, ears) = (Shop::open().await, Ears::open().await);
    let token = shop.link("anna@example.com").await;
    let charge = async |key: &str| {
        let mut body = token_order(key, 500);
        let push = format!("{}/{key}", ears.url);
        body["merchant_urls"] = json!({"confirmation": "https://shop.example/done", "push": push});
        shop.keyed(&format!("/customer-token/v1/tokens/{token}/order"), key, &body).await;
    };
    let controls = Controls { hold: true, drop_next: 1, duplicate_next: 1, reverse: true, delay_seconds: 60 };
    shop.sandbox.set_callback_controls(controls);
    for key in ["lost", "doubled", "last"] {
        charge(key).await;
    }
    assert_eq!(shop.callbacks(CallbackKind::Push)[0].status, DeliveryStatus::Dropped);
    let late = shop.callbacks(CallbackKind::Push)[2].next_attempt_at - shop.sandbox.now();
    assert_eq!(late.num_seconds(), 60);
    assert_eq!(shop.sandbox.deliver_callbacks().await, 3);
    let heard: Vec<String> = ears.heard().into_iter().map(|(target, _)| target).collect();
    assert_eq!(heard, ["/last", "/doubled", "/doubled"]);
    shop.end().await;
}

#[tokio::test]
async fn a_callback_is_given_up_after_its_last_attempt_and_a_push_when_it_is_acknowledged() {
    let (shop, ears) = (Shop::open().await, Ears::open().await);
    ears.answers(500);
    let session_id = shop.session_heard_at(&ears).await;
    let token = shop.sandbox.authorize(&session_id, "anna@example.com").unwrap();
    for _ in 0..4 {
        assert_eq!(shop.sandbox.deliver_callbacks().await, 0);
    }
    assert_eq!(shop.callbacks(CallbackKind::Authorization)[0].status, DeliveryStatus::Failed);
    let mut order = authorized_order();
    order.as_object_mut().unwrap().remove("merchant_urls");
    let placed = shop.post(&format!("/payments/v1/authorizations/{token}/order"), &order).await;
    shop.sandbox.deliver_callbacks().await;
    assert_eq!(shop.callbacks(CallbackKind::Push)[0].status, DeliveryStatus::Pending);
    shop.ask(&format!("/ordermanagement/v1/orders/{}/acknowledge", placed.text("/order_id"))).await;
    assert_eq!(shop.callbacks(CallbackKind::Push)[0].status, DeliveryStatus::Delivered);
    assert_eq!(ears.heard().len(), 5);
    shop.end().await;
}

#[tokio::test]
async fn a_late_decline_is_planned_and_found_by_reading() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    assert!(shop.sandbox.plan_charges(&token, Planned::PendReject { minutes: 30 }, 1));
    let order = shop.charge(&token, "k1", 500).await;
    assert_eq!(order.text("/fraud_status"), "PENDING");
    shop.sandbox.advance_seconds(30 * 60);
    let path = format!("/ordermanagement/v1/orders/{}", order.text("/order_id"));
    let read = shop.get(&path).await;
    assert_eq!(
        (read.text("/fraud_status").as_str(), read.text("/status").as_str()),
        ("REJECTED", "AUTHORIZED")
    );
    let risked = shop.post(&format!("{path}/captures"), &json!({"captured_amount": 500})).await;
    assert_eq!(risked.status, 201, "four hours long, at the shop's own risk");
    shop.end().await;
}

//! Webhooks as they are signed, and as they go wrong.

use std::sync::{Arc, Mutex};

use aisle::sandbox::uber::{Controls, Settings, WebhookTarget};
use aws_lc_rs::hmac;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Shop, delivery, standing_still};

const KEY: &str = "a key of this webhook alone";

/// A shop's server that records what it is told and answers the same status to everything.
struct Ears {
    url: String,
    status: Arc<Mutex<StatusCode>>,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Ears {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let heard: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (answer, record) = (status.clone(), heard.clone());
        let hear = move |headers: HeaderMap, body: String| async move {
            let signature = headers["x-uber-signature"].to_str().expect("ASCII").to_owned();
            assert_eq!(headers["x-postmates-signature"], signature.as_str());
            record.lock().expect("a lock").push((signature, body));
            *answer.lock().expect("a lock")
        };
        let router = axum::Router::new().fallback(hear);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, status, heard }
    }

    fn answers(&self, status: StatusCode) {
        *self.status.lock().expect("a lock") = status;
    }

    /// Bodies heard since the last time, after their signatures were checked.
    fn heard(&self) -> Vec<Value> {
        let heard = std::mem::take(&mut *self.heard.lock().expect("a lock"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let read = |(signature, body): (String, String)| {
            let bytes: Vec<u8> = (0..signature.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).expect("hexadecimal"))
                .collect();
            hmac::verify(&key, body.as_bytes(), &bytes).expect("the body is signed");
            serde_json::from_str(&body).expect("JSON")
        };
        heard.into_iter().map(read).collect()
    }
}

/// A shop that hears of its deliveries when the test says so.
async fn listening(ears: &Ears, controls: Controls) -> Shop {
    let webhook = WebhookTarget { url: ears.url.clone(), signing_key: KEY.to_owned() };
    let shop = Shop::with(Settings { webhook: Some(webhook), ..standing_still() }).await;
    shop.sandbox.set_webhook_controls(Controls { hold: true, ..controls }).expect("set");
    shop
}

fn statuses(heard: &[Value]) -> Vec<&str> {
    heard.iter().filter_map(|event| event["status"].as_str()).collect()
}

#[tokio::test]
async fn every_status_is_told_and_signed_over_the_raw_body() {
    let ears = Ears::open().await;
    let shop = listening(&ears, Controls::default()).await;
    let id = shop.book("AISLE-1").await;
    shop.ride(&id, 1);
    shop.sandbox.happen(&id, "courier_update").unwrap();
    shop.ride(&id, 3);
    assert_eq!(shop.sandbox.deliver_webhooks().await, 6);
    let heard = ears.heard();
    assert_eq!(statuses(&heard), ["pending", "pickup", "pickup", "pickup_complete", "dropoff", "delivered"]);
    assert_eq!(heard[2]["kind"], "event.courier_update");
    assert_eq!(heard[5]["kind"], "event.delivery_status");
    assert_eq!(heard[5]["delivery_id"], id.as_str());
    assert_eq!(heard[5]["data"]["status"], "delivered");
    assert!(heard.iter().all(|event| event["id"].as_str().is_some_and(|id| id.starts_with("evt_"))));
    assert_eq!(shop.sandbox.deliver_webhooks().await, 0);
    shop.end().await;
}

#[tokio::test]
async fn webhooks_are_lost_doubled_and_out_of_order_on_order() {
    let ears = Ears::open().await;
    let controls = Controls { drop_next: 1, duplicate_next: 1, reverse: true, ..Controls::default() };
    let shop = listening(&ears, controls).await;
    let id = shop.book("AISLE-1").await;
    shop.ride(&id, 3);
    shop.sandbox.deliver_webhooks().await;
    let heard = ears.heard();
    assert_eq!(statuses(&heard), ["dropoff", "pickup_complete", "pickup", "pickup"]);
    assert_eq!(heard[2]["id"], heard[3]["id"], "the same event twice");
    shop.end().await;
}

#[tokio::test]
async fn what_is_not_accepted_is_sent_again_seven_times_in_all() {
    let ears = Ears::open().await;
    let shop = listening(&ears, Controls::default()).await;
    ears.answers(StatusCode::SERVICE_UNAVAILABLE);
    shop.deliver(&delivery("AISLE-1")).await.expect(200);
    for pause in [30, 60, 120, 240, 480, 960] {
        let before = shop.sandbox.now();
        assert_eq!(shop.sandbox.deliver_webhooks().await, 0);
        let due = shop.sandbox.books().notifications[0].due.expect("one more try");
        assert_eq!((due - before).num_seconds(), pause);
        shop.sandbox.advance_seconds(pause).unwrap();
    }
    shop.sandbox.deliver_webhooks().await;
    assert_eq!(ears.heard().len(), 7);
    let last = &shop.sandbox.books().notifications[0];
    assert!(last.due.is_none() && !last.accepted, "{last:?}");
    shop.end().await;
}

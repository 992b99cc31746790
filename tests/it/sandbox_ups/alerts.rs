//! Track Alert: what is pushed to whom, and what can become of a push on its way.

use std::sync::{Arc, Mutex};

use aisle::sandbox::ups::{AlertCredentials, AlertTarget, Controls, PushStatus};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::Shipper;

/// A service that records what it is told: headers and body of each push.
struct Ears {
    url: String,
    status: Arc<Mutex<StatusCode>>,
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

impl Ears {
    async fn open() -> Ears {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let heard: Arc<Mutex<Vec<(HeaderMap, Value)>>> = Arc::default();
        let (answer, record) = (status.clone(), heard.clone());
        let hear = move |target: Uri, headers: HeaderMap, body: String| async move {
            if target.path() == "/token" {
                return (StatusCode::OK, json!({"access_token": "our-own", "expires_in": "60"}).to_string());
            }
            let body = serde_json::from_str(&body).expect("JSON");
            record.lock().expect("a lock").push((headers, body));
            (*answer.lock().expect("a lock"), String::new())
        };
        let router = axum::Router::new().fallback(hear);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ears { url, status, heard }
    }

    /// Status codes of the pushes heard since the last time.
    fn codes(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock().expect("a lock"));
        let code =
            |body: &Value| body["activityStatus"]["descriptionCode"].as_str().unwrap_or_default().to_owned();
        heard.iter().map(|(_, body)| code(body)).collect()
    }

    fn with_key(&self) -> AlertTarget {
        AlertTarget {
            url: format!("{}/ups", self.url),
            credentials: AlertCredentials::ApiKey("our-key".to_owned()),
        }
    }
}

async fn subscribed(ears: &Ears) -> (Shipper, String) {
    let shipper = Shipper::new().await;
    shipper.sandbox.set_alert_controls(Controls { hold: true, ..Controls::default() });
    shipper.sandbox.set_webhook(Some(ears.with_key()));
    let number = shipper.book("AISLE-0001").await;
    let said = shipper.post("/track/v2/subscription/standard/package", &subscription(&[&number])).await;
    assert_eq!(said.body, json!({"validTrackingNumbers": [number]}));
    (shipper, number)
}

fn subscription(numbers: &[&str]) -> Value {
    json!({"locale": "en_US", "countryCode": "US", "trackingNumberList": numbers})
}

#[tokio::test]
async fn what_happens_after_the_subscription_is_pushed_with_our_key() {
    let ears = Ears::open().await;
    let (shipper, number) = subscribed(&ears).await;
    for _ in 0..4 {
        shipper.sandbox.advance_clock(60);
        shipper.sandbox.advance(&number).expect("a step");
    }
    assert_eq!(shipper.sandbox.deliver_alerts().await, 4);
    let heard = ears.heard.lock().expect("a lock").clone();
    assert!(heard.iter().all(|(headers, _)| headers["x-api-key"] == "our-key"));
    assert!(heard.iter().all(|(headers, _)| headers["user-agent"] == "UPSPubSubTrackingService"));
    assert_eq!(heard[3].1["trackingNumber"], json!(number));
    assert_eq!(heard[3].1["actualDeliveryDate"], "20261123");
    assert_eq!(ears.codes(), ["038", "005", "021", "011"]);
    shipper.end().await;
}

#[tokio::test]
async fn pushes_are_lost_doubled_and_turned_round_on_order() {
    let ears = Ears::open().await;
    let (shipper, number) = subscribed(&ears).await;
    let controls = Controls { hold: true, drop_next: 1, duplicate_next: 1, reverse: true, delay_seconds: 0 };
    shipper.sandbox.set_alert_controls(controls);
    for _ in 0..3 {
        shipper.sandbox.advance(&number).expect("a step");
    }
    assert_eq!(shipper.sandbox.deliver_alerts().await, 3);
    assert_eq!(ears.codes(), ["021", "005", "005"]);
    let states: Vec<PushStatus> = shipper.sandbox.books().pushes.iter().map(|push| push.status).collect();
    assert_eq!(states, [PushStatus::Dropped, PushStatus::Delivered, PushStatus::Delivered]);
    shipper.end().await;
}

#[tokio::test]
async fn a_push_that_is_not_taken_is_repeated_and_given_up() {
    let ears = Ears::open().await;
    let (shipper, number) = subscribed(&ears).await;
    *ears.status.lock().expect("a lock") = StatusCode::SERVICE_UNAVAILABLE;
    shipper.sandbox.advance(&number).expect("a step");
    for _ in 0..4 {
        assert_eq!(shipper.sandbox.deliver_alerts().await, 0);
    }
    assert_eq!(ears.codes().len(), 3);
    let push = &shipper.sandbox.books().pushes[0];
    assert_eq!((push.status, push.last_status), (PushStatus::Failed, Some(503)));
    shipper.end().await;
}

#[tokio::test]
async fn a_subscription_ends_after_fourteen_days_and_can_be_renewed() {
    let ears = Ears::open().await;
    let (shipper, number) = subscribed(&ears).await;
    shipper.sandbox.advance_clock(13 * 86_400);
    shipper.post("/track/v2/subscription/standard/package", &subscription(&[&number])).await;
    shipper.sandbox.advance_clock(13 * 86_400);
    shipper.sandbox.advance(&number).expect("a step");
    shipper.sandbox.advance_clock(2 * 86_400);
    shipper.sandbox.advance(&number).expect("a step");
    shipper.sandbox.deliver_alerts().await;
    assert_eq!(ears.codes(), ["038"]);
    shipper.end().await;
}

#[tokio::test]
async fn the_whole_account_is_pushed_with_a_token_of_our_own() {
    let ears = Ears::open().await;
    let shipper = Shipper::new().await;
    shipper.sandbox.set_alert_controls(Controls { hold: true, ..Controls::default() });
    shipper.sandbox.set_webhook(Some(AlertTarget {
        url: format!("{}/ups", ears.url),
        credentials: AlertCredentials::OAuth {
            token_url: format!("{}/token", ears.url),
            client_id: "ups".to_owned(),
            client_secret: "secret".to_owned(),
        },
    }));
    let path = "/track/v2/subscription/standard/account";
    let body = json!({"locale": "en_US", "countryCode": "US", "shipperAccountNumber": super::account()});
    assert_eq!(shipper.post(path, &body).await.body, json!({"expiryDate": "9999-12-31"}));
    shipper.book("AISLE-0001").await;
    shipper.sandbox.deliver_alerts().await;
    assert_eq!(ears.heard.lock().expect("a lock")[0].0["authorization"], "Bearer our-own");
    assert_eq!(ears.codes(), ["003"], "the account hears of the booking itself");
    let query = format!("{path}?shipper_account_number={}", super::account());
    assert_eq!(shipper.delete(&query).await.status, 200);
    shipper.book("AISLE-0002").await;
    assert_eq!(shipper.sandbox.deliver_alerts().await, 0);
    shipper.end().await;
}

#[tokio::test]
async fn wrong_subscriptions_are_refused_and_wrong_numbers_named() {
    let shipper = Shipper::new().await;
    let path = "/track/v2/subscription/standard/package";
    let mixed = shipper.post(path, &subscription(&["1Z1234567891234556", "1Z1234567$8"])).await;
    assert_eq!(mixed.body["invalidTrackingNumbers"], json!(["1Z1234567$8"]));
    let none = shipper.post(path, &subscription(&["1Z1234567$8"])).await;
    assert_eq!((none.status, none.code()), (400, "VSS301"));
    let mut nameless = subscription(&["1Z1234567891234556"]);
    nameless["locale"].take();
    assert_eq!(shipper.post(path, &nameless).await.code(), "VSS300");
    let mut choosy = subscription(&["1Z1234567891234556"]);
    choosy["eventPreferences"] = json!(["D"]);
    assert_eq!(shipper.post(path, &choosy).await.code(), "VSS300");
    let enhanced = shipper.post("/track/v2/subscription/enhanced/package", &choosy).await;
    assert_eq!(enhanced.status, 200);
    shipper.end().await;
}

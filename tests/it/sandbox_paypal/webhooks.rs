//! Events: signed so that a stranger can check them, repeated until they are accepted.

use std::sync::{Arc, Mutex};

use aisle::sandbox::paypal::{Controls, DeliveryStatus, WebhookTarget};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Shop, settings};

const LOCK: &str = "nobody panics while holding this lock";

/// What one delivery brought.
#[derive(Clone)]
struct Delivered {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Delivered {
    fn header(&self, name: &str) -> String {
        self.headers[name].to_str().expect("headers of the sandbox are text").to_owned()
    }

    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("events are JSON")
    }
}

/// A receiver that refuses its first deliveries and keeps everything.
#[derive(Clone, Default)]
struct Receiver {
    delivered: Arc<Mutex<Vec<Delivered>>>,
    refusals: Arc<Mutex<u32>>,
}

impl Receiver {
    async fn listen(self) -> WebhookTarget {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("a bound socket has an address"));
        let router = Router::new().route("/hook", post(receive)).with_state(self);
        // The runtime ends it with the test.
        tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        WebhookTarget { url, webhook_id: "1AB23456CD789012E".to_owned() }
    }

    fn all(&self) -> Vec<Delivered> {
        self.delivered.lock().expect(LOCK).clone()
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> StatusCode {
    receiver.delivered.lock().expect(LOCK).push(Delivered { headers, body: body.to_vec() });
    let mut refusals = receiver.refusals.lock().expect(LOCK);
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

/// A shop whose events wait until they are asked for.
async fn shop_with(receiver: &Receiver, controls: Controls) -> Shop {
    let target = receiver.clone().listen().await;
    let shop = Shop::open_with(settings(Some(target), None)).await;
    shop.sandbox.set_webhook_controls(Controls { hold: true, ..controls });
    shop
}

#[tokio::test]
async fn a_delivery_verifies_against_the_root_the_name_and_the_raw_bytes() {
    let receiver = Receiver::default();
    let shop = shop_with(&receiver, Controls::default()).await;
    shop.link("anna@example.com").await;
    assert_eq!(shop.sandbox.deliver_webhooks().await, 1);
    let delivered = receiver.all().remove(0);
    assert_eq!(delivered.event()["event_type"], "VAULT.PAYMENT-TOKEN.CREATED");

    let pem =
        shop.client.get(delivered.header("paypal-cert-url")).send().await.unwrap().bytes().await.unwrap();
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let root = CertificateDer::from_pem_slice(shop.sandbox.root_certificate_pem().as_bytes()).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let leaf = webpki::EndEntityCert::try_from(&chain[0]).unwrap();
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &chain[1..],
        UnixTime::now(),
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )
    .unwrap();

    let (_, parsed) = X509Certificate::from_der(&chain[0]).unwrap();
    let name = parsed.subject().iter_common_name().next().unwrap().as_str().unwrap();
    assert!(name.starts_with("messageverificationcerts") && name.ends_with(".paypal.com"));
    let text = format!(
        "{}|{}|1AB23456CD789012E|{}",
        delivered.header("paypal-transmission-id"),
        delivered.header("paypal-transmission-time"),
        crc32fast::hash(&delivered.body)
    );
    let signature = STANDARD.decode(delivered.header("paypal-transmission-sig")).unwrap();
    let key = &parsed.public_key().subject_public_key.data;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text.as_bytes(), &signature).unwrap();
    shop.end().await;
}

#[tokio::test]
async fn the_online_check_wants_the_bytes_as_they_came() {
    let receiver = Receiver::default();
    let shop = shop_with(&receiver, Controls::default()).await;
    shop.link("anna@example.com").await;
    shop.sandbox.deliver_webhooks().await;
    let delivered = receiver.all().remove(0);
    let asked = json!({
        "auth_algo": delivered.header("paypal-auth-algo"),
        "cert_url": delivered.header("paypal-cert-url"),
        "transmission_id": delivered.header("paypal-transmission-id"),
        "transmission_sig": delivered.header("paypal-transmission-sig"),
        "transmission_time": delivered.header("paypal-transmission-time"),
        "webhook_id": "1AB23456CD789012E",
    });
    let body = String::from_utf8(delivered.body.clone()).unwrap();
    for (event, status) in [(body.clone(), "SUCCESS"), (body.replace("\":", "\": "), "FAILURE")] {
        let text = asked.to_string();
        let spliced = format!("{},\"webhook_event\":{event}}}", text.strip_suffix('}').unwrap());
        let answer = shop
            .client
            .post(format!("{}/v1/notifications/verify-webhook-signature", shop.sandbox.url()))
            .bearer_auth(&shop.token)
            .header("content-type", "application/json")
            .body(spliced)
            .send()
            .await
            .unwrap();
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["verification_status"], status);
    }
    shop.end().await;
}

#[tokio::test]
async fn events_come_doubled_lost_and_newest_first_when_asked() {
    let receiver = Receiver::default();
    let shop =
        shop_with(&receiver, Controls { drop_next: 1, duplicate_next: 1, ..Controls::default() }).await;
    let vault_id = shop.link("anna@example.com").await;
    shop.charge(&vault_id, "CAPTURE", "k1", "5.00").await;
    shop.sandbox.set_webhook_controls(Controls { hold: true, reverse: true, ..Controls::default() });
    assert_eq!(shop.sandbox.deliver_webhooks().await, 3);
    let types: Vec<String> =
        receiver.all().iter().map(|one| one.event()["event_type"].as_str().unwrap().to_owned()).collect();
    let expected = ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED", "CHECKOUT.ORDER.COMPLETED"];
    assert_eq!(types, expected);
    let events = shop.sandbox.books().events;
    assert_eq!(events[0].delivery.status, DeliveryStatus::Dropped);
    shop.end().await;
}

#[tokio::test]
async fn a_refused_event_is_sent_again_with_the_same_bytes() {
    let receiver = Receiver::default();
    *receiver.refusals.lock().unwrap() = 1;
    let shop = shop_with(&receiver, Controls::default()).await;
    shop.link("anna@example.com").await;
    assert_eq!(shop.sandbox.deliver_webhooks().await, 0);
    assert_eq!(shop.sandbox.books().events[0].delivery.last_status, Some(503));
    assert_eq!(shop.sandbox.deliver_webhooks().await, 1);
    let all = receiver.all();
    assert_eq!(all[0].body, all[1].body);
    assert_ne!(all[0].header("paypal-transmission-id"), all[1].header("paypal-transmission-id"));
    shop.end().await;
}

#[tokio::test]
async fn lost_events_are_listed_and_resent() {
    let receiver = Receiver::default();
    let shop = shop_with(&receiver, Controls { drop_next: 9, ..Controls::default() }).await;
    let vault_id = shop.link("anna@example.com").await;
    shop.charge(&vault_id, "AUTHORIZE", "k1", "5.00").await;
    let list = shop.get("/v1/notifications/webhooks-events?event_type=PAYMENT.AUTHORIZATION.CREATED").await;
    assert_eq!(list.body["count"], 1);
    let own = format!("/v1/notifications/webhooks-events/{}", list.text("/events/0/id"));
    assert_eq!(shop.get(&own).await.text("/resource/status"), "CREATED");
    assert_eq!(shop.post(&format!("{own}/resend"), "k2", &json!({})).await.status, 202);
    assert_eq!(shop.sandbox.deliver_webhooks().await, 1);
    assert_eq!(receiver.all().len(), 1);
    shop.end().await;
}

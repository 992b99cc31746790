//! Failures on order, limits, tokens that end, and the state that outlives a run.

use aisle::sandbox::ups::{AnswerFault, Fault, FaultKind, Limits, Rule, Settings};
use reqwest::Method;
use serde_json::json;

use super::{Shipper, shipment, standing_still};

const RESULTS: &str = "/ShipmentResponse/ShipmentResults";

#[tokio::test]
async fn errors_come_before_or_after_the_booking() {
    let shipper = Shipper::new().await;
    let rule = json!({"operation": "ship", "kind": "error_before", "status": 503});
    assert_eq!(shipper.control(Method::POST, "/sandbox/faults", &rule).await, 200);
    assert_eq!(shipper.ship(&shipment("AISLE-0001")).await.status, 503);
    assert!(shipper.sandbox.books().shipments.is_empty());
    shipper.sandbox.add_fault(Rule::new("ship", FaultKind::Network(Fault::ErrorAfter { status: 500 }), 1));
    assert_eq!(shipper.ship(&shipment("AISLE-0001")).await.status, 500);
    assert_eq!(shipper.sandbox.books().live_with_reference("AISLE-0001").len(), 1);
    shipper.end().await;
}

#[tokio::test]
async fn a_booking_may_come_without_label_without_charges_or_unreadable() {
    let shipper = Shipper::new().await;
    for fault in ["label_missing", "charges_missing", "garbled"] {
        let rule = json!({"operation": "ship", "kind": fault});
        assert_eq!(shipper.control(Method::POST, "/sandbox/faults", &rule).await, 200);
    }
    let bare = shipper.ship(&shipment("AISLE-0001")).await;
    assert!(bare.body.pointer(&format!("{RESULTS}/PackageResults/0/TrackingNumber")).is_some());
    assert!(bare.body.pointer(&format!("{RESULTS}/PackageResults/0/ShippingLabel")).is_none());
    let free = shipper.ship(&shipment("AISLE-0002")).await;
    assert!(free.body.pointer(&format!("{RESULTS}/ShipmentCharges")).is_none());
    shipper.end_of_garbled().await;
}

impl Shipper {
    /// The last fault of the test above can't be held against a specification: its answer is no JSON.
    async fn end_of_garbled(self) {
        crate::contract::ups::assert_kept(&self.sandbox);
        let broken = self.ship(&shipment("AISLE-0003")).await;
        assert!(broken.body.is_null(), "{broken:?}");
        assert_eq!(self.sandbox.books().live_with_reference("AISLE-0003").len(), 1);
        self.sandbox.stop().await;
    }
}

#[tokio::test]
async fn who_calls_too_often_is_turned_away_without_a_time() {
    let settings = Settings { limits: Limits { tokens: 1, others: 2 }, ..standing_still() };
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let shipper = Shipper::with(settings).await;
    assert_eq!(shipper.ask_for_token(&id, &secret).await.code(), "10429");
    shipper.book("AISLE-0001").await;
    shipper.book("AISLE-0002").await;
    let refused = shipper.ship(&shipment("AISLE-0003")).await;
    assert_eq!((refused.status, refused.code()), (429, "10429"));
    assert!(!refused.headers.contains_key("retry-after"));
    shipper.sandbox.advance_clock(60);
    shipper.book("AISLE-0003").await;
    shipper.end().await;
}

#[tokio::test]
async fn a_token_ends_by_its_time_or_at_once() {
    let settings = Settings { token_seconds: 600, ..standing_still() };
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let mut shipper = Shipper::with(settings).await;
    shipper.sandbox.advance_clock(600);
    assert_eq!(shipper.ship(&shipment("AISLE-0001")).await.code(), "250002");
    let said = shipper.ask_for_token(&id, &secret).await;
    assert_eq!(said.text("/expires_in"), "600", "a number as a text");
    said.text("/access_token").clone_into(&mut shipper.token);
    shipper.book("AISLE-0001").await;
    shipper.sandbox.revoke_tokens();
    assert_eq!(shipper.ship(&shipment("AISLE-0002")).await.status, 401);
    shipper.end().await;
}

#[tokio::test]
async fn faults_read_as_they_are_written() {
    let rules = [
        Rule::new("ship", FaultKind::Network(Fault::DelayMs { delay_ms: 5 }), 2),
        Rule::new("*", FaultKind::Answer(AnswerFault::Garbled), 1),
    ];
    for rule in rules {
        let text = serde_json::to_string(&rule).expect("JSON");
        assert_eq!(serde_json::from_str::<Rule>(&text).expect("a rule"), rule, "{text}");
    }
    assert!(serde_json::from_value::<Rule>(json!({"operation": "ship", "kind": "nonsense"})).is_err());
}

#[tokio::test]
async fn a_second_run_goes_on_where_the_first_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { state_file: Some(folder.path().join("ups.json")), ..standing_still() };
    let shipper = Shipper::with(settings.clone()).await;
    let first = shipper.book("AISLE-0001").await;
    shipper.sandbox.advance_clock(3_600);
    let then = shipper.sandbox.now();
    shipper.end().await;
    let shipper = Shipper::with(settings).await;
    assert_eq!(shipper.sandbox.now(), then);
    assert_ne!(shipper.book("AISLE-0002").await, first);
    assert_eq!(shipper.sandbox.books().shipments.len(), 2);
    shipper.end().await;
}

#[tokio::test]
async fn the_page_and_its_buttons_work_without_a_script() {
    let shipper = Shipper::new().await;
    let number = shipper.book("AISLE-0001").await;
    let page = |path: String| shipper.client.get(format!("{}{path}", shipper.sandbox.url())).send();
    let text = page("/".to_owned()).await.unwrap().text().await.unwrap();
    assert!(text.contains(&number) && text.contains("announced"));
    let button = format!("{}/sandbox/packages/{number}/events", shipper.sandbox.url());
    let pressed = shipper.client.post(button).form(&[("code", "advance")]).send().await.unwrap();
    assert!(pressed.status().is_redirection() || pressed.status().is_success());
    assert!(page("/".to_owned()).await.unwrap().text().await.unwrap().contains("picked up"));
    let label = page(format!("/sandbox/labels/{number}.gif")).await.unwrap().bytes().await.unwrap();
    assert!(label.starts_with(b"GIF87a"));
    shipper.end().await;
}

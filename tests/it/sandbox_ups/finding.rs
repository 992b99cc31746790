//! Finding a booking whose answer was lost, and taking one back.

use std::time::Duration;

use aisle::sandbox::ups::{Fault, FaultKind, Rule, Settings, Stage};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shipper, package, shipment, standing_still};

#[tokio::test]
async fn a_booking_whose_answer_was_lost_is_found_by_its_reference() {
    let shipper = Shipper::new().await;
    let lost = Rule::new("ship", FaultKind::Network(Fault::NoAnswerAfter { hold: false }), 1);
    shipper.sandbox.add_fault(lost);
    let body = shipment("AISLE-0001");
    let answer = shipper.send(Method::POST, "/shipments/v2409/ship", Some(&body)).await;
    assert!(answer.is_err(), "{answer:?}");
    let found = shipper.recover("AISLE-0001").await;
    assert_eq!(found.status, 200, "{found:?}");
    let number = found.text("/LabelRecoveryResponse/ShipmentIdentificationNumber").to_owned();
    assert_eq!(shipper.sandbox.books().shipments[0].id, number);
    let tracked = shipper.get("/track/v1/reference/details/AISLE-0001?shipperNum=A1B2C3").await;
    assert_eq!(tracked.text("/trackResponse/shipment/0/package/0/trackingNumber"), number);
    shipper.end().await;
}

#[tokio::test]
async fn what_was_never_booked_is_not_found_and_what_was_just_booked_only_later() {
    let settings = Settings { recoverable_after: Duration::from_mins(2), ..standing_still() };
    let shipper = Shipper::with(settings).await;
    assert_eq!(
        (shipper.recover("NEVER-0001").await.status, shipper.recover("NEVER-0001").await.code()),
        (400, "300022")
    );
    let reference = "/track/v1/reference/details/AISLE-0001";
    assert_eq!(shipper.get(reference).await.status, 404);
    shipper.book("AISLE-0001").await;
    assert_eq!(shipper.recover("AISLE-0001").await.code(), "300022");
    assert_eq!(shipper.get(reference).await.status, 404);
    shipper.sandbox.advance_clock(120);
    assert_eq!(shipper.recover("AISLE-0001").await.status, 200);
    assert_eq!(shipper.get(reference).await.status, 200);
    shipper.end().await;
}

#[tokio::test]
async fn a_reference_of_two_shipments_gives_candidates_and_no_label() {
    let shipper = Shipper::new().await;
    let (first, second) = (shipper.book("AISLE-0001").await, shipper.book("AISLE-0001").await);
    let said = shipper.recover("AISLE-0001").await;
    let listed = said.body.pointer("/LabelRecoveryResponse/TrackingCandidate").and_then(Value::as_array);
    let numbers: Vec<&str> =
        listed.into_iter().flatten().filter_map(|one| one["TrackingNumber"].as_str()).collect();
    assert_eq!(numbers, [first.as_str(), &second]);
    assert_eq!(shipper.void(&first).await.status, 200);
    let said = shipper.recover("AISLE-0001").await;
    assert_eq!(said.text("/LabelRecoveryResponse/ShipmentIdentificationNumber"), second);
    shipper.end().await;
}

#[tokio::test]
async fn a_void_can_be_repeated_and_is_seen_by_tracking() {
    let shipper = Shipper::new().await;
    let number = shipper.book("AISLE-0001").await;
    for text in ["Voided", "Already Voided"] {
        let said = shipper.void(&number).await;
        assert_eq!(said.text("/VoidShipmentResponse/SummaryResult/Status/Code"), "1", "{said:?}");
        let package = said.body.pointer("/VoidShipmentResponse/PackageLevelResults/0/Status");
        assert_eq!(package, Some(&json!({"Code": "1", "Description": text})));
    }
    assert!(shipper.sandbox.books().live_with_reference("AISLE-0001").is_empty());
    let tracked = shipper.track(&number).await;
    assert_eq!(tracked.text("/trackResponse/shipment/0/package/0/currentStatus/statusCode"), "007");
    assert_eq!(shipper.sandbox.advance(&number).ok(), None, "what is void goes nowhere");
    shipper.end().await;
}

#[tokio::test]
async fn what_was_scanned_or_is_too_old_can_not_be_voided() {
    let shipper = Shipper::new().await;
    let scanned = shipper.book("AISLE-0001").await;
    assert_eq!(shipper.sandbox.advance(&scanned), Ok(Stage::PickedUp));
    let old = shipper.book("AISLE-0002").await;
    shipper.sandbox.advance_clock(29 * 86_400);
    for number in [scanned.as_str(), &old, "1ZA1B2C30399999990"] {
        let said = shipper.void(number).await;
        assert_eq!((said.status, said.code()), (400, "190102"), "{number}");
    }
    assert_eq!(shipper.sandbox.books().shipments.iter().filter(|one| one.is_live()).count(), 2);
    shipper.end().await;
}

#[tokio::test]
async fn part_of_a_shipment_can_be_voided() {
    let shipper = Shipper::new().await;
    let mut body = shipment("AISLE-0001");
    body["ShipmentRequest"]["Shipment"]["Package"] =
        json!([package("9.3", "A-1"), package("5", "A-2"), package("5", "A-3")]);
    let said = shipper.ship(&body).await;
    let number = |place: usize| {
        said.text(&format!("/ShipmentResponse/ShipmentResults/PackageResults/{place}/TrackingNumber"))
            .to_owned()
    };
    let (first, second) = (number(0), number(1));
    let path = format!("/shipments/v2409/void/cancel/{first}");
    let part = shipper.delete(&format!("{path}?trackingnumber=[\"{second}\"]")).await;
    assert_eq!(part.text("/VoidShipmentResponse/PackageLevelResults/0/TrackingNumber"), second);
    shipper.sandbox.advance(&first).expect("a scan");
    let rest = shipper.delete(&path).await;
    assert_eq!(rest.text("/VoidShipmentResponse/SummaryResult/Status/Code"), "2", "{rest:?}");
    let codes: Vec<&Value> = (0..3)
        .filter_map(|place| {
            rest.body.pointer(&format!("/VoidShipmentResponse/PackageLevelResults/{place}/Status/Code"))
        })
        .collect();
    assert_eq!(codes, ["0", "1", "1"]);
    let stranger = shipper.delete(&format!("{path}?trackingnumber=1ZA1B2C30399999990")).await;
    assert_eq!(stranger.code(), "190100");
    shipper.end().await;
}

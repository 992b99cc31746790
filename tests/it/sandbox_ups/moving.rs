//! Packages that move: told step by step, by their timetable, late and lost.

use aisle::sandbox::ups::{ControlError, Settings, Stage};
use serde_json::{Value, json};

use super::{Shipper, german_shipment, standing_still};

const PACKAGE: &str = "/trackResponse/shipment/0/package/0";

fn codes(body: &Value) -> Vec<&str> {
    let activities = body.pointer(&format!("{PACKAGE}/activity")).and_then(Value::as_array);
    activities.into_iter().flatten().filter_map(|one| one["status"]["statusCode"].as_str()).collect()
}

#[tokio::test]
async fn a_smooth_delivery_is_told_newest_first_in_local_time_and_in_utc() {
    let shipper = Shipper::new().await;
    let number = shipper.book("AISLE-0001").await;
    for stage in [Stage::PickedUp, Stage::InTransit, Stage::OutForDelivery, Stage::Delivered] {
        shipper.sandbox.advance_clock(3_600);
        assert_eq!(shipper.sandbox.advance(&number), Ok(stage));
    }
    assert_eq!(shipper.sandbox.advance(&number), Err(ControlError::EndOfTravel));
    let said = shipper.track(&number).await;
    assert_eq!(codes(&said.body), ["011", "021", "005", "038", "003"]);
    assert_eq!(said.text(&format!("{PACKAGE}/currentStatus/type")), "D");
    assert_eq!(said.text(&format!("{PACKAGE}/deliveryDate/0/type")), "DEL");
    let newest = said.body.pointer(&format!("{PACKAGE}/activity/0")).expect("an activity");
    let moment =
        ["date", "time", "gmtDate", "gmtTime", "gmtOffset"].map(|name| newest[name].as_str().unwrap());
    assert_eq!(moment, ["20261123", "130000", "20261123", "18:00:00", "-05:00"]);
    shipper.end().await;
}

#[tokio::test]
async fn a_timetable_is_followed_as_the_clock_runs() {
    let shipper = Shipper::with(Settings { travels: true, ..standing_still() }).await;
    let number = shipper.book("AISLE-0001").await;
    let led = shipper.book("AISLE-0002").await;
    shipper.sandbox.record_event(&led, "lost", 0).expect("an event");
    shipper.sandbox.advance_clock(13 * 3_600);
    assert_eq!(codes(&shipper.track(&number).await.body), ["005", "038", "003"]);
    shipper.sandbox.advance_clock(24 * 3_600);
    assert_eq!(codes(&shipper.track(&number).await.body), ["011", "021", "010", "005", "038", "003"]);
    assert_eq!(codes(&shipper.track(&led).await.body), ["149", "003"], "who is led follows no timetable");
    shipper.end().await;
}

#[tokio::test]
async fn a_late_scan_changes_the_history_and_not_the_status() {
    let shipper = Shipper::new().await;
    let number = shipper.book("AISLE-0001").await;
    shipper.sandbox.advance_clock(8 * 3_600);
    shipper.sandbox.record_event(&number, "011", 0).expect("an event");
    assert_eq!(shipper.sandbox.record_event(&number, "021", 3_600), Ok(Stage::Delivered));
    assert_eq!(codes(&shipper.track(&number).await.body), ["011", "021", "003"]);
    shipper.end().await;
}

#[tokio::test]
async fn travels_that_go_wrong_end_as_they_do_at_ups() {
    let shipper = Shipper::new().await;
    for (code, stage, newest) in [
        ("age_check_failed", Stage::FailedAttempt, "061"),
        ("refused", Stage::FailedAttempt, "064"),
        ("at_access_point", Stage::AtPickupPoint, "040"),
        ("return_started", Stage::Returning, "035"),
        ("return_to_sender", Stage::Returned, "034"),
        ("lost", Stage::Lost, "149"),
        ("069", Stage::Exception, "069"),
    ] {
        let number = shipper.book("AISLE-0001").await;
        assert_eq!(shipper.sandbox.record_event(&number, code, 0), Ok(stage));
        assert_eq!(codes(&shipper.track(&number).await.body)[0], newest);
    }
    assert_eq!(shipper.sandbox.record_event("1Z", "lost", 0), Err(ControlError::UnknownPackage));
    let number = shipper.book("AISLE-0001").await;
    assert_eq!(shipper.sandbox.record_event(&number, "999", 0), Err(ControlError::UnknownCode));
    shipper.end().await;
}

#[tokio::test]
async fn an_unknown_number_has_a_warning_in_the_place_of_its_package() {
    let shipper = Shipper::new().await;
    let said = shipper.track("1ZA1B2C30399999990").await;
    assert_eq!((said.status, said.text("/trackResponse/shipment/0/warnings/0/code")), (200, "TW0001"));
    assert_eq!(shipper.track("9999999999").await.status, 404);
    assert_eq!(shipper.track("12345").await.status, 400);
    shipper.end().await;
}

#[tokio::test]
async fn a_shipment_is_tracked_with_all_its_packages_page_by_page() {
    let shipper = Shipper::new().await;
    let mut body = german_shipment("AISLE-0001");
    let package = body["ShipmentRequest"]["Shipment"]["Package"][0].clone();
    body["ShipmentRequest"]["Shipment"]["Package"] = json!([package, package, package]);
    let said = shipper.ship(&body).await;
    let number = said.text("/ShipmentResponse/ShipmentResults/ShipmentIdentificationNumber");
    let path = format!("/track/v1/shipment/details/{number}");
    let count = |body: &Value| body["trackResponse"]["shipment"][0]["package"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&shipper.get(&path).await.body), 3);
    assert_eq!(count(&shipper.get(&format!("{path}?offset=1&count=1")).await.body), 1);
    let by_reference = shipper.get("/track/v1/reference/details/AISLE-0001").await;
    assert_eq!(count(&by_reference.body), 3, "a reference of the shipment is one of each package");
    shipper.end().await;
}

//! What Track And Trace shows, late, doubled and out of order too.

use std::time::Duration;

use aisle::sandbox::gls::{Oddities, Settings, Status};
use reqwest::Method;
use serde_json::Value;

use super::{Shipper, answer, standing_still};

/// The codes of the events of the first parcel of an answer.
fn codes(tracked: &Value) -> Vec<&str> {
    tracked["parcels"][0]["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["code"].as_str())
        .collect()
}

#[tokio::test]
async fn events_come_newest_first_and_an_unknown_parcel_is_an_error_inside_a_200() {
    let shipper = Shipper::new().await;
    let (track_id, number) = shipper.book("AISLE-1").await;
    for expected in
        [Status::InTransit, Status::InTransit, Status::InTransit, Status::InDelivery, Status::Delivered]
    {
        shipper.sandbox.advance_seconds(1_800).unwrap();
        assert_eq!(shipper.sandbox.record_event(&number, "advance").unwrap(), expected);
    }
    assert!(shipper.sandbox.record_event(&number, "advance").is_err());
    let tracked =
        shipper.track(&format!("/simple/trackids/{number},00000000000,{track_id}")).await.expect(200);
    assert_eq!(tracked.text("/parcels/0/status"), "DELIVERED");
    assert_eq!(tracked.text("/parcels/0/statusDateTime"), "2026-11-23T12:30:00+0100");
    assert_eq!(codes(&tracked.json)[0], "DELIVD.NORMAL");
    assert_eq!(codes(&tracked.json)[5], "INTIAL.PREADVICE");
    assert_eq!(tracked.text("/parcels/1/errorCode"), "E_404_01");
    assert_eq!(tracked.text("/parcels/2/unitno"), number);
    let ours = shipper.track("/simple/references/AISLE-1").await.expect(200);
    assert_eq!(ours.text("/parcels/0/errorCode"), "E_404_01", "a shipper's reference is none of GLS's");
    shipper.end().await;
}

#[tokio::test]
async fn every_status_has_its_published_test_parcel() {
    let shipper = Shipper::new().await;
    let numbers: Vec<String> = (1..=12).map(|place| format!("QAS_{place:07}")).collect();
    let mut statuses = Vec::new();
    for some in numbers.chunks(10) {
        let tracked = shipper.track(&format!("/simple/trackids/{}", some.join(","))).await.expect(200);
        let parcels = tracked.json["parcels"].as_array().unwrap();
        statuses.extend(parcels.iter().map(|parcel| parcel["status"].as_str().unwrap().to_owned()));
    }
    let expected = [
        "PLANNEDPICKUP",
        "INPICKUP",
        "NOTPICKEDUP",
        "PREADVICE",
        "INTRANSIT",
        "INDELIVERY",
        "DELIVEREDPS",
        "DELIVERED",
        "INWAREHOUSE",
        "NOTDELIVERED",
        "CANCELED",
        "FINAL",
    ];
    assert_eq!(statuses, expected);
    let too_many = shipper.track(&format!("/simple/trackids/{}", numbers.join(","))).await.expect(400);
    assert!(too_many.text("/detail").contains("'12'"), "{}", too_many.json);
    let odd = shipper.track("/simple/trackids/QAS_0000001?showLinks=xyz").await.expect(400);
    assert_eq!(odd.text("/detail"), "Failed to convert 'showLinks' with value: 'xyz'");
    shipper.end().await;
}

#[tokio::test]
async fn a_parcel_in_a_shop_is_not_with_the_consignee_yet() {
    let shipper = Shipper::new().await;
    let (_, number) = shipper.book("AISLE-1").await;
    let info = |postcode: &'static str| {
        let path = format!("/deliveryinfo/parcelid/{number}?originaldestinationpostalcode={postcode}");
        let shipper = &shipper;
        async move { shipper.track(&path).await.expect(200) }
    };
    assert_eq!(info("53113").await.text("/errorCode"), "E_404_02");
    assert_eq!(shipper.sandbox.record_event(&number, "to_parcel_shop").unwrap(), Status::DeliveredPs);
    let tracked = shipper
        .track(&format!("/simple/trackids/{number}?showLinks=true&showEvents=false"))
        .await
        .expect(200);
    assert!(tracked.text("/parcels/0/_links/deliveryInfo/href").contains(&number));
    assert!(tracked.json["parcels"][0]["events"].is_null());
    assert_eq!(info("53113").await.text("/parcelshopDelivery/parcelshopId"), "2760188645");
    assert_eq!(info("10115").await.text("/errorCode"), "E_400_03");
    shipper.track(&format!("/deliveryinfo/parcelid/{number}")).await.expect(400);
    assert_eq!(shipper.sandbox.record_event(&number, "advance").unwrap(), Status::Delivered);
    shipper.end().await;
}

#[tokio::test]
async fn tracking_can_be_late_doubled_and_out_of_order() {
    let shipper = Shipper::new().await;
    let (_, number) = shipper.book("AISLE-1").await;
    let path = format!("/simple/trackids/{number}");
    shipper.sandbox.set_oddities(Oddities { late_seconds: 600, ..Oddities::default() }).unwrap();
    assert_eq!(shipper.track(&path).await.expect(200).text("/parcels/0/errorCode"), "E_404_01");
    shipper.sandbox.advance_seconds(600).unwrap();
    shipper.sandbox.record_event(&number, "advance").unwrap();
    assert_eq!(shipper.track(&path).await.expect(200).text("/parcels/0/status"), "PREADVICE");
    shipper.sandbox.advance_seconds(600).unwrap();
    shipper.sandbox.record_event(&number, "advance").unwrap();
    shipper.sandbox.set_oddities(Oddities { doubled: true, ..Oddities::default() }).unwrap();
    let doubled = shipper.track(&path).await.expect(200);
    let (once, twice) = ("OUTBOD.NORMAL", "INTIAL.NORMAL");
    assert_eq!(codes(&doubled.json)[..4], [once, once, twice, twice]);
    shipper.sandbox.set_oddities(Oddities { shuffled: true, ..Oddities::default() }).unwrap();
    let shuffled = shipper.track(&path).await.expect(200);
    assert_eq!(codes(&shuffled.json), ["INTIAL.NORMAL", "OUTBOD.NORMAL", "INTIAL.PREADVICE"]);
    shipper.end().await;
}

#[tokio::test]
async fn a_returned_parcel_says_so_by_its_events_alone_and_a_history_is_closed_in_the_end() {
    let shipper = Shipper::new().await;
    let (_, number) = shipper.book("AISLE-1").await;
    for code in ["advance", "identity_failed", "return_started", "advance"] {
        shipper.sandbox.record_event(&number, code).unwrap();
    }
    let path = format!("/simple/trackids/{number}");
    let tracked = shipper.track(&path).await.expect(200);
    assert_eq!(tracked.text("/parcels/0/status"), "DELIVERED");
    assert_eq!(codes(&tracked.json)[..3], ["RETURN.DELIVERED", "RETURN.NORMAL", "NOTDEL.IDENT"]);
    shipper.sandbox.advance_seconds(30 * 86_400).unwrap();
    // The token is four hours old by far.
    let expired = shipper.track(&path).await.expect(401);
    assert_eq!(expired.text("/fault/detail/errorcode"), "steps.jwt.TokenExpired");
    let token = shipper.ask_for_token().await.expect(200).text("/access_token").to_owned();
    let request =
        shipper.request(Method::GET, &format!("/track-and-trace-v1/tracking{path}")).bearer_auth(token);
    let tracked = answer(request.header("accept-language", "DE")).await.expect(200);
    assert_eq!(tracked.text("/parcels/0/status"), "FINAL");
    assert_eq!(codes(&tracked.json)[0], "RETURN.DELIVERED");
    assert!(tracked.text("/parcels/0/events/0/description").contains("Absender"));
    shipper.end().await;
}

#[tokio::test]
async fn parcels_move_along_by_themselves_once_their_day_has_ended() {
    let settings = Settings { moves_every: Some(Duration::from_mins(1)), ..standing_still() };
    let shipper = Shipper::with(settings).await;
    shipper.book("AISLE-1").await;
    shipper.sandbox.advance_seconds(3_600).unwrap();
    let status = || shipper.sandbox.books().parcels[0].status();
    assert_eq!(status(), Status::PreAdvice);
    shipper.ask(Method::POST, "/shipments/endofday").await.expect(200);
    shipper.sandbox.advance_seconds(60).unwrap();
    assert_eq!(status(), Status::InTransit);
    shipper.sandbox.advance_seconds(180).unwrap();
    assert_eq!(status(), Status::InDelivery);
    shipper.sandbox.advance_seconds(60).unwrap();
    assert_eq!(status(), Status::Delivered);
    shipper.end().await;
}

#[tokio::test]
async fn a_day_ends_by_itself_after_four_days() {
    let shipper = Shipper::new().await;
    shipper.book("AISLE-1").await;
    let closed = || shipper.sandbox.books().parcels[0].closed_at.is_some();
    shipper.sandbox.advance_seconds(4 * 86_400 - 1).unwrap();
    assert!(!closed());
    shipper.sandbox.advance_seconds(1).unwrap();
    assert!(closed());
    shipper.end().await;
}

//! Couriers on their way, the check of an age at the door, and goods that come back.

use std::time::Duration;

use aisle::sandbox::uber::{Settings, Status};
use chrono::Duration as Span;
use serde_json::json;

use super::{Shop, delivery, for_adults, refused, standing_still, start_of_time};

#[tokio::test]
async fn a_delivery_goes_through_its_statuses_and_its_courier_is_seen_meanwhile() {
    let shop = Shop::new().await;
    let id = shop.deliver(&for_adults("AISLE-1")).await.expect(200).text("/id").to_owned();
    let path = format!("/deliveries/{id}");
    for status in ["pickup", "pickup_complete", "dropoff"] {
        shop.ride(&id, 1);
        let got = shop.get(&path).await.expect(200);
        assert_eq!(got.text("/status"), status);
        assert_eq!(got.text("/courier/vehicle_type"), "bicycle");
        assert_eq!(got.json["complete"], false);
    }
    shop.ride(&id, 1);
    let got = shop.get(&path).await.expect(200);
    assert_eq!(got.json["complete"], true);
    assert_eq!(got.json["dropoff"]["verification"]["identification"]["min_age_verified"], true);
    assert!(shop.sandbox.happen(&id, "advance").is_err());
    assert!(shop.sandbox.happen(&id, "age_check_failed").is_err());
    shop.end().await;
}

#[tokio::test]
async fn an_age_that_is_not_proven_brings_the_goods_back_as_a_second_delivery() {
    let shop = Shop::new().await;
    let id = shop.deliver(&for_adults("AISLE-1")).await.expect(200).text("/id").to_owned();
    shop.ride(&id, 3);
    assert_eq!(shop.sandbox.happen(&id, "age_check_failed").unwrap(), Status::Dropoff);
    let path = format!("/deliveries/{id}");
    let failed = shop.get(&path).await.expect(200);
    assert_eq!(failed.text("/undeliverable_reason"), "AGE_VERIFICATION_FAILED");
    assert_eq!(failed.text("/dropoff/status"), "failed");
    assert_eq!(failed.json["dropoff"]["verification"]["identification"]["min_age_verified"], false);
    assert_eq!(failed.text("/related_deliveries/0/relationship"), "return");
    let back = failed.text("/related_deliveries/0/id").to_owned();
    assert!(back.starts_with("ret_"), "{back}");
    let on_its_way = shop.get(&format!("/deliveries/{back}")).await.expect(200);
    assert_eq!(on_its_way.text("/related_deliveries/0/id"), id);
    assert!(shop.sandbox.happen(&id, "advance").is_err(), "it is the way back that goes on");
    refused(shop.cancel(&id).await, 400, "noncancelable_delivery");
    shop.ride(&back, 1);
    for id in [&id, &back] {
        let returned = shop.get(&format!("/deliveries/{id}")).await.expect(200);
        assert_eq!(
            (returned.text("/status"), returned.text("/undeliverable_action")),
            ("returned", "returned")
        );
    }
    assert_eq!(
        shop.sandbox.books().live_with_reference("AISLE-1").len(),
        1,
        "a way back is no second parcel"
    );
    shop.end().await;
}

#[tokio::test]
async fn what_nobody_takes_is_left_or_thrown_away_when_that_was_asked_for() {
    let shop = Shop::new().await;
    for (reference, action, status) in
        [("AISLE-1", "leave_at_door", Status::Delivered), ("AISLE-2", "discard", Status::Canceled)]
    {
        let mut body = delivery(reference);
        body["undeliverable_action"] = json!(action);
        let id = shop.deliver(&body).await.expect(200).text("/id").to_owned();
        shop.ride(&id, 3);
        assert_eq!(shop.sandbox.happen(&id, "nobody_there").unwrap(), status);
    }
    let none = shop.book("AISLE-3").await;
    assert_eq!(shop.sandbox.happen(&none, "no_courier").unwrap(), Status::Canceled);
    let lost = shop.book("AISLE-4").await;
    shop.ride(&lost, 2);
    assert_eq!(shop.sandbox.happen(&lost, "lost").unwrap(), Status::Canceled);
    let got = shop.get(&format!("/deliveries/{lost}")).await.expect(200);
    assert_eq!(got.text("/cancelation_reason/primary_reason"), "COURIER_LOST_ITEMS");
    shop.end().await;
}

#[tokio::test]
async fn a_robot_courier_keeps_its_pace_or_the_times_it_was_given() {
    let shop = Shop::new().await;
    let at = |minutes: i64| json!((start_of_time() + Span::minutes(minutes)).to_rfc3339());
    let robot = |reference: &str, specification: serde_json::Value| {
        let mut body = delivery(reference);
        body["test_specifications"] = json!({ "robo_courier_specification": specification });
        body
    };
    shop.deliver(&robot("AISLE-1", json!({ "mode": "auto" }))).await.expect(200);
    let custom = json!({
        "mode": "custom", "enroute_for_pickup_at": at(1), "pickup_at": at(2), "dropoff_imminent_at": at(30), "dropoff_at": at(31),
    });
    shop.deliver(&robot("AISLE-2", custom)).await.expect(200);
    let statuses = || {
        let books = shop.sandbox.books();
        (books.deliveries[0].status, books.deliveries[1].status)
    };
    assert_eq!(statuses(), (Status::Pending, Status::Pending));
    shop.sandbox.advance_seconds(300).unwrap();
    assert_eq!(statuses(), (Status::Pickup, Status::PickupComplete));
    shop.sandbox.advance_seconds(900).unwrap();
    assert_eq!(statuses(), (Status::Delivered, Status::PickupComplete));
    shop.sandbox.advance_seconds(660).unwrap();
    assert_eq!(statuses(), (Status::Delivered, Status::Delivered));
    shop.end().await;
}

#[tokio::test]
async fn couriers_move_by_themselves_when_they_are_told_to_and_goods_come_back_too() {
    let settings = Settings { moves_every: Some(Duration::from_mins(1)), ..standing_still() };
    let shop = Shop::with(settings).await;
    let id = shop.deliver(&for_adults("AISLE-1")).await.expect(200).text("/id").to_owned();
    shop.sandbox.advance_seconds(180).unwrap();
    assert_eq!(shop.sandbox.books().deliveries[0].status, Status::Dropoff);
    shop.sandbox.happen(&id, "age_check_failed").unwrap();
    shop.sandbox.advance_seconds(59).unwrap();
    assert_eq!(shop.sandbox.books().deliveries[0].status, Status::Dropoff);
    shop.sandbox.advance_seconds(1).unwrap();
    assert_eq!(shop.sandbox.books().deliveries[0].status, Status::Returned);
    shop.end().await;
}

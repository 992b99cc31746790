//! Quotes and deliveries: what is booked, repeated, refused, changed and called off.

use aisle::sandbox::uber::{Oddities, Status};
use serde_json::{Value, json};

use super::{Shop, address, delivery, for_adults, quote, refused};

#[tokio::test]
async fn a_key_that_is_sent_again_within_the_hour_names_the_delivery_that_is_there() {
    let shop = Shop::new().await;
    let id = shop.book("AISLE-1").await;
    let again = refused(shop.deliver(&delivery("AISLE-1")).await, 409, "duplicate_delivery");
    assert_eq!(again.text("/metadata/delivery_id"), id);
    let mut other_key = delivery("AISLE-1");
    other_key["idempotency_key"] = json!("AISLE-1b");
    other_key["external_id"] = json!("order 7");
    let second = shop.deliver(&other_key).await.expect(200).text("/id").to_owned();
    other_key["idempotency_key"] = json!("AISLE-1c");
    let again = refused(shop.deliver(&other_key).await, 409, "duplicate_delivery");
    assert_eq!(again.text("/metadata/delivery_id"), second, "by reference and external id");
    shop.sandbox.advance_seconds(3_600).unwrap();
    let third = shop.book("AISLE-1").await;
    assert_ne!(third, id, "the key is forgotten after an hour");
    assert_eq!(shop.sandbox.books().live_with_reference("AISLE-1").len(), 3);
    shop.end().await;
}

#[tokio::test]
async fn a_quote_is_used_once_within_its_fifteen_minutes_and_for_what_it_was_asked() {
    let shop = Shop::new().await;
    let quoted = shop.post("/delivery_quotes", &quote()).await.expect(200).text("/id").to_owned();
    let with_quote = |reference: &str, quote_id: &str| {
        let mut body = delivery(reference);
        body["quote_id"] = json!(quote_id);
        body
    };
    let mut elsewhere = with_quote("AISLE-0", &quoted);
    elsewhere["dropoff_address"] = address("1 Broadway", "10004");
    refused(shop.deliver(&elsewhere).await, 400, "mismatched_price_quote");
    let mut other_store = with_quote("AISLE-0", &quoted);
    other_store["external_store_id"] = json!("12");
    refused(shop.deliver(&other_store).await, 400, "mismatched_price_quote");
    refused(shop.deliver(&with_quote("AISLE-0", "dqt_nothing")).await, 400, "mismatched_price_quote");
    shop.deliver(&with_quote("AISLE-1", &quoted)).await.expect(200);
    refused(shop.deliver(&with_quote("AISLE-1", &quoted)).await, 409, "duplicate_delivery");
    refused(shop.deliver(&with_quote("AISLE-2", &quoted)).await, 400, "used_quote");
    let quoted = shop.post("/delivery_quotes", &quote()).await.expect(200).text("/id").to_owned();
    shop.sandbox.advance_seconds(900).unwrap();
    refused(shop.deliver(&with_quote("AISLE-3", &quoted)).await, 400, "expired_quote");
    assert_eq!(shop.sandbox.books().deliveries.len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn where_nobody_rides_is_said_before_anything_is_booked() {
    let shop = Shop::new().await;
    let to = |zip_code: &str| {
        let mut body = quote();
        body["dropoff_address"] = address("1 Main St", zip_code);
        body
    };
    refused(shop.post("/delivery_quotes", &to("94103")).await, 400, "address_undeliverable");
    refused(shop.post("/delivery_quotes", &to("00501")).await, 400, "unknown_location");
    for (oddities, status, code) in [
        (Oddities { couriers_busy: 1, ..Oddities::default() }, 503, "couriers_busy"),
        (
            Oddities { limited_couriers: 1, ..Oddities::default() },
            400,
            "address_undeliverable_limited_couriers",
        ),
        (Oddities { suspended: true, ..Oddities::default() }, 402, "customer_suspended"),
        (Oddities { blocked: true, ..Oddities::default() }, 403, "customer_blocked"),
    ] {
        shop.sandbox.set_oddities(oddities).unwrap();
        refused(shop.deliver(&delivery("AISLE-1")).await, status, code);
    }
    assert!(shop.sandbox.books().deliveries.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_wrong_field_is_refused_by_name() {
    let shop = Shop::new().await;
    let wrong: [(&str, Value, &str); 14] = [
        ("/pickup_name", Value::Null, "pickup_name"),
        ("/manifest_items", json!([]), "manifest_items"),
        ("/manifest_items/0/quantity", json!(0), "manifest_items[0].quantity"),
        ("/manifest_items/0/size", json!("huge"), "manifest_items[0].size"),
        ("/manifest_items/0/weight", json!("4200"), "manifest_items[0].weight"),
        ("/dropoff_phone_number", json!("0228 1234"), "dropoff_phone_number"),
        ("/dropoff_address", json!("30 Lincoln Center Plaza"), "dropoff_address"),
        (
            "/dropoff_address",
            json!("{\"street_address\":[\"1\"],\"city\":\"X\",\"zip_code\":\"10001\"}"),
            "dropoff_address",
        ),
        ("/dropoff_notes", json!("x".repeat(281)), "dropoff_notes"),
        ("/undeliverable_action", json!("leave_at_door"), "undeliverable_action"),
        ("/deliverable_action", json!("deliverable_action_leave_at_door"), "deliverable_action"),
        ("/tip", json!(-1), "tip"),
        ("/pickup_ready_dt", json!("soon"), "pickup_ready_dt"),
        ("/dropof_notes", json!("misspelt"), "dropof_notes"),
    ];
    for (pointer, value, name) in wrong {
        let mut body = for_adults("AISLE-1");
        match body.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => body[&pointer[1..]] = value.clone(),
        }
        let answer = refused(shop.deliver(&body).await, 400, "invalid_params");
        assert!(answer.json["metadata"][name].is_string(), "{pointer} {value}: {}", answer.json);
    }
    assert!(shop.sandbox.books().deliveries.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn the_four_moments_keep_their_distances() {
    let shop = Shop::new().await;
    let at = |minutes: i64| json!((super::start_of_time() + chrono::Duration::minutes(minutes)).to_rfc3339());
    let windows: [(&[(&str, i64)], &str); 7] = [
        (&[("pickup_ready_dt", -5)], "pickup_ready_too_early"),
        (&[("pickup_ready_dt", 31 * 1_440)], "pickup_ready_too_late"),
        (&[("pickup_deadline_dt", 15)], "pickup_deadline_too_early"),
        (&[("pickup_ready_dt", 30), ("pickup_deadline_dt", 35)], "pickup_window_too_small"),
        (&[("pickup_deadline_dt", 30), ("dropoff_ready_dt", 31)], "dropoff_ready_after_pickup_deadline"),
        (&[("dropoff_ready_dt", 20), ("dropoff_deadline_dt", 35)], "dropoff_deadline_too_early"),
        (
            &[("pickup_deadline_dt", 60), ("dropoff_deadline_dt", 50)],
            "dropoff_deadline_before_pickup_deadline",
        ),
    ];
    for (moments, code) in windows {
        let mut body = quote();
        for (name, minutes) in moments {
            body[*name] = at(*minutes);
        }
        refused(shop.post("/delivery_quotes", &body).await, 400, code);
    }
    shop.end().await;
}

#[tokio::test]
async fn a_delivery_is_called_off_until_the_courier_has_the_goods() {
    let shop = Shop::new().await;
    let first = shop.book("AISLE-1").await;
    shop.ride(&first, 1);
    assert_eq!(shop.cancel(&first).await.expect(200).text("/status"), "canceled");
    refused(shop.cancel(&first).await, 400, "noncancelable_delivery");
    let second = shop.book("AISLE-2").await;
    shop.ride(&second, 2);
    refused(shop.cancel(&second).await, 400, "noncancelable_delivery");
    assert_eq!(shop.sandbox.books().deliveries[1].status, Status::PickupComplete);
    shop.end().await;
}

#[tokio::test]
async fn a_tip_is_given_once_and_is_in_the_fee() {
    let shop = Shop::new().await;
    let id = shop.book("AISLE-1").await;
    let path = format!("/deliveries/{id}");
    let tip = |amount: i64| json!({ "tip_by_customer": amount });
    refused(shop.post(&path, &tip(0)).await, 400, "no_tip");
    refused(shop.post(&path, &tip(10_001)).await, 400, "max_tip_exceeded");
    shop.ride(&id, 4);
    assert_eq!(shop.post(&path, &tip(200)).await.expect(200).number("/fee"), 999);
    refused(shop.post(&path, &tip(300)).await, 400, "tip_already_recorded_error");
    refused(shop.post(&path, &json!({ "dropoff_notes": "late" })).await, 400, "invalid_params");
    let other = shop.book("AISLE-2").await;
    shop.cancel(&other).await.expect(200);
    refused(shop.post(&format!("/deliveries/{other}"), &tip(200)).await, 400, "invalid_tipping_state");
    shop.end().await;
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_in_pages() {
    let shop = Shop::new().await;
    for place in 1..=5 {
        shop.book(&format!("AISLE-{place}")).await;
    }
    let first = shop.get("/deliveries?limit=2").await.expect(200);
    assert_eq!(first.text("/data/0/manifest/reference"), "AISLE-5");
    let next = first.text("/next_href").split_once("/deliveries").unwrap().1.to_owned();
    let second = shop.get(&format!("/deliveries{next}")).await.expect(200);
    assert_eq!(second.text("/data/0/manifest/reference"), "AISLE-3");
    assert_eq!(
        shop.get("/deliveries?filter=ongoing").await.expect(200).json["data"].as_array().unwrap().len(),
        5
    );
    assert_eq!(shop.get("/deliveries?filter=returned").await.expect(200).json["data"], json!([]));
    refused(shop.get("/deliveries?filter=lost").await, 400, "invalid_params");
    shop.end().await;
}

//! Drivers that are ordered: what is taken, listed, taken back, and refused.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Caller, answer};
use crate::{contract::dhl::assert_kept, support::Answer};

/// A caller of the pickup service, which takes a token alone.
async fn pickup(caller: &Caller, method: Method, path: &str, body: Option<Value>) -> Answer {
    let token = caller.token(&caller.settings.password).await.expect(200);
    let path = format!("/parcel/de/transportation/pickup/v3{path}");
    let request = caller.request(method, &path).bearer_auth(token.text("/access_token"));
    answer(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn driver(day: &str) -> Value {
    json!({
        "customerDetails": {"billingNumber": "33333333330102"},
        "pickupLocation": {"type": "Address", "pickupAddress": {
            "name1": "Markt Bonn", "addressStreet": "Sträßchensweg", "addressHouse": "10", "postalCode": "53113",
            "city": "Bonn", "country": "DE",
        }},
        "businessHours": [{"timeFrom": "09:00", "timeUntil": "12:00"}],
        "contactPerson": [{"name": "Max Mustermann", "phone": "0228 1"}],
        "pickupDetails": {"pickupDate": {"type": "Date", "value": day}},
        "shipmentDetails": {"shipments": [{"transportationType": "PAKET", "customerReference": "PICKUP-1"}]},
    })
}

#[tokio::test]
async fn a_driver_is_ordered_listed_and_taken_back_until_the_tour_begins() {
    let caller = Caller::new().await;
    let rehearsed =
        pickup(&caller, Method::POST, "/orders?validate=true", Some(driver("2026-11-24"))).await.expect(200);
    assert_eq!(rehearsed.text("/confirmation/type"), "VALIDATION");
    assert!(caller.sandbox.books().pickups.is_empty());
    let ordered = pickup(&caller, Method::POST, "/orders", Some(driver("2026-11-24"))).await.expect(200);
    let id = ordered.text("/confirmation/value/orderID").to_owned();
    assert_eq!(ordered.text("/confirmation/value/pickupType"), "BDA");
    let mut soon = driver("");
    soon["pickupDetails"]["pickupDate"] = json!({"type": "ASAP"});
    soon["shipmentDetails"]["shipments"][0]["transportationType"] = json!("PALETTEN");
    let soon = pickup(&caller, Method::POST, "/orders", Some(soon)).await.expect(200);
    let value = &soon.json["confirmation"]["value"];
    assert_eq!(
        (&value["pickupDate"], &value["pickupType"], &value["freeOfCharge"]),
        (&json!("2026-11-23"), &json!("EMA"), &json!(false))
    );
    let listed =
        pickup(&caller, Method::GET, "/orders?pickupDate=2026-11-24&pickupCity=Bonn", None).await.expect(200);
    assert_eq!(listed.json.as_array().map(Vec::len), Some(1));
    assert_eq!(listed.text("/0/orderDetails/orderState"), "ANGENOMMEN");
    assert_eq!(listed.text("/0/shipmentDetails/shipments/0/shipment/customerReference"), "PICKUP-1");
    let places = pickup(&caller, Method::GET, "/locations?postalCode=53113", None).await.expect(200);
    assert_eq!(places.json.as_array().map(Vec::len), Some(1));
    let place = places.text("/0/id").to_owned();
    let mut known = driver("2026-11-25");
    known["pickupLocation"] = json!({"type": "Id", "asId": place});
    pickup(&caller, Method::POST, "/orders", Some(known)).await.expect(200);

    let unknown = "0".repeat(32);
    let path = format!("/orders?orderID={id}&orderID={unknown}");
    let gone = pickup(&caller, Method::DELETE, &path, None).await.expect(200);
    assert_eq!(gone.text("/confirmedCancellations/0/orderState"), "STORNIERT");
    assert_eq!(gone.text("/failedCancellations/0/orderID"), unknown);
    let again = pickup(&caller, Method::DELETE, &format!("/orders?orderID={id}"), None).await.expect(200);
    assert_eq!(again.text("/failedCancellations/0/orderState"), "STORNIERT");
    let underway = value["orderID"].as_str().expect("an id");
    for (hours, state) in [(4, "IN_DURCHFUEHRUNG"), (5, "ABGEHOLT")] {
        caller.sandbox.advance_clock(hours * 3_600).expect("the clock moves");
        let path = format!("/orders?orderID={underway}");
        let seen = pickup(&caller, Method::GET, &path, None).await.expect(200);
        assert_eq!(seen.text("/0/orderDetails/orderState"), state);
        let kept = pickup(&caller, Method::DELETE, &path, None).await.expect(200);
        assert_eq!(kept.text("/failedCancellations/0/orderState"), state);
    }
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn an_order_of_a_driver_is_refused_with_all_that_is_wrong_with_it() {
    let caller = Caller::new().await;
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut order = driver("2026-11-24");
        change(&mut order);
        let said = pickup(&caller, Method::POST, "/orders", Some(order)).await.expect(422);
        said.json
            .as_array()
            .expect("a list")
            .iter()
            .map(|each| each["instance"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let wrong = refused(&|order| {
        order["customerDetails"]["billingNumber"] = json!("22222222220102");
        order["pickupLocation"]["pickupAddress"]["postalCode"] = json!("531");
        order["shipmentDetails"]["shipments"][0]["transportationType"] = json!("BRIEF");
        order["businessHours"][0]["timeUntil"] = json!("08:00");
    })
    .await;
    assert_eq!(
        wrong,
        [
            "customerDetails.billingNumber",
            "pickupLocation.pickupAddress.postalCode",
            "businessHours[0]",
            "shipmentDetails.shipments[0].transportationType",
        ]
    );
    // The day before, Sunday, and far ahead.
    for day in ["2026-11-22", "2026-11-29", "2026-12-24"] {
        let wrong = refused(&|order| order["pickupDetails"]["pickupDate"]["value"] = json!(day)).await;
        assert_eq!(wrong, ["pickupDetails.pickupDate"]);
    }
    pickup(&caller, Method::GET, "/orders", None).await.expect(400);
    pickup(&caller, Method::DELETE, "/orders?orderID=1", None).await.expect(400);
    let keyed = caller.request(Method::GET, "/parcel/de/transportation/pickup/v3/locations");
    answer(keyed.header("dhl-api-key", &caller.settings.api_key)).await.expect(401);
    assert!(caller.sandbox.books().pickups.is_empty());
}

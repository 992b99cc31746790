//! Parcels that are given to couriers one by one, by the codes of their labels.

use aisle::identity::Role;
use aisle::ids::{OrderId, ShipmentId};
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{PAN, STORE, STORE_WITH_OWN_PRICES};
use crate::support::delivery::Depot;
use crate::support::trip::Shop;

async fn scan(depot: &Depot, store: &str, staff: &str, code: &str) -> Answer {
    let path = format!("/v1/stores/{store}/hand-overs");
    depot.test.post(&path, &json!({"code": code})).bearer(staff).send().await
}

async fn clerk(depot: &Depot) -> String {
    depot.test.staff(Role::Clerk, &[crate::support::delivery::STORE]).await
}

/// A shipment of parcels of these weights that is booked, and the numbers on their labels.
async fn booked(depot: &Depot, weights: &[i64]) -> (ShipmentId, Vec<String>) {
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, weights).await;
    depot.test.run_jobs().await;
    pack(depot, shipment, weights).await.expect(200);
    depot.test.run_jobs().await;
    (shipment, numbers(&read(depot, shipment).await))
}

async fn read(depot: &Depot, shipment: ShipmentId) -> Answer {
    let staff = clerk(depot).await;
    depot.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200)
}

fn numbers(shipment: &Answer) -> Vec<String> {
    let parcels = shipment.json["parcels"].as_array().expect("parcels");
    parcels.iter().map(|parcel| parcel["tracking_number"].as_str().expect("a number").to_owned()).collect()
}

async fn pack(depot: &Depot, shipment: ShipmentId, weights: &[i64]) -> Answer {
    let size = json!({"length_mm": 400, "width_mm": 300, "height_mm": 200});
    let parcels: Vec<Value> =
        weights.iter().map(|grams| json!({"weight_grams": grams, "size": size})).collect();
    let staff = clerk(depot).await;
    let path = format!("/v1/shipments/{shipment}/parcels");
    depot.test.put(&path, &json!({"parcels": parcels})).bearer(&staff).send().await
}

#[tokio::test]
async fn a_shipment_is_handed_over_with_its_last_parcel_and_a_scan_counts_once() {
    let depot = Depot::new().await;
    let (shipment, numbers) = booked(&depot, &[2_000, 3_000]).await;
    let (staff, store) = (clerk(&depot).await, crate::support::delivery::STORE);
    // As a scanner reads GS1-128.
    let first = scan(&depot, store, &staff, &format!("]C1{}", numbers[0])).await.expect(200);
    assert_eq!((first.number("/left"), first.text("/shipment/carrier")), (1, "dhl"));
    assert_eq!(first.text("/shipment/state"), "booked");
    let again = scan(&depot, store, &staff, &numbers[0]).await.expect(200);
    assert_eq!((again.number("/left"), again.text("/shipment/state")), (1, "booked"));
    let last = scan(&depot, store, &staff, &numbers[1]).await.expect(200);
    assert_eq!((last.number("/left"), last.text("/shipment/state")), (0, "handed_over"));
    let again = scan(&depot, store, &staff, &numbers[1]).await.expect(200);
    assert_eq!(again.json["shipment"], last.json["shipment"]);
    assert_eq!(read(&depot, shipment).await.text("/state"), "handed_over");
}

#[tokio::test]
async fn a_label_that_is_not_good_any_more_is_stopped_at_the_door() {
    let depot = Depot::new().await;
    let (shipment, old) = booked(&depot, &[2_000]).await;
    let (staff, store) = (clerk(&depot).await, crate::support::delivery::STORE);
    pack(&depot, shipment, &[6_000]).await.expect(200);
    scan(&depot, store, &staff, &old[0]).await.problem(409, "label_void");
    depot.test.run_jobs().await;
    let new = numbers(&read(&depot, shipment).await);
    scan(&depot, store, &staff, &old[0]).await.problem(409, "label_void");
    scan(&depot, store, &staff, "00340434161094000000").await.problem(404, "label_unknown");
    scan(&depot, store, &staff, " ").await.problem(422, "label_code_invalid");
    let hold = format!("/v1/shipments/{shipment}/held-back");
    depot.test.put(&hold, &json!({"reason": "too young"})).bearer(&staff).send().await.expect(200);
    scan(&depot, store, &staff, &new[0]).await.problem(409, "shipment_held_back");
    let supervisor = depot.test.staff(Role::Supervisor, &[store]).await;
    depot.test.call(reqwest::Method::DELETE, &hold).bearer(&supervisor).send().await.expect(200);
    let elsewhere = depot.test.staff(Role::Clerk, &["9999"]).await;
    scan(&depot, store, &elsewhere, &new[0]).await.expect(403);
    scan(&depot, "9999", &elsewhere, &new[0]).await.problem(404, "label_unknown");
    scan(&depot, store, &staff, &new[0]).await.expect(200);
}

#[tokio::test]
async fn what_was_given_in_part_is_neither_sent_elsewhere_nor_taken_back_but_the_rest_may_stay() {
    let depot = Depot::new().await;
    let (shipment, numbers) = booked(&depot, &[2_000, 3_000]).await;
    let (staff, store) = (clerk(&depot).await, crate::support::delivery::STORE);
    scan(&depot, store, &staff, &numbers[0]).await.expect(200);
    pack(&depot, shipment, &[3_000]).await.problem(409, "shipment_partly_given");
    let path = format!("/v1/shipments/{shipment}/recipient");
    let elsewhere = json!({"name": "Ben", "street": "Hauptstraße", "house_number": "1", "postal_code": "53111",
        "city": "Bonn", "country": "DE"});
    let supervisor = depot.test.staff(Role::Supervisor, &[store]).await;
    let corrected = depot.test.put(&path, &elsewhere).bearer(&supervisor).send().await;
    corrected.problem(409, "shipment_partly_given");
    // The second parcel stays in the store: with the first one everything that is sent was given.
    let packed = pack(&depot, shipment, &[2_000]).await.expect(200);
    assert_eq!(packed.text("/state"), "handed_over");
    depot.test.run_jobs().await;
    scan(&depot, store, &staff, &numbers[1]).await.problem(409, "label_void");
}

#[tokio::test]
async fn the_rest_of_an_order_is_captured_when_its_parcel_is_scanned() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let order: OrderId = shopper.order(shopper.fill(&[PAN]).await, &[1]).await;
    shop.test.run_jobs().await;
    let shipment = shopper.read_order(order).await.text("/shipment").to_owned();
    let staff = shop.test.staff(Role::Clerk, &[STORE, STORE_WITH_OWN_PRICES]).await;
    let shown = shop.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200);
    let code = json!({"code": shown.text("/parcels/0/tracking_number")});
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 0);
    let path = |store: &str| format!("/v1/stores/{store}/hand-overs");
    let other = shop.test.post(&path(STORE_WITH_OWN_PRICES), &code).bearer(&staff).send().await;
    other.problem(404, "label_unknown");
    shop.test.post(&path(STORE), &code).bearer(&staff).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 3999 + 499);
}

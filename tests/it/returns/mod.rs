//! Goods that come back: a label for the shopper, a parcel the other way, and a person who looks before money moves. Here with
//! UPS; the other modules have the couriers that do it otherwise.

mod dhl;
mod gls;
mod several;

use std::time::Duration as Time;

use aisle::delivery::News;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::ups::{Fault, FaultKind, Rule, Sandbox, Settings};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::ups::assert_kept;
use crate::support::catalog::MILK;
use crate::support::courier::{Courier, Depot, and};
use crate::support::delivery::{Depot as DhlDepot, STORE, address, ask_for_delivery_to};
use crate::support::trip::Shop;
use crate::support::{Answer, start_of_time};

async fn depot() -> Depot<Sandbox> {
    let settings = Settings {
        clock_stands_at: Some(start_of_time()),
        recoverable_after: Time::ZERO,
        ..Settings::local()
    };
    let ups = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(ups.url()), &[("AISLE_TRACKING_MINUTES", "1")]);
    Depot::new(ups, &variables).await
}

/// A shipment of one parcel that arrived.
async fn arrived(depot: &Depot<Sandbox>) -> ShipmentId {
    let shipment = depot.request().await;
    let number = depot.see(shipment).await.text("/parcels/0/tracking_number").to_owned();
    travel(depot, &number).await;
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    shipment
}

async fn travel(depot: &Depot<Sandbox>, number: &str) {
    for _ in 0..4 {
        depot.courier.advance(number).expect("the parcel moves");
    }
    depot.pass(Duration::minutes(1)).await;
}

async fn token<C: Courier>(depot: &Depot<C>) -> String {
    depot.test.staff(Role::Clerk, &[STORE]).await
}

async fn send_back<C: Courier>(
    depot: &Depot<C>,
    (shipment, id): (ShipmentId, ShipmentId),
    weights: &[i64],
    token: &str,
) -> Answer {
    let parcels: Vec<Value> = weights.iter().map(|weight| json!({ "weight_grams": weight })).collect();
    let path = format!("/v1/shipments/{shipment}/returns/{id}");
    depot.test.put(&path, &json!({ "parcels": parcels })).bearer(token).send().await
}

async fn call_off<C: Courier>(
    depot: &Depot<C>,
    (shipment, id): (ShipmentId, ShipmentId),
    token: &str,
) -> Answer {
    let path = format!("/v1/shipments/{shipment}/returns/{id}");
    depot.test.call(reqwest::Method::DELETE, &path).bearer(token).send().await
}

/// What staff of the store must see to.
async fn tasks<C: Courier>(depot: &Depot<C>) -> Answer {
    let clerk = token(depot).await;
    let path = format!("/v1/stores/{STORE}/delivery-tasks");
    depot.test.get(&path).bearer(&clerk).send().await.expect(200)
}

#[tokio::test]
async fn a_shopper_sends_goods_back_with_a_label_of_their_own_and_staff_see_that_they_came() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let shipment = arrived(&depot).await;
    let id: ShipmentId = depot.test.app.ids.next();
    let asked = send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    assert_eq!((asked.text("/direction"), asked.text("/state")), ("return", "requested"));
    assert_eq!(asked.text("/returns_of"), shipment.to_string());
    let again = send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    assert_eq!(again.json["parcels"], asked.json["parcels"]);
    send_back(&depot, (shipment, id), &[1_300], &shopper).await.problem(409, "return_taken");
    depot.test.run_jobs().await;
    let booked = depot.see(id).await;
    assert_eq!(booked.text("/state"), "booked");
    let books = depot.courier.books().shipments;
    let (there, back) = (&books[0], &books[1]);
    assert!(back.is_return && books.len() == 2);
    assert_eq!(
        (&back.from.postal_code, &back.to.postal_code),
        (&there.to.postal_code, &there.from.postal_code)
    );
    let label = depot.test.get(&format!("/v1/shipments/{id}/labels/1")).bearer(&shopper).send().await;
    assert!(label.expect(200).bytes.starts_with(b"%PDF"));
    // Nobody in the store hands it over, and it goes nowhere else.
    let clerk = token(&depot).await;
    let path = format!("/v1/shipments/{id}/hand-over");
    depot.test.post(&path, &Value::Null).bearer(&clerk).send().await.problem(409, "shipment_is_return");
    let number = booked.text("/parcels/0/tracking_number").to_owned();
    travel(&depot, &number).await;
    let list = format!("/v1/stores/{STORE}/shipments?direction=return&state=delivered");
    let clerk = token(&depot).await;
    let listed = depot.test.get(&list).bearer(&clerk).send().await.expect(200);
    assert_eq!(listed.json["shipments"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.text("/shipments/0/shipment"), id.to_string());
    let tasks = tasks(&depot).await;
    assert_eq!(tasks.text("/tasks/0/kind"), "check_returned");
    assert_eq!(tasks.text("/tasks/0/shipment"), id.to_string());
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn only_what_arrived_comes_back_in_time_and_no_more_than_came() {
    let depot = depot().await;
    let shipment = depot.request().await;
    let id: ShipmentId = depot.test.app.ids.next();
    let shopper = depot.shopper.token.clone();
    send_back(&depot, (shipment, id), &[900], &shopper).await.problem(409, "return_not_arrived");
    let other = depot.test.shopper().await;
    send_back(&depot, (shipment, id), &[900], &other.token).await.problem(404, "shipment_unknown");
    let label = depot.test.get(&format!("/v1/shipments/{shipment}/labels/1")).bearer(&shopper).send().await;
    label.problem(403, "other_caller");
    let number = depot.see(shipment).await.text("/parcels/0/tracking_number").to_owned();
    travel(&depot, &number).await;
    let clerk = token(&depot).await;
    send_back(&depot, (shipment, id), &[], &clerk).await.problem(422, "parcels_invalid");
    send_back(&depot, (shipment, id), &[900, 900], &clerk).await.problem(422, "return_parcels");
    send_back(&depot, (shipment, id), &[900], &clerk).await.expect(200);
    let second: ShipmentId = depot.test.app.ids.next();
    send_back(&depot, (shipment, second), &[900], &clerk).await.problem(422, "return_parcels");
    send_back(&depot, (id, second), &[900], &clerk).await.problem(409, "return_not_arrived");
    depot.pass(Duration::days(14)).await;
    let clerk = token(&depot).await;
    call_off(&depot, (shipment, id), &clerk).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.see(id).await.text("/state"), "cancelled");
    assert_eq!(depot.courier.live().len(), 1, "the label that nobody used is void");
    send_back(&depot, (shipment, second), &[900], &clerk).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.courier.live().len(), 2, "staff may at any time");
}

#[tokio::test]
async fn a_return_whose_answer_was_lost_ends_in_exactly_one_label() {
    let depot = depot().await;
    let shipment = arrived(&depot).await;
    let id: ShipmentId = depot.test.app.ids.next();
    let lost = FaultKind::Network(Fault::NoAnswerAfter { hold: false });
    depot.courier.add_fault(Rule::new("ship", lost, 1));
    let clerk = token(&depot).await;
    send_back(&depot, (shipment, id), &[900], &clerk).await.expect(200);
    depot.test.run_jobs().await;
    for _ in 0..2 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(depot.see(id).await.text("/state"), "booked");
    assert_eq!(depot.courier.books().shipments.len(), 2, "found, not booked again");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn where_no_courier_brings_goods_back_the_shopper_is_told_so() {
    let depot = DhlDepot::new().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    let number = depot.live()[0].number.clone();
    for _ in 0..4 {
        depot.dhl.advance(&number).expect("the parcel moves");
    }
    depot.pass(Duration::hours(2)).await;
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let id: ShipmentId = depot.test.app.ids.next();
    let path = format!("/v1/shipments/{shipment}/returns/{id}");
    let wish = json!({ "parcels": [{ "weight_grams": 900 }] });
    depot.test.put(&path, &wish).bearer(&clerk).send().await.problem(409, "return_not_offered");
}

#[tokio::test]
async fn goods_that_came_back_move_no_money_and_keep_no_order_in_trouble() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let order = shopper.order(cart, &[]).await;
    let before = shopper.read_order(order).await;
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("a transaction");
    let news = News::ReturnArrived { shipment: app.ids.next(), order };
    app.delivery_news(&mut tx, app.clock.now(), news).await.expect("told");
    tx.commit().await.expect("a commit");
    let after = shopper.read_order(order).await;
    assert!(after.json["trouble"].is_null(), "{}", after.json);
    assert_eq!(after.json["refunded"], before.json["refunded"]);
}

#[tokio::test]
async fn a_return_that_is_begun_and_called_off_again_and_again_is_refused_in_the_end() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let shipment = arrived(&depot).await;
    for _ in 0..10 {
        let id: ShipmentId = depot.test.app.ids.next();
        send_back(&depot, (shipment, id), &[900], &shopper).await.expect(200);
        call_off(&depot, (shipment, id), &shopper).await.expect(200);
    }
    let id: ShipmentId = depot.test.app.ids.next();
    send_back(&depot, (shipment, id), &[900], &shopper).await.problem(409, "return_too_often");
}

#[tokio::test]
async fn a_parcel_that_no_courier_takes_back_is_named_with_what_it_may_weigh() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let shipment = arrived(&depot).await;
    let id: ShipmentId = depot.test.app.ids.next();
    let refused = send_back(&depot, (shipment, id), &[99_000], &shopper).await;
    let refused = refused.problem(422, "return_too_heavy");
    assert_eq!(refused.text("/errors/0/pointer"), "/parcels/0/weight_grams");
}

#[tokio::test]
async fn of_a_delivery_that_came_back_in_part_only_what_arrived_can_be_sent_back() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let recipient = address("Mária Müller", "10115", "Berlin");
    let shipment = ask_for_delivery_to(&depot.test, &depot.shopper, &[2_000, 3_000], recipient).await;
    depot.test.run_jobs().await;
    let seen = depot.see(shipment).await;
    let (first, second) = (seen.text("/parcels/0/tracking_number"), seen.text("/parcels/1/tracking_number"));
    for _ in 0..4 {
        depot.courier.advance(first).expect("it moves");
    }
    depot.courier.advance(second).expect("it moves");
    depot.courier.record_event(second, "return_to_sender", 0).expect("it is back");
    depot.pass(Duration::minutes(1)).await;
    assert_eq!(depot.see(shipment).await.text("/state"), "returned");
    let of = |weights: &'static [i64]| {
        let id: ShipmentId = depot.test.app.ids.next();
        send_back(&depot, (shipment, id), weights, &shopper)
    };
    of(&[900, 900]).await.problem(422, "return_parcels");
    of(&[900]).await.expect(200);
}

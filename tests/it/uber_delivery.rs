//! Deliveries by Uber, through the service: no label, a courier at once, and webhooks that say when to ask.

use aisle::db::Run;
use aisle::delivery::Request;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl;
use aisle::sandbox::uber::{Fault, Rule, Sandbox, Settings, signature};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::uber::assert_kept;
use crate::pickups::tasks;
use crate::support::courier::{Courier, Depot, and};
use crate::support::delivery::{STORE, ask, request_for};
use crate::support::{Answer, start_of_time};

const WEBHOOK_KEY: &str = "a key of this webhook alone";
const WEBHOOKS: &str = "/v1/webhooks/delivery/uber";

impl Courier for Sandbox {
    fn pass(&self, seconds: i64) {
        self.advance_seconds(seconds).expect("time passes");
    }

    fn live(&self) -> Vec<String> {
        let deliveries = self.books().deliveries.into_iter();
        let lives = deliveries.filter(|one| one.status.as_str() != "canceled" && !one.is_way_back());
        lives.map(|one| one.uuid).collect()
    }
}

pub async fn depot() -> Depot<Sandbox> {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let uber = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(uber.url()), &[("AISLE_UBER_WEBHOOK_KEY", WEBHOOK_KEY)]);
    Depot::new(uber, &variables).await
}

/// In the town of the store, with a phone.
pub fn recipient() -> Value {
    json!({
        "name": "Mária Müller", "street": "Sternstr.", "house_number": "7", "postal_code": "53111", "city": "Bonn",
        "country": "DE", "phone": "+4922854321",
    })
}

pub async fn request(depot: &Depot<Sandbox>) -> ShipmentId {
    depot.request_to(serde_json::from_value(recipient()).expect("an address")).await
}

fn id_of(depot: &Depot<Sandbox>) -> String {
    depot.courier.books().deliveries[0].id.clone()
}

/// Sends the newest webhook that the courier made.
async fn tell(depot: &Depot<Sandbox>) -> Answer {
    let body = depot.courier.books().notifications.last().expect("a webhook").body.clone();
    let signed = signature(WEBHOOK_KEY, body.as_bytes());
    tell_signed(depot, &body, &signed).await
}

async fn tell_signed(depot: &Depot<Sandbox>, body: &str, signature: &str) -> Answer {
    let call = depot.test.call(reqwest::Method::POST, WEBHOOKS);
    call.header("x-uber-signature", signature).body("application/json", body.to_owned()).send().await
}

#[tokio::test]
async fn a_delivery_is_booked_without_a_label_and_followed_by_webhooks_to_the_door() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    depot.assert_one_live(shipment).await;
    let seen = depot.see(shipment).await;
    assert!(seen.json["parcels"][0]["label_sha256"].is_null());
    assert!(seen.text("/parcels/0/tracking_url").starts_with("https://www.ubereats.com/orders/"));
    depot.label(shipment).await.problem(404, "label_not_given");
    let id = id_of(&depot);
    let mut states = Vec::new();
    for _ in 0..4 {
        depot.courier.happen(&id, "advance").expect("the courier rides");
        tell(&depot).await.expect(200);
        depot.test.run_jobs().await;
        states.push(depot.see(shipment).await.text("/parcels/0/status").to_owned());
        depot.courier.pass(60);
        depot.test.advance(Duration::minutes(1));
    }
    assert_eq!(states, ["announced", "picked_up", "out_for_delivery", "delivered"]);
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_courier_whose_webhooks_are_lost_is_asked_every_few_minutes() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    let id = id_of(&depot);
    for expected in ["announced", "picked_up", "out_for_delivery", "delivered"] {
        depot.courier.happen(&id, "advance").expect("the courier rides");
        depot.pass(Duration::minutes(5)).await;
        assert_eq!(depot.see(shipment).await.text("/parcels/0/status"), expected);
    }
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_webhook_that_is_not_ubers_changes_nothing_and_one_about_nothing_of_ours_is_taken() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    let id = id_of(&depot);
    depot.courier.happen(&id, "advance").expect("the courier rides");
    let calls = depot.courier.exchanges().len();
    let body = depot.courier.books().notifications[0].body.clone();
    let forged = signature("another key", body.as_bytes());
    tell_signed(&depot, &body, &forged).await.problem(400, "notice_unproven");
    tell_signed(&depot, &body, "").await.problem(400, "notice_unproven");
    let reference = depot.courier.books().deliveries[0].external_id.clone().expect("a reference");
    let stranger = body.replace(&reference, "SOMEBODY-ELSES-1");
    tell_signed(&depot, &stranger, &signature(WEBHOOK_KEY, stranger.as_bytes())).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.courier.exchanges().len(), calls, "nothing was asked");
    for path in ["/v1/webhooks/delivery/dhl", "/v1/webhooks/delivery/nobody"] {
        let answer = depot.test.post(path, &json!({})).send().await;
        answer.problem(404, "courier_absent");
    }
    assert_eq!(depot.see(shipment).await.text("/parcels/0/status"), "announced");
}

#[tokio::test]
async fn a_webhook_that_comes_doubled_or_late_tells_nothing_wrong() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    let id = id_of(&depot);
    for _ in 0..4 {
        depot.courier.happen(&id, "advance").expect("the courier rides");
    }
    let bodies = depot.courier.books().notifications;
    for told in bodies.iter().rev().chain(&bodies) {
        tell_signed(&depot, &told.body, &signature(WEBHOOK_KEY, told.body.as_bytes())).await.expect(200);
        depot.test.run_jobs().await;
        assert_eq!(depot.see(shipment).await.text("/parcels/0/status"), "delivered");
    }
}

#[tokio::test]
async fn a_booking_whose_answer_was_lost_ends_in_exactly_one_live_delivery() {
    for fault in [Fault::NoAnswerAfter { hold: false }, Fault::ErrorAfter { status: 503 }] {
        let depot = depot().await;
        depot.courier.add_fault(Rule::new("deliveries.create", fault, 1)).expect("planned");
        let shipment = request(&depot).await;
        let seen = depot.see(shipment).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        for _ in 0..2 {
            depot.pass(Duration::minutes(5)).await;
        }
        depot.assert_one_live(shipment).await;
        assert_eq!(depot.courier.books().deliveries.len(), 1, "found, not booked again");
        assert_kept(&depot.courier);
    }
}

#[tokio::test]
async fn a_recipient_without_a_phone_is_trouble_until_staff_know_the_number() {
    let depot = depot().await;
    let mut silent = recipient();
    silent["phone"] = Value::Null;
    let shipment = depot.request_to(serde_json::from_value(silent).expect("an address")).await;
    let seen = depot.see(shipment).await;
    assert_eq!(seen.text("/state"), "requested");
    assert!(seen.text("/trouble").contains("recipient.phone"), "{}", seen.json);
    depot.correct(shipment, &recipient()).await.expect(200);
    depot.test.run_jobs().await;
    depot.assert_one_live(shipment).await;
}

#[tokio::test]
async fn a_delivery_that_is_taken_back_leaves_no_courier_on_his_way() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    depot.cancel(shipment).await;
    let lost = Fault::NoAnswerAfter { hold: false };
    depot.courier.add_fault(Rule::new("deliveries.cancel", lost, 1)).expect("planned");
    for _ in 0..3 {
        depot.pass(Duration::minutes(10)).await;
    }
    assert!(depot.courier.live().is_empty());
    assert_eq!(depot.see(shipment).await.text("/state"), "cancelled");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn goods_that_nobody_takes_come_back_to_the_store() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    let id = id_of(&depot);
    for _ in 0..3 {
        depot.courier.happen(&id, "advance").expect("the courier rides");
    }
    depot.courier.happen(&id, "nobody_there").expect("at the door");
    depot.pass(Duration::minutes(5)).await;
    assert_eq!(depot.see(shipment).await.text("/parcels/0/status"), "returning");
    let back = depot.courier.books().deliveries[1].id.clone();
    depot.courier.happen(&back, "advance").expect("the store is reached");
    tell(&depot).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.see(shipment).await.text("/state"), "returned");
    assert_kept(&depot.courier);
}

/// Uber finds nobody who rides, and says so.
async fn find_nobody(depot: &Depot<Sandbox>) {
    let id = depot.courier.books().deliveries.last().expect("a delivery").id.clone();
    depot.courier.happen(&id, "no_courier").expect("nobody rides");
    tell(depot).await.expect(200);
    depot.test.run_jobs().await;
}

#[tokio::test]
async fn a_delivery_for_which_nobody_rides_is_booked_again_until_that_is_for_staff_to_decide() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    for _ in 0..2 {
        depot.assert_one_live(shipment).await;
        find_nobody(&depot).await;
    }
    depot.assert_one_live(shipment).await;
    let seen = depot.see(shipment).await;
    assert_eq!(seen.text("/parcels/0/status"), "announced");
    assert!(seen.json["trouble"].is_null(), "{}", seen.json);
    find_nobody(&depot).await;
    let seen = depot.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "cancelled"));
    assert!(seen.text("/trouble").contains("NO_COURIER_AVAILABLE"), "{}", seen.json);
    assert_eq!((depot.courier.live().len(), depot.courier.books().deliveries.len()), (0, 3));
    hand_over(&depot, shipment).await.problem(409, "shipment_state");
    let tasks = tasks(&depot.test).await;
    assert_eq!((tasks.len(), &tasks[0]["kind"]), (1, &json!("look_into")));
    // Staff have it asked once more.
    depot.correct(shipment, &recipient()).await.expect(200);
    depot.test.run_jobs().await;
    depot.assert_one_live(shipment).await;
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_delivery_for_which_nobody_rides_goes_with_another_courier_and_its_old_number_is_void() {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let of_dhl = dhl::Settings { clock_stands_at: Some(start_of_time()), ..dhl::Settings::local() };
    let uber = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let dhl = dhl::Sandbox::start(of_dhl.clone()).await.expect("a sandbox");
    let variables = [settings.for_service(uber.url()), of_dhl.for_service(dhl.url())].concat();
    let depot = Depot::new((uber, dhl), &variables).await;
    let to = serde_json::from_value(recipient()).expect("an address");
    let by_uber = request_for(&depot.test, &depot.shopper, &[4_200], to);
    let shipment = ask(&depot.test, Request { carrier: Some("uber".to_owned()), ..by_uber }).await;
    depot.test.run_jobs().await;
    depot.assert_one_live(shipment).await;
    let uber = &depot.courier.0;
    let void = uber.live()[0].clone();
    uber.happen(&uber.books().deliveries[0].id, "no_courier").expect("nobody rides");
    depot.pass(Duration::minutes(5)).await;
    depot.assert_one_live(shipment).await;
    let seen = depot.see(shipment).await;
    assert_eq!((seen.text("/carrier"), seen.text("/parcels/0/carrier")), ("dhl", "dhl"));
    assert_eq!(seen.text("/parcels/0/status"), "announced");
    assert_eq!(
        (seen.text("/couriers_left/0/carrier"), seen.text("/couriers_left/0/reason")),
        ("uber", "called_off")
    );
    let task = tasks(&depot.test).await[0].clone();
    assert!(task["detail"].as_str().is_some_and(|words| words.contains(&void)), "{task}");
    hand_over(&depot, shipment).await.expect(200);
    assert_eq!(depot.see(shipment).await.text("/state"), "handed_over");
}

#[tokio::test]
async fn a_parcel_that_its_courier_called_off_is_not_handed_over() {
    let depot = depot().await;
    let shipment = request(&depot).await;
    // As a release before this one left it.
    let called_off = "UPDATE parcels SET status = 'cancelled' WHERE shipment = $1";
    depot.test.app.db.sql(called_off).bind(shipment).execute().await.expect("called off");
    hand_over(&depot, shipment).await.problem(409, "parcel_called_off");
    assert_eq!(depot.see(shipment).await.text("/state"), "booked");
}

async fn hand_over<C: Courier>(depot: &Depot<C>, shipment: ShipmentId) -> Answer {
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/hand-over");
    depot.test.post(&path, &Value::Null).bearer(&clerk).send().await
}

//! Packing by hand: what was really packed comes in the place of what was planned, and each package has one live parcel.

use aisle::delivery::Request;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::FaultKind;
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract;
use crate::credits::{apply, store_with};
use crate::reroutes::Three;
use crate::support::catalog::MILK;
use crate::support::delivery::{Depot, STORE, address, ask, request_for};
use crate::support::identity::ShopperActor;
use crate::support::trip::Shop;
use crate::support::{Answer, TestApp};

/// A parcel in a carton of the store's.
fn carton(name: &str, weight_grams: i64) -> Value {
    json!({"carton": name, "weight_grams": weight_grams})
}

/// A parcel of half a metre each way, in no carton of the store's.
fn crate_of(weight_grams: i64) -> Value {
    json!({"weight_grams": weight_grams, "size": {"length_mm": 500, "width_mm": 500, "height_mm": 500}})
}

async fn put(test: &TestApp, shipment: ShipmentId, token: &str, parcels: &[Value]) -> Answer {
    let path = format!("/v1/shipments/{shipment}/parcels");
    test.put(&path, &json!({ "parcels": parcels })).bearer(token).send().await
}

/// A depot, its shopper, and a clerk of its store.
struct Bench {
    depot: Depot,
    shopper: ShopperActor,
    clerk: String,
}

impl Bench {
    async fn new() -> Self {
        let depot = Depot::new().await;
        let shopper = depot.test.shopper().await;
        let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
        Self { depot, shopper, clerk }
    }

    /// A shipment that is booked as it was planned: parcels of these weights.
    async fn booked(&self, weights: &[i64]) -> ShipmentId {
        let shipment = self.depot.request(&self.shopper, weights).await;
        self.depot.test.run_jobs().await;
        shipment
    }

    async fn pack(&self, shipment: ShipmentId, parcels: &[Value]) -> Answer {
        put(&self.depot.test, shipment, &self.clerk, parcels).await
    }

    /// Packs, and works off what follows from it.
    async fn packed(&self, shipment: ShipmentId, parcels: &[Value]) -> Answer {
        self.pack(shipment, parcels).await.expect(200);
        self.depot.test.run_jobs().await;
        self.see(shipment).await
    }

    async fn see(&self, shipment: ShipmentId) -> Answer {
        self.depot.see(shipment, &self.clerk).await.expect(200)
    }

    /// The shipment is booked, and the courier has its parcels and no others.
    fn assert_booked(&self, seen: &Answer) {
        assert_eq!(seen.text("/state"), "booked", "{}", seen.json);
        let mut live: Vec<String> = self.depot.live().into_iter().map(|one| one.number).collect();
        let mut tracked = numbers(seen);
        live.sort();
        tracked.sort();
        assert_eq!(live, tracked);
        contract::dhl::assert_kept(&self.depot.dhl);
    }

    fn bookings(&self) -> u64 {
        self.depot.calls("orders.create")
    }
}

/// The couriers' numbers of the parcels that are sent.
fn numbers(seen: &Answer) -> Vec<String> {
    let parcels = seen.json["parcels"].as_array().expect("parcels");
    parcels.iter().map(|one| one["tracking_number"].as_str().expect("a number").to_owned()).collect()
}

/// Our own numbers of the parcels in a list of the shipment.
fn ours(seen: &Answer, list: &str) -> Vec<i64> {
    let parcels = seen.json[list].as_array().expect("parcels");
    parcels.iter().map(|one| one["number"].as_i64().expect("a number")).collect()
}

#[tokio::test]
async fn more_parcels_than_planned_are_booked_and_the_planned_one_is_taken_back() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let answer = bench.pack(shipment, &[carton("M", 2_000), carton("M", 2_300)]).await.expect(200);
    assert_eq!(answer.text("/state"), "requested");
    bench.depot.hand_over(shipment, &bench.clerk).await.problem(409, "shipment_state");
    bench.depot.test.run_jobs().await;
    let seen = bench.see(shipment).await;
    bench.assert_booked(&seen);
    assert_eq!((ours(&seen, "parcels"), ours(&seen, "dropped_parcels")), (vec![2, 3], vec![1]));
    assert_eq!(seen.text("/parcels/0/carton"), "M");
    assert_eq!(seen.json["parcels"][0]["size"], json!({"length_mm": 400, "width_mm": 300, "height_mm": 250}));
    assert_eq!(seen.text("/dropped_parcels/0/booking"), "cancelled");
    // Its label is not to be used, and its shopper never hears of it.
    let labels = format!("/v1/shipments/{shipment}/labels");
    let test = &bench.depot.test;
    test.get(&format!("{labels}/1")).bearer(&bench.clerk).send().await.problem(404, "label_missing");
    test.get(&format!("{labels}/2")).bearer(&bench.clerk).send().await.expect(200);
    let own = bench.depot.see(shipment, &bench.shopper.token).await.expect(200);
    assert_eq!((ours(&own, "parcels"), ours(&own, "dropped_parcels")), (vec![2, 3], vec![]));
    // What is handed over and followed to the door are the parcels that were packed.
    bench.depot.hand_over(shipment, &bench.clerk).await.expect(200);
    for number in numbers(&seen) {
        while bench.depot.dhl.advance(&number).is_ok() {}
    }
    for _ in 0..3 {
        bench.depot.pass(Duration::hours(3)).await;
    }
    assert_eq!(bench.see(shipment).await.text("/state"), "delivered");
}

#[tokio::test]
async fn with_fewer_parcels_all_that_are_left_are_booked_at_once() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200, 900]).await;
    let seen = bench.packed(shipment, &[carton("M", 2_000), carton("M", 2_300), carton("S", 700)]).await;
    bench.assert_booked(&seen);
    let bookings = bench.bookings();
    let answer = bench.pack(shipment, &[carton("M", 2_300)]).await.expect(200);
    assert_eq!((answer.text("/state"), ours(&answer, "parcels")), ("booked", vec![4]));
    bench.depot.test.run_jobs().await;
    let seen = bench.see(shipment).await;
    bench.assert_booked(&seen);
    assert_eq!(bench.bookings(), bookings, "nothing is booked anew");
    assert_eq!(ours(&seen, "dropped_parcels"), [1, 2, 3, 5]);
}

#[tokio::test]
async fn a_heavier_parcel_gets_a_new_label_and_the_others_keep_theirs() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let first = bench.packed(shipment, &[carton("M", 2_000), carton("S", 500)]).await;
    let second = bench.packed(shipment, &[carton("M", 2_600), carton("S", 500)]).await;
    bench.assert_booked(&second);
    let [was, now] = [numbers(&first), numbers(&second)];
    assert_eq!((ours(&second, "parcels"), now[0] == was[1]), (vec![3, 4], true), "the small one stays");
    assert_eq!(second.number("/parcels/1/weight_grams"), 2_600);
    let cancelled = bench.depot.dhl.books().shipments.into_iter().find(|one| one.number == was[0]);
    assert!(cancelled.expect("the old label").cancelled_at.is_some());
}

#[tokio::test]
async fn within_what_scales_differ_by_nothing_is_booked_anew() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let first = bench.packed(shipment, &[carton("M", 2_000)]).await;
    let bookings = bench.bookings();
    for grams in [2_050, 1_950, 2_000] {
        let answer = bench.pack(shipment, &[carton("M", grams)]).await.expect(200);
        assert_eq!((answer.text("/state"), numbers(&answer)), ("booked", numbers(&first)), "{grams}");
        assert_eq!(answer.number("/parcels/0/weight_grams"), 2_000, "the label says what it was booked for");
    }
    assert_eq!(bench.bookings(), bookings);
    // In another carton it is another parcel, whatever it weighs.
    let seen = bench.packed(shipment, &[carton("L", 2_000)]).await;
    bench.assert_booked(&seen);
    assert_eq!(bench.bookings(), bookings + 1);
}

#[tokio::test]
async fn what_is_packed_is_said_twice_and_happens_once() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let parcels = [carton("M", 2_000), carton("M", 2_000), crate_of(3_000)];
    // The second time before anything is booked, the third after it.
    bench.pack(shipment, &parcels).await.expect(200);
    bench.pack(shipment, &parcels).await.expect(200);
    bench.depot.test.run_jobs().await;
    let seen = bench.see(shipment).await;
    bench.assert_booked(&seen);
    assert_eq!(ours(&seen, "parcels"), [2, 3, 4]);
    let again = bench.packed(shipment, &parcels).await;
    assert_eq!(
        (&again.json["parcels"], again.text("/booked_at")),
        (&seen.json["parcels"], seen.text("/booked_at"))
    );
    assert_eq!(bench.bookings(), 4);
}

#[tokio::test]
async fn what_the_courier_does_not_take_goes_with_another_or_is_refused_before_anything_changes() {
    let three = Three::new().await;
    let clerk = three.test.staff(Role::Clerk, &[STORE]).await;
    let shipment = three.ask(three.request(&[4_200])).await;
    let before = three.see(shipment).await;
    let refused = put(&three.test, shipment, &clerk, &[carton("M", 2_000), crate_of(80_000)]).await;
    let problem = refused.problem(422, "parcels_not_carried");
    assert_eq!(problem.text("/errors/0/pointer"), "/parcels/1");
    assert_eq!(three.see(shipment).await.json, before.json);
    put(&three.test, shipment, &clerk, &[carton("M", 2_000), crate_of(40_000)]).await.expect(200);
    three.test.run_jobs().await;
    let seen = three.see(shipment).await;
    assert_eq!(seen.text("/state"), "booked", "{}", seen.json);
    assert_eq!((seen.text("/parcels/0/carrier"), seen.text("/parcels/1/carrier")), ("dhl", "ups"));
    assert_eq!(seen.text("/couriers_left/0/reason"), "not_served");
    assert_eq!(seen.number("/couriers_left/0/parcel"), 3);
    assert_eq!(three.live().map(|parcels| parcels.len()), [1, 0, 1]);
    three.assert_kept();
}

#[tokio::test]
async fn a_parcel_near_the_most_that_its_courier_takes_is_never_kept_above_it() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let first = bench.packed(shipment, &[carton("L", 31_480)]).await;
    bench.assert_booked(&first);
    bench.pack(shipment, &[carton("L", 31_501)]).await.problem(422, "parcels_not_carried");
    let answer = bench.pack(shipment, &[carton("L", 31_500)]).await.expect(200);
    assert_eq!(numbers(&answer), numbers(&first));
}

#[tokio::test]
async fn what_was_handed_over_taken_back_or_comes_back_is_not_packed_any_more() {
    let bench = Bench::new().await;
    let parcels = [carton("M", 2_000)];
    let shipment = bench.booked(&[4_200]).await;
    bench.depot.hand_over(shipment, &bench.clerk).await.expect(200);
    bench.pack(shipment, &parcels).await.problem(409, "shipment_state");
    let cancelled = bench.booked(&[4_200]).await;
    bench.depot.cancel(cancelled).await.expect("cancelled");
    bench.pack(cancelled, &parcels).await.problem(409, "shipment_state");
    let to = address("Markt Bonn", "53113", "Bonn");
    let back =
        Request { returns_of: Some(shipment), ..request_for(&bench.depot.test, &bench.shopper, &[900], to) };
    let back = ask(&bench.depot.test, back).await;
    bench.pack(back, &parcels).await.problem(409, "shipment_is_return");
}

#[tokio::test]
async fn a_booking_whose_answer_was_lost_is_found_and_cancelled_when_its_parcel_is_dropped() {
    let bench = Bench::new().await;
    bench.depot.dhl.plan_fault("orders.create", FaultKind::NoAnswerAfter, 1);
    let shipment = bench.booked(&[4_200]).await;
    assert_eq!(bench.see(shipment).await.text("/parcels/0/booking"), "unknown");
    let seen = bench.packed(shipment, &[carton("M", 2_000)]).await;
    assert_eq!((seen.text("/state"), seen.text("/dropped_parcels/0/booking")), ("booked", "unknown"));
    assert_eq!(bench.depot.live().len(), 2, "nobody knows yet");
    for _ in 0..4 {
        bench.depot.pass(Duration::minutes(5)).await;
    }
    let seen = bench.see(shipment).await;
    bench.assert_booked(&seen);
    assert_eq!(seen.text("/dropped_parcels/0/booking"), "cancelled");
    assert!(seen.json["trouble"].is_null());
}

#[tokio::test]
async fn a_dropped_parcel_whose_courier_is_down_books_nothing_when_it_is_back() {
    let bench = Bench::new().await;
    bench.depot.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 10_000);
    let shipment = bench.booked(&[4_200, 900]).await;
    bench.pack(shipment, &[carton("M", 2_000)]).await.expect(200);
    bench.depot.dhl.clear_faults();
    for _ in 0..4 {
        bench.depot.pass(Duration::minutes(5)).await;
    }
    let seen = bench.see(shipment).await;
    bench.assert_booked(&seen);
    assert_eq!(bench.bookings(), 1);
    assert_eq!(seen.text("/dropped_parcels/1/booking"), "cancelled");
}

#[tokio::test]
async fn nothing_is_booked_before_staff_said_what_was_packed_where_that_is_waited_for() {
    let bench = Bench::new().await;
    let to = address("Mária Müller", "10115", "Berlin");
    let asked = request_for(&bench.depot.test, &bench.shopper, &[4_200], to);
    let shipment = ask(&bench.depot.test, Request { waits_for_packing: true, ..asked }).await;
    bench.depot.pass(Duration::minutes(5)).await;
    let seen = bench.see(shipment).await;
    assert_eq!((seen.text("/state"), &seen.json["waits_for_packing"]), ("requested", &json!(true)));
    let list = format!("/v1/stores/{STORE}/shipments?state=requested");
    let waiting = bench.depot.test.get(&list).bearer(&bench.clerk).send().await.expect(200);
    assert_eq!(waiting.json["shipments"][0]["waits_for_packing"], true);
    // Another address does not change that.
    let supervisor = bench.depot.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    let elsewhere = json!(address("Mária Müller", "10117", "Berlin"));
    bench.depot.test.put(&path, &elsewhere).bearer(&supervisor).send().await.expect(200);
    bench.depot.test.run_jobs().await;
    assert_eq!(bench.depot.dhl.books().shipments.len(), 0);
    let seen = bench.packed(shipment, &[carton("M", 2_000), carton("S", 400)]).await;
    bench.assert_booked(&seen);
    assert_eq!((&seen.json["waits_for_packing"], ours(&seen, "dropped_parcels")), (&json!(false), vec![1]));
}

#[tokio::test]
async fn a_parcel_on_demand_is_booked_when_it_is_packed() {
    let depot = crate::uber_delivery::depot().await;
    let to = serde_json::from_value(crate::uber_delivery::recipient()).expect("an address");
    let asked = request_for(&depot.test, &depot.shopper, &[4_200], to);
    let shipment = ask(&depot.test, Request { waits_for_packing: true, ..asked }).await;
    depot.test.run_jobs().await;
    assert_eq!(depot.courier.books().deliveries.len(), 0);
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    put(&depot.test, shipment, &clerk, &[carton("M", 4_300)]).await.expect(200);
    depot.test.run_jobs().await;
    depot.assert_one_live(shipment).await;
    assert_eq!(depot.see(shipment).await.number("/parcels/0/weight_grams"), 4_300);
}

#[tokio::test]
async fn a_store_that_books_when_packed_has_paid_orders_wait_for_its_staff() {
    let shop = Shop::open().await;
    let delivery = json!({"amount": 499, "tax_class": "standard", "book": "when_packed"});
    apply(&shop, &[store_with(&json!({ "delivery": delivery }))]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let order = shopper.order(cart, &[1]).await;
    shop.test.run_jobs().await;
    let shipment = shopper.read_order(order).await.text("/shipment").parse().expect("a shipment");
    let path = format!("/v1/shipments/{shipment}");
    let seen = shopper.get(&path).await.expect(200);
    assert_eq!((seen.text("/state"), &seen.json["waits_for_packing"]), ("requested", &json!(true)));
    assert_eq!(shop.dhl.books().shipments.len(), 0);
    // Packed as it was planned: the planned parcel is booked, and no other.
    let clerk = shop.test.staff(Role::Clerk, &[STORE]).await;
    let planned = carton("S", 1_050 + 200);
    put(&shop.test, shipment, &clerk, &[planned]).await.expect(200);
    shop.until(async || shop.dhl.books().shipments.len() == 1).await;
    shop.until(async || shopper.get(&path).await.text("/state") == "booked").await;
    let seen = shopper.get(&path).await.expect(200);
    assert_eq!(ours(&seen, "parcels"), [1]);
    let wrong = json!({"delivery": {"amount": 499, "tax_class": "standard", "book": "some_day"}});
    let report = shop.test.apply_rows(&[store_with(&wrong)]).await;
    assert_eq!(report.quarantined, 1);
}

#[tokio::test]
async fn parcels_with_faults_are_refused_each_with_its_place_and_only_the_stores_staff_pack() {
    let bench = Bench::new().await;
    let shipment = bench.booked(&[4_200]).await;
    let flat = json!({"weight_grams": 100, "size": {"length_mm": 100, "width_mm": 0, "height_mm": 100}});
    let both = json!({"weight_grams": 100, "carton": "M", "size": crate_of(1)["size"]});
    let faulty =
        [carton("M", 0), carton("XXL", 100), flat, both, json!({"weight_grams": 100}), carton("M", 100_001)];
    let refused = bench.pack(shipment, &faulty).await;
    let problem = refused.problem(422, "parcels_invalid");
    let errors = problem.json["errors"].as_array().expect("errors");
    let pointers: Vec<&str> = errors.iter().map(|one| one["pointer"].as_str().expect("a pointer")).collect();
    let expected = ["/0/weight_grams", "/1/carton", "/2/size", "/3", "/4", "/5/weight_grams"];
    assert_eq!(pointers, expected.map(|rest| format!("/parcels{rest}")));
    bench.pack(shipment, &[]).await.problem(422, "parcels_invalid");
    bench.pack(shipment, &vec![carton("M", 1_000); 101]).await.problem(422, "parcels_invalid");
    let parcels = [carton("M", 2_000)];
    let test = &bench.depot.test;
    let elsewhere = test.staff(Role::Admin, &["0002"]).await;
    put(test, shipment, &elsewhere, &parcels).await.problem(403, "role_missing");
    let other = put(test, shipment, &bench.shopper.token, &parcels).await;
    assert_eq!(other.status, reqwest::StatusCode::FORBIDDEN);
    let nobody: ShipmentId = test.app.ids.next();
    bench.pack(nobody, &parcels).await.problem(404, "shipment_unknown");
    assert_eq!((ours(&bench.see(shipment).await, "parcels"), bench.bookings()), (vec![1], 1));
}

#[tokio::test]
async fn goods_that_nobody_packed_when_they_should_leave_are_a_task() {
    let bench = Bench::new().await;
    let now = bench.depot.test.app.clock.now();
    let tasks = async || crate::pickups::tasks(&bench.depot.test).await;
    for (leaves_by, hours) in [(Some(now + Duration::hours(4)), 4), (None, 24)] {
        let to = address("Mária Müller", "10115", "Berlin");
        let asked = request_for(&bench.depot.test, &bench.shopper, &[4_200], to);
        let late =
            ask(&bench.depot.test, Request { waits_for_packing: true, leaves_by, ..asked.clone() }).await;
        let in_time = Request {
            shipment: bench.depot.test.app.ids.next(),
            follow_code: bench.depot.test.app.random.readable::<20>(),
            waits_for_packing: true,
            leaves_by,
            ..asked
        };
        let in_time = ask(&bench.depot.test, in_time).await;
        let clerk = bench.depot.test.staff(Role::Clerk, &[STORE]).await;
        put(&bench.depot.test, in_time, &clerk, &[carton("M", 2_000)]).await.expect(200);
        bench.depot.pass(Duration::hours(hours) - Duration::minutes(1)).await;
        assert!(tasks().await.is_empty());
        bench.depot.pass(Duration::minutes(1)).await;
        let open = tasks().await;
        assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("look_into")));
        assert_eq!(open[0]["shipment"], json!(late));
        let done = format!("/v1/delivery-tasks/{}/done", open[0]["id"].as_str().expect("an id"));
        let clerk = bench.depot.test.staff(Role::Clerk, &[STORE]).await;
        let note = json!({"note": "Packed now"});
        bench.depot.test.post(&done, &note).bearer(&clerk).send().await.expect(200);
    }
}

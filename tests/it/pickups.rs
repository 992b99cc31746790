//! Drivers that are ordered where a courier does not come anyway: once for each courier and day, whatever the network does.

use std::time::Duration as Time;

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::jobs;
use aisle::sandbox::dhl::FaultKind;
use aisle::sandbox::{gls as gls_sandbox, ups as ups_sandbox};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::{dhl, gls, ups};
use crate::support::delivery::{Depot, STORE};
use crate::support::{Answer, TestApp};
use crate::{gls_delivery, ups_delivery};

const PICKUPS: &str = "/v1/stores/0001/pickups";

async fn pickups(test: &TestApp) -> Vec<Value> {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    let answer = test.get(&format!("{PICKUPS}?day=2026-11-23")).bearer(&clerk).send().await.expect(200);
    answer.json["pickups"].as_array().expect("pickups").clone()
}

/// What is to be seen to in the store: what kind of thing, and what went wrong.
pub async fn tasks(test: &TestApp) -> Vec<Value> {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    let answer = test.get("/v1/stores/0001/delivery-tasks").bearer(&clerk).send().await.expect(200);
    answer.json["tasks"].as_array().expect("tasks").clone()
}

async fn supervisor(test: &TestApp) -> String {
    test.staff(Role::Supervisor, &[STORE]).await
}

async fn order(test: &TestApp, body: &Value) -> Answer {
    test.post(PICKUPS, body).bearer(&supervisor(test).await).send().await
}

async fn take_back(test: &TestApp, pickup: &Value) -> Answer {
    let path = format!("{PICKUPS}/{}", pickup["pickup"].as_str().expect("an id"));
    test.call(reqwest::Method::DELETE, &path).bearer(&supervisor(test).await).send().await
}

/// A depot whose store orders its drivers.
async fn depot() -> Depot {
    let depot = Depot::new().await;
    depot.test.deliver_by(&json!({"order_pickup": ["dhl"]})).await;
    depot
}

async fn book(depot: &Depot) {
    let shopper = depot.test.shopper().await;
    depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
}

/// The drivers who come.
fn live(depot: &Depot) -> usize {
    depot.dhl.books().pickups.iter().filter(|pickup| pickup.cancelled_at.is_none()).count()
}

#[tokio::test]
async fn the_first_parcel_of_a_day_orders_the_driver_for_the_hour_at_which_goods_go_out() {
    let depot = depot().await;
    book(&depot).await;
    book(&depot).await;
    let ordered = pickups(&depot.test).await;
    assert_eq!(
        (ordered.len(), &ordered[0]["state"], &ordered[0]["comes_on"]),
        (1, &json!("confirmed"), &json!("2026-11-23"))
    );
    // From four to five of a winter's day in Germany.
    let window = (&ordered[0]["ready_at"], &ordered[0]["until"]);
    assert_eq!(window, (&json!("2026-11-23T15:00:00Z"), &json!("2026-11-23T16:00:00Z")));
    let books = depot.dhl.books();
    assert_eq!(books.pickups.len(), 1);
    assert_eq!(json!(books.pickups[0].id), ordered[0]["carrier_pickup_id"]);
    assert_eq!(books.pickups[0].order["businessHours"], json!([{"timeFrom": "16:00", "timeUntil": "17:00"}]));
    assert_eq!((books.pickups[0].postal_code.as_str(), books.pickups[0].parcels), ("53113", 1));
    // Staff who order it again get the one that there is.
    let again = order(&depot.test, &json!({"carrier": "dhl"})).await.expect(202);
    assert_eq!(again.json["pickup"], ordered[0]["pickup"]);
    depot.test.run_jobs().await;
    assert_eq!(depot.dhl.books().pickups.len(), 1);
    dhl::assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_courier_that_comes_anyway_is_not_ordered() {
    let depot = Depot::new().await;
    depot.test.deliver_by(&json!({})).await;
    book(&depot).await;
    assert_eq!((pickups(&depot.test).await.len(), depot.dhl.books().pickups.len()), (0, 0));
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_no_second_driver_comes() {
    for (fault, orders) in [
        (FaultKind::NoAnswerAfter, 1),
        (FaultKind::ErrorAfter { status: 503 }, 1),
        (FaultKind::Garbled, 1),
        (FaultKind::NoAnswerBefore, 2),
    ] {
        let depot = depot().await;
        depot.dhl.plan_fault("pickups.create", fault.clone(), 1);
        book(&depot).await;
        assert_eq!(pickups(&depot.test).await[0]["state"], "unknown");
        for _ in 0..8 {
            depot.pass(Duration::minutes(5)).await;
        }
        let rows = pickups(&depot.test).await;
        assert_eq!(rows.len(), orders, "{fault:?}");
        assert_eq!(rows[orders - 1]["state"], "confirmed");
        assert!(rows[orders - 1]["detail"].is_null());
        assert_eq!(depot.dhl.books().pickups.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_run_that_ended_between_the_call_and_its_settlement_orders_no_second_driver() {
    let depot = depot().await;
    book(&depot).await;
    let pickup = pickups(&depot.test).await[0]["pickup"].as_str().expect("an id").parse().expect("an id");
    let app = &depot.test.app;
    // As the database is when the process dies with the courier's answer in its hands.
    let mut tx = app.db.begin().await.expect("begun");
    let text = "UPDATE pickups SET state = 'sent', carrier_pickup_id = NULL, comes_on = NULL";
    tx.sql(text).execute().await.expect("updated");
    let job = aisle::delivery::OrderPickup { pickup };
    jobs::enqueue(&mut tx, &app.ids, app.clock.now(), &job).await.expect("asked for");
    tx.commit().await.expect("committed");
    depot.test.run_jobs().await;
    assert_eq!(pickups(&depot.test).await[0]["state"], "confirmed");
    assert_eq!(depot.dhl.books().pickups.len(), 1);
}

#[tokio::test]
async fn a_courier_that_is_down_is_called_until_the_day_is_over() {
    let depot = depot().await;
    depot.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 3);
    order(&depot.test, &json!({"carrier": "dhl"})).await.expect(202);
    for _ in 0..4 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!((pickups(&depot.test).await[0]["state"].clone(), live(&depot)), (json!("confirmed"), 1));

    let depot = self::depot().await;
    depot.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 10_000);
    order(&depot.test, &json!({"carrier": "dhl"})).await.expect(202);
    for _ in 0..9 {
        depot.pass(Duration::hours(1)).await;
    }
    let row = pickups(&depot.test).await[0].clone();
    assert_eq!((&row["state"], live(&depot)), (&json!("cancelled"), 0));
    assert!(row["detail"].as_str().is_some_and(|words| words.contains("was not reached")), "{row}");
}

#[tokio::test]
async fn an_order_that_stays_unknown_ends_a_day_after_its_day() {
    let depot = depot().await;
    depot.dhl.plan_fault("pickups.create", FaultKind::NoAnswerAfter, 1);
    depot.dhl.plan_fault("pickups.list", FaultKind::ErrorBefore { status: 503 }, 10_000);
    book(&depot).await;
    for _ in 0..33 {
        depot.pass(Duration::hours(1)).await;
    }
    let row = pickups(&depot.test).await[0].clone();
    assert_eq!(row["state"], "abandoned");
    assert!(row["detail"].as_str().is_some_and(|words| words.contains("its day is over")), "{row}");
}

#[tokio::test]
async fn what_a_courier_refuses_is_shown_and_staff_order_again() {
    let depot = Depot::new().await;
    // After noon DHL's sandbox sends nobody on the same day.
    depot.test.deliver_by(&json!({"order_pickup": ["dhl"]})).await;
    depot.pass(Duration::hours(3)).await;
    book(&depot).await;
    book(&depot).await;
    let rows = pickups(&depot.test).await;
    assert_eq!((rows.len(), &rows[0]["state"]), (1, &json!("rejected")), "not ordered again by itself");
    assert!(rows[0]["detail"].as_str().is_some_and(|words| words.contains("before 12:00")), "{}", rows[0]);
    let tomorrow = order(&depot.test, &json!({"carrier": "dhl", "day": "2026-11-24"})).await.expect(202);
    assert_eq!(tomorrow.text("/day"), "2026-11-24");
    depot.test.run_jobs().await;
    assert_eq!(depot.dhl.books().pickups[0].day.to_string(), "2026-11-24");
    dhl::assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_driver_whom_the_courier_refuses_is_a_task_until_somebody_saw_to_it() {
    let depot = Depot::new().await;
    let test = &depot.test;
    test.deliver_by(&json!({"order_pickup": ["dhl"]})).await;
    depot.pass(Duration::hours(3)).await;
    book(&depot).await;
    book(&depot).await;
    let (open, row) = (tasks(test).await, pickups(test).await[0].clone());
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0]["kind"], &open[0]["pickup"]), (&json!("see_to_pickup"), &row["pickup"]));
    assert_eq!(open[0]["detail"], row["detail"]);
    assert!(open[0]["shipment"].is_null() && open[0]["closing"].is_null());
    let done = format!("/v1/delivery-tasks/{}/done", open[0]["id"].as_str().expect("an id"));
    let note = json!({"note": "Comes tomorrow"});
    let elsewhere = test.staff(Role::Clerk, &["0002"]).await;
    test.post(&done, &note).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    assert_eq!(
        test.post(&done, &note).bearer(&clerk).send().await.expect(200).text("/note"),
        "Comes tomorrow"
    );
    order(test, &json!({"carrier": "dhl", "day": "2026-11-24"})).await.expect(202);
    test.run_jobs().await;
    assert_eq!(tasks(test).await, Vec::<Value>::new(), "a driver comes");
}

#[tokio::test]
async fn an_order_by_which_nobody_comes_or_nobody_knows_is_a_task_and_one_that_comes_late_is_none() {
    // The courier is down until the day is over.
    let down = depot().await;
    down.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 10_000);
    order(&down.test, &json!({"carrier": "dhl"})).await.expect(202);
    down.pass(Duration::hours(1)).await;
    assert_eq!(tasks(&down.test).await.len(), 0, "it is still being called");
    for _ in 0..8 {
        down.pass(Duration::hours(1)).await;
    }
    let open = tasks(&down.test).await;
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains("was not reached")), "{open:?}");
    // Its answer was lost, and it finds the order.
    let late = depot().await;
    late.dhl.plan_fault("pickups.create", FaultKind::NoAnswerAfter, 1);
    book(&late).await;
    for _ in 0..8 {
        late.pass(Duration::minutes(5)).await;
    }
    assert_eq!(pickups(&late.test).await[0]["state"], "confirmed");
    assert_eq!(tasks(&late.test).await.len(), 0);
    // Its answer was lost, and it can't be asked.
    let gls = gls_delivery::depot().await;
    gls.test.deliver_by(&json!({"order_pickup": ["gls"]})).await;
    let fault = gls_sandbox::Fault::NoAnswerAfter { hold: false };
    gls.courier.add_fault(gls_sandbox::Rule::new("collections.create", fault, 1)).expect("planned");
    gls.request().await;
    gls.pass(Duration::hours(2)).await;
    gls.request().await;
    let open = tasks(&gls.test).await;
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("see_to_pickup")));
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains("call it")), "{open:?}");
    // Its day has passed while it could not be asked.
    let unknown = depot().await;
    unknown.dhl.plan_fault("pickups.create", FaultKind::NoAnswerAfter, 1);
    unknown.dhl.plan_fault("pickups.list", FaultKind::ErrorBefore { status: 503 }, 10_000);
    book(&unknown).await;
    for _ in 0..33 {
        unknown.pass(Duration::hours(1)).await;
    }
    let open = tasks(&unknown.test).await;
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains("its day is over")), "{open:?}");
}

#[tokio::test]
async fn staff_take_an_order_back_however_the_cancellation_goes() {
    for fault in [None, Some(FaultKind::NoAnswerAfter), Some(FaultKind::ErrorBefore { status: 503 })] {
        let depot = depot().await;
        book(&depot).await;
        let row = pickups(&depot.test).await[0].clone();
        if let Some(fault) = fault {
            depot.dhl.plan_fault("pickups.cancel", fault, 1);
        }
        take_back(&depot.test, &row).await.expect(202);
        for _ in 0..3 {
            depot.pass(Duration::minutes(2)).await;
        }
        assert_eq!((pickups(&depot.test).await[0]["state"].clone(), live(&depot)), (json!("cancelled"), 0));
        assert_eq!(take_back(&depot.test, &row).await.expect(202).text("/state"), "cancelled");
        // What staff took back is not ordered again by the next parcel, but by them.
        book(&depot).await;
        assert_eq!(live(&depot), 0);
        order(&depot.test, &json!({"carrier": "dhl"})).await.expect(202);
        depot.test.run_jobs().await;
        assert_eq!(live(&depot), 1);
    }
}

#[tokio::test]
async fn a_driver_who_is_on_the_way_is_not_taken_back() {
    let depot = depot().await;
    book(&depot).await;
    let row = pickups(&depot.test).await[0].clone();
    depot.pass(Duration::hours(4)).await;
    take_back(&depot.test, &row).await.expect(202);
    depot.test.run_jobs().await;
    let kept = pickups(&depot.test).await[0].clone();
    assert_eq!((&kept["state"], live(&depot)), (&json!("confirmed"), 1));
    assert!(kept["detail"].as_str().is_some_and(|words| words.contains("keeps the order")), "{kept}");
}

#[tokio::test]
async fn orders_are_refused_that_make_no_sense() {
    let depot = depot().await;
    let test = &depot.test;
    order(test, &json!({"carrier": "uber"})).await.problem(409, "pickup_not_offered");
    for day in ["2026-11-22", "2026-12-24"] {
        order(test, &json!({"carrier": "dhl", "day": day})).await.problem(409, "pickup_too_late");
    }
    let body = json!({"carrier": "dhl"});
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    test.post(PICKUPS, &body).bearer(&clerk).send().await.problem(403, "role_missing");
    let elsewhere = test.staff(Role::Admin, &["0002"]).await;
    test.get(PICKUPS).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let ordered = order(test, &body).await.expect(202);
    let path = format!("/v1/stores/0002/pickups/{}", ordered.text("/pickup"));
    let call = test.call(reqwest::Method::DELETE, &path).bearer(&elsewhere).send().await;
    call.problem(404, "pickup_unknown");
}

#[tokio::test]
async fn ups_sends_a_driver_and_a_lost_answer_is_found_among_those_that_are_pending() {
    for lost in [false, true] {
        let ups = ups_delivery::depot(Time::ZERO).await;
        ups.test.deliver_by(&json!({"order_pickup": ["ups"]})).await;
        if lost {
            let fault = ups_sandbox::FaultKind::Network(ups_sandbox::Fault::NoAnswerAfter { hold: false });
            ups.courier.add_fault(ups_sandbox::Rule::new("pickup.create", fault, 1));
        }
        ups.request().await;
        ups.pass(Duration::minutes(5)).await;
        let row = pickups(&ups.test).await[0].clone();
        let books = ups.courier.books().pickups;
        assert_eq!((books.len(), &row["state"]), (1, &json!("confirmed")), "{row}");
        assert_eq!(
            (&json!(books[0].prn), &json!(books[0].reference)),
            (&row["carrier_pickup_id"], &row["reference"])
        );
        assert_eq!((books[0].ready.as_str(), books[0].close.as_str()), ("1600", "1700"));
        take_back(&ups.test, &row).await.expect(202);
        ups.test.run_jobs().await;
        assert!(ups.courier.books().pickups[0].cancelled_at.is_some());
        ups::assert_kept(&ups.courier);
    }
}

#[tokio::test]
async fn a_driver_is_ordered_for_what_leaves_the_store_and_not_for_what_comes_back() {
    let ups = ups_delivery::depot(Time::ZERO).await;
    let arrived = ups.request().await;
    let number = ups.see(arrived).await.text("/parcels/0/tracking_number").to_owned();
    for _ in 0..4 {
        ups.courier.advance(&number).expect("the parcel moves");
    }
    ups.pass(Duration::hours(2)).await;
    let back: ShipmentId = ups.test.app.ids.next();
    let path = format!("/v1/shipments/{arrived}/returns/{back}");
    let parcels = json!({"parcels": [{"weight_grams": 900}]});
    let clerk = ups.test.staff(Role::Clerk, &[STORE]).await;
    ups.test.put(&path, &parcels).bearer(&clerk).send().await.expect(200);
    ups.test.run_jobs().await;
    assert_eq!(ups.see(back).await.text("/state"), "booked");
    ups.test.deliver_by(&json!({"order_pickup": ["ups"]})).await;
    ups.request().await;
    let row = pickups(&ups.test).await[0].clone();
    assert_eq!(row["parcels"], json!(1), "{row}");
}

#[tokio::test]
async fn gls_says_when_it_comes_and_what_it_never_answered_is_left_to_staff() {
    let gls = gls_delivery::depot().await;
    gls.test.deliver_by(&json!({"order_pickup": ["gls"]})).await;
    gls.request().await;
    let row = pickups(&gls.test).await[0].clone();
    assert_eq!((&row["state"], &row["comes_on"]), (&json!("confirmed"), &json!("2026-11-24")));
    take_back(&gls.test, &row).await.problem(409, "pickup_not_cancellable");
    gls::assert_kept(&gls.courier);

    let gls = gls_delivery::depot().await;
    let fault = gls_sandbox::Fault::NoAnswerAfter { hold: false };
    gls.courier.add_fault(gls_sandbox::Rule::new("collections.create", fault, 1)).expect("planned");
    order(&gls.test, &json!({"carrier": "gls"})).await.problem(404, "store_unknown");
    gls.test.deliver_by(&json!({"order_pickup": ["gls"]})).await;
    gls.request().await;
    gls.pass(Duration::hours(2)).await;
    gls.request().await;
    let row = pickups(&gls.test).await[0].clone();
    assert_eq!((&row["state"], gls.courier.books().collections.len()), (&json!("unknown"), 1));
    assert!(row["detail"].as_str().is_some_and(|words| words.contains("call it")), "{row}");
    // Staff have called GLS, and say so: only then another one can be ordered.
    assert_eq!(take_back(&gls.test, &row).await.expect(202).text("/state"), "abandoned");
    order(&gls.test, &json!({"carrier": "gls"})).await.expect(202);
    gls.test.run_jobs().await;
    assert_eq!(pickups(&gls.test).await.len(), 2);
    assert_eq!(gls.courier.books().collections.len(), 2);
}

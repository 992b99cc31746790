//! A day's parcels, declared at the courier: once, at the hour that the store says, with a document where there is one.

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::{Exchange, FaultKind};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::{dhl, gls};
use crate::pickups::tasks;
use crate::support::delivery::{Depot, STORE, address};
use crate::support::{Answer, TestApp};
use crate::{gls_delivery, ups_delivery};

const CLOSINGS: &str = "/v1/stores/0001/closings";

/// A clerk of the store who has just signed in.
async fn clerk(test: &TestApp) -> String {
    test.staff(Role::Clerk, &[STORE]).await
}

async fn closings(test: &TestApp) -> Vec<Value> {
    let answer = test.get(CLOSINGS).bearer(&clerk(test).await).send().await.expect(200);
    answer.json["closings"].as_array().expect("closings").clone()
}

async fn close(test: &TestApp, carrier: &str) -> Answer {
    test.post(CLOSINGS, &json!({"carrier": carrier})).bearer(&clerk(test).await).send().await
}

async fn manifest(test: &TestApp, closing: &Value) -> Answer {
    let id = closing["closing"].as_str().expect("an id");
    test.get(&format!("{CLOSINGS}/{id}/manifest")).bearer(&clerk(test).await).send().await
}

/// A depot whose store closes its days at half past five.
async fn depot() -> Depot {
    let depot = Depot::new().await;
    depot.test.deliver_by(&json!({"close_at": "17:30"})).await;
    depot
}

async fn handed_over(depot: &Depot) -> ShipmentId {
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    depot.hand_over(shipment, &clerk(&depot.test).await).await.expect(200);
    depot.test.run_jobs().await;
    shipment
}

fn closed(depot: &Depot) -> usize {
    depot.live().iter().filter(|each| each.closed_at.is_some()).count()
}

/// How often the courier was told of parcels, and answered.
fn told(depot: &Depot) -> usize {
    let exchanges = depot.dhl.exchanges();
    let is_told =
        |each: &&Exchange| each.method == "POST" && each.path.ends_with("/manifests") && each.status == 207;
    exchanges.iter().filter(is_told).count()
}

#[tokio::test]
async fn a_day_is_closed_once_at_the_stores_hour_and_again_for_what_came_later() {
    let depot = depot().await;
    handed_over(&depot).await;
    depot.pass(Duration::hours(2)).await;
    handed_over(&depot).await;
    let open = closings(&depot.test).await;
    assert_eq!((open.len(), &open[0]["state"], &open[0]["parcels"]), (1, &json!("open"), &json!(2)));
    // Half past five of a winter's day in Germany.
    assert_eq!(open[0]["due_at"], "2026-11-23T16:30:00Z");
    let due = "2026-11-23T16:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    depot.pass(due - depot.test.app.clock.now() - Duration::seconds(1)).await;
    assert_eq!((closed(&depot), told(&depot)), (0, 0));
    depot.pass(Duration::seconds(1)).await;
    assert_eq!((closed(&depot), told(&depot)), (2, 1));
    let done = closings(&depot.test).await;
    assert_eq!((&done[0]["state"], &done[0]["refused"]), (&json!("closed"), &json!([])));
    let paper = manifest(&depot.test, &done[0]).await.expect(200);
    assert_eq!(paper.headers["content-type"], "application/pdf");
    assert!(paper.bytes.starts_with(b"%PDF"));
    assert_eq!(
        paper.headers["etag"],
        format!("\"{}\"", done[0]["manifest_sha256"].as_str().expect("a digest"))
    );

    handed_over(&depot).await;
    assert_eq!(closed(&depot), 2, "what comes late waits a little for what follows");
    depot.pass(Duration::minutes(15)).await;
    assert_eq!((closed(&depot), told(&depot)), (3, 2));
    let all = closings(&depot.test).await;
    assert_eq!(all.iter().map(|each| each["parcels"].clone()).collect::<Vec<_>>(), [json!(2), json!(1)]);
    depot.pass(Duration::days(1)).await;
    assert_eq!(told(&depot), 2);
    assert_eq!(closings(&depot.test).await, Vec::<Value>::new(), "today is another day");
    let path = format!("{CLOSINGS}?day=2026-11-23");
    let listed = depot.test.get(&path).bearer(&clerk(&depot.test).await).send().await.expect(200);
    assert_eq!(listed.json["closings"], json!(all));
    dhl::assert_kept(&depot.dhl);
}

#[tokio::test]
async fn staff_close_a_day_before_its_hour_and_saying_it_again_changes_nothing() {
    let depot = depot().await;
    close(&depot.test, "dhl").await.problem(409, "nothing_to_close");
    close(&depot.test, "ups").await.problem(409, "closing_not_needed");
    let shipment = handed_over(&depot).await;
    close(&depot.test, "dhl").await.expect(202);
    depot.test.run_jobs().await;
    assert_eq!((closed(&depot), told(&depot)), (1, 1));
    let again = close(&depot.test, "dhl").await.expect(202);
    assert_eq!(again.text("/state"), "closed");
    depot.test.run_jobs().await;
    assert_eq!(told(&depot), 1);
    assert!(depot.see(shipment, &clerk(&depot.test).await).await.json["trouble"].is_null());

    let elsewhere = depot.test.staff(Role::Admin, &["0002"]).await;
    let paper = format!("{CLOSINGS}/{}/manifest", again.text("/closing"));
    for path in [CLOSINGS, &paper] {
        depot.test.get(path).bearer(&elsewhere).send().await.problem(403, "role_missing");
    }
    let body = json!({"carrier": "dhl"});
    depot.test.post(CLOSINGS, &body).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let others = paper.replace("0001", "0002");
    depot.test.get(&others).bearer(&elsewhere).send().await.problem(404, "closing_unknown");
}

#[tokio::test]
async fn a_lost_answer_is_asked_again_and_does_no_harm() {
    for fault in [FaultKind::NoAnswerAfter, FaultKind::ErrorAfter { status: 503 }, FaultKind::NoAnswerBefore]
    {
        let depot = depot().await;
        let shipment = handed_over(&depot).await;
        depot.dhl.plan_fault("manifests.create", fault, 1);
        close(&depot.test, "dhl").await.expect(202);
        depot.test.run_jobs().await;
        let waiting = closings(&depot.test).await;
        assert_eq!(waiting[0]["state"], "closing");
        assert!(waiting[0]["detail"].is_string());
        depot.pass(Duration::minutes(5)).await;
        let done = closings(&depot.test).await;
        assert_eq!((&done[0]["state"], &done[0]["detail"]), (&json!("closed"), &Value::Null));
        assert_eq!(closed(&depot), 1);
        assert!(depot.see(shipment, &clerk(&depot.test).await).await.json["trouble"].is_null());
    }
}

#[tokio::test]
async fn a_courier_that_is_down_is_told_until_it_has_closed_by_itself() {
    let depot = depot().await;
    let shipment = handed_over(&depot).await;
    depot.dhl.plan_fault("manifests.create", FaultKind::ErrorBefore { status: 503 }, 10_000);
    for _ in 0..34 {
        depot.pass(Duration::hours(1)).await;
    }
    let path = format!("{CLOSINGS}?day=2026-11-23");
    let listed = depot.test.get(&path).bearer(&clerk(&depot.test).await).send().await.expect(200);
    assert_eq!(listed.text("/closings/0/state"), "lapsed");
    assert!(listed.text("/closings/0/detail").contains("503"));
    let asked = depot.calls("manifests.create");
    depot.pass(Duration::days(1)).await;
    assert_eq!(depot.calls("manifests.create"), asked);
    assert!(
        depot.see(shipment, &clerk(&depot.test).await).await.json["trouble"].is_null(),
        "nothing is lost"
    );
    // Its document is missing, and drivers took the parcels all the same: somebody looks, once.
    let open = tasks(&depot.test).await;
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("see_to_closing")));
    assert_eq!(open[0]["closing"], listed.json["closings"][0]["closing"]);
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains("503")), "{open:?}");
}

#[tokio::test]
async fn what_the_courier_does_not_close_is_the_shipments_trouble_and_the_rest_is_closed() {
    let depot = depot().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200, 900]).await;
    depot.test.run_jobs().await;
    // As when somebody took the label back in the courier's portal.
    let mut tx = depot.test.app.db.begin().await.expect("begun");
    let text = "UPDATE booking_attempts SET carrier_shipment_id = '0034043333301000000000' WHERE parcel = 2";
    tx.sql(text).execute().await.expect("updated");
    tx.commit().await.expect("committed");
    depot.hand_over(shipment, &clerk(&depot.test).await).await.expect(200);
    close(&depot.test, "dhl").await.expect(202);
    depot.test.run_jobs().await;
    let done = closings(&depot.test).await;
    assert_eq!((&done[0]["state"], &done[0]["parcels"]), (&json!("closed"), &json!(2)));
    assert_eq!(
        (&done[0]["refused"][0]["shipment"], &done[0]["refused"][0]["parcel"]),
        (&json!(shipment), &json!(2))
    );
    assert_eq!(closed(&depot), 1);
    let seen = depot.see(shipment, &clerk(&depot.test).await).await;
    assert!(seen.text("/trouble").contains("parcel 2: the courier did not close"), "{}", seen.json);
    let open = tasks(&depot.test).await;
    assert_eq!(
        (open.len(), &open[0]["kind"], &open[0]["closing"]),
        (1, &json!("see_to_closing"), &done[0]["closing"])
    );
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains("did not close")), "{open:?}");
}

#[tokio::test]
async fn a_parcel_that_the_courier_scanned_first_is_declared_with_the_others() {
    let depot = depot().await;
    let shopper = depot.test.shopper().await;
    depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    assert_eq!(closings(&depot.test).await, Vec::<Value>::new());
    depot.dhl.advance(&depot.live()[0].number).expect("the parcel moves");
    depot.pass(Duration::hours(2)).await;
    assert_eq!(closings(&depot.test).await[0]["parcels"], 1);
}

#[tokio::test]
async fn a_manifest_that_is_not_there_yet_is_fetched_later() {
    let depot = depot().await;
    handed_over(&depot).await;
    depot.dhl.plan_fault("manifests.get", FaultKind::ErrorBefore { status: 503 }, 1);
    close(&depot.test, "dhl").await.expect(202);
    depot.test.run_jobs().await;
    let done = closings(&depot.test).await;
    assert_eq!(done[0]["state"], "closed");
    manifest(&depot.test, &done[0]).await.problem(404, "manifest_missing");
    depot.pass(Duration::minutes(5)).await;
    manifest(&depot.test, &done[0]).await.expect(200);
}

#[tokio::test]
async fn gls_ends_its_day_without_a_document_and_ups_has_no_day_to_end() {
    let gls = gls_delivery::depot().await;
    gls.test.deliver_by(&json!({})).await;
    let shipment = gls.request().await;
    let hand_over = format!("/v1/shipments/{shipment}/hand-over");
    gls.test.post(&hand_over, &Value::Null).bearer(&clerk(&gls.test).await).send().await.expect(200);
    close(&gls.test, "gls").await.expect(202);
    gls.test.run_jobs().await;
    assert!(gls.courier.books().parcels[0].closed_at.is_some());
    let done = closings(&gls.test).await;
    assert_eq!(done[0]["state"], "closed");
    manifest(&gls.test, &done[0]).await.problem(404, "manifest_missing");
    gls::assert_kept(&gls.courier);

    let ups = ups_delivery::depot(std::time::Duration::ZERO).await;
    let shipment = ups.request().await;
    let hand_over = format!("/v1/shipments/{shipment}/hand-over");
    ups.test.post(&hand_over, &Value::Null).bearer(&clerk(&ups.test).await).send().await.expect(200);
    assert_eq!(closings(&ups.test).await, Vec::<Value>::new());
    close(&ups.test, "ups").await.problem(409, "closing_not_needed");
}

/// A depot with a booked shipment of one parcel.
async fn booked() -> (Depot, ShipmentId) {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    (depot, shipment)
}

/// Corrects the postal code of a shipment.
async fn correct(depot: &Depot, shipment: ShipmentId, postal_code: &str) {
    let supervisor = depot.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    let body = json!(address("Mária Müller", postal_code, "Berlin"));
    depot.test.put(&path, &body).bearer(&supervisor).send().await.expect(200);
    depot.test.run_jobs().await;
}

#[tokio::test]
async fn a_label_that_the_courier_keeps_is_replaced_by_another_parcels_and_stays_a_task() {
    let (depot, shipment) = booked().await;
    let clerk = clerk(&depot.test).await;
    let kept = depot.live()[0].number.clone();
    // The courier has closed its day by itself: it takes no label of it back.
    depot.pass(Duration::hours(12)).await;
    for (postal_code, number) in [("10117", 2), ("10119", 2)] {
        correct(&depot, shipment, postal_code).await;
        let seen = depot.see(shipment, &clerk).await;
        assert_eq!(
            (seen.text("/state"), seen.number("/parcels/0/number")),
            ("booked", number),
            "{}",
            seen.json
        );
        assert!(seen.json["trouble"].is_null());
        assert_eq!(seen.number("/parcels/0/weight_grams"), 4_200);
        let good = seen.text("/parcels/0/tracking_number");
        let live = depot.live();
        let others: Vec<_> = live.iter().filter(|one| one.number != kept).collect();
        assert_eq!((live.len(), others[0].number.as_str()), (2, good));
        assert_eq!(others[0].consignee_postal_code, postal_code);
        let dropped = (seen.number("/dropped_parcels/0/number"), seen.text("/dropped_parcels/0/booking"));
        assert_eq!(dropped, (1, "confirmed"));
        let open = tasks(&depot.test).await;
        assert_eq!((open.len(), &open[0]["kind"], &open[0]["parcel"]), (1, &json!("look_into"), &json!(1)));
        assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains(&kept)), "{}", open[0]);
    }
    // With the order the kept label is asked for once more, and does not hang.
    let calls = depot.calls("orders.delete");
    depot.cancel(shipment).await.expect("cancelled");
    depot.test.run_jobs().await;
    let seen = depot.see(shipment, &clerk).await;
    let states = (seen.text("/parcels/0/booking"), seen.text("/dropped_parcels/0/booking"));
    assert_eq!(states, ("cancelled", "confirmed"), "{}", seen.json);
    assert_eq!(depot.calls("orders.delete"), calls + 2);
    assert_eq!(depot.live().len(), 1);
}

#[tokio::test]
async fn a_cancellation_without_an_answer_for_a_day_is_a_task_once() {
    let (depot, shipment) = booked().await;
    let label = depot.live()[0].number.clone();
    depot.dhl.plan_fault("orders.delete", FaultKind::ErrorBefore { status: 503 }, 10_000);
    depot.cancel(shipment).await.expect("cancelled");
    for _ in 0..4 {
        assert!(tasks(&depot.test).await.is_empty());
        depot.pass(Duration::hours(6)).await;
    }
    let open = tasks(&depot.test).await;
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("look_into")));
    assert!(open[0]["detail"].as_str().is_some_and(|words| words.contains(&label)), "{}", open[0]);
    see_to(&depot, &open[0]).await;
    depot.pass(Duration::hours(6)).await;
    assert!(tasks(&depot.test).await.is_empty());
}

/// Somebody says that a task is done.
async fn see_to(depot: &Depot, task: &Value) {
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/delivery-tasks/{}/done", task["id"].as_str().expect("an id"));
    depot.test.post(&path, &json!({"note": "Seen to"})).bearer(&clerk).send().await.expect(200);
}

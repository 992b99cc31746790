//! Deliveries against the DHL sandbox: one live parcel whatever the network does, and the right state whatever the
//! courier tells.

use aisle::db::{Db, Engine, Run};
use aisle::delivery::{self, BookParcel};
use aisle::identity::{Role, Scope};
use aisle::ids::ShipmentId;
use aisle::jobs;
use aisle::sandbox::dhl::FaultKind;
use chrono::Duration;
use serde_json::json;

use crate::contract::dhl::assert_kept;
use crate::support::delivery::{Depot, STORE, address};

/// A depot with a booked shipment of one parcel, and the token of a clerk.
async fn booked() -> (Depot, ShipmentId, String) {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    assert_eq!(depot.see(shipment, &clerk).await.text("/state"), "booked");
    (depot, shipment, clerk)
}

async fn state(depot: &Depot, shipment: ShipmentId, token: &str) -> String {
    depot.see(shipment, token).await.expect(200).text("/state").to_owned()
}

#[tokio::test]
async fn a_shipment_is_booked_with_a_label_for_each_parcel_and_seen_by_its_own_people_only() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let shipment = depot.request(&shopper, &[4_200, 900]).await;
    let seen = depot.see(shipment, &shopper.token).await.expect(200);
    assert_eq!(seen.text("/state"), "requested");
    depot.test.run_jobs().await;
    let seen = depot.see(shipment, &shopper.token).await.expect(200);
    assert_eq!(seen.text("/state"), "booked");
    assert_eq!(seen.text("/parcels/1/status"), "announced");
    let number = seen.text("/parcels/0/tracking_number");
    assert!(seen.text("/parcels/0/tracking_url").ends_with(number));
    let labels = format!("/v1/shipments/{shipment}/labels");
    let live = depot.live();
    for parcel in 0..2 {
        let number = seen.text(&format!("/parcels/{parcel}/tracking_number"));
        let booked = live.iter().find(|each| each.number == number).expect("a live parcel");
        let path = format!("{labels}/{}", parcel + 1);
        let label = depot.test.get(&path).bearer(&clerk).send().await.expect(200);
        assert_eq!(label.headers["content-type"], "application/pdf");
        assert!(label.bytes.starts_with(b"%PDF"));
        assert_eq!(seen.text(&format!("/parcels/{parcel}/label_sha256")), booked.label_sha256);
        assert_eq!(label.headers["etag"], format!("\"{}\"", booked.label_sha256));
    }
    depot.test.get(&format!("{labels}/3")).bearer(&clerk).send().await.problem(404, "label_missing");
    depot.test.get(&format!("{labels}/1")).bearer(&shopper.token).send().await.problem(403, "other_caller");
    let list = format!("/v1/stores/{STORE}/shipments?state=booked");
    let waiting = depot.test.get(&list).bearer(&clerk).send().await.expect(200);
    assert_eq!(waiting.text("/shipments/0/shipment"), shipment.to_string());
    let other = depot.test.shopper().await;
    depot.see(shipment, &other.token).await.problem(404, "shipment_unknown");
    let elsewhere = depot.test.staff(Role::Admin, &["0002"]).await;
    depot.see(shipment, &elsewhere).await.problem(403, "role_missing");
    depot.hand_over(shipment, &elsewhere).await.problem(403, "role_missing");
    depot.test.get(&list).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let partner = depot.test.partner(&[Scope::EventsRead]).await;
    depot.see(shipment, &partner).await.problem(403, "other_caller");
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_time_out_after_success_ends_in_exactly_one_live_parcel() {
    for fault in [FaultKind::NoAnswerAfter, FaultKind::ErrorAfter { status: 503 }, FaultKind::Garbled] {
        let depot = Depot::new().await;
        let shopper = depot.test.shopper().await;
        let is_readable = !matches!(fault, FaultKind::Garbled);
        depot.dhl.plan_fault("orders.create", fault, 1);
        let shipment = depot.request(&shopper, &[4_200]).await;
        depot.test.run_jobs().await;
        let seen = depot.see(shipment, &shopper.token).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        for _ in 0..3 {
            depot.pass(Duration::minutes(5)).await;
        }
        let seen = depot.see(shipment, &shopper.token).await;
        assert_eq!(seen.text("/state"), "booked");
        let live = depot.live();
        assert_eq!(live.len(), 1);
        assert_eq!(seen.text("/parcels/0/label_sha256"), live[0].label_sha256);
        let reference = live[0].reference.clone().expect("a reference");
        assert_eq!(depot.dhl.books().live_with_reference(&reference).len(), 1);
        assert_eq!(depot.calls("orders.create"), 1);
        if is_readable {
            assert_kept(&depot.dhl);
        }
    }
}

#[tokio::test]
async fn a_booking_that_never_arrived_is_made_anew_after_half_an_hour_of_looking() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    depot.dhl.plan_fault("orders.create", FaultKind::NoAnswerBefore, 1);
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    for _ in 0..5 {
        depot.pass(Duration::minutes(5)).await;
        assert_eq!(depot.calls("orders.create"), 1);
    }
    for _ in 0..2 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(state(&depot, shipment, &shopper.token).await, "booked");
    assert_eq!(depot.live().len(), 1);
}

#[tokio::test]
async fn a_label_that_turns_up_after_a_new_booking_is_cancelled() {
    let depot = Depot::whose_tracking_knows_after(Duration::minutes(100)).await;
    let shopper = depot.test.shopper().await;
    depot.dhl.plan_fault("orders.create", FaultKind::NoAnswerAfter, 1);
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    for _ in 0..8 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(state(&depot, shipment, &shopper.token).await, "booked");
    assert_eq!(depot.live().len(), 2, "the first label is not known to tracking yet");
    for _ in 0..4 {
        depot.pass(Duration::hours(1)).await;
    }
    let live = depot.live();
    assert_eq!(live.len(), 1);
    let seen = depot.see(shipment, &shopper.token).await;
    assert_eq!(seen.text("/parcels/0/tracking_number"), live[0].number);
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_courier_that_is_down_is_called_again_until_it_is_back() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let clerk = depot.test.staff(Role::Clerk, &["*"]).await;
    depot.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 1_000);
    let shipment = depot.request(&shopper, &[4_200]).await;
    for _ in 0..26 {
        depot.pass(Duration::hours(1)).await;
    }
    let clerk = match depot.see(shipment, &clerk).await.status.as_u16() {
        200 => clerk,
        _ => depot.test.staff(Role::Clerk, &["*"]).await,
    };
    let seen = depot.see(shipment, &clerk).await.expect(200);
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "intent"));
    assert!(seen.text("/trouble").contains("not booked for a day"), "{}", seen.json);
    depot.dhl.clear_faults();
    depot.pass(Duration::hours(1)).await;
    let seen = depot.see(shipment, &clerk).await;
    assert_eq!(seen.text("/state"), "booked");
    assert!(seen.json["trouble"].is_null());
    assert_eq!(depot.live().len(), 1);
}

#[tokio::test]
async fn a_refused_address_is_trouble_until_a_supervisor_corrects_it() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let supervisor = depot.test.staff(Role::Supervisor, &[STORE]).await;
    depot.dhl.plan_fault("orders.create", FaultKind::ItemError, 1);
    let shipment = depot.request(&shopper, &[4_200, 900]).await;
    depot.test.run_jobs().await;
    let seen = depot.see(shipment, &clerk).await;
    assert_eq!(seen.text("/state"), "requested");
    assert!(seen.text("/trouble").contains("the courier refused it"), "{}", seen.json);
    assert!(depot.see(shipment, &shopper.token).await.json["trouble"].is_null());
    depot.hand_over(shipment, &clerk).await.problem(409, "shipment_state");
    let path = format!("/v1/shipments/{shipment}/recipient");
    let corrected = json!(address("Mária Müller", "10117", "Berlin"));
    depot.test.put(&path, &corrected).bearer(&clerk).send().await.problem(403, "role_missing");
    let mut wrong = corrected.clone();
    wrong["postal_code"] = json!("1011");
    let refused = depot.test.put(&path, &wrong).bearer(&supervisor).send().await;
    assert_eq!(refused.problem(422, "address_invalid").text("/errors/0/pointer"), "/postal_code");
    depot.test.put(&path, &corrected).bearer(&supervisor).send().await.expect(200);
    depot.test.run_jobs().await;
    let seen = depot.see(shipment, &clerk).await;
    assert_eq!(seen.text("/state"), "booked");
    assert!(seen.json["trouble"].is_null());
    let live = depot.live();
    assert_eq!(live.len(), 2, "the parcel that was booked for the old address was taken back");
    assert!(live.iter().all(|each| each.consignee_postal_code == "10117"));
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_run_that_ended_between_the_call_and_its_settlement_books_no_second_parcel() {
    let (depot, shipment, clerk) = booked().await;
    let app = &depot.test.app;
    // As the database is when the process dies with the courier's answer in its hands.
    let mut tx = app.db.begin().await.expect("a transaction");
    for text in [
        "UPDATE booking_attempts SET state = 'sent', carrier_shipment_id = NULL, tracking_number = NULL,
             label = NULL, label_format = NULL, label_sha256 = NULL",
        "UPDATE shipments SET state = 'requested', booked_at = NULL",
    ] {
        use aisle::db::Run;
        tx.sql(text).execute().await.expect("an update");
    }
    let job = BookParcel { shipment, parcel: 1 };
    jobs::enqueue(&mut tx, &app.ids, app.clock.now(), &job).await.expect("a job");
    tx.commit().await.expect("a commit");
    for _ in 0..4 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(state(&depot, shipment, &clerk).await, "booked");
    assert_eq!(depot.calls("orders.create"), 1);
    assert_eq!(depot.live().len(), 1);
    // A booking that is done is not made again.
    let mut tx = app.db.begin().await.expect("a transaction");
    jobs::enqueue(&mut tx, &app.ids, app.clock.now(), &job).await.expect("a job");
    tx.commit().await.expect("a commit");
    depot.test.run_jobs().await;
    assert_eq!(depot.calls("orders.create"), 1);
}

#[tokio::test]
async fn a_missing_label_is_fetched_again() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    depot.dhl.plan_fault("orders.create", FaultKind::LabelMissing, 1);
    depot.dhl.plan_fault("orders.get", FaultKind::ErrorBefore { status: 503 }, 1);
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    assert_eq!(state(&depot, shipment, &shopper.token).await, "requested");
    depot.pass(Duration::minutes(1)).await;
    let seen = depot.see(shipment, &shopper.token).await;
    assert_eq!(seen.text("/state"), "booked");
    assert_eq!(seen.text("/parcels/0/label_sha256"), depot.live()[0].label_sha256);
}

#[tokio::test]
async fn parcels_are_handed_over_once_and_then_closed_at_the_courier() {
    let (depot, shipment, clerk) = booked().await;
    let first = depot.hand_over(shipment, &clerk).await.expect(200);
    assert_eq!(first.text("/state"), "handed_over");
    depot.test.advance(Duration::minutes(1));
    let second = depot.hand_over(shipment, &clerk).await.expect(200);
    assert_eq!(second.json, first.json);
    depot.test.run_jobs().await;
    assert!(depot.live()[0].closed_at.is_none());
    depot.pass(Duration::hours(12)).await;
    assert!(depot.live()[0].closed_at.is_some());
    let refused = depot.cancel(shipment).await;
    assert!(matches!(refused, Err(delivery::Error::State(_))), "{refused:?}");
    let supervisor = depot.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    let body = json!(address("Mária Müller", "10117", "Berlin"));
    depot.test.put(&path, &body).bearer(&supervisor).send().await.problem(409, "shipment_state");
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_parcel_is_followed_from_the_courier_s_first_scan_to_the_door() {
    let (depot, shipment, _) = booked().await;
    let number = depot.live()[0].number.clone();
    let clerk = depot.test.staff(Role::Clerk, &["*"]).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        depot.dhl.advance(&number).expect("the parcel moves");
        depot.pass(Duration::hours(2)).await;
        let answer = depot.see(shipment, &clerk).await.expect(200);
        seen.push((answer.text("/state").to_owned(), answer.text("/parcels/0/status").to_owned()));
        assert!(answer.json["handed_over_at"].is_string(), "a scan counts as the hand-over");
    }
    let expected = [
        ("handed_over", "picked_up"),
        ("handed_over", "in_transit"),
        ("handed_over", "out_for_delivery"),
        ("delivered", "delivered"),
    ];
    assert_eq!(seen, expected.map(|(state, status)| (state.to_owned(), status.to_owned())));
    let answer = depot.see(shipment, &clerk).await;
    assert_eq!(answer.json["parcels"][0]["events"].as_array().map(Vec::len), Some(5));
    for _ in 0..50 {
        depot.pass(Duration::hours(2)).await;
    }
    let asked = depot.calls("tracking.get");
    depot.pass(Duration::days(2)).await;
    assert_eq!(depot.calls("tracking.get"), asked, "a delivered parcel is not followed for ever");
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_delivery_that_the_driver_took_back_is_not_one_and_is_told_once() {
    let (depot, shipment, clerk) = booked().await;
    depot.hand_over(shipment, &clerk).await.expect(200);
    let number = depot.live()[0].number.clone();
    let tell = async |code: &str| {
        depot.dhl.record_event(&number, code).expect("an event");
        depot.pass(Duration::hours(2)).await;
        let clerk = depot.test.staff(Role::Clerk, &["*"]).await;
        depot.see(shipment, &clerk).await.expect(200).json
    };
    tell("SRTED_NRQRD_PO").await;
    let delivered = tell("DLVRD_NGHBR_ZU").await;
    assert_eq!(delivered["state"], "delivered");
    let taken_back = tell("STORN").await;
    assert_eq!(
        (&taken_back["state"], &taken_back["parcels"][0]["status"]),
        (&json!("handed_over"), &json!("out_for_delivery"))
    );
    assert_eq!(taken_back["parcels"][0]["events"].as_array().map(Vec::len), Some(2));
    let again = tell("DLVRD_OTHER_ZU").await;
    assert_eq!(again["state"], "delivered");
    assert_eq!(again["delivered_at"], delivered["delivered_at"]);
}

#[tokio::test]
async fn a_parcel_that_comes_back_is_returned_and_a_lost_one_has_failed() {
    for (codes, end) in [
        (vec!["SRTED_NRQRD_PO", "NTDEL_CNCNR_ZN", "return_to_sender"], "returned"),
        (vec!["LDTMV_MVMTV_AA", "lost"], "failed"),
    ] {
        let (depot, shipment, clerk) = booked().await;
        depot.hand_over(shipment, &clerk).await.expect(200);
        let number = depot.live()[0].number.clone();
        for code in codes {
            depot.dhl.record_event(&number, code).expect("an event");
        }
        depot.pass(Duration::hours(2)).await;
        let clerk = depot.test.staff(Role::Clerk, &["*"]).await;
        assert_eq!(state(&depot, shipment, &clerk).await, end);
        assert_kept(&depot.dhl);
    }
}

#[tokio::test]
async fn a_shipment_that_is_cancelled_before_hand_over_leaves_no_label_at_the_courier() {
    let (depot, shipment, clerk) = booked().await;
    depot.dhl.plan_fault("orders.delete", FaultKind::NoAnswerAfter, 1);
    depot.cancel(shipment).await.expect("cancelled");
    depot.cancel(shipment).await.expect("cancelled twice");
    depot.test.run_jobs().await;
    depot.pass(Duration::minutes(5)).await;
    let seen = depot.see(shipment, &clerk).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("cancelled", "cancelled"));
    assert!(depot.live().is_empty());
    depot.hand_over(shipment, &clerk).await.problem(409, "shipment_state");
    assert_kept(&depot.dhl);
}

#[tokio::test]
async fn a_shipment_that_is_cancelled_while_its_booking_is_unknown_ends_without_a_label() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    depot.dhl.plan_fault("orders.create", FaultKind::NoAnswerAfter, 1);
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    depot.cancel(shipment).await.expect("cancelled");
    for _ in 0..4 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(state(&depot, shipment, &shopper.token).await, "cancelled");
    assert!(depot.live().is_empty());
    let never_sent = depot.request(&shopper, &[4_200]).await;
    depot.cancel(never_sent).await.expect("cancelled");
    depot.test.run_jobs().await;
    assert_eq!(depot.calls("orders.create"), 1);
}

#[tokio::test]
async fn a_booking_that_waits_for_its_shipment_keeps_nobody_from_its_job() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    let db = &depot.test.app.db;
    // As when staff correct an address: the shipment is taken first, and then the job that books it is asked for.
    let mut tx = db.begin().await.expect("begun");
    tx.sql("UPDATE shipments SET trouble = NULL WHERE id = $1")
        .bind(shipment)
        .execute()
        .await
        .expect("taken");
    let staff = async {
        // SQLite has one writer, which is this transaction; on PostgreSQL the job comes to wait for the shipment.
        if db.engine() == Engine::Postgres {
            while !waits(db).await {}
            // Shorter than the time after which the server looks for deadlocks: a wait shows here, and not as one try more.
            tx.sql("SET LOCAL lock_timeout = '500ms'").execute().await.expect("set");
        }
        let job = BookParcel { shipment, parcel: 1 };
        let now = depot.test.app.clock.now();
        jobs::enqueue(&mut tx, &depot.test.app.ids, now, &job).await.expect("the job's row is free");
        tx.commit().await.expect("committed");
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        tokio::join!(depot.test.run_jobs(), staff)
    });
    in_time.await.expect("nobody waits for ever");
}

/// Whether anybody in this database of PostgreSQL waits for a row.
async fn waits(db: &Db) -> bool {
    let waiting: (i64,) = db
        .sql(
            "SELECT COUNT(*) FROM pg_locks
             JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid
             WHERE NOT pg_locks.granted AND pg_stat_activity.datname = current_database()",
        )
        .fetch_one()
        .await
        .expect("locks");
    waiting.0 > 0
}

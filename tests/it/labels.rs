//! Labels in the form that a store's printers want, and in another one where the courier gives it.

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::FaultKind;
use aisle::sandbox::gls::{Fault, Rule};
use serde_json::{Value, json};

use crate::contract::{dhl, gls, ups};
use crate::support::courier::Courier;
use crate::support::delivery::{Depot, STORE};
use crate::support::{Answer, TestApp};
use crate::{gls_delivery, uber_delivery, ups_delivery};

/// What a clerk who just signed in gets as the label of the first parcel.
async fn label(test: &TestApp, shipment: ShipmentId, query: &str) -> Answer {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    test.get(&format!("/v1/shipments/{shipment}/labels/1{query}")).bearer(&clerk).send().await
}

async fn reissue(test: &TestApp, shipment: ShipmentId, format: &str) -> Answer {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/labels/1/reissue");
    test.post(&path, &json!({"format": format})).bearer(&clerk).send().await
}

async fn hand_over(test: &TestApp, shipment: ShipmentId) {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/hand-over");
    test.post(&path, &Value::Null).bearer(&clerk).send().await.expect(200);
}

#[track_caller]
fn assert_is(label: &Answer, media_type: &str) {
    let begins: &[u8] = if media_type == "application/pdf" { b"%PDF" } else { b"^XA" };
    assert_eq!(label.status.as_u16(), 200);
    assert_eq!(label.headers["content-type"], media_type);
    assert!(label.bytes.starts_with(begins), "{media_type}");
    assert_eq!(label.headers["cache-control"], "no-store");
}

const PDF: &str = "application/pdf";
const ZPL: &str = "application/zpl";

#[tokio::test]
async fn labels_are_booked_in_the_form_that_the_store_prints() {
    let dhl = Depot::new().await;
    dhl.test.deliver_by(&json!({"labels": "zpl"})).await;
    let shopper = dhl.test.shopper().await;
    let shipment = dhl.request(&shopper, &[4_200]).await;
    dhl.test.run_jobs().await;
    assert_is(&label(&dhl.test, shipment, "").await, ZPL);
    dhl::assert_kept(&dhl.dhl);

    let gls = gls_delivery::depot().await;
    gls.test.deliver_by(&json!({"labels": "zpl"})).await;
    let shipment = gls.request().await;
    assert_is(&label(&gls.test, shipment, "").await, ZPL);
    gls::assert_kept(&gls.courier);

    let ups = ups_delivery::depot(std::time::Duration::ZERO).await;
    ups.test.deliver_by(&json!({"labels": "zpl"})).await;
    let shipment = ups.request().await;
    assert_is(&label(&ups.test, shipment, "").await, ZPL);
    assert!(!ups.courier.exchanges().iter().any(|exchange| exchange.operation == "recovery"));
    ups::assert_kept(&ups.courier);
}

#[tokio::test]
async fn a_label_that_is_looked_for_or_fetched_again_has_the_stores_form_too() {
    for (operation, fault) in
        [("orders.create", FaultKind::NoAnswerAfter), ("orders.create", FaultKind::LabelMissing)]
    {
        let dhl = Depot::new().await;
        dhl.test.deliver_by(&json!({"labels": "zpl"})).await;
        let shopper = dhl.test.shopper().await;
        dhl.dhl.plan_fault(operation, fault, 1);
        let shipment = dhl.request(&shopper, &[4_200]).await;
        for _ in 0..4 {
            dhl.pass(chrono::Duration::minutes(5)).await;
        }
        assert_is(&label(&dhl.test, shipment, "").await, ZPL);
        assert_eq!(dhl.live().len(), 1);
    }
}

#[tokio::test]
async fn a_reprint_is_the_paper_that_is_kept_and_another_form_comes_from_the_courier() {
    let dhl = Depot::new().await;
    let shopper = dhl.test.shopper().await;
    let shipment = dhl.request(&shopper, &[4_200]).await;
    dhl.test.run_jobs().await;
    let kept = label(&dhl.test, shipment, "").await;
    assert_is(&kept, PDF);
    let asked = dhl.calls("orders.get");
    let again = label(&dhl.test, shipment, "?format=pdf").await;
    assert_eq!((&again.bytes, dhl.calls("orders.get")), (&kept.bytes, asked), "nobody is asked");
    assert_is(&label(&dhl.test, shipment, "?format=zpl").await, ZPL);
    assert_eq!(label(&dhl.test, shipment, "").await.bytes, kept.bytes, "the kept one stays");
    label(&dhl.test, shipment, "?format=gif").await.problem(400, "invalid_query");
    dhl.dhl.plan_fault("orders.get", FaultKind::ErrorBefore { status: 503 }, 1);
    label(&dhl.test, shipment, "?format=zpl").await.problem(503, "courier_unheard");
    dhl::assert_kept(&dhl.dhl);

    let ups = ups_delivery::depot(std::time::Duration::ZERO).await;
    let shipment = ups.request().await;
    assert_is(&label(&ups.test, shipment, "?format=zpl").await, ZPL);
    assert_is(&label(&ups.test, shipment, "?format=pdf").await, PDF);
    ups::assert_kept(&ups.courier);
}

#[tokio::test]
async fn a_form_that_would_be_another_parcel_is_refused_and_so_is_a_label_where_there_is_none() {
    let gls = gls_delivery::depot().await;
    let shipment = gls.request().await;
    assert_is(&label(&gls.test, shipment, "?format=pdf").await, PDF);
    label(&gls.test, shipment, "?format=zpl").await.problem(409, "label_form_unavailable");
    assert_eq!(gls.courier.books().parcels.len(), 1);

    let body = json!({"format": "zpl"});
    for (format, media_type) in [("zpl", ZPL), ("pdf", PDF)] {
        let before = gls.see(shipment).await;
        let made = reissue(&gls.test, shipment, format).await;
        assert_is(&made, media_type);
        // One live parcel, with the number and the label that are shown.
        gls.assert_one_live(shipment).await;
        let after = gls.see(shipment).await;
        assert_ne!(after.json["parcels"][0]["tracking_number"], before.json["parcels"][0]["tracking_number"]);
        assert_eq!(label(&gls.test, shipment, "").await.bytes, made.bytes);
    }
    let shopper = gls.test.shopper().await;
    let path = format!("/v1/shipments/{shipment}/labels/1/reissue");
    gls.test.post(&path, &body).bearer(&shopper.token).send().await.problem(403, "other_caller");
    hand_over(&gls.test, shipment).await;
    reissue(&gls.test, shipment, "zpl").await.problem(409, "shipment_state");
    gls::assert_kept(&gls.courier);

    let uber = uber_delivery::depot().await;
    let shipment = uber_delivery::request(&uber).await;
    label(&uber.test, shipment, "").await.problem(404, "label_not_given");
    reissue(&uber.test, shipment, "pdf").await.problem(409, "reissue_not_needed");
}

#[tokio::test]
async fn a_label_made_anew_whose_answer_was_lost_ends_in_one_live_parcel_with_its_label() {
    for fault in [
        Fault::NoAnswerAfter { hold: false },
        Fault::NoAnswerBefore { hold: false },
        Fault::ErrorAfter { status: 503 },
        Fault::ErrorBefore { status: 503 },
    ] {
        let gls = gls_delivery::depot().await;
        let shipment = gls.request().await;
        gls.courier.add_fault(Rule::new("shipments.reprint", fault, 1)).expect("planned");
        reissue(&gls.test, shipment, "zpl").await.problem(503, "reissue_unsettled");
        let seen = gls.see(shipment).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        label(&gls.test, shipment, "").await.problem(404, "label_missing");
        for _ in 0..6 {
            gls.pass(chrono::Duration::minutes(5)).await;
        }
        gls.assert_one_live(shipment).await;
        assert!(label(&gls.test, shipment, "").await.status.is_success());
        let number = gls.courier.live()[0].clone();
        let digest = gls.see(shipment).await.text("/parcels/0/label_sha256").to_owned();
        let books = gls.courier.books();
        let parcel =
            books.parcels.iter().find(|parcel| parcel.parcel_number == number).expect("the live one");
        assert_eq!(parcel.label_sha256, digest, "the label of the parcel that lives");
        gls::assert_kept(&gls.courier);
    }
}

#[tokio::test]
async fn a_label_that_is_not_made_anew_stays_good() {
    let gls = gls_delivery::depot().await;
    let shipment = gls.request().await;
    let before = label(&gls.test, shipment, "").await;
    // Surely not arrived: the courier's backend says that it works on nothing.
    gls.courier
        .add_fault(Rule::new("shipments.reprint", Fault::ErrorBefore { status: 490 }, 1))
        .expect("planned");
    reissue(&gls.test, shipment, "zpl").await.problem(503, "courier_unheard");
    gls.assert_one_live(shipment).await;
    assert_eq!(label(&gls.test, shipment, "").await.bytes, before.bytes);
    // Scanned meanwhile, which we don't know yet.
    let number = gls.courier.live()[0].clone();
    gls.courier.record_event(&number, "advance").expect("a scan");
    reissue(&gls.test, shipment, "zpl").await.problem(409, "reissue_refused");
    assert_eq!(label(&gls.test, shipment, "").await.bytes, before.bytes);
    assert_eq!(gls.see(shipment).await.text("/state"), "booked");
}

#[tokio::test]
async fn a_run_that_ended_while_a_label_was_made_anew_is_found_out() {
    let gls = gls_delivery::depot().await;
    let shipment = gls.request().await;
    gls.courier
        .add_fault(Rule::new("shipments.reprint", Fault::NoAnswerAfter { hold: false }, 1))
        .expect("planned");
    reissue(&gls.test, shipment, "zpl").await.problem(503, "reissue_unsettled");
    // As the database is when the process dies while it waits for the answer.
    let mut tx = gls.test.app.db.begin().await.expect("begun");
    tx.sql("UPDATE booking_attempts SET state = 'sent'").execute().await.expect("updated");
    tx.commit().await.expect("committed");
    gls.cancel(shipment).await;
    for _ in 0..6 {
        gls.pass(chrono::Duration::minutes(5)).await;
    }
    assert_eq!(gls.courier.live(), Vec::<String>::new(), "taken back meanwhile, it leaves no parcel");
    assert_eq!(gls.see(shipment).await.text("/state"), "cancelled");
}

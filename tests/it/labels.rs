//! Labels in the form that a store's printers want, and in another one where the courier gives it.

use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::FaultKind;
use serde_json::json;

use crate::contract::{dhl, gls, ups};
use crate::support::delivery::{Depot, STORE};
use crate::support::{Answer, TestApp};
use crate::{gls_delivery, uber_delivery, ups_delivery};

/// What a clerk who just signed in gets as the label of the first parcel.
async fn label(test: &TestApp, shipment: ShipmentId, query: &str) -> Answer {
    let clerk = test.staff(Role::Clerk, &[STORE]).await;
    test.get(&format!("/v1/shipments/{shipment}/labels/1{query}")).bearer(&clerk).send().await
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

    let uber = uber_delivery::depot().await;
    let shipment = uber_delivery::request(&uber).await;
    label(&uber.test, shipment, "").await.problem(404, "label_not_given");
}

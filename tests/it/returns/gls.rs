//! With GLS: a label of a shop return, taken back when nobody uses it.

use aisle::ids::ShipmentId;
use aisle::sandbox::gls::{Fault, Rule, Sandbox, Settings};
use chrono::Duration;

use super::{call_off, send_back, tasks};
use crate::contract::gls::assert_kept;
use crate::support::courier::{Courier, Depot, and};
use crate::support::start_of_time;

async fn depot() -> Depot<Sandbox> {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let gls = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(gls.url()), &[("AISLE_TRACKING_MINUTES", "1")]);
    Depot::new(gls, &variables).await
}

/// From the booking to the door.
async fn travel(depot: &Depot<Sandbox>, shipment: ShipmentId) {
    let number = depot.see(shipment).await.text("/parcels/0/tracking_number").to_owned();
    while depot.courier.record_event(&number, "advance").is_ok() {}
    depot.pass(Duration::minutes(1)).await;
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
}

/// A shipment of one parcel that arrived, and the name of a return of it.
async fn arrived(depot: &Depot<Sandbox>) -> (ShipmentId, ShipmentId) {
    let shipment = depot.request().await;
    travel(depot, shipment).await;
    (shipment, depot.test.app.ids.next())
}

#[tokio::test]
async fn goods_that_came_with_gls_go_back_with_gls() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    let booked = depot.see(id).await;
    assert_eq!((booked.text("/state"), booked.text("/carrier")), ("booked", "gls"));
    let parcels = depot.courier.books().parcels;
    let back = parcels.last().expect("a parcel");
    assert_eq!(back.consignee.postal_code, "10115");
    assert_eq!(back.returns_to.as_ref().map(|store| store.postal_code.as_str()), Some("53113"));
    let label = depot.test.get(&format!("/v1/shipments/{id}/labels/1")).bearer(&shopper).send().await;
    assert!(label.expect(200).bytes.starts_with(b"%PDF"));
    let code = depot.test.get(&format!("/v1/shipments/{id}/labels/1/qr")).bearer(&shopper).send().await;
    code.problem(404, "label_missing");
    travel(&depot, id).await;
    let tasks = tasks(&depot).await;
    let task = (tasks.text("/tasks/0/kind"), tasks.text("/tasks/0/shipment"));
    assert_eq!(task, ("check_returned", id.to_string().as_str()));
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_return_that_is_called_off_before_it_was_handed_in_has_no_live_label() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.courier.live().len(), 2);
    call_off(&depot, (shipment, id), &shopper).await.expect(200);
    depot.test.run_jobs().await;
    let seen = depot.see(id).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("cancelled", "cancelled"));
    assert_eq!(depot.courier.live().len(), 1, "the goods that came");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_return_whose_answer_was_lost_ends_in_exactly_one_label() {
    let depot = depot().await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    let lost = Rule::new("shipments.create", Fault::NoAnswerAfter { hold: false }, 1);
    depot.courier.add_fault(lost).expect("planned");
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    for _ in 0..4 {
        depot.pass(Duration::minutes(5)).await;
    }
    let seen = depot.see(id).await;
    assert_eq!(seen.text("/state"), "booked");
    let live = depot.courier.live();
    assert_eq!(live.len(), 2, "the goods that came, and one label: {live:?}");
    assert!(live.contains(&seen.text("/parcels/0/tracking_number").to_owned()));
    assert_kept(&depot.courier);
}

//! With DHL: a label or a code of one, never had again and never taken back.

use std::time::Duration as Time;

use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::{FaultKind, Sandbox, Settings, Stage};
use chrono::Duration;

use super::{call_off, send_back, tasks, token};
use crate::contract::dhl::assert_kept;
use crate::support::courier::{Depot, and};
use crate::support::start_of_time;

/// A courier whose tracking knows a booking after this time.
async fn depot(known_after: Time) -> Depot<Sandbox> {
    let settings = Settings { clock_stands_at: Some(start_of_time()), known_after, ..Settings::local() };
    let dhl = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let returns = [settings.for_service(dhl.url()), settings.for_returns()].concat();
    Depot::new(dhl, &and(returns, &[("AISLE_TRACKING_MINUTES", "1")])).await
}

async fn travel(depot: &Depot<Sandbox>, number: &str) {
    for _ in 0..4 {
        depot.courier.advance(number).expect("the parcel moves");
    }
    depot.pass(Duration::minutes(1)).await;
}

/// A shipment of one parcel that arrived, and the name of a return of it.
async fn arrived(depot: &Depot<Sandbox>) -> (ShipmentId, ShipmentId) {
    let shipment = depot.request().await;
    let number = depot.see(shipment).await.text("/parcels/0/tracking_number").to_owned();
    travel(depot, &number).await;
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    (shipment, depot.test.app.ids.next())
}

fn calls(depot: &Depot<Sandbox>, operation: &str) -> u64 {
    depot.courier.books().calls.get(operation).copied().unwrap_or_default()
}

#[tokio::test]
async fn goods_that_came_with_dhl_go_back_with_dhl_and_need_no_printer() {
    let depot = depot(Time::ZERO).await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    let booked = depot.see(id).await;
    assert_eq!((booked.text("/state"), booked.text("/carrier")), ("booked", "dhl"));
    assert_eq!(booked.json["parcels"][0]["has_qr_label"], true);
    assert_eq!(depot.see(shipment).await.json["parcels"][0]["has_qr_label"], false);
    let back = &depot.courier.books().shipments[1];
    assert!(back.is_return && back.weight_grams == 1_200);
    assert_eq!((back.shipper_postal_code.as_str(), back.consignee_postal_code.as_str()), ("10115", "53113"));
    let labels = format!("/v1/shipments/{id}/labels/1");
    let label = depot.test.get(&labels).bearer(&shopper).send().await.expect(200);
    assert!(label.bytes.starts_with(b"%PDF"));
    let code = depot.test.get(&format!("{labels}/qr")).bearer(&shopper).send().await.expect(200);
    assert!(code.bytes.starts_with(b"\x89PNG"));
    assert_eq!(code.headers["cache-control"], "no-store");
    let other = depot.test.shopper().await;
    depot
        .test
        .get(&format!("{labels}/qr"))
        .bearer(&other.token)
        .send()
        .await
        .problem(404, "shipment_unknown");
    let zpl = depot.test.get(&format!("{labels}?format=zpl")).bearer(&shopper).send().await;
    zpl.expect(409);
    let outbound = format!("/v1/shipments/{shipment}/labels/1/qr");
    depot.test.get(&outbound).bearer(&shopper).send().await.problem(403, "other_caller");
    let clerk = token(&depot).await;
    depot.test.get(&outbound).bearer(&clerk).send().await.problem(404, "label_missing");
    travel(&depot, booked.text("/parcels/0/tracking_number")).await;
    assert_eq!(depot.see(id).await.text("/state"), "delivered");
    let tasks = tasks(&depot).await;
    assert_eq!(
        (tasks.text("/tasks/0/kind"), tasks.text("/tasks/0/shipment")),
        ("check_returned", &*id.to_string())
    );
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_label_that_is_called_off_is_forgotten_with_us_and_travels_nowhere() {
    let depot = depot(Time::ZERO).await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.see(id).await.text("/state"), "booked");
    for _ in 0..2 {
        call_off(&depot, (shipment, id), &shopper).await.expect(200);
        depot.test.run_jobs().await;
    }
    let seen = depot.see(id).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("cancelled", "cancelled"));
    assert!(seen.json["trouble"].is_null(), "{}", seen.json);
    let labels = format!("/v1/shipments/{id}/labels/1");
    for path in [labels.clone(), format!("{labels}/qr")] {
        depot.test.get(&path).bearer(&shopper).send().await.problem(404, "label_missing");
    }
    assert_eq!(calls(&depot, "orders.delete"), 0, "DHL takes none back");
    assert_eq!(
        depot.courier.books().shipments[1].stage,
        Stage::Announced,
        "what does not travel is not billed"
    );
    let second = depot.test.app.ids.next();
    send_back(&depot, (shipment, second), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.see(second).await.text("/state"), "booked");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_return_whose_answer_was_lost_is_found_out_and_the_shopper_has_one_label() {
    for known_after in [Time::ZERO, Time::from_hours(1)] {
        let depot = depot(known_after).await;
        let shopper = depot.shopper.token.clone();
        let (shipment, id) = arrived(&depot).await;
        depot.courier.plan_fault("returns.create", FaultKind::NoAnswerAfter, 1);
        send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
        depot.test.run_jobs().await;
        assert_eq!(calls(&depot, "returns.create"), 1, "nothing is sent again blindly");
        for _ in 0..10 {
            depot.pass(Duration::minutes(5)).await;
        }
        let seen = depot.see(id).await;
        assert_eq!(seen.text("/state"), "booked");
        let books = depot.courier.books();
        let [_, lost, good] = books.shipments.as_slice() else { panic!("{:?}", books.shipments) };
        assert_eq!(seen.text("/parcels/0/tracking_number"), good.number);
        assert_ne!(lost.reference, good.reference);
        assert!(calls(&depot, "tracking.xml") > 0, "the lost one was looked for first");
        // One that turns up when it was given up is let go of, and nothing comes of it.
        for _ in 0..4 {
            depot.pass(Duration::hours(1)).await;
        }
        let seen = depot.see(id).await;
        assert_eq!((seen.text("/state"), &seen.json["trouble"]), ("booked", &serde_json::Value::Null));
        assert_eq!((depot.courier.books().shipments.len(), calls(&depot, "orders.delete")), (3, 0));
        assert_kept(&depot.courier);
    }
}

#[tokio::test]
async fn a_return_that_is_called_off_while_its_answer_is_open_ends_without_a_label() {
    let depot = depot(Time::ZERO).await;
    let shopper = depot.shopper.token.clone();
    let (shipment, id) = arrived(&depot).await;
    depot.courier.plan_fault("returns.create", FaultKind::NoAnswerAfter, 1);
    send_back(&depot, (shipment, id), &[1_200], &shopper).await.expect(200);
    depot.test.run_jobs().await;
    call_off(&depot, (shipment, id), &shopper).await.expect(200);
    for _ in 0..4 {
        depot.pass(Duration::minutes(5)).await;
    }
    let seen = depot.see(id).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("cancelled", "cancelled"));
    assert!(seen.json["trouble"].is_null(), "{}", seen.json);
    assert_eq!(calls(&depot, "returns.create"), 1);
}

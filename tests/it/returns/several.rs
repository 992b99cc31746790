//! Where several couriers could bring goods back: whoever brought them comes first, and one that can't is left for one that can.

use std::time::Duration as Time;

use aisle::delivery::Request;
use aisle::ids::ShipmentId;
use aisle::sandbox::{dhl, ups};
use chrono::Duration;

use super::send_back;
use crate::contract;
use crate::support::courier::{Depot, and};
use crate::support::delivery::{address, ask, request_for};
use crate::support::start_of_time;

type Both = Depot<(dhl::Sandbox, ups::Sandbox)>;

/// A service with DHL, which comes first, and UPS. Of DHL it is told these besides.
async fn depot(
    of_dhl: dhl::Settings,
    more: impl FnOnce(&dhl::Settings) -> Vec<(&'static str, String)>,
) -> Both {
    let of_dhl = dhl::Settings { clock_stands_at: Some(start_of_time()), ..of_dhl };
    let of_ups = ups::Settings {
        clock_stands_at: Some(start_of_time()),
        recoverable_after: Time::ZERO,
        ..ups::Settings::local()
    };
    let dhl = dhl::Sandbox::start(of_dhl.clone()).await.expect("a sandbox");
    let ups = ups::Sandbox::start(of_ups.clone()).await.expect("a sandbox");
    let variables = [of_dhl.for_service(dhl.url()), more(&of_dhl), of_ups.for_service(ups.url())].concat();
    Depot::new((dhl, ups), &and(variables, &[("AISLE_TRACKING_MINUTES", "1")])).await
}

/// A shipment that this courier brought, and a return of it that was asked for.
async fn sent_back(depot: &Both, courier: &str) -> ShipmentId {
    let recipient = address("Mária Müller", "10115", "Berlin");
    let request = request_for(&depot.test, &depot.shopper, &[4_200], recipient);
    let shipment = ask(&depot.test, Request { carrier: Some(courier.to_owned()), ..request }).await;
    depot.test.run_jobs().await;
    let seen = depot.see(shipment).await;
    let number = seen.text("/parcels/0/tracking_number");
    for _ in 0..4 {
        match courier {
            "dhl" => depot.courier.0.advance(number).map(|_| ()).expect("the parcel moves"),
            _ => depot.courier.1.advance(number).map(|_| ()).expect("the parcel moves"),
        }
    }
    depot.pass(Duration::minutes(1)).await;
    let seen = depot.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("delivered", courier));
    let id = depot.test.app.ids.next();
    send_back(depot, (shipment, id), &[900], &depot.shopper.token).await.expect(200);
    depot.test.run_jobs().await;
    id
}

fn kept(depot: &Both) {
    contract::dhl::assert_kept(&depot.courier.0);
    contract::ups::assert_kept(&depot.courier.1);
}

#[tokio::test]
async fn goods_go_back_with_whoever_brought_them() {
    let depot = depot(dhl::Settings::local(), dhl::Settings::for_returns).await;
    for courier in ["ups", "dhl"] {
        let id = sent_back(&depot, courier).await;
        let seen = depot.see(id).await;
        assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", courier));
    }
    kept(&depot);
}

#[tokio::test]
async fn a_courier_that_brings_nothing_back_is_replaced_by_one_that_does() {
    let depot = depot(dhl::Settings::local(), |_| Vec::new()).await;
    let id = sent_back(&depot, "dhl").await;
    let seen = depot.see(id).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "ups"));
    assert_eq!(seen.json["couriers_left"].as_array().map(Vec::len), Some(0), "it was not even asked");
    kept(&depot);
}

#[tokio::test]
async fn a_store_that_is_no_receiver_of_dhls_gets_its_goods_from_another_courier() {
    let by_address = |settings: &dhl::Settings| {
        settings.for_returns().into_iter().filter(|(name, _)| *name != "AISLE_DHL_RETURN_RECEIVER").collect()
    };
    let here = depot(dhl::Settings::local(), by_address).await;
    let seen = here.see(sent_back(&here, "dhl").await).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "dhl"), "the store is a receiver");
    kept(&here);
    let mut elsewhere = dhl::Settings::local();
    elsewhere.return_receivers[0].postal_code = "20095".to_owned();
    let there = depot(elsewhere, by_address).await;
    let seen = there.see(sent_back(&there, "dhl").await).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "ups"));
    let left = (seen.text("/couriers_left/0/carrier"), seen.text("/couriers_left/0/reason"));
    assert_eq!(left, ("dhl", "not_served"));
    assert_eq!(there.courier.0.books().calls.get("returns.create"), None);
    kept(&there);
}

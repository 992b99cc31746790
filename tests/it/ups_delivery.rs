//! Deliveries by UPS, through the service: one live parcel whatever the network does, followed to the door.

use std::time::Duration as Time;

use aisle::sandbox::ups::{AnswerFault, Fault, FaultKind, Rule, Sandbox, Settings, Shipment};
use chrono::Duration;

use crate::contract::ups::assert_kept;
use crate::support::courier::{Courier, Depot, and};
use crate::support::start_of_time;

impl Courier for Sandbox {
    fn pass(&self, seconds: i64) {
        self.advance_clock(seconds);
    }

    fn live(&self) -> Vec<String> {
        self.books().shipments.into_iter().filter(Shipment::is_live).map(|one| one.id).collect()
    }
}

/// A courier whose label recovery learns of a booking after this time.
pub async fn depot(recoverable_after: Time) -> Depot<Sandbox> {
    let settings =
        Settings { clock_stands_at: Some(start_of_time()), recoverable_after, ..Settings::local() };
    let ups = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(ups.url()), &[("AISLE_UPS_PICKUP_PHONE", "+4922812345")]);
    Depot::new(ups, &variables).await
}

#[tokio::test]
async fn a_parcel_is_booked_labelled_followed_and_delivered() {
    let depot = depot(Time::ZERO).await;
    let shipment = depot.request().await;
    depot.assert_one_live(shipment).await;
    let seen = depot.see(shipment).await;
    let number = seen.text("/parcels/0/tracking_number").to_owned();
    assert!(seen.text("/parcels/0/tracking_url").starts_with("https://www.ups.com/"));
    assert!(depot.label(shipment).await.expect(200).bytes.starts_with(b"%PDF"));
    let mut states = Vec::new();
    for _ in 0..4 {
        depot.courier.advance(&number).expect("the parcel moves");
        depot.pass(Duration::hours(2)).await;
        states.push(depot.see(shipment).await.text("/parcels/0/status").to_owned());
    }
    assert_eq!(states, ["picked_up", "in_transit", "out_for_delivery", "delivered"]);
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_booking_whose_answer_was_lost_ends_in_exactly_one_live_parcel() {
    for fault in [
        FaultKind::Network(Fault::NoAnswerAfter { hold: false }),
        FaultKind::Network(Fault::ErrorAfter { status: 503 }),
        FaultKind::Answer(AnswerFault::Garbled),
    ] {
        let depot = depot(Time::from_mins(2)).await;
        depot.courier.add_fault(Rule::new("ship", fault, 1));
        let shipment = depot.request().await;
        let seen = depot.see(shipment).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        for _ in 0..2 {
            depot.pass(Duration::minutes(5)).await;
        }
        depot.assert_one_live(shipment).await;
        assert_eq!(depot.courier.books().shipments.len(), 1, "found, not booked again");
    }
}

#[tokio::test]
async fn a_label_that_turns_up_after_a_new_booking_is_void() {
    let depot = depot(Time::from_mins(100)).await;
    let lost = FaultKind::Network(Fault::NoAnswerAfter { hold: false });
    depot.courier.add_fault(Rule::new("ship", lost, 1));
    let shipment = depot.request().await;
    for _ in 0..8 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(depot.see(shipment).await.text("/state"), "booked");
    assert_eq!(depot.courier.live().len(), 2, "the first one can't be found yet");
    for _ in 0..4 {
        depot.pass(Duration::hours(1)).await;
    }
    depot.assert_one_live(shipment).await;
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_delivery_that_is_taken_back_leaves_no_live_parcel() {
    let depot = depot(Time::ZERO).await;
    let shipment = depot.request().await;
    depot.cancel(shipment).await;
    let lost = FaultKind::Network(Fault::NoAnswerAfter { hold: false });
    depot.courier.add_fault(Rule::new("void", lost, 1));
    for _ in 0..3 {
        depot.pass(Duration::minutes(10)).await;
    }
    assert!(depot.courier.live().is_empty());
    assert_eq!(depot.see(shipment).await.text("/state"), "cancelled");
    assert_kept(&depot.courier);
}

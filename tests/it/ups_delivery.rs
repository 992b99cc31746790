//! Deliveries by UPS, through the service: one live parcel whatever the network does, followed to the door.

use std::time::Duration as Time;

use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::ups::{AnswerFault, Fault, FaultKind, Rule, Sandbox, Settings};
use chrono::Duration;

use crate::contract::ups::assert_kept;
use crate::support::delivery::{STORE, ask_for_delivery};
use crate::support::identity::ShopperActor;
use crate::support::{Answer, TestApp, start_of_time};

/// A service whose only courier is UPS, on one common clock.
struct Depot {
    test: TestApp,
    ups: Sandbox,
    shopper: ShopperActor,
}

impl Depot {
    async fn new(recoverable_after: Time) -> Depot {
        let settings =
            Settings { clock_stands_at: Some(start_of_time()), recoverable_after, ..Settings::local() };
        let ups = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let test = TestApp::with(&[
            ("AISLE_UPS_URL", ups.url()),
            ("AISLE_UPS_CLIENT_ID", &settings.client_id),
            ("AISLE_UPS_CLIENT_SECRET", &settings.client_secret),
            ("AISLE_UPS_ACCOUNT_NUMBER", &settings.account_number),
            ("AISLE_UPS_COUNTRY", "DE"),
        ])
        .await;
        let shopper = test.shopper().await;
        Depot { test, ups, shopper }
    }

    /// Asks for one parcel, and works off what is due.
    async fn request(&self) -> ShipmentId {
        let shipment = ask_for_delivery(&self.test, &self.shopper, &[4_200]).await;
        self.test.run_jobs().await;
        shipment
    }

    async fn pass(&self, time: Duration) {
        self.ups.advance_clock(time.num_seconds());
        self.test.advance(time);
        self.test.run_jobs().await;
    }

    async fn see(&self, shipment: ShipmentId) -> Answer {
        let clerk = self.test.staff(Role::Clerk, &[STORE]).await;
        self.test.get(&format!("/v1/shipments/{shipment}")).bearer(&clerk).send().await.expect(200)
    }

    /// The courier's parcels that are not void.
    fn live(&self) -> Vec<String> {
        let books = self.ups.books();
        books.shipments.iter().filter(|one| one.is_live()).map(|one| one.id.clone()).collect()
    }
}

#[tokio::test]
async fn a_parcel_is_booked_labelled_followed_and_delivered() {
    let depot = Depot::new(Time::ZERO).await;
    let shipment = depot.request().await;
    let seen = depot.see(shipment).await;
    assert_eq!(seen.text("/state"), "booked");
    let number = seen.text("/parcels/0/tracking_number").to_owned();
    assert_eq!(depot.live(), [number.as_str()]);
    assert!(seen.text("/parcels/0/tracking_url").starts_with("https://www.ups.com/"));
    let clerk = depot.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/labels/1");
    let label = depot.test.get(&path).bearer(&clerk).send().await.expect(200);
    assert!(label.bytes.starts_with(b"%PDF"));
    let mut states = Vec::new();
    for _ in 0..4 {
        depot.ups.advance(&number).expect("the parcel moves");
        depot.pass(Duration::hours(2)).await;
        states.push(depot.see(shipment).await.text("/parcels/0/status").to_owned());
    }
    assert_eq!(states, ["picked_up", "in_transit", "out_for_delivery", "delivered"]);
    assert_kept(&depot.ups);
}

#[tokio::test]
async fn a_booking_whose_answer_was_lost_ends_in_exactly_one_live_parcel() {
    for fault in [
        FaultKind::Network(Fault::NoAnswerAfter { hold: false }),
        FaultKind::Network(Fault::ErrorAfter { status: 503 }),
        FaultKind::Answer(AnswerFault::Garbled),
    ] {
        let depot = Depot::new(Time::from_mins(2)).await;
        depot.ups.add_fault(Rule::new("ship", fault, 1));
        let shipment = depot.request().await;
        let seen = depot.see(shipment).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        for _ in 0..2 {
            depot.pass(Duration::minutes(5)).await;
        }
        let seen = depot.see(shipment).await;
        assert_eq!(seen.text("/state"), "booked");
        assert_eq!(depot.live(), [seen.text("/parcels/0/tracking_number")]);
        assert_eq!(depot.ups.books().shipments.len(), 1, "found, not booked again");
    }
}

#[tokio::test]
async fn a_label_that_turns_up_after_a_new_booking_is_void() {
    let depot = Depot::new(Time::from_mins(100)).await;
    depot.ups.add_fault(Rule::new("ship", FaultKind::Network(Fault::NoAnswerAfter { hold: false }), 1));
    let shipment = depot.request().await;
    for _ in 0..8 {
        depot.pass(Duration::minutes(5)).await;
    }
    assert_eq!(depot.see(shipment).await.text("/state"), "booked");
    assert_eq!(depot.live().len(), 2, "the first one can't be found yet");
    for _ in 0..4 {
        depot.pass(Duration::hours(1)).await;
    }
    assert_eq!(depot.live(), [depot.see(shipment).await.text("/parcels/0/tracking_number")]);
    assert_kept(&depot.ups);
}

#[tokio::test]
async fn a_delivery_that_is_taken_back_leaves_no_live_parcel() {
    let depot = Depot::new(Time::ZERO).await;
    let shipment = depot.request().await;
    let app = &depot.test.app;
    let mut tx = app.db.begin().await.expect("a transaction");
    let cancelled = aisle::delivery::cancel(&mut tx, &app.ids, app.clock.now(), shipment).await;
    cancelled.expect("a cancellation");
    tx.commit().await.expect("a commit");
    depot.ups.add_fault(Rule::new("void", FaultKind::Network(Fault::NoAnswerAfter { hold: false }), 1));
    for _ in 0..3 {
        depot.pass(Duration::minutes(10)).await;
    }
    assert!(depot.live().is_empty());
    assert_eq!(depot.see(shipment).await.text("/state"), "cancelled");
    assert_kept(&depot.ups);
}

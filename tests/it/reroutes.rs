//! Another courier in the place of one that does not take a parcel, and never two live parcels for one.

use aisle::delivery::{Needs, Request};
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use aisle::sandbox::dhl::{self, FaultKind};
use aisle::sandbox::gls;
use aisle::sandbox::ups;
use chrono::Duration;
use serde_json::json;

use crate::contract;
use crate::support::courier::Courier;
use crate::support::delivery::{STORE, address, ask, request_for};
use crate::support::identity::ShopperActor;
use crate::support::{Answer, TestApp, start_of_time};

/// A service with DHL, which comes first, GLS and UPS.
pub struct Three {
    pub test: TestApp,
    dhl: dhl::Sandbox,
    gls: gls::Sandbox,
    ups: ups::Sandbox,
    shopper: ShopperActor,
}

impl Three {
    pub async fn new() -> Self {
        let of_dhl = dhl::Settings { clock_stands_at: Some(start_of_time()), ..dhl::Settings::local() };
        let of_gls = gls::Settings { clock_stands_at: Some(start_of_time()), ..gls::Settings::local() };
        let of_ups = ups::Settings { clock_stands_at: Some(start_of_time()), ..ups::Settings::local() };
        let dhl = dhl::Sandbox::start(of_dhl.clone()).await.expect("a sandbox");
        let gls = gls::Sandbox::start(of_gls.clone()).await.expect("a sandbox");
        let ups = ups::Sandbox::start(of_ups.clone()).await.expect("a sandbox");
        let variables =
            [of_dhl.for_service(dhl.url()), of_gls.for_service(gls.url()), of_ups.for_service(ups.url())];
        let test = TestApp::with(&variables.concat()).await;
        let shopper = test.shopper().await;
        Self { test, dhl, gls, ups, shopper }
    }

    pub fn request(&self, weights: &[i64]) -> Request {
        request_for(&self.test, &self.shopper, weights, address("Mária Müller", "10115", "Berlin"))
    }

    pub async fn ask(&self, request: Request) -> ShipmentId {
        let shipment = ask(&self.test, request).await;
        self.test.run_jobs().await;
        shipment
    }

    /// DHL gives no token: no booking reaches it.
    fn dhl_is_down(&self) {
        self.dhl.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 10_000);
    }

    async fn pass(&self, time: Duration) {
        self.dhl.advance_clock(time.num_seconds()).expect("time passes");
        self.gls.pass(time.num_seconds());
        self.ups.pass(time.num_seconds());
        self.test.advance(time);
        self.test.run_jobs().await;
    }

    async fn pass_minutes(&self, minutes: i32) {
        for _ in 0..minutes {
            self.pass(Duration::minutes(1)).await;
        }
    }

    pub async fn see(&self, shipment: ShipmentId) -> Answer {
        let clerk = self.test.staff(Role::Clerk, &[STORE]).await;
        self.test.get(&format!("/v1/shipments/{shipment}")).bearer(&clerk).send().await.expect(200)
    }

    /// The live parcels of DHL, GLS and UPS.
    pub fn live(&self) -> [Vec<String>; 3] {
        let dhl = self.dhl.books().shipments.into_iter().filter(|one| one.cancelled_at.is_none());
        [dhl.map(|one| one.number).collect(), self.gls.live(), self.ups.live()]
    }

    pub fn assert_kept(&self) {
        contract::dhl::assert_kept(&self.dhl);
        contract::gls::assert_kept(&self.gls);
        contract::ups::assert_kept(&self.ups);
    }
}

#[tokio::test]
async fn a_courier_that_is_down_is_replaced_within_minutes() {
    let three = Three::new().await;
    three.dhl_is_down();
    let shipment = three.ask(three.request(&[4_200])).await;
    three.pass_minutes(1).await;
    assert_eq!(three.see(shipment).await.text("/carrier"), "dhl", "a short outage is waited out");
    three.pass_minutes(4).await;
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "gls"));
    assert_eq!(seen.text("/parcels/0/carrier"), "gls");
    assert_eq!(seen.text("/couriers_left/0/carrier"), "dhl");
    assert_eq!(seen.text("/couriers_left/0/reason"), "unreachable");
    assert!(seen.json["trouble"].is_null());
    let number = seen.text("/parcels/0/tracking_number").to_owned();
    assert_eq!(three.live(), [vec![], vec![number.clone()], vec![]]);
    // Its shopper is not told of the back room, and follows the parcel where it is.
    let path = format!("/v1/shipments/{shipment}");
    let shopper = three.test.shopper().await;
    three.test.get(&path).bearer(&shopper.token).send().await.problem(404, "shipment_unknown");
    let own = three.test.get(&path).bearer(&three.shopper.token).send().await.expect(200);
    assert_eq!(own.json["couriers_left"], json!([]));
    assert!(own.text("/parcels/0/tracking_url").starts_with("https://gls-group.eu/"));
    for _ in 0..5 {
        three.gls.record_event(&number, "advance").expect("the parcel moves");
        three.pass(Duration::hours(2)).await;
    }
    assert_eq!(three.see(shipment).await.text("/state"), "delivered");
    three.assert_kept();
}

#[tokio::test]
async fn a_parcel_that_a_courier_does_not_carry_goes_with_another_and_the_others_stay() {
    let three = Three::new().await;
    let shipment = three.ask(three.request(&[4_200, 35_000])).await;
    three.pass_minutes(1).await;
    let seen = three.see(shipment).await;
    assert_eq!(seen.text("/state"), "booked");
    assert_eq!((seen.text("/parcels/0/carrier"), seen.text("/parcels/1/carrier")), ("dhl", "ups"));
    assert_eq!(seen.text("/couriers_left/0/reason"), "not_served");
    let [at_dhl, at_gls, at_ups] = three.live();
    assert_eq!((at_dhl.len(), at_gls.len(), at_ups.len()), (1, 0, 1));
    // Both are followed.
    three.dhl.advance(&at_dhl[0]).expect("the parcel moves");
    three.ups.record_event(&at_ups[0], "advance", 0).expect("the parcel moves");
    three.pass(Duration::hours(2)).await;
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/parcels/0/status"), seen.text("/parcels/1/status")), ("picked_up", "picked_up"));
    assert_eq!(seen.text("/state"), "handed_over");
    three.assert_kept();
}

#[tokio::test]
async fn a_booking_that_may_exist_is_found_out_before_another_courier_is_asked() {
    let three = Three::new().await;
    three.dhl.plan_fault("orders.create", FaultKind::NoAnswerAfter, 1);
    let shipment = three.ask(three.request(&[4_200])).await;
    // While nobody knows, it can't be looked for either.
    three.dhl.plan_fault("tracking.xml", FaultKind::ErrorBefore { status: 503 }, 1_000);
    three.pass_minutes(20).await;
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
    assert_eq!(three.live()[1], Vec::<String>::new());
    three.dhl.clear_faults();
    three.pass_minutes(20).await;
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "dhl"));
    assert_eq!(three.live().map(|parcels| parcels.len()), [1, 0, 0]);
    three.assert_kept();
}

#[tokio::test]
async fn a_courier_that_loses_every_booking_is_left_after_the_second() {
    let three = Three::new().await;
    three.dhl.plan_fault("orders.create", FaultKind::NoAnswerBefore, 10);
    let shipment = three.ask(three.request(&[4_200])).await;
    for _ in 0..20 {
        three.pass(Duration::minutes(5)).await;
    }
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("booked", "gls"));
    assert_eq!(seen.text("/couriers_left/0/reason"), "bookings_lost");
    assert_eq!(three.live().map(|parcels| parcels.len()), [0, 1, 0]);
}

#[tokio::test]
async fn goods_whose_recipient_must_be_of_age_wait_for_the_courier_that_makes_sure() {
    let three = Three::new().await;
    three.dhl_is_down();
    let needs = Needs { age_min: Some(18), is_cold: false };
    let shipment = three.ask(Request { needs, ..three.request(&[4_200]) }).await;
    three.pass_minutes(30).await;
    let seen = three.see(shipment).await;
    assert_eq!((seen.text("/state"), seen.text("/carrier")), ("requested", "dhl"));
    assert_eq!(three.live(), [const { Vec::<String>::new() }; 3]);
    three.dhl.clear_faults();
    three.pass_minutes(16).await;
    assert_eq!(three.see(shipment).await.text("/state"), "booked");
}

#[tokio::test]
async fn with_another_address_a_courier_that_was_left_is_asked_again() {
    let three = Three::new().await;
    three.dhl_is_down();
    let shipment = three.ask(three.request(&[4_200])).await;
    three.pass_minutes(5).await;
    three.dhl.clear_faults();
    let supervisor = three.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    let elsewhere = json!(address("Mária Müller", "10117", "Berlin"));
    for _ in 0..2 {
        three.test.put(&path, &elsewhere).bearer(&supervisor).send().await.expect(200);
    }
    three
        .gls
        .add_fault(gls::Rule::new("token", gls::Fault::ErrorBefore { status: 503 }, 1_000))
        .expect("planned");
    three.pass_minutes(1).await;
    three.pass(Duration::hours(5)).await;
    three.gls.clear_faults().expect("cleared");
    three.pass_minutes(20).await;
    let seen = three.see(shipment).await;
    assert_eq!(seen.text("/state"), "booked", "{}", seen.json);
    // The parcel for the old address was taken back.
    assert_eq!(three.live().concat(), [seen.text("/parcels/0/tracking_number")]);
}

//! A service with DHL's sandbox beside it, on one common clock.

use aisle::delivery::{self, Address, Needs, Parcel, Request};
use aisle::identity::Role;
use aisle::ids::{OrderId, ShipmentId, ShopperId};
use aisle::sandbox::dhl::{BookedShipment, Sandbox, Settings};
use chrono::Duration;
use serde_json::{Value, json};

use super::identity::ShopperActor;
use super::{Answer, TestApp, start_of_time};

/// The store of these tests.
pub const STORE: &str = "0001";

/// The service and its courier.
pub struct Depot {
    pub test: TestApp,
    pub dhl: Sandbox,
}

impl Depot {
    pub async fn new() -> Self {
        Self::whose_tracking_knows_after(Duration::minutes(10)).await
    }

    /// A courier that finds a booking by its reference only after this time.
    pub async fn whose_tracking_knows_after(known_after: Duration) -> Self {
        let settings = Settings {
            clock_stands_at: Some(start_of_time()),
            known_after: known_after.to_std().expect("a time"),
            ..Settings::local()
        };
        let dhl = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let test = TestApp::with(&settings.for_service(dhl.url())).await;
        Self { test, dhl }
    }

    /// Asks for a delivery of parcels with these weights.
    pub async fn request(&self, shopper: &ShopperActor, weights: &[i64]) -> ShipmentId {
        ask_for_delivery(&self.test, shopper, weights).await
    }

    /// Takes a shipment back.
    pub async fn cancel(&self, shipment: ShipmentId) -> Result<(), delivery::Error> {
        let app = &self.test.app;
        let mut tx = app.db.begin().await?;
        delivery::cancel(&mut tx, &app.ids, app.clock.now(), shipment).await?;
        Ok(tx.commit().await?)
    }

    /// Lets time pass for both, and works off what is due then.
    pub async fn pass(&self, time: Duration) {
        self.dhl.advance_clock(time.num_seconds()).expect("the courier's clock moves");
        self.test.advance(time);
        self.test.run_jobs().await;
    }

    /// The shipment as the holder of the token sees it. A test that has moved the clock past the token's life sees it as a
    /// clerk of the store who has just signed in.
    pub async fn see(&self, shipment: ShipmentId, token: &str) -> Answer {
        let path = format!("/v1/shipments/{shipment}");
        let answer = self.test.get(&path).bearer(token).send().await;
        if answer.status != reqwest::StatusCode::UNAUTHORIZED {
            return answer;
        }
        let clerk = self.test.staff(Role::Clerk, &[STORE]).await;
        self.test.get(&path).bearer(&clerk).send().await
    }

    pub async fn hand_over(&self, shipment: ShipmentId, token: &str) -> Answer {
        self.test
            .post(&format!("/v1/shipments/{shipment}/hand-over"), &Value::Null)
            .bearer(token)
            .send()
            .await
    }

    /// The courier's labels that were not cancelled.
    pub fn live(&self) -> Vec<BookedShipment> {
        self.dhl.books().shipments.into_iter().filter(|each| each.cancelled_at.is_none()).collect()
    }

    pub fn calls(&self, operation: &str) -> u64 {
        self.dhl.books().calls.get(operation).copied().unwrap_or_default()
    }
}

/// Asks for a delivery from Bonn to Berlin of parcels with these weights.
pub async fn ask_for_delivery(test: &TestApp, shopper: &ShopperActor, weights: &[i64]) -> ShipmentId {
    ask_for_delivery_to(test, shopper, weights, address("Mária Müller", "10115", "Berlin")).await
}

/// As [`ask_for_delivery`], to somebody else.
pub async fn ask_for_delivery_to(
    test: &TestApp,
    shopper: &ShopperActor,
    weights: &[i64],
    recipient: Address,
) -> ShipmentId {
    let request = request_for(test, shopper, weights, recipient);
    ask(test, request).await
}

/// A delivery by whichever courier comes first.
pub fn request_for(test: &TestApp, shopper: &ShopperActor, weights: &[i64], recipient: Address) -> Request {
    let app = &test.app;
    let order: OrderId = app.ids.next();
    Request {
        shipment: app.ids.next(),
        order,
        store: STORE.parse().expect("a store"),
        shopper: ShopperId(shopper.id.parse().expect("an id")),
        sender: address("Markt Bonn", "53113", "Bonn"),
        returns_of: None,
        recipient,
        parcels: weights.iter().map(|weight| Parcel::of_grams(*weight)).collect(),
        reference: "R-7F3K2A".to_owned(),
        follow_code: app.random.readable::<20>(),
        carrier: None,
        fallbacks: Vec::new(),
        needs: Needs::default(),
        choice: None,
        waits_for_packing: false,
        leaves_by: None,
    }
}

pub async fn ask(test: &TestApp, request: Request) -> ShipmentId {
    let (app, shipment) = (&test.app, request.shipment);
    let mut tx = app.db.begin().await.expect("a transaction");
    let asked = delivery::request(&mut tx, &app.carriers, &app.ids, app.clock.now(), request).await;
    asked.expect("a shipment");
    tx.commit().await.expect("a commit");
    shipment
}

/// An address that couriers take.
pub fn address(name: &str, postal_code: &str, city: &str) -> Address {
    let body = json!({
        "name": name, "street": "Invalidenstr.", "house_number": "117a", "postal_code": postal_code, "city": city,
        "country": "DE",
    });
    serde_json::from_value(body).expect("an address")
}

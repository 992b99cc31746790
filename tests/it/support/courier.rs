//! A service whose only courier is one of the sandboxes, on one common clock.

use aisle::delivery::carrier::{self, BookedParcel, Booking, LabelFormat, Reference};
use aisle::delivery::{self, Address};
use aisle::identity::Role;
use aisle::ids::ShipmentId;
use chrono::{Duration, NaiveDate};
use serde_json::{Value, json};

use super::delivery::{STORE, address, ask_for_delivery_to};
use super::identity::ShopperActor;
use super::{Answer, TestApp, start_of_time};
use crate::credits::store_with;

/// What every courier's sandbox can do and tell.
pub trait Courier {
    fn pass(&self, seconds: i64);

    /// The numbers, for shoppers, of the parcels that were not taken back.
    fn live(&self) -> Vec<String>;
}

/// Two couriers side by side.
impl<A: Courier, B: Courier> Courier for (A, B) {
    fn pass(&self, seconds: i64) {
        self.0.pass(seconds);
        self.1.pass(seconds);
    }

    fn live(&self) -> Vec<String> {
        [self.0.live(), self.1.live()].concat()
    }
}

/// Variables and some more.
pub fn and(
    mut variables: Vec<(&'static str, String)>,
    more: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    variables
}

/// A booking that has one name for both.
pub fn parcel(number: &str) -> BookedParcel {
    BookedParcel { carrier_shipment_id: number.to_owned(), tracking_number: number.to_owned() }
}

pub fn reference() -> Reference {
    Reference::new("AISLE-7F3K2A-01").expect("a reference")
}

/// The day of [`start_of_time`].
pub fn today() -> NaiveDate {
    start_of_time().date_naive()
}

/// A parcel of so many grams from Bonn to Berlin.
pub fn german_booking(weight_grams: i64) -> Booking {
    let address =
        |name: &str, street: &str, house_number: &str, postal_code: &str, city: &str| carrier::Address {
            name: name.to_owned(),
            company: None,
            street: street.to_owned(),
            house_number: Some(house_number.to_owned()),
            line_2: None,
            postal_code: postal_code.to_owned(),
            city: city.to_owned(),
            country: "DE".to_owned(),
            phone: None,
            pickup_point: None,
        };
    Booking {
        reference: reference(),
        asked_at: start_of_time(),
        ship_date: None,
        sender: address("Markt Bonn", "Sträßchensweg", "10", "53113", "Bonn"),
        recipient: address("Mária Müller", "Invalidenstr.", "117a", "10115", "Berlin"),
        notify_email: None,
        weight_grams,
        dimensions_mm: None,
        age_min: None,
        recipient_only: false,
        is_return: false,
        label_format: LabelFormat::Pdf,
        shipper: None,
    }
}

impl TestApp {
    /// Gives the store of these tests terms of delivery: these, and a price for all.
    pub async fn deliver_by(&self, terms: &Value) {
        let mut delivery = json!({"amount": 499, "tax_class": "standard"});
        delivery.as_object_mut().expect("an object").extend(terms.as_object().expect("an object").clone());
        let mut rows = super::catalog::rows();
        rows.push(store_with(&json!({"delivery": delivery})));
        let report = self.apply_rows(&rows).await;
        assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
    }
}

/// The service, its courier and a shopper.
pub struct Depot<C> {
    pub test: TestApp,
    pub courier: C,
    pub shopper: ShopperActor,
}

impl<C: Courier> Depot<C> {
    pub async fn new<V: AsRef<str>>(courier: C, variables: &[(&str, V)]) -> Self {
        let test = TestApp::with(variables).await;
        let shopper = test.shopper().await;
        Self { test, courier, shopper }
    }

    /// Asks for one parcel, and works off what is due.
    pub async fn request(&self) -> ShipmentId {
        self.request_to(address("Mária Müller", "10115", "Berlin")).await
    }

    pub async fn request_to(&self, recipient: Address) -> ShipmentId {
        let shipment = ask_for_delivery_to(&self.test, &self.shopper, &[4_200], recipient).await;
        self.test.run_jobs().await;
        shipment
    }

    pub async fn pass(&self, time: Duration) {
        self.courier.pass(time.num_seconds());
        self.test.advance(time);
        self.test.run_jobs().await;
    }

    /// The shipment as a clerk of the store sees it, who has just signed in.
    pub async fn see(&self, shipment: ShipmentId) -> Answer {
        let clerk = self.test.staff(Role::Clerk, &[STORE]).await;
        self.test.get(&format!("/v1/shipments/{shipment}")).bearer(&clerk).send().await.expect(200)
    }

    /// Corrects where a shipment goes, as a supervisor.
    pub async fn correct(&self, shipment: ShipmentId, recipient: &Value) -> Answer {
        let supervisor = self.test.staff(Role::Supervisor, &[STORE]).await;
        let path = format!("/v1/shipments/{shipment}/recipient");
        self.test.put(&path, recipient).bearer(&supervisor).send().await
    }

    /// Takes a shipment back.
    pub async fn cancel(&self, shipment: ShipmentId) {
        let app = &self.test.app;
        let mut tx = app.db.begin().await.expect("a transaction");
        let cancelled = delivery::cancel(&mut tx, &app.ids, app.clock.now(), shipment).await;
        cancelled.expect("a cancellation");
        tx.commit().await.expect("a commit");
    }

    /// The label of the only parcel.
    pub async fn label(&self, shipment: ShipmentId) -> Answer {
        let clerk = self.test.staff(Role::Clerk, &[STORE]).await;
        self.test.get(&format!("/v1/shipments/{shipment}/labels/1")).bearer(&clerk).send().await
    }

    /// The shipment is booked, and its parcel is the courier's only one.
    pub async fn assert_one_live(&self, shipment: ShipmentId) {
        let seen = self.see(shipment).await;
        assert_eq!(seen.text("/state"), "booked");
        assert_eq!(self.courier.live(), [seen.text("/parcels/0/tracking_number")]);
    }
}

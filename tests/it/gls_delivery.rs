//! Deliveries by GLS, through the service: one live parcel whatever the network does, followed to the door.

use aisle::sandbox::gls::{Fault, Oddities, Rule, Sandbox, Settings};
use chrono::Duration;
use serde_json::json;

use crate::contract::gls::assert_kept;
use crate::support::courier::{Courier, Depot};
use crate::support::start_of_time;

impl Courier for Sandbox {
    fn pass(&self, seconds: i64) {
        self.advance_seconds(seconds).expect("time passes");
    }

    fn live(&self) -> Vec<String> {
        let parcels = self.books().parcels;
        parcels.into_iter().filter(|one| !one.is_cancelled()).map(|one| one.parcel_number).collect()
    }
}

pub async fn depot() -> Depot<Sandbox> {
    depot_with(Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() }).await
}

async fn depot_with(settings: Settings) -> Depot<Sandbox> {
    let gls = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = settings.for_service(gls.url());
    Depot::new(gls, &variables).await
}

fn plan(depot: &Depot<Sandbox>, operation: &str, fault: Fault) {
    depot.courier.add_fault(Rule::new(operation, fault, 1)).expect("planned");
}

#[tokio::test]
async fn a_parcel_is_booked_labelled_followed_and_delivered() {
    let depot = depot().await;
    let shipment = depot.request().await;
    depot.assert_one_live(shipment).await;
    let seen = depot.see(shipment).await;
    let number = seen.text("/parcels/0/tracking_number").to_owned();
    assert!(seen.text("/parcels/0/tracking_url").starts_with("https://gls-group.eu/"));
    assert!(depot.label(shipment).await.expect(200).bytes.starts_with(b"%PDF"));
    let mut states = Vec::new();
    for _ in 0..5 {
        depot.courier.record_event(&number, "advance").expect("the parcel moves");
        depot.pass(Duration::hours(2)).await;
        states.push(depot.see(shipment).await.text("/parcels/0/status").to_owned());
    }
    assert_eq!(states, ["picked_up", "in_transit", "in_transit", "out_for_delivery", "delivered"]);
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_booking_whose_answer_was_lost_ends_in_exactly_one_live_parcel_with_a_label() {
    for fault in [Fault::NoAnswerAfter { hold: false }, Fault::ErrorAfter { status: 503 }] {
        let depot = depot().await;
        plan(&depot, "shipments.create", fault);
        let shipment = depot.request().await;
        let seen = depot.see(shipment).await;
        assert_eq!((seen.text("/state"), seen.text("/parcels/0/booking")), ("requested", "unknown"));
        for _ in 0..4 {
            depot.pass(Duration::minutes(5)).await;
        }
        // GLS gives a label once: the parcel that was found is taken back, and another one is booked.
        depot.assert_one_live(shipment).await;
        assert!(depot.label(shipment).await.expect(200).bytes.starts_with(b"%PDF"));
        assert_eq!(depot.courier.books().parcels.len(), 2);
        assert_kept(&depot.courier);
    }
}

#[tokio::test]
async fn a_booking_without_a_label_that_can_be_read_is_made_anew() {
    let depot = depot().await;
    let odd = Oddities { labels_unreadable: 1, ..Oddities::default() };
    depot.courier.set_oddities(odd).expect("set");
    let shipment = depot.request().await;
    for _ in 0..2 {
        depot.pass(Duration::minutes(5)).await;
    }
    depot.assert_one_live(shipment).await;
    assert!(depot.label(shipment).await.expect(200).bytes.starts_with(b"%PDF"));
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_delivery_that_is_taken_back_leaves_no_live_parcel_however_the_cancellation_goes() {
    let pending = Oddities { cancellations_pending: 1, ..Oddities::default() };
    for (fault, oddities) in [
        (None, Oddities::default()),
        (None, pending),
        (Some(Fault::NoAnswerAfter { hold: false }), Oddities::default()),
        (Some(Fault::NoAnswerBefore { hold: false }), pending),
        (Some(Fault::NoAnswerAfter { hold: false }), pending),
    ] {
        let depot = depot().await;
        let shipment = depot.request().await;
        depot.courier.set_oddities(oddities).expect("set");
        if let Some(fault) = fault {
            plan(&depot, "shipments.cancel", fault);
        }
        depot.cancel(shipment).await;
        for _ in 0..4 {
            depot.pass(Duration::minutes(6)).await;
        }
        assert_eq!(depot.courier.live(), Vec::<String>::new());
        let seen = depot.see(shipment).await;
        assert_eq!(seen.text("/state"), "cancelled");
        assert!(seen.json["trouble"].is_null(), "{fault:?}");
        assert_kept(&depot.courier);
    }
}

/// How often GLS was asked to take a parcel back.
fn cancellations(depot: &Depot<Sandbox>) -> usize {
    depot.courier.exchanges().iter().filter(|one| one.operation == "shipments.cancel").count()
}

#[tokio::test]
async fn a_cancellation_that_gls_left_open_is_sent_once_and_asked_after_until_it_is_decided() {
    let depot = depot().await;
    let shipment = depot.request().await;
    depot.courier.set_oddities(Oddities { cancellations_pending: 1, ..Oddities::default() }).expect("set");
    depot.cancel(shipment).await;
    depot.test.run_jobs().await;
    depot.pass(Duration::minutes(6)).await;
    assert_eq!(depot.courier.live().len(), 1, "still open");
    depot.pass(Duration::minutes(6)).await;
    assert_eq!((depot.courier.live().len(), cancellations(&depot)), (0, 1));
    assert!(depot.see(shipment).await.json["trouble"].is_null());
    assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_cancellation_that_gls_never_decides_is_a_refusal_after_a_day_and_staff_keep_the_parcel() {
    let depot = depot().await;
    let shipment = depot.request().await;
    depot.courier.set_oddities(Oddities { cancellations_pending: 1, ..Oddities::default() }).expect("set");
    depot.cancel(shipment).await;
    depot.test.run_jobs().await;
    // Time passes, but not at GLS.
    for hours in [1, 22] {
        depot.test.advance(Duration::hours(hours));
        depot.test.run_jobs().await;
    }
    assert_eq!(cancellations(&depot), 1);
    assert!(depot.see(shipment).await.json["trouble"].is_null());
    for hours in [2, 24] {
        depot.test.advance(Duration::hours(hours));
        depot.test.run_jobs().await;
    }
    assert_eq!(cancellations(&depot), 2, "once more, should it have been lost");
    let seen = depot.see(shipment).await;
    assert!(seen.text("/trouble").contains("did not decide"), "{seen:?}");
    assert!(seen.text("/trouble").contains("don't hand it over"), "{seen:?}");
}

#[tokio::test]
async fn a_store_that_is_a_shipper_of_its_own_books_and_orders_its_driver_as_such() {
    let contacts = vec!["276a45fkqM".to_owned(), "276a45fkqN".to_owned()];
    let settings = Settings { clock_stands_at: Some(start_of_time()), contacts, ..Settings::local() };
    let depot = depot_with(settings).await;
    depot.request().await;
    let shippers = json!([{"carrier": "gls", "id": "276a45fkqN"}]);
    depot.test.deliver_by(&json!({"order_pickup": ["gls"], "shippers": shippers})).await;
    depot.request().await;
    let books = depot.courier.books();
    let booked: Vec<&str> = books.parcels.iter().map(|parcel| parcel.contact_id.as_str()).collect();
    assert_eq!(booked, ["276a45fkqM", "276a45fkqN"]);
    let ordered: Vec<&str> = books.collections.iter().map(|one| one.contact_id.as_str()).collect();
    assert_eq!(ordered, ["276a45fkqN"]);
    assert_kept(&depot.courier);
}

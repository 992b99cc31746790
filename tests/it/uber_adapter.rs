//! The Uber adapter against the Uber Direct sandbox over loopback: what it says for certain, and what it leaves open.

use aisle::delivery::carrier::{
    Address, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome, Carrier, Confirmation,
    LabelFormat, Notice, NoticeError, ParcelStatus, Reference, RejectionReason, Subject, TrackingEvent,
};
use aisle::delivery::carriers::uber::{Uber, UberSettings};
use aisle::sandbox::uber::{Delivery, Fault, Oddities, Rule, Sandbox, Settings, signature};
use axum::http::HeaderMap;
use chrono::Days;

use crate::contract::uber::assert_kept;
use crate::support::courier::today;
use crate::support::{client, start_of_time};

const WEBHOOK_KEY: &str = "a key of this webhook alone";

/// The adapter and its partner.
struct Pair {
    sandbox: Sandbox,
    uber: Uber,
}

impl Pair {
    async fn new() -> Self {
        let settings = settings();
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let uber = adapter(&settings, sandbox.url());
        Self { sandbox, uber }
    }

    async fn confirmed(&self, booking: &Booking) -> Confirmation {
        match self.uber.book(booking).await {
            BookOutcome::Confirmed(confirmation) => confirmation,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, booking: &Booking) -> (RejectionReason, String) {
        match self.uber.book(booking).await {
            BookOutcome::Rejected(rejection) => {
                let last = rejection.messages.last().expect("a message");
                (rejection.reason, last.property.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn found(&self) -> Vec<BookedParcel> {
        self.uber.find_by_reference(&reference("01"), today()).await.expect("an answer")
    }

    async fn tracked(&self, id: &str) -> Vec<TrackingEvent> {
        self.uber.track(&named(id), "10043").await.expect("an answer").expect("a known delivery").events
    }

    async fn status(&self, id: &str) -> Option<ParcelStatus> {
        self.tracked(id).await.iter().rev().find_map(|event| event.status)
    }

    fn fails(&self, operation: &str, fault: Fault) {
        self.sandbox.add_fault(Rule::new(operation, fault, 1)).expect("planned");
    }

    fn is_odd(&self, oddities: Oddities) {
        self.sandbox.set_oddities(oddities).expect("set");
    }

    fn rides(&self, id: &str, stages: usize) {
        for _ in 0..stages {
            self.sandbox.advance_seconds(300).expect("time passes");
            self.sandbox.happen(id, "advance").expect("a next stage");
        }
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.sandbox.books().deliveries
    }

    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

pub fn settings() -> Settings {
    Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() }
}

pub fn adapter(settings: &Settings, base_url: &str) -> Uber {
    let settings = UberSettings {
        base_url: base_url.to_owned(),
        login_url: base_url.to_owned(),
        customer_id: settings.customer_id.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
        country: "US".to_owned(),
        pickup_phone: "+15555555555".to_owned(),
        preparation: chrono::Duration::minutes(20),
        webhook_key: Some(WEBHOOK_KEY.to_owned().into()),
    };
    Uber::new(settings, client())
}

fn reference(number: &str) -> Reference {
    Reference::new(format!("AISLE-7F3K2A-{number}")).expect("a reference")
}

fn named(id: &str) -> BookedParcel {
    BookedParcel { carrier_shipment_id: id.to_owned(), tracking_number: "a page".to_owned() }
}

pub fn booking() -> Booking {
    let address = |name: &str, street: &str, house_number: &str, postal_code: &str| Address {
        name: name.to_owned(),
        company: None,
        street: street.to_owned(),
        house_number: Some(house_number.to_owned()),
        line_2: None,
        postal_code: postal_code.to_owned(),
        city: "New York".to_owned(),
        country: "US".to_owned(),
        phone: Some("+15555555556".to_owned()),
        pickup_point: None,
    };
    Booking {
        reference: reference("01"),
        asked_at: start_of_time(),
        ship_date: None,
        sender: address("Store 12", "Maiden Ln", "100", "10023"),
        recipient: address("A. Shopper", "Lincoln Center Plaza", "30", "10043"),
        notify_email: None,
        weight_grams: 4_200,
        dimensions_mm: None,
        age_min: None,
        recipient_only: false,
        is_return: false,
        label_format: LabelFormat::Pdf,
        shipper: None,
    }
}

#[tokio::test]
async fn a_booking_is_quoted_and_confirmed_without_a_label_and_ready_when_the_store_is() {
    let pair = Pair::new().await;
    let mut full = booking();
    full.age_min = Some(18);
    full.dimensions_mm = Some([401, 300, 200]);
    full.recipient.company = Some("The \"Plaza\"".to_owned());
    full.recipient.line_2 = Some("Apt 4, 2nd floor".to_owned());
    let confirmation = pair.confirmed(&full).await;
    assert_eq!(confirmation.label, None);
    let books = pair.sandbox.books();
    let (quote, delivery) = (&books.quotes[0], &books.deliveries[0]);
    assert_eq!(quote.used_by.as_deref(), Some(delivery.id.as_str()));
    assert_eq!(confirmation.carrier_shipment_id, delivery.id);
    assert_eq!(confirmation.tracking_number, delivery.uuid);
    assert!(pair.uber.tracking_url(&delivery.uuid).ends_with(&format!("/orders/{}", delivery.uuid)));
    assert_eq!(delivery.dropoff.street_address, ["30 Lincoln Center Plaza", "Apt 4, 2nd floor"]);
    assert_eq!((delivery.dropoff.state.as_str(), delivery.min_age), ("NY", Some(18)));
    assert_eq!(delivery.undeliverable_action, "return");
    assert_eq!(delivery.request["manifest_items"][0]["dimensions"]["length"], 41, "rounded up");
    assert_eq!((delivery.windows.pickup_ready - start_of_time()).num_minutes(), 20);
    assert_eq!(pair.uber.fetch_label(&delivery.id, LabelFormat::Pdf).await, Ok(None));
    assert!(matches!(pair.uber.close_day(&[]).await, Err(CallError::Refused(_))));
    let abilities = pair.uber.capabilities();
    assert!(!abilities.gives_labels && abilities.closing.is_none() && abilities.calls_recipients);
    assert_eq!(abilities.countries, ["US"]);
    pair.end().await;
}

#[tokio::test]
async fn what_can_not_be_brought_is_refused_before_any_call() {
    let pair = Pair::new().await;
    let heavy = Booking { weight_grams: 22_001, ..booking() };
    assert_eq!(pair.refused(&heavy).await, (RejectionReason::NotServed, "weight_grams".to_owned()));
    let only = Booking { recipient_only: true, ..booking() };
    assert_eq!(pair.refused(&only).await.0, RejectionReason::NotServed);
    let later = Booking { ship_date: Some(today() + Days::new(1)), ..booking() };
    assert_eq!(pair.refused(&later).await, (RejectionReason::NotServed, "ship_date".to_owned()));
    let mut abroad = booking();
    abroad.recipient.country = "CA".to_owned();
    assert_eq!(pair.refused(&abroad).await, (RejectionReason::NotServed, "recipient.country".to_owned()));
    let mut silent = booking();
    silent.recipient.phone = None;
    assert_eq!(pair.refused(&silent).await, (RejectionReason::Data, "recipient.phone".to_owned()));
    let mut nowhere = booking();
    nowhere.recipient.postal_code = "00000".to_owned();
    assert_eq!(pair.refused(&nowhere).await, (RejectionReason::Data, "recipient.postal_code".to_owned()));
    let weightless = Booking { weight_grams: 0, ..booking() };
    assert_eq!(pair.refused(&weightless).await.0, RejectionReason::Data);
    assert!(pair.sandbox.exchanges().is_empty());
}

#[tokio::test]
async fn a_quote_says_whether_anybody_rides_there_and_nothing_is_booked_when_not() {
    let pair = Pair::new().await;
    let mut far = booking();
    far.recipient.postal_code = "94103".to_owned();
    assert_eq!(pair.refused(&far).await.0, RejectionReason::NotServed);
    pair.is_odd(Oddities { limited_couriers: 1, ..Oddities::default() });
    assert_eq!(pair.refused(&booking()).await.0, RejectionReason::NotServed);
    pair.is_odd(Oddities { couriers_busy: 1, ..Oddities::default() });
    assert!(matches!(pair.uber.book(&booking()).await, BookOutcome::NotSent { .. }));
    for oddities in [
        Oddities { suspended: true, ..Oddities::default() },
        Oddities { blocked: true, ..Oddities::default() },
    ] {
        pair.is_odd(oddities);
        assert_eq!(pair.refused(&booking()).await.0, RejectionReason::Unauthorised);
    }
    pair.is_odd(Oddities::default());
    for fault in [
        Fault::ErrorBefore { status: 503 },
        Fault::ErrorAfter { status: 500 },
        Fault::NoAnswerAfter { hold: false },
    ] {
        pair.fails("quotes.create", fault);
        assert!(matches!(pair.uber.book(&booking()).await, BookOutcome::NotSent { .. }), "{fault:?}");
    }
    assert!(pair.deliveries().is_empty());
    let strangers = Settings { client_secret: "wrong".to_owned(), ..settings() };
    let outcome = adapter(&strangers, pair.sandbox.url()).book(&booking()).await;
    let BookOutcome::Rejected(rejection) = outcome else { panic!("{outcome:?}") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    let nobody = adapter(&settings(), "http://127.0.0.1:1");
    assert!(matches!(nobody.book(&booking()).await, BookOutcome::NotSent { .. }));
    pair.end().await;
}

#[tokio::test]
async fn an_unknown_booking_is_found_by_our_reference() {
    let pair = Pair::new().await;
    assert!(pair.found().await.is_empty());
    for (fault, booked) in [
        (Fault::ErrorBefore { status: 503 }, 0),
        (Fault::NoAnswerBefore { hold: false }, 0),
        (Fault::ErrorBefore { status: 429 }, 0),
        (Fault::NoAnswerAfter { hold: false }, 1),
    ] {
        pair.fails("deliveries.create", fault);
        let outcome = pair.uber.book(&booking()).await;
        let is_surely_not_sent = matches!(fault, Fault::ErrorBefore { status: 429 });
        assert_eq!(matches!(outcome, BookOutcome::NotSent { .. }), is_surely_not_sent, "{fault:?}");
        assert_eq!(matches!(outcome, BookOutcome::Unknown { .. }), !is_surely_not_sent, "{fault:?}");
        assert_eq!(pair.deliveries().len(), booked);
    }
    let other = Booking { reference: reference("02"), ..booking() };
    pair.confirmed(&other).await;
    let id = pair.deliveries()[0].id.clone();
    let found = pair.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].carrier_shipment_id.as_str(), found[0].tracking_number.is_empty()),
        (id.as_str(), false)
    );
    pair.rides(&id, 3);
    pair.sandbox.happen(&id, "nobody_there").expect("a way back");
    assert_eq!(pair.found().await, found, "a way back is no second parcel");
    let late = pair.uber.find_by_reference(&reference("01"), today() + Days::new(9)).await;
    assert_eq!(late, Ok(found), "a short list is read whole");
    pair.end().await;
}

#[tokio::test]
async fn a_key_that_is_sent_again_gives_the_delivery_that_is_there() {
    let pair = Pair::new().await;
    let first = pair.confirmed(&booking()).await;
    let again = pair.confirmed(&booking()).await;
    assert_eq!(again, first);
    assert_eq!(pair.deliveries().len(), 1);
    pair.fails("deliveries.get", Fault::ErrorBefore { status: 503 });
    assert!(matches!(pair.uber.book(&booking()).await, BookOutcome::Unknown { .. }));
    pair.end().await;
}

#[tokio::test]
async fn a_delivery_is_called_off_until_the_courier_has_the_goods() {
    let pair = Pair::new().await;
    let first = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.rides(&first, 1);
    pair.fails("deliveries.cancel", Fault::NoAnswerAfter { hold: false });
    assert!(matches!(pair.uber.cancel(&first, false).await, Err(CallError::NoAnswer(_))));
    assert_eq!(pair.uber.cancel(&first, true).await, Ok(CancelOutcome::Cancelled));
    assert_eq!(pair.status(&first).await, Some(ParcelStatus::Cancelled));
    assert!(pair.found().await.is_empty(), "called off");
    let second = Booking { reference: reference("02"), ..booking() };
    let second = pair.confirmed(&second).await.carrier_shipment_id;
    pair.rides(&second, 2);
    let refused = pair.uber.cancel(&second, false).await;
    assert!(matches!(refused, Ok(CancelOutcome::Refused { .. })), "{refused:?}");
    let unknown = pair.uber.cancel("del_nothing", true).await;
    assert!(matches!(unknown, Ok(CancelOutcome::Refused { .. })), "{unknown:?}");
    pair.end().await;
}

#[tokio::test]
async fn a_ride_is_told_status_by_status_and_each_keeps_its_name() {
    let pair = Pair::new().await;
    assert_eq!(pair.uber.track(&named("del_nothing"), "10043").await, Ok(None));
    let id = pair.confirmed(&booking()).await.carrier_shipment_id;
    let mut told = Vec::new();
    let mut names = Vec::new();
    for stages in [0, 1, 1, 1, 1] {
        pair.rides(&id, stages);
        let events = pair.tracked(&id).await;
        assert!(events.is_sorted_by_key(|event| event.occurred_at));
        told.push(events.last().and_then(|event| event.status));
        names.extend(events.into_iter().map(|event| event.dedupe_key));
    }
    let expected = [
        ParcelStatus::Announced,
        ParcelStatus::Announced,
        ParcelStatus::PickedUp,
        ParcelStatus::OutForDelivery,
        ParcelStatus::Delivered,
    ];
    assert_eq!(told, expected.map(Some));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5, "five statuses, however often each was told");
    pair.end().await;
}

#[tokio::test]
async fn an_age_that_is_not_proven_brings_the_goods_back() {
    let pair = Pair::new().await;
    let for_adults = Booking { age_min: Some(18), ..booking() };
    let id = pair.confirmed(&for_adults).await.carrier_shipment_id;
    pair.rides(&id, 3);
    pair.sandbox.happen(&id, "age_check_failed").expect("at the door");
    let events = pair.tracked(&id).await;
    let failed = events.iter().find(|event| event.status == Some(ParcelStatus::FailedAttempt));
    assert_eq!(failed.expect("a failed attempt").description.as_deref(), Some("AGE_VERIFICATION_FAILED"));
    assert_eq!(pair.status(&id).await, Some(ParcelStatus::Returning));
    let back = pair.deliveries().last().expect("a way back").id.clone();
    pair.rides(&back, 1);
    assert_eq!(pair.status(&id).await, Some(ParcelStatus::Returned));
    let second = Booking { reference: reference("02"), ..booking() };
    let lost = pair.confirmed(&second).await.carrier_shipment_id;
    pair.rides(&lost, 2);
    pair.sandbox.happen(&lost, "lost").expect("lost");
    assert_eq!(pair.status(&lost).await, Some(ParcelStatus::Exception), "it was with a courier");
    pair.end().await;
}

#[tokio::test]
async fn a_webhook_is_believed_by_its_signature_alone() {
    let pair = Pair::new().await;
    pair.confirmed(&booking()).await;
    let body = pair.sandbox.books().notifications[0].body.clone();
    let signed = |key: &str, body: &str| {
        let mut headers = HeaderMap::new();
        let value = signature(key, body.as_bytes()).parse().expect("ASCII");
        headers.insert("x-uber-signature", value);
        headers
    };
    let read = |headers: &HeaderMap, body: &str| pair.uber.read_notice(headers, body.as_bytes());
    let Ok(Notice::Happened(about)) = read(&signed(WEBHOOK_KEY, &body), &body) else { panic!("forged") };
    assert_eq!(about, [Subject::Booking(reference("01"))]);
    let changed = body.replace("pending", "delivered");
    for (headers, body) in [
        (signed("another key", &body), &body),
        (signed(WEBHOOK_KEY, &body), &changed),
        (HeaderMap::new(), &body),
    ] {
        assert!(matches!(read(&headers, body), Err(NoticeError::Forged(_))));
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_is_renewed_and_too_many_calls_are_waited_for() {
    let pair = Pair::new().await;
    let id = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.sandbox.revoke_tokens().expect("revoked");
    assert!(pair.uber.track(&named(&id), "10043").await.is_ok());
    pair.fails("deliveries.get", Fault::ErrorBefore { status: 429 });
    assert_eq!(pair.uber.track(&named(&id), "10043").await, Err(CallError::Throttled));
    pair.end().await;
}

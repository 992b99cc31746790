//! The UPS adapter against the UPS sandbox over loopback: what it says for certain, and what it leaves open.

use std::time::Duration;

use aisle::delivery::carrier::{
    Address, BookOutcome, Booking, CallError, CancelOutcome, Carrier, Confirmation, LabelFormat,
    ParcelStatus, Reference, RejectionReason, TrackingEvent,
};
use aisle::delivery::carriers::ups::{Ups, UpsSettings};
use aisle::sandbox::ups::{AnswerFault, Fault, FaultKind, Rule, Sandbox, Settings};
use chrono::NaiveDate;

use crate::contract::ups::assert_kept;
use crate::support::courier::{self, parcel, reference, today};
use crate::support::{client, start_of_time};

/// The adapter and its partner.
struct Pair {
    sandbox: Sandbox,
    ups: Ups,
}

impl Pair {
    async fn american() -> Pair {
        Pair::of("US", settings()).await
    }

    async fn german() -> Pair {
        Pair::of("DE", settings()).await
    }

    async fn of(country: &str, settings: Settings) -> Pair {
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let ups = adapter(country, &settings, sandbox.url());
        Pair { sandbox, ups }
    }

    async fn confirmed(&self, booking: &Booking) -> Confirmation {
        match self.ups.book(booking).await {
            BookOutcome::Confirmed(confirmation) => confirmation,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, booking: &Booking) -> (RejectionReason, String) {
        match self.ups.book(booking).await {
            BookOutcome::Rejected(rejection) => {
                let first = rejection.messages.first().expect("a message");
                (rejection.reason, first.property.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn found(&self) -> Vec<String> {
        let found = self.ups.find_by_reference(&reference(), today()).await.expect("an answer");
        found.into_iter().map(|parcel| parcel.carrier_shipment_id).collect()
    }

    async fn tracked(&self, number: &str) -> Vec<TrackingEvent> {
        self.ups.track(&parcel(number), "10001").await.expect("an answer").expect("a known parcel").events
    }

    fn plan(&self, operation: &str, fault: Fault, times: u32) {
        self.sandbox.add_fault(Rule::new(operation, FaultKind::Network(fault), times));
    }

    fn calls(&self, operation: &str) -> u64 {
        self.sandbox.books().calls.get(operation).copied().unwrap_or_default()
    }

    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

fn settings() -> Settings {
    Settings { clock_stands_at: Some("2026-11-23T14:00:00Z".parse().expect("a moment")), ..Settings::local() }
}

pub fn adapter(country: &str, settings: &Settings, base_url: &str) -> Ups {
    let settings = UpsSettings {
        base_url: base_url.to_owned(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
        account_number: settings.account_number.clone(),
        pickup_phone: Some("+4922812345".to_owned()),
        country: country.to_owned(),
        alert_key: None,
    };
    Ups::new(settings, client())
}

fn address(country: &str, name: &str, street: &str, house_number: &str, place: (&str, &str)) -> Address {
    Address {
        name: name.to_owned(),
        company: None,
        street: street.to_owned(),
        house_number: Some(house_number.to_owned()),
        line_2: None,
        postal_code: place.0.to_owned(),
        city: place.1.to_owned(),
        country: country.to_owned(),
        phone: None,
        pickup_point: None,
    }
}

fn booking() -> Booking {
    Booking {
        reference: reference(),
        asked_at: start_of_time(),
        ship_date: None,
        sender: address("US", "Store 12", "Main St", "100", ("12207-1234", "Albany")),
        recipient: address("US", "A. Shopper", "W 34th St", "20", ("10001", "New York")),
        notify_email: None,
        weight_grams: 4_200,
        dimensions_mm: Some([400, 300, 200]),
        age_min: None,
        recipient_only: false,
        is_return: false,
        label_format: LabelFormat::Pdf,
        shipper: None,
    }
}

fn german_booking() -> Booking {
    Booking { dimensions_mm: Some([400, 300, 200]), ..courier::german_booking(4_200) }
}

#[tokio::test]
async fn a_booking_is_confirmed_with_the_label_that_was_asked_for() {
    let pair = Pair::american().await;
    let mut full = booking();
    full.recipient.company = Some("Shopper & Sons".to_owned());
    full.recipient.line_2 = Some("Floor 5".to_owned());
    full.notify_email = Some("shopper@example.com".to_owned());
    full.age_min = Some(21);
    full.ship_date = Some(today());
    let confirmation = pair.confirmed(&full).await;
    assert_eq!(confirmation.warnings, []);
    assert!(confirmation.label.expect("a label").bytes.starts_with(b"%PDF"));
    let books = pair.sandbox.books();
    let shipment = &books.shipments[0];
    assert_eq!((&shipment.id, shipment.service.as_str()), (&confirmation.carrier_shipment_id, "03"));
    assert_eq!(shipment.to.lines, ["20 W 34th St", "Floor 5"]);
    let package = &shipment.packages[0];
    assert_eq!((package.weight.as_str(), package.weight_unit.as_str()), ("9.3", "LBS"), "rounded up");
    assert_eq!(package.references, [reference().as_str()]);
    assert!(package.adult_signature);
    let zpl = Booking { label_format: LabelFormat::Zpl, reference: other_reference(), ..booking() };
    assert!(pair.confirmed(&zpl).await.label.expect("a label").bytes.starts_with(b"^XA"));
    assert_eq!(pair.calls("recovery"), 1, "ZPL comes with the booking");
    pair.end().await;
}

fn other_reference() -> Reference {
    Reference::new("AISLE-7F3K2A-02").expect("a reference")
}

#[tokio::test]
async fn in_europe_references_stand_on_the_shipment_and_abroad_ups_wants_a_phone() {
    let pair = Pair::german().await;
    pair.confirmed(&german_booking()).await;
    let shipment = pair.sandbox.books().shipments[0].clone();
    assert_eq!(
        (shipment.service.as_str(), &shipment.references[..]),
        ("11", &[reference().as_str().to_owned()][..])
    );
    assert_eq!(shipment.packages[0].weight, "4.2");
    let mut abroad = german_booking();
    abroad.recipient = address("AT", "Mária Müller", "Graben", "7", ("1010", "Wien"));
    assert_eq!(pair.refused(&abroad).await, (RejectionReason::Data, "recipient.phone".to_owned()));
    abroad.recipient.phone = Some("+4315330000".to_owned());
    pair.confirmed(&abroad).await;
    pair.end().await;
}

#[tokio::test]
async fn what_ups_can_not_carry_is_said_without_a_call() {
    let pair = Pair::american().await;
    let not_served = |property: &str| (RejectionReason::NotServed, property.to_owned());
    let heavy = Booking { weight_grams: 68_001, ..booking() };
    assert_eq!(pair.refused(&heavy).await, not_served("weight_grams"));
    let abroad = Booking { recipient: german_booking().recipient, ..booking() };
    assert_eq!(pair.refused(&abroad).await, not_served("recipient.country"));
    let only = Booking { recipient_only: true, ..booking() };
    assert_eq!(pair.refused(&only).await, not_served("recipient_only"));
    let young = Booking { age_min: Some(18), ..german_booking() };
    assert_eq!(pair.refused(&young).await, not_served("age_min"));
    let mut long = booking();
    long.recipient.street = "x".repeat(34);
    assert_eq!(pair.refused(&long).await, (RejectionReason::Data, "recipient.street".to_owned()));
    let mut nowhere = booking();
    nowhere.recipient.postal_code = "00000".to_owned();
    assert_eq!(pair.refused(&nowhere).await, (RejectionReason::Data, "recipient.postal_code".to_owned()));
    assert_eq!(pair.calls("ship"), 0);
    pair.end().await;
}

#[tokio::test]
async fn what_ups_refuses_is_data_or_not_served_with_its_words() {
    let pair = Pair::american().await;
    let long = Booking { dimensions_mm: Some([2_800, 100, 100]), ..booking() };
    assert_eq!(pair.refused(&long).await, (RejectionReason::NotServed, "111055".to_owned()));
    let late = Booking { ship_date: NaiveDate::from_ymd_opt(2027, 1, 4), ..booking() };
    assert_eq!(pair.refused(&late).await, (RejectionReason::Data, "120020".to_owned()));
    let strangers = Settings { account_number: "ZZZZZZ".to_owned(), ..settings() };
    let stranger = adapter("US", &strangers, pair.sandbox.url());
    let BookOutcome::Rejected(rejection) = stranger.book(&booking()).await else { panic!("booked") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    assert!(pair.sandbox.books().shipments.is_empty());
    pair.end().await;
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_booking_is_found_once() {
    let pair = Pair::american().await;
    for fault in [Fault::NoAnswerAfter { hold: false }, Fault::ErrorAfter { status: 503 }] {
        pair.plan("ship", fault, 1);
        assert!(matches!(pair.ups.book(&booking()).await, BookOutcome::Unknown { .. }));
    }
    let books = pair.sandbox.books();
    let booked: Vec<String> = books.shipments.iter().map(|shipment| shipment.id.clone()).collect();
    assert_eq!(pair.found().await, booked, "twice booked, both found");
    assert_eq!(pair.ups.cancel(&booked[1], false).await, Ok(CancelOutcome::Cancelled));
    assert_eq!(pair.found().await, booked[..1]);
    pair.end().await;
}

#[tokio::test]
async fn what_never_arrived_is_not_found_and_what_was_just_booked_is_found_later() {
    let settings = Settings { recoverable_after: Duration::from_mins(5), ..settings() };
    let pair = Pair::of("US", settings).await;
    pair.plan("ship", Fault::NoAnswerBefore { hold: false }, 1);
    assert!(matches!(pair.ups.book(&booking()).await, BookOutcome::Unknown { .. }));
    assert!(pair.found().await.is_empty());
    pair.plan("ship", Fault::NoAnswerAfter { hold: false }, 1);
    assert!(matches!(pair.ups.book(&booking()).await, BookOutcome::Unknown { .. }));
    assert!(pair.found().await.is_empty());
    pair.sandbox.advance_clock(300);
    assert_eq!(pair.found().await.len(), 1);
    assert_eq!(pair.calls("track.reference"), 2, "tracking is asked only when there is no label");
    pair.end().await;
}

#[tokio::test]
async fn a_question_that_fails_finds_nothing_out() {
    let pair = Pair::american().await;
    pair.plan("recovery", Fault::ErrorBefore { status: 503 }, 1);
    let answer = pair.ups.find_by_reference(&reference(), today()).await;
    assert!(matches!(answer, Err(CallError::NoAnswer(_))), "{answer:?}");
    pair.plan("track.reference", Fault::ErrorBefore { status: 429 }, 1);
    let answer = pair.ups.find_by_reference(&reference(), today()).await;
    assert_eq!(answer, Err(CallError::Throttled));
    pair.end().await;
}

#[tokio::test]
async fn only_what_surely_never_arrived_may_be_sent_again() {
    let pair = Pair::american().await;
    pair.plan("ship", Fault::ErrorBefore { status: 429 }, 1);
    assert!(matches!(pair.ups.book(&booking()).await, BookOutcome::NotSent { .. }));
    pair.plan("token", Fault::ErrorBefore { status: 503 }, 1);
    let fresh = adapter("US", &settings(), pair.sandbox.url());
    assert!(matches!(fresh.book(&booking()).await, BookOutcome::NotSent { .. }));
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nobody = adapter("US", &settings(), &format!("http://{closed}"));
    assert!(matches!(nobody.book(&booking()).await, BookOutcome::NotSent { .. }));
    assert!(pair.sandbox.books().shipments.is_empty());
    pair.end().await;
}

#[tokio::test]
async fn a_booking_without_its_label_stays_valid_and_one_that_can_not_be_read_is_looked_for() {
    let pair = Pair::american().await;
    pair.plan("recovery", Fault::ErrorBefore { status: 503 }, 1);
    pair.sandbox.add_fault(Rule::new("ship", FaultKind::Answer(AnswerFault::ChargesMissing), 1));
    let confirmation = pair.confirmed(&booking()).await;
    assert_eq!(confirmation.label, None);
    let label = pair.ups.fetch_label(&confirmation.carrier_shipment_id, LabelFormat::Pdf).await;
    assert!(label.expect("an answer").expect("a label").bytes.starts_with(b"%PDF"));
    assert_kept(&pair.sandbox);
    pair.sandbox.add_fault(Rule::new("ship", FaultKind::Answer(AnswerFault::Garbled), 1));
    let other = Booking { reference: other_reference(), ..booking() };
    assert!(matches!(pair.ups.book(&other).await, BookOutcome::Unknown { .. }));
    let found = pair.ups.find_by_reference(&other_reference(), today()).await.expect("an answer");
    assert_eq!(found.len(), 1);
    pair.sandbox.stop().await;
}

#[tokio::test]
async fn one_token_serves_all_calls_and_a_revoked_one_is_renewed_once() {
    let pair = Pair::american().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    pair.tracked(&number).await;
    assert_eq!(pair.calls("token"), 1);
    pair.sandbox.revoke_tokens();
    pair.tracked(&number).await;
    assert_eq!(pair.calls("token"), 2);
    pair.plan("track", Fault::ErrorBefore { status: 401 }, 2);
    assert_eq!(pair.ups.track(&parcel(&number), "10001").await, Err(CallError::Unauthorised));
    let wrong = Settings { client_secret: "wrong".to_owned(), ..settings() };
    let stranger = adapter("US", &wrong, pair.sandbox.url());
    let BookOutcome::Rejected(rejection) = stranger.book(&booking()).await else { panic!("booked") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    pair.end().await;
}

#[tokio::test]
async fn a_cancellation_can_be_repeated_until_the_parcel_is_scanned() {
    let pair = Pair::american().await;
    let id = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.plan("void", Fault::NoAnswerAfter { hold: false }, 1);
    assert!(matches!(pair.ups.cancel(&id, false).await, Err(CallError::NoAnswer(_))));
    assert_eq!(pair.ups.cancel(&id, true).await, Ok(CancelOutcome::Cancelled));
    assert_eq!(pair.ups.fetch_label(&id, LabelFormat::Pdf).await, Ok(None));
    assert!(pair.found().await.is_empty());
    let scanned = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.sandbox.advance(&scanned).expect("a scan");
    assert!(matches!(pair.ups.cancel(&scanned, false).await, Ok(CancelOutcome::Refused { .. })));
    let unknown = pair.ups.cancel("1ZA1B2C30399999990", false).await;
    assert!(matches!(unknown, Ok(CancelOutcome::Refused { .. })), "{unknown:?}");
    pair.end().await;
}

#[tokio::test]
async fn a_travel_is_told_oldest_first_and_the_same_way_each_time() {
    use ParcelStatus::{Announced, FailedAttempt, OutForDelivery, PickedUp, Returned, Returning};
    let pair = Pair::american().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    for code in ["038", "021", "061", "return_to_sender"] {
        pair.sandbox.advance_clock(600);
        pair.sandbox.record_event(&number, code, 0).expect("an event");
    }
    let told = pair.tracked(&number).await;
    let statuses: Vec<_> = told.iter().filter_map(|event| event.status).collect();
    assert_eq!(statuses, [Announced, PickedUp, OutForDelivery, FailedAttempt, Returning, Returned]);
    pair.sandbox.record_event(&number, "005", 1_500).expect("a late scan");
    let again = pair.tracked(&number).await;
    let new: Vec<_> = again.iter().filter(|event| !told.contains(event)).collect();
    assert_eq!(new.len(), 1, "what was told before is told alike");
    assert_eq!(new[0].raw_code, "005");
    assert_eq!(pair.ups.track(&parcel("1ZA1B2C30399999990"), "10001").await, Ok(None));
    pair.end().await;
}

#[tokio::test]
async fn abilities_follow_the_shippers_country() {
    let (american, german) = (Pair::american().await, Pair::german().await);
    let abilities = american.ups.capabilities();
    assert_eq!((abilities.name, abilities.closing, abilities.countries), ("ups", None, vec!["US"]));
    assert_eq!(abilities.age_checks, [18, 21]);
    assert!(german.ups.capabilities().age_checks.is_empty());
    assert!(german.ups.capabilities().countries.contains(&"AT"));
    assert!(matches!(german.ups.close_day(&[]).await, Err(CallError::Refused(_))));
    assert!(german.ups.tracking_url("1Z1").ends_with("tracknum=1Z1"));
    american.end().await;
    german.end().await;
}

//! The DHL adapter against the DHL sandbox over loopback: what it says for certain, and what it leaves open.

use std::time::Duration;

use aisle::delivery::carrier::{
    BookOutcome, Booking, CallError, CancelOutcome, Carrier, Confirmation, LabelFormat, ParcelStatus,
    RejectionReason, TrackingEvent,
};
use aisle::delivery::carriers::dhl::{Dhl, DhlSettings};
use aisle::sandbox::dhl::{FaultKind, Sandbox, Settings};

use crate::contract::dhl::assert_kept;
use crate::support::client;
use crate::support::courier::{german_booking, parcel, reference, today};

const POSTAL_CODE: &str = "10115";

/// The adapter and its partner.
struct Pair {
    sandbox: Sandbox,
    dhl: Dhl,
}

impl Pair {
    async fn new() -> Self {
        let settings = Settings {
            clock_stands_at: Some("2026-11-23T09:00:00Z".parse().expect("a moment")),
            ..Settings::local()
        };
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let dhl = adapter(&settings, sandbox.url());
        Self { sandbox, dhl }
    }

    async fn confirmed(&self, booking: &Booking) -> Confirmation {
        match self.dhl.book(booking).await {
            BookOutcome::Confirmed(confirmation) => confirmation,
            other => panic!("{other:?}"),
        }
    }

    async fn tracked(&self, number: &str) -> Vec<TrackingEvent> {
        self.dhl.track(&parcel(number), POSTAL_CODE).await.expect("an answer").expect("a known parcel").events
    }

    fn calls(&self, operation: &str) -> u64 {
        self.sandbox.books().calls.get(operation).copied().unwrap_or_default()
    }
}

pub fn adapter(settings: &Settings, base_url: &str) -> Dhl {
    Dhl::new(account(settings, base_url), client())
}

/// The account without returns and push.
pub fn account(settings: &Settings, base_url: &str) -> DhlSettings {
    DhlSettings {
        base_url: base_url.to_owned(),
        api_key: settings.api_key.clone(),
        api_secret: settings.api_secret.clone().into(),
        username: settings.username.clone(),
        password: settings.password.clone().into(),
        profile: "STANDARD_GRUPPENPROFIL".to_owned(),
        billing_number: settings.billing_number.clone(),
        international_billing_number: Some("33333333335301".to_owned()),
        print_format: None,
        returns: None,
        push: None,
    }
}

fn booking() -> Booking {
    german_booking(4_200)
}

fn statuses(events: &[TrackingEvent]) -> Vec<Option<ParcelStatus>> {
    events.iter().filter(|event| !event.is_retracted).map(|event| event.status).collect()
}

#[tokio::test]
async fn a_booking_is_confirmed_with_its_label_and_without_a_warning() {
    let pair = Pair::new().await;
    let mut full = booking();
    full.recipient.company = Some("Büro & Söhne".to_owned());
    full.recipient.line_2 = Some("2. Hinterhof".to_owned());
    full.notify_email = Some("shopper@example.com".to_owned());
    full.dimensions_mm = Some([400, 300, 200]);
    full.age_min = Some(18);
    full.recipient_only = true;
    full.ship_date = Some(today());
    let confirmation = pair.confirmed(&full).await;
    assert_eq!(confirmation.warnings, []);
    let label = confirmation.label.expect("a label");
    assert!(label.bytes.starts_with(b"%PDF"));
    let books = pair.sandbox.books();
    assert_eq!(books.shipments[0].number, confirmation.carrier_shipment_id);
    assert_eq!(books.shipments[0].reference.as_deref(), Some(reference().as_str()));
    assert_eq!(books.shipments[0].services, ["visualCheckOfAge A18", "namedPersonOnly"]);
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_parcel_to_another_country_of_the_union_takes_the_international_product() {
    let pair = Pair::new().await;
    let mut abroad = booking();
    abroad.recipient.country = "NL".to_owned();
    abroad.recipient.postal_code = "1071 AA".to_owned();
    abroad.label_format = LabelFormat::Zpl;
    let confirmation = pair.confirmed(&abroad).await;
    assert!(confirmation.label.expect("a label").bytes.starts_with(b"^XA"));
    assert_eq!(pair.sandbox.books().shipments[0].product, "V53WPAK");
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn what_can_not_be_carried_is_refused_before_any_call() {
    let pair = Pair::new().await;
    let refused = async |change: fn(&mut Booking)| {
        let mut wrong = booking();
        change(&mut wrong);
        match pair.dhl.book(&wrong).await {
            BookOutcome::Rejected(rejection) => rejection.reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|order| order.recipient.name = "N".repeat(51)).await, RejectionReason::Data);
    assert_eq!(
        refused(|order| order.recipient.house_number = Some("1".repeat(11))).await,
        RejectionReason::Data
    );
    assert_eq!(refused(|order| order.recipient.city = " ".to_owned()).await, RejectionReason::Data);
    assert_eq!(refused(|order| order.weight_grams = 31_501).await, RejectionReason::NotServed);
    assert_eq!(refused(|order| order.recipient.country = "US".to_owned()).await, RejectionReason::NotServed);
    assert_eq!(refused(|order| order.age_min = Some(21)).await, RejectionReason::NotServed);
    assert!(pair.sandbox.books().calls.is_empty());
}

#[tokio::test]
async fn a_refusal_names_the_fields_whatever_the_http_status() {
    let pair = Pair::new().await;
    let mut wrong = booking();
    wrong.recipient.postal_code = "1 - 2".to_owned();
    let BookOutcome::Rejected(rejection) = pair.dhl.book(&wrong).await else { panic!("accepted") };
    assert_eq!(rejection.reason, RejectionReason::Data);
    assert_eq!(rejection.messages[0].property, "consignee.postalCode");
    pair.sandbox.plan_fault("orders.create", FaultKind::ItemError, 1);
    let BookOutcome::Rejected(rejection) = pair.dhl.book(&booking()).await else { panic!("accepted") };
    assert_eq!(rejection.messages[0].text, "Planned fault");
    assert_eq!(pair.sandbox.exchanges().last().expect("an exchange").status, 200);
    assert!(pair.sandbox.books().shipments.is_empty());
}

#[tokio::test]
async fn an_unknown_booking_is_found_by_its_reference_once_dhl_knows_it() {
    for fault in [FaultKind::NoAnswerAfter, FaultKind::ErrorAfter { status: 503 }, FaultKind::Garbled] {
        let pair = Pair::new().await;
        pair.sandbox.plan_fault("orders.create", fault.clone(), 1);
        let outcome = pair.dhl.book(&booking()).await;
        assert!(matches!(outcome, BookOutcome::Unknown { .. }), "{fault:?}: {outcome:?}");
        assert_eq!(pair.dhl.find_by_reference(&reference(), today()).await, Ok(Vec::new()));
        pair.sandbox.advance_clock(600).expect("the clock moves");
        let found = pair.dhl.find_by_reference(&reference(), today()).await.expect("an answer");
        assert_eq!(found.len(), 1);
        let books = pair.sandbox.books();
        assert_eq!(found[0].carrier_shipment_id, books.shipments[0].number);
        assert_eq!(books.live_with_reference(reference().as_str()).len(), 1);
        let label =
            pair.dhl.fetch_label(&found[0].carrier_shipment_id, LabelFormat::Pdf).await.expect("an answer");
        assert!(label.is_some());
    }
}

#[tokio::test]
async fn a_broken_connection_is_unknown_even_when_nothing_was_booked() {
    let pair = Pair::new().await;
    pair.sandbox.plan_fault("orders.create", FaultKind::NoAnswerBefore, 1);
    assert!(matches!(pair.dhl.book(&booking()).await, BookOutcome::Unknown { .. }));
    assert!(pair.sandbox.books().shipments.is_empty());
    assert_eq!(pair.calls("orders.create"), 1);
}

#[tokio::test]
async fn a_connection_that_never_came_about_is_surely_not_sent() {
    let settings = Settings::local();
    // A port that was just given back: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let dhl = adapter(&settings, &format!("http://{address}"));
    assert!(matches!(dhl.book(&booking()).await, BookOutcome::NotSent { .. }));
    assert!(matches!(dhl.track(&parcel("1"), POSTAL_CODE).await, Err(CallError::NotSent(_))));
    // A partner that answers, but not with the handshake of TLS.
    let pair = Pair::new().await;
    let dhl = adapter(&settings, &pair.sandbox.url().replace("http:", "https:"));
    assert!(matches!(dhl.track(&parcel("1"), POSTAL_CODE).await, Err(CallError::NotSent(_))));
}

#[tokio::test]
async fn without_a_token_the_order_is_surely_not_sent() {
    let pair = Pair::new().await;
    pair.sandbox.plan_fault("token", FaultKind::ErrorBefore { status: 503 }, 1);
    assert!(matches!(pair.dhl.book(&booking()).await, BookOutcome::NotSent { .. }));
    assert_eq!(pair.calls("orders.create"), 0);
    pair.sandbox.plan_fault("orders.create", FaultKind::ErrorBefore { status: 429 }, 1);
    assert!(matches!(pair.dhl.book(&booking()).await, BookOutcome::NotSent { .. }));
    pair.confirmed(&booking()).await;
}

#[tokio::test]
async fn one_token_serves_many_calls_and_is_renewed_once_when_refused() {
    let pair = Pair::new().await;
    let many = booking();
    let bookings = (0..5).map(|_| pair.dhl.book(&many));
    futures_util::future::join_all(bookings).await;
    assert_eq!(pair.calls("token"), 1);
    pair.sandbox.expire_tokens().expect("tokens expire");
    pair.confirmed(&booking()).await;
    assert_eq!(pair.calls("token"), 2);
    pair.sandbox.plan_fault("orders.create", FaultKind::ErrorBefore { status: 401 }, 2);
    let BookOutcome::Rejected(rejection) = pair.dhl.book(&booking()).await else { panic!("accepted") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    assert_eq!(pair.sandbox.books().shipments.len(), 6);
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_booking_without_its_label_stands_and_the_label_is_fetched_later() {
    let pair = Pair::new().await;
    pair.sandbox.plan_fault("orders.create", FaultKind::LabelMissing, 1);
    let confirmation = pair.confirmed(&booking()).await;
    assert_eq!(confirmation.label, None);
    let number = confirmation.carrier_shipment_id;
    let label = pair.dhl.fetch_label(&number, LabelFormat::Pdf).await.expect("an answer").expect("a label");
    assert!(label.bytes.starts_with(b"%PDF"));
    let closed = pair.dhl.close_day(&[number.clone(), "unknown".to_owned()]).await.expect("an answer");
    assert_eq!(closed[0].result, Ok(()));
    assert!(closed[1].result.is_err());
    assert_eq!(pair.dhl.close_day(std::slice::from_ref(&number)).await.expect("an answer")[0].result, Ok(()));
    let manifest = pair.dhl.fetch_manifest(crate::support::start_of_time()).await.expect("an answer");
    assert!(manifest.is_some_and(|bytes| bytes.starts_with(b"%PDF")));
    let day_before = crate::support::start_of_time() - chrono::Duration::days(1);
    assert_eq!(pair.dhl.fetch_manifest(day_before).await, Ok(None));
    assert_eq!(pair.dhl.fetch_label(&number, LabelFormat::Pdf).await, Ok(None));
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_lost_answer_to_a_cancellation_is_settled_by_repeating_it() {
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.sandbox.plan_fault("orders.delete", FaultKind::NoAnswerAfter, 1);
    let lost = pair.dhl.cancel(&number, false).await;
    assert!(matches!(lost, Err(CallError::NoAnswer(_))), "{lost:?}");
    assert_eq!(pair.dhl.cancel(&number, true).await, Ok(CancelOutcome::Cancelled));
    let closed = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.dhl.close_day(std::slice::from_ref(&closed)).await.expect("an answer");
    assert!(matches!(pair.dhl.cancel(&closed, false).await, Ok(CancelOutcome::Refused { .. })));
    let open = pair.confirmed(&booking()).await.carrier_shipment_id;
    assert_eq!(pair.dhl.cancel(&open, false).await, Ok(CancelOutcome::Cancelled));
    assert_eq!(pair.sandbox.books().live_with_reference(reference().as_str()).len(), 1);
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_travel_is_told_from_announcement_to_delivery_and_stays_the_same_when_asked_again() {
    use ParcelStatus::{Announced, Delivered, InTransit, OutForDelivery, PickedUp};
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    assert_eq!(pair.dhl.track(&parcel(&number), POSTAL_CODE).await, Ok(None));
    for _ in 0..4 {
        pair.sandbox.advance_clock(3_600).expect("the clock moves");
        pair.sandbox.advance(&number).expect("the parcel moves");
    }
    let events = pair.tracked(&number).await;
    assert_eq!(statuses(&events), [Announced, PickedUp, InTransit, OutForDelivery, Delivered].map(Some));
    assert_eq!(events[4].occurred_at.to_rfc3339(), "2026-11-23T14:00:00+01:00");
    assert_eq!(pair.tracked(&number).await, events);
    let keys: std::collections::BTreeSet<_> = events.iter().map(|event| &event.dedupe_key).collect();
    assert_eq!(keys.len(), 5);
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_delivery_that_the_driver_took_back_never_happened() {
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    for code in ["SRTED_NRQRD_PO", "DLVRD_NGHBR_ZU", "STORN", "NTDEL_AGNEG_ZN"] {
        pair.sandbox.advance_clock(60).expect("the clock moves");
        pair.sandbox.record_event(&number, code).expect("an event");
    }
    let events = pair.tracked(&number).await;
    let retracted: Vec<&str> =
        events.iter().filter(|event| event.is_retracted).map(|event| event.raw_code.as_str()).collect();
    assert_eq!(retracted, ["DLVRD_NGHBR_ZU"]);
    assert_eq!(
        statuses(&events),
        [ParcelStatus::Announced, ParcelStatus::OutForDelivery, ParcelStatus::FailedAttempt].map(Some)
    );
}

#[tokio::test]
async fn a_parcel_delivered_to_its_sender_is_returned() {
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    for code in ["SRTED_NRQRD_PO", "NTDEL_CNCNR_ZN", "return_to_sender"] {
        pair.sandbox.record_event(&number, code).expect("an event");
    }
    let events = pair.tracked(&number).await;
    assert_eq!(events.last().expect("events").raw_code, "DLVRD_OTHER_ZU");
    assert_eq!(events.last().expect("events").status, Some(ParcelStatus::Returned));
    assert!(statuses(&events).contains(&Some(ParcelStatus::Returning)));
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_late_answer_within_the_deadline_still_confirms() {
    let pair = Pair::new().await;
    pair.sandbox.plan_fault("orders.create", FaultKind::DelayMs { delay_ms: 50 }, 1);
    let booked = tokio::time::timeout(Duration::from_secs(5), pair.confirmed(&booking())).await;
    assert!(booked.expect("in time").label.is_some());
}

#[tokio::test]
async fn a_slow_tracking_service_and_its_limits_are_errors_that_pass() {
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    for (status, expected) in
        [(429, CallError::Throttled), (503, CallError::NoAnswer("status 503".to_owned()))]
    {
        pair.sandbox.plan_fault("tracking.get", FaultKind::ErrorBefore { status }, 1);
        let error = pair.dhl.track(&parcel(&number), POSTAL_CODE).await.expect_err("a failure");
        assert_eq!(error, expected);
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_real_answer_about_a_returned_parcel_is_understood_to_the_last_event() {
    let Some(folder) = crate::contract::document::folder() else {
        eprintln!("{}", crate::contract::NOT_CHECKED);
        return;
    };
    let path = folder.join("couriers/dhl-parcel-de/fixture-tracking-unified-return.json");
    let body = std::fs::read(path).expect("the fixture");
    let answers = axum::Router::new().route("/track/shipments", axum::routing::get(async move || body));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, answers).await });
    let dhl = adapter(&Settings::local(), &url);
    let tracking =
        dhl.track(&parcel("00340434123456789012"), POSTAL_CODE).await.expect("an answer").expect("a parcel");
    let told = statuses(&tracking.events);
    assert!(told.iter().all(Option::is_some), "{:?}", tracking.events);
    assert_eq!(told.last(), Some(&Some(ParcelStatus::Returned)));
    assert!(
        told.contains(&Some(ParcelStatus::FailedAttempt)) && !told.contains(&Some(ParcelStatus::Delivered))
    );
}

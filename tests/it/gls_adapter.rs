//! The GLS adapter against the GLS sandbox over loopback: what it says for certain, and what it leaves open.

use aisle::delivery::carrier::{
    BookOutcome, Booking, CallError, CancelOutcome, Carrier, Confirmation, LabelFormat, ParcelStatus,
    RejectionReason, TrackingEvent,
};
use aisle::delivery::carriers::gls::{Gls, GlsSettings};
use aisle::sandbox::gls::{Fault, Oddities, Quotas, Rule, Sandbox, Settings};
use chrono::NaiveDate;

use crate::contract::gls::assert_kept;
use crate::support::courier::{german_booking, parcel, reference, today};
use crate::support::{client, start_of_time};

/// The adapter and its partner.
struct Pair {
    sandbox: Sandbox,
    gls: Gls,
}

impl Pair {
    async fn new() -> Self {
        Self::with(Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() }).await
    }

    async fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let gls = adapter(&settings, sandbox.url(), &settings.contacts[0]);
        Self { sandbox, gls }
    }

    async fn confirmed(&self, booking: &Booking) -> Confirmation {
        match self.gls.book(booking).await {
            BookOutcome::Confirmed(confirmation) => confirmation,
            other => panic!("{other:?}"),
        }
    }

    async fn tracked(&self, number: &str) -> Vec<TrackingEvent> {
        self.gls.track(&parcel(number), "10115").await.expect("an answer").expect("a known parcel").events
    }

    fn fails(&self, operation: &str, fault: Fault) {
        self.sandbox.add_fault(Rule::new(operation, fault, 1)).expect("planned");
    }

    fn is_odd(&self, oddities: Oddities) {
        self.sandbox.set_oddities(oddities).expect("set");
    }
}

pub fn adapter(settings: &Settings, base_url: &str, contact_id: &str) -> Gls {
    let settings = GlsSettings {
        base_url: base_url.to_owned(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
        contact_id: contact_id.to_owned(),
    };
    Gls::new(settings, client())
}

fn booking() -> Booking {
    german_booking(4_201)
}

#[tokio::test]
async fn a_booking_is_confirmed_with_both_of_its_numbers_and_its_label() {
    let pair = Pair::new().await;
    let mut full = booking();
    full.recipient.company = Some("Büro (3. Stock), Söhne".to_owned());
    full.recipient.line_2 = Some("Hinterhof; links".to_owned());
    full.notify_email = Some("shopper@example.com".to_owned());
    full.dimensions_mm = Some([400, 300, 200]);
    full.recipient_only = true;
    full.ship_date = Some(today());
    let confirmation = pair.confirmed(&full).await;
    assert!(confirmation.label.expect("a label").bytes.starts_with(b"%PDF"));
    let books = pair.sandbox.books();
    let parcel = &books.parcels[0];
    assert_eq!(parcel.track_id, confirmation.carrier_shipment_id);
    assert_eq!(parcel.parcel_number, confirmation.tracking_number);
    assert_eq!(parcel.references, [reference().as_str()]);
    assert_eq!(parcel.consignee.names, ["Büro 3. Stock Söhne", "Mária Müller", "Hinterhof links"]);
    assert_eq!(parcel.consignee.street, "Invalidenstr. 117a");
    assert_eq!(parcel.weight_grams, 4_210, "rounded up");
    assert_eq!(parcel.services, ["service_addresseeonly"]);
    let mut abroad = booking();
    abroad.recipient.country = "NL".to_owned();
    abroad.recipient.postal_code = "1071 AA".to_owned();
    abroad.label_format = LabelFormat::Zpl;
    assert!(pair.confirmed(&abroad).await.label.expect("a label").bytes.starts_with(b"^XA"));
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_label_is_read_as_a_text_and_as_a_list_and_is_missing_otherwise() {
    let pair = Pair::new().await;
    pair.is_odd(Oddities { label_lists: true, ..Oddities::default() });
    assert!(pair.confirmed(&booking()).await.label.is_some());
    for odd in [
        Oddities { labels_missing: 1, ..Oddities::default() },
        Oddities { labels_unreadable: 1, ..Oddities::default() },
    ] {
        pair.is_odd(odd);
        let confirmation = pair.confirmed(&booking()).await;
        assert_eq!(confirmation.label, None, "the booking stands");
        let again = pair.gls.fetch_label(&confirmation.carrier_shipment_id, LabelFormat::Pdf).await;
        assert_eq!(again, Ok(None), "a reprint would be another parcel");
    }
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn what_can_not_be_carried_is_refused_before_any_call() {
    let pair = Pair::new().await;
    let mut for_adults = booking();
    for_adults.age_min = Some(18);
    let mut heavy = booking();
    heavy.weight_grams = 31_501;
    let mut overseas = booking();
    overseas.recipient.country = "US".to_owned();
    let mut long = booking();
    long.recipient.street = "x".repeat(41);
    for (booking, reason) in [
        (for_adults, RejectionReason::NotServed),
        (heavy, RejectionReason::NotServed),
        (overseas, RejectionReason::NotServed),
        (long, RejectionReason::Data),
    ] {
        let BookOutcome::Rejected(rejection) = pair.gls.book(&booking).await else { panic!("{booking:?}") };
        assert_eq!(rejection.reason, reason);
    }
    assert!(pair.sandbox.exchanges().is_empty());
}

#[tokio::test]
async fn a_refusal_is_read_from_the_headers() {
    let pair = Pair::new().await;
    let mut nowhere = booking();
    nowhere.recipient.postal_code = "00999".to_owned();
    let BookOutcome::Rejected(rejection) = pair.gls.book(&nowhere).await else { panic!("refused") };
    assert_eq!(rejection.reason, RejectionReason::Data);
    assert_eq!(rejection.messages[0].property, "Shipment.Consignee.Address.ZIPCode");
    assert!(rejection.messages[0].text.contains("SHIPMENT_VALID_ROUTING"), "{rejection:?}");
    let stranger = adapter(&Settings::local(), pair.sandbox.url(), "276other");
    let BookOutcome::Rejected(rejection) = stranger.book(&booking()).await else { panic!("refused") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    let wrong = Settings { client_secret: "wrong".to_owned(), ..Settings::local() };
    let outcome = adapter(&wrong, pair.sandbox.url(), "276a45fkqM").book(&booking()).await;
    let BookOutcome::Rejected(rejection) = outcome else { panic!("{outcome:?}") };
    assert_eq!(rejection.reason, RejectionReason::Unauthorised);
    assert!(pair.sandbox.books().parcels.is_empty());
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn an_outcome_is_unknown_unless_gls_surely_did_not_work_on_it() {
    let pair = Pair::new().await;
    let nobody = adapter(&Settings::local(), "http://127.0.0.1:1", "276a45fkqM");
    assert!(matches!(nobody.book(&booking()).await, BookOutcome::NotSent { .. }));
    for status in [490, 429] {
        pair.fails("shipments.create", Fault::ErrorBefore { status });
        assert!(matches!(pair.gls.book(&booking()).await, BookOutcome::NotSent { .. }), "{status}");
    }
    assert!(pair.sandbox.books().parcels.is_empty());
    for fault in [
        Fault::ErrorBefore { status: 503 },
        Fault::ErrorAfter { status: 500 },
        Fault::NoAnswerBefore { hold: false },
        Fault::NoAnswerAfter { hold: false },
    ] {
        pair.fails("shipments.create", fault);
        assert!(matches!(pair.gls.book(&booking()).await, BookOutcome::Unknown { .. }), "{fault:?}");
    }
    assert_eq!(pair.sandbox.books().parcels.len(), 2);
}

#[tokio::test]
async fn an_unknown_booking_is_found_by_our_reference_with_both_of_its_numbers() {
    let pair = Pair::new().await;
    assert_eq!(pair.gls.find_by_reference(&reference(), today()).await, Ok(Vec::new()));
    pair.fails("shipments.create", Fault::NoAnswerAfter { hold: false });
    pair.gls.book(&booking()).await;
    let found = pair.gls.find_by_reference(&reference(), today()).await.expect("an answer");
    let parcel = pair.sandbox.books().parcels[0].clone();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].carrier_shipment_id, &found[0].tracking_number),
        (&parcel.track_id, &parcel.parcel_number)
    );
    pair.confirmed(&booking()).await;
    let found = pair.gls.find_by_reference(&reference(), today()).await.expect("an answer");
    assert_eq!(found.len(), 2, "booked twice: both are told");
    assert_eq!(pair.gls.cancel(&found[1].carrier_shipment_id, false).await, Ok(CancelOutcome::Cancelled));
    assert_eq!(pair.gls.find_by_reference(&reference(), today()).await.expect("an answer"), found[..1]);
    let late = pair.gls.find_by_reference(&reference(), NaiveDate::from_ymd_opt(2026, 10, 1).unwrap()).await;
    assert_eq!(
        late.expect("an answer")[0].carrier_shipment_id,
        parcel.track_id,
        "the details know it whatever the day"
    );
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_cancellation_whose_answer_was_lost_is_looked_after_before_it_is_sent_again() {
    let pair = Pair::new().await;
    let first = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.fails("shipments.cancel", Fault::NoAnswerAfter { hold: false });
    assert!(matches!(pair.gls.cancel(&first, false).await, Err(CallError::NoAnswer(_))));
    assert_eq!(pair.gls.cancel(&first, true).await, Ok(CancelOutcome::Cancelled));
    let second = pair.confirmed(&booking()).await.carrier_shipment_id;
    pair.fails("shipments.cancel", Fault::NoAnswerBefore { hold: false });
    assert!(pair.gls.cancel(&second, false).await.is_err());
    assert_eq!(pair.gls.cancel(&second, true).await, Ok(CancelOutcome::Cancelled));
    assert!(pair.sandbox.books().live_with_reference(reference().as_str()).is_empty());
    let unknown = pair.gls.cancel("ZX000000", false).await;
    assert!(matches!(unknown, Ok(CancelOutcome::Refused { .. })), "{unknown:?}");
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_cancellation_that_is_pending_is_asked_after_and_a_scanned_parcel_is_kept() {
    let pair = Pair::new().await;
    let first = pair.confirmed(&booking()).await.carrier_shipment_id;
    let second = pair.confirmed(&booking()).await.carrier_shipment_id;
    let closed =
        pair.gls.close_day(&[first.clone(), second.clone(), "ZX000000".to_owned()]).await.expect("closed");
    let results: Vec<bool> = closed.iter().map(|one| one.result.is_ok()).collect();
    assert_eq!(results, [true, true, false]);
    let again = pair.gls.close_day(std::slice::from_ref(&first)).await.expect("closed");
    assert_eq!(again[0].result, Ok(()), "closing twice does no harm");
    for id in [&first, &second] {
        assert_eq!(pair.gls.cancel(id, false).await, Ok(CancelOutcome::Pending));
    }
    assert_eq!(pair.gls.cancellation(&first).await, Ok(CancelOutcome::Pending));
    assert_eq!(pair.gls.cancel(&first, true).await, Ok(CancelOutcome::Pending), "asked twice: GLS has it");
    pair.sandbox.record_event(&second, "advance").expect("a scan");
    pair.sandbox.advance_seconds(600).expect("ten minutes");
    for (id, taken_back) in [(&first, true), (&second, false)] {
        for outcome in [pair.gls.cancellation(id).await, pair.gls.cancel(id, true).await] {
            let outcome = outcome.expect("a word");
            let refused = matches!(outcome, CancelOutcome::Refused { .. });
            assert!(if taken_back { outcome == CancelOutcome::Cancelled } else { refused }, "{outcome:?}");
        }
    }
    let exchanges = pair.sandbox.exchanges();
    let sent = exchanges.iter().filter(|one| one.operation == "shipments.cancel").count();
    assert_eq!(sent, 3, "what GLS has decided is read, and not sent again");
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_renewed_once() {
    let pair = Pair::new().await;
    pair.confirmed(&booking()).await;
    pair.sandbox.revoke_tokens().expect("revoked");
    pair.confirmed(&booking()).await;
    assert_eq!(pair.sandbox.books().parcels.len(), 2);
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_travel_is_told_whole_however_late_doubled_or_out_of_order_gls_tells_it() {
    let pair = Pair::new().await;
    assert_eq!(pair.gls.track(&parcel("93800000000"), "10115").await, Ok(None));
    let number = pair.confirmed(&booking()).await.tracking_number;
    for _ in 0..5 {
        pair.sandbox.advance_seconds(1_800).expect("time passes");
        pair.sandbox.record_event(&number, "advance").expect("an event");
    }
    let told = pair.tracked(&number).await;
    let last = |events: &[TrackingEvent]| events.iter().rev().find_map(|event| event.status);
    assert_eq!(last(&told), Some(ParcelStatus::Delivered));
    assert_eq!(told[0].status, Some(ParcelStatus::Announced));
    assert!(told.iter().any(|event| event.status == Some(ParcelStatus::PickedUp)));
    let keys = |events: &[TrackingEvent]| {
        let mut keys: Vec<String> = events.iter().map(|event| event.dedupe_key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    pair.is_odd(Oddities { doubled: true, shuffled: true, ..Oddities::default() });
    let again = pair.tracked(&number).await;
    assert_eq!(keys(&again), keys(&told));
    assert!(again.is_sorted_by_key(|event| event.occurred_at));
    pair.is_odd(Oddities { late_seconds: 1_800, ..Oddities::default() });
    assert_eq!(last(&pair.tracked(&number).await), Some(ParcelStatus::OutForDelivery));
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_shop_is_no_delivery_and_a_return_is_none_either() {
    let pair = Pair::new().await;
    let number = pair.confirmed(&booking()).await.tracking_number;
    let mut statuses = Vec::new();
    for code in ["advance", "to_parcel_shop", "return_started", "advance"] {
        pair.sandbox.advance_seconds(600).expect("time passes");
        pair.sandbox.record_event(&number, code).expect("an event");
        statuses.push(pair.tracked(&number).await.iter().rev().find_map(|event| event.status));
    }
    let expected = [
        ParcelStatus::PickedUp,
        ParcelStatus::AtPickupPoint,
        ParcelStatus::Returning,
        ParcelStatus::Returned,
    ];
    assert_eq!(statuses, expected.map(Some));
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_quota_that_is_used_up_asks_us_to_wait() {
    let quotas = Quotas { tracking: 1, ..Quotas::LIVE };
    let settings = Settings { clock_stands_at: Some(start_of_time()), quotas, ..Settings::local() };
    let pair = Pair::with(settings).await;
    assert!(pair.gls.track(&parcel("93800000000"), "10115").await.is_ok());
    assert_eq!(pair.gls.track(&parcel("93800000000"), "10115").await, Err(CallError::Throttled));
    pair.fails("parcels.details", Fault::ErrorBefore { status: 490 });
    let inactive = pair.gls.find_by_reference(&reference(), today()).await.expect_err("inactive");
    assert!(inactive.is_retryable(), "{inactive}");
    assert_kept(&pair.sandbox);
}

#[tokio::test]
async fn a_return_is_handed_in_by_the_shopper_goes_to_the_store_and_can_be_taken_back() {
    let pair = Pair::new().await;
    let there = booking();
    let mut back = Booking {
        sender: there.recipient.clone(),
        recipient: there.sender.clone(),
        is_return: true,
        ..there
    };
    back.sender.company = Some("Büro".to_owned());
    let confirmation = pair.confirmed(&back).await;
    assert!(confirmation.label.expect("a label").bytes.starts_with(b"%PDF"));
    let parcel = pair.sandbox.books().parcels.remove(0);
    assert_eq!(
        (parcel.consignee.postal_code.as_str(), parcel.request["Consignee"]["Category"].as_str()),
        ("10115", Some("BUSINESS"))
    );
    assert_eq!(parcel.returns_to.expect("a way back").postal_code, "53113");
    assert_eq!(parcel.services, ["service_shopreturn"]);
    let found = pair.gls.find_by_reference(&reference(), today()).await.expect("an answer");
    assert_eq!(found[0].carrier_shipment_id, confirmation.carrier_shipment_id);
    let cancelled = pair.gls.cancel(&confirmation.carrier_shipment_id, false).await;
    assert_eq!(cancelled, Ok(CancelOutcome::Cancelled));
    assert_kept(&pair.sandbox);
}

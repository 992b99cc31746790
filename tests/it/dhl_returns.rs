//! The DHL adapter and goods that come back: what is booked, what DHL is asked before, and what stays open.

use std::time::Duration;

use aisle::delivery::carrier::{
    BookOutcome, Booking, Carrier, LabelFormat, PickupPoint, PointKind, RejectionReason,
};
use aisle::delivery::carriers::dhl::{Dhl, DhlReturns, DhlSettings};
use aisle::sandbox::dhl::{FaultKind, Sandbox, Settings};

use crate::contract::dhl::assert_kept;
use crate::dhl_adapter::account;
use crate::support::client;
use crate::support::courier::{german_booking, reference, today};

const BILLING_NUMBER: &str = "33333333330701";

/// The adapter with this receiver, or the one at the store's address, and its partner.
async fn pair(receiver: Option<&str>) -> (Sandbox, Dhl) {
    let settings = Settings {
        clock_stands_at: Some("2026-11-23T09:00:00Z".parse().expect("a moment")),
        known_after: Duration::ZERO,
        ..Settings::local()
    };
    let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let returns =
        DhlReturns { billing_number: BILLING_NUMBER.to_owned(), receiver: receiver.map(str::to_owned) };
    let account = DhlSettings { returns: Some(returns), ..account(&settings, sandbox.url()) };
    let dhl = Dhl::new(account, client());
    (sandbox, dhl)
}

/// From Berlin back to Bonn.
fn goods() -> Booking {
    let there = german_booking(1_200);
    Booking { sender: there.recipient.clone(), recipient: there.sender.clone(), is_return: true, ..there }
}

fn reason(outcome: &BookOutcome) -> Option<RejectionReason> {
    match outcome {
        BookOutcome::Rejected(rejection) => Some(rejection.reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_return_is_booked_with_a_label_and_its_code_and_found_by_our_reference() {
    for receiver in [Some("deu"), None] {
        let (sandbox, dhl) = pair(receiver).await;
        let BookOutcome::Confirmed(booked) = dhl.book(&goods()).await else { panic!("not booked") };
        assert!(booked.label.is_some_and(|label| label.bytes.starts_with(b"%PDF")));
        assert!(booked.qr_label.is_some_and(|code| code.starts_with(b"\x89PNG")));
        let asked = sandbox.books().calls.get("returns.locations").copied();
        assert_eq!(asked, receiver.is_none().then_some(1), "who is named is not asked for");
        let found = dhl.find_by_reference(&reference(), today()).await.expect("an answer");
        assert_eq!(found[0].tracking_number, booked.tracking_number);
        let again = dhl.fetch_label(&booked.carrier_shipment_id, LabelFormat::Pdf).await;
        assert_eq!(again, Ok(None), "no label is had again");
        assert_kept(&sandbox);
    }
}

#[tokio::test]
async fn what_dhl_brings_back_from_nowhere_is_refused_before_it_is_asked() {
    let (sandbox, dhl) = pair(Some("deu")).await;
    let mut abroad = goods();
    abroad.sender.country = "AT".to_owned();
    let mut houseless = goods();
    houseless.sender.house_number = None;
    let heavy = Booking { weight_grams: 31_501, ..goods() };
    for booking in [abroad, houseless, heavy] {
        assert_eq!(reason(&dhl.book(&booking).await), Some(RejectionReason::NotServed));
    }
    assert!(sandbox.exchanges().is_empty());
    let (sandbox, dhl) = pair(None).await;
    let mut elsewhere = goods();
    elsewhere.recipient.postal_code = "20095".to_owned();
    assert_eq!(reason(&dhl.book(&elsewhere).await), Some(RejectionReason::NotServed));
    assert_eq!(sandbox.books().calls.get("returns.create"), None);
    let (sandbox, dhl) = pair(Some("nobody")).await;
    assert_eq!(
        reason(&dhl.book(&goods()).await),
        Some(RejectionReason::Data),
        "DHL's portal has no such name"
    );
    assert!(sandbox.books().shipments.is_empty());
}

#[tokio::test]
async fn goods_that_were_fetched_at_a_packstation_come_from_there() {
    let (sandbox, dhl) = pair(Some("deu")).await;
    let mut booking = goods();
    booking.sender.house_number = None;
    booking.sender.pickup_point = Some(PickupPoint {
        carrier: "dhl".to_owned(),
        kind: PointKind::Locker,
        id: "145".to_owned(),
        name: None,
        customer_number: Some("123456".to_owned()),
    });
    assert!(matches!(dhl.book(&booking).await, BookOutcome::Confirmed(_)));
    let sent = sandbox.exchanges().pop().expect("an exchange").request_body;
    let sent: serde_json::Value = serde_json::from_slice(&sent).expect("JSON");
    assert_eq!(
        (&sent["shipper"]["addressStreet"], &sent["shipper"]["addressHouse"]),
        (&"Packstation".into(), &"145".into())
    );
    assert_kept(&sandbox);
}

#[tokio::test]
async fn only_what_surely_made_no_label_may_be_sent_again() {
    let outcomes = [
        ("returns.create", FaultKind::ErrorBefore { status: 503 }, true),
        ("returns.create", FaultKind::NoAnswerAfter, true),
        ("returns.create", FaultKind::Garbled, true),
        ("returns.create", FaultKind::ErrorBefore { status: 429 }, false),
        ("returns.locations", FaultKind::NoAnswerBefore, false),
        ("returns.locations", FaultKind::ErrorBefore { status: 503 }, false),
        ("returns.locations", FaultKind::Garbled, false),
        ("token", FaultKind::ErrorBefore { status: 503 }, false),
    ];
    for (operation, fault, is_open) in outcomes {
        let (sandbox, dhl) = pair(None).await;
        sandbox.plan_fault(operation, fault.clone(), 1);
        match dhl.book(&goods()).await {
            BookOutcome::Unknown { .. } if is_open => {}
            BookOutcome::NotSent { .. } if !is_open => assert!(sandbox.books().shipments.is_empty()),
            other => panic!("{operation} {fault:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_return_without_a_readable_label_is_booked_all_the_same() {
    let (sandbox, dhl) = pair(Some("deu")).await;
    sandbox.plan_fault("returns.create", FaultKind::LabelMissing, 1);
    let BookOutcome::Confirmed(booked) = dhl.book(&goods()).await else { panic!("not booked") };
    assert!(booked.label.is_none() && booked.qr_label.is_none());
}

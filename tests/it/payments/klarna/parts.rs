//! Holds that are captured in parts, by parcel: what is left is let go of, what was debited given back.

use aisle::ids::RefundId;
use aisle::payments::{self, LineTax, PaymentLine, PaymentLineKind, PaymentState};
use aisle::sandbox::klarna::{OrderStatus, Rule};
use serde_json::Value;

use super::{LOST, TROUBLES, fact};
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

#[tokio::test]
async fn goods_for_delivery_are_captured_by_parcel_and_the_rest_is_let_go_of_after_the_last() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    let held = shop.until(payment, |found| found.captured == eur(400)).await;
    assert_eq!(held.state, PaymentState::Authorised);
    shop.test.capture(payment, 1, eur(500), false).await.expect("asked for");
    shop.until(payment, |found| found.captured == eur(900)).await;
    assert_eq!(shop.calls("orders.release"), 0);
    shop.test.capture(payment, 2, eur(50), true).await.expect("asked for");
    let over = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(over.captured, eur(950));
    let order = shop.order();
    assert_eq!(order.captures.iter().map(|capture| capture.amount).collect::<Vec<_>>(), [400, 500, 50]);
    assert_eq!((shop.debited(), shop.open_holds(), shop.calls("orders.release")), (950, 0, 1));
    let expected = [
        fact("authorised", 1000),
        fact("captured", 50),
        fact("captured", 400),
        fact("captured", 500),
        fact("voided", 50),
    ];
    assert_eq!(shop.test.facts_of(payment).await, expected);
    shop.check_exchanges();
}

#[tokio::test]
async fn the_last_parcel_of_everything_asks_for_no_release() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.test.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((shop.debited(), shop.calls("orders.release")), (1000, 0));
    assert_eq!(shop.order().status, OrderStatus::Captured);
}

#[tokio::test]
async fn every_missing_answer_of_the_last_capture_is_found_out_and_both_its_calls_happen_once() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for operation in ["captures.create", "orders.release"] {
        for fault in TROUBLES {
            let payment = payer.pay(1000, 400).await;
            shop.until(payment, |found| found.captured == eur(400)).await;
            shop.sandbox.add_fault(Rule::new(operation, fault, 2));
            shop.test.capture(payment, 1, eur(500), true).await.expect("asked for");
            shop.test.run_jobs().await;
            assert_eq!(shop.read(payment).await.captured, eur(400), "{operation} {fault:?}");
            shop.until_state(payment, PaymentState::Captured).await;
            assert_eq!(shop.open_holds(), 0, "{operation} {fault:?}");
        }
    }
    assert!(shop.sandbox.books().orders.values().all(|order| order.captures.len() == 2));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_refund_goes_back_in_parts_and_never_beyond_what_was_debited() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.test.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let [first, second]: [RefundId; 2] = [shop.test.app.ids.next(), shop.test.app.ids.next()];
    shop.test.refund(payment, first, eur(700)).await.expect("asked for");
    shop.test.refund(payment, first, eur(700)).await.expect("asked for twice");
    assert!(shop.test.refund(payment, second, eur(301)).await.is_err());
    for fault in TROUBLES {
        shop.sandbox.add_fault(Rule::new("refunds.create", fault, 1));
    }
    shop.until(payment, |found| found.refunded == eur(700)).await;
    shop.test.refund(payment, second, eur(300)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    assert_eq!(shop.debited(), 0);
    assert_eq!(shop.order().refunds.len(), 3);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_purchase_that_is_given_up_is_cancelled_or_given_back_whatever_is_lost_on_the_way() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let untouched = payer.pay(1000, 0).await;
    shop.until_state(untouched, PaymentState::Authorised).await;
    for fault in TROUBLES {
        shop.sandbox.add_fault(Rule::new("orders.cancel", fault, 1));
    }
    shop.test.cancel(untouched).await;
    shop.until_state(untouched, PaymentState::Cancelled).await;
    assert_eq!(shop.order().status, OrderStatus::Cancelled);
    let begun = payer.pay(1000, 400).await;
    shop.until(begun, |found| found.captured == eur(400)).await;
    for fault in TROUBLES {
        shop.sandbox.add_fault(Rule::new("orders.release", fault, 1));
    }
    shop.sandbox.add_fault(Rule::new("orders.get", LOST, 1));
    shop.test.cancel(begun).await;
    shop.until_state(begun, PaymentState::Cancelled).await;
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
    let facts = [fact("authorised", 1000), fact("captured", 400), fact("refunded", 400), fact("voided", 600)];
    assert_eq!(shop.test.facts_of(begun).await, facts);
    shop.check_exchanges();
}

/// A line of an amount that holds 19 %.
fn line(name: &str, minor: i64, is_due_later: bool) -> PaymentLine {
    let rate: aisle::money::Rate = "19".parse().expect("a rate");
    let tax = LineTax { rate, amount: rate.tax_inside(eur(minor)).expect("fits") };
    PaymentLine::new(PaymentLineKind::Goods, name, 1, eur(minor)).with_tax(Some(tax)).due_later(is_due_later)
}

/// Names and totals of lines as Klarna has them.
fn told(lines: &[Value]) -> Vec<(&str, i64)> {
    lines
        .iter()
        .map(|line| (line["name"].as_str().unwrap_or(""), line["total_amount"].as_i64().unwrap_or(0)))
        .collect()
}

#[tokio::test]
async fn captures_and_refunds_say_what_they_are_for_where_that_adds_up() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let lines = vec![line("Milk", 129, false), line("Soap", 571, true), line("Delivery", 300, true)];
    let payment = payer.pay_for(lines, 1000, 129).await.expect("a payment");
    shop.until(payment, |found| found.captured == eur(129)).await;
    shop.advance(chrono::Duration::minutes(1));
    shop.test.capture(payment, 1, eur(871), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("begun");
    let [known, odd]: [RefundId; 2] = [app.ids.next(), app.ids.next()];
    let back = [line("Soap", 500, false)];
    let now = app.clock.now();
    payments::refund(&mut tx, &app.ids, now, payment, known, (eur(500), &back)).await.expect("asked for");
    payments::refund(&mut tx, &app.ids, now, payment, odd, (eur(100), &back)).await.expect("asked for");
    tx.commit().await.expect("committed");
    shop.until(payment, |found| found.refunded == eur(600)).await;
    let order = shop.order();
    assert_eq!(told(&order.captures[0].lines), [("Milk", 129)]);
    assert_eq!(told(&order.captures[1].lines), [("Soap", 571), ("Delivery", 300)]);
    let mut refunds: Vec<_> =
        order.refunds.iter().map(|refund| (refund.amount, told(&refund.lines))).collect();
    refunds.sort_unstable();
    assert_eq!(refunds, [(100, Vec::new()), (500, vec![("Soap", 500)])]);
    shop.check_exchanges();
}

#[tokio::test]
async fn klarna_is_told_once_in_which_parcel_a_capture_is_sent() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.sandbox.add_fault(Rule::new("captures.shipping_info", LOST, 1));
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("begun");
    let parcel = ("dhl", "00340434161094000017");
    payments::shipped(&mut tx, &app.ids, app.clock.now(), payment, parcel).await.expect("written");
    tx.commit().await.expect("committed");
    shop.test.run_jobs().await;
    assert_eq!(shop.calls("captures.shipping_info"), 0, "what is in it is not paid yet");
    shop.advance(chrono::Duration::minutes(1));
    shop.test.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    for _ in 0..4 {
        shop.advance(chrono::Duration::minutes(1));
        shop.test.run_jobs().await;
    }
    let order = shop.order();
    assert!(order.captures[0].shipping_info.is_empty());
    let [told] = order.captures[1].shipping_info.as_slice() else { panic!("once: {order:?}") };
    assert_eq!((&told["shipping_company"], &told["tracking_number"]), (&"DHL".into(), &parcel.1.into()));
    shop.check_exchanges();
}

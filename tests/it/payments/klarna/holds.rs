//! How long Klarna holds: told when it is asked, held for longer in time, and held anew where it ran out.

use aisle::identity::Role;
use aisle::ids::RefundId;
use aisle::payments::{self, PaymentState};
use aisle::sandbox::klarna::{OrderStatus, Rule};
use chrono::Duration;

use super::LOST;
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

#[tokio::test]
async fn goods_that_wait_longer_than_klarna_holds_are_held_for_longer_in_time() {
    let shop = KlarnaShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    assert!(held.hold.is_none(), "Klarna does not say it with the hold");
    let ends_at = shop.order().expires_at;
    shop.advance(Duration::days(1) + Duration::minutes(2));
    let learned = shop.until(payment, |found| found.hold.is_some()).await;
    assert_eq!(learned.hold.expect("a window").ends_at.timestamp(), ends_at.timestamp());
    shop.sandbox.add_fault(Rule::new("orders.extend", LOST, 1));
    shop.advance(Duration::days(24));
    shop.until(payment, |found| found.hold != learned.hold).await;
    assert!(shop.order().expires_at > ends_at + Duration::days(20));
    shop.advance(Duration::days(10));
    shop.test.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (1000, 1));
    shop.check_exchanges();
}

#[tokio::test]
async fn what_somebody_captured_at_klarna_by_hand_is_not_debited_once_more() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.capture_by_hand(300).await;
    shop.test.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.test.run_jobs().await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let parked = shop.test.get("/v1/payment-operations/parked").bearer(&admin).send().await.expect(200);
    assert!(parked.text("/operations/0/trouble").contains("not ours"), "{}", parked.json);
    shop.test.expects_dead_jobs();
    assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (300, 1));
}

#[tokio::test]
async fn what_ran_out_before_its_capture_is_debited_anew_and_given_back_from_where_it_was_debited() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    // Nobody watched: the hold ran out.
    shop.advance(Duration::days(29));
    assert_eq!(shop.order().status, OrderStatus::Closed);
    let first = shop.order().id;
    for operation in ["tokens.order", "captures.create"] {
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
    }
    shop.test.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let books = shop.sandbox.books();
    assert_eq!((shop.debited(), books.orders.len()), (1000, 2));
    let refund: RefundId = shop.test.app.ids.next();
    shop.test.refund(payment, refund, eur(700)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(700)).await;
    let refunds = |is_first: bool| -> i64 {
        let books = shop.sandbox.books();
        let orders = books.orders.values().filter(|order| (order.id == first) == is_first);
        orders.flat_map(|order| &order.refunds).map(|refund| refund.amount).sum()
    };
    assert_eq!((refunds(true), refunds(false)), (400, 300));
    shop.check_exchanges();
}

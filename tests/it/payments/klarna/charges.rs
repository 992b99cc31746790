//! Charges: a hold and its capture, refusals with what helps, reviews, and the shopper's confirmation.

use aisle::payments::{DeclineReason, PaymentState, Remedy};
use aisle::sandbox::klarna::{FraudStatus, Planned, Rule};
use serde_json::json;

use super::{LOST, TROUBLES, fact};
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

#[tokio::test]
async fn a_charge_is_held_and_captured_once_and_asks_klarna_twice() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let before = shop.sandbox.exchanges().len();
    let payment = payer.pay(1299, 1299).await;
    let paid = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((paid.authorised, paid.captured), (eur(1299), eur(1299)));
    assert_eq!(shop.test.facts_of(payment).await, [fact("authorised", 1299), fact("captured", 1299)]);
    assert_eq!(shop.sandbox.exchanges().len() - before, 2, "a token order and a capture");
    let order = shop.order();
    assert_eq!((order.order_amount, order.captures.len()), (1299, 1));
    assert_eq!(order.merchant_reference1.as_deref(), Some("A-17"));
    assert!(!order.auto_capture);
    // What the voucher paid is off the line; Klarna's tax is of what is debited.
    let line = &order.request["order_lines"][0];
    assert_eq!((line["unit_price"].as_i64(), line["total_discount_amount"].as_i64()), (Some(1349), Some(50)));
    assert_eq!(line["total_tax_amount"].as_i64(), order.request["order_tax_amount"].as_i64());
    shop.check_exchanges();
}

#[tokio::test]
async fn a_refusal_says_why_and_what_may_help() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let try_again = [Remedy::TryAgain, Remedy::OtherMethod];
    for (planned, reason, remedies) in [
        (Planned::Fail, DeclineReason::Declined, try_again.as_slice()),
        (Planned::Unavailable, DeclineReason::Declined, try_again.as_slice()),
        (Planned::Reject, DeclineReason::Declined, try_again.as_slice()),
        (Planned::CurrencyMismatch, DeclineReason::Refused, &[Remedy::OtherMethod]),
        (Planned::Forbid, DeclineReason::LinkRevoked, &[Remedy::LinkAgain, Remedy::OtherMethod]),
    ] {
        assert!(shop.sandbox.plan_charges(&shop.token(), planned, 1));
        let payment = payer.pay(1000, 1000).await;
        let declined = shop.until_state(payment, PaymentState::Declined).await;
        assert_eq!(declined.decline_reason, Some(reason), "{planned:?}");
        let path = format!("/v1/payments/{payment}");
        let read = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
        assert_eq!(read.json["remedies"], json!(remedies), "{planned:?}");
        assert!(shop.test.facts_of(payment).await.is_empty());
    }
    assert_eq!(shop.debited(), 0);
    assert_eq!(payer.read_method().await.text("/state"), "revoked", "the last one took the permission back");
    shop.check_exchanges();
}

#[tokio::test]
async fn an_order_under_review_is_no_money_until_klarna_accepts_it() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("dora@example.com").await;
    for (accepted, state) in [(true, PaymentState::Captured), (false, PaymentState::Declined)] {
        shop.sandbox.plan_charges(&shop.token(), Planned::PendAccept { minutes: 99 }, 1);
        let payment = payer.pay(1000, 1000).await;
        for _ in 0..5 {
            shop.test.run_jobs().await;
            shop.test.advance(chrono::Duration::seconds(30));
        }
        assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
        assert!(shop.test.facts_of(payment).await.is_empty());
        let books = shop.sandbox.books();
        let pending = |order: &&aisle::sandbox::klarna::Order| order.fraud_status == FraudStatus::Pending;
        let order = books.orders.values().find(pending).expect("an order under review");
        assert!(order.captures.is_empty());
        assert!(shop.sandbox.decide_review(&order.id, accepted));
        shop.test.advance(chrono::Duration::minutes(2));
        shop.until_state(payment, state).await;
    }
    assert_eq!(shop.debited(), 1000);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_shopper_whom_klarna_wants_to_see_confirms_on_its_page_and_is_debited_once() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("cleo+step-up@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    let url = asked.action_url.expect("an address");
    assert!(url.starts_with(&shop.sandbox.url()));
    assert!(shop.sandbox.books().orders.is_empty());
    let back = format!("/v1/payments/{payment}/return");
    shop.sandbox.go_back(&url);
    shop.test.get(&back).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::ActionRequired, "coming back proves nothing");
    assert!(shop.sandbox.approve(&url, "cleo+step-up@example.com"));
    for operation in ["authorizations.order", "captures.create"] {
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
    }
    shop.test.advance(chrono::Duration::seconds(5));
    let page = shop.test.get(&back).send().await.expect(200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("aisle://app/paid"));
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((shop.debited(), shop.order().captures.len()), (1000, 1));
    // The token works again by itself.
    let again = payer.pay(500, 500).await;
    shop.until_state(again, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1500);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_shopper_who_refuses_or_never_confirms_is_not_debited() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("cleo+step-up@example.com").await;
    let refused = payer.pay(1000, 1000).await;
    let asked = shop.until_state(refused, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.refuse(&asked.action_url.expect("an address")));
    let declined = shop.until_state(refused, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::NotConfirmed));
    let late = payer.pay(1000, 1000).await;
    let asked = shop.until_state(late, PaymentState::ActionRequired).await;
    shop.test.advance(chrono::Duration::minutes(16));
    let declined = shop.until_state(late, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::NotConfirmed));
    // Too late: nobody places the order any more.
    shop.sandbox.approve(&asked.action_url.expect("an address"), "cleo+step-up@example.com");
    shop.test.advance(chrono::Duration::minutes(5));
    shop.test.run_jobs().await;
    assert!(shop.sandbox.books().orders.is_empty());
}

#[tokio::test]
async fn every_missing_answer_of_a_charge_is_found_out_and_debits_once() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for operation in ["tokens.order", "captures.create"] {
        for fault in TROUBLES {
            let (before, orders) = (shop.debited(), shop.sandbox.books().orders.len());
            shop.sandbox.add_fault(Rule::new(operation, fault, 2));
            let payment = payer.pay(500, 500).await;
            shop.test.run_jobs().await;
            assert_ne!(shop.read(payment).await.state, PaymentState::Captured, "{operation} {fault:?}");
            shop.until_state(payment, PaymentState::Captured).await;
            assert_eq!(shop.debited() - before, 500, "{operation} {fault:?}");
            assert_eq!(shop.sandbox.books().orders.len() - orders, 1, "{operation} {fault:?}");
        }
    }
    assert!(shop.sandbox.books().orders.values().all(|order| order.captures.len() == 1));
    shop.check_exchanges();
}

#[tokio::test]
async fn every_missing_answer_of_a_confirmation_is_found_out_and_debits_once() {
    let shop = KlarnaShop::open().await;
    for (number, operation) in
        ["sessions.create", "hpp.create", "hpp.read", "authorizations.order"].into_iter().enumerate()
    {
        let email = format!("cleo{number}+step-up@example.com");
        for fault in TROUBLES {
            let payer = shop.payer(&email).await;
            let before = shop.debited();
            let is_asking = matches!(operation, "sessions.create" | "hpp.create");
            if is_asking {
                shop.sandbox.add_fault(Rule::new(operation, fault, 1));
            }
            let payment = payer.pay(500, 500).await;
            let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
            assert!(shop.sandbox.approve(&asked.action_url.expect("an address"), &email));
            if !is_asking {
                shop.sandbox.add_fault(Rule::new(operation, fault, 1));
            }
            shop.until_state(payment, PaymentState::Captured).await;
            assert_eq!(shop.debited() - before, 500, "{operation} {fault:?}");
        }
    }
    shop.check_exchanges();
}

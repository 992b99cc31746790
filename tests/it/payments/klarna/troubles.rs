//! Keys that Klarna forgot, holds that ended there, limits, and purchases given up half way.

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::RefundId;
use aisle::payments::{DeclineReason, PaymentState};
use aisle::sandbox::klarna::{Fault, Limits, OrderStatus, Planned, Rule};
use serde_json::json;

use super::{LOST, fact};
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

#[tokio::test]
async fn a_capture_and_a_refund_whose_keys_klarna_forgot_are_found_by_our_name_of_them() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.test.capture(payment, 1, eur(700), true).await.expect("asked for");
    shop.sandbox.add_fault(Rule::new("captures.create", LOST, 1));
    shop.test.run_jobs().await;
    shop.advance(chrono::Duration::hours(25));
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((shop.debited(), shop.open_holds()), (700, 0), "the rest was let go of all the same");
    let refund: RefundId = shop.test.app.ids.next();
    shop.test.refund(payment, refund, eur(200)).await.expect("asked for");
    shop.sandbox.add_fault(Rule::new("refunds.create", LOST, 1));
    shop.test.run_jobs().await;
    shop.advance(chrono::Duration::hours(25));
    shop.until(payment, |found| found.refunded == eur(200)).await;
    assert_eq!(shop.debited(), 500);
    let order = shop.order();
    assert_eq!((order.captures.len(), order.refunds.len()), (1, 1));
}

#[tokio::test]
async fn a_capture_that_klarna_never_took_is_sent_again_though_its_key_is_old() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.test.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.sandbox.add_fault(Rule::new("captures.create", Fault::NoAnswerBefore { hold: false }, 1));
    shop.test.run_jobs().await;
    shop.advance(chrono::Duration::hours(25));
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((shop.debited(), shop.order().captures.len()), (1000, 1));
}

#[tokio::test]
async fn a_token_order_whose_key_klarna_forgot_is_left_to_people_who_prove_it() {
    let shop = KlarnaShop::open().await;
    shop.test.expects_dead_jobs();
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("tokens.order", LOST, 1));
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.advance(chrono::Duration::hours(25));
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = shop.test.get("/v1/payment-operations/parked").bearer(&admin).send().await.expect(200);
    let operation = list.text("/operations/0/id").to_owned();
    assert_eq!(list.text("/operations/0/provider"), "klarna");
    let path = format!("/v1/payment-operations/{operation}/resolve");
    let resolve = async |object: &str| {
        let body = json!({"verdict": "happened", "object": object, "note": "seen in Klarna's portal"});
        shop.test.post(&path, &body).bearer(&admin).send().await
    };
    resolve("no-such-order").await.problem(422, "evidence_refused");
    resolve(&shop.order().id).await.expect(204);
    // Held, and now captured by an operation of its own.
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
}

#[tokio::test]
async fn a_charge_whose_hold_ended_before_its_capture_is_declined_and_nothing_is_kept() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("captures.create", Fault::NoAnswerBefore { hold: false }, 1));
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    // Klarna's own people cancel the order meanwhile.
    let order = shop.order();
    shop.cancel_by_hand(&order.id).await;
    let over = shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(over.decline_reason, Some(DeclineReason::AuthorisationGone));
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
    assert_eq!(shop.test.facts_of(payment).await, [fact("authorised", 1000), fact("voided", 1000)]);
}

#[tokio::test]
async fn a_purchase_given_up_while_klarna_reviews_it_ends_with_nothing_held() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("dora@example.com").await;
    shop.sandbox.plan_charges(&shop.token(), Planned::PendAccept { minutes: 99 }, 1);
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.test.cancel(payment).await;
    shop.test.run_jobs().await;
    assert!(shop.sandbox.decide_review(&shop.order().id, true));
    shop.test.advance(chrono::Duration::minutes(5));
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!((shop.debited(), shop.order().status), (0, OrderStatus::Cancelled));
}

#[tokio::test]
async fn a_confirmation_given_up_or_lost_for_good_never_leaves_a_second_order() {
    let shop = KlarnaShop::open().await;
    shop.test.expects_dead_jobs();
    let payer = shop.payer("cleo+step-up@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.approve(&asked.action_url.expect("an address"), "cleo+step-up@example.com"));
    shop.sandbox.add_fault(Rule::new("authorizations.order", LOST, 1));
    shop.test.advance(chrono::Duration::seconds(5));
    shop.test.run_jobs().await;
    // The approval is over before its order is heard of: only people can tell now.
    shop.sandbox.add_fault(Rule::new("authorizations.order", Fault::NoAnswerBefore { hold: false }, 1));
    shop.test.run_jobs().await;
    shop.advance(chrono::Duration::hours(50));
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::minutes(1));
    }
    assert_eq!(shop.sandbox.books().orders.len(), 1);
    let parked: (i64,) = shop
        .test
        .app
        .db
        .sql("SELECT COUNT(*) FROM payment_operations WHERE state = 'parked'")
        .fetch_one()
        .await
        .expect("a count");
    assert_eq!(parked.0, 1);
}

#[tokio::test]
async fn calls_beyond_klarnas_limits_are_made_later_and_none_is_refused_for_good() {
    let shop =
        KlarnaShop::open_with(&[("AISLE_KLARNA_SESSION_LIMIT", "5"), ("AISLE_KLARNA_CALL_LIMIT", "50")])
            .await;
    shop.sandbox.set_limits(Limits::PLAYGROUND);
    let payer = shop.payer("anna@example.com").await;
    let mut payments = Vec::new();
    for _ in 0..12 {
        payments.push(payer.pay(100, 100).await);
    }
    for payment in payments {
        shop.until_state(payment, PaymentState::Captured).await;
    }
    assert_eq!(shop.debited(), 1200);
    let refused = shop.sandbox.exchanges().iter().filter(|one| one.status == 429).count();
    assert_eq!(refused, 0, "our own pace stays below the limit");
    shop.check_exchanges();
}

//! Payments against the PayPal sandbox over loopback: what happens when all goes well, and when nothing does. `klarna/` has
//! the same at Klarna.

mod covered;
mod disputes;
mod holds;
mod invoice;
mod klarna;
mod ledger;
mod links;
mod lives;
mod missed;
mod mistakes;
mod parked;
mod purchases;
mod reconcile;
mod statements;
mod troubles;
pub mod unsent;
mod webhooks;

use aisle::ids::RefundId;
use aisle::payments::{self, DeclineReason, PaymentState};
use aisle::sandbox::paypal::{Fault, Rule};

use crate::support::payments::{PaidShop, eur};

/// An answer that is lost after its effect, by a connection that is cut.
const LOST: Fault = Fault::NoAnswerAfter { hold: false };

fn fact(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}

#[tokio::test]
async fn a_charge_debits_once_and_says_so_in_the_ledger() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1299, 1299).await;
    let paid = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!((paid.authorised, paid.captured, paid.refunded), (eur(1299), eur(1299), eur(0)));
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1299), fact("captured", 1299)]);
    assert_eq!(shop.debited(), 1299);
    let path = format!("/v1/payments/{payment}");
    let read = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!((read.text("/state"), read.number("/captured/amount")), ("captured", 1299));
    let stranger = shop.test.shopper().await;
    shop.test.get(&path).bearer(&stranger.token).send().await.problem(404, "payment_unknown");
    shop.check_exchanges();
}

#[tokio::test]
async fn goods_for_delivery_are_held_and_captured_in_parts_until_the_last_one() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    let held = shop.until(payment, |found| found.captured == eur(400)).await;
    assert_eq!(held.state, PaymentState::Authorised);
    assert!(shop.capture(payment, 1, eur(601), false).await.is_err(), "more than is held");
    shop.capture(payment, 1, eur(500), false).await.expect("asked for");
    shop.capture(payment, 1, eur(500), false).await.expect("asked for twice");
    shop.capture(payment, 2, eur(50), true).await.expect("asked for");
    // The last capture ends the hold: it waits for the one whose answer is lost.
    shop.sandbox.add_fault(Rule::new("authorizations.capture", LOST, 2));
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.captured, eur(400));
    assert_eq!(shop.sandbox.books().captures.len(), 2);
    assert!(shop.capture(payment, 3, eur(50), false).await.is_err(), "after the last one");
    let over = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(over.captured, eur(950));
    assert_eq!((shop.debited(), shop.open_holds()), (950, 0));
    let captured = [fact("captured", 50), fact("captured", 400), fact("captured", 500)];
    let expected = [&[fact("authorised", 1000)], &captured[..], &[fact("voided", 50)]].concat();
    assert_eq!(shop.facts(payment).await, expected);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_refund_goes_back_in_parts_and_never_beyond_what_was_debited() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let [first, second]: [RefundId; 2] = [shop.test.app.ids.next(), shop.test.app.ids.next()];
    shop.refund(payment, first, eur(700)).await.expect("asked for");
    shop.refund(payment, first, eur(700)).await.expect("asked for twice");
    assert!(shop.refund(payment, second, eur(301)).await.is_err());
    shop.sandbox.add_fault(Rule::new("captures.refund", LOST, 1));
    shop.until(payment, |found| found.refunded == eur(700)).await;
    shop.refund(payment, second, eur(300)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    assert_eq!(shop.debited(), 0);
    assert_eq!(shop.sandbox.books().refunds.len(), 3);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_refused_charge_debits_nothing_and_another_try_is_another_payment() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("ben+declined@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let declined = shop.until_state(payment, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::Declined));
    let again = payer.pay(1000, 400).await;
    shop.until_state(again, PaymentState::Declined).await;
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
    assert!(shop.facts(payment).await.is_empty());
}

#[tokio::test]
async fn a_shopper_who_has_to_confirm_is_sent_there_and_debited_once_afterwards() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    for (total, due_now) in [(1000, 1000), (1000, 400)] {
        let before = shop.debited();
        let payment = payer.pay(total, due_now).await;
        let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
        assert_eq!(shop.debited(), before);
        let page = format!("/v1/payments/{payment}/return");
        shop.test.get(&page).send().await.expect(200);
        shop.test.run_jobs().await;
        assert_eq!(
            shop.read(payment).await.state,
            PaymentState::ActionRequired,
            "coming back proves nothing"
        );
        assert!(shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com"));
        for operation in ["orders.capture", "orders.authorize"] {
            shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
        }
        let answer = shop.test.get(&page).send().await.expect(200);
        assert!(String::from_utf8_lossy(&answer.bytes).contains("aisle://app/paid"));
        shop.until(payment, |found| found.captured == eur(due_now)).await;
        assert_eq!(shop.debited() - before, due_now);
        shop.sandbox.clear_faults();
    }
    shop.check_exchanges();
}

#[tokio::test]
async fn a_shopper_who_never_confirms_is_not_debited() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    shop.test.advance(chrono::Duration::minutes(16));
    let declined = shop.until_state(payment, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::NotConfirmed));
    // Too late: nobody completes the order any more.
    shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com");
    shop.test.advance(chrono::Duration::minutes(5));
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 0);
}

#[tokio::test]
async fn a_pending_capture_is_not_money_until_paypal_decides() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    for completed in [true, false] {
        let payment = payer.pay(1000, 1000).await;
        shop.test.run_jobs().await;
        assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
        assert_eq!(shop.facts(payment).await, []);
        let books = shop.sandbox.books();
        let capture =
            books.captures.values().find(|one| format!("{:?}", one.status) == "Pending").expect("pending");
        assert!(shop.sandbox.settle_capture(&capture.id, completed));
        let state = if completed { PaymentState::Captured } else { PaymentState::Declined };
        shop.until_state(payment, state).await;
    }
    assert_eq!(shop.debited(), 1000);
}

#[tokio::test]
async fn a_failed_capture_leaves_the_hold_to_be_let_go_of() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("finn+latedecline@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.capture(payment, 1, eur(1000), true).await.expect("asked for");
    for _ in 0..3 {
        shop.test.run_jobs().await;
    }
    assert_eq!(shop.read(payment).await.captured, eur(0));
    shop.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
}

#[tokio::test]
async fn amounts_that_do_not_add_up_are_refused() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for (total, due_now) in [(0, 0), (-5, 0), (100, 101), (100, -1)] {
        assert!(
            matches!(payer.try_pay(total, due_now).await, Err(payments::Error::Amounts)),
            "{total} {due_now}"
        );
    }
}

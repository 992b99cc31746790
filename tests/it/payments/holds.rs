//! Holds and their time: renewed, superseded, run out, taken again, and gone when they were to be captured.

use aisle::payments::{self, DeclineReason, MethodState, Payment, PaymentState};
use aisle::sandbox::paypal::{AuthorizationStatus, Rule};
use chrono::Duration;

use super::{LOST, fact};
use crate::support::payments::{PaidShop, eur};

/// A shop whose sweep runs, as it does at any real start.
async fn open() -> PaidShop {
    let shop = PaidShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    shop
}

fn hold_of(payment: &Payment) -> &str {
    payment.provider_authorisation.as_deref().expect("a hold")
}

#[tokio::test]
async fn a_hold_is_renewed_when_it_is_no_longer_honoured_and_what_is_told_of_the_old_one_means_nothing() {
    let shop = open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    let held = shop.until(payment, |found| found.captured == eur(400)).await;
    let window = held.hold.expect("a window");
    assert_eq!(window.ends_at - window.honoured_until, Duration::days(26));
    shop.sandbox.add_fault(Rule::new("authorizations.reauthorize", LOST, 1));
    for round in 1..=2 {
        let before = shop.read(payment).await;
        shop.pass(Duration::days(3) + Duration::minutes(2));
        let renewed = shop.until(payment, |found| hold_of(found) != hold_of(&before)).await;
        assert!(
            renewed.hold.expect("a window").honoured_until > before.hold.expect("a window").honoured_until
        );
        assert_eq!(renewed.hold.expect("a window").ends_at, window.ends_at, "the end stays");
        assert_eq!(
            shop.sandbox.books().authorizations.len(),
            1 + round,
            "one renewal, though its answer was lost"
        );
    }
    // PayPal tells that the superseded ones are void.
    let voided = shop.sandbox.books().events;
    assert_eq!(voided.iter().filter(|event| event.event_type == "PAYMENT.AUTHORIZATION.VOIDED").count(), 2);
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    let renewed = shop.read(payment).await;
    assert_eq!((renewed.state, renewed.is_closed), (PaymentState::Authorised, false));
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let captures = shop.sandbox.books().captures;
    assert!(captures.values().any(|one| one.authorization_id.as_deref() == Some(hold_of(&renewed))));
    assert_eq!((shop.debited(), shop.open_holds()), (1000, 0));
    // Six nights went by, in which PayPal's books told its fee of the first.
    let facts = [("authorised", 1000), ("captured", 400), ("captured", 600), ("fee", 44)];
    assert_eq!(shop.facts(payment).await, facts.map(|(kind, amount)| fact(kind, amount)));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_renewed_hold_that_nobody_needs_any_more_is_let_go_of_as_a_whole() {
    let shop = open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    shop.pass(Duration::days(4));
    shop.until(payment, |found| hold_of(found) != hold_of(&held)).await;
    shop.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert!(
        shop.sandbox.books().authorizations.values().all(|one| one.status == AuthorizationStatus::Voided)
    );
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_hold_that_can_not_be_renewed_stands_until_it_ends_and_is_asked_for_again_each_day() {
    let shop = open().await;
    let payer = shop.payer("gina+renewdeclined@example.com").await;
    let payment = payer.pay(1000, 0).await;
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    for day in 1..=3 {
        shop.pass(Duration::days(if day == 1 { 3 } else { 1 }) + Duration::minutes(2));
        shop.test.run_jobs().await;
        shop.test.run_jobs().await;
        let exchanges = shop.sandbox.exchanges();
        // The token ends too while days pass: what is refused for it is asked for again at once.
        let refused =
            exchanges.iter().filter(|one| one.target.ends_with("/reauthorize") && one.status == 422).count();
        assert_eq!(refused, day);
    }
    let found = shop.read(payment).await;
    assert_eq!((found.state, hold_of(&found)), (PaymentState::Authorised, hold_of(&held)));
    shop.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
}

#[tokio::test]
async fn a_hold_that_ran_out_before_the_delivery_is_taken_again_under_a_key_of_its_own() {
    let shop = open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    let held = shop.until(payment, |found| found.captured == eur(400)).await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    shop.pass(Duration::days(30));
    // By its event or by the watch, whichever comes first, and by both.
    shop.sandbox.deliver_webhooks().await;
    let again = shop.until(payment, |found| hold_of(found) != hold_of(&held)).await;
    assert_eq!(
        (again.state, again.authorised, again.captured),
        (PaymentState::Authorised, eur(1000), eur(400))
    );
    assert!(again.hold.expect("a window").ends_at > held.hold.expect("a window").ends_at);
    let books = shop.sandbox.books();
    let invoices: Vec<_> = books.orders.values().map(|order| order.units[0].invoice_id.clone()).collect();
    assert_eq!(books.orders.len(), 2);
    assert_ne!(invoices[0], invoices[1]);
    assert_eq!(shop.open_holds(), 1);
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
    let refund = shop.test.app.ids.next();
    shop.refund(payment, refund, eur(1000)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    assert_eq!(shop.debited(), 0);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_hold_that_can_not_be_taken_again_leaves_nothing_held_and_revokes_a_dead_link() {
    let shop = open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a link").clone();
    assert!(shop.sandbox.revoke_payment_token(&token));
    shop.pass(Duration::days(30));
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("voided", 1000)]);
    let shopper = payer.actor.id.parse().expect("an id");
    let method = payments::find_method(&shop.test.app.db, shopper, payer.method).await.expect("read");
    assert_eq!(method.expect("a method").state, MethodState::Revoked);
    assert_eq!(shop.debited(), 0);
}

#[tokio::test]
async fn goods_that_leave_after_their_hold_ended_are_debited_anew_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    // Only PayPal knows that it ended.
    shop.sandbox.advance_seconds(30 * 24 * 3600);
    shop.sandbox.add_fault(Rule::new("authorizations.capture", LOST, 1));
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    let paid = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(paid.captured, eur(1000));
    assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (1000, 2));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_shopper_who_has_to_confirm_a_later_hold_is_waited_for_without_undoing_the_purchase() {
    let shop = open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    let payment = payer.pay(1000, 0).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com");
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    shop.pass(Duration::days(30));
    let asked = shop.until(payment, |found| found.action_url.is_some()).await;
    assert_eq!(asked.state, PaymentState::Authorised);
    shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com");
    let again = shop.until(payment, |found| hold_of(found) != hold_of(&held)).await;
    assert_eq!((again.state, again.action_url), (PaymentState::Authorised, None));
    // The next time nobody confirms.
    shop.pass(Duration::days(30));
    shop.until(payment, |found| found.action_url.is_some()).await;
    shop.pass(Duration::hours(25));
    let over = shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!((over.decline_reason, over.action_url), (None::<DeclineReason>, None));
    assert_eq!(shop.debited(), 0);
}

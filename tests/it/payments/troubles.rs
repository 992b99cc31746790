//! Lost answers, dead workers, lost jobs, checkouts given up half way: nobody is debited twice or for nothing.

use aisle::db::Run;
use aisle::payments::{self, PaymentState};
use aisle::sandbox::paypal::{Fault, Rule};

use super::LOST;
use crate::support::payments::{PaidShop, eur};

#[tokio::test]
async fn an_answer_lost_after_success_is_found_out_and_debits_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for fault in [
        LOST,
        Fault::ErrorAfter { status: 500 },
        Fault::ErrorBefore { status: 503 },
        Fault::NoAnswerBefore { hold: false },
    ] {
        let before = shop.debited();
        shop.sandbox.add_fault(Rule::new("orders.create", fault, 2));
        let payment = payer.pay(500, 500).await;
        shop.test.run_jobs().await;
        assert_eq!(shop.read(payment).await.state, PaymentState::Pending, "{fault:?}");
        shop.until_state(payment, PaymentState::Captured).await;
        assert_eq!(shop.debited() - before, 500, "{fault:?}");
    }
    assert_eq!(shop.sandbox.books().captures.len(), 4);
}

#[tokio::test]
async fn a_refusal_of_the_repeat_proves_nothing_of_the_call_whose_answer_was_lost() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let refuse = |operation| {
        // A permission that is withdrawn meanwhile is looked at before the key is.
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
        shop.sandbox.add_fault(Rule::new(operation, Fault::ErrorBefore { status: 403 }, 1));
    };
    refuse("orders.create");
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    refuse("authorizations.capture");
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let refund: aisle::ids::RefundId = shop.test.app.ids.next();
    refuse("captures.refund");
    shop.test.refund(payment, refund, eur(500)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(500)).await;
    let books = shop.sandbox.books();
    assert_eq!((books.orders.len(), books.captures.len(), shop.debited()), (1, 2, 500));
}

#[tokio::test]
async fn every_later_step_survives_a_lost_answer_too() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for operation in ["orders.create", "authorizations.capture", "authorizations.void"] {
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
    }
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    let books = shop.sandbox.books();
    assert_eq!((books.orders.len(), books.captures.len(), shop.open_holds()), (1, 1, 0));
    assert_eq!(shop.debited(), 0);
}

#[tokio::test]
async fn a_payment_given_up_before_it_was_sent_is_never_sent() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert!(shop.sandbox.books().orders.is_empty());
}

#[tokio::test]
async fn a_payment_given_up_while_its_outcome_is_unknown_ends_with_nothing_debited() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for (total, due_now) in [(1000, 1000), (1000, 400), (1000, 0)] {
        shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
        let payment = payer.pay(total, due_now).await;
        shop.test.run_jobs().await;
        assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
        shop.cancel(payment).await;
        shop.cancel(payment).await;
        shop.until_state(payment, PaymentState::Cancelled).await;
        assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
    }
}

#[tokio::test]
async fn a_payment_given_up_after_a_part_was_debited_gives_that_part_back() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.cancel(payment).await;
    let over = shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(over.refunded, eur(400));
    assert_eq!((shop.debited(), shop.open_holds()), (0, 0));
}

#[tokio::test]
async fn a_worker_that_dies_between_the_answer_and_the_commit_is_replaced_without_a_second_debit() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let db = &shop.test.app.db;
    // The settling transaction can't commit: as if the process had died there.
    db.sql("ALTER TABLE ledger_postings RENAME TO ledger_postings_away").execute().await.expect("renamed");
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 1000, "PayPal has done it");
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending, "and we don't know yet");
    db.sql("ALTER TABLE ledger_postings_away RENAME TO ledger_postings").execute().await.expect("renamed");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
    assert_eq!(shop.facts(payment).await.len(), 2);
}

#[tokio::test]
async fn a_job_that_is_gone_is_asked_for_again_by_the_sweep() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    payments::schedule(&shop.test.app).await.expect("scheduled twice");
    let payment = payer.pay(1000, 1000).await;
    let db = &shop.test.app.db;
    db.sql("DELETE FROM jobs WHERE kind = 'payments.operate'").execute().await.expect("lost");
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    shop.test.advance(chrono::Duration::minutes(3));
    shop.until_state(payment, PaymentState::Captured).await;
    let sweeps: Vec<(String,)> =
        db.sql("SELECT subject FROM jobs WHERE kind = 'payments.sweep'").fetch_all().await.expect("sweeps");
    assert_eq!(sweeps.len(), 1, "one chain of sweeps");
}

#[tokio::test]
async fn a_charge_whose_key_paypal_forgot_is_left_to_people_and_not_repeated() {
    let shop = PaidShop::open().await;
    shop.test.expects_dead_jobs();
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::hours(7));
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 1000);
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    assert_eq!(aisle::jobs::dead(&shop.test.app.db).await.expect("listed").len(), 1);
}

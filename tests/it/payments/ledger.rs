//! The ledger: what is told of money is in it once and for good, and books that contradict each other are not written.

use aisle::db::Run;
use aisle::payments::{self, PaymentState};
use aisle::sandbox::paypal::{Fault, Rule};

use super::{LOST, fact};
use crate::support::payments::{PaidShop, eur};

#[tokio::test]
async fn what_paypal_owes_us_is_what_was_debited_and_not_given_back() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let charged = payer.pay(1299, 1299).await;
    shop.until_state(charged, PaymentState::Captured).await;
    let held = payer.pay(1000, 400).await;
    shop.until(held, |found| found.captured == eur(400)).await;
    assert_eq!((shop.test.balance("receivable").await, shop.test.balance("authorised").await), (1699, 600));
    shop.refund(charged, shop.test.app.ids.next(), eur(299)).await.expect("asked for");
    shop.until(charged, |found| found.refunded == eur(299)).await;
    assert_eq!(shop.test.balance("receivable").await, shop.debited());
    assert_eq!((shop.test.balance("sales").await, shop.test.balance("refunds").await), (-1699, 299));
}

#[tokio::test]
async fn what_is_left_of_a_hold_ends_with_its_last_capture() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.capture(payment, 1, eur(550), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let expected =
        [fact("authorised", 1000), fact("captured", 400), fact("captured", 550), fact("voided", 50)];
    assert_eq!(shop.facts(payment).await, expected);
    assert_eq!((shop.test.balance("authorised").await, shop.open_holds()), (0, 0));
}

#[tokio::test]
async fn the_database_refuses_to_change_or_remove_what_was_written() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let db = &shop.test.app.db;
    for statement in [
        "UPDATE ledger_postings SET amount = amount + 1",
        "UPDATE ledger_transactions SET kind = 'refunded' WHERE kind = 'captured'",
        "DELETE FROM ledger_postings WHERE debit = 'receivable'",
        "DELETE FROM ledger_transactions",
    ] {
        let refused = db.sql(statement).execute().await.expect_err(statement).to_string();
        assert!(refused.contains("only ever added to"), "{statement}: {refused}");
    }
    for (statement, what) in [
        (
            "INSERT INTO ledger_postings SELECT transaction_id, 'bank', 'bank', 5 FROM ledger_postings",
            "to itself",
        ),
        (
            "INSERT INTO ledger_postings SELECT transaction_id, 'bank', 'sales', 0 FROM ledger_postings",
            "of nothing",
        ),
        (
            "INSERT INTO ledger_postings SELECT transaction_id, 'till', 'sales', 5 FROM ledger_postings",
            "of no account",
        ),
    ] {
        assert!(db.sql(statement).execute().await.is_err(), "a posting {what}");
    }
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("captured", 1000)]);
}

#[tokio::test]
async fn a_payment_that_contradicts_its_ledger_is_written_no_further() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let db = &shop.test.app.db;
    // Somebody's hand in the database: 100 less were debited, they say.
    db.sql("UPDATE payments SET captured = 900, authorised = 900").execute().await.expect("changed");
    shop.refund(payment, shop.test.app.ids.next(), eur(300)).await.expect("asked for");
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 700, "PayPal has done it");
    assert_eq!(shop.read(payment).await.refunded, eur(0), "and nothing is written over it");
    let wrong = payments::verify(db).await.expect("read");
    assert_eq!(wrong.iter().map(|each| each.rule).collect::<Vec<_>>(), ["payment.sums"], "{wrong:?}");
    // Put right, the refund is found out and settles: by its key, not by another refund.
    db.sql("UPDATE payments SET captured = 1000, authorised = 1000").execute().await.expect("changed");
    shop.until(payment, |found| found.refunded == eur(300)).await;
    assert_eq!(shop.debited(), 700);
    assert!(payments::verify(db).await.expect("read").is_empty());
}

#[tokio::test]
async fn what_is_learned_twice_counts_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    shop.sandbox.add_fault(Rule::new("captures.refund", Fault::NoAnswerAfter { hold: false }, 2));
    let payment = payer.pay(1000, 1000).await;
    let other = shop.test.another().await;
    for _ in 0..3 {
        // Two instances, the events and the answers, all of the same debit.
        let (_, _, _) = tokio::join!(shop.test.run_jobs(), other.run_jobs(), shop.sandbox.deliver_webhooks());
        shop.test.advance(chrono::Duration::seconds(5));
    }
    shop.until_state(payment, PaymentState::Captured).await;
    shop.refund(payment, shop.test.app.ids.next(), eur(1000)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    let expected = [fact("authorised", 1000), fact("captured", 1000), fact("refunded", 1000)];
    assert_eq!(shop.facts(payment).await, expected);
    assert_eq!((shop.test.balance("receivable").await, shop.debited()), (0, 0));
}

#[tokio::test]
async fn whoever_looks_at_all_books_finds_what_does_not_belong_there() {
    let shop = PaidShop::open().await;
    shop.test.expects_wrong_books();
    let payer = shop.payer("anna@example.com").await;
    let [first, second] = [payer.pay(1000, 1000).await, payer.pay(500, 0).await];
    shop.until_state(first, PaymentState::Captured).await;
    shop.until_state(second, PaymentState::Authorised).await;
    let db = &shop.test.app.db;
    assert!(payments::verify(db).await.expect("read").is_empty());
    let rules = async || {
        let found = payments::verify(db).await.expect("read");
        found.iter().map(|each| each.rule).collect::<Vec<_>>()
    };
    // A posting too many.
    db.sql(
        "INSERT INTO ledger_postings (transaction_id, debit, credit, amount)
         SELECT id, 'bank', 'receivable', 5 FROM ledger_transactions WHERE kind = 'captured'",
    )
    .execute()
    .await
    .expect("written");
    assert_eq!(rules().await, ["ledger.postings"]);
    // A debit without an operation.
    let id: uuid::Uuid = shop.test.app.ids.next();
    db.sql(
        "INSERT INTO ledger_transactions (id, kind, cause, provider, payment, currency, at, written_at)
         SELECT $1, 'captured', $1, provider, id, 'USD', created_at, created_at FROM payments WHERE total = 500",
    )
    .bind(id)
    .execute()
    .await
    .expect("written");
    let found = rules().await;
    for rule in ["ledger.postings", "ledger.currency", "ledger.unfounded"] {
        assert!(found.contains(&rule), "{rule} in {found:?}");
    }
    // A debit that nobody wrote down, and a hold that should have ended.
    db.sql("UPDATE payment_operations SET amount = 999 WHERE kind = 'charge'")
        .execute()
        .await
        .expect("changed");
    db.sql("UPDATE payments SET is_closed = TRUE, state = 'declined' WHERE total = 500")
        .execute()
        .await
        .expect("changed");
    let found = rules().await;
    for rule in ["operation.unposted", "payment.held", "payment.over"] {
        assert!(found.contains(&rule), "{rule} in {found:?}");
    }
}

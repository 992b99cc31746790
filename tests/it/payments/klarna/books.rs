//! Klarna's books: each payout is read once, as a whole, however late it comes; chargebacks name the order alone.

use aisle::db::Run;
use aisle::ids::PaymentId;
use aisle::payments::PaymentState;
use aisle::payments::reconcile;
use chrono::Duration;

use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

/// A sale of ten euros costs 2.99 % and 35 cents.
const FEE: i64 = 30 + 35;
/// A dispute costs this.
const DISPUTE_FEE: i64 = 1500;

/// The differences that nobody has explained, by kind.
async fn open(shop: &KlarnaShop) -> Vec<String> {
    let kinds: Vec<(String,)> = shop
        .test
        .app
        .db
        .sql("SELECT kind FROM reconciliation_differences WHERE state = 'open' ORDER BY at, kind")
        .fetch_all()
        .await
        .expect("differences");
    kinds.into_iter().map(|(kind,)| kind).collect()
}

async fn pass_nights(shop: &KlarnaShop, nights: usize) {
    for _ in 0..nights {
        shop.advance(Duration::days(1));
        shop.test.run_jobs().await;
    }
}

/// A shop whose books are compared each night, and a debit of ten euros.
async fn debited() -> (KlarnaShop, PaymentId) {
    let shop = KlarnaShop::open().await;
    reconcile::schedule_nightly(&shop.test.app).await.expect("scheduled");
    let payment = shop.payer("anna@example.com").await.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    (shop, payment)
}

#[tokio::test]
async fn what_is_paid_out_weeks_later_is_read_as_a_whole_and_missed_by_nobody_before() {
    let (shop, _) = debited().await;
    shop.sandbox.set_payout_every_days(30);
    for night in 0..50 {
        pass_nights(&shop, 1).await;
        assert_eq!(open(&shop).await, Vec::<String>::new(), "night {night}");
    }
    assert_eq!(shop.test.balance("fees").await, FEE);
    assert_eq!((shop.test.balance("bank").await, shop.test.balance("receivable").await), (1000 - FEE, 0));
}

#[tokio::test]
async fn what_no_payout_has_is_missing_when_the_last_one_that_could_is_over() {
    let (shop, _) = debited().await;
    shop.sandbox.set_payout_every_days(1_000_000);
    pass_nights(&shop, 38).await;
    assert_eq!(open(&shop).await, Vec::<String>::new());
    pass_nights(&shop, 4).await;
    assert_eq!(open(&shop).await, ["missing_debit"]);
    // It is there after all.
    assert_eq!(shop.sandbox.pay_out(), 1);
    pass_nights(&shop, 1).await;
    assert_eq!(open(&shop).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_chargeback_goes_into_the_ledger_and_comes_again_when_the_dispute_is_won() {
    let (shop, payment) = debited().await;
    let order = shop.order().id;
    let dispute = shop.sandbox.charge_back(&order, 700).expect("taken back");
    pass_nights(&shop, 2).await;
    assert_eq!(open(&shop).await, ["taken_back"]);
    assert_eq!(
        (shop.test.balance("reversed").await, shop.test.balance("fees").await),
        (700, FEE + DISPUTE_FEE)
    );
    assert!(shop.test.facts_of(payment).await.contains(&super::fact("reversed", 700)));
    assert!(shop.sandbox.win_dispute(&order, &dispute));
    pass_nights(&shop, 2).await;
    assert_eq!((shop.test.balance("reversed").await, shop.test.balance("disputed").await), (0, 0));
    assert_eq!(shop.test.balance("fees").await, FEE);
}

#[tokio::test]
async fn a_chargeback_of_an_order_with_two_captures_takes_from_both_once() {
    let shop = KlarnaShop::open().await;
    reconcile::schedule_nightly(&shop.test.app).await.expect("scheduled");
    let payment = shop.payer("anna@example.com").await.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.test.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let order = shop.order().id;
    shop.sandbox.charge_back(&order, 700).expect("taken back");
    for _ in 0..3 {
        pass_nights(&shop, 1).await;
    }
    let reversed = [super::fact("reversed", 300), super::fact("reversed", 400)];
    let facts = shop.test.facts_of(payment).await;
    assert!(reversed.iter().all(|fact| facts.contains(fact)), "{facts:?}");
    assert_eq!(shop.test.balance("reversed").await, 700);
}

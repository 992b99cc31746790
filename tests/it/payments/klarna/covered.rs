//! Every call that the adapter makes, held against Klarna's own files in both directions: none is left out.

use std::collections::BTreeSet;

use aisle::payments::{self, PaymentState, ProviderName};
use chrono::Duration;

use crate::contract::files::assert_covered;
use crate::contract::klarna::specifications;
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::eur;

/// The calls by the sandbox's names.
const CALLS: [&str; 17] = [
    "authorizations.customer_token",
    "authorizations.order",
    "captures.create",
    "captures.shipping_info",
    "hpp.create",
    "hpp.read",
    "orders.cancel",
    "orders.extend",
    "orders.get",
    "orders.release",
    "refunds.create",
    "sessions.create",
    "settlements.payouts",
    "settlements.transactions",
    "tokens.order",
    "tokens.read",
    "tokens.status",
];

#[tokio::test]
async fn every_call_of_the_adapter_is_held_against_klarnas_files() {
    let shop = KlarnaShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    a_link_ends(&shop).await;
    a_shopper_confirms(&shop).await;
    goods_are_sent_and_come_back(&shop).await;
    holds_last_longer_and_end(&shop).await;
    shop.advance(Duration::days(3));
    let provider = shop.test.app.providers.get(ProviderName::Klarna).expect("Klarna");
    let now = shop.test.app.clock.now();
    provider.statement(now - Duration::days(30), now).await.expect("a statement");

    let exchanges = shop.sandbox.exchanges();
    let made: BTreeSet<&str> = exchanges.iter().map(|exchange| exchange.operation).collect();
    assert_eq!(made, BTreeSet::from(CALLS));
    shop.check_exchanges();
    assert_covered(specifications(), &exchanges, &[]);
}

async fn a_link_ends(shop: &KlarnaShop) {
    let anna = shop.payer("anna@example.com").await;
    shop.test.call(reqwest::Method::DELETE, &anna.path()).bearer(&anna.actor.token).send().await.expect(204);
    shop.test.run_jobs().await;
}

async fn a_shopper_confirms(shop: &KlarnaShop) {
    let cleo = shop.payer("cleo+step-up@example.com").await;
    let payment = cleo.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.approve(&asked.action_url.expect("an address"), "cleo+step-up@example.com"));
    shop.test.advance(Duration::seconds(5));
    shop.until_state(payment, PaymentState::Captured).await;
}

async fn goods_are_sent_and_come_back(shop: &KlarnaShop) {
    let ben = shop.payer("ben@example.com").await;
    let payment = ben.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("begun");
    let parcel = ("dhl", "00340434161094000017");
    payments::shipped(&mut tx, &app.ids, app.clock.now(), payment, parcel).await.expect("written");
    tx.commit().await.expect("committed");
    shop.test.capture(payment, 1, eur(900), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    shop.advance(Duration::minutes(2));
    shop.test.refund(payment, app.ids.next(), eur(300)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(300)).await;
}

async fn holds_last_longer_and_end(shop: &KlarnaShop) {
    let dora = shop.payer("dora@example.com").await;
    let payment = dora.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.advance(Duration::days(1) + Duration::minutes(2));
    let held = shop.until(payment, |found| found.hold.is_some()).await;
    shop.advance(Duration::days(24));
    shop.until(payment, |found| found.hold != held.hold).await;
    shop.test.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
}

//! Ten mistakes that shops made with PayPal and Klarna, each made impossible here: a test each, named after what must not happen.

use std::collections::BTreeSet;

use aisle::db::Run;
use aisle::ids::{CheckoutId, PaymentId, ShopperId};
use aisle::money::{Currency, Money};
use aisle::payments::{self, LineTax, PaymentLine, PaymentLineKind, PaymentState, Start};
use aisle::sandbox::klarna::{self, Planned};
use aisle::sandbox::paypal::{CaptureStatus, Controls, Fault, Rule};
use chrono::Duration;

use super::{LOST, fact};
use crate::support::TestApp;
use crate::support::klarna_shop::KlarnaShop;
use crate::support::payments::{PaidShop, Signed, eur};

const WEBHOOKS: &str = "/v1/webhooks/payments/paypal";

/// Delivers an event with these headers; answers the status.
async fn deliver(shop: &PaidShop, (headers, _): &Signed, body: String) -> u16 {
    let mut call = shop.test.call(reqwest::Method::POST, WEBHOOKS).body("application/json", body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await.status.as_u16()
}

async fn events(shop: &PaidShop) -> i64 {
    let (count,): (i64,) =
        shop.test.app.db.sql("SELECT COUNT(*) FROM payment_events").fetch_one().await.expect("a count");
    count
}

/// 1. Webhook bodies were decoded and encoded again before they were checked, so that some events failed.
#[tokio::test]
async fn an_event_is_proven_on_the_bytes_that_came() {
    let shop = PaidShop::open().await;
    shop.payer("anna@example.com").await;
    let event = shop.sandbox.books().events.first().expect("an event").clone();
    let signed = shop.signed(&event.body).await;
    let value: serde_json::Value = serde_json::from_str(&event.body).expect("JSON");
    let again = serde_json::to_string_pretty(&value).expect("text");
    assert_eq!(deliver(&shop, &signed, again).await, 400);
    assert_eq!(events(&shop).await, 0);
    assert_eq!(deliver(&shop, &signed, event.body.clone()).await, 200);
    assert_eq!(events(&shop).await, 1);
}

/// 2. The approval was told by a webhook and by the shopper's return at once: one capture, three orders.
#[tokio::test]
async fn a_webhook_and_the_shoppers_return_at_once_complete_one_order_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com"));
    shop.sandbox.set_webhook_controls(Controls { hold: true, duplicate_next: 9, ..Controls::default() });
    shop.sandbox.add_fault(Rule::new("orders.capture", Fault::DelayMs { delay_ms: 50 }, 1));
    let page = format!("/v1/payments/{payment}/return");
    let (_, first, second) = tokio::join!(
        shop.sandbox.deliver_webhooks(),
        shop.test.get(&page).send(),
        shop.test.get(&page).send(),
    );
    first.expect(200);
    second.expect(200);
    tokio::join!(shop.test.run_jobs(), shop.test.run_jobs(), shop.test.run_jobs());
    shop.until_state(payment, PaymentState::Captured).await;
    let books = shop.sandbox.books();
    assert_eq!((books.orders.len(), books.captures.len(), shop.debited()), (1, 1, 1000));
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("captured", 1000)]);
}

/// 3. Two events of one capture, 70 ms apart, were booked twice.
#[tokio::test]
async fn one_event_that_arrives_twice_at_once_counts_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    let capture = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    assert!(shop.sandbox.settle_capture(&capture, true));
    let mut events_told = shop.sandbox.books().events.into_iter().rev();
    let event = events_told.find(|event| event.event_type == "PAYMENT.CAPTURE.COMPLETED").expect("told");
    let signed = shop.signed(&event.body).await;
    let send = || deliver(&shop, &signed, event.body.clone());
    let answers = tokio::join!(send(), send(), send());
    assert_eq!(answers, (200, 200, 200));
    tokio::join!(shop.test.run_jobs(), shop.test.run_jobs());
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(events(&shop).await, 1);
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("captured", 1000)]);
}

/// 4. The end of an authorisation that had been renewed cancelled the live order, because it carried the order's name.
#[tokio::test]
async fn the_end_of_a_renewed_hold_ends_nothing() {
    let shop = PaidShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    shop.pass(Duration::days(4));
    shop.until(payment, |found| found.provider_authorisation != held.provider_authorisation).await;
    let told = shop.sandbox.books().events;
    assert!(told.iter().any(|event| event.event_type == "PAYMENT.AUTHORIZATION.VOIDED"));
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Authorised);
    shop.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1000);
}

/// 5. Captures that were pending were treated as paid.
#[tokio::test]
async fn what_is_pending_is_not_paid() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    for due_now in [1000, 400] {
        let payment = payer.pay(1000, due_now).await;
        shop.test.run_jobs().await;
        shop.sandbox.deliver_webhooks().await;
        shop.test.run_jobs().await;
        let found = shop.read(payment).await;
        assert_eq!(found.captured, eur(0));
        assert!(!shop.facts(payment).await.contains(&fact("captured", due_now)));
        let captures = shop.sandbox.books().captures;
        let pending = captures.values().find(|one| one.status == CaptureStatus::Pending).expect("pending");
        assert!(shop.sandbox.settle_capture(&pending.id, false));
        shop.sandbox.deliver_webhooks().await;
        shop.pass(Duration::minutes(1));
        for _ in 0..5 {
            shop.test.run_jobs().await;
            shop.pass(Duration::minutes(1));
        }
        assert_eq!((shop.read(payment).await.captured, shop.debited()), (eur(0), 0));
    }
}

/// 6. An empty answer to a capture was shown as a failure, and the shopper paid three times.
#[tokio::test]
async fn an_answer_that_says_nothing_is_not_a_refusal() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for (status, operation) in
        [(200, "orders.create"), (204, "orders.create"), (200, "authorizations.capture")]
    {
        let before = shop.debited();
        shop.sandbox.add_fault(Rule::new(operation, Fault::ErrorAfter { status }, 2));
        let due_now = if operation == "orders.create" { 1000 } else { 400 };
        let payment = payer.pay(1000, due_now).await;
        shop.test.run_jobs().await;
        let found = shop.read(payment).await;
        assert!(
            found.decline_reason.is_none() && found.captured == eur(0),
            "{operation} {status}: {found:?}"
        );
        shop.until(payment, |found| found.captured == eur(due_now)).await;
        assert_eq!(shop.debited() - before, due_now, "{operation} {status}");
    }
}

/// 7. The next attempt had the invoice number of the one before, and was refused for ever.
#[tokio::test]
async fn every_attempt_has_a_number_of_its_own_and_a_repeated_one_keeps_it() {
    let shop = PaidShop::open().await;
    let refused = shop.payer("ben+declined@example.com").await;
    let payment = refused.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Declined).await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let orders = shop.sandbox.exchanges().into_iter().filter(|one| one.operation == "orders.create");
    let invoices: Vec<String> = orders
        .map(|one| {
            let body: serde_json::Value = serde_json::from_slice(&one.request_body).expect("JSON");
            body["purchase_units"][0]["invoice_id"].as_str().expect("an invoice").to_owned()
        })
        .collect();
    assert_eq!(invoices.len(), 3, "a refusal, a lost answer, its repetition");
    assert_eq!(BTreeSet::from_iter(&invoices).len(), 2);
    assert_eq!(invoices[1], invoices[2]);
    assert_eq!(shop.debited(), 1000);
}

/// 8. Lists of currencies without decimals were wrong for PayPal: only HUF, JPY and TWD are.
#[tokio::test]
async fn amounts_have_the_decimals_that_paypal_wants_or_are_refused() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for (currency, minor, sent) in
        [("JPY", 1299, "1299"), ("HUF", 129_900, "1299"), ("TWD", 129_900, "1299"), ("CZK", 1299, "12.99")]
    {
        let currency: Currency = currency.parse().expect("a currency");
        let amount = Money::new(minor, currency);
        let line = PaymentLine::new(PaymentLineKind::Goods, "Tea", 1, amount);
        let payment = start(&payer.shop.test, payer.method, &payer.actor.id, vec![line], amount)
            .await
            .expect("started");
        shop.until_state(payment, PaymentState::Captured).await;
        let books = shop.sandbox.books();
        let capture = books.captures.values().find(|one| one.amount.currency_code == currency.code());
        assert_eq!(capture.expect("a capture").amount.value(), sent);
    }
    let odd = Money::new(129_950, "HUF".parse().expect("a currency"));
    let line = PaymentLine::new(PaymentLineKind::Goods, "Tea", 1, odd);
    let refused = start(&payer.shop.test, payer.method, &payer.actor.id, vec![line], odd).await;
    assert!(
        matches!(refused, Err(payments::Error::NotExpressible(amount)) if amount == odd),
        "never rounded"
    );
}

/// 9. A refusal at Klarna was repeated from its memory after its cause was gone; a capture during a review failed for good.
#[tokio::test]
async fn a_refusal_at_klarna_is_not_for_ever_and_a_review_is_waited_for() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    assert!(shop.sandbox.plan_charges(&shop.token(), Planned::Fail, 1));
    let refused = payer.pay(1000, 1000).await;
    shop.until_state(refused, PaymentState::Declined).await;
    let again = payer.pay(1000, 1000).await;
    shop.until_state(again, PaymentState::Captured).await;

    assert!(shop.sandbox.plan_charges(&shop.token(), Planned::PendAccept { minutes: 99 }, 1));
    let reviewed = payer.pay(500, 500).await;
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(Duration::seconds(30));
    }
    let books = shop.sandbox.books();
    let order = books.orders.values().find(|order| order.order_amount == 500).expect("an order");
    assert!(order.captures.is_empty(), "nothing is captured during a review");
    assert!(shop.sandbox.decide_review(&order.id, true));
    shop.test.advance(Duration::minutes(2));
    shop.until_state(reviewed, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 1500);
}

/// 10. Tax that was computed from rounded totals did not add up, and captures failed.
#[tokio::test]
async fn taxes_told_to_klarna_are_the_sums_of_its_lines() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for pieces in [1_i64, 3, 7, 30] {
        let amount = pieces * 33;
        let lines = (0..pieces).map(|piece| {
            let (rate, part) = if piece % 2 == 0 { ("19", 33 * 19 / 119) } else { ("7", 33 * 7 / 107) };
            let tax = LineTax { rate: rate.parse().expect("a rate"), amount: eur(part) };
            PaymentLine::new(PaymentLineKind::Goods, "Gum", 1, eur(33)).with_tax(Some(tax))
        });
        let lines = lines.collect();
        let payment = start(&payer.shop.test, payer.method, &payer.actor.id, lines, eur(amount))
            .await
            .expect("started");
        shop.until_state(payment, PaymentState::Captured).await;
        let books = shop.sandbox.books();
        let is_this = |order: &&klarna::Order| order.order_amount == amount;
        let order = books.orders.values().find(is_this).expect("an order");
        let told = order.request["order_lines"].as_array().expect("lines");
        let taxes: i64 = told.iter().filter_map(|line| line["total_tax_amount"].as_i64()).sum();
        assert_eq!(order.request["order_tax_amount"].as_i64(), Some(taxes));
        assert_eq!(order.captures.len(), 1);
    }
    shop.check_exchanges();
}

/// Asks to be paid for these lines.
async fn start(
    test: &TestApp,
    method: aisle::ids::MethodId,
    shopper: &str,
    lines: Vec<PaymentLine>,
    total: Money,
) -> Result<PaymentId, payments::Error> {
    let app = &test.app;
    let payment: PaymentId = app.ids.next();
    let checkout: CheckoutId = app.ids.next();
    let shopper: ShopperId = shopper.parse().expect("an id");
    let start = Start {
        payment,
        checkout,
        debt: None,
        shopper,
        method,
        total,
        due_now: total,
        lines,
        reference: "A-18".to_owned(),
        country: Some("DE".to_owned()),
        return_url: "aisle://app/paid".to_owned(),
        device_session: None,
    };
    let mut tx = app.db.begin().await.expect("begun");
    payments::start(app, &mut tx, app.clock.now(), start).await?;
    tx.commit().await.expect("committed");
    Ok(payment)
}

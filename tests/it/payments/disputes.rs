//! Disputes and debits that are taken back: read at PayPal, answered through us, and counted once.

use aisle::identity::Role;
use aisle::ids::DisputeAnswerId;
use aisle::payments::{self, PaymentState, PlanError};
use aisle::sandbox::paypal::{DisputeStatus, Ending, Fault, Rule};
use serde_json::{Value, json};

use super::{LOST, fact};
use crate::support::payments::{PaidShop, eur};

const LIST: &str = "/v1/payment-disputes";

async fn listed(shop: &PaidShop, admin: &str, path: &str) -> Vec<Value> {
    let list = shop.test.get(path).bearer(admin).send().await.expect(200);
    list.json["disputes"].as_array().expect("a list").clone()
}

/// Has PayPal tell what happened, and follows it up.
async fn told(shop: &PaidShop) {
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
}

/// The one capture in PayPal's books.
fn capture(shop: &PaidShop) -> String {
    shop.sandbox.books().captures.keys().next().expect("a capture").clone()
}

#[tokio::test]
async fn a_dispute_is_listed_answered_with_what_we_know_and_won() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    assert_eq!(listed(&shop, &admin, LIST).await, Vec::<Value>::new());
    let name = shop.sandbox.open_dispute(&capture(&shop), "UNAUTHORISED", "CHARGEBACK").expect("opened");
    told(&shop).await;
    let list = listed(&shop, &admin, LIST).await;
    assert_eq!(list.len(), 1);
    assert_eq!((&list[0]["name"], &list[0]["state"]), (&json!(name), &json!("awaits_us")));
    assert_eq!((&list[0]["stage"], &list[0]["reason"]), (&json!("chargeback"), &json!("unauthorised")));
    assert_eq!((&list[0]["amount"], &list[0]["payment"]), (&json!(eur(1000)), &json!(payment)));
    assert_eq!(list[0]["actions"], json!(["provide_evidence", "accept_claim"]));
    assert!(list[0]["respond_by"].is_string());

    let id = list[0]["id"].as_str().expect("an id");
    let answer: DisputeAnswerId = shop.test.app.ids.next();
    let path = format!("{LIST}/{id}/answers/{answer}");
    let wish = json!({"action": "provide_evidence", "note": "The shopper was in the store."});
    for _ in 0..2 {
        shop.test.put(&path, &wish).bearer(&admin).send().await.expect(202);
    }
    let other = json!({"action": "provide_evidence", "note": "Something else."});
    shop.test.put(&path, &other).bearer(&admin).send().await.problem(409, "answer_taken");
    shop.test.run_jobs().await;
    let dispute = shop.sandbox.books().disputes[&name].clone();
    assert_eq!(dispute.status, DisputeStatus::UnderReview);
    assert_eq!(
        dispute.evidences.len(),
        1,
        "there is no order here, so the note alone: {:?}",
        dispute.evidences
    );
    assert_eq!(dispute.evidences[0]["notes"], "The shopper was in the store.");
    let read = shop.test.get(&format!("{LIST}/{id}")).bearer(&admin).send().await.expect(200);
    assert_eq!((read.text("/state"), read.text("/answers/0/state")), ("under_review", "done"));
    let again: DisputeAnswerId = shop.test.app.ids.next();
    let path = format!("{LIST}/{id}/answers/{again}");
    shop.test.put(&path, &wish).bearer(&admin).send().await.problem(409, "dispute_action");

    assert!(shop.sandbox.resolve_dispute(&name, Ending::Seller));
    told(&shop).await;
    assert_eq!(listed(&shop, &admin, LIST).await.len(), 0);
    assert_eq!(listed(&shop, &admin, &format!("{LIST}?ended=true")).await[0]["state"], "won");
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("captured", 1000)]);
    shop.check_exchanges();
}

#[tokio::test]
async fn only_admins_of_all_stores_see_disputes() {
    let shop = PaidShop::open().await;
    let clerk = shop.test.staff(Role::Clerk, &["*"]).await;
    shop.test.get(LIST).bearer(&clerk).send().await.expect(403);
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let unknown: aisle::ids::DisputeId = shop.test.app.ids.next();
    shop.test.get(&format!("{LIST}/{unknown}")).bearer(&admin).send().await.problem(404, "dispute_unknown");
}

#[tokio::test]
async fn what_is_disputed_is_not_given_back_by_us() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let name =
        shop.sandbox.open_dispute(&capture(&shop), "DUPLICATE_TRANSACTION", "INQUIRY").expect("opened");
    told(&shop).await;
    let refused = shop.refund(payment, shop.test.app.ids.next(), eur(400)).await;
    assert!(matches!(refused, Err(payments::Error::Plan(PlanError::Disputed))), "{refused:?}");
    assert!(shop.sandbox.resolve_dispute(&name, Ending::Withdrawn));
    told(&shop).await;
    shop.refund(payment, shop.test.app.ids.next(), eur(400)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(400)).await;
    assert_eq!(shop.debited(), 600);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_out_before_what_was_taken_back_is_counted() {
    for is_disputed in [false, true] {
        let shop = PaidShop::open().await;
        let payer = shop.payer("anna@example.com").await;
        let payment = payer.pay(1000, 1000).await;
        shop.until_state(payment, PaymentState::Captured).await;
        shop.sandbox.add_fault(Rule::new("captures.refund", LOST, 1));
        shop.refund(payment, shop.test.app.ids.next(), eur(300)).await.expect("asked for");
        shop.test.run_jobs().await;
        let capture = capture(&shop);
        if is_disputed {
            let name = shop.sandbox.open_dispute(&capture, "UNAUTHORISED", "CHARGEBACK").expect("opened");
            assert!(shop.sandbox.resolve_dispute(&name, Ending::Buyer));
        } else {
            assert!(shop.sandbox.reverse_capture(&capture));
        }
        told(&shop).await;
        let facts = shop.facts(payment).await;
        let has = |kind: &str| facts.iter().any(|(each, _)| each == kind);
        assert!(has("refunded") || !has("reversed"), "how much is not known: {facts:?}");
        for _ in 0..20 {
            shop.test.advance(chrono::Duration::seconds(2));
            shop.test.run_jobs().await;
        }
        let facts = [fact("authorised", 1000), fact("captured", 1000), fact("refunded", 300)];
        let reversed = [fact("reversed", 700)];
        assert_eq!(shop.facts(payment).await, [facts.as_slice(), reversed.as_slice()].concat());
    }
}

#[tokio::test]
async fn a_lost_dispute_takes_the_money_once_whoever_tells_first() {
    for reversed in [false, true] {
        let shop = PaidShop::open().await;
        let payer = shop.payer("anna+chargeback@example.com").await;
        let payment = payer.pay(1000, 1000).await;
        shop.until_state(payment, PaymentState::Captured).await;
        told(&shop).await;
        let name = shop.sandbox.books().disputes.keys().next().expect("opened by the payer").clone();
        assert!(shop.sandbox.resolve_dispute(&name, Ending::Buyer));
        if reversed {
            let controls = aisle::sandbox::paypal::Controls {
                hold: true,
                reverse: true,
                duplicate_next: 9,
                ..Default::default()
            };
            shop.sandbox.set_webhook_controls(controls);
        }
        told(&shop).await;
        told(&shop).await;
        let expected = [fact("authorised", 1000), fact("captured", 1000), fact("reversed", 1000)];
        assert_eq!(shop.facts(payment).await, expected);
        let refused = shop.refund(payment, shop.test.app.ids.next(), eur(1)).await;
        assert!(matches!(refused, Err(payments::Error::Plan(PlanError::Amount))), "{refused:?}");
        assert_eq!(shop.debited(), 0);
        shop.check_exchanges();
    }
}

#[tokio::test]
async fn a_claim_that_is_accepted_gives_the_money_back_at_paypal() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna+disputes@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    told(&shop).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = listed(&shop, &admin, LIST).await;
    let answer: DisputeAnswerId = shop.test.app.ids.next();
    let path = format!("{LIST}/{}/answers/{answer}", list[0]["id"].as_str().expect("an id"));
    let wish = json!({"action": "accept_claim", "note": "The parcel was lost."});
    shop.test.put(&path, &wish).bearer(&admin).send().await.expect(202);
    shop.test.run_jobs().await;
    assert_eq!(listed(&shop, &admin, &format!("{LIST}?ended=true")).await[0]["state"], "lost");
    assert_eq!(shop.debited(), 0);
    assert!(shop.facts(payment).await.contains(&fact("reversed", 1000)));
    let elsewhere = json!({"action": "on_providers_pages", "note": "x"});
    shop.test.put(&path, &elsewhere).bearer(&admin).send().await.problem(422, "dispute_action");
    shop.check_exchanges();
}

#[tokio::test]
async fn an_answer_whose_fate_is_unknown_is_looked_for_and_sent_once() {
    for fault in [LOST, Fault::ErrorAfter { status: 500 }, Fault::NoAnswerBefore { hold: false }] {
        let shop = PaidShop::open().await;
        let payer = shop.payer("anna+disputes@example.com").await;
        let payment = payer.pay(1000, 1000).await;
        shop.until_state(payment, PaymentState::Captured).await;
        told(&shop).await;
        let admin = shop.test.staff(Role::Admin, &["*"]).await;
        let list = listed(&shop, &admin, LIST).await;
        shop.sandbox.add_fault(Rule::new("disputes.evidence", fault, 1));
        let id = list[0]["id"].as_str().expect("an id");
        let answer: DisputeAnswerId = shop.test.app.ids.next();
        let path = format!("{LIST}/{id}/answers/{answer}");
        let wish = json!({"action": "provide_evidence", "note": "Seen at the gate."});
        shop.test.put(&path, &wish).bearer(&admin).send().await.expect(202);
        for _ in 0..3 {
            shop.test.run_jobs().await;
            shop.pass(chrono::Duration::minutes(1));
        }
        let dispute = shop.sandbox.books().disputes.values().next().expect("a dispute").clone();
        assert_eq!((dispute.status, dispute.evidences.len()), (DisputeStatus::UnderReview, 1), "{fault:?}");
        let read = shop.test.get(&format!("{LIST}/{id}")).bearer(&admin).send().await;
        if read.status == 200 {
            assert_eq!(read.text("/answers/0/state"), "done");
        }
    }
}

#[tokio::test]
async fn an_open_dispute_is_read_now_and_then_without_any_event() {
    let shop = PaidShop::open().await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    let payer = shop.payer("anna+disputes@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    told(&shop).await;
    let name = shop.sandbox.books().disputes.keys().next().expect("a dispute").clone();
    assert!(shop.sandbox.resolve_dispute(&name, Ending::Buyer));
    let controls = aisle::sandbox::paypal::Controls { hold: true, drop_next: 99, ..Default::default() };
    shop.sandbox.set_webhook_controls(controls);
    shop.pass(chrono::Duration::hours(13));
    for _ in 0..3 {
        shop.test.run_jobs().await;
    }
    assert!(shop.facts(payment).await.contains(&fact("reversed", 1000)));
}

#[tokio::test]
async fn a_debit_that_a_bank_takes_back_is_told_once_and_frees_no_hold() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    assert!(shop.sandbox.reverse_capture(&capture(&shop)));
    told(&shop).await;
    told(&shop).await;
    assert!(shop.facts(payment).await.contains(&fact("reversed", 400)));
    let found = shop.read(payment).await;
    assert_eq!((found.captured, found.state), (eur(400), PaymentState::Authorised));
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(shop.debited(), 600);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_dispute_of_somebody_elses_debit_is_ignored() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    // Another shop may share the account: its debits carry names that we don't know.
    let foreign = shop.charge_elsewhere(700).await;
    shop.sandbox.open_dispute(&foreign, "OTHER", "INQUIRY").expect("opened");
    told(&shop).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    assert_eq!(listed(&shop, &admin, LIST).await.len(), 0);
}

//! Operations that only people can settle: they are listed, proven or denied, and then settled like any other.

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::PaymentId;
use aisle::payments::PaymentState;
use aisle::sandbox::paypal::{Fault, Rule};
use serde_json::{Value, json};

use super::LOST;
use crate::support::Answer;
use crate::support::payments::{PaidShop, eur};

const LIST: &str = "/v1/payment-operations/parked";

async fn parked(shop: &PaidShop, admin: &str) -> Vec<Value> {
    let list = shop.test.get(LIST).bearer(admin).send().await.expect(200);
    list.json["operations"].as_array().expect("a list").clone()
}

async fn resolve(shop: &PaidShop, admin: &str, operation: &Value, body: Value) -> Answer {
    let id = operation["id"].as_str().expect("an id");
    shop.test.post(&format!("/v1/payment-operations/{id}/resolve"), &body).bearer(admin).send().await
}

fn happened(object: &str) -> Value {
    json!({"verdict": "happened", "object": object, "note": "seen in the account"})
}

fn did_not_happen() -> Value {
    json!({"verdict": "did_not_happen", "note": "not in the account"})
}

/// A payment whose only charge is parked, because PayPal forgot its key.
async fn forgotten(shop: &PaidShop, fault: Fault, total: i64) -> PaymentId {
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", fault, 1));
    let payment = payer.pay(total, total).await;
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::hours(7));
    shop.test.run_jobs().await;
    payment
}

#[tokio::test]
async fn what_happened_is_believed_when_paypals_object_proves_it() {
    let shop = PaidShop::open().await;
    let another = shop.payer("ben@example.com").await.pay(1000, 1000).await;
    shop.until_state(another, PaymentState::Captured).await;
    let foreign = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    let payment = forgotten(&shop, LOST, 1000).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = parked(&shop, &admin).await;
    assert_eq!(list.len(), 1);
    assert_eq!((&list[0]["kind"], &list[0]["amount"]), (&json!("charge"), &json!(eur(1000))));
    assert!(list[0]["trouble"].as_str().is_some_and(|trouble| trouble.contains("key")));
    let own = shop.sandbox.books().captures.keys().find(|id| **id != foreign).expect("ours").clone();
    for object in [foreign.as_str(), "8AB12345CD678901E", "../orders"] {
        resolve(&shop, &admin, &list[0], happened(object)).await.problem(422, "evidence_refused");
    }
    let without = json!({"verdict": "happened", "note": "trust me"});
    resolve(&shop, &admin, &list[0], without).await.problem(422, "evidence_refused");
    let silent = json!({"verdict": "happened", "object": own, "note": " "});
    resolve(&shop, &admin, &list[0], silent).await.problem(400, "invalid_value");
    shop.sandbox.add_fault(Rule::new("captures.get", Fault::ErrorBefore { status: 503 }, 1));
    resolve(&shop, &admin, &list[0], happened(&own)).await.problem(503, "provider_silent");
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    resolve(&shop, &admin, &list[0], happened(&own)).await.expect(204);
    resolve(&shop, &admin, &list[0], happened(&own)).await.expect(204);
    resolve(&shop, &admin, &list[0], did_not_happen()).await.problem(409, "operation_state");
    let paid = shop.read(payment).await;
    assert_eq!((paid.state, paid.captured), (PaymentState::Captured, eur(1000)));
    assert!(paid.provider_order.is_some());
    assert_eq!(shop.facts(payment).await.len(), 2);
    assert!(parked(&shop, &admin).await.is_empty());
    let kept: Vec<(String, String)> = shop
        .test
        .app
        .db
        .sql("SELECT verdict, note FROM payment_resolutions")
        .fetch_all()
        .await
        .expect("kept");
    assert_eq!(kept, [("happened".to_owned(), "seen in the account".to_owned())]);
    // Its dead letter went with it: the test's end makes sure. A refund finds the capture.
    let refund = shop.test.app.ids.next();
    shop.refund(payment, refund, eur(1000)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
}

#[tokio::test]
async fn an_object_of_another_amount_proves_nothing() {
    let shop = PaidShop::open().await;
    forgotten(&shop, LOST, 1000).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = parked(&shop, &admin).await;
    let own = shop.sandbox.books().captures.keys().next().expect("ours").clone();
    shop.test
        .app
        .db
        .sql("UPDATE payment_operations SET amount = 999 WHERE state = 'parked'")
        .execute()
        .await
        .expect("changed");
    resolve(&shop, &admin, &list[0], happened(&own)).await.problem(422, "evidence_refused");
    shop.test.expects_dead_jobs();
}

#[tokio::test]
async fn what_did_not_happen_is_declined() {
    let shop = PaidShop::open().await;
    let payment = forgotten(&shop, Fault::NoAnswerBefore { hold: false }, 1000).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = parked(&shop, &admin).await;
    for (role, stores) in [(Role::Supervisor, "*"), (Role::Admin, "0001")] {
        let staff = shop.test.staff(role, &[stores]).await;
        shop.test.get(LIST).bearer(&staff).send().await.problem(403, "role_missing");
        resolve(&shop, &staff, &list[0], did_not_happen()).await.problem(403, "role_missing");
    }
    resolve(&shop, &admin, &json!({"id": payment}), did_not_happen()).await.problem(404, "operation_unknown");
    resolve(&shop, &admin, &list[0], did_not_happen()).await.expect(204);
    let declined = shop.read(payment).await;
    assert_eq!(declined.state, PaymentState::Declined);
    assert_eq!(declined.decline_reason.map(|reason| reason.to_string()).as_deref(), Some("did_not_happen"));
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 0);
}

#[tokio::test]
async fn a_refund_that_is_refused_thirty_times_waits_for_people_and_can_be_tried_again() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    shop.sandbox.add_fault(Rule::new("captures.refund", Fault::ErrorBefore { status: 403 }, 1000));
    shop.cancel(payment).await;
    let admin = async || shop.test.staff(Role::Admin, &["*"]).await;
    for _ in 0..29 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::minutes(61));
    }
    assert!(parked(&shop, &admin().await).await.is_empty(), "still tried");
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::days(3));
    shop.test.run_jobs().await;
    let list = parked(&shop, &admin().await).await;
    assert_eq!((list.len(), &list[0]["kind"]), (1, &json!("refund")));
    assert!(list[0]["trouble"].as_str().is_some_and(|trouble| trouble.contains("30 tries")));
    assert_eq!((shop.debited(), shop.read(payment).await.state), (1000, PaymentState::Captured));
    shop.sandbox.clear_faults();
    resolve(&shop, &admin().await, &list[0], did_not_happen()).await.expect(204);
    shop.test.advance(chrono::Duration::minutes(61));
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(shop.debited(), 0);
}

#[tokio::test]
async fn a_hold_that_can_not_be_let_go_of_waits_for_people() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    shop.sandbox.add_fault(Rule::new("authorizations.void", Fault::ErrorBefore { status: 403 }, 1));
    shop.cancel(payment).await;
    shop.test.run_jobs().await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = parked(&shop, &admin).await;
    assert_eq!((list.len(), &list[0]["kind"]), (1, &json!("void")));
    assert_ne!(shop.read(payment).await.state, PaymentState::Cancelled, "it is still held");
    let hold = shop.sandbox.books().authorizations.keys().next().expect("a hold").clone();
    resolve(&shop, &admin, &list[0], happened(&hold)).await.problem(422, "evidence_refused");
    // Its dead letter, replayed, asks PayPal once more, which does it now.
    let dead = aisle::jobs::dead(&shop.test.app.db).await.expect("listed");
    let replay = format!("/v1/operations/jobs/{}/replay", dead[0].id);
    shop.test.call(reqwest::Method::POST, &replay).bearer(&admin).send().await.expect(202);
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert!(parked(&shop, &admin).await.is_empty());
    assert_eq!(shop.open_holds(), 0);
}

#[tokio::test]
async fn a_refund_made_by_hand_settles_the_one_that_was_refused() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    shop.sandbox.add_fault(Rule::new("captures.refund", Fault::NoAnswerBefore { hold: false }, 1));
    let refund = shop.test.app.ids.next();
    shop.refund(payment, refund, eur(300)).await.expect("asked for");
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::days(46));
    shop.test.run_jobs().await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let list = parked(&shop, &admin).await;
    assert_eq!((list.len(), &list[0]["kind"]), (1, &json!("refund")));
    let by_hand = shop.refund_by_hand(300).await;
    resolve(&shop, &admin, &list[0], happened(&by_hand)).await.expect(204);
    assert_eq!(shop.read(payment).await.refunded, eur(300));
    assert_eq!(shop.debited(), 700);
}

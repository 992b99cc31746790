//! Payments against the PayPal sandbox over loopback: what happens when all goes well, and when nothing does.

use aisle::db::Run;
use aisle::ids::{MethodId, RefundId};
use aisle::payments::{self, DeclineReason, PaymentState};
use aisle::sandbox::paypal::{AuthorizationStatus, Controls, Fault, Rule};
use serde_json::json;

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
async fn goods_for_delivery_are_held_captured_in_parts_and_the_rest_let_go_of() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    let held = shop.until(payment, |found| found.captured == eur(400)).await;
    assert_eq!(held.state, PaymentState::Authorised);
    assert!(shop.capture(payment, 1, eur(601), false).await.is_err(), "more than is held");
    shop.capture(payment, 1, eur(500), false).await.expect("asked for");
    shop.capture(payment, 1, eur(500), false).await.expect("asked for twice");
    shop.release(payment).await.expect("asked for");
    assert!(shop.capture(payment, 2, eur(50), false).await.is_err(), "after the release");
    let over = shop.until_state(payment, PaymentState::Captured).await;
    assert_eq!(over.captured, eur(900));
    assert_eq!((shop.debited(), shop.open_holds()), (900, 0));
    let expected = [fact("authorised", 1000), fact("captured", 400), fact("captured", 500), fact("voided", 100)];
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
async fn an_answer_lost_after_success_is_found_out_and_debits_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for fault in [LOST, Fault::ErrorAfter { status: 500 }, Fault::ErrorBefore { status: 503 }, Fault::NoAnswerBefore { hold: false }] {
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
async fn every_later_step_survives_a_lost_answer_too() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for operation in ["orders.create", "authorizations.capture", "authorizations.void"] {
        shop.sandbox.add_fault(Rule::new(operation, LOST, 1));
    }
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    shop.release(payment).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    let books = shop.sandbox.books();
    assert_eq!((books.orders.len(), books.captures.len(), shop.open_holds()), (1, 1, 0));
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
        assert_eq!(shop.read(payment).await.state, PaymentState::ActionRequired, "coming back proves nothing");
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
        let capture = books.captures.values().find(|one| format!("{:?}", one.status) == "Pending").expect("pending");
        assert!(shop.sandbox.settle_capture(&capture.id, completed));
        let state = if completed { PaymentState::Captured } else { PaymentState::Declined };
        shop.until_state(payment, state).await;
    }
    assert_eq!(shop.debited(), 1000);
}

#[tokio::test]
async fn a_permission_taken_back_is_noticed_at_the_charge() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("emil@example.com").await;
    let books = shop.sandbox.books();
    let token = books.payment_tokens.values().next().expect("a token").id.clone();
    assert!(shop.sandbox.revoke_payment_token(&token));
    let payment = payer.pay(1000, 1000).await;
    let declined = shop.until_state(payment, PaymentState::Declined).await;
    assert_eq!(declined.decline_reason, Some(DeclineReason::LinkRevoked));
    let path = format!("/v1/payment-methods/{}", payer.method);
    let method = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
    assert!(matches!(payer.try_pay(1000, 1000).await, Err(payments::Error::MethodInactive)));
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
    db.sql("ALTER TABLE payment_facts RENAME TO payment_facts_away").execute().await.expect("renamed");
    shop.test.run_jobs().await;
    assert_eq!(shop.debited(), 1000, "PayPal has done it");
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending, "and we don't know yet");
    db.sql("ALTER TABLE payment_facts_away RENAME TO payment_facts").execute().await.expect("renamed");
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

#[tokio::test]
async fn amounts_that_do_not_add_up_are_refused() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for (total, due_now) in [(0, 0), (-5, 0), (100, 101), (100, -1)] {
        assert!(matches!(payer.try_pay(total, due_now).await, Err(payments::Error::Amounts)), "{total} {due_now}");
    }
}

#[tokio::test]
async fn webhooks_doubled_reordered_and_lost_change_nothing_but_the_time() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    let capture = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    assert!(shop.sandbox.settle_capture(&capture, true));
    shop.sandbox.set_webhook_controls(Controls { hold: true, reverse: true, duplicate_next: 9, ..Controls::default() });
    // No time passes: only the webhook can make the job look now.
    assert!(shop.sandbox.deliver_webhooks().await >= 2);
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.facts(payment).await.len(), 2);
    let refund: RefundId = shop.test.app.ids.next();
    shop.refund(payment, refund, eur(1000)).await.expect("asked for");
    shop.until(payment, |found| found.refunded == eur(1000)).await;
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.refunded, eur(1000));
}

#[tokio::test]
async fn a_webhook_brings_an_approved_order_to_its_end_at_once() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("cleo+action@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com");
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
}

#[tokio::test]
async fn a_hold_that_ended_at_paypal_ends_here_too() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    let day = 24 * 3600;
    shop.sandbox.advance_seconds(30 * day);
    let client = crate::support::client();
    let hold = shop.sandbox.books().authorizations.keys().next().expect("a hold").clone();
    let token = client
        .post(format!("{}/v1/oauth2/token", shop.sandbox.url()))
        .basic_auth("shop", Some("secret"))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .expect("a token")
        .json::<serde_json::Value>()
        .await
        .expect("JSON");
    // Somebody voids it at PayPal, unless it expired there already.
    let _ = client
        .post(format!("{}/v2/payments/authorizations/{hold}/void", shop.sandbox.url()))
        .bearer_auth(token["access_token"].as_str().expect("a token"))
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(shop.sandbox.books().authorizations[&hold].status, AuthorizationStatus::Voided);
    shop.sandbox.deliver_webhooks().await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!(shop.facts(payment).await, [fact("authorised", 1000), fact("voided", 1000)]);
}

#[tokio::test]
async fn forged_webhooks_are_refused_and_leave_nothing_behind() {
    let shop = PaidShop::open().await;
    shop.payer("anna@example.com").await;
    let event = shop.sandbox.books().events.first().expect("an event").clone();
    let (headers, body) = shop.signed(&event.body).await;
    let send = async |change: &dyn Fn(&mut Vec<(String, String)>), body: &str| {
        let mut headers = headers.clone();
        change(&mut headers);
        let mut call = shop.test.call(reqwest::Method::POST, "/v1/webhooks/payments/paypal").body("application/json", body.to_owned());
        for (name, value) in &headers {
            call = call.header(name, value);
        }
        call.send().await
    };
    let set = |name: &'static str, value: String| {
        move |headers: &mut Vec<(String, String)>| {
            headers.retain(|(each, _)| each != name);
            headers.push((name.to_owned(), value.clone()));
        }
    };
    send(&|_| {}, &format!("{body} ")).await.problem(400, "webhook_unproven");
    send(&|headers| headers.clear(), &body).await.problem(400, "webhook_unproven");
    let url = headers.iter().find(|(name, _)| name == "paypal-cert-url").expect("a url").1.clone();
    let elsewhere = [
        url.replace("127.0.0.1", "127.0.0.2"),
        url.replace("http://", "http://x@"),
        format!("{url}?a"),
        url.replace("/v1/notifications/certs/", "/v1/notifications/certs/../"),
        url.replace("/certs/", "/certs/x/"),
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for address in elsewhere {
        send(&set("paypal-cert-url", address.clone()), &body).await.problem(400, "webhook_unproven");
    }
    let changes = [
        ("paypal-auth-algo", "MD5withRSA"),
        ("paypal-transmission-id", "another"),
        ("paypal-transmission-time", "2020-01-01T00:00:00Z"),
        ("paypal-transmission-sig", "AAAA"),
        ("paypal-transmission-sig", "not base64"),
    ];
    for (name, value) in changes {
        send(&set(name, value.to_owned()), &body).await.problem(400, "webhook_unproven");
    }
    let stored: Vec<(String,)> =
        shop.test.app.db.sql("SELECT event_id FROM payment_events").fetch_all().await.expect("events");
    assert!(stored.is_empty());
    send(&|_| {}, &body).await.expect(200);
    send(&|_| {}, &body).await.expect(200);
    let stored: Vec<(String,)> =
        shop.test.app.db.sql("SELECT event_id FROM payment_events").fetch_all().await.expect("events");
    assert_eq!(stored.len(), 1);
    shop.test.run_jobs().await;
}

#[tokio::test]
async fn a_link_is_named_by_the_app_and_proven_by_paypal_alone() {
    let shop = PaidShop::open().await;
    let (anna, ben) = (shop.test.shopper().await, shop.test.shopper().await);
    let method: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    let body = json!({"provider": "paypal"});
    for refused in ["https://evil.example/", "javascript:alert(1)", "aisle://other"] {
        let body = json!({"provider": "paypal", "return_url": refused});
        shop.test.put(&path, &body).bearer(&anna.token).send().await.problem(422, "return_url_refused");
    }
    shop.test.put(&path, &body).send().await.problem(401, "unauthenticated");
    shop.sandbox.add_fault(Rule::new("setup_tokens.create", LOST, 1));
    shop.test.put(&path, &body).bearer(&anna.token).send().await.expect(202);
    shop.test.put(&path, &body).bearer(&ben.token).send().await.problem(409, "payment_method_taken");
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(10));
    }
    let linking = shop.test.put(&path, &body).bearer(&anna.token).send().await.expect(200);
    shop.test.get(&path).bearer(&ben.token).send().await.problem(404, "payment_method_unknown");
    // Coming back proves nothing.
    let setup = shop.sandbox.books().setup_tokens.values().next().expect("a setup token").clone();
    let return_url = setup.paypal["experience_context"]["return_url"].as_str().expect("a url").to_owned();
    let back = return_url.strip_prefix(shop.test.url()).expect("our own address");
    shop.test.get(&format!("{path}/return?state=guessed")).send().await.expect(404);
    shop.test.get(&format!("{path}/return")).send().await.expect(404);
    shop.test.get(&format!("{back}&approval_token_id=x")).send().await.expect(200);
    shop.test.get(back).send().await.expect(404);
    shop.test.run_jobs().await;
    let waiting = shop.test.get(&path).bearer(&anna.token).send().await.expect(200);
    assert_eq!(waiting.text("/state"), "linking");
    assert!(shop.sandbox.approve(linking.text("/approve_url"), "anna@example.com"));
    shop.sandbox.add_fault(Rule::new("payment_tokens.create", LOST, 1));
    shop.test.post(&format!("{path}/confirm"), &json!({})).bearer(&anna.token).send().await.expect(202);
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(10));
    }
    let linked = shop.test.get(&path).bearer(&anna.token).send().await.expect(200);
    assert_eq!((linked.text("/state"), linked.text("/label")), ("active", "a***@example.com"));
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a token").clone();
    assert!(!String::from_utf8_lossy(&linked.bytes).contains(&token));
    assert_eq!(shop.sandbox.books().payment_tokens.len(), 1);

    shop.test.call(reqwest::Method::DELETE, &path).bearer(&ben.token).send().await.problem(404, "payment_method_unknown");
    for _ in 0..2 {
        shop.test.call(reqwest::Method::DELETE, &path).bearer(&anna.token).send().await.expect(204);
    }
    shop.test.run_jobs().await;
    assert!(shop.sandbox.books().payment_tokens[&token].deleted_at.is_some());
    let list = shop.test.get("/v1/payment-methods").bearer(&anna.token).send().await.expect(200);
    assert_eq!(list.json["methods"], json!([]));
    shop.check_exchanges();
}

#[tokio::test]
async fn a_link_taken_back_at_paypal_is_noticed_by_its_webhook() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let token = shop.sandbox.books().payment_tokens.keys().next().expect("a token").clone();
    shop.sandbox.revoke_payment_token(&token);
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    let path = format!("/v1/payment-methods/{}", payer.method);
    let method = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
    assert_eq!(method.text("/state"), "revoked");
}

#[tokio::test]
async fn a_link_that_nobody_approves_fails_after_a_while() {
    let shop = PaidShop::open().await;
    let anna = shop.test.shopper().await;
    let method: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    shop.test.put(&path, &json!({"provider": "paypal"})).bearer(&anna.token).send().await.expect(202);
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::hours(3));
    shop.test.run_jobs().await;
    let methods = payments::find_method(&shop.test.app.db, anna.id.parse().expect("an id"), method).await.expect("read");
    assert_eq!(methods.expect("a method").state, payments::MethodState::Failed);
}

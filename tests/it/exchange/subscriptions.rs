//! Subscriptions: whose they are, what they cover, their secrets, and where messages may go.

use aisle::app::App;
use aisle::db::Run;
use aisle::exchange::EventKind;
use aisle::identity::{Role, Scope};
use aisle::jobs;
use aisle::random::Random;
use chrono::Duration;
use serde_json::json;

use super::{Receiver, Subscriber, happen, happen_in, path, start};
use crate::support::TestApp;

#[tokio::test]
async fn the_secret_is_shown_once_and_lies_sealed_in_the_database() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    let again = partner
        .put(id, &json!({ "url": receiver.url, "kinds": ["order.paid", "order.paid"] }))
        .await
        .expect(200);
    assert_eq!((again.json.get("secret"), &again.headers["etag"]), (None, &"\"1\"".parse().expect("a tag")));
    assert_eq!(partner.get(id, "").await.expect(200).json.get("secret"), None);
    let list = test.get("/v1/exchange/subscriptions").bearer(&partner.key).send().await.expect(200);
    assert_eq!(
        (list.text("/subscriptions/0/id"), list.json["subscriptions"][0].get("secret")),
        (&*id.to_string(), None)
    );
    let (sealed,): (Vec<u8>,) =
        test.app.db.sql("SELECT sealed_secret FROM exchange_secrets").fetch_one().await.expect("one");
    assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[tokio::test]
async fn subscribers_get_the_kinds_and_stores_that_they_asked_for() {
    let test = start().await;
    let (all, one) = (Receiver::new().await, Receiver::new().await);
    let partner = Subscriber::new(&test).await;
    partner.subscribe(&all, &["order.paid", "order.refunded"]).await;
    let body = json!({ "url": one.url, "kinds": ["order.paid"], "stores": ["0002"] });
    partner.put(test.app.ids.next(), &body).await.expect(201);
    for store in ["0001", "0002"] {
        let order = test.app.ids.next();
        happen_in(&test, EventKind::OrderPaid, order, store).await;
        happen_in(&test, EventKind::OrderRefunded, order, store).await;
    }
    test.run_jobs().await;
    assert_eq!((all.take().len(), one.take_sequences()), (4, vec![("order.paid".to_owned(), 1)]));
}

#[tokio::test]
async fn a_key_of_one_store_subscribes_to_that_store_only() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let store = Some("0002".parse().expect("a key"));
    let branch = Subscriber::with(&test, &[Scope::EventsRead], store).await;
    let id = test.app.ids.next();
    let body = json!({ "url": receiver.url, "kinds": ["order.paid"], "stores": ["0001"] });
    branch.put(id, &body).await.problem(403, "other_store");
    let made = branch.put(id, &json!({ "url": receiver.url, "kinds": ["order.paid"] })).await.expect(201);
    assert_eq!(made.json["stores"], json!(["0002"]));
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, old) = partner.subscribe(&receiver, &["order.paid"]).await;
    let new = partner.post(id, "/secret").await.expect(201);
    assert_eq!(new.text("/previous_until"), "2026-11-24T09:00:00Z");
    let new = new.text("/secret").to_owned();
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let message = receiver.take().remove(0);
    assert!(message.is_signed_with(&new) && message.is_signed_with(&old));
    test.advance(Duration::days(1));
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let message = receiver.take().remove(0);
    assert!(message.is_signed_with(&new) && !message.is_signed_with(&old));
    for _ in 0..4 {
        partner.post(id, "/secret").await.expect(201);
    }
    partner.post(id, "/secret").await.problem(409, "secrets_too_many");
}

#[tokio::test]
async fn internal_addresses_are_refused() {
    let test = TestApp::new().await;
    let partner = Subscriber::new(&test).await;
    for url in [
        "https://127.0.0.1/hook",
        "https://2130706433/hook",
        "https://[::1]/hook",
        "https://[::ffff:7f00:1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/hook",
        "https://[fd00::8]/hook",
        "https://localhost/hook",
        "http://erp.example/hook",
        "https://user:word@erp.example/hook",
        "erp",
    ] {
        let body = json!({ "url": url, "kinds": ["order.paid"] });
        let answer = partner.put(test.app.ids.next(), &body).await.problem(422, "url_refused");
        assert_eq!(answer.text("/errors/0/pointer"), "/url");
    }
    let body = json!({ "url": "https://erp.example/hook", "kinds": [] });
    partner.put(test.app.ids.next(), &body).await.problem(422, "kinds_missing");
}

#[tokio::test]
async fn an_address_that_became_internal_is_not_called() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    // The same database, served by an instance that lets nobody in.
    let mut config = test.app.config.clone();
    config.exchange.allow_internal = false;
    let strict = App::over(test.app.db.clone(), config, test.app.clock.clone(), Random::seeded(8))
        .await
        .expect("starts");
    assert_eq!(jobs::run_due(&strict).await.expect("jobs run"), 1);
    assert_eq!(receiver.take().len(), 0);
    let log = partner.get(id, "/dispatches").await.expect(200);
    assert_eq!(log.text("/dispatches/0/last_error"), "the address is not on the public internet");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let test = start().await;
    let (receiver, inside) = (Receiver::new().await, Receiver::new().await);
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.redirects_to(&inside.url);
    receiver.will_answer([307]);
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    assert_eq!((receiver.take().len(), inside.take().len()), (1, 0));
    assert_eq!(partner.get(id, "/dispatches").await.expect(200).number("/dispatches/0/last_status"), 307);
}

#[tokio::test]
async fn what_waits_for_a_subscription_that_ended_is_not_sent() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    for _ in 0..2 {
        partner.delete(id, "").await.expect(204);
    }
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0);
    partner.get(id, "").await.problem(404, "subscription_unknown");
}

#[tokio::test]
async fn a_partner_sees_and_changes_only_its_own_subscriptions() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let owner = Subscriber::new(&test).await;
    let other = Subscriber::new(&test).await;
    let (id, _) = owner.subscribe(&receiver, &["order.paid"]).await;
    let body = json!({ "url": receiver.url, "kinds": ["order.paid", "order.refunded"] });
    other.put(id, &body).await.problem(409, "subscription_taken");
    other.get(id, "").await.problem(404, "subscription_unknown");
    other.get(id, "/dispatches").await.problem(404, "subscription_unknown");
    other.post(id, "/secret").await.problem(404, "subscription_unknown");
    other.delete(id, "").await.expect(204);
    owner.get(id, "").await.expect(200);
    let reader = Subscriber::with(&test, &[Scope::CatalogRead], None).await;
    reader.get(id, "").await.problem(403, "scope_missing");
    test.get(&path(id, "")).send().await.problem(401, "unauthenticated");

    let stale = |version: &'static str| {
        test.put(&path(id, ""), &body).bearer(&owner.key).header("if-match", version).send()
    };
    assert_eq!(stale("\"1\"").await.expect(200).headers["etag"], "\"2\"");
    stale("\"1\"").await.problem(412, "version_mismatch");
}

#[tokio::test]
async fn a_partner_whose_account_was_closed_is_told_nothing() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let close = |active: bool| {
        let body = json!({ "name": "a partner", "active": active });
        test.put(&format!("/v1/partners/{}", partner.id), &body).bearer(&admin).send()
    };
    close(false).await.expect(200);
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0);
    close(true).await.expect(200);
    let dead = partner.dispatches(id, "dead").await;
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
}

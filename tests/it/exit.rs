//! Exit: a paid order opens one gate once; nothing else opens any.

use std::collections::BTreeSet;

use aisle::db::Run;
use aisle::identity::{Role, Scope};
use aisle::ids::{OrderId, ShopperId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use crate::support::identity::ShopperActor;
use crate::support::{Answer, TestApp};

/// A paid order of the shopper in store 0001: three pieces taken along and one delivered. Written as the checkout writes
/// it, since how an order comes to be is not what is tested here; so there is no payment of it.
async fn order(test: &TestApp, shopper: &ShopperActor) -> OrderId {
    test.expects_wrong_books();
    let (db, now) = (&test.app.db, test.app.clock.now());
    let [cart, checkout, payment]: [Uuid; 3] = std::array::from_fn(|_| test.app.ids.next());
    let order: OrderId = test.app.ids.next();
    let shopper: ShopperId = shopper.id.parse().expect("an id");
    db.sql("INSERT INTO carts (id, shopper_id, store_id, created_at) VALUES ($1, $2, '0001', $3)")
        .bind(cart)
        .bind(shopper)
        .bind(now)
        .execute()
        .await
        .expect("a cart");
    db.sql(
        "INSERT INTO checkouts (id, number, cart_id, cart_version, shopper_id, store_id, method_id, state, holds, quote,
             request_hash, payment_id, order_id, deadline, version, created_at, changed_at)
         VALUES ($1, $2, $3, 1, $4, '0001', $5, 'paid', $6, $7, '', $5, $8, $9, 1, $9, $9)",
    )
    .bind(checkout)
    .bind(checkout.to_string())
    .bind(cart)
    .bind(shopper)
    .bind(payment)
    .bind(Json(json!([])))
    .bind(Json(quote()))
    .bind(order)
    .bind(now)
    .execute()
    .await
    .expect("a checkout");
    db.sql(
        "INSERT INTO orders (id, number, checkout_id, payment_id, shopper_id, store_id, state, quote, currency, total_minor,
             due_now_minor, captured_minor, refunded_minor, version, placed_at)
         VALUES ($1, $2, $3, $4, $5, '0001', 'placed', $6, 'EUR', 400, 300, 300, 0, 1, $7)",
    )
    .bind(order)
    .bind(checkout.to_string())
    .bind(checkout)
    .bind(payment)
    .bind(shopper)
    .bind(Json(quote()))
    .bind(now)
    .execute()
    .await
    .expect("an order");
    order
}

fn quote() -> Value {
    let euros = |minor: i64| json!({ "amount": minor, "currency": "EUR" });
    let line = |number: i64, pieces: i64, fulfilment: &str| {
        json!({
            "line": number, "sku": "milk", "code": "04006381333931", "name": "Milk", "pieces": pieces,
            "unit_price": euros(100), "amount": euros(100 * pieces), "tax_rate": "7", "fulfilment": fulfilment,
        })
    };
    let lines = [line(1, 3, "take_along"), line(2, 1, "deliver")];
    json!({ "lines": lines, "total": euros(400), "taxes": [], "due_now": euros(300) })
}

/// Makes the order paid or not, cancelled or not.
async fn set(test: &TestApp, order: OrderId, paid: bool, cancelled: bool) {
    let captured_minor: i64 = if paid { 300 } else { 0 };
    let changed = test
        .app
        .db
        .sql("UPDATE orders SET captured_minor = $2, state = $3 WHERE id = $1")
        .bind(order)
        .bind(captured_minor)
        .bind(if cancelled { "cancelled" } else { "placed" })
        .execute()
        .await;
    assert_eq!(changed.expect("changed"), 1);
}

async fn ask(test: &TestApp, shopper: &ShopperActor, order: OrderId) -> Answer {
    test.call(Method::POST, &format!("/v1/orders/{order}/exit-pass")).bearer(&shopper.token).send().await
}

async fn pass(test: &TestApp, shopper: &ShopperActor, order: OrderId) -> String {
    ask(test, shopper, order).await.expect(201).text("/pass").to_owned()
}

async fn redeem(test: &TestApp, key: &str, pass: &str, store: &str) -> Answer {
    test.post("/v1/exit-passes/redeem", &json!({ "pass": pass, "store": store })).bearer(key).send().await
}

#[tokio::test]
async fn a_paid_order_opens_one_gate_once() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let gate = test.gate("0001").await;
    let order = order(&test, &shopper).await;
    let issued = ask(&test, &shopper, order).await.expect(201);
    assert_eq!((issued.text("/store"), issued.number("/pieces")), ("0001", 3));
    assert_eq!(issued.text("/expires_at"), "2026-11-23T09:10:00Z");
    let pass = issued.text("/pass");
    let opened = redeem(&test, &gate, pass, "0001").await.expect(200);
    assert_eq!((opened.text("/order"), opened.number("/pieces")), (&*order.to_string(), 3));
    test.advance(Duration::minutes(1));
    let again = redeem(&test, &gate, pass, "0001").await.problem(409, "pass_used");
    assert!(again.text("/detail").contains("2026-11-23T09:00:00Z"), "{}", again.json);
    ask(&test, &shopper, order).await.problem(409, "pass_used");
}

#[tokio::test]
async fn of_two_gates_at_once_one_opens() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let gates = [test.gate("0001").await, test.gate("0001").await];
    let order = order(&test, &shopper).await;
    let pass = pass(&test, &shopper, order).await;
    let calls = (0..8).map(|call| redeem(&test, &gates[call % 2], &pass, "0001"));
    let answers = futures_util::future::join_all(calls).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_new_pass_replaces_the_one_before_it() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let gate = test.gate("0001").await;
    let order = order(&test, &shopper).await;
    let old = pass(&test, &shopper, order).await;
    let new = pass(&test, &shopper, order).await;
    redeem(&test, &gate, &old, "0001").await.problem(409, "pass_replaced");
    redeem(&test, &gate, &new, "0001").await.expect(200);
    redeem(&test, &gate, &old, "0001").await.problem(409, "pass_used");
}

#[tokio::test]
async fn an_expired_pass_opens_nothing_and_can_be_renewed() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let gate = test.gate("0001").await;
    let order = order(&test, &shopper).await;
    let old = pass(&test, &shopper, order).await;
    test.advance(Duration::minutes(10));
    redeem(&test, &gate, &old, "0001").await.problem(409, "pass_expired");
    test.advance(Duration::minutes(10));
    redeem(&test, &gate, &old, "0001").await.problem(409, "pass_expired");
    let shopper = ShopperActor {
        token: test.sign_in(&shopper.device).await.expect(200).text("/access_token").to_owned(),
        ..shopper
    };
    let new = pass(&test, &shopper, order).await;
    redeem(&test, &gate, &new, "0001").await.expect(200);
}

#[tokio::test]
async fn there_is_no_pass_for_an_order_that_is_not_paid_or_cancelled_or_somebody_elses() {
    let test = TestApp::new().await;
    let (shopper, other) = (test.shopper().await, test.shopper().await);
    let order = order(&test, &shopper).await;
    ask(&test, &other, order).await.problem(404, "order_unknown");
    ask(&test, &shopper, test.app.ids.next()).await.problem(404, "order_unknown");
    set(&test, order, false, false).await;
    ask(&test, &shopper, order).await.problem(409, "order_not_paid");
    set(&test, order, true, true).await;
    ask(&test, &shopper, order).await.problem(409, "order_cancelled");
    set(&test, order, true, false).await;
    let pass = pass(&test, &shopper, order).await;
    let gate = test.gate("0001").await;
    set(&test, order, true, true).await;
    redeem(&test, &gate, &pass, "0001").await.problem(409, "order_not_paid");
    // What was refused has not spent the pass.
    set(&test, order, true, false).await;
    redeem(&test, &gate, &pass, "0001").await.expect(200);
}

#[tokio::test]
async fn a_pass_opens_gates_of_its_own_store_only_and_only_for_those_who_keep_them() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let order = order(&test, &shopper).await;
    let pass = pass(&test, &shopper, order).await;
    let elsewhere = test.gate("0002").await;
    redeem(&test, &elsewhere, &pass, "0002").await.problem(403, "pass_other_store");
    redeem(&test, &elsewhere, &pass, "0001").await.problem(403, "other_store");
    let reader = test.partner(&[Scope::CatalogRead]).await;
    redeem(&test, &reader, &pass, "0001").await.problem(403, "scope_missing");
    let clerk_elsewhere = test.staff(Role::Clerk, &["0002"]).await;
    redeem(&test, &clerk_elsewhere, &pass, "0001").await.problem(403, "role_missing");
    redeem(&test, &shopper.token, &pass, "0001").await.problem(403, "role_missing");
    redeem(&test, "nobody", &pass, "0001").await.problem(401, "unauthenticated");
    let clerk = test.staff(Role::Clerk, &["0001"]).await;
    redeem(&test, &clerk, &pass, "0001").await.expect(200);
}

#[tokio::test]
async fn a_forged_pass_opens_nothing() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let gate = test.gate("0001").await;
    let order = order(&test, &shopper).await;
    let pass = pass(&test, &shopper, order).await;
    let [header, claims, signature]: [&str; 3] =
        pass.split('.').collect::<Vec<_>>().try_into().expect("a JWT");
    let mut other: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    other["pieces"] = json!(99);
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"pass+jwt"}"#);
    let forged = [
        format!("{header}.{other}.{signature}"),
        format!("{none}.{claims}."),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        // A token of ours for another purpose.
        shopper.token.clone(),
        "x".repeat(10_000),
        String::new(),
    ];
    for forged in forged {
        redeem(&test, &gate, &forged, "0001").await.problem(400, "pass_invalid");
    }
    redeem(&test, &gate, &pass, "0001").await.expect(200);
}

/// A gate without a network: it has the keys, a list of orders that it let through, and a clock.
struct OfflineGate {
    keys: Value,
    store: &'static str,
    let_through: BTreeSet<String>,
}

impl OfflineGate {
    fn admits(&mut self, pass: &str, now_seconds: i64) -> bool {
        let Some(claims) = self.verified(pass) else { return false };
        claims["aud"] == "exit"
            && claims["store"] == self.store
            && claims["exp"].as_i64().is_some_and(|exp| now_seconds < exp)
            && self.let_through.insert(claims["order"].to_string())
    }

    /// The claims, when one of the published keys signed them as a pass.
    fn verified(&self, pass: &str) -> Option<Value> {
        let (signed, signature) = pass.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let keys = self.keys["keys"].as_array()?;
        let key = keys.iter().find(|key| key["kid"] == header["kid"] && key["crv"] == "Ed25519")?;
        let key = URL_SAFE_NO_PAD.decode(key["x"].as_str()?).ok()?;
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        if header["typ"] != "pass+jwt" {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[tokio::test]
async fn a_gate_without_a_network_verifies_a_pass_by_the_published_keys_alone() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let keys = test.get("/.well-known/jwks.json").send().await.expect(200).json;
    let mut gate = OfflineGate { keys: keys.clone(), store: "0001", let_through: BTreeSet::new() };
    let mut elsewhere = OfflineGate { keys, store: "0002", let_through: BTreeSet::new() };
    let order = order(&test, &shopper).await;
    let pass = pass(&test, &shopper, order).await;
    let now = test.app.clock.now().timestamp();
    assert!(!gate.admits(&pass, now + 600), "expired");
    assert!(!elsewhere.admits(&pass, now), "another store");
    assert!(!gate.admits(&shopper.token, now), "no pass");
    assert!(gate.admits(&pass, now));
    assert!(!gate.admits(&pass, now), "seen");
    // When the network is back, the gate redeems what it took, and the order is spent for all gates.
    let key = test.gate("0001").await;
    redeem(&test, &key, &pass, "0001").await.expect(200);
}

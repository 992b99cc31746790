//! Accounts of staff, partners and their keys.

use aisle::identity::{GRANT_RECHECK, Role, STAFF_SESSION_LIFE, Scope};
use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::claims;
use crate::support::identity::PASSWORD;
use crate::support::{Answer, TestApp};

fn account(login: &str, store: &str, role: &str) -> Value {
    json!({ "login": login, "password": PASSWORD, "active": true, "grants": [{ "store": store, "role": role }] })
}

fn staff_path(number: u128) -> String {
    format!("/v1/staff/{}", Uuid::from_u128(number))
}

#[tokio::test]
async fn an_admin_manages_the_accounts_of_their_own_stores_only() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["0001"]).await;
    let elsewhere = test.staff(Role::Admin, &["0002"]).await;
    let supervisor = test.staff(Role::Supervisor, &["0001"]).await;
    let (path, body) = (staff_path(1), account("Mia", "0001", "clerk"));
    test.put(&path, &body).bearer(&elsewhere).send().await.problem(403, "role_missing");
    test.put(&path, &body).bearer(&supervisor).send().await.problem(403, "role_missing");
    let made = test.put(&path, &body).bearer(&admin).send().await.expect(201);
    assert_eq!((made.text("/login"), made.headers["etag"].to_str().expect("text")), ("mia", "\"1\""));
    assert!(!String::from_utf8_lossy(&made.bytes).contains("argon2"));
    // Neither look at it nor take it over, nor give what one does not have.
    test.get(&path).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let moved = account("mia", "0002", "clerk");
    test.put(&path, &moved).bearer(&elsewhere).send().await.problem(403, "role_missing");
    for store in ["0002", "*"] {
        let more = account("mia", store, "admin");
        test.put(&path, &more).bearer(&admin).send().await.problem(403, "role_missing");
    }
    let signed_in = test.sign_in_staff("MIA", PASSWORD).await.expect(200);
    test.get(&path).bearer(signed_in.text("/access_token")).send().await.expect(200);
    test.put(&path, &body)
        .header("if-match", "\"7\"")
        .bearer(&admin)
        .send()
        .await
        .problem(412, "version_conflict");
    test.put(&path, &body).header("if-match", "\"1\"").bearer(&admin).send().await.expect(200);
}

#[tokio::test]
async fn an_account_that_makes_no_sense_is_refused() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = staff_path(1);
    let with = |name: &str, value: Value| {
        let mut body = account("mia", "0001", "clerk");
        body[name] = value;
        body
    };
    let doubled = json!([{ "store": "0001", "role": "clerk" }, { "store": "0001", "role": "admin" }]);
    for (body, status, code) in [
        (with("login", json!("m a")), 422, "login_invalid"),
        (with("password", json!("short")), 422, "password_invalid"),
        (with("password", json!("x".repeat(257))), 422, "password_invalid"),
        (with("password", Value::Null), 422, "password_missing"),
        (with("grants", doubled), 422, "grants_invalid"),
        (with("grants", json!([{ "store": "a/b", "role": "clerk" }])), 400, "invalid_value"),
        (with("grants", json!([{ "store": "0001", "role": "king" }])), 400, "invalid_value"),
        (with("created_at", json!("now")), 400, "invalid_value"),
    ] {
        test.put(&path, &body).bearer(&admin).send().await.problem(status, code);
    }
    test.put(&path, &account("mia", "0001", "clerk")).bearer(&admin).send().await.expect(201);
    let second = account("Mia", "0001", "clerk");
    test.put(&staff_path(2), &second).bearer(&admin).send().await.problem(409, "login_taken");
    test.put(&staff_path(2), &account("leo", "0001", "clerk")).bearer(&admin).send().await.expect(201);
    test.put(&staff_path(2), &second).bearer(&admin).send().await.problem(409, "login_taken");
}

#[tokio::test]
async fn closing_an_account_ends_its_sessions() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = staff_path(1);
    let mut body = account("mia", "0001", "admin");
    test.put(&path, &body).bearer(&admin).send().await.expect(201);
    let tokens = test.sign_in_staff("mia", PASSWORD).await.expect(200);
    let token = tokens.text("/access_token");
    test.get(&path).bearer(token).send().await.expect(200);
    // A changed grant counts with the next request.
    body["grants"] = json!([{ "store": "0002", "role": "clerk" }]);
    body.as_object_mut().expect("an object").remove("password");
    test.put(&path, &body).bearer(&admin).send().await.expect(200);
    let seen = test.get(&path).bearer(token).send().await.expect(200);
    assert_eq!(seen.text("/grants/0/store"), "0002");
    body["active"] = json!(false);
    test.put(&path, &body).bearer(&admin).send().await.expect(200);
    test.get(&path).bearer(token).send().await.problem(401, "unauthenticated");
    let refresh = json!({ "refresh_token": tokens.text("/refresh_token") });
    test.post("/v1/auth/refresh", &refresh).send().await.problem(401, "refresh_refused");
    test.sign_in_staff("mia", PASSWORD).await.problem(401, "credentials_refused");
    body["active"] = json!(true);
    test.put(&path, &body).bearer(&admin).send().await.expect(200);
    test.get(&path).bearer(token).send().await.problem(401, "unauthenticated");
    test.sign_in_staff("mia", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_account_closed_elsewhere_stops_within_half_a_minute() {
    let test = TestApp::new().await;
    let elsewhere = test.another().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = staff_path(1);
    let mut body = account("mia", "0001", "admin");
    test.put(&path, &body).bearer(&admin).send().await.expect(201);
    let tokens = test.sign_in_staff("mia", PASSWORD).await.expect(200);
    test.get(&path).bearer(tokens.text("/access_token")).send().await.expect(200);
    body["active"] = json!(false);
    elsewhere.put(&path, &body).bearer(&admin).send().await.expect(200);
    test.advance(GRANT_RECHECK);
    test.get(&path).bearer(tokens.text("/access_token")).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_staff_session_lasts_a_shift_however_often_it_is_refreshed() {
    let test = TestApp::new().await;
    let login = test.account(Role::Clerk, &["0001"]).await;
    let mut tokens = test.sign_in_staff(&login, PASSWORD).await.expect(200);
    assert_eq!(claims(tokens.text("/access_token"))["aud"], "aisle:staff");
    for _ in 0..3 {
        test.advance(STAFF_SESSION_LIFE / 4);
        let body = json!({ "refresh_token": tokens.text("/refresh_token") });
        tokens = test.post("/v1/auth/refresh", &body).send().await.expect(200);
    }
    assert_eq!(tokens.number("/refresh_expires_in"), (STAFF_SESSION_LIFE / 4).num_seconds());
    test.advance(STAFF_SESSION_LIFE / 4);
    let body = json!({ "refresh_token": tokens.text("/refresh_token") });
    test.post("/v1/auth/refresh", &body).send().await.problem(401, "refresh_refused");
}

#[tokio::test]
async fn wrong_passwords_lock_a_login_and_tell_nothing() {
    let test = TestApp::new().await;
    let login = test.account(Role::Clerk, &["0001"]).await;
    let refused = |answer: Answer| answer.problem(401, "credentials_refused").bytes;
    let unknown = refused(test.sign_in_staff("nobody", PASSWORD).await);
    assert_eq!(refused(test.sign_in_staff("no\0body", PASSWORD).await), unknown);
    // All at once: none slips in before the count.
    let answers = join_all((0..8).map(|_| test.sign_in_staff(&login, "wrong password"))).await;
    for answer in answers {
        assert_eq!(refused(answer), unknown);
    }
    assert_eq!(refused(test.sign_in_staff(&login, PASSWORD).await), unknown);
    test.advance(Duration::minutes(5));
    test.sign_in_staff(&login, PASSWORD).await.expect(200);
    // And forgotten: a single mistake does not lock again.
    test.sign_in_staff(&login, "wrong password").await.problem(401, "credentials_refused");
    test.sign_in_staff(&login, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_partners_key_is_shown_once_and_ends_when_revoked() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let (partner, key) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let path = format!("/v1/partners/{partner}/keys/{key}");
    let body = json!({ "scopes": ["exit:verify"], "store": "0001" });
    test.put(&path, &body).bearer(&admin).send().await.problem(404, "account_unknown");
    let named = json!({ "name": "Gate 7", "active": true });
    test.put(&format!("/v1/partners/{partner}"), &named).bearer(&admin).send().await.expect(201);
    let strange = json!({ "name": "Gate\u{0}", "active": true });
    test.put(&format!("/v1/partners/{partner}"), &strange)
        .bearer(&admin)
        .send()
        .await
        .problem(422, "name_invalid");
    let made = test.put(&path, &body).bearer(&admin).send().await.expect(201);
    let secret = made.text("/secret").to_owned();
    assert!(secret.starts_with(&format!("aisle_{}_", key.simple())));
    assert_eq!(made.text("/store"), "0001");
    let again = test.put(&path, &body).bearer(&admin).send().await.expect(200);
    assert_eq!(again.json.get("secret"), None);
    let other = json!({ "scopes": ["catalog:read"] });
    test.put(&path, &other).bearer(&admin).send().await.problem(409, "key_differs");
    test.put(&path, &json!({ "scopes": [] })).bearer(&admin).send().await.problem(422, "scopes_invalid");
    let shown = test.get(&format!("/v1/partners/{partner}")).bearer(&admin).send().await.expect(200);
    assert!(!String::from_utf8_lossy(&shown.bytes).contains(&secret[40..]));
    // Known, and not one for this route; every other text is unknown.
    assert_eq!(known(&test, &secret).await, 403);
    let id = key.simple().to_string();
    for wrong in [
        secret[..secret.len() - 1].to_owned(),
        format!("{secret}x"),
        secret.to_uppercase(),
        secret.replace(&id, &key.to_string()),
        secret.replace(&id, &Uuid::from_u128(3).simple().to_string()),
        format!("aisle_{id}_"),
        format!("aisle_{id}"),
        "aisle_".to_owned(),
    ] {
        assert_eq!(known(&test, &wrong).await, 401, "{wrong}");
    }
    test.call(reqwest::Method::DELETE, &path).bearer(&admin).send().await.expect(204);
    test.call(reqwest::Method::DELETE, &path).bearer(&admin).send().await.expect(204);
    assert_eq!(known(&test, &secret).await, 401);
}

/// 403 to a partner who is known, 401 to nobody.
async fn known(test: &TestApp, key: &str) -> u16 {
    test.get(super::STAFF_ROUTE).bearer(key).send().await.status.as_u16()
}

#[tokio::test]
async fn the_keys_of_a_partner_that_is_not_active_are_not_taken() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let (partner, key) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let path = format!("/v1/partners/{partner}");
    let named = |active: bool| json!({ "name": "ERP", "active": active });
    test.put(&path, &named(true)).bearer(&admin).send().await.expect(201);
    let body = json!({ "scopes": ["events:read", "events:read"] });
    let made = test.put(&format!("{path}/keys/{key}"), &body).bearer(&admin).send().await.expect(201);
    assert_eq!(made.json["scopes"], json!(["events:read"]));
    assert_eq!(known(&test, made.text("/secret")).await, 403);
    test.put(&path, &named(false)).bearer(&admin).send().await.expect(200);
    assert_eq!(known(&test, made.text("/secret")).await, 401);
}

#[tokio::test]
async fn a_key_revoked_elsewhere_stops_within_half_a_minute() {
    let test = TestApp::new().await;
    let elsewhere = test.another().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let (partner, key) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let path = format!("/v1/partners/{partner}");
    test.put(&path, &json!({ "name": "ERP", "active": true })).bearer(&admin).send().await.expect(201);
    let path = format!("{path}/keys/{key}");
    let body = json!({ "scopes": [Scope::EventsRead] });
    let made = test.put(&path, &body).bearer(&admin).send().await.expect(201);
    assert_eq!(known(&test, made.text("/secret")).await, 403);
    elsewhere.call(reqwest::Method::DELETE, &path).bearer(&admin).send().await.expect(204);
    test.advance(GRANT_RECHECK);
    assert_eq!(known(&test, made.text("/secret")).await, 401);
}

//! Sign-in of guests, refresh, sign-out.

use aisle::identity::device::DeviceKey;
use aisle::identity::{ACCESS_LIFE, SESSION_RECHECK, SHOPPER_REFRESH_LIFE};
use chrono::Duration;
use futures_util::future::join_all;
use serde_json::json;

use super::STAFF_ROUTE;
use crate::support::identity::ShopperActor;
use crate::support::{Answer, TestApp};

async fn refresh(test: &TestApp, shopper: &ShopperActor, token: &str) -> Answer {
    test.post("/v1/auth/refresh", &shopper.device.refresh(test.url(), token, test.app.clock.now()))
        .send()
        .await
}

/// Whether the service knows the token's shopper.
async fn is_known(test: &TestApp, token: &str) -> bool {
    let status = test.get(STAFF_ROUTE).bearer(token).send().await.status.as_u16();
    assert!([401, 403].contains(&status), "{status}");
    status == 403
}

#[tokio::test]
async fn the_same_device_is_the_same_shopper() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let again = test.sign_in(&shopper.device).await.expect(200);
    assert_eq!(again.text("/shopper"), shopper.id);
    assert_eq!(again.number("/expires_in"), ACCESS_LIFE.num_seconds());
    assert_eq!(again.headers["cache-control"], "no-store");
    assert_ne!(test.shopper().await.id, shopper.id);
    assert!(is_known(&test, &shopper.token).await);
}

#[tokio::test]
async fn a_device_that_signs_in_many_times_at_once_is_one_shopper() {
    let test = TestApp::new().await;
    let device = DeviceKey::generate(&test.app.random);
    let answers = join_all((0..12).map(|_| test.sign_in(&device))).await;
    let ids: Vec<_> =
        answers.into_iter().map(|answer| answer.expect(200).text("/shopper").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn a_proof_that_does_not_hold_is_refused() {
    let test = TestApp::new().await;
    let (device, other) = (DeviceKey::generate(&test.app.random), DeviceKey::generate(&test.app.random));
    let now = test.app.clock.now();
    let good = device.sign_in(test.url(), now);
    let mut another_key = good.clone();
    another_key["device_key"] = serde_json::to_value(other.jwk()).expect("JSON");
    let mut another_time = good.clone();
    another_time["issued_at"] = json!("2026-11-23T09:00:01Z");
    let mut no_time = good.clone();
    no_time["issued_at"] = json!("yesterday");
    let mut cut = good.clone();
    cut["signature"] = json!("AAAA");
    let mut another_kind = good.clone();
    another_kind["device_key"]["kty"] = json!("EC");
    let refused = [
        device.sign_in("https://other.example", now),
        device.sign_in(test.url(), now + Duration::minutes(6)),
        device.sign_in(test.url(), now - Duration::minutes(6)),
        another_key,
        another_time,
        no_time,
        cut,
        another_kind,
    ];
    for body in refused {
        test.post("/v1/auth/guest", &body).send().await.problem(401, "proof_refused");
    }
    let mut more = good.clone();
    more["shopper"] = json!("me");
    test.post("/v1/auth/guest", &more).send().await.problem(400, "invalid_value");
    test.post("/v1/auth/guest", &good).send().await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_a_second_use_ends_the_session() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let next = refresh(&test, &shopper, &shopper.refresh).await.expect(200);
    assert_eq!(next.text("/shopper"), shopper.id);
    let newer = refresh(&test, &shopper, next.text("/refresh_token")).await.expect(200);
    assert!(is_known(&test, newer.text("/access_token")).await);
    refresh(&test, &shopper, &shopper.refresh).await.problem(401, "refresh_refused");
    refresh(&test, &shopper, newer.text("/refresh_token")).await.problem(401, "refresh_refused");
    for token in [&shopper.token, next.text("/access_token"), newer.text("/access_token")] {
        assert!(!is_known(&test, token).await);
    }
    // The device itself is as welcome as before.
    assert_eq!(test.sign_in(&shopper.device).await.expect(200).text("/shopper"), shopper.id);
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_wins() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let answers = join_all((0..10).map(|_| refresh(&test, &shopper, &shopper.refresh))).await;
    let won = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
    assert_eq!(won, 1);
    assert!(answers.iter().all(|answer| [200, 401].contains(&answer.status.as_u16())));
}

#[tokio::test]
async fn a_stolen_refresh_token_is_of_no_use_without_the_device() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let thief = DeviceKey::generate(&test.app.random);
    let now = test.app.clock.now();
    let by_thief = thief.refresh(test.url(), &shopper.refresh, now);
    test.post("/v1/auth/refresh", &by_thief).send().await.problem(401, "proof_refused");
    let bare = json!({ "refresh_token": shopper.refresh });
    test.post("/v1/auth/refresh", &bare).send().await.problem(401, "proof_refused");
    let mut for_another_token = shopper.device.refresh(test.url(), "another", now);
    for_another_token["refresh_token"] = json!(shopper.refresh);
    test.post("/v1/auth/refresh", &for_another_token).send().await.problem(401, "proof_refused");
    // Nor could the thief end the session with it.
    refresh(&test, &shopper, &shopper.refresh).await.expect(200);
    refresh(&test, &shopper, "unknown").await.problem(401, "refresh_refused");
}

#[tokio::test]
async fn tokens_run_out_by_the_services_clock() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    test.advance(ACCESS_LIFE - Duration::seconds(1));
    assert!(is_known(&test, &shopper.token).await);
    test.advance(Duration::minutes(1));
    assert!(!is_known(&test, &shopper.token).await);
    test.advance(SHOPPER_REFRESH_LIFE - Duration::hours(1));
    let next = refresh(&test, &shopper, &shopper.refresh).await.expect(200);
    test.advance(SHOPPER_REFRESH_LIFE);
    refresh(&test, &shopper, next.text("/refresh_token")).await.problem(401, "refresh_refused");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_no_other() {
    let test = TestApp::new().await;
    let (shopper, other) = (test.shopper().await, test.shopper().await);
    assert!(is_known(&test, &shopper.token).await);
    assert!(is_known(&test, &other.token).await);
    let body = json!({ "refresh_token": shopper.refresh });
    test.post("/v1/auth/sign-out", &body).send().await.expect(204);
    test.post("/v1/auth/sign-out", &body).send().await.expect(204);
    test.post("/v1/auth/sign-out", &json!({ "refresh_token": "unknown" })).send().await.expect(204);
    assert!(!is_known(&test, &shopper.token).await);
    assert!(is_known(&test, &other.token).await);
    refresh(&test, &shopper, &shopper.refresh).await.problem(401, "refresh_refused");
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_stops_within_a_minute() {
    let test = TestApp::new().await;
    let elsewhere = test.another().await;
    let shopper = test.shopper().await;
    assert!(is_known(&test, &shopper.token).await);
    elsewhere
        .post("/v1/auth/sign-out", &json!({ "refresh_token": shopper.refresh }))
        .send()
        .await
        .expect(204);
    test.advance(SESSION_RECHECK);
    assert!(!is_known(&test, &shopper.token).await);
}

#[tokio::test]
async fn a_device_signs_in_so_often_a_minute_and_no_more() {
    let test = TestApp::new().await;
    let device = DeviceKey::generate(&test.app.random);
    for _ in 0..20 {
        test.sign_in(&device).await.expect(200);
    }
    test.sign_in(&device).await.problem(429, "too_many_sign_ins");
    test.advance(Duration::minutes(1));
    test.sign_in(&device).await.expect(200);
}

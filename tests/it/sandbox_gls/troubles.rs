//! Faults on order, quotas, tokens, controls over HTTP, and books that outlive the process.

use std::time::Duration;

use aisle::sandbox::gls::{Fault, Quotas, Rule, Settings};
use reqwest::Method;
use serde_json::json;

use super::{Shipper, answer, booking, standing_still};

#[tokio::test]
async fn planned_faults_strike_before_or_after_the_work_and_run_out() {
    let shipper = Shipper::new().await;
    let booked = || shipper.sandbox.books().parcels.len();
    let plan = |fault: Fault| shipper.sandbox.add_fault(Rule::new("shipments.create", fault, 1)).unwrap();
    for (status, parcels) in [(490, 0), (503, 0), (429, 0)] {
        plan(Fault::ErrorBefore { status });
        let answered = shipper.post("/shipments", &booking("AISLE-1")).await.expect(status);
        assert_eq!(answered.bytes.is_empty(), status != 429, "the gateway's refusal alone has a body");
        assert_eq!(booked(), parcels);
    }
    plan(Fault::ErrorAfter { status: 500 });
    shipper.post("/shipments", &booking("AISLE-1")).await.expect(500);
    assert_eq!(booked(), 1);
    for (fault, parcels) in [
        (Fault::NoAnswerBefore { hold: false }, 1),
        (Fault::NoAnswerAfter { hold: false }, 2),
        (Fault::NoAnswerAfter { hold: true }, 3),
        (Fault::DelayMs { delay_ms: 60_000 }, 4),
    ] {
        plan(fault);
        let request = shipper.shipit("/shipments", &booking("AISLE-1")).timeout(Duration::from_millis(300));
        assert!(request.send().await.is_err(), "{fault:?}");
        assert_eq!(booked(), parcels, "{fault:?}");
    }
    shipper.post("/shipments", &booking("AISLE-1")).await.expect(200);
    shipper.end().await;
}

#[tokio::test]
async fn a_day_has_so_many_calls_and_the_next_one_as_many_again() {
    let settings = Settings { quotas: Quotas { tokens: 3, tracking: 2 }, ..standing_still() };
    let shipper = Shipper::with(settings).await;
    let path = "/simple/trackids/QAS_0000001";
    for _ in 0..2 {
        shipper.track(path).await.expect(200);
        shipper.ask_for_token().await.expect(200);
    }
    let over = shipper.track(path).await.expect(429);
    assert_eq!(over.text("/fault/detail/errorcode"), "policies.ratelimit.QuotaViolation");
    shipper.ask_for_token().await.expect(429);
    shipper.book("AISLE-1").await;
    shipper.sandbox.advance_seconds(15 * 3_600).unwrap();
    let token = shipper.ask_for_token().await.expect(200).text("/access_token").to_owned();
    let request = shipper.request(Method::GET, &format!("/track-and-trace-v1/tracking{path}"));
    answer(request.bearer_auth(token)).await.expect(200);
    shipper.end().await;
}

#[tokio::test]
async fn a_token_is_needed_and_can_be_revoked() {
    let shipper = Shipper::new().await;
    assert_eq!(shipper.ask_for_token().await.text("/expires_in"), "14400");
    let form = |secret: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &shipper.settings.client_id),
            ("client_secret", secret),
        ];
        answer(shipper.request(Method::POST, "/oauth2/v2/token").form(&fields))
    };
    form(&shipper.settings.client_secret).await.expect(200);
    assert_eq!(form("wrong").await.expect(400).text("/errors/0/message"), "Invalid client identifier");
    shipper.book("AISLE-1").await;
    shipper.sandbox.revoke_tokens().unwrap();
    let revoked = shipper.post("/shipments", &booking("AISLE-2")).await.expect(401);
    assert_eq!(revoked.text("/fault/detail/errorcode"), "steps.jwt.InvalidToken");
    let bare =
        answer(shipper.request(Method::GET, "/track-and-trace-v1/tracking/events/codes")).await.expect(401);
    assert_eq!(bare.text("/fault/detail/errorcode"), "steps.jwt.FailedToResolveVariable");
    assert_eq!(shipper.sandbox.books().parcels.len(), 1);
    shipper.end().await;
}

#[tokio::test]
async fn controls_work_over_http_and_the_page_moves_parcels() {
    let shipper = Shipper::new().await;
    let (track_id, number) = shipper.book("AISLE-1").await;
    let fault = json!({ "operation": "shipments.create", "kind": "error_before", "status": 503, "times": 2 });
    shipper.control(Method::POST, "/sandbox/faults", &fault).await.expect(201);
    shipper.post("/shipments", &booking("AISLE-2")).await.expect(503);
    shipper.control(Method::DELETE, "/sandbox/faults", &json!({})).await.expect(200);
    let path = format!("/sandbox/parcels/{number}/events");
    let moved = shipper.control(Method::POST, &path, &json!({ "code": "advance" })).await.expect(200);
    assert_eq!(moved.text("/status"), "INTRANSIT");
    shipper.control(Method::POST, &path, &json!({ "code": "nonsense" })).await.expect(400);
    let nobody = "/sandbox/parcels/0/events";
    shipper.control(Method::POST, nobody, &json!({ "code": "advance" })).await.expect(404);
    let odd = json!({ "labels_missing": 1 });
    shipper.control(Method::PUT, "/sandbox/oddities", &odd).await.expect(200);
    shipper.control(Method::PUT, "/sandbox/oddities", &json!({ "typo": 1 })).await.expect(400);
    let clock =
        shipper.control(Method::POST, "/sandbox/clock", &json!({ "advance_seconds": 60 })).await.expect(200);
    assert_eq!(clock.text("/now"), "2026-11-23T09:01:00Z");
    shipper.control(Method::POST, "/sandbox/clock", &json!({})).await.expect(400);
    let books = shipper.control(Method::GET, "/sandbox/books", &json!({})).await.expect(200);
    assert_eq!(books.text("/parcels/0/track_id"), track_id);
    assert_eq!(books.number("/calls/shipments.create"), 2);
    let page = answer(shipper.request(Method::GET, "/")).await.expect(200);
    assert!(String::from_utf8(page.bytes).unwrap().contains(&track_id));
    answer(shipper.request(Method::POST, &path).form(&[("code", "advance")])).await.expect(303);
    answer(shipper.request(Method::POST, "/sandbox/clock").form(&[("speed", "3600")])).await.expect(303);
    shipper.control(Method::DELETE, "/sandbox/tokens", &json!({})).await.expect(200);
    shipper.post("/shipments", &booking("AISLE-2")).await.expect(401);
    shipper.end().await;
}

#[tokio::test]
async fn the_books_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { state_file: Some(folder.path().join("gls.json")), ..standing_still() };
    let shipper = Shipper::with(settings.clone()).await;
    let (first, _) = shipper.book("AISLE-1").await;
    shipper.sandbox.advance_seconds(600).unwrap();
    shipper.sandbox.record_event(&first, "advance").unwrap();
    let before = shipper.sandbox.books().parcels;
    shipper.end().await;
    let shipper = Shipper::with(settings).await;
    assert_eq!(shipper.sandbox.books().parcels, before);
    assert_eq!(shipper.sandbox.now().to_rfc3339(), "2026-11-23T09:10:00+00:00");
    assert_ne!(shipper.book("AISLE-2").await.0, first);
    shipper.end().await;
}

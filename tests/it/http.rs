//! What all routes share: deadlines.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use crate::support::TestApp;

#[tokio::test]
async fn a_request_whose_body_never_ends_is_answered_at_its_deadline() {
    let test = TestApp::with(&[("AISLE_REQUEST_TIMEOUT_SECONDS", "1")]).await;
    let router = aisle::router::router(test.app.clone());
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let request = Request::post("/v1/auth/guest").header("content-type", "application/json").body(body);
    let response = router.oneshot(request.expect("a request")).await.expect("answered");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[test]
fn every_route_that_may_take_longer_is_a_route() {
    let document = serde_json::to_value(aisle::router::document()).expect("a document");
    for route in aisle::http::limit::STREAMS {
        assert!(document["paths"].get(route).is_some(), "{route}");
    }
}

async fn falls() -> StatusCode {
    panic!("on purpose")
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_with_a_problem() {
    let test = TestApp::new().await;
    let tracer = aisle::http::trace::Tracer::new(&test.app);
    let router = axum::Router::<()>::new()
        .route("/falls", axum::routing::get(falls))
        .layer(axum::middleware::from_fn_with_state(tracer, aisle::http::trace::trace));
    let request = Request::get("/falls").body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("answered");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
}

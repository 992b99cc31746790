//! One id, one line and one measurement for each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::app::App;

/// The header that carries a request's id in and out.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a caller.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// Gives the request an id (the caller's own, when it sent a plain one), logs its end and measures it.
pub async fn trace(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.unwrap_or_else(|| {
        let id: uuid::Uuid = app.ids.next();
        HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
    });
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let name = id.to_str().unwrap_or_default().to_owned();
    // Reads are far more frequent than everything else and change nothing: their lines are for debugging.
    let span = if method == Method::GET {
        tracing::debug_span!("request", request.id = name, http.method = %method)
    } else {
        tracing::info_span!("request", request.id = name, http.method = %method)
    };
    let mut response = next.run(request).instrument(span.clone()).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = response.status();
    let took = started.elapsed();
    metrics::histogram!(
        "aisle_http_request_seconds", "method" => method.to_string(), "route" => route.to_owned(), "status" => status.as_str().to_owned(),
    )
    .record(took);
    span.in_scope(|| {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if method == Method::GET {
            tracing::debug!(
                http.route = route,
                http.status = status.as_u16(),
                took_us,
                "{method} {route} {status}"
            );
        } else {
            tracing::info!(
                http.route = route,
                http.status = status.as_u16(),
                took_us,
                "{method} {route} {status}"
            );
        }
    });
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    response
}

fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=REQUEST_ID_LENGTH_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

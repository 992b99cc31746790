//! One id, one line and one measurement for each request. Every request pays for what is here, lookups too: so no
//! randomness, no allocation for a label and no text that nobody reads.

use std::collections::HashMap;
use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use metrics::Histogram;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::error::{Problem, Reason};
use crate::http::limit;

/// The header that carries a request's id in and out.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a caller.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// What the requests of one router share; cheap to clone.
#[derive(Clone)]
pub struct Tracer(Arc<Shared>);

/// Measurements by route, and there by method and status.
type Histograms = HashMap<String, Vec<(&'static str, StatusCode, Histogram)>>;

struct Shared {
    /// Begins the id of every request: no two processes have the same.
    process: String,
    /// Requests without an id of their own so far.
    count: AtomicU64,
    request_timeout: Duration,
    /// Looked up by name once, not once a request.
    histograms: RwLock<Histograms>,
}

impl Tracer {
    /// For one router of this app.
    pub fn new(app: &App) -> Self {
        let process: Uuid = app.ids.next();
        Self(Arc::new(Shared {
            process: process.simple().to_string(),
            count: AtomicU64::new(0),
            request_timeout: app.config.request_timeout,
            histograms: RwLock::default(),
        }))
    }

    /// How long a request of this route may take.
    fn timeout(&self, route: &str) -> Duration {
        if limit::STREAMS.contains(&route) { limit::STREAM_TIMEOUT } else { self.0.request_timeout }
    }

    /// An id that no other request has. It is no secret: the process's own, and a count.
    fn next_id(&self) -> HeaderValue {
        let number = self.0.count.fetch_add(1, Ordering::Relaxed);
        let mut id = String::with_capacity(REQUEST_ID_LENGTH_MAX);
        // Writing to a String can't fail.
        let _ = write!(id, "{}-{number:x}", self.0.process);
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }

    fn histogram(&self, route: &str, method: &'static str, status: StatusCode) -> Histogram {
        let find = |known: &Histograms| {
            let of_route = known.get(route)?;
            let found = of_route.iter().find(|(one, code, _)| *one == method && *code == status)?;
            Some(found.2.clone())
        };
        if let Some(histogram) = find(&self.0.histograms.read().unwrap_or_else(PoisonError::into_inner)) {
            return histogram;
        }
        let histogram = metrics::histogram!(
            "aisle_http_request_seconds",
            "method" => method, "route" => route.to_owned(), "status" => status.as_str().to_owned(),
        );
        let mut known = self.0.histograms.write().unwrap_or_else(PoisonError::into_inner);
        // Another request may have been first; its handle records into the same place.
        known.entry(route.to_owned()).or_default().push((method, status, histogram.clone()));
        histogram
    }
}

/// Gives the request an id (the caller's own, when it sent a plain one) and a deadline, turns a panic into a problem, logs
/// the request's end and measures it. One layer for all of that: each costs every request an allocation.
pub async fn trace(State(tracer): State<Tracer>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.unwrap_or_else(|| tracer.next_id());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = method_name(request.method());
    let name = id.to_str().unwrap_or_default();
    let is_quiet = is_quiet(method, route);
    let span = if is_quiet {
        tracing::debug_span!("request", request.id = name, http.method = method)
    } else {
        tracing::info_span!("request", request.id = name, http.method = method)
    };
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tokio::time::timeout(tracer.timeout(route), work).instrument(span).await {
        Ok(Ok(response)) => response,
        // The transaction that it tore down was rolled back.
        Ok(Err(_)) => Problem::internal("a handler panicked").into_response(),
        Err(_) => {
            let detail =
                "The request took too long. What it asked for may have been done: ask, or send it again.";
            Problem::unavailable("request_timeout", detail, 1).into_response()
        }
    };
    let status = response.status();
    let took = started.elapsed();
    tracer.histogram(route, method, status).record(took);
    let line = Line { id: name, method, route, status, took, reason: response.extensions_mut().remove() };
    line.write(is_quiet);
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    response
}

/// The one line that a request leaves in the log. Its id is a field of its own, because a quiet request has no span.
struct Line<'a> {
    id: &'a str,
    method: &'static str,
    route: &'a str,
    status: StatusCode,
    took: Duration,
    /// Why it was refused.
    reason: Option<Reason>,
}

impl Line<'_> {
    fn write(&self, is_quiet: bool) {
        let Self { id, method, route, status, .. } = *self;
        let took_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        let code = self.reason.as_ref().map(|reason| reason.code);
        let error = self.reason.as_ref().and_then(|reason| reason.source.as_deref());
        let status_code = status.as_u16();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = id,
                    http.method = method,
                    http.route = route,
                    http.status = status_code,
                    took_us,
                    problem.code = code,
                    error,
                    "{method} {route} {status}"
                )
            };
        }
        if status.is_server_error() {
            line!(error);
        } else if is_quiet && code.is_none() {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

/// Reads and scans are far more frequent than everything else, and the log of a cart keeps each scan: their lines are for
/// debugging.
fn is_quiet(method: &str, route: &str) -> bool {
    method == "GET" || route.ends_with("/scans")
}

/// The method as a label. Callers may make methods up; a measurement of each would be a way to fill the memory.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=REQUEST_ID_LENGTH_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

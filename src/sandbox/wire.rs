//! What went over the wire, kept for tests; and how an answer is lost on purpose.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Exchanges kept; the oldest go first.
const EXCHANGES_MAX: usize = 2_000;

/// One API request and its answer as they went over the wire. `Authorization` is cut down to its scheme.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The operation's name as faults use it, such as `orders.create`.
    pub operation: &'static str,
    pub method: String,
    /// Path and query.
    pub target: String,
    pub request_headers: Vec<(String, String)>,
    pub request_body: Vec<u8>,
    /// Whether the client got the answer; otherwise the rest is what it would have been.
    pub answered: bool,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Vec<u8>,
}

/// The latest exchanges of one sandbox.
#[derive(Debug, Default)]
pub struct Exchanges(Mutex<VecDeque<Exchange>>);

impl Exchanges {
    pub fn record(&self, exchange: Exchange) {
        let mut exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if exchanges.len() == EXCHANGES_MAX {
            exchanges.pop_front();
        }
        exchanges.push_back(exchange);
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Headers as text; what authorizes is cut down to its scheme.
pub fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let shown = if name == header::AUTHORIZATION {
                text.split(' ').next().unwrap_or_default().to_owned()
            } else {
                text
            };
            (name.to_string(), shown)
        })
        .collect()
}

/// An answer with these headers and no other.
pub fn respond<'a>(
    status: u16,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: Vec<u8>,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Ends the connection without one byte of an answer: a body that fails before its first piece is never begun.
pub fn cut() -> Response {
    let lost = std::io::Error::other("the answer is lost on purpose");
    Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(lost)])).into_response()
}

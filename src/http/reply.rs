//! Replies with their headers: versions as entity tags, and preconditions on them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Problem;

/// An answer in JSON.
#[derive(Clone, Copy, Debug)]
pub struct Reply<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => (self.0, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// An answer in JSON with the version of what it shows, as a strong entity tag.
#[derive(Clone, Copy, Debug)]
pub struct Versioned<T>(pub StatusCode, pub i64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        Tagged(self.0, entity_tag(self.1), self.2).into_response()
    }
}

/// An answer in JSON with this entity tag, which must be quoted.
#[derive(Clone, Debug)]
pub struct Tagged<T>(pub StatusCode, pub String, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Reply(self.0, self.2).into_response();
        if let Ok(tag) = HeaderValue::try_from(self.1) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The entity tag of a version that is shown beside something else that changes without it: `digest` stands for that.
pub fn entity_tag_with(version: i64, digest: &str) -> String {
    format!("\"{version}.{digest}\"")
}

/// The entity tag of a version.
pub fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that the caller wants to change (`If-Match`); nothing when it doesn't say or takes any (`*`). What else a
/// tag stands for ([`entity_tag_with`]) is no matter to a change.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = tag.map(|tag| tag.split_once('.').map_or(tag, |(version, _)| version));
    let version = version.and_then(|text| text.parse().ok());
    let unreadable =
        || Problem::bad_request("invalid_if_match", "If-Match must be the ETag of an earlier answer.");
    version.map(Some).ok_or_else(unreadable)
}

/// Whether the caller already has what this entity tag stands for (`If-None-Match`).
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let value = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(',').any(|each| each.trim().trim_start_matches("W/") == tag))
}

/// 304: the caller has it.
pub fn not_modified(tag: &str) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response()
}

/// How long the caller is willing to wait for an outcome: `Prefer: wait=SECONDS` (RFC 7240), cut to the limit.
pub fn wait(headers: &HeaderMap) -> std::time::Duration {
    static PREFER: HeaderName = HeaderName::from_static("prefer");
    let preferences = headers.get(&PREFER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seconds =
        preferences.split([',', ';']).find_map(|each| each.trim().strip_prefix("wait=")?.parse().ok());
    std::time::Duration::from_secs(seconds.unwrap_or(0)).min(super::limit::WAIT_MAX)
}

//! Query strings in and JSON answers out, in the shapes of the shipping specification.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The schema allows a `detail` of at most this many characters.
const DETAIL_CHARACTERS_MAX: usize = 80;

/// The pairs of a query string; a name may come more than once.
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A value of an enumeration; another value is a bad request.
    pub fn choice(
        &self,
        name: &str,
        allowed: &[&'static str],
        default: &'static str,
    ) -> Result<&'static str, Response> {
        let Some(value) = self.one(name) else { return Ok(default) };
        let found = allowed.iter().find(|choice| **choice == value);
        found.copied().ok_or_else(|| bad_request(&format!("{name} must be one of {}", allowed.join(", "))))
    }

    pub fn flag(&self, name: &str) -> Result<bool, Response> {
        Ok(self.choice(name, &["true", "false"], "false")? == "true")
    }
}

/// `RequestStatus`; the specification requires the deprecated `statusCode` and sends `status` beside it.
pub fn status(code: u16, title: &str, detail: &str) -> Value {
    let detail: String = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
    json!({ "title": title, "statusCode": code, "status": code, "detail": detail })
}

pub fn json_answer(code: u16, body: &Value) -> Response {
    answer(code, "application/json", body.to_string())
}

pub fn problem_answer(code: u16, body: &Value) -> Response {
    answer(code, "application/problem+json", body.to_string())
}

/// 400 has the body of a label answer; here with a status and no items.
pub fn bad_request(detail: &str) -> Response {
    problem_answer(400, &json!({ "status": status(400, "Bad Request", detail) }))
}

/// 401, 404, 429 and 500 carry a bare status.
pub fn problem(code: u16, detail: &str) -> Response {
    let title = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or("Error");
    problem_answer(code, &status(code, title, detail))
}

pub fn answer(code: u16, content_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, body.into()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

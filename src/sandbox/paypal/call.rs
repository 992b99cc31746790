//! One request as the operations see it, and what they give back.

use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::books::Object;
use super::errors::{Detail, Refusal};

#[derive(Debug, Clone)]
pub struct Call {
    pub operation: &'static str,
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The id in the path, or nothing.
    pub id: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A success, before it is written out.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    Nothing,
    Json(Value),
    /// An object in full, as reads answer it.
    Full(Object),
    /// An object as the `Prefer` header wants it: `return=minimal` is id, status and links.
    Preferred(Object),
}

pub type Outcome = Result<Answer, Refusal>;

impl Answer {
    pub fn full(status: u16, object: Object) -> Answer {
        Answer { status, content: Content::Full(object) }
    }

    pub fn preferred(status: u16, object: Object) -> Answer {
        Answer { status, content: Content::Preferred(object) }
    }

    pub fn json(status: u16, value: Value) -> Answer {
        Answer { status, content: Content::Json(value) }
    }

    pub fn nothing() -> Answer {
        Answer { status: 204, content: Content::Nothing }
    }
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn wants_representation(&self) -> bool {
        self.header("prefer").is_some_and(|prefer| prefer.replace(' ', "") == "return=representation")
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub fn unprocessable(&self, issue: &str) -> Refusal {
        Refusal::unprocessable(self.operation, issue)
    }

    pub fn unknown_resource(&self, field: &str) -> Refusal {
        Refusal::unknown_resource(self.operation, field, &self.id)
    }

    /// The body as a JSON object. No body at all is an empty object.
    pub fn object(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        let media_type =
            self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Refusal::with(self.operation, 415, &[]));
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(Refusal::with(self.operation, 400, &[Detail::new("MALFORMED_REQUEST_JSON")])),
        }
    }
}

//! One request as the operations see it, and what they give back.

use axum::http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::Refusal;

#[derive(Debug, Clone)]
pub struct Call {
    pub operation: &'static str,
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The ids in the path, in their order.
    pub ids: Vec<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Names this call in its answer and in errors.
    pub correlation_id: String,
}

/// A whole answer, but for what every answer carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

pub type Outcome = Result<Reply, Refusal>;

impl Reply {
    pub fn nothing(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), content_type: None, body: Vec::new() }
    }

    pub fn json(status: u16, value: &Value) -> Reply {
        Reply::file(status, "application/json", value.to_string().into_bytes())
    }

    pub fn file(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        Reply { status, headers: Vec::new(), content_type: Some(content_type.to_owned()), body }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Call {
    /// An id of the path; empty where the path has none.
    pub fn id(&self, position: usize) -> &str {
        self.ids.get(position).map_or("", String::as_str)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body, which has to be a JSON object that says it is one.
    pub fn object(&self) -> Result<Value, Refusal> {
        let media_type =
            self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Refusal::new(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "Content-Type has to be application/json",
            ));
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(Refusal::new(400, "BAD_REQUEST", "The body is not a JSON object")),
        }
    }
}

//! One request as the operations see it, and what they give back.

use axum::http::{HeaderMap, Method};
use chrono::{DateTime, Utc};
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Call {
    /// The operation's name as faults use it.
    pub operation: &'static str,
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The ids in the path, in their order, percent signs undone.
    pub ids: Vec<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The sandbox's time when the call is worked on.
    pub now: DateTime<Utc>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn nothing(status: u16) -> Self {
        Self { status, headers: Vec::new(), content_type: None, body: Vec::new() }
    }

    pub fn json(status: u16, value: &Value) -> Self {
        Self::file(status, "application/json", value.to_string().into_bytes())
    }

    pub fn file(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), content_type: Some(content_type.to_owned()), body: body.into() }
    }

    /// Back to the page that a button stands on.
    pub fn to_the_page() -> Self {
        Self::nothing(303).with_header("location", "/")
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
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

    /// The media type of the body, without its parameters, as it was written.
    pub fn media_type(&self) -> &str {
        self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default().trim()
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        value_of(query.as_bytes(), name)
    }

    /// A field of a form, when the body is one.
    pub fn form(&self, name: &str) -> Option<String> {
        self.is_form().then(|| value_of(&self.body, name)).flatten()
    }

    pub fn is_form(&self) -> bool {
        self.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }
}

/// The ids of a path that fits the template, where `{}` stands for one.
pub fn ids(template: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted {
            "{}" if !given.is_empty() => ids.push(decoded(given)),
            _ if wanted == given => {}
            _ => return None,
        }
    }
    Some(ids)
}

/// A segment of a path with its percent signs undone. A plus is a plus there, unlike in a query.
fn decoded(segment: &str) -> String {
    let plain = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("a={plain}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn value_of(pairs: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(pairs).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_where_the_template_has_them() {
        assert_eq!(ids("/a/{}/b", "/a/x%2Cy+z/b"), Some(vec!["x,y+z".to_owned()]));
        assert_eq!(ids("/a/{}/b", "/a//b"), None);
        assert_eq!(ids("/a/{}", "/a/x/b"), None);
    }
}

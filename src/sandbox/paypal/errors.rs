//! PayPal's error bodies, with the issues and their exact texts as the specifications list them.
//!
//! `issues.tsv` holds, for each operation, every issue its answers may carry: operation, status, issue, description.
//! It is taken from PayPal's OpenAPI files (Apache-2.0), so that a refusal reads word for word as PayPal's.

use serde_json::{Value, json};

const ISSUES: &str = include_str!("issues.tsv");

/// An answer that is not a success. `Ok` and `Err` of every operation separate what had an effect from what had none.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub body: Value,
}

/// One entry of `details`.
#[derive(Debug, Clone)]
pub struct Detail {
    pub issue: String,
    pub field: Option<String>,
    pub value: Option<String>,
    pub location: &'static str,
}

impl Detail {
    pub fn new(issue: &str) -> Detail {
        Detail { issue: issue.to_owned(), field: None, value: None, location: "body" }
    }

    pub fn field(issue: &str, pointer: &str, value: Option<&Value>) -> Detail {
        let value = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Detail { field: Some(pointer.to_owned()), value, ..Detail::new(issue) }
    }

    fn wire(&self, operation: &str) -> Value {
        let mut detail = json!({"issue": self.issue});
        if let Some(text) = description(operation, &self.issue) {
            detail["description"] = json!(text);
        }
        if let Some(field) = &self.field {
            detail["field"] = json!(field);
            detail["location"] = json!(self.location);
        }
        if let Some(value) = &self.value {
            detail["value"] = json!(value);
        }
        detail
    }
}

impl Refusal {
    /// 422 with one issue: the request was understood and cannot be done.
    pub fn unprocessable(operation: &str, issue: &str) -> Refusal {
        Refusal::with(operation, 422, &[Detail::new(issue)])
    }

    /// 404 for an id that doesn't exist.
    pub fn unknown_resource(operation: &str, field: &str, id: &str) -> Refusal {
        let mut detail = Detail::field("INVALID_RESOURCE_ID", field, Some(&json!(id)));
        detail.location = "path";
        Refusal::with(operation, 404, &[detail])
    }

    /// The status' own name and message, and the details given.
    pub fn with(operation: &str, status: u16, details: &[Detail]) -> Refusal {
        let (name, message) = name(status);
        let mut body = json!({"name": name, "message": message, "debug_id": super::ids::debug_id()});
        if !details.is_empty() {
            body["details"] = details.iter().map(|detail| detail.wire(operation)).collect();
        }
        if let Some(detail) = details.first() {
            body["links"] = json!([{
                "href": format!("https://developer.paypal.com/api/rest/reference/orders/v2/errors/#{}", detail.issue),
                "rel": "information_link",
                "method": "GET",
            }]);
        }
        Refusal { status, body }
    }

    /// A bare failure of the server or the gate before it: 401, 429, 500, 503.
    pub fn bare(status: u16) -> Refusal {
        Refusal::with("", status, &[])
    }

    /// The answer to `PayPal-Mock-Response` with one of the issues this operation lists; `None` for any other word.
    pub fn mocked(operation: &str, issue: &str) -> Option<Refusal> {
        match issue {
            "INTERNAL_SERVER_ERROR" => return Some(Refusal::bare(500)),
            "SERVICE_UNAVAILABLE" => return Some(Refusal::bare(503)),
            "RATE_LIMIT_REACHED" => return Some(Refusal::bare(429)),
            _ => {}
        }
        let (status, _) = listed(operation, issue)?;
        Some(Refusal::with(operation, status, &[Detail::new(issue)]))
    }
}

fn name(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => {
            ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema.")
        }
        401 => (
            "AUTHENTICATION_FAILURE",
            "Authentication failed due to missing authorization header, or invalid authentication credentials.",
        ),
        403 => ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
        404 => ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
        405 => ("METHOD_NOT_SUPPORTED", "The server does not implement the requested HTTP method."),
        409 => ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
        415 => ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
        422 => (
            "UNPROCESSABLE_ENTITY",
            "The requested action could not be performed, semantically incorrect, or failed business validation.",
        ),
        429 => ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
        503 => ("SERVICE_UNAVAILABLE", "Service Unavailable."),
        _ => ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    }
}

/// The text for an issue: this operation's, or any operation's where this one leaves it out.
fn description(operation: &str, issue: &str) -> Option<&'static str> {
    let text = listed(operation, issue).map(|(_, text)| text).or_else(|| {
        rows().find(|row| row.issue == issue && !row.description.is_empty()).map(|row| row.description)
    });
    text.filter(|text| !text.is_empty())
}

fn listed(operation: &str, issue: &str) -> Option<(u16, &'static str)> {
    rows()
        .find(|row| row.operation == operation && row.issue == issue)
        .map(|row| (row.status.parse().unwrap_or(422), row.description))
}

struct Row {
    operation: &'static str,
    status: &'static str,
    issue: &'static str,
    description: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    ISSUES.lines().filter_map(|line| {
        let mut columns = line.splitn(4, '\t');
        Some(Row {
            operation: columns.next()?,
            status: columns.next()?,
            issue: columns.next()?,
            description: columns.next()?,
        })
    })
}

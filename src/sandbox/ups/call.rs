//! One request as the operations see it, and what they give back.

use aws_lc_rs::rand;
use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::sandbox::fields::{Field, mistakes};

#[derive(Debug, Clone)]
pub struct Call {
    pub operation: &'static str,
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// What stands in the path where the route has `{}`, in its order.
    pub ids: Vec<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// UPS's own name of this call.
    pub backend_id: String,
}

/// A whole answer, but for the headers that every answer carries.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer that is not a success and had no effect.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    /// Code and message of each error.
    pub errors: Vec<(String, String)>,
    /// What stands beside `response` in some answers.
    pub beside: Option<(&'static str, Value)>,
}

pub type Outcome = Result<Reply, Refusal>;

impl Reply {
    pub fn json(value: &Value) -> Reply {
        Reply { status: 200, headers: Vec::new(), body: value.to_string().into_bytes() }
    }
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: &str) -> Refusal {
        Refusal { status, errors: vec![(code.to_owned(), message.to_owned())], beside: None }
    }

    /// 400 with each field that is not as the specification has it.
    pub fn of_fields(fields: &[String]) -> Refusal {
        let errors = fields.iter().map(|field| (INVALID.to_owned(), field.clone())).collect();
        Refusal { status: 400, errors, beside: None }
    }

    /// A bare failure of the gateway or the machine: 401, 403, 404, 429, 5xx.
    pub fn bare(status: u16) -> Refusal {
        let (code, message) = match status {
            401 => ("250002", "Invalid Authentication Information."),
            403 => ("10403", "Blocked Merchant."),
            404 => ("404", "The requested resource was not found."),
            413 => ("10413", "Request Entity Too Large."),
            429 => ("10429", "Too Many Requests"),
            503 => ("10503", "Service Unavailable"),
            _ => ("10004", "Something went wrong while processing your request, please try again later"),
        };
        Refusal::new(status, code, message)
    }

    /// The wrapper is the same everywhere but in time in transit, whose file has the errors at the top.
    pub fn reply(&self, operation: &str) -> Reply {
        let errors: Vec<Value> =
            self.errors.iter().map(|(code, message)| json!({"code": code, "message": message})).collect();
        let mut body = if operation == "transit" {
            json!({"errors": errors})
        } else {
            json!({"response": {"errors": errors}})
        };
        if let Some((name, value)) = &self.beside {
            body[*name] = value.clone();
        }
        let (code, message) = self.errors.first().cloned().unwrap_or_default();
        let readable: String = message.chars().filter(|one| matches!(one, ' '..='~')).collect();
        let headers = vec![("APIErrorCode".to_owned(), code), ("APIErrorMessage".to_owned(), readable)];
        Reply { status: self.status, headers, body: body.to_string().into_bytes() }
    }
}

/// The code of a body that can't be read at all.
const MALFORMED: &str = "10001";
/// The code of a body whose fields are not the specification's.
pub const INVALID: &str = "10002";

impl Call {
    /// A piece of the path; empty where the path has none.
    pub fn id(&self, position: usize) -> &str {
        self.ids.get(position).map_or("", String::as_str)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The path's version has to be the one that the specification names.
    pub fn expect_version(&self, version: &str) -> Result<(), Refusal> {
        if self.id(0) == version { Ok(()) } else { Err(Refusal::bare(404)) }
    }

    /// The body, which has to be JSON with the fields of a table and no others.
    pub fn object(&self, table: &[Field]) -> Result<Value, Refusal> {
        let media_type =
            self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Refusal::new(400, MALFORMED, "Content-Type must be application/json"));
        }
        let Ok(body) = serde_json::from_slice(&self.body) else {
            return Err(Refusal::new(400, MALFORMED, "The request is not well formed JSON"));
        };
        let wrong = mistakes(&body, table);
        if wrong.is_empty() { Ok(body) } else { Err(Refusal::of_fields(&wrong)) }
    }
}

/// A text of the body; empty where there is none. `pointer` is a JSON pointer.
pub fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The `Response` of a success, with the context that the request named.
pub fn success(request: &Value, alerts: &[(&str, &str)]) -> Value {
    let mut response = json!({"ResponseStatus": {"Code": "1", "Description": "Success"}});
    if !alerts.is_empty() {
        response["Alert"] =
            alerts.iter().map(|(code, text)| json!({"Code": code, "Description": text})).collect();
    }
    let context = text(request, "/Request/TransactionReference/CustomerContext");
    if !context.is_empty() {
        response["TransactionReference"] = json!({"CustomerContext": context});
    }
    response
}

/// So many random letters and digits.
pub fn letters(length: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("the system has a random source");
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

//! Klarna's error bodies: a code for programs, messages for people, and the correlation id for both.

use serde_json::{Map, Value, json};

use super::call::Reply;

/// An answer that is not a success and had no effect, unless its operation says otherwise.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub messages: Vec<String>,
    /// What some operations add: `reason`, `fraud_status`, `step_up_id` ...
    pub more: Map<String, Value>,
    /// Reports describe their errors under their own media type.
    pub content_type: &'static str,
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: &str) -> Refusal {
        Refusal {
            status,
            code: code.to_owned(),
            messages: vec![message.to_owned()],
            more: Map::new(),
            content_type: "application/json",
        }
    }

    /// 400 with every field that is wrong.
    pub fn bad_values(fields: &[String]) -> Refusal {
        let messages = fields.iter().map(|field| format!("Bad value: {field}")).collect();
        Refusal { messages, ..Refusal::new(400, "BAD_VALUE", "") }
    }

    /// 404: the thing isn't there, or is over.
    pub fn not_found(code: &str, what: &str, id: &str) -> Refusal {
        Refusal::new(404, code, &format!("{what} {id} was not found"))
    }

    /// A bare failure of the gate or the machine: 401, 429, 5xx.
    pub fn bare(operation: &str, status: u16) -> Refusal {
        let management = operation.starts_with("orders.")
            || operation.starts_with("captures.")
            || operation.starts_with("refunds.");
        let (code, message) = match status {
            400 => ("BAD_REQUEST", "The request could not be understood"),
            401 => ("UNAUTHORIZED", "The credentials are missing or wrong"),
            403 => ("PERMISSION_DENIED", "The merchant may not do this"),
            404 => ("NOT_FOUND", "There is nothing at this address"),
            409 => ("CONFLICT", "The request is in conflict with another one"),
            413 => ("REQUEST_ENTITY_TOO_LARGE", "The request is too large"),
            429 => ("TOO_MANY_REQUESTS", "Too many requests"),
            502..=504 if management => ("TEMPORARILY_UNAVAILABLE", "The service is unavailable for now"),
            502..=504 => ("SERVICE_UNAVAILABLE", "The service is unavailable for now"),
            _ => ("INTERNAL_SERVER_ERROR", "Something went wrong on our side"),
        };
        Refusal::new(status, code, message)
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Refusal {
        self.more.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub fn of_media_type(mut self, content_type: &'static str) -> Refusal {
        self.content_type = content_type;
        self
    }

    pub fn reply(&self, correlation_id: &str) -> Reply {
        let mut body = json!({
            "correlation_id": correlation_id,
            "error_code": self.code,
            "error_messages": self.messages,
        });
        for (name, value) in &self.more {
            body[name] = value.clone();
        }
        Reply::file(self.status, self.content_type, body.to_string().into_bytes())
    }
}

//! Holds recorded exchanges against the partners' own OpenAPI files.
//!
//! A [`Specification`] is one such file. [`Specification::check`] takes one HTTP exchange, finds its operation by method
//! and path, and lists every departure: of the request (path, query, headers, body) and of the answer (status, body).
//! Schemas allow unknown properties, which would let a misspelt optional field pass unseen; so field names are checked
//! too ([`fields`]), in every message of a direction that was made strict.
//!
//! The files are not part of this repository. Without them [`Specification::load`] answers `None`, and a test says so
//! loudly with [`NOT_CHECKED`] instead of passing in silence.

pub mod dhl;
pub mod document;
pub mod fields;
pub mod files;
pub mod gls;
pub mod klarna;
pub mod paypal;
pub mod uber;
pub mod ups;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use aisle::sandbox::wire;
use serde_json::{Map, Value};

use document::{Document, Operation};

/// What a test prints when the specification files are not on this machine.
pub const NOT_CHECKED: &str = "specifications not found, contract not checked";

/// One request and its answer, as they went over the wire.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Upper case.
    pub method: String,
    /// Path and query, as in the request line.
    pub target: String,
    pub request_headers: Vec<(String, String)>,
    pub request_body: Vec<u8>,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Vec<u8>,
}

impl From<&wire::Exchange> for Exchange {
    fn from(exchange: &wire::Exchange) -> Exchange {
        Exchange {
            method: exchange.method.clone(),
            target: exchange.target.clone(),
            request_headers: exchange.request_headers.clone(),
            request_body: exchange.request_body.clone(),
            status: exchange.status,
            response_headers: exchange.response_headers.clone(),
            response_body: exchange.response_body.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Request,
    Response,
}

/// One departure from the specification.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Method and path template, or the request line when no operation matches.
    pub operation: String,
    pub direction: Direction,
    /// JSON pointer into the body, or `header:Name`, `query:name`, `path:name`, `status`.
    pub pointer: String,
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Request => "request",
            Direction::Response => "response",
        };
        write!(formatter, "{} {direction} at \"{}\": {}", self.operation, self.pointer, self.message)
    }
}

/// Which operations of a file were seen by [`Specification::check`], and how often.
#[derive(Debug, Clone)]
pub struct Coverage {
    pub seen: BTreeMap<String, usize>,
    /// Number of operations in the file.
    pub operations: usize,
    /// What was let pass although the file doesn't list it, with the reason.
    pub liberties: BTreeMap<String, usize>,
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} operations", self.seen.len(), self.operations)?;
        for (operation, count) in &self.seen {
            write!(formatter, "\n  {count:>4} x {operation}")?;
        }
        for (liberty, count) in &self.liberties {
            write!(formatter, "\n  {count:>4} x let pass: {liberty}")?;
        }
        Ok(())
    }
}

/// A field that may be sent although the file doesn't name it.
#[derive(Debug, Clone, Copy)]
pub struct ExtraField {
    /// End of the JSON pointer, array positions written as `*`: `/payment_source/paypal/stored_credential`.
    pub pointer_end: &'static str,
    pub reason: &'static str,
}

/// A status that may be answered although an operation doesn't list it.
#[derive(Debug, Clone, Copy)]
pub struct ExtraStatus {
    pub status: u16,
    pub reason: &'static str,
}

/// One OpenAPI 3.0 file, ready to check exchanges.
#[derive(Debug)]
pub struct Specification {
    document: Document,
    strict: Vec<Direction>,
    extra_fields: &'static [ExtraField],
    extra_statuses: &'static [ExtraStatus],
    /// What the part `input` of a form of several parts is, which the files leave out.
    part: Value,
    seen: Mutex<BTreeMap<String, usize>>,
    liberties: Mutex<BTreeMap<String, usize>>,
}

impl Specification {
    /// Reads `path` below the folder of specifications; `None` when that folder isn't there.
    ///
    /// The folder is `AISLE_SPECS`, or else `shared/specs` beside this package. Field names are checked in requests,
    /// the messages that are ours; [`Specification::strict_both`] adds the answers.
    pub fn load(path: &str) -> Option<Specification> {
        Specification::load_repaired(path, |_| ())
    }

    /// As [`Specification::load`], with known faults of the file repaired before it is used.
    pub fn load_repaired(path: &str, repair: impl FnOnce(&mut Value)) -> Option<Specification> {
        let text = std::fs::read_to_string(document::folder()?.join(path)).ok()?;
        let mut value: Value = if Path::new(path).extension().is_some_and(|extension| extension == "json") {
            serde_json::from_str(&text).expect("a specification is valid JSON")
        } else {
            // YAML forbids tabs where some of UPS's files have them.
            serde_norway::from_str(&text.replace('\t', "  ")).expect("a specification is valid YAML")
        };
        repair(&mut value);
        Some(Specification {
            document: Document::new(value),
            strict: vec![Direction::Request],
            extra_fields: &[],
            extra_statuses: &[],
            part: Value::Null,
            seen: Mutex::default(),
            liberties: Mutex::default(),
        })
    }

    /// Checks field names in answers too: for the answers of a sandbox of ours.
    pub fn strict_both(mut self) -> Self {
        self.strict = vec![Direction::Request, Direction::Response];
        self
    }

    pub fn allowing_fields(mut self, extra: &'static [ExtraField]) -> Self {
        self.extra_fields = extra;
        self
    }

    /// Says what the part `input` of forms of several parts is.
    pub fn with_part(mut self, schema: Value) -> Self {
        self.part = schema;
        self
    }

    pub fn allowing_statuses(mut self, extra: &'static [ExtraStatus]) -> Self {
        self.extra_statuses = extra;
        self
    }

    /// Whether the file has an operation for this method and target; the query doesn't matter.
    pub fn covers(&self, method: &str, target: &str) -> bool {
        self.document.find(method, path_of(target)).is_some()
    }

    /// Everything the specification has against this exchange; empty is right.
    pub fn check(&self, exchange: &Exchange) -> Vec<Violation> {
        let Some((operation, parameters)) = self.document.find(&exchange.method, path_of(&exchange.target))
        else {
            return vec![Violation {
                operation: format!("{} {}", exchange.method, path_of(&exchange.target)),
                direction: Direction::Request,
                pointer: String::new(),
                message: "no such operation in this specification".to_owned(),
            }];
        };
        count(&self.seen, operation.name.clone());
        let mut violations = Violations { operation, direction: Direction::Request, list: Vec::new() };
        self.check_parameters(exchange, &parameters, &mut violations);
        self.check_request_body(exchange, &mut violations);
        violations.direction = Direction::Response;
        self.check_response(exchange, &mut violations);
        violations.list
    }

    /// As [`Specification::check`], for an exchange whose request was wrong on purpose: only the answer counts.
    pub fn check_answer(&self, exchange: &Exchange) -> Vec<Violation> {
        let mut violations = self.check(exchange);
        violations.retain(|violation| violation.direction == Direction::Response);
        violations
    }

    pub fn coverage(&self) -> Coverage {
        let copy = |counts: &Mutex<BTreeMap<String, usize>>| counts.lock().expect(LOCK).clone();
        Coverage {
            seen: copy(&self.seen),
            operations: self.document.operations.len(),
            liberties: copy(&self.liberties),
        }
    }

    fn check_parameters(
        &self,
        exchange: &Exchange,
        path_values: &[(String, String)],
        violations: &mut Violations<'_>,
    ) {
        let query = query_of(&exchange.target);
        for parameter in &violations.operation.parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            let place = parameter["in"].as_str().unwrap_or_default();
            let value = match place {
                "path" => path_values.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
                "query" => query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
                "header" => header(&exchange.request_headers, name),
                _ => continue,
            };
            let pointer = format!("{place}:{name}");
            match value {
                None if parameter["required"] == Value::Bool(true) => {
                    violations.add(&pointer, "is required");
                }
                None => {}
                Some(text) => {
                    let schema = &parameter["schema"];
                    let value = self.document.typed(schema, &text);
                    for (_, message) in self.document.errors(schema, &value) {
                        violations.add(&pointer, &message);
                    }
                }
            }
        }
        for (name, _) in &query {
            let known = |parameter: &Value| parameter["in"] == "query" && parameter["name"] == name.as_str();
            if !violations.operation.parameters.iter().any(known) {
                violations.add(&format!("query:{name}"), "is not a query parameter of this operation");
            }
        }
    }

    fn check_request_body(&self, exchange: &Exchange, violations: &mut Violations<'_>) {
        let Some(body) = &violations.operation.request_body else {
            return;
        };
        if exchange.request_body.is_empty() {
            if body["required"] == Value::Bool(true) {
                violations.add("", "a body is required");
            }
            return;
        }
        self.check_content(&body["content"], &exchange.request_headers, &exchange.request_body, violations);
    }

    fn check_response(&self, exchange: &Exchange, violations: &mut Violations<'_>) {
        let responses = &violations.operation.responses;
        let class = format!("{}XX", exchange.status / 100);
        let exact = responses.get(&exchange.status.to_string());
        let extra = self.extra_statuses.iter().find(|extra| extra.status == exchange.status);
        if let Some(extra) = extra.filter(|_| exact.is_none()) {
            count(&self.liberties, format!("status {}: {}", extra.status, extra.reason));
            return;
        }
        let Some(response) = exact.or_else(|| responses.get(&class)).or_else(|| responses.get("default"))
        else {
            violations.add("status", &format!("{} is not listed for this operation", exchange.status));
            return;
        };
        let content = &response["content"];
        if content.as_object().is_none_or(Map::is_empty) || exchange.response_body.is_empty() {
            if content["application/json"].is_object() {
                violations.add("", "a body is described, none was answered");
            }
            return;
        }
        self.check_content(content, &exchange.response_headers, &exchange.response_body, violations);
    }

    /// The JSON in the part `input` of a form of several parts; other parts must be in the file.
    fn input_part(
        &self,
        schema: &Value,
        content_type: &str,
        body: &[u8],
        violations: &mut Violations<'_>,
    ) -> Option<Value> {
        let boundary = content_type.split("boundary=").nth(1).unwrap_or_default();
        let text = String::from_utf8_lossy(body);
        let mut input = None;
        for part in text.split(&format!("--{boundary}")).filter(|part| part.contains("\r\n\r\n")) {
            let (head, content) = part.split_once("\r\n\r\n")?;
            let name = head.split("name=\"").nth(1)?.split('"').next()?;
            if name == "input" {
                count(&self.liberties, "part input: in PayPal's samples, the file leaves it out".to_owned());
                input = serde_json::from_str(content.trim_end()).ok();
            } else if schema["properties"].get(name).is_none() {
                violations.add(name, "no part of that name in the specification");
            }
        }
        if input.is_none() {
            violations.add("", "no form of several parts with JSON in the part input");
        }
        input
    }

    fn check_content(
        &self,
        content: &Value,
        headers: &[(String, String)],
        body: &[u8],
        violations: &mut Violations<'_>,
    ) {
        let sent = header(headers, "content-type").unwrap_or_default();
        let media_type = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(described) = content.as_object().and_then(|types| document::media(types, &media_type))
        else {
            violations.add("header:Content-Type", &format!("\"{media_type}\" is not described"));
            return;
        };
        let mut schema = &described["schema"];
        let value = if media_type == "multipart/form-data" {
            let Some(value) = self.input_part(schema, &sent, body, violations) else { return };
            schema = &self.part;
            value
        } else if media_type == "application/x-www-form-urlencoded" {
            self.document.form(schema, body)
        } else if media_type.ends_with("json") {
            match serde_json::from_slice(body) {
                Ok(value) => value,
                Err(error) => {
                    violations.add("", &format!("not JSON: {error}"));
                    return;
                }
            }
        } else {
            return;
        };
        for (pointer, message) in self.document.errors(schema, &value) {
            violations.add(&pointer, &message);
        }
        if self.strict.contains(&violations.direction) {
            for pointer in fields::unknown(&self.document.root, schema, &value) {
                let extra =
                    self.extra_fields.iter().find(|extra| fields::matches(&pointer, extra.pointer_end));
                match extra {
                    Some(extra) => count(&self.liberties, format!("{}: {}", extra.pointer_end, extra.reason)),
                    None => violations.add(&pointer, "no field of that name in the specification"),
                }
            }
        }
    }
}

struct Violations<'a> {
    operation: &'a Operation,
    direction: Direction,
    list: Vec<Violation>,
}

impl Violations<'_> {
    fn add(&mut self, pointer: &str, message: &str) {
        self.list.push(Violation {
            operation: self.operation.name.clone(),
            direction: self.direction,
            pointer: pointer.to_owned(),
            message: message.to_owned(),
        });
    }
}

const LOCK: &str = "no test panics while it holds this lock";

fn count(counts: &Mutex<BTreeMap<String, usize>>, name: String) {
    *counts.lock().expect(LOCK).entry(name).or_default() += 1;
}

fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn query_of(target: &str) -> Vec<(String, String)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

//! Holds every answer that a test gets against the API's own document, so that the document can't lie.
//!
//! A route under `/v1` must be described; an answer must have a status that its operation lists, a media type that the
//! status lists, and a body that the schema takes. Schemas are closed here: a field that is sent and not described is
//! a lie too. Each schema is compiled when it is first met.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Answer;

/// Answers that any route may give without listing them, because they come from what all routes share: a body that is
/// too large or of the wrong media type, a mistake of ours, a database that is busy, a request that took too long.
const SHARED: [StatusCode; 5] = [
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

const PROBLEM: &str = "#/components/schemas/Problem";

/// The document that the program makes of itself; made once.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_value(aisle::router::document()).expect("a document is JSON"))
}

/// Fails the test when the answer is not what the program's document promises.
#[track_caller]
pub fn check(method: &Method, path: &str, answer: &Answer) {
    static CHECKED: OnceLock<Checked> = OnceLock::new();
    if let Err(lie) = CHECKED.get_or_init(|| Checked::new(document())).check(method, path, answer) {
        let body: String = String::from_utf8_lossy(&answer.bytes).chars().take(2_000).collect();
        panic!(
            "{method} {path} answered {}, and the API's document says otherwise: {lie}\nbody: {body}",
            answer.status
        );
    }
}

/// A document with the schemas compiled so far.
pub struct Checked<'a> {
    document: &'a Value,
    /// Component schemas that are parts of an `allOf`: each part sees the fields of the others, so they stay open.
    open: HashSet<String>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl<'a> Checked<'a> {
    pub fn new(document: &'a Value) -> Self {
        let mut open = HashSet::new();
        find_open(document, document, false, &mut open);
        Self { document, open, compiled: Mutex::default() }
    }

    /// Says what is wrong with the answer, if anything is.
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) -> Result<(), String> {
        let Some((template, item)) = self.path(path) else {
            let known =
                !path.starts_with("/v1") || (answer.status == 404 && answer.json["code"] == "no_such_route");
            return if known { Ok(()) } else { Err("it has no such path".to_owned()) };
        };
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            return Ok(());
        }
        // What answers GET answers HEAD.
        let name =
            if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
        let operation = item.get(&name).ok_or_else(|| format!("{template} has no {name}"))?;
        let status = answer.status.as_str();
        let responses = &operation["responses"];
        let place = format!("{name} {template} {status}");
        let Some(response) = responses.get(status).or_else(|| responses.get("default")) else {
            if SHARED.contains(&answer.status) {
                media_type(answer, &["application/problem+json"])?;
                return self.fits("Problem", &json!({ "$ref": PROBLEM }), &answer.json);
            }
            let listed: Vec<&String> = responses.as_object().into_iter().flat_map(Map::keys).collect();
            return Err(format!("{name} {template} lists only {listed:?}"));
        };
        let response = resolve(self.document, response);
        let contents =
            response.get("content").and_then(Value::as_object).filter(|contents| !contents.is_empty());
        let Some(contents) = contents else {
            return if answer.bytes.is_empty() { Ok(()) } else { Err(format!("{place} has no body")) };
        };
        if *method == Method::HEAD {
            return Ok(());
        }
        let known: Vec<&str> = contents.keys().map(String::as_str).collect();
        let media_type = media_type(answer, &known)?;
        if !media_type.ends_with("json") {
            return Ok(());
        }
        match contents[&media_type].get("schema") {
            Some(schema) => self.fits(&format!("{place} {media_type}"), schema, &answer.json),
            None => Ok(()),
        }
    }

    /// The path that the document has for this one: of two that fit, the one with fewer parameters.
    fn path(&self, path: &str) -> Option<(&'a str, &'a Value)> {
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, _)| fits_template(template, path));
        fitting
            .min_by_key(|(template, _)| template.matches('{').count())
            .map(|(template, item)| (template.as_str(), item))
    }

    fn fits(&self, place: &str, schema: &Value, body: &Value) -> Result<(), String> {
        let known = self.compiled.lock().expect("no test panics while it compiles").get(place).cloned();
        let validator = if let Some(validator) = known {
            validator
        } else {
            let compiled =
                self.compile(schema).map_err(|error| format!("{place} has no usable schema: {error}"))?;
            let mut all = self.compiled.lock().expect("no test panics while it compiles");
            all.entry(place.to_owned()).or_insert(Arc::new(compiled)).clone()
        };
        let faults: Vec<String> = validator
            .iter_errors(body)
            .take(10)
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("{place}:\n  {}", faults.join("\n  "))) }
    }

    /// Compiles a schema together with the components that it reaches, and no others: compiling is what costs.
    fn compile(&self, schema: &Value) -> Result<Validator, String> {
        let mut reached = BTreeMap::new();
        self.reach(schema, &mut reached)?;
        let mut root = schema.clone();
        close(&mut root);
        for (name, component) in &mut reached {
            if !self.open.contains(name) {
                close(component);
            }
        }
        let root = json!({ "allOf": [root], "components": { "schemas": reached } });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        options.build(&root).map_err(|error| error.to_string())
    }

    fn reach(&self, schema: &Value, reached: &mut BTreeMap<String, Value>) -> Result<(), String> {
        for reference in references(schema) {
            let name = reference
                .strip_prefix("#/components/schemas/")
                .ok_or_else(|| format!("{reference} is no schema"))?;
            if !reached.contains_key(name) {
                let component =
                    target(self.document, reference).ok_or_else(|| format!("{reference} leads nowhere"))?;
                reached.insert(name.to_owned(), component.clone());
                self.reach(component, reached)?;
            }
        }
        Ok(())
    }
}

/// Every `$ref` of a part of the document.
pub fn references(part: &Value) -> Vec<&str> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// What a `$ref` of the document leads to.
pub fn target<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    part.get("$ref").and_then(Value::as_str).and_then(|reference| target(document, reference)).unwrap_or(part)
}

fn media_type(answer: &Answer, known: &[&str]) -> Result<String, String> {
    let sent = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if known.contains(&essence.as_str()) {
        Ok(essence)
    } else {
        Err(format!("the body is {sent:?} and not one of {known:?}"))
    }
}

fn fits_template(template: &str, path: &str) -> bool {
    let (mut known, mut sent) = (template.split('/'), path.split('/'));
    loop {
        match (known.next(), sent.next()) {
            (None, None) => return true,
            (Some(known), Some(sent)) if fits_segment(known, sent) => {}
            _ => return false,
        }
    }
}

/// A segment is a word, or a parameter with fixed text around it.
fn fits_segment(known: &str, sent: &str) -> bool {
    match (known.find('{'), known.rfind('}')) {
        (Some(start), Some(end)) => {
            let (before, after) = (&known[..start], &known[end + 1..]);
            sent.len() > before.len() + after.len() && sent.starts_with(before) && sent.ends_with(after)
        }
        _ => known == sent,
    }
}

/// Gathers the components that are parts of an `allOf`, also by way of a reference or an alternative.
fn find_open(document: &Value, part: &Value, inside: bool, open: &mut HashSet<String>) {
    match part {
        Value::Object(fields) => {
            if inside
                && let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                && let Some(name) = reference.strip_prefix("#/components/schemas/")
                && open.insert(name.to_owned())
                && let Some(component) = target(document, reference)
            {
                find_open(document, component, true, open);
            }
            for (key, value) in fields {
                let alternative = key == "oneOf" || key == "anyOf";
                find_open(document, value, key == "allOf" || (inside && alternative), open);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_open(document, item, inside, open)),
        _ => {}
    }
}

/// Lets an object have only the fields that are described.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("allOf") {
                // The parts see each other's fields; what none of them knows is refused.
                fields.entry("unevaluatedProperties").or_insert(Value::Bool(false));
            } else if fields.contains_key("properties")
                && !fields.contains_key("oneOf")
                && !fields.contains_key("anyOf")
            {
                fields.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            for (key, value) in fields.iter_mut() {
                match key.as_str() {
                    "allOf" | "example" | "examples" | "default" | "enum" | "const" => {}
                    "properties" => {
                        value.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(close);
                    }
                    _ => close(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

//! One OpenAPI 3.0 document: its operations by method and path, and validators for its schemas.
//!
//! OpenAPI 3.0 schemas are draft 4 with one word more, `nullable`, which is rewritten to a type union on loading.
//! Validators are built when first needed and kept: building one takes up to 0.2 seconds unoptimised.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// The folder of specifications, when it is there: `AISLE_SPECS`, or `shared/specs` beside this package or one above.
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("AISLE_SPECS") {
        return Some(PathBuf::from(folder)).filter(|folder| folder.is_dir());
    }
    let around = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).take(2);
    around.map(|above| above.join("shared/specs")).find(|folder| folder.is_dir())
}

#[derive(Debug)]
pub struct Operation {
    /// Upper-case method and path template, as the file writes it.
    pub name: String,
    method: String,
    segments: Vec<String>,
    /// Path and operation parameters, references resolved.
    pub parameters: Vec<Value>,
    pub request_body: Option<Value>,
    /// By status; references resolved.
    pub responses: Map<String, Value>,
}

pub struct Document {
    pub root: Value,
    pub operations: Vec<Operation>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Document").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}

impl Document {
    pub fn new(mut root: Value) -> Document {
        join_nullable(&mut root);
        let base = base_path(&root);
        let mut operations = Vec::new();
        for (path, item) in root["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    operations.push(read_operation(&root, &base, path, item, method, operation));
                }
            }
        }
        Document { root, operations, validators: Mutex::new(HashMap::new()) }
    }

    /// The operation for a path, and the values of its path parameters. Literal segments win over parameters.
    pub fn find(&self, method: &str, path: &str) -> Option<(&Operation, Vec<(String, String)>)> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        self.operations
            .iter()
            .filter(|operation| operation.method.eq_ignore_ascii_case(method))
            .filter_map(|operation| Some((operation, match_segments(&operation.segments, &segments)?)))
            .min_by_key(|(_, values)| values.len())
    }

    /// JSON pointer and message of everything a schema has against a value.
    pub fn errors(&self, schema: &Value, value: &Value) -> Vec<(String, String)> {
        if schema.is_null() {
            return Vec::new();
        }
        let validator = self.validator(schema);
        validator
            .iter_errors(value)
            .map(|error| (error.instance_path().to_string(), shorten(&error.masked().to_string())))
            .collect()
    }

    /// A parameter's text as the type its schema asks for, so that it can be checked.
    pub fn typed(&self, schema: &Value, text: &str) -> Value {
        let schema = resolve(&self.root, schema);
        match schema["type"].as_str() {
            Some("integer" | "number") => {
                serde_json::from_str(text).ok().filter(Value::is_number).unwrap_or_else(|| json!(text))
            }
            Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), Value::Bool),
            Some("array") => {
                text.split(',').map(|part| self.typed(&schema["items"], part)).collect::<Vec<_>>().into()
            }
            _ => json!(text),
        }
    }

    /// A form body as an object, its values typed by the schema's properties.
    pub fn form(&self, schema: &Value, body: &[u8]) -> Value {
        let schema = resolve(&self.root, schema);
        url::form_urlencoded::parse(body)
            .map(|(name, text)| (name.to_string(), self.typed(&schema["properties"][name.as_ref()], &text)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no test panics while it holds this lock");
        let entry = validators.entry(schema.to_string()).or_insert_with(|| {
            let whole = json!({"allOf": [schema], "components": self.root["components"], "paths": self.root["paths"]});
            Arc::new(jsonschema::draft4::options().build(&whole).expect("a specification's schema is valid"))
        });
        Arc::clone(entry)
    }
}

/// Follows `$ref` until something else is reached. Only references into the same document are known.
pub fn resolve<'a>(root: &'a Value, mut value: &'a Value) -> &'a Value {
    const REFERENCE_DEPTH_MAX: usize = 16;
    for _ in 0..REFERENCE_DEPTH_MAX {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return value;
        };
        value = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).unwrap_or(&Value::Null);
    }
    value
}

/// The description of a media type: by its name, else any JSON for a JSON type, else a wildcard.
pub fn media<'a>(types: &'a Map<String, Value>, media_type: &str) -> Option<&'a Value> {
    let name = |key: &str| key.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    types
        .iter()
        .find(|(key, _)| name(key) == media_type)
        .or_else(|| types.iter().find(|(key, _)| name(key) == "*/*"))
        .map(|(_, value)| value)
}

fn read_operation(
    root: &Value,
    base: &str,
    path: &str,
    item: &Value,
    method: &str,
    operation: &Value,
) -> Operation {
    let parameters = [&item["parameters"], &operation["parameters"]]
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .map(|parameter| resolve(root, parameter).clone())
        .collect();
    let responses = operation["responses"].as_object().into_iter().flatten();
    Operation {
        name: format!("{} {path}", method.to_uppercase()),
        method: method.to_owned(),
        segments: full_path(base, path).trim_matches('/').split('/').map(str::to_owned).collect(),
        parameters,
        request_body: operation.get("requestBody").map(|body| resolve(root, body).clone()),
        responses: responses.map(|(status, value)| (status.clone(), resolve(root, value).clone())).collect(),
    }
}

/// The path part of the first server, which stands before every path of the file.
fn base_path(root: &Value) -> String {
    let server = root["servers"][0]["url"].as_str().unwrap_or_default();
    let path = url::Url::parse(server).map_or_else(|_| server.to_owned(), |url| url.path().to_owned());
    path.trim_end_matches('/').to_owned()
}

/// PayPal's file of reports says the server's path once more in each path.
fn full_path(base: &str, path: &str) -> String {
    let is_said_again = !base.is_empty() && path.starts_with(&format!("{base}/"));
    if is_said_again { path.to_owned() } else { format!("{base}{path}") }
}

fn match_segments(template: &[String], segments: &[&str]) -> Option<Vec<(String, String)>> {
    if template.len() != segments.len() {
        return None;
    }
    let mut values = Vec::new();
    for (expected, actual) in template.iter().zip(segments) {
        if let Some(name) = expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            values.push((name.to_owned(), (*actual).to_owned()));
        } else if expected != actual {
            return None;
        }
    }
    Some(values)
}

/// `nullable: true` beside a type becomes a union with `null`; beside anything else an alternative.
fn join_nullable(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(join_nullable),
        Value::Object(object) => {
            object.values_mut().for_each(join_nullable);
            if object.get("nullable") != Some(&Value::Bool(true)) {
                return;
            }
            object.remove("nullable");
            if let Some(kind) = object.get("type").cloned() {
                object.insert("type".to_owned(), json!([kind, "null"]));
                if let Some(Value::Array(allowed)) = object.get_mut("enum") {
                    allowed.push(Value::Null);
                }
            } else {
                let schema = Value::Object(std::mem::take(object));
                object.insert("anyOf".to_owned(), json!([schema, {"enum": [null]}]));
            }
        }
        _ => {}
    }
}

/// Messages of long enumerations are cut: the pointer says where to look.
fn shorten(message: &str) -> String {
    const MESSAGE_CHARACTERS_MAX: usize = 400;
    message.chars().take(MESSAGE_CHARACTERS_MAX).collect()
}

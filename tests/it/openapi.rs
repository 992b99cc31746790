//! The API's document: the committed file is what the program makes, what it says is whole, and a lie is found.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::support::Answer;
use crate::support::openapi::{Checked, document, references, target};

/// Operations that take no credentials, each with the reason why.
const PUBLIC: &[(&str, &str)] = &[
    ("post /v1/auth/guest", "who signs in has no token yet"),
    ("post /v1/auth/refresh", "the refresh token in the body is the credential"),
    ("post /v1/auth/staff", "name and password in the body are the credential"),
    ("post /v1/auth/sign-out", "the refresh token in the body is the credential"),
    ("get /.well-known/jwks.json", "public keys are public"),
    ("post /v1/webhooks/delivery/{courier}", "the courier signs the body"),
    ("get /follow/{code}", "the code that nobody guesses"),
    ("get /follow/{code}/events", "the code that nobody guesses"),
    ("post /v1/webhooks/payments/paypal", "the provider signs the body"),
    (
        "get /v1/payment-methods/{id}/return",
        "the shopper's browser comes back from the provider without a token",
    ),
    ("get /v1/payments/{id}/return", "the shopper's browser comes back from the provider without a token"),
    (
        "post /v1/payments/{id}/callback/{secret}",
        "the provider proves itself by the secret of the address, and is only taken as a hint",
    ),
    (
        "post /v1/payment-methods/{id}/callback/{secret}",
        "the provider proves itself by the secret of the address, and is only taken as a hint",
    ),
    ("get /v1/orders/{order}/receipt", "the signed key in the address is the credential"),
];

/// The methods that a path may have; its other fields are no operations.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

#[test]
fn the_committed_document_is_what_the_program_makes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let made = format!("{}\n", aisle::router::document().to_pretty_json().expect("a document is JSON"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &made).expect("the document is written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let same = committed.lines().zip(made.lines()).take_while(|(old, new)| old == new).count();
    assert!(
        committed == made,
        "openapi/openapi.json differs from line {} on. If the API was meant to change:\n  \
         UPDATE=1 cargo nextest run -E 'test(the_committed_document)'",
        same + 1
    );
}

#[test]
fn the_document_is_whole() {
    let faults = faults(document());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_document_with_holes_is_found() {
    let document = json!({
        "components": { "securitySchemes": { "shopper": {} } },
        "paths": { "/v1/carts/{cart}": { "get": {
            "parameters": [{ "in": "path", "name": "basket" }],
            "responses": {
                "404": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Gone" } } } },
            },
        } } },
    });
    assert_eq!(
        faults(&document),
        [
            "#/components/schemas/Gone leads nowhere",
            "get /v1/carts/{cart}: has no operation id of its own",
            "get /v1/carts/{cart}: has no summary: the first line of the handler's doc comment",
            "get /v1/carts/{cart}: {cart} is not described",
            "get /v1/carts/{cart}: {basket} is described and not in the path",
            "get /v1/carts/{cart}: has no good answer",
            "get /v1/carts/{cart}: 404 is not the Problem in application/problem+json",
            "get /v1/carts/{cart}: takes no credentials and is not on the list of public operations",
        ]
    );
}

#[test]
fn an_answer_that_the_document_does_not_promise_is_found() {
    let document = promised();
    let checked = Checked::new(&document);
    let check = |path: &str, status: u16, media_type: &'static str, body: &Value| {
        checked.check(&Method::GET, path, &answer(status, media_type, body)).err().unwrap_or_default()
    };
    let cart =
        json!({ "id": "0198c0de-0000-7000-8000-000000000001", "version": 1, "store": { "name": "a" } });
    assert_eq!(check("/v1/carts/1", 200, "application/json; charset=utf-8", &cart), "");
    assert_eq!(check("/v1/carts/1", 503, "application/problem+json", &json!({ "code": "overloaded" })), "");
    assert_eq!(
        check("/v1/nothing", 404, "application/problem+json", &json!({ "code": "no_such_route" })),
        ""
    );
    assert_eq!(check("/metrics", 200, "text/plain", &Value::Null), "");
    for (path, status, media_type, field, value, expected) in [
        ("/v1/nothing", 200, "application/json", "", json!(0), "no such path"),
        ("/v1/carts/1/lines", 200, "application/json", "", json!(0), "no such path"),
        ("/v1/carts/1", 201, "application/json", "", json!(0), "lists only [\"200\"]"),
        ("/v1/carts/1", 200, "text/html", "", json!(0), "not one of"),
        ("/v1/carts/1", 200, "application/json", "version", json!("1"), "\"/version\""),
        ("/v1/carts/1", 200, "application/json", "id", json!("1"), "uuid"),
        ("/v1/carts/1", 200, "application/json", "colour", json!("red"), "'colour' was unexpected"),
        (
            "/v1/carts/1",
            200,
            "application/json",
            "store",
            json!({ "name": "a", "size": 1 }),
            "'size' was unexpected",
        ),
    ] {
        let mut body = cart.clone();
        if !field.is_empty() {
            body[field] = value;
        }
        let found = check(path, status, media_type, &body);
        assert!(found.contains(expected), "{path} {status} {field}: {found:?} has no {expected:?}");
    }
}

fn answer(status: u16, media_type: &'static str, body: &Value) -> Answer {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    let status = StatusCode::from_u16(status).expect("a status");
    Answer { status, headers, bytes: body.to_string().into_bytes(), json: body.clone() }
}

/// A small document: a cart that is made of parts, one of them by reference.
fn promised() -> Value {
    let cart = json!({ "$ref": "#/components/schemas/Cart" });
    json!({
        "paths": { "/v1/carts/{cart}": { "get": {
            "responses": { "200": { "content": { "application/json": { "schema": cart } } } },
        } } },
        "components": { "schemas": {
            "Problem": { "type": "object", "properties": { "code": { "type": "string" } }, "required": ["code"] },
            "Store": { "type": "object", "properties": { "name": { "type": "string" } } },
            "Head": { "type": "object", "properties": {
                "id": { "type": "string", "format": "uuid" }, "store": { "$ref": "#/components/schemas/Store" },
            } },
            "Cart": { "allOf": [
                { "$ref": "#/components/schemas/Head" },
                { "type": "object", "properties": { "version": { "type": "integer", "format": "int64" } } },
            ] },
        } },
    })
}

/// What the document leaves open, a line each.
fn faults(document: &Value) -> Vec<String> {
    let mut faults: Vec<String> = references(document)
        .into_iter()
        .filter(|reference| target(document, reference).is_none())
        .map(|reference| format!("{reference} leads nowhere"))
        .collect();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in METHODS.iter().filter_map(|method| Some((method, item.get(*method)?))) {
            let place = format!("{method} {path}");
            let mut own = Vec::new();
            if !operation["operationId"].as_str().is_some_and(|id| ids.insert(id)) {
                own.push("has no operation id of its own".to_owned());
            }
            if operation["summary"].as_str().is_none_or(str::is_empty) {
                own.push("has no summary: the first line of the handler's doc comment".to_owned());
            }
            parameters(path, item, operation, &mut own);
            responses(operation, &mut own);
            security(document, &place, operation, &mut own);
            faults.extend(own.into_iter().map(|fault| format!("{place}: {fault}")));
        }
    }
    faults
}

fn parameters(path: &str, item: &Value, operation: &Value, faults: &mut Vec<String>) {
    let in_path: BTreeSet<&str> =
        path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    let described: BTreeSet<&str> = [item, operation]
        .into_iter()
        .filter_map(|part| part["parameters"].as_array())
        .flatten()
        .filter(|parameter| parameter["in"] == "path")
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    faults.extend(in_path.difference(&described).map(|name| format!("{{{name}}} is not described")));
    faults.extend(
        described.difference(&in_path).map(|name| format!("{{{name}}} is described and not in the path")),
    );
}

fn responses(operation: &Value, faults: &mut Vec<String>) {
    let responses: Vec<(&String, &Value)> =
        operation["responses"].as_object().into_iter().flat_map(Map::iter).collect();
    // A page that sends the browser on is a good answer too.
    if !responses.iter().any(|(status, _)| status.starts_with(['2', '3'])) {
        faults.push("has no good answer".to_owned());
    }
    let problem =
        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    for (status, response) in responses {
        let mut content = response["content"].clone();
        for media_type in content.as_object_mut().into_iter().flat_map(Map::values_mut) {
            // Examples are welcome beside the schema.
            *media_type = json!({ "schema": media_type["schema"] });
        }
        if status.starts_with(['4', '5']) && content != problem {
            faults.push(format!("{status} is not the Problem in application/problem+json"));
        }
    }
}

fn security(document: &Value, place: &str, operation: &Value, faults: &mut Vec<String>) {
    let empty = Vec::new();
    let wanted = operation.get("security").or_else(|| document.get("security")).and_then(Value::as_array);
    let wanted = wanted.unwrap_or(&empty);
    // One empty way in is enough to come in without credentials.
    let open = wanted.is_empty() || wanted.iter().any(|way| way.as_object().is_none_or(Map::is_empty));
    let listed = PUBLIC.iter().any(|(public, _)| *public == place);
    match (open, listed) {
        (true, false) => {
            faults.push("takes no credentials and is not on the list of public operations".to_owned());
        }
        (false, true) => faults.push("takes credentials and is on the list of public operations".to_owned()),
        _ => {}
    }
    let names = wanted.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let unknown = names.filter(|name| document["components"]["securitySchemes"].get(name.as_str()).is_none());
    faults.extend(unknown.map(|name| format!("{name} is no security scheme")));
    if !open && operation["responses"].get("401").is_none() {
        faults.push("takes credentials and does not list 401".to_owned());
    }
}

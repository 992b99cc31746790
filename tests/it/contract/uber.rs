//! Uber Direct's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `couriers/uber-direct/SOURCE.md` of the folder of specifications, with their known faults.

use std::sync::OnceLock;

use aisle::sandbox::uber;
use serde_json::{Value, json};

use super::files::{self, Files};
use super::{Exchange, ExtraField, ExtraStatus, Specification};

const FIELDS: &[ExtraField] = &[
    ExtraField { pointer_end: "/test_specifications", reason: "in Uber's guide to robot couriers" },
    ExtraField {
        pointer_end: "/cancelation_reason",
        reason: "in Uber's guide on cancellations, younger than the file",
    },
];

const STATUSES: &[ExtraStatus] = &[
    ExtraStatus { status: 400, reason: "a login without grant or scope; the login's file lists no refusal" },
    ExtraStatus { status: 401, reason: "wrong credentials; login and proof leave it out" },
    ExtraStatus { status: 402, reason: "a customer who owes money; some operations leave it out" },
    ExtraStatus { status: 403, reason: "a customer who may not order; some operations leave it out" },
    ExtraStatus { status: 404, reason: "no such operation" },
    ExtraStatus { status: 408, reason: "a request that timed out; only some operations list it" },
    ExtraStatus { status: 429, reason: "too many calls; only some operations list it" },
    ExtraStatus { status: 500, reason: "a failure on order; the login leaves it out" },
    ExtraStatus { status: 502, reason: "a failure on order" },
    ExtraStatus { status: 503, reason: "a failure on order; the login leaves it out" },
];

/// Uber's files, read once per process; `None` when they are not on this machine. The third, on organisations, is no part of
/// a delivery.
pub fn specifications() -> Option<&'static Files> {
    static ALL: OnceLock<Option<Files>> = OnceLock::new();
    ALL.get_or_init(load).as_ref()
}

/// Fails when any exchange that the sandbox recorded departs from Uber's files, requests and answers alike.
#[track_caller]
pub fn assert_kept(sandbox: &uber::Sandbox) {
    files::assert_kept(specifications(), sandbox.exchanges());
}

fn load() -> Option<Files> {
    let file = |name: &str, repair: fn(&mut Value)| {
        let path = format!("couriers/uber-direct/{name}-openapi.yaml");
        let file = Specification::load_repaired(&path, repair)?;
        Some(file.strict_both().allowing_fields(FIELDS).allowing_statuses(STATUSES))
    };
    let files = vec![("login", file("auth", |_| ())?), ("deliveries", file("deliveries", repair)?)];
    Some(Files::new(files, was_refused))
}

fn was_refused(exchange: &Exchange) -> bool {
    exchange.status == 400
}

/// The known faults of the deliveries: a type that does not exist, two lists written as one element, and the names of
/// wrong fields in the metadata of a refusal, which the file's own examples have and its schema does not.
fn repair(root: &mut Value) {
    no_timestamps(root);
    let schemas = &mut root["components"]["schemas"];
    for answer in ["GetDeliveryResp", "CreateDeliveryResp", "DeliveryResp"] {
        for list in ["manifest_items", "related_deliveries"] {
            let element = &mut schemas[answer]["properties"][list];
            assert!(element["$ref"].is_string(), "{list} is not there to be repaired");
            *element = json!({ "type": "array", "items": element.clone() });
        }
    }
    schemas["ErrorWithMetadata"]["properties"]["metadata"]["additionalProperties"] =
        json!({ "type": "string" });
}

fn no_timestamps(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(no_timestamps),
        Value::Object(object) => {
            if object.get("type") == Some(&json!("timestamp")) {
                object.insert("type".to_owned(), json!("string"));
            }
            object.values_mut().for_each(no_timestamps);
        }
        _ => {}
    }
}

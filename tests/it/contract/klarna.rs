//! Klarna's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `klarna/SOURCE.md` of the folder of specifications, with their known faults.

use std::sync::OnceLock;

use aisle::sandbox::klarna;
use serde_json::{Value, json};

use super::files::{self, Files};
use super::{Exchange, ExtraField, ExtraStatus, Specification};

const FIELDS: &[ExtraField] = &[
    ExtraField { pointer_end: "/step_up", reason: "in Klarna's guide to step-up, younger than the file" },
    ExtraField { pointer_end: "/step_up_id", reason: "in Klarna's guide to step-up, younger than the file" },
];

const STATUSES: &[ExtraStatus] = &[
    ExtraStatus { status: 400, reason: "in Klarna's guide on errors; order management lists none" },
    ExtraStatus { status: 401, reason: "wrong credentials; most files leave it out" },
    ExtraStatus { status: 403, reason: "in Klarna's guide on errors; some operations leave it out" },
    ExtraStatus { status: 404, reason: "an unknown id; some operations leave it out" },
    ExtraStatus { status: 409, reason: "an idempotency key used twice; some operations leave it out" },
    ExtraStatus { status: 415, reason: "a body of another media type; no file lists it" },
    ExtraStatus { status: 429, reason: "in Klarna's guide on rate limits; no file lists it" },
    ExtraStatus { status: 500, reason: "in Klarna's guide on errors; no file lists it" },
    ExtraStatus { status: 503, reason: "in Klarna's guide on errors; most files leave it out" },
];

/// Klarna's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static Files> {
    static ALL: OnceLock<Option<Files>> = OnceLock::new();
    ALL.get_or_init(load).as_ref()
}

/// Fails when any exchange that the sandbox recorded departs from Klarna's files, requests and answers alike.
#[track_caller]
pub fn assert_kept(sandbox: &klarna::Sandbox) {
    files::assert_kept(specifications(), sandbox.exchanges());
}

fn load() -> Option<Files> {
    let file = |name: &str, repair: fn(&mut Value)| {
        let file = Specification::load_repaired(&format!("klarna/{name}-openapi.yml"), repair)?;
        Some(file.strict_both().allowing_fields(FIELDS).allowing_statuses(STATUSES))
    };
    let whole = |_: &mut Value| ();
    let files = vec![
        ("payments", file("klarna-payments-api", whole)?),
        ("customer tokens", file("klarna-customer-token-api", whole)?),
        ("hosted payment page", file("hosted-payment-page-api", whole)?),
        ("order management", file("order-management-api", repair_order_management)?),
        ("settlements", file("klarna-settlements-api", whole)?),
    ];
    Some(Files::new(files, was_refused))
}

fn was_refused(exchange: &Exchange) -> bool {
    exchange.status == 400
}

/// The known faults of order management: a scheme that isn't defined, types joined to one, lists of null, names with
/// spaces, which no reference may hold; and one more: answers of 201 and 204 that the file gives a text as their body,
/// which 204 can't have and neither has.
fn repair_order_management(root: &mut Value) {
    root["components"]["securitySchemes"]["basicAuth"] = json!({"type": "http", "scheme": "basic"});
    let joined = "/components/schemas/order_line/properties/type/enum";
    if let Some(Value::Array(names)) = root.pointer_mut(joined)
        && let [Value::String(text)] = names.as_slice()
    {
        *names = text.trim().split('|').map(|name| json!(name)).collect();
    }
    drop_null_enums(root);
    let schemas = root["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let renamed = schemas.into_iter().map(|(name, schema)| (name.replace(' ', "_"), schema));
    root["components"]["schemas"] = renamed.collect();
    close_references(root);
    for operation in root["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        for described in operation.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            for status in ["201", "204"] {
                let content = described.pointer_mut(&format!("/responses/{status}"));
                if let Some(response) = content.and_then(Value::as_object_mut) {
                    response.remove("content");
                }
            }
        }
    }
}

fn close_references(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(close_references),
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref") {
                *reference = reference.replace(' ', "_");
            }
            object.values_mut().for_each(close_references);
        }
        _ => {}
    }
}

fn drop_null_enums(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_null_enums),
        Value::Object(object) => {
            if object.get("enum") == Some(&json!([null])) {
                object.remove("enum");
            }
            object.values_mut().for_each(drop_null_enums);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::super::NOT_CHECKED;
    use super::*;

    fn exchange(method: &str, target: &str, request: &Value, status: u16, response: &Value) -> Exchange {
        let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let bytes = |value: &Value| if value.is_null() { Vec::new() } else { value.to_string().into_bytes() };
        Exchange {
            method: method.to_owned(),
            target: target.to_owned(),
            request_headers: json.clone(),
            request_body: bytes(request),
            status,
            response_headers: json,
            response_body: bytes(response),
        }
    }

    #[test]
    fn every_kind_of_mistake_is_found() {
        let Some(files) = specifications() else {
            eprintln!("{NOT_CHECKED}");
            return;
        };
        let found = |exchange: &Exchange| {
            let violations = files.check_one(exchange);
            violations.into_iter().map(|one| (one.direction, one.pointer)).collect::<Vec<_>>()
        };
        let line = json!({"name": "Milk", "quantity": 1, "unit_price": 100, "total_amount": 100, "type": "physical"});
        let order = json!({"order_amount": 100, "order_tax_amount": 0, "purchase_currency": "EUR", "order_lines": [line]});
        let answer =
            json!({"order_id": "1", "fraud_status": "ACCEPTED", "redirect_url": "https://a.example"});
        let target = "/customer-token/v1/tokens/1/order";
        assert_eq!(found(&exchange("POST", target, &order, 200, &answer)), []);
        let mut misspelt = order.clone();
        misspelt["order_lines"][0]["tax"] = json!(1);
        let at = |direction, pointer: &str| vec![(direction, pointer.to_owned())];
        let wrong = found(&exchange("POST", target, &misspelt, 200, &answer));
        assert_eq!(wrong, at(Direction::Request, "/order_lines/0/tax"));

        let capture = json!({"captured_amount": 100, "order_lines": [{"name": "Milk", "quantity": 1, "unit_price": 100,
            "total_amount": 100, "type": "physical"}]});
        let target = "/ordermanagement/v1/orders/1/captures";
        assert_eq!(found(&exchange("POST", target, &capture, 201, &Value::Null)), []);
        let mut other = capture.clone();
        other["order_lines"][0]["type"] = json!("milk");
        let wrong = found(&exchange("POST", target, &other, 201, &Value::Null));
        assert!(!wrong.is_empty() && wrong.iter().all(|(_, at)| at == "/order_lines/0/type"), "{wrong:?}");
        let none = Value::Null;
        let wrong = exchange("GET", "/ordermanagement/v1/orders/1", &none, 200, &json!({"status": "PAID"}));
        assert_eq!(found(&wrong), at(Direction::Response, "/status"));
        let target = "/settlements/v1/payouts?size=501";
        let page = json!({"payouts": [], "pagination": {"count": 0}});
        assert_eq!(found(&exchange("GET", target, &none, 200, &page)), at(Direction::Request, "query:size"));
    }
}

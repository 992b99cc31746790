//! PayPal's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `paypal/SOURCE.md` of the folder of specifications, with their known faults.

use serde_json::{Value, json};

use super::files::Files;
use super::{Exchange, ExtraField, ExtraStatus, Specification};

const FIELDS: &[ExtraField] = &[
    ExtraField {
        pointer_end: "/payment_source/paypal/stored_credential",
        reason: "in PayPal's SDK 2.5.0, younger than the file",
    },
    ExtraField {
        pointer_end: "/payment_source/paypal/usage_pattern",
        reason: "in PayPal's samples of setup tokens, younger than the file",
    },
    ExtraField {
        pointer_end: "/customer/merchant_customer_id",
        reason: "in PayPal's samples of setup tokens, younger than the file",
    },
];

const STATUSES: &[ExtraStatus] =
    &[ExtraStatus { status: 429, reason: "in PayPal's guide on rate limits; no file lists it" }];

const VAULT_STATUSES: &[ExtraStatus] = &[
    ExtraStatus {
        status: 401,
        reason: "every call answers it without a token; the vault file leaves it out",
    },
    ExtraStatus { status: 409, reason: "two calls under one request id; the vault file leaves it out" },
    ExtraStatus { status: 429, reason: "in PayPal's guide on rate limits; no file lists it" },
    ExtraStatus { status: 503, reason: "in PayPal's guide on errors; the vault file leaves it out" },
];

const DISPUTE_STATUSES: &[ExtraStatus] =
    &[ExtraStatus { status: 429, reason: "in PayPal's guide on rate limits; no file lists it" }];

/// PayPal's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static Files> {
    static ALL: std::sync::OnceLock<Option<Files>> = std::sync::OnceLock::new();
    ALL.get_or_init(load).as_ref()
}

fn load() -> Option<Files> {
    let ours = |file: Specification| file.strict_both().allowing_fields(FIELDS).allowing_statuses(STATUSES);
    let vault = Specification::load_repaired("paypal/vault_payment_tokens_v3.json", add_setup_token_type)?;
    let notifications =
        Specification::load_repaired("paypal/notifications_webhooks_v1.json", allow_hyphens_in_event_ids)?;
    let disputes = Specification::load("paypal/customer_disputes_v1.json")?.with_part(json!({
        "type": "object",
        "properties": {
            "evidences": {"type": "array", "items": {"$ref": "#/components/schemas/evidence"}},
            "note": {"type": "string", "minLength": 1, "maxLength": 2000},
            "accept_claim_type": {"$ref": "#/components/schemas/accept_claim_type"},
        },
    }));
    let files = vec![
        ("orders", ours(Specification::load("paypal/checkout_orders_v2.json")?)),
        ("payments", ours(Specification::load("paypal/payments_payment_v2.json")?)),
        ("vault", ours(vault).allowing_statuses(VAULT_STATUSES)),
        ("notifications", ours(notifications)),
        ("disputes", ours(disputes).allowing_statuses(DISPUTE_STATUSES)),
        ("reporting", ours(Specification::load("paypal/reporting_transactions_v1.json")?)),
    ];
    Some(Files::new(files, was_refused))
}

fn was_refused(exchange: &Exchange) -> bool {
    exchange.status == 400
}

/// Real requests send `SETUP_TOKEN`, and so do PayPal's newer SDKs; the file knows `BILLING_AGREEMENT` alone.
fn add_setup_token_type(root: &mut Value) {
    let allowed = root.pointer_mut("/components/schemas/token_id_request/properties/type/enum");
    if let Some(Value::Array(allowed)) = allowed {
        allowed.push(json!("SETUP_TOKEN"));
    }
}

/// Event ids begin with `WH-`, in the file's own examples too, but its pattern for them has no hyphen.
fn allow_hyphens_in_event_ids(root: &mut Value) {
    if let Some(pattern) = root.pointer_mut("/components/parameters/event_id/schema/pattern") {
        *pattern = json!("^[a-zA-Z0-9-]+$");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Direction, NOT_CHECKED};
    use super::*;

    fn order_exchange(request: &Value, status: u16, response: &Value) -> Exchange {
        let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Exchange {
            method: "POST".to_owned(),
            target: "/v2/checkout/orders".to_owned(),
            request_headers: json.clone(),
            request_body: request.to_string().into_bytes(),
            status,
            response_headers: json,
            response_body: response.to_string().into_bytes(),
        }
    }

    fn found(request: &Value, status: u16, response: &Value) -> Vec<(Direction, String)> {
        let files = specifications().expect("checked by the caller");
        let violations = files.check_one(&order_exchange(request, status, response));
        violations.into_iter().map(|violation| (violation.direction, violation.pointer)).collect()
    }

    #[test]
    fn every_kind_of_mistake_in_an_order_is_found() {
        if specifications().is_none() {
            eprintln!("{NOT_CHECKED}");
            return;
        }
        let good = json!({"intent": "CAPTURE", "purchase_units": [{"amount": {"currency_code": "EUR", "value": "1.00"}}]});
        let answer = json!({"id": "5O190127TN364715T", "status": "CREATED"});
        assert_eq!(found(&good, 201, &answer), []);

        let mut misspelt = good.clone();
        misspelt["purchase_units"][0]["invoiceId"] = json!("1");
        let at = |direction, pointer: &str| vec![(direction, pointer.to_owned())];
        assert_eq!(found(&misspelt, 201, &answer), at(Direction::Request, "/purchase_units/0/invoiceId"));

        let mut wrong = good.clone();
        wrong["purchase_units"][0]["amount"]["value"] = json!(1);
        assert_eq!(found(&wrong, 201, &answer), at(Direction::Request, "/purchase_units/0/amount/value"));

        let state = json!({"id": "5O190127TN364715T", "status": "PAID"});
        assert_eq!(found(&good, 201, &state), at(Direction::Response, "/status"));

        let mut extra = answer.clone();
        extra["state"] = json!("CREATED");
        assert_eq!(found(&good, 201, &extra), at(Direction::Response, "/state"));

        let issue = json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "NO_SUCH_ISSUE"}]});
        assert_eq!(found(&good, 422, &issue), at(Direction::Response, "/details/0"));
    }
}

//! PayPal's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `paypal/SOURCE.md` of the folder of specifications, with their known faults.

use aisle::sandbox::paypal;
use serde_json::{Value, json};

use super::{Coverage, Exchange, ExtraField, ExtraStatus, Specification, Violation};

const FIELDS: &[ExtraField] = &[
    ExtraField {
        pointer_end: "/payment_source/paypal/stored_credential",
        reason: "in PayPal's SDK 2.5.0, younger than the file",
    },
];

const STATUSES: &[ExtraStatus] = &[
    ExtraStatus { status: 401, reason: "every call answers it without a token; the vault file leaves it out" },
    ExtraStatus { status: 409, reason: "two calls under one request id; only void and refund list it" },
    ExtraStatus { status: 429, reason: "in PayPal's guide on rate limits; no file lists it" },
    ExtraStatus { status: 503, reason: "in PayPal's guide on errors; the vault file leaves it out" },
];

/// The four files whose operations we use.
#[derive(Debug)]
pub struct PayPal {
    files: Vec<(&'static str, Specification)>,
}

/// PayPal's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static PayPal> {
    static ALL: std::sync::OnceLock<Option<PayPal>> = std::sync::OnceLock::new();
    ALL.get_or_init(PayPal::load).as_ref()
}

impl PayPal {
    fn load() -> Option<PayPal> {
        let plain = |path: &str| Some(prepare(Specification::load(path)?));
        let vault = Specification::load_repaired("paypal/vault_payment_tokens_v3.json", add_setup_token_type)?;
        Some(PayPal {
            files: vec![
                ("orders", plain("paypal/checkout_orders_v2.json")?),
                ("payments", plain("paypal/payments_payment_v2.json")?),
                ("vault", prepare(vault)),
                ("notifications", plain("paypal/notifications_webhooks_v1.json")?),
            ],
        })
    }

    /// Everything the files have against these exchanges. The token endpoint and the sandbox's own pages are in no file.
    pub fn check(&self, exchanges: &[paypal::Exchange]) -> Vec<Violation> {
        exchanges.iter().flat_map(|exchange| self.check_one(&Exchange::from(exchange))).collect()
    }

    pub fn check_one(&self, exchange: &Exchange) -> Vec<Violation> {
        let file = self.files.iter().find(|(_, file)| file.covers(&exchange.method, &exchange.target));
        file.map_or_else(Vec::new, |(_, file)| {
            // A request that was refused as malformed was wrong on purpose, or the refusal is the finding.
            if exchange.status == 400 { file.check_answer(exchange) } else { file.check(exchange) }
        })
    }

    pub fn coverage(&self) -> Vec<(&'static str, Coverage)> {
        self.files.iter().map(|(name, file)| (*name, file.coverage())).collect()
    }
}

impl From<&paypal::Exchange> for Exchange {
    fn from(exchange: &paypal::Exchange) -> Exchange {
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

fn prepare(file: Specification) -> Specification {
    file.strict_both().allowing_fields(FIELDS).allowing_statuses(STATUSES)
}

/// Real requests send SETUP_TOKEN, and so do PayPal's newer SDKs; the file knows BILLING_AGREEMENT alone.
fn add_setup_token_type(root: &mut Value) {
    let allowed = root.pointer_mut("/components/schemas/token_id_request/properties/type/enum");
    if let Some(Value::Array(allowed)) = allowed {
        allowed.push(json!("SETUP_TOKEN"));
    }
}

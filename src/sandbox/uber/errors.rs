//! Refusals, in Uber's words: `{code, message, kind, metadata?}`.

use serde_json::{Value, json};

use crate::sandbox::host::{Reply, What, Wrong};

/// Code, status and message, as the file's examples have them.
const KNOWN: [(&str, u16, &str); 28] = [
    ("invalid_params", 400, "The parameters of your request were invalid."),
    ("address_undeliverable", 400, "The specified location is not in a deliverable area."),
    (
        "address_undeliverable_limited_couriers",
        400,
        "The specified location is not in a deliverable area at this time because all couriers are currently busy.",
    ),
    ("unknown_location", 400, "The specified location was not understood."),
    ("pickup_window_too_small", 400, "The pickup window needs to be at least 10 minutes long."),
    (
        "dropoff_deadline_too_early",
        400,
        "The dropoff deadline needs to be at least 20 minutes after the dropoff ready time.",
    ),
    (
        "dropoff_deadline_before_pickup_deadline",
        400,
        "The dropoff deadline needs to be after the pickup deadline.",
    ),
    (
        "dropoff_ready_after_pickup_deadline",
        400,
        "The dropoff ready time needs to be at or before the pickup deadline.",
    ),
    ("pickup_ready_too_early", 400, "The pickup ready time cannot be in the past."),
    ("pickup_deadline_too_early", 400, "The pickup deadline time needs to be at least 20 minutes from now."),
    ("pickup_ready_too_late", 400, "The pickup ready time needs to be within the next 30 days."),
    ("expired_quote", 400, "The price quote specified has expired."),
    ("used_quote", 400, "The price quote specified has been used."),
    ("mismatched_price_quote", 400, "Quote mismatch, please recreate the quote."),
    ("noncancelable_delivery", 400, "Delivery cannot be cancelled"),
    ("max_tip_exceeded", 400, "Max tip exceeded."),
    ("tip_already_recorded_error", 400, "Tip already updated."),
    ("no_tip", 400, "no_tip."),
    ("invalid_tipping_state", 400, "Tip cannot be updated in the current job state."),
    ("customer_suspended", 402, "Your account is passed due. Payment is required."),
    ("customer_blocked", 403, "Your account is not allowed to create deliveries."),
    ("customer_not_found", 404, "Customer does not exist."),
    ("delivery_not_found", 404, "The requested delivery does not exist."),
    ("request_timeout", 408, "The request timed out…"),
    ("duplicate_delivery", 409, "An active delivery like this already exists."),
    ("customer_limited", 429, "Your account’s limits have been exceeded."),
    ("couriers_busy", 503, "All of our couriers are currently busy."),
    ("service_unavailable", 503, "Service is currently unavailable."),
];

/// A refusal by its code.
pub fn refusal(code: &str) -> Reply {
    with_metadata(code, None)
}

/// Only a refused delivery has metadata.
pub fn with_metadata(code: &str, metadata: Option<&Value>) -> Reply {
    let (_, status, message) = KNOWN.iter().find(|(known, _, _)| *known == code).unwrap_or(&KNOWN[0]);
    let mut body = json!({ "code": code, "message": message, "kind": "error" });
    if let Some(metadata) = metadata {
        body["metadata"] = metadata.clone();
    }
    Reply::json(*status, &body)
}

/// The token is missing, revoked or too old.
pub fn unauthorized() -> Reply {
    Reply::json(401, &json!({ "code": "unauthorized", "message": "Invalid OAuth 2.0 credentials provided." }))
}

/// A refusal by its status alone, for failures on order.
pub fn bare(status: u16) -> Reply {
    match status {
        401 => unauthorized(),
        402 => refusal("customer_suspended"),
        403 => refusal("customer_blocked"),
        404 => refusal("delivery_not_found"),
        408 => refusal("request_timeout"),
        429 => refusal("customer_limited"),
        503 => refusal("service_unavailable"),
        status => {
            let body =
                json!({ "code": "internal_server_error", "message": "We have experienced a problem." });
            Reply::json(status, &body)
        }
    }
}

/// What is wrong with each field.
pub fn fields(wrongs: &[Wrong]) -> Value {
    let mut metadata = json!({});
    for wrong in wrongs {
        let text = match &wrong.what {
            What::Missing => "This field is required.".to_owned(),
            What::Kind(kind) => format!("has to be {kind}"),
            What::TooLong(most) => format!("has to have at most {most} characters or elements"),
            What::Value(reason) => reason.clone(),
            What::Unknown => "is not a known field".to_owned(),
        };
        metadata[wrong.path.as_str()] = json!(text);
    }
    metadata
}

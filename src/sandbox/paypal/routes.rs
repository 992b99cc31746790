//! Which operation a method and path mean, and which function does it.

use axum::http::Method;

use super::call::{Answer, Call, Outcome};
use super::errors::Refusal;
use super::state::State;
use super::{disputes, notifications, orders, payments, reports, tracking, vault};

/// Operation names, as faults and `issues.tsv` use them. `{}` is the one id of a path.
const ROUTES: [(&str, &str, &str); 30] = [
    ("POST", "/v1/oauth2/token", "oauth.token"),
    ("POST", "/v3/vault/setup-tokens", "vault.setup"),
    ("GET", "/v3/vault/setup-tokens/{}", "vault.setup_get"),
    ("POST", "/v3/vault/payment-tokens", "vault.token"),
    ("GET", "/v3/vault/payment-tokens", "vault.token_list"),
    ("GET", "/v3/vault/payment-tokens/{}", "vault.token_get"),
    ("DELETE", "/v3/vault/payment-tokens/{}", "vault.token_delete"),
    ("POST", "/v2/checkout/orders", "orders.create"),
    ("GET", "/v2/checkout/orders/{}", "orders.get"),
    ("POST", "/v2/checkout/orders/{}/capture", "orders.capture"),
    ("POST", "/v2/checkout/orders/{}/authorize", "orders.authorize"),
    ("POST", "/v2/checkout/orders/{}/track", "orders.track"),
    ("GET", "/v2/payments/authorizations/{}", "authorizations.get"),
    ("POST", "/v2/payments/authorizations/{}/capture", "authorizations.capture"),
    ("POST", "/v2/payments/authorizations/{}/reauthorize", "authorizations.reauthorize"),
    ("POST", "/v2/payments/authorizations/{}/void", "authorizations.void"),
    ("GET", "/v2/payments/captures/{}", "captures.get"),
    ("POST", "/v2/payments/captures/{}/refund", "captures.refund"),
    ("GET", "/v2/payments/refunds/{}", "refunds.get"),
    ("GET", "/v1/customer/disputes", "disputes.list"),
    ("GET", "/v1/customer/disputes/{}", "disputes.get"),
    ("POST", "/v1/customer/disputes/{}/provide-evidence", "disputes.evidence"),
    ("POST", "/v1/customer/disputes/{}/accept-claim", "disputes.accept"),
    ("GET", "/v1/reporting/transactions", "reporting.transactions"),
    ("GET", "/v1/reporting/balances", "reporting.balances"),
    ("GET", "/v1/notifications/webhooks-events", "webhooks.list"),
    ("GET", "/v1/notifications/webhooks-events/{}", "webhooks.get"),
    ("POST", "/v1/notifications/webhooks-events/{}/resend", "webhooks.resend"),
    ("POST", "/v1/notifications/verify-webhook-signature", "webhooks.verify"),
    ("GET", "/v1/notifications/certs/{}", "webhooks.certificate"),
];

/// The operation and the id in its path; `None` for what isn't PayPal's API. What would be PayPal's but isn't here is
/// the operation `unknown`, which answers 404.
pub fn find(method: &Method, path: &str) -> Option<(&'static str, String)> {
    let found = ROUTES
        .iter()
        .filter(|(wanted, _, _)| method.as_str() == *wanted)
        .find_map(|(_, template, operation)| Some((*operation, match_path(template, path)?)));
    let ours = path.starts_with("/v1/") || path.starts_with("/v2/") || path.starts_with("/v3/");
    found.or_else(|| ours.then(|| ("unknown", path.to_owned())))
}

pub fn operate(state: &mut State, call: &Call) -> Outcome {
    match call.operation {
        "vault.setup" => vault::create_setup_token(state, call),
        "vault.setup_get" => vault::get_setup_token(state, call),
        "vault.token" => vault::create_payment_token(state, call),
        "vault.token_list" => vault::list_payment_tokens(state, call),
        "vault.token_get" => vault::get_payment_token(state, call),
        "vault.token_delete" => Ok(vault::delete_payment_token(state, call)),
        "orders.create" => orders::create(state, call),
        "orders.get" => orders::get(state, call),
        "orders.capture" => orders::capture(state, call),
        "orders.authorize" => orders::authorize(state, call),
        "orders.track" => tracking::track(state, call),
        "authorizations.get" => payments::get_authorization(state, call),
        "authorizations.capture" => payments::capture(state, call),
        "authorizations.reauthorize" => payments::reauthorize(state, call),
        "authorizations.void" => payments::void(state, call),
        "captures.get" => payments::get_capture(state, call),
        "captures.refund" => payments::refund(state, call),
        "refunds.get" => payments::get_refund(state, call),
        "disputes.list" => disputes::list(state, call),
        "disputes.get" => disputes::get(state, call),
        "disputes.evidence" => disputes::provide_evidence(state, call),
        "disputes.accept" => disputes::accept_claim(state, call),
        "reporting.transactions" => reports::transactions(state, call),
        "reporting.balances" => Ok(reports::balances(state, call)),
        "webhooks.list" => notifications::list(state, call),
        "webhooks.get" => notifications::get(state, call),
        "webhooks.resend" => notifications::resend(state, call),
        "webhooks.verify" => notifications::verify(state, call),
        "webhooks.certificate" => certificate(state, call),
        _ => Err(Refusal::with(call.operation, 404, &[])),
    }
}

fn certificate(state: &mut State, call: &Call) -> Outcome {
    let keys = state.keys();
    if keys.certificate_name == call.id {
        Ok(Answer::json(200, keys.chain_pem().into()))
    } else {
        Err(call.unknown_resource("certificate"))
    }
}

fn match_path(template: &str, path: &str) -> Option<String> {
    match template.split_once("{}") {
        None => (template == path).then(String::new),
        Some((before, after)) => {
            let id = path.strip_prefix(before)?.strip_suffix(after)?;
            (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
        }
    }
}

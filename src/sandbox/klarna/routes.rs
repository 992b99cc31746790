//! Which operation a method and path mean, and which function does it.

use axum::http::Method;

use super::call::{Call, Outcome};
use super::errors::Refusal;
use super::state::State;
use super::{authorizations, captures, hosted, management, refunds, reports, sessions, settlements, tokens};

/// Operation names, as faults use them. `{}` is an id. A path that is spelt out stands before one with an id.
const ROUTES: [(&str, &str, &str); 39] = [
    ("POST", "/payments/v1/sessions", "sessions.create"),
    ("GET", "/payments/v1/sessions/{}", "sessions.read"),
    ("POST", "/payments/v1/sessions/{}", "sessions.update"),
    ("DELETE", "/payments/v1/authorizations/{}", "authorizations.cancel"),
    ("POST", "/payments/v1/authorizations/{}/order", "authorizations.order"),
    ("POST", "/payments/v1/authorizations/{}/customer-token", "authorizations.customer_token"),
    ("GET", "/customer-token/v1/tokens/{}", "tokens.read"),
    ("PATCH", "/customer-token/v1/tokens/{}/status", "tokens.status"),
    ("POST", "/customer-token/v1/tokens/{}/order", "tokens.order"),
    ("POST", "/hpp/v1/sessions", "hpp.create"),
    ("GET", "/hpp/v1/sessions/{}", "hpp.read"),
    ("DELETE", "/hpp/v1/sessions/{}", "hpp.disable"),
    ("POST", "/hpp/v1/sessions/{}/distribution", "hpp.distribute"),
    ("GET", "/ordermanagement/v1/orders/{}", "orders.get"),
    ("POST", "/ordermanagement/v1/orders/{}/acknowledge", "orders.acknowledge"),
    ("PATCH", "/ordermanagement/v1/orders/{}/authorization", "orders.authorization"),
    ("POST", "/ordermanagement/v1/orders/{}/cancel", "orders.cancel"),
    ("PATCH", "/ordermanagement/v1/orders/{}/customer-details", "orders.customer_details"),
    ("POST", "/ordermanagement/v1/orders/{}/extend-authorization-time", "orders.extend"),
    ("PATCH", "/ordermanagement/v1/orders/{}/merchant-references", "orders.merchant_references"),
    ("POST", "/ordermanagement/v1/orders/{}/release-remaining-authorization", "orders.release"),
    ("POST", "/ordermanagement/v1/orders/{}/shipping-info", "orders.shipping_info"),
    ("POST", "/ordermanagement/v1/orders/{}/captures", "captures.create"),
    ("GET", "/ordermanagement/v1/orders/{}/captures", "captures.list"),
    ("GET", "/ordermanagement/v1/orders/{}/captures/{}", "captures.get"),
    ("PATCH", "/ordermanagement/v1/orders/{}/captures/{}/extend-due-date", "captures.extend_due_date"),
    ("GET", "/ordermanagement/v1/orders/{}/captures/{}/extend-due-date-options", "captures.due_date_options"),
    ("POST", "/ordermanagement/v1/orders/{}/captures/{}/shipping-info", "captures.shipping_info"),
    ("POST", "/ordermanagement/v1/orders/{}/captures/{}/trigger-send-out", "captures.send_out"),
    ("POST", "/ordermanagement/v1/orders/{}/refunds", "refunds.create"),
    ("GET", "/ordermanagement/v1/orders/{}/refunds/{}", "refunds.get"),
    ("GET", "/settlements/v1/payouts/summary", "settlements.summary"),
    ("GET", "/settlements/v1/payouts", "settlements.payouts"),
    ("GET", "/settlements/v1/payouts/{}", "settlements.payout"),
    ("GET", "/settlements/v1/transactions", "settlements.transactions"),
    ("GET", "/settlements/v1/reports/payout-with-transactions", "reports.payout_csv"),
    ("GET", "/settlements/v1/reports/payout", "reports.payout_pdf"),
    ("GET", "/settlements/v1/reports/payouts-summary-with-transactions", "reports.summary_csv"),
    ("GET", "/settlements/v1/reports/payouts-summary", "reports.summary_pdf"),
];

/// Where Klarna's own APIs begin.
const OURS: [&str; 5] = ["/payments/", "/customer-token/", "/hpp/v1/", "/ordermanagement/", "/settlements/"];

/// The operation and the ids in its path; `None` for what isn't Klarna's API. What would be Klarna's but isn't here is
/// the operation `unknown`, which answers 404.
pub fn find(method: &Method, path: &str) -> Option<(&'static str, Vec<String>)> {
    let found = ROUTES
        .iter()
        .filter(|(wanted, _, _)| method.as_str() == *wanted)
        .find_map(|(_, template, operation)| Some((*operation, ids(template, path)?)));
    let ours = OURS.iter().any(|start| path.starts_with(start));
    found.or_else(|| ours.then(|| ("unknown", Vec::new())))
}

pub fn operate(state: &mut State, call: &Call) -> Outcome {
    match call.operation {
        "sessions.create" => sessions::create(state, call),
        "sessions.read" => sessions::read(state, call),
        "sessions.update" => sessions::update(state, call),
        "authorizations.cancel" => authorizations::cancel(state, call),
        "authorizations.order" => authorizations::place(state, call),
        "authorizations.customer_token" => authorizations::make_token(state, call),
        "tokens.read" => tokens::read(state, call),
        "tokens.status" => tokens::set_status(state, call),
        "tokens.order" => tokens::charge(state, call),
        "hpp.create" => hosted::create(state, call),
        "hpp.read" => hosted::read(state, call),
        "hpp.disable" => hosted::disable(state, call),
        "hpp.distribute" => hosted::distribute(state, call),
        "orders.get" => management::get(state, call),
        "orders.acknowledge" => management::acknowledge(state, call),
        "orders.authorization" => management::change_amount(state, call),
        "orders.cancel" => management::cancel(state, call),
        "orders.customer_details" => management::change_address(state, call),
        "orders.extend" => management::extend(state, call),
        "orders.merchant_references" => management::change_references(state, call),
        "orders.release" => management::release(state, call),
        "orders.shipping_info" => management::add_shipping(state, call),
        "captures.create" => captures::create(state, call),
        "captures.list" => captures::list(state, call),
        "captures.get" => captures::get(state, call),
        "captures.extend_due_date" => captures::extend_due_date(state, call),
        "captures.due_date_options" => captures::due_date_options(state, call),
        "captures.shipping_info" => captures::add_shipping(state, call),
        "captures.send_out" => captures::send_again(state, call),
        "refunds.create" => refunds::create(state, call),
        "refunds.get" => refunds::get(state, call),
        "settlements.summary" => settlements::summary(state, call),
        "settlements.payouts" => settlements::payouts(state, call),
        "settlements.payout" => settlements::payout(state, call),
        "settlements.transactions" => settlements::transactions(state, call),
        "reports.payout_csv" => reports::payout_csv(state, call),
        "reports.payout_pdf" => reports::payout_pdf(state, call),
        "reports.summary_csv" => reports::summary_csv(state, call),
        "reports.summary_pdf" => reports::summary_pdf(state, call),
        _ => Err(Refusal::bare(call.operation, 404)),
    }
}

/// The ids of a path that fits the template.
fn ids(template: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted {
            "{}" if !given.is_empty() => ids.push(given.to_owned()),
            _ if wanted == given => {}
            _ => return None,
        }
    }
    Some(ids)
}

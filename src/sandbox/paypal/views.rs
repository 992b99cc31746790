//! The JSON of every object, in full and in the minimal form.

use serde_json::{Value, json};

use super::books::{
    Authorization, Capture, CaptureStatus, Object, Order, OrderStatus, Payer, PaymentToken, Refund,
    RefundStatus, Saving, SetupToken, Unit,
};
use super::state::State;
use super::{disputes, ids, tracking, vault};

/// The shop as PayPal shows it in `payee`.
const MERCHANT_ID: &str = "A23SANDB2XSH8";
const MERCHANT_EMAIL: &str = "shop@merchant.example.com";

/// An object in full; `None` when it isn't in the books.
pub fn full(state: &State, object: &Object) -> Option<Value> {
    let books = &state.books;
    match object {
        Object::SetupToken(id) => books.setup_tokens.get(id).map(|token| setup_token(state, token)),
        Object::PaymentToken(id) => books.payment_tokens.get(id).map(|token| payment_token(state, token)),
        Object::Order(id) => books.orders.get(id).map(|order| self::order(state, order)),
        Object::Authorization(id) => books.authorizations.get(id).map(|one| authorization(state, one, true)),
        Object::Capture(id) => books.captures.get(id).map(|one| capture(state, one, true)),
        Object::Refund(id) => books.refunds.get(id).map(|one| refund(state, one)),
        Object::Dispute(id) => books.disputes.get(id).map(|one| disputes::view(state, one)),
    }
}

/// The fields that `return=minimal` leaves.
pub fn minimal(full: &Value) -> Value {
    let mut minimal = json!({});
    for name in ["id", "status", "status_details", "links"] {
        if let Some(value) = full.get(name) {
            minimal[name] = value.clone();
        }
    }
    minimal
}

pub fn link(href: &str, rel: &str, method: &str) -> Value {
    json!({"href": href, "rel": rel, "method": method})
}

/// A name made of the e-mail address: the sandbox asks for no other.
pub fn name(payer: &Payer) -> Value {
    let local = payer.email.split(['@', '+']).next().unwrap_or_default();
    let mut parts = local.split(['.', '_', '-']).filter(|part| !part.is_empty()).map(capitalised);
    let given = parts.next().unwrap_or_else(|| "Test".to_owned());
    json!({"given_name": given, "surname": parts.next().unwrap_or_else(|| "Payer".to_owned())})
}

pub fn setup_token(state: &State, token: &SetupToken) -> Value {
    let url = &state.url;
    let mut links = vec![link(&format!("{url}/v3/vault/setup-tokens/{}", token.id), "self", "GET")];
    match token.payer {
        None => {
            let page = format!("{}/agreements/approve?approval_session_id={}", state.pages_url(), token.id);
            links.push(link(&page, "approve", "GET"));
        }
        Some(_) => links.push(link(&format!("{url}/v3/vault/payment-tokens"), "confirm", "POST")),
    }
    json!({
        "id": token.id,
        "customer": token.customer,
        "status": token.status,
        "payment_source": {"paypal": vault::wallet(&token.paypal, token.payer.as_ref())},
        "links": links,
    })
}

pub fn payment_token(state: &State, token: &PaymentToken) -> Value {
    let own = format!("{}/v3/vault/payment-tokens/{}", state.url, token.id);
    json!({
        "id": token.id,
        "customer": token.customer,
        "payment_source": {"paypal": vault::wallet(&token.paypal, Some(&token.payer))},
        "links": [link(&own, "self", "GET"), link(&own, "delete", "DELETE")],
    })
}

pub fn order(state: &State, order: &Order) -> Value {
    let mut view = json!({
        "id": order.id,
        "intent": order.intent,
        "status": order.status,
        "purchase_units": order.units.iter().enumerate().map(|(index, one)| unit(state, order, index, one)).collect::<Vec<_>>(),
        "create_time": ids::time(order.create_time),
        "update_time": ids::time(order.update_time),
        "links": order_links(state, order),
    });
    if let Some(payer) = &order.payer {
        view["payment_source"] = json!({"paypal": {
            "email_address": payer.email,
            "account_id": payer.account_id,
            "account_status": "VERIFIED",
            "name": name(payer),
            "address": {"country_code": "DE"},
        }});
        if let Some(saving) = order.saving.as_ref().filter(|_| order.status == OrderStatus::Completed) {
            view["payment_source"]["paypal"]["attributes"] = json!({"vault": saved(state, saving)});
        }
        view["payer"] = json!({
            "email_address": payer.email,
            "payer_id": payer.account_id,
            "name": name(payer),
            "address": {"country_code": "DE"},
        });
    } else if order.wallet_named {
        view["payment_source"] = json!({"paypal": {}});
    }
    view
}

/// What came of the wish to save an account: approved until it is saved.
fn saved(state: &State, saving: &Saving) -> Value {
    match &saving.token {
        Some(token) => {
            let own = format!("{}/v3/vault/payment-tokens/{token}", state.url);
            json!({
                "id": token,
                "status": "VAULTED",
                "customer": saving.customer,
                "links": [link(&own, "self", "GET"), link(&own, "delete", "DELETE")],
            })
        }
        None => json!({"status": "APPROVED"}),
    }
}

fn order_links(state: &State, order: &Order) -> Vec<Value> {
    let own = format!("{}/v2/checkout/orders/{}", state.url, order.id);
    let mut links = vec![link(&own, "self", "GET")];
    let page = format!("{}/checkoutnow?token={}", state.pages_url(), order.id);
    let finish = match order.intent {
        super::books::Intent::Capture => "capture",
        super::books::Intent::Authorize => "authorize",
    };
    match order.status {
        OrderStatus::PayerActionRequired => links.push(link(&page, "payer-action", "GET")),
        OrderStatus::Created => {
            links.push(link(&page, "approve", "GET"));
            links.push(link(&own, "update", "PATCH"));
            links.push(link(&format!("{own}/{finish}"), finish, "POST"));
        }
        OrderStatus::Approved => {
            links.push(link(&own, "update", "PATCH"));
            links.push(link(&format!("{own}/{finish}"), finish, "POST"));
        }
        OrderStatus::Completed | OrderStatus::Voided => {}
    }
    links
}

fn unit(state: &State, order: &Order, index: usize, unit: &Unit) -> Value {
    let mut view = json!({
        "reference_id": unit.request["reference_id"].as_str().unwrap_or("default"),
        "amount": unit.request["amount"],
        "payee": payee(),
    });
    for name in [
        "description",
        "custom_id",
        "invoice_id",
        "soft_descriptor",
        "items",
        "shipping",
        "supplementary_data",
    ] {
        if let Some(value) = unit.request.get(name) {
            view[name] = value.clone();
        }
    }
    if !order.trackers.is_empty() {
        let trackers = order.trackers.iter().map(|one| tracking::view(state, order, one));
        view["shipping"]["trackers"] = trackers.collect();
    }
    let books = &state.books;
    let mut payments = json!({});
    let mut add = |name: &str, list: Vec<Value>| {
        if !list.is_empty() {
            payments[name] = Value::Array(list);
        }
    };
    let ours = |order_id: &str, unit: usize| order_id == order.id && unit == index;
    let authorizations = books.authorizations.values().filter(|one| ours(&one.order_id, one.unit));
    add("authorizations", authorizations.map(|one| authorization(state, one, false)).collect());
    let captures = || books.captures.values().filter(|one| ours(&one.order_id, one.unit));
    add("captures", captures().map(|one| capture(state, one, false)).collect());
    let refunds = books.refunds.values().filter(|refund| captures().any(|one| one.id == refund.capture_id));
    add("refunds", refunds.map(|one| refund(state, one)).collect());
    if payments.as_object().is_some_and(|payments| !payments.is_empty()) {
        view["payments"] = payments;
    }
    view
}

/// `alone` adds what only the Payments API shows.
pub fn authorization(state: &State, one: &Authorization, alone: bool) -> Value {
    let own = format!("{}/v2/payments/authorizations/{}", state.url, one.id);
    let mut view = json!({
        "id": one.id,
        "status": one.status,
        "amount": one.amount.wire(),
        "seller_protection": seller_protection(),
        "expiration_time": ids::time(one.expiration_time),
        "create_time": ids::time(one.create_time),
        "update_time": ids::time(one.update_time),
        "links": [
            link(&own, "self", "GET"),
            link(&format!("{own}/capture"), "capture", "POST"),
            link(&format!("{own}/void"), "void", "POST"),
            link(&format!("{own}/reauthorize"), "reauthorize", "POST"),
            link(&format!("{}/v2/checkout/orders/{}", state.url, one.order_id), "up", "GET"),
        ],
    });
    if let Some(unit) = state.books.orders.get(&one.order_id).and_then(|order| order.units.get(one.unit)) {
        add_references(&mut view, unit.invoice_id.as_deref(), unit.custom_id.as_deref());
    }
    if alone {
        view["payee"] = payee();
        view["supplementary_data"] = json!({"related_ids": {"order_id": one.order_id}});
    }
    view
}

/// `alone` adds what only the Payments API shows.
pub fn capture(state: &State, one: &Capture, alone: bool) -> Value {
    let own = format!("{}/v2/payments/captures/{}", state.url, one.id);
    let (up, up_id) = match &one.authorization_id {
        Some(id) => ("payments/authorizations", id),
        None => ("checkout/orders", &one.order_id),
    };
    let mut view = json!({
        "id": one.id,
        "status": one.status,
        "amount": one.amount.wire(),
        "final_capture": one.final_capture,
        "seller_protection": seller_protection(),
        "create_time": ids::time(one.create_time),
        "update_time": ids::time(one.update_time),
        "links": [
            link(&own, "self", "GET"),
            link(&format!("{own}/refund"), "refund", "POST"),
            link(&format!("{}/v2/{up}/{up_id}", state.url), "up", "GET"),
        ],
    });
    add_references(&mut view, one.invoice_id.as_deref(), one.custom_id.as_deref());
    match one.status {
        CaptureStatus::Pending => view["status_details"] = json!({"reason": "PENDING_REVIEW"}),
        CaptureStatus::Declined if one.reversal.is_some() => {
            view["status_details"] = json!({"reason": "CHARGEBACK"});
        }
        CaptureStatus::Declined => {}
        _ => {
            let fee = fee(one.amount.minor);
            view["seller_receivable_breakdown"] = json!({
                "gross_amount": one.amount.wire(),
                "paypal_fee": one.amount.with(fee).wire(),
                "net_amount": one.amount.with(one.amount.minor - fee).wire(),
            });
        }
    }
    if alone {
        view["payee"] = payee();
        let mut related = json!({"order_id": one.order_id});
        if let Some(id) = &one.authorization_id {
            related["authorization_id"] = json!(id);
        }
        view["supplementary_data"] = json!({"related_ids": related});
    }
    view
}

pub fn refund(state: &State, one: &Refund) -> Value {
    let total = state.books.refunded_minor(&one.capture_id);
    let mut view = json!({
        "id": one.id,
        "status": one.status,
        "amount": one.amount.wire(),
        "seller_payable_breakdown": {
            "gross_amount": one.amount.wire(),
            "paypal_fee": one.amount.with(0).wire(),
            "net_amount": one.amount.wire(),
            "total_refunded_amount": one.amount.with(total).wire(),
        },
        "create_time": ids::time(one.create_time),
        "update_time": ids::time(one.update_time),
        "links": [
            link(&format!("{}/v2/payments/refunds/{}", state.url, one.id), "self", "GET"),
            link(&format!("{}/v2/payments/captures/{}", state.url, one.capture_id), "up", "GET"),
        ],
    });
    if one.status == RefundStatus::Pending {
        view["status_details"] = json!({"reason": "ECHECK"});
    }
    add_references(&mut view, one.invoice_id.as_deref(), one.custom_id.as_deref());
    if let Some(note) = &one.note_to_payer {
        view["note_to_payer"] = json!(note);
    }
    view
}

fn add_references(view: &mut Value, invoice_id: Option<&str>, custom_id: Option<&str>) {
    if let Some(id) = invoice_id {
        view["invoice_id"] = json!(id);
    }
    if let Some(id) = custom_id {
        view["custom_id"] = json!(id);
    }
}

fn payee() -> Value {
    json!({"email_address": MERCHANT_EMAIL, "merchant_id": MERCHANT_ID})
}

fn seller_protection() -> Value {
    json!({"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]})
}

/// 2.49 % and 35 minor units, but never more than the amount: near enough to be worth showing.
pub fn fee(minor: i64) -> i64 {
    (minor.saturating_mul(249) / 10_000 + 35).min(minor)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

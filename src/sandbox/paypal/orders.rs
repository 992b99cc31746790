//! Orders v2: create, read, capture, authorize.
//!
//! An order that names a saved account (`vault_id`) is charged at once, so its creation answers the outcome. Any other
//! order waits for its payer, and is captured or authorized after the approval.

use super::amounts::Amount;
use super::books::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Intent, Object, Order, OrderStatus, Payer,
    Unit,
};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::errors::{Detail, Refusal};
use super::order_request::{self, Wallet};
use super::payers::Behaviour;
use super::state::State;
use super::{disputes, ids, vault, webhooks};

/// How long an authorization can be captured.
const AUTHORIZATION_LIFETIME_DAYS: i64 = 29;

pub fn create(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    let (intent, units) = order_request::read(&mut checks, &body);
    let wallet = order_request::wallet(&mut checks, &body, units.len());
    checks.finish()?;
    if body.get("payment_source").is_some() && call.header("paypal-request-id").is_none() {
        return Err(Refusal::with(call.operation, 400, &[Detail::new("PAYPAL_REQUEST_ID_REQUIRED")]));
    }
    let now = state.now();
    let mut order = Order {
        id: ids::transaction_id(),
        intent,
        status: OrderStatus::Created,
        units,
        payer: None,
        wallet_named: wallet.is_some(),
        return_url: None,
        cancel_url: None,
        saving: None,
        trackers: Vec::new(),
        create_time: now,
        update_time: now,
    };
    let Some(wallet) = wallet else {
        return Ok(insert(state, order, Vec::new()));
    };
    order.return_url.clone_from(&wallet.return_url);
    order.cancel_url.clone_from(&wallet.cancel_url);
    order.saving = wallet.saving.clone().filter(|_| wallet.vault_id.is_none());
    order.status = OrderStatus::PayerActionRequired;
    let Some(payer) = saved_payer(state, call, &wallet)? else {
        return Ok(insert(state, order, Vec::new()));
    };
    let asks = payer.behaviour() == Behaviour::Action;
    order.payer = Some(payer);
    if asks {
        return Ok(insert(state, order, Vec::new()));
    }
    let payments = charge(state, call, &mut order)?;
    Ok(insert(state, order, payments))
}

pub fn get(state: &State, call: &Call) -> Outcome {
    if state.books.orders.contains_key(&call.id) {
        Ok(Answer::full(200, Object::Order(call.id.clone())))
    } else {
        Err(call.unknown_resource("id"))
    }
}

pub fn capture(state: &mut State, call: &Call) -> Outcome {
    finish(state, call, Intent::Capture)
}

pub fn authorize(state: &mut State, call: &Call) -> Outcome {
    finish(state, call, Intent::Authorize)
}

fn finish(state: &mut State, call: &Call, intent: Intent) -> Outcome {
    let body = call.object()?;
    let mut order = state.books.orders.get(&call.id).cloned().ok_or_else(|| call.unknown_resource("id"))?;
    if order.intent != intent {
        return Err(call.unprocessable("ACTION_DOES_NOT_MATCH_INTENT"));
    }
    let mut checks = Checks::new(call.operation);
    let wallet = order_request::wallet(&mut checks, &body, order.units.len());
    checks.finish()?;
    match order.status {
        OrderStatus::Approved => {}
        OrderStatus::Completed if intent == Intent::Capture => {
            return Err(call.unprocessable("ORDER_ALREADY_CAPTURED"));
        }
        OrderStatus::Completed => return Err(call.unprocessable("ORDER_ALREADY_AUTHORIZED")),
        OrderStatus::PayerActionRequired if order.payer.is_some() => {
            return Err(call.unprocessable("PAYER_ACTION_REQUIRED"));
        }
        OrderStatus::Created | OrderStatus::PayerActionRequired | OrderStatus::Voided => {
            let payer = match &wallet {
                Some(wallet) => saved_payer(state, call, wallet)?,
                None => None,
            };
            let Some(payer) = payer else {
                return Err(call.unprocessable("ORDER_NOT_APPROVED"));
            };
            if payer.behaviour() == Behaviour::Action {
                return Err(call.unprocessable("PAYER_ACTION_REQUIRED"));
            }
            order.payer = Some(payer);
        }
    }
    order.update_time = state.now();
    let payments = charge(state, call, &mut order)?;
    Ok(insert(state, order, payments))
}

/// An event type and the payment it tells of.
type Told = (&'static str, Object);

/// Stores the order and tells of it when it is completed.
fn insert(state: &mut State, order: Order, payments: Vec<Told>) -> Answer {
    let object = Object::Order(order.id.clone());
    let completed = order.status == OrderStatus::Completed;
    let saves_later = order.payer.as_ref().is_some_and(|payer| payer.behaviour() == Behaviour::SaveLater);
    let order_id = order.id.clone();
    state.books.orders.insert(order_id.clone(), order);
    if completed {
        webhooks::record(state, "CHECKOUT.ORDER.COMPLETED", &object);
    }
    if completed && !saves_later {
        vault::save_with_purchase(state, &order_id);
    }
    for (event_type, payment) in payments {
        webhooks::record(state, event_type, &payment);
        if let Object::Capture(id) = &payment {
            disputes::open_by_payer(state, id);
        }
    }
    Answer::preferred(201, object)
}

/// The payer of the saved account that a request names; none when it names no account.
fn saved_payer(state: &State, call: &Call, wallet: &Wallet) -> Result<Option<Payer>, Refusal> {
    let Some(vault_id) = &wallet.vault_id else {
        return Ok(None);
    };
    let Some(token) = state.books.payment_tokens.get(vault_id) else {
        let issue = if call.operation == "orders.create" {
            "BILLING_AGREEMENT_NOT_FOUND"
        } else {
            "TOKEN_ID_NOT_FOUND"
        };
        return Err(call.unprocessable(issue));
    };
    if token.deleted_at.is_some() || token.payer.behaviour() == Behaviour::Revoked {
        return Err(call.unprocessable("AGREEMENT_ALREADY_CANCELLED"));
    }
    Ok(Some(token.payer.clone()))
}

/// Takes or reserves the money of every purchase unit and completes the order.
fn charge(state: &mut State, call: &Call, order: &mut Order) -> Result<Vec<Told>, Refusal> {
    let Some(payer) = order.payer.clone() else {
        return Err(call.unprocessable("ORDER_NOT_APPROVED"));
    };
    if payer.behaviour() == Behaviour::Declined {
        // Authorizing an order lists no INSTRUMENT_DECLINED.
        let issue =
            if call.operation == "orders.authorize" { "PAYER_CANNOT_PAY" } else { "INSTRUMENT_DECLINED" };
        return Err(call.unprocessable(issue));
    }
    for unit in &order.units {
        if unit.invoice_id.as_ref().is_some_and(|invoice| invoice_charged(state, invoice)) {
            return Err(call.unprocessable("DUPLICATE_INVOICE_ID"));
        }
    }
    let mut payments = Vec::new();
    for (index, unit) in order.units.iter().enumerate() {
        payments.push(match order.intent {
            Intent::Capture => take(state, order, index, unit, payer.clone()),
            Intent::Authorize => reserve(state, order, index, &unit.amount, payer.clone()),
        });
    }
    order.status = OrderStatus::Completed;
    Ok(payments)
}

fn take(state: &mut State, order: &Order, index: usize, unit: &Unit, payer: Payer) -> Told {
    let now = state.now();
    let pending = payer.behaviour() == Behaviour::Pending;
    let id = ids::transaction_id();
    let capture = Capture {
        id: id.clone(),
        order_id: order.id.clone(),
        unit: index,
        authorization_id: None,
        status: if pending { CaptureStatus::Pending } else { CaptureStatus::Completed },
        amount: unit.amount.clone(),
        final_capture: true,
        reversal: None,
        passed_at: None,
        invoice_id: unit.invoice_id.clone(),
        custom_id: unit.custom_id.clone(),
        payer,
        create_time: now,
        update_time: now,
    };
    state.books.captures.insert(id.clone(), capture);
    (if pending { "PAYMENT.CAPTURE.PENDING" } else { "PAYMENT.CAPTURE.COMPLETED" }, Object::Capture(id))
}

fn reserve(state: &mut State, order: &Order, index: usize, amount: &Amount, payer: Payer) -> Told {
    let now = state.now();
    let id = ids::transaction_id();
    let authorization = Authorization {
        id: id.clone(),
        order_id: order.id.clone(),
        unit: index,
        parent_id: None,
        status: AuthorizationStatus::Created,
        expired: false,
        amount: amount.clone(),
        payer,
        expiration_time: now + chrono::Duration::days(AUTHORIZATION_LIFETIME_DAYS),
        create_time: now,
        update_time: now,
    };
    state.books.authorizations.insert(id.clone(), authorization);
    ("PAYMENT.AUTHORIZATION.CREATED", Object::Authorization(id))
}

/// Whether money was taken or reserved under this invoice before.
fn invoice_charged(state: &State, invoice: &str) -> bool {
    let books = &state.books;
    books.captures.values().any(|capture| capture.invoice_id.as_deref() == Some(invoice))
        || books.authorizations.values().any(|authorization| {
            let order = books.orders.get(&authorization.order_id);
            let unit = order.and_then(|order| order.units.get(authorization.unit));
            unit.and_then(|unit| unit.invoice_id.as_deref()) == Some(invoice)
        })
}

/// The payer's decision on the approval page.
pub fn approve(state: &mut State, id: &str, payer: Payer) -> bool {
    let now = state.now();
    let Some(order) = state.books.orders.get_mut(id) else {
        return false;
    };
    if !matches!(order.status, OrderStatus::Created | OrderStatus::PayerActionRequired) {
        return false;
    }
    order.status = OrderStatus::Approved;
    order.payer = Some(payer);
    order.update_time = now;
    webhooks::record(state, "CHECKOUT.ORDER.APPROVED", &Object::Order(id.to_owned()));
    true
}

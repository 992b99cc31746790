//! Captures: all of an order or part of it, read, extended, shipped.

use chrono::Duration;
use serde_json::{Value, json};

use super::books::{Capture, FraudStatus, Order, OrderStatus};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::management::{capture_view, find, not_allowed};
use super::sessions::refuse;
use super::state::State;
use super::{bodies, cart, ids, settlements};
use crate::sandbox::fields::mistakes;

/// When the shopper has to pay, and by how much that can be put off, for which fee in minor units.
const DUE_DAYS: i64 = 30;
const DUE_DATE_OPTIONS: [(i64, i64); 3] = [(14, 95), (30, 195), (60, 295)];

pub fn create(state: &mut State, call: &Call) -> Outcome {
    find(state, call)?;
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::CAPTURE))?;
    refuse(&cart::managed_mistakes(&body, "captured_amount"))?;
    let amount = body["captured_amount"].as_i64().unwrap_or(0);
    allow(find(state, call)?, amount)?;
    let id = add(state, call.id(0), amount, &body);
    let location = format!("{}/ordermanagement/v1/orders/{}/captures/{id}", state.url, call.id(0));
    Ok(Reply::nothing(201).with_header("Location", &location).with_header("Capture-Id", &id))
}

/// Captures everything, as `auto_capture` asks for.
pub fn capture_all(state: &mut State, order_id: &str) {
    let Some(order) = state.books.orders.get(order_id).filter(|order| order.remaining() > 0) else { return };
    let (amount, lines) = (order.remaining(), cart::lines(&order.request).to_vec());
    add(state, order_id, amount, &json!({"order_lines": lines}));
}

pub fn list(state: &State, call: &Call) -> Outcome {
    let order = find(state, call)?;
    let all: Vec<Value> = order.captures.iter().map(|capture| capture_view(order, capture)).collect();
    Ok(Reply::json(200, &json!(all)))
}

pub fn get(state: &State, call: &Call) -> Outcome {
    let order = find(state, call)?;
    let capture = order.captures.iter().find(|capture| capture.id == call.id(1));
    let capture = capture.ok_or_else(|| no_such_capture(call))?;
    Ok(Reply::json(200, &capture_view(order, capture)))
}

pub fn extend_due_date(state: &mut State, call: &Call) -> Outcome {
    find_capture(state, call)?;
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::DUE_DATE))?;
    let days = body["number_of_days"].as_i64().unwrap_or(0);
    if !DUE_DATE_OPTIONS.iter().any(|(option, _)| *option == days) {
        return Err(not_allowed("The due date can't be extended by so many days"));
    }
    change(state, call, |capture| capture.due_at += Duration::days(days));
    Ok(Reply::nothing(204))
}

pub fn due_date_options(state: &State, call: &Call) -> Outcome {
    find_capture(state, call)?;
    let option = |(days, fee): &(i64, i64)| json!({"number_of_days": days, "amount": fee});
    let options: Vec<Value> = DUE_DATE_OPTIONS.iter().map(option).collect();
    Ok(Reply::json(200, &json!({"currency": find(state, call)?.currency, "options": options})))
}

pub fn add_shipping(state: &mut State, call: &Call) -> Outcome {
    find_capture(state, call)?;
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::SHIPPING_INFO))?;
    let all = body["shipping_info"].as_array().cloned().unwrap_or_default();
    change(state, call, |capture| capture.shipping_info.extend(all));
    Ok(Reply::nothing(204))
}

pub fn send_again(state: &mut State, call: &Call) -> Outcome {
    find_capture(state, call)?;
    change(state, call, |capture| capture.sent_again += 1);
    Ok(Reply::nothing(204))
}

fn find_capture<'a>(state: &'a State, call: &Call) -> Result<&'a Capture, Refusal> {
    let order = find(state, call)?;
    if order.captures.is_empty() {
        return Err(not_allowed("The order has no captures"));
    }
    order.captures.iter().find(|capture| capture.id == call.id(1)).ok_or_else(|| no_such_capture(call))
}

fn change(state: &mut State, call: &Call, step: impl FnOnce(&mut Capture)) {
    let order = state.books.orders.get_mut(call.id(0));
    let capture = order.and_then(|order| order.captures.iter_mut().find(|capture| capture.id == call.id(1)));
    if let Some(capture) = capture {
        step(capture);
    }
}

fn allow(order: &Order, amount: i64) -> Result<(), Refusal> {
    let refused = |text: &str| Err(Refusal::new(403, "CAPTURE_NOT_ALLOWED", text));
    if order.fraud_status == FraudStatus::Pending {
        return refused("The order is under review");
    }
    match order.status {
        OrderStatus::Authorized | OrderStatus::PartCaptured if amount <= order.remaining() => Ok(()),
        OrderStatus::Authorized | OrderStatus::PartCaptured | OrderStatus::Captured => {
            refused("The amount is above what is left of the authorization")
        }
        OrderStatus::Cancelled => refused("The order is cancelled"),
        OrderStatus::Expired => refused("The order is expired"),
        OrderStatus::Closed => refused("The order is closed"),
    }
}

fn add(state: &mut State, order_id: &str, amount: i64, body: &Value) -> String {
    let now = state.now();
    let id = ids::uuid();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let Some(order) = state.books.orders.get_mut(order_id) else {
        return id;
    };
    order.captures.push(Capture {
        id: id.clone(),
        klarna_reference: format!("{}-{}", order.klarna_reference, order.captures.len() + 1),
        amount,
        refunded_amount: 0,
        reference: text("reference"),
        description: text("description"),
        lines: list("order_lines"),
        shipping_info: list("shipping_info"),
        captured_at: now,
        due_at: now + Duration::days(DUE_DAYS),
        sent_again: 0,
    });
    let left = order.order_amount - order.captured();
    order.status = if left == 0 { OrderStatus::Captured } else { OrderStatus::PartCaptured };
    settlements::sold(state, order_id, &id, amount);
    id
}

fn no_such_capture(call: &Call) -> Refusal {
    Refusal::not_found("NO_SUCH_CAPTURE", "Capture", call.id(1))
}

//! Refunds: of everything captured or of part of it.
//!
//! A refund names no capture. It goes to the captures whose lines it repeats first, then to the oldest.

use serde_json::Value;

use super::books::{Capture, Order, Refund};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::management::{find, refund_view};
use super::sessions::refuse;
use super::state::State;
use super::{bodies, cart, ids, settlements};
use crate::sandbox::fields::mistakes;

pub fn create(state: &mut State, call: &Call) -> Outcome {
    if !state.books.orders.contains_key(call.id(0)) {
        return Err(Refusal::not_found("NOT_FOUND", "Order", call.id(0)));
    }
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::REFUND))?;
    refuse(&cart::managed_mistakes(&body, "refunded_amount"))?;
    let amount = body["refunded_amount"].as_i64().unwrap_or(0);
    allow(find(state, call)?, amount)?;
    let id = ids::uuid();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let refund = Refund {
        id: id.clone(),
        amount,
        reference: text("reference"),
        description: text("description"),
        lines: cart::lines(&body).to_vec(),
        refunded_at: state.now(),
    };
    if let Some(order) = state.books.orders.get_mut(call.id(0)) {
        spread(&mut order.captures, amount, &refund.lines);
        order.refunds.push(refund);
    }
    settlements::returned(state, call.id(0), &id, amount);
    let location = format!("{}/ordermanagement/v1/orders/{}/refunds/{id}", state.url, call.id(0));
    Ok(Reply::nothing(201).with_header("Location", &location).with_header("Refund-Id", &id))
}

pub fn get(state: &State, call: &Call) -> Outcome {
    let order = state.books.orders.get(call.id(0));
    let found = order.and_then(|order| order.refunds.iter().find(|refund| refund.id == call.id(1)));
    let refund = found.ok_or_else(|| Refusal::not_found("NOT_FOUND", "Refund", call.id(1)))?;
    Ok(Reply::json(200, &refund_view(refund)))
}

fn allow(order: &Order, amount: i64) -> Result<(), Refusal> {
    let refused = |text: &str| Err(Refusal::new(403, "REFUND_NOT_ALLOWED", text));
    if order.captures.is_empty() {
        return refused("The order has no captures");
    }
    if order.chargebacks.iter().any(|chargeback| chargeback.won_at.is_none())
        && amount > order.captured() - order.refunded() - order.charged_back()
    {
        return refused("The customer took the amount back already");
    }
    if amount > order.captured() - order.refunded() {
        return refused("The amount is above what was captured and not refunded");
    }
    Ok(())
}

/// Books the amount on the captures it belongs to.
fn spread(captures: &mut [Capture], amount: i64, lines: &[Value]) {
    let names = |capture: &Capture| {
        capture.lines.iter().any(|line| {
            lines.iter().any(|other| {
                let key = |line: &Value| line.get("reference").or_else(|| line.get("name")).cloned();
                key(line).is_some() && key(line) == key(other)
            })
        })
    };
    let mut order: Vec<usize> = (0..captures.len()).collect();
    order.sort_by_key(|index| !names(&captures[*index]));
    let mut left = amount;
    for index in order {
        let capture = &mut captures[index];
        let part = left.min(capture.amount - capture.refunded_amount);
        capture.refunded_amount += part;
        left -= part;
    }
}

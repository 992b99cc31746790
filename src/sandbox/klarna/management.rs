//! Order Management of whole orders: read, changed, cancelled, released, extended.

use chrono::Duration;
use serde_json::{Value, json};

use super::books::{Capture, FraudStatus, Order, OrderStatus, Refund};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::orders::PERIOD_DAYS;
use super::sessions::refuse;
use super::state::State;
use super::{bodies, callbacks, cart, ids};
use crate::sandbox::fields::mistakes;

/// After so many days from its making, an order can't be extended any further.
const EXTENDED_DAYS_MAX: i64 = 180;

pub fn get(state: &State, call: &Call) -> Outcome {
    Ok(Reply::json(200, &view(find(state, call)?)))
}

pub fn acknowledge(state: &mut State, call: &Call) -> Outcome {
    change(state, call, |order| {
        if order.status == OrderStatus::Cancelled {
            return Err(not_allowed("The order is cancelled"));
        }
        order.acknowledged = true;
        Ok(())
    })?;
    callbacks::end_push(state, call.id(0));
    Ok(Reply::nothing(204))
}

pub fn cancel(state: &mut State, call: &Call) -> Outcome {
    change(state, call, |order| match order.status {
        OrderStatus::Authorized => {
            order.status = OrderStatus::Cancelled;
            Ok(())
        }
        // Asked for again: it is what was wanted.
        OrderStatus::Cancelled => Ok(()),
        _ => Err(Refusal::new(403, "CANCEL_NOT_ALLOWED", "The order has captures or is closed")),
    })?;
    Ok(Reply::nothing(204))
}

pub fn release(state: &mut State, call: &Call) -> Outcome {
    change(state, call, |order| match order.status {
        OrderStatus::PartCaptured => {
            order.status = OrderStatus::Closed;
            Ok(())
        }
        _ => Err(not_allowed("The order is cancelled, has no captures or nothing left")),
    })?;
    Ok(Reply::nothing(204))
}

pub fn extend(state: &mut State, call: &Call) -> Outcome {
    let now = state.now();
    change(state, call, |order| match order.status {
        OrderStatus::Authorized | OrderStatus::PartCaptured => {
            let last = order.created_at + Duration::days(EXTENDED_DAYS_MAX);
            let until = (now + Duration::days(PERIOD_DAYS)).min(last);
            order.expires_at = until.max(order.expires_at);
            Ok(())
        }
        _ => Err(not_allowed("The order is expired, cancelled or captured")),
    })?;
    Ok(Reply::nothing(204))
}

pub fn change_amount(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    find(state, call)?;
    refuse(&mistakes(&body, bodies::AUTHORIZATION))?;
    refuse(&cart::managed_mistakes(&body, "order_amount"))?;
    change(state, call, |order| {
        if !matches!(order.status, OrderStatus::Authorized | OrderStatus::PartCaptured)
            || order.fraud_status != FraudStatus::Accepted
        {
            return Err(not_allowed("The order is not open"));
        }
        let amount = body["order_amount"].as_i64().unwrap_or(0);
        if amount < order.captured() {
            return Err(not_allowed("The amount is below what was captured"));
        }
        if amount > order.original_order_amount && order.shopper.is_refused_more() {
            return Err(not_allowed("The amount was not accepted for this customer"));
        }
        order.order_amount = amount;
        if let Some(lines) = body.get("order_lines") {
            order.request["order_lines"] = lines.clone();
        }
        if order.status == OrderStatus::PartCaptured && order.remaining() == 0 {
            order.status = OrderStatus::Captured;
        }
        Ok(())
    })?;
    Ok(Reply::nothing(204))
}

pub fn change_references(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    find(state, call)?;
    refuse(&mistakes(&body, bodies::REFERENCES))?;
    change(state, call, |order| {
        refuse_cancelled(order)?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        order.merchant_reference1 = text("merchant_reference1").or(order.merchant_reference1.take());
        order.merchant_reference2 = text("merchant_reference2").or(order.merchant_reference2.take());
        Ok(())
    })?;
    Ok(Reply::nothing(204))
}

pub fn change_address(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    find(state, call)?;
    refuse(&mistakes(&body, bodies::CUSTOMER_DETAILS))?;
    change(state, call, |order| {
        refuse_cancelled(order)?;
        if let Some(address) = body.get("shipping_address") {
            order.request["shipping_address"] = address.clone();
        }
        Ok(())
    })?;
    Ok(Reply::nothing(204))
}

pub fn add_shipping(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    find(state, call)?;
    refuse(&mistakes(&body, bodies::SHIPPING_INFO))?;
    change(state, call, |order| {
        order.shipping_info.extend(body["shipping_info"].as_array().into_iter().flatten().cloned());
        Ok(())
    })?;
    Ok(Reply::nothing(204))
}

/// The order that the path names.
pub fn find<'a>(state: &'a State, call: &Call) -> Result<&'a Order, Refusal> {
    state.books.orders.get(call.id(0)).ok_or_else(|| no_such_order(call))
}

/// Changes the order that the path names.
pub fn change<T>(
    state: &mut State,
    call: &Call,
    step: impl FnOnce(&mut Order) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let order = state.books.orders.get_mut(call.id(0)).ok_or_else(|| no_such_order(call))?;
    step(order)
}

fn no_such_order(call: &Call) -> Refusal {
    Refusal::not_found("NO_SUCH_ORDER", "Order", call.id(0))
}

pub fn not_allowed(text: &str) -> Refusal {
    Refusal::new(403, "NOT_ALLOWED", text)
}

fn refuse_cancelled(order: &Order) -> Result<(), Refusal> {
    let cancelled = order.status == OrderStatus::Cancelled;
    if cancelled { Err(not_allowed("The order is cancelled")) } else { Ok(()) }
}

/// An order as it is read.
pub fn view(order: &Order) -> Value {
    let mut answer = json!({
        "order_id": order.id,
        "klarna_reference": order.klarna_reference,
        "status": order.status,
        "fraud_status": order.fraud_status,
        "order_amount": order.order_amount,
        "original_order_amount": order.original_order_amount,
        "captured_amount": order.captured(),
        "refunded_amount": order.refunded(),
        "remaining_authorized_amount": order.remaining(),
        "purchase_currency": order.currency,
        "purchase_country": order.country,
        "order_lines": cart::lines(&order.request),
        "created_at": ids::time(order.created_at),
        "expires_at": ids::time(order.expires_at),
        "captures": order.captures.iter().map(|capture| capture_view(order, capture)).collect::<Vec<_>>(),
        "refunds": order.refunds.iter().map(refund_view).collect::<Vec<_>>(),
        "shipping_info": order.shipping_info,
        "initial_payment_method": {"type": "DIRECT_DEBIT", "description": "Direct debit"},
    });
    let optional = [
        ("merchant_reference1", order.merchant_reference1.as_ref().map(|text| json!(text))),
        ("merchant_reference2", order.merchant_reference2.as_ref().map(|text| json!(text))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            answer[name] = value;
        }
    }
    for name in ["merchant_data", "locale", "billing_address", "shipping_address"] {
        if let Some(value) = order.request.get(name) {
            answer[name] = value.clone();
        }
    }
    if let Some(born) = order.request["customer"].get("date_of_birth") {
        answer["customer"] = json!({"date_of_birth": born});
    }
    answer
}

/// A capture as it is read.
pub fn capture_view(order: &Order, capture: &Capture) -> Value {
    let mut answer = json!({
        "capture_id": capture.id,
        "klarna_reference": capture.klarna_reference,
        "captured_amount": capture.amount,
        "refunded_amount": capture.refunded_amount,
        "captured_at": ids::time(capture.captured_at),
        "order_lines": capture.lines,
        "shipping_info": capture.shipping_info,
    });
    texts(&mut answer, capture.description.as_ref(), capture.reference.as_ref());
    for name in ["billing_address", "shipping_address"] {
        if let Some(value) = order.request.get(name) {
            answer[name] = value.clone();
        }
    }
    answer
}

/// A refund as it is read.
pub fn refund_view(refund: &Refund) -> Value {
    let mut answer = json!({
        "refund_id": refund.id,
        "refunded_amount": refund.amount,
        "refunded_at": ids::time(refund.refunded_at),
        "order_lines": refund.lines,
    });
    texts(&mut answer, refund.description.as_ref(), refund.reference.as_ref());
    answer
}

fn texts(answer: &mut Value, description: Option<&String>, reference: Option<&String>) {
    for (name, text) in [("description", description), ("reference", reference)] {
        if let Some(text) = text {
            answer[name] = json!(text);
        }
    }
}

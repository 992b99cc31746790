//! Orders: how one is placed, how its review ends, how it expires.
//!
//! Where the documentation is silent: an order under review that is rejected can be captured for four more hours at the
//! merchant's own risk and is cancelled then; a part-captured order whose time is over, or whose rest is released, is
//! CLOSED.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::books::{FraudDecision, FraudStatus, Order, OrderStatus};
use super::shoppers::{Planned, Shopper};
use super::state::State;
use super::{callbacks, captures, ids, tokens};

/// How long an order can be captured, and by how much an extension prolongs it from the day it is asked for.
pub const PERIOD_DAYS: i64 = 28;
/// How long after a rejection the order still stands.
const REJECTED_HOURS: i64 = 4;

/// What an order is made of.
pub struct New {
    pub planned: Planned,
    pub country: String,
    pub shopper: Shopper,
    pub session_id: Option<String>,
    pub customer_token: Option<String>,
    /// The request, whose amounts were checked.
    pub request: Value,
}

/// Places an order and tells its id.
pub fn place(state: &mut State, new: New) -> String {
    let now = state.now();
    let id = ids::uuid();
    let text = |name: &str| new.request[name].as_str().map(str::to_owned);
    let after = |minutes: u32| now + Duration::minutes(i64::from(minutes));
    let decision = match new.planned {
        Planned::PendAccept { minutes } => Some(FraudDecision { at: after(minutes), accepted: true }),
        Planned::PendReject { minutes } => Some(FraudDecision { at: after(minutes), accepted: false }),
        _ => None,
    };
    let rejected = new.planned == Planned::Reject;
    let amount = new.request["order_amount"].as_i64().unwrap_or(0);
    let order = Order {
        id: id.clone(),
        klarna_reference: ids::klarna_reference(),
        status: if rejected { OrderStatus::Cancelled } else { OrderStatus::Authorized },
        fraud_status: match (decision, rejected) {
            (Some(_), _) => FraudStatus::Pending,
            (None, true) => FraudStatus::Rejected,
            (None, false) => FraudStatus::Accepted,
        },
        fraud_decision: decision,
        rejected_at: rejected.then_some(now),
        shopper: new.shopper,
        session_id: new.session_id,
        customer_token: new.customer_token,
        order_amount: amount,
        original_order_amount: amount,
        currency: text("purchase_currency").unwrap_or_default().to_ascii_uppercase(),
        country: new.country.to_ascii_uppercase(),
        merchant_reference1: text("merchant_reference1"),
        merchant_reference2: text("merchant_reference2"),
        auto_capture: new.request["auto_capture"] == true,
        request: new.request,
        acknowledged: false,
        created_at: now,
        expires_at: now + Duration::days(PERIOD_DAYS),
        captures: Vec::new(),
        refunds: Vec::new(),
        chargebacks: Vec::new(),
        shipping_info: Vec::new(),
    };
    let captures_now = order.auto_capture && order.fraud_status == FraudStatus::Accepted;
    state.books.orders.insert(id.clone(), order);
    if captures_now {
        captures::capture_all(state, &id);
    }
    callbacks::pushed(state, &id);
    state.pass_time();
    id
}

/// What placing it is answered with.
pub fn answer(state: &State, order_id: &str) -> Value {
    let order = state.books.orders.get(order_id);
    let session = order.and_then(|order| order.session_id.clone()).unwrap_or_else(|| order_id.to_owned());
    json!({
        "order_id": order_id,
        "fraud_status": order.map(|order| order.fraud_status),
        "redirect_url": format!("{}/redirect/{session}", state.pages_url()),
        "authorized_payment_method": tokens::method(),
    })
}

/// Ends the review of an order; `false` when it isn't under review.
pub fn decide(state: &mut State, order_id: &str, accepted: bool) -> bool {
    let now = state.now();
    let Some(order) =
        state.books.orders.get_mut(order_id).filter(|order| order.fraud_status == FraudStatus::Pending)
    else {
        return false;
    };
    order.fraud_decision = None;
    if accepted {
        order.fraud_status = FraudStatus::Accepted;
    } else {
        order.fraud_status = FraudStatus::Rejected;
        order.rejected_at = Some(now);
    }
    let captures = accepted && order.auto_capture && order.status == OrderStatus::Authorized;
    if captures {
        captures::capture_all(state, order_id);
    }
    callbacks::fraud_decided(state, order_id, accepted);
    true
}

/// Klarna cancels an order by itself; `false` when it isn't authorized any more, or something was captured.
pub fn cancel(state: &mut State, order_id: &str) -> bool {
    let order = state.books.orders.get_mut(order_id).filter(|order| order.status == OrderStatus::Authorized);
    order.map(|order| order.status = OrderStatus::Cancelled).is_some()
}

/// Ends the reviews and orders whose time came.
pub fn pass_time(state: &mut State, now: DateTime<Utc>) {
    let due = |order: &&Order| order.fraud_decision.is_some_and(|decision| decision.at <= now);
    let decided: Vec<(String, bool)> = state
        .books
        .orders
        .values()
        .filter(due)
        .filter_map(|order| Some((order.id.clone(), order.fraud_decision?.accepted)))
        .collect();
    for (id, accepted) in decided {
        decide(state, &id, accepted);
    }
    for order in state.books.orders.values_mut() {
        let rejected = order.rejected_at.is_some_and(|at| at + Duration::hours(REJECTED_HOURS) <= now);
        order.status = match order.status {
            OrderStatus::Authorized if rejected => OrderStatus::Cancelled,
            OrderStatus::Authorized if order.expires_at <= now => OrderStatus::Expired,
            OrderStatus::PartCaptured if order.expires_at <= now => OrderStatus::Closed,
            status => status,
        };
    }
}

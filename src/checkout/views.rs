//! How checkouts and orders look from outside.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Checkout, Hold, State};
use super::order::{Order, OrderState};
use super::picking::{CreditsBack, PickedLine};
use super::quote::Quote;
use super::returned::Refund;
use crate::cart::TaxLine;
use crate::error::Internal;
use crate::ids::{CartId, CheckoutId, MethodId, OrderId, RefundId, ShipmentId, StoreId};
use crate::money::{self, Money};
use crate::payments::{DeclineReason, Remedy};
use crate::text_enum;

text_enum! {
    /// Who has to act next.
    pub enum Owner {
        /// The shopper.
        Shopper = "shopper",
        /// The store's staff.
        Staff = "staff",
        /// The payment provider, whom a worker asks.
        Provider = "provider",
    }
}

/// A checkout, and why it waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Checkout)]
pub struct CheckoutView {
    /// The checkout.
    id: CheckoutId,
    /// What the shopper can read out.
    number: String,
    /// The cart that it holds.
    cart: CartId,
    /// Where.
    store: StoreId,
    /// What is to be debited.
    payment_method: MethodId,
    /// What it waits for.
    state: State,
    /// Who has to act next; nobody once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<Owner>,
    /// When it gives itself up; never once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DateTime<Utc>>,
    /// Why staff must look first.
    holds: Vec<Hold>,
    /// When the day's limit that it is held for would let it pass by itself; left out where that is not within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_ends_at: Option<DateTime<Utc>>,
    /// What is paid, and for what.
    quote: Quote,
    /// Where the shopper approves, while that is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_url: Option<String>,
    /// Why it was declined or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the shopper can do when it was declined, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remedies: Vec<Remedy>,
    /// The order, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
}

impl From<Checkout> for CheckoutView {
    fn from(checkout: Checkout) -> Self {
        let waits_for = match checkout.state {
            State::Quoted | State::ActionRequired => Some(Owner::Shopper),
            State::Held => Some(Owner::Staff),
            State::Paying => Some(Owner::Provider),
            State::Paid | State::Declined | State::Cancelled => None,
        };
        let declined = checkout.reason.as_deref().filter(|_| checkout.state == State::Declined);
        let declined: Option<DeclineReason> = declined.and_then(|reason| reason.parse().ok());
        Self {
            remedies: declined.map(|reason| reason.remedies(checkout.may_retry)).unwrap_or_default(),
            id: checkout.id,
            number: checkout.number,
            cart: checkout.cart,
            store: checkout.store,
            payment_method: checkout.method,
            state: checkout.state,
            waits_for,
            deadline: waits_for.map(|_| checkout.deadline),
            limit_ends_at: checkout.limit_ends_at.filter(|_| checkout.state == State::Held),
            holds: checkout.holds,
            quote: checkout.quote,
            action_url: checkout.action_url.filter(|_| checkout.state == State::ActionRequired),
            reason: checkout.reason,
            order: checkout.order,
        }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    /// The order.
    id: OrderId,
    /// What the shopper can read out.
    number: String,
    /// Where.
    store: StoreId,
    /// What it waits for.
    state: OrderState,
    /// What was bought.
    quote: Quote,
    /// What is debited in all: what was agreed on, less what was not picked.
    due: Money,
    /// The lines of which something else was picked than was ordered, and what they cost then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    picked: Vec<PickedLine>,
    /// When staff said that all of it was picked, or it went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    picked_at: Option<DateTime<Utc>>,
    /// The taxes of what was picked, where that is not all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<TaxLine>,
    /// What came back of vouchers and points, which had paid more than what was picked costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    credits_back: Option<CreditsBack>,
    /// What is captured by now.
    captured: Money,
    /// What was given back by now.
    refunded: Money,
    /// What was paid later as a debt, or written off, instead of being captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_good: Option<Money>,
    /// The goods on their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment: Option<ShipmentId>,
    /// Why money that was due could not be captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// When it was paid.
    placed_at: DateTime<Utc>,
    /// What was given back, or is to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Refund>,
    /// The receipt, for a browser; the address works for 50 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_url: Option<String>,
}

impl OrderView {
    /// An order with its refunds and the address of its receipt.
    pub fn new(
        order: Order,
        refunds: Vec<Refund>,
        receipt_url: Option<String>,
    ) -> Result<Self, money::Error> {
        let due = order.due()?;
        let taxes = if order.picking.lines.is_empty() { Vec::new() } else { order.taxes()? };
        Ok(Self {
            due,
            taxes,
            credits_back: order.picking.back,
            picked: order.picking.lines,
            picked_at: order.picked_at,
            id: order.id,
            number: order.number,
            store: order.store,
            state: order.state,
            quote: order.quote,
            captured: order.captured,
            refunded: order.refunded,
            made_good: order.made_good.is_positive().then_some(order.made_good),
            shipment: order.shipment,
            trouble: order.trouble,
            placed_at: order.placed_at,
            refunds,
            receipt_url,
        })
    }
}

/// An order as other systems are told of it, with what was given back of it so far: no address, no name.
#[derive(Debug, Serialize)]
struct OrderNews {
    #[serde(flatten)]
    order: OrderView,
    /// The refund that it is news of.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Refund>,
}

/// What other systems are told of an order, and of the refund that they are told of.
pub(super) fn order_payload(
    order: &Order,
    refunds: Vec<Refund>,
    refund: Option<RefundId>,
) -> Result<serde_json::Value, Internal> {
    let refund = refunds.iter().find(|each| Some(each.id) == refund).cloned();
    let order = OrderView::new(order.clone(), refunds, None)?;
    Ok(serde_json::to_value(OrderNews { order, refund })?)
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPage {
    /// The orders, newest first.
    pub items: Vec<OrderView>,
    /// Where the next page begins, as `before`; nothing when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<OrderId>,
}

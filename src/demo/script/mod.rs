//! The trip, step by step. Each step is one thing that somebody does, and holds every answer against what is expected.
//!
//! `arrive.rs` is what comes before the first scan, `shop.rs` the way to a paid order and out of the door, `counter.rs`
//! what is weighed and what is marked down, `bring.rs` the
//! parcel's way to the shopper, `after.rs` what comes later, `klarna.rs` a second trip through another provider.

mod after;
mod arrive;
mod bring;
mod counter;
mod klarna;
mod shop;

use serde_json::Value;

use super::calls::{Caller, Unexpected};
use super::ground::Ground;
use super::sample;
use crate::ids::{CartId, CheckoutId, MethodId, OrderId, ShipmentId};
use crate::money::Money;

pub use klarna::Bought;

/// What the checks need to know of the trip.
#[derive(Clone, Debug)]
pub struct Journey {
    /// What the shopper's phone proves itself by, for some minutes more.
    pub shopper_token: String,
    /// The linked account.
    pub method: MethodId,
    /// What the clerk proves themselves by.
    pub clerk_token: String,
    /// The checkout, which PayPal knows the payment by.
    pub checkout: CheckoutId,
    /// The order.
    pub order: OrderId,
    /// The order as it is at the end.
    pub view: Value,
    /// The quote's total.
    pub total: Money,
    /// What was taken along.
    pub due_now: Money,
    /// What was given back.
    pub refunded: Money,
    /// The parcel's number at the courier.
    pub tracking_number: String,
    /// The text of the receipt.
    pub receipt_page: String,
    /// The receipt's address.
    pub receipt: String,
    /// The address of the page that shows the parcel's way.
    pub follow: String,
    /// The label's address at the courier.
    pub label: String,
    /// How often the gate opened.
    pub gate_openings: usize,
    /// What was bought through Klarna.
    pub klarna: Bought,
    /// The events of the order that the retailer's system is to be told of, in their order.
    pub events: Vec<&'static str>,
}

/// A shopper who is signed in and has an account to be debited.
struct Shopper {
    token: String,
    method: MethodId,
}

/// A cart on its way to the till that isn't there.
struct Cart {
    id: CartId,
    version: i64,
    /// The numbers of the lines that a courier shall bring.
    to_deliver: Vec<i64>,
    total: Money,
}

/// Goes through the trip; ends at the first thing that is not as expected.
pub async fn walk(caller: &mut Caller, ground: &Ground) -> Result<Journey, Unexpected> {
    arrive::bring_in_catalogue(caller, ground).await?;
    arrive::subscribe(caller, ground).await?;
    let token = arrive::sign_in(caller, ground).await?;
    let method = arrive::link_paypal(caller, ground, &token).await?;
    let shopper = Shopper { token, method };
    let cart = shop::check_in(caller, ground, &shopper).await?;
    shop::look_up(caller, &shopper).await?;
    let cart = shop::scan(caller, ground, &shopper, cart).await?;
    let cart = counter::scan(caller, ground, &shopper, cart).await?;
    let cart = shop::change_quantity(caller, &shopper, cart).await?;
    let placed = shop::place(caller, ground, &shopper, &cart).await?;
    let order = shop::pay(caller, &shopper, &placed).await?;
    let shipment = shop::read_order(caller, &shopper, order, &placed).await?;
    let gate_openings = shop::leave(caller, ground, &shopper, order).await?;
    let clerk = bring::sign_in(caller, &ground.accounts.clerk, "A clerk signs in").await?;
    bring::pick(caller, &clerk, order).await?;
    let (tracking_number, label) = bring::label(caller, ground, &clerk, shipment).await?;
    bring::hand_over(caller, &shopper, &clerk, shipment, order, &placed).await?;
    let follow = bring::deliver(caller, ground, &shopper, shipment, &tracking_number).await?;
    let refunded = after::refund(caller, ground, order).await?;
    let (view, receipt, receipt_page) = after::receipt(caller, &shopper, order, refunded).await?;
    let events = after::events(caller, ground, order).await?;
    let method = klarna::link(caller, ground, &shopper.token).await?;
    let at_klarna = Shopper { token: shopper.token.clone(), method };
    let klarna = klarna::buy(caller, ground, &at_klarna).await?;
    Ok(Journey {
        shopper_token: shopper.token,
        method: shopper.method,
        clerk_token: clerk,
        checkout: placed.checkout,
        order,
        view,
        total: placed.total,
        due_now: placed.due_now,
        refunded,
        tracking_number,
        receipt_page,
        receipt,
        follow,
        label,
        gate_openings,
        klarna,
        events,
    })
}

/// A checkout with its quote.
struct Placed {
    checkout: CheckoutId,
    total: Money,
    due_now: Money,
}

/// An id of the answer, by JSON pointer.
fn id<T: std::str::FromStr>(answer: &super::calls::Answer, pointer: &str) -> Result<T, Unexpected> {
    answer.text(pointer)?.parse().map_err(|_| Unexpected(format!("expected an id at {pointer}")))
}

/// The path of something in the store of the trip.
fn in_store(path: &str) -> String {
    format!("/v1/stores/{}/{path}", sample::STORE)
}

/// A shipment's path.
fn shipment_path(shipment: ShipmentId, more: &str) -> String {
    format!("/v1/shipments/{shipment}{more}")
}

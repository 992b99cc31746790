//! What an order says of a purchase that is disputed later: its receipt as a text.

use std::fmt::Write as _;

use super::order::Order;
use super::store;
use crate::db::{self, Run};
use crate::ids::{OrderId, PaymentId, ShipmentId};

/// An order whose debit is disputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseEvidence {
    /// Which.
    pub order: OrderId,
    /// Its goods on their way, when some are delivered.
    pub shipment: Option<ShipmentId>,
    /// What was bought, where, when and at which price, for people.
    pub receipt: String,
}

/// What the order of a payment says.
pub async fn evidence(run: impl Run<'_>, payment: PaymentId) -> Result<Option<PurchaseEvidence>, db::Error> {
    let order = store::order_of_payment(run, payment).await?;
    Ok(order.map(|order| PurchaseEvidence {
        order: order.id,
        shipment: order.shipment,
        receipt: receipt(&order),
    }))
}

fn receipt(order: &Order) -> String {
    let mut text =
        format!("Receipt {} of {}, store {}.", order.number, order.placed_at.to_rfc3339(), order.store);
    for line in &order.quote.lines {
        let _ = write!(text, " {} x {}: {}.", line.pieces, line.name, line.amount);
    }
    let _ = write!(text, " Total {}, debited {}.", order.quote.total, order.captured);
    text
}

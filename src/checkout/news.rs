//! What other systems are told of an order, in the transaction in which it happened.

use serde::{Deserialize, Serialize};

use super::order::Order;
use super::{store, views};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::{OrderId, RefundId, StoreId};

/// What other systems are told of an order.
#[derive(Clone, Debug)]
pub struct News {
    /// What happened.
    pub kind: NewsKind,
    /// To which order.
    pub order: OrderId,
    /// Where.
    pub store: StoreId,
    /// The order as it is now, and what happened to it.
    pub payload: serde_json::Value,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewsKind {
    /// It was paid.
    Paid,
    /// Money was given back.
    Refunded,
    /// Something was not there, and the shopper is asked about something else in its place.
    SubstituteAsked,
    /// It was taken back as a whole.
    Cancelled,
    /// A courier has accepted its parcels.
    Booked,
    /// Its goods are with the courier.
    HandedOver,
    /// A parcel of it could not be handed to its recipient, and will be tried again or come back.
    AttemptFailed,
    /// A parcel of it waits for its recipient in a shop or locker.
    AtPickupPoint,
    /// Its goods arrived.
    Delivered,
    /// Its goods came back.
    Returned,
    /// Its goods could not be sent, or were lost.
    Failed,
}

/// Tells the other systems what happened to an order, in the transaction in which it happened.
pub(super) async fn tell(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    kind: NewsKind,
    order: &Order,
) -> Result<(), Internal> {
    let refunds = store::refunds(&mut *tx, order.id).await?;
    let payload = views::order_payload(order, refunds, None)?;
    let news = News { kind, order: order.id, store: order.store.clone(), payload };
    app.order_news(tx, now, news).await
}

/// Tells them what was given back.
pub(super) async fn tell_refunded(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    refund: RefundId,
) -> Result<(), Internal> {
    let refunds = store::refunds(&mut *tx, order.id).await?;
    let payload = views::order_payload(order, refunds, Some(refund))?;
    let kind = NewsKind::Refunded;
    app.order_news(tx, now, News { kind, order: order.id, store: order.store.clone(), payload }).await
}

//! What other systems are told of an order, in the transaction in which it happened.

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::order::Order;
use super::{store, views};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::{OrderId, RefundId, StoreId};
use crate::money::Money;
use crate::payments::{self, ProviderName};

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
    /// What of it belongs into the books of an ERP; nothing where no goods and no money changed hands.
    pub document: Option<Document>,
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
    let provider = provider(tx, order).await?;
    let document = match kind {
        NewsKind::Paid => order.sale_document(provider, now)?,
        NewsKind::Cancelled => order.cancellation_document(&refunds, provider, now)?,
        // Also where nothing was there to be sent, and a fee is left.
        NewsKind::HandedOver | NewsKind::Failed if order.picking.is_closed => {
            order.delivery_document(provider, now)?
        }
        _ => None,
    };
    let payload = views::order_payload(order, refunds, None)?;
    app.order_news(tx, now, News { kind, order: order.id, store: order.store.clone(), payload, document })
        .await
}

/// Tells them what was given back; `went` where only so much of it went through.
pub(super) async fn tell_refunded(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    (refund, went): (RefundId, Option<Money>),
) -> Result<(), Internal> {
    let refunds = store::refunds(&mut *tx, order.id).await?;
    let provider = provider(tx, order).await?;
    let document = match refunds.iter().position(|each| each.id == refund) {
        Some(at) => order.refund_document(&refunds[at], &refunds[..at], went, (provider, now))?,
        None => None,
    };
    let payload = views::order_payload(order, refunds, Some(refund))?;
    let kind = NewsKind::Refunded;
    app.order_news(tx, now, News { kind, order: order.id, store: order.store.clone(), payload, document })
        .await
}

/// Whose account was debited. An order that vouchers and points paid alone has no payment, and no document of it a share of an
/// account: then the name says nothing.
async fn provider(tx: &mut Tx, order: &Order) -> Result<ProviderName, Internal> {
    let payment = payments::find(&mut *tx, order.payment).await?;
    Ok(payment.map_or(ProviderName::Invoice, |payment| payment.provider))
}

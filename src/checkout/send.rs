//! Goods of a paid order that are delivered: what the room of deliveries is asked for.

use super::model::Checkout;
use super::order::Order;
use crate::app::App;
use crate::catalog;
use crate::clock::Moment;
use crate::db::Tx;
use crate::delivery;
use crate::error::Internal;
use crate::ids::ShipmentId;

/// Asks for the delivery of an order in parcels of these weights, by the courier that the shopper chose.
pub(super) async fn request_delivery(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    checkout: &Checkout,
    order: &Order,
    shipment: ShipmentId,
    parcels: Vec<i64>,
) -> Result<(), Internal> {
    // A store that closed since the quote still sends what was paid: nothing must stand between the money and its order.
    let store = catalog::known_store(tx, &order.store).await?.ok_or("the order's store was never known")?;
    let recipient = checkout.recipient.clone().ok_or("a delivery without a recipient")?;
    let chosen = order.quote.delivery.as_ref();
    let request = delivery::Request {
        shipment,
        order: order.id,
        store: order.store.clone(),
        shopper: order.shopper,
        sender: delivery::Address::of_store(&store),
        recipient,
        parcels: parcels.into_iter().map(|weight_grams| delivery::Parcel { weight_grams }).collect(),
        reference: order.number.clone(),
        carrier: chosen.map(|chosen| chosen.option.carrier.clone()),
        fallbacks: chosen.map(|chosen| chosen.fallbacks.clone()).unwrap_or_default(),
        needs: order.quote.delivery_needs,
        choice: chosen.map(serde_json::to_value).transpose()?,
    };
    Ok(delivery::request(tx, &app.carriers, &app.ids, now, request).await?)
}

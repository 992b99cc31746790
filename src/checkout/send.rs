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

/// Asks for the delivery of an order as it was packed when it was quoted, by the courier that the shopper chose.
pub(super) async fn request_delivery(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    checkout: &Checkout,
    order: &Order,
    shipment: ShipmentId,
) -> Result<(), Internal> {
    // A store that closed since the quote still sends what was paid: nothing must stand between the money and its order.
    let store = catalog::known_store(tx, &order.store).await?.ok_or("the order's store was never known")?;
    let recipient = checkout.recipient.clone().ok_or("a delivery without a recipient")?;
    let chosen = order.quote.delivery.as_ref();
    let mut parcels = order.quote.packed.clone();
    if parcels.is_empty() {
        // Quoted by a version before this one, which knew no sizes and counted parcels itself.
        let carrier = chosen.map(|chosen| chosen.option.carrier.as_str());
        let cartons = delivery::cartons(store.till.delivery.as_deref());
        let packing = app.carriers.packing(carrier, (&recipient, order.quote.delivery_needs), cartons);
        // More than a shipment may have would be refused, and the paid order with it: the courier's no shows as trouble instead.
        let pieces = order.quote.pieces();
        let all = || pieces.iter().map(|kind| kind.count.saturating_mul(kind.grams)).sum::<i64>().max(1);
        parcels =
            packing.pack(&pieces).unwrap_or_else(|delivery::TooMany| vec![delivery::Parcel::of_grams(all())]);
    }
    let request = delivery::Request {
        shipment,
        order: order.id,
        store: order.store.clone(),
        shopper: order.shopper,
        sender: delivery::Address::of_store(&store),
        returns_of: None,
        recipient,
        parcels,
        reference: order.number.clone(),
        follow_code: app.random.readable::<20>(),
        carrier: chosen.map(|chosen| chosen.option.carrier.clone()),
        fallbacks: chosen.map(|chosen| chosen.fallbacks.clone()).unwrap_or_default(),
        needs: order.quote.delivery_needs,
        waits_for_packing: store
            .till
            .delivery
            .as_deref()
            .is_some_and(|terms| terms.book == catalog::BookWhen::WhenPacked),
        leaves_by: chosen.map(|chosen| chosen.option.leaves_by),
        choice: chosen.map(serde_json::to_value).transpose()?,
    };
    Ok(delivery::request(tx, &app.carriers, &app.ids, now, request).await?)
}

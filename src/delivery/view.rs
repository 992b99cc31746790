//! What callers see of shipments.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::address::Address;
use super::carrier::ParcelStatus;
use super::model::{AttemptState, Direction, ShipmentState};
use super::places::CourierVerdict;
use super::reroute::CourierLeft;
use super::store::{self, Shipment};
use crate::app::App;
use crate::catalog::Size;
use crate::db;
use crate::ids::{OrderId, ShipmentId, StoreId};

/// A shipment as its shopper and the store's staff see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shipment)]
pub(super) struct ShipmentView {
    shipment: ShipmentId,
    order: OrderId,
    store: StoreId,
    /// The short name that people read.
    reference: String,
    /// The courier that is asked now.
    carrier: String,
    /// The couriers that were left for another, with the reasons; always empty for shoppers.
    couriers_left: Vec<CourierLeft>,
    /// Which way it goes.
    direction: Direction,
    /// The shipment that the goods of a return came with.
    returns_of: Option<ShipmentId>,
    state: ShipmentState,
    /// Whether staff must say what was packed before anything is booked (`PUT /v1/shipments/{id}/parcels`).
    waits_for_packing: bool,
    /// What must be looked at, for staff; always empty for shoppers.
    trouble: Option<String>,
    /// Why staff keep it from the courier; always empty for shoppers.
    held_back: Option<String>,
    /// Where anybody who has this address sees how far it has come.
    follow_url: Option<String>,
    recipient: Address,
    /// What the courier says of the recipient's address, in the answer to its correction and where the courier can check it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<CourierVerdict>,
    /// The way of delivery that the shopper chose, with what it promised and why it was offered.
    #[schema(value_type = Option<Object>)]
    choice: Option<serde_json::Value>,
    parcels: Vec<ParcelView>,
    /// Parcels that are not sent, because they were packed another way or their courier keeps a label that can't be used any more,
    /// with what became of their bookings; always empty for shoppers. A label that a courier keeps (`booking` is `confirmed`)
    /// must not be used.
    dropped_parcels: Vec<ParcelView>,
    created_at: DateTime<Utc>,
    booked_at: Option<DateTime<Utc>>,
    handed_over_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    returned_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
}

/// A parcel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Parcel)]
pub(super) struct ParcelView {
    /// From 1.
    number: i64,
    weight_grams: i64,
    /// The courier that has its booking.
    carrier: Option<String>,
    /// What it measures outside, where that is known.
    size: Option<Size>,
    /// The store's carton that it is packed into; empty for a piece that goes by itself.
    carton: Option<String>,
    /// What is known of the newest try to book it at the courier.
    booking: Option<AttemptState>,
    /// How far it has come; empty until it is booked.
    status: Option<ParcelStatus>,
    /// The courier's number, to follow the parcel by.
    tracking_number: Option<String>,
    /// Where the courier shows how far it has come.
    tracking_url: Option<String>,
    /// The digest (SHA-256, hexadecimal) of the label, when there is one.
    label_sha256: Option<String>,
    /// When another came in its place; empty for one that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_at: Option<DateTime<Utc>>,
    /// When staff scanned it for its courier, or the courier had the shipment.
    #[serde(skip_serializing_if = "Option::is_none")]
    handed_over_at: Option<DateTime<Utc>>,
    /// There is also a code that the courier's shops print it from.
    has_qr_label: bool,
    /// What the courier told, oldest first, without what it took back.
    events: Vec<ParcelEventView>,
}

/// One thing that happened to a parcel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ParcelEvent)]
pub(super) struct ParcelEventView {
    at: DateTime<Utc>,
    /// What it means; empty when it says nothing about how far the parcel has come.
    status: Option<ParcelStatus>,
    /// In the courier's words.
    place: Option<String>,
    /// In the courier's words.
    description: Option<String>,
}

/// A page of a store's shipments.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShipmentList {
    shipments: Vec<ShipmentLine>,
    /// The last one of this page, when there are more: ask again with `after`.
    next: Option<ShipmentId>,
}

/// A shipment in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShipmentLine {
    shipment: ShipmentId,
    order: OrderId,
    /// The short name that people read.
    reference: String,
    direction: Direction,
    state: ShipmentState,
    /// Whether staff must say what was packed before anything is booked.
    waits_for_packing: bool,
    /// What must be looked at.
    trouble: Option<String>,
    created_at: DateTime<Utc>,
    booked_at: Option<DateTime<Utc>>,
}

/// A shipment with its parcels and events.
pub(super) async fn shipment(
    app: &App,
    shipment: Shipment,
    for_staff: bool,
) -> Result<ShipmentView, db::Error> {
    let events = store::events(&app.db, shipment.id).await?;
    let seen = |parcels: Vec<store::Parcel>| {
        parcels.into_iter().map(|parcel| parcel_view(app, parcel, &events)).collect::<Vec<_>>()
    };
    let parcels = seen(store::parcels(&app.db, shipment.id).await?);
    let dropped = if for_staff { store::dropped_parcels(&app.db, shipment.id).await? } else { Vec::new() };
    let dropped_parcels = seen(dropped);
    let waits_for_packing = waits_for_packing(&shipment);
    Ok(ShipmentView {
        follow_url: super::follow::url(app, &shipment),
        held_back: shipment.held_back.filter(|_| for_staff),
        shipment: shipment.id,
        order: shipment.order_id,
        store: shipment.store,
        reference: shipment.reference,
        carrier: shipment.carrier,
        couriers_left: shipment.couriers_left.filter(|_| for_staff).map(|left| left.0).unwrap_or_default(),
        direction: shipment.direction,
        returns_of: shipment.returns_of,
        state: shipment.state,
        waits_for_packing,
        trouble: shipment.trouble.filter(|_| for_staff),
        recipient: shipment.recipient.0,
        address: None,
        choice: shipment.choice.map(|choice| choice.0),
        parcels,
        dropped_parcels,
        created_at: shipment.created_at,
        booked_at: shipment.booked_at,
        handed_over_at: shipment.handed_over_at,
        delivered_at: shipment.delivered_at,
        returned_at: shipment.returned_at,
        failed_at: shipment.failed_at,
    })
}

fn parcel_view(app: &App, parcel: store::Parcel, events: &[store::Event]) -> ParcelView {
    let of_parcel = events.iter().filter(|event| event.parcel == parcel.number);
    let (size, tracking_url) = (parcel.size(), parcel.tracking_url(&app.carriers));
    ParcelView {
        number: parcel.number,
        weight_grams: parcel.weight_grams,
        size,
        carton: parcel.carton,
        booking: parcel.booking,
        status: parcel.status,
        tracking_url,
        carrier: parcel.carrier,
        tracking_number: parcel.tracking_number,
        label_sha256: parcel.label_sha256,
        dropped_at: parcel.dropped_at,
        handed_over_at: parcel.handed_over_at,
        has_qr_label: parcel.has_qr_label,
        events: of_parcel
            .map(|event| ParcelEventView {
                at: event.occurred_at,
                status: event.status,
                place: event.place.clone(),
                description: event.description.clone(),
            })
            .collect(),
    }
}

/// What was taken back waits for nothing.
fn waits_for_packing(shipment: &Shipment) -> bool {
    shipment.waits_for_packing && shipment.state == ShipmentState::Requested
}

/// Shortens rows, of which one more than a page was read, to the page; answers the last one of it when there are more.
pub(super) fn cut<R, I>(rows: &mut Vec<R>, page: usize, id: impl Fn(&R) -> I) -> Option<I> {
    let has_more = rows.len() > page;
    rows.truncate(page);
    rows.last().filter(|_| has_more).map(id)
}

/// A page of rows, of which one more than `page` was read.
pub(super) fn list(mut rows: Vec<Shipment>, page: usize) -> ShipmentList {
    let next = cut(&mut rows, page, |row| row.id);
    let line = |row: Shipment| ShipmentLine {
        waits_for_packing: waits_for_packing(&row),
        shipment: row.id,
        order: row.order_id,
        reference: row.reference,
        direction: row.direction,
        state: row.state,
        trouble: row.trouble,
        created_at: row.created_at,
        booked_at: row.booked_at,
    };
    ShipmentList { shipments: rows.into_iter().map(line).collect(), next }
}

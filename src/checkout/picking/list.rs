//! What to pick: the goods of all orders that wait, in the order in which one walks through the store.
//!
//! What needs no cooling comes first, what is frozen last; among these by aisle, bay and shelf, counted as people count (2 before
//! 10). Goods of which nobody said where they stand come after those of their kind, by category.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{IfMissing, PickedLine, Picker};
use crate::app::App;
use crate::catalog::{self, Alternative, Location, ProductRow, Temperature};
use crate::checkout::error::Error;
use crate::checkout::order::Order;
use crate::checkout::quote::{Fulfilment, QuoteLine};
use crate::checkout::store;
use crate::clock::Moment;
use crate::ids::{OrderId, ShipmentId, Sku, StoreId};
use crate::quantity::Quantity;

/// Most orders of one list: what one tour through a store holds.
pub(super) const ORDERS_MAX: i64 = 50;

/// What to pick in a store.
#[derive(Debug, Serialize, ToSchema)]
pub struct PickList {
    /// The orders, by the time at which their goods leave.
    orders: Vec<OrderToPick>,
    /// Their goods, in the order in which one walks through the store.
    items: Vec<PickItem>,
}

/// An order that waits to be picked.
#[derive(Debug, Serialize, ToSchema)]
struct OrderToPick {
    /// The order.
    order: OrderId,
    /// What people call it.
    number: String,
    /// What it goes out with.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment: Option<ShipmentId>,
    /// When it was paid.
    placed_at: DateTime<Utc>,
    /// When its goods leave the store, where the shopper chose a way of delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_by: Option<DateTime<Utc>>,
    /// Who picks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    picker: Option<Picker>,
}

/// A line of an order, to be picked.
#[derive(Debug, Serialize, ToSchema)]
struct PickItem {
    /// The order.
    order: OrderId,
    /// What people call it.
    number: String,
    /// The line.
    line: i64,
    /// The product.
    sku: Sku,
    /// The code by which it was scanned.
    code: String,
    /// What it is called.
    name: String,
    /// How much: pieces or a measure.
    quantity: Quantity,
    /// Where it stands, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    /// How cold it is kept.
    temperature: Temperature,
    /// From what age it is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_min: Option<i64>,
    /// Whether a tag has to come off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_tag: bool,
    /// How much the store should have, as its system said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<i64>,
    /// What the shopper wants where it is not there.
    if_missing: IfMissing,
    /// What may go in its place, what the shopper named first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
    /// What was said of it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    picked: Option<PickedLine>,
}

/// What waits to be picked in a store; of these orders only, where any are named.
pub(super) async fn pick_list(
    app: &App,
    store: &StoreId,
    orders: &BTreeSet<OrderId>,
) -> Result<PickList, Error> {
    let now = app.clock.now();
    let mut waiting = Vec::new();
    if orders.is_empty() {
        waiting = store::to_pick(&app.db, store, ORDERS_MAX).await?;
    }
    for order in orders {
        let found = store::find_order(&app.db, *order).await?;
        waiting.extend(
            found.filter(|order| order.store == *store && order.may_be_picked() && order.picked_at.is_none()),
        );
    }
    waiting.sort_by_key(|order| (order.pick_by(), order.id));
    let skus: BTreeSet<&str> = waiting.iter().flat_map(lines).map(|line| line.sku.as_str()).collect();
    let locations = catalog::locations(&app.db, store, skus.iter().copied()).await?;
    let stock = catalog::stock_of(&app.db, store, skus.iter().copied()).await?;
    let known = app.catalog.view();
    let mut items: Vec<(Place, PickItem)> = Vec::new();
    for order in &waiting {
        for line in lines(order) {
            let facts = known.facts(&line.sku);
            let location = locations.get(&line.sku).cloned();
            let place = Place::of(location.as_ref(), facts.as_ref(), line);
            let stock = stock.get(&line.sku).copied();
            items.push((place, item(app, now, order, line, (facts, location, stock))?));
        }
    }
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    let items = items.into_iter().map(|(_, item)| item).collect();
    Ok(PickList { orders: waiting.into_iter().map(OrderToPick::from).collect(), items })
}

fn lines(order: &Order) -> impl Iterator<Item = &QuoteLine> {
    order.quote.lines_of(Fulfilment::Deliver)
}

impl From<Order> for OrderToPick {
    fn from(order: Order) -> Self {
        Self {
            leaves_by: order.leaves_by(),
            order: order.id,
            number: order.number,
            shipment: order.shipment,
            placed_at: order.placed_at,
            picker: order.picking.picker,
        }
    }
}

fn item(
    app: &App,
    now: Moment,
    order: &Order,
    line: &QuoteLine,
    (facts, location, stock): (Option<ProductRow>, Option<Location>, Option<i64>),
) -> Result<PickItem, Error> {
    let mut alternatives = match line.if_missing {
        IfMissing::LeaveOut => Vec::new(),
        IfMissing::Replace | IfMissing::Ask => app.catalog.alternatives(&order.store, &line.sku, now),
    };
    if let Some(wanted) = &line.instead {
        let named = app.catalog.as_alternative(&order.store, wanted, now);
        alternatives.retain(|each| each.sku != *wanted);
        alternatives.splice(0..0, named);
    }
    Ok(PickItem {
        order: order.id,
        number: order.number.clone(),
        line: line.line,
        sku: line.sku.clone(),
        code: line.code.clone(),
        name: line.name.clone(),
        quantity: line
            .measure
            .map_or_else(|| Quantity::pieces(line.pieces), Ok)
            .map_err(|error| Error::Internal(error.into()))?,
        location,
        temperature: facts.as_ref().map_or(Temperature::Ambient, |facts| facts.temperature),
        age_min: facts.as_ref().and_then(|facts| facts.age_min),
        has_tag: facts.is_some_and(|facts| facts.has_tag),
        stock,
        if_missing: line.if_missing,
        alternatives,
        picked: order.picked(line.line).cloned(),
    })
}

/// Where something is on the way through a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// What is cold is picked late, so that it stays cold.
    cold: u8,
    is_unknown: bool,
    aisle: Vec<Part>,
    bay: Vec<Part>,
    shelf: Vec<Part>,
    category: Vec<String>,
    name: String,
}

impl Place {
    fn of(location: Option<&Location>, facts: Option<&ProductRow>, line: &QuoteLine) -> Self {
        let cold = match facts.map(|facts| facts.temperature) {
            None | Some(Temperature::Ambient) => 0,
            Some(Temperature::Chilled) => 1,
            Some(Temperature::Frozen) => 2,
        };
        let counted = |text: Option<&str>| counted(text.unwrap_or_default());
        Self {
            cold,
            is_unknown: location.is_none(),
            aisle: counted(location.map(|location| location.aisle.as_str())),
            bay: counted(location.and_then(|location| location.bay.as_deref())),
            shelf: counted(location.and_then(|location| location.shelf.as_deref())),
            category: facts.map(|facts| facts.category.clone()).unwrap_or_default(),
            name: line.name.clone(),
        }
    }
}

/// A part of a name: numbers count as such.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Text(String),
}

/// A name as people count: A2 comes before A10.
fn counted(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_alike = |each: char| each.is_ascii_digit() == first.is_ascii_digit();
        let (part, more) = rest.split_at(rest.find(|each| !is_alike(each)).unwrap_or(rest.len()));
        parts.push(part.parse().map_or_else(|_| Part::Text(part.to_lowercase()), Part::Number));
        rest = more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aisles_are_counted_as_people_count() {
        let mut aisles = ["A10", "B1", "A2", "10", "2", "a1", "", "A2b"];
        aisles.sort_by_key(|aisle| counted(aisle));
        assert_eq!(aisles, ["", "2", "10", "a1", "A2", "A2b", "A10", "B1"]);
    }
}

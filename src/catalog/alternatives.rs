//! What a shopper is led to who scans something that can't be bought: recalled, gone, stopped, or without a price here.
//!
//! The successor comes first, then what the retailer names, in its order. Where neither gives anything that is sold, goods
//! of the same category are offered whose content is about as much. Only what the store sells at that very moment is
//! offered. All of it is read from memory: what is named stands with the product, and categories with the words of the
//! search, so a product without alternatives costs nothing more.

use chrono::NaiveDateTime;

use super::code::{Gtin, Symbology};
use super::feed::Catalog;
use super::index::{Record, Shelf, Snapshot};
use super::product::ProductRow;
use crate::clock::Moment;
use crate::error::Alternative;
use crate::ids::{Sku, StoreId};
use crate::money::Money;

/// Alternatives that are offered: what a phone shows at once.
const OFFERED_MAX: usize = 5;
/// Successors of successors that are followed.
const SUCCESSORS_MAX: usize = 4;
/// Products of a category that are compared: more than a category of goods that are alike has.
const COMPARED_MAX: usize = 5_000;
/// Contents are alike when one is at most so many times the other, in percent.
const CONTENT_PERCENT_MAX: i64 = 200;

impl Catalog {
    /// What a store sells instead of a product now, the best first, at most five.
    pub fn alternatives(&self, store: &StoreId, sku: &Sku, now: Moment) -> Vec<Alternative> {
        let snapshot = self.view();
        let number = snapshot.number(sku);
        number.map_or_else(Vec::new, |number| self.instead_of(&snapshot, store, number, now))
    }

    /// A product as it is offered in the place of another; nothing where the store doesn't sell it now.
    pub fn as_alternative(&self, store: &StoreId, sku: &Sku, now: Moment) -> Option<Alternative> {
        let snapshot = self.view();
        let here = snapshot.shelf(store).ok()?;
        let local = here.store().local(now);
        offered(&snapshot, &here, snapshot.number(sku)?, now, local)
    }

    /// The same for what a code leads to, or led to before it was taken back.
    pub fn alternatives_to_code(
        &self,
        store: &str,
        code: &str,
        symbology: Option<Symbology>,
        now: Moment,
    ) -> Vec<Alternative> {
        let snapshot = self.view();
        let found = snapshot.last_owner(store, code, symbology, now).zip(store.parse().ok());
        found.map_or_else(Vec::new, |(number, store)| self.instead_of(&snapshot, &store, number, now))
    }

    fn instead_of(&self, snapshot: &Snapshot, store: &StoreId, number: u32, now: Moment) -> Vec<Alternative> {
        let (Ok(here), Some(record)) = (snapshot.shelf(store), snapshot.remembered(number)) else {
            return Vec::new();
        };
        let local = here.store().local(now);
        let offer = |other: u32| offered(snapshot, &here, other, now, local).filter(|_| other != number);
        let product = record.product();
        let named: Vec<Alternative> =
            named(snapshot, number, &product).into_iter().filter_map(offer).take(OFFERED_MAX).collect();
        if !named.is_empty() {
            return named;
        }
        let alike = self.search().in_category(&product.category, COMPARED_MAX);
        by_content(snapshot, record, &alike).into_iter().filter_map(offer).take(OFFERED_MAX).collect()
    }
}

/// The successor and those that followed it, then what the retailer names; each once.
fn named(snapshot: &Snapshot, number: u32, product: &ProductRow) -> Vec<u32> {
    let mut named = Vec::new();
    let mut add = |sku: &Sku| {
        let other = snapshot.number(sku).filter(|other| *other != number && !named.contains(other));
        named.extend(other);
        other
    };
    let mut successor = product.replaced_by.clone();
    for _ in 0..SUCCESSORS_MAX {
        let Some(other) = successor.as_ref().and_then(&mut add) else { break };
        successor = snapshot.remembered(other).and_then(|record| record.product().replaced_by);
    }
    for sku in &product.alternatives {
        add(sku);
    }
    named
}

/// Products whose content is about as much as this one's, the closest first; in the order of their SKUs where it is the same,
/// so that every instance offers the same.
fn by_content(snapshot: &Snapshot, product: &Record, others: &[u32]) -> Vec<u32> {
    let own = product.net_of_price();
    let mut alike: Vec<(i64, &str, u32)> = others
        .iter()
        .filter_map(|number| {
            let record = snapshot.record(*number)?;
            let percent = match (own, record.net_of_price()) {
                (None, _) => 100,
                (Some(own), Some(other)) if own.unit == other.unit => {
                    own.amount.max(other.amount) * 100 / own.amount.min(other.amount)
                }
                _ => return None,
            };
            (percent <= CONTENT_PERCENT_MAX).then_some((percent, record.sku(), *number))
        })
        .collect();
    alike.sort_unstable();
    alike.into_iter().map(|(_, _, number)| number).collect()
}

/// A product as it is offered: sold here and now, and without a recall.
fn offered(
    snapshot: &Snapshot,
    shelf: &Shelf<'_>,
    number: u32,
    now: Moment,
    local: NaiveDateTime,
) -> Option<Alternative> {
    let record = snapshot.record(number)?;
    let hit = shelf.hit(number, Gtin::NOTHING, now)?;
    if record.is_stopped() || !hit.recalls.is_empty() {
        return None;
    }
    let product = record.product();
    product.is_for_sale(local).then(|| Alternative {
        sku: product.sku,
        name: product.name,
        price: Money::new(hit.amount, shelf.store().currency),
        priced_per: product.priced_per,
    })
}

//! The entries of a cart's log. What was written once is read for ever: variants and fields are only ever added.

use serde::{Deserialize, Serialize};

use crate::ids::{CheckoutId, EventId, OrderId, ShopperId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Money, Rate};

/// One entry of a cart's log. What the catalogue said at the scan stands in the entry itself: the log is the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The trip begins.
    CheckedIn { shopper: ShopperId, store: StoreId, currency: Currency },
    /// So many of a product were added.
    Scanned { id: EventId, product: Product, quantity: i64 },
    /// A line has so many pieces now; none removes it.
    QuantitySet { id: EventId, line: i64, quantity: i64 },
    /// Nothing changes until the checkout lets go.
    Locked { checkout: CheckoutId },
    /// The checkout was not paid: shopping goes on.
    Unlocked { checkout: CheckoutId },
    /// Paid: the trip is over.
    Closed { checkout: CheckoutId, order: OrderId },
}

/// A product as the catalogue had it at the scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The code as GTIN-14, or the chain's own number.
    pub code: String,
    /// The retailer's number.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// Gross price of a piece.
    pub price: Money,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// The rate of that class on the day of the scan.
    pub rate: Rate,
    /// Weight of a piece in grams, where known.
    pub weight_grams: Option<i64>,
    /// Whether a courier may bring it.
    pub deliverable: bool,
    /// Whoever buys it must be so old, in years.
    pub age_min: Option<i64>,
    /// The revision of the catalogue that said so.
    pub revision: i64,
}

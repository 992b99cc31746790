//! A line of a cart.

use super::super::event::{Origin, Product};
use super::super::pricing::{Wares, Ways};
use crate::catalog::Portion;
use crate::clock::Moment;
use crate::ids::Sku;
use crate::money::{self, Money};
use crate::quantity::{self, Quantity};

/// One product in a cart; or, where each piece may cost something else, one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line's number: given once, never given again.
    pub number: i64,
    /// What.
    pub product: Product,
    /// How many pieces; one for what is measured.
    pub quantity: i64,
    /// What the codes said of its pieces, each once.
    pub origins: Vec<Origin>,
    /// When its first piece was scanned: when the shopper saw the price.
    pub seen_at: Moment,
    /// The promotions that it leads to, as they were found when it was priced last.
    pub ways: Ways,
}

impl Line {
    /// What promotions look at of it.
    pub fn wares(&self) -> Wares<'_> {
        let Product { sku, category, brand, .. } = &self.product;
        Wares { sku, category, brand: brand.as_deref(), ways: Some(&self.ways) }
    }

    /// Gross amount of the line: what the label says, else the price in proportion to what it is for, rounded once.
    pub fn amount(&self) -> Result<Money, money::Error> {
        self.portion().amount(self.product.price, self.product.priced_per)
    }

    /// How much it holds: what was measured, else its pieces.
    pub fn measured(&self) -> Result<Quantity, quantity::Error> {
        self.portion().quantity()
    }

    fn portion(&self) -> Portion {
        let Product { measure, label_price, .. } = self.product;
        Portion { measure, label_price, pieces: self.quantity }
    }

    /// Whether more pieces of the product, scanned like this one, go into this line.
    pub(super) fn is_shared_with(&self, product: &Product) -> bool {
        self.product.sku == product.sku && !self.product.has_own_line() && !product.has_own_line()
    }

    /// Whether this very piece is among its pieces, by its serial number. When fewer pieces are left than have serial numbers,
    /// nobody knows which ones were put back.
    pub(super) fn has_piece(&self, sku: &Sku, serial: &str) -> bool {
        let serials = self.origins.iter().filter_map(|origin| origin.serial.as_deref());
        let (mut count, mut is_there) = (0, false);
        for each in serials {
            count += 1;
            is_there |= each == serial;
        }
        is_there && self.product.sku == *sku && count <= self.quantity
    }

    pub(super) fn note(&mut self, origin: &Origin) {
        if !self.origins.contains(origin) {
            self.origins.push(origin.clone());
        }
    }
}

//! A product as the index keeps it: eight bytes that every answer is made with, and its facts as JSON ready to be sent.
//!
//! One allocation a product and no text twice: a million products must fit into a few hundred megabytes. Whoever needs the
//! facts one by one parses them, which takes about a microsecond.

use std::sync::Arc;

use super::super::product::{NetContent, NetUnit, ProductRow, SaleType};

/// Bytes before the JSON.
const HEADER_BYTES: usize = 8;
/// Set in the first byte of a product that has rules of its own: when, how often or whether it is sold.
const RULED: u8 = 1;
/// Set in the first byte of a product that is not sold for now.
const STOPPED: u8 = 2;
/// Set in the first byte of a product whose price is not for a piece.
const PRICED_PER: u8 = 4;
/// What the JSON of every product begins with; SKUs hold nothing that JSON escapes.
const SKU_MEMBER: &[u8] = b"{\"sku\":\"";

/// A product; cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct Record(Arc<[u8]>);

impl Record {
    pub(super) fn new(product: &ProductRow) -> Self {
        let mut bytes = Vec::with_capacity(512);
        let net = product.net_of_price();
        let unit = net.and_then(|net| NetUnit::ALL.iter().position(|unit| *unit == net.unit));
        // Nought stands for no unit.
        let unit = unit.and_then(|unit| u8::try_from(unit + 1).ok()).unwrap_or(0);
        let amount = net.and_then(|net| u32::try_from(net.amount).ok()).unwrap_or(0);
        let flags = (u8::from(is_ruled(product)) * RULED)
            | (u8::from(product.sale_stop.is_some()) * STOPPED)
            | (u8::from(product.priced_per.is_some()) * PRICED_PER);
        bytes.extend_from_slice(&[flags, unit, 0, 0]);
        bytes.extend_from_slice(&amount.to_le_bytes());
        serde_json::to_writer(&mut bytes, product).expect("texts and numbers can be written as JSON");
        Self(bytes.into())
    }

    /// Whether it is not sold for now.
    #[inline]
    pub(in crate::catalog) fn is_stopped(&self) -> bool {
        self.0[0] & STOPPED != 0
    }

    /// Whether it has rules of its own: when, how often or whether it is sold.
    #[inline]
    pub(in crate::catalog) fn is_ruled(&self) -> bool {
        self.0[0] & RULED != 0
    }

    /// Whether its price is for some quantity and not for a piece.
    #[inline]
    pub(in crate::catalog) fn is_priced_per(&self) -> bool {
        self.0[0] & PRICED_PER != 0
    }

    /// Whether this is the very row that the other one is.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The product's JSON.
    pub(in crate::catalog) fn json(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    /// How much a price is for, for the unit price.
    #[inline]
    pub(in crate::catalog) fn net_of_price(&self) -> Option<NetContent> {
        let unit = *NetUnit::ALL.get(usize::from(self.0[1]).checked_sub(1)?)?;
        let amount = u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]]);
        (amount > 0).then_some(NetContent { amount: i64::from(amount), unit })
    }

    /// The members of the product's JSON, without the braces around them.
    #[inline]
    pub(in crate::catalog) fn members(&self) -> &[u8] {
        &self.0[HEADER_BYTES + 1..self.0.len() - 1]
    }

    /// The retailer's number.
    pub(in crate::catalog) fn sku(&self) -> &str {
        let rest = self.0[HEADER_BYTES..].strip_prefix(SKU_MEMBER).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).unwrap_or_default()
    }

    pub(super) fn is_sku(&self, sku: &str) -> bool {
        self.sku() == sku
    }

    /// The facts one by one.
    pub(in crate::catalog) fn product(&self) -> ProductRow {
        serde_json::from_slice(&self.0[HEADER_BYTES..])
            .expect("what was written from a product can be read as one")
    }
}

fn is_ruled(product: &ProductRow) -> bool {
    product.sale == SaleType::Deposit
        || product.quantity_max.is_some()
        || product.sale_stop.is_some()
        || !product.sale_bans.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Sku, TaxClassId};

    #[test]
    fn a_record_gives_back_the_product_it_was_made_of() {
        let sku: Sku = "A-1".parse().expect("a key");
        let class: TaxClassId = "standard".parse().expect("a key");
        let mut product = ProductRow::new(sku, "Käse \"alt\"".to_owned(), class);
        product.net_content = Some(NetContent { amount: 250, unit: NetUnit::Gram });
        product.category = vec!["Food".to_owned(), "Cheese".to_owned()];
        let record = Record::new(&product);
        assert_eq!(record.product(), product);
        assert_eq!(record.net_of_price(), product.net_content);
        assert!(record.is_sku("A-1") && !record.is_sku("A") && !record.is_sku("A-12"));
    }
}

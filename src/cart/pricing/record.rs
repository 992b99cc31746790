//! All that a basket was priced with, so that it can be priced again at any time: to the same cents.
//!
//! A record owns what [`Basket`] borrows, and has the promotions that can touch the basket's goods as they were then. It is
//! kept for years: fields are only ever added, with a default.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::basket::{
    Basket, Charge, Customer, Deposit, Item, Left, Place, PointsRule, PriceError, Seen, Surcharge, Voucher,
};
use super::prepared::Promotions;
use super::result::Priced;
use crate::catalog::PromotionRow;
use crate::clock::Moment;
use crate::ids::{PromotionId, Sku};
use crate::money::Rate;

/// All that a basket was priced with, and what came out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    place: Place,
    at: Moment,
    local: NaiveDateTime,
    items: Vec<RecordedItem>,
    customer: Customer,
    coupons: Vec<PromotionId>,
    left: BTreeMap<PromotionId, Left>,
    surcharges: Vec<Surcharge>,
    vouchers: Vec<Voucher>,
    points: Option<PointsRule>,
    promotions: Vec<Arc<PromotionRow>>,
    /// What it cost.
    pub priced: Priced,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecordedItem {
    line: i64,
    sku: Sku,
    brand: Option<String>,
    category: Vec<String>,
    charge: Charge,
    pieces: i64,
    is_marked_down: bool,
    rate: Rate,
    deposit: Option<(Sku, i64, Rate)>,
    seen: Option<Seen>,
}

impl Record {
    /// The record of a basket that was priced so.
    pub fn of(basket: &Basket<'_>, promotions: &Promotions, priced: Priced) -> Self {
        let promotions = promotions.touching(basket);
        let is_kept = |promotion: &PromotionId| promotions.iter().any(|row| row.promotion == *promotion);
        let customer = Customer {
            uses: basket.customer.uses.iter().filter(|(each, _)| is_kept(each)).map(own).collect(),
            ..basket.customer.clone()
        };
        Self {
            place: basket.place,
            at: basket.at,
            local: basket.local,
            items: basket.items.iter().map(RecordedItem::of).collect(),
            customer,
            coupons: basket.coupons.clone(),
            left: basket.left.iter().filter(|(each, _)| is_kept(each)).map(own).collect(),
            surcharges: basket.surcharges.clone(),
            vouchers: basket.vouchers.clone(),
            points: basket.points,
            promotions,
            priced,
        }
    }

    /// Prices the same basket again.
    pub fn price_again(&self) -> Result<Priced, PriceError> {
        let basket = Basket {
            place: self.place,
            at: self.at,
            local: self.local,
            items: self.items.iter().map(RecordedItem::item).collect(),
            customer: self.customer.clone(),
            coupons: self.coupons.clone(),
            left: self.left.clone(),
            surcharges: self.surcharges.clone(),
            vouchers: self.vouchers.clone(),
            points: self.points,
        };
        super::price(&basket, &Promotions::of(self.promotions.iter().cloned()))
    }

    /// The promotions that could have touched it, as they were then.
    pub fn promotions(&self) -> impl Iterator<Item = &PromotionRow> {
        self.promotions.iter().map(|row| &**row)
    }
}

fn own<V: Copy>((promotion, value): (&PromotionId, &V)) -> (PromotionId, V) {
    (promotion.clone(), *value)
}

impl RecordedItem {
    fn of(item: &Item<'_>) -> Self {
        Self {
            line: item.line,
            sku: item.sku.clone(),
            brand: item.brand.map(str::to_owned),
            category: item.category.to_vec(),
            charge: item.charge,
            pieces: item.pieces,
            is_marked_down: item.is_marked_down,
            rate: item.rate,
            deposit: item.deposit.map(|deposit| (deposit.sku.clone(), deposit.amount, deposit.rate)),
            seen: item.seen,
        }
    }

    fn item(&self) -> Item<'_> {
        Item {
            line: self.line,
            sku: &self.sku,
            brand: self.brand.as_deref(),
            category: &self.category,
            charge: self.charge,
            pieces: self.pieces,
            is_marked_down: self.is_marked_down,
            rate: self.rate,
            deposit: self.deposit.as_ref().map(|(sku, amount, rate)| Deposit {
                sku,
                amount: *amount,
                rate: *rate,
            }),
            seen: self.seen,
            ways: None,
        }
    }
}

//! What is priced: the goods, who buys them, where and when. Plain values that borrow from wherever the caller has them.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::prepared::Ways;
use crate::clock::Moment;
use crate::ids::{PromotionId, Sku};
use crate::money::{Currency, Rate};
use crate::quantity::Unit;

/// How a line's amount comes about. All amounts are minor units of the basket's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Charge {
    /// So much a piece.
    Each {
        /// What everybody pays.
        price: i64,
        /// What members pay.
        member: Option<i64>,
    },
    /// In proportion to what was measured, rounded once.
    Measured {
        /// What everybody pays for `per`.
        price: i64,
        /// What members pay for `per`.
        member: Option<i64>,
        /// How much it is.
        measure: i64,
        /// In which unit.
        unit: Unit,
        /// What the price is for, in the same unit.
        per: i64,
    },
    /// What the label says: of each piece.
    Label {
        /// The price of the label.
        amount: i64,
        /// Whether the goods are sold by weight, volume or length: an amount off or a fixed price has no meaning then.
        is_by_measure: bool,
    },
}

/// The deposit that goes with each piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit<'a> {
    /// The product of type deposit.
    pub sku: &'a Sku,
    /// What it costs a piece.
    pub amount: i64,
    /// Its own tax rate.
    pub rate: Rate,
}

/// A line of the cart.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its number; no two lines have the same.
    pub line: i64,
    /// The product.
    pub sku: &'a Sku,
    /// Its brand.
    pub brand: Option<&'a str>,
    /// Its way through the tree of goods.
    pub category: &'a [String],
    /// What it costs.
    pub charge: Charge,
    /// How many pieces; one for what was measured.
    pub pieces: i64,
    /// Whether it was marked down for its date.
    pub is_marked_down: bool,
    /// The rate of its tax.
    pub rate: Rate,
    /// Its deposit.
    pub deposit: Option<Deposit<'a>>,
    /// When the shopper saw its price, where the store promises what was seen then: a promotion that held at that moment
    /// holds for this line still.
    pub seen: Option<Seen>,
    /// The promotions that its goods lead to, where that is remembered.
    pub ways: Option<&'a Ways>,
}

/// What promotions look at of goods.
#[derive(Clone, Copy, Debug)]
pub struct Wares<'a> {
    /// The product.
    pub sku: &'a Sku,
    /// Its way through the tree of goods.
    pub category: &'a [String],
    /// Its brand.
    pub brand: Option<&'a str>,
    /// The promotions that they lead to, where that is remembered.
    pub ways: Option<&'a Ways>,
}

impl<'a> Wares<'a> {
    /// Those of an item.
    pub fn of(item: &Item<'a>) -> Self {
        let Item { sku, category, brand, ways, .. } = *item;
        Self { sku, category, brand, ways }
    }
}

/// A moment, by the world's clock and by the store's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// The moment.
    pub at: Moment,
    /// The same by the store's own clock.
    pub local: NaiveDateTime,
}

/// Who buys, as the CRM has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Customer {
    /// Whether in the retailer's club.
    pub is_member: bool,
    /// Segments, by the CRM's names.
    pub segments: Vec<String>,
    /// How many times they had promotions so far that one shopper may have only so often.
    pub uses: BTreeMap<PromotionId, i64>,
}

/// What is left of a promotion that all shoppers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// So many times; nothing when that is not limited.
    pub uses: Option<i64>,
    /// So many minor units; nothing when that is not limited.
    pub amount: Option<i64>,
}

/// A fee beside the goods: delivery, a carrier bag, a small basket. No promotion touches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surcharge {
    /// What for, as shoppers read it.
    pub name: String,
    /// How much.
    pub amount: i64,
    /// The rate of its tax.
    pub rate: Rate,
    /// Whether it is for the delivery: where nothing is sent in the end, it is not asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_for_delivery: bool,
}

/// Something that pays like money: the slip of a bottle machine, points that are burned. It changes no price and no tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Its own number; no two have the same.
    pub id: String,
    /// What it is worth.
    pub amount: i64,
    /// Where it need not pay as a whole: it pays a multiple of this, which one point is worth.
    pub step: Option<i64>,
}

/// Whether prices hold the tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaxMode {
    /// Value-added tax inside the price.
    Inside,
    /// Sales tax on top of the price, as in the United States.
    OnTop,
}

/// Where tax is rounded, always half away from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaxRounding {
    /// Once a rate, on the sum of what is taxed at it; lines get their shares of that.
    Sum,
    /// Once a line; the tax of a rate is their sum.
    Line,
}

/// The rules of the store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Place {
    /// What it sells in.
    pub currency: Currency,
    /// Whether its prices hold the tax.
    pub tax_mode: TaxMode,
    /// Where tax is rounded.
    pub tax_rounding: TaxRounding,
}

/// How points are earned: so many for each full `per` minor units that are paid for goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsRule {
    /// Minor units.
    pub per: i64,
    /// Points for them.
    pub points: i64,
}

/// All that a price depends on, beside the promotions.
#[derive(Clone, Debug)]
pub struct Basket<'a> {
    /// The rules of the store.
    pub place: Place,
    /// The time.
    pub at: Moment,
    /// The same by the store's own clock.
    pub local: NaiveDateTime,
    /// The goods.
    pub items: Vec<Item<'a>>,
    /// Who buys.
    pub customer: Customer,
    /// The coupons that are shown: the promotion that each is for, as often as there are coupons for it.
    pub coupons: Vec<PromotionId>,
    /// What is left of promotions with a budget; nothing is left of those that are missing here.
    pub left: BTreeMap<PromotionId, Left>,
    /// Fees.
    pub surcharges: Vec<Surcharge>,
    /// What pays beside the debit.
    pub vouchers: Vec<Voucher>,
    /// How points are earned.
    pub points: Option<PointsRule>,
}

/// Why there is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The sum does not fit.
    #[error("the amount is too large")]
    Overflow,
    /// A line without pieces, with a price below zero, or measured against nothing.
    #[error("line {0} can't be priced")]
    Line(i64),
    /// A fee, a deposit or a voucher below zero, or one that pays in steps of nothing.
    #[error("an amount beside the goods is below zero")]
    Negative,
}

//! What something costs, and why: the answer of the engine. Serialisable, so that an order keeps what was agreed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::vat::TaxLine;
use crate::ids::{PromotionId, Sku};
use crate::money::{Currency, Money, Rate};
use crate::text_enum;

text_enum! {
    /// What made a promotion hold for this basket.
    pub enum Trigger {
        /// The goods alone.
        Goods = "goods",
        /// A coupon that was shown.
        Coupon = "coupon",
        /// The customer is a member.
        Membership = "membership",
        /// The customer is in a segment.
        Segment = "segment",
    }
}

/// A line with its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricedLine {
    /// Its number.
    pub line: i64,
    /// What everybody pays for a piece, or for what the price is for: the price that counts. None where a label has the price
    /// of the piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// What it costs everybody without any promotion.
    pub full: Money,
    /// What it costs after all discounts, in the terms of the shelf: with tax inside, without tax on top.
    pub amount: Money,
    /// The rate of its tax.
    pub rate: Rate,
    /// `amount` without tax.
    pub net: Money,
    /// Its share of the tax.
    pub tax: Money,
}

/// The deposit of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricedDeposit {
    /// The line that it goes with.
    pub line: i64,
    /// The product of type deposit.
    pub sku: Sku,
    /// How many pieces.
    pub pieces: i64,
    /// What they cost together, in the terms of the shelf.
    pub amount: Money,
    /// The rate of its tax.
    pub rate: Rate,
    /// `amount` without tax.
    pub net: Money,
    /// Its share of the tax.
    pub tax: Money,
}

/// A fee with its tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricedSurcharge {
    /// What for.
    pub name: String,
    /// How much, in the terms of the shelf.
    pub amount: Money,
    /// The rate of its tax.
    pub rate: Rate,
    /// `amount` without tax.
    pub net: Money,
    /// Its share of the tax.
    pub tax: Money,
    /// Whether it is for the delivery: where nothing is sent in the end, it is not asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_for_delivery: bool,
}

/// What one discount takes off one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscountShare {
    /// The line's number.
    pub line: i64,
    /// The pieces that it counted.
    pub pieces: i64,
    /// What came off them.
    pub amount: Money,
}

/// Why something costs less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Discount {
    /// The promotion; none for the price of members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionId>,
    /// The name that shoppers read; nothing for the price of members.
    pub name: String,
    /// What made it hold.
    pub trigger: Trigger,
    /// The segment, where one made it hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// How many times it was applied: what its limits count.
    pub times: i64,
    /// How many of the coupons that were shown it needs; the others stay with the customer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub coupons: i64,
    /// What it takes off in all.
    pub amount: Money,
    /// The lines that it counted, by number, and its amount on each.
    pub lines: Vec<DiscountShare>,
}

/// What a promotion gives in points for one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointsShare {
    /// The line's number.
    pub line: i64,
    /// The pieces that it counted.
    pub pieces: i64,
    /// The points for them.
    pub points: i64,
}

/// What a promotion gives in points. It goes together with every other promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExtraPoints {
    /// The promotion.
    pub promotion: PromotionId,
    /// The name that shoppers read.
    pub name: String,
    /// What made it hold.
    pub trigger: Trigger,
    /// The segment, where one made it hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// How many times it was applied, once a piece: what its limits count.
    pub times: i64,
    /// How many of the coupons that were shown it needs; the others stay with the customer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub coupons: i64,
    /// The points in all.
    pub points: i64,
    /// The lines that it counted, by number.
    pub lines: Vec<PointsShare>,
}

/// What a basket has of a promotion: what its limits count, and the coupons that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Had<'a> {
    /// The promotion.
    pub promotion: &'a PromotionId,
    /// How many times.
    pub times: i64,
    /// Minor units of discount.
    pub amount: i64,
    /// Coupons.
    pub coupons: i64,
}

/// A voucher that pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credit {
    /// The voucher's number.
    pub id: String,
    /// What it pays.
    pub amount: Money,
}

/// What a basket costs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Priced {
    /// Of all amounts.
    pub currency: Currency,
    /// The lines, in the order of the basket's items.
    pub lines: Vec<PricedLine>,
    /// The deposits, in the same order.
    pub deposits: Vec<PricedDeposit>,
    /// The fees, in their order.
    pub surcharges: Vec<PricedSurcharge>,
    /// What made it cheaper, in the order in which it was applied.
    pub discounts: Vec<Discount>,
    /// The tax, by rising rate.
    pub taxes: Vec<TaxLine>,
    /// What all discounts take off.
    pub saved: Money,
    /// Goods, deposits, fees and tax: what is to be paid for all.
    pub total: Money,
    /// What pays a part of it.
    pub credits: Vec<Credit>,
    /// What is left to be debited.
    pub to_pay: Money,
    /// Points that are earned, with those that promotions give.
    pub points: i64,
    /// What promotions give in points, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_points: Vec<ExtraPoints>,
}

impl Priced {
    /// What it has of each promotion, whether that takes something off or gives points.
    pub fn had(&self) -> impl Iterator<Item = Had<'_>> {
        let discounts = self.discounts.iter().filter_map(|discount| {
            let (times, coupons) = (discount.times, discount.coupons);
            let promotion = discount.promotion.as_ref()?;
            Some(Had { promotion, times, amount: discount.amount.minor(), coupons })
        });
        discounts.chain(self.extra_points.iter().map(|extra| Had {
            promotion: &extra.promotion,
            times: extra.times,
            amount: 0,
            coupons: extra.coupons,
        }))
    }

    /// What all discounts take off a line.
    pub fn saved_on(&self, line: i64) -> i64 {
        let shares = self.discounts.iter().flat_map(|discount| &discount.lines);
        shares.filter(|share| share.line == line).map(|share| share.amount.minor()).sum()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &i64) -> bool {
    *count == 0
}

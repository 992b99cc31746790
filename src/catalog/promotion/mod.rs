//! A promotion as the retailer has it: when it holds, for whom, on which goods, what it gives, and what it goes together with.
//!
//! One type for what is delivered, stored and priced with, as with products. A row says all that there is to say: the engine
//! in `cart/pricing` knows no other rule. `faults.rs` finds what contradicts itself, before a row gets into the catalogue.

mod faults;

pub use faults::PromotionFault;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{CouponCode, PromotionId, ShopperId, Sku, StoreId};
use crate::money::{Currency, Rate};
use crate::quantity::Quantity;
use crate::text_enum;

text_enum! {
    /// What a promotion goes together with.
    pub enum Combination {
        /// With every other promotion that stacks, on the same piece.
        Stackable = "stackable",
        /// A piece that has it has no other promotion on goods; promotions on the whole basket come on top.
        Exclusive = "exclusive",
        /// A piece that has it has nothing else, and counts for no promotion on the whole basket.
        Alone = "alone",
    }
}

/// Which goods: those with one of the numbers; and those of the categories and brands, of both where both are named. All
/// goods when nothing is named. What is excepted is never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Goods {
    /// These products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<Sku>,
    /// Products whose way through the tree of goods begins like one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Vec<String>>,
    /// Products of these brands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<String>,
    /// Never these products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Sku>,
    /// Never products whose way through the tree of goods begins like one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_categories: Vec<Vec<String>>,
}

impl Goods {
    /// Whether a product is among them.
    pub fn has(&self, sku: &Sku, category: &[String], brand: Option<&str>) -> bool {
        let is_under = |paths: &[Vec<String>]| paths.iter().any(|path| category.starts_with(path));
        if self.except.contains(sku) || is_under(&self.except_categories) {
            return false;
        }
        if self.names_all() || self.skus.contains(sku) {
            return true;
        }
        let is_of_kind = self.categories.is_empty() || is_under(&self.categories);
        let is_of_brand =
            self.brands.is_empty() || brand.is_some_and(|brand| self.brands.iter().any(|each| each == brand));
        !(self.categories.is_empty() && self.brands.is_empty()) && is_of_kind && is_of_brand
    }

    /// Whether nothing is named: all goods, but for what is excepted.
    pub fn names_all(&self) -> bool {
        self.skus.is_empty() && self.categories.is_empty() && self.brands.is_empty()
    }
}

/// Hours of the week, by the store's own clock: in which a promotion holds, or couriers can collect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Days of the week on which they begin, 1 is Monday and 7 is Sunday (ISO 8601).
    #[schema(min_items = 1, max_items = 7)]
    pub days: Vec<u8>,
    /// From this time of day on, `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// Until this time; when it is not later than `from`, until then on the next day.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub to: String,
}

impl Hours {
    /// Both times as minutes since midnight; nothing when one is no time of day.
    pub fn minutes(&self) -> Option<(u32, u32)> {
        Some((super::product::minutes(&self.from)?, super::product::minutes(&self.to)?))
    }

    /// Whether they hold at this time of the store's own clock.
    pub fn hold(&self, at: NaiveDateTime) -> bool {
        self.minutes().is_some_and(|(from, to)| super::product::within(&self.days, from, to, at))
    }

    /// Whether they name days of the week and times of the day.
    pub fn are_sound(&self) -> bool {
        let are_days = !self.days.is_empty() && self.days.iter().all(|day| (1..=7).contains(day));
        are_days && self.minutes().is_some()
    }
}

/// A part of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPart {
    /// Goods that may stand here.
    pub goods: Goods,
    /// How many pieces of them.
    #[schema(minimum = 1, maximum = 999)]
    pub pieces: i64,
}

/// What a complete set gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SetReward {
    /// The set costs so much.
    Price { amount: i64 },
    /// So much off the set.
    AmountOff { amount: i64 },
    /// So many percent off each piece of the set; off one part only, counted from 0, where it is named.
    PercentOff {
        percent: Rate,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<usize>,
    },
    /// So many percent off so many of the cheapest pieces of the set.
    CheapestOff { pieces: i64, percent: Rate },
}

/// What a tier gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TierReward {
    /// So many percent off each piece.
    PercentOff { percent: Rate },
    /// Each piece, or what its price is for, costs so much.
    FixedPrice { amount: i64 },
    /// So much off all of them together, once.
    AmountOff { amount: i64 },
}

/// A step of a tiered promotion: from so much on, that. Exactly one of the three thresholds is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// From so many pieces on; what is measured counts as one piece a scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_pieces: Option<i64>,
    /// From so many minor units on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_amount: Option<i64>,
    /// From so much by weight, volume or length on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_measure: Option<Quantity>,
    /// What it gives.
    pub reward: TierReward,
}

/// What a promotion on the whole basket gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum BasketReward {
    /// So many percent off, rounded once on their sum.
    PercentOff { percent: Rate },
    /// So much off.
    AmountOff { amount: i64 },
}

/// What a promotion gives. Amounts are minor units of the row's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Terms {
    /// So many percent off each piece, rounded a piece; off what was measured as a whole.
    PercentOff { percent: Rate },
    /// So much off each piece, or off what the price is for.
    AmountOff { amount: i64 },
    /// Each piece, or what the price is for, costs so much.
    FixedPrice { amount: i64 },
    /// Of so many pieces, so many are paid: the dearest ones.
    TakePay { take: i64, pay: i64 },
    /// So many pieces for so much together.
    TakeFor { take: i64, amount: i64 },
    /// Of so many pieces, so many percent off so many of the cheapest: 100 makes them free.
    CheapestOff { take: i64, pieces: i64, percent: Rate },
    /// The more, the cheaper.
    Tiers { tiers: Vec<Tier> },
    /// Pieces of several groups together: a bundle, mix and match, one thing with another.
    Set { parts: Vec<SetPart>, reward: SetReward },
    /// Off the goods together once they cost so much, after the promotions on goods.
    Basket { from_amount: i64, reward: BasketReward },
    /// So many extra points a piece, for whoever earns points; what it costs is not changed. They go beside every other
    /// promotion, whatever `combination` says.
    ExtraPoints { points: i64 },
}

/// What all shoppers together may have of it, first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// So many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<i64>,
    /// So many minor units of discount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
}

/// A promotion. It is applied so many *times*: once a piece for percents, amounts and fixed prices, once a group or set,
/// once a basket for tiers and promotions on the whole basket. The limits count these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the row that is delivered, not a state"
)]
pub struct PromotionRow {
    /// The retailer's number; the key.
    pub promotion: PromotionId,
    /// The name that shoppers read.
    pub name: String,
    /// The currency of its amounts; it holds in stores of that currency only. Needed when there are amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Where it holds; everywhere when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreId>,
    /// In which countries, by two letters; everywhere when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// The first second.
    pub valid_from: DateTime<Utc>,
    /// The first second after it.
    pub valid_to: DateTime<Utc>,
    /// At which hours; at all hours when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Whether it is for members of the retailer's club only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub members_only: bool,
    /// For customers of one of these segments, as the CRM names them; for everybody when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// Whether a coupon must be shown: each one is good for `basket_max` times, or for one basket when that is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_coupon: bool,
    /// On which goods; a set names its own.
    #[serde(default)]
    pub goods: Goods,
    /// Whether goods count that were marked down for their date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub includes_marked_down: bool,
    /// What it gives.
    pub terms: Terms,
    /// What it goes together with; `exclusive` when left out.
    #[serde(default = "exclusive")]
    pub combination: Combination,
    /// Those of higher priority come first and leave the rest to those of lower; of equal ones the shopper has the best.
    #[serde(default)]
    pub priority: i64,
    /// How many times one basket may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket_max: Option<i64>,
    /// How many times one shopper may have it in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shopper_max: Option<i64>,
    /// How much all together may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Whether the row is taken back; then only `promotion` counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A coupon: what makes a promotion with `needs_coupon` hold for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CouponRow {
    /// What stands on it; the key. A coupon of GS1 is named by its digits: 13 of its number, behind them the serial number of a
    /// single one (AI 255); one of North America (AI 8110, 8112) by company prefix and offer code, `614141-123456`, and
    /// behind another `-` the serial number of a single one.
    pub coupon: CouponCode,
    /// The promotion.
    pub promotion: PromotionId,
    /// Whose it is; anybody's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shopper: Option<ShopperId>,
    /// How many checkouts may use it; one when left out. A campaign's is good for many.
    #[serde(default = "once")]
    #[schema(minimum = 1)]
    pub uses_max: i64,
    /// Whether it is a campaign of single coupons: each has its serial number (AI 255, 8112), is good once, and
    /// counts for the campaign. Serial numbers are not known beforehand; where they are, each single coupon is a row.
    #[serde(default)]
    pub serialised: bool,
    /// Whether the row is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// What the CRM says of a customer, as far as prices depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerRow {
    /// The shopper as we name them; the key.
    pub customer: ShopperId,
    /// Whether in the retailer's club.
    #[serde(default)]
    pub is_member: bool,
    /// Segments, by the CRM's names.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub segments: Vec<String>,
    /// Whether the row is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

fn once() -> i64 {
    1
}

fn exclusive() -> Combination {
    Combination::Exclusive
}

impl PromotionRow {
    /// A promotion with what every one must have, and nothing else.
    pub fn new(
        promotion: PromotionId,
        name: String,
        terms: Terms,
        (valid_from, valid_to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Self {
        Self {
            promotion,
            name,
            terms,
            valid_from,
            valid_to,
            currency: None,
            stores: Vec::new(),
            countries: Vec::new(),
            hours: Vec::new(),
            members_only: false,
            segments: Vec::new(),
            needs_coupon: false,
            goods: Goods::default(),
            includes_marked_down: false,
            combination: Combination::Exclusive,
            priority: 0,
            basket_max: None,
            shopper_max: None,
            budget: None,
            deleted: false,
        }
    }

    /// Whether it is for some customers only.
    pub fn asks_who(&self) -> bool {
        self.members_only || !self.segments.is_empty()
    }

    /// Whether it has a limit that is counted beyond one basket.
    pub fn is_counted(&self) -> bool {
        self.budget.is_some() || self.shopper_max.is_some()
    }

    /// Whether it can hold in a store of that country and currency.
    pub fn is_for(&self, store: &StoreId, country: &str, currency: Currency) -> bool {
        (self.stores.is_empty() || self.stores.contains(store))
            && (self.countries.is_empty() || self.countries.iter().any(|each| each == country))
            && self.currency.is_none_or(|each| each == currency)
    }
}

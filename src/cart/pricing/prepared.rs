//! Promotions made ready for pricing: an immutable set, built once when promotions change, which leads from a product to the
//! promotions that can touch it. A cart never looks at the others.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::basket::{Basket, Seen};
use crate::catalog::{
    BasketReward, Combination, Goods, PromotionRow, SetPart, SetReward, Terms, TierReward, within,
};
use crate::ids::PromotionId;
use crate::money::Rate;
use crate::quantity::Unit;

/// When in the pricing of a cart a promotion is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// First: on goods.
    Goods,
    /// Then: on what they cost together.
    Basket,
    /// Last: no price is changed.
    Points,
}

/// What comes off a single piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EachOff {
    /// Thousandths of a percent.
    Percent(i64),
    /// An amount, a piece or for what the price is for.
    Amount(i64),
    /// What is above this price.
    Price(i64),
}

/// What comes off a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetOff {
    /// What is above this price of the set.
    Price(i64),
    /// An amount.
    Amount(i64),
    /// Thousandths of a percent off the pieces of one part, or of all.
    Percent(i64, Option<usize>),
    /// Thousandths of a percent off so many of the cheapest pieces.
    Cheapest(i64, i64),
}

/// From what on a tier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    Pieces(i64),
    Amount(i64),
    Measure(i64, Unit),
}

/// What a tier takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TierOff {
    Each(EachOff),
    Once(i64),
}

/// What a promotion does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Each(EachOff),
    /// With the pieces of each part.
    Sets(Vec<i64>, SetOff),
    Tiers(Vec<(Threshold, TierOff)>),
    /// From so much on: thousandths of a percent.
    BasketPercent(i64, i64),
    /// From so much on: an amount.
    BasketAmount(i64, i64),
    Points(i64),
}

/// A promotion as the engine uses it.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) row: Arc<PromotionRow>,
    pub(super) action: Action,
    pub(super) stage: Stage,
    /// Days, and minutes since midnight.
    pub(super) hours: Vec<(Vec<u8>, u32, u32)>,
}

/// A promotion that a product leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its place in the set.
    pub(super) place: usize,
    /// The part of it that the product may stand in.
    pub(super) part: usize,
    /// Whether the way here says too little: the goods must be asked.
    pub(super) must_ask: bool,
}

type Map<V> = HashMap<Box<str>, V, RandomState>;

#[derive(Clone, Debug, Default)]
struct Branch {
    spots: Vec<Spot>,
    below: Map<Branch>,
}

/// The promotions of one store, ready for pricing.
#[derive(Clone, Debug, Default)]
pub struct Promotions {
    list: Vec<Prepared>,
    skus: Map<Vec<Spot>>,
    brands: Map<Vec<Spot>>,
    categories: Branch,
    everywhere: Vec<Spot>,
}

impl Promotions {
    /// Makes rows ready that hold in one store. Rows that contradict themselves ([`PromotionRow::check`]) never get into
    /// the catalogue; one that does all the same is left out here.
    pub fn of(rows: impl IntoIterator<Item = Arc<PromotionRow>>) -> Self {
        let mut list: Vec<Prepared> = rows.into_iter().filter_map(prepare).collect();
        // The order in which promotions are applied and ties are broken: never that of delivery.
        list.sort_by(|a, b| {
            let key = |each: &Prepared| (-each.row.priority, step(&each.action));
            key(a).cmp(&key(b)).then_with(|| a.row.promotion.cmp(&b.row.promotion))
        });
        list.dedup_by(|a, b| a.row.promotion == b.row.promotion);
        let mut set = Self::default();
        for (place, prepared) in list.iter().enumerate() {
            for (part, goods) in parts(&prepared.row).enumerate() {
                set.lead(goods, place, part);
            }
        }
        set.list = list;
        set
    }

    fn lead(&mut self, goods: &Goods, place: usize, part: usize) {
        let has_exceptions = !goods.except.is_empty() || !goods.except_categories.is_empty();
        let spot = Spot { place, part, must_ask: has_exceptions };
        if goods.names_all() {
            self.everywhere.push(spot);
        }
        for sku in &goods.skus {
            self.skus.entry(sku.as_str().into()).or_default().push(spot);
        }
        // Where both are named a brand has fewer products than a category: it leads, and the category is asked.
        let asks = Spot { must_ask: has_exceptions || !goods.categories.is_empty(), ..spot };
        for brand in &goods.brands {
            self.brands.entry(brand.as_str().into()).or_default().push(asks);
        }
        if goods.brands.is_empty() {
            for path in &goods.categories {
                let mut branch = &mut self.categories;
                for each in path {
                    branch = branch.below.entry(each.as_str().into()).or_default();
                }
                branch.spots.push(spot);
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those whose limits are counted beyond one basket.
    pub fn counted(&self) -> impl Iterator<Item = &PromotionRow> {
        self.list.iter().map(|each| &*each.row).filter(|row| row.is_counted())
    }

    /// Those that can touch goods of these, with the others of the set left out: what such goods cost is the same.
    pub fn touching(&self, basket: &Basket<'_>) -> Vec<Arc<PromotionRow>> {
        let mut is_met = vec![false; self.list.len()];
        for item in &basket.items {
            self.each_spot(item.sku.as_str(), item.category, item.brand, |spot| is_met[spot.place] = true);
        }
        let met = self.list.iter().zip(is_met).filter(|(_, is_met)| *is_met);
        met.map(|(each, _)| Arc::clone(&each.row)).collect()
    }

    /// One of them, by its place.
    pub(super) fn at(&self, place: usize) -> &Prepared {
        &self.list[place]
    }

    /// One of them, by its number.
    pub fn row(&self, promotion: &PromotionId) -> Option<&Arc<PromotionRow>> {
        self.list.iter().map(|each| &each.row).find(|row| row.promotion == *promotion)
    }

    /// Calls with each promotion that can touch such a product; with the same one again when several ways lead to it.
    pub(super) fn each_spot(
        &self,
        sku: &str,
        category: &[String],
        brand: Option<&str>,
        mut call: impl FnMut(Spot),
    ) {
        let mut all = |spots: &[Spot]| spots.iter().copied().for_each(&mut call);
        all(&self.everywhere);
        if let Some(spots) = self.skus.get(sku) {
            all(spots);
        }
        if let Some(spots) = brand.and_then(|brand| self.brands.get(brand)) {
            all(spots);
        }
        let mut branch = &self.categories;
        for each in category {
            let Some(below) = branch.below.get(each.as_str()) else { break };
            branch = below;
            all(&branch.spots);
        }
    }
}

impl Prepared {
    /// The goods of one part.
    pub(super) fn goods(&self, part: usize) -> Option<&Goods> {
        parts(&self.row).nth(part)
    }

    /// Whether it holds at a moment.
    pub(super) fn holds_at(&self, seen: Seen) -> bool {
        let is_hour = |(days, from, to): &(Vec<u8>, u32, u32)| within(days, *from, *to, seen.local);
        (self.row.valid_from..self.row.valid_to).contains(&seen.at)
            && (self.hours.is_empty() || self.hours.iter().any(is_hour))
    }

    /// Whether it leaves room for others that stack.
    pub(super) fn is_stackable(&self) -> bool {
        self.row.combination == Combination::Stackable
    }
}

fn parts(row: &PromotionRow) -> impl Iterator<Item = &Goods> {
    let (own, of_set): (_, &[SetPart]) = match &row.terms {
        Terms::Set { parts, .. } => (None, parts),
        _ => (Some(&row.goods), &[]),
    };
    own.into_iter().chain(of_set.iter().map(|part| &part.goods))
}

fn prepare(row: Arc<PromotionRow>) -> Option<Prepared> {
    if row.deleted || row.check().is_err() {
        return None;
    }
    let action = action(&row.terms)?;
    let stage = match action {
        Action::Each(_) | Action::Sets(..) | Action::Tiers(_) => Stage::Goods,
        Action::BasketPercent(..) | Action::BasketAmount(..) => Stage::Basket,
        Action::Points(_) => Stage::Points,
    };
    let hours = row.hours.iter().filter_map(|hours| {
        let (from, to) = hours.minutes()?;
        Some((hours.days.clone(), from, to))
    });
    Some(Prepared { hours: hours.collect(), action, stage, row })
}

/// Thousandths of a percent that are all of it.
pub(super) const WHOLE: i64 = 100_000;

fn action(terms: &Terms) -> Option<Action> {
    let part = |rate: &Rate| rate.thousandths();
    Some(match terms {
        Terms::PercentOff { percent } => Action::Each(EachOff::Percent(part(percent))),
        Terms::AmountOff { amount } => Action::Each(EachOff::Amount(*amount)),
        Terms::FixedPrice { amount } => Action::Each(EachOff::Price(*amount)),
        Terms::TakePay { take, pay } => Action::Sets(vec![*take], SetOff::Cheapest(take - pay, WHOLE)),
        Terms::TakeFor { take, amount } => Action::Sets(vec![*take], SetOff::Price(*amount)),
        Terms::CheapestOff { take, pieces, percent } => {
            Action::Sets(vec![*take], SetOff::Cheapest(*pieces, part(percent)))
        }
        Terms::Tiers { tiers } => {
            let tier = |tier: &crate::catalog::Tier| {
                let from = match (tier.from_pieces, tier.from_amount, tier.from_measure) {
                    (Some(pieces), ..) => Threshold::Pieces(pieces),
                    (_, Some(amount), _) => Threshold::Amount(amount),
                    (.., measure) => measure.map(|each| Threshold::Measure(each.amount(), each.unit()))?,
                };
                let off = match &tier.reward {
                    TierReward::PercentOff { percent } => TierOff::Each(EachOff::Percent(part(percent))),
                    TierReward::FixedPrice { amount } => TierOff::Each(EachOff::Price(*amount)),
                    TierReward::AmountOff { amount } => TierOff::Once(*amount),
                };
                Some((from, off))
            };
            Action::Tiers(tiers.iter().map(tier).collect::<Option<_>>()?)
        }
        Terms::Set { parts, reward } => {
            let off = match reward {
                SetReward::Price { amount } => SetOff::Price(*amount),
                SetReward::AmountOff { amount } => SetOff::Amount(*amount),
                SetReward::PercentOff { percent, part: of } => SetOff::Percent(part(percent), *of),
                SetReward::CheapestOff { pieces, percent } => SetOff::Cheapest(*pieces, part(percent)),
            };
            Action::Sets(parts.iter().map(|each| each.pieces).collect(), off)
        }
        Terms::Basket { from_amount, reward: BasketReward::PercentOff { percent } } => {
            Action::BasketPercent(*from_amount, part(percent))
        }
        Terms::Basket { from_amount, reward: BasketReward::AmountOff { amount } } => {
            Action::BasketAmount(*from_amount, *amount)
        }
        Terms::ExtraPoints { points } => Action::Points(*points),
    })
}

/// The order among promotions of one priority that stack: prices before percents before amounts, which is the best for the
/// shopper for each pair of them.
fn step(action: &Action) -> u8 {
    match action {
        Action::Each(EachOff::Price(_)) => 0,
        Action::Sets(..) => 1,
        Action::Tiers(_) => 2,
        Action::Each(EachOff::Percent(_)) | Action::BasketPercent(..) => 3,
        Action::Each(EachOff::Amount(_)) | Action::BasketAmount(..) => 4,
        Action::Points(_) => 5,
    }
}

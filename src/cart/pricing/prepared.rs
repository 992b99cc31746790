//! Promotions made ready for pricing: an immutable set, built once when promotions change, which leads from a product to the
//! promotions that can touch it (`leads.rs`). A cart never looks at the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::basket::{Basket, Seen, Wares};
use super::leads::{Leads, Making, Spot};
use crate::catalog::{
    BasketReward, Combination, Goods, PromotionRow, SetPart, SetReward, Terms, TierReward, within,
};
use crate::clock::Moment;
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

impl Stage {
    /// Counted from nought.
    pub(super) const fn number(self) -> usize {
        match self {
            Self::Goods => 0,
            Self::Basket => 1,
            Self::Points => 2,
        }
    }
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

/// What a promotion that looks at several pieces needs at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Least {
    pub(super) pieces: i64,
    pub(super) amount: i64,
}

impl Least {
    fn of(action: &Action) -> Self {
        let (pieces, amount) = match action {
            Action::Each(_) | Action::Points(_) => (1, 1),
            Action::Sets(parts, _) => (parts.iter().sum(), 1),
            // The thresholds of tiers rise.
            Action::Tiers(tiers) => match tiers.first() {
                Some((Threshold::Pieces(least), _)) => (*least, 1),
                Some((Threshold::Amount(least), _)) => (1, *least),
                Some((Threshold::Measure(..), _)) | None => (1, 1),
            },
            Action::BasketPercent(from, _) | Action::BasketAmount(from, _) => (1, *from),
        };
        Self { pieces, amount }
    }
}

/// A promotion as the engine uses it.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) row: Arc<PromotionRow>,
    pub(super) action: Action,
    pub(super) stage: Stage,
    /// Days, and minutes since midnight.
    pub(super) hours: Vec<(Vec<u8>, u32, u32)>,
    /// From when on it holds, and from when on no longer.
    valid: (Moment, Moment),
    pub(super) priority: i64,
    pub(super) combination: Combination,
    pub(super) includes_marked_down: bool,
    /// With fewer pieces, or goods for less, it takes nothing off.
    pub(super) least: Least,
    /// Whether it is for everybody, without a coupon and without a limit.
    pub(super) is_for_all: bool,
}

/// A promotion that goods lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// Its place in the set.
    pub(super) place: usize,
    /// The parts of it in which they may stand, as bits.
    pub(super) parts: u8,
}

/// The promotions of a set that goods lead to, whoever buys them and whenever. Whoever has the goods may remember them, so
/// that a cart of many lines is not looked up with each scan; of another set they mean nothing.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    set: u64,
    ways: Box<[Way]>,
}

/// The number of the next set that is made in this process.
static NEXT_SET: AtomicU64 = AtomicU64::new(1);

/// The promotions of one store, ready for pricing.
#[derive(Clone, Debug, Default)]
pub struct Promotions {
    /// No other set of this process has it; nought for the one without promotions.
    number: u64,
    list: Vec<Prepared>,
    leads: Leads,
    /// The places of those whose limits are counted beyond one basket.
    counted: Vec<usize>,
}

/// What is remembered of goods is no part of what they are.
impl PartialEq for Ways {
    fn eq(&self, _: &Self) -> bool {
        true
    }
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
        let mut making = Making::default();
        for (place, prepared) in list.iter().enumerate() {
            for (part, goods) in parts(&prepared.row).enumerate() {
                lead(&mut making, goods, place, part);
            }
        }
        let counted = list.iter().enumerate().filter(|(_, each)| each.row.is_counted());
        Self {
            number: NEXT_SET.fetch_add(1, Ordering::Relaxed),
            counted: counted.map(|(place, _)| place).collect(),
            leads: making.finish(),
            list,
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
        self.counted.iter().map(|place| &*self.list[*place].row)
    }

    /// Those of them that can touch one of these goods.
    pub fn counted_on<'a>(
        &self,
        goods: impl Iterator<Item = Wares<'a>>,
    ) -> impl Iterator<Item = &PromotionRow> {
        let mut is_met = vec![false; if self.counted.is_empty() { 0 } else { self.list.len() }];
        if !self.counted.is_empty() {
            self.meet(goods, &mut is_met);
        }
        let met = self.counted.iter().filter(move |place| is_met[**place]);
        met.map(|place| &*self.list[*place].row)
    }

    /// Those that can touch goods of these, with the others of the set left out: what such goods cost is the same.
    pub fn touching(&self, basket: &Basket<'_>) -> Vec<Arc<PromotionRow>> {
        let mut is_met = vec![false; self.list.len()];
        self.meet(basket.items.iter().map(Wares::of), &mut is_met);
        let met = self.list.iter().zip(is_met).filter(|(_, is_met)| *is_met);
        met.map(|(each, _)| Arc::clone(&each.row)).collect()
    }

    fn meet<'a>(&self, goods: impl Iterator<Item = Wares<'a>>, is_met: &mut [bool]) {
        let mut found = Vec::new();
        for wares in goods {
            self.ways_of(wares, &mut found).iter().for_each(|way| is_met[way.place] = true);
        }
    }

    /// The ways from goods, to be remembered with them: those that are known, when they are of this set.
    pub fn ways(&self, wares: Wares<'_>) -> Ways {
        let mut found = Vec::new();
        let ways = self.ways_of(wares, &mut found).into();
        Ways { set: self.number, ways }
    }

    /// Whether what is remembered is of this set.
    pub fn knows(&self, ways: &Ways) -> bool {
        ways.set == self.number
    }

    /// The ways from goods, in the order in which promotions are applied: as they are remembered, else found now.
    pub(super) fn ways_of<'w>(&self, wares: Wares<'w>, found: &'w mut Vec<Way>) -> &'w [Way] {
        let Wares { sku, category, brand, ways } = wares;
        if let Some(known) = ways.filter(|ways| self.knows(ways)) {
            return &known.ways;
        }
        found.clear();
        self.leads.each(sku.as_str(), category, brand, |spot| {
            let (place, part) = (spot.place(), usize::from(spot.part));
            let goods = || parts(&self.list[place].row).nth(part);
            if spot.must_ask && !goods().is_some_and(|goods| goods.has(sku, category, brand)) {
                return;
            }
            match found.iter_mut().find(|way| way.place == place) {
                Some(way) => way.parts |= 1 << spot.part,
                None => found.push(Way { place, parts: 1 << spot.part }),
            }
        });
        found.sort_unstable();
        found
    }

    /// One of them, by its place.
    pub(super) fn at(&self, place: usize) -> &Prepared {
        &self.list[place]
    }

    /// One of them, by its number.
    pub fn row(&self, promotion: &PromotionId) -> Option<&Arc<PromotionRow>> {
        self.list.iter().map(|each| &each.row).find(|row| row.promotion == *promotion)
    }
}

/// Leads goods to a part of a promotion.
fn lead(making: &mut Making, goods: &Goods, place: usize, part: usize) {
    let has_exceptions = !goods.except.is_empty() || !goods.except_categories.is_empty();
    let Some(spot) = Spot::new(place, part, has_exceptions) else { return };
    if goods.names_all() {
        making.everywhere(spot);
    }
    goods.skus.iter().for_each(|sku| making.sku(sku.as_str(), spot));
    // Where both are named a brand has fewer products than a category: it leads, and the category is asked.
    let asks = if goods.categories.is_empty() { spot } else { spot.asking() };
    goods.brands.iter().for_each(|brand| making.brand(brand, asks));
    if goods.brands.is_empty() {
        goods.categories.iter().for_each(|path| making.category(path, spot));
    }
}

impl Prepared {
    /// Whether it holds at a moment.
    pub(super) fn holds_at(&self, seen: Seen) -> bool {
        let is_hour = |(days, from, to): &(Vec<u8>, u32, u32)| within(days, *from, *to, seen.local);
        (self.valid.0 <= seen.at && seen.at < self.valid.1)
            && (self.hours.is_empty() || self.hours.iter().any(is_hour))
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
    let is_limited = row.basket_max.is_some() || row.is_counted();
    Some(Prepared {
        hours: hours.collect(),
        least: Least::of(&action),
        action,
        stage,
        valid: (row.valid_from, row.valid_to),
        priority: row.priority,
        combination: row.combination,
        includes_marked_down: row.includes_marked_down,
        is_for_all: !row.asks_who() && !row.needs_coupon && !is_limited,
        row,
    })
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

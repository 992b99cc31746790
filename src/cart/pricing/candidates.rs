//! Which promotions hold for this basket, and which lines each can touch.
//!
//! Lines are put into one canonical order first, so that nothing later depends on the order of scanning.

use std::collections::BTreeSet;

use super::basket::{Basket, Charge, Item, Left, PriceError, Seen};
use super::prepared::{Action, EachOff, Prepared, Promotions, Stage};
use super::result::Trigger;
use crate::ids::PromotionId;
use crate::money::in_proportion;

/// What the engine needs to know of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact<'a> {
    /// The line.
    pub(super) item: &'a Item<'a>,
    /// Its place among the basket's items.
    pub(super) index: usize,
    /// What a piece costs everybody; what was measured is one piece.
    pub(super) full: i64,
    /// What a piece costs this customer before promotions.
    pub(super) each: i64,
    /// The rate of its tax in thousandths of a percent.
    pub(super) rate: i64,
}

/// A promotion that holds for this basket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Active<'p> {
    pub(super) prepared: &'p Prepared,
    /// Its place among all promotions: their order.
    pub(super) place: usize,
    /// How many times this basket may have it.
    pub(super) times_max: i64,
    /// How much it may take off.
    pub(super) amount_max: i64,
    /// Coupons that were shown for it.
    pub(super) coupons: i64,
    /// Who may have it.
    pub(super) trigger: Trigger,
    /// The segment, where one made it hold.
    pub(super) segment: Option<&'p str>,
    /// Whether it holds at this moment; else it may for what the shopper saw earlier.
    pub(super) holds_now: bool,
}

impl Active<'_> {
    /// Whether what it does to one piece depends on others.
    pub(super) fn is_joint(&self) -> bool {
        let is_limited = self.times_max < i64::MAX || self.amount_max < i64::MAX;
        is_limited || !matches!(self.prepared.action, Action::Each(_))
    }

    /// What it takes off single pieces, when that depends on no other piece.
    pub(super) fn each_off(&self) -> Option<EachOff> {
        match self.prepared.action {
            Action::Each(off) if !self.is_joint() => Some(off),
            _ => None,
        }
    }
}

/// A line that a promotion can touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// The promotion's place among the active ones.
    pub(super) active: usize,
    /// Bits of the parts that the line may stand in.
    pub(super) parts: u8,
}

/// For each line the promotions of one stage that can touch it.
#[derive(Clone, Debug, Default)]
pub(super) struct Touches {
    list: Vec<Touch>,
    /// Where each line's begin; one more than there are lines.
    starts: Vec<usize>,
}

impl Touches {
    /// The promotions that can touch a line.
    pub(super) fn of(&self, line: usize) -> &[Touch] {
        &self.list[self.starts[line]..self.starts[line + 1]]
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.starts.len() - 1
    }
}

/// What may happen to a basket.
pub(super) struct Candidates<'p> {
    pub(super) actives: Vec<Active<'p>>,
    pub(super) goods: Touches,
    pub(super) basket: Touches,
    pub(super) points: Touches,
}

/// The lines in canonical order: equal carts give equal sequences, but for the lines' numbers.
pub(super) fn facts<'a>(basket: &'a Basket<'a>) -> Result<Vec<Fact<'a>>, PriceError> {
    let mut facts = Vec::with_capacity(basket.items.len());
    let mut sum = 0_i64;
    for (index, item) in basket.items.iter().enumerate() {
        let fact = fact(index, item, basket.customer.is_member)?;
        let amount = fact.full.checked_mul(item.pieces).ok_or(PriceError::Overflow)?;
        sum = sum.checked_add(amount).ok_or(PriceError::Overflow)?;
        facts.push(fact);
    }
    facts.sort_unstable_by(|a, b| {
        let key = |each: &Fact<'a>| {
            let item = each.item;
            (each.full, each.each, item.pieces, each.rate, item.is_marked_down, measure(item), item.seen)
        };
        a.item.sku.cmp(b.item.sku).then_with(|| key(a).cmp(&key(b))).then(a.item.line.cmp(&b.item.line))
    });
    Ok(facts)
}

/// Part of the canonical order: how much it is, at which price for what.
fn measure(item: &Item<'_>) -> (bool, i64, i64, i64) {
    match item.charge {
        Charge::Each { .. } => (false, 0, 0, 0),
        Charge::Measured { price, measure, per, .. } => (false, measure, price, per),
        Charge::Label { is_by_measure, .. } => (true, i64::from(is_by_measure), 0, 0),
    }
}

fn fact<'a>(index: usize, item: &'a Item<'a>, is_member: bool) -> Result<Fact<'a>, PriceError> {
    let unfit = || PriceError::Line(item.line);
    let of_member =
        |member: Option<i64>, price: i64| member.filter(|_| is_member).unwrap_or(price).min(price);
    let (full, each) = match item.charge {
        Charge::Each { price, member } => (price, of_member(member, price)),
        Charge::Label { amount, .. } => (amount, amount),
        Charge::Measured { price, member, measure, per, .. } => {
            if per < 1 || measure < 1 {
                return Err(unfit());
            }
            let of = |price| in_proportion(price, measure, per).map_err(|_| PriceError::Overflow);
            (of(price)?, of(of_member(member, price))?)
        }
    };
    if each < 0 || item.pieces < 1 {
        return Err(unfit());
    }
    Ok(Fact { item, index, full, each, rate: item.rate.thousandths() })
}

/// A promotion that was not met yet, and one that does not hold.
const UNMET: usize = usize::MAX;
const VOID: usize = usize::MAX - 1;

/// Finds what can touch these lines.
pub(super) fn candidates<'p>(
    basket: &Basket<'_>,
    facts: &[Fact<'_>],
    promotions: &'p Promotions,
) -> Candidates<'p> {
    let mut found = Candidates {
        actives: Vec::new(),
        goods: Touches::default(),
        basket: Touches::default(),
        points: Touches::default(),
    };
    let mut met = vec![UNMET; promotions.len()];
    for fact in facts {
        let item = fact.item;
        for touches in [&mut found.goods, &mut found.basket, &mut found.points] {
            touches.starts.push(touches.list.len());
        }
        promotions.each_spot(item.sku.as_str(), item.category, item.brand, |spot| {
            if met[spot.place] == UNMET {
                let active = activate(basket, promotions.at(spot.place), spot.place);
                met[spot.place] = active.map_or(VOID, |active| {
                    found.actives.push(active);
                    found.actives.len() - 1
                });
            }
            let active = met[spot.place];
            if active == VOID {
                return;
            }
            let Active { prepared, holds_now, .. } = found.actives[active];
            if !holds_now && !item.seen.is_some_and(|seen| prepared.holds_at(seen)) {
                return;
            }
            if item.is_marked_down && !prepared.row.includes_marked_down {
                return;
            }
            let is_meant = || {
                prepared.goods(spot.part).is_some_and(|goods| goods.has(item.sku, item.category, item.brand))
            };
            if spot.must_ask && !is_meant() {
                return;
            }
            let touches = match prepared.stage {
                Stage::Goods => &mut found.goods,
                Stage::Basket => &mut found.basket,
                Stage::Points => &mut found.points,
            };
            touches.add(active, 1 << spot.part);
        });
        // In the order in which promotions are applied: whoever looks at one line need not look at all promotions.
        let Candidates { actives, goods, basket, points } = &mut found;
        for touches in [goods, basket, points] {
            let start = touches.starts.last().copied().unwrap_or_default();
            touches.list[start..].sort_unstable_by_key(|touch| actives[touch.active].place);
        }
    }
    for touches in [&mut found.goods, &mut found.basket, &mut found.points] {
        touches.starts.push(touches.list.len());
    }
    found
}

impl Touches {
    /// Notes a promotion for the line that is being looked at; another part of it when it is known there.
    fn add(&mut self, active: usize, part: u8) {
        let start = self.starts.last().copied().unwrap_or_default();
        match self.list[start..].iter_mut().find(|touch| touch.active == active) {
            Some(touch) => touch.parts |= part,
            None => self.list.push(Touch { active, parts: part }),
        }
    }
}

/// The promotions whose limits are counted beyond one basket and that may touch these goods, whether or not something is
/// left of them; sorted.
pub fn counted(basket: &Basket<'_>, promotions: &Promotions) -> BTreeSet<PromotionId> {
    let mut found = BTreeSet::new();
    for item in &basket.items {
        promotions.each_spot(item.sku.as_str(), item.category, item.brand, |spot| {
            let row = &promotions.at(spot.place).row;
            if row.is_counted() && !found.contains(&row.promotion) {
                found.insert(row.promotion.clone());
            }
        });
    }
    found
}

/// A promotion as this basket may have it; nothing when it is not for this customer, or nothing is left of it.
fn activate<'p>(basket: &Basket<'_>, prepared: &'p Prepared, place: usize) -> Option<Active<'p>> {
    let row = &prepared.row;
    let customer = &basket.customer;
    if row.members_only && !customer.is_member {
        return None;
    }
    let segment = row.segments.iter().find(|segment| customer.segments.contains(segment)).map(String::as_str);
    if !row.segments.is_empty() && segment.is_none() {
        return None;
    }
    let mut times_max = row.basket_max.unwrap_or(i64::MAX);
    let mut coupons = 0;
    if row.needs_coupon {
        let shown = basket.coupons.iter().filter(|coupon| **coupon == row.promotion).count();
        coupons = i64::try_from(shown).unwrap_or(i64::MAX);
        times_max = if coupons == 0 { 0 } else { times_max.saturating_mul(coupons) };
    }
    if let Some(most) = row.shopper_max {
        times_max = times_max.min(most - customer.uses.get(&row.promotion).copied().unwrap_or_default());
    }
    let mut amount_max = i64::MAX;
    if let Some(budget) = row.budget {
        let none = Left { uses: Some(0), amount: Some(0) };
        let left = basket.left.get(&row.promotion).copied().unwrap_or(none);
        times_max = times_max.min(budget.uses.and(left.uses).unwrap_or(i64::MAX));
        amount_max = budget.amount.and(left.amount).unwrap_or(i64::MAX);
    }
    let trigger = match (segment, row.needs_coupon, row.members_only) {
        (_, true, _) => Trigger::Coupon,
        (Some(_), ..) => Trigger::Segment,
        (.., true) => Trigger::Membership,
        _ => Trigger::Goods,
    };
    (times_max > 0 && amount_max > 0).then_some(Active {
        prepared,
        place,
        times_max,
        amount_max,
        coupons,
        trigger,
        segment,
        holds_now: prepared.holds_at(Seen { at: basket.at, local: basket.local }),
    })
}

//! Which promotions hold for this basket, and which lines each can touch.
//!
//! Lines are put into one canonical order first, so that nothing later depends on the order of scanning.

use super::basket::{Basket, Charge, Item, Left, PriceError, Seen, Wares};
use super::prepared::{Action, EachOff, Prepared, Promotions, Stage};
use super::result::Trigger;
use crate::catalog::Combination;
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
    /// Those of higher priority come first.
    pub(super) priority: i64,
    /// Whether it leaves room for others that stack.
    pub(super) is_stackable: bool,
    /// What it takes off single pieces, when that depends on no other piece.
    pub(super) each_off: Option<EachOff>,
}

impl Active<'_> {
    /// Whether what it does to one piece depends on others.
    pub(super) fn is_joint(&self) -> bool {
        self.each_off.is_none()
    }
}

/// A line that a promotion can touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// The promotion's number among the active ones, which are in the order in which they are applied.
    pub(super) active: usize,
    /// Bits of the parts that the line may stand in.
    pub(super) parts: u8,
}

/// For each line the promotions of one stage that can touch it, in the order in which they are applied: whoever looks at one
/// line need not look at all promotions.
#[derive(Clone, Debug)]
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
    // The beginning of a number is nearly always enough to put it in order.
    let begins = |(place, fact): (usize, &Fact<'_>)| (prefix(fact.item.sku.as_str()), place);
    let mut order: Vec<(u64, usize)> = facts.iter().enumerate().map(begins).collect();
    order.sort_unstable();
    for alike in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by(|(_, a), (_, b)| canonical(&facts[*a], &facts[*b]));
    }
    Ok(order.into_iter().map(|(_, place)| facts[place]).collect())
}

/// The canonical order.
fn canonical(a: &Fact<'_>, b: &Fact<'_>) -> std::cmp::Ordering {
    let key = |each: &Fact<'_>| {
        let item = each.item;
        (each.full, each.each, item.pieces, each.rate, item.is_marked_down, measure(item), item.seen)
    };
    let by_sku = a.item.sku.cmp(b.item.sku);
    by_sku.then_with(|| key(a).cmp(&key(b))).then(a.item.line.cmp(&b.item.line))
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

/// The first bytes of a text as a number of the same order; what is shorter ends with nought.
fn prefix(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(byte, of_text)| *byte = of_text);
    u64::from_be_bytes(bytes)
}

/// A promotion that was not met yet, and one that does not hold; else its place among those that were met.
const UNMET: u32 = u32::MAX;
const VOID: u32 = u32::MAX - 1;

/// Finds what can touch these lines.
pub(super) fn candidates<'p>(
    basket: &Basket<'_>,
    facts: &[Fact<'_>],
    promotions: &'p Promotions,
) -> Candidates<'p> {
    let actives = Vec::with_capacity((facts.len() * 2).min(promotions.len()));
    let mut met = Met { states: vec![UNMET; promotions.len()], actives };
    let mut touches = [Stage::Goods, Stage::Basket, Stage::Points].map(|_| Touches::for_lines(facts.len()));
    let mut ways = Vec::new();
    for fact in facts {
        let item = fact.item;
        for way in promotions.ways_of(Wares::of(item), &mut ways) {
            let Some(active) = met.meet(basket, promotions, way.place) else { continue };
            let prepared = active.prepared;
            let holds = || active.holds_now || item.seen.is_some_and(|seen| prepared.holds_at(seen));
            if holds() && (!item.is_marked_down || prepared.includes_marked_down) {
                let touch = Touch { active: way.place, parts: way.parts };
                touches[prepared.stage.number()].list.push(touch);
            }
        }
        for touches in &mut touches {
            touches.starts.push(touches.list.len());
        }
    }
    let (actives, ranks) = met.in_order();
    for touches in &mut touches {
        touches.rename(&ranks);
    }
    let [goods, basket, points] = touches;
    Candidates { actives, goods, basket, points }
}

/// The promotions that lines led to.
struct Met<'p> {
    states: Vec<u32>,
    actives: Vec<Active<'p>>,
}

impl<'p> Met<'p> {
    /// The promotion of this place, when it holds for the basket.
    #[inline]
    fn meet(&mut self, basket: &Basket<'_>, promotions: &'p Promotions, place: usize) -> Option<&Active<'p>> {
        if self.states[place] == UNMET {
            let active = activate(basket, promotions.at(place));
            self.states[place] = match active {
                Some(active) => {
                    self.actives.push(active);
                    u32::try_from(self.actives.len() - 1).unwrap_or(VOID)
                }
                None => VOID,
            };
        }
        self.actives.get(usize::try_from(self.states[place]).ok()?)
    }

    /// In the order in which they are applied, and for each place in the set its number in that.
    fn in_order(mut self) -> (Vec<Active<'p>>, Vec<u32>) {
        let mut actives = Vec::with_capacity(self.actives.len());
        for state in &mut self.states {
            let met = usize::try_from(*state).ok().and_then(|number| self.actives.get(number));
            if let Some(active) = met {
                *state = u32::try_from(actives.len()).unwrap_or(VOID);
                actives.push(*active);
            }
        }
        (actives, self.states)
    }
}

impl Touches {
    fn for_lines(lines: usize) -> Self {
        let mut starts = Vec::with_capacity(lines + 1);
        starts.push(0);
        Self { list: Vec::with_capacity(lines * 2), starts }
    }

    /// Names promotions by their numbers among those that hold, which are in the same order.
    fn rename(&mut self, ranks: &[u32]) {
        for touch in &mut self.list {
            touch.active = usize::try_from(ranks[touch.active]).unwrap_or_default();
        }
    }
}

/// A promotion as this basket may have it; nothing when it is not for this customer, or nothing is left of it.
fn activate<'p>(basket: &Basket<'_>, prepared: &'p Prepared) -> Option<Active<'p>> {
    let holds_now = prepared.holds_at(Seen { at: basket.at, local: basket.local });
    let Prepared { priority, combination, .. } = *prepared;
    let is_stackable = combination == Combination::Stackable;
    let plain = |times_max, amount_max| {
        let is_limited = times_max < i64::MAX || amount_max < i64::MAX;
        let each_off = match prepared.action {
            Action::Each(off) if !is_limited => Some(off),
            _ => None,
        };
        Active {
            prepared,
            times_max,
            amount_max,
            coupons: 0,
            trigger: Trigger::Goods,
            segment: None,
            holds_now,
            priority,
            is_stackable,
            each_off,
        }
    };
    if prepared.is_for_all {
        return Some(plain(i64::MAX, i64::MAX));
    }
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
    let active = Active { coupons, trigger, segment, ..plain(times_max, amount_max) };
    (times_max > 0 && amount_max > 0).then_some(active)
}

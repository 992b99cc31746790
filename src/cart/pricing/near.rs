//! Offers that nearly apply: "add one more and save 0.99". Pure.
//!
//! Nothing is guessed: what would be saved is found by pricing the basket once more with the missing pieces in it, and that an
//! amount would be enough by going through its stage once more with goods for so much beside the others. Only
//! promotions that touch something in the basket are looked at, at most [`NEAR_MAX`], the ones of the highest priority first.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::apply::Ground;
use super::basket::{Basket, Charge, Item, PriceError};
use super::candidates::{Active, Candidates, Fact, candidates, facts};
use super::prepared::{Action, Stage, Threshold};
use super::runs::{Mark, Run};
use super::search::solve;
use super::{Priced, Promotions, price, sets};
use crate::ids::PromotionId;
use crate::money::Money;

/// Most offers that are looked at: each costs a pricing, and nobody reads more.
pub const NEAR_MAX: usize = 12;
/// More missing pieces than so many are not "nearly".
const PIECES_MISSING_MAX: i64 = 3;
/// A basket is near a threshold when it lacks at most so many percent of it.
const AMOUNT_MISSING_PERCENT: i64 = 25;

/// What is missing for an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// So many pieces more, of the goods of this part.
    Pieces {
        /// How many.
        pieces: i64,
        /// The part of the promotion's terms, counted from 0.
        part: usize,
    },
    /// Goods for so much more.
    Amount(Money),
}

/// An offer that nearly applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The promotion.
    pub promotion: PromotionId,
    /// The name that shoppers read.
    pub name: String,
    /// What is missing.
    pub missing: Missing,
    /// A line of the basket with goods that would do; none when other goods are needed.
    pub line: Option<i64>,
    /// What discounts would take off more than now, where it can be said.
    pub saves: Option<Money>,
}

/// Goods of the basket that an offer touches: the item, and its parts as bits.
type Own<'a> = (&'a Item<'a>, u8);

/// The offers that nearly apply to a basket that was priced so.
pub fn near(basket: &Basket<'_>, promotions: &Promotions, priced: &Priced) -> Result<Vec<Near>, PriceError> {
    let facts = facts(basket)?;
    let found = candidates(basket, &facts, promotions);
    let mut owns: Vec<Vec<Own<'_>>> = vec![Vec::new(); found.actives.len()];
    for (line, fact) in facts.iter().enumerate() {
        for touch in found.goods.of(line).iter().chain(found.basket.of(line)) {
            owns[touch.active].push((fact.item, touch.parts));
        }
    }
    let stages = Stages { facts: &facts, found: &found, for_basket: OnceCell::new() };
    let mut offers = Vec::new();
    let mut looked_at = 0;
    for (number, (active, own)) in found.actives.iter().zip(&owns).enumerate() {
        if !active.holds_now || own.is_empty() {
            continue;
        }
        let lacks = |from: i64| stages.lacks(number, from, amount_by(priced, &active.prepared.row.promotion));
        let close = |from| Some(Missing::Amount(Money::new(lacks(from)?, basket.place.currency)));
        let Some(missing) = missing(active, own, close) else { continue };
        looked_at += 1;
        if looked_at > NEAR_MAX {
            break;
        }
        offers.extend(offer(basket, promotions, priced, active, own, missing)?);
    }
    Ok(offers)
}

/// The pricing of a basket once more, as far as sums of money are counted in it: what promotions count is what goods cost when
/// their turn comes, not what they cost in the end.
struct Stages<'a> {
    facts: &'a [Fact<'a>],
    found: &'a Candidates<'a>,
    /// What promotions on the basket look at, once one is asked for.
    for_basket: OnceCell<Vec<Run>>,
}

impl Stages<'_> {
    fn ground(&self, stage: Stage) -> Ground<'_> {
        let touches = if stage == Stage::Basket { &self.found.basket } else { &self.found.goods };
        Ground { facts: self.facts, actives: &self.found.actives, touches }
    }

    /// The pieces that promotions of a stage find.
    fn runs(&self, stage: Stage) -> Cow<'_, [Run]> {
        let at_first = || super::at_first(self.facts);
        if stage != Stage::Basket {
            return Cow::Owned(at_first());
        }
        Cow::Borrowed(self.for_basket.get_or_init(|| {
            let (runs, _) = solve(&self.ground(Stage::Goods), at_first());
            super::for_basket(&runs, self.facts.len()).0
        }))
    }

    /// What is missing for a promotion that begins at an amount and takes off so much by now. Nothing when that is too much,
    /// when it is reached, or when the promotion would not take off more with it: others come before.
    fn lacks(&self, number: usize, from: i64, takes_off: i64) -> Option<i64> {
        let stage = self.found.actives[number].prepared.stage;
        if stage == Stage::Basket && takes_off > 0 {
            return None;
        }
        let ground = self.ground(stage);
        let is_touched = |line: usize| ground.touches.of(line).iter().any(|touch| touch.active == number);
        let is_close = |sum: i64| sum < from && from - sum <= from / 100 * AMOUNT_MISSING_PERCENT;
        // Before all promotions it is the most: whoever is far from it then need not be looked at closely.
        let most = self.facts.iter().enumerate().filter(|(line, _)| is_touched(*line));
        let most: i64 = most.map(|(_, fact)| fact.each * fact.item.pieces).sum();
        if most < from && !is_close(most) {
            return None;
        }
        let mut runs = self.runs(stage).into_owned();
        let counts = |run: &&Run| is_touched(run.line) && ground.has_room(run, number);
        let line = runs.iter().find(counts)?.line;
        let sum: i64 = runs.iter().filter(counts).map(Run::amount).sum();
        if !is_close(sum) {
            return None;
        }
        // What is counted must fit, as everywhere.
        let all = runs.iter().try_fold(0_i64, |all, run| all.checked_add(run.amount()))?;
        all.checked_add(from - sum)?;
        runs.push(Run { line, pieces: 1, each: from - sum, mark: Mark::Free, had_before: false });
        let steps = solve(&ground, runs).1;
        let then: i64 = steps.iter().filter(|step| step.active == number).map(|step| step.share.amount).sum();
        (then > takes_off).then_some(from - sum)
    }
}

/// What is missing for one application more; nothing when that is too much, or when nothing is.
fn missing(active: &Active<'_>, own: &[Own<'_>], close: impl Fn(i64) -> Option<Missing>) -> Option<Missing> {
    let pieces = || own.iter().map(|(item, _)| item.pieces).sum::<i64>();
    let few = |pieces: i64, part| {
        (1..=PIECES_MISSING_MAX).contains(&pieces).then_some(Missing::Pieces { pieces, part })
    };
    match &active.prepared.action {
        Action::Sets(parts, _) => {
            let pieces: Vec<(u8, i64)> = own.iter().map(|(item, parts)| (*parts, item.pieces)).collect();
            let complete = sets::complete(parts, &pieces);
            if complete >= active.times_max {
                return None;
            }
            let (lacks, part) = sets::lacking(parts, &pieces, complete + 1)?;
            few(lacks, part)
        }
        Action::Tiers(tiers) => tiers.iter().find_map(|(threshold, _)| match threshold {
            Threshold::Pieces(least) if pieces() < *least => few(least - pieces(), 0),
            Threshold::Amount(least) => close(*least),
            _ => None,
        }),
        Action::BasketPercent(from, _) | Action::BasketAmount(from, _) => close(*from),
        Action::Each(_) | Action::Points(_) => None,
    }
}

/// The offer with what it would save. Nothing when it would save nothing.
fn offer(
    basket: &Basket<'_>,
    promotions: &Promotions,
    priced: &Priced,
    active: &Active<'_>,
    own: &[Own<'_>],
    missing: Missing,
) -> Result<Option<Near>, PriceError> {
    let row = &active.prepared.row;
    let near =
        |line, saves| Near { promotion: row.promotion.clone(), name: row.name.clone(), missing, line, saves };
    let Missing::Pieces { pieces, part } = missing else { return Ok(Some(near(None, None))) };
    // The cheapest goods that would do: what is saved is then the least that is.
    let price_of = |item: &Item<'_>| match item.charge {
        Charge::Each { price, .. } => Some(price),
        Charge::Measured { .. } | Charge::Label { .. } => None,
    };
    let fitting = own.iter().filter(|(_, parts)| parts & (1 << part) != 0);
    let cheapest = fitting.filter_map(|(item, _)| Some((price_of(item)?, item.line))).min();
    let Some((_, line)) = cheapest else { return Ok(Some(near(None, None))) };
    let mut more = basket.clone();
    for item in more.items.iter_mut().filter(|item| item.line == line) {
        item.pieces += pieces;
    }
    let then = price(&more, promotions)?;
    let more_off = then.saved.minor() - priced.saved.minor();
    let saves = Money::new(more_off, basket.place.currency);
    // Another promotion may have the missing pieces: then this one does not nearly apply.
    let applies = amount_by(&then, &row.promotion) > amount_by(priced, &row.promotion);
    Ok((applies && more_off > 0).then(|| near(Some(line), Some(saves))))
}

/// What a promotion takes off.
fn amount_by(priced: &Priced, promotion: &PromotionId) -> i64 {
    let own = priced.discounts.iter().filter(|discount| discount.promotion.as_ref() == Some(promotion));
    own.map(|discount| discount.amount.minor()).sum()
}

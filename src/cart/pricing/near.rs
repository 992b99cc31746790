//! Offers that nearly apply: "add one more and save 0.99". Pure.
//!
//! Nothing is guessed: what would be saved is found by pricing the basket once more with the missing pieces in it. Only
//! promotions that touch something in the basket are looked at, at most [`NEAR_MAX`], the ones of the highest priority first.

use super::basket::{Basket, Charge, Item, PriceError};
use super::candidates::{Active, candidates, facts};
use super::prepared::{Action, Threshold};
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

/// Goods of the basket that an offer touches: the item, its parts as bits, and what it costs now.
type Own<'a> = (&'a Item<'a>, u8, i64);

/// The offers that nearly apply to a basket that was priced so.
pub fn near(basket: &Basket<'_>, promotions: &Promotions, priced: &Priced) -> Result<Vec<Near>, PriceError> {
    let facts = facts(basket)?;
    let found = candidates(basket, &facts, promotions);
    let mut owns: Vec<Vec<Own<'_>>> = vec![Vec::new(); found.actives.len()];
    for (line, fact) in facts.iter().enumerate() {
        // The lines of the answer are in the order of the basket's items.
        let amount = priced.lines.get(fact.index).map_or(0, |line| line.amount.minor());
        for touch in found.goods.of(line).iter().chain(found.basket.of(line)) {
            owns[touch.active].push((fact.item, touch.parts, amount));
        }
    }
    let mut offers = Vec::new();
    let mut looked_at = 0;
    for (active, own) in found.actives.iter().zip(&owns) {
        if !active.holds_now || own.is_empty() {
            continue;
        }
        let Some(missing) = missing(active, own, basket) else { continue };
        looked_at += 1;
        if looked_at > NEAR_MAX {
            break;
        }
        offers.extend(offer(basket, promotions, priced, active, own, missing)?);
    }
    Ok(offers)
}

/// What is missing for one application more; nothing when that is too much, or when nothing is.
fn missing(active: &Active<'_>, own: &[Own<'_>], basket: &Basket<'_>) -> Option<Missing> {
    let amount: i64 = own.iter().map(|(.., amount)| amount).sum();
    let pieces = || own.iter().map(|(item, ..)| item.pieces).sum::<i64>();
    let few = |pieces: i64, part| {
        (1..=PIECES_MISSING_MAX).contains(&pieces).then_some(Missing::Pieces { pieces, part })
    };
    let close = |from: i64| {
        let lacks = from - amount;
        let is_close = lacks > 0 && lacks <= from / 100 * AMOUNT_MISSING_PERCENT;
        is_close.then(|| Missing::Amount(Money::new(lacks, basket.place.currency)))
    };
    match &active.prepared.action {
        Action::Sets(parts, _) => {
            let pieces: Vec<(u8, i64)> = own.iter().map(|(item, parts, _)| (*parts, item.pieces)).collect();
            let complete = sets::complete(parts, &pieces);
            if complete >= active.times_max {
                return None;
            }
            let (lacks, part) = sets::lacking(parts, &pieces, complete + 1)?;
            few(lacks, part)
        }
        Action::Tiers(tiers) => tiers.iter().find_map(|(threshold, _)| match threshold {
            Threshold::Pieces(least) if pieces() < *least => few(least - pieces(), 0),
            Threshold::Amount(least) if amount < *least => close(*least),
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
    let fitting = own.iter().filter(|(_, parts, _)| parts & (1 << part) != 0);
    let cheapest = fitting.filter_map(|(item, ..)| Some((price_of(item)?, item.line))).min();
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

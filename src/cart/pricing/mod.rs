//! What a basket costs, and why: one pure engine for what the shopper sees while walking, the quote, the debit and the books.
//!
//! In: the goods with their prices, the customer, the store's rules, the time, and the promotions, made ready once
//! ([`Promotions`]). Out: priced lines, discounts with what caused each and its amount on each line, deposits, fees, taxes by
//! rate, vouchers, points, totals ([`Priced`]). The same input gives the same cents on any instance, today and in a year.
//!
//! # Laws (held by `tests/laws.rs`)
//! - Totals add up: lines, deposits and fees (and tax, where it is on top) are the total; line taxes are the taxes by rate;
//!   shares of discounts are the discounts; what lines cost without and with discounts differs by them.
//! - No line is below zero, and none costs more than without promotions.
//! - What is unrelated changes nothing: a line that no promotion can touch together with others leaves their prices as they
//!   are. (A tax that is rounded once a rate is shared by its lines, so the cent of a line's *tax* may move.)
//! - A promotion holds for a line when it holds now, or held when the shopper saw the price and the store promises that.
//! - The order of lines does not matter. What was added and removed again leaves no trace: nothing is remembered.
//!
//! # In which order
//! 1. The price: what everybody pays, or what members pay when that is less. Promotions count from there.
//! 2. Promotions on goods (`search.rs` says what is chosen between, `contest.rs` chooses, `apply.rs` and `sets.rs` apply).
//! 3. Promotions on the basket, on what goods cost after that; what has a promotion that stands alone does not count.
//! 4. Deposits and fees, which no promotion touches.
//! 5. Taxes (`vat.rs`), rounded half away from zero where the store's rule says ([`TaxRounding`]).
//! 6. Vouchers: each pays as a whole or not at all, the largest first; what does not fit stays valid. Points pay what is left
//!    after them, as many as fit.
//! 7. Points, for what goods cost, and those that promotions give on top: beside every other promotion, because no price
//!    changes by them.
//!
//! All amounts are whole minor units; products go through 128 bits; a sum that does not fit is [`PriceError::Overflow`].

mod apply;
mod basket;
mod candidates;
mod close;
mod contest;
mod leads;
mod near;
mod prepared;
mod record;
mod result;
mod runs;
mod search;
mod sets;
mod singles;
mod vat;

#[cfg(test)]
mod tests;

pub use basket::{
    Basket, Charge, Customer, Deposit, Item, Left, Place, PointsRule, PriceError, Seen, Surcharge, TaxMode,
    TaxRounding, Voucher, Wares,
};
pub use near::{Missing, Near, near};
pub use prepared::{Promotions, Ways};
pub use record::Record;
pub use result::{
    Credit, Discount, DiscountShare, ExtraPoints, PointsShare, Priced, PricedDeposit, PricedLine,
    PricedSurcharge, Trigger,
};
pub use vat::TaxLine;

use apply::Ground;
use candidates::{Active, Candidates, Fact, candidates, facts};
use prepared::{Action, Stage};
use runs::{Mark, Run};
use search::solve;
use singles::Step;

use crate::money::Money;

/// Prices a basket.
pub fn price(basket: &Basket<'_>, promotions: &Promotions) -> Result<Priced, PriceError> {
    let facts = facts(basket)?;
    let found = candidates(basket, &facts, promotions);
    let on_goods = Ground { facts: &facts, actives: &found.actives, touches: &found.goods };
    let run = |(line, fact): (usize, &Fact<'_>)| Run {
        line,
        pieces: fact.item.pieces,
        each: fact.each,
        mark: Mark::Free,
        had_before: false,
    };
    let mut discounts = member_prices(basket, &facts);
    let (runs, steps) = solve(&on_goods, facts.iter().enumerate().map(run).collect());
    told(&on_goods, basket, steps, &mut discounts);
    let (runs, alone) = for_basket(&runs, facts.len());
    let on_basket = Ground { touches: &found.basket, ..on_goods };
    let (runs, steps) = solve(&on_basket, runs);
    told(&on_basket, basket, steps, &mut discounts);
    let mut left = alone;
    for run in &runs {
        left[run.line] += run.amount();
    }
    let extra = extra_points(basket, &facts, &found);
    close::close(basket, &facts, &left, discounts, extra)
}

/// What goods cost after their promotions, as the promotions on the basket see it: each line as one piece, in two parts
/// where only some of it had promotions. What stands alone is added up apart.
fn for_basket(runs: &[Run], lines: usize) -> (Vec<Run>, Vec<i64>) {
    let mut sums = vec![[None::<i64>; 2]; lines];
    let mut alone = vec![0; lines];
    for run in runs {
        match run.mark {
            Mark::Alone => alone[run.line] += run.amount(),
            mark => *sums[run.line][usize::from(mark != Mark::Free)].get_or_insert(0) += run.amount(),
        }
    }
    let mut merged = Vec::with_capacity(lines);
    for (line, sums) in sums.iter().enumerate() {
        for (had_before, each) in [false, true].into_iter().zip(sums) {
            if let Some(each) = *each {
                merged.push(Run { line, pieces: 1, each, mark: Mark::Free, had_before });
            }
        }
    }
    (merged, alone)
}

/// The price of members as a discount, so that the shopper sees what it brings.
fn member_prices(basket: &Basket<'_>, facts: &[Fact<'_>]) -> Vec<Discount> {
    let currency = basket.place.currency;
    let cheaper = facts.iter().filter(|fact| fact.each < fact.full);
    let mut lines: Vec<DiscountShare> = cheaper
        .map(|fact| DiscountShare {
            line: fact.item.line,
            pieces: fact.item.pieces,
            amount: Money::new((fact.full - fact.each) * fact.item.pieces, currency),
        })
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    lines.sort_unstable_by_key(|share| share.line);
    let amount = lines.iter().map(|share| share.amount.minor()).sum();
    vec![Discount {
        promotion: None,
        name: String::new(),
        trigger: Trigger::Membership,
        segment: None,
        times: lines.iter().map(|share| share.pieces).sum(),
        coupons: 0,
        amount: Money::new(amount, currency),
        lines,
    }]
}

/// The steps of a stage as discounts: one a promotion, in their order, with its lines by number.
fn told(ground: &Ground<'_>, basket: &Basket<'_>, mut steps: Vec<Step>, discounts: &mut Vec<Discount>) {
    let currency = basket.place.currency;
    let line = |step: &Step| ground.facts[step.share.line].item.line;
    steps.sort_unstable_by_key(|step| step.active);
    let discount = |steps: &mut [Step]| {
        let active = &ground.actives[steps[0].active];
        steps.sort_unstable_by_key(line);
        let mut lines: Vec<DiscountShare> = Vec::with_capacity(steps.len());
        for of_line in steps.chunk_by(|a, b| a.share.line == b.share.line) {
            let pieces = of_line.iter().map(|step| step.share.pieces).sum();
            lines.push(DiscountShare {
                line: line(&of_line[0]),
                // One on the basket counts the line as a whole.
                pieces: match active.prepared.stage {
                    Stage::Basket => ground.facts[of_line[0].share.line].item.pieces,
                    Stage::Goods | Stage::Points => pieces,
                },
                amount: Money::new(of_line.iter().map(|step| step.share.amount).sum(), currency),
            });
        }
        let times = steps.iter().map(|step| step.times).sum();
        let amount = lines.iter().map(|share| share.amount.minor()).sum();
        Discount {
            promotion: Some(active.prepared.row.promotion.clone()),
            name: active.prepared.row.name.clone(),
            trigger: active.trigger,
            segment: active.segment.map(str::to_owned),
            times,
            coupons: coupons(active, times),
            amount: Money::new(amount, currency),
            lines,
        }
    };
    let count = steps.chunk_by(|a, b| a.active == b.active).count();
    discounts.reserve(count);
    discounts.extend(steps.chunk_by_mut(|a, b| a.active == b.active).map(discount));
}

/// How many coupons so many times need.
fn coupons(active: &Active<'_>, times: i64) -> i64 {
    let each = active.prepared.row.basket_max.unwrap_or(i64::MAX).max(1);
    if active.coupons == 0 { 0 } else { (times / each + i64::from(times % each > 0)).min(active.coupons) }
}

/// What promotions that give points give: each to as many pieces as its limits let, in the canonical order of lines. Whoever
/// earns no points has none of it.
fn extra_points(basket: &Basket<'_>, facts: &[Fact<'_>], found: &Candidates<'_>) -> Vec<ExtraPoints> {
    if basket.points.is_none() {
        return Vec::new();
    }
    let mut given: Vec<ExtraPoints> = Vec::new();
    for (number, active) in found.actives.iter().enumerate() {
        let Action::Points(each) = active.prepared.action else { continue };
        let mut left = active.times_max;
        let mut lines = Vec::new();
        for (line, fact) in facts.iter().enumerate() {
            let is_touched = found.points.of(line).iter().any(|touch| touch.active == number);
            let pieces = if is_touched { fact.item.pieces.min(left) } else { 0 };
            if pieces > 0 {
                left -= pieces;
                lines.push(PointsShare { line: fact.item.line, pieces, points: each.saturating_mul(pieces) });
            }
        }
        if lines.is_empty() {
            continue;
        }
        lines.sort_unstable_by_key(|share| share.line);
        let times = lines.iter().map(|share| share.pieces).sum();
        given.push(ExtraPoints {
            promotion: active.prepared.row.promotion.clone(),
            name: active.prepared.row.name.clone(),
            trigger: active.trigger,
            segment: active.segment.map(str::to_owned),
            times,
            coupons: coupons(active, times),
            points: lines.iter().fold(0, |sum: i64, share| sum.saturating_add(share.points)),
            lines,
        });
    }
    given
}

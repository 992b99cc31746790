//! What one promotion does to the pieces that it may take: everything but the choice between promotions. Pure.
//!
//! Rounding: a percentage is rounded once a piece (once for what was measured, once for a basket), half a unit in the
//! shopper's favour, which for a discount is half away from zero. What a set or a tier takes off as a whole is spread over
//! the pieces that it counted by largest remainder. Which pieces go into sets is found in `sets.rs`.

use std::cmp::Reverse;

use super::basket::Charge;
use super::candidates::{Active, Fact, Touch, Touches};
use super::prepared::{Action, EachOff, SetOff, Threshold, TierOff, WHOLE};
use super::runs::{Mark, Run, spread};
use super::sets::{Plan, plan, plan_alike};
use crate::catalog::Combination;
use crate::money::in_proportion;

/// One stage of the pricing of one basket.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) facts: &'a [Fact<'a>],
    pub(super) actives: &'a [Active<'a>],
    pub(super) touches: &'a Touches,
}

/// Pieces from which promotions take: runs with what is left of each.
#[derive(Clone, Copy)]
pub(super) struct Stock<'a> {
    pub(super) runs: &'a [Run],
    /// Pieces that are left of each run.
    pub(super) left: &'a [i64],
}

/// A run of a stock that a promotion may take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    /// Its place in the stock.
    pub(super) at: usize,
    /// The parts in which its pieces may stand, as bits.
    pub(super) parts: u8,
    /// What comes off a piece that is taken by itself.
    each_off: i64,
}

/// What a promotion takes of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) at: usize,
    pub(super) pieces: i64,
    /// What comes off them.
    pub(super) amount: i64,
}

/// What a promotion would do.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// How many times it is applied.
    pub(super) times: i64,
    /// What it takes off in all; more than nothing.
    pub(super) saved: i64,
    /// What it does to each run.
    pub(super) taken: Vec<Taken>,
}

/// So many thousandths of a percent of what a piece costs.
pub(super) fn percent_of(amount: i64, thousandths: i64) -> i64 {
    // Never above the amount, so it fits.
    in_proportion(amount, thousandths, WHOLE).unwrap_or(amount).min(amount)
}

/// What comes off a piece that costs `each` by now.
pub(super) fn off_each(off: EachOff, fact: &Fact<'_>, each: i64) -> i64 {
    match (off, fact.item.charge) {
        (EachOff::Percent(thousandths), _) => percent_of(each, thousandths),
        (EachOff::Amount(amount), Charge::Measured { measure, per, .. }) => {
            in_proportion(amount, measure, per).unwrap_or(each).min(each)
        }
        (EachOff::Price(price), Charge::Measured { measure, per, .. }) => {
            in_proportion(price, measure, per).map_or(0, |price| (each - price).max(0))
        }
        (EachOff::Amount(amount), Charge::Each { .. } | Charge::Label { is_by_measure: false, .. }) => {
            amount.min(each)
        }
        (EachOff::Price(price), Charge::Each { .. }) => (each - price).max(0),
        // A label's price says nothing of the price for a weight, and a price of its own is no shelf price.
        (EachOff::Amount(_) | EachOff::Price(_), Charge::Label { .. }) => 0,
    }
}

impl Ground<'_> {
    /// The promotions that touch a line, by falling priority.
    pub(super) fn levels(&self, line: usize) -> impl Iterator<Item = &[Touch]> {
        let priority = |touch: &Touch| self.actives[touch.active].priority;
        self.touches.of(line).chunk_by(move |a, b| priority(a) == priority(b))
    }

    /// Those of one priority.
    pub(super) fn level(&self, line: usize, priority: i64) -> &[Touch] {
        let is_it = |touches: &&[Touch]| self.actives[touches[0].active].priority == priority;
        self.levels(line).find(is_it).unwrap_or_default()
    }

    /// Whether these pieces have room for a promotion.
    pub(super) fn has_room(&self, run: &Run, active: usize) -> bool {
        match (self.actives[active].prepared.combination, run.mark) {
            (Combination::Stackable, Mark::Free | Mark::Stacked) | (Combination::Exclusive, Mark::Free) => {
                true
            }
            (Combination::Alone, Mark::Free) => !run.had_before,
            _ => false,
        }
    }

    /// The mark of pieces that had a promotion.
    pub(super) fn mark(&self, active: usize) -> Mark {
        match self.actives[active].prepared.combination {
            Combination::Stackable => Mark::Stacked,
            Combination::Exclusive => Mark::Exclusive,
            Combination::Alone => Mark::Alone,
        }
    }

    /// A run as a promotion that touches it in these parts may take it; nothing when it has no room.
    pub(super) fn own(&self, active: usize, at: usize, run: &Run, parts: u8) -> Option<Own> {
        if !self.has_room(run, active) {
            return None;
        }
        let each_off = match self.actives[active].prepared.action {
            Action::Each(off) => off_each(off, &self.facts[run.line], run.each),
            _ => 0,
        };
        Some(Own { at, parts, each_off })
    }

    /// Whether what a promotion takes depends on what pieces would get without it.
    pub(super) fn asks_for_gain(&self, active: usize) -> bool {
        matches!(self.actives[active].prepared.action, Action::Each(_))
    }

    /// Puts what a promotion may take into the order in which it does, and says how many of them it takes. `otherwise` says
    /// what a piece of each run would get without it: what takes something off single pieces, but only off so many, goes
    /// where it brings the most, and nowhere where it brings nothing.
    pub(super) fn sort(&self, active: usize, runs: &[Run], otherwise: &[i64], own: &mut [Own]) -> usize {
        let place = |own: &Own| (runs[own.at].line, own.at);
        match self.actives[active].prepared.action {
            Action::Each(_) => {
                let gain = |own: &Own| own.each_off - otherwise[own.at];
                own.sort_unstable_by_key(|own| (Reverse(gain(own)), place(own)));
                own.iter().take_while(|own| gain(own) > 0).count()
            }
            Action::Sets(..) => {
                if own.len() > 1 {
                    own.sort_unstable_by_key(|own| (Reverse(runs[own.at].each), place(own)));
                }
                own.len()
            }
            // They take all runs together, which are in their order.
            _ => own.len(),
        }
    }

    /// What a promotion does to the pieces that it may take, which are in its order ([`Self::sort`]), at most so many times.
    /// Nothing when it would take nothing off.
    pub(super) fn attempt(
        &self,
        active: usize,
        own: &[Own],
        stock: Stock<'_>,
        times: i64,
    ) -> Option<Attempt> {
        let times = times.min(self.actives[active].times_max);
        match &self.actives[active].prepared.action {
            Action::Each(_) => self.limited(active, own, stock, times),
            Action::Sets(parts, off) => self.sets(active, (parts, *off), own, stock, times),
            Action::Tiers(tiers) => self.tiers(active, tiers, own, stock),
            Action::BasketPercent(from, percent) => {
                self.basket(active, own, stock, *from, |sum| percent_of(sum, *percent))
            }
            Action::BasketAmount(from, amount) => {
                self.basket(active, own, stock, *from, |sum| sum.min(*amount))
            }
            Action::Points(_) => None,
        }
    }

    fn limited(&self, active: usize, own: &[Own], stock: Stock<'_>, times: i64) -> Option<Attempt> {
        let mut attempt = Attempt { times: 0, saved: 0, taken: Vec::new() };
        let mut money = self.actives[active].amount_max;
        for own in own {
            let off = own.each_off;
            let pieces = stock.left[own.at].min(times - attempt.times);
            let full = pieces.min(money / off);
            // A budget pays out what is left of it: the last piece may get less.
            let last = if full < pieces { money - full * off } else { 0 };
            for (pieces, amount) in [(full, full * off), (i64::from(last > 0), last)] {
                if pieces > 0 {
                    attempt.taken.push(Taken { at: own.at, pieces, amount });
                    attempt.times += pieces;
                    attempt.saved += amount;
                    money -= amount;
                }
            }
            if attempt.times == times || money == 0 {
                break;
            }
        }
        (attempt.saved > 0).then_some(attempt)
    }

    fn tiers(
        &self,
        active: usize,
        tiers: &[(Threshold, TierOff)],
        own: &[Own],
        stock: Stock<'_>,
    ) -> Option<Attempt> {
        let Stock { runs, left } = stock;
        let amount = |own: &Own| left[own.at] * runs[own.at].each;
        let sum: i64 = own.iter().map(amount).sum();
        let is_reached = |threshold: &Threshold| match threshold {
            Threshold::Pieces(least) => own.iter().map(|own| left[own.at]).sum::<i64>() >= *least,
            Threshold::Amount(least) => sum >= *least,
            Threshold::Measure(least, unit) => {
                let measure = |own: &Own| match self.facts[runs[own.at].line].item.charge {
                    Charge::Measured { measure, unit: of, .. } if of == *unit && left[own.at] > 0 => measure,
                    _ => 0,
                };
                own.iter().map(measure).fold(0_i64, i64::saturating_add) >= *least
            }
        };
        let off = |off: &TierOff, own: &Own| match off {
            TierOff::Once(_) => 0,
            TierOff::Each(off) => {
                let run = &runs[own.at];
                off_each(*off, &self.facts[run.line], run.each) * left[own.at]
            }
        };
        let saved = |tier: &TierOff| match tier {
            TierOff::Once(amount) => sum.min(*amount),
            TierOff::Each(_) => own.iter().map(|own| off(tier, own)).sum(),
        };
        let reached = tiers.iter().filter(|(threshold, _)| is_reached(threshold));
        // Of equal ones the first.
        let best = reached.map(|(_, tier)| (saved(tier), tier));
        let (saved, tier) = best.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        let money = self.actives[active].amount_max;
        if saved <= money && matches!(tier, TierOff::Each(_)) {
            let taken = own.iter().filter(|own| left[own.at] > 0);
            let taken = taken.map(|own| Taken { at: own.at, pieces: left[own.at], amount: off(tier, own) });
            return (saved > 0).then(|| Attempt { times: 1, saved, taken: taken.collect() });
        }
        let mut offs: Vec<i64> = match tier {
            TierOff::Once(_) => spread(saved, &own.iter().map(amount).collect::<Vec<_>>()),
            TierOff::Each(_) => own.iter().map(|own| off(tier, own)).collect(),
        };
        if saved > money {
            offs = spread(money, &offs);
        }
        Self::once(own, stock, &offs)
    }

    fn basket(
        &self,
        active: usize,
        own: &[Own],
        stock: Stock<'_>,
        from: i64,
        off: impl FnOnce(i64) -> i64,
    ) -> Option<Attempt> {
        let weights: Vec<i64> = own.iter().map(|own| stock.left[own.at] * stock.runs[own.at].each).collect();
        let sum: i64 = weights.iter().sum();
        if sum < from {
            return None;
        }
        let saved = off(sum).min(self.actives[active].amount_max);
        Self::once(own, stock, &spread(saved, &weights))
    }

    /// Takes an amount off all that is left of each of these runs: one application.
    fn once(own: &[Own], stock: Stock<'_>, offs: &[i64]) -> Option<Attempt> {
        let taken = own.iter().zip(offs).map(|(own, amount)| Taken {
            at: own.at,
            pieces: stock.left[own.at],
            amount: *amount,
        });
        let saved = offs.iter().sum();
        let attempt = || Attempt { times: 1, saved, taken: taken.filter(|taken| taken.pieces > 0).collect() };
        (saved > 0).then(attempt)
    }

    fn sets(
        &self,
        active: usize,
        set: (&[i64], SetOff),
        own: &[Own],
        stock: Stock<'_>,
        times: i64,
    ) -> Option<Attempt> {
        let money = self.actives[active].amount_max;
        if let ([need], [own]) = (set.0, own) {
            // Pieces of one run, as nearly always: all that is taken off comes off them.
            let (sets, saved) = plan_alike(*need, set.1, own, stock, times, money)?;
            let taken = Taken { at: own.at, pieces: sets * need, amount: saved };
            return Some(Attempt { times: sets, saved, taken: vec![taken] });
        }
        let Plan { sets, saved, taken } = plan(set, own, stock, times, money)?;
        let weight = |(own, pieces): (&Own, &i64)| pieces * stock.runs[own.at].each;
        let offs = spread(saved, &own.iter().zip(&taken).map(weight).collect::<Vec<_>>());
        let all = own.iter().zip(taken).zip(offs).filter(|((_, pieces), _)| *pieces > 0);
        let taken = all.map(|((own, pieces), amount)| Taken { at: own.at, pieces, amount }).collect();
        Some(Attempt { times: sets, saved, taken })
    }
}

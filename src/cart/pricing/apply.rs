//! What one promotion does to the pieces that it may take: everything but the choice between promotions. Pure.
//!
//! Rounding: a percentage is rounded once a piece (once for what was measured, once for a basket), half a unit in the
//! shopper's favour, which for a discount is half away from zero. What a set or a tier takes off as a whole is spread over
//! the pieces that it counted by largest remainder.

use std::cmp::Reverse;

use super::basket::Charge;
use super::candidates::{Active, Fact, Touches};
use super::prepared::{Action, EachOff, SetOff, Threshold, TierOff, WHOLE};
use super::runs::{Mark, Run, Share, cut, spread};
use crate::catalog::Combination;
use crate::money::in_proportion;

/// One stage of the pricing of one basket.
pub(super) struct Ground<'a> {
    pub(super) facts: &'a [Fact<'a>],
    pub(super) actives: &'a [Active<'a>],
    pub(super) touches: &'a Touches,
}

/// What a promotion would do.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// How many times it is applied.
    pub(super) times: i64,
    /// What it takes off in all; more than nothing.
    pub(super) saved: i64,
    /// The pieces afterwards.
    pub(super) runs: Vec<Run>,
    /// What it did to each line.
    pub(super) shares: Vec<Share>,
}

/// So many thousandths of a percent of what a piece costs.
fn percent_of(amount: i64, thousandths: i64) -> i64 {
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
    /// The parts of a promotion in which a line may stand, as bits.
    fn parts(&self, line: usize, active: usize) -> u8 {
        self.touches.of(line).iter().find(|touch| touch.active == active).map_or(0, |touch| touch.parts)
    }

    /// Whether these pieces have room for a promotion; if so, the parts in which they may stand.
    pub(super) fn room(&self, run: &Run, active: usize) -> u8 {
        let has_room = match (self.actives[active].prepared.row.combination, run.mark) {
            (Combination::Stackable, Mark::Free | Mark::Stacked) | (Combination::Exclusive, Mark::Free) => {
                true
            }
            (Combination::Alone, Mark::Free) => !run.had_before,
            _ => false,
        };
        if has_room { self.parts(run.line, active) } else { 0 }
    }

    /// The mark of pieces that had a promotion.
    pub(super) fn mark(&self, active: usize) -> Mark {
        match self.actives[active].prepared.row.combination {
            Combination::Stackable => Mark::Stacked,
            Combination::Exclusive => Mark::Exclusive,
            Combination::Alone => Mark::Alone,
        }
    }

    /// Applies a promotion to the pieces that have room for it, at most so many times. `otherwise` says what would come off
    /// a piece without it: limited promotions go where they bring the most. Nothing when it would take nothing off.
    pub(super) fn attempt(
        &self,
        active: usize,
        runs: &[Run],
        times: i64,
        otherwise: impl Fn(&Run) -> i64,
    ) -> Option<Attempt> {
        let times = times.min(self.actives[active].times_max);
        match &self.actives[active].prepared.action {
            Action::Each(off) => self.limited(active, *off, runs, times, otherwise),
            Action::Sets(parts, off) => self.sets(active, parts, *off, runs, times),
            Action::Tiers(tiers) => self.tiers(active, tiers, runs),
            Action::BasketPercent(from, percent) => {
                self.basket(active, runs, *from, |sum| percent_of(sum, *percent))
            }
            Action::BasketAmount(from, amount) => self.basket(active, runs, *from, |sum| sum.min(*amount)),
            Action::Points(_) => None,
        }
    }

    fn limited(
        &self,
        active: usize,
        off: EachOff,
        runs: &[Run],
        times: i64,
        otherwise: impl Fn(&Run) -> i64,
    ) -> Option<Attempt> {
        let mut order: Vec<(i64, usize, i64)> = Vec::new();
        for (at, run) in runs.iter().enumerate().filter(|(_, run)| self.room(run, active) != 0) {
            let off = off_each(off, &self.facts[run.line], run.each);
            let gain = off - otherwise(run);
            if off > 0 && gain > 0 {
                order.push((gain, at, off));
            }
        }
        order.sort_by_key(|(gain, at, _)| (Reverse(*gain), runs[*at].line, *at));
        let mut attempt = Attempt { times: 0, saved: 0, runs: runs.to_vec(), shares: Vec::new() };
        let mut money = self.actives[active].amount_max;
        for (_, at, off) in order {
            let pieces = runs[at].pieces.min(times - attempt.times);
            let full = pieces.min(money / off);
            // A budget pays out what is left of it: the last piece may get less.
            let last = if full < pieces { money - full * off } else { 0 };
            let pieces = full + i64::from(last > 0);
            if pieces == 0 {
                break;
            }
            let amount = full * off + last;
            let mark = self.mark(active);
            if last > 0 {
                cut(&mut attempt.runs, at, 1, last, mark);
                let rest = attempt.runs.len() - 1;
                if full > 0 {
                    cut(&mut attempt.runs, rest, full, full * off, mark);
                }
            } else {
                cut(&mut attempt.runs, at, full, amount, mark);
            }
            attempt.shares.push(Share { line: runs[at].line, pieces, amount });
            attempt.times += pieces;
            attempt.saved += amount;
            money -= amount;
        }
        (attempt.saved > 0).then_some(attempt)
    }

    fn tiers(&self, active: usize, tiers: &[(Threshold, TierOff)], runs: &[Run]) -> Option<Attempt> {
        let own: Vec<usize> = (0..runs.len()).filter(|at| self.room(&runs[*at], active) != 0).collect();
        let sum: i64 = own.iter().map(|at| runs[*at].amount()).sum();
        let is_reached = |threshold: &Threshold| match threshold {
            Threshold::Pieces(least) => own.iter().map(|at| runs[*at].pieces).sum::<i64>() >= *least,
            Threshold::Amount(least) => sum >= *least,
            Threshold::Measure(least, unit) => {
                let measure = |at: &usize| match self.facts[runs[*at].line].item.charge {
                    Charge::Measured { measure, unit: of, .. } if of == *unit => measure,
                    _ => 0,
                };
                own.iter().map(measure).fold(0_i64, i64::saturating_add) >= *least
            }
        };
        let money = self.actives[active].amount_max;
        let reached = tiers.iter().filter(|(threshold, _)| is_reached(threshold));
        let best = reached.map(|(_, off)| {
            let offs: Vec<i64> = match off {
                TierOff::Once(amount) => {
                    let weights: Vec<i64> = own.iter().map(|at| runs[*at].amount()).collect();
                    spread(sum.min(*amount), &weights)
                }
                TierOff::Each(off) => {
                    let of = |at: &usize| {
                        let run = &runs[*at];
                        off_each(*off, &self.facts[run.line], run.each) * run.pieces
                    };
                    own.iter().map(of).collect()
                }
            };
            (offs.iter().sum::<i64>(), offs)
        });
        // Of equal ones the first.
        let (saved, offs) = best.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        let offs = if saved > money { spread(money, &offs) } else { offs };
        self.cut_all(active, runs, &own, &offs)
    }

    fn basket(
        &self,
        active: usize,
        runs: &[Run],
        from: i64,
        off: impl FnOnce(i64) -> i64,
    ) -> Option<Attempt> {
        let own: Vec<usize> = (0..runs.len()).filter(|at| self.room(&runs[*at], active) != 0).collect();
        let weights: Vec<i64> = own.iter().map(|at| runs[*at].amount()).collect();
        let sum: i64 = weights.iter().sum();
        if sum < from {
            return None;
        }
        let saved = off(sum).min(self.actives[active].amount_max);
        self.cut_all(active, runs, &own, &spread(saved, &weights))
    }

    /// Takes an amount off each of these runs as a whole: one application.
    fn cut_all(&self, active: usize, runs: &[Run], own: &[usize], offs: &[i64]) -> Option<Attempt> {
        let mut attempt = Attempt { times: 1, saved: 0, runs: runs.to_vec(), shares: Vec::new() };
        for (at, off) in own.iter().zip(offs) {
            let run = &runs[*at];
            cut(&mut attempt.runs, *at, run.pieces, *off, self.mark(active));
            attempt.shares.push(Share { line: run.line, pieces: run.pieces, amount: *off });
            attempt.saved += off;
        }
        (attempt.saved > 0).then_some(attempt)
    }

    /// Sets are made of the dearest pieces first, so that each brings at most as much as the one before: sets are made
    /// until one would bring nothing.
    fn sets(
        &self,
        active: usize,
        parts: &[i64],
        off: SetOff,
        runs: &[Run],
        times_max: i64,
    ) -> Option<Attempt> {
        let mut picker = Picker::new(self, active, parts, runs);
        let money = self.actives[active].amount_max;
        let (mut times, mut saved) = (0, 0_i64);
        while times < times_max && saved < money {
            let Some(set) = picker.pick() else { break };
            let gain = set_off(off, &set);
            if gain <= 0 {
                break;
            }
            picker.keep(&set);
            times += 1;
            saved = saved.saturating_add(gain).min(money);
        }
        if times == 0 {
            return None;
        }
        let used: Vec<usize> =
            picker.order.iter().copied().filter(|at| picker.left[*at] < runs[*at].pieces).collect();
        let taken = |at: usize| runs[at].pieces - picker.left[at];
        let weights: Vec<i64> = used.iter().map(|at| taken(*at) * runs[*at].each).collect();
        let offs = spread(saved, &weights);
        let mut attempt = Attempt { times, saved, runs: runs.to_vec(), shares: Vec::new() };
        for (at, off) in used.into_iter().zip(offs) {
            cut(&mut attempt.runs, at, taken(at), off, self.mark(active));
            attempt.shares.push(Share { line: runs[at].line, pieces: taken(at), amount: off });
        }
        Some(attempt)
    }
}

/// Pieces of a set: which run, how many, what each costs, in which part.
type Picked = (usize, i64, i64, usize);

/// Picks sets out of pieces.
struct Picker<'a> {
    runs: &'a [Run],
    /// The bits of the parts in which each run may stand.
    room: Vec<u8>,
    /// Runs with room in any part, the dearest first.
    order: Vec<usize>,
    /// Parts with their pieces: the one that the fewest pieces fit comes first, so that parts that overlap don't starve it.
    parts: Vec<(usize, i64)>,
    /// Pieces of each run that are not in a set.
    left: Vec<i64>,
    /// For each part, where in the order pieces may be left.
    cursors: Vec<usize>,
}

impl<'a> Picker<'a> {
    fn new(ground: &Ground<'_>, active: usize, parts: &[i64], runs: &'a [Run]) -> Self {
        let room: Vec<u8> = runs.iter().map(|run| ground.room(run, active)).collect();
        let mut order: Vec<usize> = (0..runs.len()).filter(|at| room[*at] != 0).collect();
        order.sort_by_key(|at| (Reverse(runs[*at].each), runs[*at].line, *at));
        let fits = |part: usize| -> i64 {
            order.iter().filter(|at| room[**at] & (1 << part) != 0).map(|at| runs[*at].pieces).sum()
        };
        let mut parts: Vec<(usize, i64)> = parts.iter().copied().enumerate().collect();
        if parts.len() > 1 {
            parts.sort_by_key(|(part, _)| (fits(*part), *part));
        }
        let left = runs.iter().map(|run| run.pieces).collect();
        Self { runs, room, order, cursors: vec![0; parts.len()], parts, left }
    }

    /// The next set of what is left; nothing when there is none.
    fn pick(&mut self) -> Option<Vec<Picked>> {
        let mut set: Vec<Picked> = Vec::new();
        for (number, (part, pieces)) in self.parts.iter().enumerate() {
            let mut need = *pieces;
            let mut is_start = true;
            for place in self.cursors[number]..self.order.len() {
                let at = self.order[place];
                let left = if self.room[at] & (1 << part) == 0 { 0 } else { self.left[at] };
                if is_start && left == 0 {
                    self.cursors[number] = place + 1;
                    continue;
                }
                is_start = false;
                let in_set: i64 = set.iter().filter(|each| each.0 == at).map(|each| each.1).sum();
                let taken = need.min(left - in_set);
                if taken > 0 {
                    set.push((at, taken, self.runs[at].each, *part));
                    need -= taken;
                }
                if need == 0 {
                    break;
                }
            }
            if need > 0 {
                return None;
            }
        }
        Some(set)
    }

    /// Takes the pieces of a set out of what is left.
    fn keep(&mut self, set: &[Picked]) {
        for (at, pieces, ..) in set {
            self.left[*at] -= pieces;
        }
    }
}

/// What comes off a set.
fn set_off(off: SetOff, set: &[Picked]) -> i64 {
    let value = || set.iter().map(|(_, pieces, each, _)| pieces * each).sum::<i64>();
    match off {
        SetOff::Price(price) => value() - price,
        SetOff::Amount(amount) => amount.min(value()),
        SetOff::Percent(percent, part) => set
            .iter()
            .filter(|picked| part.is_none_or(|part| picked.3 == part))
            .map(|(_, pieces, each, _)| pieces * percent_of(*each, percent))
            .sum(),
        SetOff::Cheapest(count, percent) => {
            let mut by_price: Vec<(i64, i64)> =
                set.iter().map(|(_, pieces, each, _)| (*each, *pieces)).collect();
            by_price.sort_unstable();
            let mut need = count;
            let mut sum = 0;
            for (each, pieces) in by_price {
                let taken = pieces.min(need);
                sum += taken * percent_of(each, percent);
                need -= taken;
            }
            sum
        }
    }
}

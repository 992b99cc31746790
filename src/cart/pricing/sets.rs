//! Sets: which pieces go into the parts of a set together, and how many sets are made. Pure.
//!
//! Parts may overlap; a piece that fits several counts in one of them only. Whether pieces fill parts is a matter of counting
//! (Hall's theorem): for every choice of parts there must be as many pieces that fit one of them as these parts need. So
//! nothing is tried and taken back:
//!
//! - A price, an amount or percents of the whole set: the pieces that cost most together and fill the parts. Each time the
//!   dearest piece is taken that leaves the rest possible; no other choice costs more (what fills parts is a matroid).
//! - Percents of one part: the dearest pieces go there that leave enough for the other parts, by the same argument.
//! - Percents of the cheapest pieces: the pieces that cost most together, in sets of the dearest first. That is the best where
//!   parts don't overlap. Where they do, parts are filled evenly, the dearest pieces first: nearly always the best too, but
//!   that is not searched through.
//!
//! Each set more brings at most as much as the one before, so the best number of sets is found by halving (of the cheapest
//! pieces in parts that overlap that is not sure). Of equal numbers the smallest counts: pieces that bring nothing are left
//! to others.

use std::cmp::Reverse;

use super::apply::{Own, Stock, percent_of};
use super::prepared::SetOff;

/// Parts as bits, and pieces: how many there are that fit them, or how many they need.
type Count = (u8, i64);

/// What sets take, and what they take off.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How many sets.
    pub(super) sets: i64,
    /// What they take off together.
    pub(super) saved: i64,
    /// How many pieces of each run that they may take.
    pub(super) taken: Vec<i64>,
}

/// How many sets pieces make.
pub(super) fn complete(needs: &[i64], pieces: &[Count]) -> i64 {
    most(&choices(needs, pieces), pieces)
}

/// What pieces lack for so many sets, where those of one part would do: how many, and of which part.
pub(super) fn lacking(needs: &[i64], pieces: &[Count], sets: i64) -> Option<(i64, usize)> {
    let lacks = |(choice, need): Count| (choice, sets * need - fitting(pieces, choice));
    let short: Vec<Count> =
        choices(needs, pieces).into_iter().map(lacks).filter(|(_, lacks)| *lacks > 0).collect();
    let most = short.iter().map(|(_, lacks)| *lacks).max()?;
    let part = (0..needs.len()).find(|part| short.iter().all(|(choice, _)| choice & bit(*part) != 0))?;
    Some((most, part))
}

/// The sets that take the most off pieces, of which the dearest come first: at most so many, and at most so much money.
/// Nothing when they would take nothing off.
pub(super) fn plan(
    (needs, off): (&[i64], SetOff),
    own: &[Own],
    stock: Stock<'_>,
    times_max: i64,
    money: i64,
) -> Option<Plan> {
    if let ([need], false) = (needs, matches!(off, SetOff::Amount(_))) {
        let group = Group { need: *need, off, own, stock };
        let (sets, saved) = best(group.most().min(times_max), money, |sets| group.saved(sets))?;
        return Some(Plan { sets, saved, taken: group.taken(sets).collect() });
    }
    let pieces: Vec<Count> = own.iter().map(|own| (own.parts, stock.left[own.at])).collect();
    let choices = choices(needs, &pieces);
    let pool = Pool { needs, off, own, stock, choices, pieces };
    let sets_max = most(&pool.choices, &pool.pieces).min(times_max);
    let (sets, saved) = best(sets_max, money, |sets| pool.saved(sets))?;
    Some(Plan { sets, saved, taken: pool.taken(sets) })
}

/// The same for sets of one part out of pieces that cost the same: how many sets, and what they take off.
pub(super) fn plan_alike(
    need: i64,
    off: SetOff,
    own: &Own,
    stock: Stock<'_>,
    times_max: i64,
    money: i64,
) -> Option<(i64, i64)> {
    let sets_max = (stock.left[own.at] / need.max(1)).min(times_max);
    if sets_max < 1 {
        return None;
    }
    let each = stock.runs[own.at].each;
    let of_set = match off {
        SetOff::Price(price) => each * need - price,
        SetOff::Amount(amount) => amount.min(each * need),
        SetOff::Percent(percent, _) => need * percent_of(each, percent),
        SetOff::Cheapest(count, percent) => count * percent_of(each, percent),
    };
    if of_set < 1 || money < 1 {
        return None;
    }
    // As many as the money is enough for, the last of them perhaps for less.
    let sets = sets_max.min(money / of_set + i64::from(money % of_set > 0));
    Some((sets, (sets * of_set).min(money)))
}

/// The number of sets that saves the most, or that spends the money; and what they save.
fn best(sets_max: i64, money: i64, saved_by: impl Fn(i64) -> i64) -> Option<(i64, i64)> {
    let (mut sets, mut saved) = (sets_max, saved_by(sets_max));
    // Nearly always the last set still brings something, and that is all.
    if sets > 0 && saved <= saved_by(sets - 1) {
        sets = first(0, sets - 1, |sets| saved_by(sets + 1) <= saved_by(sets));
        saved = saved_by(sets);
    }
    if saved > money {
        sets = first(1, sets, |sets| saved_by(sets) >= money);
        saved = money;
    }
    (saved > 0).then_some((sets, saved))
}

/// Sets of one part, which most are: so many for the price of fewer, or for an amount.
struct Group<'a> {
    need: i64,
    off: SetOff,
    own: &'a [Own],
    stock: Stock<'a>,
}

impl Group<'_> {
    fn most(&self) -> i64 {
        self.own.iter().map(|own| self.stock.left[own.at]).sum::<i64>() / self.need.max(1)
    }

    /// How many pieces of each run so many sets take: the dearest.
    fn taken(&self, sets: i64) -> impl Iterator<Item = i64> {
        let mut need = sets * self.need;
        self.own.iter().map(move |own| {
            let taken = self.stock.left[own.at].min(need);
            need -= taken;
            taken
        })
    }

    fn saved(&self, sets: i64) -> i64 {
        let mut before = 0;
        let off = |(own, taken): (&Own, i64)| {
            let each = self.stock.runs[own.at].each;
            let after = before + taken;
            let off = match self.off {
                SetOff::Price(_) | SetOff::Amount(_) => taken * each,
                SetOff::Percent(percent, _) => taken * percent_of(each, percent),
                SetOff::Cheapest(count, percent) => {
                    let cheap = self.cheap(after, count) - self.cheap(before, count);
                    if cheap == 0 { 0 } else { cheap * percent_of(each, percent) }
                }
            };
            before = after;
            off
        };
        let sum: i64 = self.own.iter().zip(self.taken(sets)).map(off).sum();
        match self.off {
            SetOff::Price(price) => sum - price * sets,
            _ => sum,
        }
    }

    /// How many of the dearest pieces are among the cheapest of their sets, of which the first ones are the dearest.
    fn cheap(&self, pieces: i64, count: i64) -> i64 {
        let need = self.need.max(1);
        pieces / need * count + (pieces % need - (need - count)).max(0)
    }
}

fn bit(part: usize) -> u8 {
    u32::try_from(part).ok().and_then(|part| 1_u8.checked_shl(part)).unwrap_or(0)
}

/// The choices of parts that must be looked at, with what one set needs for them: each part by itself where no piece fits
/// several, else all choices.
fn choices(needs: &[i64], pieces: &[Count]) -> Vec<Count> {
    let need = |choice: u8| {
        let own = needs.iter().enumerate().filter(|(part, _)| choice & bit(*part) != 0);
        own.map(|(_, need)| need).sum()
    };
    let overlap = pieces.iter().any(|(parts, _)| !parts.is_power_of_two());
    let all = (0..needs.len()).fold(0, |all, part| all | bit(part));
    let wanted = (1..=all).filter(|choice| overlap || choice.is_power_of_two());
    wanted.map(|choice| (choice, need(choice))).collect()
}

/// How many pieces fit one of these parts.
fn fitting(pieces: &[Count], choice: u8) -> i64 {
    pieces.iter().filter(|(parts, _)| parts & choice != 0).map(|(_, pieces)| pieces).sum()
}

fn most(choices: &[Count], pieces: &[Count]) -> i64 {
    let sets = choices.iter().map(|(choice, need)| fitting(pieces, *choice) / need.max(&1));
    sets.min().unwrap_or(0)
}

/// The smallest number from `low` to `high` of which something is true that is true from there on, and of `high`.
fn first(mut low: i64, mut high: i64, is_true: impl Fn(i64) -> bool) -> i64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_true(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Sets of several parts.
struct Pool<'a> {
    /// What a set needs of each part.
    needs: &'a [i64],
    off: SetOff,
    /// Runs that fit a part, the dearest first.
    own: &'a [Own],
    stock: Stock<'a>,
    choices: Vec<Count>,
    pieces: Vec<Count>,
}

impl Pool<'_> {
    /// What each of them costs.
    fn prices(&self) -> impl Iterator<Item = i64> {
        self.own.iter().map(|own| self.stock.runs[own.at].each)
    }

    /// What so many sets take off.
    fn saved(&self, sets: i64) -> i64 {
        if sets < 1 {
            return 0;
        }
        match self.off {
            SetOff::Price(price) => self.sum(&self.taken(sets), |each| each) - price * sets,
            SetOff::Percent(percent, None) => self.sum(&self.taken(sets), |each| percent_of(each, percent)),
            SetOff::Percent(percent, Some(part)) => {
                self.sum(&self.of_part(part, sets), |each| percent_of(each, percent))
            }
            SetOff::Amount(amount) => {
                self.in_sets(sets, |set| amount.min(set.iter().map(|(each, pieces)| each * pieces).sum()))
            }
            SetOff::Cheapest(count, percent) => self.in_sets(sets, |set| {
                set.sort_unstable();
                let mut need = count;
                let mut off = 0;
                for (each, pieces) in set.iter() {
                    let cheap = need.min(*pieces);
                    off += cheap * percent_of(*each, percent);
                    need -= cheap;
                }
                off
            }),
        }
    }

    fn sum(&self, taken: &[i64], off: impl Fn(i64) -> i64) -> i64 {
        let all = self.prices().zip(taken).filter(|(_, taken)| **taken > 0);
        all.map(|(each, taken)| taken * off(each)).sum()
    }

    /// How many of each the sets take.
    fn taken(&self, sets: i64) -> Vec<i64> {
        let SetOff::Percent(_, Some(part)) = self.off else {
            return self.dearest(sets, &self.pieces, 0);
        };
        let mut taken = self.of_part(part, sets);
        let left = self
            .pieces
            .iter()
            .zip(&taken)
            .map(|((parts, pieces), taken)| (parts & !bit(part), pieces - taken));
        let others = self.dearest(sets, &left.collect::<Vec<_>>(), bit(part));
        taken.iter_mut().zip(others).for_each(|(taken, more)| *taken += more);
        taken
    }

    /// The dearest pieces that fill so many sets, but for one part.
    fn dearest(&self, sets: i64, pieces: &[Count], without: u8) -> Vec<i64> {
        let counted = self.choices.iter().filter(|(choice, _)| choice & without == 0);
        let mut room: Vec<Count> = counted.map(|(choice, need)| (*choice, need * sets)).collect();
        let take = |(parts, pieces): &Count| {
            // What is taken of these takes room in every choice that holds all of their parts.
            let mut taken = if *parts == 0 { 0 } else { *pieces };
            for (choice, room) in &room {
                if choice & parts == *parts {
                    taken = taken.min(*room);
                }
            }
            if taken > 0 {
                for (choice, room) in &mut room {
                    *room -= if *choice & parts == *parts { taken } else { 0 };
                }
            }
            taken
        };
        pieces.iter().map(take).collect()
    }

    /// The dearest pieces that one part can have while the others are filled too.
    fn of_part(&self, part: usize, sets: i64) -> Vec<i64> {
        let own = bit(part);
        let mut need = self.needs.get(part).map_or(0, |need| need * sets);
        let others = self.choices.iter().filter(|(choice, _)| choice & own == 0);
        let spare = |(choice, need): &Count| (*choice, fitting(&self.pieces, *choice) - need * sets);
        let mut spare: Vec<Count> = others.map(spare).collect();
        let take = |(parts, pieces): &Count| {
            // What is taken of these is missing in every choice of other parts that they fit too.
            let mut taken = if parts & own == 0 { 0 } else { need.min(*pieces) };
            for (choice, spare) in &spare {
                if choice & parts != 0 {
                    taken = taken.min(*spare);
                }
            }
            for (choice, spare) in &mut spare {
                *spare -= if *choice & parts != 0 { taken } else { 0 };
            }
            need -= taken;
            taken
        };
        self.pieces.iter().map(take).collect()
    }

    /// What comes off so many sets, one by one: the dearest pieces of each part together, and so on. Sets that are alike are
    /// looked at once, so that the time does not grow with the pieces of a line.
    fn in_sets(&self, sets: i64, off: impl Fn(&mut Vec<(i64, i64)>) -> i64) -> i64 {
        let mut parts = self.in_parts(sets);
        let mut set = Vec::new();
        let (mut left, mut sum) = (sets, 0);
        while left > 0 {
            set.clear();
            let mut alike = left;
            for (need, part) in self.needs.iter().zip(&parts) {
                let mut missing = *need;
                for (each, pieces) in part.iter().rev() {
                    let taken = missing.min(*pieces);
                    alike = if taken == *need { alike.min(pieces / need) } else { 1 };
                    set.push((*each, taken));
                    missing -= taken;
                    if missing == 0 {
                        break;
                    }
                }
            }
            sum += off(&mut set) * alike;
            left -= alike;
            for (need, part) in self.needs.iter().zip(&mut parts) {
                let mut gone = need * alike;
                while let Some((_, pieces)) = part.last_mut().filter(|_| gone > 0) {
                    let taken = gone.min(*pieces);
                    gone -= taken;
                    *pieces -= taken;
                    if *pieces == 0 {
                        part.pop();
                    }
                }
            }
        }
        sum
    }

    /// The pieces of so many sets by their parts: prices and pieces, the dearest last.
    fn in_parts(&self, sets: i64) -> Vec<Vec<(i64, i64)>> {
        let taken = self.taken(sets);
        let mut parts: Vec<Vec<(i64, i64)>> = vec![Vec::new(); self.needs.len()];
        let mut needs: Vec<i64> = self.needs.iter().map(|need| need * sets).collect();
        // What may be taken of pieces that fit a choice of parts and stand in another one.
        let mut spare: Vec<Count> = Vec::new();
        let there: Vec<Count> =
            self.pieces.iter().zip(&taken).map(|((parts, _), taken)| (*parts, *taken)).collect();
        if self.choices.len() > self.needs.len() {
            spare.extend(
                self.choices.iter().map(|(choice, need)| (*choice, fitting(&there, *choice) - need * sets)),
            );
        }
        for ((fits, taken), each) in there.iter().zip(self.prices()) {
            let mut rest = *taken;
            while rest > 0 {
                let free = |part: usize| {
                    let others =
                        spare.iter().filter(|(choice, _)| choice & bit(part) == 0 && choice & fits != 0);
                    others.map(|(_, spare)| *spare).min().unwrap_or(i64::MAX)
                };
                // The one that is the least filled: so that pieces of like prices come into the same sets.
                let open = (0..self.needs.len())
                    .filter(|part| fits & bit(*part) != 0 && needs[*part] > 0 && free(*part) > 0);
                let Some(part) = open.max_by_key(|part| (needs[*part] / self.needs[*part], Reverse(*part)))
                else {
                    break;
                };
                // Of many alike it does not matter which one is where.
                let some = if spare.is_empty() { rest } else { (taken / ALIKE_STEPS).max(1) };
                let moved = rest.min(needs[part]).min(free(part)).min(some);
                for (choice, spare) in &mut spare {
                    *spare -= if *choice & bit(part) == 0 && *choice & fits != 0 { moved } else { 0 };
                }
                needs[part] -= moved;
                rest -= moved;
                parts[part].push((each, moved));
            }
        }
        for part in &mut parts {
            part.reverse();
        }
        parts
    }
}

/// Pieces at one price are spread over parts in so many steps: a line may have hundreds.
const ALIKE_STEPS: i64 = 16;

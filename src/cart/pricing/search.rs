//! The choice between promotions: the best for the shopper where the rules leave one. Pure, deterministic, bounded.
//!
//! The rules: promotions of higher priority come first, and what they took is not there for those of lower. Within one
//! priority a piece has either one promotion that stands alone or excludes others, or all that stack, in the fixed order of
//! `prepared.rs`.
//!
//! What is left to choose, within one priority: which piece goes which way. Promotions that look at single pieces only are
//! compared piece by piece, which is exact (`singles.rs`). For those that look at several pieces at once (sets, tiers, limited
//! ones) `contest.rs` tries orders and numbers of applications.
//!
//! Lines that no common promotion of the latter kind ties together are chosen for apart, so that what is unrelated changes
//! nothing. A promotion that takes nothing off though it has all pieces that it can touch ties nothing, because it never will
//! with fewer or cheaper ones.

use std::ops::Range;

use super::apply::{Attempt, Ground, Own, Stock};
use super::contest::{self, Table};
use super::prepared::Least;
use super::runs::Run;
use super::singles::{Singles, Step};

/// Solves a stage. `runs` has the pieces of each line; afterwards they cost what they cost after the stage.
pub(super) fn solve(ground: &Ground<'_>, runs: Vec<Run>) -> (Vec<Run>, Vec<Step>) {
    let mut bids = Bids::of(ground, &runs);
    let mut tied = tied(ground, &runs, &mut bids);
    let mut table = Table::new(runs);
    tied.retain(|(group, at)| {
        if *group == ALONE {
            alone(ground, &mut table, *at);
        }
        *group != ALONE
    });
    // The runs of a group stay in their order.
    tied.sort_unstable();
    let mut members = Vec::new();
    for of_group in tied.chunk_by(|a, b| a.0 == b.0) {
        members.clear();
        members.extend(of_group.iter().map(|(_, at)| *at));
        contest::settle(ground, (&bids, of_group[0].0), &mut table, &mut members);
    }
    table.clear()
}

/// A line whose promotions look at single pieces only.
fn alone(ground: &Ground<'_>, table: &mut Table, at: usize) {
    let line = table.runs[at].line;
    for touches in ground.levels(line) {
        Singles::of(ground, touches).apply(&mut table.runs[at], &mut table.steps);
    }
}

/// What promotions that look at several pieces do when each has all that it can touch.
#[derive(Debug, Default)]
pub(super) struct Bids {
    /// What they may take, one promotion after the other.
    owns: Vec<Own>,
    /// By promotion: where its own are, and what it does. Nothing of those that would take nothing off.
    made: Vec<Option<(Range<usize>, Attempt)>>,
    /// The group of each.
    groups: Vec<usize>,
}

impl Bids {
    fn of(ground: &Ground<'_>, runs: &[Run]) -> Self {
        // First how much there is for each promotion; then, of those for which that may be enough, what it is: all in one list.
        let mut there = vec![There::default(); ground.actives.len()];
        for run in runs {
            for touch in ground.touches.of(run.line) {
                there[touch.active].add(run);
            }
        }
        let mut ends = Vec::with_capacity(ground.actives.len() + 1);
        let mut count = 0;
        for (active, there) in ground.actives.iter().zip(&there) {
            ends.push(count);
            count += if active.is_joint() && there.is_enough(active.prepared.least) { there.runs } else { 0 };
        }
        ends.push(count);
        if count == 0 {
            return Self::default();
        }
        let mut owns = vec![Own::default(); count];
        let mut starts = ends.clone();
        for (at, run) in runs.iter().enumerate() {
            for touch in ground.touches.of(run.line) {
                let active = touch.active;
                if ends[active] < ends[active + 1]
                    && let Some(own) = ground.own(active, at, run, touch.parts)
                {
                    owns[starts[active]] = own;
                    starts[active] += 1;
                }
            }
        }
        let (left, nothing) = (runs.iter().map(|run| run.pieces).collect::<Vec<_>>(), vec![0; runs.len()]);
        let stock = Stock { runs, left: &left };
        let mut bid = |active: usize| {
            let range = ends[active]..starts[active];
            if range.is_empty() {
                return None;
            }
            let taken = ground.sort(active, runs, &nothing, &mut owns[range.clone()]);
            let range = range.start..range.start + taken;
            let attempt = ground.attempt(active, &owns[range.clone()], stock, i64::MAX)?;
            Some((range, attempt))
        };
        let made = (0..ground.actives.len()).map(&mut bid).collect();
        Self { groups: vec![ALONE; ground.actives.len()], owns, made }
    }

    /// The bid of a promotion: what it may take, in its order, and what it does.
    pub(super) fn get(&self, active: usize) -> Option<(&[Own], &Attempt)> {
        let (range, attempt) = self.made.get(active)?.as_ref()?;
        Some((&self.owns[range.clone()], attempt))
    }

    /// Whether a promotion takes something off pieces of a group.
    pub(super) fn is_of(&self, group: usize, active: usize) -> bool {
        self.groups.get(active) == Some(&group)
    }
}

/// What there is for a promotion.
#[derive(Clone, Copy, Debug, Default)]
struct There {
    runs: usize,
    pieces: i64,
    amount: i64,
}

impl There {
    fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.pieces += run.pieces;
        self.amount += run.amount();
    }

    fn is_enough(&self, least: Least) -> bool {
        self.pieces >= least.pieces && self.amount >= least.amount
    }
}

/// The group of a line that nothing ties to others.
const ALONE: usize = usize::MAX;

/// Each run with its group, which is known by the first of its lines.
fn tied(ground: &Ground<'_>, runs: &[Run], bids: &mut Bids) -> Vec<(usize, usize)> {
    let mut parents = vec![ALONE; ground.touches.lines()];
    let mut firsts = Vec::new();
    for active in 0..ground.actives.len() {
        let Some(([first, rest @ ..], _)) = bids.get(active) else { continue };
        let line = runs[first.at].line;
        tie(&mut parents, line, line);
        for own in rest {
            tie(&mut parents, line, runs[own.at].line);
        }
        firsts.push((active, line));
    }
    for (active, line) in firsts {
        bids.groups[active] = root(&mut parents, line);
    }
    let group = |(at, run): (usize, &Run)| match parents[run.line] {
        ALONE => (ALONE, at),
        _ => (root(&mut parents, run.line), at),
    };
    runs.iter().enumerate().map(group).collect()
}

fn tie(parents: &mut [usize], one: usize, other: usize) {
    for line in [one, other] {
        if parents[line] == ALONE {
            parents[line] = line;
        }
    }
    let (a, b) = (root(parents, one), root(parents, other));
    parents[a.max(b)] = a.min(b);
}

fn root(parents: &mut [usize], mut line: usize) -> usize {
    while parents[line] != line {
        parents[line] = parents[parents[line]];
        line = parents[line];
    }
    line
}

//! The choice between promotions: the best for the shopper where the rules leave one. Pure, deterministic, bounded.
//!
//! The rules: promotions of higher priority come first, and what they took is not there for those of lower. Within one
//! priority a piece has either one promotion that stands alone or excludes others, or all that stack, in the fixed order of
//! `prepared.rs`.
//!
//! What is left to choose, within one priority: which piece goes which way. Lines that no common promotion ties together are
//! chosen for apart, so that what is unrelated changes nothing; a promotion that takes nothing off though it has all pieces
//! that it can touch ties nothing, because it never will with fewer or cheaper ones. A promotion that looks at single pieces only is compared
//! piece by piece, which is exact. For those that look at several pieces at once (sets, tiers, limited ones), all orders are
//! tried and each number of applications, beginning with the one that saves the most by itself; each takes the dearest
//! pieces that it can have. The first way, each promotion as often as it can, is always gone to its end. After
//! [`TRIALS_MAX`] applications more within one group of lines and one priority, or [`LINES_TRIED_MAX`] looks at a line, the best
//! result so far stands. Of equal results the one with fewer promotions of this kind wins, then the one that was found first: the order
//! of trials depends on what promotions save and on their numbers, on nothing else.

use std::cmp::Reverse;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::apply::{Ground, off_each};
use super::prepared::EachOff;
use super::runs::{Mark, Run, Share};

/// Most applications that are tried for one group of lines and one priority. Two promotions that compete for 30 pieces need
/// about 200; with more the first trials, the greedy ones, are already close.
pub(super) const TRIALS_MAX: usize = 400;
/// Each trial looks at every line of the group: the time of a scan must not grow with the square of a cart's lines.
const LINES_TRIED_MAX: usize = 20_000;
/// In small and in large groups so many are tried at least.
const TRIALS_MIN: usize = 40;

/// What one promotion does in the end.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) active: usize,
    pub(super) times: i64,
    pub(super) shares: Vec<Share>,
}

/// Solves a stage. `runs` has the pieces of each line; afterwards they cost what they cost after the stage.
pub(super) fn solve(ground: &Ground<'_>, runs: Vec<Run>) -> (Vec<Run>, Vec<Step>) {
    let mut solved = Vec::with_capacity(runs.len());
    let mut steps = Vec::new();
    let mut tied = Vec::new();
    let groups = groups(ground, &runs);
    for run in runs {
        if groups[run.line] == ALONE {
            alone(ground, run, &mut solved, &mut steps);
        } else {
            tied.push(run);
        }
    }
    tied.sort_by_key(|run| groups[run.line]);
    for runs in tied.chunk_by(|a, b| groups[a.line] == groups[b.line]) {
        group(ground, runs.to_vec(), &mut solved, &mut steps);
    }
    (solved, steps)
}

/// A line that nothing ties to others.
const ALONE: usize = usize::MAX;

/// The promotions that look at several pieces and take something off when they have all that they can touch.
fn binding(ground: &Ground<'_>, runs: &[Run]) -> Vec<bool> {
    let mut binding = vec![false; ground.actives.len()];
    let mut touched: Vec<(usize, Run)> = Vec::new();
    for run in runs {
        let own = ground.touches.of(run.line).iter().map(|touch| touch.active);
        touched.extend(own.filter(|active| ground.actives[*active].is_joint()).map(|active| (active, *run)));
    }
    // Stable: the pieces stay in their order.
    touched.sort_by_key(|(active, _)| *active);
    let mut own = Vec::new();
    for of_one in touched.chunk_by(|a, b| a.0 == b.0) {
        let active = of_one[0].0;
        own.clear();
        own.extend(of_one.iter().map(|(_, run)| *run));
        binding[active] = ground.attempt(active, &own, i64::MAX, |_| 0).is_some();
    }
    binding
}

/// For each line the first line of its group: lines are tied when a promotion looks at several pieces and can touch both.
fn groups(ground: &Ground<'_>, runs: &[Run]) -> Vec<usize> {
    let lines = ground.touches.lines();
    let binding = binding(ground, runs);
    let mut parents: Vec<usize> = vec![ALONE; lines];
    let mut firsts: Vec<usize> = vec![ALONE; ground.actives.len()];
    for line in 0..lines {
        for touch in ground.touches.of(line) {
            if !binding[touch.active] {
                continue;
            }
            if parents[line] == ALONE {
                parents[line] = line;
            }
            let first = &mut firsts[touch.active];
            if *first == ALONE {
                *first = line;
            }
            let (a, b) = (root(&mut parents, *first), root(&mut parents, line));
            // The smaller one leads: groups are named by their first line.
            parents[a.max(b)] = a.min(b);
        }
    }
    (0..lines).map(|line| if parents[line] == ALONE { ALONE } else { root(&mut parents, line) }).collect()
}

fn root(parents: &mut [usize], mut line: usize) -> usize {
    while parents[line] != line {
        parents[line] = parents[parents[line]];
        line = parents[line];
    }
    line
}

/// A line whose promotions look at single pieces only.
fn alone(ground: &Ground<'_>, mut run: Run, solved: &mut Vec<Run>, steps: &mut Vec<Step>) {
    let touches = ground.touches.of(run.line);
    if touches.is_empty() {
        solved.push(run);
        return;
    }
    let mut own: Vec<usize> = touches.iter().map(|touch| touch.active).collect();
    own.sort_unstable_by_key(|active| ground.actives[*active].place);
    for level in own.chunk_by(|a, b| same_priority(ground, *a, *b)) {
        Level { ground, actives: level }.each_piece(&mut run, steps);
    }
    solved.push(run);
}

fn same_priority(ground: &Ground<'_>, a: usize, b: usize) -> bool {
    let priority = |active: usize| ground.actives[active].prepared.row.priority;
    priority(a) == priority(b)
}

/// Lines that promotions tie together.
fn group(ground: &Ground<'_>, mut runs: Vec<Run>, solved: &mut Vec<Run>, steps: &mut Vec<Step>) {
    let lines = runs.iter().flat_map(|run| ground.touches.of(run.line));
    let mut own: Vec<usize> = lines.map(|touch| touch.active).collect();
    own.sort_unstable_by_key(|active| ground.actives[*active].place);
    own.dedup();
    for level in own.chunk_by(|a, b| same_priority(ground, *a, *b)) {
        let best = Search::new(Level { ground, actives: level }).run(&runs);
        runs = best.runs;
        steps.extend(best.steps);
    }
    solved.extend(runs);
}

/// The promotions of one priority, in their order.
#[derive(Clone, Copy)]
struct Level<'a> {
    ground: &'a Ground<'a>,
    actives: &'a [usize],
}

impl Level<'_> {
    /// Promotions that look at single pieces only and are for this line; those that stack or those that don't.
    fn singles(&self, line: usize, is_stackable: bool) -> impl Iterator<Item = (usize, EachOff)> {
        let priority = self.actives.first().map(|active| self.ground.actives[*active].prepared.row.priority);
        self.ground.touches.of(line).iter().filter_map(move |touch| {
            let promotion = &self.ground.actives[touch.active];
            let is_here = promotion.prepared.is_stackable() == is_stackable
                && Some(promotion.prepared.row.priority) == priority;
            is_here.then(|| Some((touch.active, promotion.each_off()?))).flatten()
        })
    }

    /// The promotion that takes the most off such a piece and lets no other on it; of equal ones the first.
    fn best_single(&self, run: &Run) -> Option<(usize, i64)> {
        if run.mark != Mark::Free {
            return None;
        }
        let fact = &self.ground.facts[run.line];
        let offs = self.singles(run.line, false).filter(|(active, _)| self.ground.room(run, *active) != 0);
        let offs = offs.map(|(active, off)| (active, off_each(off, fact, run.each)));
        offs.reduce(|best, next| if next.1 > best.1 { next } else { best }).filter(|(_, off)| *off > 0)
    }

    /// What all that stack and look at single pieces only take off such a piece.
    fn stacked(&self, run: &Run) -> i64 {
        if !matches!(run.mark, Mark::Free | Mark::Stacked) {
            return 0;
        }
        let fact = &self.ground.facts[run.line];
        let rest = |each: i64, (_, off)| each - off_each(off, fact, each);
        run.each - self.singles(run.line, true).fold(run.each, rest)
    }

    /// What single pieces get without promotions that look at several.
    fn otherwise(&self, run: &Run) -> i64 {
        self.best_single(run).map_or(0, |(_, off)| off).max(self.stacked(run))
    }

    /// The better of both ways for pieces that cost the same. Of equal ones those that stack, because they leave room.
    fn each_piece(&self, run: &mut Run, steps: &mut Vec<Step>) {
        let stacked = self.stacked(run);
        match self.best_single(run) {
            Some((active, off)) if off > stacked => {
                note(steps, active, run, off);
                run.each -= off;
                run.mark = self.ground.mark(active);
            }
            _ if stacked > 0 => self.stack_singles(run, steps),
            _ => {}
        }
    }

    fn stack_singles(&self, run: &mut Run, steps: &mut Vec<Step>) {
        for (active, off) in self.singles(run.line, true) {
            stack_one(self.ground, run, active, off, steps);
        }
    }

    /// The promotions that look at several pieces; those that stack or those that don't.
    fn joint(&self, is_stackable: bool) -> impl Iterator<Item = usize> {
        self.actives.iter().copied().filter(move |active| {
            let promotion = &self.ground.actives[*active];
            promotion.is_joint() && promotion.prepared.is_stackable() == is_stackable
        })
    }
}

fn stack_one(ground: &Ground<'_>, run: &mut Run, active: usize, off: EachOff, steps: &mut Vec<Step>) {
    let off = off_each(off, &ground.facts[run.line], run.each);
    if off > 0 {
        note(steps, active, run, off);
        run.each -= off;
        run.mark = Mark::Stacked;
    }
}

/// Writes down that a promotion took so much off each piece of a run.
fn note(steps: &mut Vec<Step>, active: usize, run: &Run, off: i64) {
    let share = Share { line: run.line, pieces: run.pieces, amount: off * run.pieces };
    match steps.iter_mut().rev().find(|step| step.active == active) {
        Some(step) => {
            step.times += run.pieces;
            step.shares.push(share);
        }
        None => steps.push(Step { active, times: run.pieces, shares: vec![share] }),
    }
}

/// A way that the pieces of a group can go.
#[derive(Clone, Debug)]
struct Way {
    saved: i64,
    runs: Vec<Run>,
    steps: Vec<Step>,
}

struct Search<'a> {
    level: Level<'a>,
    best: Option<Way>,
    /// How many more applications may be tried.
    trials: usize,
}

impl<'a> Search<'a> {
    fn new(level: Level<'a>) -> Self {
        Self { level, best: None, trials: 0 }
    }

    fn run(mut self, runs: &[Run]) -> Way {
        // Each by itself, on the pieces that it can touch: most of a large group it can't.
        let mut own: HashMap<usize, Vec<Run>, RandomState> = HashMap::default();
        for run in runs {
            for touch in self.level.ground.touches.of(run.line) {
                own.entry(touch.active).or_default().push(*run);
            }
        }
        let mut joint: Vec<(usize, i64)> = self
            .level
            .joint(false)
            .filter_map(|active| Some((active, self.attempt(active, own.get(&active)?, i64::MAX)?.saved)))
            .collect();
        joint.sort_by_key(|(active, saved)| (Reverse(*saved), self.level.ground.actives[*active].place));
        let mut joint: Vec<usize> = joint.into_iter().map(|(active, _)| active).collect();
        let start = Way { saved: 0, runs: runs.to_vec(), steps: Vec::new() };
        if let [only] = joint[..]
            && !self.is_contested(only, runs)
        {
            let way = self.after(&start, only, i64::MAX).unwrap_or(start);
            return self.finish(&way);
        }
        // The first way takes one application of each.
        let more = (LINES_TRIED_MAX / runs.len().max(1)).clamp(TRIALS_MIN, TRIALS_MAX);
        self.trials = joint.len() + more;
        self.try_all(&start, &mut joint);
        self.best.unwrap_or(start)
    }

    /// Whether pieces that a promotion can take could get something else.
    fn is_contested(&self, active: usize, runs: &[Run]) -> bool {
        let ground = self.level.ground;
        let own = || runs.iter().filter(|run| ground.room(run, active) != 0);
        let is_stacked = |run: &Run| self.level.joint(true).any(|other| ground.room(run, other) != 0);
        own().any(|run| self.level.otherwise(run) > 0 || is_stacked(run))
    }

    fn attempt(&self, active: usize, runs: &[Run], times: i64) -> Option<super::apply::Attempt> {
        self.level.ground.attempt(active, runs, times, |run| self.level.otherwise(run))
    }

    /// A way with one more promotion on it.
    fn after(&self, way: &Way, active: usize, times: i64) -> Option<Way> {
        let attempt = self.attempt(active, &way.runs, times)?;
        let mut steps = way.steps.clone();
        steps.push(Step { active, times: attempt.times, shares: attempt.shares });
        Some(Way { saved: way.saved + attempt.saved, runs: attempt.runs, steps })
    }

    /// Tries every order of the promotions that are left, and every number of applications of each.
    fn try_all(&mut self, way: &Way, left: &mut Vec<usize>) {
        let end = self.finish(way);
        if self.best.as_ref().is_none_or(|best| end.saved > best.saved) {
            self.best = Some(end);
        }
        for number in 0..left.len() {
            let active = left.remove(number);
            let mut times = i64::MAX;
            while times > 0 && self.trials > 0 {
                self.trials -= 1;
                let Some(next) = self.after(way, active, times) else { break };
                times = next.steps.last().map_or(0, |step| step.times) - 1;
                self.try_all(&next, left);
            }
            left.insert(number, active);
        }
    }

    /// The way to its end: what is left goes to promotions on single pieces and to those that stack.
    fn finish(&self, way: &Way) -> Way {
        let chosen = self.stack(self.choose(way));
        if self.level.joint(true).next().is_none() {
            return chosen;
        }
        // Those that stack and look at several pieces may be worth more than what excludes them.
        let stacked = self.stack(way.clone());
        if stacked.saved > chosen.saved { stacked } else { chosen }
    }

    /// Pieces for which a promotion that excludes others is better than all that stack on single pieces get it.
    fn choose(&self, way: &Way) -> Way {
        let mut way = way.clone();
        for run in &mut way.runs {
            if let Some((active, off)) = self.level.best_single(run)
                && off > self.level.stacked(run)
            {
                note(&mut way.steps, active, run, off);
                way.saved += off * run.pieces;
                run.each -= off;
                run.mark = self.level.ground.mark(active);
            }
        }
        way
    }

    /// All that stack, in their order, on all pieces that have room.
    fn stack(&self, mut way: Way) -> Way {
        let ground = self.level.ground;
        for active in self.level.actives.iter().copied() {
            let promotion = &ground.actives[active];
            if !promotion.prepared.is_stackable() {
                continue;
            }
            if let Some(off) = promotion.each_off() {
                for run in &mut way.runs {
                    if ground.room(run, active) != 0 {
                        let before = run.amount();
                        stack_one(ground, run, active, off, &mut way.steps);
                        way.saved += before - run.amount();
                    }
                }
            } else if let Some(attempt) = ground.attempt(active, &way.runs, i64::MAX, |_| 0) {
                way.saved += attempt.saved;
                way.runs = attempt.runs;
                way.steps.push(Step { active, times: attempt.times, shares: attempt.shares });
            }
        }
        way
    }
}

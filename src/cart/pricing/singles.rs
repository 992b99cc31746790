//! Promotions that look at single pieces only: each piece has the best that excludes others, or all that stack. Pure.

use super::apply::{Ground, off_each};
use super::candidates::Touch;
use super::prepared::EachOff;
use super::runs::{Mark, Run, Share};

/// What one promotion does to one line in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) active: usize,
    /// How many times it was applied; of several lines that it counted together, only the first has that.
    pub(super) times: i64,
    pub(super) share: Share,
}

/// What promotions of one priority do to a line by themselves.
#[derive(Clone, Copy)]
pub(super) struct Singles<'a> {
    ground: &'a Ground<'a>,
    /// Those that touch the line, in their order.
    touches: &'a [Touch],
}

impl<'a> Singles<'a> {
    /// Those that touch a line.
    pub(super) fn of(ground: &'a Ground<'a>, touches: &'a [Touch]) -> Self {
        Self { ground, touches }
    }

    /// Those that stack or those that don't.
    fn which(&self, is_stackable: bool) -> impl Iterator<Item = (usize, EachOff)> {
        self.touches.iter().filter_map(move |touch| {
            let promotion = &self.ground.actives[touch.active];
            let off = promotion.each_off.filter(|_| promotion.is_stackable == is_stackable)?;
            Some((touch.active, off))
        })
    }

    /// The promotion that takes the most off such a piece and lets no other on it; of equal ones the first.
    pub(super) fn best(&self, run: &Run) -> Option<(usize, i64)> {
        if run.mark != Mark::Free {
            return None;
        }
        let fact = &self.ground.facts[run.line];
        let offs = self.which(false).filter(|(active, _)| self.ground.has_room(run, *active));
        let offs = offs.map(|(active, off)| (active, off_each(off, fact, run.each)));
        offs.reduce(|best, next| if next.1 > best.1 { next } else { best }).filter(|(_, off)| *off > 0)
    }

    /// What all that stack take off such a piece.
    pub(super) fn stacked(&self, run: &Run) -> i64 {
        if !matches!(run.mark, Mark::Free | Mark::Stacked) {
            return 0;
        }
        let fact = &self.ground.facts[run.line];
        run.each - self.which(true).fold(run.each, |each, (_, off)| each - off_each(off, fact, each))
    }

    /// What comes off a piece: the better of both.
    pub(super) fn off(&self, run: &Run) -> i64 {
        self.best(run).map_or(0, |(_, off)| off).max(self.stacked(run))
    }

    /// The better of both for all pieces of a run. Of equal ones those that stack, because they leave room.
    pub(super) fn apply(&self, run: &mut Run, steps: &mut Vec<Step>) {
        let stacked = self.stacked(run);
        match self.best(run) {
            Some((active, off)) if off > stacked => exclusive(self.ground, run, active, off, steps),
            _ if stacked > 0 => {
                for (active, off) in self.which(true) {
                    stack_one(self.ground, run, active, off, steps);
                }
            }
            _ => {}
        }
    }
}

/// Gives a run a promotion that lets no other on it.
pub(super) fn exclusive(ground: &Ground<'_>, run: &mut Run, active: usize, off: i64, steps: &mut Vec<Step>) {
    steps.push(step(active, run, off));
    run.each -= off;
    run.mark = ground.mark(active);
}

/// Gives a run a promotion that stacks, where it takes something off.
pub(super) fn stack_one(
    ground: &Ground<'_>,
    run: &mut Run,
    active: usize,
    off: EachOff,
    steps: &mut Vec<Step>,
) {
    let off = off_each(off, &ground.facts[run.line], run.each);
    if off > 0 {
        steps.push(step(active, run, off));
        run.each -= off;
        run.mark = Mark::Stacked;
    }
}

/// A promotion takes so much off each piece of a run.
fn step(active: usize, run: &Run, off: i64) -> Step {
    let share = Share { line: run.line, pieces: run.pieces, amount: off * run.pieces };
    Step { active, times: run.pieces, share }
}

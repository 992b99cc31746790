//! The ways in which rivals may share the pieces that they contest, gone one by one. Pure, bounded.
//!
//! All orders are tried and each number of applications, the promotion that gains the most by itself first; what one leaves
//! the next may take. Nothing is tried that can't be better than the best so far: neither two orders of promotions that share
//! no piece, nor what would not gain enough even if each promotion that is left took off as much as it ever could.
//!
//! The first way, each promotion as often as it can, is always gone to its end. After it and [`LOOKS_MAX`] looks at a line more
//! the best way so far stands. Of equal ways the one that was found first wins: the order of trials depends on what promotions
//! save and on their numbers, on nothing else. Where promotions stack that look at several pieces, each way is gone to its end
//! before it is compared.

use std::rc::Rc;

use super::super::apply::Attempt;
use super::super::runs::Run;
use super::rivals::{Rival, each_once, shared};
use super::{LOOKS_MAX, Scene, Table};

/// The rivals with the pieces that they contest.
pub(super) struct Contest<'a> {
    scene: &'a Scene<'a>,
    table: &'a mut Table,
    rivals: Vec<Rival<'a>>,
    /// For each two rivals whether they may take pieces of the same run.
    shared: Vec<bool>,
    /// What those that stack add at most, and the runs that they touch.
    stacking_most: i64,
    stacked: Vec<usize>,
    is_used: Vec<bool>,
    /// Rivals, and what each does.
    way: Way,
    best: Option<(i64, Way)>,
    looks: usize,
}

/// Promotions, and what each does, in the order in which they are tried.
pub(super) type Way = Vec<(usize, Rc<Attempt>)>;

impl<'a> Contest<'a> {
    pub(super) fn new(
        scene: &'a Scene<'a>,
        table: &'a mut Table,
        rivals: Vec<Rival<'a>>,
        members: &[usize],
    ) -> Self {
        let mut stacked = Vec::new();
        let mut stacking_most = 0;
        for active in &scene.stacking {
            let Some((own, attempt)) = scene.bids.get(*active) else { continue };
            stacking_most += attempt.saved;
            // Where promotions of higher priority divided a run, its rest stands behind.
            let lines: Vec<usize> = own.iter().map(|own| table.runs[own.at].line).collect();
            stacked.extend(members.iter().filter(|at| lines.contains(&table.runs[**at].line)));
        }
        stacked.sort_unstable();
        stacked.dedup();
        let looks: usize = each_once(&rivals).map(|rival| rival.own.len()).sum();
        Self {
            shared: shared(&rivals),
            is_used: vec![false; rivals.len()],
            way: Vec::new(),
            best: None,
            looks: looks + LOOKS_MAX,
            scene,
            table,
            rivals,
            stacking_most,
            stacked,
        }
    }

    /// The promotions of the best way, and what each does.
    pub(super) fn best(mut self) -> Way {
        let most = each_once(&self.rivals).map(|rival| rival.most).sum();
        self.explore(0, most, None);
        let best = self.best.map(|(_, way)| way).unwrap_or_default();
        best.into_iter().map(|(number, attempt)| (self.rivals[number].active, attempt)).collect()
    }

    /// Goes every way on from here that may be better than the best. `most` is what the rivals that are left take off at most,
    /// `beside` what [`Self::beside`] says, where that is known.
    fn explore(&mut self, gained: i64, most: i64, mut beside: Option<i64>) {
        // Each step more gains something, but what stacks may be worth more with a step less.
        let may_end_here = !self.stacked.is_empty();
        if may_end_here {
            self.end(gained, &mut beside);
        }
        for number in 0..self.rivals.len() {
            if !self.may_be_better(gained + most) {
                break;
            }
            if !self.is_used[number] && !self.is_same_way(number) {
                self.use_up(number, true);
                self.explore_with(number, gained, most - self.rivals[number].most, beside);
                self.use_up(number, false);
            }
        }
        if !may_end_here {
            self.end(gained, &mut beside);
        }
    }

    /// Keeps the way as it is when it is the best.
    fn end(&mut self, gained: i64, beside: &mut Option<i64>) {
        if !self.may_be_better(gained) {
            return;
        }
        let end = gained + *beside.get_or_insert_with(|| self.beside());
        if self.best.as_ref().is_none_or(|(best, _)| end > *best) {
            self.best = Some((end, self.way.clone()));
        }
    }

    /// A promotion is applied in one of its choices of pieces only: its limits hold for all of them together.
    fn use_up(&mut self, number: usize, is_used: bool) {
        let active = self.rivals[number].active;
        let same = self.is_used.iter_mut().zip(&self.rivals).filter(|(_, rival)| rival.active == active);
        same.for_each(|(used, _)| *used = is_used);
    }

    /// The same with each number of applications of one more rival.
    fn explore_with(&mut self, number: usize, gained: i64, rest: i64, beside: Option<i64>) {
        let mut times = i64::MAX;
        while times > 0 && self.look(number) {
            let Rival { active, own, .. } = &self.rivals[number];
            let attempt = self.scene.ground.attempt(*active, own, self.table.stock(), times);
            // Fewer applications take off less.
            let attempt = attempt.filter(|attempt| self.may_be_better(gained + attempt.saved + rest));
            let Some(attempt) = attempt else { break };
            times = attempt.times - 1;
            let gain = self.table.gain(&attempt);
            if gain > 0 {
                attempt.taken.iter().for_each(|taken| self.table.left[taken.at] -= taken.pieces);
                let is_same =
                    !attempt.taken.iter().any(|taken| self.stacked.binary_search(&taken.at).is_ok());
                let beside = beside.filter(|_| is_same);
                self.way.push((number, Rc::new(attempt)));
                self.explore(gained + gain, rest, beside);
                if let Some((_, attempt)) = self.way.pop() {
                    attempt.taken.iter().for_each(|taken| self.table.left[taken.at] += taken.pieces);
                }
            }
        }
    }

    /// Counts what a trial costs; says whether there is still something to spend.
    fn look(&mut self, number: usize) -> bool {
        let is_left = self.looks > 0;
        self.looks = self.looks.saturating_sub(self.rivals[number].own.len() + self.stacked.len());
        is_left
    }

    fn may_be_better(&self, gained_most: i64) -> bool {
        self.best.as_ref().is_none_or(|(best, _)| gained_most + self.stacking_most > *best)
    }

    /// Whether the same is reached by the last two in the other order, which is gone too.
    fn is_same_way(&self, number: usize) -> bool {
        let last = self.way.last().map(|(last, _)| *last);
        last.is_some_and(|last| number < last && !self.shared[number * self.rivals.len() + last])
    }

    /// What those that stack add to what promotions on single pieces would do to what is left.
    fn beside(&self) -> i64 {
        if self.stacked.is_empty() {
            return 0;
        }
        let Table { runs, left, otherwise, .. } = &*self.table;
        let there = self.stacked.iter().map(|at| Run { pieces: left[*at], ..runs[*at] });
        let there: Vec<Run> = there.filter(|run| run.pieces > 0).collect();
        let otherwise: i64 = self.stacked.iter().map(|at| left[*at] * otherwise[*at]).sum();
        self.scene.finish(&there, false).0 - otherwise
    }
}

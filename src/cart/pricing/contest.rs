//! Promotions of one priority that look at several pieces at once and want the same ones: which has which. Pure, bounded.
//!
//! All orders are tried and each number of applications, the promotion that gains the most by itself first; what one leaves
//! the next may take. The gain is what it takes off beyond what its pieces would get from promotions on single pieces. Nothing
//! is tried that can't be better than the best so far: neither two orders of promotions that share no piece, nor what would
//! not gain enough even if each promotion that is left took off as much as it ever could.
//!
//! The first way, each promotion as often as it can, is always gone to its end. After it and [`LOOKS_MAX`] looks at a line more
//! the best way so far stands. Of equal ways the one that was found first wins: the order of trials depends on what promotions
//! save and on their numbers, on nothing else.
//!
//! At most [`RIVALS_MAX`] contest, those that gain the most; what they leave, others take in the same order, as often as they
//! can.
//!
//! Promotions that stack and look at several pieces take from what is left, in their order; where there are some, each way is
//! gone to its end before it is compared.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::apply::{Attempt, Ground, Own, Stock, Taken};
use super::runs::{Mark, Run, Share, cut};
use super::search::Bids;
use super::singles::{Singles, Step, exclusive, stack_one};

/// Most looks at a line for one group of lines and one priority, beyond the first way: the time of a scan must not grow with
/// the square of a cart's lines. Two promotions that compete for 30 pieces need some hundred.
pub(super) const LOOKS_MAX: usize = 500;

/// Most promotions that contest the pieces of one group: a way is at most so long.
const RIVALS_MAX: usize = 64;

/// The pieces of a stage as they stand, and what was done to them.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) runs: Vec<Run>,
    pub(super) steps: Vec<Step>,
    /// What a piece of each run would get from promotions on single pieces: of those that are looked at.
    otherwise: Vec<i64>,
    /// Pieces of each run that no promotion has: of those that are looked at.
    left: Vec<i64>,
    /// The promotions on a group that look at several pieces, with their priorities.
    joint: Vec<(Reverse<i64>, usize)>,
    marked: Vec<(Taken, Mark)>,
}

impl Table {
    pub(super) fn new(runs: Vec<Run>) -> Self {
        let steps = Vec::with_capacity(runs.len() * 2);
        let (otherwise, left, joint, marked) = Default::default();
        Self { runs, steps, otherwise, left, joint, marked }
    }

    pub(super) fn clear(self) -> (Vec<Run>, Vec<Step>) {
        (self.runs, self.steps)
    }

    /// Looks at these runs.
    fn look_at(&mut self, scene: &Scene<'_>, members: &[usize]) {
        self.otherwise.resize(self.runs.len(), 0);
        self.left.resize(self.runs.len(), 0);
        for at in members {
            let run = &self.runs[*at];
            self.otherwise[*at] = scene.singles(run).off(run);
            self.left[*at] = run.pieces;
        }
    }

    fn stock(&self) -> Stock<'_> {
        Stock { runs: &self.runs, left: &self.left }
    }

    /// What an attempt takes off beyond what its pieces would get otherwise.
    fn gain(&self, attempt: &Attempt) -> i64 {
        let lost = attempt.taken.iter().map(|taken| taken.pieces * self.otherwise[taken.at]);
        attempt.saved - lost.sum::<i64>()
    }

    /// Gives promotions what they take. Runs that are divided get new places among the members.
    fn give<'c>(
        &mut self,
        ground: &Ground<'_>,
        chosen: impl IntoIterator<Item = (usize, &'c Attempt)>,
        members: &mut Vec<usize>,
    ) {
        self.marked.clear();
        for (active, attempt) in chosen {
            note(active, attempt, &self.runs, &mut self.steps);
            let mark = ground.mark(active);
            self.marked.extend(attempt.taken.iter().map(|taken| (*taken, mark)));
        }
        let before = self.runs.len();
        take(&mut self.runs, &mut self.marked);
        members.extend(before..self.runs.len());
    }
}

/// Gives the pieces of a group of runs to promotions, by falling priority. `bids` are those of the beginning.
pub(super) fn settle(
    ground: &Ground<'_>,
    (bids, group): (&Bids, usize),
    table: &mut Table,
    members: &mut Vec<usize>,
) {
    let mut joint = std::mem::take(&mut table.joint);
    let (mut highest, mut lowest) = (i64::MIN, i64::MAX);
    joint.clear();
    for at in members.iter() {
        for touch in ground.touches.of(table.runs[*at].line) {
            let active = &ground.actives[touch.active];
            (highest, lowest) = (highest.max(active.priority), lowest.min(active.priority));
            // One that takes nothing off these pieces belongs to another group, or to none.
            if active.is_joint() && bids.is_of(group, touch.active) {
                joint.push((Reverse(active.priority), touch.active));
            }
        }
    }
    joint.sort_unstable();
    joint.dedup();
    if highest == lowest {
        Scene::new(ground, bids, true, highest, &joint).settle(table, members);
    } else {
        for (number, priority) in priorities(ground, table, members).into_iter().enumerate() {
            let start = joint.partition_point(|(Reverse(each), _)| *each > priority);
            let end = joint.partition_point(|(Reverse(each), _)| *each >= priority);
            Scene::new(ground, bids, number == 0, priority, &joint[start..end]).settle(table, members);
        }
    }
    table.joint = joint;
}

/// The priorities of all promotions on these runs, the highest first.
fn priorities(ground: &Ground<'_>, table: &Table, members: &[usize]) -> Vec<i64> {
    let touches = members.iter().flat_map(|at| ground.touches.of(table.runs[*at].line));
    let mut priorities: Vec<i64> = touches.map(|touch| ground.actives[touch.active].priority).collect();
    priorities.sort_unstable_by_key(|priority| Reverse(*priority));
    priorities.dedup();
    priorities
}

/// Writes down what a promotion does.
fn note(active: usize, attempt: &Attempt, runs: &[Run], steps: &mut Vec<Step>) {
    let mut times = attempt.times;
    for taken in &attempt.taken {
        let share = Share { line: runs[taken.at].line, pieces: taken.pieces, amount: taken.amount };
        steps.push(Step { active, times: std::mem::take(&mut times), share });
    }
}

/// Takes pieces out of runs.
fn take(runs: &mut Vec<Run>, marked: &mut [(Taken, Mark)]) {
    marked.sort_by_key(|(taken, _)| taken.at);
    for of_run in marked.chunk_by(|a, b| a.0.at == b.0.at) {
        let at = of_run[0].0.at;
        let run = runs[at];
        let gone: i64 = of_run.iter().map(|(taken, _)| taken.pieces).sum();
        let rest = Run { pieces: run.pieces - gone, ..run };
        let cut = of_run.iter().flat_map(|(taken, mark)| cut(run, taken.pieces, taken.amount, *mark));
        let mut cut = cut.chain((rest.pieces > 0).then_some(rest));
        if let Some(first) = cut.next() {
            runs[at] = first;
        }
        runs.extend(cut);
    }
}

/// The promotions of one priority on the lines of one group.
struct Scene<'a> {
    ground: &'a Ground<'a>,
    bids: &'a Bids,
    priority: i64,
    /// Whether no promotion came before.
    is_first: bool,
    /// Those that look at several pieces, in their order.
    joint: &'a [(Reverse<i64>, usize)],
    /// Those of them that stack.
    stacking: Vec<usize>,
}

impl<'a> Scene<'a> {
    fn new(
        ground: &'a Ground<'a>,
        bids: &'a Bids,
        is_first: bool,
        priority: i64,
        joint: &'a [(Reverse<i64>, usize)],
    ) -> Self {
        let stacking = joint.iter().map(|(_, active)| *active);
        let stacking = stacking.filter(|active| ground.actives[*active].is_stackable).collect();
        Self { ground, bids, priority, is_first, joint, stacking }
    }

    /// Gives pieces to promotions.
    fn settle(&self, table: &mut Table, members: &mut Vec<usize>) {
        table.look_at(self, members);
        if let Some((active, attempt)) = self.only(table) {
            // Nearly always there is one, and what it takes would get nothing else.
            table.give(self.ground, [(active, attempt)], members);
        } else {
            let excluding = self.joint.iter().map(|(_, active)| *active);
            let excluding = excluding.filter(|active| !self.ground.actives[*active].is_stackable);
            let mut rivals: Vec<Rival<'_>> =
                excluding.filter_map(|active| self.rival(active, table, members)).collect();
            rivals.sort_by_key(|rival| Reverse(table.gain(&rival.attempt)));
            if rivals.len() < 2 || !self.stacking.is_empty() {
                self.contest(rivals, table, members);
            } else {
                // Those that share no piece contest nothing.
                for rivals in apart(rivals) {
                    self.contest(rivals, table, members);
                }
            }
        }
        if self.stacking.is_empty() {
            // Where single pieces would get nothing, they do not now.
            for at in members.iter().filter(|at| table.otherwise.get(**at) != Some(&0)) {
                let run = &mut table.runs[*at];
                self.singles(run).apply(run, &mut table.steps);
            }
            return;
        }
        let (_, runs, steps) = self.finish(members.iter().map(|at| table.runs[*at]).collect());
        table.steps.extend(steps);
        let (own, more) = runs.split_at(members.len());
        members.iter().zip(own).for_each(|(at, run)| table.runs[*at] = *run);
        members.extend(table.runs.len()..table.runs.len() + more.len());
        table.runs.extend(more);
    }

    /// Gives pieces to rivals, of which the one that gains the most comes first.
    fn contest(&self, mut rivals: Vec<Rival<'_>>, table: &mut Table, members: &mut Vec<usize>) {
        let late = rivals.split_off(rivals.len().min(RIVALS_MAX));
        match &rivals[..] {
            [] => {}
            [rival] if self.stacking.is_empty() => {
                let best = self.best_of(rival, table);
                table.give(self.ground, best.iter().map(|attempt| (rival.active, &**attempt)), members);
            }
            _ => {
                let best = Contest::new(self, table, rivals).best();
                table.give(self.ground, best.iter().map(|(active, attempt)| (*active, attempt)), members);
            }
        }
        for late in late {
            self.follow(late.active, table, members);
        }
    }

    /// The best of all numbers of applications of a promotion that is alone with promotions on single pieces: what a contest of
    /// one comes to, after as many looks.
    fn best_of<'r>(&self, rival: &'r Rival<'_>, table: &Table) -> Option<Cow<'r, Attempt>> {
        let mut attempt = Cow::Borrowed(&*rival.attempt);
        let (mut most, mut best) = (0, None);
        let mut looks = LOOKS_MAX;
        loop {
            let (gain, times) = (table.gain(&attempt), attempt.times - 1);
            if gain > most {
                (most, best) = (gain, Some(attempt));
            }
            if times < 1 || looks == 0 {
                return best;
            }
            looks = looks.saturating_sub(rival.own.len());
            // Fewer applications take off less.
            match self.ground.attempt(rival.active, &rival.own, table.stock(), times) {
                Some(next) if next.saved > most => attempt = Cow::Owned(next),
                _ => return best,
            }
        }
    }

    /// One that came too late to contest anything takes what is left.
    fn follow(&self, active: usize, table: &mut Table, members: &mut Vec<usize>) {
        table.look_at(self, members);
        if let Some(rival) = self.bid_now(active, table, members)
            && table.gain(&rival.attempt) > 0
        {
            table.give(self.ground, [(active, &*rival.attempt)], members);
        }
    }

    /// The only promotion that looks at several pieces, where nothing else would take something off these.
    fn only(&self, table: &Table) -> Option<(usize, &Attempt)> {
        let [(_, active)] = self.joint else { return None };
        let (own, attempt) = self.bids.get(*active)?;
        let is_uncontested = || own.iter().all(|own| table.otherwise[own.at] == 0);
        (self.is_first && self.stacking.is_empty() && is_uncontested()).then_some((*active, attempt))
    }

    /// What promotions on single pieces do to a run.
    fn singles(&self, run: &Run) -> Singles<'_> {
        Singles::of(self.ground, self.ground.level(run.line, self.priority))
    }

    /// A promotion that excludes others, with what it would do to what is there now: what it did at the beginning, where
    /// nothing has changed since.
    fn rival(&self, active: usize, table: &Table, members: &[usize]) -> Option<Rival<'a>> {
        let (own, attempt) = self.bids.get(active)?;
        let is_same = || own.iter().all(|own| table.otherwise[own.at] == 0);
        if self.is_first && (!self.ground.asks_for_gain(active) || is_same()) {
            let most = attempt.saved;
            let (own, attempt) = (Cow::Borrowed(own), Cow::Borrowed(attempt));
            return Some(Rival { active, own, attempt, most });
        }
        self.bid_now(active, table, members)
    }

    fn bid_now(&self, active: usize, table: &Table, members: &[usize]) -> Option<Rival<'a>> {
        let most = self.bids.get(active)?.1.saved;
        let mut own = self.own(active, members.iter().map(|at| (*at, &table.runs[*at])));
        let taken = self.ground.sort(active, &table.runs, &table.otherwise, &mut own);
        own.truncate(taken);
        let attempt = self.ground.attempt(active, &own, table.stock(), i64::MAX)?;
        Some(Rival { active, own: Cow::Owned(own), attempt: Cow::Owned(attempt), most })
    }

    /// What a promotion may take of runs.
    fn own<'r>(&self, active: usize, runs: impl Iterator<Item = (usize, &'r Run)>) -> Vec<Own> {
        let own = |(at, run): (usize, &Run)| {
            let touch = self.ground.touches.of(run.line).iter().find(|touch| touch.active == active)?;
            self.ground.own(active, at, run, touch.parts)
        };
        runs.filter_map(own).collect()
    }

    /// What is left goes to promotions on single pieces and to those that stack: what that saves, and how.
    fn finish(&self, runs: Vec<Run>) -> (i64, Vec<Run>, Vec<Step>) {
        let sum = |runs: &[Run]| runs.iter().map(Run::amount).sum::<i64>();
        let before = sum(&runs);
        let (mut chosen, mut steps) = (runs.clone(), Vec::new());
        let mut is_other = false;
        for run in &mut chosen {
            let singles = self.singles(run);
            if let Some((active, off)) = singles.best(run)
                && off > singles.stacked(run)
            {
                exclusive(self.ground, run, active, off, &mut steps);
                is_other = true;
            }
        }
        self.stack(&mut chosen, &mut steps);
        if is_other {
            // Those that stack and look at several pieces may be worth more than what excludes them.
            let (mut stacked, mut other) = (runs, Vec::new());
            self.stack(&mut stacked, &mut other);
            if sum(&stacked) < sum(&chosen) {
                (chosen, steps) = (stacked, other);
            }
        }
        (before - sum(&chosen), chosen, steps)
    }

    /// All that stack, in their order, on all pieces that have room.
    fn stack(&self, runs: &mut Vec<Run>, steps: &mut Vec<Step>) {
        let ground = self.ground;
        let mut actives: Vec<usize> = self.stacking.clone();
        for run in runs.iter() {
            let touches = ground.level(run.line, self.priority).iter().map(|touch| touch.active);
            let single =
                |active: &usize| ground.actives[*active].is_stackable && !ground.actives[*active].is_joint();
            actives.extend(touches.filter(single));
        }
        actives.sort_unstable();
        actives.dedup();
        for active in actives {
            if let Some(off) = ground.actives[active].each_off {
                let touches =
                    |run: &Run| ground.touches.of(run.line).iter().any(|touch| touch.active == active);
                for run in runs.iter_mut().filter(|run| ground.has_room(run, active) && touches(run)) {
                    stack_one(ground, run, active, off, steps);
                }
                continue;
            }
            let left: Vec<i64> = runs.iter().map(|run| run.pieces).collect();
            let mut own = self.own(active, runs.iter().enumerate());
            let taken = ground.sort(active, runs, &vec![0; runs.len()], &mut own);
            let stock = Stock { runs, left: &left };
            if let Some(attempt) = ground.attempt(active, &own[..taken], stock, i64::MAX) {
                note(active, &attempt, runs, steps);
                let taken = attempt.taken.into_iter().map(|taken| (taken, Mark::Stacked));
                take(runs, &mut taken.collect::<Vec<_>>());
            }
        }
    }
}

/// A promotion that looks at several pieces and excludes others.
struct Rival<'b> {
    active: usize,
    /// What it may take, in its order.
    own: Cow<'b, [Own]>,
    /// What it would do with all of that.
    attempt: Cow<'b, Attempt>,
    /// What it takes off at most.
    most: i64,
}

/// The rivals with the pieces that they contest.
struct Contest<'a> {
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
    way: Vec<(usize, Attempt)>,
    best: Option<(i64, Vec<(usize, Attempt)>)>,
    looks: usize,
}

impl<'a> Contest<'a> {
    fn new(scene: &'a Scene<'a>, table: &'a mut Table, rivals: Vec<Rival<'a>>) -> Self {
        let mut stacked = Vec::new();
        let mut stacking_most = 0;
        for active in &scene.stacking {
            let Some((own, attempt)) = scene.bids.get(*active) else { continue };
            stacking_most += attempt.saved;
            // Where promotions of higher priority divided a run, its rest stands behind.
            let lines: Vec<usize> = own.iter().map(|own| table.runs[own.at].line).collect();
            let runs = table.runs.iter().enumerate();
            stacked.extend(runs.filter(|(_, run)| lines.contains(&run.line)).map(|(at, _)| at));
        }
        stacked.sort_unstable();
        stacked.dedup();
        let looks: usize = rivals.iter().map(|rival| rival.own.len()).sum();
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
    fn best(mut self) -> Vec<(usize, Attempt)> {
        let most = self.rivals.iter().map(|rival| rival.most).sum();
        self.explore(0, most);
        let best = self.best.map(|(_, way)| way).unwrap_or_default();
        best.into_iter().map(|(number, attempt)| (self.rivals[number].active, attempt)).collect()
    }

    /// Goes every way on from here that may be better than the best. `most` is what the rivals that are left take off at most.
    fn explore(&mut self, gained: i64, most: i64) {
        let end = gained + self.beside();
        if self.best.as_ref().is_none_or(|(best, _)| end > *best) {
            self.best = Some((end, self.way.clone()));
        }
        for number in 0..self.rivals.len() {
            if !self.may_be_better(gained + most) {
                return;
            }
            if !self.is_used[number] && !self.is_same_way(number) {
                self.is_used[number] = true;
                self.explore_with(number, gained, most - self.rivals[number].most);
                self.is_used[number] = false;
            }
        }
    }

    /// The same with each number of applications of one more rival.
    fn explore_with(&mut self, number: usize, gained: i64, rest: i64) {
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
                self.way.push((number, attempt));
                self.explore(gained + gain, rest);
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
        let there = there.filter(|run| run.pieces > 0).collect();
        let otherwise: i64 = self.stacked.iter().map(|at| left[*at] * otherwise[*at]).sum();
        self.scene.finish(there).0 - otherwise
    }
}

/// Rivals in groups of which no two share a piece, each in the order of all.
fn apart(rivals: Vec<Rival<'_>>) -> Vec<Vec<Rival<'_>>> {
    let (shared, count) = (shared(&rivals), rivals.len());
    let mut groups: Vec<usize> = (0..count).collect();
    for one in 0..count {
        for other in (one + 1..count).filter(|other| shared[one * count + other]) {
            let (kept, gone) = (groups[one], groups[other]);
            if kept != gone {
                groups.iter_mut().filter(|group| **group == gone).for_each(|group| *group = kept);
            }
        }
    }
    let mut apart: Vec<(usize, Vec<Rival<'_>>)> = Vec::new();
    for (rival, group) in rivals.into_iter().zip(groups) {
        match apart.iter_mut().find(|(each, _)| *each == group) {
            Some((_, rivals)) => rivals.push(rival),
            None => apart.push((group, vec![rival])),
        }
    }
    apart.into_iter().map(|(_, rivals)| rivals).collect()
}

/// For each two rivals whether they may take pieces of the same run.
fn shared(rivals: &[Rival<'_>]) -> Vec<bool> {
    let mut by_run: Vec<(usize, usize)> = Vec::new();
    for (number, rival) in rivals.iter().enumerate() {
        by_run.extend(rival.own.iter().map(|own| (own.at, number)));
    }
    by_run.sort_unstable();
    let mut shared = vec![false; rivals.len() * rivals.len()];
    for of_run in by_run.chunk_by(|a, b| a.0 == b.0) {
        for (_, one) in of_run {
            for (_, other) in of_run {
                shared[one * rivals.len() + other] = true;
            }
        }
    }
    shared
}

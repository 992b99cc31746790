//! Promotions of one priority that look at several pieces at once and want the same ones: which has which. Pure, bounded.
//!
//! Nearly always one wants them. Where several do, `ways.rs` finds who has which; at most [`RIVALS_MAX`] contest, those that
//! gain the most, and what they leave, others take in the same order, as often as they can. The gain of a promotion is what it
//! takes off beyond what its pieces would get from promotions on single pieces.
//!
//! A promotion takes pieces in its own order, the dearest first, from all that it may take, or from these without some that
//! would get something by themselves (`rivals.rs`).
//!
//! Promotions that stack and look at several pieces take from what is left, in their order. What excludes others goes to whole
//! runs before that, or to what they leave.

mod rivals;
mod ways;

use std::borrow::Cow;
use std::cmp::Reverse;

use super::apply::{Attempt, Ground, Own, Stock, Taken};
use super::runs::{Mark, Run, Share, cut};
use super::search::Bids;
use super::singles::{Singles, Step, exclusive, stack_one};
use rivals::{CHOSEN_FROM_MAX, RIVALS_MAX, Rival, apart, left_out, subsets};
use ways::Contest;

/// Most looks at a line for one group of lines and one priority, beyond the first way: the time of a scan must not grow with
/// the square of a cart's lines. Two promotions that compete for 30 pieces need some hundred.
const LOOKS_MAX: usize = 500;
/// Most runs that are tried once the other way, where there are too many for every choice.
const TURNED_MAX: usize = 16;

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
            let before = self.marked.len();
            attempt.take(&self.runs, ground.mark(active), &mut self.marked);
            note(active, attempt.times, &self.marked[before..], &self.runs, &mut self.steps);
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
fn note(active: usize, mut times: i64, taken: &[(Taken, Mark)], runs: &[Run], steps: &mut Vec<Step>) {
    for (taken, _) in taken {
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
                excluding.flat_map(|active| self.rivals(active, table, members)).collect();
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
        let runs: Vec<Run> = members.iter().map(|at| table.runs[*at]).collect();
        let (_, runs, steps) = self.finish(&runs, true);
        table.steps.extend(steps);
        let (own, more) = runs.split_at(members.len());
        members.iter().zip(own).for_each(|(at, run)| table.runs[*at] = *run);
        members.extend(table.runs.len()..table.runs.len() + more.len());
        table.runs.extend(more);
    }

    /// Gives pieces to rivals, of which the one that gains the most comes first.
    fn contest(&self, mut rivals: Vec<Rival<'_>>, table: &mut Table, members: &mut Vec<usize>) {
        let mut late: Vec<usize> =
            rivals.split_off(rivals.len().min(RIVALS_MAX)).iter().map(|late| late.active).collect();
        late.retain(|late| !rivals.iter().any(|rival| rival.active == *late));
        late.dedup();
        match &rivals[..] {
            [] => {}
            [rival] if self.stacking.is_empty() => {
                let best = self.best_of(rival, table);
                table.give(self.ground, best.iter().map(|attempt| (rival.active, &**attempt)), members);
            }
            _ => {
                let best = Contest::new(self, table, rivals, members).best();
                table.give(self.ground, best.iter().map(|(active, attempt)| (*active, &**attempt)), members);
            }
        }
        for late in late {
            self.follow(late, table, members);
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

    /// The same, and once more for each choice of pieces that it leaves to what these would get without it. What asks for the
    /// gain itself looks at each piece anyhow.
    fn rivals(&self, active: usize, table: &Table, members: &[usize]) -> Vec<Rival<'a>> {
        let Some(rival) = self.rival(active, table, members) else { return Vec::new() };
        let asks = self.ground.asks_for_gain(active);
        let choices = if asks { 0 } else { LOOKS_MAX / rival.own.len().max(1) };
        let mut rivals = Vec::new();
        for out in left_out(&rival.own, &table.otherwise, choices) {
            let own: Vec<Own> = rival.own.iter().filter(|own| !out.contains(&own.at)).copied().collect();
            if let Some(attempt) = self.ground.attempt(active, &own, table.stock(), i64::MAX) {
                let (own, attempt) = (Cow::Owned(own), Cow::Owned(attempt));
                rivals.push(Rival { active, own, attempt, most: rival.most });
            }
        }
        rivals.push(rival);
        rivals
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

    /// What is left goes to promotions on single pieces and to those that stack: what that saves, and how. Which runs have what
    /// excludes others instead of what stacks is a choice: all that would by themselves, or none before those that stack have
    /// taken theirs; at last every choice of few runs, of more each once the other way.
    fn finish(&self, runs: &[Run], is_last: bool) -> (i64, Vec<Run>, Vec<Step>) {
        let before: i64 = runs.iter().map(Run::amount).sum();
        let excludes = |run: &Run| {
            let singles = self.singles(run);
            singles.best(run).is_some_and(|(_, off)| off > singles.stacked(run))
        };
        let all: Vec<usize> =
            runs.iter().enumerate().filter(|(_, run)| excludes(run)).map(|(at, _)| at).collect();
        let mut best = self.divide(runs, &all);
        let mut chosen = all.clone();
        let mut look = |choice: Vec<usize>| {
            let next = self.divide(runs, &choice);
            if next.0 < best.0 {
                best = next;
                chosen = choice;
            }
            chosen.clone()
        };
        if !all.is_empty() {
            let mut now = look(Vec::new());
            let turns = if is_last { LOOKS_MAX / runs.len() } else { 0 };
            if all.len() <= CHOSEN_FROM_MAX && 1 << all.len() <= turns {
                for choice in subsets(&all).skip(1) {
                    look(choice);
                }
            } else {
                for at in all.iter().take(turns.min(TURNED_MAX)) {
                    let mut other: Vec<usize> = now.iter().copied().filter(|each| each != at).collect();
                    if other.len() == now.len() {
                        other.push(*at);
                    }
                    now = look(other);
                }
            }
        }
        let (left, runs, steps) = best;
        (before - left, runs, steps)
    }

    /// Runs of these places have what excludes others first; then those that stack take theirs; what still has none has what
    /// excludes others. What is left to pay, and how.
    fn divide(&self, runs: &[Run], first: &[usize]) -> (i64, Vec<Run>, Vec<Step>) {
        let (mut runs, mut steps) = (runs.to_vec(), Vec::new());
        for at in first {
            self.exclude(&mut runs[*at], &mut steps);
        }
        self.stack(&mut runs, &mut steps);
        for run in &mut runs {
            self.exclude(run, &mut steps);
        }
        (runs.iter().map(Run::amount).sum(), runs, steps)
    }

    /// Gives a run that has nothing yet the best of what excludes others.
    fn exclude(&self, run: &mut Run, steps: &mut Vec<Step>) {
        if let Some((active, off)) = self.singles(run).best(run) {
            exclusive(self.ground, run, active, off, steps);
        }
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
                let mut taken = Vec::with_capacity(attempt.taken.len());
                attempt.take(runs, Mark::Stacked, &mut taken);
                note(active, attempt.times, &taken, runs, steps);
                take(runs, &mut taken);
            }
        }
    }
}

//! Promotions that look at several pieces and exclude others, as they contest pieces: each with all that it may take, and once
//! more for each choice of pieces that it leaves to what these would get by themselves. Pure, bounded.

use std::borrow::Cow;

use super::super::apply::{Attempt, Own};

/// Runs that would get something by themselves, of which every choice is tried; of more only some are.
pub(super) const CHOSEN_FROM_MAX: usize = 4;
/// Most promotions that contest the pieces of one group, each counted as often as it is tried.
pub(super) const RIVALS_MAX: usize = 64;
/// Most choices for one promotion: as many as there are of the runs above.
const CHOICES_MAX: usize = (1 << CHOSEN_FROM_MAX) - 1;

/// A promotion that looks at several pieces and excludes others.
pub(super) struct Rival<'b> {
    pub(super) active: usize,
    /// What it may take, in its order.
    pub(super) own: Cow<'b, [Own]>,
    /// What it would do with all of that.
    pub(super) attempt: Cow<'b, Attempt>,
    /// What it takes off at most, whatever it leaves to others.
    pub(super) most: i64,
}

/// The choices of runs that a promotion leaves to others, by their places: of few that would get something every choice, of more
/// those that would get more than so much. At most so many.
pub(super) fn left_out(own: &[Own], otherwise: &[i64], choices: usize) -> Vec<Vec<usize>> {
    let gets = |own: &&Own| otherwise[own.at] > 0;
    let some: Vec<usize> = own.iter().filter(gets).map(|own| own.at).collect();
    let choices = choices.min(CHOICES_MAX);
    if some.is_empty() || choices == 0 {
        return Vec::new();
    }
    if some.len() <= CHOSEN_FROM_MAX {
        return subsets(&some).take(choices).collect();
    }
    let mut levels: Vec<i64> = own.iter().map(|own| otherwise[own.at]).chain([0]).collect();
    levels.sort_unstable();
    levels.dedup();
    // None is left out above the highest.
    levels.pop();
    let step = levels.len().div_ceil(choices.min(CHOSEN_FROM_MAX)).max(1);
    let above = |level: &i64| some.iter().copied().filter(|at| otherwise[*at] > *level).collect();
    levels.iter().step_by(step).map(above).collect()
}

/// All choices of some of these, all of them first; not the choice of none.
pub(super) fn subsets(of: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let all = (1_usize << of.len()) - 1;
    (1..=all).rev().map(|choice| {
        let chosen = of.iter().enumerate().filter(|(place, _)| choice >> place & 1 == 1);
        chosen.map(|(_, at)| *at).collect()
    })
}

/// Those of which none before is the same promotion.
pub(super) fn each_once<'r, 'b>(rivals: &'r [Rival<'b>]) -> impl Iterator<Item = &'r Rival<'b>> {
    let is_first = |(number, rival): &(usize, &Rival<'_>)| {
        !rivals[..*number].iter().any(|other| other.active == rival.active)
    };
    rivals.iter().enumerate().filter(is_first).map(|(_, rival)| rival)
}

/// Rivals in groups of which no two share a piece, each in the order of all.
pub(super) fn apart(rivals: Vec<Rival<'_>>) -> Vec<Vec<Rival<'_>>> {
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
pub(super) fn shared(rivals: &[Rival<'_>]) -> Vec<bool> {
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

//! Pieces that cost the same, and how an amount is spread over them without losing a cent. Pure.

/// Which promotions a piece has had, as far as others must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// None.
    Free,
    /// Some that stack.
    Stacked,
    /// One that goes with no other on goods.
    Exclusive,
    /// One that goes with nothing else.
    Alone,
}

/// Pieces of one line that have all come to the same price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The line's place in the canonical order.
    pub(super) line: usize,
    /// How many.
    pub(super) pieces: i64,
    /// What each costs by now.
    pub(super) each: i64,
    /// What they have had in this stage.
    pub(super) mark: Mark,
    /// Whether they had a promotion in an earlier stage.
    pub(super) had_before: bool,
}

impl Run {
    /// What they cost together.
    pub(super) fn amount(&self) -> i64 {
        self.pieces * self.each
    }
}

/// What a promotion did to one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// The line's place in the canonical order.
    pub(super) line: usize,
    /// The pieces that it counted.
    pub(super) pieces: i64,
    /// What it took off them.
    pub(super) amount: i64,
}

/// Takes `off` off so many pieces of a run and marks them. Where `off` can't be divided evenly, some of them cost one minor
/// unit less than others and become a run of their own. `off` is at most what the pieces cost.
pub(super) fn cut(runs: &mut Vec<Run>, at: usize, pieces: i64, off: i64, mark: Mark) {
    let run = runs[at];
    let (off_each, more) = (off / pieces, off % pieces);
    runs[at] = Run { pieces: pieces - more, each: run.each - off_each, mark, ..run };
    if more > 0 {
        runs.push(Run { pieces: more, each: run.each - off_each - 1, mark, ..run });
    }
    if run.pieces > pieces {
        runs.push(Run { pieces: run.pieces - pieces, ..run });
    }
}

/// Spreads an amount over weights by largest remainder: the parts add up to it exactly, none is above its weight when the
/// amount is not above their sum, and of equal remainders the earlier one gets the unit.
pub(super) fn spread(amount: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i128 = weights.iter().copied().map(i128::from).sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let mut rests = Vec::with_capacity(weights.len());
    let mut parts = Vec::with_capacity(weights.len());
    for (place, weight) in weights.iter().enumerate() {
        let product = i128::from(amount) * i128::from(*weight);
        // At most the amount itself, so it fits.
        parts.push(i64::try_from(product / whole).unwrap_or(amount));
        rests.push((product % whole, place));
    }
    hand_out(amount - parts.iter().sum::<i64>(), &mut rests, &mut parts);
    parts
}

/// Gives one unit each to the largest rests, the earlier ones first among equals.
pub(super) fn hand_out(units: i64, rests: &mut [(i128, usize)], parts: &mut [i64]) {
    let units = usize::try_from(units).unwrap_or(0).min(rests.len());
    if units == 0 {
        return;
    }
    let by_rest = |a: &(i128, usize), b: &(i128, usize)| b.0.cmp(&a.0).then(a.1.cmp(&b.1));
    if units < rests.len() {
        rests.select_nth_unstable_by(units, by_rest);
    }
    for (_, place) in &rests[..units] {
        parts[*place] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_remainder_gets_the_cent() {
        // 100 over 1 : 1 : 1 is 33 each and one left, for the first of equals.
        assert_eq!(spread(100, &[1, 1, 1]), [34, 33, 33]);
        // 10 over 199, 99, 1: 6.65…, 3.31…, 0.03… → 6, 3, 0 and the cent for the first.
        assert_eq!(spread(10, &[199, 99, 1]), [7, 3, 0]);
        assert_eq!(spread(0, &[5, 5]), [0, 0]);
        assert_eq!(spread(7, &[0, 0]), [0, 0]);
        assert_eq!(spread(i64::MAX, &[i64::MAX / 2, i64::MAX / 2 + 1]), [i64::MAX / 2, i64::MAX / 2 + 1]);
    }

    #[test]
    fn pieces_that_share_an_odd_cent_are_told_apart() {
        let run = Run { line: 0, pieces: 5, each: 100, mark: Mark::Free, had_before: false };
        let mut runs = vec![run];
        cut(&mut runs, 0, 3, 100, Mark::Stacked);
        assert_eq!(
            runs,
            [
                Run { pieces: 2, each: 67, mark: Mark::Stacked, ..run },
                Run { pieces: 1, each: 66, mark: Mark::Stacked, ..run },
                Run { pieces: 2, ..run },
            ]
        );
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_is_above_its_weight(
            weights in prop::collection::vec(0_i64..1_000_000, 1..40),
            thousandths in 0_i64..=1_000,
        ) {
            let whole: i64 = weights.iter().sum();
            let amount = whole * thousandths / 1_000;
            let parts = spread(amount, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!((0..=*weight).contains(part));
            }
        }

        #[test]
        fn a_cut_loses_nothing(pieces in 1_i64..999, each in 0_i64..10_000, cut_of in 1_i64..999, percent in 0_i64..=100) {
            let cut_of = cut_of.min(pieces);
            let off = cut_of * each * percent / 100;
            let mut runs = vec![Run { line: 0, pieces, each, mark: Mark::Free, had_before: false }];
            cut(&mut runs, 0, cut_of, off, Mark::Exclusive);
            prop_assert_eq!(runs.iter().map(|run| run.pieces).sum::<i64>(), pieces);
            prop_assert_eq!(runs.iter().map(Run::amount).sum::<i64>(), pieces * each - off);
            prop_assert!(runs.iter().all(|run| run.each >= 0 && run.pieces > 0));
        }
    }
}

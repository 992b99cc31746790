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

/// So many pieces of a run with `off` taken off them, marked. Where `off` can't be divided evenly, some of them cost one minor
/// unit less than others and become a run of their own. `off` is at most what the pieces cost.
pub(super) fn cut(run: Run, pieces: i64, off: i64, mark: Mark) -> impl Iterator<Item = Run> {
    let (off_each, more) = (off / pieces, off % pieces);
    let run = Run { mark, each: run.each - off_each, ..run };
    let cut = [Run { pieces: pieces - more, ..run }, Run { pieces: more, each: run.each - 1, ..run }];
    cut.into_iter().filter(|run| run.pieces > 0)
}

/// Spreads an amount over weights by largest remainder: the parts add up to it exactly, none is above its weight when the
/// amount is not above their sum, and of equal remainders the earlier one gets the unit.
pub fn spread(amount: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i64 = weights.iter().sum();
    match weights {
        _ if whole == 0 => return vec![0; weights.len()],
        [_] => return vec![amount],
        _ => {}
    }
    let mut rests = Vec::with_capacity(weights.len());
    let mut parts = Vec::with_capacity(weights.len());
    for (place, weight) in weights.iter().enumerate() {
        let (part, rest) = portion(amount, *weight, whole);
        parts.push(part);
        rests.push((rest, place));
    }
    hand_out(amount - parts.iter().sum::<i64>(), &mut rests, &mut parts);
    parts
}

/// A part of an amount in proportion to a whole, cut off, and what is left of the division. Neither is above its own bounds:
/// the part is at most the amount when the weight is at most the whole.
pub(super) fn portion(amount: i64, weight: i64, whole: i64) -> (i64, i64) {
    // Nearly always 64 bits are enough, and a division of 128 takes far longer.
    if let Some(product) = amount.checked_mul(weight) {
        return (product / whole, product % whole);
    }
    let (product, whole) = (i128::from(amount) * i128::from(weight), i128::from(whole));
    let fit = |number: i128| i64::try_from(number).unwrap_or(amount);
    (fit(product / whole), fit(product % whole))
}

/// Gives one unit each to the largest rests, the earlier ones first among equals.
pub(super) fn hand_out(units: i64, rests: &mut [(i64, usize)], parts: &mut [i64]) {
    let units = usize::try_from(units).unwrap_or(0).min(rests.len());
    if units == 0 {
        return;
    }
    let by_rest = |a: &(i64, usize), b: &(i64, usize)| b.0.cmp(&a.0).then(a.1.cmp(&b.1));
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
        let cut: Vec<Run> = cut(run, 3, 100, Mark::Stacked).collect();
        assert_eq!(
            cut,
            [
                Run { pieces: 2, each: 67, mark: Mark::Stacked, ..run },
                Run { pieces: 1, each: 66, mark: Mark::Stacked, ..run },
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
        fn a_cut_loses_nothing(pieces in 1_i64..999, each in 0_i64..10_000, percent in 0_i64..=100) {
            let off = pieces * each * percent / 100;
            let run = Run { line: 0, pieces, each, mark: Mark::Free, had_before: false };
            let runs: Vec<Run> = cut(run, pieces, off, Mark::Exclusive).collect();
            prop_assert_eq!(runs.iter().map(|run| run.pieces).sum::<i64>(), pieces);
            prop_assert_eq!(runs.iter().map(Run::amount).sum::<i64>(), pieces * each - off);
            prop_assert!(runs.iter().all(|run| run.each >= 0 && run.pieces > 0));
        }
    }
}

//! How near two words are: how many letters were missed, added, mistaken or swapped with their neighbour.

/// Words shorter than this are taken as they are written: with a letter changed they are other words.
const LETTERS_MIN: usize = 4;
/// From so many letters on, two mistakes are forgiven.
const LONG_LETTERS_MIN: usize = 6;

/// How many mistakes are forgiven in a word.
pub(super) fn forgiven(letters: usize) -> usize {
    match letters {
        0..LETTERS_MIN => 0,
        LETTERS_MIN..LONG_LETTERS_MIN => 1,
        _ => 2,
    }
}

/// Which letters a word has, a bit each; letters beyond the Latin ones and digits share bits.
pub(super) fn letters_of(word: &str) -> u64 {
    word.chars().fold(0, |bits, letter| {
        let bit = match letter {
            'a'..='z' => u32::from(letter) - u32::from('a'),
            '0'..='9' => 26 + u32::from(letter) - u32::from('0'),
            _ => 36 + u32::from(letter) % 28,
        };
        bits | 1 << bit
    })
}

/// Whether words with these letters may be as near as this; false only when they surely are not.
pub(super) fn may_be_near(one: u64, other: u64, mistakes: usize) -> bool {
    let lacks = |one: u64, other: u64| usize::try_from((one & !other).count_ones()).unwrap_or(usize::MAX);
    lacks(one, other) <= mistakes && lacks(other, one) <= mistakes
}

/// Whether one word is the other with at most so many mistakes.
pub(super) fn is_near(one: &str, other: &str, mistakes: usize) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return within(one.as_bytes(), other.as_bytes(), mistakes);
    }
    let letters = |word: &str| word.chars().collect::<Vec<char>>();
    within(&letters(one), &letters(other), mistakes)
}

/// Optimal string alignment, given up as soon as a whole row has more mistakes than allowed.
fn within<T: Copy + PartialEq>(one: &[T], other: &[T], mistakes: usize) -> bool {
    if one.len().abs_diff(other.len()) > mistakes {
        return false;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        next.push(row + 1);
        for (column, against) in other.iter().enumerate() {
            let differ = usize::from(letter != against);
            let mut best = (last[column] + differ).min(last[column + 1] + 1).min(next[column] + 1);
            let is_swap = row > 0 && column > 0 && one[row - 1] == *against && *letter == other[column - 1];
            if is_swap {
                best = best.min(before_last[column - 1] + 1);
            }
            next.push(best);
        }
        if next.iter().all(|count| *count > mistakes) {
            return false;
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last.last().is_some_and(|count| *count <= mistakes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_letter_missed_added_mistaken_or_swapped_is_one_mistake() {
        for word in ["mlch", "milcch", "mulch", "mlich"] {
            assert!(is_near(word, "milch", 1), "{word}");
        }
        assert!(!is_near("mulhc", "milch", 1) && is_near("mulhc", "milch", 2));
        assert!(is_near("молако", "молоко", 1));
        assert!(is_near("jogurht", "joghurt", 2), "a letter that moved further");
        assert_eq!([3, 4, 5, 6].map(forgiven), [0, 1, 1, 2]);
    }

    proptest! {
        #[test]
        fn letters_never_rule_out_a_word_that_is_near(one in "[a-d1ж]{0,9}", other in "[a-d1ж]{0,9}", mistakes in 0..3_usize) {
            if is_near(&one, &other, mistakes) {
                prop_assert!(is_near(&other, &one, mistakes));
                prop_assert!(may_be_near(letters_of(&one), letters_of(&other), mistakes));
            }
        }
    }
}

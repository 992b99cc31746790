//! A long row of values in pages that snapshots share: whoever changes a value copies its page, once, and no other.

use std::sync::Arc;

/// Values by number, `LENGTH` on a page; a page that nobody wrote to does not exist.
#[derive(Clone, Debug)]
pub(super) struct Pages<T, const LENGTH: usize> {
    pages: Vec<Option<Arc<[T]>>>,
}

impl<T: Clone + Default, const LENGTH: usize> Pages<T, LENGTH> {
    pub(super) fn new() -> Self {
        Self { pages: Vec::new() }
    }

    /// The value of this number, unless its page was never written.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (page, place) = split::<LENGTH>(number);
        self.pages.get(page)?.as_ref()?.get(place)
    }

    /// Changes the value of this number.
    pub(super) fn set(&mut self, number: u32, value: T) {
        let (page, place) = split::<LENGTH>(number);
        if page >= self.pages.len() {
            self.pages.resize(page + 1, None);
        }
        let page = self.pages[page].get_or_insert_with(|| vec![T::default(); LENGTH].into());
        Arc::make_mut(page)[place] = value;
    }

    /// The numbers whose values are not the same in an older row of values: only pages that were written to are looked at.
    pub(super) fn differing(&self, older: &Self, is_same: impl Fn(&T, &T) -> bool) -> Vec<u32> {
        let mut numbers = Vec::new();
        let nothing = T::default();
        for (index, page) in self.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            let before = older.pages.get(index).and_then(Option::as_ref);
            if before.is_some_and(|before| Arc::ptr_eq(before, page)) {
                continue;
            }
            for (place, value) in page.iter().enumerate() {
                let before = before.and_then(|before| before.get(place)).unwrap_or(&nothing);
                if !is_same(value, before) {
                    numbers.extend(u32::try_from(index * LENGTH + place));
                }
            }
        }
        numbers
    }

    /// How many pages both have in common, by address.
    #[cfg(test)]
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        let both = self.pages.iter().flatten().zip(other.pages.iter().flatten());
        both.filter(|(one, another)| Arc::ptr_eq(one, another)).count()
    }
}

/// Words of a page of bits.
const WORDS: usize = 128;
/// Bits of a word.
const BITS: u32 = u64::BITS;

/// One bit for each number, in shared pages.
#[derive(Clone, Debug)]
pub(super) struct Bits(Pages<u64, WORDS>);

impl Bits {
    pub(super) fn new() -> Self {
        Self(Pages::new())
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> bool {
        self.0.get(number / BITS).is_some_and(|word| word >> (number % BITS) & 1 == 1)
    }

    pub(super) fn set(&mut self, number: u32, to: bool) {
        let bit = 1 << (number % BITS);
        let word = self.0.get(number / BITS).copied().unwrap_or_default();
        let next = if to { word | bit } else { word & !bit };
        if next != word {
            self.0.set(number / BITS, next);
        }
    }
}

#[inline]
fn split<const LENGTH: usize>(number: u32) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number / LENGTH, number % LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_changes_by_itself() {
        let mut bits = Bits::new();
        bits.set(63, true);
        bits.set(64, true);
        bits.set(9_000, true);
        bits.set(64, false);
        let set: Vec<u32> = (0..10_000).filter(|number| bits.get(*number)).collect();
        assert_eq!(set, [63, 9_000]);
    }

    #[test]
    fn a_change_copies_the_page_it_touches_and_no_other() {
        let mut before = Pages::<i64, 1024>::new();
        for number in 0..5000 {
            before.set(number, 1);
        }
        let mut after = before.clone();
        after.set(2500, 2);
        assert_eq!((before.get(2500), after.get(2500)), (Some(&1), Some(&2)));
        assert_eq!(after.shared_with(&before), 4);
        assert_eq!(before.get(9999), None);
        assert_eq!(after.differing(&before, |one, other| one == other), [2500]);
    }
}

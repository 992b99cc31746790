//! A linear-probing table from a number to a product number: one line of memory for a hit, cloned by one copy.
//!
//! A key is never taken out; a code that was withdrawn points to nothing. Keys need not be unique: the caller says which
//! of the entries under a key it means (for SKUs the key is only a hash).

/// Stands for no product.
const NOTHING: u32 = u32::MAX;
/// Slots of an empty table; a power of two.
const SLOTS_MIN: usize = 64;
/// 2^64 divided by the golden ratio: spreads numbers that differ only in their last digits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u64,
    value: u32,
    used: bool,
}

const EMPTY: Slot = Slot { key: 0, value: NOTHING, used: false };

/// From keys to product numbers.
#[derive(Clone, Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    used: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { slots: vec![EMPTY; SLOTS_MIN], used: 0 }
    }

    /// The product number under this key that `is_meant`.
    #[inline]
    pub(super) fn find(&self, key: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let slot = &self.slots[self.place(key, is_meant)];
        (slot.value != NOTHING).then_some(slot.value)
    }

    /// Lets the key point to this product, or to nothing. `is_meant` says whether an entry under the key is the one to
    /// change.
    pub(super) fn set(&mut self, key: u64, value: Option<u32>, is_meant: impl Fn(u32) -> bool) {
        let mut place = self.place(key, is_meant);
        if !self.slots[place].used {
            if value.is_none() {
                return;
            }
            // At most seven slots in ten are used: beyond that, searches for absent keys grow long.
            if (self.used + 1) * 10 > self.slots.len() * 7 {
                self.grow();
                place = self.place(key, |_| false);
            }
            self.used += 1;
        }
        self.slots[place] = Slot { key, value: value.unwrap_or(NOTHING), used: true };
    }

    /// Every key that points to a product, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let used = self.slots.iter().filter(|slot| slot.used && slot.value != NOTHING);
        used.map(|slot| (slot.key, slot.value))
    }

    /// Where the entry is, or the free slot where it would be.
    #[inline]
    fn place(&self, key: u64, is_meant: impl Fn(u32) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let hash = key.wrapping_mul(SPREAD) >> (64 - self.slots.len().trailing_zeros());
        let mut place = usize::try_from(hash).unwrap_or(0) & mask;
        loop {
            let slot = &self.slots[place];
            if !slot.used || (slot.key == key && is_meant(slot.value)) {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let twice = vec![EMPTY; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, twice).into_iter().filter(|slot| slot.used) {
            let place = self.place(slot.key, |_| false);
            self.slots[place] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn the_table_answers_as_a_map_does(changes in prop::collection::vec((0_u64..500, prop::option::of(0_u32..9)), 0..900)) {
            let mut table = Table::new();
            let mut map = HashMap::new();
            for (key, value) in changes {
                table.set(key, value, |_| true);
                map.insert(key, value);
            }
            for key in 0..500 {
                prop_assert_eq!(table.find(key, |_| true), map.get(&key).copied().flatten());
            }
        }
    }

    #[test]
    fn entries_under_one_key_are_told_apart() {
        let mut table = Table::new();
        table.set(7, Some(1), |value| value == 1);
        table.set(7, Some(2), |value| value == 2);
        assert_eq!(table.find(7, |value| value == 1), Some(1));
        assert_eq!(table.find(7, |value| value == 2), Some(2));
        assert_eq!(table.find(7, |value| value == 3), None);
    }
}

//! Tables from codes and SKUs to product numbers: one line of memory for a hit, no lock, nothing allocated.
//!
//! A code that was withdrawn keeps its entry and points to nothing. A snapshot that is built from another one shares the
//! large table with it: what changed stands in a small one beside it, until that is full and both become one.

use std::sync::Arc;

use super::memory::{ENTRY_BYTES, Entry, Memory};

/// Stands for no product.
const NOTHING: u32 = u32::MAX;
/// Slots of an empty table.
const SLOTS_MIN: usize = 64;
/// 2^64 divided by the golden ratio: spreads numbers that differ only in their last digits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// Entries of the small table beside the large one: few enough to be copied with every batch, enough for a day's news.
const RECENT_MAX: usize = 8_192;

/// One place of a table.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u64,
    value: u32,
    used: bool,
}

/// Set in the second half of an entry that is used; the value is below it.
const USED: u64 = 1 << 32;

impl Slot {
    #[inline]
    fn read(entry: &Entry) -> Self {
        let (halves, _) = entry.as_chunks();
        let half = |place: usize| halves.get(place).copied().map_or(0, u64::from_le_bytes);
        let (key, rest) = (half(0), half(1));
        Self { key, value: u32::try_from(rest & (USED - 1)).unwrap_or(NOTHING), used: rest & USED != 0 }
    }

    fn written(self) -> Entry {
        let rest = u64::from(self.value) | if self.used { USED } else { 0 };
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&self.key.to_le_bytes());
        entry[8..].copy_from_slice(&rest.to_le_bytes());
        entry
    }
}

/// Open addressing with linear probing.
#[derive(Clone, Debug)]
struct Slots {
    memory: Memory,
    used: usize,
}

impl Slots {
    fn new() -> Self {
        Self { memory: Memory::zeroed(SLOTS_MIN), used: 0 }
    }

    /// Makes room for so many entries in all.
    fn reserve(&mut self, entries: usize) {
        let slots = slots_for(entries);
        if slots > self.memory.entries().len() {
            self.resize(slots);
        }
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u32> {
        let (_, slot) = self.place(key);
        slot.used.then_some(slot.value)
    }

    fn set(&mut self, key: u64, value: u32) {
        let (mut place, slot) = self.place(key);
        if !slot.used {
            let slots = self.memory.entries().len();
            if is_full(self.used, slots) {
                self.resize(grown(slots));
                place = self.place(key).0;
            }
            self.used += 1;
        }
        self.memory.entries_mut()[place] = Slot { key, value, used: true }.written();
    }

    /// Where the entry is, or the free slot where it would be.
    #[inline]
    fn place(&self, key: u64) -> (usize, Slot) {
        let entries = self.memory.entries();
        let mut place = first_place(key, entries.len());
        loop {
            let slot = Slot::read(&entries[place]);
            if !slot.used || slot.key == key {
                return (place, slot);
            }
            place = next_place(place, entries.len());
        }
    }

    fn resize(&mut self, slots: usize) {
        let before = std::mem::replace(&mut self.memory, Memory::zeroed(slots));
        for entry in before.entries() {
            let slot = Slot::read(entry);
            if slot.used {
                let (place, _) = self.place(slot.key);
                self.memory.entries_mut()[place] = *entry;
            }
        }
    }

    /// Everything that was ever set, in no order.
    fn used(&self) -> impl Iterator<Item = Slot> + '_ {
        self.memory.entries().iter().map(Slot::read).filter(|slot| slot.used)
    }
}

/// At most seven slots in ten are used: beyond that, searches for absent keys grow long.
fn is_full(used: usize, slots: usize) -> bool {
    (used + 1) * 10 > slots * 7
}

/// Slots that hold so many entries without growing.
fn slots_for(entries: usize) -> usize {
    (entries * 10 / 7 + 2).max(SLOTS_MIN)
}

/// By a quarter: room for twice as many would be half empty after nearly every start.
fn grown(slots: usize) -> usize {
    slots + slots / 4
}

/// Spreads keys over any number of slots: the hash as a fraction of all hashes, of the slots.
#[inline]
fn first_place(key: u64, slots: usize) -> usize {
    let (hash, slots) = (key.wrapping_mul(SPREAD), u64::try_from(slots).unwrap_or(u64::MAX));
    usize::try_from((u128::from(hash) * u128::from(slots)) >> 64).unwrap_or(0)
}

#[inline]
fn next_place(place: usize, slots: usize) -> usize {
    if place + 1 == slots { 0 } else { place + 1 }
}

/// From codes to product numbers; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Table {
    large: Arc<Slots>,
    /// What changed since the large table was made.
    recent: Arc<Slots>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { large: Arc::new(Slots::new()), recent: Arc::new(Slots::new()) }
    }

    /// Makes room for so many entries in all, where nobody else reads the table.
    pub(super) fn reserve(&mut self, entries: usize) {
        if let Some(large) = Arc::get_mut(&mut self.large) {
            large.reserve(entries);
        }
    }

    /// The product number under this key.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        let recent = if self.recent.used == 0 { None } else { self.recent.get(key) };
        recent.or_else(|| self.large.get(key)).filter(|value| *value != NOTHING)
    }

    /// Every key that points to a product, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let large = self.large.used().filter(|slot| self.recent.get(slot.key).is_none());
        let all = large.chain(self.recent.used());
        all.filter(|slot| slot.value != NOTHING).map(|slot| (slot.key, slot.value))
    }

    /// Whether nothing changed between the two: what is written to while it is shared is a copy.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.large, &other.large) && Arc::ptr_eq(&self.recent, &other.recent)
    }

    /// Lets the key point to this product, or to nothing.
    pub(super) fn set(&mut self, key: u64, value: Option<u32>) {
        if value.is_none() && self.find(key).is_none() {
            return;
        }
        let value = value.unwrap_or(NOTHING);
        // Nobody else reads the large table: at the first load, and after it was copied for a large batch.
        if self.recent.used == 0
            && let Some(large) = Arc::get_mut(&mut self.large)
        {
            large.set(key, value);
            return;
        }
        let recent = Arc::make_mut(&mut self.recent);
        recent.set(key, value);
        if recent.used > RECENT_MAX {
            let large = Arc::make_mut(&mut self.large);
            for slot in recent.used() {
                large.set(slot.key, slot.value);
            }
            self.recent = Arc::new(Slots::new());
        }
    }
}

/// From SKUs to product numbers. Only the numbers are kept, four bytes each: the product says whether it is the one.
/// A SKU is never taken out.
#[derive(Clone, Debug)]
pub(super) struct SkuTable {
    slots: Vec<u32>,
    used: usize,
}

impl SkuTable {
    pub(super) fn new() -> Self {
        Self { slots: vec![NOTHING; SLOTS_MIN], used: 0 }
    }

    /// The number under this hash that `is_meant`.
    pub(super) fn find(&self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let mut place = first_place(hash, self.slots.len());
        loop {
            match self.slots[place] {
                NOTHING => return None,
                number if is_meant(number) => return Some(number),
                _ => place = next_place(place, self.slots.len()),
            }
        }
    }

    /// Adds a number that is not there yet; `hash_of` gives the hash of those that are.
    pub(super) fn add(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if is_full(self.used, self.slots.len()) {
            self.resize(grown(self.slots.len()), hash_of);
        }
        self.put(hash, number);
        self.used += 1;
    }

    /// Makes room for so many entries in all.
    pub(super) fn reserve(&mut self, entries: usize, hash_of: impl Fn(u32) -> u64) {
        let slots = slots_for(entries);
        if slots > self.slots.len() {
            self.resize(slots, hash_of);
        }
    }

    fn resize(&mut self, slots: usize, hash_of: impl Fn(u32) -> u64) {
        for number in std::mem::replace(&mut self.slots, vec![NOTHING; slots]) {
            if number != NOTHING {
                self.put(hash_of(number), number);
            }
        }
    }

    fn put(&mut self, hash: u64, number: u32) {
        let mut place = first_place(hash, self.slots.len());
        while self.slots[place] != NOTHING {
            place = next_place(place, self.slots.len());
        }
        self.slots[place] = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn the_table_answers_as_a_map_does_and_its_copies_stay_as_they_were(
            batches in prop::collection::vec(prop::collection::vec((0_u64..300, prop::option::of(0_u32..50)), 0..200), 1..6),
        ) {
            let (mut table, mut map) = (Table::new(), HashMap::new());
            let mut copies = Vec::new();
            for batch in batches {
                copies.push((table.clone(), map.clone()));
                for (key, value) in batch {
                    table.set(key, value);
                    match value {
                        Some(value) => drop(map.insert(key, value)),
                        None => drop(map.remove(&key)),
                    }
                }
            }
            copies.push((table, map));
            for (table, map) in copies {
                for key in 0..310 {
                    prop_assert_eq!(table.find(key), map.get(&key).copied());
                }
                prop_assert_eq!(table.entries().collect::<HashMap<_, _>>(), map);
            }
        }
    }

    #[test]
    fn what_changes_is_copied_and_the_large_table_is_not_until_much_changed() {
        let mut table = Table::new();
        for key in 0..100_000 {
            table.set(key, Some(1));
        }
        let before = table.clone();
        table.set(7, Some(2));
        assert!(Arc::ptr_eq(&before.large, &table.large));
        assert_eq!((before.find(7), table.find(7)), (Some(1), Some(2)));
        for key in 200_000..220_000 {
            table.set(key, Some(3));
        }
        assert_eq!((table.find(7), table.find(99_999), table.find(219_999)), (Some(2), Some(1), Some(3)));
        assert_eq!(before.find(219_999), None);
    }

    #[test]
    fn a_sku_is_found_among_others_of_the_same_hash() {
        let mut table = SkuTable::new();
        for number in 0..1_000 {
            table.add(u64::from(number % 10), number, |number| u64::from(number % 10));
        }
        for number in 0..1_000 {
            assert_eq!(table.find(u64::from(number % 10), |each| each == number), Some(number));
        }
        assert_eq!(table.find(3, |_| false), None);
    }
}

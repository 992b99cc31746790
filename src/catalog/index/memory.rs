//! Zeroed memory for tables whose entries lie everywhere: on huge pages where the system has them.
//!
//! A look-up at random in tens of megabytes misses the processor's table of pages nearly every time, and walking the
//! page tables costs as much as the entry itself. Two megabytes a page instead of four kilobytes nearly ends that. The
//! system is asked for them (`madvise`); without them everything works as well, only slower.

use memmap2::{MmapMut, MmapOptions};

/// Bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 16;
/// Below one huge page there is nothing to win.
const HUGE_BYTES_MIN: usize = 2 * 1024 * 1024;

/// An entry as it lies in memory.
pub(super) type Entry = [u8; ENTRY_BYTES];

/// Entries that are zero at first.
#[derive(Debug)]
pub(super) enum Memory {
    Ordinary(Vec<Entry>),
    Huge(MmapMut),
}

impl Memory {
    pub(super) fn zeroed(entries: usize) -> Self {
        let bytes = entries * ENTRY_BYTES;
        if bytes >= HUGE_BYTES_MIN
            && let Ok(memory) = MmapOptions::new().len(bytes).map_anon()
        {
            #[cfg(target_os = "linux")]
            // A system without huge pages says so; the memory is as good as any then.
            let _ = memory.advise(memmap2::Advice::HugePage);
            return Self::Huge(memory);
        }
        Self::Ordinary(vec![[0; ENTRY_BYTES]; entries])
    }

    #[inline]
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Self::Ordinary(entries) => entries,
            Self::Huge(memory) => memory.as_chunks().0,
        }
    }

    #[inline]
    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        match self {
            Self::Ordinary(entries) => entries,
            Self::Huge(memory) => memory.as_chunks_mut().0,
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        let mut clone = Self::zeroed(self.entries().len());
        clone.entries_mut().copy_from_slice(self.entries());
        clone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_begins_with_zeros_and_a_copy_is_its_own() {
        for entries in [1, 64, 200_001] {
            let mut memory = Memory::zeroed(entries);
            assert_eq!(memory.entries().len(), entries);
            assert!(memory.entries().iter().all(|entry| *entry == [0; ENTRY_BYTES]));
            let copy = memory.clone();
            memory.entries_mut()[entries - 1] = [7; ENTRY_BYTES];
            assert_eq!((copy.entries()[entries - 1], memory.entries()[entries - 1]), ([0; 16], [7; 16]));
        }
    }
}

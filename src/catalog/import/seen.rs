//! Where each number of a table stood first: one number, one row.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::super::code::Gtin;

/// Numbers of one table that are remembered: as many as fit 2^22 places, seven eighths full, in 71 MB; one more would take
/// twice that. Later ones are told apart by what the catalogue knows of them.
const NUMBERS_MAX: usize = 7 << 19;

/// Numbers and the lines that they stood in.
#[derive(Debug, Default)]
pub(super) struct SeenLines {
    of: HashMap<u64, u32, RandomState>,
}

impl SeenLines {
    /// The line in which a number stood first.
    pub(super) fn first(&self, gtin: Gtin) -> Option<u64> {
        self.of.get(&gtin.value()).copied().map(u64::from)
    }

    /// Remembers where a number stands.
    pub(super) fn remember(&mut self, gtin: Gtin, line: u64) {
        if self.of.len() < NUMBERS_MAX {
            self.of.insert(gtin.value(), u32::try_from(line).unwrap_or(u32::MAX));
        }
    }
}

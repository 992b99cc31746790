//! The codes of one delivery, so that none of them is two products' in it.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Codes of one delivery that are remembered: as many as fit 2^22 places, seven eighths full, in 71 MB; one more would take
/// twice that. Few retailers have more; of those that do, later codes are told apart by the revision alone.
const CODES_MAX: usize = 7 << 19;

/// Which product each code of a delivery was given to, by the number and a hash of the SKU.
#[derive(Debug, Default)]
pub(super) struct SeenCodes {
    of: HashMap<u64, u64, RandomState>,
}

impl SeenCodes {
    /// Whether an earlier row of the delivery gave the code to another product.
    pub(super) fn is_of_another(&self, code: &str, sku: &str) -> bool {
        let seen = number(code).and_then(|number| self.of.get(&number));
        seen.is_some_and(|seen| *seen != self.of.hasher().hash_one(sku))
    }

    /// Remembers a row that was not refused.
    pub(super) fn remember(&mut self, code: &str, sku: &str) {
        let hash = self.of.hasher().hash_one(sku);
        if let Some(number) =
            number(code).filter(|number| self.of.len() < CODES_MAX || self.of.contains_key(number))
        {
            self.of.insert(number, hash);
        }
    }

    /// Forgets a code that is taken back.
    pub(super) fn forget(&mut self, code: &str) {
        if let Some(number) = number(code) {
            self.of.remove(&number);
        }
    }

    /// Forgets a row that was refused after all.
    pub(super) fn forget_of(&mut self, code: &str, sku: &str) {
        if !self.is_of_another(code, sku) {
            self.forget(code);
        }
    }
}

fn number(code: &str) -> Option<u64> {
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_first_products_until_it_is_taken_back() {
        let mut seen = SeenCodes::default();
        assert!(!seen.is_of_another("04006381333931", "tea"));
        seen.remember("04006381333931", "tea");
        assert!(!seen.is_of_another("04006381333931", "tea"));
        assert!(seen.is_of_another("04006381333931", "coffee"));
        seen.forget_of("04006381333931", "coffee");
        assert!(seen.is_of_another("04006381333931", "coffee"));
        seen.forget("04006381333931");
        assert!(!seen.is_of_another("04006381333931", "coffee"));
    }
}

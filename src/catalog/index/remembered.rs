//! What the catalogue remembers of products that are not sold any more: whoever scans one is led to what is.

use super::{Record, Snapshot};
use crate::catalog::code::{self, Gtin, Meaning, Symbology};
use crate::clock::Moment;

impl Snapshot {
    /// A product, sold or not, as it was delivered last.
    pub(in crate::catalog) fn remembered(&self, number: u32) -> Option<&Record> {
        self.products.get(number)?.as_ref()
    }

    /// The product that a code leads to, or led to before it was taken back. For refused lookups only: none that
    /// succeeds comes here.
    pub(in crate::catalog) fn last_owner(
        &self,
        store: &str,
        code: &str,
        symbology: Option<Symbology>,
        now: Moment,
    ) -> Option<u32> {
        let shop = self.shop(store).ok()?;
        let today = now.with_timezone(&shop.zone).date_naive();
        let meant = |answer: &code::Answer| self.last_meant(&answer.meaning);
        code::interpret_in_store(code, symbology, &shop.profile, today, meant).ok()?.1
    }

    fn last_meant(&self, meaning: &Meaning) -> Option<u32> {
        let by_article = || match meaning {
            Meaning::Template(found) => self.number_of(&found.code.as_deref()?.parse().ok()?),
            _ => None,
        };
        meaning.keys().find_map(|gtin| self.last_of(gtin)).or_else(by_article)
    }

    fn last_of(&self, gtin: Gtin) -> Option<u32> {
        let number = self.table(gtin).find(gtin.value());
        number.or_else(|| self.withdrawn.get(&gtin.value()).copied())
    }
}

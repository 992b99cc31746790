//! The way from goods to the promotions that can touch them: by number, by brand, and down the tree of categories. Pure.
//!
//! One table for all three, made once and read with every line of every pricing: a slot holds what decides whether it is the
//! one, and all texts and all promotions stand in one list each, so that a look-up touches three places in memory.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// A promotion that a product leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its place in the set.
    place: u32,
    /// The part of it that the product may stand in.
    pub(super) part: u8,
    /// Whether the way here says too little: the goods must be asked.
    pub(super) must_ask: bool,
}

impl Spot {
    pub(super) fn new(place: usize, part: usize, must_ask: bool) -> Option<Self> {
        Some(Self { place: u32::try_from(place).ok()?, part: u8::try_from(part).ok()?, must_ask })
    }

    /// The same where the goods must be asked in any case.
    pub(super) fn asking(self) -> Self {
        Self { must_ask: true, ..self }
    }

    /// Its place in the set.
    pub(super) fn place(self) -> usize {
        usize::try_from(self.place).unwrap_or(usize::MAX)
    }
}

/// Where a text stands: below a category, or in one of the two lists without a tree.
type Parent = u32;
/// Below this the names of categories begin.
const ROOT: Parent = 0;
/// Numbers of products.
const SKUS: Parent = Parent::MAX;
/// Brands.
const BRANDS: Parent = Parent::MAX - 1;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Of parent and text; nought in an empty slot.
    hash: u64,
    /// Where its text and its promotions begin, and how many bytes and promotions these are.
    text: u32,
    spots: u32,
    text_length: u16,
    spots_count: u16,
    /// Under which its own children stand.
    node: Parent,
}

/// The part of a list that begins there; nothing when it is not there.
fn part<'a, T: ?Sized>(
    start: u32,
    length: u16,
    get: impl FnOnce(std::ops::Range<usize>) -> Option<&'a T>,
) -> Option<&'a T> {
    let start = usize::try_from(start).ok()?;
    get(start..start + usize::from(length))
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Leads {
    hasher: RandomState,
    slots: Vec<Slot>,
    texts: String,
    spots: Vec<Spot>,
    /// Those that every product leads to.
    everywhere: Vec<Spot>,
}

/// A table that is being made.
#[derive(Debug, Default)]
pub(super) struct Making {
    nodes: std::collections::BTreeMap<(Parent, String), (Parent, Vec<Spot>)>,
    everywhere: Vec<Spot>,
}

impl Making {
    pub(super) fn everywhere(&mut self, spot: Spot) {
        self.everywhere.push(spot);
    }

    pub(super) fn sku(&mut self, sku: &str, spot: Spot) {
        self.node(SKUS, sku).1.push(spot);
    }

    pub(super) fn brand(&mut self, brand: &str, spot: Spot) {
        self.node(BRANDS, brand).1.push(spot);
    }

    /// All that is below a category; a path without an entry is none.
    pub(super) fn category(&mut self, path: &[String], spot: Spot) {
        let Some((last, above)) = path.split_last() else { return };
        let parent = above.iter().fold(ROOT, |parent, each| self.node(parent, each).0);
        self.node(parent, last).1.push(spot);
    }

    fn node(&mut self, parent: Parent, text: &str) -> &mut (Parent, Vec<Spot>) {
        // One more than there are: nought is the root.
        let next = Parent::try_from(self.nodes.len() + 1).unwrap_or(ROOT);
        self.nodes.entry((parent, text.to_owned())).or_insert((next, Vec::new()))
    }

    pub(super) fn finish(self) -> Leads {
        let mut leads = Leads { everywhere: self.everywhere, ..Leads::default() };
        // At most four of five slots are taken: a look-up finds an empty one soon.
        let size = (self.nodes.len() * 5 / 4 + 1).next_power_of_two();
        leads.slots = vec![Slot::default(); size];
        for ((parent, text), (node, spots)) in self.nodes {
            let hash = leads.hash(parent, &text);
            let Some(mut at) = leads.first(hash) else { continue };
            while leads.slots[at].hash != 0 {
                at = (at + 1) & (size - 1);
            }
            // What one name leads to beyond this is beyond any week's promotions.
            let spots = &spots[..spots.len().min(usize::from(u16::MAX))];
            let slot = Slot {
                hash,
                text: u32::try_from(leads.texts.len()).unwrap_or(u32::MAX),
                spots: u32::try_from(leads.spots.len()).unwrap_or(u32::MAX),
                text_length: u16::try_from(text.len()).unwrap_or(u16::MAX),
                spots_count: u16::try_from(spots.len()).unwrap_or(u16::MAX),
                node,
            };
            leads.slots[at] = slot;
            leads.texts.push_str(&text);
            leads.spots.extend(spots);
        }
        leads
    }
}

impl Leads {
    /// Calls with each promotion that can touch such a product; with the same one again when several ways lead to it.
    pub(super) fn each(
        &self,
        sku: &str,
        category: &[String],
        brand: Option<&str>,
        mut call: impl FnMut(Spot),
    ) {
        let mut all = |spots: &[Spot]| spots.iter().for_each(|spot| call(*spot));
        all(&self.everywhere);
        if let Some(slot) = self.slot(SKUS, sku) {
            all(self.spots(slot));
        }
        if let Some(slot) = brand.and_then(|brand| self.slot(BRANDS, brand)) {
            all(self.spots(slot));
        }
        let mut parent = ROOT;
        for each in category {
            let Some(slot) = self.slot(parent, each) else { break };
            parent = slot.node;
            all(self.spots(slot));
        }
    }

    fn spots(&self, slot: &Slot) -> &[Spot] {
        part(slot.spots, slot.spots_count, |range| self.spots.get(range)).unwrap_or_default()
    }

    fn hash(&self, parent: Parent, text: &str) -> u64 {
        self.hasher.hash_one((parent, text)) | 1
    }

    /// Where to look first.
    fn first(&self, hash: u64) -> Option<usize> {
        // The upper half: the lowest bit says that a slot is taken.
        let upper = usize::try_from(hash >> 32).ok()?;
        Some(upper & self.slots.len().checked_sub(1)?)
    }

    fn slot(&self, parent: Parent, text: &str) -> Option<&Slot> {
        let hash = self.hash(parent, text);
        let mut at = self.first(hash)?;
        loop {
            let slot = &self.slots[at];
            if slot.hash == 0 {
                return None;
            }
            if slot.hash == hash
                && part(slot.text, slot.text_length, |range| self.texts.get(range)) == Some(text)
            {
                return Some(slot);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(place: usize) -> Spot {
        Spot::new(place, 0, false).expect("a spot")
    }

    fn led(leads: &Leads, sku: &str, category: &[&str], brand: Option<&str>) -> Vec<usize> {
        let category: Vec<String> = category.iter().map(|&each| each.to_owned()).collect();
        let mut found = Vec::new();
        leads.each(sku, &category, brand, |spot| found.push(spot.place()));
        found
    }

    #[test]
    fn goods_lead_to_promotions_by_number_brand_and_category() {
        let mut making = Making::default();
        let path = |texts: &[&str]| texts.iter().map(|&each| each.to_owned()).collect::<Vec<_>>();
        making.everywhere(spot(0));
        making.sku("A", spot(1));
        making.brand("A", spot(2));
        making.category(&path(&["A"]), spot(3));
        making.category(&path(&["A", "A"]), spot(4));
        making.category(&path(&["B", "A"]), spot(5));
        making.category(&[], spot(6));
        let leads = making.finish();
        assert_eq!(led(&leads, "A", &[], None), [0, 1]);
        assert_eq!(led(&leads, "B", &["A", "A", "A"], Some("A")), [0, 2, 3, 4]);
        assert_eq!(led(&leads, "B", &["B"], Some("B")), [0]);
        assert_eq!(led(&leads, "B", &["B", "A"], None), [0, 5]);
        assert_eq!(led(&Leads::default(), "A", &["A"], Some("A")), Vec::<usize>::new());
        assert_eq!(led(&Making::default().finish(), "A", &["A"], Some("A")), Vec::<usize>::new());
    }

    #[test]
    fn each_of_many_is_found_and_nothing_else() {
        let mut making = Making::default();
        (0..5_000).for_each(|number| making.sku(&format!("S{number}"), spot(number)));
        let leads = making.finish();
        for number in 0..5_000 {
            assert_eq!(led(&leads, &format!("S{number}"), &[], None), [number]);
            assert_eq!(led(&leads, &format!("T{number}"), &[], None), Vec::<usize>::new());
        }
    }
}

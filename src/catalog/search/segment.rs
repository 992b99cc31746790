//! Products by the words that name them: made once, never changed.
//!
//! Every word stands once, in order, in one text; so a prefix is a range of it and a part of a word is found by looking
//! through it. Products are numbered within the segment in the order of their names.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde::Deserialize;

use super::nearness::letters_of;
use super::words::{Word, sorting, words};
use crate::catalog::index::Snapshot;
use crate::catalog::offline::primary;
use crate::hash::sha256_hex;

/// Products of a segment; the other bits of an entry say where the word stands.
const PRODUCTS_MAX: usize = 1 << 26;
/// Languages of names that are told apart; the names in others are not searched.
const LANGUAGES_MAX: usize = 60;
/// Letters of the id of a category: enough for millions of them.
const CATEGORY_ID_LETTERS: usize = 16;
/// Stands for no category.
const NO_CATEGORY: u32 = u32::MAX;

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    /// The name in a language, by its place among the segment's.
    NameIn(u8),
    Brand,
    Category,
}

impl Field {
    fn bits(self) -> u32 {
        match self {
            Self::Name => 0,
            Self::NameIn(language) => 1 + u32::from(language),
            Self::Brand => 62,
            Self::Category => 63,
        }
    }

    fn of(entry: u32) -> Self {
        match u8::try_from(entry >> 26).unwrap_or(0) {
            0 => Self::Name,
            62 => Self::Brand,
            63 => Self::Category,
            language => Self::NameIn(language - 1),
        }
    }
}

/// A category: a place in the retailer's tree of goods.
#[derive(Clone, Debug)]
pub(super) struct Category {
    pub(super) id: String,
    pub(super) name: String,
    /// Its parent's place, which is a lower one.
    pub(super) parent: Option<u32>,
}

/// Products by the words that name them.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// All words in order, each with a line break after it.
    text: String,
    /// Where each word begins, and the end of the text.
    starts: Vec<u32>,
    letters: Vec<u64>,
    /// Where the entries of each word begin, and their end.
    entry_starts: Vec<u32>,
    /// A product and a field each.
    entries: Vec<u32>,
    pub(super) languages: Vec<String>,
    /// The number in the snapshot of each product.
    pub(super) numbers: Vec<u32>,
    /// How many words the name of each product has: of names that match alike the short one is meant.
    pub(super) name_lengths: Vec<u8>,
    category_of: Vec<u32>,
    pub(super) categories: Vec<Category>,
}

/// What of a product is searched.
#[derive(Debug, Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    names: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow, default)]
    brand: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    category: Vec<Cow<'a, str>>,
}

/// The name by which a product is sorted, and its SKU: so that the order is the same on every instance.
pub(super) fn sorting_name(json: &[u8]) -> String {
    let named = serde_json::from_slice::<Named<'_>>(json);
    named.map_or_else(|_| String::new(), |named| format!("{}\u{0}{}", sorting(&named.name), named.sku))
}

/// A segment in the making.
#[derive(Default)]
struct Making {
    entries: HashMap<Box<str>, Vec<u32>>,
    category_places: HashMap<(Option<u32>, String), u32>,
    segment: Segment,
}

impl Segment {
    /// The products of these numbers that are sold at all.
    pub(super) fn of(snapshot: &Snapshot, numbers: impl Iterator<Item = u32>) -> Self {
        let mut products: Vec<(String, u32)> = numbers
            .filter_map(|number| Some((sorting_name(snapshot.record(number)?.json()), number)))
            .take(PRODUCTS_MAX)
            .collect();
        products.sort_unstable();
        let mut making = Making::default();
        for (_, number) in products {
            let Some(record) = snapshot.record(number) else { continue };
            let Ok(named) = serde_json::from_slice::<Named<'_>>(record.json()) else { continue };
            making.add(number, &named);
        }
        making.finish()
    }

    /// How many products it has.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// How many words it has.
    pub(super) fn word_count(&self) -> usize {
        self.letters.len()
    }

    /// Bytes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let numbers = self.starts.len() + self.entry_starts.len() + self.entries.len();
        self.text.len()
            + 4 * (numbers + self.numbers.len() + self.category_of.len())
            + 8 * self.letters.len()
            + self.name_lengths.len()
            + self.categories.iter().map(|each| each.name.len() + 80).sum::<usize>()
    }

    /// The word at this place.
    pub(super) fn word(&self, place: usize) -> &str {
        let start = at(&self.starts, place);
        &self.text[start..at(&self.starts, place + 1).max(start + 1) - 1]
    }

    /// Which letters the word at this place has.
    pub(super) fn letters(&self, place: usize) -> u64 {
        self.letters[place]
    }

    /// Bytes of the word at this place.
    pub(super) fn word_bytes(&self, place: usize) -> usize {
        at(&self.starts, place + 1) - at(&self.starts, place) - 1
    }

    /// The places of all words that begin so.
    pub(super) fn beginning(&self, prefix: &str) -> Range<usize> {
        let count = self.word_count();
        let first = partition(count, |place| self.word(place) < prefix);
        let end = partition(count, |place| {
            let word = self.word(place);
            word < prefix || word.starts_with(prefix)
        });
        first..end
    }

    /// The places of all words that have this in them, each once or more.
    pub(super) fn containing(&self, part: &str) -> impl Iterator<Item = usize> + '_ {
        let part = part.to_owned();
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = from + self.text.get(from..)?.find(&part)?;
            let place = self.starts.partition_point(|start| to_place(*start) <= found) - 1;
            // Once a word is enough: go on behind it.
            from = at(&self.starts, place + 1);
            Some(place)
        })
    }

    /// The products that have the word at this place, and where.
    pub(super) fn products(&self, place: usize) -> impl Iterator<Item = (usize, Field)> + '_ {
        let entries = at(&self.entry_starts, place)..at(&self.entry_starts, place + 1);
        let mask = u32::try_from(PRODUCTS_MAX - 1).unwrap_or(u32::MAX);
        self.entries[entries].iter().map(move |entry| (to_place(entry & mask), Field::of(*entry)))
    }

    /// The category of a product.
    pub(super) fn category_of(&self, product: usize) -> Option<usize> {
        self.category_of.get(product).filter(|place| **place != NO_CATEGORY).map(|place| to_place(*place))
    }

    /// The numbers in the snapshot of the products of exactly this category, in the order of their names.
    pub(super) fn in_category(&self, path: &[String]) -> impl Iterator<Item = u32> + '_ {
        let mut place = None;
        for name in path {
            let is_it = |category: &Category| category.parent == place && category.name == *name;
            place = Some(self.categories.iter().position(is_it).map_or(NO_CATEGORY, to_number));
        }
        let wanted = place.filter(|place| *place != NO_CATEGORY);
        let own = self.numbers.iter().zip(&self.category_of);
        own.filter(move |(_, category)| Some(**category) == wanted).map(|(number, _)| *number)
    }

    /// For each category, whether it is the one of this id or below it.
    pub(super) fn below(&self, id: &str) -> Vec<bool> {
        let mut below: Vec<bool> = Vec::with_capacity(self.categories.len());
        for category in &self.categories {
            let parent = category.parent.and_then(|parent| below.get(to_place(parent)).copied());
            below.push(category.id == id || parent.unwrap_or(false));
        }
        below
    }
}

impl Making {
    fn add(&mut self, number: u32, named: &Named<'_>) {
        let product = to_number(self.segment.numbers.len());
        let name = words(&named.name);
        self.segment.name_lengths.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        self.enter(product, Field::Name, &name);
        for (tag, name) in &named.names {
            if let Some(language) = self.language(primary(tag)) {
                self.enter(product, Field::NameIn(language), &words(name));
            }
        }
        if let Some(brand) = &named.brand {
            self.enter(product, Field::Brand, &words(brand));
        }
        let mut category = None;
        for name in &named.category {
            self.enter(product, Field::Category, &words(name));
            category = Some(self.category(category, name));
        }
        self.segment.category_of.push(category.unwrap_or(NO_CATEGORY));
        self.segment.numbers.push(number);
    }

    fn enter(&mut self, product: u32, field: Field, words: &[Word]) {
        let entry = field.bits() << 26 | product;
        for form in words.iter().flat_map(Word::forms) {
            match self.entries.get_mut(form) {
                Some(entries) => entries.push(entry),
                None => {
                    self.entries.insert(form.into(), vec![entry]);
                }
            }
        }
    }

    fn language(&mut self, language: &str) -> Option<u8> {
        let languages = &mut self.segment.languages;
        let known = languages.iter().position(|known| known.eq_ignore_ascii_case(language));
        let place = known.or_else(|| {
            (languages.len() < LANGUAGES_MAX).then(|| {
                languages.push(language.to_owned());
                languages.len() - 1
            })
        });
        u8::try_from(place?).ok()
    }

    fn category(&mut self, parent: Option<u32>, name: &str) -> u32 {
        let key = (parent, name.to_owned());
        if let Some(place) = self.category_places.get(&key) {
            return *place;
        }
        let categories = &mut self.segment.categories;
        let above = parent.and_then(|parent| categories.get(to_place(parent)));
        // By the way from the root: the same on every instance, and after a restart.
        let way = format!("{}\u{1f}{name}", above.map_or("", |above| &above.id));
        let mut id = sha256_hex(way.as_bytes());
        id.truncate(CATEGORY_ID_LETTERS);
        categories.push(Category { id, name: name.to_owned(), parent });
        let place = to_number(categories.len() - 1);
        self.category_places.insert(key, place);
        place
    }

    fn finish(self) -> Segment {
        let Self { entries, mut segment, .. } = self;
        let mut all: Vec<(Box<str>, Vec<u32>)> = entries.into_iter().collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (word, mut entries) in all {
            segment.starts.push(to_number(segment.text.len()));
            segment.entry_starts.push(to_number(segment.entries.len()));
            segment.letters.push(letters_of(&word));
            segment.text.push_str(&word);
            segment.text.push('\n');
            entries.sort_unstable();
            entries.dedup();
            segment.entries.extend(entries);
        }
        segment.starts.push(to_number(segment.text.len()));
        segment.entry_starts.push(to_number(segment.entries.len()));
        segment.entries.shrink_to_fit();
        segment
    }
}

/// How many of the places from 0 on fulfil a condition that only the first ones do.
fn partition(count: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn at(places: &[u32], place: usize) -> usize {
    to_place(places[place])
}

fn to_place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Words and entries of any catalogue that fits into memory are fewer than 2^32.
fn to_number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

//! Which products of a segment are meant by words, and in what order.
//!
//! A product must have every word that was asked for. A whole word counts more than the beginning of one, that more than a
//! part of one, and that more than a word with a mistake; within each, the name counts more than the brand, and that more
//! than the category.

use super::nearness::{forgiven, is_near, letters_of, may_be_near};
use super::segment::{Field, Segment};
use super::words::Word;

/// A part of a word must have so many letters to be found inside of it: German compounds are made of such.
const PART_LETTERS_MIN: usize = 4;
/// Entries that are looked at for one word, the best ones first: a single letter begins a word of nearly every product.
const ENTRIES_MAX: usize = 200_000;

const WHOLE: u16 = 400;
const BEGINNING: u16 = 300;
const PART: u16 = 200;
const MISTAKEN: u16 = 100;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// All of them; none for everything in the category.
    pub(super) words: Vec<Word>,
    /// Languages without script and region whose names count beside the product's own.
    pub(super) languages: Vec<String>,
    /// The id of a category.
    pub(super) category: Option<String>,
}

/// A product that may be meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Lower is better.
    pub(super) rank: u32,
    pub(super) number: u32,
}

/// The products that may be meant, the best first, then by name.
pub(super) fn candidates(
    segment: &Segment,
    wanted: &Wanted,
    is_replaced: impl Fn(u32) -> bool,
) -> Vec<Candidate> {
    let below = wanted.category.as_deref().map(|id| segment.below(id));
    let in_category = |product: usize| {
        below.as_ref().is_none_or(|below| segment.category_of(product).is_some_and(|place| below[place]))
    };
    let scores = scores(segment, wanted);
    let mut found: Vec<Candidate> = (0..segment.len())
        .filter_map(|product| {
            let score = match &scores {
                Some(scores) => Some(scores[product]).filter(|score| *score > 0)?,
                None => 0,
            };
            let number = segment.numbers[product];
            let length = if score > 0 { segment.name_lengths[product] } else { 0 };
            let rank = u32::from(u16::MAX - score) << 8 | u32::from(length);
            (in_category(product) && !is_replaced(number)).then_some(Candidate { rank, number })
        })
        .collect();
    // Stable: products of one rank stay in the order of their names.
    found.sort_by_key(|candidate| candidate.rank);
    found
}

/// The score of each product, nought for those that lack a word; none when no word is asked for.
fn scores(segment: &Segment, wanted: &Wanted) -> Option<Vec<u16>> {
    let languages: Vec<bool> = segment
        .languages
        .iter()
        .map(|known| wanted.languages.iter().any(|wanted| wanted.eq_ignore_ascii_case(known)))
        .collect();
    let mut all: Option<Vec<u16>> = None;
    for word in &wanted.words {
        let mut best = vec![0; segment.len()];
        let mut left = ENTRIES_MAX;
        for (place, score) in matches(segment, word) {
            for (product, field) in segment.products(place).take(left) {
                left -= 1;
                let field = match field {
                    Field::Name => 30,
                    Field::NameIn(language) if languages[usize::from(language)] => 30,
                    Field::NameIn(_) => continue,
                    Field::Brand => 20,
                    Field::Category => 10,
                };
                best[product] = score_max(best[product], score + field);
            }
        }
        all = Some(match all {
            None => best,
            Some(mut all) => {
                for (sum, score) in all.iter_mut().zip(best) {
                    *sum = if score == 0 || *sum == 0 { 0 } else { sum.saturating_add(score) };
                }
                all
            }
        });
    }
    all
}

fn score_max(one: u16, other: u16) -> u16 {
    one.max(other)
}

/// The places of the words that match, with how well; the best first, each once for each way in which it matches.
fn matches(segment: &Segment, word: &Word) -> Vec<(usize, u16)> {
    let (mut whole, mut beginning, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for form in word.forms() {
        for place in segment.beginning(form) {
            if segment.word_bytes(place) == form.len() {
                whole.push((place, WHOLE));
            } else {
                beginning.push((place, BEGINNING));
            }
        }
        if form.chars().count() >= PART_LETTERS_MIN {
            let inside = segment.containing(form).filter(|place| !segment.word(*place).starts_with(form));
            part.extend(inside.map(|place| (place, PART)));
        }
    }
    let mistaken = mistaken(segment, &word.plain);
    whole.into_iter().chain(beginning).chain(part).chain(mistaken).collect()
}

/// Words that are the asked one with a mistake or two; a look at which letters they have rules nearly all others out.
fn mistaken<'a>(segment: &'a Segment, word: &'a str) -> impl Iterator<Item = (usize, u16)> + 'a {
    let count = word.chars().count();
    let (mistakes, letters) = (forgiven(count), letters_of(word));
    let places = if mistakes == 0 { 0..0 } else { 0..segment.word_count() };
    places
        .filter(move |place| {
            may_be_near(letters, segment.letters(*place), mistakes)
                && segment.word(*place) != word
                && is_near(word, segment.word(*place), mistakes)
        })
        .map(|place| (place, MISTAKEN))
}

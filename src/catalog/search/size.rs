//! What the words of a product take in memory.

use super::Index;
use super::ranking::Wanted;
use super::words::words;
use crate::catalog::offline::size::stocked;

/// Enough for their words to repeat as those of a whole catalogue do; more would only take longer.
const PRODUCTS: u64 = 10_000;
/// A quarter of what the index of lookups takes for a product.
const BYTES_EACH_MAX: usize = 100;

#[test]
fn the_words_of_a_product_take_a_hundred_bytes_at_most() {
    let (snapshot, store) = stocked(PRODUCTS);
    let begun = std::time::Instant::now();
    let index = Index::after(None, &snapshot);
    let gathered = begun.elapsed();
    let each = index.bytes() / index.all.len();
    let mut shown = Vec::new();
    for text in ["joghurt", "milch", "j", "jogurht vanile", "zzzzzzzz"] {
        let wanted = Wanted { words: words(text), languages: Vec::new(), category: None };
        let (begun, now) = (std::time::Instant::now(), chrono::DateTime::UNIX_EPOCH);
        let page = index.find(&snapshot, &store, &wanted, now, (0, 20)).expect("a store");
        shown.push(format!("{text:?}: {} in {:?}", page.products.len(), begun.elapsed()));
    }
    // Read by whoever runs this test alone with --no-capture.
    eprintln!(
        "{} products, {} words, {each} bytes each, gathered in {gathered:?}; {}",
        index.all.len(),
        index.all.word_count(),
        shown.join("; ")
    );
    assert!(each <= BYTES_EACH_MAX, "{each} bytes");
}

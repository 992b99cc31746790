//! Rules of sets: goods that cost something else together.

use super::super::super::promotion::{PromotionRow, SetPart, Terms};
use super::super::model::{Finding, Level, Rule};

/// The parts of a set whose goods are named one by one, by nothing else.
pub(in crate::catalog::quality) fn named_parts(row: &PromotionRow) -> Vec<&SetPart> {
    let Terms::Set { parts, .. } = &row.terms else { return Vec::new() };
    let is_named = |part: &&SetPart| {
        let goods = &part.goods;
        !goods.skus.is_empty() && goods.categories.is_empty() && goods.brands.is_empty()
    };
    parts.iter().filter(is_named).collect()
}

/// What of a set is not there. When nothing of a part is, nobody can ever have the set.
pub(in crate::catalog::quality) fn set(
    parts: &[&SetPart],
    is_known: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let missing = |part: &SetPart| part.goods.skus.iter().filter(|sku| !is_known(sku.as_str())).count();
    let first = parts.iter().flat_map(|part| &part.goods.skus).find(|sku| !is_known(sku.as_str()))?;
    if parts.iter().any(|part| missing(part) == part.goods.skus.len()) {
        let detail = "nothing of a part of the set is there; send it first";
        return Some(Finding::new(Rule::BundleLink, first, detail));
    }
    let count: usize = parts.iter().map(|part| missing(part)).sum();
    let detail = format!("{count} products of the set are not there");
    Some(Finding::new(Rule::BundleLink, first, detail).at(Level::Warn))
}

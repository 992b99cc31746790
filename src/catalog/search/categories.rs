//! The tree of goods as a store has it: only what is sold there counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::segment::Segment;
use super::words::sorting;
use crate::catalog::index::Shelf;

/// A category and how much of it a store sells.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Category)]
pub(super) struct Counted {
    /// What the search takes; the same for as long as the category has its name and place.
    category: String,
    /// Its name.
    name: String,
    /// The category that it is in; left out at the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// How many products the store sells of it and of what is below it.
    #[schema(minimum = 1)]
    products: i64,
}

/// The categories that a store sells something of, parents before what is in them, by name.
pub(super) fn counted(
    segments: [(&Segment, &HashSet<u32>); 2],
    shelf: &Shelf<'_>,
    is_found: impl Fn(u32) -> bool,
    now: i64,
) -> Vec<Counted> {
    let mut all: HashMap<String, Counted> = HashMap::new();
    for (segment, left_out) in segments {
        let mut counts = vec![0_i64; segment.categories.len()];
        for (product, number) in segment.numbers.iter().enumerate() {
            let Some(category) = segment.category_of(product) else { continue };
            if !left_out.contains(number) && is_found(*number) && shelf.sells(*number, now) {
                counts[category] += 1;
            }
        }
        // Children stand behind their parents: from the end on, each count is whole when it is added.
        let parent_of =
            |place: usize| segment.categories[place].parent.and_then(|up| usize::try_from(up).ok());
        for place in (0..counts.len()).rev() {
            if let Some(parent) = parent_of(place) {
                counts[parent] += counts[place];
            }
        }
        for (category, count) in segment.categories.iter().zip(counts).filter(|(_, count)| *count > 0) {
            let known = all.entry(category.id.clone()).or_insert_with(|| Counted {
                category: category.id.clone(),
                name: category.name.clone(),
                parent: category
                    .parent
                    .and_then(|up| Some(segment.categories.get(usize::try_from(up).ok()?)?.id.clone())),
                products: 0,
            });
            known.products += count;
        }
    }
    in_order(all)
}

fn in_order(all: HashMap<String, Counted>) -> Vec<Counted> {
    let mut children: HashMap<Option<String>, BTreeMap<(String, String), Counted>> = HashMap::new();
    for counted in all.into_values() {
        let key = (sorting(&counted.name), counted.category.clone());
        children.entry(counted.parent.clone()).or_default().insert(key, counted);
    }
    let mut ordered = Vec::new();
    let mut next: Vec<Counted> =
        children.remove(&None).into_iter().flat_map(BTreeMap::into_values).rev().collect();
    while let Some(counted) = next.pop() {
        let below = children.remove(&Some(counted.category.clone()));
        next.extend(below.into_iter().flat_map(BTreeMap::into_values).rev());
        ordered.push(counted);
    }
    ordered
}

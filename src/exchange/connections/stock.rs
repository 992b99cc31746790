//! The section `[stock]` of a connection's file: which stores' stock is written to which place of the system.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::exchange::systems::SHELVES;
use crate::ids::StoreId;

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StockFile {
    /// Stores, and what the system calls the place of each.
    locations: BTreeMap<String, String>,
    /// Milliseconds between two looks at what changed here.
    #[serde(default = "every_ms")]
    every_ms: u64,
    /// Values of one call.
    #[serde(default = "batch")]
    batch: usize,
    /// Minutes between two comparisons with all that the system has.
    #[serde(default = "compare_minutes")]
    compare_minutes: u32,
}

fn every_ms() -> u64 {
    1_000
}

fn batch() -> usize {
    100
}

fn compare_minutes() -> u32 {
    15
}

/// Where stock is written to, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockTerms {
    /// What the system calls the place of each store.
    pub locations: BTreeMap<StoreId, String>,
    /// Between two looks at what changed here.
    pub every: Duration,
    /// Values of one call.
    pub batch: usize,
    /// Between two comparisons with all that the system has.
    pub compare: chrono::Duration,
}

/// The section's meaning; mistakes are noted with their keys.
pub(super) fn terms(file: &StockFile, system: &str, note: &mut dyn FnMut(&str, String)) -> StockTerms {
    if !SHELVES.contains(&system) {
        note("stock", format!("can be written to {} only", SHELVES.join(", ")));
    }
    let mut within = |name: &str, is_right: bool, bounds: &str| {
        if !is_right {
            note(&format!("stock.{name}"), format!("must be from {bounds}"));
        }
    };
    within("every_ms", (100..=86_400_000).contains(&file.every_ms), "100 to 86400000");
    within("batch", (1..=1_000).contains(&file.batch), "1 to 1000");
    within("compare_minutes", (1..=10_080).contains(&file.compare_minutes), "1 to 10080");
    if file.locations.is_empty() {
        note("stock.locations", "are missing: store = \"the system's place\"".to_owned());
    }
    let mut locations = BTreeMap::new();
    let mut places = BTreeSet::new();
    for (store, place) in &file.locations {
        let key = format!("stock.locations.{store}");
        match store.parse::<StoreId>() {
            Ok(store) => drop(locations.insert(store, place.clone())),
            Err(error) => note(&key, error.to_string()),
        }
        // Two stores of one place would overwrite each other for ever.
        if place.is_empty() || !places.insert(place) {
            note(&key, "needs a place of its own".to_owned());
        }
    }
    StockTerms {
        locations,
        every: Duration::from_millis(file.every_ms),
        batch: file.batch,
        compare: chrono::Duration::minutes(i64::from(file.compare_minutes)),
    }
}

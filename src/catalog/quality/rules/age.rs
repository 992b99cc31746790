//! Goods that are not sold to children, by the words of their categories.

use super::super::super::product::{AgeReason, ProductRow, SaleType};
use super::super::model::{Finding, Rule};

/// Words for categories of goods that are not sold to children, in lower case; whole words only.
const AGE_WORDS: [(&str, AgeReason); 70] = [
    ("alcohol", AgeReason::Alcohol),
    ("alcoholic", AgeReason::Alcohol),
    ("alkohol", AgeReason::Alcohol),
    ("alcools", AgeReason::Alcohol),
    ("alkoholika", AgeReason::Alcohol),
    ("beer", AgeReason::Alcohol),
    ("beers", AgeReason::Alcohol),
    ("bier", AgeReason::Alcohol),
    ("biere", AgeReason::Alcohol),
    ("bière", AgeReason::Alcohol),
    ("bières", AgeReason::Alcohol),
    ("birra", AgeReason::Alcohol),
    ("birre", AgeReason::Alcohol),
    ("cerveza", AgeReason::Alcohol),
    ("cervezas", AgeReason::Alcohol),
    ("pivo", AgeReason::Alcohol),
    ("wine", AgeReason::Alcohol),
    ("wines", AgeReason::Alcohol),
    ("wein", AgeReason::Alcohol),
    ("weine", AgeReason::Alcohol),
    ("rotwein", AgeReason::Alcohol),
    ("weißwein", AgeReason::Alcohol),
    ("weisswein", AgeReason::Alcohol),
    ("glühwein", AgeReason::Alcohol),
    ("schaumwein", AgeReason::Alcohol),
    ("vin", AgeReason::Alcohol),
    ("vins", AgeReason::Alcohol),
    ("vino", AgeReason::Alcohol),
    ("vinos", AgeReason::Alcohol),
    ("vini", AgeReason::Alcohol),
    ("sekt", AgeReason::Alcohol),
    ("prosecco", AgeReason::Alcohol),
    ("champagne", AgeReason::Alcohol),
    ("champagner", AgeReason::Alcohol),
    ("liqueur", AgeReason::Alcohol),
    ("liqueurs", AgeReason::Alcohol),
    ("likör", AgeReason::Alcohol),
    ("liköre", AgeReason::Alcohol),
    ("whisky", AgeReason::Alcohol),
    ("whiskey", AgeReason::Alcohol),
    ("whiskys", AgeReason::Alcohol),
    ("vodka", AgeReason::Alcohol),
    ("wodka", AgeReason::Alcohol),
    ("gin", AgeReason::Alcohol),
    ("rum", AgeReason::Alcohol),
    ("schnaps", AgeReason::Alcohol),
    ("schnäpse", AgeReason::Alcohol),
    ("spirits", AgeReason::Alcohol),
    ("spirituosen", AgeReason::Alcohol),
    ("liquor", AgeReason::Alcohol),
    ("tobacco", AgeReason::Tobacco),
    ("tabak", AgeReason::Tobacco),
    ("tabakwaren", AgeReason::Tobacco),
    ("tabac", AgeReason::Tobacco),
    ("cigarettes", AgeReason::Tobacco),
    ("zigaretten", AgeReason::Tobacco),
    ("cigarete", AgeReason::Tobacco),
    ("vape", AgeReason::Tobacco),
    ("vapes", AgeReason::Tobacco),
    ("film", AgeReason::Media),
    ("films", AgeReason::Media),
    ("filme", AgeReason::Media),
    ("movies", AgeReason::Media),
    ("dvd", AgeReason::Media),
    ("dvds", AgeReason::Media),
    ("knife", AgeReason::Blade),
    ("knives", AgeReason::Blade),
    ("messer", AgeReason::Blade),
    ("fireworks", AgeReason::Dangerous),
    ("feuerwerk", AgeReason::Dangerous),
];

/// The same of two words that follow each other.
const AGE_PAIRS: [([&str; 2], AgeReason); 4] = [
    (["energy", "shot"], AgeReason::Energy),
    (["energy", "shots"], AgeReason::Energy),
    (["e", "cigarettes"], AgeReason::Tobacco),
    (["blu", "ray"], AgeReason::Media),
];

/// Words that say of their level of the category that it is not so after all.
const AGE_EXCEPTIONS: [&str; 6] =
    ["alkoholfrei", "alkoholfreie", "alkoholfreier", "alkoholfreies", "alkoholfreien", "vinegar"];

/// The same of two words that follow each other: a word such as "free" alone says nothing about alcohol.
const AGE_EXCEPTION_PAIRS: [[&str; 2]; 19] = [
    ["alcohol", "free"],
    ["alkohol", "frei"],
    ["alkohol", "freie"],
    ["non", "alcoholic"],
    ["ohne", "alkohol"],
    ["sans", "alcool"],
    ["without", "alcohol"],
    ["sin", "alcohol"],
    ["senza", "alcol"],
    ["wine", "gum"],
    ["wine", "gums"],
    ["wine", "glass"],
    ["wine", "glasses"],
    ["beer", "glass"],
    ["beer", "glasses"],
    ["wine", "accessories"],
    ["beer", "accessories"],
    ["cling", "film"],
    ["food", "film"],
];

/// Why the products of a category are not sold to children, if its words say so; a level speaks for itself, so that
/// "Free from > Wine" is wine.
fn age_reason(row: &ProductRow) -> Option<AgeReason> {
    row.age_reason.or_else(|| row.category.iter().find_map(|level| level_reason(level)))
}

fn level_reason(level: &str) -> Option<AgeReason> {
    let level = level.to_lowercase();
    let mut reason = None;
    // Words that a comma parts are not a phrase: "wine, glasses".
    for part in level.split([',', ';', '&', '/', '+', '|', '(', ')']) {
        let mut before = "";
        for word in part.split(|each: char| !each.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let pair = [before, word];
            if AGE_EXCEPTIONS.contains(&word) || AGE_EXCEPTION_PAIRS.contains(&pair) {
                return None;
            }
            reason = reason
                .or_else(|| AGE_WORDS.iter().find(|(each, _)| *each == word).map(|(_, reason)| *reason))
                .or_else(|| AGE_PAIRS.iter().find(|(each, _)| *each == pair).map(|(_, reason)| *reason));
            before = word;
        }
    }
    reason
}

pub(super) fn age_missing(row: &ProductRow) -> Option<Finding> {
    let reason = age_reason(row).filter(|_| row.age_min.is_none() && row.sale != SaleType::Deposit)?;
    Some(Finding::new(Rule::AgeMissing, reason, format!("{reason} without an age from which it is sold")))
}

//! What can be seen of a store's row by itself.

use std::str::FromStr;

use super::super::code;
use super::read::{CATEGORY_DEPTH_MAX, LANGUAGES_MAX, check_country, check_language, check_text, fit};
use super::{Reason, Refusal, StoreRow};

/// Templates of codes of one store.
const TEMPLATES_MAX: usize = 32;
/// Rules of one store by which goods are marked down.
const MARKDOWNS_MAX: usize = 64;
/// Days before its date from which on a product may be marked down.
const MARKDOWN_DAYS_MAX: i64 = 365;
/// Price lists of one store: store, region, country and a few for campaigns.
const STORE_LISTS_MAX: usize = 32;
/// Paths of one store's tree of goods: large retailers have a thousand.
const TREE_PATHS_MAX: usize = 2_000;

pub(super) fn check_store(row: &StoreRow) -> Result<(), Refusal> {
    let address = &row.address;
    let texts = [
        ("name", &row.name),
        ("street", &address.street),
        ("house_number", &address.house_number),
        ("postal_code", &address.postal_code),
        ("city", &address.city),
        ("time_zone", &row.time_zone),
    ];
    for (field, text) in texts {
        check_text(field, text)?;
    }
    check_country(&row.country)?;
    if row.time_zone.parse::<chrono_tz::Tz>().is_err() {
        let detail = "time_zone must be a name of the IANA database, such as Europe/Berlin";
        return Err(Refusal::new(Reason::Form, detail));
    }
    if row.languages.len() > LANGUAGES_MAX || row.code_templates.len() > TEMPLATES_MAX {
        let detail = format!("at most {LANGUAGES_MAX} languages and {TEMPLATES_MAX} code_templates");
        return Err(Refusal::new(Reason::Field, detail));
    }
    row.languages.iter().try_for_each(|tag| check_language(tag))?;
    if let Some(wrong) =
        row.code_templates.iter().find(|template| code::Template::from_str(template).is_err())
    {
        let detail = format!("{} is no template of codes", fit(wrong));
        return Err(Refusal::new(Reason::TemplateInvalid, detail));
    }
    check_markdowns(row)?;
    row.till.fees.iter().try_for_each(|fee| check_text("fees", &fee.name))?;
    row.till.check().map_err(|detail| Refusal::new(Reason::TillRules, detail))?;
    if row.categories.len() > TREE_PATHS_MAX {
        return Err(Refusal::new(Reason::Field, format!("at most {TREE_PATHS_MAX} categories")));
    }
    for path in &row.categories {
        if path.is_empty() || path.len() > CATEGORY_DEPTH_MAX {
            let detail = format!("a path of categories has 1 to {CATEGORY_DEPTH_MAX} levels");
            return Err(Refusal::new(Reason::Field, detail));
        }
        path.iter().try_for_each(|level| check_text("categories", level))?;
    }
    let distinct: std::collections::HashSet<_> = row.price_lists.iter().collect();
    if row.price_lists.is_empty()
        || row.price_lists.len() > STORE_LISTS_MAX
        || distinct.len() != row.price_lists.len()
    {
        let detail = format!("price_lists must name 1 to {STORE_LISTS_MAX} lists, each once");
        return Err(Refusal::new(Reason::Field, detail));
    }
    Ok(())
}

fn check_markdowns(row: &StoreRow) -> Result<(), Refusal> {
    if row.near_date_markdowns.len() > MARKDOWNS_MAX {
        let detail = format!("at most {MARKDOWNS_MAX} near_date_markdowns");
        return Err(Refusal::new(Reason::Field, detail));
    }
    for markdown in &row.near_date_markdowns {
        let is_right = (1..=99).contains(&markdown.percent)
            && (0..=MARKDOWN_DAYS_MAX).contains(&markdown.days_left_max)
            && markdown.category.len() <= CATEGORY_DEPTH_MAX;
        if !is_right {
            let detail = format!("a markdown is of 1 to 99 percent, from 0 to {MARKDOWN_DAYS_MAX} days left");
            return Err(Refusal::new(Reason::QuantityRange, detail));
        }
        markdown.category.iter().try_for_each(|level| check_text("category", level))?;
    }
    Ok(())
}

//! Rules of products.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::super::product::{EncodedUnit, NetUnit, ProductRow, SaleType};
use super::super::model::{Finding, Level, Rule};
use super::age::age_missing;
use super::measure::{self, Quantity};
use super::text;
use crate::quantity::Unit;

/// Characters of a line of a receipt.
const RECEIPT_LINE_MAX: usize = 60;
/// Content beyond which somebody should look, in grams or millilitres: a sack of 50 kg is real.
const CONTENT_USUAL_MAX: i64 = 50_000;
/// What begins the sale stop that we set; a delivered one may not begin so.
const STOP_PREFIX: &str = "quality: ";

/// The article that is charged with each piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog::quality) enum Deposit {
    /// The product names none.
    None,
    /// It is there, and is of type deposit and without a deposit of its own, or not.
    Known { is_right: bool },
    /// There is no such product.
    Missing,
}

/// What is known about a row of a product.
#[derive(Clone, Copy, Debug)]
pub(in crate::catalog::quality) struct Facts<'a> {
    /// Whether it is sold already.
    pub(in crate::catalog::quality) is_known: bool,
    pub(in crate::catalog::quality) deposit: Deposit,
    /// The languages of receipts.
    pub(in crate::catalog::quality) languages: &'a [String],
    /// Another spelling of the brand in the same delivery.
    pub(in crate::catalog::quality) brand: Option<&'a str>,
    /// The stores' trees of goods, as paths; nothing is known of categories when there are none.
    pub(in crate::catalog::quality) tree: Option<&'a HashSet<Vec<String>>>,
}

/// All findings of a product.
pub(in crate::catalog::quality) fn product(row: &ProductRow, known: Facts<'_>) -> Vec<Finding> {
    let findings = [
        unsafe_text(row),
        name_missing(row, known.is_known),
        name_encoding(row),
        name_language(row, known.languages),
        name_form(row),
        brand(row, known.brand),
        category(row),
        category_unknown(row, known.tree),
        encoded_unit(row),
        unit_price(row),
        unit_unknown(row),
        unit_quantity(row),
        unit_name(row),
        deposit(row, known.deposit),
        age_missing(row),
        delivered_stop(row),
    ];
    findings.into_iter().flatten().collect()
}

fn texts(row: &ProductRow) -> impl Iterator<Item = &str> {
    let options = [&row.brand, &row.content, &row.sale_stop, &row.control_hint];
    std::iter::once(&row.name)
        .chain(row.names.values())
        .chain(&row.category)
        .chain(options.into_iter().flatten())
        .map(String::as_str)
}

fn unsafe_text(row: &ProductRow) -> Option<Finding> {
    let wrong = texts(row).find(|each| text::is_markup(each))?;
    Some(Finding::new(Rule::TextUnsafe, wrong, "a text has markup or script"))
}

fn name_missing(row: &ProductRow, is_known: bool) -> Option<Finding> {
    let letters: Vec<char> = row.name.chars().filter(|each| each.is_alphabetic()).collect();
    // One sign of Chinese or Japanese is a word.
    let is_word = letters.len() >= 2 || letters.iter().any(|letter| *letter >= '\u{2e80}');
    if is_word {
        return None;
    }
    let finding = Finding::new(Rule::NameMissing, &row.name, "the name has less than two letters");
    Some(finding.at(if is_known { Level::Warn } else { Level::Quarantine }))
}

fn name_encoding(row: &ProductRow) -> Option<Finding> {
    let wrong = std::iter::once(&row.name).chain(row.names.values());
    let (name, damage) = wrong.into_iter().find_map(|name| Some((name, text::damage(name)?)))?;
    Some(Finding::new(Rule::NameEncoding, name, format!("the name {damage}")))
}

fn name_language(row: &ProductRow, languages: &[String]) -> Option<Finding> {
    // A product with one name says nothing about its language.
    let missing = languages.iter().find(|language| !row.names.contains_key(*language))?;
    let detail = "there are names in other languages, and none in this language of receipts";
    (!row.names.is_empty()).then(|| Finding::new(Rule::NameLanguage, missing, detail))
}

fn name_form(row: &ProductRow) -> Option<Finding> {
    let name = &row.name;
    let detail = if name.chars().count() > RECEIPT_LINE_MAX {
        "the name is too long for a line of a receipt"
    } else if name.contains("  ") {
        "the name has double blanks"
    } else if name.chars().filter(char::is_ascii_uppercase).count() > 3
        && !name.chars().any(char::is_lowercase)
    {
        "the name is in capitals"
    } else {
        return None;
    };
    Some(Finding::new(Rule::NameForm, name, detail))
}

fn brand(row: &ProductRow, other: Option<&str>) -> Option<Finding> {
    match (&row.brand, other) {
        (None, _) if row.sale == SaleType::Fixed => {
            Some(Finding::new(Rule::BrandMissing, "", "there is no brand"))
        }
        (Some(brand), Some(other)) if brand != other => {
            Some(Finding::new(Rule::BrandVariant, brand, format!("the same brand is also written {other}")))
        }
        _ => None,
    }
}

/// A brand as it is compared: letters and digits only, in lower case.
pub(in crate::catalog::quality) fn folded(brand: &str) -> String {
    brand.chars().filter(|each| each.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn category(row: &ProductRow) -> Option<Finding> {
    let needs_none = row.sale == SaleType::Deposit || !row.category.is_empty();
    (!needs_none).then(|| Finding::new(Rule::CategoryMissing, "", "there is no category"))
}

/// A category in no store's tree; where its words say that the goods need an age, nobody can tell whether they do.
fn category_unknown(row: &ProductRow, tree: Option<&HashSet<Vec<String>>>) -> Option<Finding> {
    let tree = tree.filter(|tree| !tree.is_empty() && !row.category.is_empty())?;
    // A path of the tree, what is below one, or on the way to one.
    let is_known = (1..=row.category.len()).any(|levels| tree.contains(&row.category[..levels]))
        || tree.iter().any(|path| path.starts_with(&row.category));
    if is_known {
        return None;
    }
    let path = row.category.join(" > ");
    let finding = Finding::new(Rule::CategoryUnknown, path, "the category is in no store's tree");
    let needs_age = row.age_reason.is_none() && age_missing(row).is_some();
    Some(finding.at(if needs_age { Level::Quarantine } else { Level::Warn }))
}

/// The number inside the codes of scales must be of what the price is for.
fn encoded_unit(row: &ProductRow) -> Option<Finding> {
    let encoded = row.encoded_unit?;
    let unit = match encoded {
        EncodedUnit::Gram | EncodedUnit::Kilogram => Unit::Gram,
        EncodedUnit::Millilitre | EncodedUnit::Litre => Unit::Millilitre,
        EncodedUnit::Millimetre | EncodedUnit::Metre => Unit::Millimetre,
        EncodedUnit::Piece => Unit::Piece,
        EncodedUnit::Price => return None,
    };
    match row.price_quantity().unit() {
        priced if priced == unit => None,
        Unit::Piece => {
            let detail = "it is sold by the piece, and its codes have a measure inside";
            Some(Finding::new(Rule::WeighFlag, encoded, detail))
        }
        _ => {
            let detail = "its codes have another measure inside than its price is for";
            Some(Finding::new(Rule::TemplateUnit, encoded, detail))
        }
    }
}

fn unit_price(row: &ProductRow) -> Option<Finding> {
    let is_goods = matches!(row.sale, SaleType::Fixed | SaleType::Weighed);
    let detail = "without net_content no unit price can be shown (directive 98/6/EC)";
    (is_goods && row.net_of_price().is_none()).then(|| Finding::new(Rule::PriceUnit, "", detail))
}

fn unit_unknown(row: &ProductRow) -> Option<Finding> {
    let content = row.content.as_deref()?;
    let is_unknown = measure::quantity(content) == Some(Quantity::Unknown);
    is_unknown.then(|| Finding::new(Rule::UnitUnknown, content, "the unit of content is in no table"))
}

fn unit_quantity(row: &ProductRow) -> Option<Finding> {
    let content = row.net_content?;
    let is_measure = matches!(content.unit, NetUnit::Gram | NetUnit::Millilitre);
    let is_unusual = is_measure && content.amount > CONTENT_USUAL_MAX;
    let detail = "the content is unusually large";
    is_unusual.then(|| Finding::new(Rule::UnitQuantity, content.amount, detail).at(Level::Warn))
}

fn unit_name(row: &ProductRow) -> Option<Finding> {
    let (in_name, content) = (measure::quantity(&row.name)?, row.net_content?);
    let detail = "the quantity in the name is not net_content";
    (!measure::is_same(in_name, content)).then(|| Finding::new(Rule::UnitName, &row.name, detail))
}

fn deposit(row: &ProductRow, known: Deposit) -> Option<Finding> {
    let sku = row.deposit.as_ref()?;
    let detail = match known {
        Deposit::None | Deposit::Known { is_right: true } if *sku != row.sku => return None,
        Deposit::Missing => "there is no such product; send it first",
        _ => "a deposit is a product of type deposit, and has none itself",
    };
    Some(Finding::new(Rule::DepositLink, sku, detail))
}

fn delivered_stop(row: &ProductRow) -> Option<Finding> {
    let stop = row.sale_stop.as_deref().filter(|stop| stop.starts_with(STOP_PREFIX))?;
    Some(Finding::new(Rule::RowForm, stop, "a sale_stop of this beginning is set by us only"))
}

/// The product as lookups see it: with a sale stop of ours where it has none of its own and must not be sold.
pub(in crate::catalog) fn stopped(row: &ProductRow, open: Option<Rule>) -> Cow<'_, ProductRow> {
    let rule = open.or_else(|| age_missing(row).map(|finding| finding.rule));
    match rule {
        Some(rule) if row.sale_stop.is_none() => {
            Cow::Owned(ProductRow { sale_stop: Some(format!("{STOP_PREFIX}{rule}")), ..row.clone() })
        }
        _ => Cow::Borrowed(row),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::product::{AgeReason, NetContent};
    use super::*;

    fn right() -> ProductRow {
        let (sku, class) = ("m1".parse().expect("a SKU"), "reduced".parse().expect("a class"));
        ProductRow {
            brand: Some("Sample".to_owned()),
            category: vec!["Food".to_owned(), "Dairy".to_owned()],
            content: Some("1 l".to_owned()),
            net_content: Some(NetContent { amount: 1_000, unit: NetUnit::Millilitre }),
            ..ProductRow::new(sku, "Whole milk 1 l".to_owned(), class)
        }
    }

    const KNOWN: Facts<'static> =
        Facts { is_known: false, deposit: Deposit::None, languages: &[], brand: None, tree: None };

    fn found(row: &ProductRow, known: Facts<'_>) -> Vec<(&'static str, Level)> {
        product(row, known).iter().map(|finding| (finding.rule.as_str(), finding.level)).collect()
    }

    fn named(name: &str) -> ProductRow {
        ProductRow { name: name.to_owned(), ..right() }
    }

    #[test]
    fn one_product_broken_in_each_way_gives_exactly_its_rule() {
        let (quarantine, warn, info) = (Level::Quarantine, Level::Warn, Level::Info);
        let own = |text: &str| Some(text.to_owned());
        let large = Some(NetContent { amount: 50_001, unit: NetUnit::Gram });
        let cases = [
            (right(), vec![]),
            (named("X"), vec![("name.missing", quarantine)]),
            (named("4006381333931"), vec![("name.missing", quarantine)]),
            (named("m1"), vec![("name.missing", quarantine)]),
            (named("茶"), vec![]),
            (named("K\u{fffd}se"), vec![("name.encoding", warn)]),
            (named("WHOLE MILK"), vec![("name.form", info)]),
            (named("Whole  milk"), vec![("name.form", info)]),
            (named("<b>Milk</b>"), vec![("text.unsafe", quarantine)]),
            (named("Whole milk 2 l"), vec![("unit.nameqty", info)]),
            (ProductRow { brand: None, ..right() }, vec![("brand.missing", info)]),
            (ProductRow { category: vec![], ..right() }, vec![("cat.missing", warn)]),
            (ProductRow { net_content: None, ..right() }, vec![("price.unit", warn)]),
            (ProductRow { content: own("3 blorps"), ..right() }, vec![("unit.unknown", warn)]),
            (ProductRow { net_content: large, ..right() }, vec![("unit.qty", warn)]),
            (
                ProductRow { category: vec!["Beer".to_owned()], ..right() },
                vec![("age.missing", Level::StopSale)],
            ),
            (
                ProductRow { age_reason: Some(AgeReason::Media), ..right() },
                vec![("age.missing", Level::StopSale)],
            ),
            (ProductRow { category: vec!["Alcohol-free beer".to_owned()], ..right() }, vec![]),
            (ProductRow { sale_stop: own("quality: x"), ..right() }, vec![("row.form", quarantine)]),
        ];
        for (row, expected) in cases {
            assert_eq!(found(&row, KNOWN), expected, "{row:?}");
        }
        assert_eq!(found(&named("X"), Facts { is_known: true, ..KNOWN }), [("name.missing", warn)]);
        assert_eq!(found(&right(), Facts { brand: Some("SAMPLE"), ..KNOWN }), [("brand.variant", info)]);
    }

    #[test]
    fn the_words_of_a_category_say_whether_an_age_is_needed() {
        let is_stopped = |category: &[&str]| {
            let category = category.iter().map(|level| (*level).to_owned()).collect();
            age_missing(&ProductRow { category, ..right() }).is_some()
        };
        for level in [
            "Messer",
            "Kitchen knife",
            "Whisky",
            "Vodka",
            "Sekt",
            "Schnaps",
            "Likör",
            "Champagne",
            "Cerveza",
            "Birra",
            "Vape",
            "Energy shot",
            "Films",
            "Wine & glasses",
        ] {
            assert!(is_stopped(&["Shop", level]), "{level}");
        }
        for level in
            ["Alcohol-free beer", "Alkoholfreies Bier", "Non-alcoholic wine", "Wine gums", "Wine vinegar"]
        {
            assert!(!is_stopped(&["Shop", level]), "{level}");
        }
        assert!(is_stopped(&["Gluten free", "Beer"]));
        assert!(is_stopped(&["Gluten free beer"]));
        assert!(is_stopped(&["Glass", "Wine"]));
        assert!(is_stopped(&["Alcohol-free", "Beer"]), "an exception lifts its own level");
    }

    #[test]
    fn a_category_is_held_against_the_trees_of_the_stores() {
        let path = |levels: &[&str]| levels.iter().map(|level| (*level).to_owned()).collect::<Vec<String>>();
        let tree = HashSet::from([path(&["Food", "Dairy"]), path(&["Household"])]);
        let known = Facts { tree: Some(&tree), ..KNOWN };
        let of = |levels: &[&str]| found(&ProductRow { category: path(levels), ..right() }, known);
        assert_eq!(of(&["Food", "Dairy"]), []);
        assert_eq!(of(&["Food"]), []);
        assert_eq!(of(&["Household", "Soap"]), []);
        assert_eq!(of(&["Food", "Bread"]), [("cat.unknown", Level::Warn)]);
        let beer = [("cat.unknown", Level::Quarantine), ("age.missing", Level::StopSale)];
        assert_eq!(of(&["Drinks", "Beer"]), beer);
        let none = HashSet::new();
        assert_eq!(found(&right(), Facts { tree: Some(&none), ..KNOWN }), [], "no store has a tree");
    }

    #[test]
    fn the_number_inside_its_codes_is_of_what_a_product_is_priced_for() {
        let per = |unit| Some(crate::quantity::Quantity::new(1_000, unit).expect("a quantity"));
        let of = |encoded, priced_per| {
            let row =
                ProductRow { encoded_unit: Some(encoded), priced_per, sale: SaleType::Weighed, ..right() };
            found(&row, KNOWN)
        };
        assert_eq!(of(EncodedUnit::Kilogram, per(Unit::Gram)), []);
        assert_eq!(of(EncodedUnit::Price, per(Unit::Gram)), []);
        assert_eq!(of(EncodedUnit::Piece, None), []);
        assert_eq!(of(EncodedUnit::Litre, per(Unit::Gram)), [("tpl.unit", Level::Quarantine)]);
        assert_eq!(of(EncodedUnit::Gram, None), [("weigh.flag", Level::Quarantine)]);
    }

    #[test]
    fn a_product_that_names_others_is_held_against_them() {
        let bottle = ProductRow { deposit: Some("d".parse().expect("a SKU")), ..right() };
        for (deposit, is_wrong) in [
            (Deposit::Known { is_right: true }, false),
            (Deposit::Known { is_right: false }, true),
            (Deposit::Missing, true),
        ] {
            let expected: &[(&str, Level)] =
                if is_wrong { &[("deposit.link", Level::Quarantine)] } else { &[] };
            assert_eq!(found(&bottle, Facts { deposit, ..KNOWN }), expected);
        }
        let itself = ProductRow { deposit: Some(right().sku), ..right() };
        let known = Facts { deposit: Deposit::Known { is_right: true }, ..KNOWN };
        assert_eq!(found(&itself, known), [("deposit.link", Level::Quarantine)]);
        let languages = ["de".to_owned()];
        let spoken = Facts { languages: &languages, ..KNOWN };
        let names = |tag: &str| [(tag.to_owned(), "Lait".to_owned())].into();
        assert_eq!(found(&right(), spoken), []);
        assert_eq!(found(&ProductRow { names: names("de"), ..right() }, spoken), []);
        assert_eq!(
            found(&ProductRow { names: names("fr"), ..right() }, spoken),
            [("name.language", Level::Warn)]
        );
    }

    #[test]
    fn a_stop_of_ours_is_told_from_a_delivered_one() {
        assert_eq!(stopped(&right(), None).sale_stop, None);
        let beer = ProductRow { category: vec!["Beer".to_owned()], ..right() };
        assert_eq!(stopped(&beer, None).sale_stop.as_deref(), Some("quality: age.missing"));
        let rule = Some(Rule::PriceNonpositive);
        assert_eq!(stopped(&right(), rule).sale_stop.as_deref(), Some("quality: price.nonpositive"));
        let own = ProductRow { sale_stop: Some("glass found".to_owned()), ..beer };
        assert_eq!(stopped(&own, rule).sale_stop.as_deref(), Some("glass found"));
    }
}

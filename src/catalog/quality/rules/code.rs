//! Rules of codes.

use super::super::super::code::{self, Circulation, Gtin, Profile};
use super::super::super::product::ProductRow;
use super::super::super::rows::CodeRow;
use super::super::model::{Finding, Level, Rule};

/// What a code leads to now.
#[derive(Clone, Debug)]
pub(in crate::catalog::quality) struct Live {
    pub(in crate::catalog::quality) sku: String,
    /// Whether this very batch made it so.
    pub(in crate::catalog::quality) is_of_this_batch: bool,
}

/// What is known about a row of a code.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::catalog::quality) struct Owned<'a> {
    /// What the code leads to now.
    pub(in crate::catalog::quality) live: Option<&'a Live>,
    /// The product that it led to, and the one that it shall lead to; none when that is not sold.
    pub(in crate::catalog::quality) products: Option<(&'a ProductRow, &'a ProductRow)>,
    /// Another primary code of the product.
    pub(in crate::catalog::quality) primary: Option<&'a str>,
}

/// All findings of a code.
pub(in crate::catalog::quality) fn code(row: &CodeRow, known: Owned<'_>) -> Vec<Finding> {
    [moved(row, known), primary(row, known), case(row), example(row)].into_iter().flatten().collect()
}

fn moved(row: &CodeRow, known: Owned<'_>) -> Option<Finding> {
    let live = known.live.filter(|live| live.sku != row.sku.as_str())?;
    let sku = &live.sku;
    if live.is_of_this_batch {
        let detail = format!("the code is {sku}'s by another row of the delivery");
        return Some(Finding::new(Rule::CodeDuplicate, &row.code, detail));
    }
    let finding = Finding::new(Rule::CodeMoved, &row.code, format!("the code was {sku}'s until now"));
    let is_something_else =
        known.products.is_some_and(|(old, new)| old.name != new.name && old.category != new.category);
    Some(finding.at(if is_something_else { Level::Quarantine } else { Level::Warn }))
}

fn primary(row: &CodeRow, known: Owned<'_>) -> Option<Finding> {
    let other = known.primary.filter(|other| row.primary && *other != row.code)?;
    let detail = format!("{} has the primary code {other} already", row.sku);
    Some(Finding::new(Rule::CodePrimary, &row.code, detail))
}

fn case(row: &CodeRow) -> Option<Finding> {
    let gtin = Gtin::checked(&row.code).ok()?;
    let is_case = gtin.indicator() > 0 && row.quantity == 1;
    let detail =
        "the indicator says that it is a case or of variable measure, and the row that it is one piece";
    is_case.then(|| Finding::new(Rule::CodeCase, &row.code, detail))
}

fn example(row: &CodeRow) -> Option<Finding> {
    let gtin = Gtin::checked(&row.code).ok()?;
    gtin.is_example().then(|| Finding::new(Rule::CodeExample, &row.code, "numbers of 952 are for examples"))
}

/// The number inside a message of GS1 or a link that was sent for a code.
pub(in crate::catalog::quality) fn message(text: &str, today: chrono::NaiveDate) -> Option<Gtin> {
    let answer = code::interpret(text, None, &Profile::None, today).ok()?;
    let gtin = match answer.meaning {
        code::Meaning::Elements(gtin, _) => Some(gtin),
        _ => None,
    };
    // The whole number after its identifier 01, and nothing else, is read as digits by scanners and by us.
    let bare =
        text.strip_prefix("01").filter(|rest| rest.len() == 14).and_then(|rest| Gtin::checked(rest).ok());
    gtin.or(bare).filter(|gtin| gtin.circulation() == Circulation::Global)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(code: &str) -> CodeRow {
        let sku = "tea".parse().expect("a SKU");
        CodeRow { code: code.to_owned(), sku, internal: false, quantity: 1, primary: true, deleted: false }
    }

    fn found(row: &CodeRow, known: Owned<'_>) -> Vec<(&'static str, Level)> {
        code(row, known).iter().map(|finding| (finding.rule.as_str(), finding.level)).collect()
    }

    fn product(name: &str, category: &str) -> ProductRow {
        let sku = name.to_lowercase().parse().expect("a SKU");
        let class = "reduced".parse().expect("a class");
        ProductRow { category: vec![category.to_owned()], ..ProductRow::new(sku, name.to_owned(), class) }
    }

    #[test]
    fn one_code_broken_in_each_way_gives_exactly_its_rule() {
        const RIGHT: &str = "04006381333931";
        assert_eq!(found(&row(RIGHT), Owned::default()), []);
        assert_eq!(found(&row("14006381333938"), Owned::default()), [("code.case", Level::Warn)]);
        assert_eq!(found(&row("09520000000103"), Owned::default()), [("code.example", Level::Warn)]);
        let live = |is_of_this_batch| Live { sku: "coffee".to_owned(), is_of_this_batch };
        let (live, twice) = (live(false), live(true));
        let moved = Owned { live: Some(&live), ..Owned::default() };
        assert_eq!(found(&row(RIGHT), moved), [("code.moved", Level::Warn)]);
        let (coffee, tea) = (product("Coffee", "Drinks"), product("Tea", "Drinks"));
        let alike = Owned { products: Some((&coffee, &tea)), ..moved };
        assert_eq!(found(&row(RIGHT), alike), [("code.moved", Level::Warn)]);
        let soap = product("Soap", "Household");
        let strange = Owned { products: Some((&coffee, &soap)), ..moved };
        assert_eq!(found(&row(RIGHT), strange), [("code.moved", Level::Quarantine)]);
        let twice = Owned { live: Some(&twice), ..Owned::default() };
        assert_eq!(found(&row(RIGHT), twice), [("code.duplicate", Level::Quarantine)]);
        let primary = Owned { primary: Some("00036000291452"), ..Owned::default() };
        assert_eq!(found(&row(RIGHT), primary), [("code.primary", Level::Quarantine)]);
        assert_eq!(found(&CodeRow { primary: false, ..row(RIGHT) }, primary), []);
    }

    #[test]
    fn a_message_sent_for_a_code_proposes_its_number() {
        let today = "2026-11-23".parse().expect("a day");
        let proposed = |text: &str| message(text, today).map(|gtin| gtin.to_string());
        assert_eq!(proposed("0104006381333931"), Some("04006381333931".to_owned()));
        assert_eq!(proposed("(01)04006381333931(17)271231"), Some("04006381333931".to_owned()));
        assert_eq!(proposed("https://id.gs1.org/01/04006381333931"), Some("04006381333931".to_owned()));
        assert_eq!(proposed("4006381333932"), None);
        assert_eq!(proposed("4006381333931"), None);
    }
}

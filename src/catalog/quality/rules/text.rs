//! What is wrong with a text by itself.

use super::super::super::rows::BatchRow;
use super::super::model::{Finding, Rule};

/// Pairs that UTF-8 leaves behind when it is read as windows-1252 or windows-1250.
const MOJIBAKE: [&str; 14] =
    ["Ã¤", "Ã¶", "Ã¼", "Ã„", "Ã–", "Ãœ", "ÃŸ", "Ã©", "Ã¨", "Ã¡", "Ã³", "â€", "Ä‡", "Å¡"];

/// What HTML writes instead of characters.
const ENTITIES: [&str; 7] = ["&amp;", "&quot;", "&lt;", "&gt;", "&nbsp;", "&apos;", "&#"];

/// What was wrongly decoded in a text by somebody before us.
pub(super) fn damage(text: &str) -> Option<&'static str> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Some("has replacement characters");
    }
    if MOJIBAKE.iter().any(|pair| text.contains(pair)) {
        return Some("has pairs that UTF-8 leaves when it is read as something else");
    }
    ENTITIES.iter().any(|entity| text.contains(entity)).then_some("has entities of HTML")
}

/// Whether a text holds markup or script.
pub(super) fn is_markup(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let opens = lower.match_indices('<').any(|(place, _)| {
        let next = lower[place + 1..].chars().next();
        next.is_some_and(|next| next.is_ascii_alphabetic() || next == '/' || next == '!')
            && lower[place..].contains('>')
    });
    opens || lower.contains("javascript:")
}

/// Markup in what people read of a row that is no product: names, notices and places.
pub(in crate::catalog::quality) fn texts(row: &BatchRow) -> Option<Finding> {
    let shown = match row {
        BatchRow::TaxClass(row) => &row.name,
        BatchRow::PriceList(row) => &row.name,
        BatchRow::Store(row) => &row.name,
        BatchRow::Price(row) => row.promotion.as_ref()?,
        BatchRow::Recall(row) => &row.notice,
        BatchRow::Location(row) => {
            let places = std::iter::once(&row.aisle).chain(&row.bay).chain(&row.shelf);
            places.into_iter().find(|place| is_markup(place))?
        }
        BatchRow::Promotion(row) => &row.name,
        // Products have texts of their own rules, and the others none.
        BatchRow::Product(_)
        | BatchRow::Code(_)
        | BatchRow::Stock(_)
        | BatchRow::TaxRate(_)
        | BatchRow::Coupon(_)
        | BatchRow::Customer(_) => return None,
    };
    is_markup(shown).then(|| Finding::new(Rule::TextUnsafe, shown, "a text has markup or script"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_text_is_told_from_one_with_foreign_letters() {
        for text in ["K\u{fffd}se", "KÃ¤se", "Salt &amp; pepper", "itâ€™s"] {
            assert!(damage(text).is_some(), "{text}");
        }
        for text in ["Käse", "Crème brûlée", "Čokolada", "Salt & pepper", "Ã la carte", "鮭"] {
            assert_eq!(damage(text), None, "{text}");
        }
    }

    #[test]
    fn markup_is_told_from_a_comparison() {
        for text in ["<b>Milk</b>", "Milk<script>x</script>", "<!-- x -->", "JavaScript:alert(1)"] {
            assert!(is_markup(text), "{text}");
        }
        for text in ["Fat < 3 %", "A <3 B", "<1 g> sugar", "Milk > water"] {
            assert!(!is_markup(text), "{text}");
        }
    }
}

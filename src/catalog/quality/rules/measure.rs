//! Reads quantities out of texts, with units as people spell them: for comparing, never for changing a row.

use super::super::super::product::{NetContent, NetUnit};

/// A quantity in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Read, in thousandths of the unit.
    Known(i64, NetUnit),
    /// A number with letters behind it that are in no table of units.
    Unknown,
}

/// Units by their folded spelling, and how many thousandths of the base unit one of them is.
const UNITS: [(&str, NetUnit, i64); 34] = [
    ("g", NetUnit::Gram, 1_000),
    ("gr", NetUnit::Gram, 1_000),
    ("г", NetUnit::Gram, 1_000),
    ("克", NetUnit::Gram, 1_000),
    ("غرام", NetUnit::Gram, 1_000),
    ("mg", NetUnit::Gram, 1),
    ("dag", NetUnit::Gram, 10_000),
    ("kg", NetUnit::Gram, 1_000_000),
    ("кг", NetUnit::Gram, 1_000_000),
    ("lb", NetUnit::Gram, 453_592),
    ("lbs", NetUnit::Gram, 453_592),
    ("oz", NetUnit::Gram, 28_350),
    ("ml", NetUnit::Millilitre, 1_000),
    ("мл", NetUnit::Millilitre, 1_000),
    ("cl", NetUnit::Millilitre, 10_000),
    ("dl", NetUnit::Millilitre, 100_000),
    ("l", NetUnit::Millilitre, 1_000_000),
    ("lt", NetUnit::Millilitre, 1_000_000),
    ("л", NetUnit::Millilitre, 1_000_000),
    ("mm", NetUnit::Millimetre, 1_000),
    ("cm", NetUnit::Millimetre, 10_000),
    ("m", NetUnit::Millimetre, 1_000_000),
    ("m2", NetUnit::SquareCentimetre, 10_000_000),
    ("stuks", NetUnit::Piece, 1_000),
    ("stück", NetUnit::Piece, 1_000),
    ("stk", NetUnit::Piece, 1_000),
    ("st", NetUnit::Piece, 1_000),
    ("kom", NetUnit::Piece, 1_000),
    ("par", NetUnit::Piece, 2_000),
    ("pcs", NetUnit::Piece, 1_000),
    ("pc", NetUnit::Piece, 1_000),
    ("piece", NetUnit::Piece, 1_000),
    ("pieces", NetUnit::Piece, 1_000),
    ("шт", NetUnit::Piece, 1_000),
];

/// The quantity that a text names, `6 x 330 ml` multiplied; nothing when it names none, or several.
pub(super) fn quantity(text: &str) -> Option<Quantity> {
    let text = text.to_lowercase();
    let mut found = None;
    let mut times = 1_i64;
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|each: char| each.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|each: char| !each.is_ascii_digit() && each != '.' && each != ',');
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        let after = after.trim_start();
        let letters = after.find(|each: char| !each.is_alphabetic()).unwrap_or(after.len());
        let mut unit = &after[..letters];
        if unit == "m" && after.starts_with("m2") {
            unit = "m2";
        }
        rest = after;
        let amount = thousandths(number)?;
        if unit == "x" || after.starts_with('×') || after.starts_with('*') {
            times = amount / 1_000;
            continue;
        }
        // `6x65g`: the letters go on with the next number.
        let known = UNITS.iter().find(|(spelling, ..)| *spelling == unit);
        let each = match known {
            Some((_, base, scale)) => {
                let amount = amount.checked_mul(*scale)?.checked_mul(times)? / 1_000;
                Quantity::Known(amount, *base)
            }
            None if unit.is_empty() => continue,
            None => Quantity::Unknown,
        };
        if found.replace(each).is_some() {
            return None;
        }
        times = 1;
    }
    found
}

/// A number with a point or a comma before its decimals, in thousandths.
fn thousandths(text: &str) -> Option<i64> {
    let text = text.trim_end_matches(['.', ',']);
    let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if decimals.len() > 3 || whole.len() > 9 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: i64 = format!("{decimals:0<3}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(decimals)
}

/// Whether a quantity is this content, within one in a hundred: texts are rounded.
pub(super) fn is_same(quantity: Quantity, content: NetContent) -> bool {
    let Quantity::Known(amount, unit) = quantity else { return true };
    // Weight and volume of one content are both printed at times.
    unit != content.unit || (amount - content.amount * 1_000).abs() <= content.amount * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        let grams = |grams: i64| Some(Quantity::Known(grams * 1_000, NetUnit::Gram));
        let cases = [
            ("200 g", grams(200)),
            ("110g", grams(110)),
            ("6 x 65 g", grams(390)),
            ("2×125 g", grams(250)),
            ("48 g e", grams(48)),
            ("1,1 kg", grams(1100)),
            ("60 г", grams(60)),
            ("150克", grams(150)),
            ("Whole milk 1 L", Some(Quantity::Known(1_000_000, NetUnit::Millilitre))),
            ("10 stuks", Some(Quantity::Known(10_000, NetUnit::Piece))),
            ("12 blorps", Some(Quantity::Unknown)),
            ("12", None),
            ("Cola Zero Sugar", None),
            ("200g+20g gratis", None),
        ];
        for (text, expected) in cases {
            assert_eq!(quantity(text), expected, "{text}");
        }
    }
}

//! Newspapers, magazines, books and printed music.

use rust_decimal::Decimal;

use super::gtin::Gtin;
use super::meaning::{Press, PressClass, Price};

/// A publication by its prefix (GS1 General Specifications, 1.4.3): 977 for serials, 978 and 979 for books, 979-0 for
/// music; in German stores also 414 and 419, which hold title and fixed price.
pub(super) fn read(gtin: Gtin, is_german: bool) -> Option<Press> {
    let fourteen = gtin.to_string();
    let thirteen = fourteen.strip_prefix('0').filter(|_| !gtin.is_eight())?;
    let class = |class| Some(Press { class, issn: None, title: None });
    match thirteen.get(..3)? {
        "977" => Some(Press { class: PressClass::Issn, issn: Some(issn(thirteen.get(3..10)?)), title: None }),
        "979" if thirteen.as_bytes().get(3) == Some(&b'0') => class(PressClass::Ismn),
        "978" | "979" => class(PressClass::Isbn),
        prefix @ ("414" | "419") if is_german => {
            let amount = Decimal::new(thirteen.get(8..12)?.parse().ok()?, 2);
            let title = Some((thirteen.get(3..8)?.to_owned(), Price { amount, currency: Some("EUR") }));
            let class = if prefix == "419" { PressClass::Reduced } else { PressClass::Full };
            Some(Press { class, issn: None, title })
        }
        _ => None,
    }
}

/// The numbers under which German press is kept that has no entry of its own for this price: the title with a price of zero,
/// then all titles of the tax rate. The price is in the code, and no master data is needed for it.
pub(super) fn bases(gtin: Gtin) -> [Option<Gtin>; 2] {
    let fourteen = gtin.to_string();
    let with_zeros = |kept: usize| Gtin::completed(&format!("{:0<12}", fourteen.get(1..=kept)?));
    [with_zeros(8), with_zeros(3)]
}

/// Seven digits with the check character of ISO 3297: weights 8 to 2, modulo 11, 10 is written X.
fn issn(seven: &str) -> String {
    let sum: u32 =
        seven.bytes().zip((2..=8).rev()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => format!("{seven}X"),
        check => format!("{seven}{check}"),
    }
}

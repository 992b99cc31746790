//! Judges one row of a file: the product and the code that it stands for, or why it is refused.

use std::collections::HashMap;

use super::super::code::{Circulation, Gtin};
use super::super::product::ProductRow;
use super::super::rows::{self, Reason, Refusal};
use super::mapping::Columns;
use super::table::Row;
use crate::ids::{Sku, TaxClassId};

/// A row that will be delivered.
#[derive(Debug)]
pub(super) struct Article {
    /// The line of the file.
    pub(super) line: u64,
    pub(super) gtin: Gtin,
    /// Whether the number means something in this chain only.
    pub(super) internal: bool,
    pub(super) product: ProductRow,
    pub(super) marks: Vec<Mark>,
}

/// What is to be told about a row that is delivered all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Zeros were put back.
    Repaired,
    /// The row was read as windows-1252.
    Windows1252,
    /// The name was wrongly decoded by somebody before us.
    NameDamaged,
}

/// What the command line says about every row.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) columns: Columns,
    pub(super) tax_class: TaxClassId,
    pub(super) internal_codes: bool,
    pub(super) deliverable: bool,
}

impl Judge {
    /// The article of a row; a refusal comes with the code as it stood there.
    pub(super) fn article(
        &self,
        row: &Row,
        seen: &mut HashMap<Gtin, u64>,
    ) -> Result<Article, (String, Refusal)> {
        let value = |field| self.columns.value(field, &row.cells);
        let code = value("code").unwrap_or_default();
        self.judge(row, &code, seen).map_err(|refusal| (rows::fit(&code), refusal))
    }

    fn judge(&self, row: &Row, code: &str, seen: &mut HashMap<Gtin, u64>) -> Result<Article, Refusal> {
        let value = |field| self.columns.value(field, &row.cells);
        let (gtin, is_repaired) = number(code)?;
        let internal = self.internal_codes && gtin.circulation() == Circulation::Chain;
        rows::check_circulation(gtin, internal)?;
        let sku = value("sku").unwrap_or_else(|| gtin.to_string());
        let sku: Sku = sku
            .parse()
            .map_err(|error: crate::ids::NotAKey| Refusal::new(Reason::Field, error.to_string()))?;
        let name = value("name").unwrap_or_default();
        let weight_grams = value("weight_grams").map(|text| grams(&text)).transpose()?;
        let product = ProductRow {
            brand: value("brand"),
            weight_grams,
            deliverable: self.deliverable,
            content: value("content"),
            ..ProductRow::new(sku, name, self.tax_class.clone())
        };
        rows::check_product(&product)?;
        if let Some(first) = seen.get(&gtin) {
            return Err(Refusal::new(
                Reason::CodeDuplicate,
                format!("the code stood in line {first} already"),
            ));
        }
        seen.insert(gtin, row.line);
        let is_name_damaged = product.name.contains(char::REPLACEMENT_CHARACTER);
        let marks = [
            (is_repaired, Mark::Repaired),
            (row.is_windows_1252, Mark::Windows1252),
            (is_name_damaged, Mark::NameDamaged),
        ];
        let marks = marks.into_iter().filter_map(|(is_so, mark)| is_so.then_some(mark)).collect();
        Ok(Article { line: row.line, gtin, internal, product, marks })
    }
}

/// The number that a cell stands for, and whether zeros had to be put back.
fn number(text: &str) -> Result<(Gtin, bool), Refusal> {
    if is_scientific(text) {
        return Err(Refusal::new(
            Reason::CodeDigitsLost,
            "the code is in scientific notation: its last digits are lost",
        ));
    }
    match Gtin::with_zeros_put_back(text) {
        Some(gtin) => Ok((gtin, true)),
        None => rows::gtin(text).map(|gtin| (gtin, false)),
    }
}

/// As spreadsheets write long numbers: 7,6223E+12.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(exponent.trim_start_matches('+')) && is_digits(&mantissa.replace([',', '.'], ""))
}

fn grams(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::new(Reason::WeightRange, "the weight must be whole grams"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_are_lost_are_never_rounded_back() {
        assert_eq!(number("7,6223E+12").expect_err("lost").reason, Reason::CodeDigitsLost);
        assert_eq!(number("5.05399E12").expect_err("lost").reason, Reason::CodeDigitsLost);
        assert_eq!(number("E12").expect_err("no number").reason, Reason::CodeCharset);
    }

    #[test]
    fn only_zeros_are_ever_put_back() {
        let read = |text| {
            number(text)
                .map(|(gtin, repaired)| (gtin.to_string(), repaired))
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(read("36000291452"), Ok(("00036000291452".to_owned(), true)));
        assert_eq!(read("036000291452"), Ok(("00036000291452".to_owned(), false)));
        assert_eq!(read("36000291453"), Err(Reason::CodeLength));
        assert_eq!(read("036000291453"), Err(Reason::CodeCheckDigit));
        assert_eq!(read("0104006381333931"), Err(Reason::CodeLength));
    }
}

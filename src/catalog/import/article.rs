//! Judges one row of a file: the product and the code that it stands for, or why it is refused.

use super::super::code::{Circulation, Gtin};
use super::super::product::ProductRow;
use super::super::quality;
use super::super::rows::{self, BatchRow, CodeRow, Key, Kind, PriceKind, PriceRow, Reason, Refusal};
use super::mapping::Columns;
use super::seen::SeenLines;
use super::table::Row;
use crate::ids::{NotAKey, PriceListId, Sku, TaxClassId};
use crate::money::Currency;

/// A row that will be delivered.
#[derive(Debug)]
pub(super) struct Article {
    /// The line of the file.
    pub(super) line: u64,
    pub(super) gtin: Gtin,
    /// Whether the number means something in this chain only.
    pub(super) internal: bool,
    pub(super) product: ProductRow,
    /// Minor units of the list that the table's prices go to.
    pub(super) price: Option<i64>,
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

/// What is said about every row of a table.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) columns: Columns,
    pub(super) tax_class: TaxClassId,
    pub(super) internal_codes: bool,
    pub(super) deliverable: bool,
    /// Where the prices of the table go, if it has any.
    pub(super) prices: Option<(PriceListId, Currency)>,
}

impl Judge {
    /// The article of a row; a refusal comes with the code as it stood there.
    pub(super) fn article(&self, row: &Row, seen: &mut SeenLines) -> Result<Article, (String, Refusal)> {
        let value = |field| self.columns.value(field, &row.cells);
        let code = value("code").unwrap_or_default();
        self.judge(row, &code, seen).map_err(|refusal| (rows::fit(&code), refusal))
    }

    /// The line in which the number of a row stood before.
    pub(super) fn first_line(&self, row: &Row, seen: &SeenLines) -> Option<u64> {
        let (gtin, _) = number(&self.columns.value("code", &row.cells)?).ok()?;
        seen.first(gtin)
    }

    /// What a row seems to be about, though it can't be right: a full delivery does not leave these out.
    pub(super) fn keys(&self, row: &Row) -> Vec<Key> {
        let value = |field| self.columns.value(field, &row.cells);
        let gtin = value("code").and_then(|code| number(&code).ok()).map(|(gtin, _)| gtin.to_string());
        let sku: Option<Sku> = value("sku").or_else(|| gtin.clone()).and_then(|sku| sku.parse().ok());
        let mut keys: Vec<Key> = gtin.map(|code| Key::Code { code }).into_iter().collect();
        if let (Some((price_list, _)), Some(sku)) = (&self.prices, &sku) {
            let (price_list, sku) = (price_list.clone(), sku.clone());
            keys.push(Key::Price { price_list, sku, price_kind: PriceKind::Regular, valid_from: None });
        }
        keys.extend(sku.map(|sku| Key::Product { sku }));
        keys
    }

    /// The row as it is kept for people: what its columns say, by field, and the key that the right row will have.
    pub(super) fn raw(&self, row: &Row) -> String {
        let mut fields = self.columns.values(&row.cells);
        let sku = self.keys(row).into_iter().find_map(|key| match key {
            Key::Product { sku } => Some(sku.to_string()),
            _ => None,
        });
        fields.extend(sku.map(|sku| ("sku", sku)));
        fields.insert("kind", Kind::Product.as_str().to_owned());
        serde_json::to_string(&fields).map(|text| quality::cut(text.as_bytes())).unwrap_or_default()
    }

    fn judge(&self, row: &Row, code: &str, seen: &mut SeenLines) -> Result<Article, Refusal> {
        let value = |field| self.columns.value(field, &row.cells);
        let (gtin, is_repaired) = number(code)?;
        let internal = self.internal_codes && gtin.circulation() == Circulation::Chain;
        rows::check_circulation(gtin, internal)?;
        let product = self.product(row, gtin)?;
        rows::check_product(&product)?;
        let price = match &self.prices {
            Some((_, currency)) => value("price").map(|text| minor(&text, currency.digits())).transpose()?,
            None => None,
        };
        // A part of a table may say itself where the number stood, in a part before it.
        let before = value("duplicate_of").or_else(|| seen.first(gtin).map(|line| line.to_string()));
        if let Some(first) = before {
            let detail = format!("the code stood in line {} already", rows::fit(&first));
            return Err(Refusal::new(Reason::CodeDuplicate, detail));
        }
        seen.remember(gtin, row.line);
        let is_name_damaged = product.name.contains(char::REPLACEMENT_CHARACTER);
        let marks = [
            (is_repaired, Mark::Repaired),
            (row.is_windows_1252, Mark::Windows1252),
            (is_name_damaged, Mark::NameDamaged),
        ];
        let marks = marks.into_iter().filter_map(|(is_so, mark)| is_so.then_some(mark)).collect();
        Ok(Article { line: row.line, gtin, internal, product, price, marks })
    }

    fn product(&self, row: &Row, gtin: Gtin) -> Result<ProductRow, Refusal> {
        let value = |field| self.columns.value(field, &row.cells);
        let is_no_key = |error: NotAKey| Refusal::new(Reason::Field, error.to_string());
        let sku: Sku = value("sku").unwrap_or_else(|| gtin.to_string()).parse().map_err(is_no_key)?;
        let tax_class = match value("tax_class") {
            Some(class) => class.parse().map_err(is_no_key)?,
            None => self.tax_class.clone(),
        };
        let age_min = value("age_min").map(|text| text.parse()).transpose();
        let age_min = age_min.map_err(|_| Refusal::new(Reason::AgeInvalid, "the age must be whole years"))?;
        let category = value("category").unwrap_or_default();
        let category = category.split('>').map(str::trim).filter(|level| !level.is_empty());
        Ok(ProductRow {
            brand: value("brand"),
            weight_grams: value("weight_grams").map(|text| grams(&text)).transpose()?,
            deliverable: self.deliverable,
            content: value("content"),
            category: category.map(str::to_owned).collect(),
            age_min,
            ..ProductRow::new(sku, value("name").unwrap_or_default(), tax_class)
        })
    }

    /// The rows that an article becomes.
    pub(super) fn rows(&self, article: Article) -> Vec<BatchRow> {
        let Article { gtin, internal, product, price, .. } = article;
        let sku = product.sku.clone();
        let code = CodeRow {
            code: gtin.to_string(),
            sku: sku.clone(),
            internal,
            quantity: 1,
            primary: false,
            deleted: false,
        };
        let mut rows = vec![BatchRow::Product(product), BatchRow::Code(code)];
        if let (Some((price_list, currency)), Some(amount)) = (&self.prices, price) {
            rows.push(BatchRow::Price(PriceRow {
                price_list: price_list.clone(),
                sku,
                amount,
                currency: *currency,
                price_kind: PriceKind::Regular,
                valid_from: None,
                valid_to: None,
                promotion: None,
                deleted: false,
            }));
        }
        rows
    }
}

/// A price in major units, with a point or a comma before its decimals, as minor units.
fn minor(text: &str, digits: u32) -> Result<i64, Refusal> {
    let refusal = |detail| Refusal::new(Reason::PriceRange, detail);
    // What is less than nothing is read as that, and refused as such.
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(decimals) {
        return Err(refusal("the price must be a number such as 1.99 or 1,99"));
    }
    // Three decimals may be thousands: nobody guesses about a price.
    let missing = usize::try_from(digits).ok().and_then(|digits| digits.checked_sub(decimals.len()));
    let missing = missing.ok_or_else(|| refusal("the price has more decimals than the currency"))?;
    format!("{sign}{whole}{decimals}{}", "0".repeat(missing))
        .parse()
        .map_err(|_| refusal("the price is beyond belief"))
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
    fn a_price_is_never_guessed() {
        let read = |text, digits| minor(text, digits).ok();
        assert_eq!(read("1.99", 2), Some(199));
        assert_eq!(read("1,9", 2), Some(190));
        assert_eq!(read("12", 2), Some(1200));
        assert_eq!(read("129", 0), Some(129));
        assert_eq!(read("-1", 2), Some(-100));
        for wrong in ["1.234", "1.234,50", "", "-", "--1", "1-", "1,2,3", "EUR 1", "1e3"] {
            assert_eq!(read(wrong, 2), None, "{wrong}");
        }
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

//! How a table is to be read, and its rows as those of a batch.

use std::fs::File;

use serde::{Deserialize, Serialize};

use super::super::batches::{Item, Unreadable};
use super::super::quality::Rule;
use super::super::rows::{self, BatchRow, Kind};
use super::Error;
use super::article::{Judge, Mark};
use super::mapping::Mapping;
use super::seen::SeenLines;
use super::table::Table;
use crate::ids::{PriceListId, TaxClassId};
use crate::money::Currency;

/// How a table is to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableForm {
    /// Fields and the columns they come from, each as `field=expression`.
    pub map: Vec<String>,
    /// What separates columns: auto, comma, semicolon or tab.
    pub delimiter: String,
    /// The tax class of products whose row has none.
    pub tax_class: TaxClassId,
    /// Whether numbers for restricted circulation are this chain's own.
    pub internal_codes: bool,
    /// Whether a courier may bring the products.
    pub deliverable: bool,
    /// The list that prices go to.
    pub price_list: Option<PriceListId>,
    /// The currency of prices.
    pub currency: Option<Currency>,
    /// The code page: auto, utf-8, windows-1252, iso-8859-1 or utf-16.
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    pub encoding: String,
}

fn auto() -> String {
    "auto".to_owned()
}

fn is_auto(encoding: &str) -> bool {
    encoding == "auto"
}

impl TableForm {
    pub(super) fn judge(&self, table: &Table) -> Result<Judge, Error> {
        let mapping = Mapping::read(&self.map, None)?;
        let prices = match (&self.price_list, self.currency) {
            (Some(list), Some(currency)) => Some((list.clone(), currency)),
            _ if mapping.has("price") => {
                return Err(Error::Usage("prices need a price list and a currency".to_owned()));
            }
            _ => None,
        };
        Ok(Judge {
            columns: mapping.columns(table.headings())?,
            tax_class: self.tax_class.clone(),
            internal_codes: self.internal_codes,
            deliverable: self.deliverable,
            prices,
        })
    }
}

/// The rows of a table, one after the other.
pub struct TableRows {
    table: Table,
    judge: Judge,
    /// Where each number stood first: one number, one row.
    seen: SeenLines,
}

impl TableRows {
    /// Reads the headings of a table and finds the columns in them.
    pub(in crate::catalog) fn open(file: File, form: &TableForm) -> Result<Self, Error> {
        let table = Table::of(file, &form.delimiter, &form.encoding)?;
        let judge = form.judge(&table)?;
        Ok(Self { table, judge, seen: SeenLines::default() })
    }

    /// The headings of the table.
    pub(in crate::catalog) fn headings(&self) -> &[String] {
        self.table.headings()
    }

    /// Adds what the next row of the table stands for; answers whether there was one.
    pub(in crate::catalog) fn next(&mut self, to: &mut Vec<Item>) -> Result<bool, Error> {
        let Some(row) = self.table.next()? else { return Ok(false) };
        let line = i64::try_from(row.line).unwrap_or(i64::MAX);
        match self.judge.article(&row, &mut self.seen) {
            Ok(article) => {
                let is_repaired = article.marks.contains(&Mark::Repaired);
                for each in self.judge.rows(article) {
                    let kind = kind(&each);
                    // As a batch has it, so that it is kept under the key that a right price has.
                    let wrong_price =
                        each.as_price().filter(|price| rows::check_price(price.amount).is_err());
                    let written = wrong_price.and_then(|_| serde_json::to_string(&each).ok());
                    let mut checked = rows::check(each).map_err(|refusal| {
                        // A price that can't be right does not take what is known of the product with it.
                        let keys = self.judge.keys(&row);
                        let own = keys.iter().find(|key| key.kind() == kind);
                        let name = own.map(ToString::to_string).unwrap_or_default();
                        let raw = written.unwrap_or_else(|| self.judge.raw(&row));
                        Unreadable { kind, name, refusal, keys, raw }
                    });
                    if let (Ok(code), Kind::Code, true) = (&mut checked, kind, is_repaired) {
                        code.repairs.push(Rule::CodeLength);
                    }
                    to.push((line, checked));
                }
            }
            Err((name, refusal)) => {
                let (keys, raw) = (self.judge.keys(&row), self.judge.raw(&row));
                to.push((line, Err(Unreadable { kind: Kind::Product, name, refusal, keys, raw })));
            }
        }
        Ok(true)
    }
}

impl std::fmt::Debug for TableRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TableRows")
    }
}

fn kind(row: &BatchRow) -> Kind {
    match row {
        BatchRow::Price(_) => Kind::Price,
        BatchRow::Code(_) => Kind::Code,
        _ => Kind::Product,
    }
}

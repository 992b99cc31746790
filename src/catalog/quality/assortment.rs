//! Judges what concerns several products at once: what a store has, and sets of goods.

use std::collections::HashSet;

use super::super::promotion::SetPart;
use super::super::rows::{BatchRow, Key, Kind, Row};
use super::super::store::write;
use super::judge::{Judge, Refused};
use super::model::{Finding, Level, Rule};
use super::rules;
use super::store::{self, InStore};
use crate::clock::Moment;
use crate::db::{Error, Tx};

impl Judge {
    /// What a store has and can't sell for want of a price or a tax rate.
    pub(super) async fn stock(
        &mut self,
        tx: &mut Tx,
        now: Moment,
        rows: &[(i64, Row)],
        refused: &mut Refused,
    ) -> Result<(), Error> {
        let stock = |row: &Row| match &row.content {
            Some(BatchRow::Stock(stock)) if stock.amount > 0 => {
                Some(InStore { store: stock.store.to_string(), sku: stock.sku.to_string() })
            }
            _ => None,
        };
        // A price beside it is not written yet.
        let priced: HashSet<&str> =
            rows.iter().filter_map(|(_, row)| Some(row.content.as_ref()?.as_price()?.sku.as_str())).collect();
        let asked: Vec<InStore> = rows
            .iter()
            .filter_map(|(_, row)| stock(row))
            .filter(|place| !priced.contains(place.sku.as_str()))
            .collect();
        let unpriced = store::unpriced(tx, &asked, now.timestamp()).await?;
        for (line, row) in rows {
            if let Some(place) = stock(row).filter(|place| unpriced.contains(place)) {
                let detail = format!("the store {} has it and no price for it", place.store);
                let finding = Finding::new(Rule::PriceMissing, place.sku, detail);
                self.note(*line, &row.key, vec![finding], refused);
            }
        }
        // Rates beside it are not written yet.
        if rows.iter().any(|(_, row)| row.key.kind() == Kind::TaxRate) {
            return Ok(());
        }
        let has: Vec<InStore> = rows.iter().filter_map(|(_, row)| stock(row)).collect();
        let untaxed = store::untaxed(tx, &has).await?;
        for (line, row) in rows {
            if let Some(place) = stock(row).filter(|place| untaxed.contains(place)) {
                let detail = format!("the store {} has it and no rate for its tax class", place.store);
                let finding = Finding::new(Rule::TaxRate, place.sku, detail).at(Level::Warn);
                self.note(*line, &row.key, vec![finding], refused);
            }
        }
        Ok(())
    }

    /// Sets of goods, as far as they are named one by one.
    pub(super) async fn sets(
        &mut self,
        tx: &mut Tx,
        rows: &[(i64, Row)],
        refused: &mut Refused,
    ) -> Result<(), Error> {
        let sets: Vec<(i64, &Key, Vec<&SetPart>)> = rows
            .iter()
            .filter_map(|(line, row)| Some((*line, &row.key, row.content.as_ref()?.as_promotion()?)))
            .map(|(line, key, promotion)| (line, key, rules::named_parts(promotion)))
            .filter(|(_, _, parts)| !parts.is_empty())
            .collect();
        if sets.is_empty() {
            return Ok(());
        }
        let named = sets.iter().flat_map(|(_, _, parts)| parts.iter().flat_map(|part| &part.goods.skus));
        let asked: HashSet<&str> = named.map(crate::ids::Sku::as_str).collect();
        let mut known: HashSet<String> =
            write::live_products(tx, asked).await?.into_iter().map(|(sku,)| sku).collect();
        let own = rows.iter().filter_map(|(_, row)| row.content.as_ref()?.as_product());
        known.extend(own.map(|product| product.sku.to_string()));
        for (line, key, parts) in sets {
            let finding = rules::set(&parts, |sku| known.contains(sku));
            self.note(line, key, finding.into_iter().collect(), refused);
        }
        Ok(())
    }
}

//! Judges the prices of a piece against what was asked before and what is asked elsewhere.

use std::collections::HashMap;

use super::super::rows::{Key, Kind, PriceKind, PriceRow, Row};
use super::judge::{Judge, Refused};
use super::rules::{self, Asked};
use super::store::{self, OnList};
use crate::clock::Moment;
use crate::db::{Error, Tx};

impl Judge {
    pub(super) async fn prices(
        &mut self,
        tx: &mut Tx,
        now: Moment,
        rows: &[(i64, Row)],
        refused: &mut Refused,
    ) -> Result<(), Error> {
        let prices: Vec<(i64, &Key, &PriceRow)> = rows
            .iter()
            .filter_map(|(line, row)| Some((*line, &row.key, row.content.as_ref()?.as_price()?)))
            .collect();
        if prices.is_empty() {
            return Ok(());
        }
        let on = |row: &PriceRow| OnList { price_list: row.price_list.to_string(), sku: row.sku.to_string() };
        let asked: Vec<OnList> = prices.iter().map(|(_, _, row)| on(row)).collect();
        let live = store::prices(tx, &asked).await?;
        let mut first: HashMap<OnList, i64> = HashMap::new();
        let without: Vec<&PriceRow> = prices
            .iter()
            .map(|(_, _, row)| *row)
            .filter(|row| row.is_open() && !live.contains_key(&on(row)))
            .collect();
        let others = store::prices_elsewhere(tx, &without).await?;
        let timed: Vec<OnList> = prices
            .iter()
            .filter(|(_, _, row)| row.price_kind == PriceKind::Regular && row.valid_to.is_some())
            .map(|(_, _, row)| on(row))
            .collect();
        // What no price was before is held against the first one, wherever in the piece that stands.
        for (_, _, row) in prices.iter().filter(|(_, _, row)| row.is_open()) {
            first.entry(on(row)).or_insert(row.amount);
        }
        let mut windows = store::windows(tx, &timed).await?;
        for (_, row) in rows {
            if let (
                Key::Price { price_list, sku, price_kind: PriceKind::Regular, valid_from: Some(from) },
                None,
            ) = (&row.key, &row.content)
            {
                let of = OnList { price_list: price_list.to_string(), sku: sku.to_string() };
                windows.entry(of).or_default().retain(|(begins, _)| begins != from);
            }
        }
        let stopped = store::stopped(tx, prices.iter().map(|(_, _, row)| row.sku.as_str())).await?;
        for (line, key, row) in prices {
            let on = on(row);
            let known = Asked {
                live: live.get(&on).or_else(|| first.get(&on).filter(|_| !row.is_open())).copied(),
                others: others.get(&on).cloned().unwrap_or_default(),
                windows: windows.get(&on).cloned().unwrap_or_default(),
                is_stopped: stopped.contains(row.sku.as_str()),
            };
            self.note(line, key, rules::price(row, &known, now), refused);
            let is_normal =
                row.price_kind == PriceKind::Regular && !refused.contains_key(&(line, Kind::Price));
            if let (true, Some(from), Some(to)) = (is_normal, row.valid_from, row.valid_to) {
                let (from, to) = (from.timestamp(), to.timestamp());
                let windows = windows.entry(on).or_default();
                windows.retain(|(begins, _)| *begins != from);
                windows.push((from, to));
            }
        }
        Ok(())
    }
}

//! Stock at a Vendure: levels of variants at its stock locations. A number that is set is `stockOnHand`; what the shop's own
//! orders have allocated of it is the shop's to subtract.

use std::fmt::Write;

use async_trait::async_trait;
use serde_json::json;

use super::wire::{id_of, selection};
use super::{Cursor, List, Vendure};
use crate::exchange::node::Node;
use crate::exchange::shelf::{Level, SetError, Setting, Shelf};
use crate::exchange::system::{CallError, Page};

/// Vendure keeps 32 bits.
const PIECES_MAX: i64 = 2_147_483_647;

fn level(row: &Node, location: &str) -> Result<Level, CallError> {
    let levels = row.get("stockLevels").map_or(&[][..], Node::items);
    let is_here = |level: &&Node| level.get("stockLocationId").and_then(Node::text) == Some(location);
    let pieces = levels.iter().find(is_here).and_then(|level| level.get("stockOnHand"));
    let sku = row.get("sku").and_then(Node::text).unwrap_or_default().to_owned();
    Ok(Level { item: id_of(row)?, sku, pieces: pieces.and_then(|pieces| pieces.text()?.parse().ok()) })
}

#[async_trait]
impl Shelf for Vendure {
    async fn levels(&self, location: &str, from: Option<&str>) -> Result<Page<Level>, CallError> {
        let cursor = Cursor::read(from);
        let fields = ["sku", "stockLevels.stockLocationId", "stockLevels.stockOnHand"];
        let list = List {
            table: "productVariants",
            selection: &selection(fields)?,
            filter: String::new(),
            beside: format!("place: stockLocation(id: {}) {{ id }}", json!(location)),
            take: self.page,
        };
        let (rows, total, data) = self.list(&list, cursor.skip).await?;
        if !matches!(data.get("place"), Some(Node::Object(_))) {
            return Err(CallError::Schema(format!("there is no stock location {location}")));
        }
        let next = cursor.next(rows.len(), total)?;
        let items: Result<_, CallError> = rows.iter().map(|row| level(row, location)).collect();
        Ok(Page { items: items?, next })
    }

    async fn set(&self, location: &str, settings: &[Setting]) -> Result<(), SetError> {
        let mut input = String::new();
        let location = json!(location);
        for Setting { item, pieces } in settings {
            let (id, pieces) = (json!(item), (*pieces).clamp(0, PIECES_MAX));
            // Writing to a text can't fail.
            let _ = write!(
                input,
                "{{ id: {id}, stockLevels: [{{ stockLocationId: {location}, stockOnHand: {pieces} }}] }} "
            );
        }
        let query = format!("mutation {{ updateProductVariants(input: [{input}]) {{ id }} }}");
        let data = self.wire.ask(&query, json!({})).await?;
        match data.get("updateProductVariants").map(Node::items) {
            Some(updated) if updated.len() == settings.len() => Ok(()),
            _ => Err(CallError::Unavailable("not all was told to be taken".to_owned()).into()),
        }
    }
}

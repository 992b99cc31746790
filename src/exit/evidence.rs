//! What the gates know of a purchase that is disputed later.

use super::store;
use crate::db::{self, Run};
use crate::ids::OrderId;

/// When and where an order's pass opened a gate, for people; nothing when it never did.
pub async fn evidence(db: impl Run<'_>, order: OrderId) -> Result<Option<String>, db::Error> {
    let opened = store::opened(db, order).await?;
    Ok(opened.map(|(store, at)| {
        format!(
            "The exit pass of order {order}, shown on the shopper's signed-in phone, opened the gate of store {store} at {}.",
            at.to_rfc3339(),
        )
    }))
}

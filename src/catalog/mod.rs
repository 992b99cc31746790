//! The catalogue: what a scanned code means in a store, and at which price.
//!
//! The database holds the truth; [`Catalog`] holds all of it in memory, as one immutable [`Snapshot`] at a time. A batch
//! of changes is one transaction and one revision, and becomes visible as a whole: no price that is shown comes from a
//! half-applied batch. A deleted row is a tombstone: a deleted product is not found by its codes, and comes back with
//! them when it is delivered again.
//!
//! Start in `code/` for what a code means, in `index/` for lookups, in `batches.rs` for changes, in `feed.rs` for the way from one to the other.

mod answer;
mod batches;
pub mod code;
mod content;
pub mod explain;
mod feed;
mod http;
pub mod import;
mod index;
mod model;
mod product;
pub mod quality;
mod rows;
mod store;

pub use batches::{
    Error as BatchError, RefusedRow, Report, Tally, apply as apply_batch, find as find_batch,
    refusals as batch_refusals,
};
pub use code::{Gtin, Refusal, Symbology};
pub use content::{Content, ContentError};
pub use feed::{Catalog, follow};

pub use index::Snapshot;
pub use model::{FindError, Found, Offer, Price, Promotion, Recall, Store, StoreAddress};
pub use product::{AgeReason, NetContent, NetUnit, ProductRow, SaleBan, SaleType, Size, Temperature};
pub use rows::{
    BatchRow, CodeRow, Kind, PriceKind, PriceListRow, PriceRow, Reason, RecallRow, StockRow, StoreRow,
    TaxClassRow, TaxRateRow,
};

use crate::app::App;
use crate::db;
use crate::ids::StoreId;

/// The routes of the room.
pub fn routes() -> utoipa_axum::router::OpenApiRouter<App> {
    http::routes().merge(quality::routes())
}

/// A store as it was last delivered, also one that closed since; without its price lists.
pub async fn known_store(tx: &mut db::Tx, store: &StoreId) -> Result<Option<Store>, db::Error> {
    store::read::known_store(tx, store).await
}

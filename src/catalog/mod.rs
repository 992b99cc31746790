//! The catalogue: what a scanned code means in a store, and at which price.
//!
//! The database holds the truth; [`Catalog`] holds all of it in memory, as one immutable [`Snapshot`] at a time. A batch
//! of changes is one transaction and one revision, and becomes visible as a whole: no price that is shown comes from a
//! half-applied batch. A deleted row is a tombstone: a deleted product is not found by its codes, and comes back with
//! them when it is delivered again.
//!
//! Start in `code/` for what a code means, in `index/` for lookups, in `batches/` for changes, in `feed.rs` for the way from one to the other,
//! in `upkeep.rs` for what is let go of.

mod alternatives;
mod answer;
mod batches;
mod carton;
pub mod code;
mod coding;
mod content;
mod delivery_terms;
pub mod explain;
mod feed;
mod http;
pub mod import;
mod index;
mod label;
mod model;
mod offline;
mod piece;
mod product;
mod promotion;
pub mod quality;
mod rows;
mod search;
mod store;
mod till_rules;
mod upkeep;

pub use crate::error::Alternative;
pub use batches::{
    BatchDecision, BatchHold, BatchMode, BatchRule, BatchState, Beside, Delivered, Delivery,
    Error as BatchError, Form, Kept, Limits, OutcomePage, OutcomeRange, RefusedRow, Report, RowOutcome,
    Tally, apply as apply_batch, deliver as deliver_batch, deliver_beside, delivered_since,
    find as find_batch, outcomes as batch_outcomes, refusals as batch_refusals, release as release_batch,
};
pub use carton::Carton;
pub use code::{Gtin, Refusal, Symbology};
pub use coding::Coding;
pub use content::{Content, ContentError};
pub use delivery_terms::{
    BookWhen, CourierShare, CourierShipper, DeliveryTerms, HandOver, LabelFormat, Preference, Settlement,
    Tariff, working_days_after,
};
pub use feed::{Catalog, follow};
pub use http::routes;
pub use index::{Change, Snapshot};
pub use label::Label;
pub use model::{
    BestBeforePassed, FindError, Found, Location, Markdown, Offer, Price, PricePromise, Promotion, Recall,
    ShelfPrice, StockFigure, Store, StoreAddress,
};
pub use piece::{Piece, PieceFault, Portion, Reduction};
pub use product::{
    AgeReason, EncodedUnit, NetContent, NetUnit, ProductRow, SaleBan, SaleType, Size, Temperature, within,
};
pub use promotion::{
    BasketReward, Budget, Combination, CouponRow, CustomerRow, Goods, Hours, PromotionFault, PromotionRow,
    SetPart, SetReward, Terms, Tier, TierReward,
};
pub use rows::{
    BatchRow, CodeRow, Kind, LocationRow, PRICE_MAX, PriceKind, PriceListRow, PriceRow, Reason, RecallRow,
    StockRow, StoreRow, TaxClassRow, TaxRateRow, check_line, has_field,
};
pub use search::follow as follow_search;
pub use till_rules::{BESIDE_MAX, DebitLimits, EatIn, Fee, PointsTerms, Slip, TillRules};
pub use upkeep::{Keep, Upkeep, schedule_upkeep, upkeep};

use std::collections::HashMap;

use crate::clock::Moment;
use crate::db;
use crate::env::Env;
use crate::ids::{CouponCode, PromotionId, ShopperId, Sku, StoreId};

/// What the catalogue does by itself, and what it leaves to a person: see [`Limits`].
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What a delivery may do without being held.
    pub hold: Limits,
    /// How long things are kept that nobody needs any more.
    pub keep: Keep,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let hold = Limits::read(env);
        Self { hold, keep: Keep::read(env, hold.days_max) }
    }
}

/// Which of these promotions ended before a moment.
pub async fn ended_promotions<'a>(
    db: &db::Db,
    promotions: impl IntoIterator<Item = &'a str>,
    before: Moment,
) -> Result<Vec<PromotionId>, db::Error> {
    let ended = store::promotions::ended_promotions(db, promotions, before).await?;
    Ok(ended.into_iter().map(|(promotion,)| promotion).collect())
}

/// Which of these coupons are for promotions that ended before a moment.
pub async fn ended_coupons<'a>(
    db: &db::Db,
    coupons: impl IntoIterator<Item = &'a str>,
    before: Moment,
) -> Result<std::collections::HashSet<CouponCode>, db::Error> {
    let ended = store::promotions::ended_coupons(db, coupons, before).await?;
    Ok(ended.into_iter().map(|(coupon,)| coupon).collect())
}

/// A coupon, unless it was taken back.
pub async fn coupon(tx: &mut db::Tx, coupon: &CouponCode) -> Result<Option<CouponRow>, db::Error> {
    store::promotions::coupon(tx, coupon).await
}

/// What the CRM says of a customer; nothing of those that it does not know.
pub async fn customer(db: &db::Db, customer: ShopperId) -> Result<Option<CustomerRow>, db::Error> {
    store::promotions::customer(db, customer).await
}

/// A store as it was last delivered, also one that closed since; without its price lists.
pub async fn known_store(tx: &mut db::Tx, store: &StoreId) -> Result<Option<Store>, db::Error> {
    store::read::known_store(tx, store).await
}

/// Where in a store each of these products stands; nothing of those whose place no system said.
pub async fn locations<'a>(
    db: &db::Db,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<Sku, Location>, db::Error> {
    Ok(store::shelves::locations(db, store, skus).await?.into_iter().collect())
}

/// How much of each of these products a store has, as its system said last: pieces, or grams, millilitres or millimetres of
/// what is sold by measure. Nothing of those that no system spoke of.
pub async fn stock_of<'a>(
    db: &db::Db,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<Sku, i64>, db::Error> {
    Ok(store::shelves::stock_of(db, store, skus).await?.into_iter().collect())
}

/// The figures of a store that changed after a revision, or whose product did; of what was taken back the amount is 0.
pub async fn stock_after(
    tx: &mut db::Tx,
    store: &StoreId,
    revision: i64,
) -> Result<Vec<StockFigure>, db::Error> {
    store::shelves::figures_after(tx, store, revision).await
}

/// The figures of these products in a store; nothing of those that no system spoke of.
pub async fn stock_figures<'a>(
    tx: &mut db::Tx,
    store: &StoreId,
    skus: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<StockFigure>, db::Error> {
    store::shelves::figures_of(tx, store, skus).await
}

/// The revision of the last batch that was applied.
pub async fn revision(tx: &mut db::Tx) -> Result<i64, db::Error> {
    store::shelves::revision(tx).await
}

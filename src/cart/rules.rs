//! What keeps a product from being sold: recalls, dates, times of day, limits. Pure; asked at the scan, whenever the cart
//! is read, and again before it is paid for, because a cart may be old.

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;
use utoipa::ToSchema;

use super::event::Origin;
use crate::catalog::{Alternative, BestBeforePassed, ProductRow, Recall, SaleBan};
use crate::text_enum;

text_enum! {
    /// Why a line can't be paid for.
    pub enum BlockReason {
        /// The product, or its lot, must not be sold any more.
        Recalled = "recalled",
        /// The last day of use is over.
        UseByPassed = "use_by_passed",
        /// The best-before date has passed, and the store sells none of these.
        BestBeforePassed = "best_before_passed",
        /// The store sells none for now.
        SaleStopped = "sale_stopped",
        /// It must not be sold at this time of day.
        SaleBanned = "sale_banned",
        /// It is not sold any more.
        ProductWithdrawn = "product_withdrawn",
        /// More pieces than one trip may hold of the product.
        QuantityLimit = "quantity_limit",
        /// What was seen at the scan is not promised any more, and the store has no price for it now, or one for another
        /// quantity: scanned again, it has the right one.
        PriceMissing = "price_missing",
        /// Its tax class has no rate in the store today, or none for what is eaten there.
        TaxRateMissing = "tax_rate_missing",
    }
}

impl BlockReason {
    /// Whether no other piece of the product could be bought either: then something else is offered.
    pub fn is_of_product(self) -> bool {
        match self {
            Self::Recalled | Self::SaleStopped | Self::SaleBanned | Self::ProductWithdrawn => true,
            Self::UseByPassed
            | Self::BestBeforePassed
            | Self::QuantityLimit
            | Self::PriceMissing
            | Self::TaxRateMissing => false,
        }
    }
}

/// Why a line can't be paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Blocked {
    /// The stable reason.
    pub reason: BlockReason,
    /// The same for the shopper, as the retailer says it where it says something.
    pub notice: String,
}

/// A recall of some lots of a product whose lot the code did not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LotCheck {
    /// The retailer's own number of the recall.
    pub recall: String,
    /// The lots as they are printed on the pack.
    pub lots: Vec<String>,
    /// What shoppers are told.
    pub notice: String,
}

/// What the catalogue says now of what is in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Why it can't be paid for.
    pub blocked: Option<Blocked>,
    /// What the shopper should compare with the pack, each recall by itself.
    pub check_lots: Vec<LotCheck>,
    /// The earliest best-before date that has passed, where the store says so.
    pub best_before_passed: Option<NaiveDate>,
    /// What the store sells instead of what can't be paid for.
    pub alternatives: Vec<Alternative>,
}

/// What is asked about: pieces of one product, and what the catalogue says of it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The product; none when it is not sold any more.
    pub product: Option<&'a ProductRow>,
    /// What must not be sold of it.
    pub recalls: &'a [Recall],
    /// What the codes said of the pieces.
    pub origins: &'a [Origin],
    /// How many pieces of it the trip holds.
    pub pieces: i64,
    /// The time by the store's own clock.
    pub local: NaiveDateTime,
    /// What the store does with goods whose best-before date has passed.
    pub best_before_passed: BestBeforePassed,
}

/// What keeps these pieces from being sold, the gravest first, and what should be compared with the pack.
pub fn standing(question: &Question<'_>) -> Standing {
    let dates =
        recalled(question).or_else(|| use_by_passed(question)).or_else(|| best_before_block(question));
    let blocked = dates.or_else(|| match question.product {
        Some(product) => not_for_sale(product, question),
        None => Some(withdrawn()),
    });
    let (mut check_lots, mut best_before_passed) = (Vec::new(), None);
    if blocked.is_none() {
        check_lots = lot_checks(question);
        best_before_passed = passed_best_before(question, BestBeforePassed::Warn);
    }
    Standing { blocked, check_lots, best_before_passed, alternatives: Vec::new() }
}

fn block(reason: BlockReason, notice: impl Into<String>) -> Blocked {
    Blocked { reason, notice: notice.into() }
}

fn recalled(question: &Question<'_>) -> Option<Blocked> {
    let holds = |recall: &&Recall| {
        recall.is_about(None) || question.origins.iter().any(|origin| recall.is_about(origin.lot.as_deref()))
    };
    question.recalls.iter().find(holds).map(|recall| block(BlockReason::Recalled, recall.notice.clone()))
}

fn lot_checks(question: &Question<'_>) -> Vec<LotCheck> {
    if question.origins.iter().all(|origin| origin.lot.is_some()) {
        return Vec::new();
    }
    // A recall of all lots blocks the line: what is left are recalls of some.
    let check = |recall: &Recall| {
        let (recall, lots, notice) = (recall.recall.clone(), recall.lots.clone()?, recall.notice.clone());
        Some(LotCheck { recall, lots, notice })
    };
    question.recalls.iter().filter_map(check).collect()
}

/// The earliest best-before date that has passed, where the store does this about it.
fn passed_best_before(question: &Question<'_>, rule: BestBeforePassed) -> Option<NaiveDate> {
    let today = question.local.date();
    let dates = question.origins.iter().filter_map(|origin| origin.best_before);
    dates.filter(|day| *day < today && question.best_before_passed == rule).min()
}

fn best_before_block(question: &Question<'_>) -> Option<Blocked> {
    let passed = passed_best_before(question, BestBeforePassed::Block)?;
    Some(block(BlockReason::BestBeforePassed, format!("It was best before {passed}.")))
}

fn use_by_passed(question: &Question<'_>) -> Option<Blocked> {
    let today = question.local.date();
    let passed =
        question.origins.iter().filter_map(|origin| origin.use_by).filter(|day| *day < today).min()?;
    Some(block(BlockReason::UseByPassed, format!("It was to be used by {passed}.")))
}

/// A line whose price nobody can say.
pub fn price_missing() -> Blocked {
    block(BlockReason::PriceMissing, "Its price has changed: take it out and scan it again.")
}

/// A line whose tax nobody can say.
pub fn tax_rate_missing() -> Blocked {
    block(BlockReason::TaxRateMissing, "The store can't say its tax: take it out, or ask the staff.")
}

fn withdrawn() -> Blocked {
    block(BlockReason::ProductWithdrawn, "It is not sold any more.")
}

fn not_for_sale(product: &ProductRow, question: &Question<'_>) -> Option<Blocked> {
    if let Some(why) = &product.sale_stop {
        return Some(block(BlockReason::SaleStopped, why.clone()));
    }
    let is_banned = |ban: &&SaleBan| ban.holds(question.local);
    if let Some(ban) = product.sale_bans.iter().find(is_banned) {
        return Some(block(
            BlockReason::SaleBanned,
            format!("It is not sold from {} to {}.", ban.from, ban.to),
        ));
    }
    let most = product.quantity_max.filter(|most| question.pieces > *most)?;
    Some(block(BlockReason::QuantityLimit, format!("One trip may hold {most} of it.")))
}

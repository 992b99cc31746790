//! What follows from a code for one piece: how much it is, what it costs, and whether its date makes it cheaper. Pure.
//!
//! The answer to a lookup and the line of a cart are made of the same piece, so that what a shopper saw before is what is
//! put into the cart.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{BestBeforePassed, Found, Recall, Store};
use super::product::EncodedUnit;
use super::rows::PRICE_MAX;
use crate::money::{self, Money, in_proportion};
use crate::quantity::{Quantity, Unit};
use crate::text_enum;

text_enum! {
    /// Why a scanned piece can't be sold as its code has it.
    pub enum PieceFault {
        /// The product is sold by weight, volume or length, and the code says none: weigh it first.
        MeasureMissing = "measure_missing",
        /// The code says nought: a shelf label, or not yet weighed.
        MeasureZero = "measure_zero",
        /// The code's weight, volume, length or count is none by which the product is sold.
        MeasureUnknown = "measure_unknown",
        /// The label's price is no amount of money that a product can cost.
        LabelPriceInvalid = "label_price_invalid",
        /// The code has a price, and the product is not sold by labels with prices.
        LabelPriceUnexpected = "label_price_unexpected",
        /// The price is in another currency than the store's.
        CurrencyOther = "currency_other",
        /// The measure or count is out of bounds.
        QuantityOutOfRange = "quantity_out_of_range",
        /// The lot must not be sold any more.
        Recalled = "recalled",
        /// The last day of use is over.
        UseByPassed = "use_by_passed",
        /// The best-before date has passed, and the store sells none of these.
        BestBeforePassed = "best_before_passed",
    }
}

/// Why a piece is cheaper than others: its date is near. Carts keep it in their logs: fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reduction {
    /// So many percent off the regular price.
    pub percent: i64,
    /// The price without it: of a piece, or of `priced_per`.
    pub full_price: Money,
    /// The last day of use or of best quality.
    pub date: NaiveDate,
}

/// What of a product one scan stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// How much the code said it is.
    pub measure: Option<Quantity>,
    /// The price that the label had.
    pub label_price: Option<Money>,
    /// How many pieces; one for what is measured.
    pub pieces: i64,
}

impl Portion {
    /// What it costs: what the label says, else the price in proportion to what it is for, rounded once.
    pub fn amount(self, price: Money, priced_per: Option<Quantity>) -> Result<Money, money::Error> {
        if let Some(label) = self.label_price {
            return label.times(self.pieces);
        }
        let part = self.measure.map_or(self.pieces, Quantity::amount);
        let whole = priced_per.map_or(1, Quantity::amount);
        Ok(Money::new(in_proportion(price.minor(), part, whole)?, price.currency()))
    }

    /// How much it is: what was measured, else its pieces.
    pub fn quantity(self) -> Result<Quantity, crate::quantity::Error> {
        self.measure.map_or_else(|| Quantity::pieces(self.pieces), Ok)
    }
}

/// What one scan stands for, and at which price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How much.
    pub portion: Portion,
    /// The price of a piece, or of `priced_per`, less the reduction.
    pub price: Money,
    /// What that price is for when it is not for a piece.
    pub priced_per: Option<Quantity>,
    /// Why it is lower than that of other pieces.
    pub reduction: Option<Reduction>,
}

impl Piece {
    /// What a found code stands for in this store, on a day there.
    pub fn of(found: &Found, store: &Store, today: NaiveDate) -> Result<Self, PieceFault> {
        let label = &found.label;
        if found.recalls.iter().any(|recall| recall.is_about(label.lot.as_deref())) {
            return Err(PieceFault::Recalled);
        }
        if label.use_by.is_some_and(|day| day < today) {
            return Err(PieceFault::UseByPassed);
        }
        if store.best_before_passed == BestBeforePassed::Block
            && label.best_before.is_some_and(|day| day < today)
        {
            return Err(PieceFault::BestBeforePassed);
        }
        let portion = portion(found, store)?;
        let price = price(found, store)?;
        let reduction = match portion.label_price {
            // A label says what the piece costs; whoever printed it knew its date.
            Some(_) => None,
            None => reduction(found, price, store, today),
        };
        let (price, reduction) = reduction.map_or((price, None), |(price, why)| (price, Some(why)));
        let priced_per = found.priced_per.filter(|_| found.is_listed || label.reference_price.is_some());
        Ok(Self { portion, price, priced_per, reduction })
    }

    /// What it costs.
    pub fn amount(&self) -> Result<Money, money::Error> {
        self.portion.amount(self.price, self.priced_per)
    }
}

impl Recall {
    /// Whether a piece of this lot must not be sold; of an unknown lot, whether none must.
    pub fn is_about(&self, lot: Option<&str>) -> bool {
        self.lots
            .as_ref()
            .is_none_or(|lots| lot.is_some_and(|lot| lots.iter().any(|each| plain(each).eq(plain(lot)))))
    }
}

/// A lot without the blanks that a pack may be printed with, in one case.
fn plain(lot: &str) -> impl Iterator<Item = char> + '_ {
    lot.chars().filter(|each| !each.is_whitespace()).map(|each| each.to_ascii_uppercase())
}

/// What the code says how much it is, against what the product is priced for.
fn portion(found: &Found, store: &Store) -> Result<Portion, PieceFault> {
    let label = &found.label;
    let unit = found.price_quantity().unit();
    let label_price = label_price(found, store)?;
    if unit != Unit::Piece {
        let measure = label.measure(unit).map(|amount| measured(amount, unit)).transpose()?;
        return match (measure, label_price) {
            (None, None) if label.has_measure() || label.count.is_some() => Err(PieceFault::MeasureUnknown),
            (None, None) => Err(PieceFault::MeasureMissing),
            (measure, label_price) => Ok(Portion { measure, label_price, pieces: 1 }),
        };
    }
    if label_price.is_some() {
        return Ok(Portion { measure: None, label_price, pieces: 1 });
    }
    if label.is_made_for_values && label.has_measure() {
        return Err(PieceFault::MeasureUnknown);
    }
    let count = label.count.map(|count| measured(count, Unit::Piece)).transpose()?;
    let pieces = count.map_or(1, Quantity::amount).saturating_mul(found.pieces);
    Ok(Portion { measure: None, label_price: None, pieces })
}

/// A whole number of units; nought is a shelf label, or what was not yet weighed.
fn measured(amount: Decimal, unit: Unit) -> Result<Quantity, PieceFault> {
    if amount.is_zero() {
        return Err(PieceFault::MeasureZero);
    }
    if !amount.fract().is_zero() {
        return Err(PieceFault::MeasureUnknown);
    }
    let amount = amount.to_i64().ok_or(PieceFault::QuantityOutOfRange)?;
    Quantity::new(amount, unit).map_err(|_| PieceFault::QuantityOutOfRange)
}

/// The price that the label has. Anybody can print a message with a price: it holds only where the product is sold so.
fn label_price(found: &Found, store: &Store) -> Result<Option<Money>, PieceFault> {
    let Some(price) = found.label.price else { return Ok(None) };
    let is_sold_so = found.label.is_made_for_values
        || found.price_quantity().unit() != Unit::Piece
        || found.encoded_unit == Some(EncodedUnit::Price);
    if !is_sold_so {
        return Err(PieceFault::LabelPriceUnexpected);
    }
    if price.currency.is_some_and(|currency| currency != store.currency.code()) {
        return Err(PieceFault::CurrencyOther);
    }
    match price.money(store.currency) {
        Some(money) if money.minor() == 0 => Err(PieceFault::MeasureZero),
        Some(money) if (1..=PRICE_MAX).contains(&money.minor()) => Ok(Some(money)),
        _ => Err(PieceFault::LabelPriceInvalid),
    }
}

/// The price of a piece or of what the product is priced for: the one that the label counts with before the store's.
fn price(found: &Found, store: &Store) -> Result<Money, PieceFault> {
    let Some(reference) = found.label.reference_price else { return Ok(found.price.amount) };
    match reference.to_i64() {
        Some(0) => Err(PieceFault::MeasureZero),
        Some(minor) if minor <= PRICE_MAX => Ok(Money::new(minor, store.currency)),
        _ => Err(PieceFault::LabelPriceInvalid),
    }
}

/// The lower price of a piece whose date is near, and why. The percents come off the regular price and not off a
/// promotion's: of both, the shopper has the better one.
fn reduction(found: &Found, price: Money, store: &Store, today: NaiveDate) -> Option<(Money, Reduction)> {
    let date = [found.label.use_by, found.label.best_before].into_iter().flatten().min()?;
    let percent = store.markdown_percent(found, (date - today).num_days())?;
    let listed = found.label.reference_price.is_none().then_some(found.price.regular).flatten();
    let full_price = listed.unwrap_or(price);
    let minor = in_proportion(full_price.minor(), 100 - percent, 100).ok()?;
    let reduced = Money::new(minor, price.currency());
    let is_lower = (1..price.minor()).contains(&minor);
    is_lower.then_some((reduced, Reduction { percent, full_price, date }))
}

//! What follows from a code in a cart: a price by weight, a label's own price, several pieces, a lower price for a date
//! that is near, or a refusal. Pure.

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::event::{Origin, Product, Reduction};
use super::rules::{self, Question};
use super::wish::{Declined, Refusal, Taken};
use crate::catalog::{EncodedUnit, Found, Label, PRICE_MAX, SaleType, Store};
use crate::money::{Money, Rate, in_proportion};
use crate::quantity::{Quantity, Unit};

/// What of a product one scan stands for.
#[derive(Debug, PartialEq, Eq)]
struct Portion {
    measure: Option<Quantity>,
    label_price: Option<Money>,
    pieces: i64,
}

/// What a found code brings into a cart of this store at this time of its own clock.
pub(super) fn take(
    found: &Found,
    rate: Rate,
    store: &Store,
    local: NaiveDateTime,
) -> Result<Taken, Declined> {
    let origin = origin(&found.label);
    let question = Question {
        product: Some(found),
        recalls: &found.recalls,
        origins: std::slice::from_ref(&origin),
        // The cart counts.
        pieces: 0,
        local,
    };
    if let Some(blocked) = rules::standing(&question).blocked {
        return Err(blocked.into());
    }
    if found.sale == SaleType::Deposit {
        return Err(Refusal::DepositAlone.into());
    }
    let Portion { measure, label_price, pieces } = portion(found, store)?;
    let price = price(found, store)?;
    let reduction = match label_price {
        // A label says what the piece costs; whoever printed it knew its date.
        Some(_) => None,
        None => reduction(found, price, &origin, store, local.date()),
    };
    let (price, reduction) = reduction.map_or((price, None), |(price, why)| (price, Some(why)));
    let product = Product {
        code: found.code(),
        sku: found.sku.clone(),
        name: found.name.clone(),
        price,
        tax_class: found.tax_class.clone(),
        rate,
        weight_grams: weight_grams(found, measure, label_price),
        deliverable: found.deliverable,
        age_min: found.age_min,
        revision: found.revision,
        priced_per: found.priced_per.filter(|_| found.is_listed || found.label.reference_price.is_some()),
        measure,
        label_price,
        reduction,
        origin,
    };
    Ok(Taken { product, pieces, quantity_max: found.quantity_max })
}

fn origin(label: &Label) -> Origin {
    Origin {
        lot: label.lot.clone(),
        serial: label.serial.clone(),
        use_by: label.use_by,
        best_before: label.best_before,
        is_partial: label.is_partial,
    }
}

/// What the code says how much it is, against what the product is priced for.
fn portion(found: &Found, store: &Store) -> Result<Portion, Refusal> {
    let label = &found.label;
    let unit = found.price_quantity().unit();
    let label_price = label_price(found, store)?;
    if unit != Unit::Piece {
        let measure = label.measure(unit).map(|amount| measured(amount, unit)).transpose()?;
        return match (measure, label_price) {
            (None, None) if label.has_measure() || label.count.is_some() => Err(Refusal::MeasureUnknown),
            (None, None) => Err(Refusal::MeasureMissing),
            (measure, label_price) => Ok(Portion { measure, label_price, pieces: 1 }),
        };
    }
    if label_price.is_some() {
        return Ok(Portion { measure: None, label_price, pieces: 1 });
    }
    if label.is_made_for_values && label.has_measure() {
        return Err(Refusal::MeasureUnknown);
    }
    let count = label.count.map(|count| measured(count, Unit::Piece)).transpose()?;
    let pieces = count.map_or(1, Quantity::amount).saturating_mul(found.pieces);
    Ok(Portion { measure: None, label_price: None, pieces })
}

/// A whole number of units; nought is a shelf label, or what was not yet weighed.
fn measured(amount: Decimal, unit: Unit) -> Result<Quantity, Refusal> {
    if amount.is_zero() {
        return Err(Refusal::MeasureZero);
    }
    if !amount.fract().is_zero() {
        return Err(Refusal::MeasureUnknown);
    }
    let amount = amount.to_i64().ok_or(Refusal::QuantityOutOfRange)?;
    Quantity::new(amount, unit).map_err(|_| Refusal::QuantityOutOfRange)
}

/// The price that the label has. Anybody can print a message with a price: it holds only where the product is sold so.
fn label_price(found: &Found, store: &Store) -> Result<Option<Money>, Refusal> {
    let Some(price) = found.label.price else { return Ok(None) };
    let is_sold_so = found.label.is_made_for_values
        || found.price_quantity().unit() != Unit::Piece
        || found.encoded_unit == Some(EncodedUnit::Price);
    if !is_sold_so {
        return Err(Refusal::LabelPriceUnexpected);
    }
    if price.currency.is_some_and(|currency| currency != store.currency.code()) {
        return Err(Refusal::CurrencyOther);
    }
    match price.money(store.currency) {
        Some(money) if money.minor() == 0 => Err(Refusal::MeasureZero),
        Some(money) if (1..=PRICE_MAX).contains(&money.minor()) => Ok(Some(money)),
        _ => Err(Refusal::LabelPriceInvalid),
    }
}

/// The price of a piece or of what the product is priced for: the one that the label counts with before the store's.
fn price(found: &Found, store: &Store) -> Result<Money, Refusal> {
    let Some(reference) = found.label.reference_price else { return Ok(found.price.amount) };
    match reference.to_i64() {
        Some(0) => Err(Refusal::MeasureZero),
        Some(minor) if minor <= PRICE_MAX => Ok(Money::new(minor, store.currency)),
        _ => Err(Refusal::LabelPriceInvalid),
    }
}

/// The lower price of a piece whose date is near, and why. The percents come off the regular price and not off a
/// promotion's: of both, the shopper has the better one.
fn reduction(
    found: &Found,
    price: Money,
    origin: &Origin,
    store: &Store,
    today: NaiveDate,
) -> Option<(Money, Reduction)> {
    let date = [origin.use_by, origin.best_before].into_iter().flatten().min()?;
    let percent = store.markdown_percent(found, (date - today).num_days())?;
    let listed = found.label.reference_price.is_none().then_some(found.price.regular).flatten();
    let full_price = listed.unwrap_or(price);
    let minor = in_proportion(full_price.minor(), 100 - percent, 100).ok()?;
    let reduced = Money::new(minor, price.currency());
    let is_lower = (1..price.minor()).contains(&minor);
    is_lower.then_some((reduced, Reduction { percent, full_price, date }))
}

/// What the courier carries: what was weighed, or what the label's price makes of the price for a weight, else what a
/// piece weighs.
fn weight_grams(found: &Found, measure: Option<Quantity>, label_price: Option<Money>) -> Option<i64> {
    let per = found.price_quantity();
    match (measure, label_price) {
        (Some(measure), _) if measure.unit() == Unit::Gram => Some(measure.amount()),
        (None, Some(label)) if per.unit() == Unit::Gram && found.is_listed => {
            let grams = in_proportion(per.amount(), label.minor(), found.price.amount.minor()).ok();
            grams.filter(|grams| *grams > 0)
        }
        _ => found.weight_grams,
    }
}

//! What follows from a code in a cart: the piece as the catalogue has it, or a refusal. Pure.

use chrono::NaiveDateTime;

use super::event::{Deposit, Origin, Product};
use super::rules::{self, Question};
use super::wish::{Declined, Refusal, Taken};
use crate::catalog::{Found, Label, Piece, PieceFault, Portion, SaleType, Store};
use crate::money::{Rate, in_proportion};
use crate::quantity::Unit;

/// What a found code brings into a cart of this store at this time of its own clock.
pub(super) fn take(
    found: &Found,
    rate: Rate,
    store: &Store,
    local: NaiveDateTime,
    deposit: Option<Deposit>,
) -> Result<Taken, Declined> {
    let origin = origin(&found.label);
    let question = Question {
        product: Some(found),
        recalls: &found.recalls,
        origins: std::slice::from_ref(&origin),
        // The cart counts.
        pieces: 0,
        local,
        best_before_passed: store.best_before_passed,
    };
    if let Some(blocked) = rules::standing(&question).blocked {
        return Err(blocked.into());
    }
    if found.sale == SaleType::Deposit {
        return Err(Refusal::DepositAlone.into());
    }
    let Piece { portion, price, priced_per, reduction } =
        Piece::of(found, store, local.date()).map_err(Refusal::from)?;
    let Portion { measure, label_price, pieces } = portion;
    let is_priced_by_label = found.label.reference_price.is_some();
    let product = Product {
        code: found.code(),
        sku: found.sku.clone(),
        name: found.name.clone(),
        price,
        tax_class: found.tax_class.clone(),
        rate,
        weight_grams: weight_grams(found, portion),
        deliverable: found.deliverable,
        age_min: found.age_min,
        revision: found.revision,
        priced_per,
        measure,
        label_price,
        // A label that names the price it counts with knows no members.
        member_price: found.price.member.filter(|_| !is_priced_by_label),
        brand: found.brand.clone(),
        category: found.category.clone(),
        deposit,
        reduction,
        is_priced_by_label,
        origin,
    };
    Ok(Taken { product, pieces, quantity_max: found.quantity_max })
}

impl From<PieceFault> for Refusal {
    fn from(fault: PieceFault) -> Self {
        match fault {
            PieceFault::MeasureMissing => Self::MeasureMissing,
            PieceFault::MeasureZero => Self::MeasureZero,
            PieceFault::MeasureUnknown => Self::MeasureUnknown,
            PieceFault::LabelPriceInvalid => Self::LabelPriceInvalid,
            PieceFault::LabelPriceUnexpected => Self::LabelPriceUnexpected,
            PieceFault::CurrencyOther => Self::CurrencyOther,
            PieceFault::QuantityOutOfRange => Self::QuantityOutOfRange,
            PieceFault::Recalled => Self::Recalled,
            PieceFault::UseByPassed => Self::UseByPassed,
            PieceFault::BestBeforePassed => Self::BestBeforePassed,
        }
    }
}

fn origin(label: &Label) -> Origin {
    Origin {
        lot: label.lot.clone(),
        serial: label.serial.clone(),
        addon: label.addon.clone(),
        use_by: label.use_by,
        best_before: label.best_before,
        is_partial: label.is_partial,
    }
}

/// What the courier carries: what was weighed, or what the label's price makes of the price for a weight, else what a
/// piece weighs.
fn weight_grams(found: &Found, portion: Portion) -> Option<i64> {
    let per = found.price_quantity();
    match (portion.measure, portion.label_price) {
        (Some(measure), _) if measure.unit() == Unit::Gram => Some(measure.amount()),
        (None, Some(label)) if per.unit() == Unit::Gram && found.is_listed => {
            let grams = in_proportion(per.amount(), label.minor(), found.price.amount.minor()).ok();
            grams.filter(|grams| *grams > 0)
        }
        _ => found.weight_grams,
    }
}

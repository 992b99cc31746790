//! What the app asks of a cart, and what becomes of it.

use serde::Deserialize;
use utoipa::ToSchema;

use super::event::Product;
use super::rules::{BlockReason, Blocked};
use crate::catalog::Alternative;
use crate::ids::EventId;
use crate::quantity::Quantity;
use crate::text_enum;

text_enum! {
    /// What became of one event of a batch.
    pub enum Outcome {
        /// It is in the cart.
        Applied = "applied",
        /// It was in the cart already: sent again.
        Repeated = "repeated",
        /// This very piece, by its serial number, is in the cart already: scanned twice, it counts once.
        SamePiece = "same_piece",
        /// It is not in the cart; the reason says why.
        Refused = "refused",
    }
}

/// An event that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Now or before.
    pub outcome: Outcome,
    /// The line that it changed.
    pub line: Option<i64>,
}

/// An event that was refused, with what the shopper should read about it where the catalogue says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The stable reason.
    pub reason: Refusal,
    /// The recall's notice, why the sale is stopped, until when it is banned.
    pub notice: Option<String>,
    /// What the store sells instead.
    pub alternatives: Vec<Alternative>,
}

impl From<Refusal> for Declined {
    fn from(reason: Refusal) -> Self {
        Self { reason, notice: None, alternatives: Vec::new() }
    }
}

impl From<Blocked> for Declined {
    fn from(blocked: Blocked) -> Self {
        let reason = match blocked.reason {
            BlockReason::Recalled => Refusal::Recalled,
            BlockReason::UseByPassed => Refusal::UseByPassed,
            BlockReason::BestBeforePassed => Refusal::BestBeforePassed,
            BlockReason::SaleStopped => Refusal::SaleStopped,
            BlockReason::SaleBanned => Refusal::SaleBanned,
            BlockReason::ProductWithdrawn => Refusal::ProductWithdrawn,
            BlockReason::QuantityLimit => Refusal::QuantityLimit,
            BlockReason::PriceMissing => Refusal::PriceMissing,
            BlockReason::TaxRateMissing => Refusal::TaxRateMissing,
        };
        Self { reason, notice: Some(blocked.notice), alternatives: Vec::new() }
    }
}

/// What a code brings into a cart.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The product, with what the code says of this piece.
    pub product: Product,
    /// How many pieces the code stands for.
    pub pieces: i64,
    /// How many pieces of it one trip may hold.
    pub quantity_max: Option<i64>,
}

text_enum! {
    /// Why an event was refused.
    pub enum Refusal {
        /// The text is no code: empty, wrong characters or length.
        CodeMalformed = "code_malformed",
        /// The check digit is wrong: scan again.
        CodeCheckDigit = "code_check_digit",
        /// A right code that the catalogue does not have.
        CodeUnknown = "code_unknown",
        /// The product, or its deposit, has no price in this store.
        PriceMissing = "price_missing",
        /// The tax class of the product, or of its deposit, has no rate in the store's country today.
        TaxRateMissing = "tax_rate_missing",
        /// The price is in another currency than the cart.
        CurrencyOther = "currency_other",
        /// The cart has no line of that number.
        LineUnknown = "line_unknown",
        /// The quantity is out of bounds.
        QuantityOutOfRange = "quantity_out_of_range",
        /// The cart can't hold more lines, or was changed too often. What makes it smaller is still taken.
        CartFull = "cart_full",
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
        /// Each such piece is scanned by itself: its line's quantity can't be set.
        QuantityFixed = "quantity_fixed",
        /// More pieces than one trip may hold of the product.
        QuantityLimit = "quantity_limit",
        /// A deposit voucher: it is shown at `/v1/carts/{cart}/vouchers`.
        Voucher = "voucher",
        /// A deposit is charged with what it is for, never alone.
        DepositAlone = "deposit_alone",
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
    }
}

impl Refusal {
    /// Whether no other piece of the product would be taken either: then something else is offered.
    pub fn is_of_product(self) -> bool {
        matches!(
            self,
            Self::CodeUnknown
                | Self::PriceMissing
                | Self::Recalled
                | Self::SaleStopped
                | Self::SaleBanned
                | Self::ProductWithdrawn
        )
    }
}

/// What the app asks for: one event of a batch.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// Add what was scanned.
    Scan {
        /// The app's own id of the event: sent twice, it counts once.
        id: EventId,
        /// The code as the phone's decoder gave it.
        #[schema(max_length = 200)]
        code: String,
        /// How many pieces (1 when left out).
        quantity: Option<Quantity>,
    },
    /// Make a line have so many pieces.
    SetQuantity {
        /// The app's own id of the event.
        id: EventId,
        /// The number of the line.
        line: i64,
        /// How many.
        quantity: Quantity,
    },
    /// Take a line out.
    Remove {
        /// The app's own id of the event.
        id: EventId,
        /// The number of the line.
        line: i64,
    },
}

impl Wish {
    /// The app's own id of the event.
    pub fn id(&self) -> EventId {
        match self {
            Self::Scan { id, .. } | Self::SetQuantity { id, .. } | Self::Remove { id, .. } => *id,
        }
    }
}

//! The entries of a cart's log. What was written once is read for ever: variants and fields are only ever added.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pricing::Priced;
pub use crate::catalog::Reduction;
use crate::ids::{
    CheckoutId, CouponCode, EventId, OrderId, PromotionId, ShopperId, Sku, StoreId, TaxClassId, VoucherCode,
};
use crate::money::{Currency, Money, Rate};
use crate::quantity::Quantity;

/// One entry of a cart's log. What the catalogue said at the scan stands in the entry itself: the log is the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The trip begins.
    CheckedIn { shopper: ShopperId, store: StoreId, currency: Currency },
    /// So many of a product were added.
    Scanned { id: EventId, product: Box<Product>, quantity: i64 },
    /// A line has so many pieces now; none removes it.
    QuantitySet { id: EventId, line: i64, quantity: i64 },
    /// A coupon was shown.
    CouponShown { coupon: CouponCode, promotion: PromotionId },
    /// It was put away again.
    CouponPutAway { coupon: CouponCode },
    /// A deposit voucher was shown.
    VoucherShown {
        voucher: VoucherCode,
        /// What it is worth, in minor units of the cart's currency.
        amount: i64,
        /// Whether no other store has one of that name.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_of_chain: bool,
    },
    /// It was put away again.
    VoucherPutAway { voucher: VoucherCode },
    /// So many points at most shall pay.
    PointsOffered { points: i64 },
    /// Whether the goods are eaten in the store.
    EatenIn { is_eaten_in: bool },
    /// Nothing changes until the checkout lets go.
    Locked {
        checkout: CheckoutId,
        /// What the cart cost then, without fees: a later look shows the same cents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agreed: Option<Box<Priced>>,
    },
    /// The checkout was not paid: shopping goes on.
    Unlocked { checkout: CheckoutId },
    /// Paid: the trip is over.
    Closed { checkout: CheckoutId, order: OrderId },
}

impl Event {
    /// Whether the shopper changed something by it: these are limited, what a checkout does is not.
    pub fn is_of_shopper(&self) -> bool {
        match self {
            Self::Scanned { .. }
            | Self::QuantitySet { .. }
            | Self::CouponShown { .. }
            | Self::CouponPutAway { .. }
            | Self::VoucherShown { .. }
            | Self::VoucherPutAway { .. }
            | Self::PointsOffered { .. }
            | Self::EatenIn { .. } => true,
            Self::CheckedIn { .. } | Self::Locked { .. } | Self::Unlocked { .. } | Self::Closed { .. } => {
                false
            }
        }
    }
}

/// A product as the catalogue had it at the scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The code as GTIN-14, or the chain's own number.
    pub code: String,
    /// The retailer's number.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// Gross price of a piece, or of `priced_per`.
    pub price: Money,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// The rate of that class on the day of the scan.
    pub rate: Rate,
    /// Weight of a piece in grams, where known.
    pub weight_grams: Option<i64>,
    /// Whether a courier may bring it.
    pub deliverable: bool,
    /// Whoever buys it must be so old, in years.
    pub age_min: Option<i64>,
    /// The revision of the catalogue that said so.
    pub revision: i64,
    /// What the price is for when it is not for a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_per: Option<Quantity>,
    /// How much of it the code said: goods by weight, volume or length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Quantity>,
    /// The price that the label had; it is what the line costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_price: Option<Money>,
    /// Why the price is lower than that of other pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// Its brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Its way through the tree of goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// What members pay for a piece, or for `priced_per`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_price: Option<Money>,
    /// What is charged with each piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Deposit>,
    /// Whether the price is the one that the label counts with, and not the store's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_priced_by_label: bool,
    /// What the code said of this very piece.
    #[serde(default, skip_serializing_if = "Origin::is_unknown")]
    pub origin: Origin,
}

impl Product {
    /// Whether each scan of it is a line of its own: no two such pieces need cost the same.
    pub fn has_own_line(&self) -> bool {
        self.measure.is_some() || self.label_price.is_some() || self.reduction.is_some()
    }

    /// Whether its price is its own, by its label or its date: what the store asks for others is another matter.
    pub fn has_own_price(&self) -> bool {
        self.label_price.is_some() || self.reduction.is_some() || self.is_priced_by_label
    }
}

/// The deposit of a bottle or crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// The product of type deposit.
    pub sku: Sku,
    /// What it costs a piece.
    pub amount: Money,
    /// Its own tax rate.
    pub rate: Rate,
}

/// What a code said of the piece that carried it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The digits beside the code: the issue of a newspaper or magazine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<String>,
    /// The last day of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_by: Option<NaiveDate>,
    /// The last day of best quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_before: Option<NaiveDate>,
    /// Whether a part of the code could not be read, where a date may have stood.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_partial: bool,
}

impl Origin {
    /// Whether the code said nothing of the piece.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

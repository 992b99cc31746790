//! What the catalogue is made of: stores, products and what a store asks for a product.

use std::ops::Deref;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::{Gtin, Refusal};
use super::label::Label;
use super::product::{ProductRow, SaleType};
use super::till_rules::TillRules;
use crate::clock::Moment;
use crate::ids::{PriceListId, Sku, StoreId};
use crate::money::{Currency, Money};
use crate::text_enum;

/// Where sales tax comes on top of the price when the store's row says nothing of it.
const TAX_ON_TOP: &[&str] = &["US", "CA"];

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreAddress {
    /// The street, without the number.
    pub street: String,
    /// The number in the street, with its letter.
    pub house_number: String,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Store {
    /// The retailer's number.
    pub store: StoreId,
    /// The name that shoppers read.
    pub name: String,
    /// Where it is.
    pub address: StoreAddress,
    /// The country, by two letters (ISO 3166-1): its tax rates hold.
    pub country: String,
    /// What it sells in.
    pub currency: Currency,
    /// Its time zone, by the name of the IANA database.
    pub time_zone: String,
    /// Its price lists; the first that has a price for a product wins.
    pub price_lists: Vec<PriceListId>,
    /// Its languages, the first one that of its receipts (BCP 47).
    pub languages: Vec<String>,
    /// Templates of the codes that its scales and printers make.
    pub code_templates: Vec<String>,
    /// By how much it marks goods down whose date is near.
    pub near_date_markdowns: Vec<Markdown>,
    /// Which price counts when it changed between scan and checkout.
    pub price_promise: PricePromise,
    /// What becomes of goods whose best-before date has passed.
    pub best_before_passed: BestBeforePassed,
    /// Its tree of goods, as paths from the root; none when it has not said.
    pub categories: Vec<Vec<String>>,
    /// What its till goes by beside its prices.
    pub till: TillRules,
}

text_enum! {
    /// What a store does with goods whose best-before date has passed; what was to be used by a day is never sold after it.
    pub enum BestBeforePassed {
        /// It does not sell them.
        Block = "block",
        /// It sells them, and says so.
        Warn = "warn",
        /// It sells them.
        Sell = "sell",
    }
}

text_enum! {
    /// Which price counts when it changed between scan and checkout.
    pub enum PricePromise {
        /// The one that the shopper saw at the scan.
        Locked = "locked",
        /// The lower one.
        Better = "better",
        /// The one of the checkout.
        Current = "current",
    }
}

/// A rule by which goods are marked down whose date is near.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Markdown {
    /// From so many days before the last day of use or of best quality on; 0 is that day itself.
    #[schema(minimum = 0, maximum = 365)]
    pub days_left_max: i64,
    /// So much off the regular price.
    #[schema(minimum = 1, maximum = 99)]
    pub percent: i64,
    /// Only goods whose category begins like this; all goods when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
}

impl Store {
    /// How many percent it takes off a product with so many days left; nothing when no rule fits.
    pub fn markdown_percent(&self, product: &ProductRow, days_left: i64) -> Option<i64> {
        let fits = |rule: &&Markdown| {
            days_left <= rule.days_left_max && product.category.starts_with(&rule.category)
        };
        self.near_date_markdowns.iter().filter(fits).map(|rule| rule.percent).max()
    }

    /// Whether its prices are without tax, which comes on top.
    pub fn has_tax_on_top(&self) -> bool {
        let of_country = || TAX_ON_TOP.contains(&self.country.as_str());
        self.till.tax_on_top.unwrap_or_else(of_country)
    }

    /// Its time zone; UTC for a name that a newer database of time zones has and this release has not.
    pub fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(Tz::UTC)
    }

    /// The time by its own clock.
    pub fn local(&self, now: Moment) -> NaiveDateTime {
        now.with_timezone(&self.zone()).naive_local()
    }
}

/// Where in a store a product stands. Names are the store's own; a phone and a pick list show them as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Location {
    /// The aisle: "7", "Dairy".
    pub aisle: String,
    /// The bay along the aisle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
    /// The shelf of the bay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
}

/// How much of a product a store has, as its system said last.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StockFigure {
    /// The product.
    pub sku: Sku,
    /// Pieces, or grams, millilitres or millimetres of what is sold by measure; may be negative. 0 of what was taken back.
    pub amount: i64,
    /// The revision in which the figure changed last.
    pub revision: i64,
    /// The revision in which it or its product changed last.
    pub changed_in: i64,
    /// How the product is sold.
    pub sale: SaleType,
}

/// What must not be sold any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The retailer's own number of the recall.
    pub recall: String,
    /// The lots as they are printed; none for all of them.
    pub lots: Option<Vec<String>>,
    /// What shoppers are told.
    pub notice: String,
}

/// A promotion that makes a price lower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The retailer's own name of it.
    pub name: Option<String>,
    /// The first second after it.
    pub until: Option<Moment>,
    /// The lowest price of the 30 days before it (directive 98/6/EC, article 6a).
    pub lowest_30_days: Option<Money>,
}

/// What a store asks for a product: for one piece, or for the product's `priced_per`; tax included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What everybody pays now.
    pub amount: Money,
    /// What everybody pays without a promotion; there may be none.
    pub regular: Option<Money>,
    /// The promotion that makes the price lower.
    pub promotion: Option<Promotion>,
    /// What members pay.
    pub member: Option<Money>,
}

/// What a store asks on its shelf, in minor units of its currency: for a piece, or for the product's `priced_per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfPrice {
    /// What everybody pays.
    pub everybody: i64,
    /// What members pay.
    pub members: Option<i64>,
}

/// A product at the price of one store. The product's facts are reached through it: `offer.name`.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(super) product: ProductRow,
    /// What it costs.
    pub price: Price,
    /// What must not be sold of it.
    pub recalls: Vec<Recall>,
    /// The revision of the catalogue in which this was so.
    pub revision: i64,
}

impl Deref for Offer {
    type Target = ProductRow;

    fn deref(&self) -> &ProductRow {
        &self.product
    }
}

/// What a code means in a store: the offer, and the number that the code was read as. The offer and the product's facts are
/// reached through it: `found.price`, `found.name`.
#[derive(Clone, Debug)]
pub struct Found {
    /// The number that the code was read as.
    pub gtin: Gtin,
    /// How many pieces the code stands for.
    pub pieces: i64,
    /// What the code says of the piece that carries it.
    pub label: Label,
    /// Whether the store has a price for it; otherwise the offer's is that of the label.
    pub is_listed: bool,
    pub(super) offer: Offer,
}

impl Found {
    /// The number by which it was found: of 14 digits, or the retailer's own when a store's template led to it.
    pub fn code(&self) -> String {
        if self.gtin == Gtin::NOTHING { self.offer.product.sku.to_string() } else { self.gtin.to_string() }
    }
}

impl Deref for Found {
    type Target = Offer;

    fn deref(&self) -> &Offer {
        &self.offer
    }
}

/// Why there is no offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is no such store.
    #[error("there is no such store")]
    UnknownStore,
    /// The code is refused.
    #[error("{}", .0.describe())]
    BadCode(Refusal),
    /// The text is nothing that a store would know.
    #[error("the text is no code of a store")]
    Foreign,
    /// The code is right and names no product: a coupon, a receipt, a pallet.
    #[error("the code names no product")]
    NoProduct,
    /// No product has this code, or this number.
    #[error("no product has this code")]
    UnknownCode,
    /// The product has no price in this store.
    #[error("the product has no price in this store")]
    NoPrice,
}

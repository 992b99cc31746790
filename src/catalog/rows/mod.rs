//! The rows of a batch: a line of JSON each, tagged by `kind`, read and checked one by one.
//!
//! A row that can't be right is refused with a reason; it never takes another row with it. What a row refers to is
//! checked where the database is at hand, in `batches.rs`. Here is what rows look like; `read.rs` reads and checks them, `stores.rs` those
//! of stores.

mod read;
mod reason;
mod stores;

pub use read::PRICE_MAX;
pub(super) use read::{check, check_circulation, check_price, check_product, fit, gtin, keys, read};
pub use reason::{Reason, Refusal};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{BestBeforePassed, Markdown, PricePromise, StoreAddress};
use super::product::ProductRow;
use super::promotion::{CouponRow, CustomerRow, PromotionRow};
use super::quality::Rule;
use super::till_rules::TillRules;
use crate::ids::{CouponCode, PriceListId, PromotionId, ShopperId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Rate};
use crate::text_enum;

text_enum! {
    /// What a row of a batch is about.
    pub enum Kind {
        /// A class of goods that are taxed alike.
        TaxClass = "tax_class",
        /// The rate of a tax class in a country from a day on.
        TaxRate = "tax_rate",
        /// A list of prices in one currency.
        PriceList = "price_list",
        /// A store.
        Store = "store",
        /// A product.
        Product = "product",
        /// A code of a product.
        Code = "code",
        /// A product's price on a list.
        Price = "price",
        /// How much of a product a store has.
        Stock = "stock",
        /// Where in a store a product stands.
        Location = "location",
        /// What must not be sold any more.
        Recall = "recall",
        /// What goods cost together, for a time or for some.
        Promotion = "promotion",
        /// What makes a promotion hold for whoever shows it.
        Coupon = "coupon",
        /// What the CRM says of a customer.
        Customer = "customer",
        /// A row that doesn't say what it is about, or something unheard of.
        Unknown = "unknown",
    }
}

impl Kind {
    /// The fields of a row of this kind that make its key, and are enough to take it back; nothing where that needs more.
    pub fn key_fields(self) -> &'static [&'static str] {
        match self {
            Self::TaxClass => &["tax_class"],
            Self::TaxRate => &["country", "tax_class", "valid_from"],
            Self::PriceList => &["price_list"],
            Self::Store => &["store"],
            Self::Product => &["sku"],
            Self::Code => &["code"],
            Self::Price => &["price_list", "sku", "price_kind", "valid_from"],
            Self::Stock | Self::Location => &["store", "sku"],
            Self::Recall => &["recall", "sku"],
            Self::Promotion => &["promotion"],
            Self::Coupon => &["coupon"],
            Self::Customer => &["customer"],
            Self::Unknown => &[],
        }
    }
}

/// Whether rows of this kind have a field of this name.
pub fn has_field(kind: Kind, field: &str) -> bool {
    let row = serde_json::json!({ "kind": kind, field: null }).to_string();
    // The field is the first that is read: every other complaint means that it is known.
    match serde_json::from_str::<BatchRow>(&row) {
        Ok(_) => true,
        Err(error) => !error.to_string().starts_with("unknown field"),
    }
}

/// Whether a line holds a row that can be right by itself; otherwise what is wrong with it.
pub fn check_line(line: &[u8]) -> Result<(), Refusal> {
    read(line).map(|_| ()).map_err(|(_, _, refusal)| refusal)
}

/// A row as it is delivered. With `"deleted": true` only the key's fields count.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BatchRow {
    /// A class of goods that are taxed alike.
    TaxClass(TaxClassRow),
    /// A rate from a day on.
    TaxRate(TaxRateRow),
    /// A list of prices.
    PriceList(PriceListRow),
    /// A store.
    Store(StoreRow),
    /// A product.
    Product(ProductRow),
    /// A code of a product.
    Code(CodeRow),
    /// A price.
    Price(PriceRow),
    /// How much of a product a store has.
    Stock(StockRow),
    /// Where in a store a product stands.
    Location(LocationRow),
    /// What must not be sold any more.
    Recall(RecallRow),
    /// A promotion.
    Promotion(Box<PromotionRow>),
    /// A coupon.
    Coupon(CouponRow),
    /// A customer.
    Customer(CustomerRow),
}

/// A class of goods that are taxed alike.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxClassRow {
    /// The key.
    pub tax_class: TaxClassId,
    /// The name.
    pub name: String,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// The rate of a tax class in a country from a day on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateRow {
    /// The country, two letters; or an area of it where stores name one (`till.tax_area`): `US-NY-NYC`.
    pub country: String,
    /// The tax class.
    pub tax_class: TaxClassId,
    /// The first day.
    pub valid_from: NaiveDate,
    /// Percent, as text: "19", "5.5".
    pub rate: Rate,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// A list of prices in one currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListRow {
    /// The key.
    pub price_list: PriceListId,
    /// The name.
    pub name: String,
    /// The currency of all its prices.
    pub currency: Currency,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreRow {
    /// The key.
    pub store: StoreId,
    /// The name that shoppers read.
    pub name: String,
    /// Where it is.
    pub address: StoreAddress,
    /// The country, two letters.
    pub country: String,
    /// What it sells in; its price lists are in the same currency.
    pub currency: Currency,
    /// The time zone, by its name in the IANA database.
    pub time_zone: String,
    /// Price lists; the first that has a price wins.
    pub price_lists: Vec<PriceListId>,
    /// The languages of the store, the first one that of its receipts (BCP 47).
    #[serde(default)]
    pub languages: Vec<String>,
    /// Templates of the codes that this store's scales and printers make.
    #[serde(default)]
    pub code_templates: Vec<String>,
    /// By how much goods are marked down whose date is near; of several rules that fit, the one with the most percent.
    #[serde(default)]
    pub near_date_markdowns: Vec<Markdown>,
    /// Which price counts when it changed between scan and checkout; `locked` when left out. For how long, `till` says
    /// (`price_promise_minutes`).
    #[serde(default = "locked")]
    pub price_promise: PricePromise,
    /// What becomes of goods whose best-before date has passed; `warn` when left out. What was to be used by a day is never
    /// sold after it.
    #[serde(default = "warn")]
    pub best_before_passed: BestBeforePassed,
    /// The store's tree of goods, as paths from the root, at most 2,000: products of other categories are told of
    /// (`cat.unknown`). Left out, nothing is.
    #[serde(default)]
    #[schema(max_items = 2000)]
    pub categories: Vec<Vec<String>>,
    /// What its till goes by beside its prices: taxes, fees, vouchers, points.
    #[serde(default)]
    pub till: TillRules,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

fn warn() -> BestBeforePassed {
    BestBeforePassed::Warn
}

fn locked() -> PricePromise {
    PricePromise::Locked
}

/// A code of a product.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRow {
    /// EAN-8, EAN-13, UPC-A, UPC-E or GTIN-14; the key once it is brought to 14 digits.
    pub code: String,
    /// The product.
    pub sku: Sku,
    /// Whether it is a number for restricted circulation (02, 04, 20-29, eight digits beginning with 0 or 2), which
    /// means something in this chain only.
    #[serde(default)]
    pub internal: bool,
    /// How many pieces the code stands for (1 when left out): a pack of six that has a code of its own.
    #[serde(default = "one")]
    #[schema(minimum = 1)]
    pub quantity: i64,
    /// Whether it is the code that lists and labels show.
    #[serde(default)]
    pub primary: bool,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

fn one() -> i64 {
    1
}

text_enum! {
    /// For whom and how a price is meant.
    pub enum PriceKind {
        /// For everybody.
        Regular = "regular",
        /// For everybody, for a time.
        Promotion = "promotion",
        /// For members of the retailer's club.
        Member = "member",
    }
}

/// A product's price on a list. A regular price without `valid_from` holds until it is replaced; every other price says
/// from when on it holds, may be sent ahead, and takes effect at its second.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// The list.
    pub price_list: PriceListId,
    /// The product.
    pub sku: Sku,
    /// Minor units for one piece, or for the product's `priced_per`; tax included.
    pub amount: i64,
    /// The list's currency.
    pub currency: Currency,
    /// For whom and how it is meant; `regular` when left out.
    #[serde(default = "regular")]
    pub price_kind: PriceKind,
    /// From when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    /// From when on it no longer holds; a promotion must say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<DateTime<Utc>>,
    /// The retailer's own name of the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<String>,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

fn regular() -> PriceKind {
    PriceKind::Regular
}

impl PriceRow {
    /// Whether it is the open price of everybody, which holds until it is replaced.
    pub(super) fn is_open(&self) -> bool {
        self.price_kind == PriceKind::Regular && self.valid_from.is_none()
    }
}

/// How much of a product a store has.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockRow {
    /// The store.
    pub store: StoreId,
    /// The product.
    pub sku: Sku,
    /// Pieces; grams, millilitres or millimetres of what is sold by measure. Below zero when the system has it so.
    pub amount: i64,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// Where in a store a product stands, so that goods are picked aisle by aisle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationRow {
    /// The store.
    pub store: StoreId,
    /// The product.
    pub sku: Sku,
    /// The aisle, as the store names it: "7", "Dairy". Goods are picked in the order of these names, numbers by their value.
    #[schema(min_length = 1, max_length = 20)]
    pub aisle: String,
    /// The bay along the aisle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 20)]
    pub bay: Option<String>,
    /// The shelf of the bay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 20)]
    pub shelf: Option<String>,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// What must not be sold any more: a product, or some of its lots.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallRow {
    /// The retailer's own number of the recall.
    pub recall: String,
    /// The product.
    pub sku: Sku,
    /// The lots as they are printed; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lots: Option<Vec<String>>,
    /// What shoppers are told.
    pub notice: String,
    /// Whether the row is taken back.
    #[serde(default)]
    pub deleted: bool,
}

/// What a row is the row of: in one batch statement a key stands at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Key {
    TaxClass {
        tax_class: TaxClassId,
    },
    TaxRate {
        country: String,
        tax_class: TaxClassId,
        valid_from: NaiveDate,
    },
    PriceList {
        price_list: PriceListId,
    },
    Store {
        store: StoreId,
    },
    Product {
        sku: Sku,
    },
    Code {
        code: String,
    },
    Price {
        price_list: PriceListId,
        sku: Sku,
        #[serde(default = "regular")]
        price_kind: PriceKind,
        /// Seconds since 1970; none for the open price.
        #[serde(default, deserialize_with = "timestamp")]
        valid_from: Option<i64>,
    },
    Stock {
        store: StoreId,
        sku: Sku,
    },
    Location {
        store: StoreId,
        sku: Sku,
    },
    Recall {
        recall: String,
        sku: Sku,
    },
    Promotion {
        promotion: PromotionId,
    },
    Coupon {
        coupon: CouponCode,
    },
    Customer {
        customer: ShopperId,
    },
}

impl Key {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::TaxClass { .. } => Kind::TaxClass,
            Self::TaxRate { .. } => Kind::TaxRate,
            Self::PriceList { .. } => Kind::PriceList,
            Self::Store { .. } => Kind::Store,
            Self::Product { .. } => Kind::Product,
            Self::Code { .. } => Kind::Code,
            Self::Price { .. } => Kind::Price,
            Self::Stock { .. } => Kind::Stock,
            Self::Location { .. } => Kind::Location,
            Self::Recall { .. } => Kind::Recall,
            Self::Promotion { .. } => Kind::Promotion,
            Self::Coupon { .. } => Kind::Coupon,
            Self::Customer { .. } => Kind::Customer,
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TaxClass { tax_class } => write!(formatter, "{tax_class}"),
            Self::TaxRate { country, tax_class, valid_from } => {
                write!(formatter, "{country}/{tax_class}/{valid_from}")
            }
            Self::PriceList { price_list } => write!(formatter, "{price_list}"),
            Self::Store { store } => write!(formatter, "{store}"),
            Self::Product { sku } => write!(formatter, "{sku}"),
            Self::Code { code } => write!(formatter, "{code}"),
            Self::Price { price_list, sku, valid_from: None, .. } => write!(formatter, "{price_list}/{sku}"),
            Self::Price { price_list, sku, price_kind, valid_from: Some(from) } => {
                write!(formatter, "{price_list}/{sku}/{price_kind}/{from}")
            }
            Self::Stock { store, sku } | Self::Location { store, sku } => write!(formatter, "{store}/{sku}"),
            Self::Recall { recall, sku } => write!(formatter, "{recall}/{sku}"),
            Self::Promotion { promotion } => write!(formatter, "{promotion}"),
            Self::Coupon { coupon } => write!(formatter, "{coupon}"),
            Self::Customer { customer } => write!(formatter, "{customer}"),
        }
    }
}

/// A time as seconds since 1970.
fn timestamp<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<DateTime<Utc>>::deserialize(from)?.map(|time| time.timestamp()))
}

/// A row that was read and is right as far as it can be seen by itself.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Nothing when the row is taken back.
    pub(super) content: Option<BatchRow>,
    /// What was repaired when it was read; nearly always nothing.
    pub(super) repairs: Vec<Rule>,
}

impl BatchRow {
    pub(super) fn as_product(&self) -> Option<&ProductRow> {
        if let Self::Product(row) = self { Some(row) } else { None }
    }

    pub(super) fn as_price(&self) -> Option<&PriceRow> {
        if let Self::Price(row) = self { Some(row) } else { None }
    }

    pub(super) fn as_promotion(&self) -> Option<&PromotionRow> {
        if let Self::Promotion(row) = self { Some(row) } else { None }
    }

    pub(super) fn as_store(&self) -> Option<&StoreRow> {
        if let Self::Store(row) = self { Some(row) } else { None }
    }
}

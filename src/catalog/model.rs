//! What the catalogue is made of: stores, products and what a store asks for a product.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::{Gtin, Refusal};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Money};

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
}

/// A product, the same in every store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The retailer's number.
    pub sku: Sku,
    /// The name that shoppers read.
    pub name: String,
    /// The brand.
    pub brand: Option<String>,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// What it weighs packed, in grams; unknown for some.
    pub weight_grams: Option<i64>,
    /// Whether a courier may bring it.
    pub deliverable: bool,
    /// From what age it may be sold, in years.
    pub age_min: Option<i64>,
    /// Net content as it is printed, such as "500 g".
    pub content: Option<String>,
    /// The members of an answer that don't depend on the store, ready to be sent: `"sku":…,"content":…`.
    pub(super) answer: Box<[u8]>,
}

/// A product at the price of one store.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(super) product: Arc<Product>,
    /// What one piece costs, tax included.
    pub price: Money,
    /// The revision of the catalogue in which this was so.
    pub revision: i64,
}

impl Deref for Offer {
    type Target = Product;

    fn deref(&self) -> &Product {
        &self.product
    }
}

/// What a code means in a store: the offer, and the number that the code was read as. The fields of [`Offer`] and
/// [`Product`] are reached through it: `found.price`, `found.name`.
#[derive(Clone, Debug)]
pub struct Found {
    /// The number that the code was read as.
    pub gtin: Gtin,
    pub(super) offer: Offer,
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

/// The members of an answer that don't depend on the store.
#[derive(Serialize)]
struct AnswerPart<'a> {
    sku: &'a Sku,
    name: &'a str,
    brand: Option<&'a str>,
    tax_class: &'a TaxClassId,
    weight_grams: Option<i64>,
    deliverable: bool,
    age_min: Option<i64>,
    content: Option<&'a str>,
}

impl Product {
    /// Serialises what every answer about the product has in common; done once, when the product changes.
    #[must_use]
    pub(super) fn with_answer(mut self) -> Self {
        let part = AnswerPart {
            sku: &self.sku,
            name: &self.name,
            brand: self.brand.as_deref(),
            tax_class: &self.tax_class,
            weight_grams: self.weight_grams,
            deliverable: self.deliverable,
            age_min: self.age_min,
            content: self.content.as_deref(),
        };
        let object = serde_json::to_vec(&part).expect("texts and numbers can be written as JSON");
        self.answer = object[1..object.len() - 1].into();
        self
    }
}

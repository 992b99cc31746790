//! A product as retail has it: what is delivered, stored, shown to shoppers and decided on at the till.
//!
//! One type for all of that, so that a fact is named once. What is optional is left out where it is not known: an answer
//! never says more than was delivered.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDateTime, Timelike};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{Sku, TaxClassId};
use crate::quantity::{Quantity, Unit};
use crate::text_enum;

text_enum! {
    /// How a product is sold.
    pub enum SaleType {
        /// In pieces that are all alike.
        Fixed = "fixed",
        /// By weight, volume or length: the price is for `priced_per`.
        Weighed = "weighed",
        /// A newspaper or magazine.
        Press = "press",
        /// A deposit on a bottle or crate, never sold by itself.
        Deposit = "deposit",
    }
}

text_enum! {
    /// What a number is that a store's own template finds inside a code.
    pub enum EncodedUnit {
        /// Grams.
        Gram = "g",
        /// Kilograms.
        Kilogram = "kg",
        /// Millilitres.
        Millilitre = "ml",
        /// Litres.
        Litre = "l",
        /// Millimetres.
        Millimetre = "mm",
        /// Metres.
        Metre = "m",
        /// Pieces.
        Piece = "piece",
        /// A price: in minor units, or in major units when it has decimals.
        Price = "price",
    }
}

text_enum! {
    /// Why a product is not sold to everybody.
    pub enum AgeReason {
        /// Beer, wine, spirits.
        Alcohol = "alcohol",
        /// Tobacco, and what replaces it.
        Tobacco = "tobacco",
        /// Films and games with a rating.
        Media = "media",
        /// Knives and blades.
        Blade = "blade",
        /// Energy drinks where a law or the retailer limits them.
        Energy = "energy",
        /// Fireworks, solvents and other dangerous goods.
        Dangerous = "dangerous",
        /// Medicines.
        Medicine = "medicine",
        /// Another reason.
        Other = "other",
    }
}

text_enum! {
    /// How cold a product must be kept.
    pub enum Temperature {
        /// As it is in the shop.
        Ambient = "ambient",
        /// Chilled.
        Chilled = "chilled",
        /// Frozen.
        Frozen = "frozen",
    }
}

text_enum! {
    /// Units in which content is printed and priced by law (directive 98/6/EC).
    pub enum NetUnit {
        /// Grams.
        Gram = "g",
        /// Millilitres.
        Millilitre = "ml",
        /// Millimetres.
        Millimetre = "mm",
        /// Square centimetres.
        SquareCentimetre = "cm2",
        /// Pieces, such as eggs or tabs.
        Piece = "piece",
    }
}

impl NetUnit {
    /// The unit that a price is shown for, and how many of this one make it.
    pub fn of_price(self) -> (&'static str, i64) {
        match self {
            Self::Gram => ("kg", 1_000),
            Self::Millilitre => ("l", 1_000),
            Self::Millimetre => ("m", 1_000),
            Self::SquareCentimetre => ("m2", 10_000),
            Self::Piece => ("piece", 1),
        }
    }
}

/// How much is in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetContent {
    /// How many of the unit; a pack of six at 330 ml has 1980.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// The unit.
    pub unit: NetUnit,
}

/// Outer measures of a packed piece, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The longest side.
    pub length_mm: i64,
    /// The side across.
    pub width_mm: i64,
    /// The height.
    pub height_mm: i64,
}

/// Hours in which a product must not be sold, by the store's own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleBan {
    /// Days of the week on which it begins, 1 is Monday and 7 is Sunday (ISO 8601).
    #[schema(min_items = 1, max_items = 7)]
    pub days: Vec<u8>,
    /// From this time of day on, `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// Until this time; when it is not later than `from`, until then on the next day.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub to: String,
}

/// Minutes since midnight of a time of day written `HH:MM`.
pub(super) fn minutes(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':').filter(|_| time.len() == 5)?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl SaleBan {
    /// Whether it holds at this time of the store's own clock.
    pub fn holds(&self, at: NaiveDateTime) -> bool {
        let (Some(from), Some(to)) = (minutes(&self.from), minutes(&self.to)) else { return false };
        within(&self.days, from, to, at)
    }
}

/// Whether hours that begin on these days of the week (1 is Monday) hold at this time; `from` and `to` are minutes since
/// midnight, and when `to` is not the later one, the hours end on the next day.
pub fn within(days: &[u8], from: u32, to: u32, at: NaiveDateTime) -> bool {
    let now = at.hour() * 60 + at.minute();
    let is_day = |day: chrono::Weekday| days.iter().any(|each| u32::from(*each) == day.number_from_monday());
    let today = at.weekday();
    if from < to {
        return is_day(today) && (from..to).contains(&now);
    }
    // Over midnight: begun today, or yesterday and not yet over.
    (is_day(today) && now >= from) || (is_day(today.pred()) && now < to)
}

/// A product, the same in every store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductRow {
    /// The retailer's number; the key.
    pub sku: Sku,
    /// The name that shoppers read.
    pub name: String,
    /// The name in other languages, by language tag (BCP 47) such as `de` or `fr-CH`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// The brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The way to it through the retailer's tree of goods, from the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// How it is sold; `fixed` when left out.
    #[serde(default = "fixed", skip_serializing_if = "is_fixed")]
    pub sale: SaleType,
    /// What a price is for when it is not for a piece: a thousand grams, a hundred grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_per: Option<Quantity>,
    /// What the number inside the codes of the store's own scales is. Left out: the measure that `priced_per` names (with
    /// decimals in kilograms, litres, metres), else a price. Said to be `price`, a price in a message of GS1 holds too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded_unit: Option<EncodedUnit>,
    /// Net content as it is printed, such as "6 x 330 ml".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Net content as a number: the unit price is made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_content: Option<NetContent>,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// From what age it may be sold: 6, 12, 14, 16, 18 or 21 years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_min: Option<i64>,
    /// Why from that age only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_reason: Option<AgeReason>,
    /// The product of type `deposit` that is charged with each piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Sku>,
    /// How many pieces one trip may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_max: Option<i64>,
    /// When it must not be sold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sale_bans: Vec<SaleBan>,
    /// The product that took its place, when it is succeeded: offered first to whoever can't buy it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Sku>,
    /// What may be offered to whoever can't buy it, the best first, at most 12.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 12)]
    pub alternatives: Vec<Sku>,
    /// Why it is not sold for now; staff and shoppers read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_stop: Option<String>,
    /// What a piece weighs packed, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_grams: Option<i64>,
    /// What a packed piece measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How cold it must be kept; `ambient` when left out.
    #[serde(default = "ambient", skip_serializing_if = "is_ambient")]
    pub temperature: Temperature,
    /// Whether a courier may bring it.
    #[serde(default)]
    pub deliverable: bool,
    /// Whether staff must take a tag off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_tag: bool,
    /// What whoever checks a basket should look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_hint: Option<String>,
    /// A picture, by its https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether the row is taken back; then only `sku` counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
}

fn fixed() -> SaleType {
    SaleType::Fixed
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_fixed(sale: &SaleType) -> bool {
    *sale == SaleType::Fixed
}

fn ambient() -> Temperature {
    Temperature::Ambient
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_ambient(temperature: &Temperature) -> bool {
    *temperature == Temperature::Ambient
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ProductRow {
    /// A product with what every product must have, and nothing else.
    pub fn new(sku: Sku, name: String, tax_class: TaxClassId) -> Self {
        Self {
            sku,
            name,
            tax_class,
            names: BTreeMap::new(),
            brand: None,
            category: Vec::new(),
            sale: SaleType::Fixed,
            priced_per: None,
            encoded_unit: None,
            content: None,
            net_content: None,
            age_min: None,
            age_reason: None,
            deposit: None,
            quantity_max: None,
            sale_bans: Vec::new(),
            replaced_by: None,
            alternatives: Vec::new(),
            sale_stop: None,
            weight_grams: None,
            size: None,
            temperature: Temperature::Ambient,
            deliverable: false,
            has_tag: false,
            control_hint: None,
            image: None,
            deleted: false,
        }
    }

    /// Whether it may be sold by itself at this time of the store's own clock.
    pub fn is_for_sale(&self, local: NaiveDateTime) -> bool {
        self.sale != SaleType::Deposit
            && self.sale_stop.is_none()
            && !self.sale_bans.iter().any(|ban| ban.holds(local))
    }

    /// What a price of it is for.
    pub fn price_quantity(&self) -> Quantity {
        self.priced_per.unwrap_or(Quantity::ONE)
    }

    /// How much the price is for in the unit of the legal unit price, when that is known.
    pub fn net_of_price(&self) -> Option<NetContent> {
        let Some(per) = self.priced_per else { return self.net_content };
        let unit = match per.unit() {
            Unit::Gram => NetUnit::Gram,
            Unit::Millilitre => NetUnit::Millilitre,
            Unit::Millimetre => NetUnit::Millimetre,
            Unit::Piece => NetUnit::Piece,
        };
        Some(NetContent { amount: per.amount(), unit })
    }
}

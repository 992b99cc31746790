//! What a code says of the one piece that carries it, beside which product it is: weight, price, count, lot, dates.
//!
//! Which number a store's template has inside is told by the product ([`ProductRow::encoded_unit`]); where it is not, a
//! product that is priced by measure has its measure there, any other one its price.

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};

use super::code::{Answer, Elements, Embedded, Gtin, Match, Meaning, Price, Warning};
use super::product::{EncodedUnit, ProductRow};
use crate::money::Currency;
use crate::quantity::Unit;

/// Grams of an international pound.
const POUND_GRAMS: Decimal = Decimal::from_parts(45_359_237, 0, 0, false, 5);

/// What a code says of the piece that carries it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Label {
    /// How much it weighs, in grams.
    pub grams: Option<Decimal>,
    /// How much it holds, in millilitres.
    pub millilitres: Option<Decimal>,
    /// How long it is, in millimetres.
    pub millimetres: Option<Decimal>,
    /// What it costs.
    pub price: Option<Price>,
    /// What the price is for that the label counts with, in minor units of the store's currency: for as much as the
    /// product's prices are.
    pub reference_price: Option<Decimal>,
    /// How many pieces it is.
    pub count: Option<Decimal>,
    /// The lot.
    pub lot: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// The two or five digits beside the code: the issue of a newspaper or magazine.
    pub addon: Option<String>,
    /// The last day of use.
    pub use_by: Option<NaiveDate>,
    /// The last day of best quality.
    pub best_before: Option<NaiveDate>,
    /// Whether statements behind a defect were dropped, dates among them perhaps.
    pub is_partial: bool,
    /// Whether the number exists for the measure, price or count beside it: the retailer's own labels, and GTINs with the
    /// indicator 9. Anybody can print a message of GS1 about any other product.
    pub is_made_for_values: bool,
}

impl Label {
    /// What a code says of a product that was found by this number.
    pub(super) fn of(answer: &Answer, gtin: Gtin, product: &ProductRow, currency: Currency) -> Self {
        let mut label = Self::default();
        match &answer.meaning {
            // Found by the whole number: what would be the value belongs to its name.
            Meaning::Measure(_, measure) if measure.base == gtin => {
                label.is_made_for_values = true;
                match measure.embedded {
                    Embedded::Price(price) => label.price = Some(price),
                    Embedded::Kilograms(weight) => label.grams = weight.checked_mul(Decimal::ONE_THOUSAND),
                    Embedded::Pieces(count) => label.count = Some(Decimal::from(count)),
                }
            }
            Meaning::Template(found) => label.read_match(found, product, currency),
            Meaning::Elements(_, elements) => {
                label.read_elements(elements);
                label.is_made_for_values = gtin.indicator() == 9;
                label.is_partial |= answer.warnings.contains(&Warning::Partial);
            }
            Meaning::Press(number, press) => {
                label.addon = number.addon.as_ref().map(ToString::to_string);
                // The fixed price of German press is in its number; nought is none.
                label.price =
                    press.title.as_ref().map(|(_, price)| *price).filter(|each| !each.amount.is_zero());
                label.is_made_for_values = label.price.is_some();
            }
            Meaning::Item(number) | Meaning::Restricted(number) => {
                label.addon = number.addon.as_ref().map(ToString::to_string);
            }
            Meaning::Pharmacy(pharmacy) => {
                label.lot.clone_from(&pharmacy.lot);
                label.serial.clone_from(&pharmacy.serial);
                label.use_by = pharmacy.use_by;
            }
            _ => {}
        }
        label
    }

    fn read_elements(&mut self, elements: &Elements) {
        let thousandfold = |number: Option<Decimal>| number?.checked_mul(Decimal::ONE_THOUSAND);
        let pounds = || elements.number("weight_lb")?.checked_mul(POUND_GRAMS);
        self.grams = thousandfold(elements.kilograms()).or_else(pounds);
        self.millilitres = thousandfold(elements.number("volume_l"));
        self.millimetres = thousandfold(elements.number("length_m"));
        self.price = elements.price();
        self.count = elements.number("count");
        self.lot = elements.lot().map(str::to_owned);
        self.serial = elements.serial().map(str::to_owned);
        self.use_by = elements.use_by();
        self.best_before = elements.best_before();
        self.is_partial = elements.is_partial;
    }

    fn read_match(&mut self, found: &Match, product: &ProductRow, currency: Currency) {
        self.is_made_for_values = true;
        self.reference_price = found.price;
        let Some(embed) = found.embed else { return };
        let unit = product.encoded_unit.unwrap_or_else(|| implied_unit(product, embed));
        let thousandfold = embed.checked_mul(Decimal::ONE_THOUSAND);
        match unit {
            EncodedUnit::Gram => self.grams = Some(embed),
            EncodedUnit::Kilogram => self.grams = thousandfold,
            EncodedUnit::Millilitre => self.millilitres = Some(embed),
            EncodedUnit::Litre => self.millilitres = thousandfold,
            EncodedUnit::Millimetre => self.millimetres = Some(embed),
            EncodedUnit::Metre => self.millimetres = thousandfold,
            EncodedUnit::Piece => self.count = Some(embed),
            EncodedUnit::Price => {
                // Without decimals it counts minor units.
                let amount = match embed.scale() {
                    0 => Decimal::try_from_i128_with_scale(embed.mantissa(), currency.digits()).ok(),
                    _ => Some(embed),
                };
                self.price = amount.map(|amount| Price { amount, currency: None });
            }
        }
    }

    /// How much it is of what a price in this unit is for, in whole units: no scale of a shop is finer, and a pound is no
    /// whole number of grams. Half a unit goes up.
    pub fn measure(&self, unit: Unit) -> Option<Decimal> {
        let exact = match unit {
            Unit::Gram => self.grams,
            Unit::Millilitre => self.millilitres,
            Unit::Millimetre => self.millimetres,
            Unit::Piece => self.count,
        };
        exact.map(|exact| exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
    }

    /// Whether it says a weight, a volume or a length.
    pub fn has_measure(&self) -> bool {
        self.grams.is_some() || self.millilitres.is_some() || self.millimetres.is_some()
    }
}

/// What a number inside a code is when the product does not say: with decimals in kilograms, litres, metres, without in
/// the thousandth.
fn implied_unit(product: &ProductRow, embed: Decimal) -> EncodedUnit {
    let is_whole = embed.scale() == 0;
    match product.priced_per.map(crate::quantity::Quantity::unit) {
        Some(Unit::Gram) if is_whole => EncodedUnit::Gram,
        Some(Unit::Gram) => EncodedUnit::Kilogram,
        Some(Unit::Millilitre) if is_whole => EncodedUnit::Millilitre,
        Some(Unit::Millilitre) => EncodedUnit::Litre,
        Some(Unit::Millimetre) if is_whole => EncodedUnit::Millimetre,
        Some(Unit::Millimetre) => EncodedUnit::Metre,
        Some(Unit::Piece) => EncodedUnit::Piece,
        None => EncodedUnit::Price,
    }
}

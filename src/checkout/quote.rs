//! The quote: what is paid, for what, and which share of it at once. Pure.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::options::ChosenDelivery;
use super::picking::IfMissing;
use crate::cart::pricing::TaxMode;
use crate::cart::{
    self, Credit, Discount, Origin, Priced, PricedDeposit, PricedSurcharge, Reduction, TaxLine,
};
use crate::delivery;
use crate::ids::Sku;
use crate::money::{self, Money, Rate};
use crate::quantity::{Quantity, Unit};
use crate::text_enum;

text_enum! {
    /// How a line reaches the shopper's home.
    pub enum Fulfilment {
        /// The shopper carries it out of the store.
        TakeAlong = "take_along",
        /// A courier brings it.
        Deliver = "deliver",
    }
}

/// A line of a quote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuoteLine {
    /// The number of the cart's line.
    pub line: i64,
    /// The retailer's number of the product.
    pub sku: Sku,
    /// The code as GTIN-14, or the chain's own number.
    pub code: String,
    /// The product's name.
    pub name: String,
    /// How many pieces; one for what was measured.
    pub pieces: i64,
    /// How much it is, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Quantity>,
    /// Gross price of a piece, or of `priced_per`.
    pub unit_price: Money,
    /// What `unit_price` is for when it is not for a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_per: Option<Quantity>,
    /// What the line costs after all discounts, without its deposit.
    pub amount: Money,
    /// What it costs without them, where that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_amount: Option<Money>,
    /// Its share of the tax; orders from before it was told have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// What is charged for its bottles or crates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<PricedDeposit>,
    /// Whether the price is that of the label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_label_price: bool,
    /// Why `unit_price` is lower than that of other pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// The VAT rate in percent.
    pub tax_rate: Rate,
    /// Taken along or delivered.
    pub fulfilment: Fulfilment,
    /// Weight of a piece in grams, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_grams: Option<i64>,
    /// What the shopper wants where it is not there when it is picked.
    #[serde(default, skip_serializing_if = "IfMissing::is_usual")]
    pub if_missing: IfMissing,
    /// The product that they would rather have then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Sku>,
    /// What the codes said of the pieces: a later recall by lot finds who bought them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}

/// What is paid, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// What is bought.
    pub lines: Vec<QuoteLine>,
    /// What made it cheaper, in the order in which it was applied: already off the lines' amounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// What the courier costs, gross, when something is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_fee: Option<DeliveryFee>,
    /// The way of delivery that the shopper chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<ChosenDelivery>,
    /// How what is delivered is packed; quotes from before it was told have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packed: Vec<delivery::Parcel>,
    /// What the goods that are delivered ask of whoever brings them.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub delivery_needs: delivery::Needs,
    /// The store's own fees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<PricedSurcharge>,
    /// What everything costs.
    pub total: Money,
    /// What pays a part of it: deposit vouchers and points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
    /// What is debited in all, where something else pays a part; else that is the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_pay: Option<Money>,
    /// Points that are earned.
    #[serde(default, skip_serializing_if = "is_none")]
    pub points: i64,
    /// The VAT in it, by rate.
    pub taxes: Vec<TaxLine>,
    /// The share of what is taken along: captured at once. The rest is captured when the goods are with the courier. What pays
    /// beside the debit pays this share first.
    pub due_now: Money,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &i64) -> bool {
    *count == 0
}

fn is_nothing(needs: &delivery::Needs) -> bool {
    *needs == delivery::Needs::default()
}

/// What the courier costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryFee {
    /// Gross.
    pub amount: Money,
    /// The VAT rate in percent.
    pub tax_rate: Rate,
    /// Its share of the tax; orders from before it was told have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
}

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A delivery of no line: it would cost its fee, and no courier would come.
    #[error("a delivery has at least one line")]
    NothingDelivered,
    /// The goods are eaten in the store, which decides how they are taxed.
    #[error("what is eaten in the store is not delivered; deliver it with a cart of its own")]
    EatenIn,
    /// The cart has no line of that number.
    #[error("the cart has no line {0}")]
    UnknownLine(i64),
    /// No product has the number that was named for the place of a line.
    #[error("what may go in the place of line {0} is no product")]
    UnknownSubstitute(i64),
    /// No courier may bring it.
    #[error("line {0} can't be delivered")]
    NotDeliverable(i64),
    /// One piece is heavier than a parcel may be.
    #[error("a piece of line {0} is heavier than a parcel may be")]
    TooHeavy(i64),
    /// One piece is larger than a parcel may be.
    #[error("a piece of line {0} is larger than a parcel may be")]
    TooLarge(i64),
    /// What is to be delivered needs more parcels than a shipment may have.
    #[error("what is to be delivered needs more than {} parcels", delivery::PARCELS_MAX)]
    TooMuch,
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] money::Error),
}

/// What is delivered: for what, how, and in which parcels.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What it costs.
    pub fee: DeliveryFee,
    /// The way that the shopper chose.
    pub chosen: Option<ChosenDelivery>,
    /// How it is packed.
    pub packed: Vec<delivery::Parcel>,
    /// What the goods ask of whoever brings them.
    pub needs: delivery::Needs,
}

/// What a piece is taken to weigh when nobody said.
pub(super) const PIECE_GRAMS_ASSUMED: i64 = 500;

/// Quotes the lines of a cart that is priced so, the fee included: those of these numbers are delivered for it, the others
/// taken along.
pub fn quote(
    lines: &[cart::Line],
    delivered: &BTreeSet<i64>,
    delivery: Option<Delivery>,
    priced: Priced,
) -> Result<Quote, QuoteError> {
    if let Some(unknown) = delivered.iter().find(|number| !lines.iter().any(|line| line.number == **number)) {
        return Err(QuoteError::UnknownLine(*unknown));
    }
    let currency = priced.currency;
    let lines = lines.iter().map(|line| quote_line(line, delivered, &priced));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    // Net and tax, which where tax comes on top is more than the amount.
    let of_lines = priced.lines.iter().map(|line| (line.line, line.net, line.tax));
    let of_deposits = priced.deposits.iter().map(|deposit| (deposit.line, deposit.net, deposit.tax));
    let taken = of_lines.chain(of_deposits).filter(|(line, ..)| !delivered.contains(line));
    let due_now = taken.map(|(_, net, tax)| net.plus(tax)).collect::<Result<Vec<_>, _>>()?;
    let taken = Money::sum(currency, due_now)?;
    // The store's own fees come behind that of the delivery; with a delivery they are due with it.
    let mut fees = priced.surcharges.into_iter();
    let (fee, delivery, needs, packed) = match delivery {
        Some(Delivery { fee, chosen, needs, packed }) => (Some(fee), chosen, needs, packed),
        None => (None, None, delivery::Needs::default(), Vec::new()),
    };
    let delivery_fee = fee.map(|fee| DeliveryFee { tax: fees.next().map(|fee| fee.tax), ..fee });
    let fees = fees.collect();
    let Priced { total, to_pay, taxes, discounts, credits, points, .. } = priced;
    let credited = total.minus(to_pay)?.minor();
    let due_now =
        if delivered.is_empty() { to_pay } else { Money::new((taken.minor() - credited).max(0), currency) };
    let to_pay = (!credits.is_empty()).then_some(to_pay);
    Ok(Quote {
        lines,
        discounts,
        delivery_fee,
        delivery,
        delivery_needs: needs,
        packed,
        fees,
        total,
        credits,
        to_pay,
        points,
        taxes,
        due_now,
    })
}

fn quote_line(
    line: &cart::Line,
    delivered: &BTreeSet<i64>,
    priced: &Priced,
) -> Result<QuoteLine, QuoteError> {
    let unknown = QuoteError::UnknownLine(line.number);
    let price = priced.lines.iter().find(|priced| priced.line == line.number).ok_or(unknown)?;
    let deposit = priced.deposits.iter().find(|deposit| deposit.line == line.number);
    let is_delivered = delivered.contains(&line.number);
    if is_delivered && !line.product.deliverable {
        return Err(QuoteError::NotDeliverable(line.number));
    }
    Ok(QuoteLine {
        line: line.number,
        sku: line.product.sku.clone(),
        code: line.product.code.clone(),
        name: line.product.name.clone(),
        pieces: line.quantity,
        measure: line.product.measure,
        unit_price: price.unit_price.unwrap_or(line.product.price),
        priced_per: line.product.priced_per,
        amount: price.amount,
        full_amount: (price.full != price.amount).then_some(price.full),
        tax: Some(price.tax),
        deposit: deposit.cloned(),
        is_label_price: line.product.label_price.is_some(),
        reduction: line.product.reduction.clone(),
        tax_rate: price.rate,
        fulfilment: if is_delivered { Fulfilment::Deliver } else { Fulfilment::TakeAlong },
        weight_grams: line.product.weight_grams,
        if_missing: IfMissing::default(),
        instead: None,
        origins: line.origins.iter().filter(|origin| !origin.is_unknown()).cloned().collect(),
    })
}

impl QuoteLine {
    /// How much it is at which price, for people: "0.385 kg × 12.99 EUR/kg". Nothing for what is sold by the piece.
    pub fn measured(&self) -> Option<String> {
        let (measure, per) = (self.measure?, self.priced_per?);
        Some(format!("{} × {}/{}", amount_of(measure), self.unit_price, per_of(per)))
    }
}

impl QuoteLine {
    /// What a piece costs, for people: one that was measured, or has its own price, costs what its line does; what is priced by
    /// the dozen tells that.
    pub fn each(&self) -> String {
        match self.priced_per {
            _ if self.measure.is_some() || self.is_label_price => self.amount.to_decimal().to_string(),
            Some(per) => format!("{}/{}", self.unit_price.to_decimal(), per_of(per)),
            None => self.unit_price.to_decimal().to_string(),
        }
    }
}

/// An amount in the unit that people read: grams as kilograms, with all decimals.
fn amount_of(quantity: Quantity) -> String {
    let (unit, digits) = large_unit(quantity.unit());
    format!("{} {unit}", Decimal::new(quantity.amount(), digits))
}

/// What a price is for: "kg", "100 g".
fn per_of(quantity: Quantity) -> String {
    let (large, digits) = large_unit(quantity.unit());
    let small = match quantity.unit() {
        Unit::Piece => "pieces",
        Unit::Gram => "g",
        Unit::Millilitre => "ml",
        Unit::Millimetre => "mm",
    };
    match quantity.amount() {
        amount if amount == 10_i64.pow(digits) => large.to_owned(),
        amount => format!("{amount} {small}"),
    }
}

/// What pays, as people call it.
pub(super) fn credit_name(credit: &Credit) -> &'static str {
    match credit.id.as_str() {
        cart::POINTS_CREDIT => "Points",
        id if cart::notes::is_note(id) => "Credit note",
        _ => "Deposit voucher",
    }
}

fn large_unit(unit: Unit) -> (&'static str, u32) {
    match unit {
        Unit::Piece => ("piece", 0),
        Unit::Gram => ("kg", 3),
        Unit::Millilitre => ("l", 3),
        Unit::Millimetre => ("m", 3),
    }
}

impl Quote {
    /// What is debited in all.
    pub fn to_pay(&self) -> Money {
        self.to_pay.unwrap_or(self.total)
    }

    /// What vouchers and points pay together.
    pub fn credited(&self) -> Result<Money, money::Error> {
        Money::sum(self.total.currency(), self.credits.iter().map(|credit| credit.amount))
    }

    /// What vouchers pay, and what points do, in minor units.
    pub fn credits_by_kind(&self) -> (i64, i64) {
        let (points, vouchers): (Vec<&Credit>, Vec<&Credit>) =
            self.credits.iter().partition(|credit| credit.id == cart::POINTS_CREDIT);
        let sum = |credits: Vec<&Credit>| credits.into_iter().map(|credit| credit.amount.minor()).sum();
        (sum(vouchers), sum(points))
    }

    /// Whether tax comes on top of its amounts. Where there is no tax that makes no difference.
    pub fn tax_mode(&self) -> Result<TaxMode, money::Error> {
        Ok(if self.tax_on_top()?.is_positive() { TaxMode::OnTop } else { TaxMode::Inside })
    }

    /// What is captured when the goods are with the courier.
    pub fn due_at_hand_over(&self) -> Result<Money, money::Error> {
        self.to_pay().minus(self.due_now)
    }

    /// What goods and fees cost beyond their shelf prices: sales tax on top; nought where prices hold it.
    pub fn tax_on_top(&self) -> Result<Money, money::Error> {
        let goods = self.lines.iter().map(|line| line.amount);
        let deposits = self.lines.iter().filter_map(|line| Some(line.deposit.as_ref()?.amount));
        let fees = self.fees.iter().map(|fee| fee.amount).chain(self.delivery_fee.map(|fee| fee.amount));
        self.total.minus(Money::sum(self.total.currency(), goods.chain(deposits).chain(fees))?)
    }

    /// The lines that go one way.
    pub fn lines_of(&self, fulfilment: Fulfilment) -> impl Iterator<Item = &QuoteLine> {
        self.lines.iter().filter(move |line| line.fulfilment == fulfilment)
    }

    /// How many pieces go one way.
    pub fn pieces_of(&self, fulfilment: Fulfilment) -> i64 {
        self.lines_of(fulfilment).map(|line| line.pieces).sum()
    }

    /// What is delivered, as it is packed by its weights: what sizes say is known when it is quoted.
    pub fn pieces(&self) -> Vec<delivery::Pieces> {
        let lines = self.lines_of(Fulfilment::Deliver);
        let pieces = lines.map(|line| delivery::Pieces {
            count: line.pieces,
            grams: line.weight_grams.unwrap_or(PIECE_GRAMS_ASSUMED).max(1),
            size: None,
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::trips::{Good, Sold, Trip, quoted};
    use super::*;

    #[test]
    fn a_line_says_what_a_piece_costs_or_what_its_price_is_for() {
        let each = |sold, price| {
            let good: Good = (sold, price, None, 3, None);
            let trip = Trip {
                goods: vec![good],
                terms: Vec::new(),
                delivered: BTreeSet::new(),
                fees: Vec::new(),
                credits: [0; 3],
                worth: 1,
                is_on_top: false,
                is_rounded_per_line: false,
                is_member: false,
            };
            quoted(&trip).lines[0].each()
        };
        assert_eq!(each(Sold::Each(3), 129), "1.29");
        assert_eq!(each(Sold::Dozen(18), 240), "2.40/12 pieces");
        assert_eq!(each(Sold::Measured(385), 1_299), "5.00");
        assert_eq!(each(Sold::Label, 499), "4.99");
    }
}

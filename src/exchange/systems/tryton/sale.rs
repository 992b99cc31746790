//! A document as the values of a sale of a point of sale. Pure.
//!
//! Tryton has prices of four digits a unit and no amounts: it multiplies, and rounds each line's net and gross to the cent.
//! Prices are chosen so that it comes to our amounts: the price of up to 40 pieces is off by less than half a cent in all, and
//! more pieces are several lines. The tax of a rate it computes from the sum of the nets before they are rounded; so a net
//! price is that of the exact net, within what still rounds to ours, and moved where the tax would be another cent. What taxes
//! that were rounded line by line are further off than prices reach, the server shares out over the rates itself: then a cent
//! of tax may stand at another rate there, and the sum is right.

use std::collections::HashMap;

use chrono::Datelike;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::number;
use crate::checkout::{Document, DocumentKind, DocumentLine, Item};
use crate::exchange::connections::Sales;
use crate::money::{Rate, in_proportion};
use crate::quantity::Unit;

/// Digits of a price.
const PRICE_DIGITS: u32 = 4;
/// Units of one line: so many times half of the last digit of a price are less than half a cent.
const UNITS_MAX: i64 = 40;
/// Steps by which a price may be moved to bring a tax to its cent.
const MOVES_MAX: usize = 200;
/// Units of a rate that may become lines of their own for that.
const SPLITS_MAX: usize = 4;

/// An article, and how much its unit is.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) symbol: String,
    pub(super) unit: Option<(Unit, i64)>,
}

/// What a sale is made with.
pub(super) struct Till<'a> {
    pub(super) company: &'a Value,
    pub(super) time_zone: chrono_tz::Tz,
    pub(super) digits: u32,
    pub(super) sales: &'a Sales,
    pub(super) products: &'a HashMap<String, Product>,
}

/// A line in the making.
#[derive(Clone, Debug)]
struct Line {
    product: Value,
    /// In the article's units; always above nought.
    quantity: Decimal,
    /// Whether it goes the other way than the document.
    is_reversed: bool,
    rate: Rate,
    /// Digits of its amounts.
    digits: u32,
    net: Decimal,
    gross: Decimal,
    list_price: Decimal,
    gross_price: Decimal,
}

/// The codes of the articles that a document needs.
pub(super) fn codes<'a>(document: &'a Document, sales: &'a Sales) -> impl Iterator<Item = &'a str> {
    document.lines.iter().filter_map(|line| sales.code(line).ok())
}

impl Till<'_> {
    /// The values, or why there are none.
    pub(super) fn values(&self, document: &Document) -> Result<Value, String> {
        let till = self.sales.stores.get(&document.store);
        let till = till.ok_or_else(|| format!("store {} has no till in the file", document.store))?;
        let is_back = document.kind == DocumentKind::Return;
        let day = document.at.with_timezone(&self.time_zone).date_naive();
        let mut lines = Vec::new();
        for line in &document.lines {
            lines.extend(self.lines(line)?);
        }
        settle_taxes(&mut lines);
        let lines: Vec<Value> = lines.iter().map(|line| line.values(is_back)).collect::<Result<_, _>>()?;
        let mut payments = Vec::new();
        for payment in &document.payments {
            let method = self.sales.method(&payment.means, is_back);
            let method = method.ok_or_else(|| format!("{:?} is no way to pay in the file", payment.means))?;
            let amount = self.money(payment.amount.minor());
            let amount = if is_back { -amount } else { amount };
            payments.push(json!({ "method": number(method), "amount": decimal(amount) }));
        }
        Ok(json!({
            "point": number(till),
            "company": self.company,
            "date": { "__class__": "date", "year": day.year(), "month": day.month(), "day": day.day() },
            "lines": [["create", lines]],
            "payments": [["create", payments]],
        }))
    }

    fn money(&self, minor: i64) -> Decimal {
        Decimal::new(minor, self.digits)
    }

    /// The lines of a line of ours: several where it has many pieces.
    fn lines(&self, line: &DocumentLine) -> Result<Vec<Line>, String> {
        let code = self.sales.code(line)?;
        let product = self.products.get(code).ok_or_else(|| format!("there is no article {code}"))?;
        let (amount, per_unit) = match &line.item {
            Item::Goods { quantity, .. } => match product.unit {
                Some((unit, per_unit)) if unit == quantity.unit() => (quantity.amount(), per_unit),
                Some((unit, _)) => {
                    return Err(format!("{code} is kept in {unit:?} and was sold in {:?}", quantity.unit()));
                }
                None => return Err(format!("the unit {} of {code} is not in the file", product.symbol)),
            },
            _ => (1, 1),
        };
        let gross = line.gross().map_err(|error| error.to_string())?.minor();
        let net = line.net.minor();
        let is_reversed = net < 0 || (net == 0 && gross < 0);
        let most = UNITS_MAX.saturating_mul(per_unit);
        let mut lines = Vec::new();
        let mut begin = 0;
        while begin < amount {
            let end = (begin + most).min(amount);
            let part = |whole: i64| -> Result<Decimal, String> {
                let up_to = |end| in_proportion(whole, end, amount).map_err(|error| error.to_string());
                let minor = up_to(end)? - up_to(begin)?;
                Ok(self.money(if is_reversed { -minor } else { minor }))
            };
            let quantity = Decimal::from(end - begin) / Decimal::from(per_unit);
            lines.push(Line::new(
                number(&product.id),
                quantity,
                is_reversed,
                line.rate,
                (part(net)?, part(gross)?),
            ));
            begin = end;
        }
        Ok(lines)
    }
}

impl Line {
    fn new(
        product: Value,
        quantity: Decimal,
        is_reversed: bool,
        rate: Rate,
        (net, gross): (Decimal, Decimal),
    ) -> Self {
        let digits = gross.scale();
        let price = |amount: Decimal| price(amount / quantity);
        let gross_price = price(gross);
        let exact = gross / (Decimal::ONE + rate.fraction());
        let mut line = Self {
            product,
            quantity,
            is_reversed,
            rate,
            digits,
            net,
            gross,
            list_price: price(exact),
            gross_price,
        };
        if !line.is_right(line.list_price) {
            line.list_price = price(net);
        }
        line
    }

    /// Whether the net comes to ours with this price.
    fn is_right(&self, list_price: Decimal) -> bool {
        cents(list_price * self.quantity, self.digits) == self.net
    }

    /// The tax before it is rounded.
    fn tax(&self) -> Decimal {
        let tax = self.list_price * self.quantity * self.rate.fraction();
        if self.is_reversed { -tax } else { tax }
    }

    fn wanted_tax(&self) -> Decimal {
        let tax = self.gross - self.net;
        if self.is_reversed { -tax } else { tax }
    }

    fn values(&self, is_back: bool) -> Result<Value, String> {
        let quantity = if is_back == self.is_reversed { self.quantity } else { -self.quantity };
        let quantity = quantity.normalize().to_string();
        let quantity: serde_json::Number =
            quantity.parse().map_err(|_| format!("{quantity} is no number"))?;
        Ok(json!({
            "product": self.product,
            "quantity": quantity,
            "unit_list_price": decimal(self.list_price),
            "unit_gross_price": decimal(self.gross_price),
        }))
    }
}

/// Brings the tax of each rate to its cent. Where prices are too coarse for it, a unit of a line becomes a line of its own.
fn settle_taxes(lines: &mut Vec<Line>) {
    let mut rates: Vec<Rate> = lines.iter().map(|line| line.rate).collect();
    rates.sort_unstable();
    rates.dedup();
    for rate in rates.into_iter().filter(|rate| !rate.fraction().is_zero()) {
        for _ in 0..SPLITS_MAX {
            if settle_tax(lines, rate) || !split_off(lines, rate) {
                break;
            }
        }
    }
}

/// Moves net prices, as far as each net stays what it is; answers whether the tax comes to its cent.
fn settle_tax(lines: &mut [Line], rate: Rate) -> bool {
    let step = Decimal::new(1, PRICE_DIGITS);
    let wanted: Decimal = lines.iter().filter(|line| line.rate == rate).map(Line::wanted_tax).sum();
    for _ in 0..MOVES_MAX {
        let tax: Decimal = lines.iter().filter(|line| line.rate == rate).map(Line::tax).sum();
        if cents(tax, wanted.scale()) == wanted {
            return true;
        }
        let is_more = tax < wanted;
        let moved = lines.iter_mut().filter(|line| line.rate == rate).find_map(|line| {
            let step = if is_more == line.is_reversed { -step } else { step };
            let list_price = line.list_price + step;
            line.is_right(list_price).then(|| line.list_price = list_price)
        });
        if moved.is_none() {
            return false;
        }
    }
    false
}

/// Makes two lines of the first of more than a unit; answers whether there is one.
fn split_off(lines: &mut Vec<Line>, rate: Rate) -> bool {
    let at = lines.iter().position(|line| line.rate == rate && line.quantity > Decimal::ONE);
    let Some(line) = at.and_then(|at| lines.get_mut(at)) else { return false };
    let part = |whole: Decimal| {
        (whole / line.quantity).round_dp_with_strategy(line.digits, RoundingStrategy::ToZero)
    };
    let (net, gross) = (part(line.net), part(line.gross));
    let of =
        |quantity, amounts| Line::new(line.product.clone(), quantity, line.is_reversed, line.rate, amounts);
    let one = of(Decimal::ONE, (net, gross));
    *line = of(line.quantity - Decimal::ONE, (line.net - net, line.gross - gross));
    lines.push(one);
    true
}

/// As the server rounds amounts.
fn cents(amount: Decimal, digits: u32) -> Decimal {
    amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven)
}

fn price(exact: Decimal) -> Decimal {
    exact.round_dp_with_strategy(PRICE_DIGITS, RoundingStrategy::MidpointNearestEven)
}

fn decimal(value: Decimal) -> Value {
    json!({ "__class__": "Decimal", "decimal": value.normalize().to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(amount: i64, per_unit: i64, net: i64, gross: i64, rate: &str) -> Vec<Line> {
        let rate: Rate = rate.parse().expect("a rate");
        let most = UNITS_MAX * per_unit;
        let (mut lines, mut begin) = (Vec::new(), 0);
        while begin < amount {
            let end = (begin + most).min(amount);
            let part = |whole: i64| {
                let up_to = |end| in_proportion(whole, end, amount).expect("fits");
                Decimal::new(up_to(end) - up_to(begin), 2)
            };
            let quantity = Decimal::from(end - begin) / Decimal::from(per_unit);
            lines.push(Line::new(Value::from(1), quantity, false, rate, (part(net), part(gross))));
            begin = end;
        }
        lines
    }

    /// What the server makes of lines: net, gross, and the tax of the only rate.
    fn booked(lines: &[Line]) -> (Decimal, Decimal, Decimal) {
        let net = lines.iter().map(|line| cents(line.list_price * line.quantity, 2)).sum();
        let gross = lines.iter().map(|line| cents(line.gross_price * line.quantity, 2)).sum();
        (net, gross, cents(lines.iter().map(Line::tax).sum(), 2))
    }

    proptest! {
        #[test]
        fn what_the_server_computes_is_what_was_paid(
            goods in prop::collection::vec((1_i64..300, 1_i64..2_000), 1..12),
            rate in prop::sample::select(vec!["0", "7", "19", "20"]),
        ) {
            let of: Rate = rate.parse().expect("a rate");
            let eur = "EUR".parse().expect("a currency");
            let mut lines = Vec::new();
            let (mut net_all, mut gross_all) = (0, 0);
            for (pieces, each) in goods {
                let gross = pieces * each - each / 3;
                let tax = of.tax_inside(crate::money::Money::new(gross, eur)).expect("fits").minor();
                lines.extend(line(pieces, 1, gross - tax, gross, rate));
                net_all += gross - tax;
                gross_all += gross;
            }
            settle_taxes(&mut lines);
            let (net, gross, tax) = booked(&lines);
            prop_assert_eq!(net, Decimal::new(net_all, 2));
            prop_assert_eq!(gross, Decimal::new(gross_all, 2));
            // Taxes that were rounded line by line can be further from the tax of the sum than prices reach.
            let off = (tax - (gross - net)).abs();
            prop_assert!(off <= Decimal::new(5, 2), "{off}");
        }

        #[test]
        fn what_is_weighed_comes_to_the_cent(grams in 1_i64..200_000, per_kilogram in 1_i64..5_000) {
            let gross = grams * per_kilogram / 1_000;
            let of: Rate = "7".parse().expect("a rate");
            let eur = "EUR".parse().expect("a currency");
            let tax = of.tax_inside(crate::money::Money::new(gross, eur)).expect("fits").minor();
            let mut lines = line(grams, 1_000, gross - tax, gross, "7");
            settle_taxes(&mut lines);
            let (net, booked_gross, booked_tax) = booked(&lines);
            prop_assert_eq!(net, Decimal::new(gross - tax, 2));
            prop_assert_eq!(booked_gross, Decimal::new(gross, 2));
            // Less than a unit has no other line to bring it to its cent; it is the tax of a few cents in all then.
            prop_assert!(booked_tax == Decimal::new(tax, 2), "{booked_tax} {tax} {lines:?}");
        }
    }
}

//! What of an order is given back, and the taxes in it. Pure.
//!
//! A refund names lines and pieces, or an amount. Pieces of a line cost their part of it, with its deposit, counted on from those
//! that came back before: all of them together come to the line, to the cent, and so do their taxes. What went out in the place
//! of a line is named by itself, and its pieces cost their part of what it cost. An amount is spread over
//! the rates in proportion to what is left of each, by largest remainder, and has its part of what is left of a rate's tax. No
//! rate gives back more than is left of it; whoever gives everything back gives back net and tax of each rate as a whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order::{Order, Taxed};
use super::picking::{PickedLine, Substitute};
use super::quote::{Fulfilment, QuoteLine};
use crate::cart::TaxLine;
use crate::cart::pricing::spread;
use crate::ids::{OrderId, RefundId, StaffId};
use crate::money::{self, Money, in_proportion};
use crate::payments::{LineTax, PaymentLine, PaymentLineKind};
use crate::text_enum;

text_enum! {
    /// What a refund waits for.
    pub enum RefundState {
        /// For the provider.
        Pending = "pending",
        /// For nothing: the money is on its way to the shopper.
        Done = "done",
        /// For staff: the provider refused.
        Failed = "failed",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &i64) -> bool {
    *count == 0
}

/// What is given back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refund {
    /// Which; named by whoever asked for it.
    pub id: RefundId,
    /// The order.
    pub order: OrderId,
    /// What the goods cost that it is for: all of the shares below together, to less than a point.
    pub amount: Money,
    /// What comes back of which lines, where it was asked for so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<RefundedLine>,
    /// What it takes back of the order's taxes, by rate: net and tax of all of the shares below. Refunds from before it was
    /// told have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<TaxLine>,
    /// What the account that was debited gets of it.
    pub to_account: Money,
    /// Points that come back, for the share that points paid.
    #[serde(skip_serializing_if = "is_none")]
    pub points: i64,
    /// What comes back as a credit note, for the share that vouchers paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_note: Option<Money>,
    /// Why, as staff said.
    pub reason: String,
    /// What it waits for.
    pub state: RefundState,
    /// Why the provider refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Who asked for it; nobody, where it follows from the store's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Pieces of a line that come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundedLine {
    /// The line of the order.
    pub line: i64,
    /// Whether they are of what went out in the place of the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_substitute: bool,
    /// How many pieces; one for what was measured, which comes back as a whole.
    pub pieces: i64,
}

/// Pieces of a line that are to come back.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineWish {
    /// The line of the order.
    pub line: i64,
    /// Whether what went out in the place of the line is to come back, instead of its own goods.
    #[serde(default)]
    pub is_substitute: bool,
    /// How many pieces, deposits with them; left out, all that the shopper still has. What was measured is one piece.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub pieces: Option<i64>,
}

impl LineWish {
    /// Whether what was asked for before is the same.
    pub fn is(&self, line: &RefundedLine) -> bool {
        (self.line, self.is_substitute) == (line.line, line.is_substitute)
            && self.pieces.is_none_or(|pieces| pieces == line.pieces)
    }
}

/// Why pieces can't come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// Its place in what was asked for.
    pub at: usize,
    /// Why, in words.
    pub detail: String,
}

/// So many pieces come back of those that the shopper had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) back: i64,
    pub(super) had: i64,
}

/// Refunds that count: what a provider refused came to nothing.
pub(super) fn counted(refunds: &[Refund]) -> impl Iterator<Item = &Refund> {
    refunds.iter().filter(|refund| refund.state != RefundState::Failed)
}

/// Pieces that refunds name of a line, or of what went out in its place.
fn pieces_named(refunds: &[Refund], line: i64, is_substitute: bool) -> i64 {
    let lines = counted(refunds).flat_map(|refund| &refund.lines);
    let own = lines.filter(|each| (each.line, each.is_substitute) == (line, is_substitute));
    own.map(|each| each.pieces).sum()
}

impl Order {
    /// How many pieces the shopper got of a line, or of what went out in its place.
    fn pieces_had(&self, line: &QuoteLine, is_substitute: bool) -> i64 {
        if line.fulfilment == Fulfilment::Deliver && !self.is_all_there() {
            return 0;
        }
        let picked = self.picked(line.line);
        if is_substitute {
            return picked.and_then(PickedLine::agreed_substitute).map_or(0, Substitute::pieces);
        }
        match (line.measure, picked.map(|picked| picked.quantity)) {
            (_, None) | (Some(_), Some(Some(_))) => line.pieces,
            (_, Some(None)) => 0,
            (None, Some(Some(quantity))) => quantity.amount(),
        }
    }

    /// How many of them came back before. Refunds from before substitutes were named counted them after the line's own pieces.
    fn pieces_before(&self, line: &QuoteLine, is_substitute: bool, before: &[Refund]) -> i64 {
        let own = pieces_named(before, line.line, false);
        if !is_substitute {
            return own;
        }
        pieces_named(before, line.line, true) + (own - self.pieces_had(line, false)).max(0)
    }

    /// The pieces that are asked for, after these refunds; those of which nothing was paid can't come back either.
    pub fn refunded_lines(
        &self,
        wishes: &[LineWish],
        before: &[Refund],
    ) -> Result<Vec<RefundedLine>, LineFault> {
        let mut lines: Vec<RefundedLine> = Vec::with_capacity(wishes.len());
        for (at, wish) in wishes.iter().enumerate() {
            let fault = |detail: String| LineFault { at, detail };
            let LineWish { line: number, is_substitute, .. } = *wish;
            if lines.iter().any(|line| (line.line, line.is_substitute) == (number, is_substitute)) {
                return Err(fault(format!("line {number} is named twice")));
            }
            let line = self.quote.lines.iter().find(|line| line.line == number);
            let line = line.ok_or_else(|| fault(format!("the order has no line {number}")))?;
            let left = self.pieces_had(line, is_substitute) - self.pieces_before(line, is_substitute, before);
            let pieces = wish.pieces.unwrap_or(left);
            if !(1..=left).contains(&pieces) {
                let of = if is_substitute { "the substitute of line" } else { "line" };
                return Err(fault(format!("the shopper has {} pieces of {of} {number}", left.max(0))));
            }
            lines.push(RefundedLine { line: number, is_substitute, pieces });
        }
        Ok(lines)
    }

    /// What a refund is for, as a payment provider is told: one line a rate, named after the goods that come back. Nothing where
    /// vouchers or points get a share of it, or tax comes on top of prices.
    pub fn refund_payment_lines(&self, refund: &Refund) -> Result<Vec<PaymentLine>, money::Error> {
        let is_all = Money::sum(refund.amount.currency(), refund.taxes.iter().map(|tax| tax.gross))?
            == refund.to_account;
        if !is_all || self.quote.tax_on_top()?.is_positive() {
            return Ok(Vec::new());
        }
        let name = |tax: &TaxLine| {
            let goods = refund.lines.iter().filter_map(|back| self.goods_of(back));
            let names: Vec<&str> =
                goods.filter(|(rate, _)| *rate == tax.rate).map(|(_, name)| name).collect();
            if names.is_empty() { "Given back".to_owned() } else { names.join(", ") }
        };
        let told = |tax: &TaxLine| {
            let of_line = LineTax { rate: tax.rate, amount: tax.tax };
            PaymentLine::new(PaymentLineKind::Goods, &name(tax), 1, tax.gross).with_tax(Some(of_line))
        };
        Ok(refund.taxes.iter().map(told).collect())
    }

    /// The rate of goods that come back, and what they are called.
    fn goods_of(&self, back: &RefundedLine) -> Option<(money::Rate, &str)> {
        if back.is_substitute {
            let substitute = self.picked(back.line)?.agreed_substitute()?;
            return Some((substitute.tax_rate, &substitute.name));
        }
        let line = self.quote.lines.iter().find(|line| line.line == back.line)?;
        Some((line.tax_rate, &line.name))
    }

    /// What these pieces cost, after these refunds, by rate.
    pub fn cost_of(&self, lines: &[RefundedLine], before: &[Refund]) -> Result<Vec<TaxLine>, money::Error> {
        let parts: Vec<Taxed> = self.parts_of(lines, before)?.into_iter().map(|(part, _)| part).collect();
        self.by_rate(&parts)
    }

    /// What these pieces and their deposits cost, after these refunds, each with how many pieces of how many it is.
    pub(super) fn parts_of(
        &self,
        lines: &[RefundedLine],
        before: &[Refund],
    ) -> Result<Vec<(Taxed, Pieces)>, money::Error> {
        let mut parts = Vec::new();
        for item in self.items()? {
            let is_of = |line: &&RefundedLine| {
                item.line == Some(line.line) && item.is_substitute == line.is_substitute
            };
            let Some(wanted) = lines.iter().find(is_of) else { continue };
            let Some(line) = self.quote.lines.iter().find(|line| line.line == wanted.line) else { continue };
            let had = self.pieces_had(line, item.is_substitute);
            let gone = self.pieces_before(line, item.is_substitute, before);
            let pieces = Pieces { back: wanted.pieces, had };
            parts.push((part(&item, gone, wanted.pieces, had)?, pieces));
        }
        Ok(parts)
    }

    /// Every piece that the shopper has and that did not come back, to be named in a refund.
    pub fn lines_left(&self, before: &[Refund]) -> Vec<RefundedLine> {
        let lines = self.quote.lines.iter().flat_map(|line| [(line.line, false), (line.line, true)]);
        let left = lines.filter_map(|(line, is_substitute)| {
            self.refunded_lines(&[LineWish { line, is_substitute, pieces: None }], before).ok()
        });
        left.flatten().collect()
    }

    /// The taxes in a refund that comes to `value`, after these refunds; of pieces that cost `wanted`, where lines are named.
    pub fn refund_taxes(
        &self,
        value: i64,
        wanted: &[TaxLine],
        before: &[Refund],
    ) -> Result<Vec<TaxLine>, money::Error> {
        let mut items = self.items()?;
        items.retain(|item| item.is_taken_along || self.is_all_there());
        let mut left: Vec<Part> = self.by_rate(&items)?.iter().map(Part::of).collect();
        for refund in counted(before) {
            let told: Vec<Part> = refund.taxes.iter().map(Part::of).collect();
            // One from before taxes were told is taken as any amount is.
            let gone = if told.is_empty() { taken(&left, refund.amount.minor(), &[])? } else { told };
            for gone in gone {
                left.iter_mut().filter(|part| part.rate == gone.rate).for_each(|part| part.less(&gone));
            }
        }
        let wanted: Vec<Part> = wanted.iter().map(Part::of).collect();
        let currency = self.quote.total.currency();
        let parts = taken(&left, value, &wanted)?.into_iter().filter(|part| part.gross > 0);
        Ok(parts.map(|part| part.told(currency)).collect())
    }
}

/// What so many pieces of an item cost, counted on from those that are gone. Its tax follows what they cost, so that none is
/// above it.
fn part(item: &Taxed, gone: i64, pieces: i64, all: i64) -> Result<Taxed, money::Error> {
    let gross = item.gross()?.minor();
    let up_to = |pieces: i64| -> Result<(i64, i64), money::Error> {
        let cost = in_proportion(gross, pieces, all)?;
        let tax = if gross > 0 { in_proportion(item.tax.minor(), cost, gross)? } else { 0 };
        Ok((cost, tax))
    };
    let ((cost, tax), (cost_gone, tax_gone)) = (up_to(gone + pieces)?, up_to(gone)?);
    let money = |minor| Money::new(minor, item.tax.currency());
    let (cost, tax) = (money(cost - cost_gone), money(tax - tax_gone));
    Ok(Taxed { net: cost.minus(tax)?, tax, ..*item })
}

/// A part of what is taxed at a rate, in minor units.
#[derive(Clone, Copy, Debug)]
struct Part {
    rate: money::Rate,
    gross: i64,
    tax: i64,
}

impl Part {
    fn of(line: &TaxLine) -> Self {
        Self { rate: line.rate, gross: line.gross.minor(), tax: line.tax.minor() }
    }

    fn less(&mut self, gone: &Self) {
        self.gross = (self.gross - gone.gross).max(0);
        self.tax = (self.tax - gone.tax).clamp(0, self.gross);
    }

    fn told(self, currency: money::Currency) -> TaxLine {
        let of = |minor| Money::new(minor, currency);
        TaxLine { rate: self.rate, gross: of(self.gross), net: of(self.gross - self.tax), tax: of(self.tax) }
    }
}

/// What is taken of each rate for so much in all: what is wanted of it as far as that is left, the rest in proportion.
fn taken(left: &[Part], value: i64, wanted: &[Part]) -> Result<Vec<Part>, money::Error> {
    let wish = |part: &Part| wanted.iter().find(|wanted| wanted.rate == part.rate);
    let weights: Vec<i64> = left
        .iter()
        .map(|part| match wanted {
            [] => part.gross,
            _ => wish(part).map_or(0, |wanted| wanted.gross.min(part.gross)),
        })
        .collect();
    let (whole, wished) = (left.iter().map(|part| part.gross).sum::<i64>(), weights.iter().sum::<i64>());
    let value = value.min(whole);
    let mut takes = spread(value.min(wished), &weights);
    let rest: Vec<i64> = left.iter().zip(&takes).map(|(part, take)| part.gross - take).collect();
    let more = spread(value - takes.iter().sum::<i64>(), &rest);
    takes.iter_mut().zip(more).for_each(|(take, more)| *take += more);
    let part = |(part, take): (&Part, i64)| -> Result<Part, money::Error> {
        let tax = match wish(part).filter(|wanted| wanted.gross == take) {
            Some(wanted) => wanted.tax,
            None if part.gross > 0 => in_proportion(part.tax, take, part.gross)?,
            None => 0,
        };
        // Neither net nor tax is more than what is left of it.
        let net = part.gross - part.tax;
        let tax = tax.min(part.tax).min(take).max(take - net);
        Ok(Part { gross: take, tax, ..*part })
    };
    left.iter().zip(takes).map(part).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::order::tests::{order, pick};
    use super::super::picking::Consent;
    use super::super::trips::{eur, trip};
    use super::*;
    use crate::quantity::Quantity;

    pub fn refund(amount: i64, lines: Vec<RefundedLine>, taxes: Vec<TaxLine>) -> Refund {
        Refund {
            id: RefundId(Uuid::nil()),
            order: OrderId(Uuid::nil()),
            amount: eur(amount),
            lines,
            taxes,
            to_account: eur(amount),
            points: 0,
            credit_note: None,
            reason: String::new(),
            state: RefundState::Done,
            failure: None,
            staff: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn substitute(pieces: i64, amount: i64) -> Substitute {
        Substitute {
            sku: "oats".parse().expect("a key"),
            name: "Oat drink".to_owned(),
            quantity: Quantity::pieces(pieces).expect("fits"),
            unit_price: eur(amount),
            priced_per: None,
            amount: eur(amount),
            tax_rate: money::Rate::percent(19.into()).expect("a rate"),
            deposit: None,
            consent: Consent::Given,
            answer_until: None,
            is_picked: true,
        }
    }

    fn sums(taxes: impl IntoIterator<Item = TaxLine>) -> Vec<(money::Rate, i64, i64)> {
        let mut sums: Vec<(money::Rate, i64, i64)> = Vec::new();
        for tax in taxes {
            let (net, tax_of) = (tax.net.minor(), tax.tax.minor());
            match sums.iter_mut().find(|(rate, ..)| *rate == tax.rate) {
                Some((_, nets, taxes)) => (*nets, *taxes) = (*nets + net, *taxes + tax_of),
                None => sums.push((tax.rate, net, tax_of)),
            }
        }
        sums.retain(|(_, net, tax)| (*net, *tax) != (0, 0));
        sums.sort_unstable();
        sums
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn refunds_of_lines_and_amounts_take_back_all_taxes_to_the_cent(
            trip in trip(), hundredths in prop::collection::vec(0_i64..=100, 8),
            instead in prop::collection::vec((1_i64..4, 0_i64..900), 8),
            steps in prop::collection::vec((0_usize..20, 1_i64..4, 1_i64..900, any::<(bool, bool)>()), 0..12),
        ) {
            let mut order = order(&trip);
            pick(&mut order, &hundredths);
            for (line, (pieces, amount)) in order.picking.lines.iter_mut().zip(instead) {
                line.substitute = Some(substitute(pieces, amount));
            }
            order.picking.is_closed = true;
            let all = order.cost().expect("fits").minor();
            let (mut left, mut before) = (all, Vec::new());
            for (at, pieces, amount, (is_by_line, is_substitute)) in steps {
                let number = order.quote.lines[at % order.quote.lines.len()].line;
                let wish = LineWish { line: number, is_substitute, pieces: Some(pieces) };
                let (lines, wanted) = match order.refunded_lines(&[wish], &before) {
                    Ok(lines) if is_by_line => {
                        let wanted = order.cost_of(&lines, &before).expect("fits");
                        (lines, wanted)
                    }
                    _ => (Vec::new(), Vec::new()),
                };
                let cost: i64 = wanted.iter().map(|tax| tax.gross.minor()).sum();
                let value = if lines.is_empty() { amount } else { cost }.min(left);
                if value < 1 {
                    continue;
                }
                let taxes = order.refund_taxes(value, &wanted, &before).expect("fits");
                prop_assert_eq!(taxes.iter().map(|tax| tax.gross.minor()).sum::<i64>(), value);
                prop_assert!(taxes.iter().all(|tax| tax.net.minor() >= 0 && tax.tax.minor() >= 0));
                left -= value;
                before.push(refund(value, lines, taxes));
            }
            let rest = order.refund_taxes(left, &[], &before).expect("fits");
            let back = before.iter().flat_map(|refund| refund.taxes.clone()).chain(rest);
            prop_assert_eq!(sums(back), sums(order.by_rate(&order.items().expect("fits")).expect("fits")));
        }

        #[test]
        fn all_pieces_of_a_line_come_to_what_it_cost(trip in trip(), sizes in prop::collection::vec(1_i64..4, 1..9)) {
            let order = order(&trip);
            let mut taken_along = order.quote.lines.iter().filter(|line| line.fulfilment == Fulfilment::TakeAlong);
            let Some(line) = taken_along.next() else { return Ok(()) };
            let mut before = Vec::new();
            for pieces in sizes.into_iter().map(Some).chain([None]) {
                let Ok(lines) = order.refunded_lines(&[LineWish { line: line.line, is_substitute: false, pieces }], &before) else { continue };
                let cost = order.cost_of(&lines, &before).expect("fits");
                before.push(refund(1, lines, cost));
            }
            let own: Vec<Taxed> = order.items().expect("fits").into_iter().filter(|item| item.line == Some(line.line)).collect();
            let told = before.iter().flat_map(|refund| refund.taxes.clone());
            prop_assert_eq!(sums(told), sums(order.by_rate(&own).expect("fits")));
        }
    }
}

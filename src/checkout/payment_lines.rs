//! What a quote is for, as a payment provider is told: lines that add up to what is debited, and whose taxes add up to those of
//! the quote. Their rules are [`PaymentLine`]'s. Pure.

use super::quote::{DeliveryFee, Fulfilment, Quote, QuoteLine, credit_name};
use crate::cart::{self, Credit, PricedDeposit, PricedSurcharge};
use crate::money::{self, Money, Rate};
use crate::payments::{LineTax, PaymentLine, PaymentLineKind};

impl Quote {
    /// The lines of the payment: goods with their discounts and deposits, fees, tax where it comes on top, and below zero what
    /// pays beside the debit.
    pub fn payment_lines(&self) -> Result<Vec<PaymentLine>, money::Error> {
        let on_top = self.tax_on_top()?;
        // Where nothing is taxed, or the tax is a line of its own, no line has any.
        let is_inside = !on_top.is_positive() && self.taxes.iter().any(|tax| tax.tax.is_positive());
        let mut lines = Vec::new();
        for line in &self.lines {
            let is_later = line.fulfilment == Fulfilment::Deliver;
            lines.push(goods(line, is_inside)?.due_later(is_later));
            if let Some(deposit) = &line.deposit {
                lines.push(of_deposit(deposit, line, is_inside)?.due_later(is_later));
            }
        }
        if let Some(fee) = &self.delivery_fee {
            lines.push(delivery(fee, is_inside)?.due_later(true));
        }
        for fee in &self.fees {
            lines.push(surcharge(fee, is_inside)?.due_later(fee.is_for_delivery));
        }
        if on_top.is_positive() {
            lines.push(PaymentLine::new(PaymentLineKind::SalesTax, "Sales tax", 1, on_top));
        }
        for credit in &self.credits {
            lines.push(pays(credit)?);
        }
        Ok(lines)
    }
}

fn goods(line: &QuoteLine, is_inside: bool) -> Result<PaymentLine, money::Error> {
    let name = match line.measured() {
        Some(measured) => format!("{}, {measured}", line.name),
        None => line.name.clone(),
    };
    let full = line.full_amount.unwrap_or(line.amount);
    let told = PaymentLine::new(PaymentLineKind::Goods, &name, line.pieces, full)
        .with_reference(line.sku.as_str())
        .with_discount(full.minus(line.amount)?)?;
    Ok(told.with_tax(tax(is_inside, line.amount, line.tax_rate, line.tax)?))
}

fn of_deposit(
    deposit: &PricedDeposit,
    line: &QuoteLine,
    is_inside: bool,
) -> Result<PaymentLine, money::Error> {
    let name = format!("Deposit, {}", line.name);
    let told = PaymentLine::new(PaymentLineKind::Deposit, &name, deposit.pieces, deposit.amount);
    let tax = tax(is_inside, deposit.amount, deposit.rate, Some(deposit.tax))?;
    Ok(told.with_reference(deposit.sku.as_str()).with_tax(tax))
}

fn delivery(fee: &DeliveryFee, is_inside: bool) -> Result<PaymentLine, money::Error> {
    let told = PaymentLine::new(PaymentLineKind::DeliveryFee, "Delivery", 1, fee.amount);
    Ok(told.with_tax(tax(is_inside, fee.amount, fee.tax_rate, fee.tax)?))
}

fn surcharge(fee: &PricedSurcharge, is_inside: bool) -> Result<PaymentLine, money::Error> {
    let told = PaymentLine::new(PaymentLineKind::Surcharge, &fee.name, 1, fee.amount);
    Ok(told.with_tax(tax(is_inside, fee.amount, fee.rate, Some(fee.tax))?))
}

/// A voucher's number pays whoever has it: no provider is told.
fn pays(credit: &Credit) -> Result<PaymentLine, money::Error> {
    let is_points = credit.id == cart::POINTS_CREDIT;
    let kind = if is_points { PaymentLineKind::StoreCredit } else { PaymentLineKind::GiftCard };
    Ok(PaymentLine::new(kind, credit_name(credit), 1, credit.amount.times(-1)?))
}

/// The tax inside an amount: its share of the quote's; what its rate makes of it where the quote is older than shares.
fn tax(
    is_inside: bool,
    amount: Money,
    rate: Rate,
    share: Option<Money>,
) -> Result<Option<LineTax>, money::Error> {
    if !is_inside {
        return Ok(None);
    }
    let share = share.map_or_else(|| rate.tax_inside(amount), Ok)?;
    Ok(Some(LineTax { rate, amount: share }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::trips::{Good, Sold, Trip, eur, quoted, rate, trip};
    use super::*;
    use crate::catalog::Terms;

    /// What Klarna makes of an amount that holds tax: 10,000 are 100 %, rounded half up.
    fn klarna(amount: i64, hundredths: i64) -> i64 {
        (2 * amount * hundredths + 10_000 + hundredths) / (2 * (10_000 + hundredths))
    }

    #[test]
    fn klarnas_own_examples_are_worked_out_alike() {
        assert_eq!(
            [klarna(1000, 700), klarna(999, 1900), klarna(4000, 2000), klarna(50_000, 1000)],
            [65, 160, 667, 4545]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn klarnas_and_paypals_arithmetic_holds_for_whatever_the_engine_prices(trip in trip()) {
            let quote = quoted(&trip);
            let lines = quote.payment_lines().expect("lines");
            let (mut amounts, mut taxes) = (0, 0);
            for line in &lines {
                prop_assert!(line.is_sound(), "{line:?}");
                let (amount, discount) = (line.amount.minor(), line.discount.map_or(0, Money::minor));
                let unit_price = line.unit_price().expect("even").minor();
                prop_assert_eq!(amount, line.quantity * unit_price - discount);
                prop_assert!((0..=(line.quantity * unit_price).max(0)).contains(&discount));
                prop_assert_eq!(line.kind.is_credit(), amount < 0);
                if let Some(tax) = line.tax {
                    let hundredths = tax.rate.hundredths().expect("a rate that Klarna takes");
                    prop_assert!((tax.amount.minor() - klarna(amount, hundredths)).abs() <= 1, "{line:?}");
                }
                prop_assert!(!trip.is_on_top || line.tax.is_none());
                amounts += amount;
                taxes += line.tax_amount().minor();
            }
            prop_assert_eq!(amounts, quote.to_pay().minor());
            prop_assert_eq!(taxes, quote.taxes.iter().map(|tax| tax.tax.minor()).sum::<i64>());
            let of_tax = lines.iter().filter(|line| line.kind == PaymentLineKind::SalesTax).count();
            prop_assert_eq!(of_tax, usize::from(trip.is_on_top && taxes > 0));
        }
    }

    #[test]
    fn each_line_says_what_it_is() {
        let bottles: Good = (Sold::Each(2), 119, None, 3, Some((25, 3)));
        let credits = [100, 0, 7];
        let trip = Trip {
            goods: vec![bottles],
            terms: vec![Terms::PercentOff { percent: rate("50") }],
            delivered: BTreeSet::from([0]),
            fees: vec![(50, 3)],
            credits,
            worth: 1,
            is_on_top: false,
            is_rounded_per_line: false,
            is_member: false,
        };
        let lines = quoted(&trip).payment_lines().expect("lines");
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.kind, line.reference.as_deref(), line.quantity, line.amount.minor()))
            .collect();
        let expected = [
            // 1.19 less 0.60 (0.595, half away from zero) is 0.59 a piece.
            (PaymentLineKind::Goods, Some("A0"), 2, 118),
            (PaymentLineKind::Deposit, Some("X"), 2, 50),
            (PaymentLineKind::DeliveryFee, None, 1, 499),
            (PaymentLineKind::Surcharge, None, 1, 50),
            (PaymentLineKind::GiftCard, None, 1, -100),
            (PaymentLineKind::StoreCredit, None, 1, -7),
        ];
        assert_eq!(told, expected);
        assert_eq!(lines[0].discount, Some(eur(120)));
    }
}

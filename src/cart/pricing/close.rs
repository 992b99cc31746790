//! The end of a pricing: deposits, fees, taxes, vouchers, points, totals. Pure.

use super::basket::{Basket, Charge, PriceError, TaxMode, TaxRounding, Voucher};
use super::candidates::Fact;
use super::prepared::WHOLE;
use super::result::{Credit, Discount, ExtraPoints, Priced, PricedDeposit, PricedLine, PricedSurcharge};
use super::runs::{hand_out, portion};
use super::vat::TaxLine;
use crate::money::{Currency, Money, Rate, in_proportion};

/// Something that is taxed.
#[derive(Clone, Copy, Debug)]
struct Entry {
    amount: i64,
    rate: Rate,
    /// The rate in thousandths of a percent.
    thousandths: i64,
    tax: i64,
}

impl Entry {
    fn new(amount: i64, rate: Rate) -> Result<Self, PriceError> {
        if amount < 0 {
            return Err(PriceError::Negative);
        }
        Ok(Self { amount, rate, thousandths: rate.thousandths(), tax: 0 })
    }

    /// What it costs without its tax, and its tax.
    fn parts(&self, mode: TaxMode, currency: Currency) -> (Money, Money) {
        let net = match mode {
            TaxMode::Inside => self.amount - self.tax,
            TaxMode::OnTop => self.amount,
        };
        (Money::new(net, currency), Money::new(self.tax, currency))
    }
}

/// Adds up what goods cost with everything beside them. `left` is what each line costs, in canonical order.
pub(super) fn close(
    basket: &Basket<'_>,
    facts: &[Fact<'_>],
    left: &[i64],
    discounts: Vec<Discount>,
    extra_points: Vec<ExtraPoints>,
) -> Result<Priced, PriceError> {
    let (place, currency) = (basket.place, basket.place.currency);
    // Goods, then deposits, then fees; goods and deposits in canonical order.
    let mut entries = Vec::with_capacity(facts.len() * 2 + basket.surcharges.len());
    for (fact, amount) in facts.iter().zip(left) {
        entries.push(Entry { amount: *amount, rate: fact.item.rate, thousandths: fact.rate, tax: 0 });
    }
    let with_deposit = || facts.iter().filter(|fact| fact.item.deposit.is_some());
    for fact in with_deposit() {
        let Some(deposit) = fact.item.deposit else { continue };
        let amount = deposit.amount.checked_mul(fact.item.pieces).ok_or(PriceError::Overflow)?;
        entries.push(Entry::new(amount, deposit.rate)?);
    }
    for surcharge in &basket.surcharges {
        entries.push(Entry::new(surcharge.amount, surcharge.rate)?);
    }
    let taxes = taxes(&mut entries, basket)?;
    let total = taxes.iter().try_fold(0_i64, |sum, tax| sum.checked_add(tax.gross.minor()));
    let total = total.ok_or(PriceError::Overflow)?;

    let (goods, beside) = entries.split_at(facts.len());
    let (of_deposits, of_surcharges) = beside.split_at(with_deposit().count());
    // Back into the order of the basket's items.
    let mut order: Vec<usize> = vec![0; facts.len()];
    facts.iter().enumerate().for_each(|(place, fact)| order[fact.index] = place);
    let lines = order.iter().map(|place| line(&facts[*place], &goods[*place], basket)).collect();
    let mut deposits: Vec<(usize, PricedDeposit)> =
        with_deposit().zip(of_deposits).filter_map(|(fact, entry)| deposit(fact, entry, basket)).collect();
    deposits.sort_unstable_by_key(|(index, _)| *index);
    let surcharges = basket.surcharges.iter().zip(of_surcharges).map(|(surcharge, entry)| {
        let (net, tax) = entry.parts(place.tax_mode, currency);
        let amount = Money::new(entry.amount, currency);
        let is_for_delivery = surcharge.is_for_delivery;
        PricedSurcharge { name: surcharge.name.clone(), amount, rate: entry.rate, net, tax, is_for_delivery }
    });

    let credits = credits(&basket.vouchers, total, currency)?;
    let paid: i64 = credits.iter().map(|credit| credit.amount.minor()).sum();
    let saved = discounts.iter().map(|discount| discount.amount.minor()).sum();
    let for_goods: i64 = left.iter().sum();
    let earned = basket.points.map_or(0, |rule| (for_goods / rule.per.max(1)).saturating_mul(rule.points));
    let points = extra_points.iter().fold(earned, |sum, extra| sum.saturating_add(extra.points));
    Ok(Priced {
        currency,
        lines,
        deposits: deposits.into_iter().map(|(_, deposit)| deposit).collect(),
        surcharges: surcharges.collect(),
        discounts,
        taxes,
        saved: Money::new(saved, currency),
        total: Money::new(total, currency),
        credits,
        to_pay: Money::new(total - paid, currency),
        points,
        extra_points,
    })
}

fn line(fact: &Fact<'_>, entry: &Entry, basket: &Basket<'_>) -> PricedLine {
    let currency = basket.place.currency;
    let (net, tax) = entry.parts(basket.place.tax_mode, currency);
    let unit_price = match fact.item.charge {
        Charge::Each { price, .. } | Charge::Measured { price, .. } => Some(Money::new(price, currency)),
        Charge::Label { .. } => None,
    };
    PricedLine {
        line: fact.item.line,
        unit_price,
        full: Money::new(fact.full * fact.item.pieces, currency),
        amount: Money::new(entry.amount, currency),
        rate: entry.rate,
        net,
        tax,
    }
}

fn deposit(fact: &Fact<'_>, entry: &Entry, basket: &Basket<'_>) -> Option<(usize, PricedDeposit)> {
    let currency = basket.place.currency;
    let (net, tax) = entry.parts(basket.place.tax_mode, currency);
    let priced = PricedDeposit {
        line: fact.item.line,
        sku: fact.item.deposit?.sku.clone(),
        pieces: fact.item.pieces,
        amount: Money::new(entry.amount, currency),
        rate: entry.rate,
        net,
        tax,
    };
    Some((fact.index, priced))
}

/// The taxes by rate, and each entry's share in its `tax`. Where a rate is rounded once, every entry gets its exact tax cut
/// off to whole units, and what is left goes to the largest remainders: no entry is more than one unit from its exact tax.
fn taxes(entries: &mut [Entry], basket: &Basket<'_>) -> Result<Vec<TaxLine>, PriceError> {
    let mut rates: Vec<(i64, Rate)> = Vec::new();
    for entry in entries.iter() {
        if !rates.iter().any(|(thousandths, _)| *thousandths == entry.thousandths) {
            rates.push((entry.thousandths, entry.rate));
        }
    }
    rates.sort_unstable_by_key(|(thousandths, _)| *thousandths);
    rates.into_iter().map(|(thousandths, rate)| tax(entries, thousandths, rate, basket)).collect()
}

fn tax(
    entries: &mut [Entry],
    thousandths: i64,
    rate: Rate,
    basket: &Basket<'_>,
) -> Result<TaxLine, PriceError> {
    let (place, currency) = (basket.place, basket.place.currency);
    let own: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].thousandths == thousandths).collect();
    let divisor = match place.tax_mode {
        TaxMode::Inside => WHOLE + thousandths,
        TaxMode::OnTop => WHOLE,
    };
    let amount = own.iter().try_fold(0_i64, |sum, at| sum.checked_add(entries[*at].amount));
    let amount = amount.ok_or(PriceError::Overflow)?;
    // Nothing is below zero here: half a unit up is half away from zero.
    let rounded = |amount: i64| in_proportion(amount, thousandths, divisor).map_err(|_| PriceError::Overflow);
    let sum = match place.tax_rounding {
        TaxRounding::Line => {
            let mut sum = 0_i64;
            for at in own {
                let tax = rounded(entries[at].amount)?;
                entries[at].tax = tax;
                sum = sum.checked_add(tax).ok_or(PriceError::Overflow)?;
            }
            sum
        }
        TaxRounding::Sum => {
            let sum = rounded(amount)?;
            let mut parts = Vec::with_capacity(own.len());
            let mut rests = Vec::with_capacity(own.len());
            for (place, at) in own.iter().enumerate() {
                // Rates are at most 100 %: the tax of an amount is at most the amount.
                let (part, rest) = portion(entries[*at].amount, thousandths, divisor);
                parts.push(part);
                rests.push((rest, place));
            }
            hand_out(sum - parts.iter().sum::<i64>(), &mut rests, &mut parts);
            for (at, part) in own.iter().zip(parts) {
                entries[*at].tax = part;
            }
            sum
        }
    };
    let (net, gross) = match place.tax_mode {
        TaxMode::Inside => (amount - sum, amount),
        TaxMode::OnTop => (amount, amount.checked_add(sum).ok_or(PriceError::Overflow)?),
    };
    let of = |minor| Money::new(minor, currency);
    Ok(TaxLine { rate, gross: of(gross), net: of(net), tax: of(sum) })
}

/// Vouchers that pay: the largest first, then by number; each that fits into what is left. Then what pays in steps.
fn credits(vouchers: &[Voucher], total: i64, currency: Currency) -> Result<Vec<Credit>, PriceError> {
    if vouchers.iter().any(|voucher| voucher.amount < 0 || voucher.step.is_some_and(|step| step < 1)) {
        return Err(PriceError::Negative);
    }
    let mut order: Vec<&Voucher> = vouchers.iter().collect();
    order.sort_by(|a, b| {
        let key = |each: &Voucher| (each.step.is_some(), std::cmp::Reverse(each.amount));
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    let mut left = total;
    let mut credits = Vec::new();
    for voucher in order {
        let paid = match voucher.step {
            Some(step) => voucher.amount.min(left) / step * step,
            None if voucher.amount <= left => voucher.amount,
            None => 0,
        };
        if paid > 0 {
            left -= paid;
            credits.push(Credit { id: voucher.id.clone(), amount: Money::new(paid, currency) });
        }
    }
    Ok(credits)
}

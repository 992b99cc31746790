//! What a quote is for, as a payment provider is told: lines that add up to what is debited, and whose taxes add up to those of
//! the quote. Their rules are [`PaymentLine`]'s. Pure.

use super::quote::{DeliveryFee, Quote, QuoteLine, credit_name};
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
            lines.push(goods(line, is_inside)?);
            if let Some(deposit) = &line.deposit {
                lines.push(of_deposit(deposit, line, is_inside)?);
            }
        }
        if let Some(fee) = &self.delivery_fee {
            lines.push(delivery(fee, is_inside)?);
        }
        for fee in &self.fees {
            lines.push(surcharge(fee, is_inside)?);
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
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::super::quote::{DeliveryFee, Quote, quote};
    use super::*;
    use crate::cart::pricing::{
        self, Basket, Customer, Place, Promotions, Surcharge, TaxMode, TaxRounding, Voucher,
    };
    use crate::cart::{Deposit, Line, Product};
    use crate::catalog::{BasketReward, Combination, Goods, PromotionRow, Terms};
    use crate::money::Currency;
    use crate::quantity::{Quantity, Unit};

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn rate(percent: &str) -> Rate {
        percent.parse().expect("a rate")
    }

    fn noon() -> DateTime<Utc> {
        "2026-07-15T12:00:00Z".parse().expect("a time")
    }

    /// Rates of prices that hold tax, and of tax that comes on top.
    const RATES: [&str; 5] = ["0", "5.5", "7", "19", "21"];
    const RATES_ON_TOP: [&str; 5] = ["0", "4", "6.25", "8.875", "10.25"];

    #[derive(Clone, Debug)]
    enum Sold {
        Each(i64),
        Dozen(i64),
        Measured(i64),
        Label,
    }

    /// A line without its number: how it is sold, its price, whether members pay less, its rate, its deposit.
    type Good = (Sold, i64, Option<i64>, usize, Option<(i64, usize)>);

    fn good() -> impl Strategy<Value = Good> {
        let sold = prop_oneof![
            5 => (1_i64..12).prop_map(Sold::Each),
            1 => (1_i64..40).prop_map(Sold::Dozen),
            2 => (1_i64..3_000).prop_map(Sold::Measured),
            1 => Just(Sold::Label),
        ];
        let deposit =
            prop::option::weighted(0.3, (prop::sample::select(vec![8_i64, 15, 25, 150]), 0..5_usize));
        (sold, 0_i64..3_000, prop::option::of(0_i64..200), 0..5_usize, deposit)
    }

    fn line(number: i64, good: &Good, rates: &[&str; 5]) -> Line {
        let (sold, price, less, of_rate, deposit) = good;
        let per = |amount, unit| Some(Quantity::new(amount, unit).expect("in range"));
        let (quantity, priced_per, measure, label_price) = match sold {
            Sold::Each(pieces) => (*pieces, None, None, None),
            Sold::Dozen(pieces) => (*pieces, per(12, Unit::Piece), None, None),
            Sold::Measured(grams) => (1, per(1_000, Unit::Gram), per(*grams, Unit::Gram), None),
            Sold::Label => (1, None, None, Some(eur(*price))),
        };
        let product = Product {
            code: "04006381333931".to_owned(),
            sku: format!("A{number}").parse().expect("a key"),
            name: format!("Good {number}"),
            price: eur(*price),
            tax_class: "standard".parse().expect("a key"),
            rate: rate(rates[*of_rate]),
            weight_grams: Some(10),
            deliverable: true,
            age_min: None,
            revision: 1,
            priced_per,
            measure,
            label_price,
            reduction: None,
            brand: None,
            category: Vec::new(),
            is_priced_by_label: false,
            member_price: less.map(|less| eur((price - less).max(0))),
            deposit: deposit.map(|(amount, of_rate)| Deposit {
                sku: "X".parse().expect("a key"),
                amount: eur(amount),
                rate: rate(rates[of_rate]),
            }),
            origin: cart::Origin::default(),
        };
        Line { number, product, quantity, origins: Vec::new(), seen_at: noon() }
    }

    fn promotions() -> impl Strategy<Value = Vec<Terms>> {
        let percent = prop::sample::select(vec!["5", "33.333", "100"]).prop_map(rate);
        let terms = prop_oneof![
            percent.clone().prop_map(|percent| Terms::PercentOff { percent }),
            (1_i64..400).prop_map(|amount| Terms::AmountOff { amount }),
            (2_i64..5).prop_map(|take| Terms::TakePay { take, pay: take - 1 }),
            (2_i64..5, 1_i64..900).prop_map(|(take, amount)| Terms::TakeFor { take, amount }),
            (0_i64..5_000, 1_i64..2_000).prop_map(|(from_amount, amount)| Terms::Basket {
                from_amount,
                reward: BasketReward::AmountOff { amount }
            }),
            (0_i64..5_000, percent).prop_map(|(from_amount, percent)| Terms::Basket {
                from_amount,
                reward: BasketReward::PercentOff { percent }
            }),
        ];
        prop::collection::vec(terms, 0..4)
    }

    fn prepared(terms: Vec<Terms>) -> Promotions {
        let row = |(number, terms): (usize, Terms)| {
            let id = format!("P{number}").parse().expect("a key");
            let hour = chrono::Duration::hours(1);
            let row = PromotionRow::new(id, "Offer".to_owned(), terms, (noon() - hour, noon() + hour));
            let is_on_goods = !matches!(row.terms, Terms::Basket { .. });
            let skus = (0..6).map(|number| format!("A{number}").parse().expect("a key"));
            let goods = if is_on_goods {
                Goods { skus: skus.collect(), ..Goods::default() }
            } else {
                Goods::default()
            };
            let combination = Combination::Stackable;
            Arc::new(PromotionRow { currency: Some(Currency::EUR), goods, combination, ..row })
        };
        Promotions::of(terms.into_iter().enumerate().map(row))
    }

    #[derive(Clone, Debug)]
    struct Trip {
        goods: Vec<Good>,
        terms: Vec<Terms>,
        delivered: BTreeSet<usize>,
        fees: Vec<(i64, usize)>,
        credits: [i64; 3],
        is_on_top: bool,
        is_rounded_per_line: bool,
        is_member: bool,
    }

    fn trip() -> impl Strategy<Value = Trip> {
        let goods = prop::collection::vec(good(), 1..20);
        let delivered = prop::collection::btree_set(0..20_usize, 0..8);
        let fees = prop::collection::vec((1_i64..900, 0..5_usize), 0..3);
        let credits = [0_i64..300, 0_i64..3_000, 0_i64..500];
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        (goods, promotions(), delivered, fees, credits, flags).prop_map(
            |(goods, terms, delivered, fees, credits, (is_on_top, is_rounded_per_line, is_member))| Trip {
                goods,
                terms,
                delivered,
                fees,
                credits,
                is_on_top,
                is_rounded_per_line,
                is_member,
            },
        )
    }

    /// The quote of a trip, by the engine itself.
    fn quoted(trip: &Trip) -> Quote {
        let rates = if trip.is_on_top { &RATES_ON_TOP } else { &RATES };
        let numbered = (0_i64..).zip(&trip.goods);
        let lines: Vec<Line> = numbered.map(|(number, good)| line(number, good, rates)).collect();
        let delivered: BTreeSet<i64> =
            trip.delivered.iter().filter_map(|at| Some(lines.get(*at)?.number)).collect();
        let fee = (!delivered.is_empty()).then(|| DeliveryFee {
            amount: eur(499),
            tax_rate: rate(rates[3]),
            tax: None,
        });
        let surcharge = |name: &str, amount, rate| Surcharge { name: name.to_owned(), amount, rate };
        let delivery = fee.map(|fee| surcharge("Delivery", fee.amount.minor(), fee.tax_rate));
        let fees = trip.fees.iter().map(|(amount, of_rate)| surcharge("Fee", *amount, rate(rates[*of_rate])));
        let [first, second, points] = trip.credits;
        let voucher = |id: &str, amount, step| Voucher { id: id.to_owned(), amount, step };
        let basket = Basket {
            place: Place {
                currency: Currency::EUR,
                tax_mode: if trip.is_on_top { TaxMode::OnTop } else { TaxMode::Inside },
                tax_rounding: if trip.is_rounded_per_line { TaxRounding::Line } else { TaxRounding::Sum },
            },
            at: noon(),
            local: noon().naive_utc(),
            items: lines.iter().map(cart::item).collect(),
            customer: Customer { is_member: trip.is_member, ..Customer::default() },
            coupons: Vec::new(),
            left: BTreeMap::new(),
            surcharges: delivery.into_iter().chain(fees).collect(),
            vouchers: vec![
                voucher("V1", first, None),
                voucher("V2", second, None),
                voucher(cart::POINTS_CREDIT, points, Some(1)),
            ],
            points: None,
        };
        let priced = pricing::price(&basket, &prepared(trip.terms.clone())).expect("a price");
        quote(&lines, &delivered, fee, priced).expect("a quote")
    }

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

//! What a cart costs: gross total, and the VAT that it holds, per rate. Pure.
//!
//! Prices are gross, as shelves show them. VAT is computed once per rate on the sum of that rate's gross amounts and
//! rounded once ([`crate::money::Rounding::HalfAwayFromZero`]), so that the parts always add up to the total.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::money::{Currency, Error, Money, Rate};

/// The VAT of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// The rate in percent.
    pub rate: Rate,
    /// Gross amount taxed at that rate.
    pub gross: Money,
    /// The same without VAT.
    pub net: Money,
    /// The VAT.
    pub tax: Money,
}

/// What something costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Gross total: what is debited.
    pub total: Money,
    /// The VAT in it, by rising rate.
    pub taxes: Vec<TaxLine>,
}

/// Adds up gross amounts with their rates.
pub fn total(currency: Currency, amounts: impl IntoIterator<Item = (Rate, Money)>) -> Result<Totals, Error> {
    let mut by_rate: Vec<(Rate, Money)> = Vec::new();
    for (rate, amount) in amounts {
        match by_rate.iter_mut().find(|(each, _)| *each == rate) {
            Some((_, gross)) => *gross = gross.plus(amount)?,
            None => by_rate.push((rate, Money::zero(currency).plus(amount)?)),
        }
    }
    by_rate.sort_by_key(|(rate, _)| *rate);
    let taxes = by_rate
        .into_iter()
        .map(|(rate, gross)| {
            let tax = rate.tax_inside(gross)?;
            Ok(TaxLine { rate, gross, net: gross.minus(tax)?, tax })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let total = Money::sum(currency, taxes.iter().map(|each| each.gross))?;
    Ok(Totals { total, taxes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn rate(percent: &str) -> Rate {
        percent.parse().expect("a rate")
    }

    #[test]
    fn vat_is_rounded_once_per_rate() {
        // Three lines of 0.99 at 19 %: 297 × 19 ÷ 119 = 47.42 → 0.47; line by line it would be 3 × 0.16 = 0.48.
        let lines =
            [(rate("19"), eur(99)), (rate("7"), eur(1000)), (rate("19"), eur(99)), (rate("19"), eur(99))];
        let totals = total(Currency::EUR, lines).expect("adds up");
        assert_eq!(totals.total, eur(1297));
        assert_eq!(
            totals.taxes[0],
            TaxLine { rate: rate("7"), gross: eur(1000), net: eur(935), tax: eur(65) }
        );
        assert_eq!(
            totals.taxes[1],
            TaxLine { rate: rate("19"), gross: eur(297), net: eur(250), tax: eur(47) }
        );
    }

    #[test]
    fn nothing_costs_nothing() {
        assert_eq!(total(Currency::EUR, []), Ok(Totals { total: eur(0), taxes: Vec::new() }));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_order_does_not_matter(mut lines in prop::collection::vec((0_u32..4, 0_i64..1_000_000), 0..60)) {
            let priced = |lines: &[(u32, i64)]| {
                total(Currency::EUR, lines.iter().map(|(each, minor)| (rate(["0", "7", "10.5", "19"][usize::try_from(*each).expect("small")]), eur(*minor))))
            };
            let totals = priced(&lines).expect("adds up");
            prop_assert_eq!(totals.total.minor(), lines.iter().map(|(_, minor)| minor).sum::<i64>());
            for each in &totals.taxes {
                prop_assert_eq!(each.net.plus(each.tax), Ok(each.gross));
            }
            lines.reverse();
            prop_assert_eq!(priced(&lines).expect("adds up"), totals);
        }
    }
}

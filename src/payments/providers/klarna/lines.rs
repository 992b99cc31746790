//! The order lines of a purchase, by Klarna's arithmetic: each line's total is its quantity times its unit price less its
//! discount, its tax within one unit of what its rate makes of the total, the order's amount and tax the sums of its lines' as
//! sent.
//!
//! Token orders take no line below zero. What pays beside the debit (vouchers, points) is therefore spread over the lines as a
//! discount, in proportion to what they cost, and the tax told to Klarna is that of the smaller amounts. This is for Klarna's
//! books alone: the receipt, whose tax does not change by how something is paid, is ours.
//!
//! Where tax comes on top of prices it is a line of its own, and no other line has a rate. That is Klarna's American form; in
//! other countries (Canada) Klarna knows tax inside prices alone, so that the line stands without being told as tax.

use serde::Serialize;

use crate::money::{Money, Rate, in_proportion};
use crate::payments::model::{PaymentLine, PaymentLineKind};

/// Longest name of a line.
const NAME_CHARACTERS_MAX: usize = 255;
/// Longest number of a product.
const REFERENCE_CHARACTERS_MAX: usize = 255;
/// Most lines of an order: more are told as one a rate.
const LINES_MAX: usize = 1_000;
/// The largest amount of a line of a token order, in minor units.
pub const AMOUNT_MAX: i64 = 100_000_000;

/// What Klarna is told of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    pub amount: i64,
    pub tax: i64,
    pub lines: Vec<Line>,
}

/// A line, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    pub name: String,
    pub quantity: i64,
    pub unit_price: i64,
    #[serde(skip_serializing_if = "is_nought")]
    pub total_discount_amount: i64,
    pub total_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tax_amount: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nought(amount: &i64) -> bool {
    *amount == 0
}

/// A purchase that Klarna can't be told exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the purchase can't be told to Klarna exactly")]
pub struct NotExpressible;

impl From<crate::money::Error> for NotExpressible {
    fn from(_: crate::money::Error) -> Self {
        Self
    }
}

/// A line on its way: its amounts are still to be lowered by what pays beside the debit.
struct Draft<'a> {
    line: &'a PaymentLine,
    full: i64,
    amount: i64,
}

/// The lines of a purchase in this country that debits so much.
pub fn cart(lines: &[PaymentLine], total: Money, country: &str) -> Result<Cart, NotExpressible> {
    let is_american = country == "US";
    let is_on_top = lines.iter().any(|line| line.kind == PaymentLineKind::SalesTax);
    let mut drafts = Vec::new();
    let mut credit = 0_i64;
    for line in lines {
        let amount = line.amount.minor();
        if amount < 0 {
            credit = credit.checked_sub(amount).ok_or(NotExpressible)?;
        } else {
            drafts.push(Draft { line, full: line.full_amount()?.minor(), amount });
        }
    }
    pay_with(&mut drafts, credit)?;
    let mut lines = drafts.iter().map(|draft| told(draft, is_on_top)).collect::<Result<Vec<_>, _>>()?;
    if lines.len() > LINES_MAX {
        lines = gathered(&drafts, is_on_top)?;
    }
    let amount: i64 = lines.iter().map(|line| line.total_amount).sum();
    let of_line = |line: &Line| match line.kind {
        "sales_tax" if is_american => line.total_amount,
        _ => line.total_tax_amount.unwrap_or(0),
    };
    let cart = Cart { amount, tax: lines.iter().map(of_line).sum(), lines };
    let fits = amount == total.minor() && amount > 0 && cart.lines.iter().all(is_within_bounds);
    if fits { Ok(cart) } else { Err(NotExpressible) }
}

fn is_within_bounds(line: &Line) -> bool {
    line.unit_price <= AMOUNT_MAX && line.total_amount <= AMOUNT_MAX && line.total_discount_amount >= 0
}

/// Lowers the amounts by what pays beside the debit: those of goods and fees first, and the tax on top only by what is left.
fn pay_with(drafts: &mut [Draft<'_>], credit: i64) -> Result<(), NotExpressible> {
    let of = |drafts: &[Draft<'_>], is_tax: bool| -> i64 {
        drafts.iter().filter(|draft| is_tax_line(draft) == is_tax).map(|draft| draft.amount).sum()
    };
    let (goods, tax) = (of(drafts, false), of(drafts, true));
    let of_goods = credit.min(goods);
    spread(drafts.iter_mut().filter(|draft| !is_tax_line(draft)), of_goods, goods)?;
    spread(drafts.iter_mut().filter(|draft| is_tax_line(draft)), credit - of_goods, tax)
}

fn is_tax_line(draft: &Draft<'_>) -> bool {
    draft.line.kind == PaymentLineKind::SalesTax
}

/// Takes an amount off, in proportion; the parts add up to it, and none is more than there is.
fn spread<'a, 'b: 'a>(
    drafts: impl Iterator<Item = &'a mut Draft<'b>>,
    credit: i64,
    whole: i64,
) -> Result<(), NotExpressible> {
    if credit == 0 {
        return Ok(());
    }
    let (mut passed, mut taken) = (0_i64, 0_i64);
    for draft in drafts {
        passed += draft.amount;
        let so_far = in_proportion(credit, passed, whole)?;
        draft.amount -= so_far - taken;
        taken = so_far;
    }
    if taken == credit { Ok(()) } else { Err(NotExpressible) }
}

fn told(draft: &Draft<'_>, is_on_top: bool) -> Result<Line, NotExpressible> {
    let line = draft.line;
    let (name, quantity, unit_price) = match line.unit_price() {
        Some(price) => (line.name.clone(), line.quantity, price.minor()),
        None => (format!("{} × {}", line.quantity, line.name), 1, draft.full),
    };
    let (tax_rate, total_tax_amount) = match (is_on_top, line.tax) {
        (true, _) => (None, None),
        (false, None) => (Some(0), Some(0)),
        (false, Some(tax)) => {
            let is_lowered = draft.amount != line.amount.minor();
            let amount = Money::new(draft.amount, line.amount.currency());
            let tax_amount = if is_lowered { tax.rate.tax_inside(amount)? } else { tax.amount };
            (Some(rate(tax.rate)?), Some(tax_amount.minor()))
        }
    };
    let mut line = Line {
        kind: kind(line.kind),
        reference: line.reference.as_deref().map(|text| cut(text, REFERENCE_CHARACTERS_MAX)),
        name: cut(&name, NAME_CHARACTERS_MAX),
        quantity,
        unit_price,
        total_discount_amount: draft.full - draft.amount,
        total_amount: draft.amount,
        tax_rate,
        total_tax_amount,
    };
    if line.kind == "sales_tax" {
        // A tax has no discount: what is left of it is the tax.
        line.unit_price = line.total_amount;
        line.total_discount_amount = 0;
    }
    Ok(line)
}

/// All lines of one kind and rate as one: their tax is worked out anew, because that of the sum is what Klarna checks.
fn gathered(drafts: &[Draft<'_>], is_on_top: bool) -> Result<Vec<Line>, NotExpressible> {
    let mut groups: Vec<(PaymentLineKind, Option<Rate>, i64, i64)> = Vec::new();
    let mut currency = None;
    for draft in drafts {
        currency = Some(draft.line.amount.currency());
        let rate = draft.line.tax.map(|tax| tax.rate);
        let same = |group: &&mut (PaymentLineKind, Option<Rate>, i64, i64)| {
            group.0 == draft.line.kind && group.1 == rate
        };
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.2 += draft.full;
                group.3 += draft.amount;
            }
            None => groups.push((draft.line.kind, rate, draft.full, draft.amount)),
        }
    }
    let Some(currency) = currency else { return Ok(Vec::new()) };
    let of_group = |(of_kind, of_rate, full, amount): (PaymentLineKind, Option<Rate>, i64, i64)| {
        let taxed = of_rate.filter(|_| !is_on_top);
        let tax = taxed.map(|rate| rate.tax_inside(Money::new(amount, currency))).transpose()?;
        let is_tax = of_kind == PaymentLineKind::SalesTax;
        Ok(Line {
            kind: kind(of_kind),
            reference: None,
            name: taxed.map_or_else(|| of_kind.to_string(), |rate| format!("{of_kind}, {rate}")),
            quantity: 1,
            unit_price: if is_tax { amount } else { full },
            total_discount_amount: if is_tax { 0 } else { full - amount },
            total_amount: amount,
            tax_rate: if is_on_top { None } else { Some(taxed.map(rate).transpose()?.unwrap_or(0)) },
            total_tax_amount: (!is_on_top).then(|| tax.map_or(0, Money::minor)),
        })
    };
    groups.into_iter().map(of_group).collect()
}

/// A rate with two implicit decimals: 19 % is 1900.
fn rate(rate: Rate) -> Result<i64, NotExpressible> {
    rate.hundredths().ok_or(NotExpressible)
}

const fn kind(kind: PaymentLineKind) -> &'static str {
    match kind {
        PaymentLineKind::Goods => "physical",
        PaymentLineKind::DeliveryFee => "shipping_fee",
        PaymentLineKind::Deposit | PaymentLineKind::Surcharge => "surcharge",
        PaymentLineKind::SalesTax => "sales_tax",
        // Never sent as lines: they are spread over the others.
        PaymentLineKind::GiftCard => "gift_card",
        PaymentLineKind::StoreCredit => "store_credit",
    }
}

fn cut(text: &str, longest: usize) -> String {
    let text: String = text.chars().take(longest).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payments::model::LineTax;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn line(
        kind: PaymentLineKind,
        quantity: i64,
        minor: i64,
        discount: i64,
        percent: Option<&str>,
    ) -> PaymentLine {
        let line =
            PaymentLine::new(kind, "Thing", quantity, eur(minor)).with_discount(eur(discount)).expect("fits");
        let amount = line.amount;
        line.with_tax(percent.map(|percent| {
            let rate: Rate = percent.parse().expect("a rate");
            LineTax { rate, amount: rate.tax_inside(amount).expect("fits") }
        }))
    }

    fn holds(cart: &Cart, total: i64) {
        assert_eq!(cart.amount, total);
        assert_eq!(cart.amount, cart.lines.iter().map(|line| line.total_amount).sum::<i64>());
        let mut tax = 0;
        for line in &cart.lines {
            assert!(
                line.total_discount_amount >= 0 && line.total_amount >= 0 && line.quantity > 0,
                "{line:?}"
            );
            assert_eq!(line.total_amount, line.quantity * line.unit_price - line.total_discount_amount);
            let told = line.total_tax_amount.unwrap_or(0);
            let rate = line.tax_rate.unwrap_or(0);
            // Within one of total − total × 10000 ÷ (10000 + rate), without fractions.
            let off = (told * (10_000 + rate) - line.total_amount * rate).abs();
            assert!(off <= 10_000 + rate, "{line:?}");
            tax += if line.kind == "sales_tax" { line.total_amount } else { told };
        }
        assert_eq!(cart.tax, tax);
    }

    #[test]
    fn discounts_stay_on_their_lines_and_the_rest_adds_up() {
        let lines = [
            line(PaymentLineKind::Goods, 3, 297, 30, Some("7")),
            line(PaymentLineKind::Deposit, 3, 75, 0, Some("19")),
            line(PaymentLineKind::DeliveryFee, 1, 499, 0, Some("19")),
        ];
        let cart = cart(&lines, eur(841), "DE").expect("fits");
        holds(&cart, 841);
        assert_eq!((cart.lines[0].quantity, cart.lines[0].unit_price), (3, 99));
        assert_eq!((cart.lines[0].total_discount_amount, cart.lines[0].tax_rate), (30, Some(700)));
        assert_eq!(cart.lines[2].kind, "shipping_fee");
    }

    #[test]
    fn vouchers_and_points_lower_the_lines_and_no_line_is_below_nought() {
        let lines = [
            line(PaymentLineKind::Goods, 1, 1000, 0, Some("19")),
            line(PaymentLineKind::Goods, 2, 500, 0, Some("7")),
            line(PaymentLineKind::GiftCard, 1, -301, 0, None),
            line(PaymentLineKind::StoreCredit, 1, -99, 0, None),
        ];
        let cart = cart(&lines, eur(1100), "DE").expect("fits");
        holds(&cart, 1100);
        assert_eq!(cart.lines.len(), 2);
        assert_eq!(cart.lines.iter().map(|line| line.total_discount_amount).sum::<i64>(), 400);
        assert_eq!(cart.lines[0].total_tax_amount, Some(117), "of 7.33, not of 10.00");
    }

    #[test]
    fn a_sales_tax_is_a_line_of_its_own_and_no_other_has_a_rate() {
        let lines = [
            line(PaymentLineKind::Goods, 2, 2000, 100, None),
            line(PaymentLineKind::SalesTax, 1, 168, 0, None),
            line(PaymentLineKind::GiftCard, 1, -50, 0, None),
        ];
        let told = cart(&lines, eur(2018), "US").expect("fits");
        holds(&told, 2018);
        assert_eq!(cart(&lines, eur(2018), "CA").expect("fits").tax, 0);
        assert_eq!((told.tax, told.lines[1].kind, told.lines[1].unit_price), (168, "sales_tax", 168));
        assert!(told.lines.iter().all(|line| line.tax_rate.is_none() && line.total_tax_amount.is_none()));
        // What is left of a voucher after all goods pays the tax too.
        let lines = [
            line(PaymentLineKind::Goods, 1, 100, 0, None),
            line(PaymentLineKind::SalesTax, 1, 8, 0, None),
            line(PaymentLineKind::GiftCard, 1, -105, 0, None),
        ];
        let told = cart(&lines, eur(3), "US").expect("fits");
        holds(&told, 3);
        assert_eq!((told.lines[0].total_amount, told.tax), (0, 3));
    }

    #[test]
    fn more_lines_than_klarna_takes_are_told_by_their_rates() {
        let mut lines: Vec<PaymentLine> = (0..1_200)
            .map(|number| line(PaymentLineKind::Goods, 1, 100 + number % 7, 3, Some("19")))
            .collect();
        lines.extend((0..300).map(|_| line(PaymentLineKind::Deposit, 1, 25, 0, Some("7"))));
        lines.push(line(PaymentLineKind::GiftCard, 1, -500, 0, None));
        let total: i64 = lines.iter().map(|line| line.amount.minor()).sum();
        let cart = cart(&lines, eur(total), "DE").expect("fits");
        holds(&cart, total);
        assert_eq!(cart.lines.len(), 2);
    }

    #[test]
    fn what_can_not_be_told_exactly_is_refused() {
        let goods = line(PaymentLineKind::Goods, 1, 1000, 0, Some("19"));
        assert_eq!(cart(std::slice::from_ref(&goods), eur(999), "DE"), Err(NotExpressible));
        assert_eq!(cart(&[], eur(0), "DE"), Err(NotExpressible));
        let huge = line(PaymentLineKind::Goods, 1, AMOUNT_MAX + 1, 0, Some("19"));
        assert_eq!(cart(&[huge], eur(AMOUNT_MAX + 1), "DE"), Err(NotExpressible));
    }

    fn goods() -> impl Strategy<Value = PaymentLine> {
        let rate =
            prop::sample::select(vec![None, Some("0"), Some("5.5"), Some("7"), Some("19"), Some("25")]);
        (1_i64..9, 0_i64..3_000, 0_i64..=4, rate).prop_map(|(quantity, each, share, percent)| {
            let full = quantity * each;
            line(PaymentLineKind::Goods, quantity, full, full * share / 4, percent)
        })
    }

    proptest! {
        #[test]
        fn the_arithmetic_holds_for_whatever_pays(
            goods in prop::collection::vec(goods(), 1..25),
            fee in 0_i64..600,
            paid in 0_i64..=100,
        ) {
            let mut lines = goods;
            lines.push(line(PaymentLineKind::DeliveryFee, 1, fee, 0, Some("19")));
            let sum: i64 = lines.iter().map(|line| line.amount.minor()).sum();
            let credit = sum * paid / 100;
            if credit > 0 {
                lines.push(line(PaymentLineKind::GiftCard, 1, -credit, 0, None));
            }
            if let Ok(cart) = cart(&lines, eur(sum - credit), "DE") {
                holds(&cart, sum - credit);
            } else {
                prop_assert_eq!(sum - credit, 0);
            }
        }
    }
}

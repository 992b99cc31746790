//! What a payment is for, line by line, so that every provider's arithmetic holds to the smallest unit. Pure.
//!
//! All amounts are gross. For each line: `amount` = `quantity` × unit price − `discount`; its tax, where prices hold it, is at
//! most one unit from what its rate makes of `amount`. All amounts add up to what is debited, all taxes to the tax of the
//! purchase ([`PaymentLine::tax_amount`]). That is what Klarna checks (its line's tax is told within one unit, its order's is
//! the sum of the lines'), and PayPal of the amounts alone.
//!
//! - A discount stands on the line that it makes cheaper, never on a line of its own.
//! - Where tax comes on top of prices (United States, Canada), lines of goods and fees have none, and one line of kind
//!   [`PaymentLineKind::SalesTax`] is the tax: Klarna's American form.
//! - What pays beside the debit is a line below zero, of kind [`PaymentLineKind::GiftCard`] or [`PaymentLineKind::StoreCredit`], without tax:
//!   it pays for the others, and makes none of them cheaper. The tax of the purchase stays as it is. Where a provider takes no
//!   line below zero (Klarna's token orders), its adapter decides how to tell it.

use serde::{Deserialize, Serialize};

use crate::money::{self, Money, Rate};
use crate::text_enum;

text_enum! {
    /// What a line of a payment is for.
    pub enum PaymentLineKind {
        /// Something that was bought.
        Goods = "goods",
        /// The deposit of bottles or crates.
        Deposit = "deposit",
        /// What the courier costs.
        DeliveryFee = "delivery_fee",
        /// A fee of the store.
        Surcharge = "surcharge",
        /// The tax of all lines, where it comes on top.
        SalesTax = "sales_tax",
        /// A voucher that pays: below zero.
        GiftCard = "gift_card",
        /// Points that pay: below zero.
        StoreCredit = "store_credit",
    }
}

impl PaymentLineKind {
    /// Whether it pays beside the debit, below zero; all others are nought or more.
    pub const fn is_credit(self) -> bool {
        matches!(self, Self::GiftCard | Self::StoreCredit)
    }

    fn goods() -> Self {
        Self::Goods
    }
}

/// The tax that the amount of a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTax {
    /// Its rate.
    pub rate: Rate,
    /// How much: at most one unit from what the rate makes of the line's amount.
    pub amount: Money,
}

/// One line of what is paid for, as the payer sees it. Payments from before kinds were told have goods alone; below zero they
/// are discounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentLine {
    /// What it is for.
    #[serde(default = "PaymentLineKind::goods")]
    pub kind: PaymentLineKind,
    /// What it is, for people; the weight of a weighed good is part of the name.
    pub name: String,
    /// The retailer's number of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Pieces, at least one; what was measured is one piece.
    pub quantity: i64,
    /// What was taken off, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// Gross total of the line after that.
    pub amount: Money,
    /// The tax in it, where prices hold tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<LineTax>,
    /// Whether it is debited later than what is due at once: with the parcel that it is sent in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_due_later: bool,
}

impl PaymentLine {
    /// So many pieces that cost so much together. What can't be shared evenly among them is told as one piece.
    pub fn new(kind: PaymentLineKind, name: &str, quantity: i64, amount: Money) -> Self {
        let is_even = quantity > 0 && amount.minor() % quantity == 0;
        let (name, quantity) =
            if is_even { (name.to_owned(), quantity) } else { (format!("{quantity} × {name}"), 1) };
        Self { kind, name, reference: None, quantity, discount: None, amount, tax: None, is_due_later: false }
    }

    /// The same line with the retailer's number of the product.
    #[must_use]
    pub fn with_reference(self, reference: &str) -> Self {
        Self { reference: Some(reference.to_owned()), ..self }
    }

    /// The same line, due at once or later.
    #[must_use]
    pub fn due_later(self, is_due_later: bool) -> Self {
        Self { is_due_later, ..self }
    }

    /// The same pieces for so much less.
    pub fn with_discount(self, discount: Money) -> Result<Self, money::Error> {
        if !discount.is_positive() {
            return Ok(self);
        }
        Ok(Self { discount: Some(discount), amount: self.amount.minus(discount)?, ..self })
    }

    /// The same line with the tax in its amount.
    #[must_use]
    pub fn with_tax(self, tax: Option<LineTax>) -> Self {
        Self { tax, ..self }
    }

    /// What the pieces cost together before the discount.
    pub fn full_amount(&self) -> Result<Money, money::Error> {
        self.discount.map_or(Ok(self.amount), |discount| self.amount.plus(discount))
    }

    /// What one piece costs before the discount; nothing where the pieces can't share it evenly, which only payments have
    /// that are older than this rule.
    pub fn unit_price(&self) -> Option<Money> {
        let full = self.full_amount().ok()?;
        let each = full.minor().checked_div(self.quantity)?;
        let is_even = self.quantity > 0 && each.checked_mul(self.quantity) == Some(full.minor());
        is_even.then(|| Money::new(each, full.currency()))
    }

    /// What of the line is tax: the one in it, or all of it where the line is the tax.
    pub fn tax_amount(&self) -> Money {
        match (self.kind, self.tax) {
            (PaymentLineKind::SalesTax, _) => self.amount,
            (_, Some(tax)) => tax.amount,
            (_, None) => Money::zero(self.amount.currency()),
        }
    }

    /// Whether what it says of itself fits together.
    pub(crate) fn is_sound(&self) -> bool {
        let (amount, discount) = (self.amount.minor(), self.discount.map_or(0, Money::minor));
        let is_signed_right = if self.kind.is_credit() { amount < 0 } else { amount >= 0 };
        let is_taxed_right = self.tax.is_none_or(|tax| {
            let is_taxable = !self.kind.is_credit() && self.kind != PaymentLineKind::SalesTax;
            is_taxable
                && tax.amount.same_currency(self.amount).is_ok()
                && (0..=amount).contains(&tax.amount.minor())
        });
        is_signed_right && is_taxed_right && discount >= 0 && self.unit_price().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn a_discount_stands_on_its_line() {
        let milk = PaymentLine::new(PaymentLineKind::Goods, "Milk", 3, eur(297)).with_discount(eur(30));
        let milk = milk.expect("fits");
        assert_eq!((milk.amount, milk.discount, milk.unit_price()), (eur(267), Some(eur(30)), Some(eur(99))));
        assert_eq!(milk.full_amount(), Ok(eur(297)));
        assert!(milk.is_sound());
    }

    #[test]
    fn pieces_that_cost_uneven_amounts_are_told_as_one() {
        let eggs = PaymentLine::new(PaymentLineKind::Goods, "Eggs", 6, eur(199));
        assert_eq!((eggs.name.as_str(), eggs.quantity, eggs.unit_price()), ("6 × Eggs", 1, Some(eur(199))));
    }

    #[test]
    fn a_line_that_contradicts_itself_is_found() {
        let line = |kind, minor| PaymentLine::new(kind, "A", 1, eur(minor));
        let taxed = |kind, minor, tax| {
            let rate = "19".parse().expect("a rate");
            line(kind, minor).with_tax(Some(LineTax { rate, amount: eur(tax) }))
        };
        assert!(
            line(PaymentLineKind::GiftCard, -1).is_sound() && line(PaymentLineKind::Surcharge, 0).is_sound()
        );
        assert!(taxed(PaymentLineKind::DeliveryFee, 119, 19).is_sound());
        for wrong in [
            line(PaymentLineKind::GiftCard, 1),
            line(PaymentLineKind::Goods, -1),
            taxed(PaymentLineKind::StoreCredit, -119, 0),
            taxed(PaymentLineKind::SalesTax, 119, 19),
            taxed(PaymentLineKind::Goods, 119, 120),
            taxed(PaymentLineKind::Goods, 119, -1),
            PaymentLine { quantity: 2, ..line(PaymentLineKind::Goods, 3) },
            PaymentLine { quantity: 0, ..line(PaymentLineKind::Goods, 3) },
            PaymentLine { discount: Some(eur(-1)), ..line(PaymentLineKind::Goods, 3) },
        ] {
            assert!(!wrong.is_sound(), "{wrong:?}");
        }
    }

    #[test]
    fn lines_of_older_payments_are_read() {
        let text = r#"{"name": "Coupon", "quantity": 1, "amount": {"amount": -30, "currency": "EUR"}}"#;
        let line: PaymentLine = serde_json::from_str(text).expect("a line");
        assert_eq!((line.kind, line.amount, line.tax_amount()), (PaymentLineKind::Goods, eur(-30), eur(0)));
    }
}

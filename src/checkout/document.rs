//! What of an order belongs into the books of the retailer's ERP: one document for each time that goods change hands against
//! money. Pure.
//!
//! What is taken along is sold when it is paid, what is delivered when the courier has it; what comes back is a return, and an
//! order that is taken back as a whole returns what was sold of it. Net and tax of all documents of an order come to what the
//! order comes to, at each rate and to the cent; the payments of a document come to its lines.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::by_rule;
use super::order::{Order, Taxed, What};
use super::picking::PickedLine;
use super::quote::QuoteLine;
use super::returned::{Pieces, Refund, RefundState, RefundedLine, counted};
use crate::cart::TaxLine;
use crate::ids::{OrderId, Sku, StoreId};
use crate::money::{self, Money, Rate};
use crate::payments::ProviderName;
use crate::quantity::Quantity;

/// What goods and money changed hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Which of the order's documents: made again, it has the same name.
    pub key: String,
    /// Which way the goods went.
    pub kind: DocumentKind,
    /// The order.
    pub order: OrderId,
    /// What the shopper can read out.
    pub number: String,
    /// Where it was sold.
    pub store: StoreId,
    /// When.
    pub at: DateTime<Utc>,
    /// What was sold, or came back.
    pub lines: Vec<DocumentLine>,
    /// What paid for it, or was paid back: together what the lines come to.
    pub payments: Vec<DocumentPayment>,
    /// What the lines come to, with tax.
    pub total: Money,
}

impl Document {
    /// The document of what is taken along, or of an order without a delivery.
    pub const SALE: &str = "sale";
    /// That of what is delivered.
    pub const DELIVERY: &str = "delivery";
}

/// Which way the goods went. Amounts of both kinds are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// To the shopper.
    Sale,
    /// Back from them.
    Return,
}

/// A line of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// What it is of.
    pub item: Item,
    /// What it is called.
    pub name: String,
    /// The rate of its tax, in percent.
    pub rate: Rate,
    /// What it costs after all discounts, without tax. Below nought where it corrects other lines.
    pub net: Money,
    /// The tax on that.
    pub tax: Money,
    /// What it costs without discounts, in the terms of the shelf, where that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<Money>,
}

impl DocumentLine {
    /// Net and tax.
    pub fn gross(&self) -> Result<Money, money::Error> {
        self.net.plus(self.tax)
    }
}

/// What a line is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Item {
    /// Goods, which leave the stock or come back to it.
    Goods {
        /// The retailer's number of the product.
        sku: Sku,
        /// How much of it.
        quantity: Quantity,
    },
    /// Deposits of bottles and crates.
    Deposit,
    /// The delivery.
    Delivery,
    /// A fee of the store's own.
    Fee,
    /// Money alone: given back without goods, or what makes lines come to what was agreed on.
    Amount,
}

/// What paid a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPayment {
    /// What.
    pub means: Means,
    /// So much.
    pub amount: Money,
}

/// What pays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "means", content = "provider", rename_all = "snake_case")]
pub enum Means {
    /// The account that is debited, at this provider.
    Account(ProviderName),
    /// Deposit vouchers and credit notes.
    Voucher,
    /// Points.
    Points,
}

/// What each means paid, in minor units; what is left of the lines' sum goes to points.
#[derive(Clone, Copy)]
struct Payers {
    account: i64,
    vouchers: i64,
}

impl Order {
    /// What is sold when the order is paid: all of it, or what is taken along. Nothing where all is delivered.
    pub(super) fn sale_document(
        &self,
        provider: ProviderName,
        now: DateTime<Utc>,
    ) -> Result<Option<Document>, money::Error> {
        let lines = self.sold(|item| self.shipment.is_none() || item.is_taken_along)?;
        self.document(Document::SALE, DocumentKind::Sale, now, lines, (provider, self.paid_at_once()?))
    }

    /// What is sold when the courier has it: what was picked to be delivered, and the fees.
    pub(super) fn delivery_document(
        &self,
        provider: ProviderName,
        now: DateTime<Utc>,
    ) -> Result<Option<Document>, money::Error> {
        let lines = self.sold(|item| !item.is_taken_along)?;
        let account = self.due()?.minus(self.quote.due_now)?.minor();
        let rest = sum(&lines)? - account;
        let vouchers = (self.quote.credits_by_kind().0 - self.paid_at_once()?.vouchers).min(rest);
        self.document(
            Document::DELIVERY,
            DocumentKind::Sale,
            now,
            lines,
            (provider, Payers { account, vouchers }),
        )
    }

    /// What comes back with a refund, after these; `went` where only so much of it went through.
    pub(super) fn refund_document(
        &self,
        refund: &Refund,
        before: &[Refund],
        went: Option<Money>,
        (provider, now): (ProviderName, DateTime<Utc>),
    ) -> Result<Option<Document>, money::Error> {
        let key = format!("refund {}", refund.id);
        let is_part = refund.state == RefundState::Failed;
        let taxes = match went {
            Some(went) => self.refund_taxes(went.minor(), &refund.taxes, before)?,
            None => refund.taxes.clone(),
        };
        // Goods that are lost, and goods of which a part was paid back only, come back to no shelf.
        let is_goods = !is_part && refund.reason != by_rule::LOST;
        let named = if is_goods { refund.lines.as_slice() } else { &[] };
        let lines = self.returned(named, before, &taxes, &refund.reason)?;
        let account = went.unwrap_or(refund.to_account).minor();
        let vouchers = refund.credit_note.filter(|_| !is_part).map_or(0, Money::minor);
        self.document(&key, DocumentKind::Return, now, lines, (provider, Payers { account, vouchers }))
    }

    /// What comes back of an order that is taken back as a whole, after these refunds: what was sold of it.
    pub(super) fn cancellation_document(
        &self,
        refunds: &[Refund],
        provider: ProviderName,
        now: DateTime<Utc>,
    ) -> Result<Option<Document>, money::Error> {
        let taxes = self.refund_taxes(i64::MAX, &[], refunds)?;
        let lines = self.returned(&self.lines_left(refunds), refunds, &taxes, "Cancelled")?;
        let sold = self.paid_at_once()?;
        let pending = refunds.iter().filter(|refund| refund.state == RefundState::Pending);
        let to_account: i64 = pending.map(|refund| refund.to_account.minor()).sum();
        let notes = counted(refunds).filter_map(|refund| refund.credit_note).map(Money::minor);
        let paid = Payers {
            account: sold.account - self.refunded.minor() - to_account,
            vouchers: sold.vouchers - notes.sum::<i64>(),
        };
        self.document("cancellation", DocumentKind::Return, now, lines, (provider, paid))
    }

    /// What pays for what is taken along: vouchers pay first.
    fn paid_at_once(&self) -> Result<Payers, money::Error> {
        let items = self.items()?.into_iter();
        let own = items.filter(|item| self.shipment.is_none() || item.is_taken_along);
        let gross = own.map(|item| item.gross()).collect::<Result<Vec<_>, _>>()?;
        let total = Money::sum(self.quote.total.currency(), gross)?.minor();
        let account = self.quote.due_now.minor();
        Ok(Payers { account, vouchers: self.quote.credits_by_kind().0.min(total - account) })
    }

    /// Lines of what was sold.
    fn sold(&self, is_of: impl Fn(&Taxed) -> bool) -> Result<Vec<DocumentLine>, money::Error> {
        let items = self.items()?.into_iter().filter(is_of);
        Ok(items.filter_map(|item| self.line(&item, None)).collect())
    }

    /// Lines of pieces that come back, and of what else these taxes are of.
    fn returned(
        &self,
        lines: &[RefundedLine],
        before: &[Refund],
        taxes: &[TaxLine],
        reason: &str,
    ) -> Result<Vec<DocumentLine>, money::Error> {
        let parts = self.parts_of(lines, before)?;
        let items: Vec<Taxed> = parts.iter().map(|(item, _)| *item).collect();
        let told = self.by_rate(&items)?;
        let mut lines: Vec<DocumentLine> =
            parts.iter().filter_map(|(item, pieces)| self.line(item, Some(*pieces))).collect();
        let mut rates: Vec<Rate> = taxes.iter().chain(&told).map(|tax| tax.rate).collect();
        rates.sort_unstable();
        rates.dedup();
        let zero = Money::zero(self.quote.total.currency());
        let of = |taxes: &[TaxLine], rate: Rate| {
            let found = taxes.iter().find(|tax| tax.rate == rate);
            found.map_or((zero, zero), |tax| (tax.net, tax.tax))
        };
        for rate in rates {
            let ((net, tax), (net_told, tax_told)) = (of(taxes, rate), of(&told, rate));
            let (net, tax) = (net.minus(net_told)?, tax.minus(tax_told)?);
            if net != zero || tax != zero {
                let name = reason.to_owned();
                lines.push(DocumentLine { item: Item::Amount, name, rate, net, tax, full: None });
            }
        }
        Ok(lines)
    }

    /// The line of an item; nothing where nothing of it was there, and for what costs nothing and is no goods.
    fn line(&self, item: &Taxed, pieces: Option<Pieces>) -> Option<DocumentLine> {
        let line = self.quote.lines.iter().find(|line| Some(line.line) == item.line);
        let (name, full, item_of) = match item.what {
            What::Goods => {
                let line = line?;
                let (sku, name, quantity) = self.goods(line, item.is_substitute)?;
                let back = pieces.filter(|pieces| pieces.back < pieces.had);
                let quantity = back.map_or(Some(quantity), |pieces| Quantity::pieces(pieces.back).ok())?;
                let full = line.full_amount.filter(|_| back.is_none() && item.amount == line.amount);
                (name, full, Item::Goods { sku: sku.clone(), quantity })
            }
            What::Deposit => ("Deposit", None, Item::Deposit),
            What::Delivery => ("Delivery", None, Item::Delivery),
            What::Fee => ("Fee", None, Item::Fee),
        };
        let is_empty = item.net.minor() == 0 && item.tax.minor() == 0 && item.what != What::Goods;
        let (name, rate, net, tax) = (name.to_owned(), item.rate, item.net, item.tax);
        (!is_empty).then_some(DocumentLine { item: item_of, name, rate, net, tax, full })
    }

    /// The goods of a line, or what went out in their place.
    fn goods<'a>(&'a self, line: &'a QuoteLine, is_substitute: bool) -> Option<(&'a Sku, &'a str, Quantity)> {
        let picked = self.picked(line.line);
        if is_substitute {
            let substitute = picked.and_then(PickedLine::agreed_substitute)?;
            return Some((&substitute.sku, &substitute.name, substitute.quantity));
        }
        let ordered = || line.measure.or_else(|| Quantity::pieces(line.pieces).ok());
        let quantity = picked.map_or_else(ordered, |picked| picked.quantity)?;
        Some((&line.sku, &line.name, quantity))
    }

    fn document(
        &self,
        key: &str,
        kind: DocumentKind,
        at: DateTime<Utc>,
        lines: Vec<DocumentLine>,
        (provider, paid): (ProviderName, Payers),
    ) -> Result<Option<Document>, money::Error> {
        if lines.is_empty() {
            return Ok(None);
        }
        let total = sum(&lines)?;
        let Payers { mut account, mut vouchers } = paid;
        let (of_vouchers, of_points) = self.quote.credits_by_kind();
        let mut points = total - account - vouchers;
        // Less than a point may be left: whatever paid beside the account takes it.
        if of_points == 0 {
            let rest = std::mem::take(&mut points);
            if of_vouchers == 0 { account += rest } else { vouchers += rest }
        }
        let currency = self.quote.total.currency();
        let means =
            [(Means::Account(provider), account), (Means::Voucher, vouchers), (Means::Points, points)];
        let payments = means.into_iter().filter(|(_, minor)| *minor != 0);
        let payments =
            payments.map(|(means, minor)| DocumentPayment { means, amount: Money::new(minor, currency) });
        Ok(Some(Document {
            key: key.to_owned(),
            kind,
            order: self.id,
            number: self.number.clone(),
            store: self.store.clone(),
            at,
            lines,
            payments: payments.collect(),
            total: Money::new(total, currency),
        }))
    }
}

/// What lines come to, in minor units.
fn sum(lines: &[DocumentLine]) -> Result<i64, money::Error> {
    lines.iter().map(|line| Ok(line.gross()?.minor())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::order::OrderState;
    use super::super::order::tests::{order, pick};
    use super::super::returned::LineWish;
    use super::super::returned::tests::refund;
    use super::super::trips::{eur, trip};
    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// Net and tax by rate, returns taken off.
    fn books(documents: &[Document]) -> Vec<(Rate, i64, i64)> {
        let mut books: Vec<(Rate, i64, i64)> = Vec::new();
        for document in documents {
            let sign = if document.kind == DocumentKind::Sale { 1 } else { -1 };
            for line in &document.lines {
                let (net, tax) = (sign * line.net.minor(), sign * line.tax.minor());
                match books.iter_mut().find(|(rate, ..)| *rate == line.rate) {
                    Some((_, nets, taxes)) => (*nets, *taxes) = (*nets + net, *taxes + tax),
                    None => books.push((line.rate, net, tax)),
                }
            }
        }
        books.retain(|(_, net, tax)| (*net, *tax) != (0, 0));
        books.sort_unstable();
        books
    }

    fn of_order(order: &Order) -> Vec<(Rate, i64, i64)> {
        let taxes = order.by_rate(&order.items().expect("fits")).expect("fits");
        let mut taxes: Vec<_> =
            taxes.iter().map(|tax| (tax.rate, tax.net.minor(), tax.tax.minor())).collect();
        taxes.retain(|(_, net, tax)| (*net, *tax) != (0, 0));
        taxes.sort_unstable();
        taxes
    }

    fn is_paid(document: &Document) -> bool {
        let paid: i64 = document.payments.iter().map(|payment| payment.amount.minor()).sum();
        paid == document.total.minor() && sum(&document.lines) == Ok(paid)
    }

    fn account(document: &Document) -> i64 {
        let own = document.payments.iter().filter(|payment| matches!(payment.means, Means::Account(_)));
        own.map(|payment| payment.amount.minor()).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_documents_of_an_order_come_to_what_it_comes_to(
            trip in trip(), hundredths in prop::collection::vec(0_i64..=100, 8),
            steps in prop::collection::vec((0_usize..20, 1_i64..4, any::<bool>()), 0..6),
        ) {
            let mut order = order(&trip);
            let mut documents: Vec<Document> = Vec::new();
            documents.extend(order.sale_document(ProviderName::PayPal, AT).expect("fits"));
            if order.shipment.is_some() {
                pick(&mut order, &hundredths);
                order.picking.is_closed = true;
                documents.extend(order.delivery_document(ProviderName::PayPal, AT).expect("fits"));
            }
            prop_assert!(documents.iter().all(is_paid), "{documents:?}");
            prop_assert_eq!(books(&documents), of_order(&order));
            prop_assert_eq!(documents.iter().map(account).sum::<i64>(), order.due().expect("fits").minor());
            let mut before: Vec<Refund> = Vec::new();
            for (at, pieces, is_by_line) in steps {
                let number = order.quote.lines[at % order.quote.lines.len()].line;
                let wish = LineWish { line: number, is_substitute: false, pieces: Some(pieces) };
                let lines = order.refunded_lines(&[wish], &before).unwrap_or_default();
                let wanted = if is_by_line { order.cost_of(&lines, &before).expect("fits") } else { Vec::new() };
                let cost: i64 = wanted.iter().map(|tax| tax.gross.minor()).sum();
                let value = if cost > 0 { cost } else { 70 * pieces };
                let taxes = order.refund_taxes(value, &wanted, &before).expect("fits");
                let value: i64 = taxes.iter().map(|tax| tax.gross.minor()).sum();
                let lines = if cost > 0 { lines } else { Vec::new() };
                let next = refund(value, lines, taxes);
                let document = order.refund_document(&next, &before, None, (ProviderName::PayPal, AT));
                documents.extend(document.expect("fits"));
                before.push(next);
            }
            prop_assert!(documents.iter().all(is_paid), "{documents:?}");
            let rest = order.refund_taxes(i64::MAX, &[], &before).expect("fits");
            let all = order.lines_left(&before);
            let last = Refund { lines: all, ..refund(rest.iter().map(|tax| tax.gross.minor()).sum(), Vec::new(), rest) };
            documents.extend(order.refund_document(&last, &before, None, (ProviderName::PayPal, AT)).expect("fits"));
            prop_assert_eq!(books(&documents), Vec::new());
        }

        #[test]
        fn a_cancellation_takes_back_what_was_sold(trip in trip(), amount in 0_i64..500) {
            let mut order = order(&trip);
            let mut documents: Vec<Document> = Vec::new();
            documents.extend(order.sale_document(ProviderName::Klarna, AT).expect("fits"));
            let mut before = Vec::new();
            let taxes = order.refund_taxes(amount.min(order.quote.due_now.minor()), &[], &before).expect("fits");
            if !taxes.is_empty() {
                let value: i64 = taxes.iter().map(|tax| tax.gross.minor()).sum();
                let next = refund(value, Vec::new(), taxes);
                order.refunded = eur(value);
                documents.extend(order.refund_document(&next, &[], None, (ProviderName::Klarna, AT)).expect("fits"));
                before.push(next);
            }
            order.state = OrderState::Cancelled;
            documents.extend(order.cancellation_document(&before, ProviderName::Klarna, AT).expect("fits"));
            prop_assert!(documents.iter().all(is_paid), "{documents:?}");
            prop_assert_eq!(books(&documents), Vec::new());
            let goods = |kind| -> i64 {
                let lines = documents.iter().filter(|document| document.kind == kind).flat_map(|document| &document.lines);
                lines.map(|line| if let Item::Goods { quantity, .. } = &line.item { quantity.amount() } else { 0 }).sum()
            };
            prop_assert_eq!(goods(DocumentKind::Sale), goods(DocumentKind::Return));
        }
    }
}

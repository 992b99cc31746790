//! What an order is and what it comes to: what was agreed on, what was picked of it, what paid for it. Pure.

use chrono::{DateTime, Utc};

use super::picking::{PickedLine, Picking, Substitute};
use super::quote::{Fulfilment, Quote, QuoteLine};
use super::shares::{Paid, Shares};
use crate::cart::TaxLine;
use crate::cart::pricing::TaxMode;
use crate::ids::{CheckoutId, OrderId, PaymentId, ShipmentId, ShopperId, StoreId};
use crate::money::{self, Money, Rate};
use crate::text_enum;

/// Thousandths of a percent that are all of it.
pub(super) const RATE_WHOLE: i64 = 100_000;

text_enum! {
    /// What an order waits for.
    pub enum OrderState {
        /// For the goods to be handed over and the rest to be captured.
        Placed = "placed",
        /// For nothing: handed over and captured.
        Completed = "completed",
        /// For nothing: taken back as a whole.
        Cancelled = "cancelled",
    }
}

/// What was bought and paid.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which.
    pub id: OrderId,
    /// What the shopper can read out.
    pub number: String,
    /// The checkout that it came from.
    pub checkout: CheckoutId,
    /// Its payment.
    pub payment: PaymentId,
    /// Whose.
    pub shopper: ShopperId,
    /// Where.
    pub store: StoreId,
    /// What it waits for.
    pub state: OrderState,
    /// What was bought.
    pub quote: Quote,
    /// What is captured by now.
    pub captured: Money,
    /// What was given back by now.
    pub refunded: Money,
    /// What was paid later as a debt, or written off, instead of being captured.
    pub made_good: Money,
    /// The goods on their way.
    pub shipment: Option<ShipmentId>,
    /// Why money that was due could not be captured.
    pub trouble: Option<String>,
    /// What was really picked of what is delivered.
    pub picking: Picking,
    /// When staff said that all of it was picked, or it went out.
    pub picked_at: Option<DateTime<Utc>>,
    /// Grows with each change.
    pub version: i64,
    /// When it was paid.
    pub placed_at: DateTime<Utc>,
}

impl Order {
    /// The line as it was picked, where that is something else than was ordered.
    pub(super) fn picked(&self, line: i64) -> Option<&PickedLine> {
        self.picking.lines.iter().find(|picked| picked.line == line)
    }

    /// What goes out in the place of goods that were not there.
    pub(super) fn substitutes(&self) -> impl Iterator<Item = &Substitute> {
        self.picking.lines.iter().filter_map(PickedLine::agreed_substitute)
    }

    /// What all of that costs, with its deposits and taxes.
    pub(super) fn substitutes_cost(&self) -> Result<Money, money::Error> {
        let mode = self.quote.tax_mode()?;
        let gross = self.substitutes().flat_map(Substitute::costs);
        let gross = gross.map(|(amount, rate)| Taxed::alone(mode, amount, rate)?.gross());
        Money::sum(self.quote.total.currency(), gross.collect::<Result<Vec<_>, _>>()?)
    }

    /// What the delivery costs, with the fees that are only for it and their taxes, in minor units.
    pub(super) fn delivery_cost(&self) -> i64 {
        let is_on_top = self.quote.tax_on_top().is_ok_and(Money::is_positive);
        let cost = |amount: Money, tax: Option<Money>| {
            amount.minor() + tax.filter(|_| is_on_top).map_or(0, Money::minor)
        };
        let fees = self.quote.fees.iter().filter(|fee| fee.is_for_delivery);
        let fees: i64 = fees.map(|fee| cost(fee.amount, Some(fee.tax))).sum();
        fees + self.quote.delivery_fee.map_or(0, |fee| cost(fee.amount, fee.tax))
    }

    /// When its goods leave the store, where the shopper chose a way of delivery.
    pub(super) fn leaves_by(&self) -> Option<DateTime<Utc>> {
        self.quote.delivery.as_ref().map(|chosen| chosen.option.leaves_by)
    }

    /// What its goods are picked in the order of: when they leave, or when they were ordered where nobody knows.
    pub(super) fn pick_by(&self) -> DateTime<Utc> {
        self.leaves_by().unwrap_or(self.placed_at)
    }

    /// Whether what was picked of it may still be said: it is to be delivered, and has not gone out.
    pub(super) fn may_be_picked(&self) -> bool {
        self.state == OrderState::Placed && !self.is_all_there()
    }

    /// Whether nothing of what is to be delivered was there: then nothing is sent, and the delivery costs nothing.
    pub fn is_delivery_void(&self) -> bool {
        let mut delivered = self.quote.lines_of(Fulfilment::Deliver).peekable();
        let is_missing = |line: &QuoteLine| self.picked(line.line).is_some_and(PickedLine::is_void);
        delivered.peek().is_some() && delivered.all(is_missing)
    }

    /// Each line, deposit and fee with its tax, as picked. What is as it was agreed on keeps the tax that was agreed on; what
    /// is less is taxed alone, rounded half away from zero: so no amount depends on any other.
    pub(super) fn items(&self) -> Result<Vec<Taxed>, money::Error> {
        let (quote, mode) = (&self.quote, self.quote.tax_mode()?);
        let mut items = Vec::new();
        for line in &quote.lines {
            let picked = self.picked(line.line);
            let agreed = Taxed::agreed(mode, line.amount, line.tax_rate, line.tax)?;
            items.push(picked.map_or(Ok(agreed), |picked| agreed.less(mode, picked.amount))?.of(line));
            if let Some(deposit) = &line.deposit {
                let agreed = Taxed::agreed(mode, deposit.amount, deposit.rate, Some(deposit.tax))?;
                let left = picked.and_then(|picked| picked.deposit);
                let left = left.map_or(Ok(agreed), |left| agreed.less(mode, left))?;
                items.push(Taxed { what: What::Deposit, ..left.of(line) });
            }
            let instead =
                picked.and_then(PickedLine::agreed_substitute).into_iter().flat_map(Substitute::costs);
            for ((amount, rate), what) in instead.zip([What::Goods, What::Deposit]) {
                items.push(Taxed { is_substitute: true, what, ..Taxed::alone(mode, amount, rate)?.of(line) });
            }
        }
        let is_void = self.is_delivery_void();
        if let Some(fee) = quote.delivery_fee.filter(|_| !is_void) {
            let fee = Taxed::agreed(mode, fee.amount, fee.tax_rate, fee.tax)?;
            items.push(Taxed { what: What::Delivery, ..fee });
        }
        for fee in quote.fees.iter().filter(|fee| !(is_void && fee.is_for_delivery)) {
            let fee = Taxed::agreed(mode, fee.amount, fee.rate, Some(fee.tax))?;
            items.push(Taxed { what: What::Fee, ..fee });
        }
        Ok(items)
    }

    /// The taxes of what was picked, by rate: those of the quote where all of it was, else the sums of its items' taxes.
    pub fn taxes(&self) -> Result<Vec<TaxLine>, money::Error> {
        if self.picking.lines.is_empty() {
            return Ok(self.quote.taxes.clone());
        }
        self.by_rate(&self.items()?)
    }

    /// What these come to, by rate: those of the order first, then those that only a substitute has.
    pub(super) fn by_rate(&self, items: &[Taxed]) -> Result<Vec<TaxLine>, money::Error> {
        let currency = self.quote.total.currency();
        let mut rates: Vec<Rate> = self.quote.taxes.iter().map(|tax| tax.rate).collect();
        for item in items {
            if !rates.contains(&item.rate) {
                rates.push(item.rate);
            }
        }
        let of_rate = |rate: Rate| -> Result<TaxLine, money::Error> {
            let own = items.iter().filter(|item| item.rate == rate);
            let (net, tax): (Vec<Money>, Vec<Money>) = own.map(|item| (item.net, item.tax)).unzip();
            let (net, tax) = (Money::sum(currency, net)?, Money::sum(currency, tax)?);
            Ok(TaxLine { rate, gross: net.plus(tax)?, net, tax })
        };
        rates.into_iter().map(of_rate).collect()
    }

    /// What everything costs that was picked: goods, deposits, fees and tax.
    pub fn cost(&self) -> Result<Money, money::Error> {
        if self.picking.lines.is_empty() {
            return Ok(self.quote.total);
        }
        let gross = self.items()?.into_iter().map(|item| item.gross());
        Money::sum(self.quote.total.currency(), gross.collect::<Result<Vec<_>, _>>()?)
    }

    /// What is debited in all: what was picked costs, less what vouchers and points paid of it.
    pub fn due(&self) -> Result<Money, money::Error> {
        let (cost, credited) = (self.cost()?, self.quote.credited()?);
        let left = cost.minus(credited)?;
        Ok(if left.minor() < 0 { Money::zero(left.currency()) } else { left })
    }

    /// What vouchers and points paid beyond what was picked costs.
    pub fn excess(&self) -> Result<Money, money::Error> {
        let over = self.quote.credited()?.minus(self.cost()?)?;
        Ok(if over.minor() < 0 { Money::zero(over.currency()) } else { over })
    }

    /// What vouchers and points paid, as a whole; so many points were burned.
    pub fn credits(&self, burned: i64) -> Paid {
        let (vouchers, points) = self.quote.credits_by_kind();
        let worth = points.checked_div(burned).unwrap_or(0);
        Paid { shares: Shares { account: 0, vouchers, points: if worth > 0 { burned } else { 0 } }, worth }
    }

    /// What has paid so far for what the shopper has: the account, and of vouchers and points what they paid of it. They pay
    /// first for what is taken along; the rest counts once the goods are handed over.
    pub fn paid(&self, burned: i64) -> Result<Paid, money::Error> {
        let mut paid = self.credits(burned);
        let back = self.picking.back;
        if self.is_all_there() {
            paid.shares.points -= back.map_or(0, |back| back.points);
            paid.shares.vouchers -= back.and_then(|back| back.credit_note).map_or(0, Money::minor);
        } else {
            paid = paid.first(self.taken_along()?.minor());
        }
        paid.shares.account = self.captured.minor();
        Ok(paid)
    }

    /// Whether nothing is waiting to be handed over.
    pub(super) fn is_all_there(&self) -> bool {
        self.shipment.is_none() || self.picking.is_closed
    }

    /// What is taken along costs.
    fn taken_along(&self) -> Result<Money, money::Error> {
        let own = self.items()?.into_iter().filter(|item| item.is_taken_along);
        let gross = own.map(|item| item.gross()).collect::<Result<Vec<_>, _>>()?;
        Money::sum(self.quote.total.currency(), gross)
    }

    /// The state that the amounts and the goods lead to: completed once everything is captured, which for delivered goods
    /// happens at their hand-over.
    pub fn settled_state(&self) -> Result<OrderState, money::Error> {
        Ok(match self.state {
            OrderState::Placed if self.received()? == self.due()? => OrderState::Completed,
            state => state,
        })
    }

    /// What nothing more is waited for of: captured, paid later as a debt, or written off.
    pub fn received(&self) -> Result<Money, money::Error> {
        self.captured.plus(self.made_good)
    }

    /// The share of the earned points that goes with what was not picked.
    pub fn points_not_picked(&self) -> Result<i64, money::Error> {
        let missing = self.quote.total.minus(self.cost()?)?;
        Ok(share(self.quote.points, missing.minor(), self.quote.total.minor()))
    }

    /// The share of the points that were earned with what was picked, `earned`, that goes with so much of it given back.
    pub fn points_given_back(&self, earned: i64, value: i64) -> Result<i64, money::Error> {
        Ok(share(earned, value, self.cost()?.minor()))
    }
}

/// A part of points, cut off to whole ones: none where there is no whole.
fn share(points: i64, part: i64, whole: i64) -> i64 {
    let share = i128::from(points) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(points).clamp(0, points.max(0))
}

/// What costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The goods of a line, or what went out in their place.
    Goods,
    /// Its bottles or crates.
    Deposit,
    /// The courier.
    Delivery,
    /// A fee of the store's own.
    Fee,
}

/// Something that costs and is taxed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taxed {
    pub(super) what: What,
    pub(super) rate: Rate,
    /// In the terms of the shelf.
    pub(super) amount: Money,
    pub(super) net: Money,
    pub(super) tax: Money,
    /// The line that it belongs to; none of a fee.
    pub(super) line: Option<i64>,
    /// Whether it went out in the place of what was ordered.
    pub(super) is_substitute: bool,
    pub(super) is_taken_along: bool,
}

impl Taxed {
    /// As it was agreed on; with the tax that its rate makes of it where the quote is older than shares of tax.
    fn agreed(mode: TaxMode, amount: Money, rate: Rate, tax: Option<Money>) -> Result<Self, money::Error> {
        match tax {
            Some(tax) => Self::with(mode, amount, rate, tax),
            None => Self::alone(mode, amount, rate),
        }
    }

    /// The same with another amount.
    fn less(self, mode: TaxMode, amount: Money) -> Result<Self, money::Error> {
        if amount == self.amount { Ok(self) } else { Self::alone(mode, amount, self.rate) }
    }

    /// What comes to so much in the terms of the shelf, taxed by itself.
    pub(super) fn alone(mode: TaxMode, amount: Money, rate: Rate) -> Result<Self, money::Error> {
        let tax = match mode {
            TaxMode::Inside => rate.tax_inside(amount)?,
            TaxMode::OnTop => {
                let tax = money::in_proportion(amount.minor(), rate.thousandths(), RATE_WHOLE)?;
                Money::new(tax, amount.currency())
            }
        };
        Self::with(mode, amount, rate, tax)
    }

    fn with(mode: TaxMode, amount: Money, rate: Rate, tax: Money) -> Result<Self, money::Error> {
        let net = match mode {
            TaxMode::Inside => amount.minus(tax)?,
            TaxMode::OnTop => amount,
        };
        let what = What::Goods;
        Ok(Self { what, rate, amount, net, tax, line: None, is_substitute: false, is_taken_along: false })
    }

    /// Net and tax.
    pub(super) fn gross(&self) -> Result<Money, money::Error> {
        self.net.plus(self.tax)
    }

    fn of(self, line: &QuoteLine) -> Self {
        let is_taken_along = line.fulfilment == Fulfilment::TakeAlong;
        Self { line: Some(line.line), is_taken_along, ..self }
    }
}

/// What the exit must know of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitFacts {
    /// The order.
    pub order: OrderId,
    /// The store whose gates it opens.
    pub store: StoreId,
    /// How many pieces are taken along.
    pub pieces: i64,
    /// Whether everything that is taken along is captured.
    pub paid: bool,
    /// Whether the order was taken back.
    pub cancelled: bool,
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::picking::CreditsBack;
    use super::super::trips::{Trip, eur, quoted, trip};
    use super::*;
    use crate::quantity::{Quantity, Unit};

    pub fn order(trip: &Trip) -> Order {
        let (quote, id) = (quoted(trip), Uuid::from_u128(1));
        let shipment = quote.lines_of(Fulfilment::Deliver).next().map(|_| ShipmentId(id));
        Order {
            id: OrderId(id),
            number: "A1".to_owned(),
            checkout: CheckoutId(id),
            payment: PaymentId(id),
            shopper: ShopperId(id),
            store: "0001".parse().expect("a key"),
            state: OrderState::Placed,
            captured: quote.due_now,
            refunded: eur(0),
            made_good: eur(0),
            shipment,
            trouble: None,
            picking: Picking::default(),
            picked_at: None,
            version: 1,
            placed_at: DateTime::UNIX_EPOCH,
            quote,
        }
    }

    /// So many hundredths of each delivered line are picked; all of it with a hundred.
    pub fn pick(order: &mut Order, hundredths: &[i64]) {
        let part = |whole: Money, of: i64| eur(money::in_proportion(whole.minor(), of, 100).expect("fits"));
        let lines = order.quote.lines_of(Fulfilment::Deliver).zip(hundredths).filter(|(_, of)| **of < 100);
        let picked = lines.map(|(line, of)| PickedLine {
            line: line.line,
            quantity: Quantity::new(*of, Unit::Piece).ok(),
            amount: part(line.amount, *of),
            deposit: line.deposit.as_ref().map(|deposit| part(deposit.amount, *of)),
            substitute: None,
        });
        order.picking.lines = picked.collect();
    }

    fn minor(money: Result<Money, money::Error>) -> i64 {
        money.expect("fits").minor()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_was_picked_is_taxed_line_by_line_and_comes_to_what_is_debited(
            trip in trip(), hundredths in prop::collection::vec(0_i64..=100, 8),
        ) {
            let mut order = order(&trip);
            let agreed = order.items().expect("fits");
            pick(&mut order, &hundredths);
            let (cost, due) = (minor(order.cost()), minor(order.due()));
            let taxes = order.taxes().expect("fits");
            prop_assert_eq!(taxes.iter().map(|tax| tax.gross.minor()).sum::<i64>(), cost, "receipt and debit agree");
            prop_assert!(taxes.iter().all(|tax| tax.net.plus(tax.tax) == Ok(tax.gross)));
            prop_assert!(order.quote.due_now.minor() <= due && due <= order.quote.to_pay().minor());
            prop_assert_eq!(cost - due, minor(order.quote.credited()) - minor(order.excess()));
            if order.is_delivery_void() {
                return Ok(());
            }
            for (item, agreed) in order.items().expect("fits").iter().zip(&agreed) {
                prop_assert!(item.net.minor() + item.tax.minor() <= agreed.net.minor() + agreed.tax.minor());
                let mode = order.quote.tax_mode().expect("fits");
                let alone = Taxed::alone(mode, item.amount, item.rate).expect("fits");
                prop_assert!((item.tax.minor() - alone.tax.minor()).abs() <= 1, "{item:?}");
            }
        }

        #[test]
        fn what_is_given_back_comes_to_what_paid(
            trip in trip(), hundredths in prop::collection::vec(0_i64..=100, 8),
        ) {
            let mut order = order(&trip);
            let burned = order.quote.credits_by_kind().1 / trip.worth;
            let taken = minor(order.taken_along());
            let before = order.paid(burned).expect("fits");
            if order.shipment.is_some() {
                prop_assert!(before.value() <= taken && taken - before.value() < before.worth.max(1));
            }
            pick(&mut order, &hundredths);
            let excess = minor(order.excess());
            let back = order.credits(burned).excess(excess);
            order.picking.is_closed = true;
            let credit_note = (back.vouchers > 0).then(|| eur(back.vouchers));
            order.picking.back = Some(CreditsBack { points: back.points, credit_note });
            order.captured = order.due().expect("fits");
            let paid = order.paid(burned).expect("fits");
            // A last point may be worth more than what it comes back for.
            let cost = minor(order.cost());
            prop_assert!(paid.value() <= cost && cost - paid.value() < paid.worth.max(1), "{paid:?} {cost}");
        }
    }
}

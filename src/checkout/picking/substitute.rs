//! What may be sent for goods that are not there: what it costs, and why it may not go. The store's shelf as it is now says the
//! first, what the shopper agreed to bounds it.

use super::model::{Consent, PickedLine, Picking, Substitute, SubstituteDeposit};
use crate::app::App;
use crate::catalog::{self, Offer, Portion, Price, ProductRow, Snapshot, Store, Temperature};
use crate::checkout::error::Error;
use crate::checkout::order::{Order, RATE_WHOLE, Taxed};
use crate::checkout::quote::QuoteLine;
use crate::clock::Moment;
use crate::ids::Sku;
use crate::money::{self, Money, Rate};
use crate::quantity::{Quantity, Unit};

/// Why something can't go in the place of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The shopper rather does without.
    #[error("the shopper wants nothing in its place")]
    Unwanted,
    /// The shopper said no to it, or did not answer.
    #[error("the shopper was asked and did not say yes")]
    Declined,
    /// All of the line was there.
    #[error("nothing of the line is missing")]
    NothingMissing,
    /// It is what was ordered.
    #[error("it is the same product")]
    Same,
    /// The store doesn't sell it now.
    #[error("the store does not sell it now")]
    NotSold,
    /// It must not be sent.
    #[error("no courier may bring it")]
    NotDeliverable,
    /// The shopper's age was not asked for, or for less.
    #[error("it is sold from an age that nobody makes sure of in this order")]
    Age,
    /// The courier was chosen for goods that need no cooling.
    #[error("it must be kept cold, and the courier does not")]
    Cold,
    /// Pieces of what is weighed, or the other way round.
    #[error("it is picked in the unit in which it is sold")]
    Unit,
    /// Its deposit alone is dearer than what is missing.
    #[error("its deposit alone costs more than what it takes the place of")]
    Deposit,
}

/// What staff found instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) sku: Sku,
    pub(super) quantity: Quantity,
}

/// A substitute for what is missing of a line that was picked so, at the store's present price and within what was agreed on. Who
/// consents is the caller's to say.
pub(super) async fn substitute(
    app: &App,
    now: Moment,
    order: &Order,
    (line, picked): (&QuoteLine, &PickedLine),
    found: &Found,
) -> Result<Result<Substitute, Unfit>, Error> {
    if found.sku == line.sku {
        return Ok(Err(Unfit::Same));
    }
    let room = room(order, line, picked)?;
    if !room.is_positive() {
        return Ok(Err(Unfit::NothingMissing));
    }
    let goods = {
        let catalog = app.catalog.view();
        goods(&catalog, now, (order, line), found)
    };
    let goods = match goods {
        Ok(goods) => goods,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let mut price = goods.price.amount;
    if let Some(member) = goods.price.member.filter(|member| member.minor() < price.minor()) {
        let customer = catalog::customer(&app.db, order.shopper).await?;
        price = if customer.is_some_and(|customer| customer.is_member) { member } else { price };
    }
    Ok(priced(order, room, goods, price, found.quantity)?)
}

/// What the catalogue knows of it.
struct Goods {
    product: ProductRow,
    price: Price,
    rate: Rate,
    /// Of one piece.
    deposit: Option<(Money, Rate)>,
}

fn goods(
    catalog: &Snapshot,
    now: Moment,
    (order, line): (&Order, &QuoteLine),
    found: &Found,
) -> Result<Goods, Unfit> {
    let store: &Store = catalog.store(&order.store).ok_or(Unfit::NotSold)?;
    let local = store.local(now);
    let offered = |sku: &Sku| catalog.product(&order.store, sku, now).map_err(|_| Unfit::NotSold);
    let taxed = |offer: &Offer| {
        let rate = catalog.rate_in(store, &offer.tax_class, local.date());
        rate.ok_or(Unfit::NotSold)
    };
    let offer = offered(&found.sku)?;
    if !offer.is_for_sale(local) || !offer.recalls.is_empty() {
        return Err(Unfit::NotSold);
    }
    if !offer.deliverable {
        return Err(Unfit::NotDeliverable);
    }
    let needs = order.quote.delivery_needs;
    if offer.age_min.is_some_and(|age| needs.age_min.is_none_or(|checked| checked < age)) {
        return Err(Unfit::Age);
    }
    // What was ordered goes as cold as it has to; nothing that has to be colder goes with it.
    let is_as_cold =
        || catalog.facts(&line.sku).is_some_and(|ordered| ordered.temperature == offer.temperature);
    if offer.temperature != Temperature::Ambient && !(needs.is_cold && is_as_cold()) {
        return Err(Unfit::Cold);
    }
    if found.quantity.unit() != offer.priced_per.map_or(Unit::Piece, Quantity::unit) {
        return Err(Unfit::Unit);
    }
    let of_deposit = |sku: &Sku| {
        let deposit = offered(sku)?;
        Ok((deposit.price.amount, taxed(&deposit)?))
    };
    let deposit = offer.deposit.as_ref().map(of_deposit).transpose()?;
    let rate = taxed(&offer)?;
    Ok(Goods { product: ProductRow::clone(&offer), price: offer.price, rate, deposit })
}

fn priced(
    order: &Order,
    room: Money,
    Goods { product, rate, deposit, .. }: Goods,
    price: Money,
    quantity: Quantity,
) -> Result<Result<Substitute, Unfit>, money::Error> {
    let mode = order.quote.tax_mode()?;
    let gross = |amount: Money, rate: Rate| Taxed::alone(mode, amount, rate)?.gross();
    let is_measured = quantity.unit() != Unit::Piece;
    let pieces = if is_measured { 1 } else { quantity.amount() };
    let deposit = deposit.map(|(amount, tax_rate)| -> Result<_, money::Error> {
        Ok(SubstituteDeposit { amount: amount.times(pieces)?, tax_rate })
    });
    let deposit = deposit.transpose()?;
    let taken = match deposit {
        Some(deposit) => gross(deposit.amount, deposit.tax_rate)?,
        None => Money::zero(room.currency()),
    };
    let left = room.minus(taken)?;
    if left.minor() < 0 {
        return Ok(Err(Unfit::Deposit));
    }
    let portion = Portion { measure: is_measured.then_some(quantity), label_price: None, pieces };
    let mut amount = portion.amount(price, product.priced_per)?;
    if gross(amount, rate)?.minor() > left.minor() {
        // Where tax comes on top, the amount that leads to what is left; by rounding it may be one too much.
        let on_top = gross(Money::new(RATE_WHOLE, left.currency()), rate)?.minor();
        amount = Money::new(money::in_proportion(left.minor(), RATE_WHOLE, on_top)?, left.currency());
        while gross(amount, rate)?.minor() > left.minor() {
            amount = Money::new(amount.minor() - 1, amount.currency());
        }
    }
    Ok(Ok(Substitute {
        sku: product.sku,
        name: product.name,
        quantity,
        unit_price: price,
        priced_per: product.priced_per,
        amount,
        tax_rate: rate,
        deposit,
        consent: Consent::Given,
        answer_until: None,
        is_picked: false,
    }))
}

/// What was agreed on for what is missing of a line, its deposit and its tax with it.
fn room(order: &Order, line: &QuoteLine, picked: &PickedLine) -> Result<Money, money::Error> {
    let own = PickedLine { substitute: None, ..picked.clone() };
    let cost = |lines: Vec<PickedLine>| -> Result<Money, money::Error> {
        let order = Order { picking: Picking { lines, ..Picking::default() }, ..order.clone() };
        let items = order.items()?.into_iter().filter(|item| item.line == Some(line.line));
        let gross = items.map(|item| item.gross()).collect::<Result<Vec<_>, _>>()?;
        Money::sum(order.quote.total.currency(), gross)
    };
    cost(Vec::new())?.minus(cost(vec![own])?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::order::tests::{order, pick};
    use super::super::super::quote::Fulfilment;
    use super::super::super::trips::{eur, trip};
    use super::*;

    fn goods(price: i64, rate: Rate, deposit: Option<(Money, Rate)>) -> Goods {
        let (sku, class) = ("oats".parse().expect("a key"), "standard".parse().expect("a key"));
        let price = Price { amount: eur(price), regular: None, promotion: None, member: None };
        Goods { product: ProductRow::new(sku, "Oat drink".to_owned(), class), price, rate, deposit }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn whatever_is_sent_instead_an_order_never_costs_more_than_was_agreed_on(
            trip in trip(), hundredths in prop::collection::vec(0_i64..=100, 8),
            found in prop::collection::vec((1_i64..4, 0_i64..3_000, 0_i64..60, 0_u32..30), 8),
        ) {
            let mut order = order(&trip);
            let (agreed, due) = (order.cost().expect("fits").minor(), order.due().expect("fits").minor());
            pick(&mut order, &hundredths);
            let lines: Vec<QuoteLine> = order.quote.lines_of(Fulfilment::Deliver).cloned().collect();
            let before = order.cost().expect("fits").minor();
            for ((pieces, price, deposit, rate), line) in found.into_iter().zip(&lines) {
                let Some(picked) = order.picked(line.line).cloned() else { continue };
                let room = room(&order, line, &picked).expect("fits");
                let rate = Rate::percent(rate.into()).expect("a rate");
                let deposit = (deposit > 0).then_some((eur(deposit), rate));
                let goods = goods(price, rate, deposit);
                let quantity = Quantity::pieces(pieces).expect("fits");
                let made = priced(&order, room, goods, eur(price), quantity).expect("fits");
                let Ok(substitute) = made else { continue };
                let substitute = Substitute { is_picked: true, ..substitute };
                prop_assert!(substitute.amount.minor() <= price * pieces);
                let own = order.picking.lines.iter_mut().find(|own| own.line == line.line).expect("picked");
                own.substitute = Some(substitute);
            }
            let cost = order.cost().expect("fits").minor();
            prop_assert!(cost <= agreed, "{cost} of {agreed}");
            prop_assert!(order.is_delivery_void() || before <= cost, "{before} {cost}");
            prop_assert!(order.due().expect("fits").minor() <= due);
            let taxes = order.taxes().expect("fits");
            prop_assert_eq!(taxes.iter().map(|tax| tax.gross.minor()).sum::<i64>(), cost, "receipt and debit agree");
        }
    }
}

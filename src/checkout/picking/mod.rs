//! Picking in the store what is delivered: from the list to what was really there, and what goes in the place of what was not.
//!
//! Invariants: nothing changes once the goods were handed over; what is paid is what goes out, and never more than was agreed
//! on; goods in the place of others go out only with the shopper's yes, said before or when asked; a question that is not
//! answered in time is answered with no.
//!
//! `list.rs` says what to pick, `model.rs` what was picked, `substitute.rs` what may go instead, `ask.rs` asks.

mod ask;
pub mod http;
mod list;
mod model;
mod substitute;

pub use ask::AnswerFault;
pub use ask::{LapseQuestions, lapse_questions};
#[cfg(test)]
pub(super) use model::Consent;
pub use model::{CreditsBack, IfMissing, PickedLine, Picking, Substitute};
pub use substitute::Unfit;

use ask::Question;
use substitute::Found;

use super::error::Error;
use super::news::{self, NewsKind};
use super::order::Order;
use super::quote::{Fulfilment, QuoteLine};
use super::{complete, refund, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::delivery;
use crate::ids::{OrderId, StaffId, StoreId};
use crate::jobs;
use crate::money::{self, Money};
use crate::quantity::{Quantity, Unit};

/// Nothing is delivered, or it went out.
const NOTHING_TO_PICK: Error = Error::Order("nothing of the order is waiting to be picked");

/// What staff say of a line.
#[derive(Clone, Debug)]
struct Said {
    line: i64,
    quantity: Option<Quantity>,
    instead: Option<Found>,
}

/// Says what was picked of an order, in the place of what was said before.
async fn say(
    app: &App,
    id: OrderId,
    (said, is_finished, staff): (&[Said], bool, StaffId),
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Order, Error> {
    let now = app.clock.now();
    let seen = store::find_order(&app.db, id).await?.ok_or(Error::UnknownOrder)?;
    may(&seen.store)?;
    if seen.picking.picker.is_some_and(|picker| picker.keeps_out(staff, now)) {
        return Err(Error::OtherPicker);
    }
    let mut lines: Vec<PickedLine> = Vec::with_capacity(said.len());
    for (at, said) in said.iter().enumerate() {
        let line = seen.quote.lines_of(Fulfilment::Deliver).find(|line| line.line == said.line);
        let line = line.ok_or(Error::Order("nothing of such a line is delivered"))?;
        if lines.iter().any(|each| each.line == said.line) {
            return Err(Error::Order("a line is named twice"));
        }
        let mut own = picked(line, said.quantity)?;
        if let Some(found) = &said.instead {
            let unfit = |why| Error::Unfit { at, why };
            let made = substitute::substitute(app, now, &seen, (line, &own), found).await?.map_err(unfit)?;
            let known = seen.picked(line.line).and_then(|picked| picked.substitute.as_ref());
            own.substitute = Some(ask::consented(app, now, &seen, line, (made, known)).map_err(unfit)?);
        }
        lines.push(own);
    }
    let picking = Picking { lines, ..seen.picking.clone() };
    change(app, now, &seen, picking, Finished::Said(is_finished)).await
}

/// Whether the picking of an order is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finished {
    /// As staff say.
    Said(bool),
    /// Something has to be fetched after all.
    Again,
    /// As it was.
    AsItWas,
}

/// Puts down what was picked of an order that was seen so, with what follows from it: the end of a delivery of which nothing is
/// left, and questions to the shopper.
async fn change(
    app: &App,
    now: Moment,
    seen: &Order,
    picking: Picking,
    finished: Finished,
) -> Result<Order, Error> {
    let next = Order { picking, ..seen.clone() };
    let mut tx = app.db.begin().await?;
    if let Some(shipment) = next.shipment.filter(|_| next.is_delivery_void()) {
        // Locked before the payment, as where a delivery tells its news.
        delivery::cancel(&mut tx, &app.ids, now, shipment).await?;
    }
    let mut order = refund::locked(&mut tx, seen.id).await?;
    if order.is_delivery_void() && order.picking.is_closed && order.picking.lines == next.picking.lines {
        // The same again: its answer was lost.
        return Ok(order);
    }
    if !order.may_be_picked() {
        return Err(NOTHING_TO_PICK);
    }
    if order.picking.lines != seen.picking.lines {
        return Err(Error::Order("it was changed at the same moment; read it and say it again"));
    }
    order.picking.lines = next.picking.lines;
    order.picking.refused = next.picking.refused;
    order.picked_at = match finished {
        Finished::Said(true) => order.picked_at.or(Some(now)),
        Finished::Said(false) | Finished::Again => None,
        Finished::AsItWas => order.picked_at,
    };
    if order.picked_at.is_some() {
        order.picking.picker = None;
    }
    if order.is_delivery_void() {
        complete::end_delivery(app, &mut tx, now, &mut order).await.map_err(Error::Internal)?;
    } else {
        store::update_order(&mut tx, &order).await?;
        let asked = Question::new_in(&seen.picking, &order.picking);
        for (question, until) in &asked {
            let job = LapseQuestions::of(order.id, question, *until);
            jobs::enqueue_at(&mut tx, &app.ids, now, &job, LapseQuestions::runs_at(*until)).await?;
        }
        if !asked.is_empty() {
            let kind = NewsKind::SubstituteAsked;
            news::tell(app, &mut tx, now, kind, &order).await.map_err(Error::Internal)?;
        }
    }
    tx.commit().await?;
    app.jobs.wake();
    app.changes.changed(order.id.0);
    Ok(order)
}

/// Whether somebody is picking an order, and has not said that it is done.
pub async fn is_being_picked(tx: &mut Tx, now: Moment, id: OrderId) -> Result<bool, db::Error> {
    let order = store::find_order(tx, id).await?;
    Ok(order.is_some_and(|order| {
        order.picked_at.is_none() && order.picking.picker.is_some_and(|picker| picker.lasts(now))
    }))
}

/// A line with what was picked of it.
fn picked(line: &QuoteLine, quantity: Option<Quantity>) -> Result<PickedLine, Error> {
    let (ordered, unit) =
        line.measure.map_or((line.pieces, Unit::Piece), |measure| (measure.amount(), measure.unit()));
    if quantity.is_some_and(|quantity| quantity.unit() != unit) {
        return Err(Error::Order("a line is picked in what it was ordered in"));
    }
    let amount = quantity.map_or(0, Quantity::amount);
    if unit == Unit::Piece && amount > ordered {
        return Err(Error::Order("no more pieces are picked than were ordered"));
    }
    let part = |whole: Money| -> Result<Money, money::Error> {
        let part = money::in_proportion(whole.minor(), amount.min(ordered), ordered)?;
        Ok(Money::new(part, whole.currency()))
    };
    // A box has its deposit whatever the goods in it weigh.
    let deposit_part = |whole: Money| match unit {
        Unit::Piece => part(whole),
        _ => Ok(if amount > 0 { whole } else { Money::zero(whole.currency()) }),
    };
    Ok(PickedLine {
        line: line.line,
        quantity,
        amount: part(line.amount)?,
        deposit: line.deposit.as_ref().map(|deposit| deposit_part(deposit.amount)).transpose()?,
        substitute: None,
    })
}

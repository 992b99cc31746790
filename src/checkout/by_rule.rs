//! Refunds that follow from a store's rule: goods that came back to the store, or that their courier lost.
//!
//! The rule counts when all parcels of a delivery ended so: which goods were in which of several parcels only a person can say.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::order::Order;
use super::quote::Fulfilment;
use super::refund::{self, Wish};
use super::returned::LineWish;
use super::store;
use crate::app::App;
use crate::catalog::Settlement;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{OrderId, RefundId};
use crate::jobs::{self, Failure, Job, Lease};

/// Pause before an order is looked at again whose money has not come yet.
const PAUSE: Duration = Duration::from_mins(15);

/// Gives back what was delivered, because it never arrived.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefundByRule {
    /// Of which order.
    order: OrderId,
    /// The refund's name: done twice, it is one.
    refund: RefundId,
    /// Whether the delivery comes back too.
    with_fee: bool,
    /// For the books.
    reason: String,
}

impl Job for RefundByRule {
    const KIND: &'static str = "checkout.refund_by_rule";

    fn subject(&self) -> String {
        self.order.to_string()
    }
}

/// Why a refund is made of goods that nobody has any more: they come back to no shelf.
pub(super) const LOST: &str = "the courier lost the delivery";

/// What ended a delivery before it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of it came back.
    Returned,
    /// All of it is lost.
    Lost,
}

/// Asks for the refund that the store's rule gives, if it gives any.
pub(super) async fn settle(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    order: &Order,
    ended: Ended,
) -> Result<(), db::Error> {
    let catalog = app.catalog.view();
    let terms = catalog.delivery_terms(&order.store);
    let Some(terms) = terms else { return Ok(()) };
    let (rule, reason) = match ended {
        Ended::Returned => (terms.when_returned, "the delivery came back to the store"),
        Ended::Lost => (terms.when_lost, LOST),
    };
    let with_fee = match rule {
        Settlement::Ask => return Ok(()),
        Settlement::RefundGoods => false,
        Settlement::RefundAll => true,
    };
    let job = RefundByRule { order: order.id, refund: app.ids.next(), with_fee, reason: reason.to_owned() };
    jobs::enqueue(tx, &app.ids, now, &job).await
}

/// Gives back what was delivered, as soon as it was paid.
pub async fn refund_by_rule(app: &App, lease: &Lease) -> jobs::Outcome {
    let RefundByRule { order: id, refund, with_fee, reason } = lease.payload()?;
    let mut tx = app.db.begin().await?;
    let Some(order) = store::find_order(&mut tx, id).await? else { return Ok(()) };
    let refunds = store::refunds(&mut tx, id).await?;
    tx.rollback().await?;
    if order.received()? != order.due()? {
        // What is in trouble is staff's.
        return match order.trouble {
            Some(_) => Ok(()),
            None => Err(Failure::after(PAUSE, "the order's money has not come yet")),
        };
    }
    let delivered = order.quote.lines_of(Fulfilment::Deliver);
    let wishes = delivered.flat_map(|line| {
        [false, true].map(|is_substitute| LineWish { line: line.line, is_substitute, pieces: None })
    });
    // What came back before by staff's hand is not given back again.
    let lines = wishes.filter(|wish| order.refunded_lines(&[*wish], &refunds).is_ok()).collect();
    let wish = Wish { refund, order: id, lines, amount: None, with_fee, reason, staff: None };
    if wish.lines.is_empty() {
        return Ok(());
    }
    match refund::begin(app, wish, |_| Ok(())).await {
        // Begun; or nothing is left, or the order was cancelled meanwhile.
        Ok(_) | Err(Error::RefundTooLarge(_) | Error::RefundTooSmall(_) | Error::Order(_)) => Ok(()),
        Err(error) => Err(Failure::after(PAUSE, error.to_string())),
    }
}

//! Whether the shopper agrees to goods in the place of others: as they said when they ordered, or as they answer in time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::model::{Consent, IfMissing, Picking, Substitute};
use super::substitute::Unfit;
use super::{Finished, change};
use crate::app::App;
use crate::checkout::error::Error;
use crate::checkout::order::{Order, OrderState};
use crate::checkout::quote::QuoteLine;
use crate::checkout::store;
use crate::clock::Moment;
use crate::ids::{OrderId, ShopperId, Sku};
use crate::jobs::{Failure, Job, Lease, Outcome};
use crate::money::Money;

/// A deadline is looked at this much later, so that the job never comes too early by a rounding.
const DEADLINE_SLACK: chrono::Duration = chrono::Duration::milliseconds(10);
/// Pause before a deadline is looked at again.
const PAUSE: Duration = Duration::from_secs(1);

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// Nothing is asked for this line.
    #[error("nothing is asked for this line")]
    NotAsked,
    /// Something else is asked by now.
    #[error("something else is offered in its place by now")]
    Changed,
    /// It was answered otherwise.
    #[error("it was answered before")]
    Answered,
    /// The time is over.
    #[error("the time to answer is over, and the line is left out")]
    Late,
}

/// A substitute with the consent that it has, or that it needs: what was asked and answered before counts for the same goods,
/// and at no higher price.
pub(super) fn consented(
    app: &App,
    now: Moment,
    order: &Order,
    line: &QuoteLine,
    (made, known): (Substitute, Option<&Substitute>),
) -> Result<Substitute, Unfit> {
    if let Some(known) = known.filter(|known| known.is_same_goods(&made)) {
        let amount = if known.amount.minor() < made.amount.minor() { known.amount } else { made.amount };
        return match known.consent {
            Consent::Declined | Consent::Lapsed => Err(Unfit::Declined),
            consent @ (Consent::Given | Consent::Accepted | Consent::Asked) => {
                Ok(Substitute { amount, consent, answer_until: known.answer_until, ..made })
            }
        };
    }
    match line.if_missing {
        IfMissing::LeaveOut => Err(Unfit::Unwanted),
        IfMissing::Replace => Ok(made),
        IfMissing::Ask => {
            let answer_until = Some(now + answering_time(app, order));
            Ok(Substitute { consent: Consent::Asked, answer_until, ..made })
        }
    }
}

/// How long the shopper has to answer, by the store's rule.
fn answering_time(app: &App, order: &Order) -> chrono::Duration {
    let catalog = app.catalog.view();
    let terms = catalog.store(&order.store).and_then(|store| store.till.delivery.as_deref());
    chrono::Duration::minutes(
        terms.map_or(crate::catalog::DeliveryTerms::USUAL_ANSWER_MINUTES, |terms| terms.answer_minutes),
    )
}

/// A question to the shopper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    line: i64,
    sku: Sku,
    amount: Money,
}

impl Question {
    /// Those that were not asked before, and until when each may be answered.
    pub(super) fn new_in(before: &Picking, after: &Picking) -> Vec<(Self, DateTime<Utc>)> {
        let old: Vec<(Self, DateTime<Utc>)> = Self::all(before).collect();
        Self::all(after).filter(|asked| !old.contains(asked)).collect()
    }

    fn all(picking: &Picking) -> impl Iterator<Item = (Self, DateTime<Utc>)> {
        picking.lines.iter().filter_map(|line| {
            let asked = line.substitute.as_ref().filter(|asked| asked.consent == Consent::Asked)?;
            let question = Self { line: line.line, sku: asked.sku.clone(), amount: asked.amount };
            Some((question, asked.answer_until?))
        })
    }
}

/// The shopper's answer: whether this product may go in the place of a line.
pub(super) async fn answer(
    app: &App,
    shopper: ShopperId,
    (order, line): (OrderId, i64),
    (sku, is_yes): (&Sku, bool),
) -> Result<Order, Error> {
    let now = app.clock.now();
    let seen = store::find_order(&app.db, order).await?.filter(|order| order.shopper == shopper);
    let seen = seen.ok_or(Error::UnknownOrder)?;
    let mut lines = seen.picking.lines.clone();
    let picked = lines.iter_mut().find(|picked| picked.line == line);
    let asked = picked.and_then(|picked| picked.substitute.as_mut()).ok_or(AnswerFault::NotAsked)?;
    if asked.sku != *sku {
        return Err(AnswerFault::Changed.into());
    }
    let said = if is_yes { Consent::Accepted } else { Consent::Declined };
    match asked.consent {
        consent if consent == said => return Ok(seen),
        Consent::Asked if asked.answer_until.is_none_or(|until| now < until) => asked.consent = said,
        Consent::Asked | Consent::Lapsed => return Err(AnswerFault::Late.into()),
        Consent::Given => return Err(AnswerFault::NotAsked.into()),
        Consent::Accepted | Consent::Declined => return Err(AnswerFault::Answered.into()),
    }
    let finished = if is_yes { Finished::Again } else { Finished::AsItWas };
    change(app, now, &seen, lines, finished).await
}

/// Ends questions that the shopper did not answer in time.
#[derive(Debug, Serialize, Deserialize)]
pub struct LapseQuestions {
    /// Of which order.
    order: OrderId,
    /// The question that the job was asked for with.
    question: String,
}

impl LapseQuestions {
    /// When its question is looked at.
    pub(super) fn runs_at(answer_until: Moment) -> Moment {
        answer_until + DEADLINE_SLACK
    }

    pub(super) fn of(order: OrderId, question: &Question) -> Self {
        Self { order, question: format!("{}/{}/{}", question.line, question.sku, question.amount.minor()) }
    }
}

impl Job for LapseQuestions {
    const KIND: &'static str = "checkout.lapse_questions";

    fn subject(&self) -> String {
        format!("{}/{}", self.order, self.question)
    }
}

/// Ends the questions of an order whose time is over.
pub async fn lapse_questions(app: &App, lease: &Lease) -> Outcome {
    let job: LapseQuestions = lease.payload()?;
    let now = app.clock.now();
    let Some(seen) = store::find_order(&app.db, job.order).await? else { return Ok(()) };
    if seen.state != OrderState::Placed || seen.picking.is_closed {
        return Ok(());
    }
    let mut picking = seen.picking.clone();
    if !picking.lapse(now) {
        // Answered, or asked again later: that has a job of its own.
        return Ok(());
    }
    match change(app, now, &seen, picking.lines, Finished::AsItWas).await {
        Ok(_) => Ok(()),
        // Something happened at the same moment: the next look shows whether there is still something to end.
        Err(Error::Order(detail)) => Err(Failure::after(PAUSE, detail)),
        Err(error) => Err(error.into()),
    }
}

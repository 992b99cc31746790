//! Whether the shopper agrees to goods in the place of others: as they said when they ordered, or as they answer in time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::model::{Consent, IfMissing, Picking, Substitute};
use super::substitute::Unfit;
use super::{Finished, change};
use crate::app::App;
use crate::catalog::DeliveryTerms;
use crate::checkout::error::Error;
use crate::checkout::order::{Order, OrderState};
use crate::checkout::place::DEADLINE_SLACK;
use crate::checkout::quote::QuoteLine;
use crate::checkout::store;
use crate::clock::Moment;
use crate::ids::{OrderId, ShopperId, Sku};
use crate::jobs::{Failure, Job, Lease, Outcome};
use crate::money::Money;

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
    if order.picking.is_refused(line.line, &made.sku) {
        return Err(Unfit::Declined);
    }
    if let Some(known) = known.filter(|known| known.is_same_goods(&made)) {
        let amount = if known.amount.minor() < made.amount.minor() { known.amount } else { made.amount };
        let (consent, answer_until) = (known.consent, known.answer_until);
        return Ok(Substitute { amount, consent, answer_until, is_picked: consent.is_agreed(), ..made });
    }
    match line.if_missing {
        IfMissing::LeaveOut => Err(Unfit::Unwanted),
        IfMissing::Replace => Ok(Substitute { is_picked: true, ..made }),
        IfMissing::Ask => {
            let answer_until = Some(now + answering_time(app, order));
            Ok(Substitute { consent: Consent::Asked, answer_until, ..made })
        }
    }
}

/// How long the shopper has to answer, by the store's rule.
fn answering_time(app: &App, order: &Order) -> chrono::Duration {
    let catalog = app.catalog.view();
    let terms = catalog.delivery_terms(&order.store);
    let minutes = terms.map_or(DeliveryTerms::USUAL_ANSWER_MINUTES, |terms| terms.answer_minutes);
    chrono::Duration::minutes(minutes)
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
    let mut picking = seen.picking.clone();
    let picked = picking.lines.iter_mut().find(|picked| picked.line == line);
    let asked = picked.and_then(|picked| picked.substitute.as_mut()).ok_or(AnswerFault::NotAsked)?;
    if asked.sku != *sku {
        return Err(AnswerFault::Changed.into());
    }
    let said = if is_yes { Consent::Accepted } else { Consent::Declined };
    match asked.consent {
        consent if consent == said => return Ok(seen),
        Consent::Asked if asked.answer_until.is_none_or(|until| now < until) => {
            // Only what is wanted has to be fetched.
            if is_yes { asked.consent = said } else { picking.refuse(line, said) }
        }
        Consent::Asked | Consent::Lapsed => return Err(AnswerFault::Late.into()),
        Consent::Given => return Err(AnswerFault::NotAsked.into()),
        Consent::Accepted | Consent::Declined => return Err(AnswerFault::Answered.into()),
    }
    let finished = if is_yes { Finished::Again } else { Finished::AsItWas };
    change(app, now, &seen, picking, finished).await
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

    /// A question that is asked again has another time, and a job of its own.
    pub(super) fn of(order: OrderId, question: &Question, answer_until: Moment) -> Self {
        let (line, sku) = (question.line, &question.sku);
        Self { order, question: format!("{line}/{sku}/{}", answer_until.timestamp_micros()) }
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
    match change(app, now, &seen, picking, Finished::AsItWas).await {
        Ok(_) => Ok(()),
        // Something happened at the same moment: the next look shows whether there is still something to end.
        Err(Error::Order(detail)) => Err(Failure::after(PAUSE, detail)),
        Err(error) => Err(error.into()),
    }
}

//! Disputes: read when an event tells of one, and now and then until they are over; listed for staff, who answer them through
//! us with what we know of the purchase.
//!
//! What an event says is only a hint; the provider's own view counts. Providers take no keys for answers, so one that may have
//! arrived is found out by reading before it is sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::{AnswerOutcome, DisputeAnswer, EvidencePiece};
use super::model::{DisputeAction, DisputeState, ProviderName};
use super::operate::{after_refund, pause_since};
use super::provider::Provider;
use super::reversal::{self, Teller, Told};
use super::settle::{load, write_change};
use super::store::{self, disputes};
use super::{Error, model};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::{CheckoutId, DisputeAnswerId, DisputeId, OperationId, PaymentId, StaffId};
use crate::jobs::{self, Failure, Job, Lease};
use crate::text_enum;

/// The first pause and the longest before an answer whose fate is unknown is looked for again.
const ANSWER_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(15));
/// Disputes in one sweep: more wait for the next.
const DUE_MAX: i64 = 200;

/// A dispute that we know.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Which.
    pub id: DisputeId,
    /// At which provider.
    pub provider: ProviderName,
    /// Of which payment.
    pub payment: PaymentId,
    /// What had debited.
    pub operation: OperationId,
    /// What was paid for.
    pub checkout: CheckoutId,
    /// What people call the purchase.
    pub reference: String,
    /// How it stands.
    pub dispute: model::Dispute,
    /// When it was read.
    pub read_at: Moment,
}

text_enum! {
    /// How far an answer to a dispute is.
    pub enum AnswerState {
        /// Written down, not sent yet.
        Intended = "intended",
        /// It may have arrived.
        Sent = "sent",
        /// The provider has it.
        Done = "done",
        /// The provider refused it.
        Refused = "refused",
    }
}

/// What staff answer to a dispute.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Which; named by whoever answers.
    pub id: DisputeAnswerId,
    /// To which dispute.
    pub dispute: DisputeId,
    /// What it does.
    pub action: DisputeAction,
    /// In their words.
    pub note: String,
    /// What is sent with it.
    pub evidence: Vec<EvidencePiece>,
    /// How far it is.
    pub state: AnswerState,
    /// Why the provider refused it.
    pub trouble: Option<String>,
    /// Who.
    pub staff: StaffId,
    /// When.
    pub created_at: Moment,
}

/// The job that reads a dispute at its provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadDispute {
    provider: ProviderName,
    name: String,
}

impl Job for ReadDispute {
    const KIND: &'static str = "payments.read_dispute";

    fn subject(&self) -> String {
        format!("{}:{}", self.provider, self.name)
    }
}

/// The job that sends an answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AnswerDispute {
    answer: DisputeAnswerId,
}

impl Job for AnswerDispute {
    const KIND: &'static str = "payments.answer_dispute";

    fn subject(&self) -> String {
        self.answer.to_string()
    }
}

/// Has a dispute read.
pub(super) async fn ask(app: &App, tx: &mut Tx, provider: ProviderName, name: &str) -> Result<(), db::Error> {
    let job = ReadDispute { provider, name: name.to_owned() };
    jobs::enqueue(tx, &app.ids, app.clock.now(), &job).await
}

/// Has the disputes read whose time has come.
pub(super) async fn sweep(app: &App, tx: &mut Tx, now: Moment) -> Result<(), db::Error> {
    let mut due = disputes::due(&mut *tx, now, DUE_MAX).await?;
    due.sort();
    for (provider, name) in due {
        ask(app, tx, provider, &name).await?;
    }
    Ok(())
}

/// Does [`ReadDispute`].
pub async fn read_dispute(app: &App, lease: &Lease) -> jobs::Outcome {
    let ReadDispute { provider: name, name: dispute } = lease.payload()?;
    let Some(provider) = app.providers.get(name) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let Some(found) = provider.read_dispute(&dispute).await.map_err(Failure::later)? else {
        tracing::warn!(
            payment.provider = name.as_str(),
            "the provider does not know a dispute that it told of"
        );
        return Ok(());
    };
    let capture = found.capture.as_deref().unwrap_or_default();
    let Some((payment, operation)) = store::operations::debit_by_object(&app.db, name, capture).await? else {
        // Another shop may share the account.
        tracing::info!(payment.provider = name.as_str(), "a dispute is not about a debit of ours");
        return Ok(());
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    if found.state == DisputeState::Lost {
        after_refund(&books, operation, now)?;
    }
    let known = disputes::by_name(&mut tx, name, &dispute).await?;
    let before = known.as_ref().map(|known| known.dispute.state);
    let id = known.map_or_else(|| app.ids.next(), |known| known.id);
    disputes::save(&mut tx, now, id, name, (payment, operation), &found).await?;
    tell(&found, before);
    let (checkout, is_given_up) = (books.payment.checkout, books.payment.is_given_up);
    write_change(app, &mut tx, now, books.dispute(operation, &found, before, now)).await?;
    if let Some(amount) = found.lost() {
        let (capture, by) = (capture.to_owned(), Teller::Dispute(dispute));
        let told = Told { provider: name, capture, amount, at: now, by };
        reversal::reversed(app, &mut tx, now, &told).await.map_err(Internal::from)?;
    }
    if is_given_up && let Some(books) = load(&mut tx, payment).await? {
        // What was disputed goes back now, if it is still ours.
        write_change(app, &mut tx, now, books.wind_down()).await?;
    }
    commit(app, tx, lease, (payment, checkout)).await
}

fn tell(found: &model::Dispute, before: Option<DisputeState>) {
    if before != Some(found.state) {
        metrics::counter!("aisle_payment_disputes_total", "state" => found.state.as_str()).increment(1);
        tracing::warn!("a debit of {} is disputed ({}): {}", found.amount, found.reason, found.state);
    }
}

/// Commits what was learned of a debit.
pub(super) async fn commit(
    app: &App,
    tx: Tx,
    lease: &Lease,
    (payment, checkout): (PaymentId, CheckoutId),
) -> jobs::Outcome {
    lease.commit(tx).await?;
    app.changes.changed(payment.0);
    app.changes.changed(checkout.0);
    app.jobs.wake();
    Ok(())
}

/// Writes an answer down, with what we know of the purchase; the same one again changes nothing.
pub(super) async fn answer(app: &App, answer: Answer) -> Result<Answer, Error> {
    if let Some(known) = disputes::find_answer(&app.db, answer.id).await? {
        return same(known, &answer);
    }
    let dispute = disputes::find(&app.db, answer.dispute).await?.ok_or(Error::DisputeUnknown)?;
    if !dispute.dispute.actions.contains(&answer.action) {
        return Err(Error::DisputeAction);
    }
    let mut evidence = vec![EvidencePiece::note(&answer.note)];
    if answer.action == DisputeAction::ProvideEvidence {
        evidence.extend(app.purchase_evidence(dispute.payment).await.map_err(Error::News)?);
        evidence.extend(refunds(app, &dispute).await?);
    }
    let answer = Answer { evidence, ..answer };
    let mut tx = app.db.begin().await?;
    if !disputes::insert_answer(&mut tx, &answer).await? {
        tx.rollback().await?;
        let known = disputes::find_answer(&app.db, answer.id).await?.ok_or(Error::DisputeUnknown)?;
        return same(known, &answer);
    }
    jobs::enqueue(&mut tx, &app.ids, answer.created_at, &AnswerDispute { answer: answer.id }).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(answer)
}

fn same(known: Answer, answer: &Answer) -> Result<Answer, Error> {
    let is_same =
        known.dispute == answer.dispute && known.action == answer.action && known.note == answer.note;
    if is_same { Ok(known) } else { Err(Error::AnswerTaken) }
}

/// What we gave back of the debit: it answers a payer who misses a refund.
async fn refunds(app: &App, dispute: &Known) -> Result<Option<EvidencePiece>, Error> {
    let Some(payment) = store::payments::find(&app.db, dispute.payment).await? else { return Ok(None) };
    let operations = store::operations::of_payment(&app.db, payment.id, payment.currency).await?;
    let done = operations
        .iter()
        .filter(|each| each.target == Some(dispute.operation) && each.state == super::OperationState::Done);
    let names: Vec<String> = done.filter_map(|each| each.object.clone()).collect();
    Ok((!names.is_empty()).then(|| EvidencePiece::refunds(names)))
}

/// Does [`AnswerDispute`].
pub async fn answer_dispute(app: &App, lease: &Lease) -> jobs::Outcome {
    let AnswerDispute { answer: id } = lease.payload()?;
    let Some(answer) = disputes::find_answer(&app.db, id).await? else {
        return Err(Failure::never("there is no such answer"));
    };
    let Some(known) = disputes::find(&app.db, answer.dispute).await? else {
        return Err(Failure::never("there is no such dispute"));
    };
    let Some(provider) = app.providers.get(known.provider) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let now = app.clock.now();
    let outcome = match answer.state {
        AnswerState::Done | AnswerState::Refused => return Ok(()),
        AnswerState::Sent => look(provider, &known, &answer).await?,
        AnswerState::Intended => {
            let mut tx = app.db.begin().await?;
            let step = (AnswerState::Intended, AnswerState::Sent);
            disputes::set_answer(&mut tx, now, id, step, None).await?;
            lease.commit(tx).await?;
            None
        }
    };
    let outcome = if let Some(outcome) = outcome {
        outcome
    } else {
        let sent =
            DisputeAnswer { dispute: &known.dispute.name, action: answer.action, evidence: &answer.evidence };
        provider.answer_dispute(&sent).await
    };
    settle(app, lease, &known, &answer, now, outcome).await
}

/// Whether an answer that may have arrived did: then the provider no longer lets us give it. Nothing when it is to be sent.
async fn look(
    provider: &dyn Provider,
    known: &Known,
    answer: &Answer,
) -> Result<Option<AnswerOutcome>, Failure> {
    let found = provider.read_dispute(&known.dispute.name).await.map_err(Failure::later)?;
    let is_asked = found.is_some_and(|found| found.actions.contains(&answer.action));
    Ok((!is_asked).then_some(AnswerOutcome::Taken))
}

async fn settle(
    app: &App,
    lease: &Lease,
    known: &Known,
    answer: &Answer,
    now: Moment,
    outcome: AnswerOutcome,
) -> jobs::Outcome {
    let (to, trouble) = match outcome {
        AnswerOutcome::Taken => (AnswerState::Done, None),
        AnswerOutcome::Refused(detail) => (AnswerState::Refused, Some(detail)),
        AnswerOutcome::Unknown(detail) => {
            return Err(Failure::after(pause_since(answer.created_at, now, ANSWER_PAUSES), detail));
        }
    };
    let mut tx = app.db.begin().await?;
    disputes::set_answer(&mut tx, now, answer.id, (AnswerState::Sent, to), trouble.as_deref()).await?;
    ask(app, &mut tx, known.provider, &known.dispute.name).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}

/// A dispute with what was answered to it.
pub(super) async fn find(app: &App, id: DisputeId) -> Result<(Known, Vec<Answer>), Error> {
    let known = disputes::find(&app.db, id).await?.ok_or(Error::DisputeUnknown)?;
    let answers = disputes::answers(&app.db, id).await?;
    Ok((known, answers))
}

/// The disputes, those first that must be answered first.
pub(super) async fn list(app: &App, with_ended: bool) -> Result<Vec<Known>, db::Error> {
    disputes::list(&app.db, with_ended).await
}

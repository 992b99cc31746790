//! Reconciliation: our books held against a provider's own, each night and on demand.
//!
//! It changes no payment. What it learns of money that moved without us, fees, payouts, reversals, disputes, goes into the
//! ledger, once; what does not agree becomes a difference that staff see, with what to do and how sure it is, until somebody
//! explains it or it is gone.
//!
//! What is younger than the provider's books are whole is not missed, nor is what stood in them once. Lines are read from a day
//! before the span to a day after it, because the two sides rarely learn of a thing in the same second; what a line names is
//! looked up whenever it happened.
//!
//! `model/reconcile.rs` compares, pure; `notes.rs` writes into the ledger; `command.rs` is the command line.

mod command;
mod nightly;
mod notes;

use std::collections::HashSet;
use std::future::Future;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::Error;
use super::model::{
    Certainty, Compare, Compared, Finding, FindingKind, Movement, Outcome, ProviderName, ReconciliationState,
    compare,
};
use super::provider::Provider;
use super::statement::{Statement, StatementError, StatementLine, StatementTerms, UnreadLine};
use super::store::reconciliations as store;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Db};
use crate::error::Internal;
use crate::ids::{OperationId, ReconciliationId, StaffId};
use crate::jobs::{self, Failure, Job, Lease};

pub use super::store::reconciliations::{Difference, Reconciliation};
pub use command::{Arguments, Report, reconcile as command};
pub use nightly::{Nightly, nightly, schedule as schedule_nightly};

/// How much earlier and later than the span lines are read: a webhook that was lost is found out within minutes, a review
/// within days; what takes longer is told as unsure.
const PADDING: Duration = Duration::days(1);
/// The shortest span that is asked for when a provider says that a longer one has too many lines.
const SPAN_MIN: Duration = Duration::hours(1);
/// The longest span that one comparison may be asked for.
pub const SPAN_MAX: Duration = Duration::days(92);
/// Lines of one comparison: of more, a shorter span is to be asked for.
const LINES_MAX: usize = 200_000;
/// Movements of ours without a line that are looked up at the provider by name.
const LOOKED_UP_MAX: usize = 50;
/// How often a provider that can't be asked now is asked again before a comparison has failed.
const TRIES_MAX: i64 = 20;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The name of the comparison.
    pub id: ReconciliationId,
    /// With whom.
    pub provider: ProviderName,
    /// The span: from its begin …
    pub from: Moment,
    /// … up to and without its end.
    pub to: Moment,
    /// Who asks.
    pub staff: Option<StaffId>,
}

/// The job that compares.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reconcile {
    /// Which comparison.
    pub(super) id: ReconciliationId,
}

impl Job for Reconcile {
    const KIND: &'static str = "payments.reconcile";
    /// Time for all lines that it may read, in the smallest parts that providers show, a second each.
    const DEADLINE: std::time::Duration = std::time::Duration::from_mins(20);

    fn subject(&self) -> String {
        self.id.to_string()
    }
}

/// What does not agree in the span of a comparison, the oldest first; what is gone by now is left out.
pub async fn differences(db: &Db, run: &Reconciliation) -> Result<Vec<Difference>, db::Error> {
    store::of_span(db, run.provider, (run.from_at, run.to_at)).await
}

/// Whether a provider is configured and shows its books.
pub fn must_show_books(app: &App, provider: ProviderName) -> Result<(), Error> {
    let provider = app.providers.get(provider).ok_or(Error::ProviderAbsent)?;
    if provider.statement_terms().is_some() { Ok(()) } else { Err(Error::StatementAbsent) }
}

/// Writes a comparison down. The same wish again answers it as it is; says whether it is new. With `with_job` a worker does
/// it: wake the jobs.
pub async fn begin(app: &App, wish: &Wish, with_job: bool) -> Result<(bool, Reconciliation), Error> {
    let now = app.clock.now();
    let span = wish.to - wish.from;
    if span <= Duration::zero() || span > SPAN_MAX || wish.from > now {
        return Err(Error::Span);
    }
    let run = Reconciliation {
        id: wish.id,
        provider: wish.provider,
        from_at: wish.from,
        to_at: wish.to,
        state: ReconciliationState::Running,
        staff: wish.staff,
        whole_until: None,
        lines: 0,
        movements: 0,
        matched: 0,
        trouble: None,
        created_at: now,
        ended_at: None,
    };
    let mut tx = app.db.begin().await?;
    if !store::insert(&mut tx, &run).await? {
        let known = store::find(&mut tx, wish.id).await?.ok_or(Error::ReconciliationUnknown)?;
        let is_same = known.provider == wish.provider && known.from_at == wish.from && known.to_at == wish.to;
        return if is_same { Ok((false, known)) } else { Err(Error::ReconciliationTaken) };
    }
    if with_job {
        jobs::enqueue(&mut tx, &app.ids, now, &Reconcile { id: wish.id }).await?;
    }
    tx.commit().await?;
    Ok((true, run))
}

/// Does [`Reconcile`].
pub async fn reconcile(app: &App, lease: &Lease) -> jobs::Outcome {
    let Reconcile { id } = lease.payload()?;
    let Some(run) = store::find(&app.db, id).await? else {
        return Err(Failure::never("there is no such comparison"));
    };
    if run.state != ReconciliationState::Running {
        return Ok(());
    }
    let Some(provider) = app.providers.get(run.provider) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let Some(terms) = provider.statement_terms() else {
        return end(app, run, Err(StatementError::NotOffered), Some(lease)).await;
    };
    if lease.attempt > TRIES_MAX {
        // Each try was cut off before its end: no more of them would help.
        return end(app, run, Err(StatementError::TooMuch), Some(lease)).await;
    }
    match read(&run, app.clock.now(), terms, |from, to| provider.statement(from, to)).await {
        Ok(read) => {
            let compared = settle(app, &run, provider, &read).await?;
            end(app, run, Ok((&compared, read.whole_until)), Some(lease)).await
        }
        Err(StatementError::Unavailable(detail)) if lease.attempt < TRIES_MAX => Err(Failure::later(detail)),
        Err(error) => end(app, run, Err(error), Some(lease)).await,
    }
}

/// Compares at once, in this process, with books that are read so: what the command line does with a provider's own.
pub async fn run_with<F>(
    app: &App,
    run: Reconciliation,
    terms: StatementTerms,
    statement: impl Fn(Moment, Moment) -> F,
) -> Result<Reconciliation, Internal>
where
    F: Future<Output = Result<Statement, StatementError>>,
{
    let id = run.id;
    let provider = app.providers.get(run.provider).ok_or("the provider is not configured")?;
    let ended = match read(&run, app.clock.now(), terms, statement).await {
        Ok(read) => {
            let compared = settle(app, &run, provider, &read).await?;
            end(app, run, Ok((&compared, read.whole_until)), None).await
        }
        Err(error) => end(app, run, Err(error), None).await,
    };
    ended.map_err(|failure| format!("{failure:?}"))?;
    Ok(store::find(&app.db, id).await?.ok_or("the comparison is gone")?)
}

/// What was read of the provider's books.
struct Read {
    lines: Vec<StatementLine>,
    unread: Vec<UnreadLine>,
    /// From when on.
    from: Moment,
    whole_until: Moment,
}

/// Reads the span with its padding, in parts that the provider can answer.
async fn read<F>(
    run: &Reconciliation,
    now: Moment,
    terms: StatementTerms,
    statement: impl Fn(Moment, Moment) -> F,
) -> Result<Read, StatementError>
where
    F: Future<Output = Result<Statement, StatementError>>,
{
    let from = (run.from_at - PADDING).max(now - terms.kept_for);
    let end = (run.to_at + PADDING).min(now);
    let mut read = Read { lines: Vec::new(), unread: Vec::new(), from, whole_until: now - terms.late_by };
    let (mut at, mut span) = (from, terms.span_max);
    while at < end {
        let to = (at + span).min(end);
        match statement(at, to).await {
            Ok(part) => {
                read.lines.extend(part.lines);
                read.unread.extend(part.unread);
                read.whole_until = read.whole_until.min(part.whole_until.unwrap_or(read.whole_until));
                at = to;
            }
            Err(StatementError::TooMuch) if span > SPAN_MIN => span = (span / 2).max(SPAN_MIN),
            Err(error) => return Err(error),
        }
        if read.lines.len() > LINES_MAX {
            return Err(StatementError::TooMuch);
        }
    }
    Ok(read)
}

/// Compares what was read, writes into the ledger what happened without us, and what does not agree as differences.
async fn settle(
    app: &App,
    run: &Reconciliation,
    provider: &dyn Provider,
    read: &Read,
) -> Result<Compared, Internal> {
    let mut ours = store::movements_in(&app.db, run.provider, (run.from_at, run.to_at)).await?;
    let named: Vec<&str> = read.lines.iter().filter_map(StatementLine::object).collect();
    ours.extend(store::movements_of_objects(&app.db, run.provider, &named).await?);
    let mut undone = Vec::new();
    for operation in unnamed(&read.lines, &ours) {
        match store::movement_of_operation(&app.db, run.provider, operation).await? {
            Some(movement) => ours.push(movement),
            None => undone.extend(store::undone(&app.db, run.provider, operation).await?),
        }
    }
    let mut seen = HashSet::new();
    ours.retain(|movement| seen.insert((movement.operation, movement.kind)));
    let mut compared = compare(&Compare {
        from: run.from_at,
        to: run.to_at,
        whole_until: read.whole_until,
        read_from: read.from,
        lines: &read.lines,
        unread: &read.unread,
        ours: &ours,
        undone: &undone,
    });
    look_up(provider, &mut compared.findings, &ours).await;
    compared.findings.extend(notes::write(app, run, &read.lines).await?);
    Ok(compared)
}

/// Our operations that lines name and whose objects we don't know by the lines' names.
fn unnamed(lines: &[StatementLine], ours: &[Movement]) -> Vec<OperationId> {
    let known: HashSet<&str> = ours.iter().filter_map(|movement| movement.object.as_deref()).collect();
    let unknown = lines.iter().filter(|line| line.object().is_none_or(|object| !known.contains(object)));
    let mut operations: Vec<_> = unknown.filter_map(|line| line.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    operations
}

/// Asks the provider by name for what its statement lacks: then it is sure whether it is there.
async fn look_up(provider: &dyn Provider, findings: &mut [Finding], ours: &[Movement]) {
    let missing = findings
        .iter_mut()
        .filter(|finding| matches!(finding.kind, FindingKind::MissingDebit | FindingKind::MissingRefund));
    for finding in missing.take(LOOKED_UP_MAX) {
        let movement = ours.iter().find(|each| Some(each.operation) == finding.operation);
        let Some(object) = movement.and_then(|movement| movement.object.as_deref()) else { continue };
        let outcome = match finding.kind {
            FindingKind::MissingRefund => provider.read_refund(object).await,
            _ => provider.read_capture(object).await,
        };
        match outcome {
            Outcome::Approved(receipt) if Some(receipt.amount) == finding.ours => {
                finding.certainty = Certainty::Unsure;
                finding.detail =
                    Some(format!("{object} is there when asked for by name; the statement lacks it"));
            }
            Outcome::Declined { .. } | Outcome::Absent => {
                finding.certainty = Certainty::Sure;
                finding.detail = Some(format!("{object} is not there either when asked for by name"));
            }
            _ => {}
        }
    }
}

/// Writes how a comparison ended, with its differences, in one transaction.
async fn end(
    app: &App,
    mut run: Reconciliation,
    outcome: Result<(&Compared, Moment), StatementError>,
    lease: Option<&Lease>,
) -> jobs::Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    run.ended_at = Some(now);
    match outcome {
        Ok((compared, whole_until)) => {
            run.state = ReconciliationState::Done;
            run.whole_until = Some(whole_until);
            run.lines = i64::try_from(compared.lines).unwrap_or(i64::MAX);
            run.movements = i64::try_from(compared.movements).unwrap_or(i64::MAX);
            run.matched = i64::try_from(compared.matched).unwrap_or(i64::MAX);
            let found: Vec<&str> = compared.findings.iter().map(|finding| finding.subject.as_str()).collect();
            store::set_gone(&mut tx, now, &run, &found).await?;
            store::put_in_books(&mut tx, now, run.provider, &compared.in_books).await?;
            for finding in &compared.findings {
                store::put(&mut tx, app.ids.next(), now, run.provider, finding).await?;
                tell(&run, finding);
            }
        }
        Err(error) => {
            tracing::error!(provider = run.provider.as_str(), "books could not be compared: {error}");
            run.state = ReconciliationState::Failed;
            run.trouble = Some(error.to_string());
        }
    }
    metrics::counter!("aisle_reconciliations_total", "provider" => run.provider.as_str(), "state" => run.state.as_str())
        .increment(1);
    store::update(&mut tx, &run).await?;
    match lease {
        Some(lease) => lease.commit(tx).await?,
        None => tx.commit().await?,
    }
    app.changes.changed(run.id.0);
    app.jobs.wake();
    Ok(())
}

fn tell(run: &Reconciliation, finding: &Finding) {
    let (provider, kind) = (run.provider.as_str(), finding.kind.as_str());
    metrics::counter!("aisle_reconciliation_differences_total", "provider" => provider, "kind" => kind)
        .increment(1);
    if finding.kind.is_alarm() {
        tracing::error!(provider, subject = finding.subject, "books differ: {kind}");
    } else {
        tracing::warn!(provider, subject = finding.subject, "books differ: {kind}");
    }
}

//! What the provider's lines tell of money that moved without us, into the ledger: fees, payouts, reversals, disputes. A line
//! counts once, however often it is read.

use super::store::{self, Reconciliation};
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::error::Internal;
use crate::ids::PaymentId;
use crate::money::Money;
use crate::payments::ledger::{self, Entry, cause_of_line};
use crate::payments::model::{Certainty, FactKind, Finding, FindingKind, about_line};
use crate::payments::reversal::{self, Noted, Teller, Told};
use crate::payments::statement::{LineKind, StatementLine};

/// Lines of one transaction: SQLite has one writer.
const LINES_A_TRANSACTION: usize = 200;

/// Writes what the lines of the span tell; answers what people have to look at.
pub(super) async fn write(
    app: &App,
    run: &Reconciliation,
    lines: &[StatementLine],
) -> Result<Vec<Finding>, Internal> {
    let mut in_span: Vec<&StatementLine> =
        lines.iter().filter(|line| run.from_at <= line.at && line.at < run.to_at).collect();
    // What is taken back before what comes again: adapters have an order of their own.
    in_span.sort_by_key(|line| (line.at, line.gross.minor()));
    let mut findings = Vec::new();
    for part in in_span.chunks(LINES_A_TRANSACTION) {
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        let known = findings.len();
        for line in part {
            findings.extend(write_line(app, &mut tx, now, run, line).await?);
            if let Some(kept) = line.fee {
                findings.extend(fee(app, &mut tx, now, run, line, kept).await?);
            }
        }
        // With what they are about, because they are found once: a comparison that is cut off after it keeps them.
        for finding in findings.iter().skip(known) {
            store::put(&mut tx, app.ids.next(), now, run.provider, finding).await?;
        }
        tx.commit().await?;
        app.jobs.wake();
    }
    Ok(findings)
}

/// Writes what a line tells by its kind.
async fn write_line(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    match &line.kind {
        LineKind::Captured | LineKind::Refunded | LineKind::Other(_) => Ok(None),
        LineKind::Fee | LineKind::FeeRefunded => fee(app, tx, now, run, line, line.gross.times(-1)?).await,
        LineKind::Payout => payout(app, tx, now, run, line).await,
        LineKind::Reversed | LineKind::Chargeback => taken_back(app, tx, now, run, line).await,
        LineKind::DisputeHeld | LineKind::DisputeReleased => disputed(app, tx, now, run, line).await,
    }
}

/// What the provider kept for a line, above zero; below zero when it gave it back.
async fn fee(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
    kept: Money,
) -> Result<Option<Finding>, Internal> {
    let (kind, amount) = match kept.minor() {
        0 => return Ok(None),
        1.. => (FactKind::Fee, kept),
        _ => (FactKind::FeeReturned, kept.times(-1)?),
    };
    let payment = match line.object() {
        Some(object) => store::payment_of_object(&mut *tx, run.provider, object).await?,
        None => None,
    };
    post(app, tx, now, run, line, (kind, amount, payment)).await
}

/// What was paid out to our bank.
async fn payout(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    let amount = line.gross.times(-1)?;
    if !amount.is_positive() {
        // A payout that came back: no books of ours have a word for it.
        return Ok(Some(about_line(FindingKind::Unclassified, Certainty::Sure, line)));
    }
    post(app, tx, now, run, line, (FactKind::Settled, amount, None)).await
}

async fn post(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
    (kind, amount, payment): (FactKind, Money, Option<PaymentId>),
) -> Result<Option<Finding>, Internal> {
    let entry = Entry {
        kind,
        cause: cause_of_line(run.provider, &line.id),
        provider: run.provider,
        line: Some(line.id.clone()),
        payment,
        amount,
        at: line.at,
    };
    match ledger::post(tx, &app.ids, now, &entry).await {
        Ok(_) => Ok(None),
        // The same line with another amount than it had when it was read last.
        Err(ledger::Error::Contradiction(_)) => {
            Ok(Some(about_line(FindingKind::AmountDiffers, Certainty::Sure, line)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a line tells of our captures: of the one that it names, or of those of the order that it names.
async fn told(
    tx: &mut Tx,
    run: &Reconciliation,
    line: &StatementLine,
    (amount, came_again): (Money, bool),
) -> Result<Vec<Told>, crate::payments::Error> {
    if !amount.is_positive() {
        return Ok(Vec::new());
    }
    let capture = line.capture.clone().unwrap_or_default();
    let by = Teller::Line(line.id.clone());
    let told = Told { provider: run.provider, capture, amount, at: line.at, by };
    match (&line.capture, &line.order) {
        (None, Some(order)) => reversal::share(tx, &told, order, came_again).await,
        (None, None) => Ok(Vec::new()),
        (Some(_), _) => Ok(vec![told]),
    }
}

/// What people have to know of what became of a line; nothing where it is all in order.
fn look_at(
    kind: FindingKind,
    line: &StatementLine,
    noted: Result<Noted, crate::payments::Error>,
) -> Result<Option<Finding>, Internal> {
    let finding =
        |detail: &str| Finding { detail: Some(detail.to_owned()), ..about_line(kind, Certainty::Sure, line) };
    let is_loss = line.gross.minor() < 0;
    Ok(match noted {
        Ok(Noted::Known(_)) => None,
        Ok(Noted::New(operation)) if is_loss => {
            Some(Finding { operation: Some(operation), ..about_line(kind, Certainty::Sure, line) })
        }
        Ok(Noted::New(operation)) => {
            tracing::info!(operation.id = %operation, "what was held or taken back came again");
            None
        }
        Ok(Noted::NotCleared(operation, state)) => Some(Finding {
            operation: Some(operation),
            detail: Some(format!("the debt of it is {state}")),
            ..about_line(FindingKind::CameAgain, Certainty::Sure, line)
        }),
        Ok(Noted::NotOurs) => Some(finding("no capture of ours has that name")),
        Err(crate::payments::Error::Ledger(ledger::Error::Contradiction(_))) => {
            Some(finding("our books have another amount of it"))
        }
        Err(error) => return Err(error.into()),
    })
}

async fn taken_back(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    let came_again = line.gross.is_positive();
    let amount = if came_again { line.gross } else { line.gross.times(-1)? };
    let parts = told(tx, run, line, (amount, came_again)).await?;
    let mut found =
        if parts.is_empty() { look_at(FindingKind::TakenBack, line, Ok(Noted::NotOurs))? } else { None };
    for told in &parts {
        let noted = if came_again {
            reversal::reinstated(app, tx, now, told).await
        } else {
            reversal::reversed(app, tx, now, told).await
        };
        let part = look_at(FindingKind::TakenBack, line, noted)?;
        found = found.or(part);
    }
    Ok(found)
}

async fn disputed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    let is_held = line.kind == LineKind::DisputeHeld;
    let amount = if is_held { line.gross.times(-1)? } else { line.gross };
    let noted = match told(tx, run, line, (amount, !is_held)).await?.first() {
        Some(told) => reversal::disputed(app, tx, now, told, is_held).await,
        None => Ok(Noted::NotOurs),
    };
    look_at(FindingKind::Disputed, line, noted)
}

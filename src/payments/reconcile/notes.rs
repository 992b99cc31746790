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
use crate::payments::reversal::{self, Noted, Told};
use crate::payments::statement::{LineKind, StatementLine};

/// Lines of one transaction: SQLite has one writer.
const LINES_A_TRANSACTION: usize = 200;

/// Writes what the lines of the span tell; answers what people have to look at.
pub(super) async fn write(
    app: &App,
    run: &Reconciliation,
    lines: &[StatementLine],
) -> Result<Vec<Finding>, Internal> {
    let in_span: Vec<&StatementLine> =
        lines.iter().filter(|line| run.from_at <= line.at && line.at < run.to_at).collect();
    let mut findings = Vec::new();
    for part in in_span.chunks(LINES_A_TRANSACTION) {
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        for line in part {
            match &line.kind {
                LineKind::Captured | LineKind::Refunded | LineKind::Other(_) => {}
                LineKind::Fee | LineKind::FeeRefunded => {
                    let kept = line.gross.times(-1)?;
                    findings.extend(fee(app, &mut tx, now, run, line, kept).await?);
                }
                LineKind::Payout => findings.extend(payout(app, &mut tx, now, run, line).await?),
                LineKind::Reversed | LineKind::Chargeback => {
                    findings.extend(taken_back(app, &mut tx, now, run, line).await?);
                }
                LineKind::DisputeHeld | LineKind::DisputeReleased => {
                    findings.extend(disputed(app, &mut tx, now, run, line).await?);
                }
            }
            if let Some(kept) = line.fee {
                findings.extend(fee(app, &mut tx, now, run, line, kept).await?);
            }
        }
        tx.commit().await?;
        app.jobs.wake();
    }
    Ok(findings)
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

fn told(run: &Reconciliation, line: &StatementLine, amount: Money) -> Option<Told> {
    let capture = line.capture.clone()?;
    Some(Told { provider: run.provider, capture, amount, at: line.at, line: line.id.clone() })
}

async fn taken_back(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    let finding = || about_line(FindingKind::TakenBack, Certainty::Sure, line);
    let gone = line.gross.times(-1)?;
    let came_again = gone.minor() < 0;
    let amount = if came_again { line.gross } else { gone };
    let Some(told) = told(run, line, amount).filter(|told| told.amount.is_positive()) else {
        return Ok(Some(finding()));
    };
    let noted = if came_again {
        reversal::reinstated(app, tx, now, &told).await
    } else {
        reversal::reversed(app, tx, now, &told).await
    };
    Ok(match noted {
        Ok(Noted::Known(_)) => None,
        Ok(Noted::New(operation)) if came_again => {
            tracing::info!(operation.id = %operation, "what was taken back came again");
            None
        }
        Ok(Noted::New(operation)) => Some(Finding { operation: Some(operation), ..finding() }),
        Ok(Noted::NotOurs) => {
            Some(Finding { detail: Some("no capture of ours has that name".to_owned()), ..finding() })
        }
        Err(crate::payments::Error::Ledger(ledger::Error::Contradiction(_))) => {
            Some(Finding { detail: Some("our books have another amount of it".to_owned()), ..finding() })
        }
        Err(error) => return Err(error.into()),
    })
}

async fn disputed(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    run: &Reconciliation,
    line: &StatementLine,
) -> Result<Option<Finding>, Internal> {
    let finding = || about_line(FindingKind::Disputed, Certainty::Sure, line);
    let is_held = line.kind == LineKind::DisputeHeld;
    let amount = if is_held { line.gross.times(-1)? } else { line.gross };
    let Some(told) = told(run, line, amount).filter(|told| told.amount.is_positive()) else {
        return Ok(Some(finding()));
    };
    Ok(match reversal::disputed(app, tx, now, &told, is_held).await {
        Ok(Noted::New(operation)) if is_held => Some(Finding { operation: Some(operation), ..finding() }),
        Ok(Noted::New(_) | Noted::Known(_)) => None,
        Ok(Noted::NotOurs) => {
            Some(Finding { detail: Some("no capture of ours has that name".to_owned()), ..finding() })
        }
        Err(crate::payments::Error::Ledger(ledger::Error::Contradiction(_))) => {
            Some(Finding { detail: Some("our books have another amount of it".to_owned()), ..finding() })
        }
        Err(error) => return Err(error.into()),
    })
}

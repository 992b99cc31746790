//! `aisle reconcile`: both sides compared at once, and what does not agree printed.

use std::fmt::Write;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, SubsecRound, Utc};
use clap::Args;
use serde::Serialize;

use super::{Difference, Reconciliation, Wish, begin, differences, must_show_books, run_with};
use crate::app::App;
use crate::clock::Moment;
use crate::error::Internal;
use crate::payments::model::{DifferenceState, Finding, ProviderName, ReconciliationState};

/// Days that are compared when nothing is said.
const DAYS_USUAL: i64 = 7;

/// Compare our books with the providers' own: every debit and refund on both sides, amounts, fees, payouts, reversals.
///
/// What does not agree is printed with what to do and how sure it is. Differences that staff explained are listed, and count as
/// clean. Exit code: 0 when both sides agree, 1 when there are open differences, 2 when a provider could not be asked.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// From when on: a day (2026-11-23) or a moment (2026-11-23T06:00:00Z). Seven days before `--to` when left out.
    #[arg(long, value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// Up to and without: a day or a moment. Now when left out.
    #[arg(long, value_parser = moment)]
    to: Option<DateTime<Utc>>,
    /// The provider: paypal, klarna. Every one that shows its books when left out.
    #[arg(long)]
    provider: Option<ProviderName>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    text.parse().map_err(|_| "a day such as 2026-11-23, or a moment such as 2026-11-23T06:00:00Z".to_owned())
}

/// What came of it: the text to print, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// For people, or JSON.
    pub text: String,
    /// 0: both sides agree; 1: open differences; 2: a provider could not be asked.
    pub code: u8,
}

#[derive(Serialize)]
struct Told {
    provider: ProviderName,
    from: Moment,
    to: Moment,
    state: ReconciliationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    whole_until: Option<Moment>,
    lines: i64,
    movements: i64,
    matched: i64,
    differences: Vec<ToldDifference>,
}

#[derive(Serialize)]
struct ToldDifference {
    state: DifferenceState,
    is_alarm: bool,
    advice: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(flatten)]
    finding: Finding,
}

/// Does the command.
pub async fn reconcile(app: &App, arguments: &Arguments) -> Result<Report, Internal> {
    let to = arguments.to.unwrap_or_else(|| app.clock.now().trunc_subsecs(0));
    let from = arguments.from.unwrap_or(to - Duration::days(DAYS_USUAL));
    let offers = |name: &ProviderName| {
        app.providers.get(*name).is_some_and(|provider| provider.statement_terms().is_some())
    };
    let providers: Vec<ProviderName> = match arguments.provider {
        Some(provider) => vec![provider],
        None => ProviderName::ALL.iter().copied().filter(offers).collect(),
    };
    if providers.is_empty() {
        let text = "no provider is configured that shows its books".to_owned();
        return Ok(Report { text, code: 2 });
    }
    let mut told = Vec::new();
    for provider in providers {
        let wish = Wish { id: app.ids.next(), provider, from, to, staff: None };
        if let Err(error) = must_show_books(app, provider) {
            return Ok(Report { text: format!("{provider}: {error}"), code: 2 });
        }
        let (_, run) = match begin(app, &wish, false).await {
            Ok(begun) => begun,
            Err(error) => return Ok(Report { text: format!("{provider}: {error}"), code: 2 }),
        };
        let Some(books) = app.providers.get(provider) else { continue };
        let Some(terms) = books.statement_terms() else { continue };
        let run = run_with(app, run, terms, |from, to| books.statement(from, to)).await?;
        let differences = differences(&app.db, &run).await?;
        told.push(tell(run, differences));
    }
    let code = told.iter().map(code_of).max().unwrap_or(2);
    let text = if arguments.json { serde_json::to_string_pretty(&told)? } else { print(&told) };
    Ok(Report { text, code })
}

fn tell(run: Reconciliation, differences: Vec<Difference>) -> Told {
    let differences = differences.into_iter().map(|difference| ToldDifference {
        state: difference.state,
        is_alarm: difference.finding.kind.is_alarm(),
        advice: difference.finding.kind.advice(),
        note: difference.note,
        finding: difference.finding,
    });
    Told {
        provider: run.provider,
        from: run.from_at,
        to: run.to_at,
        state: run.state,
        trouble: run.trouble,
        whole_until: run.whole_until,
        lines: run.lines,
        movements: run.movements,
        matched: run.matched,
        differences: differences.collect(),
    }
}

fn code_of(told: &Told) -> u8 {
    if told.state != ReconciliationState::Done {
        return 2;
    }
    u8::from(told.differences.iter().any(|difference| difference.state == DifferenceState::Open))
}

fn print(all: &[Told]) -> String {
    let mut text = String::new();
    for told in all {
        let Told { provider, from, to, .. } = told;
        // Writing to a String can't fail.
        let _ = writeln!(text, "{provider}, {from} to {to}");
        if let Some(trouble) = &told.trouble {
            let _ = writeln!(text, "  not compared: {trouble}");
            continue;
        }
        let Told { lines, movements, matched, .. } = told;
        let _ =
            writeln!(text, "  {lines} lines there, {movements} movements here, {matched} belong together");
        for difference in &told.differences {
            print_difference(&mut text, difference);
        }
        let open = told.differences.iter().filter(|each| each.state == DifferenceState::Open).count();
        let _ = writeln!(text, "  {open} open differences");
    }
    text
}

fn print_difference(text: &mut String, difference: &ToldDifference) {
    let finding = &difference.finding;
    let mark = if difference.is_alarm { "!" } else { "-" };
    let _ =
        writeln!(text, "  {mark} {} ({}), {}", finding.kind, finding.certainty, finding.at.trunc_subsecs(0));
    if let Some(ours) = finding.ours {
        let _ = writeln!(text, "      ours: {ours}");
    }
    if let Some(theirs) = finding.theirs {
        let _ = writeln!(text, "      theirs: {theirs}");
    }
    if let Some(line) = &finding.line {
        let names = [&line.order, &line.capture, &line.refund].into_iter().flatten();
        let names: Vec<&str> = names.map(String::as_str).collect();
        let _ = writeln!(text, "      line {} ({}) {}", line.id, line.kind, names.join(" "));
    }
    if let Some(operation) = finding.operation {
        let reference = finding.reference.as_deref().unwrap_or_default();
        let _ = writeln!(text, "      operation {operation} {reference}");
    }
    if let Some(detail) = &finding.detail {
        let _ = writeln!(text, "      {detail}");
    }
    match &difference.note {
        Some(note) => {
            let _ = writeln!(text, "      explained: {note}");
        }
        None => {
            let _ = writeln!(text, "      {}", difference.advice);
        }
    }
}

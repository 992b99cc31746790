//! What a pull would change: all records as they are now, through the very rules of a delivery, and then rolled back.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::PullError;
use super::batch::{Draft, content};
use super::source;
use crate::app::App;
use crate::catalog::{self, BatchError, Beside, Delivery, Kept, Reason, Tally};
use crate::db::{self, Tx};
use crate::exchange::connections::{Connection, Findings};
use crate::exchange::system::System;
use crate::ids::BatchId;

/// Rows of each kind that are shown.
const SAMPLES: usize = 3;
/// Records of one stream that are looked at.
const RECORDS_MAX: usize = 20_000;

/// What a pull would change.
#[derive(Debug, Default)]
pub struct DryRun {
    /// Records, by stream.
    pub records: Vec<(String, usize)>,
    /// Rows that were left out, by what for.
    pub left_out: BTreeMap<String, usize>,
    /// What is odd about whole streams.
    pub refused: Vec<String>,
    /// What would become of the rows.
    pub tally: Tally,
    /// How many rows would be quarantined, by reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// The first rows of each stream.
    pub samples: Vec<String>,
    /// The first quarantined rows, with their reasons.
    pub refusals: Vec<String>,
}

/// What would become of rows.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Look {
    pub(in crate::exchange) tally: Tally,
    /// The numbers of lines, from 1, and why they would be kept aside.
    pub(in crate::exchange) refused: Vec<(i64, Reason)>,
}

/// Sends rows, one a line, through the very rules of a delivery, and rolls all of it back.
pub(in crate::exchange) async fn judge(app: &App, source: String, text: String) -> Result<Look, BatchError> {
    let content = content(app, text).await.map_err(BatchError::Read)?;
    let delivery = Delivery { source, feed: "dry-run".to_owned(), ..Delivery::default() };
    let mut seen = Look::default();
    let (id, now): (BatchId, _) = (app.ids.next(), app.clock.now());
    let beside: Option<&mut dyn Beside> = Some(&mut seen);
    match catalog::deliver_beside(&app.db, now, id, &delivery, None, &content, beside).await {
        Err(BatchError::Abandoned) => {}
        other => drop(other?),
    }
    Ok(seen)
}

#[async_trait::async_trait]
impl Beside for Look {
    /// Looks, and has the batch given up.
    async fn keep(&mut self, _: &mut Tx, kept: &Kept<'_>) -> Result<bool, db::Error> {
        (self.tally, self.refused) = (kept.tally, kept.refused.to_vec());
        Ok(false)
    }
}

/// Asks a connection for all it has and answers what that would change; nothing is changed.
pub async fn dry_run(
    app: &App,
    connection: &Connection,
    system: &dyn System,
) -> Result<DryRun, Box<dyn std::error::Error + Send + Sync>> {
    Ok(look(app, connection, system).await?)
}

async fn look(app: &App, connection: &Connection, system: &dyn System) -> Result<DryRun, PullError> {
    let mut run = DryRun::default();
    let mut draft = Draft::default();
    draft.add("file", connection.given.clone());
    for stream in &connection.streams {
        let mut findings = Findings::default();
        let begun = draft.lines.len();
        let mut from: Option<String> = None;
        loop {
            let page = system.all(stream, from.as_deref()).await?;
            for record in &page.items {
                draft.add(&record.id, stream.map(record, &mut findings).rows);
            }
            from = page.next.filter(|_| findings.records < RECORDS_MAX);
            if from.is_none() {
                break;
            }
        }
        run.samples.extend(draft.lines.iter().skip(begun).take(SAMPLES).map(|(_, line)| line.clone()));
        let odd = findings.schema_change().or_else(|| stream.implausible(&findings));
        run.refused.extend(odd.map(|why| format!("{}: {why}", stream.name)));
        run.records.push((stream.name.clone(), findings.records));
        run.left_out.extend(findings.left_out);
    }
    let seen = judge(app, source(connection), draft.text()).await?;
    for (line, reason) in &seen.refused {
        *run.reasons.entry(*reason).or_default() += 1;
        let row = usize::try_from(*line - 1).ok().and_then(|at| draft.lines.get(at));
        if let Some((_, row)) = row.filter(|_| run.refusals.len() < SAMPLES * 3) {
            run.refusals.push(format!("{reason}: {row}"));
        }
    }
    run.tally = seen.tally;
    Ok(run)
}

impl std::fmt::Display for DryRun {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (stream, records) in &self.records {
            writeln!(text, "{stream}: {records} records")?;
        }
        let Tally { applied, unchanged, quarantined, .. } = self.tally;
        writeln!(
            text,
            "rows: {applied} would be new or different, {unchanged} are known, {quarantined} would be kept aside"
        )?;
        for (reason, rows) in &self.reasons {
            writeln!(text, "kept aside for {reason}: {rows}")?;
        }
        for (what, rows) in &self.left_out {
            writeln!(text, "left out, {what}: {rows}")?;
        }
        for why in &self.refused {
            writeln!(text, "a batch would be refused as a whole: {why}")?;
        }
        for sample in &self.samples {
            writeln!(text, "such as {sample}")?;
        }
        for refusal in &self.refusals {
            writeln!(text, "kept aside: {refusal}")?;
        }
        to.write_str(&text)
    }
}

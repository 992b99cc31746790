//! What was found, weighed against what the process needs. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::needs::{Need, STEPS, Severity};
use super::report::{
    Assessment, Channel, Field, Gap, Phase, ProcessStep, RefusedRows, Source, StepState, Transformation,
};
use crate::catalog::{Kind, Reason};

/// Samples of a field that are shown.
const SAMPLES: usize = 3;
/// Longest sample.
const SAMPLE_LENGTH_MAX: usize = 60;
/// Rows kept aside that are shown for each reason.
const REFUSED_SAMPLES: usize = 2;
/// Begins what is said of a field that no system delivers.
const NOBODY: &str = "no system delivers ";

/// Rows that came from somewhere, and what would become of them.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) system: String,
    pub(super) rows: Vec<(Map<String, Value>, Option<Reason>)>,
}

/// What was found, before it is weighed.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) delivered: Vec<Delivered>,
    pub(super) channels: Vec<Channel>,
    pub(super) transformations: Vec<Transformation>,
    pub(super) given: Vec<(String, Kind, String)>,
    pub(super) exists: Vec<String>,
    /// Whether sales go anywhere.
    pub(super) has_books: bool,
}

/// Weighs what was found.
pub(super) fn weigh(found: Found, made_at: DateTime<Utc>, is_sample: bool, records_max: usize) -> Assessment {
    let data = fields(&found);
    let mut gaps = gaps(&found, &data);
    gaps.sort_by(|one, other| (one.severity, &one.what).cmp(&(other.severity, &other.what)));
    let process = STEPS.iter().map(|step| {
        let is_missing = |need: &&Need| data.iter().any(|field| is_of(field, need) && is_gap(field, need));
        let worst = step.needs.iter().filter(is_missing).map(|need| need.severity).min();
        let is_booked = step.name != "Book" || found.has_books;
        let state = match worst {
            Some(Severity::Stops) => StepState::Blocked,
            Some(Severity::Wrong | Severity::Hinders) => StepState::AtRisk,
            _ if !is_booked => StepState::AtRisk,
            Some(Severity::Lacks) | None => StepState::Ready,
        };
        let needs = step.needs.iter().map(|need| format!("{}.{}", need.kind, need.field)).collect();
        ProcessStep { name: step.name, what: step.what, state, needs }
    });
    let process = process.collect();
    let roadmap = roadmap(&gaps);
    let refused = refused(&found);
    let Found { channels, transformations, exists, .. } = found;
    Assessment {
        made_at,
        is_sample,
        records_max,
        process,
        data,
        refused,
        channels,
        transformations,
        exists,
        gaps,
        roadmap,
    }
}

/// Phases by how bad their gaps are; fields that nobody delivers are one step of each.
fn roadmap(gaps: &[Gap]) -> Vec<Phase> {
    let phases = [
        (Severity::Stops, "Before the first trip"),
        (Severity::Wrong, "Before the first shopper pays"),
        (Severity::Hinders, "Before more stores"),
        (Severity::Lacks, "Later"),
    ];
    let mut roadmap = Vec::new();
    for (severity, name) in phases {
        let own = || gaps.iter().filter(move |gap| gap.severity == severity);
        let unknown: Vec<&str> = own().filter_map(|gap| gap.what.strip_prefix(NOBODY)).collect();
        let mut steps = Vec::new();
        if !unknown.is_empty() {
            let fields = unknown.join(", ");
            steps.push(format!(
                "Find out which system keeps these, and say it in its connection's file: {fields}."
            ));
        }
        for gap in own().filter(|gap| !gap.what.starts_with(NOBODY)) {
            if !steps.contains(&gap.next) {
                steps.push(gap.next.clone());
            }
        }
        if !steps.is_empty() {
            roadmap.push(Phase { name, steps });
        }
    }
    roadmap
}

fn is_of(field: &Field, need: &Need) -> bool {
    (field.kind, field.name) == (need.kind, need.field)
}

/// Each field that a step needs, once.
fn fields(found: &Found) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for step in &STEPS {
        for need in step.needs {
            if let Some(field) = fields.iter_mut().find(|field| is_of(field, need)) {
                field.steps.push(step.name);
                field.severity = field.severity.min(need.severity);
                continue;
            }
            fields.push(field(found, need, step.name));
        }
    }
    fields
}

fn field(found: &Found, need: &Need, step: &'static str) -> Field {
    let is_own = |name: &str| name == need.field || name.starts_with(&format!("{}.", need.field));
    let own = found.transformations.iter().filter(|each| each.kind == need.kind && is_own(&each.field));
    let mut sources: Vec<Source> = own
        .map(|each| Source {
            system: each.system.clone(),
            stream: each.stream.clone(),
            from: each.from.clone(),
        })
        .collect();
    let given = found.given.iter().filter(|(_, kind, field)| *kind == need.kind && is_own(field));
    sources.extend(given.map(|(system, _, _)| Source {
        system: system.clone(),
        stream: "given".to_owned(),
        from: "the connection's file".to_owned(),
    }));
    sources.dedup();
    let (mut rows, mut present, mut valid, mut samples) = (0, 0, 0, Vec::<String>::new());
    for (row, reason) in found.delivered.iter().flat_map(|delivered| &delivered.rows) {
        if row.get("kind").and_then(Value::as_str) != Some(need.kind.as_str()) {
            continue;
        }
        rows += 1;
        let Some(value) = row.get(need.field).filter(|value| !is_empty(value)) else { continue };
        present += 1;
        valid += usize::from(reason.is_none());
        let sample = shown(value);
        if samples.len() < SAMPLES && !samples.contains(&sample) {
            samples.push(sample);
        }
    }
    let (kind, name, severity) = (need.kind, need.field, need.severity);
    Field { kind, name, steps: vec![step], sources, rows, present, valid, samples, severity }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A value for people.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    cut(&text, SAMPLE_LENGTH_MAX)
}

fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length).chain(['…']).collect()
}

/// Whether a field falls short of what a step needs.
fn is_gap(field: &Field, need: &Need) -> bool {
    field.present == 0 || u64::try_from(field.present * 100).ok() < share(field.rows, need.percent)
}

fn share(rows: usize, percent: u32) -> Option<u64> {
    u64::try_from(rows).ok()?.checked_mul(u64::from(percent))
}

fn gaps(found: &Found, data: &[Field]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for channel in found.channels.iter().filter(|channel| channel.error.is_some()) {
        let error = channel.error.as_deref().unwrap_or_default();
        gaps.push(Gap {
            severity: Severity::Stops,
            what: format!("{} {} can't be read: {error}", channel.system, channel.stream),
            breaks: "what it delivers grows old, or is not there at all".to_owned(),
            next: format!(
                "Make {} reachable, then assess again: what it has is not in this report.",
                channel.system
            ),
        });
    }
    for need in STEPS.iter().flat_map(|step| step.needs) {
        let Some(field) = data.iter().find(|field| is_of(field, need) && is_gap(field, need)) else {
            continue;
        };
        let name = format!("{}.{}", need.kind, need.field);
        let (what, next) = if field.sources.is_empty() && field.present == 0 {
            (
                format!("{NOBODY}{name}"),
                format!("Say in a connection's file where {name} comes from, or give it there."),
            )
        } else if field.present == 0 {
            (
                format!("{name} is mapped and always empty"),
                format!("Have {name} filled where it is kept: {}.", kept(field)),
            )
        } else {
            let missing = field.rows - field.present;
            (
                format!("{name} is missing in {missing} of {} rows", field.rows),
                format!("Fill {name} where it is kept: {}.", kept(field)),
            )
        };
        let gap = Gap { severity: need.severity, what, breaks: need.breaks.to_owned(), next };
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }
    gaps.extend(refused(found).into_iter().map(|refused| Gap {
        severity: Severity::Wrong,
        what: format!(
            "{} rows of kind {} from {} would be kept aside: {}",
            refused.rows, refused.kind, refused.system, refused.reason
        ),
        breaks: "these are not sold, or at what was known before".to_owned(),
        next: format!("Mend rows that are kept aside for {} in {}.", refused.reason, refused.system),
    }));
    let odd = found.channels.iter().flat_map(|channel| channel.odd.iter().map(move |odd| (channel, odd)));
    gaps.extend(odd.map(|(channel, odd)| Gap {
        severity: Severity::Wrong,
        what: format!("{} {}: {odd}", channel.system, channel.stream),
        breaks: "a batch like this is refused as a whole, or in part".to_owned(),
        next: format!("Look at {} of {} with its owner.", channel.stream, channel.system),
    }));
    if !found.has_books {
        gaps.push(Gap {
            severity: Severity::Hinders,
            what: "sales go into nobody's books".to_owned(),
            breaks: "each sale must be booked by hand, and the ERP's stock does not fall".to_owned(),
            next: "Write the section [sales] of the ERP's file: tills, ways to pay, articles for what is no goods.".to_owned(),
        });
    }
    gaps
}

fn kept(field: &Field) -> String {
    let at = field
        .sources
        .iter()
        .map(|source| format!("{} of {} ({})", source.from, source.system, source.stream));
    let at = at.collect::<Vec<_>>().join(", ");
    if at.is_empty() { "the file it came from".to_owned() } else { at }
}

/// Rows that would be kept aside, the most frequent first.
fn refused(found: &Found) -> Vec<RefusedRows> {
    let mut by_reason: BTreeMap<(&str, &str, Reason), (usize, Vec<String>)> = BTreeMap::new();
    for delivered in &found.delivered {
        for (row, reason) in &delivered.rows {
            let Some(reason) = reason else { continue };
            let kind = row.get("kind").and_then(Value::as_str).unwrap_or("unknown");
            let (rows, samples) = by_reason.entry((&delivered.system, kind, *reason)).or_default();
            *rows += 1;
            if samples.len() < REFUSED_SAMPLES {
                samples.push(cut(&Value::Object(row.clone()).to_string(), 4 * SAMPLE_LENGTH_MAX));
            }
        }
    }
    let mut refused: Vec<RefusedRows> = by_reason
        .into_iter()
        .map(|((system, kind, reason), (rows, samples))| RefusedRows {
            system: system.to_owned(),
            kind: kind.to_owned(),
            reason,
            rows,
            samples,
        })
        .collect();
    refused.sort_by_key(|rows| std::cmp::Reverse(rows.rows));
    refused
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::measure::Timing;
    use super::*;

    fn rows(rows: &[Value]) -> Delivered {
        let rows = rows.iter().filter_map(|row| Some((row.as_object()?.clone(), None)));
        Delivered { system: "erp".to_owned(), rows: rows.collect() }
    }

    #[test]
    fn gaps_are_ranked_by_what_they_break_at_the_till_and_each_step_says_whether_it_can_be_gone() {
        let products = [
            json!({"kind": "product", "sku": "a", "name": "A", "tax_class": "standard"}),
            json!({"kind": "product", "sku": "b", "name": " ", "tax_class": "standard"}),
        ];
        let found = Found { delivered: vec![rows(&products)], ..Found::default() };
        let report = weigh(found, DateTime::UNIX_EPOCH, false, 10);
        let name = report.data.iter().find(|field| field.name == "name").expect("a field");
        assert_eq!(
            (name.rows, name.present, name.valid, &name.samples[..]),
            (2, 1, 1, &["A".to_owned()][..])
        );
        assert!(report.gaps.iter().any(|gap| gap.what == "product.name is missing in 1 of 2 rows"));
        assert!(report.gaps.windows(2).all(|pair| pair[0].severity <= pair[1].severity));
        assert_eq!(report.gaps[0].severity, Severity::Stops);
        let state = |name: &str| report.process.iter().find(|step| step.name == name).expect("a step").state;
        assert_eq!((state("Scan"), state("Book")), (StepState::Blocked, StepState::AtRisk));
        assert_eq!(state("Substitute"), StepState::Ready, "what would only be nicer stops nothing");
        let phases: Vec<&str> = report.roadmap.iter().map(|phase| phase.name).collect();
        assert_eq!(
            phases,
            ["Before the first trip", "Before the first shopper pays", "Before more stores", "Later"]
        );
        assert!(report.roadmap[3].steps.iter().any(|step| step.contains("product.image")));
    }

    #[test]
    fn a_system_that_is_down_is_a_gap_and_the_first() {
        let channel = Channel {
            system: "erp".to_owned(),
            kind: "tryton".to_owned(),
            stream: "products".to_owned(),
            direction: "in",
            records: 0,
            is_cut: false,
            timing: Timing::default(),
            changes: String::new(),
            deletions: String::new(),
            page: 500,
            time_zone: "UTC".to_owned(),
            currency: "EUR".to_owned(),
            decimals: 0,
            odd: Vec::new(),
            error: Some("no answer".to_owned()),
        };
        let found = Found { channels: vec![channel], ..Found::default() };
        let report = weigh(found, DateTime::UNIX_EPOCH, false, 10);
        assert!(report.gaps.iter().any(|gap| gap.what == "erp products can't be read: no answer"));
        assert!(report.roadmap[0].steps.iter().any(|next| next.starts_with("Make erp reachable")));
    }
}

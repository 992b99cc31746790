//! The assessment as one page without anything beside it, to be read and printed.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::needs::Severity;
use super::report::{Assessment, Channel, Field, StepState};

const STYLE: &str = "
    :root { color-scheme: light; }
    body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; margin: 0 auto; padding: 1.5rem; max-width: 68rem; }
    h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #1c1c1c; } h3 { font-size: 1rem; margin: 1rem 0 0; }
    p { margin: .25rem 0; } .quiet { color: #555; font-size: .9rem; }
    .scroll { overflow-x: auto; }
    table { width: 100%; border-collapse: collapse; font-size: .9rem; }
    th, td { text-align: left; padding: .3rem .75rem .3rem 0; vertical-align: top; border-bottom: 1px solid #ddd; }
    th { color: #555; font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
    code { font-size: .85em; overflow-wrap: anywhere; }
    td.name, td.bar { white-space: nowrap; }
    ol { padding-left: 1.4rem; } li { margin: .3rem 0; }
    .tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
    .tiles div { border: 1px solid #ccc; border-radius: .4rem; padding: .5rem .9rem; min-width: 8rem; }
    .tiles strong { display: block; font-size: 1.5rem; }
    .mark { display: inline-block; border-radius: .3rem; padding: 0 .45rem; font-size: .85rem; white-space: nowrap; border: 1px solid; }
    .bad { color: #8f1111; background: #fdecec; } .warn { color: #6b4700; background: #fff5dd; }
    .good { color: #145226; background: #e9f7ee; } .mild { color: #444; background: #f2f2f2; }
    svg { vertical-align: middle; }
    @media print { body { max-width: none; padding: 0; font-size: 11px; } h2 { break-after: avoid; } tr { break-inside: avoid; } .scroll { overflow: visible; } }
";

/// The page.
pub(super) fn page(of: &Assessment) -> String {
    let blocked = of.process.iter().filter(|step| step.state == StepState::Blocked).count();
    let at_risk = of.process.iter().filter(|step| step.state == StepState::AtRisk).count();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Assessment" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "What the systems deliver, and what the store needs" }
                p.quiet {
                    (of.made_at.format("%Y-%m-%d %H:%M UTC")) ", from at most " (of.records_max) " records of each stream"
                    @if of.is_sample { ", out of saved files" }
                }
                div.tiles {
                    div { strong { (of.process.len() - blocked - at_risk) } "steps are ready" }
                    div { strong { (at_risk) } "at risk" }
                    div { strong { (blocked) } "blocked" }
                    div { strong { (of.gaps.len()) } "gaps" }
                }
                (process(of))
                (gaps(of))
                h2 { "Next steps" }
                @if of.roadmap.is_empty() { p { "Nothing is left to do." } }
                @for phase in &of.roadmap {
                    h3 { (phase.name) }
                    ol { @for next in &phase.steps { li { (next) } } }
                }
                (data(of))
                (refused(of))
                (channels(&of.channels))
                (transformations(of))
                h2 { "What is there already" }
                ul { @for each in &of.exists { li { (each) } } }
            }
        }
    };
    page.into_string()
}

fn process(of: &Assessment) -> Markup {
    html! {
        h2 { "The process, step by step" }
        div.scroll { table {
            thead { tr { th { "Step" } th { "What happens" } th { "Its data" } th { "Needs" } } }
            tbody { @for step in &of.process {
                tr {
                    td { strong { (step.name) } } td { (step.what) }
                    td { @match step.state {
                        StepState::Ready => { span.mark.good { "ready" } },
                        StepState::AtRisk => { span.mark.warn { "at risk" } },
                        StepState::Blocked => { span.mark.bad { "blocked" } },
                    } }
                    td { code { (step.needs.join(", ")) } }
                }
            } }
        } }
    }
}

fn severity(of: Severity) -> Markup {
    match of {
        Severity::Stops => html! { span.mark.bad { "stops the sale" } },
        Severity::Wrong => html! { span.mark.bad { "makes it wrong" } },
        Severity::Hinders => html! { span.mark.warn { "hinders" } },
        Severity::Lacks => html! { span.mark.mild { "is lacking" } },
    }
}

fn gaps(of: &Assessment) -> Markup {
    html! {
        h2 { "Gaps, the worst at the till first" }
        @if of.gaps.is_empty() { p { "None." } }
        @else { div.scroll { table {
            thead { tr { th { "How bad" } th { "What is missing" } th { "What that breaks" } th { "What to do" } } }
            tbody { @for gap in &of.gaps {
                tr { td { (severity(gap.severity)) } td { (gap.what) } td { (gap.breaks) } td { (gap.next) } }
            } }
        } } }
    }
}

fn data(of: &Assessment) -> Markup {
    html! {
        h2 { "The data, field by field" }
        p.quiet { "Of the rows of its kind: how many have it, and how many of these would be taken as they are. The first source leads." }
        div.scroll { table {
            thead { tr {
                th { "Field" } th { "Needed for" } th { "Comes from" } th { "Complete" } th.n { "Rows" } th.n { "Have it" } th.n { "Valid" } th { "Such as" }
            } }
            tbody { @for field in &of.data {
                tr {
                    td.name { code { (field.kind) "." (field.name) } }
                    td { (field.steps.join(", ")) }
                    td {
                        @if field.sources.is_empty() { span.mark.warn { "nowhere" } }
                        @for source in &field.sources { div { (source.system) " " (source.stream) ": " code { (source.from) } } }
                    }
                    td.bar { (bar(field)) }
                    td.n { (field.rows) } td.n { (field.present) } td.n { (field.valid) }
                    td { @for sample in &field.samples { div { code { (sample) } } } }
                }
            } }
        } }
    }
}

/// How much of it is there, and how much of that is right.
fn bar(field: &Field) -> Markup {
    let part = |rows: usize| (rows * 100).checked_div(field.rows).unwrap_or(0);
    let (present, valid) = (part(field.present), part(field.valid));
    let label = format!("{present} % have it, {valid} % are valid");
    html! {
        svg role="img" aria-label=(label) width="104" height="14" viewBox="0 0 104 14" {
            rect x="0.5" y="0.5" width="103" height="13" fill="#f2f2f2" stroke="#bbb" {}
            rect x="2" y="2" width=(present) height="10" fill="#e0b341" {}
            rect x="2" y="2" width=(valid) height="10" fill="#2f8f4e" {}
        }
        " " (present) " %"
    }
}

fn refused(of: &Assessment) -> Markup {
    html! {
        h2 { "Rows that would be kept aside" }
        @if of.refused.is_empty() { p { "None." } }
        @else { div.scroll { table {
            thead { tr { th { "From" } th { "Kind" } th { "Why" } th.n { "Rows" } th { "Such as" } } }
            tbody { @for rows in &of.refused {
                tr {
                    td { (rows.system) } td { (rows.kind) } td { (rows.reason) } td.n { (rows.rows) }
                    td { @for sample in &rows.samples { div { code { (sample) } } } }
                }
            } }
        } } }
    }
}

fn channels(channels: &[Channel]) -> Markup {
    html! {
        h2 { "Channels, as they were measured" }
        div.scroll { table {
            thead { tr {
                th { "Channel" } th { "Changes" } th { "Deletions" } th.n { "Records" } th.n { "Page" } th.n { "Calls" } th.n { "p50 ms" } th.n { "max ms" }
                th.n { "Records/s" } th { "Days in" } th { "Money" } th.n { "Decimals" } th { "State" }
            } }
            tbody { @for channel in channels {
                tr {
                    td { (channel.direction) " " strong { (channel.system) } " " (channel.stream) div.quiet { (channel.kind) } }
                    td { (channel.changes) } td { (channel.deletions) }
                    td.n { (channel.records) @if channel.is_cut { "+" } } td.n { (channel.page) } td.n { (channel.timing.calls) }
                    td.n { (channel.timing.p50_ms) } td.n { (channel.timing.max_ms) } td.n { (channel.timing.records_per_second) }
                    td { (channel.time_zone) } td { (channel.currency) } td.n { (channel.decimals) }
                    td {
                        @match &channel.error {
                            Some(error) => { span.mark.bad { "can't be read" } div { (error) } },
                            None => { span.mark.good { "answers" } },
                        }
                        @for odd in &channel.odd { div { (odd) } }
                    }
                }
            } }
        } }
    }
}

fn transformations(of: &Assessment) -> Markup {
    html! {
        h2 { "What becomes what" }
        div.scroll { table {
            thead { tr { th { "System" } th { "Stream" } th { "Our field" } th { "Is made of" } } }
            tbody { @for each in &of.transformations {
                tr {
                    td { (each.system) } td { (each.stream) } td { code { (each.kind) "." (each.field) } } td { code { (each.from) } }
                }
            } }
        } }
    }
}

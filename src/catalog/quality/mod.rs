//! The quality of delivered rows: which rules a row breaks, what is kept aside, and what that amounts to.
//!
//! Every finding has one stable rule code; the same code is in reports, in the work list, in metrics and in errors. A row
//! that could be sold wrongly is kept aside with its text and never touches the version that is live; a row that somebody
//! should look at is taken and counted. Nothing is dropped, and nothing is repaired but blanks at the ends of texts and
//! zeros that a spreadsheet took.
//!
//! `model.rs` names rules and levels; `rules/` are the rules, pure, one function each; `judge.rs` gives them what is
//! known and gathers a batch's findings, with `asked.rs` for prices, `assortment.rs` for stock and sets, `refined.rs` for what could not be read and `seen.rs` for codes that stand
//! twice; `quarantine.rs` is the work list; `report.rs` counts and scores; `unknown.rs`
//! are codes that shoppers scanned and nobody knew, `gaps.rs` their routes; `feeds.rs` are deliveries that are late.

mod asked;
mod assortment;
mod feeds;
mod gaps;
mod http;
mod judge;
mod model;
mod print;
mod quarantine;
mod refined;
mod report;
mod rules;
mod seen;
mod store;
mod unknown;

pub(in crate::catalog) use feeds::tell_late_feeds;
pub use feeds::{Feed, measure_feeds};
pub(in crate::catalog) use http::routes;
pub(in crate::catalog) use judge::{Judge, Refused, cut, raw};
pub use model::{Cause, GapState, KeptState, Level, Rule, Source};
pub use print::table;
pub use report::{Letter, Quality, RuleCount, report};
pub(in crate::catalog) use rules::stopped;
pub use unknown::{UnknownCodes, keep_unknown_codes};

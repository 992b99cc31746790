//! The files of one partner together: each exchange is held against the one that has its operation.

use aisle::sandbox::wire;

use super::{Coverage, Exchange, NOT_CHECKED, Specification, Violation};

/// A partner's files, and what they call refused.
#[derive(Debug)]
pub struct Files {
    files: Vec<(&'static str, Specification)>,
    /// Whether an exchange was refused as malformed: its request was wrong on purpose, or the refusal is the finding, so that
    /// its answer alone is held against the file.
    was_refused: fn(&Exchange) -> bool,
}

impl Files {
    pub fn new(files: Vec<(&'static str, Specification)>, was_refused: fn(&Exchange) -> bool) -> Self {
        Self { files, was_refused }
    }

    /// Everything the files have against these exchanges. What is in no file is passed over: the sandbox's own pages and
    /// controls, and calls that a partner describes nowhere.
    pub fn check(&self, exchanges: &[wire::Exchange]) -> Vec<Violation> {
        exchanges.iter().flat_map(|exchange| self.check_one(&Exchange::from(exchange))).collect()
    }

    pub fn check_one(&self, exchange: &Exchange) -> Vec<Violation> {
        let file = self.files.iter().find(|(_, file)| file.covers(&exchange.method, &exchange.target));
        file.map_or_else(Vec::new, |(_, file)| {
            if (self.was_refused)(exchange) { file.check_answer(exchange) } else { file.check(exchange) }
        })
    }

    /// Whether one of the files has this operation.
    pub fn covers(&self, exchange: &wire::Exchange) -> bool {
        self.files.iter().any(|(_, file)| file.covers(&exchange.method, &exchange.target))
    }

    pub fn coverage(&self) -> Vec<(&'static str, Coverage)> {
        self.files.iter().map(|(name, file)| (*name, file.coverage())).collect()
    }
}

/// Fails when any exchange that was answered departs from the files; says so when there are none.
#[track_caller]
pub fn assert_kept(files: Option<&Files>, exchanges: Vec<wire::Exchange>) {
    let Some(files) = files else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    let answered: Vec<_> = exchanges.into_iter().filter(|exchange| exchange.answered).collect();
    assert_none(&files.check(&answered));
}

/// Fails when one of these operations is in no file, unless its name is excused; says how much of each file was seen.
#[track_caller]
pub fn assert_covered(files: Option<&Files>, exchanges: &[wire::Exchange], excused: &[&str]) {
    let Some(files) = files else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    for exchange in exchanges.iter().filter(|exchange| !excused.contains(&exchange.operation)) {
        assert!(files.covers(exchange), "{} {} is in no file", exchange.method, exchange.target);
    }
    for (name, coverage) in files.coverage() {
        eprintln!("{name}: {coverage}");
    }
}

#[track_caller]
pub fn assert_none(violations: &[Violation]) {
    let listed: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "the specifications object:\n{}", listed.join("\n"));
}

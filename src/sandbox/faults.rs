//! Failures on order: errors, delays and answers that never arrive.
//!
//! A rule names an operation (`orders.create`, `authorizations.capture`, ... or `*`), what shall go wrong, and how often.
//! The first rule that fits is used and counted down. With `after` kinds the effect happens and only the answer is lost,
//! which is the case a client must survive by repeating with the same key or by reading.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Longest delay a rule may ask for: beyond it every client has given up.
const DELAY_MS_MAX: u64 = 120_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule<F = Fault> {
    /// Operation name, or `*` for every operation.
    pub operation: String,
    #[serde(flatten)]
    pub fault: F,
    /// How many more times it strikes.
    #[serde(default = "once")]
    pub times: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers this status; nothing happens.
    ErrorBefore {
        #[serde(default = "internal")]
        status: u16,
    },
    /// The effect happens; answers this status.
    ErrorAfter {
        #[serde(default = "internal")]
        status: u16,
    },
    /// Nothing happens and no answer comes.
    NoAnswerBefore {
        #[serde(default)]
        hold: bool,
    },
    /// The effect happens and no answer comes. `hold` keeps the connection open until the sandbox stops; otherwise it
    /// is cut.
    NoAnswerAfter {
        #[serde(default)]
        hold: bool,
    },
    /// Everything as usual, later. The request holds its key meanwhile.
    DelayMs { delay_ms: u64 },
}

impl<F> Rule<F> {
    pub fn new(operation: &str, fault: F, times: u32) -> Self {
        Rule { operation: operation.to_owned(), fault, times }
    }
}

impl Fault {
    pub fn delay(self) -> Option<Duration> {
        match self {
            Fault::DelayMs { delay_ms } => Some(Duration::from_millis(delay_ms.min(DELAY_MS_MAX))),
            _ => None,
        }
    }
}

/// Takes the first rule for this operation, counting it down.
pub fn take<F: Copy>(rules: &mut Vec<Rule<F>>, operation: &str) -> Option<F> {
    let fits = |rule: &Rule<F>| rule.times > 0 && (rule.operation == operation || rule.operation == "*");
    let position = rules.iter().position(fits)?;
    let rule = &mut rules[position];
    rule.times -= 1;
    let fault = rule.fault;
    if rule.times == 0 {
        rules.remove(position);
    }
    Some(fault)
}

fn once() -> u32 {
    1
}

fn internal() -> u16 {
    500
}

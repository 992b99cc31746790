//! Rate limits. UPS publishes none and sends no `Retry-After`; what is known is code 10429, and that an application which
//! asks for a token before every call is throttled. So there are two counts a minute: of tokens and of all other calls.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Calls allowed in a minute of the sandbox's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub tokens: u32,
    pub others: u32,
}

impl Limits {
    pub const NONE: Limits = Limits { tokens: u32::MAX, others: u32::MAX };
    /// What the sandbox allows when it runs alone: ours, UPS says nothing.
    pub const ALONE: Limits = Limits { tokens: 12, others: 600 };
}

/// What was counted in the minute that runs.
#[derive(Debug, Default)]
pub struct Windows {
    began_at: Option<DateTime<Utc>>,
    tokens: u32,
    others: u32,
}

impl Windows {
    /// Counts a call; whether it is within the limits.
    pub fn count(&mut self, limits: Limits, operation: &str, now: DateTime<Utc>) -> bool {
        if self.began_at.is_none_or(|began| began + chrono::Duration::minutes(1) <= now) {
            *self = Windows { began_at: Some(now), tokens: 0, others: 0 };
        }
        let (count, limit) = match operation {
            "token" => (&mut self.tokens, limits.tokens),
            _ => (&mut self.others, limits.others),
        };
        *count = count.saturating_add(1);
        *count <= limit
    }
}

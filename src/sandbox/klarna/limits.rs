//! Rate limits: so many sessions and so many other calls in a second, counted for the one merchant.
//!
//! Klarna publishes 40 and 200 for live, 5 and 50 for its playground, and names the headers. How `X-Ratelimit-Reset`
//! counts is not documented: here it is whole seconds until the window is over, and a window is a second of real time.

use super::call::{Call, Reply};
use super::errors::Refusal;
use super::state::real_now;

/// Calls in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Creating sessions, of payments and of the hosted page.
    pub sessions: u32,
    pub others: u32,
}

impl Limits {
    pub const LIVE: Limits = Limits { sessions: 40, others: 200 };
    pub const PLAYGROUND: Limits = Limits { sessions: 5, others: 50 };
    /// Beyond what any client does.
    pub const NONE: Limits = Limits { sessions: 1_000_000, others: 1_000_000 };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::LIVE
    }
}

/// The second that is counted, and the calls in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Windows {
    second: i64,
    sessions: u32,
    others: u32,
}

/// What the three headers say.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    limit: u32,
    remaining: u32,
}

impl Windows {
    /// Counts a call. `Err` when it is one too many.
    pub fn count(&mut self, limits: Limits, call: &Call) -> Result<Standing, (Standing, Refusal)> {
        let second = real_now().timestamp();
        if second != self.second {
            *self = Windows { second, ..Windows::default() };
        }
        let (limit, counted) = match call.operation {
            "sessions.create" | "hpp.create" | "authorizations.customer_token" => {
                (limits.sessions, &mut self.sessions)
            }
            _ => (limits.others, &mut self.others),
        };
        if *counted >= limit {
            return Err((Standing { limit, remaining: 0 }, Refusal::bare(call.operation, 429)));
        }
        *counted += 1;
        Ok(Standing { limit, remaining: limit - *counted })
    }
}

impl Standing {
    pub fn on(self, reply: Reply) -> Reply {
        // A refusal that was ordered says what a real one would.
        let remaining = if reply.status == 429 { 0 } else { self.remaining };
        reply
            .with_header("X-Ratelimit-Limit", &self.limit.to_string())
            .with_header("X-Ratelimit-Remaining", &remaining.to_string())
            .with_header("X-Ratelimit-Reset", "1")
    }
}

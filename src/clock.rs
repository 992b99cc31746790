//! The one source of time.
//!
//! Times are UTC and cut to microseconds, because that is what PostgreSQL keeps: a time that was written and read again
//! is equal to itself on both engines. Nothing else in the program asks the system for the time.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// A moment in UTC, to the microsecond.
pub type Moment = DateTime<Utc>;

/// The system's clock, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The time of the machine.
    #[default]
    System,
    /// A time that moves only when told to.
    Manual(Arc<Mutex<Moment>>),
}

impl Clock {
    /// A clock that stands still at `start` until it is moved.
    pub fn manual(start: Moment) -> Self {
        Self::Manual(Arc::new(Mutex::new(start.trunc_subsecs(6))))
    }

    /// The present moment, cut to microseconds.
    pub fn now(&self) -> Moment {
        match self {
            Self::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one home of the system's time")]
                let now = Utc::now();
                now.trunc_subsecs(6)
            }
            Self::Manual(moment) => *moment.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward; the system's clock can't be moved and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(moment) = self {
            let mut moment = moment.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *moment += by;
        }
    }
}

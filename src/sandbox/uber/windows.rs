//! The four moments of a delivery, and the rules between them.
//!
//! What is left out, the sandbox fills in: ready now, collected within half an hour, brought within an hour more.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::errors::refusal;
use crate::sandbox::host::{Fields, Reply, What};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    pub pickup_ready: DateTime<Utc>,
    pub pickup_deadline: DateTime<Utc>,
    pub dropoff_ready: DateTime<Utc>,
    pub dropoff_deadline: DateTime<Utc>,
}

/// A clock that is a little behind ours is not in the past.
const GRACE: Duration = Duration::minutes(1);

impl Windows {
    pub fn read(body: &Fields<'_>, now: DateTime<Utc>) -> Self {
        let pickup_ready = moment(body, "pickup_ready_dt").unwrap_or(now);
        let pickup_deadline = moment(body, "pickup_deadline_dt")
            .unwrap_or_else(|| (pickup_ready + Duration::minutes(30)).max(now + Duration::minutes(30)));
        let dropoff_ready = moment(body, "dropoff_ready_dt").unwrap_or(pickup_ready);
        let dropoff_deadline =
            moment(body, "dropoff_deadline_dt").unwrap_or(pickup_deadline + Duration::hours(1));
        Self { pickup_ready, pickup_deadline, dropoff_ready, dropoff_deadline }
    }

    /// # Errors
    /// The code of the first rule that is broken.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Reply> {
        let minutes = Duration::minutes;
        let rules = [
            (self.pickup_ready + GRACE < now, "pickup_ready_too_early"),
            (self.pickup_ready > now + Duration::days(30), "pickup_ready_too_late"),
            (self.pickup_deadline < now + minutes(20) - GRACE, "pickup_deadline_too_early"),
            (self.pickup_deadline < self.pickup_ready + minutes(10), "pickup_window_too_small"),
            (self.dropoff_ready > self.pickup_deadline, "dropoff_ready_after_pickup_deadline"),
            (self.dropoff_deadline < self.dropoff_ready + minutes(20), "dropoff_deadline_too_early"),
            (self.dropoff_deadline < self.pickup_deadline, "dropoff_deadline_before_pickup_deadline"),
        ];
        rules.iter().find(|(broken, _)| *broken).map_or(Ok(()), |(_, code)| Err(refusal(code)))
    }
}

fn moment(body: &Fields<'_>, name: &'static str) -> Option<DateTime<Utc>> {
    let text = body.text(name, 40)?;
    let moment = DateTime::parse_from_rfc3339(text).ok();
    if moment.is_none() {
        body.wrong(name, What::Value("has to be a moment as RFC 3339 has it".to_owned()));
    }
    moment.map(|moment| moment.with_timezone(&Utc))
}

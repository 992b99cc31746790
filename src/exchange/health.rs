//! What is noted when a system can't be reached, and how long is waited then: the same for every flow in and out.

use std::time::Duration;

use super::store::pulls::{self, Place};
use super::system::CallError;
use crate::app::App;
use crate::jobs::{Failure, Lease};

/// The longest pause after failures in a row.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// Longest error that is kept.
const ERROR_LENGTH_MAX: usize = 500;
/// When a flow that this instance has no file of is given back to all.
pub(super) const NOT_OURS_PAUSE: Duration = Duration::from_secs(20);

/// An error as it is kept and shown.
pub(super) fn shown(error: &impl std::fmt::Display) -> String {
    error.to_string().chars().take(ERROR_LENGTH_MAX).collect()
}

/// Notes that a flow failed; answers how long it pauses.
pub(super) async fn failed(
    app: &App,
    lease: &Lease,
    place: Place<'_>,
    every: Duration,
    (error, call): (&impl std::fmt::Display, Option<&CallError>),
) -> Result<Duration, Failure> {
    let text = shown(error);
    let mut tx = app.db.begin().await?;
    let failures = pulls::fail(&mut tx, place, app.clock.now(), &text).await?;
    lease.commit(tx).await?;
    let (connection, stream) = (place.connection.to_owned(), place.stream.to_owned());
    tracing::warn!(connection, stream, failures, "a system can't be reached: {text}");
    metrics::counter!("aisle_exchange_failures_total", "connection" => connection, "stream" => stream)
        .increment(1);
    Ok(pause(app, every, failures, call))
}

/// Doubled with each failure, with jitter, so that a system that comes back is not met by all flows at once.
fn pause(app: &App, every: Duration, failures: i64, call: Option<&CallError>) -> Duration {
    if let Some(CallError::Throttled(seconds)) = call {
        return Duration::from_secs(*seconds).clamp(every.min(PAUSE_MAX), PAUSE_MAX);
    }
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let longest = every.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX.max(every));
    let half = longest / 2;
    let jitter = app.random.below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX));
    half + Duration::from_millis(jitter)
}

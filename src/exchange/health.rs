//! What is noted when a system can't be reached, and how long is waited then: the same for every flow in and out.

use std::time::Duration;

use super::connections::SALES;
use super::posting;
use super::store::pulls::{self, Place};
use super::system::CallError;
use crate::app::App;
use crate::db;
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
pub(super) fn pause(app: &App, every: Duration, failures: i64, call: Option<&CallError>) -> Duration {
    if let Some(CallError::Throttled(seconds)) = call {
        return Duration::from_secs(*seconds).clamp(every.min(PAUSE_MAX), PAUSE_MAX);
    }
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let longest = every.saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX.max(every));
    let half = longest / 2;
    let jitter = app.random.below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX));
    half + Duration::from_millis(jitter)
}

/// Shows how each flow is doing: seconds since the last asking that was answered to its end, or since the oldest document on its
/// way was made; what waits; failures in a row; documents that wait for a person.
pub async fn measure_flows(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    for connection in app.connections.iter() {
        for state in pulls::states(&app.db, &connection.name).await? {
            if state.stream == SALES {
                let flow = posting::state(app, &connection.name, now).await?;
                let lag = flow.counts.oldest.map_or(0, |at| (now - at).num_seconds());
                show(&connection.name, SALES, [lag, flow.counts.open, state.failures, flow.counts.parked]);
            } else {
                let lag = state.asked_at.map_or(0, |at| (now - at).num_seconds());
                let held = i64::from(state.held_batch.is_some());
                show(&connection.name, &state.stream, [lag, state.backlog, state.failures, held]);
            }
        }
    }
    Ok(())
}

fn show(connection: &str, stream: &str, values: [i64; 4]) {
    let names = [
        "aisle_exchange_lag_seconds",
        "aisle_exchange_backlog",
        "aisle_exchange_failures",
        "aisle_exchange_waits_for_person",
    ];
    for (name, value) in names.into_iter().zip(values) {
        let labels = [("connection", connection.to_owned()), ("stream", stream.to_owned())];
        // Gauges are floats by the format's definition.
        metrics::gauge!(name, &labels).set(f64::from(i32::try_from(value).unwrap_or(i32::MAX)));
    }
}

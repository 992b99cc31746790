//! What a request may weigh and how long it may take, as named limits.

use std::time::Duration;

/// Largest body of an ordinary request: a full scan batch of 500 events is about 60 kB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Largest body of a webhook: providers' events stay far below.
pub const WEBHOOK_BYTES_MAX: usize = 256 * 1024;
/// Largest body of a catalogue batch; streamed, never held in memory as a whole.
pub const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// An ordinary request is answered in this time, or with a problem, unless the settings say otherwise. Longer than the
/// longest wait that a client may ask for.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time that the settings may give a request: connections of senders that are gone must come free.
pub const REQUEST_SECONDS_MAX: u64 = 300;
/// A request that streams a catalogue may take this long: a million products over a shop's line.
pub const STREAM_TIMEOUT: Duration = Duration::from_hours(1);
/// The routes that take [`STREAM_TIMEOUT`].
pub const STREAMS: [&str; 2] = ["/v1/catalog/batches/{id}", "/v1/catalog/batches/{id}/release"];

/// The longest wait that `Prefer: wait=…` may ask for.
pub const WAIT_MAX: Duration = Duration::from_secs(20);
/// How long a stop waits for requests and jobs that were begun.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_mins(1);

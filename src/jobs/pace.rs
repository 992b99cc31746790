//! Work that every instance does by itself, over and over, for as long as it runs: nothing of it is owed to anybody, so it
//! needs no row.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Does something at once and then every so often until told to stop; what was begun is finished. Work that takes longer than
/// the period puts the next off.
pub async fn every<F: Future<Output = ()>>(
    period: Duration,
    stop: &CancellationToken,
    mut work: impl FnMut() -> F,
) {
    let mut next = tokio::time::interval(period);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(next.tick()).await.is_some() {
        work().await;
    }
}

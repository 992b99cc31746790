//! Serving: listens, works jobs off, and on a signal finishes what it began.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::limit::SHUTDOWN_TIMEOUT;
use crate::{cart, catalog, delivery, exchange, jobs, operations, payments, router};

/// A service that runs until it is told to stop.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    stop: CancellationToken,
    requests: tokio::task::JoinHandle<std::io::Result<()>>,
    workers: tokio::task::JoinHandle<()>,
    feed: tokio::task::JoinHandle<()>,
    search: tokio::task::JoinHandle<()>,
    unknown_codes: tokio::task::JoinHandle<()>,
    upkeep: tokio::task::JoinHandle<()>,
}

impl Service {
    /// Serves on this listener. The app's index is warm already, so the first request is as fast as the others.
    pub async fn start(app: &App, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        // Periodic work asks for itself again; only the first time must be asked for.
        payments::schedule(app).await.map_err(std::io::Error::other)?;
        catalog::schedule_upkeep(app).await.map_err(std::io::Error::other)?;
        cart::schedule_upkeep(app).await.map_err(std::io::Error::other)?;
        delivery::schedule(app).await.map_err(std::io::Error::other)?;
        exchange::schedule_pulls(app).await.map_err(std::io::Error::other)?;
        exchange::schedule_postings(app).await.map_err(std::io::Error::other)?;
        exchange::schedule_stock(app).await.map_err(std::io::Error::other)?;
        let stop = CancellationToken::new();
        let router = router::router(app.clone());
        let (cancelled, ending) = (stop.clone().cancelled_owned(), app.clone());
        let stopped = async move {
            cancelled.await;
            ending.changes.end();
        };
        #[expect(clippy::disallowed_methods, reason = "all are waited for in `stop`")]
        let (requests, workers, feed, search, unknown_codes, upkeep) = (
            tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await }),
            tokio::spawn(jobs::work(app.clone(), stop.clone())),
            tokio::spawn(catalog::follow(app.clone(), stop.clone())),
            tokio::spawn(catalog::follow_search(app.clone(), stop.clone())),
            tokio::spawn(catalog::quality::keep_unknown_codes(app.clone(), stop.clone())),
            tokio::spawn(operations::keep_metrics(stop.clone())),
        );
        Ok(Self { address, stop, requests, workers, feed, search, unknown_codes, upkeep })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, finishes those that were begun and the jobs in hand, within a deadline: what is not
    /// finished then is as safe as after a crash, and goes on at the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        let all = async {
            let _ = self.requests.await;
            let _ = self.workers.await;
            let _ = self.feed.await;
            let _ = self.search.await;
            let _ = self.unknown_codes.await;
            let _ = self.upkeep.await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, all).await.is_err() {
            tracing::warn!("stopped before everything was finished; it goes on at the next start");
        }
    }
}

/// Waits for the signal to stop: Ctrl-C or SIGTERM.
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

//! How the partners' servers end, call others, and keep a client waiting.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long [`end`] waits for clients that neither finish nor go.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Stops listening, lets requests at work finish, and leaves held connections unanswered.
pub async fn end(stop: &CancellationToken, at_work: &TaskTracker, mut tasks: JoinSet<io::Result<()>>) {
    stop.cancel();
    at_work.close();
    let ended = async {
        at_work.wait().await;
        while tasks.join_next().await.is_some() {}
    };
    if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
        tasks.abort_all();
    }
}

/// What a partner calls its customers with.
pub fn caller() -> io::Result<reqwest::Client> {
    #[expect(clippy::disallowed_methods, reason = "the sandbox is a server of its own and shares nothing")]
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    client.build().map_err(io::Error::other)
}

/// Keeps the connection until the server ends, when it is to be held.
pub async fn hold_open(stop: &CancellationToken, hold: bool) {
    if hold {
        stop.cancelled().await;
    }
}

/// Waits, at the longest until the server ends.
pub async fn wait(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

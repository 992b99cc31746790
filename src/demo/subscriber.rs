//! The retailer's own system as the demo has it: takes messages, proves their signatures, keeps them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A message that proved where it comes from.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same at every attempt.
    pub id: String,
    /// What it says.
    pub body: Value,
}

#[derive(Debug, Default)]
struct Kept {
    secret: Option<String>,
    messages: Vec<Message>,
    refused: usize,
}

/// A receiver of messages on a free port of this machine.
#[derive(Debug)]
pub struct Subscriber {
    /// Where messages are posted.
    pub url: String,
    kept: Arc<Mutex<Kept>>,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl Subscriber {
    /// Listens; refuses everything until it knows the secret.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/orders", listener.local_addr()?);
        let kept = Arc::new(Mutex::new(Kept::default()));
        let router = Router::new().route("/orders", post(receive)).with_state(Arc::clone(&kept));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "waited for in `stop`")]
        let server =
            tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self { url, kept, stop, server })
    }

    /// From now on messages are proven with this secret.
    pub fn trust(&self, secret: &str) {
        lock(&self.kept).secret = Some(secret.to_owned());
    }

    /// What came about an order, in the order of its arrival.
    pub fn messages_about(&self, order: &str) -> Vec<Message> {
        let about = |message: &&Message| message.body["order"] == order;
        lock(&self.kept).messages.iter().filter(about).cloned().collect()
    }

    /// How many messages did not prove where they come from.
    pub fn refused(&self) -> usize {
        lock(&self.kept).refused
    }

    /// Ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        // It has no state that could be lost.
        let _ = self.server.await;
    }
}

async fn receive(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = lock(&kept);
    let proven = kept
        .secret
        .as_ref()
        .and_then(|secret| Webhook::new(secret).ok())
        .is_some_and(|webhook| webhook.verify(&body, &headers).is_ok());
    let id = headers.get(HEADER_WEBHOOK_ID).and_then(|id| id.to_str().ok());
    if let (true, Some(id), Ok(body)) = (proven, id, serde_json::from_slice(&body)) {
        kept.messages.push(Message { id: id.to_owned(), body });
        StatusCode::NO_CONTENT
    } else {
        kept.refused += 1;
        StatusCode::UNAUTHORIZED
    }
}

fn lock(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Event streams (server-sent events): what a thing looks like now, and again whenever it has changed.
//!
//! Each event carries the whole of what the reader may see and a digest of it as its id, so that nothing has to be kept for
//! readers that come back: whoever brings the newest id (`Last-Event-ID`) hears nothing until there is something new. A stream
//! ends when the thing is over, when the service stops, and after a quarter of an hour: a reader that is still there comes back
//! by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::App;
use crate::hash::sha256_hex;

/// So long a stream lasts: a reader that is gone without a word holds it no longer.
const STREAM_LASTS: Duration = Duration::from_mins(15);
/// So often a quiet stream shows that it is alive: proxies cut what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a reader sees.
#[derive(Debug)]
pub struct Seen {
    /// As JSON.
    pub data: String,
    /// Whether nothing more will happen.
    pub is_over: bool,
}

impl Seen {
    fn id(&self) -> String {
        let mut digest = sha256_hex(self.data.as_bytes());
        digest.truncate(16);
        digest
    }
}

/// Streams what `look` sees of a thing, beginning with what the reader has not seen. It is looked at only when `version` is
/// another, which costs less. A look that fails ends the stream.
pub fn stream<V, L, N, F, E>(app: &App, thing: Uuid, headers: &HeaderMap, version: V, look: L) -> Response
where
    V: Fn() -> N + Send + Sync + 'static,
    L: Fn() -> F + Send + Sync + 'static,
    N: Future<Output = Result<i64, E>> + Send,
    F: Future<Output = Result<Seen, E>> + Send,
    E: Send + 'static,
{
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let (app, until) = (app.clone(), Instant::now() + STREAM_LASTS);
    let (version, look) = (Arc::new(version), Arc::new(look));
    let events = stream::unfold((last, None, false), move |(last, known, is_over)| {
        let (app, version, look) = (app.clone(), version.clone(), look.clone());
        async move {
            if is_over || Instant::now() >= until || app.changes.are_over() {
                return None;
            }
            let is_new = |version: &i64| Some(*version) != known;
            let now = app.changes.wait_for(thing, HEARTBEAT, || version(), is_new).await.ok()?;
            let quiet = Event::default().comment("");
            if !is_new(&now) {
                return Some((Ok::<_, Infallible>(quiet), (last, known, false)));
            }
            let seen = look().await.ok()?;
            let id = Some(seen.id());
            let event = if id == last { quiet } else { Event::default().id(seen.id()).data(&seen.data) };
            Some((Ok(event), (id, Some(now), seen.is_over)))
        }
    });
    let mut response = Sse::new(events).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! The one handler of the HTTP server: what every request passes through, in order.
//!
//! Route, fault before, credentials, rate limit, idempotency key, operation, saving, fault after, recording. Operations
//! run under the state's lock and do not wait, so two requests never see each other half done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State as Extracted};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex as TurnLock, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::{self, Credentials};
use super::call::{Call, Reply};
use super::errors::Refusal;
use super::replay::{self, Early};
use super::state::State;
use super::{control, ids, routes};
use crate::sandbox::faults::{self, Fault};
use crate::sandbox::running;
use crate::sandbox::wire::{Exchange, Exchanges, cut, readable, respond};

/// Largest request body: an order with a thousand lines is far below it.
const BODY_BYTES_MAX: usize = 4 << 20;

/// What the handler, the callbacks and [`super::Sandbox`] share.
pub struct Shared {
    state: Mutex<State>,
    pub exchanges: Exchanges,
    pub credentials: Credentials,
    pub client: reqwest::Client,
    /// One delivery at a time.
    pub delivering: TurnLock<()>,
    /// Wakes the deliveries.
    pub wake: Notify,
    pub stop: CancellationToken,
    /// Requests at work. They are finished even when the client is gone, as at any real server.
    pub at_work: TaskTracker,
}

impl Shared {
    pub fn new(state: State, credentials: Credentials, client: reqwest::Client) -> Shared {
        Shared {
            state: Mutex::new(state),
            exchanges: Exchanges::default(),
            credentials,
            client,
            delivering: TurnLock::new(()),
            wake: Notify::new(),
            stop: CancellationToken::new(),
            at_work: TaskTracker::new(),
        }
    }

    /// The state as it is now, for one step. A panic elsewhere doesn't make the books unreadable.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.glance_at_the_clock();
        state
    }

    /// Changes the state and saves it before anybody can see the change answered.
    pub fn change<T>(&self, step: impl FnOnce(&mut State) -> T) -> std::io::Result<T> {
        let mut state = self.state();
        let result = step(&mut state);
        state.save()?;
        drop(state);
        self.wake.notify_one();
        Ok(result)
    }
}

pub async fn handle(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let Some((operation, ids)) = routes::find(&head.method, head.uri.path()) else {
        return match body {
            Ok(body) => control::answer(&shared, &head.method, &target, &body).await,
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        };
    };
    let correlation_id = ids::uuid();
    let Ok(body) = body else {
        return written(&Refusal::bare(operation, 413).reply(&correlation_id));
    };
    let (method, headers, body) = (head.method, head.headers, body.to_vec());
    let call = Call { operation, method, target, ids, headers, body, correlation_id };
    let work = {
        let shared = Arc::clone(&shared);
        async move {
            let (reply, answered) = reply(&shared, &call).await;
            shared.exchanges.record(exchange(&call, &reply, answered));
            answered.then_some(reply)
        }
    };
    match shared.at_work.spawn(work).await {
        Ok(Some(reply)) => written(&reply),
        Ok(None) => cut(),
        Err(_) => written(&Refusal::bare(operation, 500).reply("")),
    }
}

/// The reply with what every one carries, and whether the client gets to see it.
async fn reply(shared: &Shared, call: &Call) -> (Reply, bool) {
    let bare = |status: u16| Refusal::bare(call.operation, status).reply(&call.correlation_id);
    let (fault, counted) = {
        let mut state = shared.state();
        let fault = faults::take(&mut state.faults, call.operation);
        let limits = state.limits;
        (fault, state.windows.count(limits, call))
    };
    let (standing, refused) = match counted {
        Ok(standing) => (standing, None),
        Err((standing, refusal)) => (standing, Some(refusal)),
    };
    let (reply, answered) = match fault {
        Some(Fault::ErrorBefore { status }) => (bare(status), true),
        Some(Fault::NoAnswerBefore { hold }) => {
            running::hold_open(&shared.stop, hold).await;
            (bare(503), false)
        }
        _ => {
            let reply = perform(shared, call, refused, fault.and_then(Fault::delay)).await;
            match fault {
                Some(Fault::ErrorAfter { status }) => (bare(status), true),
                Some(Fault::NoAnswerAfter { hold }) => {
                    running::hold_open(&shared.stop, hold).await;
                    (reply, false)
                }
                _ => (reply, true),
            }
        }
    };
    (standing.on(reply).with_header("Klarna-Correlation-Id", &call.correlation_id), answered)
}

async fn perform(
    shared: &Shared,
    call: &Call,
    refused: Option<Refusal>,
    delay: Option<std::time::Duration>,
) -> Reply {
    let written = |refusal: &Refusal| refusal.reply(&call.correlation_id);
    if let Err(refusal) = auth::check(&shared.credentials, call) {
        return written(&refusal);
    }
    if let Some(refusal) = refused {
        return written(&refusal);
    }
    let claim = match replay::claim(&mut shared.state(), call) {
        Ok(claim) => claim,
        Err(Early::Replay(reply)) => return reply,
        Err(Early::Refused(refusal)) => return written(&refusal),
    };
    if let Some(delay) = delay {
        running::wait(&shared.stop, delay).await;
    }
    let step = |state: &mut State| {
        let reply = routes::operate(state, call).unwrap_or_else(|refusal| written(&refusal));
        replay::settle(state, claim, &reply);
        reply
    };
    if call.method == Method::GET {
        return step(&mut shared.state());
    }
    shared.change(step).unwrap_or_else(|error| {
        tracing::error!(%error, "the sandbox could not save its state");
        written(&Refusal::bare(call.operation, 500))
    })
}

fn written(reply: &Reply) -> Response {
    let content_type = reply.content_type.iter().map(|value| ("content-type", value.as_str()));
    let others = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    respond(reply.status, content_type.chain(others), reply.body.clone())
}

fn exchange(call: &Call, reply: &Reply, answered: bool) -> Exchange {
    let content_type = reply.content_type.iter().map(|value| ("content-type".to_owned(), value.clone()));
    Exchange {
        operation: call.operation,
        method: call.method.to_string(),
        target: call.target.clone(),
        request_headers: readable(&call.headers),
        request_body: call.body.clone(),
        answered,
        status: reply.status,
        response_headers: content_type.chain(reply.headers.iter().cloned()).collect(),
        response_body: reply.body.clone(),
    }
}

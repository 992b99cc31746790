//! The one handler: route, fault before, admission, operation, saving, fault after, recording.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Call, Kept, Partner, Reply, control};
use crate::sandbox::faults::{self, Fault};
use crate::sandbox::kept;
use crate::sandbox::wire::{Exchange, Exchanges, cut, readable};

/// Largest request body: a booking of 150 parcels is far below it.
const BODY_BYTES_MAX: usize = 4 << 20;

/// What the handler, a partner's tasks and [`super::Host`] share.
pub struct Shared<P: Partner> {
    pub partner: P,
    /// The server's own address, without a slash at the end.
    pub url: String,
    pub exchanges: Exchanges,
    pub stop: CancellationToken,
    /// Wakes a partner's tasks after a change.
    pub wake: Notify,
    pub(super) at_work: TaskTracker,
    state: Mutex<Kept<P::State>>,
    file: Option<PathBuf>,
}

impl<P: Partner> Shared<P> {
    pub(super) fn new(partner: P, url: String, state: Kept<P::State>, file: Option<PathBuf>) -> Self {
        Self {
            partner,
            url,
            exchanges: Exchanges::default(),
            stop: CancellationToken::new(),
            wake: Notify::new(),
            at_work: TaskTracker::new(),
            state: Mutex::new(state),
            file,
        }
    }

    /// The state as it is now, for one step. A panic elsewhere doesn't make the books unreadable.
    pub fn state(&self) -> MutexGuard<'_, Kept<P::State>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.clock.now();
        self.partner.pass_time(&mut state.own, now);
        state
    }

    /// Changes the state and saves it before anybody can see the change answered.
    ///
    /// # Errors
    /// The state could not be saved.
    pub fn change<T>(
        &self,
        step: impl FnOnce(&mut Kept<P::State>, DateTime<Utc>) -> T,
    ) -> std::io::Result<T> {
        let mut state = self.state();
        let now = state.clock.now();
        let result = step(&mut state, now);
        let after = state.clock.now();
        self.partner.pass_time(&mut state.own, after);
        if let Some(file) = &self.file {
            kept::save(&*state, file)?;
        }
        drop(state);
        self.wake.notify_one();
        Ok(result)
    }
}

pub async fn handle<P: Partner>(Extracted(shared): Extracted<Arc<Shared<P>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let found = shared.partner.find(head.method.as_str(), head.uri.path());
    let is_partner = found.is_some();
    let (operation, ids) = found.unwrap_or(("control", Vec::new()));
    let now = shared.state().clock.now();
    let (method, headers, body) = (head.method, head.headers, body.to_vec());
    let call = Call { operation, method, target, ids, headers, body, now };
    if !is_partner {
        return written(&control::answer(&shared, &call));
    }
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
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The reply, and whether the client gets to see it.
async fn reply<P: Partner>(shared: &Shared<P>, call: &Call) -> (Reply, bool) {
    let bare = |status: u16| shared.partner.bare(call.operation, status);
    let fault = {
        let mut state = shared.state();
        *state.calls.entry(call.operation.to_owned()).or_default() += 1;
        faults::take(&mut state.faults, call.operation)
    };
    match fault {
        Some(Fault::ErrorBefore { status }) => return (bare(status), true),
        Some(Fault::NoAnswerBefore { hold }) => {
            hold_open(shared, hold).await;
            return (bare(503), false);
        }
        _ => {}
    }
    let reply = perform(shared, call);
    match fault {
        Some(Fault::ErrorAfter { status }) => (bare(status), true),
        Some(Fault::NoAnswerAfter { hold }) => {
            hold_open(shared, hold).await;
            (reply, false)
        }
        Some(delayed @ Fault::DelayMs { .. }) => {
            // The work is done by now: a client that gives up waiting has booked all the same.
            tokio::select! {
                () = tokio::time::sleep(delayed.delay().unwrap_or_default()) => {}
                () = shared.stop.cancelled() => {}
            }
            (reply, true)
        }
        _ => (reply, true),
    }
}

fn perform<P: Partner>(shared: &Shared<P>, call: &Call) -> Reply {
    let step = |state: &mut P::State| match shared.partner.admit(state, call) {
        Ok(()) => shared.partner.operate(state, call),
        Err(refusal) => refusal,
    };
    if call.method == Method::GET {
        return step(&mut shared.state().own);
    }
    shared.change(|kept, _| step(&mut kept.own)).unwrap_or_else(|error| {
        tracing::error!(%error, "the sandbox could not save its state");
        shared.partner.bare(call.operation, 500)
    })
}

async fn hold_open<P: Partner>(shared: &Shared<P>, hold: bool) {
    if hold {
        shared.stop.cancelled().await;
    }
}

fn written(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body.clone()).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    let content_type = reply.content_type.iter().map(|value| ("content-type", value.as_str()));
    let others = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in content_type.chain(others) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
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

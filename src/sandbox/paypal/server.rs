//! The one handler of the HTTP server: what every request passes through, in order.
//!
//! Route, fault before, access token, mock header, request id, operation, saving, fault after, recording. Operations
//! run under the state's lock and do not wait, so two requests never see each other half done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State as Extracted};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::{Mutex as TurnLock, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{Call, Outcome};
use super::errors::Refusal;
use super::faults::{self, Fault};
use super::oauth::{self, Credentials};
use super::state::State;
use super::{Exchange, control, replay, routes};
use crate::sandbox::running;
use crate::sandbox::wire::{Exchanges, cut, readable};

/// Largest request body: an order with thousands of items is far below it.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What the handler, the deliveries and [`super::Sandbox`] share.
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

    /// The state, for one step. A panic elsewhere doesn't make the books unreadable.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let Some((operation, id)) = routes::find(&head.method, head.uri.path()) else {
        return control::answer(&shared, &head.method, &target, &body).await;
    };
    let call =
        Call { operation, method: head.method, target, id, headers: head.headers, body: body.to_vec() };
    let work = {
        let shared = Arc::clone(&shared);
        async move {
            let (reply, answered) = reply(&shared, &call).await;
            shared.exchanges.record(exchange(&call, &reply, answered));
            if answered { Some(reply) } else { None }
        }
    };
    match shared.at_work.spawn(work).await {
        Ok(Some(reply)) => written(&reply),
        Ok(None) => cut(),
        Err(_) => written(&Refusal::bare(500).into()),
    }
}

/// Status and body to be sent, or that would have been sent.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Option<Value>,
}

impl Reply {
    /// Content type and body. A bare string is no JSON answer of PayPal's but a certificate.
    fn text(&self) -> Option<(&'static str, String)> {
        self.body.as_ref().map(|body| match body {
            Value::String(pem) => ("application/x-pem-file", pem.clone()),
            json => ("application/json", json.to_string()),
        })
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Reply {
        Reply { status: refusal.status, body: Some(refusal.body) }
    }
}

/// The reply, and whether the client gets to see it.
async fn reply(shared: &Shared, call: &Call) -> (Reply, bool) {
    let fault = faults::take(&mut shared.state().faults, call.operation);
    match fault {
        Some(Fault::ErrorBefore { status }) => return (Refusal::bare(status).into(), true),
        Some(Fault::NoAnswerBefore { hold }) => {
            running::hold_open(&shared.stop, hold).await;
            return (Refusal::bare(503).into(), false);
        }
        _ => {}
    }
    let reply = perform(shared, call, fault.and_then(Fault::delay)).await;
    match fault {
        Some(Fault::ErrorAfter { status }) => (Refusal::bare(status).into(), true),
        Some(Fault::NoAnswerAfter { hold }) => {
            running::hold_open(&shared.stop, hold).await;
            (reply, false)
        }
        _ => (reply, true),
    }
}

async fn perform(shared: &Shared, call: &Call, delay: Option<std::time::Duration>) -> Reply {
    if let Err(refusal) = admit(&shared.state(), call) {
        return refusal.into();
    }
    let claim = match replay::claim(&mut shared.state(), call) {
        Ok(claim) => claim,
        Err(reply) => return reply,
    };
    if let Some(delay) = delay {
        running::wait(&shared.stop, delay).await;
    }
    let step = |state: &mut State| {
        let outcome = operate(state, call, &shared.credentials);
        replay::settle(state, call, claim, &outcome);
        replay::render(state, call, outcome)
    };
    // Reads change nothing worth saving, but asking for the certificate may make the keys.
    if call.method == Method::GET && call.operation != "webhooks.certificate" {
        return step(&mut shared.state());
    }
    let changed = shared.change(step);
    changed.unwrap_or_else(|error| {
        tracing::error!(%error, "the sandbox could not save its state");
        Refusal::bare(500).into()
    })
}

/// What is checked before anything is looked at: access token, then the mock header.
fn admit(state: &State, call: &Call) -> Result<(), Refusal> {
    if matches!(call.operation, "oauth.token" | "webhooks.certificate") {
        return Ok(());
    }
    oauth::check(state, call)?;
    let mock = call.header("paypal-mock-response").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let code = mock.as_ref().and_then(|mock| mock["mock_application_codes"].as_str());
    match code.and_then(|code| Refusal::mocked(call.operation, code)) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

fn operate(state: &mut State, call: &Call, credentials: &Credentials) -> Outcome {
    match call.operation {
        "oauth.token" => oauth::token(state, call, credentials),
        _ => routes::operate(state, call),
    }
}

fn written(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match reply.text() {
        Some((content_type, text)) => (status, [(header::CONTENT_TYPE, content_type)], text).into_response(),
        None => status.into_response(),
    }
}

fn exchange(call: &Call, reply: &Reply, answered: bool) -> Exchange {
    let (headers, body) = reply.text().map_or_else(Default::default, |(content_type, text)| {
        (vec![("content-type".to_owned(), content_type.to_owned())], text.into_bytes())
    });
    Exchange {
        operation: call.operation,
        method: call.method.to_string(),
        target: call.target.clone(),
        request_headers: readable(&call.headers),
        request_body: call.body.clone(),
        answered,
        status: reply.status,
        response_headers: headers,
        response_body: body,
    }
}

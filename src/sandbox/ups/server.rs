//! The one handler of the HTTP server: what every request passes through, in order.
//!
//! Route, fault before, rate limit, token, operation, saving, fault after, recording. Operations run under the state's
//! lock and do not wait, so two requests never see each other half done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Mutex as TurnLock, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{Call, Refusal, Reply, letters};
use super::state::State;
use super::{auth, control, routes};
use crate::sandbox::faults::{self, Fault};
use crate::sandbox::running;
use crate::sandbox::wire::{Exchange, Exchanges, cut, readable};

/// Largest request body: two hundred packages are far below it.
const BODY_BYTES_MAX: usize = 4 << 20;

/// A failure on order, of an operation of UPS.
pub type Rule = faults::Rule<FaultKind>;

/// How a call fails: on its way, or in what a successful answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FaultKind {
    Network(Fault),
    Answer(AnswerFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerFault {
    /// The shipment is booked and the answer has no labels.
    LabelMissing,
    /// The optional charges are absent, as they sometimes are.
    ChargesMissing,
    /// The work is done and the answer can't be read.
    Garbled,
}

/// What the handler, the pushes and [`super::Sandbox`] share.
pub struct Shared {
    state: Mutex<State>,
    pub exchanges: Exchanges,
    /// Pushes, as exchanges with the service that they went to.
    pub pushed: Exchanges,
    pub client: reqwest::Client,
    /// One delivery of pushes at a time.
    pub pushing: TurnLock<()>,
    /// Wakes the deliveries.
    pub wake: Notify,
    pub stop: CancellationToken,
    /// Requests at work. They are finished even when the client is gone, as at any real server.
    pub at_work: TaskTracker,
}

impl Shared {
    pub fn new(state: State, client: reqwest::Client) -> Shared {
        Shared {
            state: Mutex::new(state),
            exchanges: Exchanges::default(),
            pushed: Exchanges::default(),
            client,
            pushing: TurnLock::new(()),
            wake: Notify::new(),
            stop: CancellationToken::new(),
            at_work: TaskTracker::new(),
        }
    }

    /// The state as it is now, for one step. A panic elsewhere doesn't make the books unreadable.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pass_time();
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
            Ok(body) => control::answer(&shared, &head.method, &target, &head.headers, &body).await,
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        };
    };
    let Ok(body) = body else {
        return written(&Refusal::bare(413).reply(operation));
    };
    let (method, headers, body) = (head.method, head.headers, body.to_vec());
    let call = Call { operation, method, target, ids, headers, body, backend_id: letters(16) };
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
        Err(_) => written(&Refusal::bare(500).reply(operation)),
    }
}

/// The reply with what every one carries, and whether the client gets to see it.
async fn reply(shared: &Shared, call: &Call) -> (Reply, bool) {
    let fault = {
        let mut state = shared.state();
        *state.books.calls.entry(call.operation.to_owned()).or_default() += 1;
        faults::take(&mut state.faults, call.operation)
    };
    let bare = |status: u16| Refusal::bare(status).reply(call.operation);
    let (reply, answered) = match fault {
        Some(FaultKind::Network(Fault::ErrorBefore { status })) => (bare(status), true),
        Some(FaultKind::Network(Fault::NoAnswerBefore { hold })) => {
            running::hold_open(&shared.stop, hold).await;
            (bare(503), false)
        }
        None => (perform(shared, call), true),
        Some(fault) => {
            let reply = perform(shared, call);
            match fault {
                FaultKind::Network(Fault::ErrorAfter { status }) => (bare(status), true),
                FaultKind::Network(Fault::NoAnswerAfter { hold }) => {
                    running::hold_open(&shared.stop, hold).await;
                    (reply, false)
                }
                FaultKind::Network(other) => {
                    running::wait(&shared.stop, other.delay().unwrap_or_default()).await;
                    (reply, true)
                }
                FaultKind::Answer(fault) => (disturbed(reply, fault), true),
            }
        }
    };
    (with_usual_headers(reply, call), answered)
}

fn perform(shared: &Shared, call: &Call) -> Reply {
    let step = |state: &mut State| {
        let now = state.now();
        if !state.windows.count(state.settings.limits, call.operation, now) {
            return Refusal::bare(429).reply(call.operation);
        }
        let allowed = if call.operation == "token" { Ok(()) } else { auth::check(state, call) };
        allowed
            .and_then(|()| routes::operate(state, call))
            .unwrap_or_else(|refusal| refusal.reply(call.operation))
    };
    if call.method == Method::GET {
        return step(&mut shared.state());
    }
    shared.change(step).unwrap_or_else(|error| {
        tracing::error!(%error, "the sandbox could not save its state");
        Refusal::bare(500).reply(call.operation)
    })
}

/// A success with something amiss.
fn disturbed(mut reply: Reply, fault: AnswerFault) -> Reply {
    if reply.status != 200 {
        return reply;
    }
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match fault {
        AnswerFault::Garbled => {
            reply.body.truncate(reply.body.len() / 2);
            return reply;
        }
        AnswerFault::LabelMissing => remove(&mut body, &["ShippingLabel", "LabelImage"]),
        AnswerFault::ChargesMissing => remove(
            &mut body,
            &[
                "ShipmentCharges",
                "NegotiatedRateCharges",
                "BaseServiceCharge",
                "ItemizedCharges",
                "NegotiatedCharges",
            ],
        ),
    }
    Reply { body: body.to_string().into_bytes(), ..reply }
}

/// Takes members of these names out, wherever they stand.
fn remove(value: &mut Value, names: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, names)),
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(&name.as_str()));
            members.values_mut().for_each(|member| remove(member, names));
        }
        _ => {}
    }
}

fn with_usual_headers(mut reply: Reply, call: &Call) -> Reply {
    let mut add = |name: &str, value: &str| reply.headers.push((name.to_owned(), value.to_owned()));
    add("Content-Type", "application/json");
    add("BkndTransId", &call.backend_id);
    for name in ["transId", "transactionSrc"] {
        if let Some(value) = call.header(name) {
            add(name, value);
        }
    }
    reply
}

fn written(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body.clone()).into_response();
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn exchange(call: &Call, reply: &Reply, answered: bool) -> Exchange {
    Exchange {
        operation: call.operation,
        method: call.method.to_string(),
        target: call.target.clone(),
        request_headers: readable(&call.headers),
        request_body: call.body.clone(),
        answered,
        status: reply.status,
        response_headers: reply.headers.clone(),
        response_body: reply.body.clone(),
    }
}

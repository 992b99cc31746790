//! Klarna's callbacks: unsigned, recorded with every change, delivered in the background.
//!
//! | callback | body | attempts |
//! | --- | --- | --- |
//! | `merchant_urls.authorization` | `{authorization_token, session_id}` | 2 s to answer, 4 in all |
//! | `status_update` of the hosted page | `{event_id, session}` | 3 s to answer, 4 in all |
//! | `merchant_urls.notification` | `{order_id, event_type, timestamp}` | every 10 minutes for 24 hours until 200 |
//! | `merchant_urls.push` | none: ids only through the address | every 2 hours for 48 hours until acknowledged |
//!
//! How push behaves for Klarna Payments and the pauses of the first two are not documented; ours are in `habits`.
//! Pauses are of the sandbox's own clock. [`Controls`] make the delivery as bad as the real one can be: late, doubled,
//! lost, out of order.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::books::{Callback, CallbackKind, DeliveryStatus, HostedSession, HostedStatus};
use super::server::Shared;
use super::state::State;
use super::{hosted, ids};

/// How long the delivery sleeps when nothing is due; a change wakes it.
const IDLE: Duration = Duration::from_mins(1);

/// How deliveries go wrong on order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Nothing is sent until this is taken back or a delivery is asked for.
    pub hold: bool,
    /// So many of the next callbacks are lost.
    pub drop_next: u32,
    /// So many of the next callbacks are sent twice.
    pub duplicate_next: u32,
    /// What is due together is sent newest first.
    pub reverse: bool,
    /// So much later every callback is sent, by the sandbox's clock.
    pub delay_seconds: u32,
}

/// How one kind of callback is sent.
struct Habits {
    timeout: Duration,
    attempts_max: u32,
    pause_seconds: i64,
    /// Nothing but 200 ends it; otherwise any 2xx.
    until_200: bool,
}

fn habits(kind: CallbackKind) -> Habits {
    match kind {
        CallbackKind::Authorization => {
            Habits { timeout: Duration::from_secs(2), attempts_max: 4, pause_seconds: 10, until_200: false }
        }
        CallbackKind::StatusUpdate => {
            Habits { timeout: Duration::from_secs(3), attempts_max: 4, pause_seconds: 10, until_200: false }
        }
        CallbackKind::Fraud => Habits {
            timeout: Duration::from_secs(10),
            attempts_max: 145,
            pause_seconds: 600,
            until_200: true,
        },
        CallbackKind::Push => Habits {
            timeout: Duration::from_secs(10),
            attempts_max: 25,
            pause_seconds: 7_200,
            until_200: false,
        },
    }
}

/// The shopper agreed: the shop is given the authorization token.
pub fn authorized(state: &mut State, token: &str) {
    let Some(authorization) = state.books.authorizations.get(token) else { return };
    let session_id = authorization.session_id.clone();
    let Some(address) = authorization.request["merchant_urls"]["authorization"].as_str() else { return };
    let url = placed(address, Some(&session_id), None);
    let body = json!({"authorization_token": token, "session_id": session_id});
    record(state, CallbackKind::Authorization, &session_id, url, body.to_string());
}

/// Moves a hosted page to another status, and tells.
pub fn set_hosted_status(state: &mut State, id: &str, status: HostedStatus) {
    let now = state.now();
    let Some(session) = state.books.hosted_sessions.get_mut(id) else { return };
    session.status = status;
    session.updated_at = now;
    let session = session.clone();
    let Some(address) = session.merchant_urls["status_update"].as_str() else { return };
    let url = hosted_placed(address, &session, state);
    let body = json!({"event_id": ids::uuid(), "session": hosted::view(state, &session)});
    record(state, CallbackKind::StatusUpdate, id, url, body.to_string());
}

/// The review of an order ended.
pub fn fraud_decided(state: &mut State, order_id: &str, accepted: bool) {
    let Some(order) = state.books.orders.get(order_id) else { return };
    let Some(address) = order.request["merchant_urls"]["notification"].as_str() else { return };
    let url = placed(address, order.session_id.as_deref(), Some(order_id));
    let event_type = if accepted { "FRAUD_RISK_ACCEPTED" } else { "FRAUD_RISK_REJECTED" };
    let body = json!({"order_id": order_id, "event_type": event_type, "timestamp": ids::time(state.now())});
    record(state, CallbackKind::Fraud, order_id, url, body.to_string());
}

/// An order was placed.
pub fn pushed(state: &mut State, order_id: &str) {
    let Some(order) = state.books.orders.get(order_id) else { return };
    let Some(address) = order.request["merchant_urls"]["push"].as_str() else { return };
    let url = placed(address, order.session_id.as_deref(), Some(order_id));
    record(state, CallbackKind::Push, order_id, url, String::new());
}

/// A merchant's address with `{session.id}` and `{order.id}` filled in.
pub fn placed(address: &str, session_id: Option<&str>, order_id: Option<&str>) -> String {
    address
        .replace("{session.id}", session_id.unwrap_or_default())
        .replace("{order.id}", order_id.unwrap_or_default())
}

/// A merchant's address with what the hosted page fills in: `{{session_id}}` and the like.
pub fn hosted_placed(address: &str, session: &HostedSession, state: &State) -> String {
    let order = session.order_id.as_ref().and_then(|id| state.books.orders.get(id));
    address
        .replace("{{session_id}}", &session.id)
        .replace("{{authorization_token}}", session.authorization_token.as_deref().unwrap_or_default())
        .replace("{{order_id}}", session.order_id.as_deref().unwrap_or_default())
        .replace("{{klarna_reference}}", order.map_or("", |order| order.klarna_reference.as_str()))
}

fn record(state: &mut State, kind: CallbackKind, about: &str, url: String, body: String) {
    let now = state.now();
    let controls = &mut state.controls;
    let dropped = controls.drop_next > 0;
    let duplicates = u32::from(!dropped && controls.duplicate_next > 0);
    controls.drop_next -= u32::from(dropped);
    controls.duplicate_next -= duplicates;
    let later = chrono::Duration::seconds(i64::from(controls.delay_seconds));
    state.books.callbacks.push(Callback {
        id: ids::uuid(),
        kind,
        about: about.to_owned(),
        url,
        body,
        created_at: now,
        status: if dropped { DeliveryStatus::Dropped } else { DeliveryStatus::Pending },
        attempts: 0,
        last_status: None,
        next_attempt_at: now + later,
        duplicates,
    });
}

/// Sends what is due until the sandbox stops.
pub async fn run(shared: Arc<Shared>) {
    loop {
        let pause = {
            let _turn = shared.delivering.lock().await;
            for id in due(&shared) {
                if shared.stop.is_cancelled() {
                    return;
                }
                attempt(&shared, &id).await;
            }
            next_pause(&shared)
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends everything that waits, held, late or not, once; doubled ones twice. Tells how many were accepted.
pub async fn deliver_now(shared: &Shared) -> usize {
    let _turn = shared.delivering.lock().await;
    let mut accepted = 0;
    let all = waiting(&shared.state(), |_| true);
    for id in all {
        while attempt(shared, &id).await {
            accepted += 1;
            let doubled = !waiting(&shared.state(), |callback| callback.id == id).is_empty();
            if !doubled {
                break;
            }
        }
    }
    accepted
}

fn due(shared: &Shared) -> Vec<String> {
    let state = shared.state();
    let now = state.now();
    if state.controls.hold { Vec::new() } else { waiting(&state, |callback| callback.next_attempt_at <= now) }
}

/// Until the next callback, or the next end of a review, is due.
fn next_pause(shared: &Shared) -> Duration {
    let state = shared.state();
    let callbacks = state
        .books
        .callbacks
        .iter()
        .filter(|callback| callback.status == DeliveryStatus::Pending && !state.controls.hold)
        .map(|callback| callback.next_attempt_at);
    let reviews = state.books.orders.values().filter_map(|order| Some(order.fraud_decision?.at));
    let next: Option<DateTime<Utc>> = callbacks.chain(reviews).min();
    let pause = next.map_or(IDLE, |at| (at - state.now()).to_std().unwrap_or_default().min(IDLE));
    // A clock that stands still is only ever moved by a change, and that wakes.
    if state.stands_at.is_some() { IDLE } else { pause.max(Duration::from_millis(100)) }
}

fn waiting(state: &State, chosen: impl Fn(&Callback) -> bool) -> Vec<String> {
    let pending = state.books.callbacks.iter().filter(|one| one.status == DeliveryStatus::Pending);
    let mut found: Vec<String> = pending.filter(|one| chosen(one)).map(|one| one.id.clone()).collect();
    if state.controls.reverse {
        found.reverse();
    }
    found
}

async fn attempt(shared: &Shared, id: &str) -> bool {
    let callback = shared.state().books.callbacks.iter().find(|one| one.id == id).cloned();
    let Some(callback) = callback else {
        return false;
    };
    let habits = habits(callback.kind);
    let mut request = shared.client.post(&callback.url).timeout(habits.timeout);
    if !callback.body.is_empty() {
        request = request.header("content-type", "application/json").body(callback.body);
    }
    let status = request.send().await.ok().map(|answer| answer.status().as_u16());
    let accepted = status
        .is_some_and(|status| if habits.until_200 { status == 200 } else { (200..300).contains(&status) });
    let mut state = shared.state();
    let now = state.now();
    if let Some(callback) = state.books.callbacks.iter_mut().find(|one| one.id == id) {
        note(callback, &habits, now, status, accepted);
    }
    if let Err(error) = state.save() {
        tracing::error!(%error, "the sandbox could not save its state");
    }
    accepted
}

fn note(callback: &mut Callback, habits: &Habits, now: DateTime<Utc>, status: Option<u16>, accepted: bool) {
    callback.attempts += 1;
    callback.last_status = status;
    let again = accepted && callback.duplicates > 0;
    if again {
        callback.duplicates -= 1;
    }
    callback.status = match accepted {
        true if again => DeliveryStatus::Pending,
        true => DeliveryStatus::Delivered,
        false if callback.attempts >= habits.attempts_max => DeliveryStatus::Failed,
        false => DeliveryStatus::Pending,
    };
    let pause = if again { 0 } else { habits.pause_seconds };
    callback.next_attempt_at = now + chrono::Duration::seconds(pause);
}

/// An acknowledged order is pushed no more.
pub fn end_push(state: &mut State, order_id: &str) {
    let waits = |one: &&mut Callback| {
        one.kind == CallbackKind::Push && one.about == order_id && one.status == DeliveryStatus::Pending
    };
    for callback in state.books.callbacks.iter_mut().filter(waits) {
        callback.status = DeliveryStatus::Delivered;
    }
}

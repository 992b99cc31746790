//! Sending what subscriptions want to be told. A hook that does not answer with 2xx is told again after an hour, then after
//! six, and then no more, as integrators report. [`Controls`](super::Controls) make it as bad as it can be.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Shared, push::Message, state::State, tracking::shipment_view};

/// Pauses before the second and the third attempt, in hours.
const PAUSES: [i64; 2] = [1, 6];
/// A hook answers within this time.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long is slept when nothing is due by the sandbox's clock; a change wakes.
const IDLE: Duration = Duration::from_secs(5);

/// Puts what happened since the last look in line, a message for each event: the shipment as it is told to whoever asks.
pub fn gather(state: &mut State, now: DateTime<Utc>, url: &str) {
    if state.pushes.subscriptions.is_empty() {
        return;
    }
    for shipment in state.shipments.values_mut() {
        let events = shipment.events.len();
        let told = std::mem::replace(&mut shipment.told_events, events);
        let customer: String = shipment.order.billing_number.chars().take(10).collect();
        let covering: Vec<String> = state
            .pushes
            .subscriptions
            .iter()
            .filter(|one| one.covers(&shipment.number, &customer, now))
            .map(|one| one.id.clone())
            .collect();
        for upto in told + 1..=events {
            let mut then = shipment.clone();
            then.events.truncate(upto);
            for id in &covering {
                let message = json!({
                    "scope": "subscription.push",
                    "self": format!("{url}/tracking/push/v1/subscription/{id}"),
                    "shipments": [shipment_view(&then, false)],
                });
                state.pushes.send(id, "subscription.push", &message, now);
            }
        }
    }
}

/// Sends what is due until the sandbox stops.
pub async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(IDLE) => {}
        }
        deliver(&shared, false).await;
    }
}

/// Sends what is due, or all that waits; answers how often a hook accepted.
pub async fn deliver(shared: &Shared, all: bool) -> usize {
    let _turn = shared.delivering.lock().await;
    let mut accepted = 0;
    for message in waiting(shared, all) {
        let hook = shared.read(|state, _| {
            let mut hooks = state.pushes.subscriptions.iter();
            hooks.find(|one| one.id == message.subscription).map(|one| (one.uri.clone(), one.header.clone()))
        });
        let Some((uri, header)) = hook else { continue };
        let mut request = shared.client.post(uri).timeout(TIMEOUT).body(message.body.clone());
        request = request.header("content-type", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answered = tokio::select! {
            sent = request.send() => sent.ok().map(|answer| answer.status()),
            () = shared.stop.cancelled() => return accepted,
        };
        let is_accepted = answered.is_some_and(|status| status.is_success());
        accepted += usize::from(is_accepted);
        let settled = shared.try_change(|state, now| {
            if let Some(one) = state.pushes.messages.iter_mut().find(|one| one.id == message.id) {
                settle(one, answered.map(|status| status.as_u16()), is_accepted, now);
            }
        });
        if let Err(error) = settled {
            tracing::error!(%error, "the sandbox could not save its state");
        }
    }
    accepted
}

fn waiting(shared: &Shared, all: bool) -> Vec<Message> {
    shared.read(|state, now| {
        if state.pushes.controls.hold && !all {
            return Vec::new();
        }
        let mut waiting = Vec::new();
        for one in state.pushes.messages.iter().filter(|one| one.due.is_some_and(|due| all || due <= now)) {
            let times = if all { one.duplicates + 1 } else { 1 };
            waiting.extend((0..times).map(|_| one.clone()));
        }
        if state.pushes.controls.reverse {
            waiting.reverse();
        }
        waiting
    })
}

fn settle(one: &mut Message, answered: Option<u16>, is_accepted: bool, now: DateTime<Utc>) {
    let pause = PAUSES.get(usize::try_from(one.attempts).unwrap_or(usize::MAX));
    one.attempts += 1;
    one.answered = answered;
    one.accepted |= is_accepted;
    one.due = if is_accepted && one.duplicates > 0 {
        one.duplicates -= 1;
        Some(now)
    } else if is_accepted {
        None
    } else {
        pause.map(|hours| now + chrono::Duration::hours(*hours))
    };
}

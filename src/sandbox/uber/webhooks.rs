//! Webhooks: `{id, kind, status, delivery_id, created, live_mode, data}`, signed, delivered in the background.
//!
//! The signature is the hexadecimal HMAC-SHA-256 of the raw body under the webhook's key, in `x-uber-signature` and under
//! its old name `x-postmates-signature`. What is not answered with 2xx is sent again after 30 seconds, then after twice
//! as long each time, seven times in all. [`Controls`] make the delivery as bad as the real one can be: late, doubled,
//! lost, out of order.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::books::{Delivery, Notification, State};
use super::routes::Uber;
use super::view::{time, view};
use crate::sandbox::host::Shared;

const ATTEMPTS_MAX: u32 = 7;
const FIRST_PAUSE_SECONDS: i64 = 30;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked for what is due when nothing changes: a fast clock makes things due without a change.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Settled webhooks that are remembered.
const SETTLED_MAX: usize = 2_000;

/// How deliveries go wrong on order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Nothing is sent until this is taken back or a delivery is asked for.
    pub hold: bool,
    /// So many of the next webhooks are lost.
    pub drop_next: u32,
    /// So many of the next webhooks are sent twice.
    pub duplicate_next: u32,
    /// What is due together is sent newest first.
    pub reverse: bool,
    /// So much later every webhook is sent, by the sandbox's clock.
    pub delay_seconds: u32,
}

/// The signature of a body, as the header has it.
pub fn signature(key: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body);
    let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Makes a webhook about a delivery as it stands.
pub fn make(state: &mut State, delivery: &Delivery, kind: &str, now: DateTime<Utc>) {
    let id = state.next_id("evt_");
    let body = json!({
        "id": id,
        "kind": kind,
        "status": delivery.status.as_str(),
        "delivery_id": delivery.id,
        "created": time(now),
        "live_mode": false,
        // Where a shopper follows a delivery is Uber's own affair: the webhook's address is never the sandbox's.
        "data": view(delivery, "https://www.ubereats.com"),
    });
    let controls = &mut state.controls;
    let dropped = controls.drop_next > 0;
    let duplicates = u32::from(!dropped && controls.duplicate_next > 0);
    controls.drop_next -= u32::from(dropped);
    controls.duplicate_next -= duplicates;
    let due = now + chrono::Duration::seconds(i64::from(controls.delay_seconds));
    state.notifications.push(Notification {
        id,
        kind: kind.to_owned(),
        delivery_id: delivery.id.clone(),
        body: body.to_string(),
        made_at: now,
        due: (!dropped).then_some(due),
        attempts: 0,
        answered: None,
        accepted: false,
        duplicates,
    });
    let settled = state.notifications.iter().filter(|one| one.due.is_none()).count();
    if settled > SETTLED_MAX
        && let Some(oldest) = state.notifications.iter().position(|one| one.due.is_none())
    {
        state.notifications.remove(oldest);
    }
}

/// Delivers what becomes due until the sandbox stops.
pub async fn run(shared: Arc<Shared<Uber>>, client: reqwest::Client) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        deliver(&shared, &client, false).await;
    }
}

/// Sends what is due, or all that waits; answers how many were accepted.
pub async fn deliver(shared: &Shared<Uber>, client: &reqwest::Client, all: bool) -> usize {
    let Some(target) = &shared.partner.settings.webhook else { return 0 };
    let mut accepted = 0;
    let _turn = shared.partner.delivering.lock().await;
    for (id, body) in waiting(shared, all) {
        let signed = signature(&target.signing_key, body.as_bytes());
        let request = client
            .post(&target.url)
            .timeout(TIMEOUT)
            .header("content-type", "application/json")
            .header("x-uber-signature", &signed)
            .header("x-postmates-signature", &signed)
            .body(body);
        let answered = tokio::select! {
            sent = request.send() => sent.ok().map(|answer| answer.status()),
            () = shared.stop.cancelled() => return accepted,
        };
        let is_accepted = answered.is_some_and(|status| status.is_success());
        accepted += usize::from(is_accepted);
        let settled = shared.change(|kept, now| {
            if let Some(one) = kept.own.notifications.iter_mut().find(|one| one.id == id) {
                settle(one, answered.map(|status| status.as_u16()), is_accepted, now);
            }
        });
        if let Err(error) = settled {
            tracing::error!(%error, "the sandbox could not save its state");
        }
    }
    accepted
}

fn waiting(shared: &Shared<Uber>, all: bool) -> Vec<(String, String)> {
    let state = shared.state();
    let now = state.clock.now();
    if state.own.controls.hold && !all {
        return Vec::new();
    }
    let due = |one: &&Notification| one.due.is_some_and(|due| all || due <= now);
    let mut waiting: Vec<(String, String)> = Vec::new();
    for one in state.own.notifications.iter().filter(due) {
        let times = if all { one.duplicates + 1 } else { 1 };
        waiting.extend((0..times).map(|_| (one.id.clone(), one.body.clone())));
    }
    if state.own.controls.reverse {
        waiting.reverse();
    }
    waiting
}

fn settle(one: &mut Notification, answered: Option<u16>, is_accepted: bool, now: DateTime<Utc>) {
    one.attempts += 1;
    one.answered = answered;
    one.accepted |= is_accepted;
    let pause = FIRST_PAUSE_SECONDS << one.attempts.saturating_sub(1).min(ATTEMPTS_MAX);
    one.due = if is_accepted && one.duplicates > 0 {
        one.duplicates -= 1;
        Some(now)
    } else if is_accepted || one.attempts >= ATTEMPTS_MAX {
        None
    } else {
        Some(now + chrono::Duration::seconds(pause))
    };
}

//! Webhook events: recorded with every change, signed and delivered in the background.
//!
//! An event's bytes are fixed when it happens and are the same at every attempt. Anything but a 2xx is tried again with
//! growing pauses, 25 times at most as at PayPal. [`Controls`] make the delivery as bad as the real one can be: late,
//! doubled, lost, out of order.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::books::{Delivery, DeliveryStatus, Event, Object};
use super::server::Shared;
use super::state::{State, real_now};
use super::{ids, signing, views};

/// PayPal tries 25 times within three days.
const ATTEMPTS_MAX: u32 = 25;
/// Pause after the first failure; doubled from failure to failure.
const PAUSE_MS: i64 = 1_000;
const PAUSE_MS_MAX: i64 = 60_000;
/// A receiver has to answer at once; it works later.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the delivery sleeps when nothing is due; a new event wakes it.
const IDLE: Duration = Duration::from_mins(1);

/// Who is told, and under which subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTarget {
    pub url: String,
    /// The id of the subscription, which is part of what is signed: letters and digits.
    pub webhook_id: String,
}

/// How deliveries go wrong on order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Nothing is sent until this is taken back or a delivery is asked for.
    pub hold: bool,
    /// So many of the next events are lost.
    pub drop_next: u32,
    /// So many of the next events are sent twice.
    pub duplicate_next: u32,
    /// What is due together is sent newest first.
    pub reverse: bool,
    /// New events wait so long for their first delivery, in real time.
    pub delay_ms: u32,
}

/// Books an event about an object as it is now.
pub fn record(state: &mut State, event_type: &str, object: &Object) {
    let Some(mut resource) = views::full(state, object) else {
        return;
    };
    if let Object::PaymentToken(id) = object
        && let Some(order) = state.books.payment_tokens.get(id).and_then(|token| token.order_id.as_ref())
    {
        // Told in events alone.
        resource["metadata"] = json!({"order_id": order});
    }
    let (resource_type, resource_version, resource_id) = match object {
        Object::SetupToken(id) | Object::PaymentToken(id) => ("payment_token", "3.0", id),
        Object::Order(id) => ("checkout-order", "2.0", id),
        Object::Authorization(id) => ("authorization", "2.0", id),
        Object::Capture(id) => ("capture", "2.0", id),
        Object::Refund(id) => ("refund", "2.0", id),
        Object::Dispute(id) => ("dispute", "1.0", id),
    };
    let resource_id = resource_id.clone();
    push(state, event_type, (resource_type, resource_version), &resource_id, &resource);
}

/// Books an event about something that this sandbox does not have.
pub fn record_other(state: &mut State, event_type: &str) {
    let id = ids::transaction_id();
    let resource = json!({"id": id});
    push(state, event_type, ("other", "1.0"), &id, &resource);
}

fn push(
    state: &mut State,
    event_type: &str,
    (resource_type, resource_version): (&str, &str),
    resource_id: &str,
    resource: &Value,
) {
    let id = ids::event_id();
    let own = format!("{}/v1/notifications/webhooks-events/{id}", state.url);
    let create_time = state.now();
    let summary = summary(event_type, resource);
    let body = json!({
        "id": id,
        "event_version": "1.0",
        "create_time": ids::time(create_time),
        "resource_type": resource_type,
        "resource_version": resource_version,
        "event_type": event_type,
        "summary": summary,
        "resource": resource,
        "links": [
            views::link(&own, "self", "GET"),
            views::link(&format!("{own}/resend"), "resend", "POST"),
        ],
    });
    let event = Event {
        id,
        event_type: event_type.to_owned(),
        resource_id: resource_id.to_owned(),
        create_time,
        body: body.to_string(),
        delivery: first_delivery(state),
    };
    state.books.events.push(event);
}

fn first_delivery(state: &mut State) -> Delivery {
    let controls = &mut state.controls;
    let dropped = controls.drop_next > 0;
    let duplicates = u32::from(!dropped && controls.duplicate_next > 0);
    controls.drop_next -= u32::from(dropped);
    controls.duplicate_next -= duplicates;
    let status = match (&state.webhook, dropped) {
        (None, _) => DeliveryStatus::Failed,
        (Some(_), true) => DeliveryStatus::Dropped,
        (Some(_), false) => DeliveryStatus::Pending,
    };
    let next_attempt_at = real_now() + chrono::Duration::milliseconds(state.controls.delay_ms.into());
    Delivery { status, attempts: 0, last_status: None, next_attempt_at, duplicates }
}

fn summary(event_type: &str, resource: &Value) -> String {
    let amount = || {
        let amount = &resource["amount"];
        format!(
            "{} {}",
            amount["value"].as_str().unwrap_or_default(),
            amount["currency_code"].as_str().unwrap_or_default()
        )
    };
    match event_type {
        "CHECKOUT.ORDER.APPROVED" => "An order has been approved by buyer".to_owned(),
        "CHECKOUT.ORDER.COMPLETED" => "Checkout Order Completed".to_owned(),
        "PAYMENT.AUTHORIZATION.CREATED" => format!("A payment authorization of {} was created", amount()),
        "PAYMENT.AUTHORIZATION.VOIDED" => format!("A payment authorization of {} was voided", amount()),
        "PAYMENT.CAPTURE.COMPLETED" => format!("Payment completed for {}", amount()),
        "PAYMENT.CAPTURE.PENDING" => format!("Payment pending for {}", amount()),
        "PAYMENT.CAPTURE.DENIED" => format!("Payment denied for {}", amount()),
        "PAYMENT.CAPTURE.REFUNDED" => format!("A {} refund was issued", amount()),
        "PAYMENT.CAPTURE.REVERSED" => format!("A {} payment was reversed", amount()),
        "CUSTOMER.DISPUTE.CREATED" => "A new dispute opened with Case # ".to_owned() + dispute(resource),
        "CUSTOMER.DISPUTE.UPDATED" => "A dispute was updated with Case # ".to_owned() + dispute(resource),
        "CUSTOMER.DISPUTE.RESOLVED" => "A dispute was resolved with Case # ".to_owned() + dispute(resource),
        "PAYMENT.REFUND.PENDING" => format!("A {} refund is pending", amount()),
        "PAYMENT.REFUND.FAILED" => format!("A {} refund failed", amount()),
        "VAULT.PAYMENT-TOKEN.CREATED" => "A payment token has been created".to_owned(),
        "VAULT.PAYMENT-TOKEN.DELETED" => "A payment token has been deleted".to_owned(),
        other => other.to_owned(),
    }
}

fn dispute(resource: &Value) -> &str {
    resource["dispute_id"].as_str().unwrap_or_default()
}

/// Sends what is due until the sandbox stops.
pub async fn run(shared: Arc<Shared>) {
    loop {
        let pause = {
            let _turn = shared.delivering.lock().await;
            for id in due(&shared, real_now()) {
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

/// Sends everything that waits, held or not, once; doubled events twice. Tells how many were accepted.
pub async fn deliver_now(shared: &Shared) -> usize {
    let _turn = shared.delivering.lock().await;
    let mut accepted = 0;
    let all = waiting(&shared.state(), |_| true);
    for id in all {
        while attempt(shared, &id).await {
            accepted += 1;
            let doubled = !waiting(&shared.state(), |event| event.id == id).is_empty();
            if !doubled {
                break;
            }
        }
    }
    accepted
}

fn due(shared: &Shared, now: DateTime<Utc>) -> Vec<String> {
    let state = shared.state();
    if state.controls.hold {
        Vec::new()
    } else {
        waiting(&state, |event| event.delivery.next_attempt_at <= now)
    }
}

fn next_pause(shared: &Shared) -> Duration {
    let state = shared.state();
    let next = state
        .books
        .events
        .iter()
        .filter(|event| event.delivery.status == DeliveryStatus::Pending && !state.controls.hold)
        .map(|event| event.delivery.next_attempt_at)
        .min();
    next.map_or(IDLE, |at| (at - real_now()).to_std().unwrap_or_default().min(IDLE))
}

fn waiting(state: &State, chosen: impl Fn(&Event) -> bool) -> Vec<String> {
    let pending = state.books.events.iter().filter(|event| event.delivery.status == DeliveryStatus::Pending);
    let mut found: Vec<String> =
        pending.filter(|event| chosen(event)).map(|event| event.id.clone()).collect();
    if state.controls.reverse {
        found.reverse();
    }
    found
}

struct Transmission {
    target: WebhookTarget,
    body: String,
    headers: [(&'static str, String); 5],
}

async fn attempt(shared: &Shared, id: &str) -> bool {
    let Some(transmission) = prepare(&mut shared.state(), id) else {
        return false;
    };
    let mut request = shared
        .client
        .post(&transmission.target.url)
        .timeout(ANSWER_TIMEOUT)
        .header("content-type", "application/json");
    for (name, value) in transmission.headers {
        request = request.header(name, value);
    }
    let answer = request.body(transmission.body).send().await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    let accepted = status.is_some_and(|status| (200..300).contains(&status));
    let mut state = shared.state();
    if let Some(event) = state.books.events.iter_mut().find(|event| event.id == id) {
        note(&mut event.delivery, status, accepted);
    }
    if let Err(error) = state.save() {
        tracing::error!(%error, "the sandbox could not save its state");
    }
    accepted
}

fn note(delivery: &mut Delivery, status: Option<u16>, accepted: bool) {
    delivery.attempts += 1;
    delivery.last_status = status;
    let again = accepted && delivery.duplicates > 0;
    if again {
        delivery.duplicates -= 1;
    }
    delivery.status = match accepted {
        true if again => DeliveryStatus::Pending,
        true => DeliveryStatus::Delivered,
        false if delivery.attempts >= ATTEMPTS_MAX => DeliveryStatus::Failed,
        false => DeliveryStatus::Pending,
    };
    let doublings = delivery.attempts.saturating_sub(1).min(6);
    let pause_ms = if again { 0 } else { (PAUSE_MS << doublings).min(PAUSE_MS_MAX) };
    delivery.next_attempt_at = real_now() + chrono::Duration::milliseconds(pause_ms);
}

fn prepare(state: &mut State, id: &str) -> Option<Transmission> {
    let target = state.webhook.clone()?;
    let body = state.books.events.iter().find(|event| event.id == id)?.body.clone();
    let transmission_id = ids::transmission_id();
    let transmission_time = ids::time(state.now());
    let text =
        signing::signed_text(&transmission_id, &transmission_time, &target.webhook_id, body.as_bytes());
    let url = certificate_url(state);
    let signature = state.keys().sign(&text);
    let headers = [
        ("paypal-transmission-id", transmission_id),
        ("paypal-transmission-time", transmission_time),
        ("paypal-transmission-sig", signature),
        ("paypal-cert-url", url),
        ("paypal-auth-algo", signing::ALGORITHM.to_owned()),
    ];
    Some(Transmission { target, body, headers })
}

/// Where the chain of the signing certificate is served.
pub fn certificate_url(state: &mut State) -> String {
    let name = state.keys().certificate_name.clone();
    format!("{}/v1/notifications/certs/{name}", state.url)
}

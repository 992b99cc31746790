//! Track Alert: subscriptions of packages or of the whole account, and the pushes that follow what happens.
//!
//! A subscription lives fourteen days and has no history: what happened before it is not pushed. Where pushes go, and
//! what they prove themselves with, is set in UPS's portal, here in the settings: an `x-api-key`, or a token from the
//! service's own token endpoint. There is no signature and no id of an event. How often UPS repeats a push that is not
//! answered with 2xx is not documented; here it is three times, a minute apart by the sandbox's clock.
//!
//! [`Controls`] make the delivery as bad as the real one can be: late, doubled, lost, out of order.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::books::{Activity, Push, PushStatus, Subscription};
use super::call::{Call, Outcome, Refusal, Reply, text};
use super::server::Shared;
use super::state::State;
use super::tracking::local;
use super::{service_bodies, statuses};
use crate::sandbox::wire::Exchange;

/// Days that a package's subscription lives.
const SUBSCRIPTION_DAYS: i64 = 14;
/// Attempts of one push, and the pause between them.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_SECONDS: i64 = 60;
/// A service answers within this time.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the delivery sleeps when nothing is due; a change wakes it.
const IDLE: Duration = Duration::from_mins(1);

/// Where pushes go.
#[derive(Debug, Clone)]
pub struct AlertTarget {
    pub url: String,
    pub credentials: AlertCredentials,
}

/// What a push proves itself with.
#[derive(Debug, Clone)]
pub enum AlertCredentials {
    /// Sent as `x-api-key`.
    ApiKey(String),
    /// A bearer token by client credentials from the service's own endpoint; the client's id goes along as `x-api-key`.
    OAuth { token_url: String, client_id: String, client_secret: String },
}

/// How deliveries go wrong on order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Nothing is sent until this is taken back or a delivery is asked for.
    pub hold: bool,
    /// So many of the next pushes are lost.
    pub drop_next: u32,
    /// So many of the next pushes are sent twice.
    pub duplicate_next: u32,
    /// What is due together is sent newest first.
    pub reverse: bool,
    /// So much later every push is sent, by the sandbox's clock.
    pub delay_seconds: u32,
}

pub fn subscribe(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2")?;
    let kind = kind(call)?;
    let refused = |refusal: Refusal| Refusal {
        errors: refusal.errors.into_iter().map(|(_, message)| ("VSS300".to_owned(), message)).collect(),
        beside: Some(("invalidTrackingNumbers", json!([]))),
        ..refusal
    };
    let body = call.object(service_bodies::SUBSCRIPTION).map_err(refused)?;
    let preferences = preferences(&body, kind).map_err(refused)?;
    let listed = body["trackingNumberList"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let (valid, invalid): (Vec<&str>, Vec<&str>) = listed.partition(|number| is_number(number));
    if valid.is_empty() {
        let refusal = Refusal::new(
            400,
            "VSS301",
            "No valid tracking number. The Subscription request has been rejected.",
        );
        return Err(Refusal { beside: Some(("invalidTrackingNumbers", json!(invalid))), ..refusal });
    }
    let expires_at = state.now() + chrono::Duration::days(SUBSCRIPTION_DAYS);
    for number in &valid {
        let subscription =
            Subscription { kind: kind.to_owned(), preferences: preferences.clone(), expires_at };
        state.books.subscriptions.insert((*number).to_owned(), subscription);
    }
    let mut answer = json!({"validTrackingNumbers": valid});
    if !invalid.is_empty() {
        answer["invalidTrackingNumbers"] = json!(invalid);
    }
    Ok(Reply::json(&answer))
}

pub fn subscribe_account(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2")?;
    let kind = kind(call)?;
    let body = call.object(service_bodies::ACCOUNT_SUBSCRIPTION)?;
    preferences(&body, kind)?;
    if text(&body, "/shipperAccountNumber") != state.settings.account_number {
        return Err(Refusal::new(400, "VSS310", "The shipper account number is not yours"));
    }
    state.books.account_subscribed = true;
    Ok(Reply::json(&json!({"expiryDate": "9999-12-31"})))
}

pub fn unsubscribe_account(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2")?;
    kind(call)?;
    match call.query("shipper_account_number") {
        Some(number) if number == state.settings.account_number && state.books.account_subscribed => {}
        Some(_) => return Err(Refusal::new(400, "VSS311", "There is no such subscription")),
        None => return Err(Refusal::new(400, "VSS300", "Shipper Account Number is required.")),
    }
    state.books.account_subscribed = false;
    Ok(Reply::json(&json!({"message": "Account unsubscribed"})))
}

fn kind(call: &Call) -> Result<&'static str, Refusal> {
    ["standard", "enhanced"].into_iter().find(|kind| *kind == call.id(1)).ok_or_else(|| Refusal::bare(404))
}

/// Only enhanced subscribers choose what they are told.
fn preferences(body: &Value, kind: &str) -> Result<Vec<String>, Refusal> {
    let named = body["eventPreferences"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: Vec<String> = named.map(str::to_owned).collect();
    if kind == "standard" && !named.is_empty() {
        return Err(Refusal::new(400, "VSS302", "eventPreferences are for enhanced subscriptions only"));
    }
    Ok(named)
}

fn is_number(number: &str) -> bool {
    let rest = |start: &str, length: usize| {
        number.strip_prefix(start).is_some_and(|rest| {
            rest.len() == length && rest.bytes().all(|one| one.is_ascii_digit() || one.is_ascii_uppercase())
        })
    };
    rest("1Z", 16) || rest("1R", 14) || rest("1R", 26)
}

/// Records a push for whoever subscribed to the package.
pub fn note(state: &mut State, number: &str, activity: &Activity) {
    let subscription = state.books.subscriptions.get(number);
    let kind = statuses::find(&activity.status_code).map_or("I", |status| status.kind);
    let wanted = subscription.is_some_and(|subscription| {
        subscription.preferences.is_empty() || subscription.preferences.iter().any(|one| one == kind)
    });
    if !wanted && !state.books.account_subscribed {
        return;
    }
    let body = event(number, activity).to_string();
    let now = state.now();
    let controls = &mut state.controls;
    let dropped = controls.drop_next > 0;
    let duplicates = u32::from(!dropped && controls.duplicate_next > 0);
    controls.drop_next -= u32::from(dropped);
    controls.duplicate_next -= duplicates;
    let later = chrono::Duration::seconds(i64::from(controls.delay_seconds));
    let id = state.books.pushes.last().map_or(1, |last| last.id + 1);
    state.books.pushes.push(Push {
        id,
        tracking_number: number.to_owned(),
        body,
        status: if dropped { PushStatus::Dropped } else { PushStatus::Pending },
        attempts: 0,
        last_status: None,
        next_attempt_at: now + later,
        duplicates,
    });
}

fn event(number: &str, activity: &Activity) -> Value {
    let local = local(activity);
    let status = statuses::find(&activity.status_code);
    // Track Alert knows fewer types than tracking.
    let kind = match status.map_or("I", |status| status.kind) {
        "P" => "I",
        "RS" => "X",
        kind => kind,
    };
    let delivered = statuses::stage(&activity.status_code) == statuses::Stage::Delivered;
    let mut event = json!({
        "trackingNumber": number,
        "localActivityDate": local.format("%Y%m%d").to_string(),
        "localActivityTime": local.format("%H%M%S").to_string(),
        "activityLocation": {"city": activity.city, "country": activity.country},
        "activityStatus": {
            "type": kind,
            "code": status.map_or("XX", |status| status.code),
            "description": status.map_or("", |status| status.description),
            "descriptionCode": activity.status_code,
        },
        "gmtActivityDate": activity.at.format("%Y%m%d").to_string(),
        "gmtActivityTime": activity.at.format("%H%M%S").to_string(),
        "gmtOffset": local.format("%:z").to_string().replace(':', "."),
    });
    if ["US", "PR"].contains(&activity.country.as_str()) && activity.state.len() == 2 {
        event["activityLocation"]["stateProvince"] = json!(activity.state);
    }
    if delivered {
        event["actualDeliveryDate"] = event["localActivityDate"].clone();
        event["actualDeliveryTime"] = event["localActivityTime"].clone();
        if activity.postal_code.len() == 5 {
            event["activityLocation"]["postalCode"] = json!(activity.postal_code);
        }
    }
    event
}

/// Sends what is due until the sandbox stops.
pub async fn run(shared: Arc<Shared>) {
    loop {
        let pause = {
            let _turn = shared.pushing.lock().await;
            for id in due(&shared) {
                if shared.stop.is_cancelled() {
                    return;
                }
                attempt(&shared, id).await;
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
    let _turn = shared.pushing.lock().await;
    let mut accepted = 0;
    let all = waiting(&shared.state(), |_| true);
    for id in all {
        while attempt(shared, id).await {
            accepted += 1;
            if waiting(&shared.state(), |push| push.id == id).is_empty() {
                break;
            }
        }
    }
    accepted
}

fn due(shared: &Shared) -> Vec<u64> {
    let state = shared.state();
    let now = state.now();
    if state.controls.hold || state.settings.webhook.is_none() {
        return Vec::new();
    }
    waiting(&state, |push| push.next_attempt_at <= now)
}

fn next_pause(shared: &Shared) -> Duration {
    let state = shared.state();
    let open = state.settings.webhook.is_some() && !state.controls.hold;
    let pending = state.books.pushes.iter().filter(|push| open && push.status == PushStatus::Pending);
    let next = pending.map(|push| push.next_attempt_at).min();
    let pause = next.map_or(IDLE, |at| (at - state.now()).to_std().unwrap_or_default().min(IDLE));
    // A clock that stands still is only ever moved by a change, and that wakes.
    if state.settings.clock_stands_at.is_some() { IDLE } else { pause.max(Duration::from_millis(100)) }
}

fn waiting(state: &State, chosen: impl Fn(&Push) -> bool) -> Vec<u64> {
    let pending = state.books.pushes.iter().filter(|push| push.status == PushStatus::Pending);
    let mut found: Vec<u64> = pending.filter(|push| chosen(push)).map(|push| push.id).collect();
    if state.controls.reverse {
        found.reverse();
    }
    found
}

async fn attempt(shared: &Shared, id: u64) -> bool {
    let (push, target) = {
        let state = shared.state();
        (state.books.pushes.iter().find(|push| push.id == id).cloned(), state.settings.webhook.clone())
    };
    let Some((push, target)) = push.zip(target) else { return false };
    let status = send(shared, &target, &push.body).await;
    let accepted = status.is_some_and(|status| (200..300).contains(&status));
    let mut state = shared.state();
    let now = state.now();
    if let Some(push) = state.books.pushes.iter_mut().find(|push| push.id == id) {
        note_attempt(push, now, status, accepted);
    }
    if let Err(error) = state.save() {
        tracing::error!(%error, "the sandbox could not save its state");
    }
    accepted
}

fn note_attempt(push: &mut Push, now: chrono::DateTime<chrono::Utc>, status: Option<u16>, accepted: bool) {
    push.attempts += 1;
    push.last_status = status;
    let again = accepted && push.duplicates > 0;
    if again {
        push.duplicates -= 1;
    }
    push.status = match accepted {
        true if again => PushStatus::Pending,
        true => PushStatus::Delivered,
        false if push.attempts >= ATTEMPTS_MAX => PushStatus::Failed,
        false => PushStatus::Pending,
    };
    let pause = if again { 0 } else { PAUSE_SECONDS };
    push.next_attempt_at = now + chrono::Duration::seconds(pause);
}

/// The status that the service answered with; `None` when it didn't, or gave no token.
async fn send(shared: &Shared, target: &AlertTarget, body: &str) -> Option<u16> {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), "UPSPubSubTrackingService".to_owned()),
    ];
    match &target.credentials {
        AlertCredentials::ApiKey(key) => headers.push(("x-api-key".to_owned(), key.clone())),
        AlertCredentials::OAuth { token_url, client_id, client_secret } => {
            let form = [("grant_type", "client_credentials")];
            let request = shared.client.post(token_url).timeout(TIMEOUT).form(&form);
            let answer = request.basic_auth(client_id, Some(client_secret)).send().await.ok()?;
            let token: Value = answer.json().await.ok()?;
            headers.push(("authorization".to_owned(), format!("Bearer {}", token["access_token"].as_str()?)));
            headers.push(("x-api-key".to_owned(), client_id.clone()));
        }
    }
    let mut request = shared.client.post(&target.url).timeout(TIMEOUT).body(body.to_owned());
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    let status = request.send().await.ok().map(|answer| answer.status().as_u16());
    shared.pushed.record(Exchange {
        operation: "push",
        method: "POST".to_owned(),
        target: target.url.clone(),
        request_headers: headers.into_iter().filter(|(name, _)| name != "authorization").collect(),
        request_body: body.as_bytes().to_vec(),
        answered: status.is_some(),
        status: status.unwrap_or_default(),
        response_headers: Vec::new(),
        response_body: Vec::new(),
    });
    status
}

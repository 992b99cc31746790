//! Unified push: subscriptions of shipments or of an account. There is no published file; this follows DHL's guide, its
//! published collections of calls, and what integrators report.
//!
//! A subscription begins with a message `subscription.validate` to its hook that bears a secret, and stands once the secret
//! came back in `DHL-API-Hook-Secret`. It has no history: what happened before it stands is not told. `pushing.rs` sends.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Shared,
    auth::authorize_tracking,
    reply::{answer, json_answer, problem},
    state::State as Memory,
    tracking::SERVICES,
};
use crate::sandbox::digest::sha256_hex;

/// Shipments of one subscription.
const SHIPMENTS_MAX: usize = 10;
const EVENTS: [&str; 5] = ["Pre-Transit", "Transit", "Delivered", "Failure", "Unknown"];
/// How long a subscription of shipments lives; one of an account has no end.
const SHIPMENT_DAYS: i64 = 90;

/// What DHL knows of pushes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pushes {
    pub subscriptions: Vec<Subscription>,
    /// Messages, oldest first, also those that arrived.
    pub messages: Vec<Message>,
    pub controls: Controls,
    count: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub uri: String,
    /// Name and value of the header that messages prove themselves with.
    pub header: Option<(String, String)>,
    pub account: Option<String>,
    pub shipments: Vec<String>,
    pub events: Vec<String>,
    pub secret: String,
    pub active: bool,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A message to a hook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: u64,
    pub subscription: String,
    pub scope: String,
    pub body: String,
    /// When it is sent next; none once it arrived, was lost, or was given up.
    pub due: Option<DateTime<Utc>>,
    pub attempts: u32,
    /// The status that the hook answered with last.
    pub answered: Option<u16>,
    pub accepted: bool,
    /// How often it is sent again although it arrived.
    pub duplicates: u32,
}

/// How messages go wrong on order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Nothing is sent until this is taken back or a delivery is asked for.
    pub hold: bool,
    /// So many of the next messages are lost.
    pub drop_next: u32,
    /// So many of the next messages are sent twice.
    pub duplicate_next: u32,
    /// What is due together is sent newest first.
    pub reverse: bool,
    /// So much later every message is sent, by the sandbox's clock.
    pub delay_seconds: u32,
}

impl Pushes {
    /// Puts a message in line.
    pub fn send(&mut self, subscription: &str, scope: &str, body: &Value, now: DateTime<Utc>) {
        let controls = &mut self.controls;
        let dropped = controls.drop_next > 0;
        let duplicates = u32::from(!dropped && controls.duplicate_next > 0);
        controls.drop_next -= u32::from(dropped);
        controls.duplicate_next -= duplicates;
        let due = now + chrono::Duration::seconds(i64::from(controls.delay_seconds));
        self.count += 1;
        self.messages.push(Message {
            id: self.count,
            subscription: subscription.to_owned(),
            scope: scope.to_owned(),
            body: body.to_string(),
            due: (!dropped).then_some(due),
            attempts: 0,
            answered: None,
            accepted: false,
            duplicates,
        });
    }
}

impl Subscription {
    /// Whether it wants to be told of this shipment of this customer.
    pub fn covers(&self, number: &str, customer: &str, now: DateTime<Utc>) -> bool {
        let named = self.shipments.iter().any(|one| one == number);
        let lives = self.expires_at.is_none_or(|end| end > now);
        self.active && lives && (named || self.account.as_deref() == Some(customer))
    }

    fn view(&self, url: &str) -> Value {
        let mut view = json!({
            "self": format!("{url}/tracking/push/v1/subscription/{}", self.id),
            "id": self.id,
            "hook": { "uri": self.uri },
            "format": "Default",
            "type": if self.account.is_some() { "Account" } else { "Shipment" },
            "service": "parcel-de",
            "events": self.events,
            "status": if self.active { "active" } else { "pending" },
        });
        match &self.account {
            Some(account) => view["accountID"] = json!(account),
            None => view["shipmentIDs"] = json!(self.shipments),
        }
        if let Some(end) = self.expires_at {
            view["expires"] = json!(end.to_rfc3339());
        }
        view
    }
}

pub async fn create(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    try_create(&shared, &headers, &body).unwrap_or_else(|refusal| refusal)
}

fn try_create(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Response, Response> {
    authorize_tracking(&shared.settings, headers)?;
    let wish = read(body).map_err(|detail| problem(400, &detail))?;
    let url = shared.url.clone();
    let made = shared.change(|state, now| {
        state.pushes.count += 1;
        let seed = format!("{}:{}:{now}", state.pushes.count, wish.uri);
        let name = sha256_hex(seed.as_bytes());
        let subscription = Subscription {
            id: name.chars().take(24).collect(),
            secret: name.chars().skip(24).take(32).collect(),
            expires_at: wish.account.is_none().then(|| now + chrono::Duration::days(SHIPMENT_DAYS)),
            ..wish
        };
        let mut message = subscription.view(&url);
        message["scope"] = json!("subscription.validate");
        message["secret"] = json!(subscription.secret);
        state.pushes.send(&subscription.id, "subscription.validate", &message, now);
        let view = subscription.view(&url);
        state.pushes.subscriptions.push(subscription);
        view
    })?;
    Ok(json_answer(201, &made))
}

/// The wish of a body, or what is wrong with it.
fn read(body: &Bytes) -> Result<Subscription, String> {
    let wish: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let list =
        |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().filter_map(text).collect() };
    let uri = text(&wish["hook"]["uri"])
        .filter(|uri| url::Url::parse(uri).is_ok())
        .ok_or("hook.uri must be a URL")?;
    let authentication = &wish["hook"]["authentication"];
    let header = match authentication {
        Value::Null => None,
        given if given["type"] == "ApiKeyAuthentication" => {
            let pair = text(&given["header"]).zip(text(&given["token"]));
            Some(pair.ok_or("hook.authentication needs header and token")?)
        }
        _ => return Err("hook.authentication.type must be ApiKeyAuthentication".to_owned()),
    };
    if wish["format"] != "Default" {
        return Err("format must be Default".to_owned());
    }
    if wish["service"] != "parcel-de" {
        let is_known = SERVICES.iter().any(|service| wish["service"] == *service);
        return Err(
            if is_known { "this account has no such service" } else { "service is unknown" }.to_owned()
        );
    }
    let events = list(&wish["events"]);
    if events.is_empty() || events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err(format!("events must be some of {}", EVENTS.join(", ")));
    }
    let (account, shipments) = match wish["type"].as_str() {
        Some("Account") => (Some(text(&wish["accountID"]).ok_or("accountID is missing")?), Vec::new()),
        Some("Shipment") => (None, list(&wish["shipmentIDs"])),
        _ => return Err("type must be Account or Shipment".to_owned()),
    };
    if account.is_none() && !(1..=SHIPMENTS_MAX).contains(&shipments.len()) {
        return Err(format!("shipmentIDs must be 1 to {SHIPMENTS_MAX}"));
    }
    let (id, secret) = (String::new(), String::new());
    Ok(Subscription { id, uri, header, account, shipments, events, secret, active: false, expires_at: None })
}

pub async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorize_tracking(&shared.settings, &headers) {
        return refusal;
    }
    let url = shared.url.clone();
    let all = |state: &Memory, _| -> Vec<Value> {
        state.pushes.subscriptions.iter().map(|one| one.view(&url)).collect()
    };
    json_answer(200, &json!(shared.read(all)))
}

pub async fn show(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorize_tracking(&shared.settings, &headers) {
        return refusal;
    }
    let (id, url) = (id_of(&uri), shared.url.clone());
    let found = shared.read(|state, _| {
        state.pushes.subscriptions.iter().find(|one| one.id == id).map(|one| one.view(&url))
    });
    found.map_or_else(unknown, |view| json_answer(200, &view))
}

pub async fn activate(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorize_tracking(&shared.settings, &headers) {
        return refusal;
    }
    let id = id_of(&uri);
    let given = headers.get("dhl-api-hook-secret").and_then(|value| value.to_str().ok());
    let activated = shared.change(|state, _| {
        let Some(one) = state.pushes.subscriptions.iter_mut().find(|one| one.id == id) else {
            return unknown();
        };
        if given != Some(&one.secret) {
            return problem(401, "The hook secret is missing or wrong");
        }
        one.active = true;
        state.pass_over_history();
        answer(204, "application/json", "")
    });
    activated.unwrap_or_else(|failure| failure)
}

pub async fn delete(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorize_tracking(&shared.settings, &headers) {
        return refusal;
    }
    let id = id_of(&uri);
    let deleted = shared.change(|state, _| {
        let before = state.pushes.subscriptions.len();
        state.pushes.subscriptions.retain(|one| one.id != id);
        for message in state.pushes.messages.iter_mut().filter(|message| message.subscription == id) {
            message.due = None;
        }
        before > state.pushes.subscriptions.len()
    });
    match deleted {
        Ok(true) => answer(204, "application/json", ""),
        Ok(false) => unknown(),
        Err(failure) => failure,
    }
}

fn id_of(uri: &Uri) -> String {
    uri.path().rsplit('/').next().unwrap_or_default().to_owned()
}

fn unknown() -> Response {
    problem(404, "There is no such subscription")
}

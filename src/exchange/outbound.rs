//! The way out to subscribers: a client that reaches public addresses only, and limits that keep a subscriber that
//! hangs from taking the workers that payments need.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Settings;
use super::address::{NotPublic, PublicOnly};
use super::model;
use crate::clock::Moment;
use crate::ids::{MessageId, SubscriptionId};

/// A subscriber has this long for a call, from the name's resolution to the answer's head (Standard Webhooks: 15 to 30 s).
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Calls to subscribers at once from one instance: half of its workers, so that the others are always free.
const CALLS_MAX: usize = 8;
/// Calls to one subscriber at once from one instance.
const CALLS_EACH_MAX: usize = 4;
/// A call waits this long for its turn at a busy subscriber; a quick subscriber gives it in a fraction.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// What calls to subscribers share.
#[derive(Debug)]
pub struct Outbound {
    client: reqwest::Client,
    allow_internal: bool,
    calls: Arc<Semaphore>,
    calls_each: Mutex<HashMap<SubscriptionId, Weak<Semaphore>>>,
}

/// Leave to call one subscriber, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    _each: OwnedSemaphorePermit,
}

/// One message on its way.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) id: MessageId,
    pub(super) url: &'a str,
    pub(super) body: String,
    /// Every secret that is good now; the receiver needs one of the signatures.
    pub(super) secrets: Vec<SecretString>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A 2xx: the subscriber has the message.
    Taken(StatusCode),
    /// 410: the subscriber wants no more messages.
    Gone,
    /// Nobody was called: the partner may not be told anything any more.
    Closed,
    /// Any other answer, redirects too, which are never followed.
    Refused(StatusCode),
    /// No answer; the text says why, coarsely, for the partner's own log.
    Silent(&'static str),
}

impl Outbound {
    /// The way out under these settings.
    pub fn new(settings: &Settings) -> reqwest::Result<Self> {
        Ok(Self {
            client: client(settings.allow_internal)?,
            allow_internal: settings.allow_internal,
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            calls_each: Mutex::default(),
        })
    }

    /// Leave to call a subscriber; nothing when too many calls are under way, to it or to all.
    pub(super) async fn turn(&self, subscription: SubscriptionId) -> Option<Turn> {
        let all = self.calls.clone().try_acquire_owned().ok()?;
        let each = self.semaphore(subscription).acquire_owned();
        let each = tokio::time::timeout(TURN_TIMEOUT, each).await.ok()?.ok()?;
        Some(Turn { _all: all, _each: each })
    }

    fn semaphore(&self, subscription: SubscriptionId) -> Arc<Semaphore> {
        let mut known = self.calls_each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = known.get(&subscription).and_then(Weak::upgrade) {
            return semaphore;
        }
        known.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(CALLS_EACH_MAX));
        known.insert(subscription, Arc::downgrade(&semaphore));
        semaphore
    }

    /// Signs a message and sends it. The answer's body is never read: nothing in it matters to us.
    pub(super) async fn send(&self, now: Moment, message: Message<'_>) -> Result<Answer, WebhookError> {
        // The settings, or what is known of addresses, may have changed since the subscription was put.
        let Ok(url) = model::address(message.url, self.allow_internal) else {
            return Ok(Answer::Silent("the address is not on the public internet"));
        };
        let id = message.id.to_string();
        let timestamp = now.timestamp();
        let signatures = sign(&id, timestamp, &message)?;
        let request = self
            .client
            .post(url)
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp.to_string())
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(message.body);
        Ok(match request.send().await {
            Ok(response) if response.status().is_success() => Answer::Taken(response.status()),
            Ok(response) if response.status() == StatusCode::GONE => Answer::Gone,
            Ok(response) => Answer::Refused(response.status()),
            Err(error) => Answer::Silent(why(&error)),
        })
    }
}

fn sign(id: &str, timestamp: i64, message: &Message<'_>) -> Result<String, WebhookError> {
    let signatures: Result<Vec<String>, WebhookError> = message
        .secrets
        .iter()
        .map(|secret| Webhook::new(secret.expose_secret())?.sign(id, timestamp, message.body.as_bytes()))
        .collect();
    Ok(signatures?.join(" "))
}

fn why(error: &reqwest::Error) -> &'static str {
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.is::<NotPublic>() {
            return "the name does not lead to the public internet";
        }
        source = inner.source();
    }
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        _ => "the connection broke",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client of its own: it alone must not reach internal addresses"
)]
fn client(allow_internal: bool) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("aisle/", env!("CARGO_PKG_VERSION")))
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if allow_internal { builder.build() } else { builder.dns_resolver(PublicOnly).https_only(true).build() }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called() {
        let client = client(false).expect("a client");
        // The resolver is asked for the name alone; `localhost` stands for any name that leads to this machine.
        let error = client.post("https://localhost:1/hook").send().await.expect_err("not called");
        assert_eq!(why(&error), "the name does not lead to the public internet");
    }

    #[tokio::test]
    async fn one_subscriber_takes_at_most_its_share_of_turns() {
        let outbound = Outbound::new(&Settings::default()).expect("a way out");
        let hanging = SubscriptionId(uuid::Uuid::from_u128(1));
        let quick = SubscriptionId(uuid::Uuid::from_u128(2));
        let mut turns = Vec::new();
        for _ in 0..CALLS_EACH_MAX {
            turns.push(outbound.turn(hanging).await.expect("a turn"));
        }
        assert!(outbound.turn(hanging).now_or_never().is_none(), "it has to wait");
        assert!(outbound.turn(quick).await.is_some());
        turns.clear();
        assert!(outbound.turn(hanging).await.is_some());
    }
}

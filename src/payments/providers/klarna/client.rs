//! Calls to Klarna: credentials, pace, and what an answer of its limits means.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::pace::{Pace, TooMany};
use super::{Settings, wire};
use crate::payments::providers::call;
pub use crate::payments::providers::call::{Answer, Lost};

/// Who we are, in Klarna's logs.
const USER_AGENT: &str = concat!("Aisle/", env!("CARGO_PKG_VERSION"));
/// How long nothing is sent after a refusal for too many calls, when Klarna does not say.
const AFTER_TOO_MANY: Duration = Duration::from_secs(1);

/// Klarna's API for one merchant.
pub struct Client {
    http: reqwest::Client,
    base: String,
    authorization: SecretString,
    sessions: Pace,
    others: Pace,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a Method,
    /// What the call does, for logs; paths hold secrets.
    pub name: &'static str,
    pub path: &'a str,
    /// `Klarna-Idempotency-Key`.
    pub key: Option<&'a str>,
    pub body: Option<&'a Value>,
    /// Whether it begins a session or makes a customer token: Klarna takes fewer of those.
    pub begins_session: bool,
}

impl Client {
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        Self {
            http: http.clone(),
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            authorization: settings.authorization.clone(),
            sessions: Pace::below(settings.session_limit),
            others: Pace::below(settings.call_limit),
        }
    }

    /// An address of Klarna's API.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Reads an object.
    pub async fn get(&self, name: &'static str, path: &str) -> Result<Answer, Lost> {
        let call = Call { method: &Method::GET, name, path, key: None, body: None, begins_session: false };
        self.call(call).await
    }

    /// Asks for something to be done, once for each key where Klarna knows keys.
    pub async fn post(
        &self,
        name: &'static str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Lost> {
        let call = Call { method: &Method::POST, name, path, key, body, begins_session: false };
        self.call(call).await
    }

    /// Asks for what Klarna counts apart and knows no keys for: a session or a customer token.
    pub async fn begin(&self, name: &'static str, path: &str, body: &Value) -> Result<Answer, Lost> {
        let body = Some(body);
        self.call(Call { method: &Method::POST, name, path, key: None, body, begins_session: true }).await
    }

    /// Makes a call. What Klarna refused for who we are, or for how many calls we make, did not happen.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Lost> {
        let pace = if call.begins_session { &self.sessions } else { &self.others };
        pace.turn()
            .await
            .map_err(|TooMany| Lost::NeverLeft("more calls than Klarna takes wait already".to_owned()))?;
        let mut request = self
            .http
            .request(call.method.clone(), self.address(call.path))
            .header("Authorization", self.authorization.expose_secret())
            .header("User-Agent", USER_AGENT);
        if let Some(key) = call.key {
            request = request.header("Klarna-Idempotency-Key", key);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let answer = call::send(request).await?;
        keep_to_limits(pace, &answer);
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refusal = wire::Refusal::of(&answer);
        tracing::info!(
            klarna.call = call.name,
            http.status = answer.status.as_u16(),
            klarna.error = refusal.error_code,
            klarna.correlation_id = refusal.correlation_id,
            "Klarna refused a call",
        );
        // A proxy on the way knows nothing of what happened.
        let is_klarnas = refusal.is_klarnas();
        let told = |detail: String| if is_klarnas { Lost::NeverLeft(detail) } else { Lost::Unknown(detail) };
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                tracing::error!(klarna.call = call.name, "Klarna refuses our credentials");
                Err(told("Klarna refuses our credentials".to_owned()))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(told(refusal.describe(answer.status))),
            _ => Ok(answer),
        }
    }
}

/// Sends nothing while Klarna says that it takes nothing.
fn keep_to_limits(pace: &Pace, answer: &Answer) {
    let number = |name: &str| answer.header(name).and_then(|text| text.trim().parse::<u64>().ok());
    let reset = number("X-Ratelimit-Reset").map(Duration::from_secs);
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        pace.close_for(reset.unwrap_or(AFTER_TOO_MANY).max(AFTER_TOO_MANY));
    } else if number("X-Ratelimit-Remaining") == Some(0)
        && let Some(reset) = reset
    {
        pace.close_for(reset);
    }
}

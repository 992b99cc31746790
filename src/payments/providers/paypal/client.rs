//! Calls to PayPal: the OAuth token, deadlines, limits, and one repeat when the token was refused.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::pace::Pace;
use super::{Settings, wire};
use crate::clock::Clock;
use crate::payments::providers::call;
pub use crate::payments::providers::call::{Answer, Lost};

/// A token is renewed this long before it ends, so that no call is sent with one that ends on its way.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// PayPal's API for one merchant.
pub struct Client {
    http: reqwest::Client,
    base: String,
    id: String,
    secret: SecretString,
    /// Held while a token is fetched, so that many calls at once fetch one.
    token: Mutex<Option<Token>>,
    clock: Clock,
    pace: std::sync::Mutex<Pace>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a Method,
    /// What the call does, for logs; paths hold secrets.
    pub name: &'static str,
    pub path: &'a str,
    /// `PayPal-Request-Id`.
    pub key: Option<&'a str>,
    /// `PayPal-Client-Metadata-Id`: the session of the shopper's device.
    pub device: Option<&'a str>,
    pub body: Body<'a>,
}

/// What is sent with a call.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    Nothing,
    Json(&'a Value),
    /// Bytes as they are.
    Raw {
        content_type: &'a str,
        bytes: &'a [u8],
    },
}

/// Whether PayPal itself answered: a proxy on the way knows nothing of what happened.
fn is_in_paypals_words(answer: &Answer) -> bool {
    serde_json::from_slice::<wire::Refusal>(&answer.body).is_ok_and(|refusal| !refusal.name.is_empty())
}

impl Client {
    pub fn new(settings: &Settings, http: &reqwest::Client, clock: &Clock) -> Self {
        Self {
            http: http.clone(),
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            id: settings.client_id.clone(),
            secret: settings.client_secret.clone(),
            token: Mutex::new(None),
            clock: clock.clone(),
            pace: std::sync::Mutex::default(),
        }
    }

    /// Makes a call; a refused token is renewed, once. What was refused for its token did not happen, nor did what PayPal took
    /// no calls for: that is not even tried for a while.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Lost> {
        let too_many = || Lost::NeverLeft("PayPal wants fewer calls".to_owned());
        if !self.pace().is_open(self.clock.now()) {
            return Err(too_many());
        }
        let answer = self.call_now(call).await?;
        if answer.status == StatusCode::TOO_MANY_REQUESTS && is_in_paypals_words(&answer) {
            self.pace().refused(self.clock.now());
            return Err(too_many());
        }
        self.pace().answered();
        Ok(answer)
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call_now(&self, call: Call<'_>) -> Result<Answer, Lost> {
        let token = self.token().await?;
        let answer = self.send(call, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        if !is_in_paypals_words(&answer) {
            return Err(Lost::Unknown("somebody on the way asks who we are".to_owned()));
        }
        self.drop_token(&token).await;
        let token = self.token().await?;
        let answer = self.send(call, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        tracing::error!(paypal.call = call.name, "PayPal refuses our credentials");
        let detail = "PayPal refuses our credentials".to_owned();
        Err(if is_in_paypals_words(&answer) { Lost::NeverLeft(detail) } else { Lost::Unknown(detail) })
    }

    /// Reads an object.
    pub async fn get(&self, name: &'static str, path: &str) -> Result<Answer, Lost> {
        let body = Body::Nothing;
        self.call(Call { method: &Method::GET, name, path, key: None, device: None, body }).await
    }

    /// Asks for something to be done, once for each key.
    pub async fn post(
        &self,
        name: &'static str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, Lost> {
        let body = Body::Json(body);
        self.call(Call { method: &Method::POST, name, path, key: Some(key), device: None, body }).await
    }

    async fn send(&self, call: Call<'_>, token: &Token) -> Result<Answer, Lost> {
        let url = format!("{}{}", self.base, call.path);
        let mut request = self.http.request(call.method.clone(), url).bearer_auth(token.text.expose_secret());
        if call.method == Method::POST {
            request = request.header("Prefer", "return=representation");
        }
        if let Some(key) = call.key {
            request = request.header("PayPal-Request-Id", key);
        }
        if let Some(device) = call.device {
            request = request.header("PayPal-Client-Metadata-Id", device);
        }
        request = match call.body {
            Body::Nothing => request,
            Body::Json(body) => request.json(body),
            Body::Raw { content_type, bytes } => {
                request.header("Content-Type", content_type).body(bytes.to_vec())
            }
        };
        let answer = call::send(request).await?;
        if !answer.status.is_success() {
            let refusal: wire::Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
            let issue = refusal.details.first().map_or("", |detail| detail.issue.as_str());
            tracing::info!(
                paypal.call = call.name,
                http.status = answer.status.as_u16(),
                paypal.error = refusal.name,
                paypal.issue = issue,
                paypal.debug_id = refusal.debug_id,
                "PayPal refused a call",
            );
        }
        Ok(answer)
    }

    /// The token to ask with. Without one, nothing that was asked for has left.
    async fn token(&self) -> Result<Token, Lost> {
        self.fetch_token().await.map_err(|lost| Lost::NeverLeft(format!("no token: {}", lost.detail())))
    }

    async fn fetch_token(&self) -> Result<Token, Lost> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.clone());
        }
        let request = self
            .http
            .post(format!("{}/v1/oauth2/token", self.base))
            .basic_auth(&self.id, Some(self.secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let answer = call::send(request).await?;
        if answer.status != StatusCode::OK {
            tracing::error!(http.status = answer.status.as_u16(), "PayPal gives us no token");
            return Err(Lost::NeverLeft(answer.status.to_string()));
        }
        let fresh: TokenAnswer = answer.read()?;
        let lifetime = Duration::from_secs(fresh.expires_in);
        // A lifetime shorter than the margin is used for half its length.
        let use_for = lifetime.checked_sub(RENEW_BEFORE).unwrap_or(lifetime / 2);
        let renew_at = Instant::now().checked_add(use_for).unwrap_or_else(Instant::now);
        let token = Token { text: fresh.access_token.into(), renew_at };
        *held = Some(token.clone());
        Ok(token)
    }

    /// Forgets a token that was refused, unless another call renewed it meanwhile.
    async fn drop_token(&self, refused: &Token) {
        let mut held = self.token.lock().await;
        let is_same = |token: &Token| token.text.expose_secret() == refused.text.expose_secret();
        if held.as_ref().is_some_and(is_same) {
            *held = None;
        }
    }
}

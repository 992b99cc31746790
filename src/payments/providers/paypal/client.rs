//! Calls to PayPal: the OAuth token, deadlines, limits, and one repeat when the token was refused.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Settings, wire};

/// A call that takes longer is given up as unknown: a shopper waits at the exit, and the repeat with the same key is
/// cheap. Short enough that all calls of one job fit into its deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// Largest answer that is read: PayPal's stay far below.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
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
    pub body: Option<&'a Value>,
}

/// What PayPal answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// No answer that can be read. The texts say what went wrong, without addresses: those hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Surely nothing happened: there was no connection to send anything over, PayPal gave us no token to ask with, or it
    /// said that it does not know who asks. A connection that breaks, one out of the pool too, is never this.
    NeverLeft(String),
    /// What was asked for may have happened.
    Unknown(String),
}

impl Answer {
    /// The answer as an object.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Lost> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Lost::Unknown(format!("an answer {} that can't be read", self.status)))
    }
}

impl Answer {
    /// Whether PayPal itself answered: a proxy on the way knows nothing of what happened.
    fn is_in_paypals_words(&self) -> bool {
        serde_json::from_slice::<wire::Refusal>(&self.body).is_ok_and(|refusal| !refusal.name.is_empty())
    }
}

impl Lost {
    /// What went wrong.
    pub fn detail(self) -> String {
        match self {
            Self::NeverLeft(detail) | Self::Unknown(detail) => detail,
        }
    }
}

impl Client {
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        Self {
            http: http.clone(),
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            id: settings.client_id.clone(),
            secret: settings.client_secret.clone(),
            token: Mutex::new(None),
        }
    }

    /// Makes a call; a refused token is renewed, once. What was refused for its token did not happen.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Lost> {
        let token = self.token().await?;
        let answer = self.send(call, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        if !answer.is_in_paypals_words() {
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
        Err(if answer.is_in_paypals_words() { Lost::NeverLeft(detail) } else { Lost::Unknown(detail) })
    }

    /// Reads an object.
    pub async fn get(&self, name: &'static str, path: &str) -> Result<Answer, Lost> {
        self.call(Call { method: &Method::GET, name, path, key: None, body: None }).await
    }

    /// Asks for something to be done, once for each key.
    pub async fn post(
        &self,
        name: &'static str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, Lost> {
        self.call(Call { method: &Method::POST, name, path, key: Some(key), body: Some(body) }).await
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
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let answer = within_deadline(request).await?;
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
        let answer = within_deadline(request).await?;
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

async fn within_deadline(request: reqwest::RequestBuilder) -> Result<Answer, Lost> {
    // Addresses hold ids that are secrets: errors are told without them.
    let lost = |error: reqwest::Error| {
        let detail = describe(&error);
        // Only an error of making a connection proves that nothing left.
        if error.is_connect() { Lost::NeverLeft(detail) } else { Lost::Unknown(detail) }
    };
    let read = async {
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(lost)?);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Lost::Unknown("an answer beyond all limits".to_owned()));
            }
        }
        Ok(Answer { status, body })
    };
    tokio::time::timeout(CALL_TIMEOUT, read)
        .await
        .unwrap_or_else(|_| Err(Lost::Unknown("no answer in time".to_owned())))
}

fn describe(error: &reqwest::Error) -> String {
    let kind = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke"
    };
    kind.to_owned()
}

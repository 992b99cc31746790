//! The access token that most calls of a courier need.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::call::{self, Reply};
use crate::delivery::carrier::CallError;

/// A token is small and its server quick.
const TOKEN_DEADLINE: Duration = Duration::from_secs(10);
/// A token is renewed this long before its end, so that none expires on its way.
const RENEW_BEFORE_END: Duration = Duration::from_mins(1);

/// How a courier gives tokens: by a form, with or without a Basic header.
#[derive(Debug)]
pub struct Grant {
    /// The whole address.
    pub address: String,
    /// Name and password of a Basic header.
    pub basic: Option<(String, SecretString)>,
    /// The fields of the form.
    pub form: Vec<(&'static str, SecretString)>,
    /// How long a token lives, should an answer not say.
    pub usual_lifetime: Duration,
}

/// The access token, shared by all calls: whoever finds it missing fetches it while the others wait.
#[derive(Debug)]
pub struct Tokens {
    grant: Grant,
    http: Client,
    current: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    value: SecretString,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<Seconds>,
}

/// A number, or a text of one: some couriers write all numbers so.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Tokens {
    /// Nothing is fetched before the first call.
    pub fn new(grant: Grant, http: Client) -> Self {
        Self { grant, http, current: Mutex::new(None) }
    }

    /// Sends with a bearer token; one that was refused is renewed once.
    pub async fn send(&self, build: impl Fn() -> RequestBuilder) -> Result<Reply, CallError> {
        let token = self.get().await?;
        let reply = call::send(build().bearer_auth(token.expose_secret())).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.discard(&token).await;
        let token = self.get().await?;
        let reply = call::send(build().bearer_auth(token.expose_secret())).await?;
        if reply.status == 401 { Err(CallError::Unauthorised) } else { Ok(reply) }
    }

    /// A token that is good for a while. Without one the call that needs it is not sent, whatever the reason was.
    async fn get(&self) -> Result<SecretString, CallError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.value.clone());
        }
        let answer = self.fetch().await?;
        let seconds = match answer.expires_in {
            Some(Seconds::Number(seconds)) => Some(seconds),
            Some(Seconds::Text(text)) => text.parse().ok(),
            None => None,
        };
        let lifetime = seconds.map_or(self.grant.usual_lifetime, Duration::from_secs);
        let value = SecretString::from(answer.access_token);
        *current = Some(Token {
            value: value.clone(),
            renew_at: Instant::now() + lifetime.saturating_sub(RENEW_BEFORE_END),
        });
        Ok(value)
    }

    /// Forgets a token that was refused, unless another call has renewed it meanwhile.
    async fn discard(&self, refused: &SecretString) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            *current = None;
        }
    }

    async fn fetch(&self) -> Result<Answer, CallError> {
        let form: Vec<(&str, &str)> =
            self.grant.form.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        let mut request = self.http.post(&self.grant.address).form(&form).timeout(TOKEN_DEADLINE);
        if let Some((name, password)) = &self.grant.basic {
            request = request.basic_auth(name, Some(password.expose_secret()));
        }
        let sent = call::send(request).await;
        let reply = sent.map_err(|error| CallError::NotSent(format!("no access token: {error}")))?;
        match reply.status {
            200 => serde_json::from_slice(&reply.body)
                .map_err(|_| CallError::NotSent("no access token: the answer can't be read".to_owned())),
            400 | 401 | 403 => Err(CallError::Unauthorised),
            status => Err(CallError::NotSent(format!("no access token: status {status}"))),
        }
    }
}

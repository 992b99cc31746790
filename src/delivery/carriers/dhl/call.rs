//! One call: what can be said for certain when it fails, and the access token that most calls need.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::DhlSettings;
use crate::delivery::carrier::CallError;

/// A label of one page has some 50 KB; thirty of them with customs papers stay below this.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A token is small and its server quick.
const TOKEN_DEADLINE: Duration = Duration::from_secs(10);
/// A token is renewed this long before its end, so that none expires on its way.
const RENEW_BEFORE_END: Duration = Duration::from_mins(1);
/// What DHL documents ("about 30 min"), should an answer not say.
const TOKEN_LIFETIME: Duration = Duration::from_secs(1_799);

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP.
    pub status: u16,
    /// Not longer than a named maximum.
    pub body: Vec<u8>,
}

impl Reply {
    /// The reply itself when it is a success; otherwise what the status says about the call.
    pub fn expect_success(self) -> Result<Self, CallError> {
        match self.status {
            200..=299 => Ok(self),
            401 => Err(CallError::Unauthorised),
            429 => Err(CallError::Throttled),
            400..=499 if self.status != 408 => Err(CallError::Refused(format!("status {}", self.status))),
            status => Err(CallError::NoAnswer(format!("status {status}"))),
        }
    }
}

/// Sends once. Only a connection that never came about is known not to have reached DHL.
pub async fn send(request: RequestBuilder) -> Result<Reply, CallError> {
    let mut response = request.send().await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| CallError::NoAnswer(chain(&error)))? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(CallError::NoAnswer("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, body })
}

fn describe(error: &reqwest::Error) -> CallError {
    if error.is_connect() || error.is_builder() {
        CallError::NotSent(chain(error))
    } else {
        CallError::NoAnswer(chain(error))
    }
}

/// The causes of an error without its own text: that one holds the address, and addresses of this partner hold a password.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    if error.is_timeout() {
        causes.push("no answer before the deadline".to_owned());
    }
    causes.join(": ")
}

/// The access token, shared by all calls: whoever finds it missing fetches it while the others wait.
#[derive(Debug)]
pub struct Tokens {
    address: String,
    api_key: String,
    api_secret: SecretString,
    username: String,
    password: SecretString,
    http: Client,
    current: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    value: SecretString,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    pub fn new(settings: &DhlSettings, http: Client) -> Self {
        let base = settings.base_url.trim_end_matches('/');
        Self {
            address: format!("{base}/parcel/de/account/auth/ropc/v1/token"),
            api_key: settings.api_key.clone(),
            api_secret: settings.api_secret.clone(),
            username: settings.username.clone(),
            password: settings.password.clone(),
            http,
            current: Mutex::new(None),
        }
    }

    /// A token that is good for a while. Without one the call that needs it is not sent, whatever the reason was.
    pub async fn get(&self) -> Result<SecretString, CallError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.value.clone());
        }
        let answer = self.fetch().await?;
        let lifetime = answer.expires_in.map_or(TOKEN_LIFETIME, Duration::from_secs);
        let value = SecretString::from(answer.access_token);
        *current = Some(Token {
            value: value.clone(),
            renew_at: Instant::now() + lifetime.saturating_sub(RENEW_BEFORE_END),
        });
        Ok(value)
    }

    /// Forgets a token that was refused, unless another call has renewed it meanwhile.
    pub async fn discard(&self, refused: &SecretString) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            *current = None;
        }
    }

    async fn fetch(&self) -> Result<TokenAnswer, CallError> {
        let form = [
            ("grant_type", "password"),
            ("client_id", &self.api_key),
            ("client_secret", self.api_secret.expose_secret()),
            ("username", &self.username),
            ("password", self.password.expose_secret()),
        ];
        let sent = send(self.http.post(&self.address).form(&form).timeout(TOKEN_DEADLINE)).await;
        let reply = sent.map_err(|error| CallError::NotSent(format!("no access token: {error}")))?;
        match reply.status {
            200 => serde_json::from_slice(&reply.body)
                .map_err(|_| CallError::NotSent("no access token: the answer can't be read".to_owned())),
            400 | 401 | 403 => Err(CallError::Unauthorised),
            status => Err(CallError::NotSent(format!("no access token: status {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_until_the_deadline_leaves_the_outcome_open_and_the_address_out_of_the_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/?password=secret", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "no app exists here")]
        let client = Client::builder().no_proxy().build().unwrap();
        let sent = send(client.get(address).timeout(Duration::from_millis(20))).await;
        let Err(CallError::NoAnswer(detail)) = sent else { panic!("{sent:?}") };
        assert!(detail.contains("deadline") && !detail.contains("secret"), "{detail}");
    }
}

//! One call to any courier: what can be said for certain when it fails.

use std::error::Error;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::delivery::carrier::{CallError, Outcome};

/// A label of one page has some 50 KB; thirty of them with customs papers stay below this.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP.
    pub status: u16,
    /// As they came.
    pub headers: HeaderMap,
    /// Not longer than a named maximum.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's text; none when it is not there or not of ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| CallError::NoAnswer("the answer can't be read".to_owned()))
    }

    /// What follows from an answer whose status has no meaning of its own here.
    pub fn unread<C>(self) -> Outcome<C> {
        match self.expect_success() {
            Ok(_) => Outcome::Unknown { detail: "an answer that can't be read".to_owned() },
            Err(error) => error.into(),
        }
    }

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

/// Sends once. Only a connection that never came about is known not to have reached the courier.
pub async fn send(request: RequestBuilder) -> Result<Reply, CallError> {
    let mut response = request.send().await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| CallError::NoAnswer(chain(&error)))? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(CallError::NoAnswer("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body })
}

fn describe(error: &reqwest::Error) -> CallError {
    if error.is_connect() || error.is_builder() {
        CallError::NotSent(chain(error))
    } else {
        CallError::NoAnswer(chain(error))
    }
}

/// The causes of an error without its own text: that one holds the address, and addresses of some partners hold a password.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::Client;

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

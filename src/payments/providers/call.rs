//! A call to a provider over HTTP: its deadline, its limit, and what a missing answer proves. Nothing here knows a provider.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

/// A call that takes longer is given up as unknown: a shopper waits at the exit, and the repeat with the same key is
/// cheap. Short enough that all calls of one job fit into its deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// Largest answer that is read: the providers' stay far below.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What a provider answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// No answer that can be read. The texts say what went wrong, without addresses: those hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Surely nothing happened: there was no connection to send anything over, or the provider said that it takes nothing from
    /// us now. A connection that breaks, one out of the pool too, is never this.
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

    /// A header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
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

/// Sends a request and reads its answer, all within the deadline.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer, Lost> {
    // Addresses hold ids that are secrets: errors are told without them.
    let lost = |error: reqwest::Error| {
        let detail = describe(&error);
        // Only an error of making a connection proves that nothing left.
        if error.is_connect() { Lost::NeverLeft(detail) } else { Lost::Unknown(detail) }
    };
    let read = async {
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(lost)?);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Lost::Unknown("an answer beyond all limits".to_owned()));
            }
        }
        Ok(Answer { status, headers, body })
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

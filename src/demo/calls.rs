//! One call over HTTP as the demo makes it: printed, timed, and held against what is expected.

use std::fmt::Write;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

use super::print::Printer;
use crate::money::Money;

/// A call of the demo that takes longer than this has failed: the service's own longest wait is 20 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// Something that is to happen in the background has this long.
const UNTIL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked at.
const UNTIL_PAUSE: Duration = Duration::from_millis(40);
/// Characters of a body that are shown.
const BODY_SHOWN_MAX: usize = 170;

/// Something was not as it should be; says what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unexpected(pub String);

impl From<reqwest::Error> for Unexpected {
    fn from(error: reqwest::Error) -> Self {
        Self(format!("expected an answer, got none: {error}"))
    }
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// What is printed of the body.
    shown: String,
    /// Whether the query is a secret.
    has_secret: bool,
}

impl Ask {
    /// A call without a body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            shown: String::new(),
            has_secret: false,
        }
    }

    /// With this JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let text = body.to_string();
        // With a space after each comma there is somewhere to break a long line.
        let shown = text.replace(",\"", ", \"");
        self.body("application/json", text).shown(&shown)
    }

    /// With this body, of which nothing is printed.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }

    /// Prints this in place of the body.
    #[must_use]
    pub fn shown(mut self, text: &str) -> Self {
        text.clone_into(&mut self.shown);
        self
    }

    /// Does not print the query: it is a secret.
    #[must_use]
    pub fn secret_query(mut self) -> Self {
        self.has_secret = true;
        self
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As this caller.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    fn description(&self, base: &str) -> String {
        let url = self.url.strip_prefix(base).unwrap_or(&self.url);
        let mut text = match url.split_once('?') {
            Some((path, _)) if self.has_secret => format!("{} {path}?(signed)", self.method),
            _ => format!("{} {url}", self.method),
        };
        for (name, value) in &self.headers {
            if matches!(*name, "prefer" | "if-match") {
                let _ = write!(text, "   {name}: {value}");
            }
        }
        text
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= BODY_SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(BODY_SHOWN_MAX).chain(['…']).collect()
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: header::HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub json: Value,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// A text of the body, by JSON pointer.
    pub fn text(&self, pointer: &str) -> Result<&str, Unexpected> {
        let found = self.json.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| {
            Unexpected(format!("expected a text at {pointer} in {}", cut(&self.json.to_string())))
        })
    }

    /// A whole number of the body, by JSON pointer.
    pub fn number(&self, pointer: &str) -> Result<i64, Unexpected> {
        let found = self.json.pointer(pointer).and_then(Value::as_i64);
        found.ok_or_else(|| {
            Unexpected(format!("expected a number at {pointer} in {}", cut(&self.json.to_string())))
        })
    }

    /// An amount of the body, by JSON pointer.
    pub fn money(&self, pointer: &str) -> Result<Money, Unexpected> {
        let found = self.json.pointer(pointer).and_then(|value| serde_json::from_value(value.clone()).ok());
        found.ok_or_else(|| {
            Unexpected(format!("expected an amount at {pointer} in {}", cut(&self.json.to_string())))
        })
    }

    /// A list of the body, by JSON pointer.
    pub fn list(&self, pointer: &str) -> Result<&[Value], Unexpected> {
        let found = self.json.pointer(pointer).and_then(Value::as_array);
        found.map(Vec::as_slice).ok_or_else(|| {
            Unexpected(format!("expected a list at {pointer} in {}", cut(&self.json.to_string())))
        })
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Result<&str, Unexpected> {
        let found = self.headers.get(name).and_then(|value| value.to_str().ok());
        found.ok_or_else(|| Unexpected(format!("expected the header {name}")))
    }
}

/// Makes sure of something.
pub fn make_sure(holds: bool, expected: impl Into<String>) -> Result<(), Unexpected> {
    if holds { Ok(()) } else { Err(Unexpected(format!("expected {}", expected.into()))) }
}

/// Makes calls and prints them.
#[derive(Debug)]
pub struct Caller {
    /// Where everything is printed.
    pub printer: Printer,
    /// The service, without a slash at the end.
    pub url: String,
    client: reqwest::Client,
}

impl Caller {
    /// A caller of the service at this address.
    pub fn new(printer: Printer, url: String, client: reqwest::Client) -> Self {
        Self { printer, url, client }
    }

    /// A call to a path of the service.
    pub fn to(&self, method: Method, path: &str) -> Ask {
        Ask::new(method, format!("{}{path}", self.url))
    }

    /// Makes a call, prints it, and holds the answer against this status and `look`, which says what is worth printing.
    pub async fn ask(
        &self,
        ask: Ask,
        status: u16,
        look: impl FnOnce(&Answer) -> Result<String, Unexpected>,
    ) -> Result<Answer, Unexpected> {
        self.printer.sent(&ask.description(&self.url), &cut(&ask.shown));
        let answer = self.send(&ask).await?;
        if answer.status.as_u16() != status {
            self.printer.received(&described(&answer), answer.took);
            return Err(Unexpected(format!("expected status {status}, got {}", answer.status.as_u16())));
        }
        let text = look(&answer).inspect_err(|_| self.printer.received(&described(&answer), answer.took))?;
        self.printer.received(&format!("{} {text}", answer.status.as_u16()), answer.took);
        Ok(answer)
    }

    /// Makes a call again and again until `is_done`, and prints it once; `expected` says what was waited for.
    pub async fn until(
        &self,
        ask: Ask,
        expected: &str,
        is_done: impl Fn(&Answer) -> bool,
        look: impl FnOnce(&Answer) -> Result<String, Unexpected>,
    ) -> Result<Answer, Unexpected> {
        self.printer.sent(&ask.description(&self.url), &cut(&ask.shown));
        let begun = Instant::now();
        let mut looks = 0;
        loop {
            let answer = self.send(&ask).await?;
            looks += 1;
            if answer.status.is_success() && is_done(&answer) {
                let looked = if looks == 1 { String::new() } else { format!(" (looked {looks} times)") };
                let text = format!("{} {}{looked}", answer.status.as_u16(), look(&answer)?);
                self.printer.received(&text, begun.elapsed());
                return Ok(answer);
            }
            if begun.elapsed() > UNTIL_TIMEOUT {
                self.printer.received(&described(&answer), begun.elapsed());
                return Err(Unexpected(format!("expected {expected} within {} s", UNTIL_TIMEOUT.as_secs())));
            }
            tokio::time::sleep(UNTIL_PAUSE).await;
        }
    }

    async fn send(&self, ask: &Ask) -> Result<Answer, Unexpected> {
        let mut request = self.client.request(ask.method.clone(), &ask.url).timeout(CALL_TIMEOUT);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let begun = Instant::now();
        let response = request.body(ask.body.clone()).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        let took = begun.elapsed();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, headers, bytes, json, took })
    }
}

fn described(answer: &Answer) -> String {
    format!("{} {}", answer.status.as_u16(), cut(&String::from_utf8_lossy(&answer.bytes)))
}

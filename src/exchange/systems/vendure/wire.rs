//! How one speaks with Vendure's admin API: a session, GraphQL, and which of its errors mean what.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::exchange::connections::Connection;
use crate::exchange::node::Node;
use crate::exchange::shelf::SetError;
use crate::exchange::system::CallError;

/// A page of 500 variants takes a second on a busy server, a hundred numbers of stock as long.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// A page of 1,000 variants with all that is asked for has some 1 MB.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// When a server that is busy should be asked again.
const THROTTLED_SECONDS: u64 = 5;
/// The header in which a login is answered with the session.
const SESSION_HEADER: &str = "vendure-auth-token";
/// The header that names a channel.
const CHANNEL_HEADER: &str = "vendure-token";
/// Longest text of an error that is handed on.
const MESSAGE_LENGTH_MAX: usize = 300;

/// A session at a Vendure.
#[derive(Debug)]
pub(super) struct Wire {
    http: reqwest::Client,
    url: String,
    channel: Option<String>,
    user: SecretString,
    password: SecretString,
    /// The session's token: a login costs a third of a second, an API key as much with every call.
    session: Mutex<Option<SecretString>>,
}

impl Wire {
    pub(super) fn new(connection: &Connection, http: reqwest::Client) -> Self {
        let secret = |name: &str| connection.secrets.get(name).cloned().unwrap_or_default();
        Self {
            http,
            url: format!("{}/admin-api", connection.url.as_str().trim_end_matches('/')),
            channel: connection.company.clone(),
            user: secret("user"),
            password: secret("password"),
            session: Mutex::new(None),
        }
    }

    /// Asks and answers `data`; logs in where that is needed, once.
    pub(super) async fn ask(&self, query: &str, variables: Value) -> Result<Node, SetError> {
        let session = self.session(None).await?;
        let body = json!({ "query": query, "variables": variables });
        match self.send(&body, Some(&session)).await {
            Err(SetError::Call(CallError::Unauthorised(_))) => {
                let session = self.session(Some(&session)).await?;
                self.send(&body, Some(&session)).await.map(|(data, _)| data)
            }
            answer => answer.map(|(data, _)| data),
        }
    }

    /// The session, begun anew when it is still the one that ended. Whoever comes meanwhile waits for the one login.
    async fn session(&self, ended: Option<&SecretString>) -> Result<SecretString, CallError> {
        let mut held = self.session.lock().await;
        let is_ended =
            |token: &SecretString| ended.is_some_and(|ended| ended.expose_secret() == token.expose_secret());
        if let Some(token) = held.as_ref().filter(|token| !is_ended(token)) {
            return Ok(token.clone());
        }
        *held = None;
        let login = "mutation ($user: String!, $password: String!) {
            login(username: $user, password: $password) { __typename }
        }";
        let variables = json!({
            "user": self.user.expose_secret(), "password": self.password.expose_secret(),
        });
        let body = json!({ "query": login, "variables": variables });
        let (data, token) = self.send(&body, None).await.map_err(call_error)?;
        let told = data.get("login").and_then(|login| login.get("__typename")).and_then(Node::text);
        match (told, token) {
            (Some("CurrentUser"), Some(token)) => {
                *held = Some(token.clone());
                Ok(token)
            }
            (told, _) => Err(CallError::Unauthorised(told.unwrap_or("no session").to_owned())),
        }
    }

    async fn send(
        &self,
        body: &Value,
        session: Option<&SecretString>,
    ) -> Result<(Node, Option<SecretString>), SetError> {
        let mut request = self.http.post(&self.url).timeout(CALL_TIMEOUT).json(body);
        if let Some(session) = session {
            request = request.header(AUTHORIZATION, format!("Bearer {}", session.expose_secret()));
        }
        if let Some(channel) = &self.channel {
            request = request.header(CHANNEL_HEADER, channel);
        }
        let mut response = request.send().await.map_err(|error| describe(&error))?;
        let status = response.status();
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let token = text(SESSION_HEADER).map(SecretString::from);
        let waits = text(RETRY_AFTER.as_str()).and_then(|value| value.parse().ok());
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| describe(&error))? {
            if bytes.len() + part.len() > BODY_BYTES_MAX {
                return Err(CallError::Unavailable(format!("more than {BODY_BYTES_MAX} bytes")).into());
            }
            bytes.extend_from_slice(&part);
        }
        match status {
            // What is wrong with a query is told with 400, in the same form.
            StatusCode::OK | StatusCode::BAD_REQUEST => Ok((data(&bytes)?, token)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(CallError::Unauthorised(format!("status {}", status.as_u16())).into())
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Err(CallError::Throttled(waits.unwrap_or(THROTTLED_SECONDS)).into())
            }
            _ => Err(CallError::Unavailable(format!("status {}", status.as_u16())).into()),
        }
    }
}

/// `data` of an answer, unless it tells an error: then `data` is a part of the truth at best.
fn data(bytes: &[u8]) -> Result<Node, SetError> {
    let unreadable = |error| CallError::Unavailable(format!("the answer can't be read: {error}"));
    let answer = Node::parse(bytes).map_err(unreadable)?;
    if let Some(error) = answer.get("errors").and_then(|errors| errors.items().first()) {
        return Err(error_of(error));
    }
    match answer.get("data") {
        Some(data @ Node::Object(_)) => Ok(data.clone()),
        _ => Err(CallError::Unavailable("the answer has no data".to_owned()).into()),
    }
}

fn error_of(error: &Node) -> SetError {
    let text = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
    let code = text(error.get("extensions").and_then(|extensions| extensions.get("code")));
    let message: String = text(error.get("message")).chars().take(MESSAGE_LENGTH_MAX).collect();
    match code.as_str() {
        "FORBIDDEN" | "UNAUTHORIZED" => CallError::Unauthorised(message).into(),
        "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" => CallError::Schema(message).into(),
        "ENTITY_NOT_FOUND" | "USER_INPUT_ERROR" | "BAD_USER_INPUT" => SetError::Refused(message),
        // Without a code it is the database's, or a fault of a plugin.
        _ => CallError::Unavailable(message).into(),
    }
}

/// An error of a call that changes nothing: what refuses a question has another schema.
pub(super) fn call_error(error: SetError) -> CallError {
    match error {
        SetError::Call(error) => error,
        SetError::Refused(why) => CallError::Schema(why),
    }
}

/// Without the address, which may name what is inside.
fn describe(error: &reqwest::Error) -> CallError {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let what = if error.is_timeout() { "no answer in time" } else { "no answer" };
    CallError::Unavailable(format!("{what}: {}", causes.join(": ")))
}

/// Fields of a record by levels: `product.name` is within `product`.
#[derive(Debug, Default)]
struct Level(BTreeMap<String, Level>);

impl Level {
    fn write(&self, text: &mut String) {
        for (name, inner) in &self.0 {
            // Writing to a text can't fail.
            let _ = write!(text, "{name} ");
            if !inner.0.is_empty() {
                text.push_str("{ ");
                inner.write(text);
                text.push_str("} ");
            }
        }
    }
}

/// What is asked for: the id and these fields, dots between levels.
pub(super) fn selection<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<String, CallError> {
    let mut all = Level::default();
    for field in fields.into_iter().chain(["id"]) {
        let mut at = &mut all;
        for part in field.split('.') {
            at = at.0.entry(name(part)?.to_owned()).or_default();
        }
    }
    let mut text = String::new();
    all.write(&mut text);
    Ok(text)
}

/// A name as GraphQL has them.
pub(super) fn name(text: &str) -> Result<&str, CallError> {
    let is_name = !text.is_empty()
        && !text.starts_with(|each: char| each.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok(text) } else { Err(CallError::Schema(format!("{text:?} is no name of a field"))) }
}

/// The id of a row.
pub(super) fn id_of(row: &Node) -> Result<String, CallError> {
    let id = row.get("id").and_then(Node::text);
    id.map(str::to_owned).ok_or_else(|| CallError::Schema("a row has no id".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_dots_are_asked_for_within_each_other() {
        let asked = selection(["product.name", "sku", "product.enabled", "customFields.ean"]).expect("names");
        assert_eq!(asked, "customFields { ean } id product { enabled name } sku ");
        assert!(selection(["sku} me"]).is_err());
    }

    #[test]
    fn an_error_beside_data_is_an_error() {
        let told = |code: &str| {
            let text = format!(
                r#"{{"data":{{"a":1}},"errors":[{{"message":"no","extensions":{{"code":"{code}"}}}}]}}"#
            );
            data(text.as_bytes()).expect_err("an error")
        };
        assert_eq!(told("ENTITY_NOT_FOUND"), SetError::Refused("no".to_owned()));
        assert_eq!(told("FORBIDDEN"), SetError::Call(CallError::Unauthorised("no".to_owned())));
        assert_eq!(told("GRAPHQL_VALIDATION_FAILED"), SetError::Call(CallError::Schema("no".to_owned())));
        assert_eq!(told("INTERNAL_SERVER_ERROR"), SetError::Call(CallError::Unavailable("no".to_owned())));
        assert!(data(br#"{"data":null}"#).is_err());
    }
}

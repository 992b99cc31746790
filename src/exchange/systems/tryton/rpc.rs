//! Tryton's JSON-RPC, which does many records in one call and one transaction: for everything that writes.

use std::time::Duration;

use base64::Engine;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::bodies::{body_of, describe, unreadable};
use super::wire::unwrapped;
use crate::exchange::books::PostError;
use crate::exchange::node::Node;
use crate::exchange::system::CallError;

/// The server breaks its own work off after 60 seconds; this is longer, so that an answer is not lost by us.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// Errors that say no to what was asked, with a text for people.
const SAYS_NO: [&str; 2] = ["UserError", "UserWarning"];
/// Errors of which nothing is to be learned but that it may go well the next time.
const PASSES: [&str; 4] =
    ["ConcurrencyException", "OperationalError", "could not obtain lock", "database is locked"];

/// A session of one user.
#[derive(Debug)]
pub(super) struct Rpc {
    http: reqwest::Client,
    url: String,
    user: String,
    password: SecretString,
    /// Who is let in; held while somebody logs in, so that others wait for it instead of logging in too.
    session: Mutex<Option<Session>>,
}

#[derive(Clone, Debug)]
struct Session {
    user: i64,
    header: SecretString,
}

impl Rpc {
    pub(super) fn new(url: &str, user: &str, password: SecretString, http: reqwest::Client) -> Self {
        let url = format!("{}/rpc/", url.trim_end_matches('/'));
        Self { http, url, user: user.to_owned(), password, session: Mutex::new(None) }
    }

    /// The id of the user that documents are made as.
    pub(super) async fn user(&self) -> Result<i64, CallError> {
        Ok(self.session(None).await?.user)
    }

    /// Calls a method; a session that ended is begun again once.
    pub(super) async fn call(&self, method: &str, params: Value) -> Result<Node, PostError> {
        let session = self.session(None).await?;
        match self.send(method, &params, Some(&session)).await {
            Err(PostError::Call(CallError::Unauthorised(_))) => {
                let session = self.session(Some(&session)).await?;
                self.send(method, &params, Some(&session)).await
            }
            outcome => outcome,
        }
    }

    /// The session, another one than that which ended.
    async fn session(&self, ended: Option<&Session>) -> Result<Session, CallError> {
        let mut held = self.session.lock().await;
        let is_ended = |session: &Session| {
            ended.is_some_and(|ended| ended.header.expose_secret() == session.header.expose_secret())
        };
        if let Some(session) = held.as_ref().filter(|session| !is_ended(session)) {
            return Ok(session.clone());
        }
        *held = None;
        let password = json!({ "password": self.password.expose_secret() });
        let answer = self.send("common.db.login", &json!([self.user, password, "en"]), None).await;
        let answer = answer.map_err(|error| match error {
            PostError::Call(call) => call,
            PostError::Refused(why) => CallError::Unauthorised(why),
        })?;
        let no_session = || CallError::Unauthorised("no session was given".to_owned());
        let [user, token, ..] = answer.items() else { return Err(no_session()) };
        let (user, token) = user.text().zip(token.text()).ok_or_else(no_session)?;
        let word = base64::engine::general_purpose::STANDARD.encode(format!("{}:{user}:{token}", self.user));
        let user = user.parse().map_err(|_| no_session())?;
        let session = Session { user, header: format!("Session {word}").into() };
        *held = Some(session.clone());
        Ok(session)
    }

    async fn send(&self, method: &str, params: &Value, session: Option<&Session>) -> Result<Node, PostError> {
        let mut request = self
            .http
            .post(&self.url)
            .json(&json!({ "id": 1, "method": method, "params": params }))
            .timeout(CALL_TIMEOUT)
            // Large answers are packed whatever is asked for; unpacked by their own first bytes, see `wire.rs`.
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(session) = session {
            request = request.header(AUTHORIZATION, session.header.expose_secret());
        }
        let response = request.send().await.map_err(|error| describe(&error))?;
        let status = response.status();
        let body = body_of(response).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(CallError::Unauthorised(format!("status {}", status.as_u16())).into());
            }
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(CallError::Throttled(super::THROTTLED_SECONDS).into());
            }
            _ => return Err(CallError::Unavailable(format!("status {}", status.as_u16())).into()),
        }
        let answer = Node::parse(&body).map_err(|error| unreadable(&error))?;
        match (answer.get("error"), answer.get("result")) {
            (None | Some(Node::Null), Some(result)) => Ok(unwrapped(result.clone())),
            (Some(error), _) => Err(refusal(error)),
            (None, None) => Err(CallError::Unavailable("the answer has no result".to_owned()).into()),
        }
    }
}

/// What an error means: `["UserError", ["message", "description", …]]`, or the text of an exception and where it was.
fn refusal(error: &Node) -> PostError {
    let name = error.items().first().and_then(Node::text).unwrap_or("an error without a name");
    let details: Vec<&str> =
        error.items().get(1).map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
    if PASSES.iter().any(|passes| name.contains(passes)) {
        return CallError::Unavailable(name.to_owned()).into();
    }
    if name == "LoginException" {
        return CallError::Unauthorised("another way to log in is asked for".to_owned()).into();
    }
    let texts = details.into_iter().filter(|text| !text.trim().is_empty());
    let text = texts.collect::<Vec<_>>().join(" ");
    if SAYS_NO.contains(&name) && !text.is_empty() {
        PostError::Refused(text)
    } else {
        PostError::Refused(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_no_to_is_told_from_what_passes() {
        let of = |text: &str| refusal(&Node::parse(text.as_bytes()).expect("JSON"));
        assert_eq!(
            of(r#"["UserError", ["No open period for 2020-01-01.", "", null]]"#),
            PostError::Refused("No open period for 2020-01-01.".to_owned())
        );
        let passes = of(r#"["ConcurrencyException", ["record was modified"]]"#);
        assert!(matches!(passes, PostError::Call(CallError::Unavailable(_))));
        let passes =
            of(r#"["could not obtain lock on row in relation \"ir_sequence_strict\"", "Traceback"]"#);
        assert!(matches!(passes, PostError::Call(CallError::Unavailable(_))));
        assert_eq!(of(r#"["'nosuch'", "Traceback"]"#), PostError::Refused("'nosuch'".to_owned()));
    }
}

//! HTTP Basic of both kinds: user name and password, or an API key.
//!
//! A key stands directly after `Basic `, or is the password of any user name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::call::Call;
use super::errors::Refusal;

/// What the shop proves itself with.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
    pub api_key: String,
}

pub fn check(credentials: &Credentials, call: &Call) -> Result<(), Refusal> {
    let shown =
        call.header("authorization").and_then(|value| value.strip_prefix("Basic ")).unwrap_or_default();
    if !credentials.api_key.is_empty() && shown == credentials.api_key {
        return Ok(());
    }
    let pair =
        STANDARD.decode(shown).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let known = pair.split_once(':').is_some_and(|(user, password)| {
        (user == credentials.username && password == credentials.password)
            || (!credentials.api_key.is_empty() && password == credentials.api_key)
    });
    if known { Ok(()) } else { Err(Refusal::bare(call.operation, 401)) }
}

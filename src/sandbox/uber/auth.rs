//! `POST /oauth/v2/token`, bearer tokens, and the limit of calls. A token lives thirty days.

use chrono::Duration;
use serde_json::json;

use super::{
    Settings,
    books::State,
    errors::{refusal, unauthorized},
};
use crate::sandbox::digest::sha256_hex;
use crate::sandbox::host::{Call, Reply};

const SCOPE: &str = "eats.deliveries";
const TOKEN_SECONDS: i64 = 2_592_000;
/// The time that calls are counted in.
const COUNTED: Duration = Duration::minutes(10);

/// The client credentials grant.
pub fn token(settings: &Settings, state: &mut State, call: &Call) -> Reply {
    let refuse = |status: u16, error: &str| Reply::json(status, &json!({ "error": error }));
    if call.form("grant_type").as_deref() != Some("client_credentials") {
        return refuse(400, "unsupported_grant_type");
    }
    let is_ours = call.form("client_id").as_ref() == Some(&settings.client_id)
        && call.form("client_secret").as_ref() == Some(&settings.client_secret);
    if !is_ours {
        return refuse(401, "invalid_client");
    }
    if call.form("scope").is_none_or(|scopes| !scopes.split(' ').any(|scope| scope == SCOPE)) {
        return refuse(400, "invalid_scope");
    }
    let id = state.next_id("token");
    let token = sha256_hex(format!("{id}:{}:{}", settings.client_secret, call.now).as_bytes());
    state.tokens.retain(|_, ends| *ends > call.now);
    state.tokens.insert(token.clone(), call.now + Duration::seconds(TOKEN_SECONDS));
    let body = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": SCOPE,
    });
    Reply::json(200, &body)
}

/// Looks at the token, the customer and the count of calls.
pub fn admit(settings: &Settings, state: &mut State, call: &Call) -> Result<(), Reply> {
    if call.operation == "token" {
        return Ok(());
    }
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if token.and_then(|token| state.tokens.get(token)).is_none_or(|ends| *ends <= call.now) {
        return Err(unauthorized());
    }
    if state.counted_since.is_none_or(|since| since + COUNTED <= call.now) {
        (state.counted_since, state.counted) = (Some(call.now), 0);
    }
    state.counted += 1;
    if state.counted > settings.calls_max {
        return Err(refusal("customer_limited"));
    }
    if call.id(0) != settings.customer_id {
        return Err(refusal("customer_not_found"));
    }
    Ok(())
}

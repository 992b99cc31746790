//! Who may call, and how often: `POST /oauth2/v2/token`, bearer tokens, the quotas of a day.
//!
//! A token lives four hours. `expires_in` is a text, as on the wire.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    Settings,
    books::State,
    refusals::{fault, gateway},
};
use crate::sandbox::digest::sha256_hex;
use crate::sandbox::host::{Call, Reply};

/// Four hours.
const TOKEN_SECONDS: i64 = 14_400;

/// The client credentials grant, with the client in a Basic header or in the form.
pub fn token(settings: &Settings, state: &mut State, call: &Call) -> Reply {
    if !call.is_form() {
        return fault(400, "The body has to be a form");
    }
    if call.form("grant_type").as_deref() != Some("client_credentials") {
        return fault(400, "Invalid grant_type");
    }
    let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let valid = match basic {
        Some(given) => given == STANDARD.encode(format!("{}:{}", settings.client_id, settings.client_secret)),
        None => {
            call.form("client_id").as_ref() == Some(&settings.client_id)
                && call.form("client_secret").as_ref() == Some(&settings.client_secret)
        }
    };
    if !valid {
        return fault(400, "Invalid client identifier");
    }
    state.token_count += 1;
    let token =
        sha256_hex(format!("{}:{}:{}", state.token_count, settings.client_secret, call.now).as_bytes());
    state.tokens.retain(|_, ends| *ends > call.now);
    state.tokens.insert(token.clone(), call.now + chrono::Duration::seconds(TOKEN_SECONDS));
    let answer =
        json!({ "token_type": "Bearer", "access_token": token, "expires_in": TOKEN_SECONDS.to_string() });
    Reply::json(200, &answer)
}

/// Counts the call and looks at its token.
pub fn admit(settings: &Settings, state: &mut State, call: &Call) -> Result<(), Reply> {
    let today = call.now.date_naive();
    if state.quota_day != Some(today) {
        state.quota_day = Some(today);
        (state.tokens_today, state.tracking_today) = (0, 0);
    }
    if call.operation == "token" {
        state.tokens_today += 1;
        return within(state.tokens_today, settings.quotas.tokens);
    }
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let refusal = match token.map(|token| state.tokens.get(token)) {
        Some(Some(ends)) if *ends > call.now => None,
        Some(Some(_)) => Some(("The Token has expired: policy(Verify-JWT)", "steps.jwt.TokenExpired")),
        Some(None) => Some(("Invalid token: policy(Verify-JWT)", "steps.jwt.InvalidToken")),
        None => Some((
            "Failed to Resolve Variable : policy(Verify-JWT) variable(request.header.authorization)",
            "steps.jwt.FailedToResolveVariable",
        )),
    };
    if let Some((text, code)) = refusal {
        return Err(gateway(401, text, code));
    }
    if call.path().starts_with("/track-and-trace-v1/") {
        state.tracking_today += 1;
        return within(state.tracking_today, settings.quotas.tracking);
    }
    Ok(())
}

fn within(calls: u64, most: u64) -> Result<(), Reply> {
    if calls <= most {
        return Ok(());
    }
    Err(quota_exceeded())
}

/// The gateway's refusal of one call too many.
pub fn quota_exceeded() -> Reply {
    gateway(
        429,
        "Rate limit quota violation. Quota limit  exceeded. Identifier : aisle-gls-sandbox",
        "policies.ratelimit.QuotaViolation",
    )
}

//! `POST /v1/oauth2/token`, and the check of what it gave out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use serde_json::json;

use super::call::{Answer, Call, Outcome};
use super::errors::Refusal;
use super::ids;
use super::state::State;

/// About nine hours, as PayPal's samples show.
const TOKEN_LIFETIME_SECONDS: i64 = 32_400;
const SCOPE: &str = "https://uri.paypal.com/services/payments/payment/authcapture \
                     https://uri.paypal.com/services/payments/refund \
                     https://uri.paypal.com/services/vault/payment-tokens/readwrite \
                     https://uri.paypal.com/services/applications/webhooks";

/// Name and password of the shop.
#[derive(Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
}

pub fn token(state: &mut State, call: &Call, credentials: &Credentials) -> Outcome {
    let expected = STANDARD.encode(format!("{}:{}", credentials.client_id, credentials.client_secret));
    if call.header("authorization").and_then(|value| value.strip_prefix("Basic ")) != Some(expected.as_str())
    {
        let body = json!({"error": "invalid_client", "error_description": "Client Authentication failed"});
        return Err(Refusal { status: 401, body });
    }
    let grant = url::form_urlencoded::parse(&call.body).find(|(name, _)| name == "grant_type");
    if grant.is_none_or(|(_, value)| value != "client_credentials") {
        let body = json!({"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"});
        return Err(Refusal { status: 400, body });
    }
    let now = state.now();
    let bearer = ids::bearer_token();
    state.bearers.retain(|_, ends| *ends > now);
    state.bearers.insert(bearer.clone(), now + Duration::seconds(TOKEN_LIFETIME_SECONDS));
    Ok(Answer::json(
        200,
        json!({
            "scope": SCOPE,
            "access_token": bearer,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": TOKEN_LIFETIME_SECONDS,
            "nonce": format!("{}{}", ids::time(now), ids::debug_id()),
        }),
    ))
}

/// Refuses with 401 unless the call carries a token that was given out and hasn't ended.
pub fn check(state: &State, call: &Call) -> Result<(), Refusal> {
    let bearer = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match bearer.and_then(|bearer| state.bearers.get(bearer)) {
        Some(ends) if *ends > state.now() => Ok(()),
        _ => Err(Refusal::bare(401)),
    }
}

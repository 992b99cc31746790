//! Who may call: client credentials for a bearer token, and the token on every other operation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Call, Outcome, Refusal, Reply, letters};
use super::state::State;

/// UPS's tokens live four hours less a second.
pub const TOKEN_SECONDS: i64 = 14_399;

/// `transId` has at most this many characters.
const TRANSACTION_ID_CHARACTERS_MAX: usize = 32;

/// `POST /security/v1/oauth/token`: Basic of the application, `grant_type=client_credentials` in a form.
pub fn token(state: &mut State, call: &Call) -> Outcome {
    let basic =
        call.header("authorization").and_then(|value| value.strip_prefix("Basic ")).unwrap_or_default();
    let expected = STANDARD.encode(format!("{}:{}", state.settings.client_id, state.settings.client_secret));
    if basic != expected {
        return Err(Refusal::new(401, "10401", "ClientId is Invalid"));
    }
    let is_form =
        call.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&call.body).into_owned().collect();
    if !is_form || form != [("grant_type".to_owned(), "client_credentials".to_owned())] {
        return Err(Refusal::new(400, "10400", "Invalid/Missing grant type"));
    }
    let now = state.now();
    let token = letters(48);
    let seconds = state.settings.token_seconds;
    state.tokens.retain(|_, expires_at| *expires_at > now);
    state.tokens.insert(token.clone(), now + chrono::Duration::seconds(seconds));
    Ok(Reply::json(&json!({
        "token_type": "Bearer",
        "issued_at": now.timestamp_millis().to_string(),
        "client_id": state.settings.client_id,
        "access_token": token,
        "expires_in": seconds.to_string(),
        "refresh_count": "0",
        "status": "approved",
        "scope": "",
    })))
}

/// The token, and the two headers that tracking, Track Alert and time in transit cannot do without.
pub fn check(state: &State, call: &Call) -> Result<(), Refusal> {
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match token {
        None => return Err(Refusal::new(401, "UJ0001", "Invalid token or token is not present.")),
        Some(token) if !state.is_token(token) => return Err(Refusal::bare(401)),
        Some(_) => {}
    }
    let transaction_id = call.header("transId");
    if transaction_id.is_some_and(|id| id.len() > TRANSACTION_ID_CHARACTERS_MAX) {
        return Err(Refusal::new(400, "VSS210", "transId has at most 32 characters"));
    }
    let named = transaction_id.is_some() && call.header("transactionSrc").is_some();
    let wanted = ["track", "alert", "transit", "pickup.divisions"]
        .iter()
        .any(|start| call.operation.starts_with(start));
    if wanted && !named {
        return Err(Refusal::new(400, "VSS210", "Missing transId or transactionSrc"));
    }
    Ok(())
}

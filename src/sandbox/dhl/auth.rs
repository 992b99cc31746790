//! Who may call: the password grant's tokens, and the keys and names of each service.
//!
//! Shipping takes a bearer token, or the app's key with the portal user in a Basic header, never both. Unified tracking
//! takes the key alone; XML tracking takes key, the app's key and secret in a Basic header, and the portal user in its XML.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    Settings, Shared,
    reply::{json_answer, problem},
    state::TOKEN_LIFETIME_SECONDS,
};
use crate::sandbox::digest::sha256_hex;

/// An access token has this many characters; the schema allows 50.
const TOKEN_CHARACTERS: usize = 28;

pub async fn version() -> Response {
    json_answer(
        200,
        &json!({ "amp": { "name": "pp-account-auth-ropc", "version": "v2.0.5", "rev": "1", "env": "sandbox" } }),
    )
}

/// `POST /token`: the password grant of RFC 6749 with the app's key and secret in the form.
pub async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = text(&headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return problem(400, "The body must be a form");
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let names = ["grant_type", "client_id", "client_secret", "username", "password"];
    if let Some(missing) = names.into_iter().find(|name| field(name).is_none_or(str::is_empty)) {
        return problem(400, &format!("{missing} is missing"));
    }
    if field("grant_type") != Some("password") {
        return problem(400, "grant_type must be password");
    }
    let settings = &shared.settings;
    if field("client_id") != Some(&settings.api_key) || field("client_secret") != Some(&settings.api_secret) {
        return problem(401, "Invalid client identifier or secret");
    }
    if field("username") != Some(&settings.username) || field("password") != Some(&settings.password) {
        return problem(401, "Invalid user name or password");
    }
    let issued = shared.change(|state, now| {
        state.token_count += 1;
        let seed = format!("{}:{}:{now}", state.token_count, settings.api_secret);
        let token: String = sha256_hex(seed.as_bytes()).chars().take(TOKEN_CHARACTERS).collect();
        state.tokens.retain(|_, expires_at| *expires_at > now);
        state.tokens.insert(token.clone(), now + chrono::Duration::seconds(TOKEN_LIFETIME_SECONDS));
        token
    });
    match issued {
        Ok(token) => json_answer(
            200,
            &json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME_SECONDS }),
        ),
        Err(failure) => failure,
    }
}

/// The caller of the shipping service.
pub fn authorize_shipping(shared: &Shared, headers: &HeaderMap) -> Result<(), Response> {
    let key = text(headers, "dhl-api-key");
    let authorization = text(headers, header::AUTHORIZATION.as_str());
    let bearer = authorization.and_then(|value| value.strip_prefix("Bearer "));
    match (bearer, key) {
        (Some(_), Some(_)) => Err(problem(401, "Send a bearer token or an API key, not both")),
        (Some(token), None) => {
            let valid =
                shared.read(|state, now| state.tokens.get(token).is_some_and(|expires_at| *expires_at > now));
            if valid { Ok(()) } else { Err(problem(401, "The access token is invalid or has expired")) }
        }
        (None, Some(key)) if key == shared.settings.api_key => {
            let settings = &shared.settings;
            if is_basic(authorization, &settings.username, &settings.password) {
                Ok(())
            } else {
                Err(problem(401, "The portal user is missing or wrong"))
            }
        }
        (None, Some(_)) => Err(problem(401, "The API key is not valid")),
        (None, None) => Err(problem(401, "No credentials were sent")),
    }
}

/// The caller of the pickup service: a token alone.
pub fn authorize_bearer(shared: &Shared, headers: &HeaderMap) -> Result<(), Response> {
    let authorization = text(headers, header::AUTHORIZATION.as_str());
    if authorization.is_some_and(|value| value.starts_with("Bearer ")) && !headers.contains_key("dhl-api-key")
    {
        return authorize_shipping(shared, headers);
    }
    Err(problem(401, "Pickup takes a bearer token only"))
}

/// The caller of unified tracking: the key alone.
pub fn authorize_tracking(settings: &Settings, headers: &HeaderMap) -> Result<(), Response> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(problem(401, "Tracking takes an API key only"));
    }
    authorize_key(settings, headers)
}

/// The caller of XML tracking, except for the portal user inside the XML.
pub fn authorize_tracking_xml(settings: &Settings, headers: &HeaderMap) -> Result<(), Response> {
    authorize_key(settings, headers)?;
    if is_basic(text(headers, header::AUTHORIZATION.as_str()), &settings.api_key, &settings.api_secret) {
        return Ok(());
    }
    Err(problem(401, "The key and secret of the app are missing or wrong"))
}

fn authorize_key(settings: &Settings, headers: &HeaderMap) -> Result<(), Response> {
    if text(headers, "dhl-api-key") == Some(&settings.api_key) {
        return Ok(());
    }
    Err(problem(401, "The API key is missing or not valid"))
}

fn is_basic(authorization: Option<&str>, name: &str, password: &str) -> bool {
    let expected = STANDARD.encode(format!("{name}:{password}"));
    authorization.and_then(|value| value.strip_prefix("Basic ")) == Some(&expected)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

//! Signing in and out, and the published keys.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Json;
use crate::http::reply::Reply;
use crate::identity::device::{DeviceJwk, Proof};
use crate::identity::keys::{JWKS_LIFE_SECONDS, PublicKey};
use crate::identity::sessions::{self, ACCESS_LIFE, Issued};
use crate::identity::store::Holder;
use crate::ids::{ShopperId, StaffId};

/// A guest's sign-in: the device's public key and its proof.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestSignIn {
    /// The device's public key.
    device_key: DeviceJwk,
    /// When the device signed (RFC 3339), within five minutes of the service's time.
    #[schema(format = DateTime)]
    issued_at: String,
    /// The device's Ed25519 signature, base64url, over five lines joined by `\n`: `aisle device proof v1`, `sign-in`, the
    /// service's public URL without a slash at the end, `issued_at` as sent, and the key's `x`.
    #[schema(min_length = 86, max_length = 86)]
    signature: String,
}

/// A staff member's sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StaffSignIn {
    /// The login.
    #[schema(max_length = 64)]
    login: String,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    #[serde(deserialize_with = "secret")]
    password: SecretString,
}

/// A refresh.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshInput {
    /// The refresh token of the last answer.
    #[schema(value_type = String, max_length = 64)]
    #[serde(deserialize_with = "secret")]
    refresh_token: SecretString,
    /// The device's proof, needed for a guest's session: as for the sign-in, with `refresh` as second line and the base64url
    /// SHA-256 of the refresh token as last.
    proof: Option<Proof>,
}

/// Reads a secret, which shows nowhere from then on.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

/// A sign-out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOutInput {
    /// Any refresh token of the session.
    #[schema(value_type = String, max_length = 64)]
    #[serde(deserialize_with = "secret")]
    refresh_token: SecretString,
}

/// Tokens after a sign-in or a refresh.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// How to send the access token: `Bearer`.
    token_type: &'static str,
    /// Sent with each request as `Authorization: Bearer …`.
    access_token: String,
    /// Seconds that the access token is good for.
    expires_in: i64,
    /// Gives the next tokens, once. A second use ends the session.
    refresh_token: String,
    /// Seconds that the refresh token is good for.
    refresh_expires_in: i64,
    /// Who is signed in, when it is a shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper: Option<ShopperId>,
    /// Who is signed in, when it is a staff member.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<StaffId>,
}

impl IntoResponse for Issued {
    fn into_response(self) -> Response {
        let (shopper, staff) = match self.holder {
            Holder::Shopper(id) => (Some(id), None),
            Holder::Staff(id) => (None, Some(id)),
        };
        let tokens = Tokens {
            token_type: "Bearer",
            access_token: self.access,
            expires_in: ACCESS_LIFE.num_seconds(),
            refresh_token: self.refresh,
            refresh_expires_in: self.refresh_life.num_seconds(),
            shopper,
            staff,
        };
        ([(header::CACHE_CONTROL, "no-store")], Reply(StatusCode::OK, tokens)).into_response()
    }
}

/// Sign in as a guest: the same device key is the same shopper.
#[utoipa::path(
    post,
    path = "/v1/auth/guest",
    tag = "identity",
    request_body = GuestSignIn,
    responses(
        (status = 200, description = "Signed in.", body = Tokens),
        (status = 400, description = "The body can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The proof does not hold.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many sign-ins.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security()
)]
pub(super) async fn sign_in_as_guest(
    State(app): State<App>,
    Json(input): Json<GuestSignIn>,
) -> Result<Issued, Problem> {
    let GuestSignIn { device_key, issued_at, signature } = input;
    Ok(sessions::guest(&app, &device_key, &Proof { issued_at, signature }).await?)
}

/// Sign in as staff, with login and password.
#[utoipa::path(
    post,
    path = "/v1/auth/staff",
    tag = "identity",
    request_body = StaffSignIn,
    responses(
        (status = 200, description = "Signed in.", body = Tokens),
        (status = 400, description = "The body can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Login or password are wrong, or there were too many tries.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many sign-ins.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security()
)]
pub(super) async fn sign_in_as_staff(
    State(app): State<App>,
    Json(input): Json<StaffSignIn>,
) -> Result<Issued, Problem> {
    Ok(sessions::staff(&app, &input.login, &input.password).await?)
}

/// Get new tokens for a refresh token, which is used up by it.
#[utoipa::path(
    post,
    path = "/v1/auth/refresh",
    tag = "identity",
    request_body = RefreshInput,
    responses(
        (status = 200, description = "New tokens.", body = Tokens),
        (status = 400, description = "The body can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The refresh token is not valid any more, or the device's proof does not hold.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many refreshes.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security()
)]
pub(super) async fn refresh_tokens(
    State(app): State<App>,
    Json(input): Json<RefreshInput>,
) -> Result<Issued, Problem> {
    use secrecy::ExposeSecret;
    Ok(sessions::refresh(&app, input.refresh_token.expose_secret(), input.proof.as_ref()).await?)
}

/// Sign out: ends the session of a refresh token. Its access tokens end with it, on other instances within a minute.
#[utoipa::path(
    post,
    path = "/v1/auth/sign-out",
    tag = "identity",
    request_body = SignOutInput,
    responses(
        (status = 204, description = "The session has ended, or there was none."),
        (status = 400, description = "The body can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many sign-outs.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security()
)]
pub(super) async fn sign_out(
    State(app): State<App>,
    Json(input): Json<SignOutInput>,
) -> Result<StatusCode, Problem> {
    use secrecy::ExposeSecret;
    sessions::sign_out(&app, input.refresh_token.expose_secret()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The published set of keys (RFC 7517).
#[derive(Serialize, ToSchema)]
pub(super) struct KeySet {
    /// The keys: old ones whose tokens may be about, the one that signs, the next one.
    keys: Vec<PublicKey>,
}

/// The public keys that our tokens and exit passes are signed with.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "identity",
    responses(
        (status = 200, description = "The keys; may be kept for five minutes.", body = KeySet),
        (status = 503, description = "The database is busy.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security()
)]
pub(super) async fn published_keys(State(app): State<App>) -> Result<Response, Problem> {
    let keys = app.identity.keys.published(app.clock.now()).await?;
    let life = format!("public, max-age={JWKS_LIFE_SECONDS}");
    Ok(([(header::CACHE_CONTROL, life)], Reply(StatusCode::OK, KeySet { keys })).into_response())
}

//! The routes of the room: sign-in, refresh, sign-out, published keys; accounts of staff and partners.

mod admin;
mod auth;

use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::AccountError;
use super::keys::KeyError;
use super::sessions::SignInError;
use super::token::SignError;
use crate::app::App;
use crate::error::Problem;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::sign_in_as_guest))
        .routes(routes!(auth::sign_in_as_staff))
        .routes(routes!(auth::refresh_tokens))
        .routes(routes!(auth::sign_out))
        .routes(routes!(auth::published_keys))
        .routes(routes!(admin::put_staff, admin::get_staff))
        .routes(routes!(admin::put_partner, admin::get_partner))
        .routes(routes!(admin::put_partner_key, admin::revoke_partner_key))
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let code = match error {
            SignInError::Proof(_) | SignInError::ProofMissing => "proof_refused",
            SignInError::Credentials => "credentials_refused",
            SignInError::Refresh => "refresh_refused",
            SignInError::TooMany => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                return Self::new(
                    status,
                    "too_many_sign_ins",
                    "There were too many sign-ins. Try again in a minute.",
                );
            }
            SignInError::Database(error) => return error.into(),
            SignInError::Sign(error) => return error.into(),
            SignInError::Internal(error) => return Self::internal(error),
        };
        let detail = match error {
            SignInError::Credentials => {
                "The login or the password is wrong, or there were too many tries. Try again in five minutes."
                    .to_owned()
            }
            SignInError::Refresh => "The refresh token is not valid any more. Sign in again.".to_owned(),
            error => format!("Not signed in: {error}."),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Keys(error) => error.into(),
            error @ SignError::Claims(_) => Self::internal(error),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, code, pointer) = match error {
            AccountError::NotAdmin => (StatusCode::FORBIDDEN, "role_missing", None),
            AccountError::Unknown => (StatusCode::NOT_FOUND, "account_unknown", None),
            AccountError::LoginTaken => (StatusCode::CONFLICT, "login_taken", Some("/login")),
            AccountError::LoginForm => (StatusCode::UNPROCESSABLE_ENTITY, "login_invalid", Some("/login")),
            AccountError::PasswordMissing => {
                (StatusCode::UNPROCESSABLE_ENTITY, "password_missing", Some("/password"))
            }
            AccountError::PasswordLength => {
                (StatusCode::UNPROCESSABLE_ENTITY, "password_invalid", Some("/password"))
            }
            AccountError::Grants => (StatusCode::UNPROCESSABLE_ENTITY, "grants_invalid", Some("/grants")),
            AccountError::Version => (StatusCode::PRECONDITION_FAILED, "version_conflict", None),
            AccountError::Name => (StatusCode::UNPROCESSABLE_ENTITY, "name_invalid", Some("/name")),
            AccountError::Scopes => (StatusCode::UNPROCESSABLE_ENTITY, "scopes_invalid", Some("/scopes")),
            AccountError::OtherKey => (StatusCode::CONFLICT, "key_differs", None),
            AccountError::Keys => (StatusCode::CONFLICT, "too_many_keys", None),
            AccountError::Database(error) => return error.into(),
            AccountError::Internal(error) => return Self::internal(error),
        };
        let problem = Self::new(status, code, format!("Not done: {error}."));
        match pointer {
            Some(pointer) => problem.at(pointer, error.to_string()),
            None => problem,
        }
    }
}

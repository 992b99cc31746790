//! Identity: who calls, and what they may do. Signs tokens and passes.
//!
//! Invariants: a handler that takes a caller as an argument ([`Shopper`], [`Staff`], [`Partner`], [`Caller`]) has been
//! authenticated, and one that takes none is on the short list of `tests/it/openapi.rs`; secrets are stored only as hashes, private keys only
//! sealed; every token has one algorithm, one type, one audience and an end; an ended session stays ended.
//!
//! `callers.rs` has the extractors, `sessions.rs` sign-in and refresh, `device.rs` the guest's proof, `token.rs` and `keys.rs`
//! what we sign, `oidc.rs` the retailer's own issuer, `accounts/` staff and partners.

mod accounts;
mod callers;
mod commands;
pub mod device;
mod http;
mod keys;
mod limit;
mod model;
mod oidc;
mod password;
mod seal;
mod sessions;
mod settings;
mod store;
mod token;

pub use accounts::{AccountError, StaffInput, create_partner_key, create_staff, is_partner_active};
pub use callers::{Caller, GRANT_RECHECK, Partner, SESSION_RECHECK, Shopper, Staff};
pub use commands::{partner_command, rotate_command, staff_command};
pub use http::routes;
pub use keys::{JWKS_LIFE_SECONDS, KEY_LEAD, KeyError, TOKEN_LIFE_MAX};
pub use model::{Grant, Role, Scope, Stores};
pub use seal::SealError;
pub use sessions::{ACCESS_LIFE, SHOPPER_REFRESH_LIFE, STAFF_SESSION_LIFE};
pub use settings::{MasterKey, OidcSettings, Settings};
pub use token::{SignError, TokenError};

use axum::http::StatusCode;

use crate::clock::{Clock, Moment};
use crate::db::Db;
use crate::error::Problem;
use crate::ids::ShopperId;
use crate::random::Random;

/// The keys that sign, and the checks of callers.
pub struct Identity {
    settings: Settings,
    keys: keys::Keys,
    oidc: Option<oidc::Oidc>,
    passwords: password::Passwords,
    callers: callers::Callers,
    limits: limit::Limits,
}

/// Why the keys can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The signing keys are not usable.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The master key is not usable.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Identity {
    /// Opens the signing keys; makes the first one in a new database.
    pub async fn open(
        db: &Db,
        settings: &Settings,
        clock: &Clock,
        random: &Random,
        http: &reqwest::Client,
    ) -> Result<Self, OpenError> {
        let master = match &settings.master_key {
            MasterKey::Given(text) => seal::Master::parse(text)?,
            MasterKey::File(path) => seal::Master::of_file(path, random)?,
        };
        let master = master.after(&settings.master_keys_before)?;
        Ok(Self {
            keys: keys::Keys::open(db, clock, random, master, settings.key_rotation).await?,
            oidc: settings.oidc.clone().map(|settings| oidc::Oidc::new(settings, http.clone())),
            passwords: password::Passwords::new(),
            callers: callers::Callers::new(),
            limits: limit::Limits::default(),
            settings: settings.clone(),
        })
    }

    /// Makes the next signing key, which signs after [`KEY_LEAD`]; answers its id and when it signs. Asked for again before
    /// that, the answer is the same key.
    pub async fn rotate_keys(&self, now: Moment) -> Result<(String, Moment), KeyError> {
        self.keys.rotate(now).await
    }

    /// Counts a question of a shopper that partners are asked for; a problem when there were too many this minute.
    pub fn may_ask(&self, shopper: ShopperId, now: Moment) -> Result<(), Problem> {
        self.limits.take(limit::QUESTIONS, &shopper.to_string(), now).map_err(|_| {
            let detail = "There were too many questions. Ask again in a minute.";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_questions", detail)
        })
    }

    /// The retailer's own issuer, if the token says that it is from there.
    fn oidc_of(&self, token: &str) -> Option<&oidc::Oidc> {
        self.oidc.as_ref().filter(|oidc| token::claimed_issuer(token).as_deref() == Some(oidc.issuer()))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity")
    }
}

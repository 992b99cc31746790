//! Tokens that we sign: JWTs with one algorithm (`EdDSA`), one type and one audience each.
//!
//! Invariants: the key comes from our own ring by its id, never from the token; type, issuer, audience and the times are
//! required and of one form; time is the app's clock with at most [`LEEWAY`].

use chrono::Duration;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Identity;
use super::keys::{KeyError, TOKEN_LIFE_MAX};
use crate::app::App;
use crate::clock::Moment;
use crate::ids::SessionId;

/// How far clocks may be apart.
pub const LEEWAY: Duration = Duration::seconds(30);
/// The longest token that is looked at: an issuer's tokens with many claims stay below.
pub const TOKEN_BYTES_MAX: usize = 8192;
/// The type of access tokens (RFC 9068).
pub const ACCESS_TYPE: &str = "at+jwt";
/// Whom a shopper's access token is for.
pub const SHOPPER_AUDIENCE: &str = "aisle:shopper";
/// Whom a staff member's access token is for.
pub const STAFF_AUDIENCE: &str = "aisle:staff";

/// Why a token can't be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The claims can't be written, or they lack an `exp` within the longest life of a token.
    #[error("the claims can't be signed: {0}")]
    Claims(String),
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is not one of ours, or not for this purpose, or changed, or out of date. The reason is for logs.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// It was one of ours for this purpose, and its time is over.
    #[error("the token is expired")]
    Expired,
    /// The keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) iss: String,
    pub(super) sub: uuid::Uuid,
    pub(super) aud: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: uuid::Uuid,
    /// The session; when it ends, the token does.
    pub(super) sid: SessionId,
}

/// What every token must say, whoever issued it. Numbers must be whole numbers, and no claim may be there twice.
#[derive(Debug, Deserialize)]
pub(super) struct Standard {
    iss: String,
    aud: Audience,
    pub(super) exp: i64,
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    pub(super) sub: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Identity {
    /// Signs claims as a JWT of this type. The claims must have an `exp` within [`TOKEN_LIFE_MAX`] and should have
    /// [`Identity::issuer`] as `iss` and an audience of their own: [`Identity::verify`] asks for both.
    pub async fn sign(&self, app: &App, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let now = app.clock.now();
        let claims = serde_json::to_value(claims).map_err(|error| SignError::Claims(error.to_string()))?;
        let latest = (now + TOKEN_LIFE_MAX).timestamp();
        match claims.get("exp").and_then(serde_json::Value::as_i64) {
            Some(expires) if expires <= latest => {}
            _ => return Err(SignError::Claims("exp is missing or too far away".to_owned())),
        }
        let key = self.keys.signing(now).await?;
        let header =
            Header { typ: Some(typ.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.private)
            .map_err(|error| SignError::Claims(error.to_string()))
    }

    /// The claims of a token that we signed, if it is of this type, for this audience and in date.
    pub async fn verify<C: DeserializeOwned>(
        &self,
        typ: &str,
        audience: &str,
        token: &str,
        now: Moment,
    ) -> Result<C, TokenError> {
        self.verify_any(typ, &[audience], token, now).await
    }

    pub(super) async fn verify_any<C: DeserializeOwned>(
        &self,
        typ: &str,
        audiences: &[&str],
        token: &str,
        now: Moment,
    ) -> Result<C, TokenError> {
        let header = read_header(token)?;
        if header.typ.as_deref() != Some(typ) {
            return Err(TokenError::Invalid("another type"));
        }
        // We never write a header that brings a key or a place of one: whoever does is up to something.
        if header.jku.is_some() || header.x5u.is_some() || header.jwk.is_some() || header.x5c.is_some() {
            return Err(TokenError::Invalid("a header that we never write"));
        }
        let id = header.kid.as_deref().ok_or(TokenError::Invalid("no key id"))?;
        let key = self.keys.trusted(id, now).await?.ok_or(TokenError::Invalid("unknown key"))?;
        let claims = read_claims(token, &key.public, Algorithm::EdDSA)?;
        let standard = read_standard(&claims)?;
        standard.check(&self.settings.issuer, audiences, now)?;
        if !matches!(standard.aud, Audience::One(_)) {
            return Err(TokenError::Invalid("more than one audience"));
        }
        serde_json::from_str(claims.get()).map_err(|_| TokenError::Invalid("other claims"))
    }

    /// Who signs our tokens: the `iss` of their claims.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }
}

impl Standard {
    pub(super) fn check(&self, issuer: &str, audiences: &[&str], now: Moment) -> Result<(), TokenError> {
        if self.iss != issuer {
            return Err(TokenError::Invalid("another issuer"));
        }
        let is_for_us = match &self.aud {
            Audience::One(one) => audiences.contains(&one.as_str()),
            Audience::Many(many) => many.iter().any(|each| audiences.contains(&each.as_str())),
        };
        if !is_for_us {
            return Err(TokenError::Invalid("another audience"));
        }
        let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
        if self.exp.saturating_add(leeway) <= now {
            return Err(TokenError::Expired);
        }
        let begins = self.nbf.into_iter().chain(self.iat).max().unwrap_or(i64::MIN);
        if begins > now.saturating_add(leeway) {
            return Err(TokenError::Invalid("not valid yet"));
        }
        Ok(())
    }
}

/// The header; extensions that must be understood are none that we know (`crit`), so they are refused.
pub(super) fn read_header(token: &str) -> Result<Header, TokenError> {
    if token.len() > TOKEN_BYTES_MAX || token.split('.').count() != 3 {
        return Err(TokenError::Invalid("no JWT"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid("no JWT"))?;
    if header.crit.is_some() || header.zip.is_some() || header.enc.is_some() {
        return Err(TokenError::Invalid("an extension"));
    }
    Ok(header)
}

/// The claims, after the signature was checked by this one algorithm.
pub(super) fn read_claims(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<Box<RawValue>, TokenError> {
    let mut only_signature = Validation::new(algorithm);
    // Claims are checked by `Standard`, against the app's clock and more strictly; here only the signature is.
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_aud = false;
    let decoded =
        jsonwebtoken::decode(token, key, &only_signature).map_err(|_| TokenError::Invalid("signature"))?;
    Ok(decoded.claims)
}

pub(super) fn read_standard(claims: &RawValue) -> Result<Standard, TokenError> {
    serde_json::from_str(claims.get())
        .map_err(|_| TokenError::Invalid("claims are missing, doubled or of another form"))
}

/// Who a token says issued it; says nothing about whether that is true.
pub(super) fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    jsonwebtoken::dangerous::insecure_decode::<Claimed>(token).ok().map(|decoded| decoded.claims.iss)
}

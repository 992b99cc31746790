//! Tokens of the retailer's own OIDC issuer: its shoppers are ours.
//!
//! Invariants: issuer, audience, key address and algorithms come from the settings, never from a token; its keys are asked for
//! at most once a minute, however many unknown key ids come; when the issuer is down, the keys in hand go on.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Duration};
use futures_util::StreamExt;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::callers::Shopper;
use super::settings::OidcSettings;
use super::store;
use super::token::{TokenError, read_claims, read_header, read_standard};
use crate::app::App;
use crate::clock::Moment;
use crate::error::{Internal, Problem};

/// The issuer is asked at most this often.
const FETCH_PAUSE: Duration = Duration::seconds(60);
/// Keys are asked for again after this time: a key that the issuer withdrew stops here too.
const KEYS_LIFE: Duration = Duration::minutes(10);
/// The issuer answers within this time, or the keys in hand go on.
const FETCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// Largest set of keys that is read: with certificates some have 50 kB.
const JWKS_BYTES_MAX: usize = 512 * 1024;
/// Keys of one issuer; more are not looked at.
const KEYS_MAX: usize = 100;
/// Longest subject (`OpenID` Connect Core, section 2).
const SUBJECT_LENGTH_MAX: usize = 255;
/// A shopper is remembered at most this long, so that a key that was withdrawn stops mattering.
const SHOPPER_RECHECK: Duration = Duration::minutes(5);

/// The issuer with its keys.
pub(super) struct Oidc {
    settings: OidcSettings,
    http: reqwest::Client,
    keys: ArcSwap<KeySet>,
    /// Held by whoever asks the issuer.
    fetch: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct KeySet {
    /// Several when a key may be used with several algorithms.
    by_id: HashMap<String, Vec<(Algorithm, DecodingKey)>>,
    fetched_at: Option<Moment>,
    tried_at: Option<Moment>,
}

impl Oidc {
    pub(super) fn new(settings: OidcSettings, http: reqwest::Client) -> Self {
        Self { settings, http, keys: ArcSwap::default(), fetch: tokio::sync::Mutex::default() }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The shopper of a token, made at first sight; and until when the token need not be looked at again.
    pub(super) async fn shopper(
        &self,
        app: &App,
        token: &str,
        now: Moment,
    ) -> Result<(Shopper, Moment), Problem> {
        let (subject, expires_at) = self.verify(token, now).await?;
        let id = store::shopper_of_subject(&app.db, app.ids.next(), self.issuer(), &subject, now).await?;
        Ok((Shopper { id }, expires_at.min(now + SHOPPER_RECHECK)))
    }

    async fn verify(&self, token: &str, now: Moment) -> Result<(String, Moment), TokenError> {
        let header = read_header(token)?;
        // Issuers differ: RFC 9068 says at+jwt, many say JWT, some nothing. Another type is for another purpose.
        let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        if !matches!(typ.as_str(), "jwt" | "at+jwt" | "application/at+jwt") {
            return Err(TokenError::Invalid("another type"));
        }
        if !self.settings.algorithms.contains(&header.alg) {
            return Err(TokenError::Invalid("another algorithm"));
        }
        let id = header.kid.as_deref().ok_or(TokenError::Invalid("no key id"))?;
        let key = self.key(id, header.alg, now).await.ok_or(TokenError::Invalid("unknown key"))?;
        let claims = read_claims(token, &key, header.alg)?;
        let standard = read_standard(&claims)?;
        standard.check(self.issuer(), &[&self.settings.audience], now)?;
        let expires_at = DateTime::from_timestamp(standard.exp, 0).unwrap_or(Moment::MAX_UTC);
        let is_subject =
            |subject: &String| (1..=SUBJECT_LENGTH_MAX).contains(&subject.len()) && !subject.contains('\0');
        let subject = standard.sub.filter(is_subject).ok_or(TokenError::Invalid("no subject"))?;
        Ok((subject, expires_at))
    }

    async fn key(&self, id: &str, algorithm: Algorithm, now: Moment) -> Option<DecodingKey> {
        let keys = self.keys.load();
        let is_known = keys.by_id.contains_key(id);
        let is_fresh = keys.fetched_at.is_some_and(|at| now - at < KEYS_LIFE);
        if !is_known {
            let _one = self.fetch.lock().await;
            self.ask(now).await;
        } else if !is_fresh && let Ok(_one) = self.fetch.try_lock() {
            // One request asks; the others go on with the keys in hand.
            self.ask(now).await;
        }
        let keys = self.keys.load();
        let found = keys.by_id.get(id)?.iter().find(|(each, _)| *each == algorithm);
        found.map(|(_, key)| key.clone())
    }

    /// Asks the issuer for its keys, unless that was tried lately; keeps those in hand when it fails.
    async fn ask(&self, now: Moment) {
        let old = self.keys.load_full();
        if old.tried_at.is_some_and(|at| now - at < FETCH_PAUSE) {
            return;
        }
        let keys = match self.fetch_keys().await {
            Ok(by_id) => KeySet { by_id, fetched_at: Some(now), tried_at: Some(now) },
            Err(error) => {
                tracing::warn!(
                    error = %error,
                    "the OIDC issuer's keys can't be read"
                );
                KeySet { tried_at: Some(now), ..(*old).clone() }
            }
        };
        self.keys.store(Arc::new(keys));
    }

    async fn fetch_keys(&self) -> Result<HashMap<String, Vec<(Algorithm, DecodingKey)>>, Internal> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let request = self.http.get(self.settings.jwks_url.clone()).timeout(FETCH_TIMEOUT);
        let response = request.send().await?.error_for_status()?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("the issuer answered {}", response.status()).into());
        }
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > JWKS_BYTES_MAX {
                return Err("the set of keys is too large".into());
            }
        }
        let set: Set = serde_json::from_slice(&body)?;
        // A key of a kind that we don't know is not ours to complain about.
        let keys = set.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value(key).ok());
        Ok(keys.filter_map(|key| self.usable(&key)).collect())
    }

    /// The key with those of our algorithms that fit it.
    fn usable(&self, jwk: &Jwk) -> Option<(String, Vec<(Algorithm, DecodingKey)>)> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let fits = |algorithm: &Algorithm| {
            let said = jwk.common.key_algorithm.map(|said| said.to_string());
            let is_kind = match (&jwk.algorithm, algorithm) {
                (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
                (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
                    key.curve == EllipticCurve::P256
                }
                (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => {
                    key.curve == EllipticCurve::Ed25519
                }
                _ => false,
            };
            is_kind && said.is_none_or(|said| said == format!("{algorithm:?}"))
        };
        let algorithms = self.settings.algorithms.iter().copied().filter(fits);
        let keys: Vec<_> = algorithms.map(|algorithm| (algorithm, key.clone())).collect();
        let id = jwk.common.key_id.clone()?;
        if keys.is_empty() { None } else { Some((id, keys)) }
    }
}

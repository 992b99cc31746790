//! A device's key and the proofs that it signs: how a guest signs in without a password.
//!
//! The app makes an Ed25519 key pair once and keeps the private key in the phone's key store. To sign in, and with each
//! refresh, it signs a text of five lines (joined by `\n`, none at the end):
//!
//! ```text
//! aisle device proof v1
//! <purpose: sign-in or refresh>
//! <audience: the service's public URL without a slash at the end>
//! <issued_at, exactly as it is sent>
//! <subject: for sign-in the key's x, for refresh the base64url SHA-256 of the refresh token>
//! ```
//!
//! A proof is good for five minutes either side of our clock, for this service alone, and for this one purpose. So a stolen
//! refresh token is of no use without the phone, and a stolen proof gives at most one access token of ten minutes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, SecondsFormat};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Moment;
use crate::random::Random;

/// How far a phone's clock may be off.
pub const PROOF_LIFE: Duration = Duration::minutes(5);
/// Bytes of an Ed25519 public key.
const KEY_BYTES: usize = 32;

/// What a proof is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    Refresh,
}

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The key is not an Ed25519 key in JWK form.
    #[error("the device key is not an Ed25519 public key (kty OKP, crv Ed25519, x of 32 bytes in base64url)")]
    Key,
    /// The time can't be read, or is too far from ours.
    #[error("the proof's issued_at is more than five minutes from the service's time")]
    Time,
    /// The signature is not one of this key over the stated text.
    #[error("the signature does not fit the device key and the stated text")]
    Signature,
}

/// The public key of a device as a JWK (RFC 8037).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceJwk {
    /// Kind of key: `OKP`.
    pub kty: String,
    /// The curve: `Ed25519`.
    pub crv: String,
    /// The public key: 32 bytes, base64url without padding.
    #[schema(min_length = 43, max_length = 43)]
    pub x: String,
}

/// A signed statement of a device.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// When the device signed it (RFC 3339).
    #[schema(format = DateTime)]
    pub issued_at: String,
    /// The Ed25519 signature over the stated text: 64 bytes, base64url without padding.
    #[schema(min_length = 86, max_length = 86)]
    pub signature: String,
}

impl DeviceJwk {
    /// The key as text, which is the same for the same key.
    pub(super) fn checked(&self) -> Result<&str, ProofError> {
        let is_key = self.kty == "OKP" && self.crv == "Ed25519" && key_bytes(&self.x).is_some();
        if is_key { Ok(&self.x) } else { Err(ProofError::Key) }
    }
}

impl Proof {
    /// Whether this key signed this purpose and subject for this audience, just now.
    pub(super) fn check(
        &self,
        key: &str,
        purpose: Purpose,
        audience: &str,
        subject: &str,
        now: Moment,
    ) -> Result<(), ProofError> {
        let issued_at = DateTime::parse_from_rfc3339(&self.issued_at).map_err(|_| ProofError::Time)?;
        let apart = now.signed_duration_since(issued_at);
        if apart > PROOF_LIFE || apart < -PROOF_LIFE {
            return Err(ProofError::Time);
        }
        let key = key_bytes(key).ok_or(ProofError::Key)?;
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).map_err(|_| ProofError::Signature)?;
        let text = statement(purpose, audience, &self.issued_at, subject);
        UnparsedPublicKey::new(&ED25519, key)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| ProofError::Signature)
    }
}

fn key_bytes(x: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(x).ok().filter(|bytes| bytes.len() == KEY_BYTES)
}

fn statement(purpose: Purpose, audience: &str, issued_at: &str, subject: &str) -> String {
    let purpose = match purpose {
        Purpose::SignIn => "sign-in",
        Purpose::Refresh => "refresh",
    };
    format!("aisle device proof v1\n{purpose}\n{audience}\n{issued_at}\n{subject}")
}

/// What a refresh proof is about: the token's hash, so that the proof itself never carries the token.
pub(super) fn refresh_subject(refresh_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, refresh_token.as_bytes()))
}

/// A device's key pair: what an app has in the phone's key store; here for demo and tests.
#[derive(Debug)]
pub struct DeviceKey(Ed25519KeyPair);

impl DeviceKey {
    /// A new key.
    pub fn generate(random: &Random) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&random.bytes::<32>()).expect("any 32 bytes are a seed"))
    }

    /// The public key.
    pub fn jwk(&self) -> DeviceJwk {
        DeviceJwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.0.public_key()),
        }
    }

    /// The body of `POST /v1/auth/guest`, for the service at this public URL.
    pub fn sign_in(&self, audience: &str, now: Moment) -> serde_json::Value {
        let jwk = self.jwk();
        let proof = self.prove(Purpose::SignIn, audience, &jwk.x, now);
        serde_json::json!({ "device_key": jwk, "issued_at": proof.issued_at, "signature": proof.signature })
    }

    /// The body of `POST /v1/auth/refresh`, for the service at this public URL.
    pub fn refresh(&self, audience: &str, refresh_token: &str, now: Moment) -> serde_json::Value {
        let proof = self.prove(Purpose::Refresh, audience, &refresh_subject(refresh_token), now);
        serde_json::json!({ "refresh_token": refresh_token, "proof": proof })
    }

    fn prove(&self, purpose: Purpose, audience: &str, subject: &str, now: Moment) -> Proof {
        let issued_at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = statement(purpose, audience.trim_end_matches('/'), &issued_at, subject);
        Proof { signature: URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes())), issued_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://shop.example";

    #[test]
    fn a_proof_is_good_for_one_key_purpose_audience_and_time() {
        let now: Moment = "2026-11-23T09:00:00Z".parse().expect("a moment");
        let (key, other) = (DeviceKey::generate(&Random::seeded(1)), DeviceKey::generate(&Random::seeded(2)));
        let (x, other_x) = (key.jwk().x, other.jwk().x);
        let proof = key.prove(Purpose::SignIn, HERE, &x, now);
        assert_eq!(proof.check(&x, Purpose::SignIn, HERE, &x, now), Ok(()));
        assert_eq!(proof.check(&x, Purpose::SignIn, HERE, &x, now + PROOF_LIFE), Ok(()));
        let late = now + PROOF_LIFE + Duration::seconds(1);
        assert_eq!(proof.check(&x, Purpose::SignIn, HERE, &x, late), Err(ProofError::Time));
        let early = now - PROOF_LIFE - Duration::seconds(1);
        assert_eq!(proof.check(&x, Purpose::SignIn, HERE, &x, early), Err(ProofError::Time));
        assert_eq!(proof.check(&x, Purpose::Refresh, HERE, &x, now), Err(ProofError::Signature));
        assert_eq!(
            proof.check(&x, Purpose::SignIn, "https://other.example", &x, now),
            Err(ProofError::Signature)
        );
        assert_eq!(proof.check(&other_x, Purpose::SignIn, HERE, &x, now), Err(ProofError::Signature));
        assert_eq!(proof.check("AAAA", Purpose::SignIn, HERE, &x, now), Err(ProofError::Key));
    }
}

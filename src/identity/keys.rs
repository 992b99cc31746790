//! The keys that sign tokens and passes: shared through the database, changed without anybody noticing.
//!
//! Invariants: a key is published [`KEY_LEAD`] before it signs, longer than anybody may keep the published set; an old
//! key is trusted until everything that it signed has run out; private keys are in the database only sealed; no key
//! signs anything that lives longer than [`TOKEN_LIFE_MAX`].

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::seal::{Master, SealError};
use super::store::{self, StoredKey};
use crate::clock::{Clock, Moment};
use crate::db::{self, Db};
use crate::ids::Ids;
use crate::random::Random;

/// A new key is published this long before it signs: twice as long as anybody may keep the set.
pub const KEY_LEAD: Duration = Duration::minutes(10);
/// How long clients may keep the published set (`Cache-Control`).
pub const JWKS_LIFE_SECONDS: i64 = 300;
/// Nothing that we sign lives longer; so long, and the leeway of clocks, an old key is still trusted.
pub const TOKEN_LIFE_MAX: Duration = Duration::hours(1);
/// How often an instance looks for keys that another one made: well within [`KEY_LEAD`].
const RELOAD_AFTER: Duration = Duration::seconds(60);
/// How often at most a token with an unknown key id makes an instance look at once.
const RELOAD_PAUSE: Duration = Duration::seconds(5);

/// Why keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database can't be read or written.
    #[error("the signing keys can't be read: {0}")]
    Database(#[from] db::Error),
    /// The keys can't be unsealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A stored key is no key.
    #[error("a stored signing key is not usable")]
    Broken,
}

/// The keys as one instance knows them.
pub(super) struct Keys {
    db: Db,
    ids: Ids,
    random: Random,
    pub(super) master: Master,
    rotation: Duration,
    ring: ArcSwap<Ring>,
    /// Held by whoever reloads, so that a crowd asks the database once.
    reload: tokio::sync::Mutex<()>,
}

/// One state of the keys.
struct Ring {
    loaded_at: Moment,
    /// By number.
    keys: Vec<Arc<Key>>,
    by_id: HashMap<String, Arc<Key>>,
}

/// A key that signs, did sign or will.
pub(super) struct Key {
    pub(super) id: String,
    number: i64,
    x: String,
    pub(super) public: DecodingKey,
    pub(super) private: EncodingKey,
    signs_from: Moment,
    /// When nothing that it signed is valid any more; unknown while it is the newest.
    trusted_until: Option<Moment>,
}

/// The published half of a key (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicKey {
    /// Kind of key: `OKP`.
    pub kty: &'static str,
    /// The curve: `Ed25519`.
    pub crv: &'static str,
    /// The public key, base64url.
    pub x: String,
    /// The id that tokens name in their header.
    pub kid: String,
    /// What it signs with: `EdDSA`.
    pub alg: &'static str,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    pub usage: &'static str,
}

impl Keys {
    pub(super) async fn open(
        db: &Db,
        clock: &Clock,
        random: &Random,
        master: Master,
        rotation: Duration,
    ) -> Result<Self, KeyError> {
        let now = clock.now();
        let keys = Self {
            db: db.clone(),
            ids: Ids::new(clock.clone(), random.clone()),
            random: random.clone(),
            master,
            rotation,
            ring: ArcSwap::from_pointee(Ring { loaded_at: now, keys: Vec::new(), by_id: HashMap::new() }),
            reload: tokio::sync::Mutex::default(),
        };
        keys.load(now).await?;
        Ok(keys)
    }

    /// The key that signs now.
    pub(super) async fn signing(&self, now: Moment) -> Result<Arc<Key>, KeyError> {
        self.refresh(now).await?;
        self.ring.load().signing(now).cloned().ok_or(KeyError::Broken)
    }

    /// The key of this id, while it is trusted. An unknown id makes the instance look for new keys, now and then.
    pub(super) async fn trusted(&self, id: &str, now: Moment) -> Result<Option<Arc<Key>>, KeyError> {
        if let Some(key) = self.ring.load().by_id.get(id) {
            return Ok(Some(key.clone()).filter(|key| key.is_trusted(now)));
        }
        self.reload(now, RELOAD_PAUSE).await?;
        Ok(self.ring.load().by_id.get(id).cloned().filter(|key| key.is_trusted(now)))
    }

    /// All keys that somebody may meet: old ones, the one that signs, the next one.
    pub(super) async fn published(&self, now: Moment) -> Result<Vec<PublicKey>, KeyError> {
        self.refresh(now).await?;
        let ring = self.ring.load();
        let trusted = ring.keys.iter().filter(|key| key.is_trusted(now));
        Ok(trusted
            .map(|key| PublicKey {
                kty: "OKP",
                crv: "Ed25519",
                x: key.x.clone(),
                kid: key.id.clone(),
                alg: "EdDSA",
                usage: "sig",
            })
            .collect())
    }

    /// Makes the next key; it signs after [`KEY_LEAD`]. Answers its id and when it signs.
    pub(super) async fn rotate(&self, now: Moment) -> Result<(String, Moment), KeyError> {
        let _one = self.reload.lock().await;
        self.load(now).await?;
        let newest = self.ring.load().keys.last().cloned().ok_or(KeyError::Broken)?;
        if newest.signs_from <= now {
            self.make(newest.number + 1, now, now + KEY_LEAD).await?;
            self.load(now).await?;
        }
        let ring = self.ring.load();
        let newest = ring.keys.last().ok_or(KeyError::Broken)?;
        Ok((newest.id.clone(), newest.signs_from))
    }

    async fn refresh(&self, now: Moment) -> Result<(), KeyError> {
        match self.reload(now, RELOAD_AFTER).await {
            // The keys in hand are good for longer than an outage of the database should last.
            Err(KeyError::Database(error)) => {
                tracing::warn!(error = %error, "signing keys can't be read again");
                Ok(())
            }
            other => other,
        }
    }

    async fn reload(&self, now: Moment, pause: Duration) -> Result<(), KeyError> {
        if now - self.ring.load().loaded_at < pause {
            return Ok(());
        }
        let _one = self.reload.lock().await;
        if now - self.ring.load().loaded_at < pause {
            return Ok(());
        }
        self.load(now).await
    }

    /// Reads the keys; makes the first one, or the next one when the newest has signed long enough.
    async fn load(&self, now: Moment) -> Result<(), KeyError> {
        let mut stored = store::signing_keys(&self.db).await?;
        let next = match stored.last() {
            None => Some((1, now)),
            Some(newest) if newest.signs_from + self.rotation <= now => {
                Some((newest.number + 1, now + KEY_LEAD))
            }
            Some(_) => None,
        };
        if let Some((number, signs_from)) = next {
            self.make(number, now, signs_from).await?;
            stored = store::signing_keys(&self.db).await?;
        }
        self.ring.store(Arc::new(self.ring_of(&stored, now)?));
        Ok(())
    }

    async fn make(&self, number: i64, now: Moment, signs_from: Moment) -> Result<(), KeyError> {
        let id: Uuid = self.ids.next();
        let seed: [u8; 32] = self.random.bytes();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Broken)?;
        let key = StoredKey {
            id,
            number,
            public_key: pair.public_key().as_ref().to_vec(),
            sealed_private_key: self.master.seal(&self.random, &purpose(id), &seed),
            signs_from,
        };
        store::insert_signing_key(&self.db, &key, now).await?;
        store::drop_signing_keys(&self.db, number, now - TOKEN_LIFE_MAX - super::token::LEEWAY).await?;
        Ok(())
    }

    fn ring_of(&self, stored: &[StoredKey], now: Moment) -> Result<Ring, KeyError> {
        let successors = stored.iter().skip(1).map(|next| Some(next.signs_from)).chain([None]);
        let keys = stored.iter().zip(successors).map(|(stored, successor)| {
            let seed = self.master.open(&purpose(stored.id), &stored.sealed_private_key)?;
            let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &stored.public_key)
                .map_err(|_| KeyError::Broken)?;
            let private = pair.to_pkcs8v1().map_err(|_| KeyError::Broken)?;
            Ok(Arc::new(Key {
                id: stored.id.to_string(),
                number: stored.number,
                x: URL_SAFE_NO_PAD.encode(&stored.public_key),
                public: DecodingKey::from_ed_der(&stored.public_key),
                private: EncodingKey::from_ed_der(private.as_ref()),
                signs_from: stored.signs_from,
                trusted_until: successor.map(|signs_from| signs_from + TOKEN_LIFE_MAX + super::token::LEEWAY),
            }))
        });
        let keys = keys.collect::<Result<Vec<_>, KeyError>>()?;
        let by_id = keys.iter().map(|key| (key.id.clone(), key.clone())).collect();
        Ok(Ring { loaded_at: now, keys, by_id })
    }
}

impl Ring {
    fn signing(&self, now: Moment) -> Option<&Arc<Key>> {
        self.keys.iter().rev().find(|key| key.signs_from <= now)
    }
}

impl Key {
    fn is_trusted(&self, now: Moment) -> bool {
        self.trusted_until.is_none_or(|until| now < until)
    }
}

fn purpose(id: Uuid) -> Vec<u8> {
    [b"aisle signing key ".as_slice(), id.as_bytes()].concat()
}

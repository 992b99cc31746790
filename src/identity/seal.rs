//! The master key and what it seals: private keys lie in the database only as ciphertext.

use std::io::Write;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::Identity;
use crate::random::Random;

/// Bytes of a master key: AES-256.
pub(super) const MASTER_KEY_BYTES: usize = 32;

/// Why a master key is not usable.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is not the base64 of 32 bytes.
    #[error("a master key is 32 bytes in base64 (openssl rand -base64 32)")]
    NotAKey,
    /// The file of the key can't be read or made.
    #[error("the file of the master key {0} can't be used: {1}")]
    File(String, std::io::Error),
    /// What was sealed was sealed with another key, or changed since.
    #[error(
        "what is sealed in the database was sealed with another master key: bring that one back, as AISLE_MASTER_KEY or in \
         AISLE_MASTER_KEYS_BEFORE (or empty the table signing_keys, after which everybody signs in again)"
    )]
    OtherKey,
}

/// The key that seals secrets, and those before it, which still open what they sealed.
pub(super) struct Master {
    current: MasterKey,
    before: Vec<MasterKey>,
}

struct MasterKey {
    cipher: LessSafeKey,
    marks: hmac::Key,
}

impl Identity {
    /// Seals a secret of another room with the master key, for one purpose: it opens only when the same purpose is named.
    pub fn seal(&self, random: &Random, purpose: &[u8], secret: &[u8]) -> Vec<u8> {
        self.keys.master.seal(random, purpose, secret)
    }

    /// Opens what [`Identity::seal`] sealed for this purpose.
    pub fn unseal(&self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.keys.master.open(purpose, sealed)
    }

    /// Marks of a secret by which its row is found: the current key's first, then those of the keys before it. They tell
    /// nothing of the secret to those who lack the keys.
    pub fn marks(&self, secret: &[u8]) -> Vec<String> {
        let master = &self.keys.master;
        let keys = std::iter::once(&master.current).chain(&master.before);
        keys.map(|key| STANDARD.encode(hmac::sign(&key.marks, secret))).collect()
    }
}

impl MasterKey {
    fn parse(text: &SecretString) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| SealError::NotAKey)?;
        let cipher = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::NotAKey)?;
        // Of its own: a key that seals is used for nothing else.
        let marks = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"aisle marks");
        let marks = hmac::Key::new(hmac::HMAC_SHA256, marks.as_ref());
        Ok(Self { cipher: LessSafeKey::new(cipher), marks })
    }
}

impl Master {
    pub(super) fn parse(text: &SecretString) -> Result<Self, SealError> {
        Ok(Self { current: MasterKey::parse(text)?, before: Vec::new() })
    }

    /// The same key, which opens what these sealed too.
    pub(super) fn after(self, before: &[SecretString]) -> Result<Self, SealError> {
        let before: Result<Vec<_>, _> = before.iter().map(MasterKey::parse).collect();
        Ok(Self { before: before?, ..self })
    }

    /// The key in this file; made, for its owner alone to read, when there is none.
    pub(super) fn of_file(path: &Path, random: &Random) -> Result<Self, SealError> {
        let failed = |error| SealError::File(path.display().to_string(), error);
        if let Some(text) = read(path).map_err(failed)? {
            return Self::parse(&text);
        }
        let text: SecretString = STANDARD.encode(random.bytes::<MASTER_KEY_BYTES>()).into();
        // Written aside and linked into place: another process sees the whole key or none, and the first one wins.
        let aside = path.with_extension(format!("{:016x}.tmp", u64::from_le_bytes(random.bytes())));
        let written = write(&aside, &text).and_then(|()| std::fs::hard_link(&aside, path));
        let _ = std::fs::remove_file(&aside);
        match written {
            Ok(()) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::parse(&read(path).map_err(failed)?.ok_or(SealError::NotAKey)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Seals a secret for one purpose: it opens only when the same purpose is named.
    pub(super) fn seal(&self, random: &Random, purpose: &[u8], secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random.bytes();
        let mut sealed = secret.to_vec();
        self.current
            .cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .expect("a secret of a few bytes can be sealed");
        [nonce.as_slice(), &sealed].concat()
    }

    pub(super) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::OtherKey)?;
        let open_with = |key: &MasterKey| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut opened = sealed.to_vec();
            let secret = key.cipher.open_in_place(nonce, Aad::from(purpose), &mut opened).ok()?;
            Some(secret.to_vec())
        };
        std::iter::once(&self.current).chain(&self.before).find_map(open_with).ok_or(SealError::OtherKey)
    }
}

fn read(path: &Path) -> std::io::Result<Option<SecretString>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, text: &SecretString) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> Master {
        Master::parse(&STANDARD.encode([byte; MASTER_KEY_BYTES]).into()).expect("a key")
    }

    #[test]
    fn what_was_sealed_opens_only_with_its_key_and_purpose() {
        let random = Random::seeded(1);
        let sealed = master(1).seal(&random, b"a", b"secret");
        assert_eq!(master(1).open(b"a", &sealed).expect("opens"), b"secret");
        assert!(master(2).open(b"a", &sealed).is_err());
        assert!(master(1).open(b"b", &sealed).is_err());
        assert!(master(1).open(b"a", &sealed[..5]).is_err());
    }

    #[test]
    fn a_new_key_opens_what_the_keys_before_it_sealed_and_seals_by_itself() {
        let random = Random::seeded(1);
        let old = master(1).seal(&random, b"a", b"secret");
        let before = [STANDARD.encode([1; MASTER_KEY_BYTES]).into()];
        let changed = master(2).after(&before).expect("keys");
        assert_eq!(changed.open(b"a", &old).expect("opens"), b"secret");
        let new = changed.seal(&random, b"a", b"secret");
        assert!(master(1).open(b"a", &new).is_err());
        assert_eq!(master(2).open(b"a", &new).expect("opens"), b"secret");
        assert!(master(3).after(&before).expect("keys").open(b"a", &new).is_err());
    }

    #[test]
    fn a_file_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("aisle.db.key");
        let random = Random::seeded(1);
        let sealed = Master::of_file(&path, &random).expect("made").seal(&random, b"", b"secret");
        assert_eq!(
            Master::of_file(&path, &random).expect("read").open(b"", &sealed).expect("opens"),
            b"secret"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_text_of_another_length_is_no_key() {
        assert!(Master::parse(&"c2hvcnQ=".into()).is_err());
        assert!(Master::parse(&"not base64!".into()).is_err());
    }
}

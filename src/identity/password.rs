//! Passwords of staff: argon2id, off the async threads, never more at once than the machine can bear.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::Internal;
use crate::random::Random;

/// Shortest password: what NIST SP 800-63B asks for beside a second barrier, which the lock-out is.
pub const PASSWORD_LENGTH_MIN: usize = 12;
/// Longest password: room for a sentence, and no work for us by sheer length.
pub const PASSWORD_LENGTH_MAX: usize = 256;
/// Checks that run at once: each takes 19 MiB and a core for a while.
const AT_ONCE_MAX: usize = 4;

/// The bounded place where passwords are hashed and checked.
pub(super) struct Passwords {
    at_once: Semaphore,
    /// Checked in place of an unknown account's, so that it takes as long; made at the first check, whoever's it is.
    decoy: Arc<OnceLock<String>>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { at_once: Semaphore::new(AT_ONCE_MAX), decoy: Arc::default() }
    }

    /// The hash of a password with its salt and parameters (PHC string).
    pub(super) async fn hash(&self, password: &SecretString, random: &Random) -> Result<String, Internal> {
        let _permit = self.at_once.acquire().await?;
        let (password, salt) = (password.clone(), random.bytes());
        tokio::task::spawn_blocking(move || hash_now(password.expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether the password fits. Without a hash it never does, and takes the same time to say so.
    pub(super) async fn fits(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, Internal> {
        let _permit = self.at_once.acquire().await?;
        let (password, decoy, hash) = (password.clone(), self.decoy.clone(), hash.map(str::to_owned));
        let check = move || {
            // Salt and password of the decoy don't matter: nobody is let in by it.
            let decoy = decoy.get_or_init(|| hash_now(b"decoy", b"no one signs in.").unwrap_or_default());
            let fits = fits_now(password.expose_secret(), hash.as_ref().unwrap_or(decoy));
            fits && hash.is_some()
        };
        Ok(tokio::task::spawn_blocking(check).await?)
    }
}

fn hash_now(password: &[u8], salt: &[u8; 16]) -> Result<String, Internal> {
    // The defaults are those of OWASP's password storage sheet: argon2id, 19 MiB, two passes.
    Ok(Argon2::default()
        .hash_password_with_salt(password, salt)
        .map_err(|error| error.to_string())?
        .to_string())
}

fn fits_now(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

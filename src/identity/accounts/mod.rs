//! Accounts of staff and partners: who may call beside shoppers, made and changed by admins or at the command line.
//!
//! Invariants: an admin changes only accounts whose grants, before and after, all lie in stores where they are admin; closing
//! an account or changing its password ends its sessions in the same transaction; a partner's secret is shown once and kept
//! only as a hash.

mod partners;
mod staff;
pub(super) mod store;

pub(super) use partners::{KEY_PREFIX, PartnerKeyView, PartnerView, live_key};
pub use partners::{is_partner_active, create_partner_key, find_partner, put_key, put_partner, revoke_key};
pub use staff::{StaffInput, create_staff, find_staff, put_staff, reset_staff};
pub(super) use staff::{StaffView, check_password, is_active, live_grants};

use super::password::{PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN};
use crate::db;
use crate::error::Internal;

/// Why an account is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The caller is not admin in all stores that this is about.
    #[error("only an admin of all stores that this is about may do it")]
    NotAdmin,
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The login is another account's.
    #[error("the login is taken")]
    LoginTaken,
    /// The login is not usable.
    #[error("a login has 3 to 64 of the characters a-z 0-9 . _ @ + -")]
    LoginForm,
    /// A new account has no password.
    #[error("a new account needs a password")]
    PasswordMissing,
    /// The password is too short or too long.
    #[error("a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters")]
    PasswordLength,
    /// Too many grants, or two for the same store.
    #[error("an account has at most {} grants, one a store", store::GRANTS_MAX)]
    Grants,
    /// The caller wanted to change another version.
    #[error("the account was changed meanwhile")]
    Version,
    /// The name of a partner is empty or too long.
    #[error("a name has 1 to 200 characters and none that controls")]
    Name,
    /// A key without scopes is of no use.
    #[error("a key needs at least one scope")]
    Scopes,
    /// The id is of a key with other scopes, another store or another partner.
    #[error("the id is that of another key")]
    OtherKey,
    /// The partner has too many keys.
    #[error("a partner has at most {} keys that are not revoked", store::KEYS_MAX)]
    Keys,
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Something else went wrong inside.
    #[error("{0}")]
    Internal(Internal),
}

//! Accounts of staff: make, change, close; check a password.

use chrono::Duration;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::AccountError;
use super::store::{self, Account};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Db, Tx};
use crate::identity::callers::Staff;
use crate::identity::model::{Grant, Role, Stores};
use crate::identity::password::{PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN};
use crate::identity::sessions::{self, SignInError};
use crate::identity::store as sessions_store;
use crate::ids::{SessionId, StaffId};

/// Wrong passwords before a login is locked.
const TRIES_MAX: i64 = 5;
/// How long it is locked; after that each further wrong password locks it again.
const LOCKED_FOR: Duration = Duration::minutes(5);
/// Tries are forgotten after this time.
const TRIES_KEPT: Duration = Duration::days(1);
const LOGIN_LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;

/// What an account shall be.
#[derive(Clone, Debug)]
pub struct StaffInput {
    /// The name to sign in with; kept in lower case.
    pub login: String,
    /// The password; without one an account keeps the one it has.
    pub password: Option<SecretString>,
    /// Whether the account may be used.
    pub active: bool,
    /// Roles and where they hold.
    pub grants: Vec<Grant>,
}

/// An account of staff.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Staff)]
pub struct StaffView {
    /// The account.
    pub id: StaffId,
    /// The name to sign in with.
    pub login: String,
    /// Whether the account may be used.
    pub active: bool,
    /// Roles and where they hold.
    pub grants: Vec<Grant>,
    /// Grows with each change; also the `ETag`.
    pub version: i64,
}

/// Makes an account: at the command line, where whoever has the machine needs no role.
pub async fn create_staff(app: &App, input: StaffInput) -> Result<StaffId, AccountError> {
    let id = app.ids.next();
    put_staff(app, None, id, input, None).await?;
    Ok(id)
}

/// Makes an account, or gives the one that has the login another password and other grants: at the command line.
pub async fn reset_staff(app: &App, input: StaffInput) -> Result<StaffId, AccountError> {
    let known = store::account_of_login(&app.db, &input.login.to_lowercase()).await?;
    let id = known.map_or_else(|| app.ids.next(), |account| account.id);
    put_staff(app, None, id, input, None).await?;
    Ok(id)
}

/// Makes an account or changes it; answers whether it is new. `by` is the admin who does it; nobody at the command line.
pub async fn put_staff(
    app: &App,
    by: Option<&Staff>,
    id: StaffId,
    input: StaffInput,
    version: Option<i64>,
) -> Result<(bool, StaffView), AccountError> {
    let now = app.clock.now();
    let input = checked(input)?;
    may_manage(by, &input.grants)?;
    let hash = match &input.password {
        Some(password) => {
            Some(app.identity.passwords.hash(password, &app.random).await.map_err(AccountError::Internal)?)
        }
        None => None,
    };
    let mut tx = app.db.begin().await?;
    let is_new = store::lock(&mut tx, id).await?.is_none();
    let version = if is_new {
        if version.is_some() {
            return Err(AccountError::Version);
        }
        let password_hash = hash.ok_or(AccountError::PasswordMissing)?;
        let account =
            Account { id, login: input.login.clone(), password_hash, active: input.active, version: 1 };
        if !store::insert_account(&mut tx, &account, now).await? {
            return Err(AccountError::LoginTaken);
        }
        1
    } else {
        change(&mut tx, by, id, &input, hash, version, now).await?
    };
    store::replace_grants(&mut tx, id, &input.grants).await?;
    tx.commit().await?;
    app.identity.callers.forget_all();
    let StaffInput { login, active, grants, .. } = input;
    Ok((is_new, StaffView { id, login, active, grants, version }))
}

async fn change(
    tx: &mut Tx,
    by: Option<&Staff>,
    id: StaffId,
    input: &StaffInput,
    hash: Option<String>,
    version: Option<i64>,
    now: Moment,
) -> Result<i64, AccountError> {
    may_manage(by, &store::grants(&mut *tx, id).await?)?;
    let old = store::account(&mut *tx, id).await?.ok_or(AccountError::Unknown)?;
    if version.is_some_and(|version| version != old.version) {
        return Err(AccountError::Version);
    }
    if hash.is_some() || !input.active {
        store::end_sessions(tx, id, now).await?;
    }
    let account = Account {
        id,
        login: input.login.clone(),
        password_hash: hash.unwrap_or(old.password_hash),
        active: input.active,
        version: old.version + 1,
    };
    match store::update_account(tx, &account).await {
        Err(db::Error::Database(error)) if error.is_unique_violation() => Err(AccountError::LoginTaken),
        other => Ok(other.map(|()| account.version)?),
    }
}

/// An account, for an admin of all its stores or for itself.
pub async fn find_staff(app: &App, by: &Staff, id: StaffId) -> Result<StaffView, AccountError> {
    let mut tx = app.db.snapshot().await?;
    let grants = store::grants(&mut tx, id).await?;
    let account = store::account(&mut tx, id).await?;
    if by.id != id {
        may_manage(Some(by), &grants)?;
    }
    let Account { login, active, version, .. } = account.ok_or(AccountError::Unknown)?;
    Ok(StaffView { id, login, active, grants, version })
}

/// An account without grants is managed by admins of all stores, so that nobody takes over what was taken from a store.
fn may_manage(by: Option<&Staff>, grants: &[Grant]) -> Result<(), AccountError> {
    let Some(by) = by else { return Ok(()) };
    let is_admin = |stores: &Stores| by.may_in(Role::Admin, stores);
    let may =
        is_admin(&Stores::All) || (!grants.is_empty() && grants.iter().all(|grant| is_admin(&grant.store)));
    if may { Ok(()) } else { Err(AccountError::NotAdmin) }
}

fn checked(input: StaffInput) -> Result<StaffInput, AccountError> {
    let login = input.login.to_lowercase();
    if !is_login(&login) {
        return Err(AccountError::LoginForm);
    }
    if let Some(password) = &input.password
        && !(PASSWORD_LENGTH_MIN..=PASSWORD_LENGTH_MAX).contains(&password.expose_secret().chars().count())
    {
        return Err(AccountError::PasswordLength);
    }
    let mut grants = input.grants;
    grants.sort();
    let given = grants.len();
    grants.dedup_by(|one, other| one.store == other.store);
    if grants.len() != given || given > store::GRANTS_MAX {
        return Err(AccountError::Grants);
    }
    Ok(StaffInput { login, grants, ..input })
}

fn is_login(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    LOGIN_LENGTHS.contains(&text.len()) && text.bytes().all(is_plain)
}

/// The account of a login whose password fits, if it may be used. Every refusal takes the same work.
pub(in crate::identity) async fn check_password(
    app: &App,
    login: &str,
    password: &SecretString,
    now: Moment,
) -> Result<Option<StaffId>, SignInError> {
    let login_hash = sessions::hash(login);
    let may_try = store::count_try(&app.db, &login_hash, now, now + LOCKED_FOR, TRIES_MAX).await?;
    // What can't be a login is looked up as one that nobody has.
    let asked = if is_login(login) { login } else { "" };
    let account = store::account_of_login(&app.db, asked).await?.filter(|account| account.active && may_try);
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    if !app.identity.passwords.fits(password, hash).await.map_err(SignInError::Internal)? {
        return Ok(None);
    }
    store::forget_tries(&app.db, &login_hash, now - TRIES_KEPT).await?;
    Ok(account.map(|account| account.id))
}

/// Whether the account may be used, held so until the transaction ends.
pub(in crate::identity) async fn is_active(tx: &mut Tx, staff: StaffId) -> Result<bool, db::Error> {
    Ok(store::lock(tx, staff).await? == Some(true))
}

/// The grants of somebody who is signed in; nothing when the session has ended or the account is closed.
pub(in crate::identity) async fn live_grants(
    db: &Db,
    staff: StaffId,
    session: SessionId,
) -> Result<Option<Vec<Grant>>, db::Error> {
    if !sessions_store::is_live(db, session, sessions_store::Holder::Staff(staff)).await? {
        return Ok(None);
    }
    let is_active = store::account(db, staff).await?.is_some_and(|account| account.active);
    if is_active { store::grants(db, staff).await.map(Some) } else { Ok(None) }
}

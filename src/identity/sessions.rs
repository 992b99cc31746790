//! Sessions: sign in, refresh, sign out.
//!
//! Invariants: a refresh token is used once; a second use, by whoever, ends the session, because one of the two is a thief;
//! a guest's refresh needs a proof by the device that signed in; what ended stays ended.
//!
//! A phone whose answer to a refresh was lost uses the old token again and loses its session; it signs in again with its
//! device key and is the same shopper. So strictness costs an honest app one request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use secrecy::SecretString;

use super::accounts;
use super::device::{self, DeviceJwk, Proof, ProofError, Purpose};
use super::limit;
use super::store::{self, Holder};
use super::token::{ACCESS_TYPE, Access, SHOPPER_AUDIENCE, STAFF_AUDIENCE, SignError};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::{SessionId, ShopperId, StaffId};

/// How long an access token is good for: what a stolen one is worth.
pub const ACCESS_LIFE: Duration = Duration::minutes(10);
/// How long a shopper may stay away without signing in again.
pub const SHOPPER_REFRESH_LIFE: Duration = Duration::days(30);
/// How long a staff member stays signed in, however often the token is refreshed: a shift.
pub const STAFF_SESSION_LIFE: Duration = Duration::hours(12);

/// Why a sign-in or a refresh is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The device's proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The refresh needs a proof by the device.
    #[error("a refresh of a guest's session needs a proof by the device")]
    ProofMissing,
    /// Unknown login, wrong password, an account that is not active, or too many tries: one answer for all.
    #[error("the login or the password is wrong, or there were too many tries")]
    Credentials,
    /// The refresh token is unknown, used, out of date, or its session has ended.
    #[error("the refresh token is not valid any more")]
    Refresh,
    /// Too many sign-ins.
    #[error("too many sign-ins")]
    TooMany,
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The tokens can't be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Something else went wrong inside.
    #[error("{0}")]
    Internal(Internal),
}

/// What a sign-in or a refresh gives. Never shown in logs, so it has no `Debug`.
pub struct Issued {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) refresh_life: Duration,
    pub(super) holder: Holder,
}

/// Signs a guest in by the key of a device; the same key is the same shopper.
pub(super) async fn guest(app: &App, device_key: &DeviceJwk, proof: &Proof) -> Result<Issued, SignInError> {
    let now = app.clock.now();
    let key = device_key.checked()?;
    app.identity.limits.take(limit::DEVICE, key, now)?;
    proof.check(key, Purpose::SignIn, app.identity.issuer(), key, now)?;
    app.identity.limits.take(limit::GUESTS, "", now)?;
    let mut tx = app.db.begin().await?;
    let shopper = store::shopper_of_device(&mut tx, app.ids.next(), key, now).await?;
    let (session, refresh) = begin(app, &mut tx, Holder::Shopper(shopper), now, SHOPPER_REFRESH_LIFE).await?;
    tx.commit().await?;
    issue(app, Holder::Shopper(shopper), session, refresh, SHOPPER_REFRESH_LIFE, now).await
}

/// Signs a staff member in by login and password.
pub(super) async fn staff(app: &App, login: &str, password: &SecretString) -> Result<Issued, SignInError> {
    let now = app.clock.now();
    let login = login.to_lowercase();
    app.identity.limits.take(limit::PASSWORDS, "", now)?;
    app.identity.limits.take(limit::LOGIN, &login, now)?;
    let staff =
        accounts::check_password(app, &login, password, now).await?.ok_or(SignInError::Credentials)?;
    let mut tx = app.db.begin().await?;
    // The account may have been closed since the password was checked.
    if !accounts::is_active(&mut tx, staff).await? {
        return Err(SignInError::Credentials);
    }
    let (session, refresh) = begin(app, &mut tx, Holder::Staff(staff), now, STAFF_SESSION_LIFE).await?;
    tx.commit().await?;
    issue(app, Holder::Staff(staff), session, refresh, STAFF_SESSION_LIFE, now).await
}

/// Gives new tokens for a refresh token, once.
pub(super) async fn refresh(app: &App, token: &str, proof: Option<&Proof>) -> Result<Issued, SignInError> {
    let now = app.clock.now();
    let token_hash = hash(token);
    app.identity.limits.take(limit::REFRESHES, "", now)?;
    let found = store::find_refresh(&app.db, &token_hash).await?.ok_or(SignInError::Refresh)?;
    let holder = found.holder().ok_or(SignInError::Refresh)?;
    if let Some(key) = &found.device_key {
        // Checked before the token is used up: whoever lacks the device can't even end the session with it.
        let proof = proof.ok_or(SignInError::ProofMissing)?;
        proof.check(key, Purpose::Refresh, app.identity.issuer(), &device::refresh_subject(token), now)?;
    }
    if found.ended_at.is_some() || found.expires_at <= now {
        return Err(SignInError::Refresh);
    }
    let mut tx = app.db.begin().await?;
    if !store::use_refresh(&mut tx, &token_hash, now).await? {
        store::end_session(&mut tx, found.session, now, "reused").await?;
        tx.commit().await?;
        app.identity.callers.forget(found.session);
        tracing::warn!(session.id = %found.session, "a refresh token came twice: its session was ended");
        return Err(SignInError::Refresh);
    }
    let life = match holder {
        Holder::Shopper(_) => SHOPPER_REFRESH_LIFE,
        Holder::Staff(_) => found.expires_at - now,
    };
    let next = new_secret(app);
    if !store::go_on(&mut tx, found.session, now, now + life).await? {
        return Err(SignInError::Refresh);
    }
    store::insert_refresh(&mut tx, &hash(&next), found.session, now + life).await?;
    tx.commit().await?;
    issue(app, holder, found.session, next, life, now).await
}

/// Ends the session of a refresh token, used or not. Without such a session there is nothing to do.
pub(super) async fn sign_out(app: &App, token: &str) -> Result<(), SignInError> {
    let now = app.clock.now();
    app.identity.limits.take(limit::REFRESHES, "", now)?;
    if let Some(found) = store::find_refresh(&app.db, &hash(token)).await?
        && store::end_session(&app.db, found.session, now, "signed_out").await?
    {
        app.identity.callers.forget(found.session);
    }
    Ok(())
}

async fn begin(
    app: &App,
    tx: &mut Tx,
    holder: Holder,
    now: Moment,
    life: Duration,
) -> Result<(SessionId, String), db::Error> {
    let session = app.ids.next();
    let refresh = new_secret(app);
    store::begin_session(tx, session, holder, now, now + life).await?;
    store::insert_refresh(tx, &hash(&refresh), session, now + life).await?;
    Ok((session, refresh))
}

async fn issue(
    app: &App,
    holder: Holder,
    session: SessionId,
    refresh: String,
    refresh_life: Duration,
    now: Moment,
) -> Result<Issued, SignInError> {
    let (sub, aud) = match holder {
        Holder::Shopper(ShopperId(id)) => (id, SHOPPER_AUDIENCE),
        Holder::Staff(StaffId(id)) => (id, STAFF_AUDIENCE),
    };
    let claims = Access {
        iss: app.identity.issuer().to_owned(),
        sub,
        aud: aud.to_owned(),
        iat: now.timestamp(),
        exp: (now + ACCESS_LIFE).timestamp(),
        jti: app.ids.next(),
        sid: session,
    };
    let access = app.identity.sign(app, ACCESS_TYPE, &claims).await?;
    Ok(Issued { access, refresh, refresh_life, holder })
}

/// 256 random bits as text.
pub(super) fn new_secret(app: &App) -> String {
    URL_SAFE_NO_PAD.encode(app.random.bytes::<32>())
}

/// How secrets of 256 random bits are stored: nobody can search that many, so a fast hash is enough.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

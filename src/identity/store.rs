//! The rows of shoppers, sessions and signing keys. Accounts of staff and partners are in `accounts/store.rs`.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Db, Error, Run, Tx};
use crate::ids::{SessionId, ShopperId, StaffId};

/// Live sessions that a shopper keeps; more sign-ins end the oldest. Answers that were lost leave some behind.
const SESSIONS_MAX: i64 = 8;

/// A signing key as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct StoredKey {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) public_key: Vec<u8>,
    pub(super) sealed_private_key: Vec<u8>,
    pub(super) signs_from: DateTime<Utc>,
}

/// All keys by number; rotation drops the old ones, so there are few.
pub(super) async fn signing_keys(db: &Db) -> Result<Vec<StoredKey>, Error> {
    db.sql("SELECT id, number, public_key, sealed_private_key, signs_from FROM signing_keys ORDER BY number")
        .fetch_all()
        .await
}

/// Inserts a key, unless another instance took its number.
pub(super) async fn insert_signing_key(db: &Db, key: &StoredKey, now: Moment) -> Result<(), Error> {
    db.sql(
        "INSERT INTO signing_keys (id, number, public_key, sealed_private_key, created_at, signs_from)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (number) DO NOTHING",
    )
    .bind(key.id)
    .bind(key.number)
    .bind(key.public_key.clone())
    .bind(key.sealed_private_key.clone())
    .bind(now)
    .bind(key.signs_from)
    .execute()
    .await?;
    Ok(())
}

/// Drops keys below a number whose successor began to sign before `signed_until`: nothing of theirs is valid any more.
pub(super) async fn drop_signing_keys(db: &Db, below: i64, signed_until: Moment) -> Result<(), Error> {
    db.sql(
        "DELETE FROM signing_keys
         WHERE number < $1
             AND EXISTS (
                 SELECT 1 FROM signing_keys AS later
                 WHERE later.number = signing_keys.number + 1 AND later.signs_from < $2
             )",
    )
    .bind(below)
    .bind(signed_until)
    .execute()
    .await?;
    Ok(())
}

/// The shopper of a device; made at first sight.
pub(super) async fn shopper_of_device(
    tx: &mut Tx,
    new: ShopperId,
    device_key: &str,
    now: Moment,
) -> Result<ShopperId, Error> {
    // The update changes nothing: it locks the row, so that sign-ins of one device come one after the other, and answers it.
    let (id,) = tx
        .sql(
            "INSERT INTO shoppers (id, device_key, created_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (device_key) DO UPDATE SET device_key = excluded.device_key
             RETURNING id",
        )
        .bind(new)
        .bind(device_key)
        .bind(now)
        .fetch_one()
        .await?;
    Ok(id)
}

/// The shopper of a subject of an issuer; made at first sight.
pub(super) async fn shopper_of_subject(
    db: &Db,
    new: ShopperId,
    issuer: &str,
    subject: &str,
    now: Moment,
) -> Result<ShopperId, Error> {
    const FIND: &str = "SELECT id FROM shoppers WHERE issuer = $1 AND subject = $2";
    if let Some((id,)) = db.sql(FIND).bind(issuer).bind(subject).fetch_optional().await? {
        return Ok(id);
    }
    db.sql(
        "INSERT INTO shoppers (id, issuer, subject, created_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (issuer, subject) DO NOTHING",
    )
    .bind(new)
    .bind(issuer)
    .bind(subject)
    .bind(now)
    .execute()
    .await?;
    let (id,) = db.sql(FIND).bind(issuer).bind(subject).fetch_one().await?;
    Ok(id)
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Shopper(ShopperId),
    Staff(StaffId),
}

impl Holder {
    fn parts(self) -> (Option<ShopperId>, Option<StaffId>) {
        match self {
            Self::Shopper(id) => (Some(id), None),
            Self::Staff(id) => (None, Some(id)),
        }
    }
}

/// Begins a session, and clears away those of the same holder that are over or too many.
pub(super) async fn begin_session(
    tx: &mut Tx,
    id: SessionId,
    holder: Holder,
    now: Moment,
    expires_at: Moment,
) -> Result<(), Error> {
    let (shopper, staff) = holder.parts();
    tx.sql("DELETE FROM sessions WHERE (shopper = $1 OR staff = $2) AND expires_at < $3")
        .bind(shopper)
        .bind(staff)
        .bind(now)
        .execute()
        .await?;
    tx.sql(
        "INSERT INTO sessions (id, shopper, staff, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(shopper)
    .bind(staff)
    .bind(now)
    .bind(expires_at)
    .execute()
    .await?;
    tx.sql(
        "UPDATE sessions SET ended_at = $3, end_reason = 'replaced'
         WHERE (shopper = $1 OR staff = $2)
             AND ended_at IS NULL
             AND id NOT IN (
                 SELECT id FROM sessions
                 WHERE (shopper = $1 OR staff = $2) AND ended_at IS NULL
                 ORDER BY created_at DESC, id DESC
                 LIMIT $4
             )",
    )
    .bind(shopper)
    .bind(staff)
    .bind(now)
    .bind(SESSIONS_MAX)
    .execute()
    .await?;
    Ok(())
}

/// Stores a refresh token's hash.
pub(super) async fn insert_refresh(
    tx: &mut Tx,
    hash: &[u8],
    session: SessionId,
    expires_at: Moment,
) -> Result<(), Error> {
    tx.sql("INSERT INTO refresh_tokens (hash, session, expires_at) VALUES ($1, $2, $3)")
        .bind(hash.to_vec())
        .bind(session)
        .bind(expires_at)
        .execute()
        .await?;
    Ok(())
}

/// A refresh token with its session.
#[derive(sqlx::FromRow)]
pub(super) struct Refresh {
    pub(super) session: SessionId,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    shopper: Option<ShopperId>,
    staff: Option<StaffId>,
    pub(super) device_key: Option<String>,
}

impl Refresh {
    pub(super) fn holder(&self) -> Option<Holder> {
        self.shopper.map(Holder::Shopper).or(self.staff.map(Holder::Staff))
    }
}

pub(super) async fn find_refresh(db: impl Run<'_>, hash: &[u8]) -> Result<Option<Refresh>, Error> {
    db.sql(
        "SELECT refresh_tokens.session, refresh_tokens.expires_at, sessions.ended_at, sessions.shopper, sessions.staff,
             shoppers.device_key
         FROM refresh_tokens
         JOIN sessions ON sessions.id = refresh_tokens.session
         LEFT JOIN shoppers ON shoppers.id = sessions.shopper
         WHERE refresh_tokens.hash = $1",
    )
    .bind(hash.to_vec())
    .fetch_optional()
    .await
}

/// Uses a refresh token up. Of several at once, one gets `true`.
pub(super) async fn use_refresh(tx: &mut Tx, hash: &[u8], now: Moment) -> Result<bool, Error> {
    let used = tx
        .sql("UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL")
        .bind(hash.to_vec())
        .bind(now)
        .execute()
        .await?;
    Ok(used == 1)
}

/// Lets a session go on until the newest refresh token runs out, if it has not ended meanwhile; drops tokens that ran out.
pub(super) async fn go_on(
    tx: &mut Tx,
    session: SessionId,
    now: Moment,
    expires_at: Moment,
) -> Result<bool, Error> {
    let live = tx
        .sql("UPDATE sessions SET expires_at = $2 WHERE id = $1 AND ended_at IS NULL")
        .bind(session)
        .bind(expires_at)
        .execute()
        .await?;
    tx.sql("DELETE FROM refresh_tokens WHERE session = $1 AND expires_at < $2")
        .bind(session)
        .bind(now)
        .execute()
        .await?;
    Ok(live == 1)
}

/// Ends a session; answers whether it was live.
pub(super) async fn end_session(
    db: impl Run<'_>,
    session: SessionId,
    now: Moment,
    reason: &'static str,
) -> Result<bool, Error> {
    let ended = db
        .sql("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
        .bind(session)
        .bind(now)
        .bind(reason)
        .execute()
        .await?;
    Ok(ended == 1)
}

/// Whether a session of this holder is live.
pub(super) async fn is_live(db: &Db, session: SessionId, holder: Holder) -> Result<bool, Error> {
    let (shopper, staff) = holder.parts();
    let row: Option<(SessionId,)> = db
        .sql("SELECT id FROM sessions WHERE id = $1 AND (shopper = $2 OR staff = $3) AND ended_at IS NULL")
        .bind(session)
        .bind(shopper)
        .bind(staff)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

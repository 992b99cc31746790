//! The rows of staff, their grants, tries of passwords, partners and their keys.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use crate::clock::Moment;
use crate::db::{Db, Error, Run, Tx};
use crate::identity::model::{Grant, Scope};
use crate::ids::{PartnerId, PartnerKeyId, StaffId, StoreId};

/// Grants of one account: more stores than this are `*`.
pub(crate) const GRANTS_MAX: usize = 200;
/// Keys of one partner that are not revoked: two live ones a gate or system, for rotation.
pub(crate) const KEYS_MAX: i64 = 100;

/// Counts a try to sign in, before the password is looked at, so that tries at the same time count too. Answers `false` while
/// the login is locked.
pub(super) async fn count_try(
    db: &Db,
    login: &[u8],
    now: Moment,
    locked_until: Moment,
    limit: i64,
) -> Result<bool, Error> {
    let counted = db
        .sql(
            "INSERT INTO password_tries (login_hash, tries, last_at)
             VALUES ($1, 1, $2)
             ON CONFLICT (login_hash) DO UPDATE SET
                 tries = password_tries.tries + 1,
                 locked_until = CASE WHEN password_tries.tries + 1 >= $3 THEN $4 ELSE password_tries.locked_until END,
                 last_at = excluded.last_at
             WHERE password_tries.locked_until IS NULL OR password_tries.locked_until <= excluded.last_at",
        )
        .bind(login.to_vec())
        .bind(now)
        .bind(limit)
        .bind(locked_until)
        .execute()
        .await?;
    Ok(counted == 1)
}

/// Forgets the tries of a login that signed in, and old ones of everybody.
pub(super) async fn forget_tries(db: &Db, login: &[u8], before: Moment) -> Result<(), Error> {
    db.sql("DELETE FROM password_tries WHERE login_hash = $1 OR last_at < $2")
        .bind(login.to_vec())
        .bind(before)
        .execute()
        .await?;
    Ok(())
}

/// An account of staff without its grants.
#[derive(sqlx::FromRow)]
pub(super) struct Account {
    pub(super) id: StaffId,
    pub(super) login: String,
    pub(super) password_hash: String,
    pub(super) active: bool,
    pub(super) version: i64,
}

pub(super) async fn account_of_login(db: &Db, login: &str) -> Result<Option<Account>, Error> {
    db.sql("SELECT id, login, password_hash, active, version FROM staff WHERE login = $1")
        .bind(login)
        .fetch_optional()
        .await
}

pub(super) async fn account(db: impl Run<'_>, id: StaffId) -> Result<Option<Account>, Error> {
    db.sql("SELECT id, login, password_hash, active, version FROM staff WHERE id = $1")
        .bind(id)
        .fetch_optional()
        .await
}

/// Locks an account for the rest of the transaction; answers whether there is one, and whether it is active.
pub(super) async fn lock(tx: &mut Tx, id: StaffId) -> Result<Option<bool>, Error> {
    let row: Option<(bool,)> = tx
        .sql("UPDATE staff SET version = version WHERE id = $1 RETURNING active")
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(|(active,)| active))
}

pub(super) async fn grants(db: impl Run<'_>, staff: StaffId) -> Result<Vec<Grant>, Error> {
    db.sql("SELECT store, role FROM staff_grants WHERE staff = $1 ORDER BY store")
        .bind(staff)
        .fetch_all()
        .await
}

/// Inserts an account; answers `false` when its id or login is taken.
pub(super) async fn insert_account(tx: &mut Tx, account: &Account, now: Moment) -> Result<bool, Error> {
    let inserted = tx
        .sql(
            "INSERT INTO staff (id, login, password_hash, active, version, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(account.id)
        .bind(account.login.clone())
        .bind(account.password_hash.clone())
        .bind(account.active)
        .bind(account.version)
        .bind(now)
        .execute()
        .await?;
    Ok(inserted == 1)
}

/// Writes an account that is there; a taken login is a unique violation.
pub(super) async fn update_account(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    tx.sql("UPDATE staff SET login = $2, password_hash = $3, active = $4, version = $5 WHERE id = $1")
        .bind(account.id)
        .bind(account.login.clone())
        .bind(account.password_hash.clone())
        .bind(account.active)
        .bind(account.version)
        .execute()
        .await?;
    Ok(())
}

pub(super) async fn replace_grants(tx: &mut Tx, staff: StaffId, grants: &[Grant]) -> Result<(), Error> {
    tx.sql("DELETE FROM staff_grants WHERE staff = $1").bind(staff).execute().await?;
    for Grant { store, role } in grants {
        tx.sql("INSERT INTO staff_grants (staff, store, role) VALUES ($1, $2, $3)")
            .bind(staff)
            .bind(store.clone())
            .bind(*role)
            .execute()
            .await?;
    }
    Ok(())
}

pub(super) async fn end_sessions(tx: &mut Tx, staff: StaffId, now: Moment) -> Result<(), Error> {
    tx.sql("UPDATE sessions SET ended_at = $2, end_reason = 'account_changed' WHERE staff = $1 AND ended_at IS NULL")
        .bind(staff)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Makes a partner or changes it; answers whether it is new.
pub(super) async fn put_partner(
    tx: &mut Tx,
    id: PartnerId,
    name: &str,
    active: bool,
    now: Moment,
) -> Result<bool, Error> {
    let changed = tx
        .sql("UPDATE partners SET name = $2, active = $3 WHERE id = $1")
        .bind(id)
        .bind(name)
        .bind(active)
        .execute()
        .await?;
    if changed == 1 {
        return Ok(false);
    }
    tx.sql("INSERT INTO partners (id, name, active, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(name)
        .bind(active)
        .bind(now)
        .execute()
        .await?;
    Ok(true)
}

pub(super) async fn partner(db: impl Run<'_>, id: PartnerId) -> Result<Option<(String, bool)>, Error> {
    db.sql("SELECT name, active FROM partners WHERE id = $1").bind(id).fetch_optional().await
}

/// Locks a partner for the rest of the transaction; answers whether there is one.
pub(super) async fn lock_partner(tx: &mut Tx, id: PartnerId) -> Result<bool, Error> {
    Ok(tx.sql("UPDATE partners SET active = active WHERE id = $1").bind(id).execute().await? == 1)
}

/// A partner's key as it is stored.
#[derive(sqlx::FromRow)]
pub(crate) struct StoredPartnerKey {
    pub(crate) id: PartnerKeyId,
    pub(crate) partner: PartnerId,
    pub(crate) hash: Vec<u8>,
    pub(crate) scopes: Json<Vec<Scope>>,
    pub(crate) store: Option<StoreId>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}

pub(super) async fn partner_key(
    db: impl Run<'_>,
    id: PartnerKeyId,
) -> Result<Option<StoredPartnerKey>, Error> {
    db.sql("SELECT id, partner, hash, scopes, store, created_at, revoked_at FROM partner_keys WHERE id = $1")
        .bind(id)
        .fetch_optional()
        .await
}

/// A key that is not revoked, of a partner that is active.
pub(super) async fn live_partner_key(
    db: impl Run<'_>,
    id: PartnerKeyId,
) -> Result<Option<StoredPartnerKey>, Error> {
    db.sql(
        "SELECT partner_keys.id, partner, hash, scopes, store, partner_keys.created_at, revoked_at
         FROM partner_keys
         JOIN partners ON partners.id = partner_keys.partner
         WHERE partner_keys.id = $1 AND revoked_at IS NULL AND partners.active",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// The partner's keys that are not revoked, and its newest revoked ones.
pub(super) async fn partner_keys(
    db: impl Run<'_>,
    partner: PartnerId,
) -> Result<Vec<StoredPartnerKey>, Error> {
    db.sql(
        "SELECT id, partner, hash, scopes, store, created_at, revoked_at FROM partner_keys
         WHERE partner = $1
         ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id
         LIMIT $2",
    )
    .bind(partner)
    .bind(KEYS_MAX)
    .fetch_all()
    .await
}

pub(super) async fn count_live_keys(tx: &mut Tx, partner: PartnerId) -> Result<i64, Error> {
    let (count,) = tx
        .sql("SELECT COUNT(*) FROM partner_keys WHERE partner = $1 AND revoked_at IS NULL")
        .bind(partner)
        .fetch_one()
        .await?;
    Ok(count)
}

pub(super) async fn insert_partner_key(tx: &mut Tx, key: &StoredPartnerKey) -> Result<bool, Error> {
    let inserted = tx
        .sql(
            "INSERT INTO partner_keys (id, partner, hash, scopes, store, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(key.id)
        .bind(key.partner)
        .bind(key.hash.clone())
        .bind(key.scopes.clone())
        .bind(key.store.clone())
        .bind(key.created_at)
        .execute()
        .await?;
    Ok(inserted == 1)
}

/// Revokes a key of a partner; revoked twice it keeps its first time. Answers whether there is such a key.
pub(super) async fn revoke(
    db: &Db,
    partner: PartnerId,
    id: PartnerKeyId,
    now: Moment,
) -> Result<bool, Error> {
    let revoked = db
        .sql(
            "UPDATE partner_keys SET revoked_at = CASE WHEN revoked_at IS NULL THEN $3 ELSE revoked_at END
             WHERE id = $1 AND partner = $2",
        )
        .bind(id)
        .bind(partner)
        .bind(now)
        .execute()
        .await?;
    Ok(revoked == 1)
}

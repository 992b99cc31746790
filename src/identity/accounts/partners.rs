//! Partners and their keys: systems that exchange data with us, and gates.
//!
//! A key reads `aisle_<id without hyphens>_<secret>` and is sent as a Bearer token. It can be found by secret scanners through
//! its prefix, and by us through its id.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AccountError;
use super::store::{self, StoredPartnerKey};
use crate::app::App;
use crate::db::{self, Db, Run};
use crate::identity::callers::Partner;
use crate::identity::model::Scope;
use crate::identity::sessions;
use crate::ids::{PartnerId, PartnerKeyId, StoreId};

/// What every key begins with.
pub(in crate::identity) const KEY_PREFIX: &str = "aisle_";
const NAME_LENGTH_MAX: usize = 200;

/// A partner with its keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Partner)]
pub struct PartnerView {
    /// The partner.
    pub id: PartnerId,
    /// What people call it.
    pub name: String,
    /// Whether its keys may be used.
    pub active: bool,
    /// Its keys; those that are not revoked first.
    pub keys: Vec<PartnerKeyView>,
}

/// A partner's key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PartnerKey)]
pub struct PartnerKeyView {
    /// The key.
    pub id: PartnerKeyId,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The one store that it is for; all stores when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<StoredPartnerKey> for PartnerKeyView {
    fn from(key: StoredPartnerKey) -> Self {
        let StoredPartnerKey { id, scopes, store, created_at, revoked_at, .. } = key;
        Self { id, scopes: scopes.0, store, created_at, revoked_at }
    }
}

/// Makes a partner with one key; answers the partner and the key, which nobody can see again.
pub async fn create_partner_key(
    app: &App,
    name: &str,
    scopes: &[Scope],
    store: Option<StoreId>,
) -> Result<(PartnerId, SecretString), AccountError> {
    let partner = app.ids.next();
    put_partner(app, partner, name, true).await?;
    let (_, secret) = put_key(app, partner, app.ids.next(), scopes, store).await?;
    Ok((partner, secret.ok_or(AccountError::OtherKey)?))
}

/// Whether a partner may still be told anything: an admin has not closed it.
pub async fn is_partner_active(db: impl Run<'_>, id: PartnerId) -> Result<bool, db::Error> {
    Ok(store::partner(db, id).await?.is_some_and(|(_, active)| active))
}

/// Makes a partner or changes it; answers whether it is new.
pub async fn put_partner(app: &App, id: PartnerId, name: &str, active: bool) -> Result<bool, AccountError> {
    if !(1..=NAME_LENGTH_MAX).contains(&name.trim().chars().count()) || name.contains(char::is_control) {
        return Err(AccountError::Name);
    }
    let mut tx = app.db.begin().await?;
    let is_new = store::put_partner(&mut tx, id, name.trim(), active, app.clock.now()).await?;
    tx.commit().await?;
    app.identity.callers.forget_all();
    Ok(is_new)
}

/// A partner with its keys.
pub async fn find_partner(app: &App, id: PartnerId) -> Result<PartnerView, AccountError> {
    let mut tx = app.db.snapshot().await?;
    let (name, active) = store::partner(&mut tx, id).await?.ok_or(AccountError::Unknown)?;
    let keys = store::partner_keys(&mut tx, id).await?.into_iter().map(PartnerKeyView::from).collect();
    Ok(PartnerView { id, name, active, keys })
}

/// Makes a key of a partner; answers it, and its text when it is new. Asked again for the same key the text can't be told any
/// more: whoever lost it makes another key and revokes this one.
pub async fn put_key(
    app: &App,
    partner: PartnerId,
    id: PartnerKeyId,
    scopes: &[Scope],
    store: Option<StoreId>,
) -> Result<(PartnerKeyView, Option<SecretString>), AccountError> {
    let mut scopes = scopes.to_vec();
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(AccountError::Scopes);
    }
    let secret = sessions::new_secret(app);
    let created_at = app.clock.now();
    let (hash, scopes) = (sessions::hash(&secret), Json(scopes));
    let key = StoredPartnerKey { id, partner, hash, scopes, store, created_at, revoked_at: None };
    let mut tx = app.db.begin().await?;
    if !store::lock_partner(&mut tx, partner).await? {
        return Err(AccountError::Unknown);
    }
    let is_full = store::count_live_keys(&mut tx, partner).await? >= store::KEYS_MAX;
    if let Some(old) = store::partner_key(&mut tx, id).await? {
        let is_same = old.partner == partner && old.scopes == key.scopes && old.store == key.store;
        return if is_same { Ok((old.into(), None)) } else { Err(AccountError::OtherKey) };
    }
    if is_full {
        return Err(AccountError::Keys);
    }
    if !store::insert_partner_key(&mut tx, &key).await? {
        return Err(AccountError::OtherKey);
    }
    tx.commit().await?;
    let text = format!("{KEY_PREFIX}{}_{secret}", id.0.simple());
    Ok((key.into(), Some(text.into())))
}

/// Revokes a key. Here it stops at once; other instances may take it for as long as they remember callers.
pub async fn revoke_key(app: &App, partner: PartnerId, id: PartnerKeyId) -> Result<(), AccountError> {
    let known = store::revoke(&app.db, partner, id, app.clock.now()).await?;
    app.identity.callers.forget_all();
    if known { Ok(()) } else { Err(AccountError::Unknown) }
}

/// The partner whose live key this is.
pub(in crate::identity) async fn live_key(db: &Db, text: &str) -> Result<Option<Partner>, db::Error> {
    let parts = text.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split_once('_'));
    let Some((id, secret)) = parts else { return Ok(None) };
    // One text for one key: hyphens, braces and capitals are other texts.
    let Some(id) = Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id) else {
        return Ok(None);
    };
    let Some(key) = store::live_partner_key(db, PartnerKeyId(id)).await? else { return Ok(None) };
    if verify_slices_are_equal(&key.hash, &sessions::hash(secret)).is_err() {
        return Ok(None);
    }
    Ok(Some(Partner { id: key.partner, key: key.id, store: key.store, scopes: key.scopes.0.into() }))
}

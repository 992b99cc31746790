//! A partner says where and of what it wants to be told, and changes the secret that messages are signed with.

use chrono::Duration;
use secrecy::{ExposeSecret, SecretString};
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{self, AddressError, EventKind, SubscriptionState};
use super::store::{self, Subscription};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::{PartnerId, StoreId, SubscriptionId};

/// Subscriptions of one partner: a handful of systems in test and production. Every fact reads them all.
pub(super) const SUBSCRIPTIONS_MAX: usize = 20;
/// Stores that one subscription names; whoever wants more names none and gets all.
pub(super) const STORES_MAX: usize = 500;
/// How long a replaced secret stays good: time for a receiver to take over the new one.
pub(super) const SECRET_OVERLAP: Duration = Duration::hours(24);
/// Secrets that are good at once, and so signatures of one message: room for lost answers.
pub(super) const SECRETS_MAX: usize = 5;

/// The partner that calls, and the one store that its key is for, if it is for one.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) partner: PartnerId,
    pub(super) store: Option<StoreId>,
}

/// What a partner wants to be told, and where.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) url: String,
    pub(super) kinds: Vec<EventKind>,
    pub(super) stores: Vec<StoreId>,
}

/// Why a subscription is not put, found or changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such subscription")]
    Unknown,
    #[error("the id names a subscription that is not the caller's")]
    Taken,
    #[error("the subscription was changed meanwhile")]
    Stale,
    #[error("no kind of event is named")]
    NoKinds,
    #[error("too many stores are named")]
    TooManyStores,
    #[error("the key is for one store only")]
    OtherStore(StoreId),
    #[error("too many subscriptions")]
    TooMany,
    #[error("too many secrets are good at once")]
    TooManySecrets,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// A subscription after it was put.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) subscription: Subscription,
    /// The signing secret, when the subscription is new: it is never shown again.
    pub(super) secret: Option<SecretString>,
}

/// Makes the subscription, or makes an earlier one as wished and turns it on. Put twice alike, it changes nothing.
pub(super) async fn put(
    app: &App,
    caller: &Caller,
    id: SubscriptionId,
    wish: Wish,
    version: Option<i64>,
) -> Result<Put, Error> {
    let wish = check(app, caller, wish)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let new = Subscription {
        id,
        partner_id: caller.partner,
        url: wish.url,
        kinds: Json(wish.kinds),
        stores: Json(wish.stores),
        state: SubscriptionState::Active,
        version: 1,
        created_at: now,
        changed_at: now,
    };
    // Inserted before it is looked for: of two equal requests at once one is new and the other finds it.
    if version.is_none() && store::insert_subscription(&mut tx, &new).await? {
        if store::of_partner(&mut tx, caller.partner).await?.len() > SUBSCRIPTIONS_MAX {
            return Err(Error::TooMany);
        }
        let secret = add_secret(app, &mut tx, id, now).await?;
        tx.commit().await?;
        return Ok(Put { subscription: new, secret: Some(secret) });
    }
    let known = store::lock(&mut tx, id).await?.ok_or(Error::Unknown)?;
    if !is_own(caller, &known) {
        return Err(Error::Taken);
    }
    if version.is_some_and(|version| version != known.version) {
        return Err(Error::Stale);
    }
    if is_same(&known, &new) {
        return Ok(Put { subscription: known, secret: None });
    }
    let changed = Subscription { version: known.version + 1, created_at: known.created_at, ..new };
    store::update_subscription(&mut tx, &changed).await?;
    tx.commit().await?;
    Ok(Put { subscription: changed, secret: None })
}

fn is_same(known: &Subscription, wished: &Subscription) -> bool {
    known.url == wished.url
        && known.kinds.0 == wished.kinds.0
        && known.stores.0 == wished.stores.0
        && known.state == wished.state
}

/// The wish in its one form: kinds and stores sorted and without doubles, the address as a URL is written.
fn check(app: &App, caller: &Caller, mut wish: Wish) -> Result<Wish, Error> {
    wish.kinds.sort();
    wish.kinds.dedup();
    wish.stores.sort();
    wish.stores.dedup();
    if wish.kinds.is_empty() {
        return Err(Error::NoKinds);
    }
    if wish.stores.len() > STORES_MAX {
        return Err(Error::TooManyStores);
    }
    if let Some(store) = &caller.store {
        if wish.stores.is_empty() {
            wish.stores.push(store.clone());
        }
        if wish.stores.iter().any(|wished| wished != store) {
            return Err(Error::OtherStore(store.clone()));
        }
    }
    wish.url = model::address(&wish.url, app.config.exchange.allow_internal)?.into();
    Ok(wish)
}

/// The subscription, when it is the caller's.
pub(super) async fn own(app: &App, caller: &Caller, id: SubscriptionId) -> Result<Subscription, Error> {
    let found = store::find(&app.db, id).await?;
    found.filter(|subscription| is_own(caller, subscription)).ok_or(Error::Unknown)
}

/// As [`own`], and nobody else changes it until the transaction ends.
pub(super) async fn lock_own(
    tx: &mut Tx,
    caller: &Caller,
    id: SubscriptionId,
) -> Result<Subscription, Error> {
    let found = store::lock(tx, id).await?;
    found.filter(|subscription| is_own(caller, subscription)).ok_or(Error::Unknown)
}

/// A key for one store does not reach what the partner's other keys subscribed for other stores.
fn is_own(caller: &Caller, subscription: &Subscription) -> bool {
    let is_of_store = |store: &StoreId| subscription.stores.0 == std::slice::from_ref(store);
    subscription.partner_id == caller.partner && caller.store.as_ref().is_none_or(is_of_store)
}

/// The caller's subscriptions.
pub(super) async fn list(app: &App, caller: &Caller) -> Result<Vec<Subscription>, Error> {
    let mut subscriptions = store::of_partner(&app.db, caller.partner).await?;
    subscriptions.retain(|subscription| is_own(caller, subscription));
    Ok(subscriptions)
}

/// Ends a subscription; what waits for it is not sent any more. Twice is harmless.
pub(super) async fn remove(app: &App, caller: &Caller, id: SubscriptionId) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    match lock_own(&mut tx, caller, id).await {
        Ok(_) => store::delete_subscription(&mut tx, id).await?,
        Err(Error::Unknown) => return Ok(()),
        Err(error) => return Err(error),
    }
    Ok(tx.commit().await?)
}

/// A new secret, with the moment until which the ones before it stay good.
pub(super) async fn rotate(
    app: &App,
    caller: &Caller,
    id: SubscriptionId,
) -> Result<(SecretString, Moment), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    lock_own(&mut tx, caller, id).await?;
    if store::secrets(&mut tx, id, now).await?.len() >= SECRETS_MAX {
        return Err(Error::TooManySecrets);
    }
    let secret = add_secret(app, &mut tx, id, now).await?;
    tx.commit().await?;
    Ok((secret, now + SECRET_OVERLAP))
}

/// What a secret is sealed for: its own subscription and no other.
fn purpose(id: SubscriptionId) -> Vec<u8> {
    [b"aisle exchange secret ".as_slice(), id.0.as_bytes()].concat()
}

async fn add_secret(
    app: &App,
    tx: &mut Tx,
    id: SubscriptionId,
    now: Moment,
) -> Result<SecretString, db::Error> {
    let secret = model::new_secret(&app.random);
    let sealed = app.identity.seal(&app.random, &purpose(id), secret.expose_secret().as_bytes());
    let row: Uuid = app.ids.next();
    store::replace_secret(tx, row, id, &sealed, now, now + SECRET_OVERLAP).await?;
    Ok(secret)
}

/// The secrets that are good now, newest first.
pub(super) async fn secrets(
    app: &App,
    id: SubscriptionId,
    now: Moment,
) -> Result<Vec<SecretString>, Internal> {
    let sealed = store::secrets(&app.db, id, now).await?;
    let opened = sealed.iter().map(|sealed| {
        let opened = app.identity.unseal(&purpose(id), sealed)?;
        Ok(String::from_utf8(opened)?.into())
    });
    opened.collect()
}

//! The rows of subscriptions and their secrets.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::exchange::model::{EventKind, SubscriptionState};
use crate::ids::{PartnerId, StoreId, SubscriptionId};

/// A subscription as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::exchange) struct Subscription {
    pub(in crate::exchange) id: SubscriptionId,
    pub(in crate::exchange) partner_id: PartnerId,
    pub(in crate::exchange) url: String,
    pub(in crate::exchange) kinds: Json<Vec<EventKind>>,
    pub(in crate::exchange) stores: Json<Vec<StoreId>>,
    pub(in crate::exchange) state: SubscriptionState,
    pub(in crate::exchange) version: i64,
    pub(in crate::exchange) created_at: DateTime<Utc>,
    pub(in crate::exchange) changed_at: DateTime<Utc>,
}

/// Answers whether the subscription is new.
pub(in crate::exchange) async fn insert_subscription(
    tx: &mut Tx,
    subscription: &Subscription,
) -> Result<bool, Error> {
    let inserted = tx
        .sql(
            "INSERT INTO exchange_subscriptions
                 (id, partner_id, url, kinds, stores, state, version, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(subscription.id)
        .bind(subscription.partner_id)
        .bind(&subscription.url)
        .bind(&subscription.kinds)
        .bind(&subscription.stores)
        .bind(subscription.state)
        .bind(subscription.version)
        .bind(subscription.created_at)
        .bind(subscription.changed_at)
        .execute()
        .await?;
    Ok(inserted == 1)
}

pub(in crate::exchange) async fn update_subscription(
    tx: &mut Tx,
    subscription: &Subscription,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_subscriptions
         SET url = $2, kinds = $3, stores = $4, state = $5, version = $6, changed_at = $7
         WHERE id = $1",
    )
    .bind(subscription.id)
    .bind(&subscription.url)
    .bind(&subscription.kinds)
    .bind(&subscription.stores)
    .bind(subscription.state)
    .bind(subscription.version)
    .bind(subscription.changed_at)
    .execute()
    .await?;
    Ok(())
}

pub(in crate::exchange) async fn find(
    db: impl Run<'_>,
    id: SubscriptionId,
) -> Result<Option<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// As [`find`], and nobody else changes the subscription until the transaction ends.
pub(in crate::exchange) async fn lock(
    tx: &mut Tx,
    id: SubscriptionId,
) -> Result<Option<Subscription>, Error> {
    tx.sql(
        "UPDATE exchange_subscriptions SET version = version
         WHERE id = $1
         RETURNING id, partner_id, url, kinds, stores, state, version, created_at, changed_at",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Every subscription that is told of new events: a few systems a retailer, so all are read.
pub(in crate::exchange) async fn active(db: impl Run<'_>) -> Result<Vec<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE state = 'active'
         ORDER BY id",
    )
    .fetch_all()
    .await
}

/// The subscriptions of a partner, which are limited in number when they are put.
pub(in crate::exchange) async fn of_partner(
    db: impl Run<'_>,
    partner: PartnerId,
) -> Result<Vec<Subscription>, Error> {
    db.sql(
        "SELECT id, partner_id, url, kinds, stores, state, version, created_at, changed_at
         FROM exchange_subscriptions
         WHERE partner_id = $1
         ORDER BY id",
    )
    .bind(partner)
    .fetch_all()
    .await
}

/// Removes a subscription with its secrets and its log. Dispatches under way find nothing and end.
pub(in crate::exchange) async fn delete_subscription(tx: &mut Tx, id: SubscriptionId) -> Result<(), Error> {
    tx.sql("DELETE FROM exchange_dispatches WHERE subscription_id = $1").bind(id).execute().await?;
    tx.sql("DELETE FROM exchange_secrets WHERE subscription_id = $1").bind(id).execute().await?;
    tx.sql("DELETE FROM exchange_subscriptions WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Makes a secret the newest; those before it stay good until `until`.
pub(in crate::exchange) async fn replace_secret(
    tx: &mut Tx,
    id: Uuid,
    subscription: SubscriptionId,
    sealed: &[u8],
    now: Moment,
    until: Moment,
) -> Result<(), Error> {
    tx.sql("UPDATE exchange_secrets SET expires_at = $2 WHERE subscription_id = $1 AND expires_at IS NULL")
        .bind(subscription)
        .bind(until)
        .execute()
        .await?;
    tx.sql("DELETE FROM exchange_secrets WHERE subscription_id = $1 AND expires_at <= $2")
        .bind(subscription)
        .bind(now)
        .execute()
        .await?;
    tx.sql("INSERT INTO exchange_secrets (id, subscription_id, sealed_secret, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(subscription)
        .bind(sealed)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// The secrets that are good now, sealed, newest first; their number is limited when they are made.
pub(in crate::exchange) async fn secrets(
    db: impl Run<'_>,
    subscription: SubscriptionId,
    now: Moment,
) -> Result<Vec<Vec<u8>>, Error> {
    let rows: Vec<(Vec<u8>,)> = db
        .sql(
            "SELECT sealed_secret FROM exchange_secrets
             WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2)
             ORDER BY created_at DESC, id DESC",
        )
        .bind(subscription)
        .bind(now)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(sealed,)| sealed).collect())
}

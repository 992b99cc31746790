//! Rows of linked accounts. What is secret comes and goes sealed.

use crate::clock::Moment;
use crate::db::{Error, Run};
use crate::ids::{MethodId, ShopperId};
use crate::money::Currency;
use crate::payments::model::{MethodState, ProviderName};

/// Most accounts that one answer lists: far more than a person links.
const LISTED_MAX: i64 = 50;

/// A linked account, without anything secret.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Method {
    /// Which account.
    pub id: MethodId,
    /// Whose it is.
    pub shopper: ShopperId,
    /// At which provider.
    pub provider: ProviderName,
    /// How far the link is.
    pub state: MethodState,
    /// What the shopper recognises it by, masked.
    pub label: Option<String>,
    /// Where the page after the approval leads back to.
    pub return_url: Option<String>,
    /// Where the shopper approves the link, while it is being made.
    pub approve_url: Option<String>,
    /// Where the shopper buys: the country, by two letters; nothing when the provider's settings say it.
    pub country: Option<String>,
    /// What the shopper pays in; nothing when the provider's settings say it.
    pub currency: Option<Currency>,
    /// The shopper's language and region; nothing when the provider's settings say it.
    pub locale: Option<String>,
    /// Whether it is linked with its first purchase.
    pub with_purchase: bool,
    /// When it was asked for.
    pub created_at: Moment,
}

impl Method {
    /// Whether a purchase may be debited from it: it is linked, or will be with the purchase.
    pub fn may_debit(&self) -> bool {
        self.state == MethodState::Active || (self.state == MethodState::Linking && self.with_purchase)
    }
}

/// What only providers may see of a linked account, sealed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SealedSecrets {
    /// Lets the provider's redirect come in once.
    pub return_secret: Option<String>,
    /// The provider's name of the link while it waits for the approval.
    pub setup_token: Option<String>,
    /// The provider's name of the link.
    pub provider_token: Option<String>,
}

/// The provider's names of a finished link, sealed.
#[derive(Clone, Debug)]
pub struct SealedLink {
    /// The name of the link.
    pub token: String,
    /// What finds the account by that name.
    pub mark: String,
    /// The name of the customer.
    pub customer: Option<String>,
}

/// A linked account.
pub async fn find(db: impl Run<'_>, id: MethodId) -> Result<Option<Method>, Error> {
    db.sql(
        "SELECT id, shopper, provider, state, label, return_url, approve_url, country, currency, locale,
             with_purchase, created_at
         FROM payment_methods
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Takes an account for this transaction: a debit that begins and a link that ends wait here for each other.
pub async fn lock(tx: &mut crate::db::Tx, id: MethodId) -> Result<Option<Method>, Error> {
    tx.sql("UPDATE payment_methods SET changed_at = changed_at WHERE id = $1").bind(id).execute().await?;
    find(tx, id).await
}

/// The accounts that a shopper linked and did not remove, newest first.
pub async fn list(db: impl Run<'_>, shopper: ShopperId) -> Result<Vec<Method>, Error> {
    db.sql(
        "SELECT id, shopper, provider, state, label, return_url, approve_url, country, currency, locale,
             with_purchase, created_at
         FROM payment_methods
         WHERE shopper = $1 AND state <> 'unlinked'
         ORDER BY created_at DESC, id DESC
         LIMIT $2",
    )
    .bind(shopper)
    .bind(LISTED_MAX)
    .fetch_all()
    .await
}

/// How far the accounts of a shopper are.
pub async fn states(db: impl Run<'_>, shopper: ShopperId) -> Result<Vec<MethodState>, Error> {
    let rows: Vec<(MethodState,)> = db
        .sql("SELECT DISTINCT state FROM payment_methods WHERE shopper = $1")
        .bind(shopper)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(state,)| state).collect())
}

/// What only providers may see of an account.
pub async fn secrets(db: impl Run<'_>, id: MethodId) -> Result<Option<SealedSecrets>, Error> {
    db.sql("SELECT return_secret, setup_token, provider_token FROM payment_methods WHERE id = $1")
        .bind(id)
        .fetch_optional()
        .await
}

/// Writes a new link; answers whether the name was free.
pub async fn insert(
    db: impl Run<'_>,
    now: Moment,
    method: &Method,
    return_secret: &str,
) -> Result<bool, Error> {
    let rows = db
        .sql(
            "INSERT INTO payment_methods
                 (id, shopper, provider, state, return_url, return_secret, country, currency, locale, with_purchase,
                  created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(method.id)
        .bind(method.shopper)
        .bind(method.provider)
        .bind(method.state)
        .bind(method.return_url.as_deref())
        .bind(return_secret)
        .bind(method.country.as_deref())
        .bind(method.currency)
        .bind(method.locale.as_deref())
        .bind(method.with_purchase)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Notes that the provider began the link, unless it was given up meanwhile.
pub async fn set_begun(
    db: impl Run<'_>,
    now: Moment,
    id: MethodId,
    setup_token: &str,
    approve_url: &str,
) -> Result<bool, Error> {
    let rows = db
        .sql(
            "UPDATE payment_methods SET setup_token = $2, approve_url = $3, changed_at = $4
             WHERE id = $1 AND state = 'linking'",
        )
        .bind(id)
        .bind(setup_token)
        .bind(approve_url)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Notes the provider's name of the finished link; a link that was removed meanwhile stays removed, and answers false.
pub async fn set_linked(
    tx: &mut crate::db::Tx,
    now: Moment,
    id: MethodId,
    link: &SealedLink,
    label: Option<&str>,
) -> Result<bool, Error> {
    tx.sql(
        "UPDATE payment_methods SET
             provider_token = $2, provider_token_mark = $3, provider_customer = $4, label = $5,
             setup_token = NULL, approve_url = NULL, return_secret = NULL, asked_at = $6, changed_at = $6
         WHERE id = $1",
    )
    .bind(id)
    .bind(link.token.as_str())
    .bind(link.mark.as_str())
    .bind(link.customer.as_deref())
    .bind(label)
    .bind(now)
    .execute()
    .await?;
    set_state(tx, now, id, MethodState::Linking, MethodState::Active).await
}

/// Moves an account from one state to another; answers whether it was there.
pub async fn set_state(
    db: impl Run<'_>,
    now: Moment,
    id: MethodId,
    from: MethodState,
    to: MethodState,
) -> Result<bool, Error> {
    let rows = db
        .sql("UPDATE payment_methods SET state = $3, changed_at = $4 WHERE id = $1 AND state = $2")
        .bind(id)
        .bind(from)
        .bind(to)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Removes an account for its shopper; answers whether it was theirs and not removed before.
pub async fn unlink(db: impl Run<'_>, now: Moment, id: MethodId, shopper: ShopperId) -> Result<bool, Error> {
    let rows = db
        .sql(
            "UPDATE payment_methods SET state = 'unlinked', approve_url = NULL, return_secret = NULL, changed_at = $3
             WHERE id = $1 AND shopper = $2 AND state <> 'unlinked'",
        )
        .bind(id)
        .bind(shopper)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Forgets the provider's names of a link that ended at the provider.
pub async fn forget(db: impl Run<'_>, now: Moment, id: MethodId) -> Result<(), Error> {
    db.sql(
        "UPDATE payment_methods SET
             provider_token = NULL, provider_token_mark = NULL, provider_customer = NULL, setup_token = NULL,
             changed_at = $2
         WHERE id = $1",
    )
    .bind(id)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Uses up the one-time secret of the return page.
pub async fn use_secret(db: impl Run<'_>, now: Moment, id: MethodId) -> Result<(), Error> {
    db.sql("UPDATE payment_methods SET return_secret = NULL, changed_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// When the provider was asked last about what waits.
pub async fn looked_at(db: impl Run<'_>, id: MethodId) -> Result<Option<Moment>, Error> {
    let row: Option<(Option<Moment>,)> =
        db.sql("SELECT looked_at FROM payment_methods WHERE id = $1").bind(id).fetch_optional().await?;
    Ok(row.and_then(|(at,)| at))
}

/// Notes when the provider was asked about what waits.
pub async fn set_looked_at(db: impl Run<'_>, id: MethodId, at: Moment) -> Result<(), Error> {
    db.sql("UPDATE payment_methods SET looked_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// Active accounts whose link nobody asked after since `before`, the longest ago first; of one shopper, or of all.
pub async fn unasked(
    db: impl Run<'_>,
    shopper: Option<ShopperId>,
    before: Moment,
    limit: i64,
) -> Result<Vec<MethodId>, Error> {
    let rows: Vec<(MethodId,)> = match shopper {
        Some(shopper) => {
            db.sql(
                "SELECT id FROM payment_methods
                 WHERE shopper = $1 AND state = 'active' AND asked_at < $2
                 ORDER BY asked_at, id
                 LIMIT $3",
            )
            .bind(shopper)
            .bind(before)
            .bind(limit)
            .fetch_all()
            .await?
        }
        None => {
            db.sql(
                "SELECT id FROM payment_methods
                 WHERE state = 'active' AND asked_at < $1
                 ORDER BY asked_at, id
                 LIMIT $2",
            )
            .bind(before)
            .bind(limit)
            .fetch_all()
            .await?
        }
    };
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes that the provider was asked whether a link still lives.
pub async fn set_asked(db: impl Run<'_>, now: Moment, id: MethodId) -> Result<(), Error> {
    db.sql("UPDATE payment_methods SET asked_at = $2 WHERE id = $1").bind(id).bind(now).execute().await?;
    Ok(())
}

/// The account whose link has this mark.
pub async fn by_mark(
    db: impl Run<'_>,
    provider: ProviderName,
    mark: &str,
) -> Result<Option<MethodId>, Error> {
    let row: Option<(MethodId,)> = db
        .sql("SELECT id FROM payment_methods WHERE provider = $1 AND provider_token_mark = $2")
        .bind(provider)
        .bind(mark)
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

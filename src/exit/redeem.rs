//! Opens a gate for a pass: once an order, however many gates ask.

use chrono::{DateTime, Utc};

use super::model::{AUDIENCE, Claims, TYPE};
use super::store;
use crate::app::App;
use crate::checkout;
use crate::db;
use crate::identity::{KeyError, TokenError};
use crate::ids::StoreId;

/// Why the gate stays shut.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the pass is not ours, or is damaged")]
    Invalid,
    #[error("the pass is for another store")]
    OtherStore(StoreId),
    #[error("the pass is expired")]
    Expired,
    #[error("a newer pass replaced this one")]
    Replaced,
    #[error("the order opened a gate already")]
    Used(DateTime<Utc>),
    #[error("the order was cancelled, or is not paid any more")]
    Withdrawn,
    #[error(transparent)]
    Keys(KeyError),
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(_) => Self::Invalid,
            TokenError::Expired => Self::Expired,
            TokenError::Keys(error) => Self::Keys(error),
        }
    }
}

/// A gate that opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) claims: Claims,
    pub(super) at: DateTime<Utc>,
}

/// Checks a pass at a gate of `store` and spends it; `by` is whoever asks, for the record.
pub(super) async fn redeem(app: &App, token: &str, store: &StoreId, by: &str) -> Result<Opened, Error> {
    let now = app.clock.now();
    let claims: Claims = app.identity.verify(TYPE, AUDIENCE, token, now).await?;
    // Stricter than other tokens: we made the time in it, so no leeway for clocks is due.
    if claims.is_expired(now) {
        return Err(Error::Expired);
    }
    if claims.store != *store {
        return Err(Error::OtherStore(claims.store));
    }
    let mut tx = app.db.begin().await?;
    // Spent first, which locks the row: of two gates at once the second waits here and then finds the pass spent. What
    // is refused below rolls back.
    let opened = store::open(&mut tx, claims.order, claims.jti, now, by).await?;
    let standing = store::standing(&mut tx, claims.order).await?.ok_or(Error::Invalid)?;
    if !opened {
        return Err(standing.opened_at.map_or(Error::Replaced, Error::Used));
    }
    let facts = checkout::exit_facts(&mut tx, standing.shopper_id, claims.order).await?;
    if !facts.is_some_and(|facts| facts.paid && !facts.cancelled) {
        return Err(Error::Withdrawn);
    }
    tx.commit().await?;
    Ok(Opened { claims, at: now })
}

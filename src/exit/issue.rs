//! Makes the pass of a paid order; a new one replaces the one before it.

use chrono::{DateTime, Utc};

use super::model::{AUDIENCE, Claims, LIFETIME, TYPE};
use super::store::{self, New};
use crate::app::App;
use crate::checkout::{self, ExitFacts};
use crate::db;
use crate::identity::SignError;
use crate::ids::{OrderId, PassId, ShopperId};

/// Why there is no pass.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such order of the shopper")]
    UnknownOrder,
    #[error("the order is cancelled")]
    Cancelled,
    #[error("not everything that is taken along is paid")]
    NotPaid,
    #[error("the order opened a gate already")]
    Used(DateTime<Utc>),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A pass and what it is for.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) token: String,
    pub(super) facts: ExitFacts,
    pub(super) expires_at: DateTime<Utc>,
}

/// A new pass for an order of the shopper; also for one of which everything is delivered, to leave with empty hands.
pub(super) async fn issue(app: &App, shopper: ShopperId, order: OrderId) -> Result<Pass, Error> {
    let now = app.clock.now();
    let expires_at = now + LIFETIME;
    let pass: PassId = app.ids.next();
    let mut tx = app.db.begin().await?;
    let facts = checkout::exit_facts(&mut tx, shopper, order).await?.ok_or(Error::UnknownOrder)?;
    may_leave(&facts)?;
    let new = New { order, pass, shopper, store: &facts.store, issued_at: now, expires_at };
    if !store::replace(&mut tx, &new).await? {
        let standing = store::standing(&mut tx, order).await?;
        return Err(Error::Used(standing.and_then(|standing| standing.opened_at).unwrap_or(now)));
    }
    tx.commit().await?;
    let claims = Claims {
        iss: app.identity.issuer().to_owned(),
        aud: AUDIENCE.to_owned(),
        jti: pass,
        order,
        store: facts.store.clone(),
        pieces: facts.pieces,
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
    };
    let token = app.identity.sign(app, TYPE, &claims).await?;
    Ok(Pass { token, facts, expires_at })
}

fn may_leave(facts: &ExitFacts) -> Result<(), Error> {
    match facts {
        ExitFacts { cancelled: true, .. } => Err(Error::Cancelled),
        ExitFacts { paid: false, .. } => Err(Error::NotPaid),
        _ => Ok(()),
    }
}

//! Callers as arguments: a handler that takes [`Shopper`], [`Staff`], [`Partner`] or [`Caller`] has been authenticated.
//!
//! A token that was checked is remembered by its hash, so that the hot path verifies no signature and asks no database. It is
//! looked at again after a while: an ended session, a closed account or a revoked key stops at once on the instance that
//! wrote it, and on the others after [`SESSION_RECHECK`] or [`GRANT_RECHECK`].

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Duration};
use quick_cache::sync::Cache;

use super::accounts;
use super::model::{Grant, Role, Scope, Stores};
use super::store::{self, Holder};
use super::token::{
    ACCESS_TYPE, Access, SHOPPER_AUDIENCE, STAFF_AUDIENCE, TOKEN_BYTES_MAX, TokenError, claimed_issuer,
};
use crate::app::App;
use crate::clock::Moment;
use crate::error::Problem;
use crate::ids::{PartnerId, PartnerKeyId, ShopperId, StaffId, StoreId};

/// After this time a shopper's session is looked up again.
pub const SESSION_RECHECK: Duration = Duration::seconds(60);
/// After this time grants of staff and keys of partners are looked up again.
pub const GRANT_RECHECK: Duration = Duration::seconds(30);
/// Callers remembered at once: about 10 MB, more than one instance serves at a time.
const REMEMBERED_MAX: usize = 50_000;

/// Somebody who buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shopper {
    /// Who.
    pub id: ShopperId,
}

/// Somebody who works for the retailer.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Who.
    pub id: StaffId,
    pub(super) grants: Arc<[Grant]>,
}

/// A system that exchanges data with us, or a gate.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Who.
    pub id: PartnerId,
    /// By which of its keys.
    pub key: PartnerKeyId,
    /// The one store that the key is for; all stores when empty.
    pub store: Option<StoreId>,
    pub(super) scopes: Arc<[Scope]>,
}

/// Anybody who is known.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A shopper.
    Shopper(Shopper),
    /// A staff member.
    Staff(Staff),
    /// A partner.
    Partner(Partner),
}

impl Staff {
    /// Whether they have at least this role in all of these stores.
    pub fn may_in(&self, role: Role, stores: &Stores) -> bool {
        self.grants.iter().any(|grant| grant.gives(role, stores))
    }

    /// Makes sure of at least this role in this store.
    pub fn must(&self, role: Role, store: &StoreId) -> Result<(), Problem> {
        let may = self.grants.iter().any(|grant| grant.role >= role && grant.store.include(store));
        if may { Ok(()) } else { Err(lacks_role(role, "this store")) }
    }

    /// Makes sure of at least this role in all stores.
    pub fn must_everywhere(&self, role: Role) -> Result<(), Problem> {
        if self.may_in(role, &Stores::All) { Ok(()) } else { Err(lacks_role(role, "all stores")) }
    }
}

fn lacks_role(role: Role, place: &str) -> Problem {
    Problem::forbidden("role_missing", format!("This needs the role {role} in {place}; ask an admin for it."))
}

impl Partner {
    /// Makes sure that the key may be used for this.
    pub fn must(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Problem::forbidden("scope_missing", format!("This needs a key with the scope {scope}.")))
    }

    /// Makes sure that the key may be used for this in this store.
    pub fn must_in(&self, scope: Scope, store: &StoreId) -> Result<(), Problem> {
        self.must(scope)?;
        if self.store.as_ref().is_none_or(|own| own == store) {
            return Ok(());
        }
        Err(Problem::forbidden("other_store", "The key is for another store."))
    }
}

/// The callers that were checked lately.
pub(super) struct Callers(Cache<[u8; 32], Known>);

#[derive(Clone)]
struct Known {
    caller: Caller,
    until: Moment,
}

impl Callers {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }

    /// Looks at everybody again: something ended. Rare beside requests, so nothing finer is kept.
    pub(super) fn forget_all(&self) {
        self.0.clear();
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
        let now = app.clock.now();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let cache = &app.identity.callers.0;
        if let Some(known) = cache.get(&hash)
            && now < known.until
        {
            return Ok(known.caller);
        }
        let known = authenticate(app, token, now).await?;
        cache.insert(hash, known.clone());
        Ok(known.caller)
    }
}

macro_rules! caller {
    ($name:ident, $who:literal) => {
        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                match Caller::from_request_parts(parts, app).await? {
                    Caller::$name(caller) => Ok(caller),
                    _ => Err(Problem::forbidden("other_caller", concat!("This route is for ", $who, "."))),
                }
            }
        }
    };
}

caller!(Shopper, "shoppers; send a shopper's access token");
caller!(Staff, "staff; send an access token from POST /v1/auth/staff");
caller!(Partner, "partners; send a partner's key");

/// The one token of the one `Authorization` header (RFC 6750). Tokens in addresses or bodies are not looked for.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthenticated("Send one header Authorization: Bearer with a token or a key."));
    };
    let parts = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token =
        parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.filter(|token| (1..=TOKEN_BYTES_MAX).contains(&token.len())).ok_or_else(refused)
}

fn refused() -> Problem {
    Problem::unauthenticated("The token is not valid, or not any more. Refresh it, or sign in again.")
}

async fn authenticate(app: &App, token: &str, now: Moment) -> Result<Known, Problem> {
    let caller = if token.starts_with(accounts::KEY_PREFIX) {
        accounts::live_key(&app.db, token)
            .await?
            .map(|partner| (Caller::Partner(partner), now + GRANT_RECHECK))
    } else if let Some(oidc) = app.identity.oidc_of(claimed_issuer(token).as_deref()) {
        let (shopper, expires_at) = oidc.shopper(app, token, now).await?;
        Some((Caller::Shopper(shopper), expires_at))
    } else {
        signed_in(app, token, now).await?
    };
    caller.map(|(caller, until)| Known { caller, until }).ok_or_else(refused)
}

/// The caller of an access token of ours, if the session lives; and until when that need not be looked at again.
async fn signed_in(app: &App, token: &str, now: Moment) -> Result<Option<(Caller, Moment)>, Problem> {
    let audiences = [SHOPPER_AUDIENCE, STAFF_AUDIENCE];
    let access: Access = app.identity.verify_any(ACCESS_TYPE, &audiences, token, now).await?;
    let expires_at = DateTime::from_timestamp(access.exp, 0).unwrap_or(now);
    if access.aud == STAFF_AUDIENCE {
        let id = StaffId(access.sub);
        let grants = accounts::live_grants(&app.db, id, access.sid).await?;
        let staff = grants.map(|grants| Caller::Staff(Staff { id, grants: grants.into() }));
        return Ok(staff.map(|caller| (caller, expires_at.min(now + GRANT_RECHECK))));
    }
    let id = ShopperId(access.sub);
    let is_live = store::is_live(&app.db, access.sid, Holder::Shopper(id)).await?;
    Ok(is_live.then(|| (Caller::Shopper(Shopper { id }), expires_at.min(now + SESSION_RECHECK))))
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(reason) => {
                tracing::debug!("token refused: {reason}");
                refused()
            }
            TokenError::Expired => {
                tracing::debug!("token refused: expired");
                refused()
            }
            TokenError::Keys(error) => Self::internal(error),
        }
    }
}
